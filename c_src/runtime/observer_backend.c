/* Snapshots of the node for observer. Knows no connection. */
#include "runtime/observer_backend.h"

#include "runtime/node.h"
#include "runtime/rpc.h"
#include "runtime/statistics.h"
#include "runtime/system_info.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <limits.h>
#include <stdio.h>

/* ---- small things */

static void write_key(struct buf *out, const char *key)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, key);
}

/* {Key, Number} */
static void write_number(struct buf *out, const char *key, uint64_t number)
{
    write_key(out, key);
    etf_write_uint64(out, number);
}

static void write_system(struct node *node, const char *item, struct buf *out)
{
    struct buf atom = BUF_EMPTY;
    etf_write_atom(&atom, item);
    system_info_write(node, buf_slice(&atom), out);
    buf_release(&atom);
}

/* As runtime_tools' version, which etop wants to see. */
static bool vsn(struct process *self, const struct slice *arguments, struct buf *out)
{
    write_key(out, "ok");
    etf_write_charlist(out, slice_of_text(self->node->rpc->config.version));
    return true;
}

static bool nothing(struct process *self, const struct slice *arguments, struct buf *out)
{
    etf_write_nil(out);
    return true;
}

/* Of ets: []; of mnesia what observer shows: {error, "Mnesia is not running on: Node"} */
static bool get_table_list(struct process *self, const struct slice *arguments, struct buf *out)
{
    char text[300];
    if (etf_is_atom(arguments[0], "ets")) {
        etf_write_nil(out);
        return true;
    }
    if (!etf_is_atom(arguments[0], "mnesia"))
        return false;
    snprintf(text, sizeof text, "Mnesia is not running on: %.260s", self->node->name);
    write_key(out, "error");
    etf_write_charlist(out, slice_of_text(text));
    return true;
}

static bool socket_info(struct process *self, const struct slice *arguments, struct buf *out)
{
    static const char *const counters[] = {"num_monitors", "num_dinet",   "num_dinet6",   "num_dlocal",
                                           "num_pip",      "num_psctp",   "num_ptcp",     "num_pudp",
                                           "num_sockets",  "num_tdgrams", "num_tseqpkgs", "num_tstreams"};
    const size_t count = sizeof counters / sizeof *counters;
    etf_write_list(out, (uint32_t)count + 2);
    write_number(out, "iov_max", IOV_MAX);
    write_number(out, "num_cnt_bits", 64);
    for (size_t i = 0; i < count; i++)
        write_number(out, counters[i], 0);
    etf_write_nil(out);
    return true;
}

/* ---- sys_info */

static void write_uptime(struct node *node, struct buf *out)
{
    etf_write_uint64(out, node_now_ms(node) - node->started_ms);
}

static void write_run_queue(struct node *node, struct buf *out)
{
    statistics_write_item(node, "run_queue", out);
}

static void write_input(struct node *node, struct buf *out)
{
    etf_write_uint64(out, node->bytes_in);
}

static void write_output(struct node *node, struct buf *out)
{
    etf_write_uint64(out, node->bytes_out);
}

static void write_schedulers(struct node *node, struct buf *out)
{
    write_system(node, "schedulers", out);
}

static void write_wordsize(struct node *node, struct buf *out)
{
    write_system(node, "wordsize", out);
}

static void write_allocators(struct node *node, struct buf *out)
{
    system_info_write_allocator_sizes(out);
}

/* Those without a function are items of system_info. */
static const struct {
    const char *name;
    void (*write)(struct node *node, struct buf *out);
} sys_items[] = {
    {"uptime", write_uptime},
    {"run_queue", write_run_queue},
    {"io_input", write_input},
    {"io_output", write_output},
    {"logical_processors", NULL},
    {"logical_processors_online", NULL},
    {"logical_processors_available", NULL},
    {"schedulers", NULL},
    {"schedulers_online", NULL},
    {"schedulers_available", write_schedulers},
    {"otp_release", NULL},
    {"version", NULL},
    {"system_architecture", NULL},
    {"kernel_poll", NULL},
    {"smp_support", NULL},
    {"threads", NULL},
    {"thread_pool_size", NULL},
    {"wordsize_internal", write_wordsize},
    {"wordsize_external", write_wordsize},
    {"alloc_info", write_allocators},
    {"process_count", NULL},
    {"atom_limit", NULL},
    {"atom_count", NULL},
    {"process_limit", NULL},
    {"process_count", NULL},
    {"port_limit", NULL},
    {"port_count", NULL},
    {"ets_limit", NULL},
    {"ets_count", NULL},
    {"dist_buf_busy_limit", NULL},
};

static bool sys_info(struct process *self, const struct slice *arguments, struct buf *out)
{
    const size_t count = sizeof sys_items / sizeof *sys_items;
    etf_write_list(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        write_key(out, sys_items[i].name);
        if (sys_items[i].write != NULL)
            sys_items[i].write(self->node, out);
        else
            write_system(self->node, sys_items[i].name, out);
    }
    memory_write(out); /* the list goes on with it */
    return true;
}

static const struct function functions[] = {
    FUNCTION("observer_backend", "vsn", 0, vsn),
    FUNCTION("observer_backend", "sys_info", 0, sys_info),
    FUNCTION("observer_backend", "get_port_list", 0, nothing),
    FUNCTION("observer_backend", "get_socket_list", 0, nothing),
    FUNCTION("observer_backend", "socket_info", 0, socket_info),
    FUNCTION("observer_backend", "get_table_list", 2, get_table_list),
};

const struct function_table observer_functions = FUNCTION_TABLE(functions);
