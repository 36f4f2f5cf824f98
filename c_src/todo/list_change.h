/* Changes of a list, as a journal records them.
 *
 * Each is one canonical term:
 *   {add, FirstId, [Entry]}   the entries got FirstId, FirstId + 1, ... ; all of them or none, one record
 *   {update, Id, Entry}       the whole entry as it is now
 *   {delete, Id}
 *   {replace, List}           the whole value (todo/list_term.h), whatever it was before
 *   {key, Key, Change}        one of these for a long key (todo/key.h), whose file has to carry the key
 * Changes may be applied again to a value that holds them already, as long as all later ones follow: an id
 * below next_id that is not there was deleted, so its add and its updates have no effect.
 */
#ifndef TODO_LIST_CHANGE_H
#define TODO_LIST_CHANGE_H

#include "base/buf.h"
#include "base/slice.h"
#include "todo/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Append the change that has just been made. list_change_begin comes first and is needed for every key; it
 * appends the head of {key, Key, _} if the key (canonical) is a long one, nothing otherwise. */
void list_change_begin(struct slice key, struct buf *out);
void list_change_add(const struct todo_list *list, uint64_t first_id, uint32_t count, struct buf *out);
void list_change_update(const struct todo_list *list, uint64_t id, struct buf *out);
void list_change_delete(uint64_t id, struct buf *out);
void list_change_replace(const struct todo_list *list, struct buf *out);

/* What a change says to who follows a list: {add_entry, Entry}, {update_entry, Entry}, {delete_entry, Id},
 * {replace, List}; an add of several entries is as many. */
struct list_event {
    const char *tag;    /* "add_entry", ... */
    struct slice value; /* the Entry, its id in it, the Id, or the List: a term of the change */
    struct slice rest;  /* of the change */
    uint32_t left;      /* events in rest */
};

/* change: written by the functions above, one whole. */
void list_event_begin(struct list_event *event, struct slice change);
/* The next one in tag and value; false: there was none left. */
bool list_event_next(struct list_event *event);

/* Makes a change that was read back. Errors: ERR_CORRUPT (no change; the list is then good for list_release
 * only). */
int list_apply_change(struct todo_list *list, struct slice change);

/* What a store's fold does: appends to out the content of a file in which the changes have been made.
 * value: as in list_from_value. changes: bytes of one or more changes one after another, not validated.
 * A trailer in value is kept; one that a {key, _, _} brings is added.
 * Errors: those of list_from_value; ERR_CORRUPT also when changes are none. out is then as before. */
int list_fold(struct slice value, struct slice changes, size_t expanded_max, struct buf *out);

#endif
