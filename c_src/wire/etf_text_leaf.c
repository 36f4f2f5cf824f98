/* The text of terms without children. Knows what erl_scan reads, and nothing of lists, tuples and maps. */
#include "wire/etf_text_leaf.h"

#include "wire/etf_leaf.h"
#include "wire/etf_read.h"
#include "wire/etf_walk.h"
#include "wire/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_ROOM = 40 };

static void put(struct buf *out, const char *text)
{
    buf_append_slice(out, slice_of_text(text));
}

static void put_byte(struct buf *out, unsigned byte)
{
    if (byte >= 100)
        buf_append_u8(out, (uint8_t)('0' + byte / 100));
    if (byte >= 10)
        buf_append_u8(out, (uint8_t)('0' + byte / 10 % 10));
    buf_append_u8(out, (uint8_t)('0' + byte % 10));
}

/* ---- text in quotes */

/* erl_scan takes neither of them, not even as \x{FFFE}. */
static bool is_readable(uint32_t character)
{
    return character != 0xfffe && character != 0xffff;
}

static bool is_control(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

static bool is_line_or_tab(uint32_t character)
{
    return character == '\n' || character == '\r' || character == '\t';
}

static void put_escaped(struct buf *out, uint32_t character)
{
    char text[NUMBER_ROOM];
    if (is_line_or_tab(character))
        put(out, character == '\n' ? "\\n" : character == '\r' ? "\\r" : "\\t");
    else
        buf_append(out, text, (size_t)snprintf(text, sizeof text, "\\x{%" PRIX32 "}", character));
}

/* text: valid UTF-8 of readable characters. */
static void put_quoted(struct buf *out, char quote, struct slice text)
{
    buf_append_u8(out, (uint8_t)quote);
    for (size_t at = 0; at < text.size;) {
        uint32_t character;
        size_t size = utf8_read(slice_of(text.data + at, text.size - at), &character);
        if (is_control(character)) {
            put_escaped(out, character);
        } else {
            if (character == '\\' || character == (uint32_t)quote)
                buf_append_u8(out, '\\');
            buf_append(out, text.data + at, size);
        }
        at += size;
    }
    buf_append_u8(out, (uint8_t)quote);
}

/* ---- atoms */

static bool is_reserved(struct slice text)
{
    static const char *const words[] = {
        "after", "and",   "andalso", "band",   "begin",   "bnot", "bor", "bsl",  "bsr", "bxor",
        "case",  "catch", "cond",    "div",    "else",    "end",  "fun", "if",   "let", "maybe",
        "not",   "of",    "or",      "orelse", "receive", "rem",  "try", "when", "xor"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (slice_equal(text, slice_of_text(words[i])))
            return true;
    }
    return false;
}

static bool is_plain_atom(struct slice text)
{
    if (text.size == 0 || text.data[0] < 'a' || text.data[0] > 'z')
        return false;
    for (size_t i = 1; i < text.size; i++) {
        uint8_t c = text.data[i];
        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '@')
            return false;
    }
    return !is_reserved(text);
}

bool etf_text_has_atom(const uint8_t *p)
{
    uint8_t room[ATOM_BYTES_MAX];
    struct slice text = etf_atom_text(p, room);
    uint32_t character = 0;
    for (size_t at = 0; at < text.size && is_readable(character);)
        at += utf8_read(slice_of(text.data + at, text.size - at), &character);
    return is_readable(character);
}

static void put_atom(struct buf *out, const uint8_t *p)
{
    uint8_t room[ATOM_BYTES_MAX];
    struct slice text = etf_atom_text(p, room);
    if (is_plain_atom(text))
        buf_append_slice(out, text);
    else
        put_quoted(out, '\'', text);
}

/* ---- numbers */

/* Decimal digits of a number of a million bytes would take hours. */
static void put_big(struct buf *out, const struct etf_integer *integer)
{
    static const char digits[] = "0123456789ABCDEF";
    put(out, integer->negative ? "-16#" : "16#");
    for (uint32_t i = integer->count; i > 0; i--) {
        uint8_t byte = integer->digits[i - 1];
        if (i < integer->count || byte >> 4 != 0)
            buf_append_u8(out, (uint8_t)digits[byte >> 4]);
        buf_append_u8(out, (uint8_t)digits[byte & 15]);
    }
}

static void put_integer(struct buf *out, const uint8_t *p)
{
    char text[NUMBER_ROOM];
    struct slice cursor = slice_of(p, SIZE_MAX);
    struct etf_integer integer;
    int64_t value;
    if (etf_read_int64(&cursor, &value)) {
        buf_append(out, text, (size_t)snprintf(text, sizeof text, "%" PRId64, value));
        return;
    }
    etf_integer_view(p, &integer);
    put_big(out, &integer);
}

/* Erlang wants a fraction: 1e+22 is 1.0e+22. */
static void put_float(struct buf *out, const uint8_t *p)
{
    char text[NUMBER_ROOM];
    struct slice cursor = slice_of(p, SIZE_MAX);
    double value = 0;
    etf_read_double(&cursor, &value);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    size_t whole = strspn(text, "-0123456789");
    buf_append(out, text, whole);
    if (text[whole] != '.')
        put(out, ".0");
    put(out, text + whole);
}

/* ---- binaries and strings */

static bool is_text(struct slice bytes, bool *ascii)
{
    *ascii = true;
    for (size_t at = 0; at < bytes.size;) {
        uint32_t character;
        size_t size = utf8_read(slice_of(bytes.data + at, bytes.size - at), &character);
        if (size == 0 || !is_readable(character) || (is_control(character) && !is_line_or_tab(character)))
            return false;
        *ascii = *ascii && size == 1;
        at += size;
    }
    return true;
}

void etf_text_bytes(struct buf *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (i > 0)
            buf_append_u8(out, ',');
        put_byte(out, bytes.data[i]);
    }
}

/* The bits of the last byte that count are its high ones. */
static void put_partial(struct buf *out, const struct etf_bits *bits)
{
    etf_text_bytes(out, slice_of(bits->data, bits->bytes - 1));
    if (bits->bytes > 1)
        buf_append_u8(out, ',');
    put_byte(out, bits->data[bits->bytes - 1] >> (8 - bits->last_bits));
    buf_append_u8(out, ':');
    put_byte(out, bits->last_bits);
}

static void put_bitstring(struct buf *out, const uint8_t *p)
{
    struct etf_bits bits = etf_bits_view(p);
    struct slice bytes = slice_of(bits.data, bits.bytes);
    bool ascii;
    put(out, "<<");
    if (bits.last_bits < 8) {
        put_partial(out, &bits);
    } else if (bytes.size > 0 && is_text(bytes, &ascii)) {
        put_quoted(out, '"', bytes);
        put(out, ascii ? "" : "/utf8");
    } else {
        etf_text_bytes(out, bytes);
    }
    put(out, ">>");
}

static void put_string(struct buf *out, const uint8_t *p)
{
    struct slice bytes = slice_of(p + 3, bytes_u16(p + 1));
    bool ascii;
    if (bytes.size > 0 && is_text(bytes, &ascii) && ascii) {
        put_quoted(out, '"', bytes);
        return;
    }
    buf_append_u8(out, '[');
    etf_text_bytes(out, bytes);
    buf_append_u8(out, ']');
}

static void put_export(struct buf *out, const uint8_t *p)
{
    const uint8_t *function = etf_export_function(p);
    put(out, "fun ");
    put_atom(out, p + 1);
    buf_append_u8(out, ':');
    put_atom(out, function);
    buf_append_u8(out, '/');
    put_integer(out, etf_proper(function + etf_atom_size(function)));
}

void etf_text_leaf(struct buf *out, const uint8_t *p)
{
    switch (etf_type(slice_of(p, 1))) {
    case TERM_INTEGER:
        put_integer(out, p);
        break;
    case TERM_FLOAT:
        put_float(out, p);
        break;
    case TERM_ATOM:
        put_atom(out, p);
        break;
    case TERM_FUN:
        put_export(out, p);
        break;
    case TERM_BITSTRING:
        put_bitstring(out, p);
        break;
    case TERM_LIST: /* a STRING_EXT: LIST_EXT is none of the leaves */
        put_string(out, p);
        break;
    default:
        put(out, "[]");
        break;
    }
}
