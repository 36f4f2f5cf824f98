/* One pass over a validated term, without memory of its own. What the canonical form of everything else is,
 * etf_canonical.c knows. */
#include "wire/etf_is_canonical.h"

#include "wire/etf_walk.h"

#include <string.h>

enum { LEVELS_MAX = 8 };

/* A tuple or map whose children are being looked at. */
struct level {
    uint32_t left;      /* children to come */
    bool is_map;        /* they are keys and values in turn */
    const uint8_t *key; /* the map's last key; NULL: none yet */
};

/* The shortest form, or the only one. */
static bool is_leaf(const uint8_t *p)
{
    switch (p[0]) {
    case ETF_SMALL_INTEGER:
    case ETF_SMALL_ATOM_UTF8:
    case ETF_BINARY:
    case ETF_NEW_FLOAT:
    case ETF_NIL:
        return true;
    case ETF_INTEGER:
        return bytes_u32(p + 1) > UINT8_MAX;
    case ETF_STRING:
        return bytes_u16(p + 1) > 0;
    default:
        return false;
    }
}

/* Both are SMALL_ATOM_UTF8_EXT. */
static bool is_less(const uint8_t *a, const uint8_t *b)
{
    int order = memcmp(a + 2, b + 2, a[1] < b[1] ? a[1] : b[1]);
    return order < 0 || (order == 0 && a[1] < b[1]);
}

/* Keys that are not atoms, or not in order, are left to others. */
static bool take_key(struct level *level, const uint8_t *p)
{
    if (p[0] != ETF_SMALL_ATOM_UTF8 || (level->key != NULL && !is_less(level->key, p)))
        return false;
    level->key = p;
    return true;
}

bool etf_is_canonical(struct slice term)
{
    const uint8_t *p = term.data;
    struct level levels[LEVELS_MAX];
    struct level *level = levels;
    *level = (struct level){.left = 1};
    for (;;) {
        while (level->left == 0) {
            if (level == levels)
                return true;
            level--;
        }
        if (level->is_map && level->left % 2 == 0 && !take_key(level, p))
            return false;
        level->left--;
        uint64_t children;
        size_t size = etf_head(p, &children);
        if (p[0] == ETF_MAP || p[0] == ETF_SMALL_TUPLE) {
            if (++level == levels + LEVELS_MAX || children > UINT32_MAX)
                return false;
            *level = (struct level){.left = (uint32_t)children, .is_map = p[0] == ETF_MAP};
        } else if (!is_leaf(p)) {
            return false;
        }
        p += size;
    }
}
