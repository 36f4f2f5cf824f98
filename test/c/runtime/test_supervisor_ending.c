/* Supervisors: how children and the supervisor itself are ended. */
#include "unit.h"

#include "runtime/fake_children.h"
#include "runtime/links.h"
#include "runtime/registry.h"
#include "wire/etf_write.h"

static void shutdown__all_children__end_in_reverse_order(void **state)
{
    struct fixture *f = *state;
    f->kids[1].trap = true;
    kids_start(f);
    kids_watch(f, f->supervisor_id);
    supervisor_shutdown(f->supervisor);
    kids_run(f);
    kids_expect_events(f, "-c:shutdown -b:shutdown -a:shutdown");
    kids_expect_answers(f, "exit:shutdown\n");
    assert_null(registry_find(&f->node, slice_of_text("sup")));
}

static void shutdown__slow_child__the_earlier_ones_wait_for_it(void **state)
{
    struct fixture *f = *state;
    f->kids[1].trap = f->kids[1].slow = true;
    kids_start(f);
    supervisor_shutdown(f->supervisor);
    supervisor_shutdown(f->supervisor);
    kids_run(f);
    kids_expect_events(f, "-c:shutdown");
    assert_true(kids_supervisor_alive(f));
    kids_finish(f, 1);
    kids_expect_events(f, "-b:shutdown -a:shutdown");
    assert_true(kids_supervisor_gone(f));
}

static void shutdown__child_that_ignores_it__is_killed_after_its_time(void **state)
{
    struct fixture *f = *state;
    f->kids[1].trap = f->kids[1].slow = true;
    f->children[1].shutdown_ms = 20;
    kids_start(f);
    uint64_t before = uv_hrtime();
    supervisor_shutdown(f->supervisor);
    kids_wait_until(f, kids_supervisor_gone);
    kids_expect_events(f, "-c:shutdown -b:killed -a:shutdown");
    assert_true(uv_hrtime() - before >= 15 * 1000000);
}

static void shutdown__brutal_kill__child_has_no_say(void **state)
{
    struct fixture *f = *state;
    f->kids[1].trap = f->kids[1].slow = true;
    f->children[1].shutdown_ms = SHUTDOWN_BRUTAL_KILL;
    kids_start(f);
    supervisor_shutdown(f->supervisor);
    kids_run(f);
    kids_expect_events(f, "-c:shutdown -b:killed -a:shutdown");
}

static void shutdown__infinity__no_timer_runs(void **state)
{
    struct fixture *f = *state;
    f->kids[2].trap = f->kids[2].slow = true;
    f->children[2].shutdown_ms = SHUTDOWN_INFINITY;
    kids_start(f);
    supervisor_shutdown(f->supervisor);
    kids_run(f);
    assert_false(uv_loop_alive(&f->loop));
    kids_expect_events(f, "");
    kids_finish(f, 2);
    kids_expect_events(f, "-c:shutdown -b:shutdown -a:shutdown");
}

static void shutdown__child_has_unlinked_itself__is_noticed(void **state)
{
    struct fixture *f = *state;
    kids_start(f);
    link_remove(&f->supervisor->process, kids_process(f, 1));
    supervisor_shutdown(f->supervisor);
    kids_run(f);
    kids_expect_events(f, "-c:shutdown -b:shutdown -a:shutdown");
    assert_true(kids_supervisor_gone(f));
}

static void shutdown__during_restart_of_all__nothing_starts_again(void **state)
{
    struct fixture *f = *state;
    f->spec.strategy = ONE_FOR_ALL;
    f->kids[1].trap = f->kids[1].slow = true;
    kids_start(f);
    kids_end(f, 2, "boom");
    supervisor_shutdown(f->supervisor);
    kids_finish(f, 1);
    kids_expect_events(f, "-c:boom -b:shutdown -a:shutdown");
    assert_true(kids_supervisor_gone(f));
}

static void shutdown__during_terminate_child__call_is_answered_first(void **state)
{
    struct fixture *f = *state;
    f->kids[1].trap = f->kids[1].slow = true;
    kids_start(f);
    kids_call_id(f, "terminate_child", "b");
    supervisor_shutdown(f->supervisor);
    kids_finish(f, 1);
    kids_expect_answers(f, "ok\n");
    kids_expect_events(f, "-b:shutdown -c:shutdown -a:shutdown");
    assert_true(kids_supervisor_gone(f));
}

static void shutdown__parent_ends__children_end_in_reverse_with_shutdown(void **state)
{
    struct fixture *f = *state;
    struct process *parent = process_new(&f->node, process_find(&f->node, f->probe)->type);
    assert_int_equal(supervisor_start(&f->node, &f->spec, parent, NULL, &f->supervisor), 0);
    f->supervisor_id = f->supervisor->process.id;
    f->events[0] = '\0';
    kids_watch(f, f->supervisor_id);
    process_exit_atom(parent, "boom");
    kids_run(f);
    kids_expect_events(f, "-c:shutdown -b:shutdown -a:shutdown");
    kids_expect_answers(f, "exit:boom\n");
    assert_true(kids_supervisor_gone(f));
}

static void shutdown__supervisor_killed__children_hear_killed(void **state)
{
    struct fixture *f = *state;
    f->kids[2].trap = f->kids[2].slow = true;
    kids_start(f);
    kids_call_id(f, "terminate_child", "c"); /* a timer and an owed answer are there to be freed */
    process_exit_atom(&f->supervisor->process, "killed");
    kids_run(f);
    assert_non_null(strstr(f->events, "-a:killed"));
    assert_non_null(strstr(f->events, "-b:killed"));
    kids_expect_answers(f, "");
}

static void shutdown__sys_terminate__ends_children_too(void **state)
{
    struct fixture *f = *state;
    struct buf message = BUF_EMPTY;
    kids_start(f);
    kids_watch(f, f->supervisor_id);
    kids_write_system(f, &message);
    etf_write_tuple(&message, 2);
    etf_write_atom(&message, "terminate");
    etf_write_atom(&message, "normal");
    kids_deliver(f, &message);
    kids_expect_answers(f, "ok\nexit:normal\n");
    kids_expect_events(f, "-c:shutdown -b:shutdown -a:shutdown");
    assert_true(kids_supervisor_gone(f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIDS_TEST(shutdown__all_children__end_in_reverse_order),
        KIDS_TEST(shutdown__slow_child__the_earlier_ones_wait_for_it),
        KIDS_TEST(shutdown__child_that_ignores_it__is_killed_after_its_time),
        KIDS_TEST(shutdown__brutal_kill__child_has_no_say),
        KIDS_TEST(shutdown__infinity__no_timer_runs),
        KIDS_TEST(shutdown__child_has_unlinked_itself__is_noticed),
        KIDS_TEST(shutdown__during_restart_of_all__nothing_starts_again),
        KIDS_TEST(shutdown__during_terminate_child__call_is_answered_first),
        KIDS_TEST(shutdown__parent_ends__children_end_in_reverse_with_shutdown),
        KIDS_TEST(shutdown__supervisor_killed__children_hear_killed),
        KIDS_TEST(shutdown__sys_terminate__ends_children_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
