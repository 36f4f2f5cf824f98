/* Reading in place: every form of a term gives the same value, a mismatch moves nothing. */
#include "wire/etf_read.h"

#include "base/error.h"
#include "terms.h"
#include "terms_corpus.h"

enum { DEEP = 200000 };

static void take__every_tag__moves_behind_the_term(void **state)
{
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        struct buf two = BUF_EMPTY;
        buf_append_slice(&two, corpus[i].bytes);
        etf_write_int64(&two, 42);
        struct slice cursor = buf_slice(&two);
        assert_bytes_equal(etf_take(&cursor), corpus[i].bytes);
        assert_bytes_equal(cursor, TERM(97, 42));
        buf_release(&two);
    }
}

static void take__deep_terms__iterative(void **state)
{
    struct buf out = BUF_EMPTY;
    terms_deep_list(&out, DEEP);
    terms_deep_map(&out, DEEP, TERM(106));
    terms_deep_key(&out, DEEP, TERM(106));
    struct slice cursor = terms_valid(slice_of(out.data, DEEP * 6 + 1));
    etf_take(&cursor);
    assert_int_equal(cursor.size, 0);
    cursor = buf_slice_from(&out, DEEP * 6 + 1);
    etf_take(&cursor);
    etf_take(&cursor);
    assert_int_equal(cursor.size, 0);
    buf_release(&out);
}

static void type__every_tag__erlangs_word(void **state)
{
    const struct {
        struct slice bytes;
        enum term_type type;
    } cases[] = {
        {BYTES(97, 0), TERM_INTEGER},
        {BYTES(98, 0, 0, 0, 0), TERM_INTEGER},
        {BYTES(110, 0, 0), TERM_INTEGER},
        {BYTES(111, 0, 0, 0, 0, 0), TERM_INTEGER},
        {BYTES(70, 0, 0, 0, 0, 0, 0, 0, 0), TERM_FLOAT},
        {BYTES(115, 0), TERM_ATOM},
        {BYTES(118, 0, 0), TERM_ATOM},
        {BYTES(90, 0, 1, NODE, 0, 0, 0, 0, 0, 0, 0, 0), TERM_REFERENCE},
        {BYTES(113, 119, 0, 119, 0, 97, 0), TERM_FUN},
        {BYTES(89, NODE, 0, 0, 0, 0, 0, 0, 0, 0), TERM_PORT},
        {BYTES(103, NODE, 0, 0, 0, 0, 0, 0, 0, 0, 0), TERM_PID},
        {BYTES(104, 0), TERM_TUPLE},
        {BYTES(105, 0, 0, 0, 0), TERM_TUPLE},
        {BYTES(116, 0, 0, 0, 0), TERM_MAP},
        {BYTES(106), TERM_NIL},
        {BYTES(107, 0, 0), TERM_NIL},
        {BYTES(108, 0, 0, 0, 0, 106), TERM_NIL},
        {BYTES(107, 0, 1, 1), TERM_LIST},
        {BYTES(108, 0, 0, 0, 1, 106, 106), TERM_LIST},
        {BYTES(109, 0, 0, 0, 0), TERM_BITSTRING},
        {BYTES(77, 0, 0, 0, 1, 1, 0), TERM_BITSTRING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(etf_type(terms_valid(cases[i].bytes)), cases[i].type);
}

static void assert_int64(struct slice term, int64_t expected)
{
    int64_t value = 0;
    struct slice cursor = terms_valid(term);
    assert_true(etf_read_int64(&cursor, &value));
    assert_true(value == expected);
    assert_int_equal(cursor.size, 0);
}

static void read_int64__every_form__value(void **state)
{
    assert_int64(TERM(97, 255), 255);
    assert_int64(TERM(98, 255, 255, 255, 254), -2);
    assert_int64(TERM(98, 128, 0, 0, 0), INT32_MIN);
    assert_int64(TERM(110, 0, 1), 0);
    assert_int64(TERM(110, 3, 0, 1, 1, 0), 257);
    assert_int64(TERM(110, 8, 1, 0, 0, 0, 0, 0, 0, 0, 128), INT64_MIN);
    assert_int64(TERM(110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 127), INT64_MAX);
    assert_int64(TERM(111, 0, 0, 0, 9, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0), -1);
    assert_int64(TERM(108, 0, 0, 0, 0, 97, 7), 7);
}

static void read_integer__does_not_fit__false_and_nothing_moves(void **state)
{
    const struct slice too_large = TERM(110, 8, 0, 0, 0, 0, 0, 0, 0, 0, 128);
    const struct slice too_small = TERM(110, 8, 1, 1, 0, 0, 0, 0, 0, 0, 128);
    const struct slice nine_bytes = TERM(110, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    int64_t value = 5;
    uint64_t positive = 5;
    struct slice cursor = too_large;
    assert_false(etf_read_int64(&cursor, &value));
    assert_true(etf_read_uint64(&cursor, &positive));
    assert_true(positive == 1ull << 63);
    cursor = too_small;
    assert_false(etf_read_int64(&cursor, &value));
    cursor = nine_bytes;
    positive = 5;
    assert_false(etf_read_int64(&cursor, &value) || etf_read_uint64(&cursor, &positive));
    cursor = TERM(98, 255, 255, 255, 255);
    assert_false(etf_read_uint64(&cursor, &positive));
    assert_int_equal(cursor.size, 5);
    assert_int_equal(value, 5);
    assert_int_equal(positive, 5);
}

static void read_anything__cursor_at_the_end__false(void **state)
{
    struct slice cursor = {0};
    uint32_t count;
    int64_t value;
    double number;
    struct slice bytes;
    uint8_t text[ATOM_BYTES_MAX];
    size_t size;
    assert_false(etf_read_tuple(&cursor, &count) || etf_read_map(&cursor, &count) ||
                 etf_read_list(&cursor, &count));
    assert_false(etf_read_int64(&cursor, &value) || etf_read_double(&cursor, &number));
    assert_false(etf_read_binary(&cursor, &bytes) || etf_read_string(&cursor, &bytes));
    assert_false(etf_read_atom(&cursor, text, &size) || etf_read_tagged(&cursor, "a", 1));
    assert_false(etf_is_atom(cursor, "a") || etf_map_get(cursor, "a", &bytes));
}

static void read_containers__headers__cursor_at_the_first_element(void **state)
{
    uint32_t count = 0;
    struct slice cursor = TERM(105, 0, 0, 0, 1, 106);
    assert_true(etf_read_tuple(&cursor, &count));
    assert_int_equal(count, 1);
    assert_int_equal(cursor.size, 1);
    cursor = TERM(104, 0);
    assert_true(etf_read_tuple(&cursor, &count));
    assert_int_equal(count, 0);
    cursor = TERM(116, 0, 0, 0, 1, 106, 106);
    assert_true(etf_read_map(&cursor, &count));
    assert_int_equal(count, 1);
    assert_int_equal(cursor.size, 2);
    cursor = TERM(108, 0, 0, 0, 2, 106, 106, 106);
    assert_true(etf_read_list(&cursor, &count));
    assert_int_equal(count, 2);
    assert_int_equal(cursor.size, 3);
}

static void read_list__the_empty_list_in_any_form__length_0_and_no_tail(void **state)
{
    const struct slice forms[] = {TERM(106), TERM(107, 0, 0), TERM(108, 0, 0, 0, 0, 106)};
    for (size_t i = 0; i < 3; i++) {
        uint32_t length = 9;
        struct slice cursor = forms[i];
        assert_true(etf_read_list(&cursor, &length));
        assert_int_equal(length, 0);
        assert_int_equal(cursor.size, 0);
    }
}

static void read_list__string__false(void **state)
{
    uint32_t length = 9;
    struct slice bytes;
    struct slice cursor = TERM(107, 0, 2, 'h', 'i');
    assert_false(etf_read_list(&cursor, &length));
    assert_true(etf_read_string(&cursor, &bytes));
    assert_bytes_equal(bytes, slice_of_text("hi"));
}

static void read_atom__latin1__converted(void **state)
{
    uint8_t text[ATOM_BYTES_MAX];
    size_t size = 0;
    struct slice cursor = TERM(100, 0, 4, 'a', 0x80, 0xbf, 0xff);
    assert_true(etf_read_atom(&cursor, text, &size));
    assert_bytes_equal(slice_of(text, size), slice_of_text("a\xc2\x80\xc2\xbf\xc3\xbf"));
    cursor = TERM(119, 2, 0xc3, 0xbf);
    assert_true(etf_read_atom(&cursor, text, &size));
    assert_bytes_equal(slice_of(text, size), slice_of_text("\xc3\xbf"));
    assert_int_equal(cursor.size, 0);
}

static void is_atom__every_form__equal_by_text(void **state)
{
    assert_true(etf_is_atom(TERM(119, 2, 'o', 'k'), "ok"));
    assert_true(etf_is_atom(TERM(118, 0, 2, 'o', 'k'), "ok"));
    assert_true(etf_is_atom(TERM(100, 0, 2, 'o', 'k'), "ok"));
    assert_true(etf_is_atom(TERM(115, 2, 'o', 'k'), "ok"));
    assert_true(etf_is_atom(TERM(115, 1, 0xe4), "\xc3\xa4"));
    assert_false(etf_is_atom(TERM(115, 2, 0xc3, 0xa4), "\xc3\xa4"));
    assert_false(etf_is_atom(TERM(119, 2, 'o', 'k'), "okay"));
    assert_false(etf_is_atom(TERM(119, 2, 'o', 'k'), "o"));
    assert_false(etf_is_atom(TERM(107, 0, 2, 'o', 'k'), "ok"));
}

static void read_double__both_forms__value(void **state)
{
    double value = 0;
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        struct slice cursor = corpus[i].bytes;
        if (strcmp(corpus[i].text, "1.5") != 0 && strcmp(corpus[i].text, "float text") != 0)
            continue;
        assert_true(etf_read_double(&cursor, &value));
        assert_true(value == 1.5);
        assert_int_equal(cursor.size, 0);
    }
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        struct slice cursor = corpus[i].bytes;
        if (strcmp(corpus[i].text, "float text, comma") == 0) {
            assert_true(etf_read_double(&cursor, &value));
            assert_true(value == 1500.0);
        }
    }
    struct slice integer = TERM(97, 1);
    assert_false(etf_read_double(&integer, &value));
}

static void read_binary__whole_bytes_only__content(void **state)
{
    struct slice bytes = {0};
    struct slice cursor = TERM(109, 0, 0, 0, 2, 'h', 'i');
    assert_true(etf_read_binary(&cursor, &bytes));
    assert_bytes_equal(bytes, slice_of_text("hi"));
    cursor = TERM(77, 0, 0, 0, 2, 8, 'h', 'i');
    assert_true(etf_read_binary(&cursor, &bytes));
    assert_bytes_equal(bytes, slice_of_text("hi"));
    cursor = TERM(77, 0, 0, 0, 0, 0);
    assert_true(etf_read_binary(&cursor, &bytes));
    assert_int_equal(bytes.size, 0);
    cursor = TERM(77, 0, 0, 0, 2, 7, 'h', 'i');
    assert_false(etf_read_binary(&cursor, &bytes));
    assert_int_equal(cursor.size, 8);
}

static void read_tagged__every_form_of_tuple_and_atom__is_the_same(void **state)
{
    const struct slice tuples[] = {TERM(104, 2), TERM(105, 0, 0, 0, 2), TERM(108, 0, 0, 0, 0, 104, 2)};
    const struct slice atoms[] = {TERM(119, 3, 'g', 'e', 't'), TERM(118, 0, 3, 'g', 'e', 't'),
                                  TERM(115, 3, 'g', 'e', 't'), TERM(100, 0, 3, 'g', 'e', 't'),
                                  TERM(108, 0, 0, 0, 0, 119, 3, 'g', 'e', 't')};
    struct buf term = BUF_EMPTY;
    for (size_t i = 0; i < sizeof tuples / sizeof tuples[0]; i++) {
        for (size_t j = 0; j < sizeof atoms / sizeof atoms[0]; j++) {
            buf_clear(&term);
            buf_append_slice(&term, tuples[i]);
            buf_append_slice(&term, atoms[j]);
            etf_write_uint64(&term, 7);
            struct slice cursor = terms_valid(buf_slice(&term));
            assert_false(etf_read_tagged(&cursor, "get", 3) || etf_read_tagged(&cursor, "get", 0));
            assert_false(etf_read_tagged(&cursor, "put", 2) || etf_read_tagged(&cursor, "ge", 2));
            assert_false(etf_read_tagged(&cursor, "gets", 2));
            assert_ptr_equal(cursor.data, term.data);
            assert_true(etf_read_tagged(&cursor, "get", 2));
            assert_bytes_equal(cursor, TERM(97, 7));
        }
    }
    buf_release(&term);
}

static void read_tagged__tuple_with_that_tag_and_arity__behind_the_tag(void **state)
{
    const struct slice term = TERM(104, 2, 100, 0, 3, 'g', 'e', 't', 97, 1);
    struct slice cursor = term;
    assert_false(etf_read_tagged(&cursor, "get", 3));
    assert_false(etf_read_tagged(&cursor, "put", 2));
    assert_ptr_equal(cursor.data, term.data);
    assert_true(etf_read_tagged(&cursor, "get", 2));
    assert_bytes_equal(cursor, TERM(97, 1));
    cursor = TERM(104, 0);
    assert_false(etf_read_tagged(&cursor, "get", 0));
}

static void map_get__key_present__its_value(void **state)
{
    const struct slice map = TERM(116, 0, 0, 0, 2, 119, 1, 'a', 104, 1, 106, 100, 0, 1, 'b', 97, 7);
    struct slice value = {0};
    assert_true(etf_map_get(map, "b", &value));
    assert_bytes_equal(value, TERM(97, 7));
    assert_true(etf_map_get(map, "a", &value));
    assert_bytes_equal(value, TERM(104, 1, 106));
    assert_false(etf_map_get(map, "c", &value));
    assert_false(etf_map_get(TERM(104, 2, 119, 1, 'a', 106), "a", &value));
}

static void assert_iodata(struct slice term, const char *expected)
{
    struct buf out = BUF_EMPTY;
    buf_append(&out, ">", 1);
    assert_int_equal(etf_read_iodata(terms_valid(term), &out), 0);
    assert_bytes_equal(buf_slice_from(&out, 1), slice_of_text(expected));
    buf_release(&out);
}

static void read_iodata__bytes_and_binaries_nested__joined(void **state)
{
    assert_iodata(TERM(109, 0, 0, 0, 2, 'h', 'i'), "hi");
    assert_iodata(TERM(107, 0, 2, 'h', 'i'), "hi");
    assert_iodata(TERM(106), "");
    assert_iodata(TERM(108, 0, 0, 0, 2, 97, 'h', 98, 0, 0, 0, 'i', 106), "hi");
    assert_iodata(
        TERM(108, 0, 0, 0, 3, 106, 108, 0, 0, 0, 1, 97, 'h', 109, 0, 0, 0, 1, 'i', 97, '!', 107, 0, 1, '?'),
        "hi!?");
}

static void assert_no_iodata(struct slice term)
{
    struct buf out = BUF_EMPTY;
    buf_append(&out, ">", 1);
    assert_int_equal(etf_read_iodata(terms_valid(term), &out), ERR_BADARG);
    assert_bytes_equal(buf_slice(&out), slice_of_text(">"));
    buf_release(&out);
}

static void read_iodata__anything_else__badarg_and_nothing_added(void **state)
{
    assert_no_iodata(TERM(97, 'a'));
    assert_no_iodata(TERM(119, 1, 'a'));
    assert_no_iodata(TERM(77, 0, 0, 0, 1, 7, 2));
    assert_no_iodata(TERM(108, 0, 0, 0, 2, 97, 'h', 98, 0, 0, 1, 0, 106));
    assert_no_iodata(TERM(108, 0, 0, 0, 2, 97, 'h', 98, 255, 255, 255, 255, 106));
    assert_no_iodata(TERM(108, 0, 0, 0, 1, 97, 'h', 97, 'i'));
    assert_no_iodata(TERM(108, 0, 0, 0, 1, 119, 1, 'h', 106));
    assert_no_iodata(TERM(108, 0, 0, 0, 2, 97, 'h', 104, 0, 106));
}

static void read_iodata__deep__iterative(void **state)
{
    struct buf term = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    terms_deep_list(&term, DEEP);
    assert_int_equal(etf_read_iodata(buf_slice(&term), &out), 0);
    assert_int_equal(out.size, 0);
    buf_clear(&term);
    terms_deep_tail(&term, DEEP, TERM(109, 0, 0, 0, 1, 'x'));
    assert_int_equal(etf_read_iodata(buf_slice(&term), &out), 0);
    assert_int_equal(out.size, DEEP + 1);
    buf_release(&term);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(take__every_tag__moves_behind_the_term),
        cmocka_unit_test(take__deep_terms__iterative),
        cmocka_unit_test(type__every_tag__erlangs_word),
        cmocka_unit_test(read_int64__every_form__value),
        cmocka_unit_test(read_integer__does_not_fit__false_and_nothing_moves),
        cmocka_unit_test(read_anything__cursor_at_the_end__false),
        cmocka_unit_test(read_containers__headers__cursor_at_the_first_element),
        cmocka_unit_test(read_list__the_empty_list_in_any_form__length_0_and_no_tail),
        cmocka_unit_test(read_list__string__false),
        cmocka_unit_test(read_atom__latin1__converted),
        cmocka_unit_test(is_atom__every_form__equal_by_text),
        cmocka_unit_test(read_double__both_forms__value),
        cmocka_unit_test(read_binary__whole_bytes_only__content),
        cmocka_unit_test(read_tagged__every_form_of_tuple_and_atom__is_the_same),
        cmocka_unit_test(read_tagged__tuple_with_that_tag_and_arity__behind_the_tag),
        cmocka_unit_test(map_get__key_present__its_value),
        cmocka_unit_test(read_iodata__bytes_and_binaries_nested__joined),
        cmocka_unit_test(read_iodata__anything_else__badarg_and_nothing_added),
        cmocka_unit_test(read_iodata__deep__iterative),
    };
    return cmocka_run_group_tests_name("etf_read", tests, NULL, NULL);
}
