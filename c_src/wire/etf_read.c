/* Reading of validated terms in place. Knows every form in which a term may stand, and no bounds: etf_check
 * has seen the bytes before.
 */
#include "wire/etf_read.h"

#include "base/error.h"
#include "wire/etf_walk.h"
#include "wire/spill.h"

#include <stdlib.h>
#include <string.h>

enum { FLOAT_TEXT_SIZE = 31, NESTING_INLINE = 64 };

/* The first term's proper start, NULL at the end. */
static const uint8_t *first(const struct slice *cursor)
{
    return cursor->size == 0 ? NULL : etf_proper(cursor->data);
}

static void move_to(struct slice *cursor, const uint8_t *p)
{
    cursor->size -= (size_t)(p - cursor->data);
    cursor->data = p;
}

enum term_type etf_type(struct slice term)
{
    const uint8_t *p = etf_proper(term.data);
    switch (p[0]) {
    case ETF_SMALL_INTEGER:
    case ETF_INTEGER:
    case ETF_SMALL_BIG:
    case ETF_LARGE_BIG:
        return TERM_INTEGER;
    case ETF_NEW_FLOAT:
    case ETF_FLOAT:
        return TERM_FLOAT;
    case ETF_NEWER_REFERENCE:
    case ETF_NEW_REFERENCE:
    case ETF_REFERENCE:
        return TERM_REFERENCE;
    case ETF_NEW_FUN:
    case ETF_EXPORT:
        return TERM_FUN;
    case ETF_V4_PORT:
    case ETF_NEW_PORT:
    case ETF_PORT:
        return TERM_PORT;
    case ETF_NEW_PID:
    case ETF_PID:
        return TERM_PID;
    case ETF_SMALL_TUPLE:
    case ETF_LARGE_TUPLE:
        return TERM_TUPLE;
    case ETF_MAP:
        return TERM_MAP;
    case ETF_NIL:
        return TERM_NIL;
    case ETF_STRING:
        return bytes_u16(p + 1) == 0 ? TERM_NIL : TERM_LIST;
    case ETF_LIST:
        return TERM_LIST;
    case ETF_BINARY:
    case ETF_BIT_BINARY:
        return TERM_BITSTRING;
    default:
        return TERM_ATOM;
    }
}

struct slice etf_take(struct slice *cursor)
{
    const uint8_t *start = cursor->data;
    const uint8_t *p = start;
    uint64_t pending = 1;
    do {
        uint64_t children;
        p += etf_head(p, &children);
        pending += children - 1;
    } while (pending > 0);
    move_to(cursor, p);
    return slice_of(start, (size_t)(p - start));
}

bool etf_read_tuple(struct slice *cursor, uint32_t *arity)
{
    const uint8_t *p = first(cursor);
    if (p == NULL || (p[0] != ETF_SMALL_TUPLE && p[0] != ETF_LARGE_TUPLE))
        return false;
    bool small = p[0] == ETF_SMALL_TUPLE;
    *arity = small ? p[1] : bytes_u32(p + 1);
    move_to(cursor, p + (small ? 2 : 5));
    return true;
}

bool etf_read_map(struct slice *cursor, uint32_t *pairs)
{
    const uint8_t *p = first(cursor);
    if (p == NULL || p[0] != ETF_MAP)
        return false;
    *pairs = bytes_u32(p + 1);
    move_to(cursor, p + 5);
    return true;
}

bool etf_read_list(struct slice *cursor, uint32_t *length)
{
    const uint8_t *p = first(cursor);
    if (p == NULL)
        return false;
    bool empty_string = p[0] == ETF_STRING && bytes_u16(p + 1) == 0;
    if (p[0] != ETF_LIST && p[0] != ETF_NIL && !empty_string)
        return false;
    *length = p[0] == ETF_LIST ? bytes_u32(p + 1) : 0;
    move_to(cursor, p + (p[0] == ETF_LIST ? 5 : p[0] == ETF_NIL ? 1 : 3));
    return true;
}

bool etf_read_string(struct slice *cursor, struct slice *bytes)
{
    const uint8_t *p = first(cursor);
    if (p == NULL || p[0] != ETF_STRING)
        return false;
    *bytes = slice_of(p + 3, bytes_u16(p + 1));
    move_to(cursor, p + 3 + bytes->size);
    return true;
}

/* The text of the atom at p as it stands; false if it is no atom. */
static bool atom_text(const uint8_t *p, struct slice *text, bool *latin1)
{
    switch (p[0]) {
    case ETF_SMALL_ATOM_UTF8:
    case ETF_SMALL_ATOM:
        *text = slice_of(p + 2, p[1]);
        break;
    case ETF_ATOM_UTF8:
    case ETF_ATOM:
        *text = slice_of(p + 3, bytes_u16(p + 1));
        break;
    default:
        return false;
    }
    *latin1 = p[0] == ETF_SMALL_ATOM || p[0] == ETF_ATOM;
    return true;
}

bool etf_read_atom(struct slice *cursor, uint8_t text[ATOM_BYTES_MAX], size_t *size)
{
    const uint8_t *p = first(cursor);
    struct slice raw;
    bool latin1;
    if (p == NULL || !atom_text(p, &raw, &latin1))
        return false;
    *size = 0;
    for (size_t i = 0; i < raw.size; i++) {
        uint8_t character = raw.data[i];
        if (latin1 && character >= 0x80) {
            text[(*size)++] = (uint8_t)(0xc0 | character >> 6);
            character &= 0xbf;
        }
        text[(*size)++] = character;
    }
    move_to(cursor, raw.data + raw.size);
    return true;
}

bool etf_is_atom_slice(struct slice term, struct slice utf8)
{
    const uint8_t *p = first(&term);
    struct slice raw;
    bool latin1;
    if (p != NULL && p[0] == ETF_SMALL_ATOM_UTF8)
        return slice_equal(slice_of(p + 2, p[1]), utf8);
    if (p == NULL || !atom_text(p, &raw, &latin1))
        return false;
    if (!latin1)
        return slice_equal(raw, utf8);
    uint8_t text[ATOM_BYTES_MAX];
    size_t size;
    return etf_read_atom(&term, text, &size) && slice_equal(slice_of(text, size), utf8);
}

/* An integer as sign and magnitude; false if there is none, or its magnitude has more than 64 bits. end: out,
 * the byte behind it. */
static bool read_integer(const uint8_t *p, bool *negative, uint64_t *magnitude, const uint8_t **end)
{
    size_t digits;
    *negative = false;
    switch (p[0]) {
    case ETF_SMALL_INTEGER:
        *magnitude = p[1];
        *end = p + 2;
        return true;
    case ETF_INTEGER:
        *negative = (p[1] & 0x80) != 0;
        *magnitude = *negative ? (uint64_t)1 + ~bytes_u32(p + 1) : bytes_u32(p + 1);
        *end = p + 5;
        return true;
    case ETF_SMALL_BIG:
        digits = p[1];
        p += 2;
        break;
    case ETF_LARGE_BIG:
        digits = bytes_u32(p + 1);
        p += 5;
        break;
    default:
        return false;
    }
    *end = p + 1 + digits;
    while (digits > 0 && p[digits] == 0)
        digits--;
    if (digits > sizeof *magnitude)
        return false;
    *magnitude = 0;
    for (size_t i = digits; i > 0; i--)
        *magnitude = *magnitude << 8 | p[i];
    *negative = p[0] != 0 && *magnitude != 0;
    return true;
}

bool etf_read_int64(struct slice *cursor, int64_t *value)
{
    const uint8_t *p = first(cursor);
    const uint8_t *end;
    bool negative;
    uint64_t magnitude;
    if (p == NULL || !read_integer(p, &negative, &magnitude, &end) ||
        magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    /* magnitude - 1 fits where magnitude itself, of INT64_MIN, would not */
    *value = negative ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
    move_to(cursor, end);
    return true;
}

bool etf_read_uint64(struct slice *cursor, uint64_t *value)
{
    const uint8_t *p = first(cursor);
    const uint8_t *end;
    bool negative;
    uint64_t magnitude;
    if (p == NULL || !read_integer(p, &negative, &magnitude, &end) || negative)
        return false;
    *value = magnitude;
    move_to(cursor, end);
    return true;
}

static double double_of_text(const uint8_t *p)
{
    char text[FLOAT_TEXT_SIZE + 1] = {0};
    memcpy(text, p, FLOAT_TEXT_SIZE);
    char *comma = strchr(text, ',');
    if (comma != NULL)
        *comma = '.';
    return strtod(text, NULL);
}

bool etf_read_double(struct slice *cursor, double *value)
{
    const uint8_t *p = first(cursor);
    if (p == NULL || (p[0] != ETF_NEW_FLOAT && p[0] != ETF_FLOAT))
        return false;
    if (p[0] == ETF_FLOAT) {
        *value = double_of_text(p + 1);
        move_to(cursor, p + 1 + FLOAT_TEXT_SIZE);
        return true;
    }
    uint64_t bits = bytes_u64(p + 1);
    memcpy(value, &bits, sizeof *value);
    move_to(cursor, p + 9);
    return true;
}

bool etf_read_binary(struct slice *cursor, struct slice *bytes)
{
    const uint8_t *p = first(cursor);
    if (p == NULL || (p[0] != ETF_BINARY && p[0] != ETF_BIT_BINARY))
        return false;
    uint32_t size = bytes_u32(p + 1);
    if (p[0] == ETF_BIT_BINARY && size > 0 && p[5] != 8)
        return false;
    *bytes = slice_of(p + (p[0] == ETF_BINARY ? 5 : 6), size);
    move_to(cursor, bytes->data + size);
    return true;
}

/* A tuple that begins with an atom, in any form. */
static bool read_tagged_any(struct slice *cursor, struct slice tag, uint32_t arity)
{
    struct slice inside = *cursor;
    uint32_t found;
    if (!etf_read_tuple(&inside, &found) || found != arity || arity == 0 || !etf_is_atom_slice(inside, tag))
        return false;
    etf_take(&inside);
    *cursor = inside;
    return true;
}

/* In the form in which nearly all come bytes tell. */
bool etf_read_tagged_slice(struct slice *cursor, struct slice tag, uint32_t arity)
{
    const uint8_t *p = cursor->data;
    if (cursor->size == 0 || p[0] != ETF_SMALL_TUPLE || p[1] == 0 || p[2] != ETF_SMALL_ATOM_UTF8)
        return read_tagged_any(cursor, tag, arity);
    if (p[1] != arity || p[3] != tag.size || memcmp(p + 4, tag.data, tag.size) != 0)
        return false;
    move_to(cursor, p + 4 + tag.size);
    return true;
}

bool etf_map_get(struct slice map, const char *key, struct slice *value)
{
    uint32_t pairs;
    if (!etf_read_map(&map, &pairs))
        return false;
    for (; pairs > 0; pairs--) {
        bool found = etf_is_atom(map, key);
        etf_take(&map);
        struct slice candidate = etf_take(&map);
        if (found) {
            *value = candidate;
            return true;
        }
    }
    return false;
}

/* One byte, binary or list header; is_tail: it stands where a byte may not. open: for each list around it,
 * how many elements are to come. False if it is no iodata. */
static bool read_iodata_part(struct slice *cursor, bool is_tail, struct spill *open, struct buf *out)
{
    struct slice bytes;
    uint64_t byte;
    uint32_t length;
    if (etf_read_binary(cursor, &bytes) || etf_read_string(cursor, &bytes)) {
        buf_append_slice(out, bytes);
        return true;
    }
    if (!is_tail && etf_read_uint64(cursor, &byte)) {
        if (byte <= UINT8_MAX)
            buf_append_u8(out, (uint8_t)byte);
        return byte <= UINT8_MAX;
    }
    if (!etf_read_list(cursor, &length))
        return false;
    if (length > 0)
        *(uint32_t *)spill_push(open) = length;
    return true;
}

int etf_read_iodata(struct slice term, struct buf *out)
{
    size_t before = out->size;
    uint32_t first_counts[NESTING_INLINE];
    struct spill open;
    spill_init(&open, first_counts, NESTING_INLINE, sizeof first_counts[0]);
    bool ok = read_iodata_part(&term, true, &open, out);
    while (ok && open.count > 0) {
        /* a list whose elements are all read makes room for its tail, which may be a list */
        uint32_t *left = spill_top(&open);
        bool is_tail = *left == 0;
        if (is_tail)
            spill_pop(&open);
        else
            --*left;
        ok = read_iodata_part(&term, is_tail, &open, out);
    }
    spill_release(&open);
    if (!ok)
        out->size = before;
    return ok ? 0 : ERR_BADARG;
}
