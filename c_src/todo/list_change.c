/* Changes of a list as terms: written when they are made, made again when they are read back. Knows nothing
 * of journals.
 */
#include "todo/list_change.h"

#include "base/error.h"
#include "todo/key.h"
#include "todo/list_term.h"
#include "wire/etf_check.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <assert.h>

void list_change_begin(struct slice key, struct buf *out)
{
    if (!key_is_long(key))
        return;
    etf_write_tuple(out, 3);
    etf_write_atom(out, "key");
    etf_write_term(out, key);
}

static void write_entry(const struct todo_list *list, uint64_t id, struct buf *out)
{
    struct slice entry;
    bool there = list_get(list, id, &entry);
    assert(there);
    (void)there;
    etf_write_term(out, entry);
}

void list_change_add(const struct todo_list *list, uint64_t first_id, uint32_t count, struct buf *out)
{
    etf_write_tuple(out, 3);
    etf_write_atom(out, "add");
    etf_write_uint64(out, first_id);
    if (count != 0)
        etf_write_list(out, count);
    for (uint32_t i = 0; i < count; i++)
        write_entry(list, first_id + i, out);
    etf_write_nil(out);
}

void list_change_update(const struct todo_list *list, uint64_t id, struct buf *out)
{
    etf_write_tuple(out, 3);
    etf_write_atom(out, "update");
    etf_write_uint64(out, id);
    write_entry(list, id, out);
}

void list_change_delete(uint64_t id, struct buf *out)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, "delete");
    etf_write_uint64(out, id);
}

void list_change_replace(const struct todo_list *list, struct buf *out)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, "replace");
    list_write(list, out);
}

/* Puts the entry if it is new (an add only) or still there. */
static int apply_entry(struct todo_list *list, uint64_t id, struct slice term, bool add)
{
    struct entry *entry;
    if (id < 1 || id >= INT64_MAX || entry_load(term, id, &entry) != 0)
        return ERR_CORRUPT;
    if (add && id >= list->next_id)
        list_append_take(list, entry);
    else if (list_swap_take(list, entry) != 0)
        entry_free(entry);
    return 0;
}

static int apply_add(struct todo_list *list, struct slice cursor)
{
    uint64_t id;
    uint32_t length;
    if (!etf_read_uint64(&cursor, &id) || !etf_read_list(&cursor, &length))
        return ERR_CORRUPT;
    for (; length > 0; length--) {
        int rc = apply_entry(list, id, etf_take(&cursor), true);
        if (rc != 0)
            return rc;
        id++;
    }
    return 0;
}

static int apply_replace(struct todo_list *list, struct slice term)
{
    struct todo_list made;
    int rc = list_from_term(term, &made);
    if (rc != 0)
        return rc;
    list_release(list);
    *list = made;
    return 0;
}

static int apply(struct todo_list *list, struct slice cursor)
{
    uint64_t id;
    if (etf_read_tagged(&cursor, "add", 3))
        return apply_add(list, cursor);
    if (etf_read_tagged(&cursor, "update", 3) && etf_read_uint64(&cursor, &id))
        return apply_entry(list, id, etf_take(&cursor), false);
    if (etf_read_tagged(&cursor, "delete", 2) && etf_read_uint64(&cursor, &id)) {
        list_delete(list, id);
        return 0;
    }
    if (etf_read_tagged(&cursor, "replace", 2))
        return apply_replace(list, cursor);
    return ERR_CORRUPT;
}

/* The change in {key, Key, Change}, Key in key; any other as it is, key untouched. */
static struct slice unwrap(struct slice change, struct slice *key)
{
    struct slice cursor = change;
    if (!etf_read_tagged(&cursor, "key", 3))
        return change;
    *key = etf_take(&cursor);
    return etf_take(&cursor);
}

void list_event_begin(struct list_event *event, struct slice change)
{
    struct slice key;
    uint64_t id;
    *event = (struct list_event){.rest = unwrap(change, &key), .left = 1};
    if (etf_read_tagged(&event->rest, "add", 3)) {
        event->tag = "add_entry";
        etf_read_uint64(&event->rest, &id);
        etf_read_list(&event->rest, &event->left);
    } else if (etf_read_tagged(&event->rest, "update", 3)) {
        event->tag = "update_entry";
        etf_read_uint64(&event->rest, &id);
    } else if (etf_read_tagged(&event->rest, "delete", 2)) {
        event->tag = "delete_entry";
    } else {
        event->tag = "replace";
        etf_read_tagged(&event->rest, "replace", 2);
    }
}

bool list_event_next(struct list_event *event)
{
    if (event->left == 0)
        return false;
    event->left--;
    event->value = etf_take(&event->rest);
    return true;
}

int list_apply_change(struct todo_list *list, struct slice change)
{
    struct slice key;
    return apply(list, unwrap(change, &key));
}

/* key: the long key if it is known; filled in otherwise when a change names it. */
static int apply_all(struct todo_list *list, struct slice changes, struct buf *key)
{
    while (changes.size != 0) {
        struct slice change;
        struct slice named = {0};
        if (etf_check(changes, LIST_DEPTH_MAX, &change) != 0)
            return ERR_CORRUPT;
        changes = slice_of(changes.data + change.size, changes.size - change.size);
        change = unwrap(change, &named);
        if (named.size != 0 && key->size == 0 && key_canonical(named, key) != 0)
            return ERR_CORRUPT;
        int rc = apply(list, change);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int list_fold(struct slice value, struct slice changes, size_t expanded_max, struct buf *out)
{
    struct todo_list list;
    struct slice rest;
    struct buf key = BUF_EMPTY;
    int rc = list_from_value(value, expanded_max, &list, &rest);
    if (rc != 0)
        return rc;
    key_trailer_read(rest, &key); /* bytes behind the value that are no trailer mean nothing */
    rc = apply_all(&list, changes, &key);
    if (rc == 0)
        list_write_value(&list, buf_slice(&key), out);
    buf_release(&key);
    list_release(&list);
    return rc;
}
