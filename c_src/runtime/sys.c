/* The server's side of OTP's module sys. There is no Erlang code in this node, so what needs a fun to be run
 * here (replace_state, install) answers an error; trace and log are accepted and change nothing that can be
 * seen. */
#include "runtime/sys.h"

#include "base/mem.h"
#include "runtime/blob.h"
#include "runtime/node.h"
#include "runtime/registry.h"
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

static const struct gen_server_type *type_of(const struct gen_server *server)
{
    return (const struct gen_server_type *)server->process.type;
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

static void write_state(struct gen_server *server, struct buf *out)
{
    if (type_of(server)->write_state != NULL)
        type_of(server)->write_state(server, out);
    else
        etf_write_nil(out);
}

static void write_parent(struct gen_server *server, struct buf *out)
{
    struct process *parent = process_find(server->process.node, server->parent);
    process_write_pid(parent != NULL ? parent : &server->process, out);
}

static const char *status_text(const struct gen_server *server)
{
    return sys_suspended(server) ? "suspended" : "running";
}

/* {Key, ...}: the key is a charlist, the value follows. */
static void write_item(struct buf *out, const char *key)
{
    etf_write_tuple(out, 2);
    etf_write_charlist(out, slice_of_text(key));
}

static void write_header(struct gen_server *server, struct buf *out)
{
    struct slice name = registry_name(&server->process);
    struct buf text = BUF_EMPTY;
    buf_append_slice(&text, slice_of_text("Status for generic server "));
    buf_append_slice(&text, name.size > 0 ? name : slice_of_text(server->process.type->module));
    etf_write_tuple(out, 2);
    etf_write_atom(out, "header");
    etf_write_charlist(out, buf_slice(&text));
    buf_release(&text);
}

/* The last element of get_status: what gen_server:format_status makes. */
static void write_misc(struct gen_server *server, struct buf *out)
{
    etf_write_list(out, 3);
    write_header(server, out);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "data");
    etf_write_list(out, 3);
    write_item(out, "Status");
    etf_write_atom(out, status_text(server));
    write_item(out, "Parent");
    write_parent(server, out);
    write_item(out, "Logged events");
    etf_write_nil(out);
    etf_write_nil(out);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "data");
    etf_write_list(out, 1);
    write_item(out, "State");
    write_state(server, out);
    etf_write_nil(out);
    etf_write_nil(out);
}

/* {status, Pid, {module, Module}, [PDict, SysState, Parent, Debug, Misc]} */
static void write_status(struct gen_server *server, struct buf *out)
{
    etf_write_tuple(out, 4);
    etf_write_atom(out, "status");
    process_write_pid(&server->process, out);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "module");
    etf_write_atom(out, "gen_server");
    etf_write_list(out, 5);
    etf_write_nil(out);
    etf_write_atom(out, status_text(server));
    write_parent(server, out);
    etf_write_nil(out);
    write_misc(server, out);
    etf_write_nil(out);
}

/* {{Y, M, D}, {H, Min, S}} in local time */
static void write_datetime(struct buf *out, time_t seconds)
{
    struct tm tm;
    localtime_r(&seconds, &tm);
    etf_write_tuple(out, 2);
    etf_write_tuple(out, 3);
    etf_write_int64(out, tm.tm_year + 1900);
    etf_write_int64(out, tm.tm_mon + 1);
    etf_write_int64(out, tm.tm_mday);
    etf_write_tuple(out, 3);
    etf_write_int64(out, tm.tm_hour);
    etf_write_int64(out, tm.tm_min);
    etf_write_int64(out, tm.tm_sec);
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
    write_datetime(out, (time_t)sys->statistics_start_s);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "current_time");
    write_datetime(out, time(NULL));
    write_pair(out, "reductions", sys->messages_in);
    write_pair(out, "messages_in", sys->messages_in);
    write_pair(out, "messages_out", sys->messages_out);
    etf_write_nil(out);
}

static void set_statistics(struct gen_server *server, bool on)
{
    struct sys *sys = sys_get(server);
    if (on && sys->statistics)
        return;
    sys->statistics = on;
    sys->statistics_start_s = time(NULL);
    sys->messages_in = 0;
    sys->messages_out = 0;
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
        if (known && etf_is_atom(command, "no_debug"))
            set_statistics(server, false);
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
        write_state(server, &answer);
        reply(server, from, buf_slice(&answer));
    } else if (etf_is_atom(command, "get_status")) {
        write_status(server, &answer);
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
