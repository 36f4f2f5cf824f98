/* A to-do list: entries by ascending id, an index by date once it is large. Pure: no processes, no files.
 *
 * "term": validated, in whatever form, unless it says canonical. Ids are 1..INT64_MAX - 1, grow by one and
 * are never used again.
 *
 * As a term a list is #{'__struct__' => 'Elixir.Todo.List', entries => #{Id => Entry}, next_id => NextId}
 * (todo/list_term.h).
 */
#ifndef TODO_LIST_H
#define TODO_LIST_H

#include "base/buf.h"
#include "base/slice.h"
#include "todo/slots.h"

#include <stdbool.h>
#include <stdint.h>

enum { LIST_INDEX_MIN = 33 /* with that many entries the index by date is built */ };

/* Embedded in its owner's record; an empty list owns no memory. The index by date is in entries. */
struct todo_list {
    uint64_t next_id;     /* the id that the next entry gets */
    struct slots entries; /* by ascending id */
};

/* An empty list whose first entry gets the id 1. */
void list_init(struct todo_list *list);

/* Frees the entries; the list is as after list_init. */
void list_release(struct todo_list *list);

/* Adds one entry. id: out, the one it got.
 * Errors: those of entry_new; ERR_TOO_LARGE also when there are no ids left. */
int list_add(struct todo_list *list, struct slice entry, uint64_t *id);

/* Adds the entries of a list term, all or none: they get *first_id, *first_id + 1, ... (*count of them, 0 for
 * []; *first_id is then the next id). Errors: as list_add; ERR_BADARG when entries is no proper list. */
int list_add_all(struct todo_list *list, struct slice entries, uint64_t *first_id, uint32_t *count);

/* Moves in an entry whose id is next_id or above; next_id is then its id + 1. The list owns it. */
void list_append_take(struct todo_list *list, struct entry *entry);

/* Moves in an entry in the place of the one with its id. Errors: ERR_NOT_FOUND (entry stays the caller's). */
int list_swap_take(struct todo_list *list, struct entry *entry);

/* Replaces the entry of that id; the id stays.
 * Errors: those of entry_new, ERR_NOT_FOUND; a bad entry is told first. */
int list_update(struct todo_list *list, uint64_t id, struct slice entry);

/* The same if the entry there is =:= to old.
 * Errors: those of list_update, ERR_CONFLICT. */
int list_replace(struct todo_list *list, uint64_t id, struct slice old, struct slice entry);

/* False if there was none. */
bool list_delete(struct todo_list *list, uint64_t id);

/* The canonical entry, borrowed until the list changes. False if there is none. */
bool list_get(const struct todo_list *list, uint64_t id, struct slice *entry);

static inline uint32_t list_size(const struct todo_list *list)
{
    return slots_count(&list->entries);
}

/* What its entries and their array occupy, in bytes; at once. The index by date is not counted. */
static inline size_t list_bytes(const struct todo_list *list)
{
    return slots_bytes(&list->entries);
}

static inline uint64_t list_next_id(const struct todo_list *list)
{
    return list->next_id;
}

/* Appends the list term of the entries of that date (any form), or of all (NULL), by ascending id. Costs what
 * it appends, not what the list holds.
 * Errors: ERR_BADARG (date holds a map with two equal keys). */
int list_write_entries(struct todo_list *list, const struct slice *date, struct buf *out);

#endif
