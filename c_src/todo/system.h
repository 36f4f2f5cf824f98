/* Todo.System: the whole of it. Opens the store, starts the supervision tree
 *
 *   Todo.System (rest_for_one): Todo.List, Todo.Database (workers), Todo.Cache (list servers)
 *
 * and ends both in order.
 */
#ifndef TODO_SYSTEM_H
#define TODO_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;
struct todo_system;

struct todo_config {
    struct node *node;
    const char *persist;      /* folder */
    unsigned workers;         /* 1..DATABASE_WORKERS_MAX */
    size_t journal_limit;     /* bytes of a worker's journal */
    uint64_t stop_timeout_ms; /* what the last checkpoint may take */
    unsigned lists_max;       /* in memory */
    unsigned expire_s;        /* idle lists end after so long; 0: never */
    /* As store_config's; NULL: nobody cares. */
    void (*pressure)(void *ctx, bool pressed);
    /* Todo.System has ended by itself (a child that cannot be kept running, or somebody killed it): the
     * program should stop with a failure. Called from the loop, at most once. */
    void (*failed)(void *ctx);
    void *ctx;
};

/* Errors: those of store_open. */
int todo_start(struct todo_system **system, const struct todo_config *config);

/* Waits until everything that was asked for is durable and answered (no new messages may come in), ends the
 * tree, closes the store, then calls done from the loop: status 0, or the first error that lost an accepted
 * change. */
void todo_stop(struct todo_system *system, void (*done)(void *ctx, int status), void *ctx);

/* After done. */
void todo_free(struct todo_system *system);

#endif
