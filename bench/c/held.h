/* The monitors that the processes of one node hold on ours: an open addressing table of their references. */
#ifndef HELD_H
#define HELD_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct held_monitor; /* an entry, 32 bytes */

struct held {
    struct held_monitor *entries; /* NULL until the first is added */
    size_t room;                  /* how many there are, a power of two; more than half is never in use */
    size_t count;                 /* in use */
};

#define HELD_EMPTY ((struct held){0})

void held_release(struct held *held);

/* ref: a NEWER_REFERENCE_EXT of 1 to 5 words, not looked at but for them: all are of one node. watcher,
 * watched: a NEW_PID_EXT, or a name for watched. Nothing happens if it is held already. */
void held_add(struct held *held, struct slice ref, struct slice watcher, struct slice watched);

/* False if it is not held. */
bool held_remove(struct held *held, struct slice ref);

#endif
