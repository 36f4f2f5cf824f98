/* Which values go to their files when. Knows no callers' values, only who has them. */
#include "store/checkpoint.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store_state.h"

#include <utlist.h>

enum {
    ROUND_ITEMS_MAX = 4096,
    ROUND_BYTES_MAX = 16 * 1024 * 1024,
    ROUND_NS_MAX = 2 * 1000 * 1000, /* of the loop, for one turn */
    PERIOD_MS = 1000,
    JOURNAL_LIMITS_MAX = 4, /* times its limit a journal may have while no checkpoint can be written */
};

/* The value of a key, on its way to its file. */
struct item {
    struct key *key; /* loop thread only */
    struct buf value;
    uint64_t number; /* of its temporary */
    int status;      /* result */
    bool removes;    /* there shall be no file */
    char name[STORE_NAME_ROOM];
};

struct round {
    struct task task; /* first */
    struct store *store;
    struct item *items;
    unsigned count;
    unsigned room;                       /* items allocated */
    size_t bytes;                        /* of values */
    uint64_t durable[STORE_WORKERS_MAX]; /* what is to be durable first, by worker */
    bool given;                          /* to the file thread */
    bool is_void;                        /* not to be given: a batch has failed */
};

/* A worker's segments whose records are all in files. */
struct trim {
    struct task task; /* first */
    struct store *store;
    unsigned worker;
    uint64_t below;
    size_t journal_size; /* result */
    int status;
};

/* ---- on the file thread ---- */

static void write_temporaries(struct round *round, int folder)
{
    const struct files *files = &round->store->files;
    for (unsigned i = 0; i < round->count; i++) {
        struct item *item = &round->items[i];
        item->status = folder;
        if (folder == 0 && !item->removes)
            item->status = files_prepare_unsynced(files, item->number, buf_slice(&item->value));
    }
}

static int publish_one(const struct files *files, const struct item *item, int synced)
{
    if (synced == 0)
        return files_publish(files, item->number, item->name);
    files_discard(files, item->number);
    return synced;
}

static void publish(struct round *round, int synced)
{
    const struct files *files = &round->store->files;
    for (unsigned i = 0; i < round->count; i++) {
        struct item *item = &round->items[i];
        if (item->status == 0 && item->removes)
            item->status = files_remove(files, item->name);
        else if (item->status == 0)
            item->status = publish_one(files, item, synced);
    }
}

static void write_round(struct task *task, int folder)
{
    struct round *round = (struct round *)task;
    struct files *files = &round->store->files;
    write_temporaries(round, folder);
    publish(round, folder != 0 ? folder : files_sync_all(files));
    int status = folder != 0 ? folder : files_sync(files);
    for (unsigned i = 0; i < round->count; i++) {
        if (round->items[i].status == 0)
            round->items[i].status = status;
    }
}

/* ---- on the worker's thread ---- */

static void trim_journal(struct task *task, int folder)
{
    struct trim *trim = (struct trim *)task;
    struct journal *journal = trim->store->journals[trim->worker];
    trim->status = folder != 0 ? folder : journal_remove_below(journal, trim->below);
    trim->journal_size = journal_size(journal);
}

/* ---- on the loop thread: rounds ---- */

static struct round *round_new(struct store *store)
{
    struct round *round = mem_zalloc(sizeof *round);
    round->task.work = write_round;
    round->store = store;
    return round;
}

static void round_free(struct round *round)
{
    for (unsigned i = 0; i < round->count; i++)
        buf_release(&round->items[i].value);
    mem_free(round->items);
    mem_free(round);
}

static struct item *add_item(struct round *round)
{
    if (round->count == round->room) {
        round->room = round->room == 0 ? 16 : 2 * round->room;
        round->items = mem_realloc(round->items, round->room * sizeof *round->items);
    }
    struct item *item = &round->items[round->count++];
    *item = (struct item){.value = BUF_EMPTY};
    return item;
}

/* The key's value as it is now becomes part of the round. */
static void take(struct round *round, struct key *key)
{
    struct store *store = round->store;
    struct item *item = add_item(round);
    struct store_source *source = keys_source(&store->keys, key_bytes(key));
    item->key = key;
    item->number = store->numbers++;
    store->config.ops.file_name(store->config.ops.ctx, key_bytes(key), item->name);
    if (key->place == VALUE_NONE)
        item->removes = true; /* also if somebody holds that there is nothing */
    else if (source != NULL)
        source->ops->encode(source, &item->value);
    else
        buf_append_slice(&item->value, buf_slice(&key->value));
    round->bytes += item->value.size;
    key->in_round = true;
    key->next_first_lsn = 0;
}

/* Keys of the pass that are left: the dirty list has first those of before the pass, then those of after. */
static bool in_pass(const struct checkpoint *checkpoint, const struct key *key)
{
    return key->first_lsn <= checkpoint->pass_lsn;
}

/* False: it has been tried in this pass, or has to be waited for. */
static bool can_be_taken(struct checkpoint *checkpoint, struct key *key)
{
    if (key->pass == checkpoint->pass)
        return false;
    if (key->setting_aside)
        return false;
    if (key->place != VALUE_IN_JOURNAL)
        return true;
    key->pass = checkpoint->pass; /* or a scan that fails would be begun again and again */
    store_rescan(checkpoint->store, key->worker);
    return false;
}

static bool has_to_wait(const struct checkpoint *checkpoint)
{
    const struct key *key;
    DL_FOREACH(checkpoint->store->keys.dirty, key)
    {
        if (!in_pass(checkpoint, key))
            break;
        if (key->setting_aside || (key->place == VALUE_IN_JOURNAL && key->rescanning))
            return true;
    }
    return false;
}

/* Takes values until the round is full or the loop has been held up long enough. */
static void fill(struct checkpoint *checkpoint)
{
    struct store *store = checkpoint->store;
    struct round *round = checkpoint->round;
    uint64_t deadline_ns = uv_hrtime() + ROUND_NS_MAX;
    struct key *key;
    DL_FOREACH(store->keys.dirty, key)
    {
        if (!in_pass(checkpoint, key) || round->count == ROUND_ITEMS_MAX || round->bytes > ROUND_BYTES_MAX ||
            (round->count > 0 && uv_hrtime() > deadline_ns))
            break;
        if (!can_be_taken(checkpoint, key))
            continue;
        key->pass = checkpoint->pass;
        take(round, key);
    }
    for (unsigned i = 0; i < store->config.workers; i++)
        round->durable[i] = store->commits[i].accepted;
}

static bool is_durable(const struct round *round)
{
    for (unsigned i = 0; i < round->store->config.workers; i++) {
        if (round->store->commits[i].durable < round->durable[i])
            return false;
    }
    return true;
}

void checkpoint_failed(struct checkpoint *checkpoint, int status)
{
    if (checkpoint->status == 0)
        checkpoint->status = status;
}

static void note(struct checkpoint *checkpoint, const struct item *item)
{
    if (checkpoint->status != 0)
        return;
    checkpoint_failed(checkpoint, item->status);
    log_write(LOG_ERROR, "store", "checkpoint_failed", "file=%s reason=%s", item->name,
              error_atom(item->status));
}

static void end_round(struct checkpoint *checkpoint)
{
    struct round *round = checkpoint->round;
    struct keys *keys = &checkpoint->store->keys;
    checkpoint->round = NULL;
    for (unsigned i = 0; i < round->count; i++) {
        struct item *item = &round->items[i];
        item->key->in_round = false;
        if (round->is_void)
            item->key->pass = 0;
        else if (item->status != 0)
            note(checkpoint, item);
        else if (item->key->first_lsn != 0)
            keys_written(keys, item->key);
        keys_tidy(keys, item->key);
    }
    round_free(round);
}

/* ---- passes ---- */

/* A journal that checkpoints cannot make smaller has an end too. */
static void refuse_more(struct checkpoint *checkpoint)
{
    struct store *store = checkpoint->store;
    for (unsigned i = 0; i < store->config.workers; i++) {
        struct commit *commit = &store->commits[i];
        bool full = commit->journal_size > JOURNAL_LIMITS_MAX * store->config.journal_limit;
        commit->refused = full ? checkpoint->last_status : 0;
    }
}

static void trimmed(struct task *task)
{
    struct trim *trim = (struct trim *)task;
    struct store *store = trim->store;
    struct commit *commit = &store->commits[trim->worker];
    bool smaller = trim->journal_size < commit->journal_size;
    commit->journal_size = trim->journal_size;
    if (trim->status != 0)
        log_write(LOG_WARN, "store", "journal_not_removed", "reason=%s", error_atom(trim->status));
    store->checkpoint.trims--;
    mem_free(trim);
    if (smaller) /* but still too large: who is pressed waits */
        checkpoint_grown(&store->checkpoint);
    refuse_more(&store->checkpoint);
    store_press(store);
    store_wake(store);
}

static void give_trim(struct checkpoint *checkpoint, unsigned worker, uint64_t below)
{
    struct store *store = checkpoint->store;
    struct trim *trim = mem_zalloc(sizeof *trim);
    trim->task = (struct task){.work = trim_journal, .done = trimmed};
    trim->store = store;
    trim->worker = worker;
    trim->below = below;
    checkpoint->trims++;
    worker_give(store->workers[worker], &trim->task.job);
}

/* What could not be written keeps its records, and with them its worker's segments. */
static void trim(struct checkpoint *checkpoint)
{
    struct store *store = checkpoint->store;
    uint64_t below[STORE_WORKERS_MAX] = {0};
    struct key *key;
    if (store->holds > 0 && !store->closing)
        return;
    for (unsigned i = 0; i < store->config.workers; i++)
        below[i] = checkpoint->pass_lsn + 1;
    DL_FOREACH(store->keys.dirty, key)
    {
        if (!in_pass(checkpoint, key))
            break;
        if (below[key->worker] > key->first_lsn)
            below[key->worker] = key->first_lsn;
    }
    for (unsigned i = 0; i < store->config.workers; i++) {
        if (store->commits[i].journal_size > 0)
            give_trim(checkpoint, i, below[i]);
    }
}

static void begin_pass(struct checkpoint *checkpoint)
{
    checkpoint->wanted = false;
    checkpoint->passing = true;
    checkpoint->pass++;
    checkpoint->pass_lsn = checkpoint->store->lsn;
    checkpoint->status = 0;
    checkpoint->in_pass = checkpoint->waiting;
    checkpoint->waiting = (struct requests){NULL, NULL};
}

static void end_pass(struct checkpoint *checkpoint)
{
    checkpoint->passing = false;
    checkpoint->last_status = checkpoint->status;
    refuse_more(checkpoint);
    trim(checkpoint);
    store_wake(checkpoint->store); /* for the pass that is wanted next */
    requests_answer(&checkpoint->in_pass, checkpoint->status, slice_of(NULL, 0));
}

static void round_done(struct task *task)
{
    struct round *round = (struct round *)task;
    struct store *store = round->store;
    end_round(&store->checkpoint);
    store_wake(store);
}

static void begin_round(struct checkpoint *checkpoint)
{
    checkpoint->round = round_new(checkpoint->store);
    checkpoint->round->task.done = round_done;
    fill(checkpoint);
    if (checkpoint->round->count > 0)
        return;
    round_free(checkpoint->round);
    checkpoint->round = NULL;
    if (!has_to_wait(checkpoint))
        end_pass(checkpoint);
}

void checkpoint_turn(struct checkpoint *checkpoint)
{
    struct round *round = checkpoint->round;
    if (round != NULL && round->is_void && !round->given)
        end_round(checkpoint);
    if (checkpoint->wanted && !checkpoint->passing)
        begin_pass(checkpoint);
    if (checkpoint->passing && checkpoint->round == NULL && checkpoint->given_up)
        end_pass(checkpoint);
    if (checkpoint->passing && checkpoint->round == NULL)
        begin_round(checkpoint);
    round = checkpoint->round;
    if (round == NULL || round->given || !is_durable(round))
        return;
    round->given = true;
    worker_give(checkpoint->store->file_worker, &round->task.job);
}

void checkpoint_void(struct checkpoint *checkpoint)
{
    if (checkpoint->round != NULL && !checkpoint->round->given)
        checkpoint->round->is_void = true;
    store_wake(checkpoint->store);
}

void checkpoint_begin(struct checkpoint *checkpoint, struct store_request *request)
{
    checkpoint->wanted = true;
    if (request != NULL)
        requests_add(&checkpoint->waiting, request);
    store_wake(checkpoint->store);
}

static bool journal_has_grown(const struct store *store)
{
    if (store->holds > 0)
        return false; /* nothing would make it smaller */
    for (unsigned i = 0; i < store->config.workers; i++) {
        if (store->commits[i].journal_size > store->config.journal_limit / 2)
            return true;
    }
    return false;
}

void checkpoint_grown(struct checkpoint *checkpoint)
{
    if (!checkpoint->passing && checkpoint->last_status == 0 && journal_has_grown(checkpoint->store))
        checkpoint_begin(checkpoint, NULL);
}

static void on_timer(uv_timer_t *timer)
{
    struct checkpoint *checkpoint = timer->data;
    struct store *store = checkpoint->store;
    bool quiet = checkpoint->seen_lsn == store->lsn;
    checkpoint->seen_lsn = store->lsn;
    if (store->closing && store->config.stop_timeout_ms != 0 &&
        uv_now(store->config.loop) - store->closing_ms > store->config.stop_timeout_ms) {
        checkpoint->given_up = true;
        store_wake(store);
    }
    if (!checkpoint->passing && checkpoint->trims == 0 && store_is_dirty(store) &&
        (quiet || journal_has_grown(store)))
        checkpoint_begin(checkpoint, NULL);
}

void checkpoint_init(struct checkpoint *checkpoint, struct store *store)
{
    *checkpoint = (struct checkpoint){.store = store};
    checkpoint->timer.data = checkpoint;
    uv_timer_init(store->config.loop, &checkpoint->timer);
    uv_timer_start(&checkpoint->timer, on_timer, PERIOD_MS, PERIOD_MS);
    uv_unref((uv_handle_t *)&checkpoint->timer);
}

bool checkpoint_is_idle(const struct checkpoint *checkpoint)
{
    return !checkpoint->passing && !checkpoint->wanted && checkpoint->round == NULL && checkpoint->trims == 0;
}

void checkpoint_close(struct checkpoint *checkpoint, uv_close_cb closed)
{
    uv_close((uv_handle_t *)&checkpoint->timer, closed);
}
