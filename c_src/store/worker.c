/* One thread, its queues, one wake-up. Knows nothing of what the jobs are. */
#include "store/worker.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

struct queue {
    struct job *first;
    struct job *last;
};

struct worker {
    struct worker_config config;
    uv_thread_t thread;
    uv_async_t wake;      /* thread -> loop: something is in done */
    uv_mutex_t lock;      /* protects the queues and stopping */
    uv_cond_t work_there; /* loop -> thread */
    struct queue first;   /* to be done before to_do ... */
    unsigned firsts;      /* ... but for so many batches at most; those so far */
    struct queue to_do;
    struct queue done;
    bool stopping;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

static void push(struct queue *queue, struct job *job)
{
    job->next = NULL;
    if (queue->last != NULL)
        queue->last->next = job;
    else
        queue->first = job;
    queue->last = job;
}

static struct job *pop(struct queue *queue)
{
    struct job *job = queue->first;
    if (job != NULL) {
        queue->first = job->next;
        if (queue->first == NULL)
            queue->last = NULL;
    }
    return job;
}

/* Waits for jobs; 0 when the worker is to end and nothing is left. */
static unsigned take_batch(struct worker *worker, struct job **jobs)
{
    unsigned count = 0;
    uv_mutex_lock(&worker->lock);
    while (worker->first.first == NULL && worker->to_do.first == NULL && !worker->stopping)
        uv_cond_wait(&worker->work_there, &worker->lock);
    bool first =
        worker->first.first != NULL && (worker->firsts < WORKER_FIRSTS_MAX || worker->to_do.first == NULL);
    struct queue *queue = first ? &worker->first : &worker->to_do;
    worker->firsts = first ? worker->firsts + 1 : 0;
    while (count < WORKER_BATCH_MAX && queue->first != NULL)
        jobs[count++] = pop(queue);
    uv_mutex_unlock(&worker->lock);
    return count;
}

static void give_back(struct worker *worker, struct job **jobs, unsigned count)
{
    uv_mutex_lock(&worker->lock);
    for (unsigned i = 0; i < count; i++)
        push(&worker->done, jobs[i]);
    uv_mutex_unlock(&worker->lock);
    uv_async_send(&worker->wake);
}

static void thread_main(void *argument)
{
    struct worker *worker = argument;
    struct job *jobs[WORKER_BATCH_MAX];
    unsigned count;
    while ((count = take_batch(worker, jobs)) > 0) {
        worker->config.work(worker->config.ctx, jobs, count);
        give_back(worker, jobs, count);
    }
}

static void report_done(struct worker *worker)
{
    uv_mutex_lock(&worker->lock);
    struct queue done = worker->done;
    worker->done = (struct queue){0};
    uv_mutex_unlock(&worker->lock);
    struct job *job;
    while ((job = pop(&done)) != NULL)
        worker->config.done(worker->config.ctx, job);
}

static void on_wake(uv_async_t *wake)
{
    report_done(wake->data);
}

struct worker *worker_start(const struct worker_config *config)
{
    struct worker *worker = mem_zalloc(sizeof *worker);
    worker->config = *config;
    worker->wake.data = worker;
    uv_async_init(config->loop, &worker->wake, on_wake);
    uv_mutex_init(&worker->lock);
    uv_cond_init(&worker->work_there);
    if (uv_thread_create(&worker->thread, thread_main, worker) != 0)
        abort(); /* at start, a handful of threads: nothing to go on with */
    return worker;
}

static void give(struct worker *worker, struct queue *queue, struct job *job)
{
    uv_mutex_lock(&worker->lock);
    assert(!worker->stopping);
    push(queue, job);
    uv_cond_signal(&worker->work_there);
    uv_mutex_unlock(&worker->lock);
}

void worker_give(struct worker *worker, struct job *job)
{
    give(worker, &worker->to_do, job);
}

void worker_give_first(struct worker *worker, struct job *job)
{
    give(worker, &worker->first, job);
}

static void on_closed(uv_handle_t *handle)
{
    struct worker *worker = handle->data;
    uv_mutex_destroy(&worker->lock);
    uv_cond_destroy(&worker->work_there);
    worker->stopped(worker->stopped_ctx);
    mem_free(worker);
}

void worker_stop(struct worker *worker, void (*stopped)(void *ctx), void *ctx)
{
    worker->stopped = stopped;
    worker->stopped_ctx = ctx;
    uv_mutex_lock(&worker->lock);
    worker->stopping = true;
    uv_cond_signal(&worker->work_there);
    uv_mutex_unlock(&worker->lock);
    uv_thread_join(&worker->thread);
    report_done(worker);
    uv_close((uv_handle_t *)&worker->wake, on_closed);
}
