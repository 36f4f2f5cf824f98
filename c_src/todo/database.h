/* Todo.Database: the supervisor of the workers, and get, store, delete and keys for whoever asks it directly.
 *
 * The struct is what the rest of the layer stores through: lists hand their changes to store_change under the
 * key's worker index. Processes called workers are the doors of that store for callers; losing one loses
 * nothing.
 */
#ifndef TODO_DATABASE_H
#define TODO_DATABASE_H

#include "base/buf.h"
#include "base/slice.h"
#include "runtime/process.h"
#include "store/store.h"

enum { DATABASE_WORKERS_MAX = 64 };

/* Bytes that a compressed or stored value may have. */
#define DATABASE_VALUE_MAX ((size_t)1 << 30)

struct database {
    struct node *node;
    struct store *store;
    char *folder;      /* of the store, absolute; owned by who made this */
    unsigned workers;  /* 1..DATABASE_WORKERS_MAX */
    struct buf change; /* memory of lists for the change that is being made; empty at first */
    struct {
        unsigned count;   /* of values that are being read for callers */
        size_t size;      /* what one is expected to have, from the last ones */
        struct buf doors; /* ids of the processes that read no more until some are answered */
    } reading;
};

/* What the store needs to know of values and names: fill config.ops with it. */
struct store_ops database_store_ops(void);

/* Which worker a key (canonical) belongs to: erlang:phash2(Key, N). */
unsigned database_worker_index(const struct database *database, struct slice key);

/* Start function of a child specification (supervisor.h): argument is a struct database that outlives it. */
int database_start(struct process *supervisor, void *argument, struct process **child);

#endif
