/* todo/list_change: changes as terms, and the fold of a store. */
#include "unit.h"

#include "base/error.h"
#include "base/mem.h"
#include "fake_terms.h"
#include "todo/key.h"
#include "todo/list_change.h"
#include "todo/list_term.h"
#include "wire/etf_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EXPANDED_MAX = 1 << 20 };

#define STRUCT "'__struct__' => 'Elixir.Todo.List', "

static void assert_term(struct buf *out, const char *expected)
{
    struct slice wanted = fake_term(expected);
    assert_int_equal(out->size, wanted.size);
    assert_memory_equal(out->data, wanted.data, wanted.size);
    buf_clear(out);
    fake_free(wanted);
}

static uint64_t add(struct todo_list *list, const char *entry)
{
    uint64_t id = 0;
    struct slice term = fake_term(entry);
    assert_int_equal(list_add(list, term, &id), 0);
    fake_free(term);
    return id;
}

/* 131 and the list of a text, "" for no value. */
static struct buf value_of(const char *list)
{
    struct buf value = BUF_EMPTY;
    if (*list != '\0') {
        etf_write_version(&value);
        fake_term_append(&value, list);
    }
    return value;
}

static void assert_folded(const char *value, const char *changes, const char *expected)
{
    struct buf before = value_of(value);
    struct buf wanted = value_of(expected);
    struct buf out = BUF_EMPTY;
    struct slice terms = fake_term(changes);
    buf_append_u8(&out, 'x');
    assert_int_equal(list_fold(buf_slice(&before), terms, EXPANDED_MAX, &out), 0);
    assert_true(slice_equal(buf_slice_from(&out, 1), buf_slice(&wanted)));
    fake_free(terms);
    buf_release(&before);
    buf_release(&wanted);
    buf_release(&out);
}

static void assert_not_folded(const char *value, struct slice changes)
{
    struct buf before = value_of(value);
    struct buf out = BUF_EMPTY;
    buf_append_u8(&out, 'x');
    assert_int_equal(list_fold(buf_slice(&before), changes, EXPANDED_MAX, &out), ERR_CORRUPT);
    assert_int_equal(out.size, 1);
    buf_release(&before);
    buf_release(&out);
}

static void list_change__operations__are_terms(void **state)
{
    struct todo_list list;
    struct buf out = BUF_EMPTY;
    struct slice key = fake_term("<<\"bob\">>");
    list_init(&list);
    add(&list, "#{date => 1}");
    add(&list, "#{date => 2}");
    list_change_begin(key, &out);
    list_change_add(&list, 1, 2, &out);
    assert_term(&out, "{add, 1, [#{date => 1, id => 1}, #{date => 2, id => 2}]}");
    list_change_update(&list, 2, &out);
    assert_term(&out, "{update, 2, #{date => 2, id => 2}}");
    list_change_delete(1, &out);
    assert_term(&out, "{delete, 1}");
    list_change_add(&list, 3, 0, &out);
    assert_term(&out, "{add, 3, []}");
    list_change_replace(&list, &out);
    assert_term(&out, "{replace, #{" STRUCT "entries => #{1 => #{date => 1, id => 1}, "
                      "2 => #{date => 2, id => 2}}, next_id => 3}}");
    fake_free(key);
    buf_release(&out);
    list_release(&list);
}

static void assert_events(const char *change, const char *expected)
{
    struct list_event event;
    struct buf out = BUF_EMPTY;
    struct slice term = fake_term(change), wanted = fake_term(expected);
    list_event_begin(&event, term);
    while (list_event_next(&event)) {
        etf_write_tuple(&out, 2);
        etf_write_atom(&out, event.tag);
        etf_write_term(&out, event.value);
    }
    assert_false(list_event_next(&event));
    etf_write_nil(&out);
    if (out.size > 1) /* the text's is a list of one or two */
        wanted = slice_of(wanted.data + 5, wanted.size - 5);
    assert_true(slice_equal(buf_slice(&out), wanted));
    if (out.size > 1)
        wanted = slice_of(wanted.data - 5, wanted.size + 5);
    fake_free(wanted);
    fake_free(term);
    buf_release(&out);
}

static void list_event__each_change__is_told_entry_by_entry(void **state)
{
    assert_events("{add, 3, []}", "[]");
    assert_events("{add, 3, [#{id => 3}, #{id => 4}]}", "[{add_entry, #{id => 3}}, {add_entry, #{id => 4}}]");
    assert_events("{update, 3, #{id => 3}}", "[{update_entry, #{id => 3}}]");
    assert_events("{delete, 300}", "[{delete_entry, 300}]");
    assert_events("{replace, #{next_id => 3}}", "[{replace, #{next_id => 3}}]");
    assert_events("{key, <<\"long\">>, {delete, 3}}", "[{delete_entry, 3}]");
    assert_events("{key, <<\"long\">>, {add, 3, [x]}}", "[{add_entry, x}]");
}

static void list_fold__no_value__starts_a_list(void **state)
{
    assert_folded("", "{add, 1, [#{date => 1, id => 1}]}",
                  "#{" STRUCT "entries => #{1 => #{date => 1, id => 1}}, next_id => 2}");
    assert_folded("", "{delete, 1}", "#{" STRUCT "entries => #{}, next_id => 1}");
}

static void list_fold__value__is_changed(void **state)
{
    static const char before[] =
        "#{" STRUCT "entries => #{1 => #{date => 1, id => 1}, 3 => #{date => 3, id => 3}}, next_id => 5}";
    assert_folded(before, "{add, 5, [#{date => 5, id => 5}]}",
                  "#{" STRUCT "entries => #{1 => #{date => 1, id => 1}, 3 => #{date => 3, id => 3}, "
                  "5 => #{date => 5, id => 5}}, next_id => 6}");
    assert_folded(before, "{update, 1, #{date => 9, id => 1}}",
                  "#{" STRUCT
                  "entries => #{1 => #{date => 9, id => 1}, 3 => #{date => 3, id => 3}}, next_id => 5}");
    assert_folded(before, "{delete, 3}",
                  "#{" STRUCT "entries => #{1 => #{date => 1, id => 1}}, next_id => 5}");
}

static void list_fold__book_value__is_written_as_the_newer_book_does(void **state)
{
    assert_folded("#{auto_id => 2, entries => #{1 => #{x => 1}}}", "{delete, 7}",
                  "#{" STRUCT "entries => #{1 => #{id => 1, x => 1}}, next_id => 2}");
}

static void list_fold__change_already_made__has_no_effect(void **state)
{
    static const char before[] = "#{" STRUCT "entries => #{2 => #{date => 2, id => 2}}, next_id => 3}";
    assert_folded(before, "{add, 1, [#{date => 1, id => 1}]}", before); /* it was deleted later */
    assert_folded(before, "{update, 1, #{date => 1, id => 1}}", before);
    assert_folded(before, "{delete, 1}", before);
    assert_folded(before, "{add, 1, [#{date => 1, id => 1}, #{date => 2, id => 2}]}", before);
}

static void list_fold__replaced__is_another_list(void **state)
{
    static const char before[] = "#{" STRUCT "entries => #{7 => #{date => 2, id => 7}}, next_id => 9}";
    static const char after[] =
        "#{" STRUCT "entries => #{1 => #{date => b, id => 1}, 2 => #{date => c, id => 2}}, "
        "next_id => 3}";
    static const char changes[] = "{add, 9, [#{date => a, id => 9}]}";
    static const char replace[] = "{replace, #{entries => #{1 => #{date => b, id => 1}}, next_id => 2}}";
    struct buf all = BUF_EMPTY;
    fake_term_append(&all, changes);
    fake_term_append(&all, replace);
    fake_term_append(&all, "{add, 2, [#{date => c, id => 2}]}");
    const char *const values[] = {"", before, after}; /* after: all changes are in it already */
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct buf value = value_of(values[i]), wanted = value_of(after), out = BUF_EMPTY;
        assert_int_equal(list_fold(buf_slice(&value), buf_slice(&all), EXPANDED_MAX, &out), 0);
        assert_true(slice_equal(buf_slice(&out), buf_slice(&wanted)));
        buf_release(&value);
        buf_release(&wanted);
        buf_release(&out);
    }
    buf_release(&all);
}

static void list_fold__replaced_by_no_list__is_corrupt(void **state)
{
    static const char *const changes[] = {"{replace, x}", "{replace, #{entries => #{}}}", "{replace, 1, 2}"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct slice change = fake_term(changes[i]);
        assert_not_folded("#{" STRUCT "entries => #{}, next_id => 1}", change);
        fake_free(change);
    }
}

static void list_fold__several_changes__are_made_in_order(void **state)
{
    struct buf changes = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    struct buf expected = value_of("#{" STRUCT "entries => #{2 => #{date => 7, id => 2}}, next_id => 3}");
    fake_term_append(&changes, "{add, 1, [#{date => 1, id => 1}]}");
    fake_term_append(&changes, "{add, 2, [#{date => 2, id => 2}]}");
    fake_term_append(&changes, "{update, 2, #{date => 7, id => 2}}");
    fake_term_append(&changes, "{delete, 1}");
    assert_int_equal(list_fold(slice_of(NULL, 0), buf_slice(&changes), EXPANDED_MAX, &out), 0);
    assert_true(slice_equal(buf_slice(&out), buf_slice(&expected)));
    for (size_t size = 1; size < changes.size; size++) {
        struct todo_list list;
        buf_clear(&out);
        int rc = list_fold(slice_of(NULL, 0), slice_of(changes.data, size), EXPANDED_MAX, &out);
        assert_true(rc == 0 || (rc == ERR_CORRUPT && out.size == 0));
        if (rc == 0) { /* cut between two changes */
            assert_int_equal(list_from_value(buf_slice(&out), EXPANDED_MAX, &list, NULL), 0);
            list_release(&list);
        }
    }
    buf_release(&changes);
    buf_release(&out);
    buf_release(&expected);
}

static void list_fold__no_changes__are_corrupt(void **state)
{
    static const char *const changes[] = {"nil",
                                          "{add, 1}",
                                          "{add, 0, [#{date => 1}]}",
                                          "{add, -1, [#{date => 1}]}",
                                          "{add, x, [#{date => 1}]}",
                                          "{add, 1, #{date => 1}}",
                                          "{add, 1, [x]}",
                                          "{add, 1, \"abc\"}",
                                          "{add, 9223372036854775807, [#{date => 1}]}",
                                          "{add, 9223372036854775806, [#{date => 1}, #{date => 1}]}",
                                          "{update, 1, x}",
                                          "{update, 0, #{date => 1}}",
                                          "{delete, x}",
                                          "{delete, 1, 2}",
                                          "{key, {bad}, {delete, 1}}",
                                          "{key, a, {key, b, {delete, 1}}}",
                                          "{frob, 1}"};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct slice term = fake_term(changes[i]);
        assert_not_folded("", term);
        fake_free(term);
    }
    assert_not_folded("", slice_of("\x83j", 2));
}

static void list_fold__value_is_no_list__is_corrupt(void **state)
{
    static const char *const values[] = {"nil", "[]", "#{entries => [], next_id => 1}", "{foreign, term}"};
    struct slice change = fake_term("{add, 1, [#{date => 1}]}");
    struct buf out = BUF_EMPTY;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_not_folded(values[i], change);
    assert_int_equal(list_fold(slice_of("half", 4), change, EXPANDED_MAX, &out), ERR_CORRUPT);
    assert_int_equal(out.size, 0);
    fake_free(change);
    buf_release(&out);
}

/* The file of a long key carries the key from its first change on. */
static void list_fold__long_key__is_carried(void **state)
{
    struct todo_list list;
    struct buf key = BUF_EMPTY;
    struct buf change = BUF_EMPTY;
    struct buf first = BUF_EMPTY;
    struct buf second = BUF_EMPTY;
    struct buf expected = BUF_EMPTY;
    struct buf found = BUF_EMPTY;
    char text[300];
    char name[KEY_NAME_ROOM];
    memset(text, '/', sizeof text);
    etf_write_binary(&key, slice_of(text, sizeof text));
    key_file_name(buf_slice(&key), name);
    list_init(&list);
    add(&list, "#{date => 1}");
    list_change_begin(buf_slice(&key), &change);
    list_change_add(&list, 1, 1, &change);
    assert_int_equal(list_fold(slice_of(NULL, 0), buf_slice(&change), EXPANDED_MAX, &first), 0);
    list_write_value(&list, buf_slice(&key), &expected);
    assert_true(slice_equal(buf_slice(&first), buf_slice(&expected)));
    assert_int_equal(key_from_file(name, buf_slice(&first), EXPANDED_MAX, &found), 0);
    assert_true(slice_equal(buf_slice(&found), buf_slice(&key)));

    buf_clear(&change);
    list_change_delete(1, &change); /* even a change without the key keeps it */
    assert_int_equal(list_fold(buf_slice(&first), buf_slice(&change), EXPANDED_MAX, &second), 0);
    assert_true(list_delete(&list, 1));
    buf_clear(&expected);
    list_write_value(&list, buf_slice(&key), &expected);
    assert_true(slice_equal(buf_slice(&second), buf_slice(&expected)));
    list_release(&list);
    buf_release(&key);
    buf_release(&change);
    buf_release(&first);
    buf_release(&second);
    buf_release(&expected);
    buf_release(&found);
}

static void list_fold__bytes_behind_the_value__are_dropped(void **state)
{
    struct buf value = value_of("#{entries => #{}, next_id => 4}");
    struct buf expected = value_of("#{" STRUCT "entries => #{}, next_id => 4}");
    struct buf out = BUF_EMPTY;
    struct slice change = fake_term("{delete, 1}");
    buf_append(&value, "\x83junk", 5);
    assert_int_equal(list_fold(buf_slice(&value), change, EXPANDED_MAX, &out), 0);
    assert_true(slice_equal(buf_slice(&out), buf_slice(&expected)));
    fake_free(change);
    buf_release(&value);
    buf_release(&expected);
    buf_release(&out);
}

/* --- random changes: the fold of them, and of any suffix of them again, is the list --- */

enum { STEPS = 200 };

static void random_change(struct todo_list *list, unsigned step, struct buf *change)
{
    char text[64];
    uint64_t first;
    uint32_t count;
    uint64_t id = (uint64_t)random() % list_next_id(list);
    snprintf(text, sizeof text, "#{date => %u, step => %u}", step % 3, step);
    struct slice entry = fake_term(text);
    snprintf(text, sizeof text, "[#{date => %u}, #{date => 7}]", step);
    struct slice entries = fake_term(text);
    switch (random() % 4) {
    case 0:
        assert_int_equal(list_add_all(list, entries, &first, &count), 0);
        list_change_add(list, first, count, change);
        break;
    case 1:
        assert_int_equal(list_add(list, entry, &first), 0);
        list_change_add(list, first, 1, change);
        break;
    case 2:
        if (list_update(list, id, entry) == 0) {
            list_change_update(list, id, change);
            break;
        } /* FALLTHROUGH */
    default:
        list_delete(list, id);
        list_change_delete(id, change);
    }
    fake_free(entry);
    fake_free(entries);
}

static void list_fold__random_changes_and_any_suffix_again__is_the_list(void **state)
{
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srandom(seed);
    struct todo_list list;
    struct buf changes = BUF_EMPTY;
    struct buf folded = BUF_EMPTY;
    struct buf expected = BUF_EMPTY;
    struct buf again = BUF_EMPTY;
    size_t starts[STEPS];
    list_init(&list);
    for (unsigned step = 0; step < STEPS; step++) {
        struct buf next = BUF_EMPTY;
        starts[step] = changes.size;
        random_change(&list, step, &changes);
        assert_int_equal(
            list_fold(buf_slice(&folded), buf_slice_from(&changes, starts[step]), EXPANDED_MAX, &next), 0);
        buf_release(&folded);
        folded = next;
        buf_clear(&expected);
        list_write_value(&list, slice_of("", 0), &expected);
        assert_true(slice_equal(buf_slice(&folded), buf_slice(&expected)));
    }
    for (unsigned step = 0; step < STEPS; step++) {
        buf_clear(&again);
        assert_int_equal(
            list_fold(buf_slice(&folded), buf_slice_from(&changes, starts[step]), EXPANDED_MAX, &again), 0);
        assert_true(slice_equal(buf_slice(&again), buf_slice(&expected)));
    }
    list_release(&list);
    buf_release(&changes);
    buf_release(&folded);
    buf_release(&expected);
    buf_release(&again);
}

enum { MANY = 4000, SLICES_MIN = 4 };

static void add_one(struct todo_list *list, const char *text, struct buf *changes)
{
    struct slice entry = fake_term(text);
    uint64_t id;
    assert_int_equal(list_add(list, entry, &id), 0);
    if (changes != NULL)
        list_change_add(list, id, 1, changes);
    fake_free(entry);
}

static void update_one(struct todo_list *list, uint64_t id, struct buf *changes)
{
    struct slice entry = fake_term("#{date => 2}");
    if (list_update(list, id, entry) == 0)
        list_change_update(list, id, changes);
    fake_free(entry);
}

static void delete_one(struct todo_list *list, uint64_t id, struct buf *changes)
{
    if (list_delete(list, id))
        list_change_delete(id, changes);
}

/* Before and behind where the next slice begins, and at the end. */
static void change_between(struct todo_list *list, unsigned slice, struct buf *changes)
{
    for (unsigned i = 0; i < 10; i++) {
        update_one(list, 1 + slice + 397 * i, changes);
        delete_one(list, 2 + slice + 397 * i, changes);
    }
    add_one(list, "#{date => 3}", changes);
    add_one(list, "#{date => 4}", changes);
    delete_one(list, list->next_id - 1, changes);
}

/* changes NULL: none are made. Returns how many slices it were. */
static unsigned write_slices(struct todo_list *list, struct buf *changes, struct buf *out)
{
    uint64_t last = 0;
    unsigned slices = 1;
    while (list_write_some(list, slice_of("", 0), &last, out)) {
        if (changes != NULL)
            change_between(list, slices, changes);
        slices++;
    }
    return slices;
}

static void write_some__no_changes__the_value(void **state)
{
    struct todo_list list;
    struct buf slices = BUF_EMPTY, whole = BUF_EMPTY;
    list_init(&list);
    for (unsigned entries = 0; entries <= MANY; entries++) {
        if (entries < 3 || entries == 1024 || entries == 1025 || entries == MANY) {
            buf_clear(&slices);
            buf_clear(&whole);
            assert_in_range(write_slices(&list, NULL, &slices), entries / 1024,
                            entries / 1024 + 1 + entries / 2048);
            list_write_value(&list, slice_of("", 0), &whole);
            assert_true(slice_equal(buf_slice(&slices), buf_slice(&whole)));
        }
        add_one(&list, "#{date => 1}", NULL);
    }
    list_release(&list);
    buf_release(&slices);
    buf_release(&whole);
}

static void write_some__changes_in_between__with_them_again_the_list(void **state)
{
    struct todo_list list;
    struct buf slices = BUF_EMPTY, changes = BUF_EMPTY, folded = BUF_EMPTY, whole = BUF_EMPTY;
    list_init(&list);
    for (unsigned i = 0; i < MANY; i++)
        add_one(&list, "#{date => 1}", NULL);
    assert_true(write_slices(&list, &changes, &slices) >= SLICES_MIN);
    assert_int_equal(list_fold(buf_slice(&slices), buf_slice(&changes), 1 << 24, &folded), 0);
    list_write_value(&list, slice_of("", 0), &whole);
    assert_false(slice_equal(buf_slice(&slices), buf_slice(&whole)));
    assert_true(slice_equal(buf_slice(&folded), buf_slice(&whole)));
    list_release(&list);
    buf_release(&slices);
    buf_release(&changes);
    buf_release(&folded);
    buf_release(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_some__no_changes__the_value),
        cmocka_unit_test(write_some__changes_in_between__with_them_again_the_list),
        cmocka_unit_test(list_change__operations__are_terms),
        cmocka_unit_test(list_event__each_change__is_told_entry_by_entry),
        cmocka_unit_test(list_fold__no_value__starts_a_list),
        cmocka_unit_test(list_fold__value__is_changed),
        cmocka_unit_test(list_fold__book_value__is_written_as_the_newer_book_does),
        cmocka_unit_test(list_fold__change_already_made__has_no_effect),
        cmocka_unit_test(list_fold__replaced__is_another_list),
        cmocka_unit_test(list_fold__replaced_by_no_list__is_corrupt),
        cmocka_unit_test(list_fold__several_changes__are_made_in_order),
        cmocka_unit_test(list_fold__no_changes__are_corrupt),
        cmocka_unit_test(list_fold__value_is_no_list__is_corrupt),
        cmocka_unit_test(list_fold__long_key__is_carried),
        cmocka_unit_test(list_fold__bytes_behind_the_value__are_dropped),
        cmocka_unit_test(list_fold__random_changes_and_any_suffix_again__is_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
