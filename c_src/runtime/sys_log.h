/* The last events of a gen_server, as sys:log keeps them: {in, Message}, {noreply, State}, {out, Reply, From,
 * State}. Knows terms only. Private to sys.
 *
 * Bounded in number and in bytes (each event holds a copy of the state): the oldest go first; the newest
 * stays, however large it is.
 */
#ifndef RUNTIME_SYS_LOG_H
#define RUNTIME_SYS_LOG_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdint.h>

enum {
    SYS_LOG_EVENTS_MAX = 10000,   /* a log of more events keeps so many */
    SYS_LOG_BYTES_MAX = 64 << 20, /* of all events */
};

struct sys_log;

/* room: how many events, as asked for. The caller owns it. */
struct sys_log *sys_log_new(uint64_t room);
/* NULL is allowed. */
void sys_log_free(struct sys_log *log);

/* Adds a copy of one event, a term. */
void sys_log_put(struct sys_log *log, struct slice event);

/* Appends the list of the events, oldest first. log may be NULL: []. */
void sys_log_write(const struct sys_log *log, struct buf *out);

/* Appends the log as it stands in the debug options of get_status, readable by sys:get_log/1: each event is
 * {Event, Name, fun gen_server:print_event/3}. name: a term. */
void sys_log_write_option(const struct sys_log *log, struct slice name, struct buf *out);

/* Calls each for all events, oldest first. log may be NULL. */
void sys_log_each(const struct sys_log *log, void (*each)(void *ctx, struct slice event), void *ctx);

#endif
