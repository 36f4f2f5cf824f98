#include "runtime/sys_functions.h"

#include "runtime/fake_rpc.h"

#include <stdio.h>

static void expect_call(struct fake *f, const char *call, const char *outcome)
{
    char arguments[300], frames[600];
    snprintf(arguments, sizeof arguments, "[#a.8,sys,%s]", call);
    snprintf(frames, sizeof frames,
             "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.3.%%>}; {PAYLOAD_MONITOR_P_EXIT,<0.3.%%>,<a.5.0>,#a.7} "
             "{#a.8,%s}",
             outcome);
    fake_spawn(f, "{erpc,execute_call,4}", "[monitor]", arguments);
    fake_expect_out(f, &f->a, frames);
}

static void sys__server_by_pid_or_name__answers(void **state)
{
    struct fake *f = *state;
    fake_top(f);
    expect_call(f, "get_state,[top]", "return,[]");
    expect_call(f, "get_state,[<0.2.0>,infinity]", "return,[]");
    expect_call(f, "suspend,[top,1000]", "return,ok");
    expect_call(f, "resume,[<0.2.0>]", "return,ok");
    assert_int_equal(f->node.process_count, 2);
}

static void sys__nobody_or_dead__noproc(void **state)
{
    struct fake *f = *state;
    fake_exit(fake_probe(f), "over");
    fake_probe(f);
    expect_call(f, "get_state,[nobody]", "exit,{noproc,{sys,get_state,[nobody]}}");
    expect_call(f, "get_state,[<0.2.0>,200]", "exit,{noproc,{sys,get_state,[<0.2.0>,200]}}");
}

static void sys__server_ends_meanwhile__its_reason(void **state)
{
    struct fake *f = *state;
    struct process *top = fake_top(f);
    process_pause(top);
    fake_spawn(f, "{erpc,execute_call,4}", "[monitor]", "[#a.8,sys,get_state,[top]]");
    fake_expect_out(f, &f->a, "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.3.0>}");
    fake_exit(top, "{bad,thing}");
    fake_expect_out(f, &f->a,
                    "{PAYLOAD_MONITOR_P_EXIT,<0.3.0>,<a.5.0>,#a.7} "
                    "{#a.8,exit,{{bad,thing},{sys,get_state,[top]}}}");
}

static void sys__no_answer_in_time__timeout(void **state)
{
    struct fake *f = *state;
    process_pause(fake_top(f));
    fake_spawn(f, "{erpc,execute_call,4}", "[monitor]", "[#a.8,sys,get_status,[top,1]]");
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    fake_expect_out(f, &f->a,
                    "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.3.0>}; {PAYLOAD_MONITOR_P_EXIT,<0.3.0>,<a.5.0>,#a.7} "
                    "{#a.8,exit,{timeout,{sys,get_status,[top,1]}}}");
}

static void sys__other_messages__do_not_count(void **state)
{
    struct fake *f = *state;
    process_pause(fake_top(f));
    fake_spawn(f, "{erpc,execute_call,4}", "[monitor]", "[#a.8,sys,get_state,[top]]");
    fake_in(&f->a, "{SEND,'',<0.3.0>}", "{#0.7,x}");
    fake_in(&f->a, "{SEND,'',<0.3.0>}", "{#a.1,x}");
    fake_in(&f->a, "{SEND,'',<0.3.0>}", "{'DOWN',#0.7,process,<0.2.0>,x}");
    fake_in(&f->a, "{SEND,'',<0.3.0>}", "hello");
    fake_expect_out(f, &f->a, "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.3.0>}");
}

static void sys__bad_arguments__badarg(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "sys", "get_state", "[1]",
                      "error badarg [{sys,get_state,[1],[{error_info,#{module=>erl_erts_errors}}]}]");
    fake_expect_apply(f, "sys", "get_state", "[rex,-1]",
                      "error badarg [{sys,get_state,[rex,-1],[{error_info,#{module=>erl_erts_errors}}]}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(sys__server_by_pid_or_name__answers),    FAKE_RPC_TEST(sys__nobody_or_dead__noproc),
        FAKE_RPC_TEST(sys__server_ends_meanwhile__its_reason), FAKE_RPC_TEST(sys__no_answer_in_time__timeout),
        FAKE_RPC_TEST(sys__other_messages__do_not_count),      FAKE_RPC_TEST(sys__bad_arguments__badarg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
