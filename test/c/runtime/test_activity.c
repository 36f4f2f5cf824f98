#include "runtime/activity.h"

#include "runtime/fake_rpc.h"
#include "runtime/timers.h"

static void activity__function_that_takes_longer__process_lives_until_it_is_done(void **state)
{
    struct fake *f = *state;
    struct process *top = fake_top(f);
    process_pause(top);
    fake_spawn(f, "{erpc,execute_call,4}", "[monitor]", "[#a.8,sys,suspend,[top]]");
    fake_expect_out(f, &f->a, "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.3.0>}");
    assert_int_equal(f->node.process_count, 3);
    process_resume(top);
    fake_expect_out(f, &f->a, "{PAYLOAD_MONITOR_P_EXIT,<0.3.0>,<a.5.0>,#a.7} {#a.8,return,ok}");
    assert_int_equal(f->node.process_count, 2);
    assert_int_equal(f->node.monitors.count, 0);
}

static void activity__function_itself_or_execute_cast__ends_normally(void **state)
{
    struct fake *f = *state;
    fake_top(f);
    fake_spawn(f, "{sys,suspend,1}", "[link]", "[top]");
    fake_expect_out(f, &f->a, "{SPAWN_REPLY,#a.7,<a.5.0>,1,<0.3.0>}; {PAYLOAD_EXIT,<0.3.0>,<a.5.0>} normal");
    fake_spawn(f, "{erpc,execute_cast,3}", "[monitor]", "[sys,resume,[top]]");
    fake_expect_out(f, &f->a,
                    "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.3.1>}; "
                    "{PAYLOAD_MONITOR_P_EXIT,<0.3.1>,<a.5.0>,#a.7} normal");
}

static void activity__exits_while_it_begins__is_told_once(void **state)
{
    struct fake *f = *state;
    fake_spawn(f, "{erpc,execute_call,4}", "[monitor]", "[#a.8,sys,suspend,[nobody]]");
    fake_expect_out(f, &f->a,
                    "{SPAWN_REPLY,#a.7,<a.5.0>,2,<0.2.0>}; {PAYLOAD_MONITOR_P_EXIT,<0.2.0>,<a.5.0>,#a.7} "
                    "{#a.8,exit,{noproc,{sys,suspend,[nobody]}}}");
}

static void activity__who_linked_to_it_dies__it_ends_and_its_timer_too(void **state)
{
    struct fake *f = *state;
    fake_top(f);
    process_pause(process_find_pid(&f->node, &(struct pid){.id = 2, .creation = f->node.creation}));
    fake_spawn(f, "{sys,suspend,2}", "[link]", "[top,100000]");
    fake_in(&f->a, "{PAYLOAD_EXIT,<a.5.0>,<0.3.0>}", "over");
    fake_run(f);
    assert_int_equal(f->node.process_count, 2);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void activity__messages_nobody_wants__are_taken(void **state)
{
    struct fake *f = *state;
    struct activity *self = activity_new(&f->node);
    fake_deliver(&self->process, "hello");
    assert_null(self->process.mailbox);
    assert_true(activity_is(&self->process));
    assert_false(activity_is(fake_probe(f)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(activity__function_that_takes_longer__process_lives_until_it_is_done),
        FAKE_RPC_TEST(activity__function_itself_or_execute_cast__ends_normally),
        FAKE_RPC_TEST(activity__exits_while_it_begins__is_told_once),
        FAKE_RPC_TEST(activity__who_linked_to_it_dies__it_ends_and_its_timer_too),
        FAKE_RPC_TEST(activity__messages_nobody_wants__are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
