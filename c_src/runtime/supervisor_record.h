/* The state of a supervisor as sys:get_state shows OTP's: the record #state{} of supervisor.erl, as observer
 * and others read it. Its fields are those of OTP 24 to 27. Private to the supervisor.
 */
#ifndef RUNTIME_SUPERVISOR_RECORD_H
#define RUNTIME_SUPERVISOR_RECORD_H

#include "runtime/supervisor_state.h"

/* {state, Name, Strategy, {Ids, #{Id => Child}}, Dynamics, Intensity, Period, Restarts, DynamicRestarts,
 * AutoShutdown, Module, Args}. Restarts: when, in seconds of the loop's clock, newest first. Args: [], as C's
 * have no terms. */
void supervisor_write_record(struct supervisor *self, struct buf *out);

#endif
