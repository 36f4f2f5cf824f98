/* The collectors: etop_collect sends everything at once, procs_info the processes in pieces, and fetch_stats
 * counters until nobody listens. Knows no connection beyond whether it has taken what was sent. */
#include "runtime/observer_collectors.h"

#include "runtime/activity.h"
#include "runtime/blob.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/process_info.h"
#include "runtime/process_send.h"
#include "runtime/rpc.h"
#include "runtime/statistics.h"
#include "runtime/time_functions.h"
#include "runtime/timers.h"
#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

enum {
    CHUNK = 10000,     /* processes in one message, as OTP sends them */
    CHUNK_WAIT_MS = 1, /* between two of them */
    STATS_MS_MIN = 10, /* between two samples, whatever is asked for */
};

/* ---- messages to whoever collects */

static void send_term(struct process *self, struct slice to, const struct buf *message)
{
    etf_write_term(process_send_any_begin(self->node, self, to), buf_slice(message));
    process_send_end(self->node);
}

/* True while what was sent to that process before has not left this node. */
static bool is_congested(struct node *node, struct slice to)
{
    struct pid pid;
    if (!pid_read(&to, &pid))
        return false;
    const struct peer *peer = peer_known(node, pid.node);
    return peer != NULL && peer->out.size > 0;
}

/* ---- processes */

/* Its name, or what it was started with. */
static void write_name(const struct process *process, struct buf *out)
{
    process_info_write_value(process, process->registered ? "registered_name" : "initial_call", out);
}

/* #etop_proc_info{}: {etop_proc_info, Pid, Memory, Reductions, Name, Runtime, CurrentFunction, QueueLength}
 */
static void write_process(const struct process *process, struct buf *out)
{
    etf_write_tuple(out, 8);
    etf_write_atom(out, "etop_proc_info");
    process_write_pid(process, out);
    process_info_write_value(process, "memory", out);
    process_info_write_value(process, "reductions", out);
    write_name(process, out);
    etf_write_uint64(out, 0);
    process_info_write_value(process, "current_function", out);
    process_info_write_value(process, "message_queue_len", out);
}

/* A list of the processes from *slot on, without self, at most max; *slot: where to go on. Returns how many.
 */
static uint32_t write_processes(const struct process *self, uint32_t *slot, uint32_t max, struct buf *out)
{
    const struct node *node = self->node;
    uint32_t count = 0;
    size_t mark = etf_list_open(out);
    for (; *slot < node->slot_used && count < max; ++*slot) {
        const struct process *process = node->slots[*slot].process;
        if (process == NULL || process == self)
            continue;
        write_process(process, out);
        count++;
    }
    etf_list_close(out, mark, count);
    return count;
}

/* ---- procs_info: kept is the collector, number the slot to go on with */

static void on_chunk_time(struct process *process, void *argument);

/* {procs_info, Self, Processes} */
static void send_chunk(struct activity *self)
{
    struct buf message = BUF_EMPTY;
    uint32_t slot = (uint32_t)self->number;
    etf_write_tuple(&message, 3);
    etf_write_atom(&message, "procs_info");
    process_write_pid(&self->process, &message);
    write_processes(&self->process, &slot, CHUNK, &message);
    send_term(&self->process, blob_slice(self->kept), &message);
    self->number = slot;
    if (slot < self->process.node->slot_used)
        self->timer = timer_start(&self->process, CHUNK_WAIT_MS, on_chunk_time, NULL);
    else
        activity_return(self, buf_slice(&message));
    buf_release(&message);
}

static void on_chunk_time(struct process *process, void *argument)
{
    struct activity *self = (struct activity *)process;
    self->timer = NULL;
    if (is_congested(process->node, blob_slice(self->kept)))
        self->timer = timer_start(process, CHUNK_WAIT_MS, on_chunk_time, NULL);
    else
        send_chunk(self);
}

static bool procs_info(struct activity *self, const struct slice *arguments)
{
    self->kept = blob_new(arguments[0]);
    self->number = 1;
    send_chunk(self);
    return true;
}

/* ---- scheduler_wall_time, as long as somebody wants it */

static void release_wall_time(struct activity *self)
{
    self->process.node->rpc->wall_time_holders--;
}

static void hold_wall_time(struct activity *self)
{
    self->process.node->rpc->wall_time_holders++;
    self->release = release_wall_time;
}

static void return_ok(struct activity *self)
{
    struct buf ok = BUF_EMPTY;
    etf_write_atom(&ok, "ok");
    activity_return(self, buf_slice(&ok));
    buf_release(&ok);
}

/* ---- fetch_stats: kept is the listener, number the milliseconds between two messages */

static void on_stats_time(struct process *process, void *argument);

static void start_stats_timer(struct activity *self)
{
    self->timer = timer_start(&self->process, self->number, on_stats_time, NULL);
}

/* {stats, 1, SchedulerWallTime, IO, Memory} */
static void send_stats(struct activity *self)
{
    struct node *node = self->process.node;
    struct buf message = BUF_EMPTY;
    etf_write_tuple(&message, 5);
    etf_write_atom(&message, "stats");
    etf_write_uint64(&message, 1);
    statistics_write_item(node, "scheduler_wall_time", &message);
    statistics_write_item(node, "io", &message);
    memory_write(&message);
    send_term(&self->process, blob_slice(self->kept), &message);
    buf_release(&message);
}

static void on_stats_time(struct process *process, void *argument)
{
    struct activity *self = (struct activity *)process;
    self->timer = NULL;
    if (!is_congested(process->node, blob_slice(self->kept)))
        send_stats(self);
    start_stats_timer(self);
}

/* Whatever comes ends it: a message, an exit signal, the listener's end. */
static void on_stats_message(struct activity *self, struct slice message)
{
    return_ok(self);
}

static bool fetch_stats(struct activity *self, const struct slice *arguments)
{
    struct slice time = arguments[1];
    uint64_t ms;
    if (!etf_read_uint64(&time, &ms) || ms > UINT32_MAX)
        return false;
    self->kept = blob_new(arguments[0]);
    self->number = ms > STATS_MS_MIN ? ms : STATS_MS_MIN;
    self->receive = on_stats_message;
    self->process.trap_exit = true;
    hold_wall_time(self);
    monitor_add(&self->process, arguments[0], &self->ref); /* what is no process has ended */
    start_stats_timer(self);
    return true;
}

/* ---- etop_collect */

static void on_collector_message(struct activity *self, struct slice message)
{
    if (etf_read_tagged(&message, "DOWN", 5))
        return_ok(self);
}

/* A process that keeps scheduler_wall_time counted until the collector ends. */
static void start_holder(struct node *node, struct slice collector)
{
    struct activity *holder = activity_new(node);
    process_enter(&holder->process);
    holder->receive = on_collector_message;
    hold_wall_time(holder);
    monitor_add(&holder->process, collector, &holder->ref);
    process_leave(&holder->process);
}

static void write_memory_types(struct buf *out)
{
    static const char *const names[] = {"total", "processes", "ets", "atom", "code", "binary"};
    const size_t count = sizeof names / sizeof *names;
    struct buf list = BUF_EMPTY;
    etf_write_list(&list, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        etf_write_atom(&list, names[i]);
    etf_write_nil(&list);
    memory_write_types(buf_slice(&list), out);
    buf_release(&list);
}

/* {Self, #etop_info{}}: {etop_info, Now, Processes, WallClock, Runtime, RunQueue, Areas, Memory, ProcessInfo}
 */
static void send_etop_info(struct process *self, struct slice collector)
{
    struct buf message = BUF_EMPTY, processes = BUF_EMPTY;
    uint32_t slot = 1;
    uint32_t count = write_processes(self, &slot, UINT32_MAX, &processes);
    etf_write_tuple(&message, 2);
    process_write_pid(self, &message);
    etf_write_tuple(&message, 9);
    etf_write_atom(&message, "etop_info");
    time_write_timestamp(&message);
    etf_write_uint64(&message, count);
    etf_write_atom(&message, "undefined");
    statistics_write_item(self->node, "scheduler_wall_time", &message);
    statistics_write_item(self->node, "run_queue", &message);
    etf_write_nil(&message);
    write_memory_types(&message);
    etf_write_term(&message, buf_slice(&processes));
    send_term(self, collector, &message);
    buf_release(&processes);
    buf_release(&message);
}

static bool etop_collect(struct process *self, const struct slice *arguments, struct buf *out)
{
    bool counted = self->node->rpc->wall_time_holders > 0;
    send_etop_info(self, arguments[0]);
    if (!counted && etf_type(arguments[0]) == TERM_PID)
        start_holder(self->node, arguments[0]);
    etf_write_atom(out, "ok");
    return true;
}

static const struct function functions[] = {
    FUNCTION_BEGUN("observer_backend", "procs_info", 1, procs_info),
    FUNCTION_BEGUN("observer_backend", "fetch_stats", 2, fetch_stats),
    FUNCTION("observer_backend", "etop_collect", 1, etop_collect),
};

const struct function_table collector_functions = FUNCTION_TABLE(functions);
