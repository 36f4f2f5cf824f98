/* Bytes by owner, in an array: a look at one of them costs as many steps as there are owners. Knows not what
 * the bytes are. */
#include "runtime/shares.h"

#include "base/mem.h"

#include <assert.h>

struct share {
    uint32_t owner;
    size_t bytes; /* never 0 */
};

static struct share *find(const struct shares *shares, uint32_t owner)
{
    for (uint32_t i = 0; i < shares->count; i++) {
        if (shares->all[i].owner == owner)
            return &shares->all[i];
    }
    return NULL;
}

static struct share *append(struct shares *shares, uint32_t owner)
{
    if (shares->count == shares->room) {
        shares->room = shares->room == 0 ? 1 : shares->room * 2;
        shares->all = mem_realloc(shares->all, shares->room * sizeof *shares->all);
    }
    shares->all[shares->count] = (struct share){.owner = owner};
    return &shares->all[shares->count++];
}

void shares_add(struct shares *shares, uint32_t owner, size_t bytes)
{
    struct share *share = find(shares, owner);
    if (bytes == 0)
        return;
    if (share == NULL)
        share = append(shares, owner);
    share->bytes += bytes;
}

void shares_take(struct shares *shares, uint32_t owner, size_t bytes)
{
    struct share *share = find(shares, owner);
    if (bytes == 0)
        return;
    assert(share != NULL && share->bytes >= bytes);
    share->bytes -= bytes;
    if (share->bytes == 0)
        *share = shares->all[--shares->count];
}

bool shares_is_largest(const struct shares *shares, uint32_t owner, size_t total)
{
    const struct share *own = find(shares, owner);
    size_t bytes = own == NULL ? 0 : own->bytes;
    for (uint32_t i = 0; i < shares->count; i++) {
        if (shares->all[i].bytes > bytes)
            return false;
        total -= shares->all[i].bytes;
    }
    return total <= bytes;
}

void shares_release(struct shares *shares)
{
    mem_free(shares->all);
    *shares = (struct shares){0};
}
