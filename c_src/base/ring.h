/* A ring of records that carry their place in themselves; one place in it is nobody's, its anchor. Whoever is
 * in it leaves without knowing whose ring it is. */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stdbool.h>
#include <stddef.h>

/* All zero: in no ring. */
struct ring {
    struct ring *prev;
    struct ring *next;
};

/* An empty ring around its anchor, which may not move. */
static inline void ring_init(struct ring *anchor)
{
    anchor->prev = anchor->next = anchor;
}

static inline bool ring_is_in(const struct ring *place)
{
    return place->next != NULL;
}

/* place, in no ring, becomes the last. */
static inline void ring_append(struct ring *anchor, struct ring *place)
{
    place->prev = anchor->prev;
    place->next = anchor;
    anchor->prev->next = place;
    anchor->prev = place;
}

static inline void ring_remove(struct ring *place)
{
    place->prev->next = place->next;
    place->next->prev = place->prev;
    *place = (struct ring){NULL, NULL};
}

#endif
