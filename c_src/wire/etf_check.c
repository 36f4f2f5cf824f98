/* Bounded validation of external terms: the loop over the terms, and the terms whose size their first bytes
 * tell. With etf_check_parts.c the only place that reads terms without trusting them; knows nothing of what
 * they are for.
 */
#include "wire/etf_check.h"

#include "base/buf.h"
#include "base/error.h"
#include "wire/etf.h"
#include "wire/etf_check_parts.h"
#include "wire/spill.h"
#include "wire/utf8.h"

enum { LEVELS_INLINE = 64 };

/* Bytes that tell the size of the head, the tag included; 0: no such tag. */
static const uint8_t head_size_min[256] = {
    [ETF_NEW_FLOAT] = 9,
    [ETF_BIT_BINARY] = 6,
    [ETF_NEW_PID] = 1,
    [ETF_NEW_PORT] = 1,
    [ETF_NEWER_REFERENCE] = 3,
    [ETF_SMALL_INTEGER] = 2,
    [ETF_INTEGER] = 5,
    [ETF_FLOAT] = 32,
    [ETF_ATOM] = 3,
    [ETF_REFERENCE] = 1,
    [ETF_PORT] = 1,
    [ETF_PID] = 1,
    [ETF_SMALL_TUPLE] = 2,
    [ETF_LARGE_TUPLE] = 5,
    [ETF_NIL] = 1,
    [ETF_STRING] = 3,
    [ETF_LIST] = 5,
    [ETF_BINARY] = 5,
    [ETF_SMALL_BIG] = 3,
    [ETF_LARGE_BIG] = 6,
    [ETF_NEW_FUN] = 30,
    [ETF_EXPORT] = 1,
    [ETF_NEW_REFERENCE] = 3,
    [ETF_SMALL_ATOM] = 2,
    [ETF_MAP] = 5,
    [ETF_ATOM_UTF8] = 3,
    [ETF_SMALL_ATOM_UTF8] = 2,
    [ETF_V4_PORT] = 1,
};

static int check_bits(const uint8_t *p)
{
    uint8_t bits = p[5];
    return bits <= 8 && (bits == 0) == (bytes_u32(p + 1) == 0) ? 0 : ERR_BAD_TERM;
}

/* left >= head_size_min of the tag. A size beyond left is the caller's to refuse. */
static inline int check_head(const uint8_t *p, size_t left, struct etf_check_head *head)
{
    head->children = 0;
    head->size = head_size_min[p[0]];
    switch (p[0]) {
    case ETF_SMALL_INTEGER:
    case ETF_INTEGER:
    case ETF_NIL:
        return 0;
    case ETF_SMALL_ATOM_UTF8:
        head->size += p[1];
        return left < head->size || utf8_is_ascii(p + 2, p[1]) ? 0 : etf_check_atom(p, left, &head->size);
    case ETF_ATOM_UTF8:
    case ETF_SMALL_ATOM:
    case ETF_ATOM:
        return etf_check_atom(p, left, &head->size);
    case ETF_BINARY:
        head->size += bytes_u32(p + 1);
        return 0;
    case ETF_SMALL_TUPLE:
        head->children = p[1];
        return 0;
    case ETF_LARGE_TUPLE:
        head->children = bytes_u32(p + 1);
        return 0;
    case ETF_MAP:
        head->children = 2 * (uint64_t)bytes_u32(p + 1);
        return 0;
    case ETF_LIST:
        head->children = 1 + (uint64_t)bytes_u32(p + 1);
        return 0;
    case ETF_STRING:
        head->size += bytes_u16(p + 1);
        return 0;
    case ETF_SMALL_BIG:
        head->size += p[1];
        return 0;
    case ETF_LARGE_BIG:
        head->size += bytes_u32(p + 1);
        return bytes_u32(p + 1) <= ETF_BIG_BYTES_MAX ? 0 : ERR_BAD_TERM;
    case ETF_BIT_BINARY:
        head->size += bytes_u32(p + 1);
        return check_bits(p);
    case ETF_NEW_FLOAT: /* an exponent of ones is infinity or no number */
        return (bytes_u16(p + 1) & 0x7ff0) != 0x7ff0 ? 0 : ERR_BAD_TERM;
    case ETF_FLOAT:
        return etf_check_float_text(p + 1);
    default:
        return etf_check_compound(p, left, head);
    }
}

/* size: out, of the term. levels: of uint32_t, for each open level how many of its terms are to come. left <
 * 2^32, so every count that passes fits. */
static int scan(const uint8_t *start, size_t left, uint32_t depth_max, struct spill *levels, size_t *size)
{
    const uint8_t *p = start;
    uint64_t pending = 1; /* terms to come on all levels: each needs a byte at least */
    uint32_t here = 1;    /* terms to come on this level */
    uint32_t depth = 1;
    for (;;) {
        while (here == 0) {
            if (depth == 1) {
                *size = (size_t)(p - start);
                return 0;
            }
            depth--;
            here = *(uint32_t *)spill_top(levels);
            spill_pop(levels);
        }
        if (left == 0)
            return ERR_TRUNCATED;
        uint8_t known = head_size_min[p[0]];
        if (known == 0)
            return ERR_BAD_TERM;
        if (left < known)
            return ERR_TRUNCATED;
        struct etf_check_head head;
        int error = check_head(p, left, &head);
        if (error)
            return error;
        if (left < head.size)
            return ERR_TRUNCATED;
        p += head.size;
        left -= head.size;
        here--;
        pending += head.children - 1;
        if (pending > left)
            return ERR_TRUNCATED;
        if (head.children == 0)
            continue;
        if (depth == depth_max)
            return ERR_TOO_DEEP;
        *(uint32_t *)spill_push(levels) = here;
        here = (uint32_t)head.children;
        depth++;
    }
}

int etf_check(struct slice bytes, uint32_t depth_max, struct slice *term)
{
    if (depth_max == 0)
        return ERR_TOO_DEEP;
    uint32_t first_levels[LEVELS_INLINE];
    struct spill levels;
    spill_init(&levels, first_levels, LEVELS_INLINE, sizeof first_levels[0]);
    size_t size;
    size_t left = bytes.size < UINT32_MAX ? bytes.size : UINT32_MAX;
    int error = scan(bytes.data, left, depth_max, &levels, &size);
    spill_release(&levels);
    if (error == ERR_TRUNCATED && left < bytes.size)
        return ERR_TOO_LARGE;
    if (error == 0)
        *term = slice_of(bytes.data, size);
    return error;
}
