/* The functions of Todo.List on list values that travel in the request: no state. */
#ifndef TODO_LIST_VALUE_H
#define TODO_LIST_VALUE_H

#include "base/buf.h"
#include "base/slice.h"

/* Appends the answer to one request (validated, in whatever form):
 *   {new, [Entry]}            a list
 *   {size, L}                 number of entries
 *   {add_entry, L, Entry}     a list
 *   {entries, L, Date}        entries of that date by ascending id;  {entries, L}  all
 *   {entry, L, Id}            entry or nil
 *   {put_entry, L, Id, Entry} a list in which the entry of Id is replaced; L if it has none (the id stays Id)
 *   {delete_entry, L, Id}     a list; L if it has none
 * Instead: {error, {badarg, not_a_list}} when L is not a list's value (list_from_term); {error, {badarg,
 * no_date}} for an entry without a date, {error, badarg} for one that is no map or entries that are no list;
 * {error, {bad_request, Request}} for anything else. */
void list_call(struct slice request, struct buf *out);

#endif
