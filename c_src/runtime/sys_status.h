/* What sys:get_state and sys:get_status show of a gen_server. Private to sys. */
#ifndef RUNTIME_SYS_STATUS_H
#define RUNTIME_SYS_STATUS_H

#include "runtime/gen_server.h"

/* The state as a term. */
void sys_write_state(struct gen_server *server, struct buf *out);

/* {status, Pid, {module, gen_server}, [Dictionary, SysState, Parent, Debug, Misc]} */
void sys_write_status(struct gen_server *server, struct buf *out);

/* The process dictionary that proc_lib would have made: '$ancestors' and '$initial_call'. */
void sys_write_dictionary(struct gen_server *server, struct buf *out);

/* {{Year, Month, Day}, {Hour, Minute, Second}} in local time; seconds: Unix time. */
void sys_write_datetime(struct buf *out, int64_t seconds);

#endif
