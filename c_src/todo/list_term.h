/* Lists as terms and as the content of files.
 *
 * #{'__struct__' => 'Elixir.Todo.List', entries => #{Id => Entry}, next_id => NextId}; written in canonical
 * form, read in any.
 */
#ifndef TODO_LIST_TERM_H
#define TODO_LIST_TERM_H

#include "base/buf.h"
#include "base/slice.h"
#include "todo/list.h"
#include "wire/etf_check.h"

#include <stddef.h>

/* Stored values and changes are read this deep: what a message of ETF_DEPTH_MAX_DEFAULT brings in is stored a
 * few levels deeper. */
enum { LIST_DEPTH_MAX = ETF_DEPTH_MAX_DEFAULT + 16 };

/* Fills a list from its term. list: uninitialised, the caller releases it; untouched on failure.
 * Also read: auto_id in place of next_id, a map without '__struct__', entries without a date, a next_id that
 * is not above all ids (it is raised). Errors:
 *   ERR_CORRUPT: not a list (next_id no integer 1..INT64_MAX, entries no map of ids to maps, another
 *   '__struct__', or a key that a list does not have and that would be lost). */
int list_from_term(struct slice term, struct todo_list *list);

/* The same from the content of a file: an external term, maybe compressed, maybe followed by the key's
 * trailer. value: size 0 gives an empty list. expanded_max: as in etf_external_read. rest: out, the bytes
 * behind the external term, borrowed from value; may be NULL. Errors: ERR_CORRUPT (no term, or not a list's),
 * ERR_TOO_LARGE (beyond expanded_max), -ENOMEM. */
int list_from_value(struct slice value, size_t expanded_max, struct todo_list *list, struct slice *rest);

/* Appends the canonical term. */
void list_write(const struct todo_list *list, struct buf *out);

/* Appends the content of the file of key: 131, the canonical term, the trailer if the key is a long one.
 * key: canonical. */
void list_write_value(const struct todo_list *list, struct slice key, struct buf *out);

/* The same by slices, of a list that may change between them: appends one, of which *last (0 at first) says
 * where it begins. out: what was appended before begins at its start. False: that was the last one. What
 * comes of it has each entry as it was at some moment since the first slice, and next_id as it is at the
 * last: with all changes since the first slice made again (todo/list_change.h) it is the list. */
bool list_write_some(const struct todo_list *list, struct slice key, uint64_t *last, struct buf *out);

#endif
