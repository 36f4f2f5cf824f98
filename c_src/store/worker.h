/* A thread that does jobs in the order they came and hands them back to the loop in batches.
 *
 * Jobs are structs that begin with struct job. Between worker_give and the completion a job belongs to the
 * worker.
 */
#ifndef STORE_WORKER_H
#define STORE_WORKER_H

#include <stdbool.h>
#include <uv.h>

enum { WORKER_BATCH_MAX = 256 };

struct job {
    struct job *next; /* in a queue */
};

struct worker;

struct worker_config {
    uv_loop_t *loop;
    /* On the thread: does count jobs, 1..WORKER_BATCH_MAX, oldest first. */
    void (*work)(void *ctx, struct job **jobs, unsigned count);
    /* On the loop thread, for each job, in that order. */
    void (*done)(void *ctx, struct job *job);
    void *ctx;
};

struct worker *worker_start(const struct worker_config *config);
void worker_give(struct worker *worker, struct job *job);

/* Ends the thread after what it was given, hands those jobs back, then calls stopped from the loop; the
 * worker is freed after that. */
void worker_stop(struct worker *worker, void (*stopped)(void *ctx), void *ctx);

#endif
