#include "runtime/rpc_functions.h"

#include "runtime/fake_rpc.h"
#include "runtime/registry.h"
#include "wire/etf_write.h"

static bool is_found(const char *module, const char *name, unsigned arity)
{
    struct buf m = BUF_EMPTY, n = BUF_EMPTY;
    etf_write_atom(&m, module);
    etf_write_atom(&n, name);
    bool found = function_find(buf_slice(&m), buf_slice(&n), arity) != NULL;
    buf_release(&m);
    buf_release(&n);
    return found;
}

static void function_find__module_name_and_arity__all_count(void **state)
{
    assert_true(is_found("erlang", "nodes", 1));
    assert_false(is_found("erlang", "nodes", 2));
    assert_false(is_found("net_kernel", "nodes", 1));
    assert_false(is_found("erlang", "node1", 1));
}

static void function_next__all__each_is_found_again(void **state)
{
    const struct function *function;
    uint32_t count = 0;
    for (uint32_t index = 0; (function = function_next(&index)) != NULL; count++) {
        assert_true(function->arity <= FUNCTION_ARITY_MAX);
        assert_true((function->call == NULL) != (function->begin == NULL));
        assert_true(is_found(function->module, function->name, function->arity));
    }
    assert_true(count > 40);
}

static void nodes__types__are_united(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "nodes", "[]", "return []");
    fake_expect_apply(f, "erlang", "nodes", "[hidden]", "return [a@host,b@host]");
    fake_expect_apply(f, "erlang", "nodes", "[[this,connected]]", "return [a@host,b@host,us@host]");
    fake_expect_apply(f, "'Elixir.Node'", "list", "[visible]", "return []");
}

static void processes_and_names__are_listed(void **state)
{
    struct fake *f = *state;
    struct process *probe = fake_probe(f);
    assert_int_equal(registry_add(probe, slice_of_text("probe")), 0);
    fake_expect_apply(f, "erlang", "processes", "[]", "return [<0.1.0>,<0.2.0>,<0.3.0>]");
    struct table_walk walk = {0}; /* names come in the order of the table */
    const struct registered *first = (struct registered *)table_next(&f->node.registry, &walk);
    fake_expect_apply(f, "erlang", "registered", "[]",
                      first->process == probe ? "return [probe,rex]" : "return [rex,probe]");
    fake_expect_apply(f, "erlang", "whereis", "[probe]", "return <0.2.0>");
    fake_expect_apply(f, "'Elixir.Process'", "whereis", "[nobody]", "return nil");
}

static void is_process_alive__local_pids_only(void **state)
{
    struct fake *f = *state;
    fake_exit(fake_probe(f), "over");
    fake_expect_apply(f, "erlang", "is_process_alive", "[<0.1.0>]", "return true");
    fake_expect_apply(f, "erlang", "is_process_alive", "[<0.2.0>]", "return false");
    fake_expect_apply(f, "erlang", "garbage_collect", "[<0.2.0>]", "return false");
    fake_expect_apply(
        f, "erlang", "is_process_alive", "[<a.5.0>]",
        "error badarg [{erlang,is_process_alive,[<a.5.0>],[{error_info,#{module=>erl_erts_errors}}]}]");
}

static void process_info__elixir__nil_of_the_dead(void **state)
{
    struct fake *f = *state;
    fake_exit(fake_probe(f), "over");
    fake_expect_apply(f, "erlang", "process_info", "[<0.2.0>]", "return undefined");
    fake_expect_apply(f, "'Elixir.Process'", "info", "[<0.2.0>]", "return nil");
    fake_expect_apply(f, "'Elixir.Process'", "info", "[<0.2.0>,status]", "return nil");
    fake_expect_apply(f, "'Elixir.Process'", "info", "[<0.1.0>,registered_name]",
                      "return {registered_name,rex}");
}

static void system_flag__scheduler_wall_time__tells_how_it_was(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "system_flag", "[scheduler_wall_time,true]", "return false");
    fake_expect_apply(f, "erlang", "system_flag", "[scheduler_wall_time,true]", "return false");
    fake_expect_apply(
        f, "erlang", "system_flag", "[schedulers_online,2]",
        "error badarg "
        "[{erlang,system_flag,[schedulers_online,2],[{error_info,#{module=>erl_erts_errors}}]}]");
}

static void what_is_not_here__is_empty(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "ports", "[]", "return []");
    fake_expect_apply(f, "ets", "all", "[]", "return []");
    fake_expect_apply(f, "persistent_term", "info", "[]", "return #{count=>0,memory=>0}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(function_find__module_name_and_arity__all_count),
        FAKE_RPC_TEST(function_next__all__each_is_found_again),
        FAKE_RPC_TEST(nodes__types__are_united),
        FAKE_RPC_TEST(processes_and_names__are_listed),
        FAKE_RPC_TEST(is_process_alive__local_pids_only),
        FAKE_RPC_TEST(process_info__elixir__nil_of_the_dead),
        FAKE_RPC_TEST(system_flag__scheduler_wall_time__tells_how_it_was),
        FAKE_RPC_TEST(what_is_not_here__is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
