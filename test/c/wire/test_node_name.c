/* Which names a node may have. */
#include "wire/node_name.h"

#include "base/mem.h"
#include "unit.h"

#include <string.h>

/* Asks with a block of exactly the name's size. */
static bool ok(bool (*question)(struct slice), const void *name, size_t size)
{
    uint8_t *exact = mem_dup(name, size);
    bool answer = question(slice_of(exact, size));
    mem_free(exact);
    return answer;
}

static void name_ok__alive_at_host__is_true(void **state)
{
    static const char *const names[] = {"a@b", "todo@localhost", "x-1_@host.example.org",
                                        "gr\xc3\xbc\xc3\x9f@h\xc3\xb6st", "a@::1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(ok(node_name_ok, names[i], strlen(names[i])));
}

static void name_ok__anything_else__is_false(void **state)
{
    static const char *const names[] = {
        "",      "@",     "a@",     "@b",      "ab",     "a@b@c",          "a@@b",
        "a b@c", "a@b\n", "a@\x7f", "a\xff@b", "a@\xc3", "a@\xed\xa0\x80", "a@\xc0\x80"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_false(ok(node_name_ok, names[i], strlen(names[i])));
    assert_false(ok(node_name_ok, "a@b\0c", 5));
    assert_false(node_name_ok(slice_of(NULL, 0)));
}

static void name_ok__255_characters__is_the_limit(void **state)
{
    char name[2000] = "a@";
    memset(name + 2, 'x', 1000);
    assert_true(ok(node_name_ok, name, 255));
    assert_false(ok(node_name_ok, name, 256));
    for (size_t i = 0; i < 254; i++)
        memcpy(name + 2 + 4 * i, "\xf0\x9f\x98\x80", 4);
    assert_true(ok(node_name_ok, name, 2 + 4 * 253));
    assert_false(ok(node_name_ok, name, 2 + 4 * 254));
    assert_false(ok(node_name_ok, name, sizeof name));
}

static void host_ok__no_at_and_not_empty__is_true(void **state)
{
    assert_true(ok(node_host_ok, "localhost", 9));
    assert_false(ok(node_host_ok, "", 0));
    assert_false(ok(node_host_ok, "a@b", 3));
    assert_false(ok(node_host_ok, "a b", 3));
    assert_false(ok(node_host_ok, "a\0b", 3));
    assert_false(node_host_ok(slice_of(NULL, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_ok__alive_at_host__is_true),
        cmocka_unit_test(name_ok__anything_else__is_false),
        cmocka_unit_test(name_ok__255_characters__is_the_limit),
        cmocka_unit_test(host_ok__no_at_and_not_empty__is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
