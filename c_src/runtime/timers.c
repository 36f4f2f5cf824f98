/* Timers on the loop, each found again by the id of its process: whoever ends first, nothing dangles. */
#include "runtime/timers.h"

#include "base/mem.h"
#include "runtime/node.h"

#include <uv.h>

struct timer {
    uv_timer_t handle; /* must live until its close callback */
    struct node *node;
    process_id process; /* whose it is; may have ended */
    void (*fire)(struct process *self, void *argument);
    void *argument; /* the starter's */
};

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void on_timeout(uv_timer_t *handle)
{
    struct timer *timer = handle->data;
    struct process *process = process_find(timer->node, timer->process);
    uv_close((uv_handle_t *)handle, on_closed);
    if (process == NULL)
        return;
    process_enter(process);
    timer->fire(process, timer->argument);
    process_leave(process);
}

struct timer *timer_start(struct process *process, uint64_t ms,
                          void (*fire)(struct process *self, void *argument), void *argument)
{
    struct timer *timer = mem_zalloc(sizeof *timer);
    timer->node = process->node;
    timer->process = process->id;
    timer->fire = fire;
    timer->argument = argument;
    timer->handle.data = timer;
    uv_timer_init(process->node->loop, &timer->handle);
    uv_timer_start(&timer->handle, on_timeout, ms, 0);
    return timer;
}

void timer_cancel(struct timer *timer)
{
    uv_close((uv_handle_t *)&timer->handle, on_closed);
}
