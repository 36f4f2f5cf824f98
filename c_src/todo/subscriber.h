/* One who is told of a list's changes (todo/subscribers.h): what it is sent, and what waits for its answer.
 */
#ifndef TODO_SUBSCRIBER_H
#define TODO_SUBSCRIBER_H

#include "base/buf.h"
#include "runtime/gen_call.h"

#include <stdbool.h>
#include <stdint.h>

struct blob;
struct subscribers;
struct waiting;

enum {
    SUBSCRIBER_EVENTS_MAX = 10000,  /* that wait for the answer to an event */
    SUBSCRIBER_SIZE_MAX = 64 << 20, /* bytes of them */
};

struct subscriber {
    struct subscriber *prev; /* in subscribers */
    struct subscriber *next;
    struct subscribers *subscribers;
    struct gen_server *list;
    struct buf pid;                  /* canonical */
    uint32_t monitor[REF_WORDS_MAX]; /* words of the monitor's reference */
    uint32_t ack_ms;                 /* each event is a call with that timeout; 0: a message */
    uint64_t since;                  /* Seq at which it subscribed */
    uint64_t told;                   /* Seq of the last event that was sent, or answered if it was a call */
    bool calling;                    /* call is under way */
    struct gen_call call;
    uint64_t call_seq;       /* of the event in call */
    struct waiting *waiting; /* utlist */
    uint32_t waiting_count;
    size_t waiting_size; /* bytes of their changes */
};

/* Who has subscribed at seq is monitored by the list and stands in subscribers. pid: a canonical pid, moved.
 */
struct subscriber *subscriber_new(struct subscribers *subscribers, struct gen_server *list, struct buf *pid,
                                  uint64_t seq);

/* In that way from now on. What waits for an answer that is not needed any more is sent. */
void subscriber_set_ack(struct subscriber *subscriber, uint32_t ack_ms);

/* change: {Tag, Value}. It may be too much for it: then subscriber is freed. */
void subscriber_tell(struct subscriber *subscriber, uint64_t seq, struct blob *change);

/* It has ended with that reason, or cannot be reached: is freed. */
void subscriber_down(struct subscriber *subscriber, struct slice reason);

/* Not monitored and not told any more; freed. */
void subscriber_drop(struct subscriber *subscriber);

/* The same where the list has ended, which has ended its monitors and calls. */
void subscriber_free(struct subscriber *subscriber);

#endif
