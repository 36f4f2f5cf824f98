/* Numbers, atoms, strings and binaries from text. Knows nothing of lists, tuples and maps. */
#include "wire/etf_parse_leaf.h"

#include "wire/etf.h"
#include "wire/etf_check_parts.h"
#include "wire/etf_write.h"
#include "wire/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { NUMBER_ROOM = 400, CODE_DIGITS_MAX = 6 };

/* Moves over bytes that hold no line break; there are as many. */
static void skip(struct etf_parse *parse, size_t size)
{
    parse->rest = slice_of(parse->rest.data + size, parse->rest.size - size);
}

static bool fail(struct etf_parse *parse, const char *error)
{
    parse->error = error;
    return false;
}

bool etf_parse_token(struct etf_parse *parse, const char *token)
{
    size_t size = strlen(token);
    if (parse->rest.size < size || memcmp(parse->rest.data, token, size) != 0)
        return false;
    skip(parse, size);
    return true;
}

void etf_parse_blanks(struct etf_parse *parse)
{
    bool comment = false;
    int c;
    while ((c = etf_parse_peek(parse)) >= 0 && (comment || c <= ' ' || c == '%')) {
        if (c == '%')
            comment = true;
        if (c == '\n') {
            comment = false;
            parse->line++;
        }
        skip(parse, 1);
    }
}

/* ---- text in quotes */

/* The HEX} of \x{HEX} */
static bool read_code(struct etf_parse *parse, struct buf *text)
{
    uint32_t code = 0;
    unsigned digits = 0;
    for (int c; digits <= CODE_DIGITS_MAX && isxdigit(c = etf_parse_peek(parse)); digits++) {
        code = code << 4 | (uint32_t)(isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
        skip(parse, 1);
    }
    if (digits == 0 || digits > CODE_DIGITS_MAX || !etf_parse_token(parse, "}") || !utf8_append(text, code))
        return fail(parse, "no such character as this \\x{...}");
    return true;
}

/* What stands behind a backslash. */
static bool read_escape(struct etf_parse *parse, struct buf *text)
{
    static const char from[] = "nrt\\'\"";
    static const char to[] = "\n\r\t\\'\"";
    int c = etf_parse_peek(parse);
    if (etf_parse_token(parse, "x{"))
        return read_code(parse, text);
    const char *found = c > 0 ? strchr(from, c) : NULL;
    if (found == NULL)
        return fail(parse, "only \\n \\r \\t \\\\ \\' \\\" and \\x{HEX} are known behind a backslash");
    buf_append_u8(text, (uint8_t)to[found - from]);
    skip(parse, 1);
    return true;
}

/* One character as it stands. */
static bool read_character(struct etf_parse *parse, struct buf *text)
{
    size_t size = utf8_size(parse->rest);
    if (size == 0)
        return fail(parse, "not UTF-8");
    parse->line += parse->rest.data[0] == '\n';
    buf_append(text, parse->rest.data, size);
    skip(parse, size);
    return true;
}

/* Appends what stands up to the closing quote as UTF-8; the opening one is taken. */
static bool read_quoted(struct etf_parse *parse, const char *quote, struct buf *text)
{
    bool ok = true;
    while (ok && !etf_parse_token(parse, quote)) {
        if (parse->rest.size == 0)
            ok = fail(parse, "a closing quote is missing");
        else
            ok = etf_parse_token(parse, "\\") ? read_escape(parse, text) : read_character(parse, text);
    }
    return ok;
}

/* ---- atoms and funs */

static size_t word_size(const struct etf_parse *parse)
{
    size_t size = 0;
    while (size < parse->rest.size) {
        int c = parse->rest.data[size];
        bool first = c >= 'a' && c <= 'z';
        if (!first && (size == 0 || !(isalnum(c) || c == '_' || c == '@')))
            break;
        size++;
    }
    return size;
}

static bool write_atom(struct etf_parse *parse, struct slice text, struct buf *out)
{
    size_t characters = 0;
    for (size_t at = 0; at < text.size && characters <= ATOM_CHARACTERS_MAX; characters++)
        at += utf8_size(slice_of(text.data + at, text.size - at));
    if (characters > ATOM_CHARACTERS_MAX)
        return fail(parse, "an atom has 255 characters at most");
    etf_write_atom_slice(out, text);
    return true;
}

static bool read_atom(struct etf_parse *parse, struct buf *out)
{
    struct buf text = BUF_EMPTY;
    bool quoted = etf_parse_token(parse, "'");
    size_t size = quoted ? 0 : word_size(parse);
    buf_append(&text, parse->rest.data, size);
    skip(parse, size);
    bool ok = quoted ? read_quoted(parse, "'", &text) : true;
    if (ok && !quoted && size == 0)
        ok = fail(parse, "a term is expected here");
    ok = ok && write_atom(parse, buf_slice(&text), out);
    buf_release(&text);
    return ok;
}

/* ---- numbers */

/* digits: hex, most significant first; in the term the bytes stand the other way round. */
static void write_big(struct slice digits, bool negative, struct buf *out)
{
    buf_append_u8(out, ETF_LARGE_BIG);
    buf_append_u32(out, (uint32_t)((digits.size + 1) / 2));
    buf_append_u8(out, negative);
    for (size_t left = digits.size; left > 0; left -= left > 1 ? 2 : 1) {
        char pair[3] = {'0', (char)digits.data[left - 1]};
        if (left > 1)
            pair[0] = (char)digits.data[left - 2];
        buf_append_u8(out, (uint8_t)strtoul(pair, NULL, 16));
    }
}

static bool read_hex(struct etf_parse *parse, bool negative, struct buf *out)
{
    size_t size = 0;
    while (size < parse->rest.size && isxdigit(parse->rest.data[size]))
        size++;
    if (size == 0)
        return fail(parse, "digits are expected behind 16#");
    if (size > 2 * (size_t)ETF_BIG_BYTES_MAX)
        return fail(parse, "an integer is too large for a BEAM");
    write_big(slice_of(parse->rest.data, size), negative, out);
    skip(parse, size);
    return true;
}

static size_t digits_at(const struct etf_parse *parse, size_t at)
{
    size_t size = 0;
    while (at + size < parse->rest.size && isdigit(parse->rest.data[at + size]))
        size++;
    return size;
}

/* Bytes of the float at the front, 0 if there is none. */
static size_t float_size(const struct etf_parse *parse, size_t whole)
{
    const uint8_t *p = parse->rest.data;
    size_t fraction = whole < parse->rest.size && p[whole] == '.' ? digits_at(parse, whole + 1) : 0;
    if (fraction == 0)
        return 0;
    size_t size = whole + 1 + fraction;
    if (size < parse->rest.size && (p[size] == 'e' || p[size] == 'E')) {
        size_t sign = size + 1 < parse->rest.size && (p[size + 1] == '+' || p[size + 1] == '-');
        size_t exponent = digits_at(parse, size + 1 + sign);
        size += exponent > 0 ? 1 + sign + exponent : 0;
    }
    return size;
}

/* text: NUL-terminated */
static bool write_float(struct etf_parse *parse, const char *text, bool negative, struct buf *out)
{
    double value = strtod(text, NULL);
    if (!isfinite(value))
        return fail(parse, "a float is too large");
    etf_write_double(out, negative ? -value : value);
    return true;
}

static bool write_integer(struct etf_parse *parse, const char *text, bool negative, struct buf *out)
{
    errno = 0;
    uint64_t value = strtoull(text, NULL, 10);
    if (errno != 0 || (negative && value > (uint64_t)INT64_MAX + 1))
        return fail(parse, "an integer beyond 64 bits is written as 16#...");
    if (negative && value > 0)
        etf_write_int64(out, -(int64_t)(value - 1) - 1);
    else
        etf_write_uint64(out, value);
    return true;
}

static bool read_number(struct etf_parse *parse, struct buf *out)
{
    char text[NUMBER_ROOM] = "";
    bool negative = etf_parse_token(parse, "-");
    if (etf_parse_token(parse, "16#"))
        return read_hex(parse, negative, out);
    size_t whole = digits_at(parse, 0);
    size_t fraction = float_size(parse, whole);
    size_t size = fraction > 0 ? fraction : whole;
    if (whole == 0 || size >= sizeof text)
        return fail(parse, whole == 0 ? "digits are expected here" : "a number has too many digits");
    memcpy(text, parse->rest.data, size);
    skip(parse, size);
    return fraction > 0 ? write_float(parse, text, negative, out) : write_integer(parse, text, negative, out);
}

/* A small number without a sign. */
static bool read_small(struct etf_parse *parse, unsigned max, unsigned *value)
{
    size_t size = digits_at(parse, 0);
    *value = 0;
    for (size_t i = 0; i < size && *value <= max; i++)
        *value = *value * 10 + parse->rest.data[i] - '0';
    if (size == 0 || *value > max)
        return fail(parse, "this number is missing or too large here");
    skip(parse, size);
    return true;
}

/* Behind the word fun. */
static bool read_fun(struct etf_parse *parse, struct buf *out)
{
    unsigned arity;
    buf_append_u8(out, ETF_EXPORT);
    etf_parse_blanks(parse);
    if (!read_atom(parse, out))
        return false;
    if (!etf_parse_token(parse, ":") || !read_atom(parse, out) || !etf_parse_token(parse, "/"))
        return fail(parse, "a fun is written as fun Module:Function/Arity");
    if (!read_small(parse, UINT8_MAX, &arity))
        return false;
    etf_write_uint64(out, arity);
    return true;
}

/* ---- binaries and strings */

/* Each character as a byte, as in Erlang a string without /utf8 is meant. */
static bool append_latin1(struct etf_parse *parse, struct slice text, struct buf *out)
{
    while (text.size > 0) {
        uint32_t character;
        size_t size = utf8_read(text, &character);
        if (character > UINT8_MAX)
            return fail(parse, "this string needs /utf8");
        buf_append_u8(out, (uint8_t)character);
        text = slice_of(text.data + size, text.size - size);
    }
    return true;
}

static bool read_text_segment(struct etf_parse *parse, struct buf *bytes)
{
    struct buf text = BUF_EMPTY;
    bool ok = read_quoted(parse, "\"", &text);
    if (ok && etf_parse_token(parse, "/utf8"))
        buf_append_slice(bytes, buf_slice(&text));
    else if (ok)
        ok = append_latin1(parse, buf_slice(&text), bytes);
    buf_release(&text);
    return ok;
}

/* bits: out, of the byte. */
static bool read_byte_segment(struct etf_parse *parse, struct buf *bytes, unsigned *bits)
{
    unsigned value;
    if (!read_small(parse, UINT8_MAX, &value))
        return false;
    if (etf_parse_token(parse, ":") && (!read_small(parse, 8, bits) || *bits == 0 || value >> *bits != 0))
        return fail(parse, "a size is 1 to 8 bits, and the number has to fit");
    buf_append_u8(bytes, (uint8_t)(value << (8 - *bits)));
    return true;
}

/* Behind <<. bits: out, of the last byte. */
static bool read_segments(struct etf_parse *parse, struct buf *bytes, unsigned *bits)
{
    *bits = 8;
    etf_parse_blanks(parse);
    if (etf_parse_token(parse, ">>"))
        return true;
    for (;;) {
        if (*bits != 8)
            return fail(parse, "only the last number of a binary has a size");
        bool ok = etf_parse_token(parse, "\"") ? read_text_segment(parse, bytes)
                                               : read_byte_segment(parse, bytes, bits);
        if (!ok)
            return false;
        etf_parse_blanks(parse);
        if (etf_parse_token(parse, ">>"))
            return true;
        if (!etf_parse_token(parse, ","))
            return fail(parse, ", or >> is expected here");
        etf_parse_blanks(parse);
    }
}

static bool read_binary(struct etf_parse *parse, struct buf *out)
{
    unsigned bits;
    struct buf bytes = BUF_EMPTY;
    bool ok = read_segments(parse, &bytes, &bits);
    if (ok && bytes.size > UINT32_MAX)
        ok = fail(parse, "a binary is too large");
    if (ok && bits < 8) {
        buf_append_u8(out, ETF_BIT_BINARY);
        buf_append_u32(out, (uint32_t)bytes.size);
        buf_append_u8(out, (uint8_t)bits);
        buf_append_slice(out, buf_slice(&bytes));
    } else if (ok) {
        etf_write_binary(out, buf_slice(&bytes));
    }
    buf_release(&bytes);
    return ok;
}

static void write_characters(struct slice text, struct buf *out)
{
    size_t head = out->size;
    uint32_t length = 0;
    buf_append_u8(out, ETF_LIST);
    buf_append_u32(out, 0);
    while (text.size > 0) {
        uint32_t character;
        size_t size = utf8_read(text, &character);
        etf_write_uint64(out, character);
        text = slice_of(text.data + size, text.size - size);
        length++;
    }
    bytes_put_u32(out->data + head + 1, length);
    etf_write_nil(out);
}

static bool read_string(struct etf_parse *parse, struct buf *out)
{
    struct buf text = BUF_EMPTY;
    bool ok = read_quoted(parse, "\"", &text);
    if (ok && text.size > UINT32_MAX)
        ok = fail(parse, "a string is too large");
    if (ok)
        write_characters(buf_slice(&text), out);
    buf_release(&text);
    return ok;
}

bool etf_parse_leaf(struct etf_parse *parse, struct buf *out)
{
    int c = etf_parse_peek(parse);
    if (etf_parse_token(parse, "<<"))
        return read_binary(parse, out);
    if (etf_parse_token(parse, "\""))
        return read_string(parse, out);
    if (c == '-' || (c >= '0' && c <= '9'))
        return read_number(parse, out);
    if (word_size(parse) == 3 && etf_parse_token(parse, "fun"))
        return read_fun(parse, out);
    return read_atom(parse, out);
}
