/* What sys:get_state, sys:get_status and process_info show of a gen_server. Private to those. */
#ifndef RUNTIME_SYS_STATUS_H
#define RUNTIME_SYS_STATUS_H

#include "runtime/gen_server.h"

/* The state as a term. */
void sys_write_state(struct gen_server *server, struct buf *out);

/* {status, Pid, {module, gen_server}, [Dictionary, SysState, Parent, Debug, Misc]} */
void sys_write_status(struct gen_server *server, struct buf *out);

/* The process dictionary that proc_lib would have made: '$ancestors' and '$initial_call'. */
void sys_write_dictionary(const struct gen_server *server, struct buf *out);

/* {Module, init, 1}; of a supervisor {supervisor, Module, 1}. named: for the arity the list of one argument
 * that proc_lib:initial_call shows. */
void sys_write_initial_call(const struct gen_server *server, bool named, struct buf *out);

/* {{Year, Month, Day}, {Hour, Minute, Second}} in local time; seconds: Unix time. */
void sys_write_datetime(struct buf *out, int64_t seconds);

#endif
