/* When to rest before the sockets are read again.
 *
 * A BEAM writes every frame by itself. A node that is quicker than its clients would be woken for each of
 * them, and nearly all that a call then costs is system calls; if it rests for a moment after it has
 * answered, the next read brings the requests of many callers. That is only right while many callers wait at
 * the same time: a rest makes one, two or four of them slower, since none of these sends anything meanwhile.
 *
 * So the callers of the last PACING_WINDOW requests are counted, by a hash of their pids, and how long these
 * requests took to come. Knows no clock and no sockets.
 */
#ifndef RUNTIME_PACING_H
#define RUNTIME_PACING_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PACING_WINDOW = 64,           /* requests */
    PACING_WINDOW_NS = 4000000,   /* in which they have come, or the node is not loaded */
    PACING_CALLERS_MIN = 10,      /* of them; 8 never are that many */
    PACING_TURN_ENOUGH = 256,     /* requests of one turn, which need no more company: no rest after it */
    PACING_REST_REQUESTS_MIN = 3, /* what a turn after a rest brings at least, or the rest was for nothing */
};

/* All zero: nothing has come yet. */
struct pacing {
    uint64_t callers;  /* of this window: bit hash(pid) */
    uint64_t since_ns; /* when this window began */
    uint32_t requests; /* of this window */
    uint32_t turn;     /* requests of this turn of the loop */
    bool loaded;       /* as the last whole window had it */
    bool rested;       /* before this turn */
};

/* A message has come. from: its sender, a pid as a term; empty: nobody who may wait for an answer. */
void pacing_request(struct pacing *pacing, struct slice from);

/* The loop has done everything of this turn. True: rest, then read again. now_ns: any monotonic clock; asked
 * for only if a message has come since the last turn. */
bool pacing_turn(struct pacing *pacing, uint64_t (*now_ns)(void));

#endif
