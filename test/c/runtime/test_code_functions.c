#include "runtime/code_functions.h"

#include "runtime/fake_rpc.h"

static void function_exported__of_the_tables(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "function_exported", "[observer_backend,procs_info,1]", "return true");
    fake_expect_apply(f, "erlang", "function_exported", "[observer_backend,procs_info,2]", "return false");
    fake_expect_apply(f, "erlang", "function_exported", "[rb,log_list,0]", "return false");
}

static void modules__that_have_functions__are_preloaded(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "code", "ensure_loaded", "[observer_backend]", "return {module,observer_backend}");
    fake_expect_apply(f, "code", "ensure_loaded", "[foo]", "return {error,nofile}");
    fake_expect_apply(f, "code", "which", "[erlang]", "return preloaded");
    fake_expect_apply(f, "code", "which", "[foo]", "return non_existing");
    fake_expect_apply(f, "code", "is_loaded", "[erlang]", "return {file,preloaded}");
    fake_expect_apply(f, "code", "is_loaded", "[foo]", "return false");
}

static void all_loaded__each_module_once(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "code", "all_loaded", "[]",
                      "return [{erlang,preloaded},{ets,preloaded},{os,preloaded},{persistent_term,preloaded},"
                      "{proc_lib,preloaded},{net_kernel,preloaded},{'Elixir.Process',preloaded},"
                      "{'Elixir.Node',preloaded},{'Elixir.System',preloaded},{code,preloaded},"
                      "{application,preloaded},{sys,preloaded},{observer_backend,preloaded},"
                      "{appmon_info,preloaded}]");
}

static void module_info__of_a_process_type__tells_its_behaviour(void **state)
{
    struct fake *f = *state;
    fake_top(f);
    fake_probe(f);
    fake_expect_apply(f, "fake_top", "module_info", "[attributes]", "return [{behaviour,[gen_server]}]");
    fake_expect_apply(f, "supervisor", "module_info", "[attributes]", "return [{behaviour,[gen_server]}]");
    fake_expect_apply(f, "probe", "module_info", "[attributes]", "return []");
    fake_expect_apply(f, "probe", "module_info", "[module]", "return probe");
    fake_expect_apply(f, "application", "module_info", "[exports]",
                      "return [{which_applications,0},{which_applications,1}]");
    fake_expect_apply(f, "probe", "module_info", "[foo]", "error undef [{probe,module_info,[foo],[]}]");
}

static void translate_initial_call__server_or_not(void **state)
{
    struct fake *f = *state;
    fake_top(f);
    fake_probe(f);
    fake_expect_apply(f, "proc_lib", "translate_initial_call", "[<0.2.0>]", "return {fake_top,init,1}");
    fake_expect_apply(f, "proc_lib", "translate_initial_call", "[<0.3.0>]", "return {proc_lib,init_p,5}");
    fake_expect_apply(f, "proc_lib", "translate_initial_call", "[<0.9.0>]", "return {proc_lib,init_p,5}");
    fake_expect_apply(f, "proc_lib", "get_label", "[<0.2.0>]", "return undefined");
}

static void which_applications__the_one(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "application", "which_applications", "[]", "return [{todo,\"Lists\",\"1.2.3\"}]");
    fake_expect_apply(f, "application", "which_applications", "[5000]",
                      "return [{todo,\"Lists\",\"1.2.3\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(function_exported__of_the_tables),
        FAKE_RPC_TEST(modules__that_have_functions__are_preloaded),
        FAKE_RPC_TEST(all_loaded__each_module_once),
        FAKE_RPC_TEST(module_info__of_a_process_type__tells_its_behaviour),
        FAKE_RPC_TEST(translate_initial_call__server_or_not),
        FAKE_RPC_TEST(which_applications__the_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
