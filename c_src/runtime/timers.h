/* Timers of processes, on the loop. A timer of a process that has ended does nothing, but stands on the loop
 * until its time or timer_cancel: none may be left when node_release is called. */
#ifndef RUNTIME_TIMERS_H
#define RUNTIME_TIMERS_H

#include "runtime/process.h"

struct timer;

/* Calls fire for the process, as its code (process_enter), after ms milliseconds. argument: the caller's,
 * passed on. The timer is gone after it has fired. */
struct timer *timer_start(struct process *process, uint64_t ms,
                          void (*fire)(struct process *self, void *argument), void *argument);

/* It will not fire. timer: not fired and not cancelled yet. */
void timer_cancel(struct timer *timer);

#endif
