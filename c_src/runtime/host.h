/* Our node's full name: what follows the @ when the user gave none. */
#ifndef RUNTIME_HOST_H
#define RUNTIME_HOST_H

#include <stdbool.h>

enum { HOST_NODE_NAME_MAX = 256 * 4 }; /* bytes of a full name, NUL included */

/* Writes alive@host for name, which is alive or alive@host. long_name: as erl's -name, else as its -sname:
 * a short name's host is the machine's up to the first dot, and a given one has no dot; a long name's is the
 * fully qualified one. alive: letters, digits, '_' and '-', at most 63. May ask the resolver and so block:
 * call before the loop runs. Errors: ERR_BADARG (not such a name), ERR_NOT_FOUND (the machine has no such
 * name), negative errno.
 */
int host_node_name(const char *name, bool long_name, char node[HOST_NODE_NAME_MAX]);

#endif
