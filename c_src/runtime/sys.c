/* The server's side of OTP's module sys: which command it is, and what is short. A fun cannot be installed,
 * because events cannot wait for another node to run it: install and remove are accepted and change nothing.
 */
#include "runtime/sys.h"

#include "base/mem.h"
#include "runtime/blob.h"
#include "runtime/node.h"
#include "runtime/peer_release.h"
#include "runtime/process_send.h"
#include "runtime/sys_event.h"
#include "runtime/sys_log.h"
#include "runtime/sys_replace.h"
#include "runtime/sys_status.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <time.h>

enum { LOG_ROOM_DEFAULT = 10 };

struct sys *sys_get(struct gen_server *server)
{
    if (server->sys == NULL)
        server->sys = mem_zalloc(sizeof *server->sys);
    return server->sys;
}

void sys_free(struct gen_server *server)
{
    struct sys *sys = server->sys;
    if (sys == NULL)
        return;
    blob_drop(sys->stop_reason);
    blob_drop(sys->replacing);
    sys_log_free(sys->log);
    buf_release(&sys->reply_from);
    mem_free(sys);
    server->sys = NULL;
}

void sys_reply(struct gen_server *server, const struct from *from, struct slice term)
{
    etf_write_term(gen_server_system_reply_begin(server, from), term);
    process_send_end(server->process.node);
}

void sys_reply_state(struct gen_server *server, const struct from *from, struct slice state)
{
    bool tagged = release_of_pid(server->process.node, from->pid) >= RELEASE_WITH_OK_STATE;
    struct buf *out = gen_server_system_reply_begin(server, from);
    if (tagged) {
        etf_write_tuple(out, 2);
        etf_write_atom(out, "ok");
    }
    etf_write_term(out, state);
    process_send_end(server->process.node);
}

static void reply_ok(struct gen_server *server, const struct from *from)
{
    etf_write_atom(gen_server_system_reply_begin(server, from), "ok");
    process_send_end(server->process.node);
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

static void set_trace(struct gen_server *server, bool on)
{
    struct sys *sys = sys_get(server);
    set_debug(sys, SYS_TRACE, on);
    sys->trace = on;
}

/* room: how many events it keeps; 0: no log. One that is there stays as it is. */
static void set_log(struct gen_server *server, uint64_t room)
{
    struct sys *sys = sys_get(server);
    set_debug(sys, SYS_LOG, room > 0);
    if (room > 0 && sys->log == NULL) {
        sys->log = sys_log_new(room);
    } else if (room == 0) {
        sys_log_free(sys->log);
        sys->log = NULL;
    }
}

/* ---- {debug, Command}. Each appends the answer; false, nothing appended: no such command. */

/* True if the term is a boolean. */
static bool read_bool(struct slice term, bool *value)
{
    *value = etf_is_atom(term, "true");
    return *value || etf_is_atom(term, "false");
}

static bool debug_trace(struct gen_server *server, struct slice argument, struct buf *out)
{
    bool on;
    if (!read_bool(argument, &on))
        return false;
    set_trace(server, on);
    etf_write_atom(out, "ok");
    return true;
}

static bool debug_statistics(struct gen_server *server, struct slice argument, struct buf *out)
{
    bool on;
    if (etf_is_atom(argument, "get")) {
        write_statistics(server, out);
        return true;
    }
    if (!read_bool(argument, &on))
        return false;
    set_statistics(server, on);
    etf_write_atom(out, "ok");
    return true;
}

static void write_log(const struct gen_server *server, struct buf *out)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, "ok");
    sys_log_write(server->sys == NULL ? NULL : server->sys->log, out);
}

static bool debug_log(struct gen_server *server, struct slice argument, struct buf *out)
{
    uint64_t room = 0;
    bool on;
    struct slice rest = argument;
    if (etf_is_atom(argument, "get")) {
        write_log(server, out);
        return true;
    }
    if (etf_is_atom(argument, "print"))
        sys_event_print(server);
    else if (read_bool(argument, &on))
        set_log(server, on ? LOG_ROOM_DEFAULT : 0);
    else if (etf_read_tagged(&rest, "true", 2) && etf_read_uint64(&rest, &room) && room > 0)
        set_log(server, room);
    else
        return false;
    etf_write_atom(out, "ok");
    return true;
}

/* This node opens no file by a name that comes from outside. */
static bool debug_log_to_file(struct gen_server *server, struct slice argument, struct buf *out)
{
    bool off = etf_is_atom(argument, "false");
    if (!off) {
        etf_write_tuple(out, 2);
        etf_write_atom(out, "error");
    }
    etf_write_atom(out, off ? "ok" : "open_file");
    return true;
}

static bool debug_install(struct gen_server *server, struct slice argument, struct buf *out)
{
    uint32_t arity;
    if (!etf_read_tuple(&argument, &arity) || (arity != 2 && arity != 3))
        return false;
    etf_write_atom(out, "ok");
    return true;
}

static bool debug_remove(struct gen_server *server, struct slice argument, struct buf *out)
{
    etf_write_atom(out, "ok");
    return true;
}

static bool debug(struct gen_server *server, struct slice command, struct buf *out)
{
    static const struct {
        const char *tag;
        bool (*act)(struct gen_server *server, struct slice argument, struct buf *out);
    } commands[] = {
        {"trace", debug_trace},     {"statistics", debug_statistics},   {"log", debug_log},
        {"install", debug_install}, {"log_to_file", debug_log_to_file}, {"remove", debug_remove},
    };
    if (etf_is_atom(command, "no_debug")) {
        set_statistics(server, false);
        set_trace(server, false);
        set_log(server, 0);
        etf_write_atom(out, "ok");
        return true;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (etf_read_tagged(&command, commands[i].tag, 2))
            return commands[i].act(server, command, out);
    }
    return false;
}

/* ---- the commands */

static void reply_unknown(struct gen_server *server, const struct from *from, struct slice command)
{
    struct buf *out = gen_server_system_reply_begin(server, from);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "error");
    etf_write_tuple(out, 2);
    etf_write_atom(out, "unknown_system_msg");
    etf_write_term(out, command);
    process_send_end(server->process.node);
}

static void resume(struct gen_server *server)
{
    if (server->sys != NULL)
        server->sys->suspended = false;
    process_rescan(&server->process);
}

static void get_state(struct gen_server *server, const struct from *from)
{
    struct buf state = BUF_EMPTY;
    sys_write_state(server, &state);
    sys_reply_state(server, from, buf_slice(&state));
    buf_release(&state);
}

/* True, and the message stays: what the answer has to look like is not known yet. */
static bool must_wait(struct gen_server *server, const struct from *from)
{
    if (release_of_pid(server->process.node, from->pid) != RELEASE_UNKNOWN)
        return false;
    gen_server_postpone(server);
    return true;
}

void sys_handle(struct gen_server *server, const struct from *from, struct slice command)
{
    struct slice rest = command;
    struct buf answer = BUF_EMPTY;
    if (etf_is_atom(command, "get_state")) {
        if (!must_wait(server, from))
            get_state(server, from);
    } else if (etf_is_atom(command, "get_status")) {
        sys_write_status(server, &answer);
        sys_reply(server, from, buf_slice(&answer));
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
        if (!debug(server, rest, &answer))
            etf_write_atom(&answer, "unknown_debug");
        sys_reply(server, from, buf_slice(&answer));
    } else if (etf_read_tagged(&rest, "replace_state", 2)) {
        if (!must_wait(server, from))
            sys_replace_state(server, from, rest);
    } else if (sys_suspended(server) && etf_read_tagged(&rest, "change_code", 4)) {
        reply_ok(server, from); /* as a module whose code_change keeps the state */
    } else {
        reply_unknown(server, from, command);
    }
    buf_release(&answer);
}
