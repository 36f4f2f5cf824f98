/* A reader of Erlang's text form of terms, for tests only: recursive, and it trusts its input. */
#include "fake_terms.h"

#include "base/mem.h"
#include "wire/etf_write.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void read_term(const char **at, struct buf *out);

static void skip_space(const char **at)
{
    while (isspace((unsigned char)**at))
        (*at)++;
}

static bool skip_text(const char **at, const char *text)
{
    skip_space(at);
    if (strncmp(*at, text, strlen(text)) != 0)
        return false;
    *at += strlen(text);
    return true;
}

static void must(bool truth)
{
    if (!truth)
        abort();
}

/* Text up to the closing quote, which is skipped. */
static struct slice quoted(const char **at, char quote)
{
    const char *start = *at;
    const char *end = strchr(start, quote);
    must(end != NULL);
    *at = end + 1;
    return slice_of(start, (size_t)(end - start));
}

/* Terms up to the closing text, separated by commas or "=>"; returns how many. */
static uint32_t read_terms(const char **at, const char *closing, struct buf *out)
{
    uint32_t count = 0;
    while (!skip_text(at, closing)) {
        read_term(at, out);
        count++;
        if (!skip_text(at, ","))
            skip_text(at, "=>");
        skip_space(at);
        if (**at == '|')
            break;
    }
    return count;
}

static void read_list(const char **at, struct buf *out)
{
    struct buf elements = BUF_EMPTY;
    uint32_t length = read_terms(at, "]", &elements);
    if (length != 0)
        etf_write_list(out, length);
    buf_append_slice(out, buf_slice(&elements));
    if (skip_text(at, "|")) {
        read_term(at, out);
        must(skip_text(at, "]"));
    } else {
        etf_write_nil(out);
    }
    buf_release(&elements);
}

static void read_group(const char **at, bool map, struct buf *out)
{
    struct buf elements = BUF_EMPTY;
    uint32_t count = read_terms(at, "}", &elements);
    if (map)
        etf_write_map(out, count / 2);
    else
        etf_write_tuple(out, count);
    buf_append_slice(out, buf_slice(&elements));
    buf_release(&elements);
}

static void read_atom(const char **at, struct buf *out)
{
    const char *start = *at;
    while (isalnum((unsigned char)**at) || **at == '_')
        (*at)++;
    must(*at != start);
    etf_write_atom_slice(out, slice_of(start, (size_t)(*at - start)));
}

static void read_term(const char **at, struct buf *out)
{
    skip_space(at);
    if (skip_text(at, "<<\"")) {
        etf_write_binary(out, quoted(at, '"'));
        must(skip_text(at, ">>"));
    } else if (skip_text(at, "\"")) {
        etf_write_charlist(out, quoted(at, '"'));
    } else if (skip_text(at, "'")) {
        etf_write_atom_slice(out, quoted(at, '\''));
    } else if (skip_text(at, "[")) {
        read_list(at, out);
    } else if (skip_text(at, "#{")) {
        read_group(at, true, out);
    } else if (skip_text(at, "{")) {
        read_group(at, false, out);
    } else if (**at == '-' || isdigit((unsigned char)**at)) {
        char *end;
        etf_write_int64(out, strtoll(*at, &end, 10));
        *at = end;
    } else {
        read_atom(at, out);
    }
}

void fake_term_append(struct buf *out, const char *text)
{
    read_term(&text, out);
    skip_space(&text);
    must(*text == '\0');
}

struct slice fake_term(const char *text)
{
    struct buf out = BUF_EMPTY;
    fake_term_append(&out, text);
    struct slice term = slice_of(mem_dup(out.data, out.size), out.size);
    buf_release(&out);
    return term;
}

static unsigned digit(char character)
{
    return isdigit((unsigned char)character) ? (unsigned)(character - '0') : (unsigned)(character - 'a') + 10;
}

struct slice fake_hex(const char *digits)
{
    size_t size = strlen(digits) / 2;
    uint8_t *bytes = mem_alloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(digit(digits[2 * i]) << 4 | digit(digits[2 * i + 1]));
    return slice_of(bytes, size);
}

struct slice fake_join(struct slice first, struct slice second)
{
    struct buf out = BUF_EMPTY;
    buf_append_slice(&out, first);
    buf_append_slice(&out, second);
    struct slice joined = slice_of(mem_dup(out.data, out.size), out.size);
    buf_release(&out);
    return joined;
}

void fake_free(struct slice bytes)
{
    union {
        const uint8_t *borrowed; /* as slices have it */
        void *owned;             /* as it was made */
    } memory = {bytes.data};
    mem_free(memory.owned);
}
