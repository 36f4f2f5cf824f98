/* Which keys there are: the folder tells, and where it is older than what was accepted, memory. Knows no
 * values.
 */
#include "base/error.h"
#include "base/mem.h"
#include "store/errand.h"

#include <assert.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

/* A dirty key by the name of its file. */
struct name {
    UT_hash_handle hh;
    bool has_value;
    char text[STORE_NAME_ROOM];
};

static void key_name(const struct store *store, const struct key *key, char name[STORE_NAME_ROOM])
{
    store->config.ops.file_name(store->config.ops.ctx, key_bytes(key), name);
}

static struct name *dirty_names(const struct store *store)
{
    struct name *names = NULL;
    const struct key *key;
    DL_FOREACH(store->keys.dirty, key)
    {
        struct name *name = mem_zalloc(sizeof *name);
        name->has_value = key->place != VALUE_NONE;
        key_name(store, key, name->text);
        HASH_ADD_STR(names, text, name);
    }
    return names;
}

/* The names of the folder and those that memory knows better: each once. */
static void merge(const struct store *store, struct buf *listed)
{
    struct name *names = dirty_names(store), *name, *next;
    struct buf merged = BUF_EMPTY;
    for (size_t at = 0; at < listed->size;) {
        const char *text = (const char *)listed->data + at;
        size_t size = strlen(text) + 1;
        HASH_FIND_STR(names, text, name);
        if (name == NULL)
            buf_append(&merged, text, size);
        at += size;
    }
    HASH_ITER(hh, names, name, next)
    {
        if (name->has_value)
            buf_append(&merged, name->text, strlen(name->text) + 1);
        HASH_DEL(names, name);
        mem_free(name);
    }
    buf_release(listed);
    *listed = merged;
}

static bool is_known(const struct store *store)
{
    const struct key *key;
    DL_FOREACH(store->keys.dirty, key)
    {
        if (key->place == VALUE_IN_JOURNAL)
            return false;
    }
    return true;
}

/* What the file thread has written since is still dirty here: its end is told after this. */
static void listed(struct task *task)
{
    struct errand *errand = (struct errand *)task;
    struct store *store = errand->store;
    if (errand->status == 0 && is_known(store)) {
        merge(store, &errand->value);
    } else if (errand->status == 0 && errand->checkpoint_status != 0) {
        errand->status = errand->checkpoint_status;
    } else if (errand->status == 0) { /* a write has failed meanwhile */
        buf_clear(&errand->value);
        checkpoint_begin(&store->checkpoint, &errand->waiting);
        return;
    }
    errand_answer(errand);
}

static void work_names(struct task *task, int folder)
{
    struct errand *errand = (struct errand *)task;
    errand->status = files_names(&errand->store->files, &errand->value);
}

static void may_list(struct store_request *request, int status, struct slice value)
{
    struct errand *errand = errand_of_waiting(request);
    errand->checkpoint_status = status;
    errand_give(errand, errand->store->file_worker, work_names, listed);
}

void store_names(struct store *store, struct store_request *request)
{
    struct errand *errand = errand_new(store, NULL, request);
    errand->waiting.done = may_list;
    checkpoint_begin(&store->checkpoint, &errand->waiting);
}

/* ---- reading by name ---- */

static const struct key *dirty_key(const struct store *store, const char *name)
{
    char own[STORE_NAME_ROOM];
    const struct key *key;
    DL_FOREACH(store->keys.dirty, key)
    {
        key_name(store, key, own);
        if (strcmp(own, name) == 0)
            return key;
    }
    return NULL;
}

/* What has no file may have a value all the same. */
static void name_read(struct task *task)
{
    struct errand *errand = (struct errand *)task;
    const struct key *key = errand->status != 0 ? dirty_key(errand->store, errand->name) : NULL;
    if (key != NULL && key->place != VALUE_IN_JOURNAL && store_value_now(errand->store, key, &errand->value))
        errand->status = 0;
    errand_answer(errand);
}

void store_read_name(struct store *store, const char *name, struct store_request *request)
{
    struct errand *errand = errand_new(store, NULL, request);
    assert(strlen(name) < STORE_NAME_ROOM);
    memcpy(errand->name, name, strlen(name) + 1);
    errand_give(errand, store->file_worker, errand_work_read, name_read);
}
