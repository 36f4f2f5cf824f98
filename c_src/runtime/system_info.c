/* The items of system_info as tables. Knows no BEAM: what is asked for its internals is badarg. */
#include "runtime/system_info.h"

#include "runtime/aliases.h"
#include "runtime/links.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/registry.h"
#include "runtime/rpc.h"
#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <stdio.h>
#include <unistd.h>
#include <uv.h>

static void write_text(struct buf *out, const char *text)
{
    etf_write_charlist(out, slice_of_text(text));
}

/* ---- numbers */

static uint64_t processes(const struct node *node)
{
    return node->process_count;
}

static uint64_t processes_max(const struct node *node)
{
    return UINT32_MAX;
}

static uint64_t zero(const struct node *node)
{
    return 0;
}

/* Schedulers; and the limit of what cannot be made here, for whoever divides by it. */
static uint64_t one(const struct node *node)
{
    return 1;
}

static uint64_t processors(const struct node *node)
{
    long count = sysconf(_SC_NPROCESSORS_CONF);
    return count > 0 ? (uint64_t)count : 1;
}

static uint64_t processors_online(const struct node *node)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (uint64_t)count : 1;
}

static uint64_t wordsize(const struct node *node)
{
    return sizeof(void *);
}

static uint64_t creation(const struct node *node)
{
    return node->creation;
}

/* ---- the node's own tables */

static uint64_t names(const struct node *node)
{
    return node->registry.count;
}

static uint64_t monitors(const struct node *node)
{
    return node->monitors.count;
}

/* Between processes of this node. */
static uint64_t local_links(const struct node *node)
{
    uint64_t ends = 0;
    for (uint32_t i = 1; i < node->slot_used; i++)
        ends += node->slots[i].process != NULL ? node->slots[i].process->link_count : 0;
    return ends / 2;
}

static uint64_t remote_links(const struct node *node)
{
    return node->remote_links.count;
}

static uint64_t aliases(const struct node *node)
{
    return node->aliases.count;
}

static uint64_t peers(const struct node *node)
{
    return HASH_COUNT(node->peers);
}

static uint64_t peers_pending(const struct node *node)
{
    return HASH_COUNT(node->pending);
}

static uint64_t output_size_max(const struct node *node)
{
    return node->rpc->config.output_size_max;
}

typedef uint64_t (*number)(const struct node *node);

static const struct {
    const char *name;
    number value;
} tables[] = {
    {"processes", processes},
    {"names", names},
    {"monitors", monitors},
    {"local_links", local_links},
    {"remote_links", remote_links},
    {"aliases", aliases},
    {"peers", peers},
    {"peers_pending", peers_pending},
};

/* [{Table, Size}] */
static void write_tables(const struct node *node, struct buf *out)
{
    size_t count = sizeof tables / sizeof *tables;
    etf_write_list(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        etf_write_tuple(out, 2);
        etf_write_atom(out, tables[i].name);
        etf_write_uint64(out, tables[i].value(node));
    }
    etf_write_nil(out);
}

/* ---- the items */

static const struct {
    const char *name;
    number value;
} numbers[] = {
    {"process_count", processes},
    {"process_limit", processes_max},
    {"port_count", zero},
    {"port_limit", one},
    {"atom_count", zero},
    {"atom_limit", one},
    {"ets_count", zero},
    {"ets_limit", one},
    {"schedulers", one},
    {"schedulers_online", one},
    {"dirty_cpu_schedulers", zero},
    {"dirty_cpu_schedulers_online", zero},
    {"dirty_io_schedulers", zero},
    {"thread_pool_size", zero},
    {"logical_processors", processors},
    {"logical_processors_online", processors_online},
    {"logical_processors_available", processors_online},
    {"wordsize", wordsize},
    {"creation", creation},
    {"dist_buf_busy_limit", output_size_max},
};

/* ---- atoms */

static const struct {
    const char *name;
    const char *value;
} atoms[] = {
    {"smp_support", "false"},         {"threads", "true"},   {"kernel_poll", "true"},
    {"multi_scheduling", "disabled"}, {"build_type", "opt"}, {"debug_compiled", "false"},
};

/* ---- memory allocators: the one is malloc */

static const char allocator[] = "sys_alloc";

static void write_allocators(const struct node *node, struct buf *out)
{
    etf_write_list(out, 1);
    etf_write_atom(out, allocator);
    etf_write_nil(out);
}

/* {Key, [Value, ...]}: opens it for length values and the tail */
static void open_pair(struct buf *out, const char *key, uint32_t length)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, key);
    if (length > 0)
        etf_write_list(out, length);
}

/* {size | carriers_size, Now, LastMaximum, Maximum}; malloc keeps no maxima: they are what is known, now. */
static void write_size(struct buf *out, const char *key, uint64_t size)
{
    etf_write_tuple(out, 4);
    etf_write_atom(out, key);
    for (int i = 0; i < 3; i++)
        etf_write_uint64(out, size);
}

/* {sys_alloc, [{instance, 0, [{mbcs, [{blocks, [{sys_alloc, [Size]}]}, CarriersSize]}]}]} */
static void write_heap(struct buf *out)
{
    uint64_t used, held;
    if (!memory_heap(&used, &held)) {
        etf_write_tuple(out, 2);
        etf_write_atom(out, allocator);
        etf_write_bool(out, false);
        return;
    }
    open_pair(out, allocator, 1);
    etf_write_tuple(out, 3);
    etf_write_atom(out, "instance");
    etf_write_uint64(out, 0);
    etf_write_list(out, 1);
    open_pair(out, "mbcs", 2);
    open_pair(out, "blocks", 1);
    open_pair(out, allocator, 1);
    write_size(out, "size", used);
    etf_write_nil(out);
    etf_write_nil(out);
    write_size(out, "carriers_size", held);
    etf_write_nil(out);
    etf_write_nil(out);
    etf_write_nil(out);
}

/* [{sys_alloc, ...}] */
void system_info_write_allocator_sizes(struct buf *out)
{
    etf_write_list(out, 1);
    write_heap(out);
    etf_write_nil(out);
}

/* ---- texts */

static void write_version(const struct node *node, struct buf *out)
{
    write_text(out, node->rpc->config.version);
}

static void write_system_version(const struct node *node, struct buf *out)
{
    char text[256];
    snprintf(text, sizeof text, "%.100s %.100s (C node)\n", node->rpc->config.program,
             node->rpc->config.version);
    write_text(out, text);
}

static void write_machine(const struct node *node, struct buf *out)
{
    write_text(out, node->rpc->config.program);
}

/* The release whose distribution protocol is spoken. */
static void write_otp_release(const struct node *node, struct buf *out)
{
    write_text(out, "25");
}

static void write_architecture(const struct node *node, struct buf *out)
{
    uv_utsname_t system;
    char text[sizeof system.machine + sizeof system.sysname];
    if (uv_os_uname(&system) == 0)
        snprintf(text, sizeof text, "%s-%s", system.machine, system.sysname);
    else
        snprintf(text, sizeof text, "unknown");
    write_text(out, text);
}

/* Ours: how a caller finds out, before it relies on fast_call.h. */
static void write_fast_calls(const struct node *node, struct buf *out)
{
    etf_write_atom(out, "true");
}

static const struct {
    const char *name;
    void (*write)(const struct node *node, struct buf *out);
} others[] = {
    {"version", write_version},
    {"system_version", write_system_version},
    {"machine", write_machine},
    {"otp_release", write_otp_release},
    {"system_architecture", write_architecture},
    {"node_tables", write_tables},
    {"fast_calls", write_fast_calls},
    {"alloc_util_allocators", write_allocators},
};

static bool write_number(struct node *node, struct slice item, struct buf *out)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (etf_is_atom(item, numbers[i].name)) {
            etf_write_uint64(out, numbers[i].value(node));
            return true;
        }
    }
    return false;
}

static bool write_atom(struct slice item, struct buf *out)
{
    for (size_t i = 0; i < sizeof atoms / sizeof *atoms; i++) {
        if (etf_is_atom(item, atoms[i].name)) {
            etf_write_atom(out, atoms[i].value);
            return true;
        }
    }
    return false;
}

/* Of a list of allocators: [sys_alloc]. */
static bool write_allocator_sizes(struct slice names, struct buf *out)
{
    struct etf_list list;
    struct slice name;
    uint32_t count = 0;
    size_t mark = out->size;
    etf_list_begin(&list, names);
    for (; etf_list_next(&list, &name) && etf_is_atom(name, allocator) && count == 0; count++)
        system_info_write_allocator_sizes(out);
    if (list.proper && count == 1)
        return true;
    out->size = mark;
    return false;
}

bool system_info_write(struct node *node, struct slice item, struct buf *out)
{
    struct slice word = item;
    if (etf_read_tagged(&word, "wordsize", 2)) {
        if (!etf_is_atom(word, "internal") && !etf_is_atom(word, "external"))
            return false;
        etf_write_uint64(out, sizeof(void *));
        return true;
    }
    if (etf_read_tagged(&word, "allocator_sizes", 2))
        return write_allocator_sizes(word, out);
    if (write_number(node, item, out) || write_atom(item, out))
        return true;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (etf_is_atom(item, others[i].name)) {
            others[i].write(node, out);
            return true;
        }
    }
    return false;
}
