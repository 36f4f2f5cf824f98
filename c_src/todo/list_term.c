/* Reads and writes lists as terms. Knows how the book's program wrote them; knows nothing of files.
 */
#include "todo/list_term.h"

#include "base/error.h"
#include "base/mem.h"
#include "todo/key.h"
#include "wire/etf_external.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static const char struct_name[] = "Elixir.Todo.List";

/* The values of a list's map; size 0: not there. */
struct parts {
    struct slice name;    /* '__struct__' */
    struct slice entries; /* entries */
    struct slice next_id; /* next_id or auto_id */
};

static struct slice *part(struct parts *parts, struct slice key)
{
    if (etf_is_atom(key, "entries"))
        return &parts->entries;
    if (etf_is_atom(key, "next_id") || etf_is_atom(key, "auto_id"))
        return &parts->next_id;
    return etf_is_atom(key, "__struct__") ? &parts->name : NULL;
}

static bool read_parts(struct slice term, struct parts *parts)
{
    uint32_t pairs;
    if (!etf_read_map(&term, &pairs))
        return false;
    for (; pairs > 0; pairs--) {
        struct slice *value = part(parts, etf_take(&term));
        if (value == NULL || value->size != 0)
            return false;
        *value = etf_take(&term);
    }
    return parts->entries.size != 0 && parts->next_id.size != 0 &&
           (parts->name.size == 0 || etf_is_atom(parts->name, struct_name));
}

static int compare_ids(const void *a, const void *b)
{
    const struct entry *left = *(const struct entry *const *)a;
    const struct entry *right = *(const struct entry *const *)b;
    return (left->id > right->id) - (left->id < right->id);
}

/* Makes the entries; *count of them even on failure. */
static int make_entries(struct slice cursor, uint32_t pairs, struct entry **made, uint32_t *count)
{
    for (*count = 0; *count < pairs; (*count)++) {
        uint64_t id;
        if (!etf_read_uint64(&cursor, &id) || id < 1 || id >= INT64_MAX)
            return ERR_CORRUPT;
        if (entry_load(etf_take(&cursor), id, &made[*count]) != 0)
            return ERR_CORRUPT;
    }
    return 0;
}

/* Moves the entries into an empty list. A BEAM writes a map of more than 32 keys in no order. */
static int take_entries(struct entry **made, uint32_t count, struct todo_list *list)
{
    bool ascending = true;
    for (uint32_t i = 1; i < count; i++)
        ascending = ascending && made[i - 1]->id < made[i]->id;
    if (!ascending)
        qsort(made, count, sizeof made[0], compare_ids);
    for (uint32_t i = 1; !ascending && i < count; i++)
        if (made[i - 1]->id == made[i]->id)
            return ERR_CORRUPT;
    for (uint32_t i = 0; i < count; i++)
        list_append_take(list, made[i]);
    return 0;
}

static int read_entries(struct slice term, struct todo_list *list)
{
    uint32_t pairs;
    uint32_t count;
    if (!etf_read_map(&term, &pairs))
        return ERR_CORRUPT;
    struct entry **made = mem_alloc((size_t)pairs * sizeof made[0]);
    int rc = make_entries(term, pairs, made, &count);
    if (rc == 0)
        rc = take_entries(made, count, list);
    for (uint32_t i = 0; rc != 0 && i < count; i++)
        entry_free(made[i]);
    mem_free(made);
    return rc;
}

int list_from_term(struct slice term, struct todo_list *list)
{
    struct parts parts = {0};
    uint64_t next_id;
    if (!read_parts(term, &parts) || !etf_read_uint64(&parts.next_id, &next_id))
        return ERR_CORRUPT;
    if (next_id < 1 || next_id > INT64_MAX)
        return ERR_CORRUPT;
    struct todo_list made;
    list_init(&made);
    int rc = read_entries(parts.entries, &made);
    if (rc != 0)
        return rc;
    if (made.next_id < next_id)
        made.next_id = next_id;
    *list = made;
    return 0;
}

int list_from_value(struct slice value, size_t expanded_max, struct todo_list *list, struct slice *rest)
{
    struct buf scratch = BUF_EMPTY;
    struct slice term;
    struct slice behind = {0};
    int rc = 0;
    if (value.size == 0) {
        list_init(list);
    } else {
        rc = etf_external_read(value, LIST_DEPTH_MAX, expanded_max, &scratch, &term, &behind);
        if (rc == 0)
            rc = mem_has_room_for(term.size) ? list_from_term(term, list) : -ENOMEM;
        else if (rc != ERR_TOO_LARGE && rc != -ENOMEM)
            rc = ERR_CORRUPT;
    }
    if (rc == 0 && rest != NULL)
        *rest = behind;
    buf_release(&scratch);
    return rc;
}

enum { SLICE_ENTRIES = 1024, SLICE_BYTES = 64 * 1024 };

static void write_front(uint32_t count, struct buf *out)
{
    etf_write_map(out, 3);
    etf_write_atom(out, "__struct__");
    etf_write_atom(out, struct_name);
    etf_write_atom(out, "entries");
    etf_write_map(out, count);
}

static void write_entry(const struct entry *entry, struct buf *out)
{
    etf_write_uint64(out, entry->id);
    etf_write_term(out, entry_term(entry));
}

static void write_back(const struct todo_list *list, struct buf *out)
{
    etf_write_atom(out, "next_id");
    etf_write_uint64(out, list->next_id);
}

void list_write(const struct todo_list *list, struct buf *out)
{
    uint32_t at = 0;
    write_front(list_size(list), out);
    for (const struct entry *entry; (entry = slots_next(&list->entries, &at)) != NULL;)
        write_entry(entry, out);
    write_back(list, out);
}

void list_write_value(const struct todo_list *list, struct slice key, struct buf *out)
{
    etf_write_version(out);
    list_write(list, out);
    key_trailer_append(key, out);
}

/* Where in a value the number of entries stands. */
static size_t count_offset(void)
{
    struct buf front = BUF_EMPTY;
    etf_write_version(&front);
    write_front(0, &front);
    size_t offset = front.size - 4;
    buf_release(&front);
    return offset;
}

bool list_write_some(const struct todo_list *list, struct slice key, uint64_t *last, struct buf *out)
{
    if (*last == 0) {
        etf_write_version(out);
        write_front(0, out);
    }
    size_t end = out->size + SLICE_BYTES;
    uint32_t at = slots_after(&list->entries, *last);
    uint32_t count = 0;
    const struct entry *entry = NULL;
    while (count < SLICE_ENTRIES && out->size < end && (entry = slots_next(&list->entries, &at)) != NULL) {
        write_entry(entry, out);
        *last = entry->id;
        count++;
    }
    uint8_t *counted = out->data + count_offset();
    bytes_put_u32(counted, bytes_u32(counted) + count);
    if (entry != NULL)
        return true;
    write_back(list, out);
    key_trailer_append(key, out);
    return false;
}
