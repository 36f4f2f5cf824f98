/* Slabs of 64 KiB, aligned to their size so that a place finds its own. Knows nothing of what is in them. */
#include "base/pool.h"

#include "base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    SLAB_ALIGNMENT = 64 * 1024,
    SLAB_SIZE = SLAB_ALIGNMENT - 64 /* what the heap adds fits before the next one */
};

/* A free place that was in use once. */
struct hole {
    struct hole *next;
};

struct pool_slab {
    struct pool_slab *prev; /* in pool->open, unless it is full */
    struct pool_slab *next;
    struct hole *holes;
    uint32_t class;     /* of its places' size */
    uint32_t used;      /* places in use */
    uint32_t untouched; /* offset of the first place that was never in use */
    _Alignas(16) uint8_t places[];
};

static size_t place_size(size_t class)
{
    return (class + 1) * POOL_STEP;
}

static bool has_room(const struct pool_slab *slab)
{
    size_t room = SLAB_SIZE - offsetof(struct pool_slab, places);
    return slab->holes != NULL || slab->untouched + place_size(slab->class) <= room;
}

static void open_slab(struct pool *pool, struct pool_slab *slab)
{
    struct pool_slab **first = &pool->open[slab->class];
    slab->prev = NULL;
    slab->next = *first;
    if (slab->next != NULL)
        slab->next->prev = slab;
    *first = slab;
}

static void close_slab(struct pool *pool, struct pool_slab *slab)
{
    if (slab->prev != NULL)
        slab->prev->next = slab->next;
    else
        pool->open[slab->class] = slab->next;
    if (slab->next != NULL)
        slab->next->prev = slab->prev;
    slab->prev = slab->next = NULL;
}

static struct pool_slab *make_slab(struct pool *pool, size_t class)
{
    struct pool_slab *slab = mem_alloc_aligned(SLAB_ALIGNMENT, SLAB_SIZE);
    *slab = (struct pool_slab){.class = (uint32_t) class};
    open_slab(pool, slab);
    pool->slabs++;
    return slab;
}

void *pool_zalloc(struct pool *pool, size_t size)
{
    assert(size > 0 && size <= POOL_SIZE_MAX);
    size_t class = (size - 1) / POOL_STEP;
    struct pool_slab *slab = pool->open[class];
    if (slab == NULL)
        slab = make_slab(pool, class);
    void *place = slab->holes;
    if (place != NULL) {
        slab->holes = slab->holes->next;
    } else {
        place = slab->places + slab->untouched;
        slab->untouched += (uint32_t)place_size(class);
    }
    slab->used++;
    if (!has_room(slab))
        close_slab(pool, slab);
    return memset(place, 0, size);
}

static void free_slab(struct pool *pool, struct pool_slab *slab)
{
    assert(slab->used == 0);
    close_slab(pool, slab);
    mem_free(slab);
    pool->slabs--;
}

/* The last slab of a size stays: who makes and frees one record again and again needs it. */
void pool_free(struct pool *pool, void *place)
{
    struct pool_slab *slab = (struct pool_slab *)((uintptr_t)place & ~(uintptr_t)(SLAB_ALIGNMENT - 1));
    bool was_full = !has_room(slab);
    struct hole *hole = place;
    assert(slab->used > 0);
    hole->next = slab->holes;
    slab->holes = hole;
    slab->used--;
    if (was_full)
        open_slab(pool, slab);
    if (slab->used == 0 && (slab->prev != NULL || slab->next != NULL))
        free_slab(pool, slab);
}

void pool_release(struct pool *pool)
{
    for (size_t class = 0; class < POOL_CLASSES; class ++)
        while (pool->open[class] != NULL)
            free_slab(pool, pool->open[class]);
    assert(pool->slabs == 0);
}
