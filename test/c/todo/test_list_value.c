/* todo/list_value: the requests of the stateless Todo.List. */
#include "unit.h"

#include "fake_terms.h"
#include "todo/list_value.h"
#include "wire/etf_write.h"

#define LIST(entries, next_id)                                                                               \
    "#{'__struct__' => 'Elixir.Todo.List', entries => #{" entries "}, next_id => " next_id "}"
#define ONE   LIST("1 => #{date => 1, id => 1}", "2")
#define TWO   LIST("1 => #{date => 1, id => 1}, 2 => #{date => 2, id => 2}", "3")
#define EMPTY LIST("", "1")

static void assert_answer(const char *request, const char *expected)
{
    struct buf out = BUF_EMPTY;
    struct slice asked = fake_term(request);
    struct slice wanted = fake_term(expected);
    buf_append_u8(&out, 'x');
    list_call(asked, &out);
    if (!slice_equal(buf_slice_from(&out, 1), wanted))
        fail_msg("%s is not answered %s", request, expected);
    fake_free(asked);
    fake_free(wanted);
    buf_release(&out);
}

static void list_call__new__is_a_list(void **state)
{
    assert_answer("{new, []}", EMPTY);
    assert_answer("{new, [#{date => 1}, #{id => 9, date => 2}]}", TWO);
    assert_answer("{new, [#{date => 1}, #{title => x}]}", "{error, {badarg, no_date}}");
    assert_answer("{new, #{date => 1}}", "{error, badarg}");
    assert_answer("{new, [x]}", "{error, badarg}");
}

static void list_call__size__is_a_number(void **state)
{
    assert_answer("{size, " EMPTY "}", "0");
    assert_answer("{size, " TWO "}", "2");
    assert_answer("{size, #{next_id => 7, entries => #{1 => #{}}}}", "1");
}

static void list_call__add_entry__is_the_longer_list(void **state)
{
    assert_answer("{add_entry, " EMPTY ", #{date => 1}}", ONE);
    assert_answer("{add_entry, " ONE ", #{date => 2}}", TWO);
    assert_answer("{add_entry, " LIST("", "8") ", #{date => 2}}", LIST("8 => #{date => 2, id => 8}", "9"));
    assert_answer("{add_entry, " ONE ", #{title => 2}}", "{error, {badarg, no_date}}");
    assert_answer("{add_entry, " ONE ", x}", "{error, badarg}");
}

static void list_call__entries__are_lists(void **state)
{
    assert_answer("{entries, " TWO ", 2}", "[#{date => 2, id => 2}]");
    assert_answer("{entries, " TWO ", 3}", "[]");
    assert_answer("{entries, " TWO "}", "[#{date => 1, id => 1}, #{date => 2, id => 2}]");
    assert_answer("{entries, " EMPTY "}", "[]");
    assert_answer("{entries, " TWO ", #{1 => 1, 1 => 2}}", "{error, badarg}");
}

static void list_call__entry__is_an_entry_or_nil(void **state)
{
    assert_answer("{entry, " TWO ", 2}", "#{date => 2, id => 2}");
    assert_answer("{entry, " TWO ", 3}", "nil");
    assert_answer("{entry, " TWO ", -1}", "nil");
    assert_answer("{entry, " TWO ", two}", "nil");
}

static void list_call__put_entry__keeps_the_id(void **state)
{
    assert_answer("{put_entry, " TWO ", 2, #{date => 1, id => 1}}",
                  LIST("1 => #{date => 1, id => 1}, 2 => #{date => 1, id => 2}", "3"));
    assert_answer("{put_entry, " TWO ", 3, #{date => 1}}", TWO);
    assert_answer("{put_entry, " TWO ", x, #{date => 1}}", TWO);
    assert_answer("{put_entry, " TWO ", 2, #{}}", "{error, {badarg, no_date}}");
    assert_answer("{put_entry, " TWO ", 2, []}", "{error, badarg}");
}

static void list_call__delete_entry__keeps_next_id(void **state)
{
    assert_answer("{delete_entry, " TWO ", 2}", LIST("1 => #{date => 1, id => 1}", "3"));
    assert_answer("{delete_entry, " TWO ", 7}", TWO);
    assert_answer("{delete_entry, " TWO ", x}", TWO);
}

static void list_call__no_list__is_badarg(void **state)
{
    assert_answer("{size, []}", "{error, {badarg, not_a_list}}");
    assert_answer("{add_entry, #{}, #{date => 1}}", "{error, {badarg, not_a_list}}");
    assert_answer("{entries, nil}", "{error, {badarg, not_a_list}}");
    assert_answer("{entries, nil, 1}", "{error, {badarg, not_a_list}}");
    assert_answer("{put_entry, {a}, 1, 1}", "{error, {badarg, not_a_list}}");
}

static void list_call__anything_else__is_a_bad_request(void **state)
{
    static const char *const requests[] = {
        "size", "{size}", "{size, " ONE ", 1}", "{new, [], []}",           "{frob, " ONE "}",
        "[]",   "{}",     "#{size => 1}",       "{<<\"size\">>, " ONE "}", "{put_entry, " ONE ", 1}"};
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct buf expected = BUF_EMPTY;
        struct buf out = BUF_EMPTY;
        struct slice request = fake_term(requests[i]);
        etf_write_tuple(&expected, 2);
        etf_write_atom(&expected, "error");
        etf_write_tuple(&expected, 2);
        etf_write_atom(&expected, "bad_request");
        etf_write_term(&expected, request);
        list_call(request, &out);
        assert_true(slice_equal(buf_slice(&out), buf_slice(&expected)));
        fake_free(request);
        buf_release(&expected);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_call__new__is_a_list),
        cmocka_unit_test(list_call__size__is_a_number),
        cmocka_unit_test(list_call__add_entry__is_the_longer_list),
        cmocka_unit_test(list_call__entries__are_lists),
        cmocka_unit_test(list_call__entry__is_an_entry_or_nil),
        cmocka_unit_test(list_call__put_entry__keeps_the_id),
        cmocka_unit_test(list_call__delete_entry__keeps_next_id),
        cmocka_unit_test(list_call__no_list__is_badarg),
        cmocka_unit_test(list_call__anything_else__is_a_bad_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
