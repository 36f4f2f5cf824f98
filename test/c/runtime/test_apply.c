#include "runtime/apply.h"

#include "runtime/fake_rpc.h"

#include <stdio.h>

static void apply__known_function__its_value(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "node", "[]", "return us@host");
}

static void apply__unknown_function__undef_with_its_arguments(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "foo", "bar", "[1,x]", "error undef [{foo,bar,[1,x],[]}]");
    fake_expect_apply(f, "erlang", "node", "[1,2,3,4]", "error undef [{erlang,node,[1,2,3,4],[]}]");
}

static void apply__apply_of_apply__the_innermost_runs(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "apply", "[erlang,apply,[erlang,node,[]]]", "return us@host");
}

/* apply(erlang, apply, [erlang, apply, ... [erlang, node, []]]), nested so often. */
static void expect_nested(struct fake *f, unsigned depth, const char *outcome)
{
    struct buf arguments = BUF_EMPTY;
    for (unsigned i = 0; i < depth; i++)
        buf_append_slice(&arguments, slice_of_text("[erlang,apply,"));
    buf_append_slice(&arguments, slice_of_text("[erlang,node,[]]"));
    for (unsigned i = 0; i < depth; i++)
        buf_append_u8(&arguments, ']');
    buf_append_u8(&arguments, 0);
    fake_expect_apply(f, "erlang", "apply", (const char *)arguments.data, outcome);
    buf_release(&arguments);
}

static void apply__apply_nested_without_end__is_given_up(void **state)
{
    struct fake *f = *state;
    expect_nested(f, 50, "return us@host");
    expect_nested(f, 100, "error system_limit []");
}

static void apply__what_raises__its_class(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "throw", "[x]", "throw x");
    fake_expect_apply(f, "erlang", "exit", "[x]", "exit x");
    fake_expect_apply(f, "erlang", "error", "[x]", "error x []");
}

static void apply__no_atoms_or_no_list__badarg_of_apply(void **state)
{
    struct fake *f = *state;
    const char *const location = "[{error_info,#{module=>erl_erts_errors}}]";
    char outcome[200];
    snprintf(outcome, sizeof outcome, "error badarg [{erlang,apply,[1,node,[]],%s}]", location);
    fake_expect_apply(f, "1", "node", "[]", outcome);
    snprintf(outcome, sizeof outcome, "error badarg [{erlang,apply,[erlang,node,x],%s}]", location);
    fake_expect_apply(f, "erlang", "node", "x", outcome);
    snprintf(outcome, sizeof outcome, "error badarg [{erlang,apply,[erlang,node,[a|b]],%s}]", location);
    fake_expect_apply(f, "erlang", "node", "[a|b]", outcome);
}

static void apply__arguments_a_function_does_not_take__badarg_of_it(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "whereis", "[1]",
                      "error badarg [{erlang,whereis,[1],[{error_info,#{module=>erl_erts_errors}}]}]");
    fake_expect_apply(f, "'Elixir.Process'", "whereis", "[1]",
                      "error badarg [{erlang,whereis,[1],[{error_info,#{module=>erl_erts_errors}}]},"
                      "{'Elixir.Process',whereis,1,[]}]");
}

static void apply__no_fun__badfun(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "apply", "[1,[]]", "error {badfun,1} [{erlang,apply,2,[]}]");
}

static void apply__function_that_takes_longer__has_begun(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "sys", "get_state", "[rex]", "begun");
    fake_expect_apply(f, "sys", "get_state", "[1]",
                      "error badarg [{sys,get_state,[1],[{error_info,#{module=>erl_erts_errors}}]}]");
}

static void apply__module_info__of_every_module_here(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "rpc", "module_info", "[attributes]", "return [{behaviour,[gen_server]}]");
    fake_expect_apply(f, "foo", "module_info", "[attributes]",
                      "error undef [{foo,module_info,[attributes],[]}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(apply__known_function__its_value),
        FAKE_RPC_TEST(apply__unknown_function__undef_with_its_arguments),
        FAKE_RPC_TEST(apply__apply_of_apply__the_innermost_runs),
        FAKE_RPC_TEST(apply__apply_nested_without_end__is_given_up),
        FAKE_RPC_TEST(apply__what_raises__its_class),
        FAKE_RPC_TEST(apply__no_atoms_or_no_list__badarg_of_apply),
        FAKE_RPC_TEST(apply__arguments_a_function_does_not_take__badarg_of_it),
        FAKE_RPC_TEST(apply__no_fun__badfun),
        FAKE_RPC_TEST(apply__function_that_takes_longer__has_begun),
        FAKE_RPC_TEST(apply__module_info__of_every_module_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
