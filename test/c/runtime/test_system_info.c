#include "runtime/system_info.h"

#include "runtime/fake_rpc.h"
#include "runtime/statistics.h"

#include <stdio.h>

static void expect_info(struct fake *f, const char *item, const char *value)
{
    char arguments[100], outcome[400];
    snprintf(arguments, sizeof arguments, "[%s]", item);
    snprintf(outcome, sizeof outcome, "return %s", value);
    fake_expect_apply(f, "erlang", "system_info", arguments, outcome);
}

static void system_info__processes__are_counted(void **state)
{
    struct fake *f = *state;
    expect_info(f, "process_count", "2"); /* rex and who asks */
    fake_probe(f);
    expect_info(f, "process_count", "3");
    expect_info(f, "process_limit", "4294967295");
}

static void system_info__what_a_c_node_has_not__is_none(void **state)
{
    struct fake *f = *state;
    expect_info(f, "port_count", "0");
    expect_info(f, "ets_count", "0");
    expect_info(f, "atom_count", "0");
    expect_info(f, "dirty_cpu_schedulers", "0");
    expect_info(f, "schedulers", "1");
    expect_info(f, "multi_scheduling", "disabled");
}

static void system_info__texts__are_charlists(void **state)
{
    struct fake *f = *state;
    expect_info(f, "version", "\"1.2.3\"");
    expect_info(f, "machine", "\"test\"");
    expect_info(f, "otp_release", "\"25\"");
}

static void system_info__wordsize__of_the_machine(void **state)
{
    struct fake *f = *state;
    expect_info(f, "wordsize", sizeof(void *) == 8 ? "8" : "4");
    expect_info(f, "{wordsize,internal}", sizeof(void *) == 8 ? "8" : "4");
    fake_expect_apply(
        f, "erlang", "system_info", "[{wordsize,foo}]",
        "error badarg [{erlang,system_info,[{wordsize,foo}],[{error_info,#{module=>erl_erts_errors}}]}]");
}

static void system_info__limit_of_output__is_that_of_connections(void **state)
{
    struct fake *f = *state;
    expect_info(f, "dist_buf_busy_limit", "1000");
}

static void system_info__allocators__are_malloc(void **state)
{
    struct fake *f = *state;
    expect_info(f, "alloc_util_allocators", "[sys_alloc]");
    uint64_t used, held;
    if (memory_heap(&used, &held))
        expect_info(f, "{allocator_sizes,[sys_alloc]}",
                    "[{sys_alloc,[{instance,0,[{mbcs,[{blocks,[{sys_alloc,[{size,%,%,%}]}]},"
                    "{carriers_size,%,%,%}]}]}]}]");
    fake_expect_apply(f, "erlang", "system_info", "[{allocator_sizes,[sys_alloc,foo]}]",
                      "error badarg [{erlang,system_info,[{allocator_sizes,[sys_alloc,foo]}],"
                      "[{error_info,#{module=>erl_erts_errors}}]}]");
}

static void system_info__unknown_item__badarg(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "system_info", "[foo]",
                      "error badarg [{erlang,system_info,[foo],[{error_info,#{module=>erl_erts_errors}}]}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(system_info__processes__are_counted),
        FAKE_RPC_TEST(system_info__what_a_c_node_has_not__is_none),
        FAKE_RPC_TEST(system_info__texts__are_charlists),
        FAKE_RPC_TEST(system_info__wordsize__of_the_machine),
        FAKE_RPC_TEST(system_info__limit_of_output__is_that_of_connections),
        FAKE_RPC_TEST(system_info__allocators__are_malloc),
        FAKE_RPC_TEST(system_info__unknown_item__badarg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
