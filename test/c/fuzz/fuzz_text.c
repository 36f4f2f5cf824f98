/* Terms to text and back. The first byte chooses: text that is parsed, or a term that is written. */
#include "fuzz.h"

#include "base/error.h"
#include "wire/etf_canonical.h"
#include "wire/etf_check.h"
#include "wire/etf_parse.h"
#include "wire/etf_text.h"

enum { DEPTH_MAX = 1000 };

/* What is written is one line, and read back it is the term. canonical: the form that reading gives. */
static void check_text(struct slice term, struct slice canonical)
{
    struct buf text = BUF_EMPTY, back = BUF_EMPTY;
    etf_text(term, &text);
    FUZZ_CHECK(memchr(text.data, '\n', text.size) == NULL);
    buf_append(&text, ".", 1);
    struct slice copy = fuzz_copy(buf_slice(&text));
    struct etf_parse parse = etf_parse_of(copy);
    FUZZ_CHECK(etf_parse_next(&parse, DEPTH_MAX, &back) == 0);
    FUZZ_CHECK(slice_equal(buf_slice(&back), canonical));
    FUZZ_CHECK(parse.line == 1);
    FUZZ_CHECK(etf_parse_next(&parse, DEPTH_MAX, &back) == ERR_NOT_FOUND);
    fuzz_free(copy);
    buf_release(&text);
    buf_release(&back);
}

static void write_term(struct slice bytes)
{
    struct buf canonical = BUF_EMPTY;
    struct slice term;
    if (etf_check(bytes, DEPTH_MAX, &term) == 0 && etf_canonical(term, &canonical) == 0)
        check_text(term, buf_slice(&canonical));
    buf_release(&canonical);
}

static void parse_text(struct slice text)
{
    struct etf_parse parse = etf_parse_of(text);
    struct buf out = BUF_EMPTY;
    struct slice term;
    int status;
    while ((status = etf_parse_next(&parse, DEPTH_MAX, &out)) == 0) {
        struct slice copy = fuzz_copy(buf_slice(&out));
        FUZZ_CHECK(etf_check(copy, DEPTH_MAX, &term) == 0 && term.size == copy.size);
        check_text(copy, copy);
        fuzz_free(copy);
        buf_clear(&out);
    }
    FUZZ_CHECK(out.size == 0);
    FUZZ_CHECK(status == ERR_NOT_FOUND || parse.error != NULL);
    FUZZ_CHECK(parse.line >= 1);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    bool is_term = (fuzz_take_u8(&input) & 1) != 0;
    struct slice copy = fuzz_copy(input);
    if (is_term)
        write_term(copy);
    else
        parse_text(copy);
    fuzz_free(copy);
    return 0;
}
