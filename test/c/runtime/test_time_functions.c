#include "runtime/time_functions.h"

#include "runtime/fake_rpc.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <time.h>

static void system_time__units__are_parts_of_a_second(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "system_time", "[]", "return %");
    fake_expect_apply(f, "erlang", "system_time", "[millisecond]", "return %");
    fake_expect_apply(f, "erlang", "monotonic_time", "[10]", "return %");
    fake_expect_apply(f, "erlang", "timestamp", "[]", "return {%,%,%}");
}

static void system_time__no_unit__badarg(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "system_time", "[0]",
                      "error badarg [{erlang,system_time,[0],[{error_info,#{module=>erl_erts_errors}}]}]");
    fake_expect_apply(
        f, "erlang", "monotonic_time", "[foo]",
        "error badarg [{erlang,monotonic_time,[foo],[{error_info,#{module=>erl_erts_errors}}]}]");
}

static void time_write_timestamp__now__is_the_clock(void **state)
{
    struct buf out = BUF_EMPTY;
    time_t before = time(NULL);
    time_write_timestamp(&out);
    time_t after = time(NULL);
    struct slice cursor = buf_slice(&out);
    uint32_t arity;
    uint64_t mega, seconds, micro;
    assert_true(etf_read_tuple(&cursor, &arity));
    assert_int_equal(arity, 3);
    assert_true(etf_read_uint64(&cursor, &mega) && etf_read_uint64(&cursor, &seconds) &&
                etf_read_uint64(&cursor, &micro));
    assert_in_range(mega * 1000000 + seconds, (uint64_t)before, (uint64_t)after);
    assert_true(seconds < 1000000 && micro < 1000000);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(system_time__units__are_parts_of_a_second),
        FAKE_RPC_TEST(system_time__no_unit__badarg),
        FAKE_RPC_TEST(time_write_timestamp__now__is_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
