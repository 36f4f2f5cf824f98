/* One batch with the worker, the next one filling. Knows no keys. */
#include "store/commit.h"

#include <assert.h>

/* ---- on the worker's thread ---- */

static void work(struct task *task, int folder)
{
    struct commit_batch *batch = (struct commit_batch *)task;
    struct journal *journal = batch->commit->journal;
    if (batch->status == 0)
        batch->status = folder;
    if (batch->status == 0)
        batch->status = journal_append(journal, buf_slice(&batch->records), batch->last_lsn);
    batch->journal_size = journal_size(journal);
    if (batch->status != 0 && batch->journal_size == 0)
        batch->journal_size = 1; /* there may be a segment with no record that counts: it has to go too */
}

/* ---- on the loop thread ---- */

static void answer_durable(struct commit *commit)
{
    while (commit->waiting.first != NULL && commit->waiting.first->lsn <= commit->durable) {
        struct store_request *request = requests_take(&commit->waiting);
        request->done(request, 0, slice_of(NULL, 0));
    }
}

static void fail(struct commit *commit, int status)
{
    struct requests waiting = commit->waiting;
    commit->waiting = (struct requests){NULL, NULL};
    buf_clear(&commit->filling);
    commit->accepted = commit->durable;
    commit->failing = true;
    commit->events.failed(commit->events.ctx, commit, status, &waiting);
    commit->failing = false;
}

static void done(struct task *task)
{
    struct commit_batch *batch = (struct commit_batch *)task;
    struct commit *commit = batch->commit;
    commit->batch_given = false;
    commit->journal_size = batch->journal_size;
    buf_clear(&batch->records);
    if (batch->status != 0) {
        fail(commit, batch->status);
        return;
    }
    commit->durable = batch->last_lsn;
    commit_flush(commit);
    answer_durable(commit);
    commit->events.durable(commit->events.ctx, commit);
}

void commit_init(struct commit *commit, struct worker *worker, struct journal *journal, uint64_t lsn,
                 const struct commit_events *events)
{
    *commit = (struct commit){.worker = worker,
                              .journal = journal,
                              .events = *events,
                              .accepted = lsn,
                              .durable = lsn,
                              .batch = {.task = {.work = work, .done = done}}};
    commit->batch.commit = commit;
}

void commit_release(struct commit *commit)
{
    assert(!commit->batch_given && commit->waiting.first == NULL);
    buf_release(&commit->filling);
    buf_release(&commit->batch.records);
}

void commit_add(struct commit *commit, const struct record *record)
{
    assert(!commit->failing && record->lsn > commit->accepted);
    commit->accepted = record->lsn;
    record_append(&commit->filling, record);
}

void commit_wait(struct commit *commit, struct store_request *request)
{
    assert(!commit->failing && commit_pending(commit));
    request->lsn = commit->accepted;
    requests_add(&commit->waiting, request);
}

void commit_flush(struct commit *commit)
{
    if (commit->batch_given || commit->filling.size == 0)
        return;
    struct buf empty = commit->batch.records;
    commit->batch.records = commit->filling;
    commit->filling = empty;
    commit->batch.last_lsn = commit->accepted;
    commit->batch.status = commit->refused;
    commit->batch_given = true;
    worker_give(commit->worker, &commit->batch.task.job);
}

size_t commit_pending_bytes(const struct commit *commit)
{
    return commit->filling.size + (commit->batch_given ? commit->batch.records.size : 0);
}
