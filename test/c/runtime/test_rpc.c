/* Spawn requests as frames in and out. What the functions return is compared with a BEAM's in rpc_SUITE. */
#include "runtime/rpc.h"

#include "base/error.h"
#include "runtime/fake_rpc.h"
#include "runtime/registry.h"

#include <stdio.h>

/* erpc:call as it arrives: the process <0.2.0> is replied, and ends with this reason. */
static void expect_call(struct fake *f, const char *arguments, const char *reason)
{
    char frames[1024];
    fake_spawn(f, "{erpc,execute_call,4}", "[monitor]", arguments);
    snprintf(frames, sizeof frames,
             "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.2.0>}; {PAYLOAD_MONITOR_P_EXIT,<0.2.0>,<a.5.0>,#a.7} %s",
             reason);
    fake_expect_out(f, &f->a, frames);
    assert_int_equal(f->node.process_count, 1);
    assert_int_equal(f->node.monitors.count, 0);
}

static void rpc_start__is_there__rex_is_registered(void **state)
{
    struct fake *f = *state;
    assert_non_null(registry_find(&f->node, slice_of_text("rex")));
}

static void spawn_request__execute_call__result_is_the_exit_reason(void **state)
{
    struct fake *f = *state;
    expect_call(f, "[#a.8,erlang,node,[]]", "{#a.8,return,us@host}");
}

static void spawn_request__execute_call_that_throws_or_exits__is_told(void **state)
{
    struct fake *f = *state;
    fake_spawn(f, "{erpc,execute_call,4}", "[]", "[#a.8,erlang,throw,[x]]");
    fake_expect_out(f, &f->a, "{SPAWN_REPLY,#a.7,<a.5.0>,0,<0.2.0>}");
    fake_spawn(f, "{erpc,execute_call,4}", "[monitor]", "[#a.8,erlang,throw,[x]]");
    fake_expect_out(f, &f->a,
                    "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.2.1>}; {PAYLOAD_MONITOR_P_EXIT,<0.2.1>,<a.5.0>,#a.7} "
                    "{#a.8,throw,x}");
}

static void spawn_request__execute_call_of_unknown_function__undef(void **state)
{
    struct fake *f = *state;
    expect_call(f, "[#a.8,foo,bar,[a,\"bc\"]]", "{#a.8,error,undef,[{foo,bar,[a,\"bc\"],[]}]}");
}

static void spawn_request__execute_call_of_apply__frames_are_trimmed(void **state)
{
    struct fake *f = *state;
    expect_call(f, "[#a.8,erlang,apply,[foo,bar,[]]]",
                "{#a.8,error,undef,[{foo,bar,[],[]},{erlang,apply,3,[]}]}");
}

static void spawn_request__execute_call_of_error__shows_the_call(void **state)
{
    struct fake *f = *state;
    expect_call(f, "[#a.8,erlang,error,[boom]]", "{#a.8,error,boom,[{erlang,error,[boom],[]}]}");
}

static void spawn_request__execute_cast__ends_with_an_exception(void **state)
{
    struct fake *f = *state;
    fake_spawn(f, "{erpc,execute_cast,3}", "[monitor]", "[foo,bar,[]]");
    fake_expect_out(f, &f->a,
                    "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.2.0>}; {PAYLOAD_MONITOR_P_EXIT,<0.2.0>,<a.5.0>,#a.7} "
                    "{{exception,{undef,[{foo,bar,[],[]}]}},[{erpc,execute_cast,3,[]}]}");
}

static void spawn_request__known_function__ends_normally(void **state)
{
    struct fake *f = *state;
    fake_spawn(f, "{erlang,node,0}", "[link]", "[]");
    fake_expect_out(f, &f->a, "{SPAWN_REPLY,#a.7,<a.5.0>,1,<0.2.0>}; {PAYLOAD_EXIT,<0.2.0>,<a.5.0>} normal");
    assert_null(f->a.peer->links);
}

static void spawn_request__link_and_monitor__both_are_told(void **state)
{
    struct fake *f = *state;
    fake_spawn(f, "{foo,bar,1}", "[link,monitor]", "[x]");
    fake_expect_out(f, &f->a,
                    "{SPAWN_REPLY,#a.7,<a.5.0>,3,<0.2.0>}; "
                    "{PAYLOAD_EXIT,<0.2.0>,<a.5.0>} {undef,[{foo,bar,[x],[]}]}; "
                    "{PAYLOAD_MONITOR_P_EXIT,<0.2.0>,<a.5.0>,#a.7} {undef,[{foo,bar,[x],[]}]}");
}

static void spawn_request__bad_option__no_process(void **state)
{
    struct fake *f = *state;
    fake_spawn(f, "{foo,bar,1}", "[link,foo]", "[x]");
    fake_expect_out(f, &f->a, "{SPAWN_REPLY,#a.7,<a.5.0>,0,badopt}");
    assert_int_equal(f->node.slot_used, 2);
}

static void spawn_request__signs_for_another_node__breaks_the_protocol(void **state)
{
    struct fake *f = *state;
    assert_int_equal(fake_in_status(&f->a, "{SPAWN_REQUEST,#a.7,<b.5.0>,<a.1.0>,{foo,bar,0},[]}", "[]"),
                     ERR_PROTOCOL);
    fake_expect_out(f, &f->a, "");
    fake_expect_out(f, &f->b, "");
}

static void spawn_request__arity_that_is_wrong__arguments_count(void **state)
{
    struct fake *f = *state;
    fake_spawn(f, "{erlang,node,7}", "[monitor]", "[]");
    fake_expect_out(f, &f->a,
                    "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.2.0>}; {PAYLOAD_MONITOR_P_EXIT,<0.2.0>,<a.5.0>,#a.7} "
                    "normal");
}

static void spawn_request__processes__shows_itself_too(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    fake_spawn(f, "{erpc,execute_call,4}", "[monitor]", "[#a.8,erlang,processes,[]]");
    fake_expect_out(f, &f->a,
                    "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.3.0>}; {PAYLOAD_MONITOR_P_EXIT,<0.3.0>,<a.5.0>,#a.7} "
                    "{#a.8,return,[<0.1.0>,<0.2.0>,<0.3.0>]}");
}

static void spawn_request__info_of_queued_messages__lists_them(void **state)
{
    struct fake *f = *state;
    struct process *probe = fake_probe(f);
    process_pause(probe);
    fake_post(probe, "{a,1}");
    fake_post(probe, "b");
    fake_spawn(f, "{erpc,execute_call,4}", "[monitor]",
               "[#a.8,erlang,process_info,[<0.2.0>,[messages,message_queue_len]]]");
    fake_expect_out(f, &f->a,
                    "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.3.0>}; {PAYLOAD_MONITOR_P_EXIT,<0.3.0>,<a.5.0>,#a.7} "
                    "{#a.8,return,[{messages,[{a,1},b]},{message_queue_len,2}]}");
}

static void spawn_request__info_of_links_and_monitors__all_directions(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    fake_in(&f->a, "{LINK,<a.9.0>,<0.2.0>}", NULL);
    fake_in(&f->b, "{MONITOR_P,<b.9.0>,<0.2.0>,#b.1}", NULL);
    fake_spawn(f, "{erpc,execute_call,4}", "[monitor]",
               "[#a.8,erlang,process_info,[<0.2.0>,[links,monitored_by,monitors]]]");
    fake_expect_out(f, &f->a,
                    "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.3.0>}; {PAYLOAD_MONITOR_P_EXIT,<0.3.0>,<a.5.0>,#a.7} "
                    "{#a.8,return,[{links,[<a.9.0>]},{monitored_by,[<b.9.0>]},{monitors,[]}]}");
}

static void rpc_stop__something_runs__it_ends_and_nothing_new_begins(void **state)
{
    struct fake *f = *state;
    fake_spawn(f, "{observer_backend,fetch_stats,2}", "[link]", "[<a.5.0>,100000]");
    fake_expect_apply(f, "appmon_info", "start_link2", "[<a.5.0>,<a.5.0>,[]]", "return {ok,<0.4.0>}");
    assert_int_equal(f->node.process_count, 3);
    rpc_stop(f->node.rpc, &f->node);
    assert_int_equal(f->node.process_count, 1);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    fake_expect_out(f, &f->a,
                    "{SPAWN_REPLY,#a.7,<a.5.0>,1,<0.2.0>}; {MONITOR_P,<0.2.0>,<a.5.0>,#0.1}; "
                    "{LINK,<0.4.0>,<a.5.0>}; {PAYLOAD_EXIT,<0.4.0>,<a.5.0>} shutdown; "
                    "{PAYLOAD_EXIT,<0.2.0>,<a.5.0>} shutdown; {DEMONITOR_P,<0.2.0>,<a.5.0>,#0.1}");
    fake_spawn(f, "{erlang,node,0}", "[]", "[]");
    fake_expect_out(f, &f->a, "{SPAWN_REPLY,#a.7,<a.5.0>,0,notsup}");
}

static void rpc_start__name_taken__exists(void **state)
{
    struct fake *f = *state;
    struct rpc second;
    assert_int_equal(rpc_start(&second, &f->node, &f->node.rpc->config), ERR_EXISTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(rpc_start__is_there__rex_is_registered),
        FAKE_RPC_TEST(spawn_request__execute_call__result_is_the_exit_reason),
        FAKE_RPC_TEST(spawn_request__execute_call_that_throws_or_exits__is_told),
        FAKE_RPC_TEST(spawn_request__execute_call_of_unknown_function__undef),
        FAKE_RPC_TEST(spawn_request__execute_call_of_apply__frames_are_trimmed),
        FAKE_RPC_TEST(spawn_request__execute_call_of_error__shows_the_call),
        FAKE_RPC_TEST(spawn_request__execute_cast__ends_with_an_exception),
        FAKE_RPC_TEST(spawn_request__known_function__ends_normally),
        FAKE_RPC_TEST(spawn_request__link_and_monitor__both_are_told),
        FAKE_RPC_TEST(spawn_request__bad_option__no_process),
        FAKE_RPC_TEST(spawn_request__signs_for_another_node__breaks_the_protocol),
        FAKE_RPC_TEST(spawn_request__arity_that_is_wrong__arguments_count),
        FAKE_RPC_TEST(spawn_request__processes__shows_itself_too),
        FAKE_RPC_TEST(spawn_request__info_of_queued_messages__lists_them),
        FAKE_RPC_TEST(spawn_request__info_of_links_and_monitors__all_directions),
        FAKE_RPC_TEST(rpc_start__name_taken__exists),
        FAKE_RPC_TEST(rpc_stop__something_runs__it_ends_and_nothing_new_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
