/* Ends children one after the other, last started first, each as its specification says: exit signal shutdown
 * and after its time kill, or kill at once. Takes as long as it takes; while it goes on the supervisor reads
 * nothing but exit messages of those children, all others stay in its mailbox (OTP's supervisor does the same
 * with a selective receive). Private to the supervisor.
 */
#ifndef RUNTIME_SUPERVISOR_ENDING_H
#define RUNTIME_SUPERVISOR_ENDING_H

#include "runtime/process.h"

struct supervisor;

struct ending {
    unsigned first;      /* lowest place to be ended */
    unsigned left;       /* places from here on are done; left - 1 is being ended */
    struct timer *timer; /* when it is killed; NULL: it has no limit, or is killed already */
    void (*done)(struct supervisor *self); /* what comes then; NULL: nothing is being ended */
};

/* Ends the children at places first..end-1. True: none of them runs, it is done and done will not be called.
 * Precondition: nothing is being ended. */
bool ending_begin(struct supervisor *self, unsigned first, unsigned end,
                  void (*done)(struct supervisor *self));

bool ending_active(const struct supervisor *self);

/* A message while children are being ended. */
enum receive ending_receive(struct supervisor *self, struct slice message);

/* The supervisor ends: its timer must not fire. */
void ending_release(struct supervisor *self);

/* True, and the process that ended, and why, for {'EXIT', Pid, Reason} of a process of this node. */
bool exit_read(struct node *node, struct slice message, process_id *process, struct slice *reason);

/* True for reasons that are no failure: normal, shutdown, {shutdown, _}. */
bool exit_is_orderly(struct slice reason);

#endif
