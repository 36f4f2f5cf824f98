/* Validation and canonical form, in memory that ends where the bytes end. What a BEAM makes of the same bytes
 * is compared by fuzz_SUITE with what print_terms.c says. */
#include "fuzz.h"

#include "base/error.h"
#include "wire/etf_canonical.h"
#include "wire/etf_check.h"
#include "wire/etf_compare.h"
#include "wire/etf_external.h"
#include "wire/etf_read.h"

enum { DEPTH_MAX = 1000, EXPANDED_MAX = 1 << 20 };

/* No shorter input is valid, and none fails otherwise than by its end. */
static void check_prefixes(struct slice term)
{
    size_t step = term.size / 64 + 1;
    for (size_t size = 0; size < term.size; size += step) {
        struct slice prefix = fuzz_copy(slice_of(term.data, size)), none;
        FUZZ_CHECK(etf_check(prefix, DEPTH_MAX, &none) == ERR_TRUNCATED);
        fuzz_free(prefix);
    }
}

/* Canonical bytes are valid, equal to what they were made of, and what they themselves are made into. */
static void check_canonical(struct slice term)
{
    struct buf out = BUF_EMPTY, again = BUF_EMPTY;
    struct slice found;
    int status = etf_canonical(term, &out);
    FUZZ_CHECK(status == 0 || status == ERR_BAD_TERM);
    if (status == 0) {
        struct slice canonical = fuzz_copy(buf_slice(&out));
        FUZZ_CHECK(etf_check(canonical, DEPTH_MAX, &found) == 0);
        FUZZ_CHECK(found.size == canonical.size);
        FUZZ_CHECK(etf_type(canonical) == etf_type(term));
        FUZZ_CHECK(etf_equal(term, canonical));
        FUZZ_CHECK(etf_canonical(canonical, &again) == 0);
        FUZZ_CHECK(slice_equal(canonical, buf_slice(&again)));
        fuzz_free(canonical);
    } else {
        FUZZ_CHECK(out.size == 0);
    }
    buf_release(&out);
    buf_release(&again);
}

/* Reads it as everything that it may be. */
static void read_all(struct slice term)
{
    uint8_t text[ATOM_BYTES_MAX];
    struct buf bytes = BUF_EMPTY;
    struct slice cursor = term, found;
    size_t size;
    int64_t number;
    uint64_t natural;
    double real;
    uint32_t count;
    FUZZ_CHECK(etf_take(&cursor).size == term.size);
    if (etf_read_atom(&cursor, text, &size))
        FUZZ_CHECK(cursor.size == 0);
    cursor = term;
    if (etf_read_int64(&cursor, &number) && number >= 0) {
        cursor = term;
        FUZZ_CHECK(etf_read_uint64(&cursor, &natural) && natural == (uint64_t)number);
    }
    cursor = term;
    (void)etf_read_double(&cursor, &real);
    (void)etf_read_binary(&cursor, &found);
    (void)etf_read_string(&cursor, &found);
    (void)etf_map_get(term, "date", &found);
    FUZZ_CHECK(etf_read_iodata(term, &bytes) == 0 || bytes.size == 0);
    if (etf_read_tuple(&cursor, &count) || etf_read_list(&cursor, &count) || etf_read_map(&cursor, &count))
        FUZZ_CHECK(cursor.size < term.size);
    buf_release(&bytes);
}

static void check_external(struct slice bytes)
{
    struct buf scratch = BUF_EMPTY;
    struct slice term, rest;
    if (etf_external_read(bytes, DEPTH_MAX, EXPANDED_MAX, &scratch, &term, &rest) == 0) {
        struct slice copy = fuzz_copy(term);
        FUZZ_CHECK(rest.data + rest.size == bytes.data + bytes.size);
        read_all(copy);
        fuzz_free(copy);
    }
    buf_release(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_of(data, size), term;
    int status = etf_check(bytes, DEPTH_MAX, &term);
    check_external(bytes);
    if (status != 0) {
        FUZZ_CHECK(status == ERR_BAD_TERM || status == ERR_TRUNCATED || status == ERR_TOO_DEEP);
        return 0;
    }
    FUZZ_CHECK(term.data == data && term.size <= size && term.size > 0);
    struct slice copy = fuzz_copy(term);
    check_prefixes(copy);
    check_canonical(copy);
    read_all(copy);
    fuzz_free(copy);
    return 0;
}
