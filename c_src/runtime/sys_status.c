/* Writes a gen_server's state and status as OTP's gen_server and proc_lib would show them. Changes nothing.
 */
#include "runtime/sys_status.h"

#include "runtime/node.h"
#include "runtime/registry.h"
#include "runtime/sys.h"
#include "runtime/sys_log.h"
#include "wire/etf_write.h"

#include <stdio.h>
#include <time.h>

enum { PID_TEXT_ROOM = 32 };

static const struct gen_server_type *type_of(const struct gen_server *server)
{
    return (const struct gen_server_type *)server->process.type;
}

void sys_write_state(struct gen_server *server, struct buf *out)
{
    if (type_of(server)->write_state != NULL)
        type_of(server)->write_state(server, out);
    else
        etf_write_nil(out);
}

static struct process *parent_of(const struct gen_server *server)
{
    return process_find(server->process.node, server->process.parent);
}

static void write_parent(struct gen_server *server, struct buf *out)
{
    struct process *parent = parent_of(server);
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

static void write_data(struct buf *out)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, "data");
}

/* As pid_to_list shows a process on its own node. */
static struct slice pid_text(const struct process *process, char text[PID_TEXT_ROOM])
{
    snprintf(text, PID_TEXT_ROOM, "<0.%u.%u>", (unsigned)(uint32_t)process->id,
             (unsigned)(process->id >> 32));
    return slice_of_text(text);
}

static void write_header(struct gen_server *server, struct buf *out)
{
    char pid[PID_TEXT_ROOM];
    struct slice name = registry_name(&server->process);
    struct buf text = BUF_EMPTY;
    buf_append_slice(&text, slice_of_text("Status for generic server "));
    if (name.size == 0)
        name = pid_text(&server->process, pid);
    buf_append_slice(&text, name);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "header");
    etf_write_charlist(out, buf_slice(&text));
    buf_release(&text);
}

/* {supervisor, [{"Callback", Module}]}: release_handler and others find supervisors by it. */
static void write_callback(struct gen_server *server, struct buf *out)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, "supervisor");
    etf_write_list(out, 1);
    write_item(out, "Callback");
    etf_write_atom(out, server->process.type->module);
    etf_write_nil(out);
}

/* The last element of get_status: what gen_server:format_status makes. */
static void write_misc(struct gen_server *server, struct buf *out)
{
    etf_write_list(out, type_of(server)->supervisor ? 4 : 3);
    write_header(server, out);
    write_data(out);
    etf_write_list(out, 3);
    write_item(out, "Status");
    etf_write_atom(out, status_text(server));
    write_item(out, "Parent");
    write_parent(server, out);
    write_item(out, "Logged events");
    sys_log_write(server->sys == NULL ? NULL : server->sys->log, out);
    etf_write_nil(out);
    write_data(out);
    etf_write_list(out, 1);
    write_item(out, "State");
    sys_write_state(server, out);
    etf_write_nil(out);
    if (type_of(server)->supervisor)
        write_callback(server, out);
    etf_write_nil(out);
}

/* Who started it, who started that one, and so on; NULL: nobody. Only servers know their parent. */
static struct process *next_ancestor(const struct process *process)
{
    return process->type->release == gen_server_release ? parent_of((const struct gen_server *)process)
                                                        : NULL;
}

static void write_ancestors(const struct gen_server *server, struct buf *out)
{
    uint32_t count = 0;
    struct process *ancestor = next_ancestor(&server->process);
    for (; ancestor != NULL; ancestor = next_ancestor(ancestor))
        count++;
    if (count > 0)
        etf_write_list(out, count);
    ancestor = next_ancestor(&server->process);
    for (; ancestor != NULL; ancestor = next_ancestor(ancestor)) {
        struct slice name = registry_name(ancestor);
        if (name.size > 0)
            etf_write_atom_slice(out, name);
        else
            process_write_pid(ancestor, out);
    }
    etf_write_nil(out);
}

void sys_write_initial_call(const struct gen_server *server, bool named, struct buf *out)
{
    const char *module = server->process.type->module;
    bool supervisor = type_of(server)->supervisor;
    etf_write_tuple(out, 3);
    etf_write_atom(out, supervisor ? "supervisor" : module);
    etf_write_atom(out, supervisor ? module : "init");
    if (!named) {
        etf_write_uint64(out, 1);
        return;
    }
    etf_write_list(out, 1);
    etf_write_atom(out, "Argument__1");
    etf_write_nil(out);
}

void sys_write_dictionary(const struct gen_server *server, struct buf *out)
{
    etf_write_list(out, 2);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "$ancestors");
    write_ancestors(server, out);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "$initial_call");
    sys_write_initial_call(server, false, out);
    etf_write_nil(out);
}

void sys_write_datetime(struct buf *out, int64_t seconds)
{
    struct tm tm;
    time_t time = (time_t)seconds;
    localtime_r(&time, &tm);
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

/* {statistics, {StartTime, {reductions, Reductions}, In, Out}}; reductions when counting began: 0. */
static void write_statistics(const struct sys *sys, struct buf *out)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, "statistics");
    etf_write_tuple(out, 4);
    sys_write_datetime(out, sys->statistics_start_s);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "reductions");
    etf_write_uint64(out, 0);
    etf_write_uint64(out, sys->messages_in);
    etf_write_uint64(out, sys->messages_out);
}

/* {log, Log}; a server without a name is named by its pid. */
static void write_log(const struct gen_server *server, struct buf *out)
{
    struct slice registered = registry_name(&server->process);
    struct buf name = BUF_EMPTY;
    if (registered.size > 0)
        etf_write_atom_slice(&name, registered);
    else
        process_write_pid(&server->process, &name);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "log");
    sys_log_write_option(server->sys->log, buf_slice(&name), out);
    buf_release(&name);
}

static void write_trace(struct buf *out)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, "trace");
    etf_write_bool(out, true);
}

/* Most recently installed first. */
static void write_debug(const struct gen_server *server, struct buf *out)
{
    unsigned left = server->sys == NULL ? 0 : server->sys->debug_count;
    if (left > 0)
        etf_write_list(out, left);
    while (left-- > 0) {
        switch (server->sys->debug[left]) {
        case SYS_STATISTICS:
            write_statistics(server->sys, out);
            break;
        case SYS_LOG:
            write_log(server, out);
            break;
        default:
            write_trace(out);
        }
    }
    etf_write_nil(out);
}

void sys_write_status(struct gen_server *server, struct buf *out)
{
    etf_write_tuple(out, 4);
    etf_write_atom(out, "status");
    process_write_pid(&server->process, out);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "module");
    etf_write_atom(out, "gen_server");
    etf_write_list(out, 5);
    sys_write_dictionary(server, out);
    etf_write_atom(out, status_text(server));
    write_parent(server, out);
    write_debug(server, out);
    write_misc(server, out);
    etf_write_nil(out);
}
