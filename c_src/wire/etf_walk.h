/* Steps through validated terms for the other etf_ files: how many bytes a term's head has, how many terms
 * follow it as children. Private to wire.
 */
#ifndef WIRE_ETF_WALK_H
#define WIRE_ETF_WALK_H

#include "base/buf.h"
#include "wire/etf.h"

#include <stddef.h>
#include <stdint.h>

enum {
    ETF_FUN_NUM_FREE_OFFSET = 26, /* NEW_FUN_EXT: tag, Size, Arity, Uniq, Index, then NumFree */
    ETF_FUN_MODULE_OFFSET = 30
};

/* LIST_EXT of no elements is only its tail (the BEAM reads it so): where the term proper starts. */
static inline const uint8_t *etf_proper(const uint8_t *p)
{
    while (p[0] == ETF_LIST && bytes_u32(p + 1) == 0)
        p += 5;
    return p;
}

/* Whole size of the atom at p. */
static inline size_t etf_atom_size(const uint8_t *p)
{
    return p[0] == ETF_ATOM || p[0] == ETF_ATOM_UTF8 ? 3u + bytes_u16(p + 1) : 2u + p[1];
}

/* The atom F of the EXPORT_EXT at p. */
static inline const uint8_t *etf_export_function(const uint8_t *p)
{
    return p + 1 + etf_atom_size(p + 1);
}

/* The byte behind the integer at p. */
static inline const uint8_t *etf_integer_end(const uint8_t *p)
{
    p = etf_proper(p);
    switch (p[0]) {
    case ETF_SMALL_INTEGER:
        return p + 2;
    case ETF_INTEGER:
        return p + 5;
    case ETF_SMALL_BIG:
        return p + 3 + p[1];
    default:
        return p + 6 + bytes_u32(p + 1);
    }
}

/* Bytes of the term at p that stand before its children (all of them if it has none); children: out, how many
 * terms follow as children: elements, a list's elements and tail, keys and values, a fun's creator and
 * environment. The atoms and integers inside pids, exports and the like belong to the head. */
static inline size_t etf_head(const uint8_t *p, uint64_t *children)
{
    *children = 0;
    switch (p[0]) {
    case ETF_NIL:
        return 1;
    case ETF_SMALL_INTEGER:
        return 2;
    case ETF_INTEGER:
        return 5;
    case ETF_NEW_FLOAT:
        return 9;
    case ETF_FLOAT:
        return 32;
    case ETF_SMALL_ATOM:
    case ETF_SMALL_ATOM_UTF8:
        return 2u + p[1];
    case ETF_ATOM:
    case ETF_ATOM_UTF8:
    case ETF_STRING:
        return 3u + bytes_u16(p + 1);
    case ETF_BINARY:
        return (size_t)5 + bytes_u32(p + 1);
    case ETF_BIT_BINARY:
    case ETF_LARGE_BIG:
        return (size_t)6 + bytes_u32(p + 1);
    case ETF_SMALL_BIG:
        return 3u + p[1];
    case ETF_SMALL_TUPLE:
        *children = p[1];
        return 2;
    case ETF_LARGE_TUPLE:
        *children = bytes_u32(p + 1);
        return 5;
    case ETF_LIST:
        *children = (uint64_t)bytes_u32(p + 1) + 1;
        return 5;
    case ETF_MAP:
        *children = (uint64_t)bytes_u32(p + 1) * 2;
        return 5;
    case ETF_NEW_PID:
    case ETF_V4_PORT:
        return 1 + etf_atom_size(p + 1) + 12;
    case ETF_PID:
        return 1 + etf_atom_size(p + 1) + 9;
    case ETF_NEW_PORT:
        return 1 + etf_atom_size(p + 1) + 8;
    case ETF_PORT:
    case ETF_REFERENCE:
        return 1 + etf_atom_size(p + 1) + 5;
    case ETF_NEW_REFERENCE:
        return 3 + etf_atom_size(p + 3) + 1 + 4 * (size_t)bytes_u16(p + 1);
    case ETF_NEWER_REFERENCE:
        return 3 + etf_atom_size(p + 3) + 4 + 4 * (size_t)bytes_u16(p + 1);
    case ETF_EXPORT: {
        const uint8_t *function = p + 1 + etf_atom_size(p + 1);
        return (size_t)(etf_integer_end(function + etf_atom_size(function)) - p);
    }
    default: { /* ETF_NEW_FUN */
        const uint8_t *module = p + ETF_FUN_MODULE_OFFSET;
        *children = (uint64_t)bytes_u32(p + ETF_FUN_NUM_FREE_OFFSET) + 1;
        return (size_t)(etf_integer_end(etf_integer_end(module + etf_atom_size(module))) - p);
    }
    }
}

#endif
