/* Dumps as text: which files they make, and what is wrong with others. */
#include "tools/items.h"

#include "base/error.h"
#include "tools/value.h"
#include "unit.h"
#include "wire/etf_text.h"

#include <stdio.h>
#include <string.h>

static const char *const list_of_one =
    "#{'__struct__'=>'Elixir.Todo.List',entries=>#{1=>#{date=>a,id=>1}},next_id=>2}";

static void read_all(struct items *items, const char *text)
{
    unsigned long line;
    const char *error = NULL;
    *items = (struct items){0};
    if (items_read_dump(items, slice_of_text(text), &line, &error) != 0)
        fail_msg("line %lu: %s", line, error);
}

/* The text of the value that the item of that name becomes; "" if it is deleted. */
static void expect(struct items *items, const char *name, const char *text)
{
    struct item *item;
    struct buf content = BUF_EMPTY;
    struct buf found = BUF_EMPTY;
    struct value value;
    unsigned long line;
    const char *error;
    HASH_FIND(hh, items->all, name, strlen(name), item);
    assert_non_null(item);
    if (item_content(item, &content, &line, &error) != 0)
        fail_msg("%s in line %lu: %s", name, line, error);
    if (content.size > 0) {
        assert_null(value_read(name, buf_slice(&content), &value).text);
        etf_text(buf_slice(&value.term), &found);
        value_release(&value);
    }
    buf_append_u8(&found, '\0');
    assert_string_equal((const char *)found.data, text);
    buf_release(&content);
    buf_release(&found);
}

static void expect_bad(const char *text, unsigned long line)
{
    struct items items = {0};
    unsigned long found = 0;
    const char *error = NULL;
    if (items_read_dump(&items, slice_of_text(text), &found, &error) != ERR_BADARG)
        fail_msg("accepted: %s", text);
    assert_int_equal(found, line);
    assert_non_null(error);
    items_release(&items);
}

static void dump__values__their_files(void **state)
{
    struct items items;
    read_all(&items, "%% a dump\n{value,<<\"bob\">>,7}.\n{value,bob,[1|x]}.\n{value,\"bob\",<<>>}.");
    assert_int_equal(HASH_COUNT(items.all), 3);
    expect(&items, "bob", "7");
    expect(&items, "%a.bob", "[1|x]");
    expect(&items, "%l.bob", "<<>>");
    items_release(&items);
}

static void dump__records__made_by_lsn(void **state)
{
    char text[1000];
    struct items items;
    snprintf(text, sizeof text,
             "{record,9,k,{delete,1}}.\n"
             "{record,7,k,{add,2,[#{date=>b,id=>2}]}}.\n"
             "{value,k,%s}.\n"
             "{record,8,k,{update,2,#{date=>c,id=>2}}}.\n"
             "{record,10,new,{add,1,[#{date=>b,id=>1}]}}.",
             list_of_one);
    read_all(&items, text);
    expect(&items, "%a.k", "#{'__struct__'=>'Elixir.Todo.List',entries=>#{2=>#{date=>c,id=>2}},next_id=>3}");
    expect(&items, "%a.new",
           "#{'__struct__'=>'Elixir.Todo.List',entries=>#{1=>#{date=>b,id=>1}},next_id=>2}");
    items_release(&items);
}

static void dump__puts_and_deletes__end_what_was_before(void **state)
{
    struct items items;
    read_all(&items,
             "{value,a,1}.\n{record,1,a,<<131,97,2>>}.\n{record,2,b,<<131,97,2>>}.\n{record,3,b,[]}.\n"
             "{record,1,c,{delete,1}}.\n{record,2,c,<<131,97,9>>}.");
    expect(&items, "%a.a", "2");
    expect(&items, "%a.b", "");
    expect(&items, "%a.c", "9");
    items_release(&items);
}

static void dump__records_that_cannot_be_made__are_told(void **state)
{
    static const char *const texts[] = {"{value,a,1}.\n{record,1,a,{delete,1}}.",
                                        "\n{record,1,a,{nonsense}}.", "\n{record,1,a,<<1>>}.",
                                        "\n{record,1,a,<<131,97,1,1>>}."};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct items items;
        struct buf content = BUF_EMPTY;
        unsigned long line = 0;
        const char *error = NULL;
        read_all(&items, texts[i]);
        assert_int_equal(item_content(items.all, &content, &line, &error), ERR_BADARG);
        assert_int_equal(line, 2);
        assert_non_null(error);
        buf_release(&content);
        items_release(&items);
    }
}

static void dump__bad_lines__are_told_with_their_number(void **state)
{
    expect_bad("\n{value,a,1}\n{value,b,1}.", 3);
    expect_bad("\n{value,a}.", 2);
    expect_bad("{value,a,1}.\n{other,b,1}.", 2);
    expect_bad("{value,a,1}.\n{value,a,2}.", 2);
    expect_bad("{record,1,a,[]}.\n{value,a,1}.\n{value,a,2}.", 3);
    expect_bad("{value,{a},1}.", 1);
    expect_bad("{value,1.5,1}.", 1);
    expect_bad("{value,<<1:1>>,1}.", 1);
    expect_bad("{record,0,a,[]}.", 1);
    expect_bad("{record,x,a,[]}.", 1);
    expect_bad("{record,1,a}.", 1);
    expect_bad("{value,a,#{'__struct__'=>'Elixir.Todo.List'}}.", 1);
}

static void items__added__content_as_it_is(void **state)
{
    struct items items = {0};
    struct buf content = BUF_EMPTY;
    buf_append(&content, "\203a\005", 3);
    items_add(&items, "bob", &content);
    assert_int_equal(content.size, 0);
    expect(&items, "bob", "5");
    items_release(&items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dump__values__their_files),
        cmocka_unit_test(dump__records__made_by_lsn),
        cmocka_unit_test(dump__puts_and_deletes__end_what_was_before),
        cmocka_unit_test(dump__records_that_cannot_be_made__are_told),
        cmocka_unit_test(dump__bad_lines__are_told_with_their_number),
        cmocka_unit_test(items__added__content_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
