/* Shares: who has the most. */
#include "runtime/shares.h"

#include "unit.h"

static void is_largest__nobody_has_any__if_there_is_nothing_else(void **state)
{
    struct shares shares = {0};
    assert_true(shares_is_largest(&shares, 1, 0));
    assert_false(shares_is_largest(&shares, 1, 1));
    shares_release(&shares);
}

static void is_largest__several__who_has_most_and_who_has_as_much(void **state)
{
    struct shares shares = {0};
    shares_add(&shares, 1, 10);
    shares_add(&shares, 2, 20);
    shares_add(&shares, 3, 15);
    assert_false(shares_is_largest(&shares, 1, 45));
    assert_true(shares_is_largest(&shares, 2, 45));
    assert_true(shares_is_largest(&shares, 2, 65)); /* 20 are nobody's */
    assert_false(shares_is_largest(&shares, 2, 66));
    shares_add(&shares, 3, 5);
    assert_true(shares_is_largest(&shares, 2, 50));
    assert_true(shares_is_largest(&shares, 3, 50));
    assert_false(shares_is_largest(&shares, 4, 50));
    shares_release(&shares);
}

static void take__all_in_any_order__nothing_is_left(void **state)
{
    enum { OWNERS = 100 };
    struct shares shares = {0};
    for (uint32_t i = 1; i <= OWNERS; i++)
        shares_add(&shares, i, i);
    for (uint32_t i = 1; i <= OWNERS; i += 2)
        shares_take(&shares, i, i);
    assert_int_equal(shares.count, OWNERS / 2);
    assert_true(shares_is_largest(&shares, OWNERS, OWNERS / 2 * (OWNERS / 2 + 1)));
    shares_take(&shares, OWNERS, 3);
    assert_false(
        shares_is_largest(&shares, OWNERS, OWNERS / 2 * (OWNERS / 2 + 1) - 3)); /* 97 of who has 98 */
    shares_take(&shares, OWNERS, OWNERS - 3);
    for (uint32_t i = OWNERS - 2; i > 0; i -= 2)
        shares_take(&shares, i, i);
    assert_int_equal(shares.count, 0);
    shares_release(&shares);
}

static void add__nothing__is_no_share(void **state)
{
    struct shares shares = {0};
    shares_add(&shares, 1, 0);
    shares_take(&shares, 1, 0);
    assert_int_equal(shares.count, 0);
    shares_release(&shares);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_largest__nobody_has_any__if_there_is_nothing_else),
        cmocka_unit_test(is_largest__several__who_has_most_and_who_has_as_much),
        cmocka_unit_test(take__all_in_any_order__nothing_is_left),
        cmocka_unit_test(add__nothing__is_no_share),
    };
    return cmocka_run_group_tests_name("shares", tests, NULL, NULL);
}
