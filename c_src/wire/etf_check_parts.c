/* Validation of the terms whose size is not told by their first bytes: atoms, pids, ports, references,
 * exports and funs. Every function knows how many bytes there are and reads no further.
 */
#include "wire/etf_check_parts.h"

#include "base/buf.h"
#include "base/error.h"
#include "wire/etf.h"
#include "wire/utf8.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    FUN_FREE_MAX = 255,
    FUN_HEAD_SIZE = 30, /* tag, Size, Arity, Uniq, Index, NumFree */
    FLOAT_TEXT_SIZE = 31,
    CREATION_OLD_MAX = 3,
    REFERENCE_OLD_FIRST_MAX = (1 << 18) - 1,
    REFERENCE_WORDS_MAX = 5
};

static int check_atom_text(const uint8_t *p, size_t size, bool latin1)
{
    if (size <= ATOM_CHARACTERS_MAX && (latin1 || utf8_is_ascii(p, size)))
        return 0;
    if (latin1)
        return ERR_BAD_TERM;
    size_t characters = 0;
    for (size_t at = 0; at < size; characters++) {
        size_t step = utf8_size(slice_of(p + at, size - at));
        if (step == 0 || characters == ATOM_CHARACTERS_MAX)
            return ERR_BAD_TERM;
        at += step;
    }
    return 0;
}

/* size: out, of the whole atom. */
int etf_check_atom(const uint8_t *p, size_t left, size_t *size)
{
    if (left == 0)
        return ERR_TRUNCATED;
    bool small = p[0] == ETF_SMALL_ATOM_UTF8 || p[0] == ETF_SMALL_ATOM;
    bool latin1 = p[0] == ETF_ATOM || p[0] == ETF_SMALL_ATOM;
    if (!small && p[0] != ETF_ATOM_UTF8 && p[0] != ETF_ATOM)
        return ERR_BAD_TERM;
    size_t head = small ? 2 : 3;
    if (left < head)
        return ERR_TRUNCATED;
    size_t text = small ? p[1] : bytes_u16(p + 1);
    if (text > (latin1 ? ATOM_CHARACTERS_MAX : ATOM_BYTES_MAX))
        return ERR_BAD_TERM;
    if (left < head + text)
        return ERR_TRUNCATED;
    *size = head + text;
    return check_atom_text(p + head, text, latin1);
}

/* FLOAT_EXT: 31 bytes of text as printf's %.20e writes it, padded with NUL. The BEAM takes a comma as well.
 */
int etf_check_float_text(const uint8_t *p)
{
    char text[FLOAT_TEXT_SIZE + 1];
    memcpy(text, p, FLOAT_TEXT_SIZE);
    text[FLOAT_TEXT_SIZE] = '\0';
    if (strlen(text) == FLOAT_TEXT_SIZE)
        return ERR_BAD_TERM;
    static const char digits[] = "0123456789";
    char *at = text + (text[0] == '+' || text[0] == '-');
    size_t whole = strspn(at, digits);
    at += whole;
    if (whole == 0 || (*at != '.' && *at != ','))
        return ERR_BAD_TERM;
    *at++ = '.';
    size_t decimals = strspn(at, digits);
    at += decimals;
    if (decimals == 0)
        return ERR_BAD_TERM;
    if (*at == 'e' || *at == 'E') {
        at += 1 + (at[1] == '+' || at[1] == '-');
        size_t exponent = strspn(at, digits);
        at += exponent;
        if (exponent == 0)
            return ERR_BAD_TERM;
    }
    return *at == '\0' && isfinite(strtod(text, NULL)) ? 0 : ERR_BAD_TERM;
}

/* Node atom and fixed_size bytes after it, the last but fixed_size - creation_offset of them an old creation.
 */
static int check_node(const uint8_t *p, size_t left, size_t fixed_size, size_t *size)
{
    int error = etf_check_atom(p, left, size);
    if (error)
        return error;
    if (left - *size < fixed_size)
        return ERR_TRUNCATED;
    *size += fixed_size;
    return 0;
}

/* PID_EXT, PORT_EXT, REFERENCE_EXT and NEW_REFERENCE_EXT: one byte of creation, of which two bits count. */
static int check_creation_old(uint8_t creation)
{
    return creation <= CREATION_OLD_MAX ? 0 : ERR_BAD_TERM;
}

static int check_pid_or_port(const uint8_t *p, size_t left, size_t fixed_size, struct etf_check_head *head)
{
    size_t node;
    int error = check_node(p + 1, left - 1, fixed_size, &node);
    if (error)
        return error;
    head->size = 1 + node;
    return p[0] == ETF_PID || p[0] == ETF_PORT ? check_creation_old(p[head->size - 1]) : 0;
}

static int check_reference_old(const uint8_t *p, size_t left, struct etf_check_head *head)
{
    size_t node;
    int error = check_node(p + 1, left - 1, 5, &node);
    if (error)
        return error;
    head->size = 1 + node;
    if (bytes_u32(p + head->size - 5) > REFERENCE_OLD_FIRST_MAX)
        return ERR_BAD_TERM;
    return check_creation_old(p[head->size - 1]);
}

static int check_reference(const uint8_t *p, size_t left, struct etf_check_head *head)
{
    size_t words = bytes_u16(p + 1);
    if (words < 1 || words > REFERENCE_WORDS_MAX)
        return ERR_BAD_TERM;
    size_t creation = p[0] == ETF_NEWER_REFERENCE ? 4 : 1;
    size_t node;
    int error = check_node(p + 3, left - 3, creation + 4 * words, &node);
    if (error)
        return error;
    head->size = 3 + node;
    if (p[0] == ETF_NEWER_REFERENCE)
        return 0;
    const uint8_t *first = p + head->size - 4 * words;
    return bytes_u32(first) > REFERENCE_OLD_FIRST_MAX ? ERR_BAD_TERM : check_creation_old(first[-1]);
}

/* Big integers inside funs must be what the BEAM holds in one word: 60 bits signed. */
static int check_small_digits(const uint8_t *digits, size_t count, bool negative, bool unsigned_only)
{
    while (count > 0 && digits[count - 1] == 0)
        count--;
    uint64_t value = 0;
    if (count > sizeof value)
        return ERR_BAD_TERM;
    for (size_t i = count; i > 0; i--)
        value = value << 8 | digits[i - 1];
    if (value > (1ull << 59) - !negative || (unsigned_only && negative && value > 0))
        return ERR_BAD_TERM;
    return 0;
}

/* Bytes of an integer before its digits, or all of them; 5 for a LIST_EXT; 0 for other tags. */
static size_t integer_head_size(uint8_t tag)
{
    switch (tag) {
    case ETF_SMALL_INTEGER:
        return 2;
    case ETF_SMALL_BIG:
        return 3;
    case ETF_INTEGER:
    case ETF_LIST:
        return 5;
    case ETF_LARGE_BIG:
        return 6;
    default:
        return 0;
    }
}

/* The integers inside exports and funs. size: out, of the whole term. */
static int check_small(const uint8_t *start, size_t left, bool unsigned_only, size_t *size)
{
    const uint8_t *p = start;
    const uint8_t *end = start + left;
    while (end - p >= 5 && p[0] == ETF_LIST && bytes_u32(p + 1) == 0)
        p += 5;
    if (p == end)
        return ERR_TRUNCATED;
    left = (size_t)(end - p);
    size_t head = integer_head_size(p[0]);
    size_t digits = 0;
    if (head == 0 || (p[0] == ETF_LIST && left >= head))
        return ERR_BAD_TERM;
    if (left < head)
        return ERR_TRUNCATED;
    if (p[0] == ETF_SMALL_BIG || p[0] == ETF_LARGE_BIG)
        digits = p[0] == ETF_SMALL_BIG ? p[1] : bytes_u32(p + 1);
    if (digits > ETF_BIG_BYTES_MAX)
        return ERR_BAD_TERM;
    if (left - head < digits)
        return ERR_TRUNCATED;
    *size = (size_t)(p - start) + head + digits;
    if (p[0] == ETF_INTEGER)
        return unsigned_only && (p[1] & 0x80) ? ERR_BAD_TERM : 0;
    return check_small_digits(p + head, digits, p[head - 1] != 0 && p[0] != ETF_SMALL_INTEGER, unsigned_only);
}

static int check_export(const uint8_t *p, size_t left, struct etf_check_head *head)
{
    head->size = 1;
    for (int part = 0; part < 3; part++) {
        size_t size;
        int error = part < 2 ? etf_check_atom(p + head->size, left - head->size, &size)
                             : check_small(p + head->size, left - head->size, true, &size);
        if (error)
            return error;
        head->size += size;
    }
    return 0;
}

/* The Size field is not compared: some releases write it too large, and every release ignores it. */
static int check_fun(const uint8_t *p, size_t left, struct etf_check_head *head)
{
    uint32_t num_free = bytes_u32(p + 26);
    if (num_free > FUN_FREE_MAX)
        return ERR_BAD_TERM;
    head->size = FUN_HEAD_SIZE;
    for (int part = 0; part < 3; part++) {
        size_t size;
        int error = part == 0 ? etf_check_atom(p + head->size, left - head->size, &size)
                              : check_small(p + head->size, left - head->size, false, &size);
        if (error)
            return error;
        head->size += size;
    }
    head->children = 1 + (uint64_t)num_free; /* the creator, any term, and the environment */
    return 0;
}

/* Terms whose head is not told by its first bytes. */
int etf_check_compound(const uint8_t *p, size_t left, struct etf_check_head *head)
{
    switch (p[0]) {
    case ETF_NEW_PID:
    case ETF_V4_PORT:
        return check_pid_or_port(p, left, 12, head);
    case ETF_PID:
        return check_pid_or_port(p, left, 9, head);
    case ETF_NEW_PORT:
        return check_pid_or_port(p, left, 8, head);
    case ETF_PORT:
        return check_pid_or_port(p, left, 5, head);
    case ETF_REFERENCE:
        return check_reference_old(p, left, head);
    case ETF_NEWER_REFERENCE:
    case ETF_NEW_REFERENCE:
        return check_reference(p, left, head);
    case ETF_EXPORT:
        return check_export(p, left, head);
    default:
        return check_fun(p, left, head);
    }
}
