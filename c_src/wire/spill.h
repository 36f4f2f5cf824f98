/* An array used as a stack that starts in its owner's memory and moves to the heap when it outgrows that:
 * what every walk over terms keeps its place in, so that nesting costs no C stack and a shallow term costs no
 * allocation.
 */
#ifndef WIRE_SPILL_H
#define WIRE_SPILL_H

#include <stddef.h>

struct spill {
    void *items;       /* the first item: first_items or heap memory */
    size_t count;      /* items in use */
    size_t room;       /* items that fit */
    size_t item_size;  /* bytes of one item */
    void *first_items; /* the owner's memory, never freed here */
};

/* first_items: room items of item_size bytes, room > 0, valid until spill_release. */
static inline void spill_init(struct spill *spill, void *first_items, size_t room, size_t item_size)
{
    *spill = (struct spill){first_items, 0, room, item_size, first_items};
}

/* Frees what was allocated; may be called again. Whoever wants to push again calls spill_init first. */
void spill_release(struct spill *spill);

/* Makes room for count items in all; the items may move. */
void spill_grow(struct spill *spill, size_t count);

/* Adds count uninitialised items; returns the first of them, valid until the next push. */
static inline void *spill_push_many(struct spill *spill, size_t count)
{
    if (spill->count + count > spill->room)
        spill_grow(spill, spill->count + count);
    void *item = (char *)spill->items + spill->count * spill->item_size;
    spill->count += count;
    return item;
}

static inline void *spill_push(struct spill *spill)
{
    return spill_push_many(spill, 1);
}

/* The last item; there is one. */
static inline void *spill_top(const struct spill *spill)
{
    return (char *)spill->items + (spill->count - 1) * spill->item_size;
}

/* Drops the last item; it stays readable until the next push. */
static inline void spill_pop(struct spill *spill)
{
    spill->count--;
}

#endif
