#include "runtime/pacing.h"

#include "base/buf.h"
#include "unit.h"
#include "wire/etf_write.h"
#include "wire/pid.h"

static uint64_t clock_ns;

static uint64_t now_ns(void)
{
    return clock_ns;
}

static void request(struct pacing *pacing, uint32_t caller)
{
    struct buf atom = BUF_EMPTY, term = BUF_EMPTY;
    etf_write_atom(&atom, "client@host");
    pid_write(&term, &(struct pid){.node = buf_slice(&atom), .id = 90 + caller, .creation = 7});
    pacing_request(pacing, buf_slice(&term));
    buf_release(&term);
    buf_release(&atom);
}

/* That many turns in which each of the callers asks once, a turn every turn_ns; how many ended in a rest. */
static unsigned turns(struct pacing *pacing, unsigned count, uint32_t callers, uint64_t turn_ns)
{
    unsigned rests = 0;
    for (unsigned i = 0; i < count; i++) {
        for (uint32_t caller = 0; caller < callers; caller++)
            request(pacing, caller);
        clock_ns += turn_ns;
        rests += pacing_turn(pacing, now_ns);
    }
    return rests;
}

static int reset(void **state)
{
    clock_ns = 1000000000;
    return 0;
}

static void pacing_turn__up_to_eight_callers__never_rests(void **state)
{
    for (uint32_t callers = 1; callers <= 8; callers++) {
        struct pacing pacing = {0};
        assert_int_equal(turns(&pacing, 10000, callers, 20000), 0);
    }
}

static void pacing_turn__many_callers__rests_from_the_second_window_on(void **state)
{
    for (uint32_t callers = 16; callers < PACING_TURN_ENOUGH; callers *= 2) {
        struct pacing pacing = {0};
        assert_true(turns(&pacing, 1000, callers, 100000) >= 1000 - 2 * PACING_WINDOW / 16);
    }
}

static void pacing_turn__turns_of_many_requests__never_rests(void **state)
{
    struct pacing pacing = {0};
    assert_int_equal(turns(&pacing, 1000, PACING_TURN_ENOUGH, 100000), 0);
    assert_int_equal(turns(&pacing, 10, PACING_TURN_ENOUGH - 1, 100000), 10);
}

static void pacing_turn__many_callers_one_a_turn__rests_and_sees_that_it_was_in_vain(void **state)
{
    struct pacing pacing = {0};
    unsigned rests = 0;
    for (uint32_t i = 0; i < 100 * PACING_WINDOW; i++) {
        request(&pacing, i);
        clock_ns += 10000;
        rests += pacing_turn(&pacing, now_ns);
    }
    assert_true(rests > 0 && rests <= 100);
}

static void pacing_turn__many_callers_who_seldom_ask__never_rests(void **state)
{
    struct pacing pacing = {0};
    assert_int_equal(turns(&pacing, 1000, 32, PACING_WINDOW_NS), 0);
}

static void pacing_turn__load_is_over__rests_no_more(void **state)
{
    struct pacing pacing = {0};
    assert_true(turns(&pacing, 100, 64, 100000) > 0);
    clock_ns += PACING_WINDOW_NS;
    assert_int_equal(turns(&pacing, 1000, 1, 80000), 0);
}

static void pacing_turn__nothing_has_come__does_not_ask_for_the_time(void **state)
{
    struct pacing pacing = {0};
    assert_false(pacing_turn(&pacing, NULL));
    pacing_request(&pacing, slice_of(NULL, 0));
    assert_false(pacing_turn(&pacing, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(pacing_turn__up_to_eight_callers__never_rests, reset),
        cmocka_unit_test_setup(pacing_turn__many_callers__rests_from_the_second_window_on, reset),
        cmocka_unit_test_setup(pacing_turn__turns_of_many_requests__never_rests, reset),
        cmocka_unit_test_setup(pacing_turn__many_callers_one_a_turn__rests_and_sees_that_it_was_in_vain,
                               reset),
        cmocka_unit_test_setup(pacing_turn__many_callers_who_seldom_ask__never_rests, reset),
        cmocka_unit_test_setup(pacing_turn__load_is_over__rests_no_more, reset),
        cmocka_unit_test_setup(pacing_turn__nothing_has_come__does_not_ask_for_the_time, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
