/* Group commit of one worker: what was accepted gathers here, goes to the journal in batches, one at a time,
 * and is answered by the batch that made it durable. On the loop thread, but for a batch's own work.
 */
#ifndef STORE_COMMIT_H
#define STORE_COMMIT_H

#include "base/buf.h"
#include "store/journal.h"
#include "store/requests.h"
#include "store/task.h"

#include <stdbool.h>
#include <stdint.h>

struct commit;

struct commit_events {
    /* A batch is durable, and those who waited for it have been answered. */
    void (*durable)(void *ctx, struct commit *commit);
    /* A batch has failed with status: nothing that was accepted after commit->durable counts. Who waited is
     * in waiting and is to be answered by the callee, who may be asked for more by that: it is refused
     * (commit_add, commit_wait) until failed returns. */
    void (*failed)(void *ctx, struct commit *commit, int status, struct requests *waiting);
    void *ctx;
};

/* On its way to the journal. */
struct commit_batch {
    struct task task; /* first */
    struct commit *commit;
    struct buf records;
    uint64_t last_lsn; /* of them */
    int status;        /* result; given with an error: nothing is to be written */
    size_t journal_size;
};

struct commit {
    struct worker *worker;   /* borrowed; its thread */
    struct journal *journal; /* borrowed; the thread's */
    struct commit_events events;
    struct buf filling;      /* records that wait for the next batch */
    struct requests waiting; /* in the order of their LSNs */
    uint64_t accepted;       /* LSN of the last record that came and counts */
    uint64_t durable;        /* all records up to this LSN are durable */
    size_t journal_size;     /* bytes of the journal, as of the last batch */
    size_t kept; /* so many of them no checkpoint makes go: carried over, or somebody holds them */
    struct commit_batch batch;
    int refused;      /* not 0: batches fail with it, the journal is as large as it may be */
    bool batch_given; /* batch is with the worker */
    bool failing;     /* events.failed is on the stack */
};

/* lsn: of records so far. */
void commit_init(struct commit *commit, struct worker *worker, struct journal *journal, uint64_t lsn,
                 const struct commit_events *events);
void commit_release(struct commit *commit);

/* Accepts a record; the journal fills its durable in. Its LSN is above all before. */
void commit_add(struct commit *commit, const struct record *record);

/* request is answered when everything accepted so far is durable, or when that fails. */
void commit_wait(struct commit *commit, struct store_request *request);

/* Gives the worker what has gathered, if it has no batch: once per turn of the loop, so that much has
 * gathered. */
void commit_flush(struct commit *commit);

/* True if something was accepted that is not durable yet. */
static inline bool commit_pending(const struct commit *commit)
{
    return commit->accepted > commit->durable;
}

/* Bytes of the journal that checkpoints shall make go. */
static inline size_t commit_excess(const struct commit *commit)
{
    return commit->journal_size > commit->kept ? commit->journal_size - commit->kept : 0;
}

/* Bytes accepted and not durable yet. */
size_t commit_pending_bytes(const struct commit *commit);

#endif
