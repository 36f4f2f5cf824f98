/* The table of keys that are not clean. Does nothing by itself. */
#include "store/keys.h"

#include "base/mem.h"

#include <assert.h>
#include <stddef.h>
#include <utlist.h>

static struct slice key_of_link(const struct table_link *link)
{
    return key_bytes((const struct key *)link);
}

static struct slice key_of_source(const struct table_link *link)
{
    size_t offset = offsetof(struct store_source, link);
    const struct store_source *source = (const struct store_source *)((const char *)link - offset);
    return source->ops->key(source);
}

void keys_init(struct keys *keys)
{
    *keys = (struct keys){0};
    table_init(&keys->all, key_of_link);
    table_init(&keys->sources, key_of_source);
}

static void free_key(struct key *key)
{
    buf_release(&key->value);
    mem_free(key);
}

void keys_release(struct keys *keys)
{
    struct table_walk walk = {0};
    struct table_link *link;
    assert(keys->sources.count == 0);
    while ((link = table_next(&keys->all, &walk)) != NULL)
        free_key(TABLE_RECORD(link, struct key, link));
    table_release(&keys->all);
    table_release(&keys->sources);
}

struct key *keys_find(struct keys *keys, struct slice bytes)
{
    return TABLE_RECORD(table_find(&keys->all, bytes), struct key, link);
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
        table_add(&keys->all, &key->link);
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
    key->carried_lsn = key->carried_size = 0;
    key->stuck = false;
    key_place(key, VALUE_IN_FILE, slice_of(NULL, 0));
}

void keys_written(struct keys *keys, struct key *key)
{
    if (key->next_first_lsn == 0) {
        clean(keys, key);
        return;
    }
    key->first_lsn = key->next_first_lsn;
    key->carried_lsn = key->carried_size = 0;
    key->stuck = false;
    DL_DELETE(keys->dirty, key);
    DL_APPEND(keys->dirty, key);
}

void keys_carried(struct keys *keys, struct key *key)
{
    key->first_lsn = key->carried_lsn;
    key->carried_lsn = 0;
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
    table_remove(&keys->all, &key->link);
    free_key(key);
}

struct store_source *keys_source(struct keys *keys, struct slice bytes)
{
    return TABLE_RECORD(table_find(&keys->sources, bytes), struct store_source, link);
}

void keys_attach(struct keys *keys, struct store_source *source)
{
    table_add(&keys->sources, &source->link);
}

void keys_detach(struct keys *keys, struct store_source *source)
{
    table_remove(&keys->sources, &source->link);
}
