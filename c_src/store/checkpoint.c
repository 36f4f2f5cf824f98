/* Which values go to their files when. Knows no callers' values, only who has them. */
#include "store/checkpoint.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/carry.h"
#include "store/round.h"
#include "store/store_state.h"

#include <utlist.h>

enum {
    ROUND_ITEMS_MAX = 4096,
    ROUND_BYTES_MAX = 16 * 1024 * 1024,
    ROUND_SLICES_MAX = 4,           /* of values in one turn */
    ROUND_NS_MAX = 2 * 1000 * 1000, /* of the loop, for one turn */
    PERIOD_MS = 1000,
    JOURNAL_LIMITS_MAX = 4, /* times its limit a journal may have while no checkpoint can be written */
};

/* A worker's segments whose records are all in files. */
struct trim {
    struct task task; /* first */
    struct store *store;
    unsigned worker;
    uint64_t below;
    size_t kept;         /* bytes that it holds for keys that were carried over */
    size_t journal_size; /* result */
    int status;
};

/* ---- on the worker's thread ---- */

static void trim_journal(struct task *task, int folder)
{
    struct trim *trim = (struct trim *)task;
    struct journal *journal = trim->store->journals[trim->worker];
    trim->status = folder != 0 ? folder : journal_remove_below(journal, trim->below);
    trim->journal_size = journal_size(journal);
}

/* ---- on the loop thread: rounds ---- */

/* Keys of the pass that are left: the dirty list has first those of before the pass, then those of after. */
bool checkpoint_in_pass(const struct checkpoint *checkpoint, const struct key *key)
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
        if (!checkpoint_in_pass(checkpoint, key))
            break;
        if (key->setting_aside || (key->place == VALUE_IN_JOURNAL && key->rescanning))
            return true;
    }
    return false;
}

/* Takes values until the round is full or the loop has been held up long enough. False: the last one is not
 * whole yet. */
static bool fill(struct checkpoint *checkpoint)
{
    struct store *store = checkpoint->store;
    struct round *round = checkpoint->round;
    uint64_t deadline_ns = uv_hrtime() + ROUND_NS_MAX;
    unsigned slices = ROUND_SLICES_MAX;
    struct key *key;
    DL_FOREACH(store->keys.dirty, key)
    {
        if (!round_take_slices(round, &slices))
            return false;
        if (!checkpoint_in_pass(checkpoint, key) || round->count == ROUND_ITEMS_MAX ||
            round->bytes > ROUND_BYTES_MAX || (round->count > 0 && uv_hrtime() > deadline_ns))
            return true;
        if (!can_be_taken(checkpoint, key))
            continue;
        key->pass = checkpoint->pass;
        round_take(round, key);
    }
    return round_take_slices(round, &slices);
}

void checkpoint_failed(struct checkpoint *checkpoint, int status)
{
    if (checkpoint->status == 0)
        checkpoint->status = status;
    if (checkpoint->common_status == 0)
        checkpoint->common_status = status;
}

static void note(struct checkpoint *checkpoint, const struct item *item)
{
    bool first = checkpoint->status == 0;
    item->key->stuck = item->own;
    if (!item->own)
        checkpoint_failed(checkpoint, item->status);
    else if (first)
        checkpoint->status = item->status;
    if (first)
        log_write(LOG_ERROR, "store", "checkpoint_failed", "file=%s reason=%s", item->name,
                  error_atom(item->status));
}

static void end_round(struct checkpoint *checkpoint)
{
    struct round *round = checkpoint->round;
    struct keys *keys = &checkpoint->store->keys;
    checkpoint->round = NULL;
    checkpoint->filling = false;
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
        bool full = commit_excess(commit) > JOURNAL_LIMITS_MAX * store->config.journal_limit;
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
    commit->kept = trim->kept;
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

static void give_trim(struct checkpoint *checkpoint, unsigned worker, uint64_t below, size_t kept)
{
    struct store *store = checkpoint->store;
    struct trim *trim = mem_zalloc(sizeof *trim);
    trim->task = (struct task){.work = trim_journal, .done = trimmed};
    trim->store = store;
    trim->worker = worker;
    trim->below = below;
    trim->kept = kept;
    checkpoint->trims++;
    worker_give(store->workers[worker], &trim->task.job);
}

/* What could not be written keeps its records, and with them its worker's segments. */
static void trim(struct checkpoint *checkpoint)
{
    struct store *store = checkpoint->store;
    uint64_t below[STORE_WORKERS_MAX] = {0};
    struct key *key;
    for (unsigned i = 0; i < store->config.workers; i++)
        below[i] = checkpoint->pass_lsn + 1;
    DL_FOREACH(store->keys.dirty, key)
    {
        if (!checkpoint_in_pass(checkpoint, key))
            break;
        if (below[key->worker] > key->first_lsn)
            below[key->worker] = key->first_lsn;
        checkpoint->carried[key->worker] += key->carried_size; /* by an earlier pass */
    }
    for (unsigned i = 0; i < store->config.workers; i++) {
        if (store->commits[i].journal_size > 0)
            give_trim(checkpoint, i, below[i], checkpoint->carried[i]);
    }
}

/* Somebody wants the segments to stay: that they are there is no reason for another pass, nor to refuse
 * anything. */
static void hold(struct checkpoint *checkpoint)
{
    struct store *store = checkpoint->store;
    for (unsigned i = 0; i < store->config.workers; i++) {
        struct commit *commit = &store->commits[i];
        if (checkpoint->common_status == 0 && commit->kept < checkpoint->journal_sizes[i])
            commit->kept = checkpoint->journal_sizes[i];
    }
}

static void begin_pass(struct checkpoint *checkpoint)
{
    checkpoint->wanted = false;
    checkpoint->passing = true;
    checkpoint->pass++;
    checkpoint->pass_lsn = checkpoint->store->lsn;
    checkpoint->status = 0;
    checkpoint->common_status = 0;
    for (unsigned i = 0; i < checkpoint->store->config.workers; i++) {
        checkpoint->journal_sizes[i] = checkpoint->store->commits[i].journal_size;
        checkpoint->carried[i] = 0;
    }
    checkpoint->in_pass = checkpoint->waiting;
    checkpoint->waiting = (struct requests){NULL, NULL};
}

static void end_pass(struct checkpoint *checkpoint)
{
    struct store *store = checkpoint->store;
    checkpoint->passing = false;
    if (store->holds > 0 && !store->closing)
        hold(checkpoint);
    else
        trim(checkpoint);
    refuse_more(checkpoint);
    store_press(store);
    checkpoint_grown(checkpoint); /* by what came meanwhile, where nothing is removed */
    store_wake(store);            /* for the pass that is wanted next */
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
    checkpoint->round = round_new(checkpoint->store, round_done);
    checkpoint->filling = !fill(checkpoint);
    if (checkpoint->round->count > 0)
        return;
    round_free(checkpoint->round);
    checkpoint->round = NULL;
    if (has_to_wait(checkpoint))
        return;
    checkpoint->last_status = checkpoint->common_status;
    refuse_more(checkpoint); /* what is carried over may be accepted now */
    if (carry_over(checkpoint))
        end_pass(checkpoint);
}

void checkpoint_turn(struct checkpoint *checkpoint)
{
    struct round *round = checkpoint->round;
    if (round != NULL && round->is_void && !round->given)
        end_round(checkpoint);
    if (checkpoint->wanted && !checkpoint->passing)
        begin_pass(checkpoint);
    if (checkpoint->passing && checkpoint->round == NULL && checkpoint->given_up) {
        checkpoint->last_status = checkpoint->common_status;
        end_pass(checkpoint);
    }
    if (checkpoint->passing && checkpoint->round == NULL)
        begin_round(checkpoint);
    else if (checkpoint->round != NULL && checkpoint->filling)
        checkpoint->filling = !fill(checkpoint);
    round = checkpoint->round;
    if (round != NULL && checkpoint->filling)
        store_wake(checkpoint->store);
    if (round == NULL || checkpoint->filling || round->given || !round_is_durable(round))
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

bool checkpoint_has_grown(const struct checkpoint *checkpoint, const struct commit *commit)
{
    return commit_excess(commit) > checkpoint->store->config.journal_limit / 2;
}

static bool a_journal_has_grown(const struct checkpoint *checkpoint)
{
    for (unsigned i = 0; i < checkpoint->store->config.workers; i++) {
        if (checkpoint_has_grown(checkpoint, &checkpoint->store->commits[i]))
            return true;
    }
    return false;
}

void checkpoint_grown(struct checkpoint *checkpoint)
{
    if (!checkpoint->passing && checkpoint->trims == 0 && checkpoint->last_status == 0 &&
        a_journal_has_grown(checkpoint))
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
        (quiet || checkpoint->last_status != 0 || a_journal_has_grown(checkpoint)))
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
