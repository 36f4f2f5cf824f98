/* A thread that does jobs in the order they came and hands them back to the loop in batches.
 *
 * Jobs are structs that begin with struct job. Between worker_give and the completion a job belongs to the
 * worker.
 */
#ifndef STORE_WORKER_H
#define STORE_WORKER_H

#include <stdbool.h>
#include <uv.h>

enum { WORKER_BATCH_MAX = 256, WORKER_FIRSTS_MAX = 4 };

struct job {
    struct job *next; /* in a queue */
};

struct worker;

struct worker_config {
    uv_loop_t *loop;
    /* On the thread: does count jobs, 1..WORKER_BATCH_MAX, oldest first; those of worker_give_first are never
     * in one batch with others. */
    void (*work)(void *ctx, struct job **jobs, unsigned count);
    /* On the loop thread, for each job, in that order. */
    void (*done)(void *ctx, struct job *job);
    void *ctx;
};

struct worker *worker_start(const struct worker_config *config);
void worker_give(struct worker *worker, struct job *job);

/* The same for a job that need not wait for those given before: such jobs are done, and handed back, before
 * the next batch of the others, which waits for WORKER_FIRSTS_MAX batches of them at most. */
void worker_give_first(struct worker *worker, struct job *job);

/* Ends the thread after what it was given, hands those jobs back, then calls stopped from the loop; the
 * worker is freed after that. */
void worker_stop(struct worker *worker, void (*stopped)(void *ctx), void *ctx);

#endif
