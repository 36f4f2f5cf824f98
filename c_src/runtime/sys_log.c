/* A queue of events. Knows how OTP's sys lays out such a log (sys.erl, "Keep the last N Log functions"), not
 * what the events say. */
#include "runtime/sys_log.h"

#include "base/mem.h"
#include "wire/etf_write.h"

#include <assert.h>
#include <utlist.h>

struct event {
    struct event *prev; /* utlist */
    struct event *next;
    size_t size; /* of the term */
    uint8_t term[];
};

struct sys_log {
    struct event *events; /* oldest first */
    uint32_t room;        /* how many may be kept */
    uint32_t count;
    uint32_t
        reversed; /* while full: how many of the newest OTP would have in the reversed part of its queue */
    size_t bytes; /* of all terms */
};

struct sys_log *sys_log_new(uint64_t room)
{
    struct sys_log *log = mem_zalloc(sizeof *log);
    log->room = room < SYS_LOG_EVENTS_MAX ? (uint32_t)room : SYS_LOG_EVENTS_MAX;
    return log;
}

static void drop_oldest(struct sys_log *log)
{
    struct event *oldest = log->events;
    DL_DELETE(log->events, oldest);
    log->count--;
    log->bytes -= oldest->size;
    mem_free(oldest);
}

void sys_log_free(struct sys_log *log)
{
    while (log != NULL && log->count > 0)
        drop_oldest(log);
    mem_free(log);
}

void sys_log_put(struct sys_log *log, struct slice term)
{
    struct event *event = mem_alloc(sizeof *event + term.size);
    event->size = term.size;
    memcpy(event->term, term.data, term.size);
    if (log->count < log->room) {
        log->reversed = log->room; /* counts once it is full */
    } else {
        log->reversed = log->reversed == log->room ? 0 : log->reversed + 1;
        drop_oldest(log);
    }
    while (log->count > 0 && log->bytes + term.size > SYS_LOG_BYTES_MAX)
        drop_oldest(log);
    DL_APPEND(log->events, event);
    log->count++;
    log->bytes += term.size;
}

void sys_log_each(const struct sys_log *log, void (*each)(void *ctx, struct slice event), void *ctx)
{
    struct event *event = log == NULL ? NULL : log->events;
    for (; event != NULL; event = event->next)
        each(ctx, slice_of(event->term, event->size));
}

static void write_event(void *out, struct slice event)
{
    etf_write_term(out, event);
}

void sys_log_write(const struct sys_log *log, struct buf *out)
{
    if (log != NULL && log->count > 0)
        etf_write_list(out, log->count);
    sys_log_each(log, write_event, out);
    etf_write_nil(out);
}

static void write_item(const struct event *event, struct slice name, struct buf *out)
{
    etf_write_tuple(out, 3);
    etf_write_term(out, slice_of(event->term, event->size));
    etf_write_term(out, name);
    etf_write_export(out, "gen_server", "print_event", 3);
}

/* The newest count events, newest first. Elements only. */
static void write_newest(const struct sys_log *log, uint32_t count, struct slice name, struct buf *out)
{
    const struct event *event = log->events == NULL ? NULL : log->events->prev;
    for (; count > 0; count--, event = event->prev) {
        assert(event != NULL);
        write_item(event, name, out);
    }
}

void sys_log_write_option(const struct sys_log *log, struct slice name, struct buf *out)
{
    if (log->count < log->room) {
        /* [how many more, newest, ..., oldest] */
        etf_write_list(out, log->count + 1);
        etf_write_uint64(out, log->room - log->count);
        write_newest(log, log->count, name, out);
        etf_write_nil(out);
        return;
    }
    /* [[newest, ...] , oldest, ...]: the queue's reversed part is its head */
    const struct event *event = log->events;
    etf_write_list(out, log->count - log->reversed + 1);
    if (log->reversed > 0)
        etf_write_list(out, log->reversed);
    write_newest(log, log->reversed, name, out);
    etf_write_nil(out);
    for (uint32_t left = log->count - log->reversed; left > 0; left--, event = event->next)
        write_item(event, name, out);
    etf_write_nil(out);
}
