/* The canonical form: whatever form a term comes in, the bytes of term_to_binary(T, [deterministic]). */
#include "wire/etf_canonical.h"

#include "base/error.h"
#include "terms.h"
#include "terms_corpus.h"
#include "wire/etf_compare.h"

#include <time.h>

enum { DEEP = 200000 };

static void assert_canonical(struct slice term, struct slice expected)
{
    struct buf out = BUF_EMPTY;
    buf_append(&out, ">", 1);
    assert_int_equal(etf_canonical(terms_valid(term), &out), 0);
    assert_bytes_equal(buf_slice_from(&out, 1), expected);
    terms_valid(buf_slice_from(&out, 1));
    struct buf again = BUF_EMPTY;
    assert_int_equal(etf_canonical(buf_slice_from(&out, 1), &again), 0);
    assert_bytes_equal(buf_slice(&again), expected);
    buf_release(&again);
    buf_release(&out);
}

static void canonical__every_tag__valid_equal_and_a_fixed_point(void **state)
{
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        struct buf out = BUF_EMPTY;
        struct buf again = BUF_EMPTY;
        assert_int_equal(etf_canonical(corpus[i].bytes, &out), 0);
        struct slice term = terms_valid(buf_slice(&out));
        assert_int_equal(etf_canonical(term, &again), 0);
        if (!slice_equal(buf_slice(&again), term) || !etf_equal(term, corpus[i].bytes))
            fail_msg("%s", corpus[i].text);
        buf_release(&out);
        buf_release(&again);
    }
}

static void canonical__integers__shortest_form(void **state)
{
    assert_canonical(TERM(98, 0, 0, 0, 255), TERM(97, 255));
    assert_canonical(TERM(110, 3, 0, 7, 0, 0), TERM(97, 7));
    assert_canonical(TERM(110, 2, 1, 0, 0), TERM(97, 0));
    assert_canonical(TERM(110, 0, 9), TERM(97, 0));
    assert_canonical(TERM(111, 0, 0, 0, 1, 1, 7), TERM(98, 255, 255, 255, 249));
    assert_canonical(TERM(110, 4, 1, 0, 0, 0, 128), TERM(98, 128, 0, 0, 0));
    assert_canonical(TERM(110, 4, 0, 0, 0, 0, 128), TERM(110, 4, 0, 0, 0, 0, 128));
    assert_canonical(TERM(110, 4, 2, 255, 255, 255, 255), TERM(110, 4, 1, 255, 255, 255, 255));
    assert_canonical(TERM(111, 0, 0, 0, 6, 1, 0, 0, 0, 0, 1, 0), TERM(110, 5, 1, 0, 0, 0, 0, 1));
}

static void canonical__big_of_256_bytes__large_big(void **state)
{
    struct buf term = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    buf_append_slice(&term, TERM(111, 0, 0, 1, 2, 5));
    memset(buf_extend(&term, 258), 1, 258);
    term.data[term.size - 1] = term.data[term.size - 2] = 0;
    assert_int_equal(etf_canonical(terms_valid(buf_slice(&term)), &out), 0);
    assert_bytes_equal(slice_of(out.data, 7), TERM(111, 0, 0, 1, 0, 1, 1));
    assert_int_equal(out.size, 6 + 256);
    term.data[term.size - 3] = 0;
    buf_clear(&out);
    assert_int_equal(etf_canonical(buf_slice(&term), &out), 0);
    assert_bytes_equal(slice_of(out.data, 4), TERM(110, 255, 1, 1));
    assert_int_equal(out.size, 3 + 255);
    buf_release(&term);
    buf_release(&out);
}

static void canonical__floats__new_float_with_its_sign(void **state)
{
    assert_canonical(TERM(99, '1', ',', '5', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                          0, 0, 0, 0, 0, 0),
                     TERM(70, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0));
    assert_canonical(TERM(70, 0x80, 0, 0, 0, 0, 0, 0, 0), TERM(70, 0x80, 0, 0, 0, 0, 0, 0, 0));
}

static void canonical__atoms__utf8(void **state)
{
    assert_canonical(TERM(100, 0, 2, 0xe4, 'b'), TERM(119, 3, 0xc3, 0xa4, 'b'));
    assert_canonical(TERM(115, 1, 'a'), TERM(119, 1, 'a'));
    assert_canonical(TERM(118, 0, 1, 'a'), TERM(119, 1, 'a'));
}

static void canonical__lists_of_bytes__string(void **state)
{
    const struct slice hi = TERM(107, 0, 2, 'h', 'i');
    assert_canonical(hi, hi);
    assert_canonical(TERM(108, 0, 0, 0, 2, 97, 'h', 98, 0, 0, 0, 'i', 106), hi);
    assert_canonical(TERM(108, 0, 0, 0, 1, 97, 'h', 107, 0, 1, 'i'), hi);
    assert_canonical(TERM(108, 0, 0, 0, 1, 97, 'h', 108, 0, 0, 0, 1, 110, 1, 0, 'i', 107, 0, 0), hi);
    assert_canonical(TERM(108, 0, 0, 0, 0, 107, 0, 2, 'h', 'i'), hi);
    assert_canonical(TERM(107, 0, 0), TERM(106));
}

static void canonical__other_lists__joined_and_tails_kept(void **state)
{
    assert_canonical(TERM(108, 0, 0, 0, 1, 97, 'h', 97, 'i'), TERM(108, 0, 0, 0, 1, 97, 'h', 97, 'i'));
    assert_canonical(TERM(108, 0, 0, 0, 1, 106, 108, 0, 0, 0, 1, 97, 1, 107, 0, 2, 2, 3),
                     TERM(108, 0, 0, 0, 4, 106, 97, 1, 97, 2, 97, 3, 106));
    assert_canonical(TERM(108, 0, 0, 0, 1, 97, 1, 108, 0, 0, 0, 1, 106, 100, 0, 1, 't'),
                     TERM(108, 0, 0, 0, 2, 97, 1, 106, 119, 1, 't'));
    assert_canonical(TERM(108, 0, 0, 0, 2, 97, 1, 98, 0, 0, 1, 0, 106),
                     TERM(108, 0, 0, 0, 2, 97, 1, 98, 0, 0, 1, 0, 106));
}

static void assert_byte_list(size_t length, bool as_string, struct slice tail)
{
    struct buf term = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    etf_write_list(&term, (uint32_t)length);
    for (size_t i = 0; i < length; i++)
        etf_write_int64(&term, (uint8_t)i);
    etf_write_term(&term, tail);
    assert_int_equal(etf_canonical(terms_valid(buf_slice(&term)), &out), 0);
    if (as_string)
        assert_bytes_equal(slice_of(out.data, 6), TERM(107, 255, 255, 0, 1, 2));
    else
        assert_int_equal(out.data[0], 108);
    terms_valid(buf_slice(&out));
    buf_release(&term);
    buf_release(&out);
}

static void canonical__byte_lists_beyond_65535__list(void **state)
{
    assert_byte_list(65535, true, TERM(106));
    assert_byte_list(65536, false, TERM(106));
    assert_byte_list(65534, true, TERM(107, 0, 1, 'x'));
    assert_byte_list(65535, false, TERM(107, 0, 1, 'x'));
    assert_byte_list(65535, false, TERM(97, 1));
}

static void canonical__tuples_and_bits__shortest_form(void **state)
{
    assert_canonical(TERM(105, 0, 0, 0, 1, 105, 0, 0, 0, 0), TERM(104, 1, 104, 0));
    assert_canonical(TERM(77, 0, 0, 0, 1, 8, 9), TERM(109, 0, 0, 0, 1, 9));
    assert_canonical(TERM(77, 0, 0, 0, 0, 0), TERM(109, 0, 0, 0, 0));
    assert_canonical(TERM(77, 0, 0, 0, 2, 3, 255, 255), TERM(77, 0, 0, 0, 2, 3, 255, 0xe0));
}

static void canonical__pids_ports_references__newest_form(void **state)
{
    assert_canonical(TERM(103, 100, 0, 1, 'n', 0, 0, 0, 1, 0, 0, 0, 2, 3),
                     TERM(88, NODE, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3));
    assert_canonical(TERM(88, 118, 0, 1, 'n', 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0, 3),
                     TERM(88, NODE, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0, 3));
    assert_canonical(TERM(102, NODE, 0, 0, 0, 2, 3), TERM(120, NODE, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3));
    assert_canonical(TERM(89, NODE, 16, 0, 0, 0, 0, 0, 0, 3),
                     TERM(120, NODE, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 3));
    assert_canonical(TERM(120, NODE, 0, 0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 3),
                     TERM(120, NODE, 0, 0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 3));
    assert_canonical(TERM(101, 115, 1, 'n', 0, 0, 1, 2, 1), TERM(90, 0, 1, NODE, 0, 0, 0, 1, 0, 0, 1, 2));
    assert_canonical(TERM(114, 0, 1, NODE, 3, 0, 0, 1, 2), TERM(90, 0, 1, NODE, 0, 0, 0, 3, 0, 0, 1, 2));
}

static void canonical__funs__parts_canonical_and_size_right(void **state)
{
    assert_canonical(TERM(113, 100, 0, 1, 'm', 115, 1, 'f', 108, 0, 0, 0, 0, 110, 1, 0, 2),
                     TERM(113, 119, 1, 'm', 119, 1, 'f', 97, 2));
    assert_canonical(TERM(112, 9, 9, 9, 9, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0, 0,
                          3, 0, 0, 0, 2, 100, 0, 1, 'm', 110, 1, 0, 7, 97, 8, 106, 105, 0, 0, 0, 0, 107, 0, 1,
                          'e'),
                     TERM(112, 0, 0, 0, 43, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0, 0,
                          3, 0, 0, 0, 2, 119, 1, 'm', 97, 7, 97, 8, 106, 104, 0, 107, 0, 1, 'e'));
}

static void canonical__maps__keys_in_exact_order(void **state)
{
    /* 1, 2^40, 1.0, a, {}, [], "a", <<>>: integers before floats */
    const struct slice ordered = TERM(116, 0, 0, 0, 8, 97, 1, 97, 0, 110, 6, 0, 0, 0, 0, 0, 0, 1, 97, 1, 70,
                                      0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 97, 2, 119, 1, 'a', 97, 3, 104, 0, 97, 4,
                                      106, 97, 5, 107, 0, 1, 'a', 97, 6, 109, 0, 0, 0, 0, 97, 7);
    assert_canonical(ordered, ordered);
    assert_canonical(TERM(116, 0, 0, 0, 8, 109, 0, 0, 0, 0, 97, 7, 108, 0, 0, 0, 1, 97, 'a', 106, 97, 6, 107,
                          0, 0, 97, 5, 104, 0, 97, 4, 100, 0, 1, 'a', 97, 3, 70, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0,
                          97, 2, 110, 6, 0, 0, 0, 0, 0, 0, 1, 97, 1, 98, 0, 0, 0, 1, 97, 0),
                     ordered);
}

static void canonical__maps_in_keys_and_values__each_in_order(void **state)
{
    /* #{#{1 => 0, 2 => 0} => #{a => 1, b => 2}, c => 3}, both outer and inner pairs turned round */
    assert_canonical(TERM(116, 0, 0, 0, 2, 116, 0, 0, 0, 2, 97, 2, 97, 0, 97, 1, 97, 0, 116, 0, 0, 0, 2, 119,
                          1, 'b', 97, 2, 119, 1, 'a', 97, 1, 119, 1, 'c', 97, 3),
                     TERM(116, 0, 0, 0, 2, 119, 1, 'c', 97, 3, 116, 0, 0, 0, 2, 97, 1, 97, 0, 97, 2, 97, 0,
                          116, 0, 0, 0, 2, 119, 1, 'a', 97, 1, 119, 1, 'b', 97, 2));
}

static void canonical__terms_behind_a_map__follow_it(void **state)
{
    assert_canonical(
        TERM(104, 2, 116, 0, 0, 0, 2, 97, 2, 106, 97, 1, 106, 116, 0, 0, 0, 2, 97, 4, 106, 97, 3, 104, 0),
        TERM(104, 2, 116, 0, 0, 0, 2, 97, 1, 106, 97, 2, 106, 116, 0, 0, 0, 2, 97, 3, 104, 0, 97, 4, 106));
    assert_canonical(TERM(116, 0, 0, 0, 2, 97, 2, 116, 0, 0, 0, 2, 97, 4, 106, 97, 3, 106, 97, 1, 106),
                     TERM(116, 0, 0, 0, 2, 97, 1, 106, 97, 2, 116, 0, 0, 0, 2, 97, 3, 106, 97, 4, 106));
}

/* Map of the keys 0, step, 2 * step, ... modulo count, each with itself as value. */
static void write_keys(struct buf *out, int64_t count, int64_t step)
{
    etf_write_map(out, (uint32_t)count);
    for (int64_t i = 0; i < count; i++) {
        etf_write_int64(out, i * step % count);
        etf_write_int64(out, i * step % count);
    }
}

static void canonical__any_number_of_shuffled_keys__sorted(void **state)
{
    static const int64_t counts[] = {2, 3, 5, 7, 8, 9, 11, 13, 16, 17, 23, 31, 32, 33, 64, 97, 1021};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct buf shuffled = BUF_EMPTY;
        struct buf ordered = BUF_EMPTY;
        struct buf out = BUF_EMPTY;
        write_keys(&shuffled, counts[i], 1009); /* a prime that divides none of them */
        write_keys(&ordered, counts[i], 1);
        assert_int_equal(etf_canonical(buf_slice(&shuffled), &out), 0);
        assert_bytes_equal(buf_slice(&out), buf_slice(&ordered));
        buf_release(&shuffled);
        buf_release(&ordered);
        buf_release(&out);
    }
}

static void canonical__many_keys_backwards__sorted(void **state)
{
    enum { KEYS = 1000 };
    struct buf backwards = BUF_EMPTY;
    struct buf forwards = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    etf_write_map(&backwards, KEYS);
    etf_write_map(&forwards, KEYS);
    for (int64_t i = 0; i < KEYS; i++) {
        etf_write_int64(&forwards, i - KEYS / 2);
        etf_write_int64(&forwards, i);
        etf_write_int64(&backwards, KEYS - 1 - i - KEYS / 2);
        etf_write_int64(&backwards, KEYS - 1 - i);
    }
    assert_int_equal(etf_canonical(terms_valid(buf_slice(&backwards)), &out), 0);
    assert_bytes_equal(buf_slice(&out), buf_slice(&forwards));
    buf_release(&backwards);
    buf_release(&forwards);
    buf_release(&out);
}

static void assert_bad_map(struct slice term)
{
    struct buf out = BUF_EMPTY;
    buf_append(&out, ">", 1);
    assert_int_equal(etf_canonical(terms_valid(term), &out), ERR_BAD_TERM);
    assert_int_equal(out.size, 1);
    buf_release(&out);
}

static void canonical__equal_keys__bad_term_and_nothing_added(void **state)
{
    assert_bad_map(TERM(116, 0, 0, 0, 2, 97, 1, 97, 0, 97, 1, 97, 0));
    assert_bad_map(TERM(116, 0, 0, 0, 2, 97, 1, 97, 0, 98, 0, 0, 0, 1, 97, 0));
    assert_bad_map(TERM(116, 0, 0, 0, 3, 97, 1, 97, 0, 97, 2, 97, 0, 110, 1, 0, 1, 97, 0));
    assert_bad_map(TERM(104, 2, 97, 1, 116, 0, 0, 0, 2, 119, 1, 'a', 97, 0, 100, 0, 1, 'a', 97, 0));
    assert_bad_map(TERM(116, 0, 0, 0, 1, 116, 0, 0, 0, 2, 106, 97, 0, 107, 0, 0, 97, 0, 97, 1));
    assert_bad_map(TERM(116, 0, 0, 0, 2, 116, 0, 0, 0, 2, 97, 1, 97, 0, 97, 2, 97, 0, 97, 1, 116, 0, 0, 0, 2,
                        97, 2, 97, 0, 97, 1, 97, 0, 97, 1));
}

static void canonical__one_and_one_point_zero__two_keys(void **state)
{
    assert_canonical(TERM(116, 0, 0, 0, 2, 70, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 97, 0, 97, 1, 97, 0),
                     TERM(116, 0, 0, 0, 2, 97, 1, 97, 0, 70, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 97, 0));
}

/* In proportion to its size a deep term takes some hundredths of a second; if every level were copied or
 * walked again, minutes. */
static void assert_canonical_quickly(const struct buf *term, struct buf *out)
{
    clock_t start = clock();
    buf_clear(out);
    assert_int_equal(etf_canonical(buf_slice(term), out), 0);
    assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
    struct slice found;
    assert_int_equal(etf_check(buf_slice(out), TERMS_DEPTH_MAX, &found), 0);
    assert_int_equal(found.size, out->size);
}

static void canonical__deep_terms__iterative_and_not_quadratic(void **state)
{
    struct buf term = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    terms_deep_list(&term, DEEP);
    assert_canonical_quickly(&term, &out);
    assert_bytes_equal(buf_slice(&out), buf_slice(&term));
    buf_clear(&term);
    terms_deep_map(&term, DEEP, TERM(106));
    assert_canonical_quickly(&term, &out);
    assert_bytes_equal(slice_of(out.data, 16), TERM(116, 0, 0, 0, 2, 97, 1, 97, 0, 97, 2, 116, 0, 0, 0, 2));
    buf_clear(&term);
    terms_deep_key(&term, DEEP, TERM(106));
    assert_canonical_quickly(&term, &out);
    assert_bytes_equal(slice_of(out.data, 15), TERM(116, 0, 0, 0, 2, 119, 1, 'a', 97, 1, 116, 0, 0, 0, 2));
    buf_release(&term);
    buf_release(&out);
}

static void canonical__deep_tails__one_list(void **state)
{
    struct buf term = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    terms_deep_tail(&term, 1000, TERM(106));
    assert_int_equal(etf_canonical(buf_slice(&term), &out), 0);
    assert_bytes_equal(slice_of(out.data, 3), TERM(107, 3, 232));
    assert_int_equal(out.size, 1003);
    buf_clear(&term);
    terms_deep_tail(&term, DEEP, TERM(119, 1, 'x'));
    assert_canonical_quickly(&term, &out);
    assert_bytes_equal(slice_of(out.data, 5), TERM(108, 0, 3, 13, 64));
    assert_int_equal(out.size, 5 + 2 * DEEP + 3);
    buf_release(&term);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical__every_tag__valid_equal_and_a_fixed_point),
        cmocka_unit_test(canonical__integers__shortest_form),
        cmocka_unit_test(canonical__big_of_256_bytes__large_big),
        cmocka_unit_test(canonical__floats__new_float_with_its_sign),
        cmocka_unit_test(canonical__atoms__utf8),
        cmocka_unit_test(canonical__lists_of_bytes__string),
        cmocka_unit_test(canonical__other_lists__joined_and_tails_kept),
        cmocka_unit_test(canonical__byte_lists_beyond_65535__list),
        cmocka_unit_test(canonical__tuples_and_bits__shortest_form),
        cmocka_unit_test(canonical__pids_ports_references__newest_form),
        cmocka_unit_test(canonical__funs__parts_canonical_and_size_right),
        cmocka_unit_test(canonical__maps__keys_in_exact_order),
        cmocka_unit_test(canonical__maps_in_keys_and_values__each_in_order),
        cmocka_unit_test(canonical__terms_behind_a_map__follow_it),
        cmocka_unit_test(canonical__any_number_of_shuffled_keys__sorted),
        cmocka_unit_test(canonical__many_keys_backwards__sorted),
        cmocka_unit_test(canonical__equal_keys__bad_term_and_nothing_added),
        cmocka_unit_test(canonical__one_and_one_point_zero__two_keys),
        cmocka_unit_test(canonical__deep_terms__iterative_and_not_quadratic),
        cmocka_unit_test(canonical__deep_tails__one_list),
    };
    return cmocka_run_group_tests_name("etf_canonical", tests, NULL, NULL);
}
