/* The operations of a to-do list. Knows neither processes nor how a list or a change looks on disk.
 *
 * The index by date is built by the first question for a date that a large list gets, kept up to date from
 * then on, and dropped when the list has become small again.
 */
#include "todo/list.h"

#include "base/error.h"
#include "todo/dates.h"
#include "wire/etf_canonical.h"
#include "wire/etf_compare.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <assert.h>
#include <stddef.h>

void list_init(struct todo_list *list)
{
    *list = (struct todo_list){.next_id = 1};
}

/* The index by date; NULL: there is none. */
static struct dates *dates_of(const struct todo_list *list)
{
    return list->entries.array == NULL ? NULL : list->entries.array->dates;
}

/* The list is not empty. */
static struct dates *make_dates(struct todo_list *list)
{
    struct dates *dates = dates_new();
    uint32_t at = 0;
    for (struct entry *entry; (entry = slots_next(&list->entries, &at)) != NULL;)
        dates_add(dates, entry);
    list->entries.array->dates = dates;
    return dates;
}

static void drop_dates(struct todo_list *list)
{
    if (dates_of(list) == NULL)
        return;
    dates_free(list->entries.array->dates);
    list->entries.array->dates = NULL;
}

void list_release(struct todo_list *list)
{
    drop_dates(list);
    slots_release(&list->entries);
    list_init(list);
}

void list_append_take(struct todo_list *list, struct entry *entry)
{
    assert(entry->id >= list->next_id && entry->id < INT64_MAX);
    slots_append_take(&list->entries, entry);
    list->next_id = entry->id + 1;
    if (dates_of(list) != NULL)
        dates_add(dates_of(list), entry);
}

int list_swap_take(struct todo_list *list, struct entry *entry)
{
    struct entry *old = slots_swap_take(&list->entries, entry);
    if (old == NULL)
        return ERR_NOT_FOUND;
    if (dates_of(list) != NULL)
        dates_swap(dates_of(list), old, entry);
    entry_free(old);
    return 0;
}

int list_add(struct todo_list *list, struct slice entry, uint64_t *id)
{
    struct entry *made;
    if (list->next_id >= INT64_MAX)
        return ERR_TOO_LARGE;
    int rc = entry_new(entry, list->next_id, &made);
    if (rc != 0)
        return rc;
    *id = made->id;
    list_append_take(list, made);
    return 0;
}

/* Makes the entries of a list term, which may stand as several lists, each the tail of the one before. */
static int make_all(struct slice cursor, uint64_t first_id, struct slots *made)
{
    for (;;) {
        uint32_t length;
        if (!etf_read_list(&cursor, &length))
            return ERR_BADARG;
        if (length == 0)
            return 0;
        for (uint32_t i = 0; i < length; i++) {
            struct entry *entry;
            uint64_t id = first_id + slots_count(made);
            if (id >= INT64_MAX)
                return ERR_TOO_LARGE;
            int rc = entry_new(etf_take(&cursor), id, &entry);
            if (rc != 0)
                return rc;
            slots_append_take(made, entry);
        }
    }
}

int list_add_all(struct todo_list *list, struct slice entries, uint64_t *first_id, uint32_t *count)
{
    struct slots made = {0};
    int rc = make_all(entries, list->next_id, &made);
    if (rc != 0) {
        slots_release(&made);
        return rc;
    }
    *first_id = list->next_id;
    *count = slots_count(&made);
    uint32_t at = 0;
    for (struct entry *entry; (entry = slots_next(&made, &at)) != NULL;)
        list_append_take(list, entry);
    slots_forget(&made);
    return 0;
}

int list_update(struct todo_list *list, uint64_t id, struct slice entry)
{
    struct entry *made;
    int rc = entry_new(entry, id, &made);
    if (rc != 0)
        return rc;
    rc = list_swap_take(list, made);
    if (rc != 0)
        entry_free(made);
    return rc;
}

int list_replace(struct todo_list *list, uint64_t id, struct slice old, struct slice entry)
{
    struct entry *made;
    int rc = entry_new(entry, id, &made);
    if (rc != 0)
        return rc;
    const struct entry *present = slots_find(&list->entries, id);
    if (present == NULL)
        rc = ERR_NOT_FOUND;
    else if (!etf_equal(old, entry_term(present)))
        rc = ERR_CONFLICT;
    else
        rc = list_swap_take(list, made);
    if (rc != 0)
        entry_free(made);
    return rc;
}

bool list_delete(struct todo_list *list, uint64_t id)
{
    struct entry *entry = slots_remove(&list->entries, id);
    if (entry == NULL)
        return false;
    if (dates_of(list) != NULL)
        dates_remove(dates_of(list), entry);
    entry_free(entry);
    if (list_size(list) < LIST_INDEX_MIN / 2)
        drop_dates(list);
    return true;
}

bool list_get(const struct todo_list *list, uint64_t id, struct slice *entry)
{
    const struct entry *found = slots_find(&list->entries, id);
    if (found == NULL)
        return false;
    *entry = entry_term(found);
    return true;
}

static void write_all(const struct todo_list *list, struct buf *out)
{
    uint32_t at = 0;
    if (list_size(list) != 0)
        etf_write_list(out, list_size(list));
    for (const struct entry *entry; (entry = slots_next(&list->entries, &at)) != NULL;)
        etf_write_term(out, entry_term(entry));
    etf_write_nil(out);
}

/* False, nothing appended, if none were found. */
static bool write_found(struct entry *const *found, uint32_t count, struct buf *out)
{
    if (count == 0)
        return false;
    etf_write_list(out, count);
    for (uint32_t i = 0; i < count; i++)
        etf_write_term(out, entry_term(found[i]));
    etf_write_nil(out);
    return true;
}

static bool write_searched(const struct todo_list *list, struct slice date, struct buf *out)
{
    struct entry *found[LIST_INDEX_MIN];
    uint32_t count = 0;
    uint32_t at = 0;
    for (struct entry *entry; (entry = slots_next(&list->entries, &at)) != NULL;)
        if (entry_has_date(entry, date))
            found[count++] = entry;
    return write_found(found, count, out);
}

static bool write_indexed(struct todo_list *list, struct slice date, struct buf *out)
{
    struct dates *dates = dates_of(list) == NULL ? make_dates(list) : dates_of(list);
    struct entry *const *found = NULL;
    uint32_t count = dates_find(dates, date, &found);
    return write_found(found, count, out);
}

static bool write_of_date(struct todo_list *list, struct slice date, struct buf *out)
{
    return list_size(list) < LIST_INDEX_MIN ? write_searched(list, date, out)
                                            : write_indexed(list, date, out);
}

/* A date mostly comes in canonical form, and bytes that an entry has are canonical: so first as it came. */
int list_write_entries(struct todo_list *list, const struct slice *date, struct buf *out)
{
    if (date == NULL) {
        write_all(list, out);
        return 0;
    }
    if (write_of_date(list, *date, out))
        return 0;
    struct buf canonical = BUF_EMPTY;
    int rc = etf_canonical(*date, &canonical) == 0 ? 0 : ERR_BADARG;
    if (rc == 0 && !write_of_date(list, buf_slice(&canonical), out))
        etf_write_nil(out);
    buf_release(&canonical);
    return rc;
}
