/* Contents of files that are values, and every way in which they are none. */
#include "tools/value.h"

#include "todo/key.h"
#include "unit.h"
#include "wire/etf_write.h"

#include <string.h>

/* 131 and these bytes. */
#define CONTENT(...) slice_of((const uint8_t[]){131, __VA_ARGS__}, 1 + sizeof((const uint8_t[]){__VA_ARGS__}))

static void expect_fault(const char *name, struct slice content, const char *text, size_t offset)
{
    struct value value;
    struct value_fault fault = value_read(name, content, &value);
    assert_non_null(fault.text);
    assert_string_equal(fault.text, text);
    assert_int_equal(fault.offset, offset);
    assert_int_equal(value.term.size > 0, offset > 0);
    assert_int_equal(value.key.size > 0, offset > 0);
    value_release(&value);
}

/* A key whose name ends in a digest. */
static void make_long_key(struct buf *key, char first)
{
    uint8_t bytes[300];
    memset(bytes, 'k', sizeof bytes);
    bytes[0] = (uint8_t)first;
    etf_write_binary(key, slice_of(bytes, sizeof bytes));
}

static void value_read__whole__key_and_term(void **state)
{
    struct value value;
    static const uint8_t bob[] = {109, 0, 0, 0, 3, 'b', 'o', 'b'};
    assert_null(value_read("bob", CONTENT(98, 0, 0, 0, 7), &value).text);
    assert_true(slice_equal(buf_slice(&value.key), slice_of(bob, sizeof bob)));
    assert_true(slice_equal(buf_slice(&value.term), slice_of((const uint8_t[]){97, 7}, 2)));
    value_release(&value);
}

static void value_read__no_value__is_told(void **state)
{
    expect_fault("bob", slice_of("", 0), "the file is empty", 0);
    expect_fault("bob", slice_of("x", 1), "not a valid external term", 0);
    expect_fault("bob", CONTENT(97), "the bytes end too early", 0);
    expect_fault("bob", CONTENT(116, 0, 0, 0, 2, 97, 1, 97, 1, 97, 1, 97, 2), "a map has two equal keys", 0);
    expect_fault("bob", CONTENT(97, 1, 0, 0), "bytes behind the value", 3);
}

static void value_read__foreign_name__is_told_first(void **state)
{
    expect_fault("%zz", slice_of("", 0), "no key has a file of this name", 0);
    expect_fault("%i.007", CONTENT(97, 1), "no key has a file of this name", 0);
    expect_fault("%aside.1.2.bob", CONTENT(97, 1), "no key has a file of this name", 0);
}

static void value_read__says_it_is_a_list__has_to_be_one(void **state)
{
    struct buf content = BUF_EMPTY;
    struct value value;
    etf_write_version(&content);
    etf_write_map(&content, 3);
    etf_write_atom(&content, "__struct__");
    etf_write_atom(&content, "Elixir.Todo.List");
    etf_write_atom(&content, "entries");
    etf_write_map(&content, 0);
    etf_write_atom(&content, "next_id");
    etf_write_int64(&content, 1);
    assert_null(value_read("bob", buf_slice(&content), &value).text);
    value_release(&value);
    content.data[content.size - 1] = 0;
    expect_fault("bob", buf_slice(&content), "it says it is a to-do list, and is none", 0);
    buf_release(&content);
}

static void value_read__long_name__needs_its_trailer(void **state)
{
    struct buf key = BUF_EMPTY;
    struct buf other = BUF_EMPTY;
    struct buf content = BUF_EMPTY;
    struct value value;
    char name[KEY_NAME_ROOM];
    make_long_key(&key, 'a');
    make_long_key(&other, 'b');
    key_file_name(buf_slice(&key), name);
    value_write(buf_slice(&key), slice_of((const uint8_t[]){97, 7}, 2), &content);
    assert_null(value_read(name, buf_slice(&content), &value).text);
    assert_true(slice_equal(buf_slice(&value.key), buf_slice(&key)));
    value_release(&value);
    expect_fault(name, slice_of(content.data, 3), "its key is missing behind the value", 0);
    expect_fault(name, slice_of(content.data, content.size - 1), "its key is missing behind the value", 0);
    buf_clear(&content);
    value_write(buf_slice(&other), slice_of((const uint8_t[]){97, 7}, 2), &content);
    expect_fault(name, buf_slice(&content), "the key behind the value belongs into another file", 0);
    buf_release(&content);
    buf_release(&other);
    buf_release(&key);
}

static void value_check_term__other_maps__may_be_anything(void **state)
{
    struct buf term = BUF_EMPTY;
    etf_write_map(&term, 1);
    etf_write_atom(&term, "next_id");
    etf_write_atom(&term, "none");
    assert_null(value_check_term(buf_slice(&term)).text);
    buf_clear(&term);
    etf_write_map(&term, 1);
    etf_write_atom(&term, "__struct__");
    etf_write_atom(&term, "Elixir.Date");
    assert_null(value_check_term(buf_slice(&term)).text);
    buf_release(&term);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_read__whole__key_and_term),
        cmocka_unit_test(value_read__no_value__is_told),
        cmocka_unit_test(value_read__foreign_name__is_told_first),
        cmocka_unit_test(value_read__says_it_is_a_list__has_to_be_one),
        cmocka_unit_test(value_read__long_name__needs_its_trailer),
        cmocka_unit_test(value_check_term__other_maps__may_be_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
