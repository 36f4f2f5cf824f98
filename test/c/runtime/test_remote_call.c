/* Calls to another node as frames out and in. */
#include "runtime/remote_call.h"

#include "runtime/fake_peer.h"

#include <stdio.h>

static void done(struct process *caller, enum apply_class class, struct slice value)
{
    static const char *const texts[] = {
        [APPLY_RETURN] = "return", [APPLY_THROW] = "throw", [APPLY_EXIT] = "exit", [APPLY_ERROR] = "error"};
    struct fake *f = (struct fake *)((char *)caller->node - offsetof(struct fake, node));
    assert_int_equal(caller->running, 1);
    fake_event(f, texts[class], value);
}

static bool start(struct process *caller, const char *on)
{
    struct buf pid = BUF_EMPTY, arguments = BUF_EMPTY;
    fake_write(&pid, on);
    fake_write(&arguments, "[x,y]");
    bool started = remote_call_start(caller, buf_slice(&pid), "m", "f", buf_slice(&arguments), done);
    buf_release(&pid);
    buf_release(&arguments);
    return started;
}

#define REQUEST "{SPAWN_REQUEST,#0.2,<0.2.0>,<0.2.0>,{erpc,execute_call,4},[monitor]} [#0.2,m,f,[x,y]]"

/* The probe <0.1.0> calls; the call is the process <0.2.0>, its request #0.2. */
static struct process *begin(struct fake *f)
{
    struct process *caller = fake_probe(f);
    assert_true(start(caller, "<a.5.0>"));
    fake_expect_out(f, &f->a, REQUEST);
    return caller;
}

static void spawned(struct fake *f)
{
    fake_in(&f->a, "{SPAWN_REPLY,#0.2,<0.2.0>,2,<a.9.0>}", NULL);
    fake_expect_out(f, &f->a, "");
}

static void ends(struct fake *f, const char *reason)
{
    fake_in(&f->a, "{PAYLOAD_MONITOR_P_EXIT,<a.9.0>,<0.2.0>,#0.2}", reason);
}

static void expect_only_the_caller(struct fake *f)
{
    assert_int_equal(f->node.process_count, 1);
    assert_int_equal(f->node.monitors.count, 0);
}

static void remote_call__function_returns__value_is_told(void **state)
{
    struct fake *f = *state;
    begin(f);
    spawned(f);
    fake_expect_events(f, "");
    ends(f, "{#0.2,return,{v,1}}");
    fake_expect_events(f, "return:{v,1}");
    fake_expect_out(f, &f->a, "");
    expect_only_the_caller(f);
}

static void remote_call__function_raises__class_and_reason_are_told(void **state)
{
    static const char *const cases[][2] = {
        {"{#0.2,throw,t}", "throw:t"},
        {"{#0.2,exit,[e]}", "exit:[e]"},
        {"{#0.2,error,badarg,[{m,f,2,[]}]}", "error:badarg"},
        {"{#0.2,error,{erpc,system_limit}}", "error:{erpc,system_limit}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *own;
        fake_set_up(&own);
        begin(own);
        spawned(own);
        ends(own, cases[i][0]);
        fake_expect_events(own, cases[i][1]);
        expect_only_the_caller(own);
        fake_tear_down(&own);
    }
}

static void remote_call__process_ends_otherwise__is_a_signal(void **state)
{
    static const char *const reasons[] = {"killed",        "{#0.3,return,x}",     "{#0.2,return}",
                                          "{#0.2,what,x}", "{#0.2,return,x,y,z}", "[]"};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        void *own;
        char expected[64];
        fake_set_up(&own);
        begin(own);
        spawned(own);
        ends(own, reasons[i]);
        snprintf(expected, sizeof expected, "exit:{signal,%s}", reasons[i]);
        fake_expect_events(own, expected);
        expect_only_the_caller(own);
        fake_tear_down(&own);
    }
}

static void remote_call__not_spawned__is_an_error_of_erpc(void **state)
{
    struct fake *f = *state;
    begin(f);
    fake_in(&f->a, "{SPAWN_REPLY,#0.2,<0.2.0>,0,system_limit}", NULL);
    fake_expect_events(f, "error:{erpc,system_limit}");
    expect_only_the_caller(f);
}

static void remote_call__connection_lost__is_an_error_of_erpc(void **state)
{
    struct fake *f = *state;
    begin(f);
    fake_down(&f->a);
    fake_expect_events(f, "error:{erpc,noconnection}");
    expect_only_the_caller(f);
}

static void remote_call__connection_lost_while_it_runs__is_an_error_of_erpc(void **state)
{
    struct fake *f = *state;
    begin(f);
    spawned(f);
    fake_down(&f->a);
    fake_expect_events(f, "error:{erpc,noconnection}");
    expect_only_the_caller(f);
}

static void remote_call__caller_ends__what_runs_is_killed(void **state)
{
    struct fake *f = *state;
    struct process *caller = begin(f);
    spawned(f);
    fake_exit(caller, "over");
    fake_expect_out(f, &f->a, "{PAYLOAD_EXIT2,<0.2.0>,<a.9.0>} kill; {DEMONITOR_P,<0.2.0>,<a.9.0>,#0.2}");
    fake_expect_events(f, "<0.1.0>:over");
    assert_int_equal(f->node.process_count, 0);
    ends(f, "{#0.2,return,late}");
    fake_expect_events(f, "");
}

static void remote_call__caller_ends_before_it_runs__its_monitor_is_taken_back(void **state)
{
    struct fake *f = *state;
    struct process *caller = begin(f);
    fake_exit(caller, "over");
    fake_expect_out(f, &f->a, "");
    assert_int_equal(f->node.process_count, 0);
    fake_in(&f->a, "{SPAWN_REPLY,#0.2,<0.2.0>,2,<a.9.0>}", NULL);
    fake_expect_out(f, &f->a, "{DEMONITOR_P,<0.2.0>,<a.9.0>,#0.2}");
}

static void remote_call__killed_by_somebody__ends_the_call(void **state)
{
    struct fake *f = *state;
    begin(f);
    spawned(f);
    fake_in(&f->b, "{EXIT2,<b.5.0>,<0.2.0>,kill}", NULL);
    fake_expect_events(f, "exit:{signal,killed}");
    expect_only_the_caller(f);
}

static void remote_call__caller_and_call_killed_together__nobody_is_told(void **state)
{
    struct fake *f = *state;
    struct process *caller = begin(f);
    process_enter(caller);
    fake_exit(caller, "over");
    fake_in(&f->b, "{EXIT2,<b.5.0>,<0.2.0>,kill}", NULL);
    process_leave(caller);
    fake_expect_events(f, "<0.1.0>:over");
    assert_int_equal(f->node.process_count, 0);
}

static void remote_call__prints__is_taken_and_not_shown(void **state)
{
    struct fake *f = *state;
    begin(f);
    spawned(f);
    fake_in(&f->a, "{SEND,'',<0.2.0>}", "{io_request,<a.9.0>,#a.7,{put_chars,unicode,\"x\"}}");
    fake_in(&f->a, "{SEND,'',<0.2.0>}", "{io_request,<a.9.0>,#a.8,{get_line,unicode,[]}}");
    fake_in(&f->a, "{SEND,'',<0.2.0>}", "{io_request,<a.9.0>,#a.9,getopts}");
    fake_expect_out(f, &f->a,
                    "{SEND_SENDER,<0.2.0>,<a.9.0>} {io_reply,#a.7,ok}; "
                    "{SEND_SENDER,<0.2.0>,<a.9.0>} {io_reply,#a.8,{error,request}}; "
                    "{SEND_SENDER,<0.2.0>,<a.9.0>} {io_reply,#a.9,{error,request}}");
    ends(f, "{#0.2,return,v}");
    fake_expect_events(f, "return:v");
}

static void remote_call__other_messages__mean_nothing(void **state)
{
    static const char *const messages[] = {"hello",
                                           "{'DOWN',#0.7,process,<a.9.0>,{#0.2,return,v}}",
                                           "{'DOWN',x,process,<a.9.0>,v}",
                                           "{spawn_reply,#0.1,error,x}",
                                           "{spawn_reply,x,error,x}",
                                           "{io_request,nobody,x,{}}"};
    struct fake *f = *state;
    begin(f);
    spawned(f);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        fake_in(&f->a, "{SEND,'',<0.2.0>}", messages[i]);
    fake_expect_events(f, "");
    ends(f, "{#0.2,return,v}");
    fake_expect_events(f, "return:v");
}

static void remote_call_start__nowhere_to_run__says_so(void **state)
{
    static const char *const targets[] = {"<z.5.0>", "<a.5.0!>", "<0.1.0>", "no_pid", "{name,a@host}"};
    struct fake *f = *state;
    struct process *caller = fake_probe(f);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        assert_false(start(caller, targets[i]));
    fake_down(&f->a);
    fake_up(f, &f->a, 'a', HANDSHAKE_FLAGS & ~DFLAG_SPAWN);
    assert_false(start(caller, "<a.5.0>"));
    expect_only_the_caller(f);
    fake_expect_out(f, &f->a, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(remote_call__function_returns__value_is_told),
        cmocka_unit_test(remote_call__function_raises__class_and_reason_are_told),
        cmocka_unit_test(remote_call__process_ends_otherwise__is_a_signal),
        FAKE_TEST(remote_call__not_spawned__is_an_error_of_erpc),
        FAKE_TEST(remote_call__connection_lost__is_an_error_of_erpc),
        FAKE_TEST(remote_call__connection_lost_while_it_runs__is_an_error_of_erpc),
        FAKE_TEST(remote_call__caller_ends__what_runs_is_killed),
        FAKE_TEST(remote_call__caller_ends_before_it_runs__its_monitor_is_taken_back),
        FAKE_TEST(remote_call__killed_by_somebody__ends_the_call),
        FAKE_TEST(remote_call__caller_and_call_killed_together__nobody_is_told),
        FAKE_TEST(remote_call__prints__is_taken_and_not_shown),
        FAKE_TEST(remote_call__other_messages__mean_nothing),
        FAKE_TEST(remote_call_start__nowhere_to_run__says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
