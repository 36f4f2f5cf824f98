/* Who is told of a list's changes (docs/protocol.md, "Subscribing").
 *
 * Each change has a number, Seq, one more than the one before it. A subscriber is monitored, and is told
 * {todo_event, ListPid, Seq, Change} for every durable change behind the one at which it subscribed: by plain
 * messages, or one by one by calls that it has to answer, the next ones wait meanwhile.
 */
#ifndef TODO_SUBSCRIBERS_H
#define TODO_SUBSCRIBERS_H

#include "runtime/gen_server.h"

#include <stdbool.h>
#include <stdint.h>

enum { SUBSCRIBERS_MAX = 1024 };

struct subscriber;

/* Of one list; zeroed: none. */
struct subscribers {
    struct subscriber *first; /* utlist */
};

static inline bool subscribers_any(const struct subscribers *subscribers)
{
    return subscribers->first != NULL;
}

/* Cost: their number. */
unsigned subscribers_count(const struct subscribers *subscribers);

/* pid is told of every change behind seq. ack_ms: 0: by messages; else by calls with that timeout. Who is a
 * subscriber already stays one, and is told in this way from now on.
 * Errors: ERR_BADARG (no pid), ERR_SYSTEM_LIMIT. */
int subscribers_add(struct subscribers *subscribers, struct gen_server *list, struct slice pid, uint64_t seq,
                    uint32_t ack_ms);

/* It is told nothing more; nothing to do if it is no subscriber. Errors: ERR_BADARG (no pid). */
int subscribers_remove(struct subscribers *subscribers, struct slice pid);

/* True if message is a DOWN of the list's monitors: that subscriber, if it still is one, is none any more. */
bool subscribers_down(struct subscribers *subscribers, const struct gen_server *list, struct slice message);

/* A change is durable: change is what todo/list_change wrote, seq the number of its first event. */
void subscribers_tell(struct subscribers *subscribers, uint64_t seq, struct slice change);

/* The list ends: they are forgotten without a word. */
void subscribers_release(struct subscribers *subscribers);

#endif
