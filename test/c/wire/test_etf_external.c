/* Terms as files hold them. */
#include "wire/etf_external.h"

#include "base/error.h"
#include "terms.h"
#include "wire/etf.h"

#include <zlib.h>

enum { DEPTH_MAX = 100, EXPANDED_MAX = 1000 };

static struct buf scratch; /* of the test that runs */

static int begin(void **state)
{
    buf_init(&scratch);
    return 0;
}

static int end(void **state)
{
    buf_release(&scratch);
    return 0;
}

/* 131, 80, claimed size, and term compressed. */
static void compressed(struct buf *out, struct slice term, uint32_t claimed)
{
    uLongf size = compressBound(term.size);
    uint8_t *packed = mem_alloc(size);
    assert_int_equal(compress(packed, &size, term.data, term.size), Z_OK);
    buf_append_u8(out, ETF_VERSION);
    buf_append_u8(out, ETF_COMPRESSED);
    buf_append_u32(out, claimed);
    buf_append(out, packed, size);
    mem_free(packed);
}

static int read_exactly(struct slice bytes, struct slice *term, struct slice *rest)
{
    uint8_t *copy = mem_dup(bytes.data, bytes.size);
    struct slice found = {0};
    struct slice behind = {0};
    int error = etf_external_read(slice_of(copy, bytes.size), DEPTH_MAX, EXPANDED_MAX, &scratch, &found,
                                  rest != NULL ? &behind : NULL);
    if (error == 0) {
        *term = slice_of(mem_dup(found.data, found.size), found.size);
        if (rest != NULL)
            *rest = slice_of(bytes.data + (behind.data - copy), behind.size);
    }
    mem_free(copy);
    return error;
}

static void assert_read(struct slice bytes, struct slice expected)
{
    struct slice term;
    assert_int_equal(read_exactly(bytes, &term, NULL), 0);
    assert_bytes_equal(term, expected);
    free((void *)(uintptr_t)term.data);
}

static void assert_refused(struct slice bytes, int error)
{
    struct slice term = {0};
    assert_int_equal(read_exactly(bytes, &term, NULL), error);
    assert_null(term.data);
}

static void external__plain__term_in_place(void **state)
{
    assert_read(TERM(131, 104, 1, 106), TERM(104, 1, 106));
}

static void external__bytes_behind__rest_or_bad_term(void **state)
{
    struct slice term;
    struct slice rest;
    const struct slice bytes = TERM(131, 97, 1, 131, 97, 2);
    assert_int_equal(read_exactly(bytes, &term, &rest), 0);
    assert_bytes_equal(term, TERM(97, 1));
    assert_bytes_equal(rest, TERM(131, 97, 2));
    free((void *)(uintptr_t)term.data);
    assert_refused(bytes, ERR_BAD_TERM);
}

static void external__no_version_byte__bad_term(void **state)
{
    assert_refused(TERM(97, 1), ERR_BAD_TERM);
    assert_refused(TERM(97), ERR_BAD_TERM);
    assert_refused(TERM(131, 131, 97, 1), ERR_BAD_TERM);
}

static void external__cut__truncated(void **state)
{
    assert_refused(slice_of("", 0), ERR_TRUNCATED);
    assert_refused(TERM(131), ERR_TRUNCATED);
    assert_refused(TERM(131, 97), ERR_TRUNCATED);
    assert_refused(TERM(131, 80, 0, 0), ERR_TRUNCATED);
}

static void external__too_deep__refused(void **state)
{
    struct buf bytes = BUF_EMPTY;
    etf_write_version(&bytes);
    terms_deep_list(&bytes, DEPTH_MAX);
    assert_refused(buf_slice(&bytes), ERR_TOO_DEEP);
    buf_release(&bytes);
}

static struct buf long_term(size_t size)
{
    struct buf term = BUF_EMPTY;
    uint8_t *bytes = mem_zalloc(size);
    etf_write_binary(&term, slice_of(bytes, size - 5));
    mem_free(bytes);
    return term;
}

static void external__compressed__expanded(void **state)
{
    struct buf bytes = BUF_EMPTY;
    struct buf term = long_term(EXPANDED_MAX);
    compressed(&bytes, buf_slice(&term), EXPANDED_MAX);
    assert_read(buf_slice(&bytes), buf_slice(&term));
    struct slice found;
    struct slice rest;
    buf_append_u8(&bytes, 7);
    assert_refused(buf_slice(&bytes), ERR_BAD_TERM);
    assert_int_equal(read_exactly(buf_slice(&bytes), &found, &rest), 0);
    assert_bytes_equal(rest, TERM(7));
    free((void *)(uintptr_t)found.data);
    buf_release(&bytes);
    buf_release(&term);
}

static void external__compressed_in_many_steps__expanded(void **state)
{
    struct buf bytes = BUF_EMPTY;
    struct buf term = long_term(1000000);
    struct slice found;
    compressed(&bytes, buf_slice(&term), 1000000);
    assert_int_equal(etf_external_read(buf_slice(&bytes), DEPTH_MAX, 1000000, &scratch, &found, NULL), 0);
    assert_bytes_equal(found, buf_slice(&term));
    buf_release(&bytes);
    buf_release(&term);
}

static void external__compressed_and_cut__truncated(void **state)
{
    struct buf bytes = BUF_EMPTY;
    compressed(&bytes, TERM(104, 3, 97, 1, 97, 2, 97, 3), 8);
    for (size_t size = 0; size < bytes.size; size++)
        assert_refused(slice_of(bytes.data, size), ERR_TRUNCATED);
    buf_release(&bytes);
}

static void external__compressed_beyond_the_limit__too_large(void **state)
{
    struct buf bytes = BUF_EMPTY;
    struct buf term = long_term(EXPANDED_MAX + 1);
    compressed(&bytes, buf_slice(&term), EXPANDED_MAX + 1);
    assert_refused(buf_slice(&bytes), ERR_TOO_LARGE);
    assert_int_equal(scratch.room, 0);
    buf_release(&bytes);
    buf_release(&term);
}

/* A small claim does not let a large term through; a large claim is no more than one. */
static void external__compressed_with_a_wrong_size__bad_term(void **state)
{
    struct buf bytes = BUF_EMPTY;
    struct buf term = long_term(EXPANDED_MAX * 1000);
    compressed(&bytes, buf_slice(&term), EXPANDED_MAX);
    assert_refused(buf_slice(&bytes), ERR_BAD_TERM);
    assert_true(scratch.room < 4 * EXPANDED_MAX);
    buf_clear(&bytes);
    compressed(&bytes, TERM(97, 1), 3);
    assert_refused(buf_slice(&bytes), ERR_BAD_TERM);
    buf_clear(&bytes);
    compressed(&bytes, TERM(97, 1), 1);
    assert_refused(buf_slice(&bytes), ERR_BAD_TERM);
    buf_release(&bytes);
    buf_release(&term);
}

static void external__compressed_nonsense__bad_term(void **state)
{
    struct buf bytes = BUF_EMPTY;
    assert_refused(TERM(131, 80, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6), ERR_BAD_TERM);
    compressed(&bytes, TERM(97, 1, 97), 3); /* a byte too many inside */
    assert_refused(buf_slice(&bytes), ERR_BAD_TERM);
    buf_clear(&bytes);
    compressed(&bytes, TERM(97), 1); /* a byte too few inside */
    assert_refused(buf_slice(&bytes), ERR_BAD_TERM);
    buf_clear(&bytes);
    compressed(&bytes, TERM(80, 0, 0, 0, 1, 97), 6); /* compressed again */
    assert_refused(buf_slice(&bytes), ERR_BAD_TERM);
    buf_clear(&bytes);
    compressed(&bytes, TERM(97, 1), 2);
    bytes.data[bytes.size - 1] ^= 1; /* checksum */
    assert_refused(buf_slice(&bytes), ERR_BAD_TERM);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(external__plain__term_in_place, begin, end),
        cmocka_unit_test_setup_teardown(external__bytes_behind__rest_or_bad_term, begin, end),
        cmocka_unit_test_setup_teardown(external__no_version_byte__bad_term, begin, end),
        cmocka_unit_test_setup_teardown(external__cut__truncated, begin, end),
        cmocka_unit_test_setup_teardown(external__too_deep__refused, begin, end),
        cmocka_unit_test_setup_teardown(external__compressed__expanded, begin, end),
        cmocka_unit_test_setup_teardown(external__compressed_in_many_steps__expanded, begin, end),
        cmocka_unit_test_setup_teardown(external__compressed_and_cut__truncated, begin, end),
        cmocka_unit_test_setup_teardown(external__compressed_beyond_the_limit__too_large, begin, end),
        cmocka_unit_test_setup_teardown(external__compressed_with_a_wrong_size__bad_term, begin, end),
        cmocka_unit_test_setup_teardown(external__compressed_nonsense__bad_term, begin, end),
    };
    return cmocka_run_group_tests_name("etf_external", tests, NULL, NULL);
}
