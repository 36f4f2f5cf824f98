/* The index by date: a hash table of dates, each with the entries that have it. Knows nothing of lists.
 *
 * An entry knows its place among those of its date, so taking it out needs no search; a hole is left and the
 * holes are closed when they are half of all. An update can bring an old id to a date that has newer ones:
 * the date is then marked and sorted when it is read.
 */
#include "todo/dates.h"

#include "base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define uthash_malloc(size)        mem_alloc(size)
#define uthash_free(pointer, size) mem_free(pointer)
#include <uthash.h>

enum { ROOM_FIRST = 4 };

/* The entries of one date. */
struct date {
    UT_hash_handle hh;      /* in struct dates, by key */
    struct entry **entries; /* NULL where one was taken out */
    uint64_t last_id;       /* of the entry added last since the order was last known */
    uint32_t used;          /* of entries */
    uint32_t room;          /* allocated */
    uint32_t holes;         /* of the used ones, those without an entry */
    bool unsorted;          /* ids do not ascend */
    uint8_t key[];          /* the date in canonical form; its size is in hh */
};

struct dates {
    struct date *table; /* uthash's head; NULL when empty */
};

struct dates *dates_new(void)
{
    return mem_zalloc(sizeof(struct dates));
}

static void free_date(struct dates *dates, struct date *date)
{
    HASH_DEL(dates->table, date);
    mem_free(date->entries);
    mem_free(date);
}

void dates_free(struct dates *dates)
{
    if (dates == NULL)
        return;
    while (dates->table != NULL)
        free_date(dates, dates->table);
    mem_free(dates);
}

static struct date *find(const struct dates *dates, struct slice key)
{
    struct date *date = NULL;
    HASH_FIND(hh, dates->table, key.data, key.size, date);
    return date;
}

static struct date *make(struct dates *dates, struct slice key)
{
    struct date *date = mem_zalloc(sizeof *date + key.size);
    memcpy(date->key, key.data, key.size);
    HASH_ADD_KEYPTR(hh, dates->table, date->key, key.size, date);
    return date;
}

static void set_room(struct date *date, uint32_t room)
{
    date->entries = mem_realloc(date->entries, (size_t)room * sizeof(struct entry *));
    date->room = room;
}

void dates_add(struct dates *dates, struct entry *entry)
{
    if (entry->date_size == 0)
        return;
    struct date *date = find(dates, entry_date(entry));
    if (date == NULL)
        date = make(dates, entry_date(entry));
    if (date->used == date->room) {
        assert(date->room <= UINT32_MAX / 2);
        set_room(date, date->room == 0 ? ROOM_FIRST : date->room * 2);
    }
    entry->date_position = date->used;
    date->entries[date->used++] = entry;
    if (entry->id < date->last_id)
        date->unsorted = true;
    date->last_id = entry->id;
}

static void close_holes(struct date *date)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < date->used; i++) {
        struct entry *entry = date->entries[i];
        if (entry == NULL)
            continue;
        entry->date_position = kept;
        date->entries[kept++] = entry;
    }
    date->used = kept;
    date->holes = 0;
    if (date->room > ROOM_FIRST && kept < date->room / 4)
        set_room(date, kept * 2 > ROOM_FIRST ? kept * 2 : ROOM_FIRST);
}

void dates_remove(struct dates *dates, const struct entry *entry)
{
    if (entry->date_size == 0)
        return;
    struct date *date = find(dates, entry_date(entry));
    assert(date != NULL && date->entries[entry->date_position] == entry);
    date->entries[entry->date_position] = NULL;
    date->holes++;
    if (date->holes == date->used)
        free_date(dates, date);
    else if (date->holes >= date->used - date->holes)
        close_holes(date);
}

void dates_swap(struct dates *dates, const struct entry *old, struct entry *next)
{
    if (!entry_has_date(next, entry_date(old))) {
        dates_remove(dates, old);
        dates_add(dates, next);
        return;
    }
    struct date *date = find(dates, entry_date(old));
    assert(date != NULL && date->entries[old->date_position] == old);
    next->date_position = old->date_position;
    date->entries[next->date_position] = next;
}

static int compare_ids(const void *a, const void *b)
{
    const struct entry *left = *(const struct entry *const *)a;
    const struct entry *right = *(const struct entry *const *)b;
    return (left->id > right->id) - (left->id < right->id);
}

static void sort(struct date *date)
{
    qsort(date->entries, date->used, sizeof(struct entry *), compare_ids);
    for (uint32_t i = 0; i < date->used; i++)
        date->entries[i]->date_position = i;
    date->last_id = date->entries[date->used - 1]->id;
    date->unsorted = false;
}

uint32_t dates_find(struct dates *dates, struct slice key, struct entry *const **entries)
{
    struct date *date = find(dates, key);
    if (date == NULL)
        return 0;
    if (date->holes != 0)
        close_holes(date);
    if (date->unsorted)
        sort(date);
    *entries = date->entries;
    return date->used;
}
