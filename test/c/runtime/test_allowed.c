#include "runtime/allowed.h"

#include "unit.h"

static bool allows(const char *const *entries, unsigned count, const char *node)
{
    const struct allowed allowed = {.entries = entries, .count = count};
    return allowed_node(&allowed, slice_of_text(node));
}

static void allowed_node__no_list__all(void **state)
{
    assert_true(allows(NULL, 0, "a@b"));
}

static void allowed_node__list__its_nodes_and_hosts_only(void **state)
{
    static const char *const entries[] = {"a@one", "two"};
    assert_true(allows(entries, 2, "a@one"));
    assert_true(allows(entries, 2, "any@two"));
    assert_false(allows(entries, 2, "b@one"));
    assert_false(allows(entries, 2, "a@onetwo"));
    assert_false(allows(entries, 2, "a@on"));
    assert_false(allows(entries, 2, "two@three"));
    assert_false(allows(entries, 2, "A@one"));
}

static void allowed_entry_ok__names_and_hosts__nothing_else(void **state)
{
    assert_true(allowed_entry_ok(slice_of_text("a@b.c")));
    assert_true(allowed_entry_ok(slice_of_text("b.c")));
    assert_false(allowed_entry_ok(slice_of_text("")));
    assert_false(allowed_entry_ok(slice_of_text("@b")));
    assert_false(allowed_entry_ok(slice_of_text("a@")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allowed_node__no_list__all),
        cmocka_unit_test(allowed_node__list__its_nodes_and_hosts_only),
        cmocka_unit_test(allowed_entry_ok__names_and_hosts__nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
