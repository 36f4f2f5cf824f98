/* What may be asked of the store, and what becomes of it. Runs on the loop thread, but for the work of tasks.
 * Knows no terms.
 */
#include "store/store.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/errand.h"
#include "store/recovery.h"
#include "store/store_state.h"

#include <assert.h>
#include <utlist.h>

enum {
    SEGMENTS = 4, /* of a full journal */
    JOURNAL_LIMIT = 64 << 20,
    PENDING_HIGH = 16 << 20, /* bytes accepted and not durable from which the store is pressed, */
    PENDING_LOW = 4 << 20,   /* until so few are left */
};

/* ---- threads and turns ---- */

static void work_tasks(void *ctx, struct job **jobs, unsigned count)
{
    struct store *store = ctx;
    int folder = files_check(&store->files);
    for (unsigned i = 0; i < count; i++) {
        struct task *task = (struct task *)jobs[i];
        task->work(task, folder);
    }
}

static void task_done(void *ctx, struct job *job)
{
    struct task *task = (struct task *)job;
    task->done(task);
}

void store_wake(struct store *store)
{
    uv_async_send(&store->wake);
}

void store_answer_later(struct store *store, struct store_request *request, int status)
{
    errand_ready(store, NULL, request, status);
}

static void on_wake(uv_async_t *wake)
{
    struct store *store = wake->data;
    for (unsigned i = 0; i < store->config.workers; i++)
        commit_flush(&store->commits[i]);
    errand_answer_ready(store);
    checkpoint_turn(&store->checkpoint);
    store_check_idle(store);
}

/* ---- reading ---- */

static void begin_read(struct store *store, struct key *key, struct store_request *request)
{
    struct store_source *source = keys_source(&store->keys, key_bytes(key));
    if (source != NULL && !key->failing) {
        source->ops->encode(source, &errand_ready(store, NULL, request, 0)->value);
    } else if ((key->setting_aside && key->replaced_lsn == 0) || key->place == VALUE_IN_JOURNAL) {
        request->lsn = key->version; /* what it asks for */
        requests_add(&key->deferred, request);
        if (!key->setting_aside)
            store_rescan(store, key->worker);
    } else if (key->place == VALUE_IN_FILE) {
        errand_give_first(errand_new(store, key, request), store->workers[key->worker], errand_work_read,
                          errand_answered);
    } else if (key->place == VALUE_NONE) {
        errand_ready(store, key, request, ERR_NOT_FOUND);
    } else {
        buf_append_slice(&errand_ready(store, key, request, 0)->value, buf_slice(&key->value));
    }
}

void store_go_on(struct store *store, struct key *key)
{
    struct requests deferred = key->deferred;
    struct store_request *request;
    key->deferred = (struct requests){NULL, NULL};
    while ((request = requests_take(&deferred)) != NULL)
        begin_read(store, key, request);
}

void store_answer_deferred(struct store *store, struct key *key, uint32_t version, int status,
                           struct slice value)
{
    struct requests deferred = key->deferred;
    struct store_request *request;
    key->deferred = (struct requests){NULL, NULL};
    while ((request = requests_take(&deferred)) != NULL) {
        if (request->lsn != version) {
            begin_read(store, key, request);
            continue;
        }
        struct errand *errand = errand_ready(store, key, request, status);
        errand->version = version;
        if (status == 0)
            buf_append_slice(&errand->value, value);
    }
}

void store_read(struct store *store, unsigned worker, struct slice bytes, struct store_request *request)
{
    assert(worker < store->config.workers);
    struct key *key = keys_get(&store->keys, worker, bytes);
    begin_read(store, key, request);
    keys_tidy(&store->keys, key);
}

/* ---- changing ---- */

bool store_value_now(struct store *store, const struct key *key, struct buf *out)
{
    struct store_source *source = keys_source(&store->keys, key_bytes(key));
    if (key->place == VALUE_NONE)
        return false; /* also if somebody holds that there is nothing */
    if (source != NULL)
        source->ops->encode(source, out);
    else
        buf_append_slice(out, buf_slice(&key->value));
    return true;
}

void store_fail_source(struct store *store, struct slice bytes, int status)
{
    struct store_source *source = keys_source(&store->keys, bytes);
    if (source == NULL)
        return;
    keys_detach(&store->keys, source);
    source->ops->failed(source, status);
}

static bool is_pressed(const struct store *store)
{
    size_t pending_max = store->pressed ? PENDING_LOW : PENDING_HIGH;
    bool checkpoints_fail = store->checkpoint.last_status != 0; /* no waiting helps: batches are refused */
    for (unsigned i = 0; i < store->config.workers; i++) {
        if (commit_excess(&store->commits[i]) > store->config.journal_limit && !checkpoints_fail)
            return true;
    }
    return store_pending_bytes(store) > pending_max;
}

void store_press(struct store *store)
{
    bool pressed = is_pressed(store);
    if (pressed == store->pressed)
        return;
    store->pressed = pressed;
    if (store->config.pressure != NULL)
        store->config.pressure(store->config.pressure_ctx, pressed);
}

void store_record(struct store *store, struct key *key, enum store_kind kind, struct slice change)
{
    static const enum record_kind kinds[] = {
        [STORE_PUT] = RECORD_PUT, [STORE_DELETE] = RECORD_DELETE, [STORE_CHANGE] = RECORD_CHANGE};
    struct record record = {
        .lsn = ++store->lsn, .kind = kinds[kind], .key = key_bytes(key), .change = change};
    commit_add(&store->commits[key->worker], &record);
    keys_changed(&store->keys, key, record.lsn);
    store_press(store);
    store_wake(store);
}

/* Somebody else's change: what is in a holder's memory, and what a read has on its way, is out of date. */
static void replace(struct store *store, struct key *key, enum store_kind kind, struct slice value)
{
    key->pins++;
    store_fail_source(store, key_bytes(key), ERR_CONFLICT);
    key->pins--;
    key->version++;
    key_place(key, kind == STORE_PUT ? VALUE_HELD : VALUE_NONE, value);
}

/* The holder's memory, with this change in it, is void already. */
static void fail_too(struct store *store, struct key *key)
{
    if (key->failing)
        return;
    key->failing = true;
    key->pins++;
    if (key->first_lsn != 0)
        key_place(key, VALUE_IN_JOURNAL, slice_of(NULL, 0));
    LL_PREPEND2(store->failing.keys, key, failing_next);
}

void store_change(struct store *store, unsigned worker, struct slice bytes, enum store_kind kind,
                  struct slice change, struct store_request *request)
{
    assert(worker < store->config.workers);
    struct commit *commit = &store->commits[worker];
    struct key *key = keys_get(&store->keys, worker, bytes);
    if (commit->failing) {
        if (kind == STORE_CHANGE)
            fail_too(store, key);
        if (request != NULL)
            requests_add(&store->failing.requests, request);
    } else if (kind == STORE_PUT && change.size > store->config.value_size_max) {
        if (request != NULL)
            store_answer_later(store, request, ERR_TOO_LARGE);
    } else {
        if (kind != STORE_CHANGE)
            replace(store, key, kind, change);
        else
            key_place(key, VALUE_IN_FILE, change); /* in the holder's memory, once it is something */
        store_record(store, key, kind, change);
        if (request != NULL)
            commit_wait(commit, request);
    }
    keys_tidy(&store->keys, key);
}

static void on_durable(void *ctx, struct commit *commit)
{
    struct store *store = ctx;
    store_press(store);
    checkpoint_grown(&store->checkpoint);
    checkpoint_turn(&store->checkpoint);
    store_check_idle(store);
}

static void forget_what_failed(struct store *store, const struct commit *commit)
{
    struct key *key, *next;
    DL_FOREACH_SAFE(store->keys.dirty, key, next)
    {
        if (&store->commits[key->worker] != commit)
            continue;
        if (key->carried_lsn > commit->durable)
            key->carried_lsn = key->carried_size = 0;
        if (key->last_lsn <= commit->durable)
            continue;
        fail_too(store, key);
        keys_forget_after(&store->keys, key, commit->durable);
    }
}

static void fail_holders(struct store *store, int status)
{
    while (store->failing.keys != NULL) {
        struct key *key = store->failing.keys;
        LL_DELETE2(store->failing.keys, key, failing_next);
        key->failing = false;
        key->version++;
        store_fail_source(store, key_bytes(key), status);
        key->pins--;
        keys_tidy(&store->keys, key);
    }
}

static void on_failed(void *ctx, struct commit *commit, int status, struct requests *waiting)
{
    struct store *store = ctx;
    log_write(LOG_ERROR, "store", "write_failed", "reason=%s", error_atom(status));
    if ((store->closing || store->when_idle.first != NULL) && store->lost == 0)
        store->lost = status;
    store->failing.status = status;
    store_press(store);
    forget_what_failed(store, commit);
    checkpoint_void(&store->checkpoint);
    requests_answer(waiting, status, slice_of(NULL, 0));
    while (store->failing.requests.first != NULL)
        requests_answer(&store->failing.requests, status, slice_of(NULL, 0));
    fail_holders(store, status);
    store_rescan(store, (unsigned)(commit - store->commits));
    store_wake(store);
}

/* ---- holders ---- */

bool store_attach(struct store *store, struct store_source *source)
{
    struct slice bytes = source->ops->key(source);
    struct key *key = keys_find(&store->keys, bytes);
    assert(keys_source(&store->keys, bytes) == NULL);
    if (key != NULL && (key->read_version != key->version || (key->setting_aside && key->replaced_lsn == 0)))
        return false;
    if (key != NULL && key->place == VALUE_HELD)
        key_place(key, VALUE_IN_FILE, slice_of(NULL, 0)); /* the holder has it */
    keys_attach(&store->keys, source);
    return true;
}

void store_detach(struct store *store, struct store_source *source)
{
    struct key *key = keys_find(&store->keys, source->ops->key(source));
    keys_detach(&store->keys, source);
    if (key == NULL || key->first_lsn == 0 || key->place == VALUE_IN_JOURNAL || key->place == VALUE_NONE)
        return;
    key->place = VALUE_HELD;
    buf_clear(&key->value);
    source->ops->encode(source, &key->value);
}

/* ---- waiting for the disk ---- */

void store_sync_key(struct store *store, unsigned worker, struct slice bytes, struct store_request *request)
{
    const struct key *key = keys_find(&store->keys, bytes);
    struct commit *commit = &store->commits[worker];
    if (commit->failing)
        requests_add(&store->failing.requests, request);
    else if (key != NULL && key->last_lsn > commit->durable)
        commit_wait(commit, request);
    else
        store_answer_later(store, request, 0);
}

/* A store_sync: as many parts as workers have something that is not durable. */
struct sync {
    struct store_request *request; /* the asker's */
    unsigned parts;                /* not reported yet */
    int status;                    /* first error */
};

struct sync_part {
    struct store_request request; /* first */
    struct sync *sync;
};

static void sync_part_done(struct store_request *request, int status, struct slice value)
{
    struct sync *sync = ((struct sync_part *)request)->sync;
    mem_free(request);
    if (sync->status == 0)
        sync->status = status;
    if (--sync->parts > 0)
        return;
    sync->request->done(sync->request, sync->status, slice_of(NULL, 0));
    mem_free(sync);
}

void store_sync(struct store *store, struct store_request *request)
{
    struct sync *sync = mem_zalloc(sizeof *sync);
    sync->request = request;
    for (unsigned i = 0; i < store->config.workers; i++) {
        struct commit *commit = &store->commits[i];
        if (!commit->failing && !commit_pending(commit))
            continue;
        struct sync_part *part = mem_zalloc(sizeof *part);
        part->request.done = sync_part_done;
        part->sync = sync;
        sync->parts++;
        if (commit->failing)
            requests_add(&store->failing.requests, &part->request);
        else
            commit_wait(commit, &part->request);
    }
    if (sync->parts == 0) {
        mem_free(sync);
        store_answer_later(store, request, 0);
    }
}

void store_hold_journals(struct store *store)
{
    store->holds++;
}

void store_release_journals(struct store *store)
{
    assert(store->holds > 0);
    if (--store->holds == 0)
        checkpoint_begin(&store->checkpoint, NULL);
}

size_t store_pending_bytes(const struct store *store)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < store->config.workers; i++)
        bytes += commit_pending_bytes(&store->commits[i]);
    return bytes;
}

/* ---- opening and closing ---- */

bool store_is_dirty(const struct store *store)
{
    bool dirty = store->keys.dirty != NULL;
    for (unsigned i = 0; i < store->config.workers; i++)
        dirty = dirty || store->commits[i].journal_size > 0;
    return dirty;
}

static void start_worker(struct store *store, unsigned i, const struct recovery *recovered)
{
    const struct worker_config worker = {
        .loop = store->config.loop, .work = work_tasks, .done = task_done, .ctx = store};
    const struct commit_events events = {.durable = on_durable, .failed = on_failed, .ctx = store};
    const struct journal_config journal = {.files = &store->files,
                                           .worker = i,
                                           .sequence = recovered->sequence,
                                           .lsn = recovered->lsn,
                                           .segment_size = store->config.journal_limit / SEGMENTS};
    store->journals[i] = journal_new(&journal);
    store->workers[i] = worker_start(&worker);
    commit_init(&store->commits[i], store->workers[i], store->journals[i], recovered->lsn, &events);
}

int store_open(struct store **out, const struct store_config *config)
{
    assert(config->workers >= 1 && config->workers <= STORE_WORKERS_MAX);
    struct store *store = mem_zalloc(sizeof *store);
    keys_init(&store->keys);
    struct recovery recovered;
    int status = files_open(&store->files, config->folder, config->value_size_max, config->fs);
    if (status != 0) {
        mem_free(store);
        return status;
    }
    status = recovery_run(&store->files, &config->ops, &recovered);
    if (status != 0) {
        files_close(&store->files);
        mem_free(store);
        return status;
    }
    store->config = *config;
    if (store->config.journal_limit == 0)
        store->config.journal_limit = JOURNAL_LIMIT;
    store->lsn = recovered.lsn;
    store->numbers = uv_hrtime(); /* of none before, however short a time ago that was closed */
    store->wake.data = store;
    uv_async_init(config->loop, &store->wake, on_wake);
    const struct worker_config worker = {
        .loop = config->loop, .work = work_tasks, .done = task_done, .ctx = store};
    store->file_worker = worker_start(&worker);
    for (unsigned i = 0; i < config->workers; i++)
        start_worker(store, i, &recovered);
    checkpoint_init(&store->checkpoint, store);
    store->workers_running = config->workers + 1;
    *out = store;
    return 0;
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct store *store = handle->data;
    for (unsigned i = 0; i < store->config.workers; i++) {
        commit_release(&store->commits[i]);
        journal_free(store->journals[i]);
    }
    files_close(&store->files);
    store->closed(store->closed_ctx, store->lost);
}

static void on_timers_closed(uv_handle_t *handle)
{
    struct checkpoint *checkpoint = handle->data;
    uv_close((uv_handle_t *)&checkpoint->store->wake, on_wake_closed);
}

static void worker_stopped(void *ctx)
{
    struct store *store = ctx;
    if (--store->workers_running == 0)
        checkpoint_close(&store->checkpoint, on_timers_closed);
}

bool store_is_idle(const struct store *store)
{
    for (unsigned i = 0; i < store->config.workers; i++) {
        if (commit_pending(&store->commits[i]) || store->commits[i].batch_given)
            return false;
    }
    return store->under_way == 0;
}

void store_when_idle(struct store *store, struct store_request *request)
{
    requests_add(&store->when_idle, request);
    store_wake(store);
}

static void stop_workers(struct store *store)
{
    store->stopping_workers = true;
    for (unsigned i = 0; i < store->config.workers; i++)
        worker_stop(store->workers[i], worker_stopped, store);
    worker_stop(store->file_worker, worker_stopped, store);
}

/* A checkpoint that has failed leaves the journals: the next start goes on from there. */
static bool may_stop(struct store *store)
{
    if (!checkpoint_is_idle(&store->checkpoint))
        return false;
    return !store_is_dirty(store) || store->last_checkpoint;
}

void store_check_idle(struct store *store)
{
    if (!store_is_idle(store))
        return;
    requests_answer(&store->when_idle, 0, slice_of(NULL, 0));
    if (!store->closing || store->stopping_workers || !store_is_idle(store))
        return;
    if (may_stop(store)) {
        stop_workers(store);
    } else if (!store->last_checkpoint) {
        store->last_checkpoint = true;
        checkpoint_begin(&store->checkpoint, NULL);
    }
}

void store_close(struct store *store, void (*done)(void *ctx, int status), void *ctx)
{
    store->closing = true;
    store->closing_ms = uv_now(store->config.loop);
    store->closed = done;
    store->closed_ctx = ctx;
    store_wake(store);
}

void store_free(struct store *store)
{
    assert(store->keys.sources.count == 0);
    keys_release(&store->keys); /* what could not be written; the journals have it */
    mem_free(store);
}
