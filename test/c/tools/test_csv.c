/* Lines of a date and a title, the good and the bad. */
#include "tools/csv.h"

#include "base/error.h"
#include "unit.h"
#include "wire/etf_read.h"

#include <string.h>

/* The entry of that id has this date and title. */
static void expect(const struct todo_list *list, uint64_t id, const int64_t date[3], const char *title)
{
    static const char *const parts[] = {"year", "month", "day"};
    struct slice entry, value, found, bytes;
    int64_t number;
    assert_true(list_get(list, id, &entry));
    assert_true(etf_map_get(entry, "date", &value));
    assert_true(etf_map_get(value, "__struct__", &found));
    assert_true(etf_is_atom(found, "Elixir.Date"));
    assert_true(etf_map_get(value, "calendar", &found));
    assert_true(etf_is_atom(found, "Elixir.Calendar.ISO"));
    for (int i = 0; i < 3; i++) {
        assert_true(etf_map_get(value, parts[i], &found));
        assert_true(etf_read_int64(&found, &number));
        assert_int_equal(number, date[i]);
    }
    assert_true(etf_map_get(entry, "title", &value));
    assert_true(etf_read_binary(&value, &bytes));
    assert_true(slice_equal(bytes, slice_of_text(title)));
}

static void csv__lines__entries_in_their_order(void **state)
{
    struct todo_list list;
    unsigned long line;
    const char *error;
    list_init(&list);
    assert_int_equal(
        csv_read(slice_of_text("2023-12-19,Dentist\r\n\n2024-02-29,a, b\n0000-01-01,\n2000-02-29,x"), &list,
                 &line, &error),
        0);
    assert_int_equal(list_size(&list), 4);
    expect(&list, 1, (const int64_t[]){2023, 12, 19}, "Dentist");
    expect(&list, 2, (const int64_t[]){2024, 2, 29}, "a, b");
    expect(&list, 3, (const int64_t[]){0, 1, 1}, "");
    expect(&list, 4, (const int64_t[]){2000, 2, 29}, "x");
    list_release(&list);
}

static void csv__nothing__an_empty_list(void **state)
{
    struct todo_list list;
    unsigned long line;
    const char *error;
    list_init(&list);
    assert_int_equal(csv_read(slice_of_text(""), &list, &line, &error), 0);
    assert_int_equal(csv_read(slice_of_text("\r\n\n"), &list, &line, &error), 0);
    assert_int_equal(list_size(&list), 0);
    list_release(&list);
}

static void csv__bad_line__is_told_with_its_number(void **state)
{
    static const char *const lines[] = {
        "Dentist",      "2023-12-19",    "2023-12-19;x", "2023-2-19,x",  "2023-13-19,x",
        "2023-00-19,x", "2023-02-29,x",  "2100-02-29,x", "2023-04-31,x", "2023-04-00,x",
        "2023/12/19,x", " 2023-12-19,x", "date,title",   "2023-12-1a,x", "-"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct todo_list list;
        unsigned long line = 0;
        const char *error = NULL;
        char text[64] = "2023-12-19,a\n\n";
        strcat(text, lines[i]);
        list_init(&list);
        if (csv_read(slice_of_text(text), &list, &line, &error) != ERR_BADARG)
            fail_msg("accepted: %s", lines[i]);
        assert_int_equal(line, 3);
        assert_non_null(error);
        list_release(&list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv__lines__entries_in_their_order),
        cmocka_unit_test(csv__nothing__an_empty_list),
        cmocka_unit_test(csv__bad_line__is_told_with_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
