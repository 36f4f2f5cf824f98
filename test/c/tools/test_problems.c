/* Lines about problems. */
#include "tools/problems.h"

#include "unit.h"

#include <stdlib.h>

static void problems__told__one_line_each_and_counted(void **state)
{
    char *text = NULL;
    size_t size;
    struct problems problems = {.out = open_memstream(&text, &size)};
    assert_non_null(problems.out);
    problems_tell(&problems, "bob", "cannot be read: %s", "why");
    problems_tell_at(&problems, "a\nb\x1b[2J\x7f", 7, "wrong");
    fclose(problems.out);
    assert_int_equal(problems.count, 2);
    assert_string_equal(text, "bob: cannot be read: why\na?b?[2J?: offset 7: wrong\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems__told__one_line_each_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
