/* Finds functions in all tables; the first of them, about nodes, processes and the system, is here.
 * Knows no to-do and no connection. */
#include "runtime/rpc_functions.h"

#include "runtime/appmon_info.h"
#include "runtime/code_functions.h"
#include "runtime/node.h"
#include "runtime/observer_backend.h"
#include "runtime/observer_collectors.h"
#include "runtime/process_info.h"
#include "runtime/registry.h"
#include "runtime/rpc.h"
#include "runtime/statistics.h"
#include "runtime/sys_functions.h"
#include "runtime/system_info.h"
#include "runtime/time_functions.h"
#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <stdio.h>
#include <unistd.h>

/* ---- nodes */

static bool node_0(struct process *self, const struct slice *arguments, struct buf *out)
{
    etf_write_term(out, buf_slice(&self->node->atom));
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

static bool nodes_1(struct process *self, const struct slice *arguments, struct buf *out)
{
    unsigned which;
    uint32_t count = 0;
    if (!read_node_types(arguments[0], &which))
        return false;
    size_t mark = etf_list_open(out);
    for (struct peer *peer = which & NODES_PEERS ? self->node->peers : NULL; peer != NULL;
         peer = peer->hh.next, count++)
        etf_write_term(out, buf_slice(&peer->atom));
    if (which & NODES_THIS) {
        etf_write_term(out, buf_slice(&self->node->atom));
        count++;
    }
    etf_list_close(out, mark, count);
    return true;
}

static bool nodes_0(struct process *self, const struct slice *arguments, struct buf *out)
{
    etf_write_nil(out); /* the visible ones */
    return true;
}

static bool net_ticktime(struct process *self, const struct slice *arguments, struct buf *out)
{
    etf_write_uint64(out, self->node->rpc->config.net_ticktime_s);
    return true;
}

/* ---- processes */

static bool processes(struct process *self, const struct slice *arguments, struct buf *out)
{
    uint32_t count = 0;
    size_t mark = etf_list_open(out);
    for (uint32_t slot = 1; slot < self->node->slot_used; slot++) {
        if (self->node->slots[slot].process == NULL)
            continue;
        process_write_pid(self->node->slots[slot].process, out);
        count++;
    }
    etf_list_close(out, mark, count);
    return true;
}

static bool registered(struct process *self, const struct slice *arguments, struct buf *out)
{
    struct table_walk walk = {0};
    struct table_link *link;
    size_t mark = etf_list_open(out);
    while ((link = table_next(&self->node->registry, &walk)) != NULL) {
        const struct registered *name = TABLE_RECORD(link, struct registered, link);
        etf_write_atom_slice(out, slice_of(name->text, name->size));
    }
    etf_list_close(out, mark, self->node->registry.count);
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

static bool whereis(struct process *self, const struct slice *arguments, struct buf *out)
{
    return whereis_or(self->node, arguments[0], "undefined", out);
}

bool function_read_local(struct process *self, struct slice term, struct process **process)
{
    struct pid pid;
    if (!pid_read(&term, &pid) || !node_is_self(self->node, pid.node))
        return false;
    *process = process_find_pid(self->node, &pid);
    return true;
}

static bool is_process_alive(struct process *self, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    if (!function_read_local(self, arguments[0], &process))
        return false;
    etf_write_bool(out, process != NULL);
    return true;
}

static bool process_info_1(struct process *self, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    if (!function_read_local(self, arguments[0], &process))
        return false;
    process_info_write(process, out);
    return true;
}

static bool process_info_2(struct process *self, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    return function_read_local(self, arguments[0], &process) &&
           process_info_write_items(process, arguments[1], out);
}

static bool initial_call(struct process *self, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    if (!function_read_local(self, arguments[0], &process))
        return false;
    process_info_write_initial_call(process, false, out);
    return true;
}

static bool translate_initial_call(struct process *self, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    if (!function_read_local(self, arguments[0], &process))
        return false;
    process_info_write_initial_call(process, true, out);
    return true;
}

/* ---- the system */

static bool system_info(struct process *self, const struct slice *arguments, struct buf *out)
{
    return system_info_write(self->node, arguments[0], out);
}

static bool statistics(struct process *self, const struct slice *arguments, struct buf *out)
{
    return statistics_write(self->node, arguments[0], out);
}

static bool memory_0(struct process *self, const struct slice *arguments, struct buf *out)
{
    memory_write(out);
    return true;
}

static bool memory_1(struct process *self, const struct slice *arguments, struct buf *out)
{
    return memory_write_types(arguments[0], out);
}

static bool self_0(struct process *self, const struct slice *arguments, struct buf *out)
{
    process_write_pid(self, out);
    return true;
}

static bool is_true(struct process *self, const struct slice *arguments, struct buf *out)
{
    etf_write_bool(out, true);
    return true;
}

static bool nothing(struct process *self, const struct slice *arguments, struct buf *out)
{
    etf_write_nil(out);
    return true;
}

/* There is no garbage: it is collected. */
static bool garbage_collect(struct process *self, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    if (!function_read_local(self, arguments[0], &process))
        return false;
    etf_write_bool(out, process != NULL);
    return true;
}

/* scheduler_wall_time: as it was. What is set holds until the process ends that has set it, which is now. */
static bool system_flag(struct process *self, const struct slice *arguments, struct buf *out)
{
    if (!etf_is_atom(arguments[0], "scheduler_wall_time") ||
        (!etf_is_atom(arguments[1], "true") && !etf_is_atom(arguments[1], "false")))
        return false;
    etf_write_bool(out, self->node->rpc->wall_time_holders > 0);
    return true;
}

static bool getpid_0(struct process *self, const struct slice *arguments, struct buf *out)
{
    char text[24];
    snprintf(text, sizeof text, "%ld", (long)getpid());
    etf_write_charlist(out, slice_of_text(text));
    return true;
}

/* #{count => 0, memory => 0} */
static bool persistent_terms(struct process *self, const struct slice *arguments, struct buf *out)
{
    etf_write_map(out, 2);
    etf_write_atom(out, "count");
    etf_write_uint64(out, 0);
    etf_write_atom(out, "memory");
    etf_write_uint64(out, 0);
    return true;
}

/* ---- what Elixir says otherwise */

static bool whereis_elixir(struct process *self, const struct slice *arguments, struct buf *out)
{
    return whereis_or(self->node, arguments[0], "nil", out);
}

static bool info_1(struct process *self, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    if (!function_read_local(self, arguments[0], &process))
        return false;
    if (process == NULL)
        etf_write_atom(out, "nil");
    else
        process_info_write(process, out);
    return true;
}

static bool info_2(struct process *self, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    size_t mark = out->size;
    bool named = etf_is_atom(arguments[1], "registered_name");
    if (!function_read_local(self, arguments[0], &process) ||
        !process_info_write_items(process, arguments[1], out))
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

static bool version(struct process *self, const struct slice *arguments, struct buf *out)
{
    etf_write_binary_text(out, self->node->rpc->config.version);
    return true;
}

static const struct function functions[] = {
    FUNCTION("erlang", "node", 0, node_0),
    FUNCTION("erlang", "nodes", 0, nodes_0),
    FUNCTION("erlang", "nodes", 1, nodes_1),
    FUNCTION("erlang", "processes", 0, processes),
    FUNCTION("erlang", "registered", 0, registered),
    FUNCTION("erlang", "whereis", 1, whereis),
    FUNCTION("erlang", "is_process_alive", 1, is_process_alive),
    FUNCTION("erlang", "process_info", 1, process_info_1),
    FUNCTION("erlang", "process_info", 2, process_info_2),
    FUNCTION("erlang", "system_info", 1, system_info),
    FUNCTION("erlang", "statistics", 1, statistics),
    FUNCTION("erlang", "memory", 0, memory_0),
    FUNCTION("erlang", "memory", 1, memory_1),
    FUNCTION("erlang", "self", 0, self_0),
    FUNCTION("erlang", "is_alive", 0, is_true),
    FUNCTION("erlang", "ports", 0, nothing),
    FUNCTION("erlang", "garbage_collect", 1, garbage_collect),
    FUNCTION("erlang", "system_flag", 2, system_flag),
    FUNCTION("ets", "all", 0, nothing),
    FUNCTION("os", "getpid", 0, getpid_0),
    FUNCTION("persistent_term", "info", 0, persistent_terms),
    FUNCTION("proc_lib", "initial_call", 1, initial_call),
    FUNCTION("proc_lib", "translate_initial_call", 1, translate_initial_call),
    FUNCTION("net_kernel", "get_net_ticktime", 0, net_ticktime),
    FUNCTION_OF_BIF("Elixir.Process", "alive?", 1, is_process_alive, "is_process_alive"),
    FUNCTION_OF_BIF("Elixir.Process", "whereis", 1, whereis_elixir, "whereis"),
    FUNCTION_OF_BIF("Elixir.Process", "info", 1, info_1, "process_info"),
    FUNCTION_OF_BIF("Elixir.Process", "info", 2, info_2, "process_info"),
    FUNCTION_OF_BIF("Elixir.Process", "list", 0, processes, "processes"),
    FUNCTION_OF_BIF("Elixir.Process", "registered", 0, registered, "registered"),
    FUNCTION_OF_BIF("Elixir.Node", "self", 0, node_0, "node"),
    FUNCTION_OF_BIF("Elixir.Node", "list", 0, nodes_0, "nodes"),
    FUNCTION_OF_BIF("Elixir.Node", "list", 1, nodes_1, "nodes"),
    FUNCTION("Elixir.System", "version", 0, version),
};

/* ---- all tables */

static const struct function_table own = FUNCTION_TABLE(functions);

static const struct function_table *const tables[] = {&own,
                                                      &time_functions,
                                                      &code_functions,
                                                      &sys_functions,
                                                      &observer_functions,
                                                      &collector_functions,
                                                      &appmon_functions};

const struct function *function_next(uint32_t *index)
{
    uint32_t left = (*index)++;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (left < tables[i]->count)
            return &tables[i]->functions[left];
        left -= (uint32_t)tables[i]->count;
    }
    return NULL;
}

const struct function *function_find(struct slice module, struct slice name, unsigned arity)
{
    const struct function *function;
    for (uint32_t index = 0; (function = function_next(&index)) != NULL;) {
        if (function->arity == arity && etf_is_atom(name, function->name) &&
            etf_is_atom(module, function->module))
            return function;
    }
    return NULL;
}
