/* A gen_server as the caller of another: GenServer.call that does not block (gen:call of OTP's stdlib). */
#ifndef RUNTIME_GEN_CALL_H
#define RUNTIME_GEN_CALL_H

#include "base/table.h"
#include "runtime/gen_server.h"

struct timer;

enum gen_call_outcome {
    GEN_CALL_ANSWERED, /* term: the answer */
    GEN_CALL_DOWN,   /* term: why there will be none: noproc, noconnection, or what the process ended with */
    GEN_CALL_TIMEOUT /* term: empty */
};

/* One call; embedded in the caller's record, which must live until done, gen_call_cancel or the caller's
 * release (of gen_server_type). */
struct gen_call {
    struct table_link link; /* gen_call's, as all but done: in node->calls */
    struct gen_call *prev;  /* in its caller's ties */
    struct gen_call *next;
    /* As code of the caller. The call is over: its record may be freed or used for the next one. */
    void (*done)(struct gen_call *call, enum gen_call_outcome outcome, struct slice term);
    struct gen_server *caller;
    uint32_t word[REF_WORDS_MAX]; /* of the reference that is both monitor and alias */
    struct timer *timer;
};

/* Opens {'$gen_call', From, Request} to a pid, {Name, Node} or a name of this node: append the request to the
 * buffer returned and call gen_call_end, with no other send in between. done is set; it comes later in any
 * case. An answer that comes after the timeout vanishes; a DOWN of the call that was in the mailbox already
 * when it was over may still reach handle_info. */
struct buf *gen_call_begin(struct gen_server *self, struct gen_call *call, struct slice to,
                           uint32_t timeout_ms);
void gen_call_end(struct gen_server *self);

/* done will not come, nor an answer. Precondition: it is not over. */
void gen_call_cancel(struct gen_call *call);

/* For node.c: node->calls. */
void gen_calls_init(struct table *calls);

/* For gen_server.c: true if message belongs to a call that self has made, and was acted on. */
bool gen_call_receive(struct gen_server *self, struct slice message);
/* The server ends: forgets its calls, without a word. */
void gen_calls_forget(struct gen_server *self);

#endif
