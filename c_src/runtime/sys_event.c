/* Makes the events of a gen_server. Knows how OTP's gen_server words them, not who asked for them. */
#include "runtime/sys_event.h"

#include "base/log.h"
#include "runtime/sys.h"
#include "runtime/sys_log.h"
#include "runtime/sys_status.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

/* As gen_server:print_event tells messages apart. */
static const char *kind_of(struct slice message)
{
    struct slice rest = message;
    if (etf_read_tagged(&rest, "$gen_call", 3) || etf_read_tagged(&rest, "$todo_call", 3))
        return "call";
    return etf_read_tagged(&rest, "$gen_cast", 2) ? "cast" : "info";
}

static void print(void *ctx, struct slice event)
{
    const struct process *process = &((const struct gen_server *)ctx)->process;
    const char *what = "noreply", *kind = "-";
    struct slice rest = event;
    if (etf_read_tagged(&rest, "in", 2)) {
        what = "in";
        kind = kind_of(rest);
    } else if (etf_read_tagged(&rest, "out", 4)) {
        what = "out";
    }
    log_write(LOG_INFO, "sys", "trace", "process=<0.%u.%u> module=%s what=%s message=%s",
              (unsigned)(uint32_t)process->id, (unsigned)(process->id >> 32), process->type->module, what,
              kind);
}

static bool wanted(const struct sys *sys)
{
    return sys->log != NULL || sys->trace;
}

/* Releases the event. */
static void add(struct gen_server *server, struct buf *event)
{
    if (server->sys->trace)
        print(server, buf_slice(event));
    if (server->sys->log != NULL)
        sys_log_put(server->sys->log, buf_slice(event));
    buf_release(event);
}

void sys_event_in(struct gen_server *server, struct slice message)
{
    struct buf event = BUF_EMPTY;
    if (server->sys == NULL)
        return;
    server->sys->messages_in++;
    if (!wanted(server->sys))
        return;
    etf_write_tuple(&event, 2);
    etf_write_atom(&event, "in");
    etf_write_term(&event, message);
    add(server, &event);
}

void sys_event_noreply(struct gen_server *server)
{
    struct buf event = BUF_EMPTY;
    if (server->sys == NULL || !wanted(server->sys))
        return;
    etf_write_tuple(&event, 2);
    etf_write_atom(&event, "noreply");
    sys_write_state(server, &event);
    add(server, &event);
}

void sys_event_out_begin(struct gen_server *server, const struct from *from, struct buf *out)
{
    struct sys *sys = server->sys;
    if (sys == NULL)
        return;
    sys->messages_out++;
    if (!wanted(sys))
        return;
    sys->reply = out;
    sys->reply_mark = out->size;
    buf_clear(&sys->reply_from);
    etf_write_tuple(&sys->reply_from, 2);
    etf_write_term(&sys->reply_from, from->pid);
    etf_write_term(&sys->reply_from, from->tag);
}

void sys_event_out_end(struct gen_server *server)
{
    struct sys *sys = server->sys;
    struct buf event = BUF_EMPTY;
    if (sys == NULL || sys->reply == NULL)
        return;
    etf_write_tuple(&event, 4);
    etf_write_atom(&event, "out");
    etf_write_term(&event, buf_slice_from(sys->reply, sys->reply_mark));
    etf_write_term(&event, buf_slice(&sys->reply_from));
    sys_write_state(server, &event);
    sys->reply = NULL;
    add(server, &event);
}

void sys_event_print(struct gen_server *server)
{
    sys_log_each(server->sys == NULL ? NULL : server->sys->log, print, server);
}
