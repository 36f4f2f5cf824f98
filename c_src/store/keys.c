/* The table of keys that are not clean. Does nothing by itself. */
#include "store/keys.h"

#include "base/mem.h"

#include <assert.h>
#include <utlist.h>

struct key *keys_find(struct keys *keys, struct slice bytes)
{
    struct key *key;
    HASH_FIND(hh, keys->all, bytes.data, bytes.size, key);
    return key;
}

struct key *keys_get(struct keys *keys, unsigned worker, struct slice bytes)
{
    struct key *key = keys_find(keys, bytes);
    assert(key == NULL || key->worker == worker);
    if (key == NULL) {
        key = mem_zalloc(sizeof *key + bytes.size);
        key->worker = worker;
        key->size = bytes.size;
        memcpy(key->bytes, bytes.data, bytes.size);
        HASH_ADD_KEYPTR(hh, keys->all, key->bytes, key->size, key);
    }
    return key;
}

void keys_changed(struct keys *keys, struct key *key, uint64_t lsn)
{
    if (key->first_lsn == 0) {
        key->first_lsn = lsn;
        DL_APPEND(keys->dirty, key);
        keys->dirty_count++;
    }
    if (key->next_first_lsn == 0)
        key->next_first_lsn = lsn;
    if (key->setting_aside && key->replaced_lsn == 0)
        key->replaced_lsn = lsn;
    key->last_lsn = lsn;
}

void key_place(struct key *key, enum value_place place, struct slice value)
{
    key->place = place;
    if (place != VALUE_HELD) {
        buf_release(&key->value);
        return;
    }
    buf_clear(&key->value);
    buf_append_slice(&key->value, value);
}

static void clean(struct keys *keys, struct key *key)
{
    DL_DELETE(keys->dirty, key);
    keys->dirty_count--;
    key->first_lsn = 0;
    key->next_first_lsn = 0;
    key_place(key, VALUE_IN_FILE, slice_of(NULL, 0));
}

void keys_written(struct keys *keys, struct key *key)
{
    if (key->next_first_lsn == 0) {
        clean(keys, key);
        return;
    }
    key->first_lsn = key->next_first_lsn;
    DL_DELETE(keys->dirty, key);
    DL_APPEND(keys->dirty, key);
}

void keys_forget_after(struct keys *keys, struct key *key, uint64_t durable)
{
    if (key->first_lsn == 0 || key->last_lsn <= durable)
        return;
    key->version++;
    key->last_lsn = durable;
    if (key->next_first_lsn > durable)
        key->next_first_lsn = 0;
    if (key->replaced_lsn > durable)
        key->replaced_lsn = 0;
    if (key->first_lsn > durable)
        clean(keys, key);
    else
        key_place(key, VALUE_IN_JOURNAL, slice_of(NULL, 0));
}

void keys_tidy(struct keys *keys, struct key *key)
{
    if (key->first_lsn != 0 || key->pins > 0 || key->in_round || key->setting_aside ||
        key->deferred.first != NULL)
        return;
    HASH_DEL(keys->all, key);
    buf_release(&key->value);
    mem_free(key);
}

struct store_source *keys_source(struct keys *keys, struct slice bytes)
{
    struct store_source *source;
    HASH_FIND(hh, keys->sources, bytes.data, bytes.size, source);
    return source;
}

void keys_attach(struct keys *keys, struct slice bytes, struct store_source *source)
{
    source->key = bytes;
    HASH_ADD_KEYPTR(hh, keys->sources, source->key.data, source->key.size, source);
}

void keys_detach(struct keys *keys, struct store_source *source)
{
    HASH_DEL(keys->sources, source);
}
