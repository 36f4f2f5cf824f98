/* The table of functions, and those of them that are short. Knows no to-do and no connection. */
#include "runtime/rpc_functions.h"

#include "runtime/node.h"
#include "runtime/process_info.h"
#include "runtime/registry.h"
#include "runtime/rpc.h"
#include "runtime/statistics.h"
#include "runtime/system_info.h"
#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <time.h>
#include <uv.h>

/* ---- nodes */

static bool node_0(struct node *node, const struct slice *arguments, struct buf *out)
{
    etf_write_term(out, buf_slice(&node->atom));
    return true;
}

enum { NODES_PEERS = 1, NODES_THIS = 2, NODES_NONE = 4 };

/* Which nodes a type names; 0: no type. We are hidden, so all our connections are. */
static unsigned nodes_of_type(struct slice type)
{
    if (etf_is_atom(type, "hidden") || etf_is_atom(type, "connected"))
        return NODES_PEERS;
    if (etf_is_atom(type, "this"))
        return NODES_THIS;
    if (etf_is_atom(type, "known"))
        return NODES_PEERS | NODES_THIS;
    return etf_is_atom(type, "visible") ? NODES_NONE : 0;
}

static bool read_node_types(struct slice term, unsigned *which)
{
    struct etf_list list;
    struct slice element;
    *which = nodes_of_type(term);
    if (*which != 0)
        return true;
    etf_list_begin(&list, term);
    while (etf_list_next(&list, &element)) {
        unsigned more = nodes_of_type(element);
        if (more == 0)
            return false;
        *which |= more;
    }
    return list.proper;
}

static bool nodes_1(struct node *node, const struct slice *arguments, struct buf *out)
{
    unsigned which;
    uint32_t count = 0;
    if (!read_node_types(arguments[0], &which))
        return false;
    size_t mark = etf_list_open(out);
    for (struct peer *peer = which & NODES_PEERS ? node->peers : NULL; peer != NULL;
         peer = peer->hh.next, count++)
        etf_write_term(out, buf_slice(&peer->atom));
    if (which & NODES_THIS) {
        etf_write_term(out, buf_slice(&node->atom));
        count++;
    }
    etf_list_close(out, mark, count);
    return true;
}

static bool nodes_0(struct node *node, const struct slice *arguments, struct buf *out)
{
    etf_write_nil(out); /* the visible ones */
    return true;
}

static bool net_ticktime(struct node *node, const struct slice *arguments, struct buf *out)
{
    etf_write_uint64(out, node->rpc->config.net_ticktime_s);
    return true;
}

/* ---- processes */

static bool processes(struct node *node, const struct slice *arguments, struct buf *out)
{
    uint32_t count = 0;
    size_t mark = etf_list_open(out);
    for (uint32_t slot = 1; slot < node->slot_used; slot++) {
        if (node->slots[slot].process == NULL)
            continue;
        process_write_pid(node->slots[slot].process, out);
        count++;
    }
    etf_list_close(out, mark, count);
    return true;
}

static bool registered(struct node *node, const struct slice *arguments, struct buf *out)
{
    uint32_t count = 0;
    size_t mark = etf_list_open(out);
    for (struct registered *name = node->registry; name != NULL; name = name->hh.next, count++)
        etf_write_atom_slice(out, slice_of(name->text, name->size));
    etf_list_close(out, mark, count);
    return true;
}

static bool whereis_or(struct node *node, struct slice name, const char *nobody, struct buf *out)
{
    if (etf_type(name) != TERM_ATOM)
        return false;
    struct process *process = registry_find_atom(node, name);
    if (process != NULL)
        process_write_pid(process, out);
    else
        etf_write_atom(out, nobody);
    return true;
}

static bool whereis(struct node *node, const struct slice *arguments, struct buf *out)
{
    return whereis_or(node, arguments[0], "undefined", out);
}

/* False if it is no pid of this node, of this start or an earlier one. NULL: dead. */
static bool read_local(struct node *node, struct slice term, struct process **process)
{
    struct pid pid;
    if (!pid_read(&term, &pid) || !node_is_self(node, pid.node))
        return false;
    *process = process_find_pid(node, &pid);
    return true;
}

static bool is_process_alive(struct node *node, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    if (!read_local(node, arguments[0], &process))
        return false;
    etf_write_bool(out, process != NULL);
    return true;
}

static bool process_info_1(struct node *node, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    if (!read_local(node, arguments[0], &process))
        return false;
    process_info_write(process, out);
    return true;
}

static bool process_info_2(struct node *node, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    return read_local(node, arguments[0], &process) && process_info_write_items(process, arguments[1], out);
}

static bool initial_call(struct node *node, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    if (!read_local(node, arguments[0], &process))
        return false;
    process_info_write_initial_call(process, false, out);
    return true;
}

static bool translate_initial_call(struct node *node, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    if (!read_local(node, arguments[0], &process))
        return false;
    process_info_write_initial_call(process, true, out);
    return true;
}

/* ---- the system */

static bool system_info(struct node *node, const struct slice *arguments, struct buf *out)
{
    return system_info_write(node, arguments[0], out);
}

static bool statistics(struct node *node, const struct slice *arguments, struct buf *out)
{
    return statistics_write(node, arguments[0], out);
}

static bool memory_0(struct node *node, const struct slice *arguments, struct buf *out)
{
    memory_write(out);
    return true;
}

static bool memory_1(struct node *node, const struct slice *arguments, struct buf *out)
{
    return memory_write_types(arguments[0], out);
}

/* ---- time */

static const uint64_t NANOSECONDS = 1000000000; /* of a second: the native unit, as on most systems */

static const struct {
    const char *name;
    uint64_t parts; /* of a second */
} units[] = {
    {"native", 1000000000},
    {"nanosecond", 1000000000},
    {"microsecond", 1000000},
    {"millisecond", 1000},
    {"second", 1},
    {"perf_counter", 1000000000},
    {"nano_seconds", 1000000000},
    {"micro_seconds", 1000000},
    {"milli_seconds", 1000},
    {"seconds", 1},
};

/* A name, or parts per second down to the clock's own. */
static bool read_unit(struct slice term, uint64_t *parts)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (etf_is_atom(term, units[i].name)) {
            *parts = units[i].parts;
            return true;
        }
    }
    return etf_read_uint64(&term, parts) && *parts > 0 && *parts <= NANOSECONDS;
}

static void write_time(struct buf *out, uint64_t nanoseconds, uint64_t parts)
{
    uint64_t seconds = nanoseconds / NANOSECONDS, rest = nanoseconds % NANOSECONDS;
    etf_write_uint64(out, seconds * parts + rest * parts / NANOSECONDS);
}

static uint64_t system_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

static bool system_time_0(struct node *node, const struct slice *arguments, struct buf *out)
{
    etf_write_uint64(out, system_now());
    return true;
}

static bool system_time_1(struct node *node, const struct slice *arguments, struct buf *out)
{
    uint64_t parts;
    if (!read_unit(arguments[0], &parts))
        return false;
    write_time(out, system_now(), parts);
    return true;
}

static bool monotonic_time_0(struct node *node, const struct slice *arguments, struct buf *out)
{
    etf_write_uint64(out, uv_hrtime());
    return true;
}

static bool monotonic_time_1(struct node *node, const struct slice *arguments, struct buf *out)
{
    uint64_t parts;
    if (!read_unit(arguments[0], &parts))
        return false;
    write_time(out, uv_hrtime(), parts);
    return true;
}

/* ---- what Elixir says otherwise */

static bool whereis_elixir(struct node *node, const struct slice *arguments, struct buf *out)
{
    return whereis_or(node, arguments[0], "nil", out);
}

static bool info_1(struct node *node, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    if (!read_local(node, arguments[0], &process))
        return false;
    if (process == NULL)
        etf_write_atom(out, "nil");
    else
        process_info_write(process, out);
    return true;
}

static bool info_2(struct node *node, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    size_t mark = out->size;
    bool named = etf_is_atom(arguments[1], "registered_name");
    if (!read_local(node, arguments[0], &process) || !process_info_write_items(process, arguments[1], out))
        return false;
    if (process != NULL && (process->registered || !named))
        return true;
    out->size = mark;
    if (process == NULL) {
        etf_write_atom(out, "nil");
        return true;
    }
    etf_write_tuple(out, 2);
    etf_write_term(out, arguments[1]);
    etf_write_nil(out);
    return true;
}

static bool version(struct node *node, const struct slice *arguments, struct buf *out)
{
    etf_write_binary_text(out, node->rpc->config.version);
    return true;
}

static const struct function functions[] = {
    {"erlang", "node", 0, node_0, NULL},
    {"erlang", "nodes", 0, nodes_0, NULL},
    {"erlang", "nodes", 1, nodes_1, NULL},
    {"erlang", "processes", 0, processes, NULL},
    {"erlang", "registered", 0, registered, NULL},
    {"erlang", "whereis", 1, whereis, NULL},
    {"erlang", "is_process_alive", 1, is_process_alive, NULL},
    {"erlang", "process_info", 1, process_info_1, NULL},
    {"erlang", "process_info", 2, process_info_2, NULL},
    {"erlang", "system_info", 1, system_info, NULL},
    {"erlang", "statistics", 1, statistics, NULL},
    {"erlang", "memory", 0, memory_0, NULL},
    {"erlang", "memory", 1, memory_1, NULL},
    {"erlang", "system_time", 0, system_time_0, NULL},
    {"erlang", "system_time", 1, system_time_1, NULL},
    {"erlang", "monotonic_time", 0, monotonic_time_0, NULL},
    {"erlang", "monotonic_time", 1, monotonic_time_1, NULL},
    {"proc_lib", "initial_call", 1, initial_call, NULL},
    {"proc_lib", "translate_initial_call", 1, translate_initial_call, NULL},
    {"net_kernel", "get_net_ticktime", 0, net_ticktime, NULL},
    {"Elixir.Process", "alive?", 1, is_process_alive, "is_process_alive"},
    {"Elixir.Process", "whereis", 1, whereis_elixir, "whereis"},
    {"Elixir.Process", "info", 1, info_1, "process_info"},
    {"Elixir.Process", "info", 2, info_2, "process_info"},
    {"Elixir.Process", "list", 0, processes, "processes"},
    {"Elixir.Process", "registered", 0, registered, "registered"},
    {"Elixir.Node", "self", 0, node_0, "node"},
    {"Elixir.Node", "list", 0, nodes_0, "nodes"},
    {"Elixir.Node", "list", 1, nodes_1, "nodes"},
    {"Elixir.System", "version", 0, version, NULL},
};

const struct function *function_find(struct slice module, struct slice name, unsigned arity)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const struct function *function = &functions[i];
        if (function->arity == arity && etf_is_atom(name, function->name) &&
            etf_is_atom(module, function->module))
            return function;
    }
    return NULL;
}
