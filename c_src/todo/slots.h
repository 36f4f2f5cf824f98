/* Entries by ascending id, owned. Only the end grows, as ids do; an entry taken out leaves its id as a hole,
 * and the holes are closed when they are half of all, so that no order of adding and removing is quadratic.
 */
#ifndef TODO_SLOTS_H
#define TODO_SLOTS_H

#include "todo/entry.h"

#include <stdbool.h>
#include <stdint.h>

struct dates;

struct slot_array {
    struct dates
        *dates;      /* the list's index of the entries; NULL: none. Its memory is not looked after here */
    size_t bytes;    /* of the entries (entry_bytes) */
    uint32_t used;   /* slots in use */
    uint32_t room;   /* slots allocated */
    uint32_t holes;  /* of the used ones, those without an entry */
    uint64_t slot[]; /* an entry's address, or (id << 1 | 1) of one that is gone */
};

/* Embedded; all zero is an empty one and owns no memory. */
struct slots {
    struct slot_array *array; /* NULL: empty */
};

/* Frees the entries; empty afterwards. */
void slots_release(struct slots *slots);

/* The same without the entries, which somebody else owns now. */
void slots_forget(struct slots *slots);

static inline uint32_t slots_count(const struct slots *slots)
{
    return slots->array == NULL ? 0 : slots->array->used - slots->array->holes;
}

/* What the entries and their array occupy. */
static inline size_t slots_bytes(const struct slots *slots)
{
    const struct slot_array *array = slots->array;
    return array == NULL ? 0 : array->bytes + sizeof *array + array->room * sizeof array->slot[0];
}

/* Takes entry, whose id is above all others. */
void slots_append_take(struct slots *slots, struct entry *entry);

/* The entry of that id, borrowed; NULL: none. */
struct entry *slots_find(const struct slots *slots, uint64_t id);

/* Puts entry in the place of the one with its id and returns that one; the caller owns it now. NULL: there is
 * none, entry stays the caller's. */
struct entry *slots_swap_take(struct slots *slots, struct entry *entry);

/* Takes the entry of that id out; the caller owns it. NULL: none. */
struct entry *slots_remove(struct slots *slots, uint64_t id);

static inline bool slot_is_hole(uint64_t slot)
{
    return (slot & 1) != 0;
}

static inline struct entry *slot_entry(uint64_t slot)
{
    return (struct entry *)(uintptr_t)slot;
}

/* Walks by ascending id: *at starts with 0. NULL at the end. */
static inline struct entry *slots_next(const struct slots *slots, uint32_t *at)
{
    const struct slot_array *array = slots->array;
    while (array != NULL && *at < array->used) {
        uint64_t slot = array->slot[(*at)++];
        if (!slot_is_hole(slot))
            return slot_entry(slot);
    }
    return NULL;
}

/* Where a walk begins whose first entry has an id above this one. */
uint32_t slots_after(const struct slots *slots, uint64_t id);

#endif
