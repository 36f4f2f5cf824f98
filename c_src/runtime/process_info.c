/* The items of process_info as a table. Knows no kind of process but gen_server. */
#include "runtime/process_info.h"

#include "runtime/gen_server.h"
#include "runtime/links.h"
#include "runtime/mailbox.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/registry.h"
#include "runtime/sys_status.h"
#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <assert.h>
#include <utlist.h>

typedef void (*write_item)(const struct process *process, struct buf *out);

/* Supervisors too, whose messages go through their own receive first. */
static const struct gen_server *gen_server_of(const struct process *process)
{
    return process->type->release == gen_server_release ? (const struct gen_server *)process : NULL;
}

static bool is_gen_server(const struct process *process)
{
    return gen_server_of(process) != NULL;
}

static size_t memory_of(const struct process *process)
{
    const struct gen_server_type *type = (const struct gen_server_type *)process->type;
    size_t bytes =
        process->type->size + mailbox_bytes(process->mailbox) + process->link_count * sizeof(struct link);
    if (is_gen_server(process) && type->state_bytes != NULL)
        bytes += type->state_bytes(gen_server_of(process));
    return bytes;
}

/* ---- values without a meaning here: what a process has that never used them */

static void write_zero(const struct process *process, struct buf *out)
{
    etf_write_uint64(out, 0);
}

static void write_nothing(const struct process *process, struct buf *out)
{
    etf_write_nil(out);
}

static void write_false(const struct process *process, struct buf *out)
{
    etf_write_bool(out, false);
}

static void write_normal(const struct process *process, struct buf *out)
{
    etf_write_atom(out, "normal");
}

static void write_off_heap(const struct process *process, struct buf *out)
{
    etf_write_atom(out, "off_heap");
}

static void write_error_handler(const struct process *process, struct buf *out)
{
    etf_write_atom(out, "error_handler");
}

static void write_empty_binary(const struct process *process, struct buf *out)
{
    etf_write_binary(out, slice_of(NULL, 0));
}

static void write_pair_zero(struct buf *out, const char *key)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, key);
    etf_write_uint64(out, 0);
}

static void write_garbage_collection(const struct process *process, struct buf *out)
{
    etf_write_list(out, 5);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "max_heap_size");
    etf_write_map(out, 3);
    etf_write_atom(out, "error_logger");
    etf_write_bool(out, false);
    etf_write_atom(out, "kill");
    etf_write_bool(out, false);
    etf_write_atom(out, "size");
    etf_write_uint64(out, 0);
    write_pair_zero(out, "min_bin_vheap_size");
    write_pair_zero(out, "min_heap_size");
    write_pair_zero(out, "fullsweep_after");
    write_pair_zero(out, "minor_gcs");
    etf_write_nil(out);
}

/* ---- what it is and does */

/* [] if it has none */
static void write_registered_name(const struct process *process, struct buf *out)
{
    struct slice name = registry_name(process);
    if (process->registered)
        etf_write_atom_slice(out, name);
    else
        etf_write_nil(out);
}

static void write_current_function(const struct process *process, struct buf *out)
{
    etf_write_tuple(out, 3);
    etf_write_atom(out, is_gen_server(process) ? "gen_server" : process->type->module);
    etf_write_atom(out, "receive");
    etf_write_uint64(out, 2);
}

static void write_current_location(const struct process *process, struct buf *out)
{
    etf_write_tuple(out, 4);
    etf_write_atom(out, is_gen_server(process) ? "gen_server" : process->type->module);
    etf_write_atom(out, "receive");
    etf_write_uint64(out, 2);
    etf_write_nil(out);
}

static void write_current_stacktrace(const struct process *process, struct buf *out)
{
    etf_write_list(out, 1);
    write_current_location(process, out);
    etf_write_nil(out);
}

static void write_initial_call(const struct process *process, struct buf *out)
{
    etf_write_tuple(out, 3);
    etf_write_atom(out, process->type->module);
    etf_write_atom(out, "init");
    etf_write_uint64(out, 1);
}

static void write_status(const struct process *process, struct buf *out)
{
    const char *status = "waiting";
    if (process->exit_reason != NULL)
        status = "exiting";
    else if (process->running > 0)
        status = "running";
    else if (process->queued)
        status = "runnable";
    etf_write_atom(out, status);
}

static void write_trap_exit(const struct process *process, struct buf *out)
{
    etf_write_bool(out, process->trap_exit);
}

static void write_parent(const struct process *process, struct buf *out)
{
    process_id id = process->parent;
    struct pid pid = {.node = buf_slice(&process->node->atom),
                      .id = (uint32_t)id,
                      .serial = (uint32_t)(id >> 32),
                      .creation = process->node->creation};
    if (id == 0)
        etf_write_atom(out, "undefined");
    else
        pid_write(out, &pid);
}

static void write_dictionary(const struct process *process, struct buf *out)
{
    if (is_gen_server(process))
        sys_write_dictionary(gen_server_of(process), out);
    else
        etf_write_nil(out);
}

static void write_message_queue_len(const struct process *process, struct buf *out)
{
    etf_write_uint64(out, mailbox_length(process->mailbox));
}

static void write_messages(const struct process *process, struct buf *out)
{
    size_t mark = etf_list_open(out);
    mailbox_write(process->mailbox, out);
    etf_list_close(out, mark, mailbox_length(process->mailbox));
}

static void write_memory(const struct process *process, struct buf *out)
{
    etf_write_uint64(out, memory_of(process));
}

static void write_heap_size(const struct process *process, struct buf *out)
{
    etf_write_uint64(out, memory_of(process) / sizeof(void *));
}

static void write_reductions(const struct process *process, struct buf *out)
{
    etf_write_uint64(out, process->messages);
}

/* ---- links and monitors */

/* remote: its numbers. */
static void write_remote_pid(const struct peer *peer, struct pid remote, struct buf *out)
{
    remote.node = buf_slice(&peer->atom);
    pid_write(out, &remote);
}

static struct pid linked_pid(const struct remote_link *link)
{
    return (struct pid){.id = link->key.id, .serial = link->key.serial, .creation = link->key.creation};
}

static void write_links(const struct process *process, struct buf *out)
{
    size_t mark = etf_list_open(out);
    uint32_t count = 0;
    struct link_walk walk = link_walk_begin(process);
    struct process *linked;
    for (; (linked = link_walk_next(&walk)) != NULL; count++)
        process_write_pid(linked, out);
    for (struct remote_link *link = process_ties(process)->remote_links; link != NULL; link = link->next) {
        if (link->unlink_id != 0)
            continue;
        write_remote_pid(link->key.peer, linked_pid(link), out);
        count++;
    }
    etf_list_close(out, mark, count);
}

static void write_monitors(const struct process *process, struct buf *out)
{
    size_t mark = etf_list_open(out);
    uint32_t count = 0;
    for (struct monitor *monitor = process_ties(process)->watching; monitor != NULL;
         monitor = monitor->watcher_next) {
        if (monitor->spawning)
            continue;
        count++;
        etf_write_tuple(out, 2);
        etf_write_atom(out, "process");
        monitor_write_object(monitor, out);
    }
    etf_list_close(out, mark, count);
}

static void write_monitored_by(const struct process *process, struct buf *out)
{
    size_t mark = etf_list_open(out);
    uint32_t count = 0;
    for (struct monitor *monitor = process->watchers; monitor != NULL;
         monitor = monitor->watched_next, count++) {
        struct pid pid =
            monitor->watcher_remote ? monitor_remote_pid(monitor) : process_pid(monitor->watcher.process);
        pid_write(out, &pid);
    }
    etf_list_close(out, mark, count);
}

/* ---- the items */

static const struct item {
    const char *name;
    write_item write;
} items[] = {
    /* process_info/1 shows these, in this order */
    {"registered_name", write_registered_name},
    {"current_function", write_current_function},
    {"initial_call", write_initial_call},
    {"status", write_status},
    {"message_queue_len", write_message_queue_len},
    {"links", write_links},
    {"dictionary", write_dictionary},
    {"trap_exit", write_trap_exit},
    {"error_handler", write_error_handler},
    {"priority", write_normal},
    {"group_leader", process_write_pid},
    {"total_heap_size", write_heap_size},
    {"heap_size", write_heap_size},
    {"stack_size", write_zero},
    {"reductions", write_reductions},
    {"garbage_collection", write_garbage_collection},
    {"suspending", write_nothing},
    /* and these only if asked for */
    {"memory", write_memory},
    {"monitors", write_monitors},
    {"monitored_by", write_monitored_by},
    {"messages", write_messages},
    {"message_queue_data", write_off_heap},
    {"parent", write_parent},
    {"current_location", write_current_location},
    {"current_stacktrace", write_current_stacktrace},
    {"binary", write_nothing},
    {"backtrace", write_empty_binary},
    {"catchlevel", write_zero},
    {"last_calls", write_false},
    {"sequential_trace_token", write_nothing},
    {"trace", write_zero},
};

enum {
    ITEMS = sizeof items / sizeof *items,
    ITEMS_SHOWN = 17,
    INFO_SIZE_MAX = 1 << 28, /* bytes: who asks for more, by naming large items again and again, is refused */
};

static const struct item *find_item(struct slice term)
{
    for (int i = 0; i < ITEMS; i++) {
        if (etf_is_atom(term, items[i].name))
            return &items[i];
    }
    return NULL;
}

/* {Item, Value} */
static void write_pair(const struct process *process, const struct item *item, struct buf *out)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, item->name);
    item->write(process, out);
}

void process_info_write(const struct process *process, struct buf *out)
{
    if (process == NULL) {
        etf_write_atom(out, "undefined");
        return;
    }
    /* who has no name does not show it */
    int first = process->registered ? 0 : 1;
    etf_write_list(out, (uint32_t)(ITEMS_SHOWN - first));
    for (int i = first; i < ITEMS_SHOWN; i++)
        write_pair(process, &items[i], out);
    etf_write_nil(out);
}

static bool write_list(const struct process *process, struct slice names, struct buf *out)
{
    struct etf_list list;
    struct slice name;
    uint32_t count = 0;
    size_t mark = etf_list_open(out);
    etf_list_begin(&list, names);
    for (; etf_list_next(&list, &name); count++) {
        const struct item *item = find_item(name);
        if (item == NULL || out->size - mark > INFO_SIZE_MAX)
            break;
        if (process != NULL)
            write_pair(process, item, out);
    }
    if (!list.proper) {
        out->size = mark;
        return false;
    }
    etf_list_close(out, mark, count);
    if (process == NULL) {
        out->size = mark;
        etf_write_atom(out, "undefined");
    }
    return true;
}

bool process_info_write_items(const struct process *process, struct slice names, struct buf *out)
{
    const struct item *item = find_item(names);
    if (etf_type(names) != TERM_ATOM)
        return write_list(process, names, out);
    if (item == NULL)
        return false;
    if (process == NULL)
        etf_write_atom(out, "undefined");
    else if (item == &items[0] && !process->registered)
        etf_write_nil(out);
    else
        write_pair(process, item, out);
    return true;
}

void process_info_write_initial_call(const struct process *process, bool translated, struct buf *out)
{
    if (process != NULL && is_gen_server(process)) {
        sys_write_initial_call(gen_server_of(process), !translated, out);
    } else if (translated) {
        etf_write_tuple(out, 3);
        etf_write_atom(out, "proc_lib");
        etf_write_atom(out, "init_p");
        etf_write_uint64(out, 5);
    } else {
        etf_write_bool(out, false);
    }
}

void process_info_write_value(const struct process *process, const char *name, struct buf *out)
{
    int i = 0;
    while (strcmp(items[i].name, name) != 0) {
        i++;
        assert(i < ITEMS);
    }
    items[i].write(process, out);
}
