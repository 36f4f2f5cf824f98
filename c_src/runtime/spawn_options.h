/* The options of a spawn request, as erlang:spawn_opt/4 takes them. Only link and monitor mean something to a
 * process of this node; the others are checked and have no effect.
 */
#ifndef RUNTIME_SPAWN_OPTIONS_H
#define RUNTIME_SPAWN_OPTIONS_H

#include "base/slice.h"

#include <stdbool.h>

struct spawn_options {
    bool link;    /* link the new process to the one that asked */
    bool monitor; /* monitor it by the one that asked, with the request's reference */
};

/* term: a proper list. False: an option that a BEAM answers badopt. */
bool spawn_options_read(struct slice term, struct spawn_options *options);

#endif
