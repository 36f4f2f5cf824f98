/* Errands: who waits for what. Knows nothing of what changes a value. */
#include "store/errand.h"

#include "base/error.h"
#include "base/mem.h"

#include <stddef.h>
#include <utlist.h>

struct errand *errand_new(struct store *store, struct key *key, struct store_request *request)
{
    struct errand *errand = mem_zalloc(sizeof *errand);
    errand->store = store;
    errand->key = key;
    errand->request = request;
    store->under_way++;
    if (key != NULL) {
        key->pins++;
        errand->version = key->version;
        store->config.ops.file_name(store->config.ops.ctx, key_bytes(key), errand->name);
    }
    return errand;
}

static void errand_free(struct errand *errand)
{
    struct store *store = errand->store;
    store->under_way--;
    if (errand->key != NULL) {
        errand->key->pins--;
        keys_tidy(&store->keys, errand->key);
    }
    buf_release(&errand->value);
    mem_free(errand);
    store_check_idle(store);
}

void errand_give(struct errand *errand, struct worker *worker, void (*work)(struct task *task, int folder),
                 void (*done)(struct task *task))
{
    errand->task = (struct task){.work = work, .done = done};
    worker_give(worker, &errand->task.job);
}

void errand_give_first(struct errand *errand, struct worker *worker,
                       void (*work)(struct task *task, int folder), void (*done)(struct task *task))
{
    errand->task = (struct task){.work = work, .done = done};
    worker_give_first(worker, &errand->task.job);
}

static struct slice answer_of(const struct errand *errand)
{
    return errand->status == 0 ? buf_slice(&errand->value) : slice_of(NULL, 0);
}

static void prepare(struct errand *errand)
{
    if (errand->request->prepare != NULL && !errand->prepared)
        errand->request->prepare(errand->request, errand->status, answer_of(errand));
    errand->prepared = true;
}

void errand_work_read(struct task *task, int folder)
{
    struct errand *errand = (struct errand *)task;
    errand->status = files_read(&errand->store->files, errand->name, &errand->value);
    if (errand->status == ERR_NOT_FOUND && folder != 0)
        errand->status = folder; /* no file is no value, but no folder is an error */
    prepare(errand);
}

void errand_answer(struct errand *errand)
{
    if (errand->key != NULL)
        errand->key->read_version = errand->version;
    prepare(errand);
    errand->request->done(errand->request, errand->status, answer_of(errand));
    errand_free(errand);
}

void errand_answered(struct task *task)
{
    errand_answer((struct errand *)task);
}

struct errand *errand_ready(struct store *store, struct key *key, struct store_request *request, int status)
{
    struct errand *errand = errand_new(store, key, request);
    errand->status = status;
    DL_APPEND(store->ready, errand);
    store_wake(store);
    return errand;
}

void errand_answer_ready(struct store *store)
{
    struct errand *now = store->ready, *errand, *next;
    store->ready = NULL;
    DL_FOREACH_SAFE(now, errand, next)
    {
        errand_answer(errand);
    }
}

struct errand *errand_of_waiting(struct store_request *waiting)
{
    return (struct errand *)(void *)((char *)waiting - offsetof(struct errand, waiting));
}
