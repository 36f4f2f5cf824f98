/* Counters of the node and of its operating-system process. Reductions are messages handled. */
#include "runtime/statistics.h"

#include "runtime/node.h"
#include "runtime/rpc.h"
#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <assert.h>
#include <sys/resource.h>
#include <time.h>
#include <uv.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* ---- statistics */

static uint64_t runtime_ms(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (uint64_t)usage.ru_utime.tv_sec * 1000 + (uint64_t)usage.ru_utime.tv_usec / 1000;
}

static void write_two(struct buf *out, uint64_t first, uint64_t second)
{
    etf_write_tuple(out, 2);
    etf_write_uint64(out, first);
    etf_write_uint64(out, second);
}

/* {Total, SinceLast} */
static void write_since(struct buf *out, uint64_t total, uint64_t *seen)
{
    write_two(out, total, total - *seen);
    *seen = total;
}

static void write_runtime(struct node *node, struct buf *out)
{
    write_since(out, runtime_ms(), &node->rpc->seen.runtime_ms);
}

static void write_wall_clock(struct node *node, struct buf *out)
{
    write_since(out, node_now_ms(node) - node->started_ms, &node->rpc->seen.wall_clock_ms);
}

static void write_reductions(struct node *node, struct buf *out)
{
    write_since(out, node->messages, &node->rpc->seen.reductions);
}

static void write_exact_reductions(struct node *node, struct buf *out)
{
    write_since(out, node->messages, &node->rpc->seen.exact_reductions);
}

static void write_io(struct node *node, struct buf *out)
{
    etf_write_tuple(out, 2);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "input");
    etf_write_uint64(out, node->bytes_in);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "output");
    etf_write_uint64(out, node->bytes_out);
}

static uint64_t run_queue_length(const struct node *node)
{
    uint64_t length = 0;
    for (const struct process *process = node->run_first; process != NULL; process = process->run_next)
        length++;
    return length;
}

static void write_run_queue(struct node *node, struct buf *out)
{
    etf_write_uint64(out, run_queue_length(node));
}

/* One scheduler, so one queue. */
static void write_run_queues(struct node *node, struct buf *out)
{
    etf_write_list(out, 1);
    etf_write_uint64(out, run_queue_length(node));
    etf_write_nil(out);
}

/* The task that asks is active. */
static void write_active(struct node *node, struct buf *out)
{
    etf_write_uint64(out, run_queue_length(node) + 1);
}

static void write_actives(struct node *node, struct buf *out)
{
    etf_write_list(out, 1);
    write_active(node, out);
    etf_write_nil(out);
}

static void write_garbage_collection(struct node *node, struct buf *out)
{
    etf_write_tuple(out, 3);
    for (int i = 0; i < 3; i++)
        etf_write_uint64(out, 0);
}

static void write_context_switches(struct node *node, struct buf *out)
{
    write_two(out, node->messages, 0);
}

static uint64_t thread_time_ns(void)
{
    struct timespec time;
    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) != 0
               ? 0
               : (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* [{1, Active, Total}]: the one scheduler is the loop's thread, active while it has a processor. undefined
 * while nobody wants it counted. */
static void write_wall_time(struct node *node, struct buf *out)
{
    if (node->rpc->wall_time_holders == 0) {
        etf_write_atom(out, "undefined");
        return;
    }
    etf_write_list(out, 1);
    etf_write_tuple(out, 3);
    etf_write_uint64(out, 1);
    etf_write_uint64(out, thread_time_ns());
    etf_write_uint64(out, uv_hrtime() - node->started_ms * 1000000);
    etf_write_nil(out);
}

static void write_undefined(struct node *node, struct buf *out)
{
    etf_write_atom(out, "undefined");
}

static const struct {
    const char *name;
    void (*write)(struct node *node, struct buf *out);
} statistics[] = {
    {"runtime", write_runtime},
    {"wall_clock", write_wall_clock},
    {"reductions", write_reductions},
    {"exact_reductions", write_exact_reductions},
    {"io", write_io},
    {"run_queue", write_run_queue},
    {"run_queue_lengths", write_run_queues},
    {"run_queue_lengths_all", write_run_queues},
    {"total_run_queue_lengths", write_run_queue},
    {"total_run_queue_lengths_all", write_run_queue},
    {"active_tasks", write_actives},
    {"active_tasks_all", write_actives},
    {"total_active_tasks", write_active},
    {"total_active_tasks_all", write_active},
    {"garbage_collection", write_garbage_collection},
    {"context_switches", write_context_switches},
    {"scheduler_wall_time", write_wall_time},
    {"scheduler_wall_time_all", write_wall_time},
    {"microstate_accounting", write_undefined}, /* as where the flag was never set */
};

bool statistics_write(struct node *node, struct slice item, struct buf *out)
{
    for (size_t i = 0; i < sizeof statistics / sizeof *statistics; i++) {
        if (etf_is_atom(item, statistics[i].name)) {
            statistics[i].write(node, out);
            return true;
        }
    }
    return false;
}

void statistics_write_item(struct node *node, const char *item, struct buf *out)
{
    struct buf atom = BUF_EMPTY;
    etf_write_atom(&atom, item);
    bool known = statistics_write(node, buf_slice(&atom), out);
    assert(known);
    buf_release(&atom);
}

/* ---- memory */

enum { TOTAL, PROCESSES, PROCESSES_USED, SYSTEM, ATOM, ATOM_USED, BINARY, CODE, ETS, TYPES };

static const char *const types[TYPES] = {"total",     "processes", "processes_used", "system", "atom",
                                         "atom_used", "binary",    "code",           "ets"};

bool memory_heap(uint64_t *used, uint64_t *held)
{
#ifdef __GLIBC__
    struct mallinfo2 info = mallinfo2();
    *used = info.uordblks + info.hblkhd;
    *held = info.arena + info.hblkhd;
    return *held > 0; /* another malloc in its place leaves it 0 */
#else
    *used = *held = 0;
    return false;
#endif
}

static void read_memory(uint64_t bytes[TYPES])
{
    size_t resident = 0;
    uv_resident_set_memory(&resident); /* 0 if it cannot be found out */
    uint64_t heap, held;
    memory_heap(&heap, &held); /* nearly all of it is processes and what they hold */
    memset(bytes, 0, TYPES * sizeof *bytes);
    bytes[TOTAL] = heap > resident ? heap : resident;
    bytes[PROCESSES] = heap;
    bytes[PROCESSES_USED] = heap;
    bytes[SYSTEM] = bytes[TOTAL] - heap;
}

static int find_type(struct slice term)
{
    for (int i = 0; i < TYPES; i++) {
        if (etf_is_atom(term, types[i]))
            return i;
    }
    return -1;
}

/* {Type, Bytes} */
static void write_type(struct buf *out, int type, const uint64_t bytes[TYPES])
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, types[type]);
    etf_write_uint64(out, bytes[type]);
}

void memory_write(struct buf *out)
{
    uint64_t bytes[TYPES];
    read_memory(bytes);
    etf_write_list(out, TYPES);
    for (int i = 0; i < TYPES; i++)
        write_type(out, i, bytes);
    etf_write_nil(out);
}

static bool write_types(struct slice names, struct buf *out, const uint64_t bytes[TYPES])
{
    struct etf_list list;
    struct slice name;
    uint32_t count = 0;
    size_t mark = etf_list_open(out);
    etf_list_begin(&list, names);
    for (; etf_list_next(&list, &name); count++) {
        int type = find_type(name);
        if (type < 0)
            break;
        write_type(out, type, bytes);
    }
    if (!list.proper) {
        out->size = mark;
        return false;
    }
    etf_list_close(out, mark, count);
    return true;
}

bool memory_write_types(struct slice names, struct buf *out)
{
    uint64_t bytes[TYPES];
    read_memory(bytes);
    if (etf_type(names) != TERM_ATOM)
        return write_types(names, out, bytes);
    int type = find_type(names);
    if (type < 0)
        return false;
    etf_write_uint64(out, bytes[type]);
    return true;
}
