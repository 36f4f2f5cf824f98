/* The functions of module observer_backend that send what they find to a process, for observer and etop.
 *
 * procs_info(Collector): {procs_info, Self, [#etop_proc_info{}]} with 10 000 processes in each; then it ends.
 *
 * etop_collect(Collector): {Self, #etop_info{}}, once.
 *
 * fetch_stats(Listener, Ms): {stats, 1, SchedulerWallTime, IO, Memory} again and again, until a message or an
 * exit signal comes, or the listener ends.
 *
 * A receiver that does not read slows the first and the last down: nothing gathers here.
 */
#ifndef RUNTIME_OBSERVER_COLLECTORS_H
#define RUNTIME_OBSERVER_COLLECTORS_H

#include "runtime/function.h"

extern const struct function_table collector_functions;

#endif
