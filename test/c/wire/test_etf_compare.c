/* Order of terms, exact as map keys are ordered. */
#include "wire/etf_compare.h"

#include "terms.h"
#include "terms_corpus.h"

#include <time.h>

enum { DEEP = 200000 };

static void assert_order(struct slice a, struct slice b, int expected)
{
    a = terms_valid(a);
    b = terms_valid(b);
    int forth = etf_compare(a, b);
    int back = etf_compare(b, a);
    assert_int_equal((forth > 0) - (forth < 0), expected);
    assert_int_equal((back > 0) - (back < 0), -expected);
    assert_int_equal(etf_equal(a, b), expected == 0);
}

static void compare__types__in_erlangs_order(void **state)
{
    const struct slice ordered[] = {
        TERM(110, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1), /* -2^64 */
        TERM(98, 255, 255, 255, 255),
        TERM(97, 0),
        TERM(97, 255),
        TERM(98, 0, 0, 1, 0),
        TERM(110, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
        TERM(70, 0xbf, 0xf0, 0, 0, 0, 0, 0, 0), /* -1.0 */
        TERM(70, 0x80, 0, 0, 0, 0, 0, 0, 0),    /* -0.0 */
        TERM(70, 0, 0, 0, 0, 0, 0, 0, 0),
        TERM(70, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0),
        TERM(119, 0),
        TERM(119, 1, 'a'),
        TERM(119, 2, 'a', 'b'),
        TERM(119, 1, 'b'),
        TERM(115, 1, 0xe4),
        TERM(119, 3, 0xe2, 0x82, 0xac),
        TERM(90, 0, 2, NODE, 0, 0, 0, 1, 9, 9, 9, 9, 0, 0, 0, 1), /* the last word counts most */
        TERM(90, 0, 2, NODE, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2),
        TERM(90, 0, 1, NODE, 0, 0, 0, 2, 0, 0, 0, 0),
        TERM(112, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0, 0, 3, 0, 0, 0,
             0, 119, 1, 'm', 97, 0, 97, 0, 106),
        TERM(112, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0, 0, 3, 0, 0, 0,
             1, 119, 1, 'm', 97, 0, 97, 0, 106, 97, 1),
        TERM(112, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0, 0, 3, 0, 0, 0,
             1, 119, 1, 'm', 97, 0, 97, 0, 106, 97, 2),
        TERM(113, 119, 1, 'm', 119, 1, 'f', 97, 1),
        TERM(113, 119, 1, 'm', 119, 1, 'f', 97, 2),
        TERM(113, 119, 1, 'm', 119, 1, 'g', 97, 0),
        TERM(89, NODE, 0, 0, 0, 9, 0, 0, 0, 1),
        TERM(120, NODE, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1),
        TERM(89, NODE, 0, 0, 0, 9, 0, 0, 0, 2),
        TERM(88, NODE, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9), /* serial, id, then node and creation */
        TERM(88, NODE, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1),
        TERM(88, NODE, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2),
        TERM(88, 119, 1, 'o', 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1),
        TERM(104, 0),
        TERM(104, 1, 109, 0, 0, 0, 0),
        TERM(104, 2, 97, 0, 97, 9),
        TERM(104, 2, 97, 1, 97, 0),
        TERM(116, 0, 0, 0, 0),
        TERM(116, 0, 0, 0, 1, 97, 2, 97, 9),
        TERM(116, 0, 0, 0, 1, 97, 3, 97, 1),
        TERM(116, 0, 0, 0, 2, 97, 2, 97, 9, 97, 1, 97, 1), /* all keys before any value */
        TERM(116, 0, 0, 0, 2, 97, 1, 97, 2, 97, 2, 97, 0),
        TERM(116, 0, 0, 0, 2, 97, 1, 97, 0, 97, 3, 97, 0),
        TERM(106),
        TERM(108, 0, 0, 0, 1, 97, 1, 97, 2), /* [1|2] */
        TERM(108, 0, 0, 0, 1, 97, 1, 106),
        TERM(107, 0, 2, 1, 1),
        TERM(108, 0, 0, 0, 2, 97, 1, 97, 2, 106),
        TERM(108, 0, 0, 0, 1, 97, 1, 109, 0, 0, 0, 0), /* [1|<<>>] */
        TERM(107, 0, 1, 2),
        TERM(108, 0, 0, 0, 1, 119, 1, 'a', 106),
        TERM(109, 0, 0, 0, 0),
        TERM(77, 0, 0, 0, 1, 1, 0),
        TERM(109, 0, 0, 0, 1, 0),
        TERM(77, 0, 0, 0, 1, 1, 128),
        TERM(109, 0, 0, 0, 1, 128),
        TERM(109, 0, 0, 0, 2, 128, 0),
    };
    enum { COUNT = sizeof ordered / sizeof ordered[0] };
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < COUNT; j++)
            assert_order(ordered[i], ordered[j], (i > j) - (i < j));
    }
}

static void equal__forms_of_one_term__true(void **state)
{
    assert_order(TERM(97, 5), TERM(110, 2, 0, 5, 0), 0);
    assert_order(TERM(97, 0), TERM(111, 0, 0, 0, 1, 1, 0), 0);
    assert_order(TERM(98, 255, 255, 255, 255), TERM(110, 1, 1, 1), 0);
    assert_order(TERM(115, 1, 0xe4), TERM(118, 0, 2, 0xc3, 0xa4), 0);
    assert_order(TERM(105, 0, 0, 0, 1, 106), TERM(104, 1, 107, 0, 0), 0);
    assert_order(TERM(109, 0, 0, 0, 1, 9), TERM(77, 0, 0, 0, 1, 8, 9), 0);
    assert_order(TERM(77, 0, 0, 0, 1, 4, 0xf0), TERM(77, 0, 0, 0, 1, 4, 0xff), 0);
    assert_order(TERM(107, 0, 2, 1, 2), TERM(108, 0, 0, 0, 2, 97, 1, 97, 2, 106), 0);
    assert_order(TERM(107, 0, 2, 1, 2), TERM(108, 0, 0, 0, 1, 110, 1, 0, 1, 107, 0, 1, 2), 0);
    assert_order(TERM(108, 0, 0, 0, 1, 97, 1, 107, 0, 1, 2),
                 TERM(108, 0, 0, 0, 2, 97, 1, 97, 2, 108, 0, 0, 0, 0, 106), 0);
    assert_order(TERM(108, 0, 0, 0, 2, 106, 106, 97, 3),
                 TERM(108, 0, 0, 0, 1, 106, 108, 0, 0, 0, 1, 106, 97, 3), 0);
    assert_order(TERM(108, 0, 0, 0, 0, 119, 1, 'a'), TERM(119, 1, 'a'), 0);
    assert_order(TERM(103, NODE, 0, 0, 0, 1, 0, 0, 0, 2, 3),
                 TERM(88, NODE, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3), 0);
    assert_order(TERM(101, NODE, 0, 0, 0, 1, 2), TERM(90, 0, 1, NODE, 0, 0, 0, 2, 0, 0, 0, 1), 0);
    assert_order(TERM(102, NODE, 0, 0, 0, 1, 2), TERM(120, NODE, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2), 0);
    assert_order(TERM(116, 0, 0, 0, 2, 97, 1, 106, 97, 2, 106),
                 TERM(116, 0, 0, 0, 2, 97, 2, 106, 98, 0, 0, 0, 1, 106), 0);
}

static void equal__numbers_of_two_types__false(void **state)
{
    assert_order(TERM(97, 1), TERM(70, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0), -1);
    assert_order(TERM(104, 1, 97, 1), TERM(104, 1, 70, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0), -1);
}

static void equal__terms_behind_equal_parts__still_compared(void **state)
{
    assert_order(TERM(104, 2, 107, 0, 1, 1, 97, 1), TERM(104, 2, 108, 0, 0, 0, 1, 97, 1, 106, 97, 2), -1);
    assert_order(TERM(104, 2, 107, 0, 1, 1, 97, 1), TERM(104, 2, 107, 0, 1, 1, 97, 2), -1);
    assert_order(TERM(104, 2, 116, 0, 0, 0, 0, 97, 1), TERM(104, 2, 116, 0, 0, 0, 0, 97, 2), -1);
    assert_order(TERM(104, 2, 116, 0, 0, 0, 1, 97, 1, 116, 0, 0, 0, 0, 97, 1),
                 TERM(104, 2, 116, 0, 0, 0, 1, 97, 1, 116, 0, 0, 0, 0, 97, 2), -1);
    assert_order(TERM(104, 2, 108, 0, 0, 0, 1, 106, 97, 1, 97, 1),
                 TERM(104, 2, 108, 0, 0, 0, 1, 106, 97, 1, 97, 2), -1);
}

static void equal__terms_behind_lists_in_two_forms__true(void **state)
{
    const struct slice forms[] = {
        TERM(104, 2, 107, 0, 1, 1, 97, 7),
        TERM(104, 2, 108, 0, 0, 0, 1, 97, 1, 106, 97, 7),
        TERM(104, 2, 108, 0, 0, 0, 1, 97, 1, 107, 0, 0, 97, 7),
        TERM(104, 2, 108, 0, 0, 0, 0, 107, 0, 1, 1, 97, 7),
        TERM(104, 2, 108, 0, 0, 0, 1, 108, 0, 0, 0, 0, 97, 1, 108, 0, 0, 0, 0, 106, 97, 7),
    };
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j < 5; j++)
            assert_order(forms[i], forms[j], 0);
    }
}

static void compare__every_two_of_the_corpus__antisymmetric(void **state)
{
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        for (size_t j = 0; j < CORPUS_COUNT; j++) {
            int forth = etf_compare(corpus[i].bytes, corpus[j].bytes);
            int back = etf_compare(corpus[j].bytes, corpus[i].bytes);
            if ((forth < 0) != (back > 0) || (forth == 0) != (back == 0) || (i == j && forth != 0))
                fail_msg("%s, %s: %d, %d", corpus[i].text, corpus[j].text, forth, back);
        }
    }
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

/* {Term}, which is compared by the walk over the tuples. */
static struct slice in_tuple(struct slice term, struct buf *room)
{
    buf_clear(room);
    etf_write_tuple(room, 1);
    etf_write_term(room, term);
    return buf_slice(room);
}

static void compare__every_two_of_the_corpus__as_inside_of_tuples(void **state)
{
    struct buf a = BUF_EMPTY, b = BUF_EMPTY;
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        for (size_t j = 0; j < CORPUS_COUNT; j++) {
            int walked = etf_compare(in_tuple(corpus[i].bytes, &a), in_tuple(corpus[j].bytes, &b));
            if (sign(etf_compare(corpus[i].bytes, corpus[j].bytes)) != sign(walked) ||
                etf_equal(corpus[i].bytes, corpus[j].bytes) != (walked == 0))
                fail_msg("%s, %s: %d inside of tuples", corpus[i].text, corpus[j].text, walked);
        }
    }
    buf_release(&a);
    buf_release(&b);
}

static void assert_deep(void (*build)(struct buf *out, size_t depth, struct slice innermost))
{
    struct buf a = BUF_EMPTY;
    struct buf b = BUF_EMPTY;
    clock_t start = clock();
    build(&a, DEEP, TERM(97, 1));
    build(&b, DEEP, TERM(97, 2));
    assert_true(etf_compare(buf_slice(&a), buf_slice(&b)) < 0);
    assert_int_equal(etf_compare(buf_slice(&a), buf_slice(&a)), 0);
    assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
    buf_release(&a);
    buf_release(&b);
}

static void compare__deep_terms__iterative_and_not_quadratic(void **state)
{
    assert_deep(terms_deep_map);
    assert_deep(terms_deep_key);
    assert_deep(terms_deep_tail);
    struct buf a = BUF_EMPTY;
    terms_deep_list(&a, DEEP);
    assert_int_equal(etf_compare(buf_slice(&a), buf_slice(&a)), 0);
    buf_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare__types__in_erlangs_order),
        cmocka_unit_test(equal__forms_of_one_term__true),
        cmocka_unit_test(equal__numbers_of_two_types__false),
        cmocka_unit_test(equal__terms_behind_equal_parts__still_compared),
        cmocka_unit_test(equal__terms_behind_lists_in_two_forms__true),
        cmocka_unit_test(compare__every_two_of_the_corpus__antisymmetric),
        cmocka_unit_test(compare__every_two_of_the_corpus__as_inside_of_tuples),
        cmocka_unit_test(compare__deep_terms__iterative_and_not_quadratic),
    };
    return cmocka_run_group_tests_name("etf_compare", tests, NULL, NULL);
}
