/* The server's side of OTP's module sys. There is no Erlang code in this node, so what needs a fun to be run
 * here (replace_state, install) answers an error; trace and log are accepted and change nothing that can be
 * seen. */
#include "runtime/sys.h"

#include "base/mem.h"
#include "runtime/blob.h"
#include "runtime/node.h"
#include "runtime/sys_status.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <time.h>

struct sys *sys_get(struct gen_server *server)
{
    if (server->sys == NULL)
        server->sys = mem_zalloc(sizeof *server->sys);
    return server->sys;
}

void sys_free(struct gen_server *server)
{
    if (server->sys == NULL)
        return;
    blob_drop(server->sys->stop_reason);
    mem_free(server->sys);
    server->sys = NULL;
}

/* What answers a system message is not counted by statistics. */
static struct buf *reply_begin(struct gen_server *server, const struct from *from)
{
    struct buf *out = gen_server_reply_begin(server, from);
    if (server->sys != NULL)
        server->sys->messages_out--;
    return out;
}

static void reply(struct gen_server *server, const struct from *from, struct slice term)
{
    etf_write_term(reply_begin(server, from), term);
    gen_server_reply_end(server);
}

static void reply_ok(struct gen_server *server, const struct from *from)
{
    etf_write_atom(reply_begin(server, from), "ok");
    gen_server_reply_end(server);
}

static void write_pair(struct buf *out, const char *key, uint64_t value)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, key);
    etf_write_uint64(out, value);
}

/* {ok, Statistics}; reductions are not counted here: one per message is what we can say. */
static void write_statistics(struct gen_server *server, struct buf *out)
{
    const struct sys *sys = server->sys;
    etf_write_tuple(out, 2);
    etf_write_atom(out, "ok");
    if (sys == NULL || !sys->statistics) {
        etf_write_atom(out, "no_statistics");
        return;
    }
    etf_write_list(out, 5);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "start_time");
    sys_write_datetime(out, sys->statistics_start_s);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "current_time");
    sys_write_datetime(out, time(NULL));
    write_pair(out, "reductions", sys->messages_in);
    write_pair(out, "messages_in", sys->messages_in);
    write_pair(out, "messages_out", sys->messages_out);
    etf_write_nil(out);
}

/* As sys:install_debug: what is installed already stays where it is. */
static void set_debug(struct sys *sys, enum sys_debug what, bool on)
{
    unsigned place = 0;
    while (place < sys->debug_count && sys->debug[place] != what)
        place++;
    if (on && place == sys->debug_count) {
        sys->debug[sys->debug_count++] = what;
    } else if (!on && place < sys->debug_count) {
        sys->debug_count--;
        memmove(sys->debug + place, sys->debug + place + 1, sys->debug_count - place);
    }
}

static void set_statistics(struct gen_server *server, bool on)
{
    struct sys *sys = sys_get(server);
    if (on && sys->statistics)
        return;
    set_debug(sys, SYS_STATISTICS, on);
    sys->statistics = on;
    sys->statistics_start_s = time(NULL);
    sys->messages_in = 0;
    sys->messages_out = 0;
}

static void no_debug(struct gen_server *server)
{
    set_statistics(server, false);
    set_debug(sys_get(server), SYS_TRACE, false);
}

static void write_tagged(struct buf *out, const char *tag, struct slice value)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, tag);
    etf_write_term(out, value);
}

/* {debug, Command} */
static void debug(struct gen_server *server, const struct from *from, struct slice command)
{
    struct slice rest = command;
    struct buf answer = BUF_EMPTY;
    if (etf_read_tagged(&rest, "statistics", 2) && etf_is_atom(rest, "get")) {
        write_statistics(server, &answer);
    } else if (rest = command, etf_read_tagged(&rest, "log", 2) && etf_is_atom(rest, "get")) {
        etf_write_tuple(&answer, 2);
        etf_write_atom(&answer, "ok");
        etf_write_nil(&answer);
    } else if (rest = command, etf_read_tagged(&rest, "statistics", 2)) {
        set_statistics(server, etf_is_atom(rest, "true"));
        etf_write_atom(&answer, "ok");
    } else if (rest = command, etf_read_tagged(&rest, "log_to_file", 2) && !etf_is_atom(rest, "false")) {
        etf_write_tuple(&answer, 2);
        etf_write_atom(&answer, "error");
        etf_write_atom(&answer, "open_file");
    } else {
        bool known = etf_is_atom(command, "no_debug");
        static const char *const accepted[] = {"trace", "log", "log_to_file", "install", "remove"};
        for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
            rest = command;
            known = known || etf_read_tagged(&rest, accepted[i], 2);
        }
        if (etf_is_atom(command, "no_debug"))
            no_debug(server);
        else if (rest = command, etf_read_tagged(&rest, "trace", 2))
            set_debug(sys_get(server), SYS_TRACE, etf_is_atom(rest, "true"));
        etf_write_atom(&answer, known ? "ok" : "unknown_debug");
    }
    reply(server, from, buf_slice(&answer));
    buf_release(&answer);
}

/* {error, {callback_failed, {gen_server, system_replace_state}, {error, undef}}} */
static void reply_no_fun(struct gen_server *server, const struct from *from)
{
    struct buf *out = reply_begin(server, from);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "error");
    etf_write_tuple(out, 3);
    etf_write_atom(out, "callback_failed");
    etf_write_tuple(out, 2);
    etf_write_atom(out, "gen_server");
    etf_write_atom(out, "system_replace_state");
    etf_write_tuple(out, 2);
    etf_write_atom(out, "error");
    etf_write_atom(out, "undef");
    gen_server_reply_end(server);
}

static void reply_unknown(struct gen_server *server, const struct from *from, struct slice command)
{
    struct buf *out = reply_begin(server, from);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "error");
    write_tagged(out, "unknown_system_msg", command);
    gen_server_reply_end(server);
}

static void resume(struct gen_server *server)
{
    if (server->sys != NULL)
        server->sys->suspended = false;
    process_rescan(&server->process);
}

void sys_handle(struct gen_server *server, const struct from *from, struct slice command)
{
    struct slice rest = command;
    struct buf answer = BUF_EMPTY;
    if (etf_is_atom(command, "get_state")) {
        sys_write_state(server, &answer);
        reply(server, from, buf_slice(&answer));
    } else if (etf_is_atom(command, "get_status")) {
        sys_write_status(server, &answer);
        reply(server, from, buf_slice(&answer));
    } else if (etf_is_atom(command, "suspend")) {
        sys_get(server)->suspended = true;
        reply_ok(server, from);
    } else if (etf_is_atom(command, "resume")) {
        resume(server);
        reply_ok(server, from);
    } else if (etf_read_tagged(&rest, "terminate", 2)) {
        reply_ok(server, from);
        gen_server_stop(server, rest);
    } else if (etf_read_tagged(&rest, "debug", 2)) {
        debug(server, from, rest);
    } else if (etf_read_tagged(&rest, "replace_state", 2)) {
        reply_no_fun(server, from);
    } else {
        reply_unknown(server, from, command);
    }
    buf_release(&answer);
}
