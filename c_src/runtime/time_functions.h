/* erlang:system_time, monotonic_time and timestamp of this node: the clocks of the operating system, in
 * nanoseconds where no unit is given. */
#ifndef RUNTIME_TIME_FUNCTIONS_H
#define RUNTIME_TIME_FUNCTIONS_H

#include "runtime/function.h"

extern const struct function_table time_functions;

/* {MegaSeconds, Seconds, MicroSeconds}, now. */
void time_write_timestamp(struct buf *out);

#endif
