/* Lists element by element: every form of the same list gives the same elements. */
#include "wire/etf_list.h"

#include "terms.h"
#include "wire/etf_fun.h"
#include "wire/etf_read.h"

/* The elements, all small integers, as digits; "!" behind them if the list is not proper. */
static void expect(struct slice term, const char *digits)
{
    char text[64] = "";
    size_t size = 0;
    struct etf_list list;
    struct slice element;
    uint64_t value;
    etf_list_begin(&list, terms_valid(term));
    while (etf_list_next(&list, &element)) {
        assert_false(list.proper);
        assert_true(etf_read_uint64(&element, &value));
        text[size++] = (char)('0' + value);
    }
    assert_false(etf_list_next(&list, &element));
    if (!list.proper)
        text[size++] = '!';
    text[size] = '\0';
    assert_string_equal(text, digits);
    uint32_t length = 99;
    assert_int_equal(etf_list_length(term, &length), list.proper);
    assert_int_equal(length, list.proper ? size : 99);
}

static void list_next__all_forms__same_elements(void **state)
{
    expect(TERM(108, 0, 0, 0, 2, 97, 1, 97, 2, 106), "12");
    expect(TERM(107, 0, 2, 1, 2), "12");
    expect(TERM(108, 0, 0, 0, 1, 97, 1, 108, 0, 0, 0, 1, 97, 2, 106), "12");
    expect(TERM(108, 0, 0, 0, 1, 97, 1, 107, 0, 1, 2), "12");
    expect(TERM(108, 0, 0, 0, 0, 107, 0, 2, 1, 2), "12");
    expect(TERM(108, 0, 0, 0, 1, 97, 1, 107, 0, 0), "1");
}

static void list_next__empty__none(void **state)
{
    expect(TERM(106), "");
    expect(TERM(107, 0, 0), "");
    expect(TERM(108, 0, 0, 0, 0, 106), "");
}

static void list_next__improper_or_no_list__is_told(void **state)
{
    expect(TERM(108, 0, 0, 0, 1, 97, 1, 97, 2), "1!");
    expect(TERM(108, 0, 0, 0, 1, 97, 1, 108, 0, 0, 0, 1, 97, 2, 97, 3), "12!");
    expect(TERM(97, 1), "!");
    expect(TERM(104, 1, 97, 1), "!");
}

static void list_next__left_before_the_end__not_proper(void **state)
{
    struct etf_list list;
    struct slice element;
    etf_list_begin(&list, TERM(107, 0, 2, 1, 2));
    assert_true(etf_list_next(&list, &element));
    assert_false(list.proper);
}

static void list_close__patches_the_length(void **state)
{
    struct buf out = BUF_EMPTY;
    etf_write_int64(&out, 7);
    size_t mark = etf_list_open(&out);
    etf_list_close(&out, mark, 0);
    assert_bytes_equal(buf_slice(&out), TERM(97, 7, 106));
    mark = etf_list_open(&out);
    etf_write_int64(&out, 1);
    etf_list_close(&out, mark, 1);
    assert_bytes_equal(buf_slice_from(&out, 3), TERM(108, 0, 0, 0, 1, 97, 1, 106));
    buf_release(&out);
}

static void read_fun__export__module_function_arity(void **state)
{
    struct etf_fun fun;
    assert_true(etf_read_fun(terms_valid(TERM(113, 119, 1, 'm', 119, 1, 'f', 97, 3)), &fun));
    assert_true(fun.exported);
    assert_int_equal(fun.arity, 3);
    assert_true(etf_is_atom(fun.module, "m") && etf_is_atom(fun.function, "f"));
}

static void read_fun__local__arity(void **state)
{
    uint8_t bytes[64] = {112, 0, 0, 0, 0, 2};
    const uint8_t rest[] = {119, 1, 'm', 97, 0, 97, 0, 88, 119, 1, 'n', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4};
    struct etf_fun fun;
    memcpy(bytes + 30, rest, sizeof rest);
    assert_true(etf_read_fun(terms_valid(slice_of(bytes, 30 + sizeof rest)), &fun));
    assert_false(fun.exported);
    assert_int_equal(fun.arity, 2);
}

static void read_fun__others__none(void **state)
{
    struct etf_fun fun;
    assert_false(etf_read_fun(TERM(97, 1), &fun));
    assert_false(etf_read_fun(TERM(106), &fun));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_next__all_forms__same_elements),
        cmocka_unit_test(list_next__empty__none),
        cmocka_unit_test(list_next__improper_or_no_list__is_told),
        cmocka_unit_test(list_next__left_before_the_end__not_proper),
        cmocka_unit_test(list_close__patches_the_length),
        cmocka_unit_test(read_fun__export__module_function_arity),
        cmocka_unit_test(read_fun__local__arity),
        cmocka_unit_test(read_fun__others__none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
