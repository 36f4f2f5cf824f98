/* A key's file is moved out of the way, with all that was accepted before in it.
 *
 * The file gets its new name first, and keeps its own until the key's deletion is in the journal: wherever
 * that is interrupted, the value is whole at the one or the other place, and what the journal has of the key
 * never meets a file that is gone. The next checkpoint removes the own name.
 */
#include "base/error.h"
#include "base/mem.h"
#include "store/errand.h"

/* The file as it has to be before it is set aside. */
static int bring_up_to_date(struct errand *errand)
{
    const struct files *files = &errand->store->files;
    if (errand->aside.removes)
        return ERR_NOT_FOUND;
    if (!errand->aside.writes)
        return 0;
    int status = files_prepare(files, errand->aside.temporary, buf_slice(&errand->value));
    return status == 0 ? files_publish(files, errand->aside.temporary, errand->name) : status;
}

/* It stays as it is: its value for those who asked for it meanwhile. */
static void keep_value(struct errand *errand, struct buf *value)
{
    if (errand->aside.removes) {
        errand->aside.value_status = ERR_NOT_FOUND;
    } else if (errand->aside.writes) {
        buf_append_slice(&errand->value, buf_slice(value));
    } else {
        errand->aside.value_status = files_read(&errand->store->files, errand->name, &errand->value);
    }
}

static void work_set_aside(struct task *task, int folder)
{
    struct errand *errand = (struct errand *)task;
    const struct files *files = &errand->store->files;
    errand->status = folder != 0 ? folder : bring_up_to_date(errand);
    struct buf value = errand->value;
    errand->value = (struct buf)BUF_EMPTY;
    if (errand->status == 0)
        errand->status = files_copy_aside(files, errand->aside.number, errand->name, &errand->value);
    if (errand->status == 0)
        errand->status = files_sync(files);
    if (errand->status != 0) {
        buf_clear(&errand->value);
        keep_value(errand, &value);
    }
    buf_release(&value);
}

static void delete_key(struct errand *errand)
{
    struct key *key = errand->key;
    key->version++;
    key_place(key, VALUE_NONE, slice_of(NULL, 0));
    store_record(errand->store, key, STORE_DELETE, slice_of(NULL, 0));
}

/* Reads that were asked for before the key was changed again see how it has ended, not that change. */
static void end_reads(struct errand *errand, bool replaced)
{
    struct slice value = errand->status == 0 ? slice_of(NULL, 0) : buf_slice(&errand->value);
    int status = errand->status == 0 ? ERR_NOT_FOUND : errand->aside.value_status;
    if (replaced)
        store_answer_deferred(errand->store, errand->key, errand->version, status, value);
    else
        store_go_on(errand->store, errand->key);
}

static void end_set_aside(struct errand *errand)
{
    struct key *key = errand->key;
    bool replaced = key->replaced_lsn != 0;
    key->setting_aside = false;
    key->replaced_lsn = 0;
    end_reads(errand, replaced);
    store_wake(errand->store);
    errand_answer(errand);
}

static void forgotten(struct store_request *request, int status, struct slice value)
{
    struct errand *errand = errand_of_waiting(request);
    if (errand->status == 0 && status != 0)
        errand->status = errand->aside.value_status = status;
    end_set_aside(errand);
}

static void was_set_aside(struct task *task)
{
    struct errand *errand = (struct errand *)task;
    struct commit *commit = &errand->store->commits[errand->key->worker];
    if (errand->status == 0 && errand->key->replaced_lsn == 0)
        delete_key(errand);
    errand->waiting.done = forgotten;
    if (errand->status == 0 && commit_pending(commit))
        commit_wait(commit, &errand->waiting);
    else
        end_set_aside(errand);
}

/* What was accepted before is durable: now the file may become as it says. */
static void may_set_aside(struct store_request *request, int status, struct slice value)
{
    struct errand *errand = errand_of_waiting(request);
    errand->status = status;
    if (status != 0)
        end_set_aside(errand);
    else
        errand_give(errand, errand->store->file_worker, work_set_aside, was_set_aside);
}

void store_set_aside(struct store *store, unsigned worker, struct slice bytes, struct store_request *request)
{
    struct key *key = keys_get(&store->keys, worker, bytes);
    struct store_source *source = keys_source(&store->keys, bytes);
    if (key->setting_aside || key->place == VALUE_IN_JOURNAL) {
        store_answer_later(store, request, ERR_CONFLICT);
        keys_tidy(&store->keys, key);
        return;
    }
    struct errand *errand = errand_new(store, key, request);
    errand->aside.writes = key->first_lsn != 0;
    errand->aside.removes = key->place == VALUE_NONE;
    if (errand->aside.writes && !errand->aside.removes) {
        if (source != NULL)
            source->ops->encode(source, &errand->value);
        else
            buf_append_slice(&errand->value, buf_slice(&key->value));
        key_place(key, VALUE_HELD, buf_slice(&errand->value));
    }
    store_fail_source(store, bytes, ERR_CONFLICT);
    errand->version = ++key->version;
    errand->aside.number = store->numbers++;
    errand->aside.temporary = store->numbers++;
    key->setting_aside = true;
    errand->waiting.done = may_set_aside;
    store_sync_key(store, worker, bytes, &errand->waiting);
}
