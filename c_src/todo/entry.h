/* A to-do entry: a map in canonical form with its `id` set, in one allocation.
 *
 * Where the date stands in the bytes is remembered, so that choosing entries by date is a memcmp.
 */
#ifndef TODO_ENTRY_H
#define TODO_ENTRY_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum { ENTRY_SIZE_MAX = 1 << 30 /* bytes of the canonical map */ };

struct entry {
    uint64_t id;            /* also the value of the key id in bytes */
    uint32_t size;          /* of bytes */
    uint32_t date_offset;   /* where the value of the key date begins in bytes */
    uint32_t date_size;     /* its bytes; 0: the entry has no date */
    uint32_t date_position; /* its place among the entries of its date: todo/dates.c's */
    uint8_t bytes[];        /* the canonical map */
};

/* Makes an entry of a validated term in whatever form: `id` is set to id (one supplied is overwritten), all
 * other keys are kept. The caller owns *entry and frees it with entry_free.
 * id: 1..INT64_MAX.
 * Errors: ERR_BADARG (no map, or a map with two equal keys), ERR_NO_DATE (no key date), ERR_TOO_LARGE. */
int entry_new(struct slice term, uint64_t id, struct entry **entry);

/* The same for an entry that was stored by an older program: it may be without a date and then matches none.
 */
int entry_load(struct slice term, uint64_t id, struct entry **entry);

/* entry may be NULL. */
void entry_free(struct entry *entry);

/* The canonical map, borrowed. */
static inline struct slice entry_term(const struct entry *entry)
{
    return slice_of(entry->bytes, entry->size);
}

/* The canonical value of the key date, borrowed; size 0: none. */
static inline struct slice entry_date(const struct entry *entry)
{
    return slice_of(entry->bytes + entry->date_offset, entry->date_size);
}

/* What it occupies. */
static inline size_t entry_bytes(const struct entry *entry)
{
    return sizeof *entry + entry->size;
}

/* True if the entry has that date (canonical). */
static inline bool entry_has_date(const struct entry *entry, struct slice date)
{
    return entry->date_size != 0 && slice_equal(entry_date(entry), date);
}

/* Appends the answer for an error of the functions here and in list.h: {error, {badarg, no_date}} for
 * ERR_NO_DATE, {error, Reason} with the code's atom for the others. */
void entry_write_error(struct buf *out, int code);

#endif
