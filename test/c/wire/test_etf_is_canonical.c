/* Recognizing the canonical form: whatever is said to be in it, the walk of etf_canonical leaves as it is. */
#include "wire/etf_is_canonical.h"

#include "terms.h"
#include "terms_corpus.h"
#include "wire/etf_canonical.h"

#include <time.h>

/* The canonical form by the walk over all of the term: [Term|a] is not recognized. 0 or an error. */
static int walked(struct slice term, struct buf *out)
{
    struct buf list = BUF_EMPTY, canonical = BUF_EMPTY;
    etf_write_list(&list, 1);
    size_t head = list.size;
    etf_write_term(&list, term);
    etf_write_atom(&list, "a");
    assert_false(etf_is_canonical(buf_slice(&list)));
    int error = etf_canonical(terms_valid(buf_slice(&list)), &canonical);
    buf_clear(out);
    if (error == 0)
        buf_append(out, canonical.data + head, canonical.size - head - 3);
    buf_release(&list);
    buf_release(&canonical);
    return error;
}

/* What is recognized is what the walk makes of it, and etf_canonical is what the walk makes in any case. */
static bool assert_as_walked(struct slice term)
{
    struct buf expected = BUF_EMPTY, canonical = BUF_EMPTY;
    uint8_t *exact = mem_dup(term.data, term.size);
    bool recognized = etf_is_canonical(slice_of(exact, term.size));
    int error = walked(term, &expected);
    assert_int_equal(etf_canonical(slice_of(exact, term.size), &canonical), error);
    assert_bytes_equal(buf_slice(&canonical), buf_slice(&expected));
    assert_true(!recognized || error == 0);
    if (recognized)
        assert_bytes_equal(term, buf_slice(&expected));
    mem_free(exact);
    buf_release(&expected);
    buf_release(&canonical);
    return recognized;
}

static void is_canonical__every_term_of_the_corpus__only_what_the_walk_leaves(void **state)
{
    for (size_t i = 0; i < CORPUS_COUNT; i++)
        assert_as_walked(corpus[i].bytes);
}

static void is_canonical__usual_terms__are_recognized(void **state)
{
    const struct slice terms[] = {
        TERM(97, 0),
        TERM(98, 0, 0, 1, 0),
        TERM(98, 255, 255, 255, 255),
        TERM(70, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0),
        TERM(119, 2, 'o', 'k'),
        TERM(109, 0, 0, 0, 1, 5),
        TERM(107, 0, 1, 5),
        TERM(106),
        TERM(104, 0),
        TERM(116, 0, 0, 0, 0),
        /* #{date => {2023, 12, 19}, title => <<"a">>, titles => #{}} */
        TERM(116, 0, 0, 0, 3, 119, 4, 'd', 'a', 't', 'e', 104, 3, 98, 0, 0, 7, 231, 97, 12, 97, 19, 119, 5,
             't', 'i', 't', 'l', 'e', 109, 0, 0, 0, 1, 'a', 119, 6, 't', 'i', 't', 'l', 'e', 's', 116, 0, 0,
             0, 0),
    };
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++)
        assert_true(assert_as_walked(terms_valid(terms[i])));
}

static void is_canonical__other_forms_and_keys_out_of_order__are_not(void **state)
{
    const struct slice terms[] = {
        TERM(98, 0, 0, 0, 255),
        TERM(107, 0, 0),
        TERM(115, 2, 'o', 'k'),
        TERM(116, 0, 0, 0, 2, 119, 1, 'b', 106, 119, 1, 'a', 106),
        TERM(116, 0, 0, 0, 2, 119, 2, 'a', 'b', 106, 119, 1, 'a', 106),
        TERM(116, 0, 0, 0, 2, 119, 1, 'a', 106, 119, 1, 'a', 106),
        TERM(104, 1, 116, 0, 0, 0, 1, 119, 1, 'a', 98, 0, 0, 0, 1),
    };
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++)
        assert_false(assert_as_walked(terms_valid(terms[i])));
}

static void is_canonical__deep_terms__are_left_to_the_walk(void **state)
{
    struct buf term = BUF_EMPTY;
    for (size_t depth = 1; depth < 100000; depth *= 3) {
        buf_clear(&term);
        for (size_t i = 0; i < depth; i++)
            etf_write_tuple(&term, 1);
        etf_write_nil(&term);
        assert_as_walked(buf_slice(&term));
    }
    buf_release(&term);
}

static void write_random_leaf(struct buf *out)
{
    const struct slice leaves[] = {
        TERM(97, 7),       TERM(98, 0, 0, 0, 7),   TERM(98, 0, 1, 0, 0),   TERM(119, 1, 'a'),
        TERM(119, 1, 'b'), TERM(119, 2, 'a', 'b'), TERM(119, 2, 'b', 'a'), TERM(115, 1, 'c'),
        TERM(106),         TERM(107, 0, 0),        TERM(107, 0, 1, 7),     TERM(109, 0, 0, 0, 1, 7),
        TERM(119, 0)};
    etf_write_term(out, leaves[(size_t)rand() % (sizeof leaves / sizeof leaves[0])]);
}

static void write_random(struct buf *out, int depth)
{
    uint32_t size = (uint32_t)rand() % 4;
    int kind = depth > 0 ? rand() % 4 : 3;
    if (kind == 0)
        etf_write_map(out, size);
    else if (kind == 1)
        etf_write_tuple(out, size);
    else if (kind == 2 && size > 0)
        etf_write_list(out, size);
    else
        write_random_leaf(out);
    for (uint32_t i = 0; i < size && kind == 0; i++) {
        write_random_leaf(out);
        write_random(out, depth - 1);
    }
    for (uint32_t i = 0; i < size && (kind == 1 || kind == 2); i++)
        write_random(out, depth - 1);
    if (kind == 2 && size > 0)
        etf_write_nil(out);
}

static void is_canonical__random_terms__only_what_the_walk_leaves(void **state)
{
    unsigned seed = (unsigned)time(NULL), recognized = 0;
    print_message("seed %u\n", seed);
    srand(seed);
    struct buf term = BUF_EMPTY;
    for (int round = 0; round < 50000; round++) {
        buf_clear(&term);
        write_random(&term, 4);
        recognized += assert_as_walked(terms_valid(buf_slice(&term)));
    }
    assert_true(recognized > 1000);
    buf_release(&term);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_canonical__every_term_of_the_corpus__only_what_the_walk_leaves),
        cmocka_unit_test(is_canonical__usual_terms__are_recognized),
        cmocka_unit_test(is_canonical__other_forms_and_keys_out_of_order__are_not),
        cmocka_unit_test(is_canonical__deep_terms__are_left_to_the_walk),
        cmocka_unit_test(is_canonical__random_terms__only_what_the_walk_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
