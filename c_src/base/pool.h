/* Memory for many records of a few sizes that live long: places of slabs, one size a slab.
 *
 * What lives long and what goes soon would otherwise lie in turn in the heap, and the holes between fit
 * nobody. A place costs its size rounded up to 16 bytes and nothing else; a slab goes back when its last
 * place does.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

enum {
    POOL_STEP = 16,
    POOL_SIZE_MAX = 1024, /* of a record */
    POOL_CLASSES = POOL_SIZE_MAX / POOL_STEP
};

struct pool_slab;

/* All zero: empty. */
struct pool {
    struct pool_slab *open[POOL_CLASSES]; /* slabs with a free place, by the size of their places */
    size_t slabs;                         /* how many there are, for tests */
};

/* size zeroed bytes, 1..POOL_SIZE_MAX. Never NULL. */
void *pool_zalloc(struct pool *pool, size_t size);

void pool_free(struct pool *pool, void *place);

/* Precondition: all places are free. */
void pool_release(struct pool *pool);

#endif
