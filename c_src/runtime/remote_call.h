/* A function that another node runs for a process of this one, as erpc:call does: what is an Erlang fun can
 * be run where Erlang is.
 *
 * The request is made by a process of its own, so that its caller can wait (process_await) without looking
 * for the answer among its messages. It is the group leader of what runs there, and takes what is printed as
 * the group leader of a detached BEAM does: nobody reads it. It lives until the function has ended, the
 * connection is lost or its caller has ended; then what still runs there is killed, as it would be with the
 * process that ran it. Whoever kills it ends the call.
 */
#ifndef RUNTIME_REMOTE_CALL_H
#define RUNTIME_REMOTE_CALL_H

#include "base/slice.h"
#include "runtime/apply.h"
#include "runtime/process.h"

#include <stdbool.h>

/* How it ended; value: what was returned, thrown, or the reason, borrowed. As with erpc: {erpc, noconnection}
 * is an error, {signal, Reason} an exit. Called once, in the caller's name (process_enter), never from inside
 * remote_call_start and not at all if the caller has ended. */
typedef void remote_call_done(struct process *caller, enum apply_class class, struct slice value);

/* Begins apply(module, function, arguments) on the node of a pid. on: any term. arguments: a list, borrowed.
 * False: it is no pid of a connected node that can spawn. */
bool remote_call_start(struct process *caller, struct slice on, const char *module, const char *function,
                       struct slice arguments, remote_call_done *done);

#endif
