/* Calls without a monitor: {'$todo_call', {Pid, Tag}, Request}, one frame where gen:call needs three.
 *
 * The node promises {Tag, Answer}, or {Tag, {exit, Reason}} when there will be none: with noproc for a
 * process that does not exist, else with what the process ended with; the reasons are those that a monitor
 * would have told. Tag is that of a gen:call ([alias|Ref], so that a late answer vanishes; any other term is
 * echoed). A lost connection the caller sees for itself. When it gives up it may send {'$todo_cancel', Tag}
 * to wherever the call went: one that still waits in a mailbox goes then, and when the caller's node is lost.
 */
#ifndef RUNTIME_FAST_CALL_H
#define RUNTIME_FAST_CALL_H

#include "runtime/from.h"

struct message;

/* Takes a message apart: whom to answer and, behind it in *message, the request. False: it is no such call,
 * and *message stays. */
bool fast_call_read(struct slice *message, struct from *from);

/* There will be no answer: tells the caller so. Like a DOWN it carries no seq_trace token. reason: a term. */
void fast_call_fail(struct node *node, const struct from *from, struct slice reason);

/* message (left, kept or pushed as waiting) waits in process's mailbox: if it is such a call and its tag has
 * an alias, it can be cancelled. */
void fast_call_wait(struct process *process, struct slice message, struct message *waiting);

/* True if message, whatever it is, is a peer's word that it has given up a call; that is acted on. */
bool fast_call_cancel(struct peer *peer, struct slice message);

/* message, whatever it is, is not taken: if it is such a call, its caller is told that atom (noproc: it came
 * to nobody). */
void fast_call_refuse(struct node *node, struct slice message, const char *reason);

/* The process has ended: empties its mailbox and tells whose calls were in it. reason: a term. */
void fast_calls_process_down(struct process *process, struct slice reason);

#endif
