/* The line of a progress bar. That it is drawn on terminals only is tools_SUITE's. */
#include "tools/progress.h"

#include "unit.h"

static void expect(uint64_t done, uint64_t total, const char *line)
{
    struct progress progress = {.what = "check", .done = done, .total = total};
    char text[PROGRESS_ROOM];
    progress_text(&progress, text);
    assert_string_equal(text, line);
}

static void progress__parts__of_the_bar(void **state)
{
    expect(0, 8, "check [                              ]   0% 0/8");
    expect(4, 8, "check [===============               ]  50% 4/8");
    expect(8, 8, "check [==============================] 100% 8/8");
}

static void progress__nothing_to_do_or_more_than_expected__is_full(void **state)
{
    expect(0, 0, "check [==============================] 100% 0/0");
    expect(9, 8, "check [==============================] 100% 8/8");
}

static void progress__largest_numbers__fit(void **state)
{
    expect(UINT64_MAX, UINT64_MAX,
           "check [==============================] 100% 18446744073709551615/18446744073709551615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress__parts__of_the_bar),
        cmocka_unit_test(progress__nothing_to_do_or_more_than_expected__is_full),
        cmocka_unit_test(progress__largest_numbers__fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
