/* Keys, the names of their files, and the way back. Knows the forms of terms that a key may have; knows
 * neither folders nor files.
 *
 * A name is read back by making the key it seems to stand for and asking for that key's name: only if it is
 * the same one is it the name of a key. So the way back can never be at odds with the way there.
 */
#include "todo/key.h"

#include "base/error.h"
#include "todo/percent.h"
#include "wire/digest.h"
#include "wire/etf_canonical.h"
#include "wire/etf_check.h"
#include "wire/etf_external.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"
#include "wire/utf8.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXPANSION_MAX = 3,    /* bytes of a name per byte of the key, at most */
    PREFIX_SIZE = 3,      /* "%a." and its like */
    DIGEST_MARK_SIZE = 2, /* "%#" */
    DIGEST_DIGITS = 2 * DIGEST_SHA256_SIZE,
    DIGEST_END_SIZE = DIGEST_MARK_SIZE + DIGEST_DIGITS,
    CUT_SIZE_MAX = KEY_NAME_MAX - DIGEST_END_SIZE,
    EXTERNAL_SIZE_MAX = 16 * KEY_SIZE_MAX, /* what a BEAM sends is twice its canonical form at most */
};

bool key_is_valid(struct slice term)
{
    struct buf scratch = BUF_EMPTY;
    struct slice cursor = term;
    struct slice bytes;
    bool valid = false;
    switch (etf_type(term)) {
    case TERM_INTEGER:
    case TERM_ATOM:
    case TERM_NIL:
        return true;
    case TERM_BITSTRING:
        return etf_read_binary(&cursor, &bytes);
    case TERM_LIST:
        valid = etf_read_iodata(term, &scratch) == 0;
        buf_release(&scratch);
        return valid;
    default:
        return false;
    }
}

int key_canonical(struct slice term, struct buf *out)
{
    size_t before = out->size;
    if (!key_is_valid(term))
        return ERR_BADARG;
    if (term.size > EXTERNAL_SIZE_MAX)
        return ERR_TOO_LARGE;
    if (etf_canonical(term, out) != 0)
        return ERR_BADARG;
    if (out->size - before <= KEY_SIZE_MAX)
        return 0;
    out->size = before;
    return ERR_TOO_LARGE;
}

static void append_text(struct buf *out, const char *text)
{
    buf_append_slice(out, slice_of_text(text));
}

static void name_binary(struct slice bytes, struct buf *out)
{
    if (bytes.size == 0) {
        append_text(out, "%");
        return;
    }
    if (bytes.data[0] == '.') {
        percent_encode_byte('.', out);
        bytes = slice_of(bytes.data + 1, bytes.size - 1);
    }
    percent_encode(bytes, out);
}

static void name_atom(struct slice key, struct buf *out)
{
    uint8_t text[ATOM_BYTES_MAX];
    size_t size = 0;
    append_text(out, "%a.");
    etf_read_atom(&key, text, &size);
    percent_encode(slice_of(text, size), out);
}

/* A canonical SMALL_BIG_EXT or LARGE_BIG_EXT: its digits stand last byte first. */
static void name_big(struct slice key, struct buf *out)
{
    bool small = key.data[0] == ETF_SMALL_BIG;
    size_t size = small ? key.data[1] : bytes_u32(key.data + 1);
    const uint8_t *sign = key.data + (small ? 2 : 5);
    append_text(out, *sign != 0 ? "%x.-" : "%x.");
    size_t first = out->size;
    for (size_t i = size; i > 0; i--)
        hex_encode(slice_of(sign + i, 1), out);
    if (out->data[first] == '0') {
        memmove(out->data + first, out->data + first + 1, out->size - first - 1);
        out->size--;
    }
}

static void name_integer(struct slice key, struct buf *out)
{
    struct slice cursor = key;
    int64_t value;
    char text[32];
    if (!etf_read_int64(&cursor, &value)) {
        name_big(key, out);
        return;
    }
    snprintf(text, sizeof text, "%%i.%" PRId64, value);
    append_text(out, text);
}

static void name_list(struct slice key, struct buf *out)
{
    struct slice cursor = key;
    struct slice bytes = {0};
    if (key.data[0] == ETF_NIL || etf_read_string(&cursor, &bytes)) {
        append_text(out, "%l.");
        percent_encode(bytes, out);
        return;
    }
    append_text(out, "%t.");
    hex_encode(key, out);
}

/* The name without regard to its length. */
static void write_name(struct slice key, struct buf *out)
{
    struct slice cursor = key;
    struct slice bytes;
    if (etf_read_binary(&cursor, &bytes))
        name_binary(bytes, out);
    else if (etf_type(key) == TERM_ATOM)
        name_atom(key, out);
    else if (etf_type(key) == TERM_INTEGER)
        name_integer(key, out);
    else
        name_list(key, out);
}

/* Where a long name is cut: behind the last whole character or escape that fits. */
static size_t cut_size(struct slice name)
{
    size_t size = 0;
    for (;;) {
        const uint8_t *at = name.data + size;
        size_t unit = *at == '%' ? PREFIX_SIZE : utf8_size(slice_of(at, name.size - size));
        if (size + unit > CUT_SIZE_MAX)
            return size;
        size += unit;
    }
}

static void end_in_digest(struct slice key, struct buf *name)
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    digest_sha256(key, digest);
    name->size = cut_size(buf_slice(name));
    append_text(name, "%#");
    for (size_t i = 0; i < sizeof digest; i++) {
        char digits[3];
        snprintf(digits, sizeof digits, "%02x", digest[i]);
        append_text(name, digits);
    }
}

void key_file_name(struct slice key, char name[KEY_NAME_ROOM])
{
    struct buf text = BUF_EMPTY;
    write_name(key, &text);
    if (text.size > KEY_NAME_MAX)
        end_in_digest(key, &text);
    memcpy(name, text.data, text.size);
    name[text.size] = '\0';
    buf_release(&text);
}

bool key_is_long(struct slice key)
{
    if (key.size * EXPANSION_MAX + PREFIX_SIZE <= KEY_NAME_MAX)
        return false;
    struct buf text = BUF_EMPTY;
    write_name(key, &text);
    bool is_long = text.size > KEY_NAME_MAX;
    buf_release(&text);
    return is_long;
}

/* True if name ends as a long key's does. */
static bool ends_in_digest(struct slice name)
{
    if (name.size < DIGEST_END_SIZE)
        return false;
    const uint8_t *mark = name.data + name.size - DIGEST_END_SIZE;
    return memcmp(mark, "%#", DIGEST_MARK_SIZE) == 0 &&
           strspn((const char *)mark + DIGEST_MARK_SIZE, "0123456789abcdef") == DIGEST_DIGITS;
}

/* The way back of name_big; digits: without the prefix. */
static bool read_big(struct slice digits, struct buf *term)
{
    struct buf magnitude = BUF_EMPTY;
    bool negative = digits.size != 0 && digits.data[0] == '-';
    if (negative)
        digits = slice_of(digits.data + 1, digits.size - 1);
    struct buf even = BUF_EMPTY;
    if (digits.size % 2 != 0)
        buf_append_u8(&even, '0');
    buf_append_slice(&even, digits);
    bool read = hex_decode(buf_slice(&even), &magnitude);
    buf_append_u8(term, ETF_LARGE_BIG);
    buf_append_u32(term, (uint32_t)magnitude.size);
    buf_append_u8(term, negative);
    for (size_t i = magnitude.size; i > 0; i--)
        buf_append_u8(term, magnitude.data[i - 1]);
    buf_release(&even);
    buf_release(&magnitude);
    return read;
}

/* The way back of name_atom and name_binary and of a list of bytes, by the letter of the prefix. */
static bool read_text(uint8_t letter, struct slice text, struct buf *term)
{
    struct buf bytes = BUF_EMPTY;
    bool read = percent_decode(text, &bytes);
    if (letter == 'a' && bytes.size > ATOM_BYTES_MAX)
        read = false;
    else if (letter == 'a') {
        /* The text may be no atom's: etf_check tells, the writer would take it for our mistake. */
        buf_append_u8(term, ETF_ATOM_UTF8);
        buf_append_u16(term, (uint16_t)bytes.size);
        buf_append_slice(term, buf_slice(&bytes));
    } else if (letter == 'l')
        etf_write_charlist(term, buf_slice(&bytes));
    else
        etf_write_binary(term, buf_slice(&bytes));
    buf_release(&bytes);
    return read;
}

/* Appends the term that name seems to stand for, not validated. */
static bool read_name(struct slice name, struct buf *term)
{
    if (slice_equal(name, slice_of_text("%")))
        return read_text('b', slice_of_text(""), term);
    if (name.size < PREFIX_SIZE || name.data[0] != '%' || name.data[2] != '.')
        return read_text('b', name, term);
    struct slice rest = slice_of(name.data + PREFIX_SIZE, name.size - PREFIX_SIZE);
    switch (name.data[1]) {
    case 'a':
    case 'l':
        return read_text(name.data[1], rest, term);
    case 'i':
        etf_write_int64(term, strtoll((const char *)rest.data, NULL, 10));
        return true;
    case 'x':
        return read_big(rest, term);
    case 't':
        return hex_decode(rest, term);
    default:
        return false;
    }
}

/* Appends the key in bytes, which must be one validated term and nothing else. */
static int read_key(struct slice bytes, struct buf *out)
{
    struct slice term;
    if (etf_check(bytes, ETF_DEPTH_MAX_DEFAULT, &term) != 0 || term.size != bytes.size)
        return ERR_NOT_FOUND;
    return key_canonical(term, out) == 0 ? 0 : ERR_NOT_FOUND;
}

/* Takes what was appended to out behind before away again unless its file has that name. */
static int keep_if_named(const char *name, size_t before, struct buf *out)
{
    char right[KEY_NAME_ROOM];
    key_file_name(buf_slice_from(out, before), right);
    if (strcmp(name, right) == 0)
        return 0;
    out->size = before;
    return ERR_NOT_FOUND;
}

int key_of_file_name(const char *name, struct buf *out)
{
    struct slice text = slice_of_text(name);
    if (text.size == 0 || text.size > KEY_NAME_MAX)
        return ERR_NOT_FOUND;
    if (ends_in_digest(text))
        return ERR_TOO_LARGE;
    struct buf term = BUF_EMPTY;
    size_t before = out->size;
    int rc = read_name(text, &term) ? read_key(buf_slice(&term), out) : ERR_NOT_FOUND;
    if (rc == 0)
        rc = keep_if_named(name, before, out);
    buf_release(&term);
    return rc;
}

void key_trailer_append(struct slice key, struct buf *out)
{
    if (!key_is_long(key))
        return;
    etf_write_version(out);
    etf_write_term(out, key);
}

bool key_trailer_read(struct slice rest, struct buf *out)
{
    return rest.size > 1 && rest.data[0] == ETF_VERSION &&
           read_key(slice_of(rest.data + 1, rest.size - 1), out) == 0;
}

int key_from_file(const char *name, struct slice content, size_t expanded_max, struct buf *out)
{
    struct buf scratch = BUF_EMPTY;
    struct slice term;
    struct slice rest;
    size_t before = out->size;
    int rc = ERR_NOT_FOUND;
    if (etf_external_read(content, ETF_DEPTH_MAX_DEFAULT + 16, expanded_max, &scratch, &term, &rest) == 0 &&
        key_trailer_read(rest, out))
        rc = keep_if_named(name, before, out);
    buf_release(&scratch);
    return rc;
}
