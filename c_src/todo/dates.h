/* The entries of a large list by their date. Borrows the entries: they live in the list.
 *
 * Adding and removing cost the same whatever the order and number of entries; only reading a date sorts it,
 * if entries came out of order since it was last read.
 */
#ifndef TODO_DATES_H
#define TODO_DATES_H

#include "base/slice.h"
#include "todo/entry.h"

#include <stdint.h>

struct dates;

struct dates *dates_new(void);

/* dates may be NULL. The entries stay. */
void dates_free(struct dates *dates);

/* entry must not be in it. One without a date is ignored, as in dates_remove. */
void dates_add(struct dates *dates, struct entry *entry);

/* entry must be in it. */
void dates_remove(struct dates *dates, const struct entry *entry);

/* next takes the place of old, which must be in it and has the same id. */
void dates_swap(struct dates *dates, const struct entry *old, struct entry *next);

/* The entries of a date (canonical) by ascending id: returns how many. entries: out, valid until the next
 * call of anything here. */
uint32_t dates_find(struct dates *dates, struct slice date, struct entry *const **entries);

#endif
