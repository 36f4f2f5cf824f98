/* What a supervisor answers (module supervisor of OTP's stdlib): which_children, count_children,
 * {restart_child, Id}, {terminate_child, Id}, {delete_child, Id}, {get_childspec, Id}, {start_child, Spec}.
 * Private to the supervisor.
 */
#ifndef RUNTIME_SUPERVISOR_CALLS_H
#define RUNTIME_SUPERVISOR_CALLS_H

#include "runtime/gen_server.h"

struct supervisor;
struct child;

/* Answers a request of these, now or later. False: it is none of them. */
bool supervisor_calls_handle(struct supervisor *self, const struct from *from, struct slice request);

/* The child of that id (a term) that was not removed; NULL if none. */
struct child *supervisor_calls_find(struct supervisor *self, struct slice id);

#endif
