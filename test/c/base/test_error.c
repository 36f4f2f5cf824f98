/* The error table: codes, atoms and texts that belong together. */
#include "base/error.h"

#include "unit.h"

#include <errno.h>
#include <string.h>

static const int codes[] = {
#define CODE(name, value, atom, text) name,
    ERROR_TABLE(CODE)
#undef CODE
};

enum { CODES = sizeof codes / sizeof *codes };

static void codes__ours__are_below_every_errno_and_distinct(void **state)
{
    for (int i = 0; i < CODES; i++) {
        assert_true(codes[i] <= -1000);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(codes[i], codes[j]);
    }
}

static void atom__ours__are_distinct_and_known(void **state)
{
    for (int i = 0; i < CODES; i++) {
        assert_string_not_equal(error_atom(codes[i]), "unknown");
        for (int j = 0; j < i; j++)
            assert_string_not_equal(error_atom(codes[i]), error_atom(codes[j]));
    }
    assert_string_equal(error_atom(ERR_PROTOCOL), "protocol");
}

static void atom__errno__is_spelled_as_posix(void **state)
{
    assert_string_equal(error_atom(-ENOSPC), "enospc");
    assert_string_equal(error_atom(-ENOENT), "enoent");
    assert_string_equal(error_atom(-EIO), "eio");
    assert_string_equal(error_atom(-ETIMEDOUT), "etimedout");
}

static void atom__neither__is_unknown(void **state)
{
    assert_string_equal(error_atom(0), "unknown");
    assert_string_equal(error_atom(-999), "unknown");
    assert_string_equal(error_atom(-1999), "unknown");
    assert_string_equal(error_atom(ENOSPC), "unknown");
}

static void text__every_code__is_one_line(void **state)
{
    for (int i = 0; i < CODES; i++) {
        assert_true(strlen(error_text(codes[i])) > 0);
        assert_null(strchr(error_text(codes[i]), '\n'));
    }
    assert_string_equal(error_text(-ENOENT), strerror(ENOENT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes__ours__are_below_every_errno_and_distinct),
        cmocka_unit_test(atom__ours__are_distinct_and_known),
        cmocka_unit_test(atom__errno__is_spelled_as_posix),
        cmocka_unit_test(atom__neither__is_unknown),
        cmocka_unit_test(text__every_code__is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
