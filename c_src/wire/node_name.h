/* What a full node name looks like: alive@host. */
#ifndef WIRE_NODE_NAME_H
#define WIRE_NODE_NAME_H

#include "base/slice.h"

#include <stdbool.h>

/* True for exactly one '@' with something on both sides, all of it UTF-8 of at most 255 characters (a node
 * name is an atom) without spaces and control characters (it goes to logs, and ends at a NUL). */
bool node_name_ok(struct slice name);

/* The same for the part behind the '@'. */
bool node_host_ok(struct slice host);

#endif
