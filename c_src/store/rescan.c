/* After a failed write of a journal memory has run ahead of the disk: what counts is the file and what the
 * journal has of the key. One pass over the worker's journal for all keys concerned. */
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store_state.h"

#include <uthash.h>
#include <utlist.h>

struct rescan_item {
    UT_hash_handle hh;
    struct key *key;    /* loop thread only; pinned */
    struct buf value;   /* where the changes begin; the result */
    struct buf changes; /* for ops.fold */
    uint32_t version;   /* of the key */
    int status;         /* result */
    bool from_file;     /* value is to be read from the file */
    bool removed;       /* there is no value */
    char name[STORE_NAME_ROOM];
    size_t size;
    uint8_t bytes[]; /* of the key */
};

struct rescan {
    struct task task; /* first */
    struct store *store;
    unsigned worker;
    struct rescan_item *items; /* uthash */
};

/* ---- on the worker's thread ---- */

static void take_record(void *ctx, const struct record *record)
{
    struct rescan *rescan = ctx;
    struct rescan_item *item;
    HASH_FIND(hh, rescan->items, record->key.data, record->key.size, item);
    if (item == NULL)
        return;
    if (record->kind == RECORD_CHANGE) {
        buf_append_slice(&item->changes, record->change);
        return;
    }
    item->from_file = false;
    item->removed = record->kind == RECORD_DELETE;
    buf_clear(&item->changes);
    buf_clear(&item->value);
    buf_append_slice(&item->value, record->change);
}

static void read_base(const struct rescan *rescan, struct rescan_item *item)
{
    item->status = files_read(&rescan->store->files, item->name, &item->value);
    item->removed = item->status == ERR_NOT_FOUND;
    if (item->removed)
        item->status = 0;
    else if (item->status == 0 && item->value.size == 0)
        item->status = ERR_CORRUPT; /* an emptied file is no value to build on */
}

static void make_value(const struct rescan *rescan, struct rescan_item *item)
{
    const struct store_ops *ops = &rescan->store->config.ops;
    if (item->from_file)
        read_base(rescan, item);
    if (item->status != 0 || item->changes.size == 0)
        return;
    struct buf folded = BUF_EMPTY;
    item->status = ops->fold(ops->ctx, buf_slice(&item->value), buf_slice(&item->changes), &folded);
    buf_release(&item->value);
    item->value = folded;
    item->removed = false;
}

static void work(struct task *task, int folder)
{
    struct rescan *rescan = (struct rescan *)task;
    struct rescan_item *item, *next;
    int status = folder;
    if (status == 0)
        status = journal_scan(rescan->store->journals[rescan->worker], take_record, rescan);
    if (status == ERR_NOT_FOUND) { /* somebody has removed segments: what is left is all there is */
        log_write(LOG_ERROR, "store", "journal_gone", "worker=%u", rescan->worker);
        status = 0;
    }
    HASH_ITER(hh, rescan->items, item, next)
    {
        item->status = status;
        if (status == 0)
            make_value(rescan, item);
    }
}

/* ---- on the loop thread ---- */

static void take_result(struct store *store, struct rescan_item *item)
{
    struct key *key = item->key;
    key->rescanning = false;
    if (item->status != 0) {
        log_write(LOG_ERROR, "store", "rescan_failed", "file=%s reason=%s", item->name,
                  error_atom(item->status));
        checkpoint_failed(&store->checkpoint, item->status);
    } else if (key->place == VALUE_IN_JOURNAL && key->version == item->version) {
        key_place(key, item->removed ? VALUE_NONE : VALUE_HELD, buf_slice(&item->value));
        key->pass = 0; /* the one under way can have it */
    }
    int status = item->status == 0 && item->removed ? ERR_NOT_FOUND : item->status;
    store_answer_deferred(store, key, item->version, status, buf_slice(&item->value));
    key->pins--;
    keys_tidy(&store->keys, key);
}

static void done(struct task *task)
{
    struct rescan *rescan = (struct rescan *)task;
    struct store *store = rescan->store;
    struct rescan_item *item, *next;
    store->under_way--;
    HASH_ITER(hh, rescan->items, item, next)
    {
        HASH_DEL(rescan->items, item);
        take_result(store, item);
        buf_release(&item->value);
        buf_release(&item->changes);
        mem_free(item);
    }
    mem_free(rescan);
    store_wake(store);
}

static void add_item(struct rescan *rescan, struct key *key)
{
    const struct store_ops *ops = &rescan->store->config.ops;
    struct rescan_item *item = mem_zalloc(sizeof *item + key->size);
    item->key = key;
    item->version = key->version;
    item->from_file = true;
    item->size = key->size;
    memcpy(item->bytes, key->bytes, key->size);
    ops->file_name(ops->ctx, key_bytes(key), item->name);
    key->pins++;
    HASH_ADD_KEYPTR(hh, rescan->items, item->bytes, item->size, item);
}

void store_rescan(struct store *store, unsigned worker)
{
    struct rescan *rescan = mem_zalloc(sizeof *rescan);
    struct key *key;
    rescan->task = (struct task){.work = work, .done = done};
    rescan->store = store;
    rescan->worker = worker;
    DL_FOREACH(store->keys.dirty, key)
    {
        if (key->worker == worker && key->place == VALUE_IN_JOURNAL && !key->rescanning &&
            !key->setting_aside) {
            key->rescanning = true;
            add_item(rescan, key);
        }
    }
    if (rescan->items == NULL) {
        mem_free(rescan);
        return;
    }
    store->under_way++;
    worker_give(store->workers[worker], &rescan->task.job);
}
