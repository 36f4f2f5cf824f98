/* Supervisors: starting, strategies, restart types, intensity, starts that fail. */
#include "unit.h"

#include "base/error.h"
#include "runtime/fake_children.h"
#include "runtime/links.h"
#include "runtime/registry.h"
#include "wire/etf_write.h"

#include <stdio.h>

/* Starting. */

static void start__children__run_linked_in_order(void **state)
{
    struct fixture *f = *state;
    kids_start(f);
    kids_expect_pids(f, "<a.1>", "<b.1>", "<c.1>");
    for (int i = 0; i < KIDS; i++)
        assert_true(link_exists(&f->supervisor->process, kids_process(f, i)));
    assert_ptr_equal(registry_find(&f->node, slice_of_text("sup")), &f->supervisor->process);
    assert_string_equal(f->supervisor->process.type->module, "supervisor");
}

static void start__own_module__is_shown(void **state)
{
    struct fixture *f = *state;
    f->spec.module = "Elixir.Todo.System";
    kids_start(f);
    assert_string_equal(f->supervisor->process.type->module, "Elixir.Todo.System");
}

static void start__no_children__answers_empty_list(void **state)
{
    struct fixture *f = *state;
    f->spec.child_count = 0;
    assert_int_equal(supervisor_start(&f->node, &f->spec, NULL, NULL, &f->supervisor), 0);
    f->supervisor_id = f->supervisor->process.id;
    kids_call(f, "which_children");
    kids_call(f, "count_children");
    kids_expect_answers(f, "[]\n[{specs,0},{active,0},{supervisors,0},{workers,0}]\n");
    supervisor_shutdown(f->supervisor);
    assert_true(kids_supervisor_gone(f));
}

/* The one that goes on ending its children after its start has failed. */
static struct process *unfinished_supervisor(struct fixture *f)
{
    struct process *child = process_find(&f->node, f->kids[0].processes[0]);
    return process_find(&f->node, child->parent);
}

static void start__third_child_fails__others_end_in_reverse_order(void **state)
{
    struct fixture *f = *state;
    f->kids[2].fail_from = f->kids[2].fail_until = 1;
    f->kids[0].trap = f->kids[1].trap = true;
    struct gen_server *untouched = NULL;
    struct process *parent = process_find(&f->node, f->probe);
    assert_int_equal(supervisor_start(&f->node, &f->spec, parent, "sup", &untouched), ERR_BADARG);
    assert_null(untouched);
    assert_null(registry_find(&f->node, slice_of_text("sup")));
    assert_false(link_exists(parent, unfinished_supervisor(f)));
    kids_watch(f, unfinished_supervisor(f)->id);
    kids_run(f);
    kids_expect_events(f, "+a +b !c -b:shutdown -a:shutdown");
    kids_expect_answers(f, "exit:{shutdown,{failed_to_start_child,c,badarg}}\n");
    assert_int_equal(f->node.process_count, 1);
    assert_non_null(process_find(&f->node, f->probe));
}

static void start__first_child_fails__nothing_is_left(void **state)
{
    struct fixture *f = *state;
    f->kids[0].fail_from = f->kids[0].fail_until = 1;
    assert_int_equal(supervisor_start(&f->node, &f->spec, NULL, NULL, &f->supervisor), ERR_BADARG);
    kids_run(f);
    kids_expect_events(f, "!a");
    assert_int_equal(f->node.process_count, 1);
}

static void start__name_taken__no_child_starts(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(registry_add(process_find(&f->node, f->probe), slice_of_text("sup")), 0);
    assert_int_equal(supervisor_start(&f->node, &f->spec, NULL, "sup", &f->supervisor), ERR_EXISTS);
    kids_expect_events(f, "");
}

/* Strategies. */

static void one_for_one__middle_child_crashes__only_it_is_new(void **state)
{
    struct fixture *f = *state;
    kids_start(f);
    kids_end(f, 1, "boom");
    kids_expect_events(f, "-b:boom +b");
    kids_expect_pids(f, "<a.1>", "<b.2>", "<c.1>");
}

static void one_for_all__middle_child_crashes__all_are_new(void **state)
{
    struct fixture *f = *state;
    f->spec.strategy = ONE_FOR_ALL;
    kids_start(f);
    kids_end(f, 1, "boom");
    kids_expect_events(f, "-b:boom -c:shutdown -a:shutdown +a +b +c");
    kids_expect_pids(f, "<a.2>", "<b.2>", "<c.2>");
}

static void rest_for_one__middle_child_crashes__it_and_the_later_are_new(void **state)
{
    struct fixture *f = *state;
    f->spec.strategy = REST_FOR_ONE;
    kids_start(f);
    kids_end(f, 1, "boom");
    kids_expect_events(f, "-b:boom -c:shutdown +b +c");
    kids_expect_pids(f, "<a.1>", "<b.2>", "<c.2>");
}

static void one_for_all__terminated_and_temporary_children__start_again_or_are_gone(void **state)
{
    struct fixture *f = *state;
    f->spec.strategy = ONE_FOR_ALL;
    f->children[2].restart = TEMPORARY;
    kids_start(f);
    kids_call_id(f, "terminate_child", "a");
    kids_end(f, 1, "boom");
    kids_expect_events(f, "-a:shutdown -b:boom -c:shutdown +a +b");
    f->answers[0] = '\0';
    kids_call(f, "which_children");
    kids_expect_answers(f, "[{b,<b.2>,worker,[fake]},{a,<a.2>,worker,[fake]}]\n");
}

static void one_for_all__all_crash_at_once__count_as_one_restart(void **state)
{
    struct fixture *f = *state;
    f->spec.strategy = ONE_FOR_ALL;
    f->spec.intensity = 1;
    kids_start(f);
    for (int i = 0; i < KIDS; i++)
        kids_end_quietly(f, i, "boom");
    kids_run(f);
    kids_expect_events(f, "-a:boom -b:boom -c:boom +a +b +c");
    assert_true(kids_supervisor_alive(f));
}

static void rest_for_one__earlier_child_crashes_during_restart__restarts_from_there(void **state)
{
    struct fixture *f = *state;
    f->spec.strategy = REST_FOR_ONE;
    f->kids[2].trap = f->kids[2].slow = true;
    kids_start(f);
    kids_end(f, 1, "boom");
    kids_end(f, 0, "bang");
    kids_expect_events(f, "-b:boom -a:bang"); /* c takes its time */
    f->kids[2].slow = false;
    kids_finish(f, 2);
    kids_expect_events(f, "-c:shutdown +b +c -c:shutdown -b:shutdown +a +b +c");
}

static void one_for_all__child_started_again_ends_while_waiting__is_not_lost(void **state)
{
    struct fixture *f = *state;
    f->spec.strategy = ONE_FOR_ALL;
    f->kids[2].trap = f->kids[2].slow = true;
    kids_start(f);
    kids_end(f, 1, "boom");
    kids_end(f, 0, "normal"); /* ends by itself before its turn */
    kids_finish(f, 2);
    kids_expect_events(f, "-b:boom -a:normal -c:shutdown +a +b +c");
    kids_expect_pids(f, "<a.2>", "<b.2>", "<c.2>");
}

/* Restart types. */

static void check_restart(void **state, enum restart restart, const char *reason, const char *after)
{
    struct fixture *f = *state;
    f->children[1].restart = restart;
    kids_start(f);
    kids_end(f, 1, reason);
    kids_call(f, "which_children");
    char expected[512];
    snprintf(expected, sizeof expected, "[{c,<c.1>,worker,[fake]},%s{a,<a.1>,worker,[fake]}]\n", after);
    kids_expect_answers(f, expected);
}

#define RESTARTED "{b,<b.2>,worker,[fake]},"
#define ENDED     "{b,undefined,worker,[fake]},"
#define REMOVED   ""

static void permanent__normal_exit__restarted(void **state)
{
    check_restart(state, PERMANENT, "normal", RESTARTED);
}

static void permanent__shutdown__restarted(void **state)
{
    check_restart(state, PERMANENT, "{shutdown,why}", RESTARTED);
}

static void transient__crash__restarted(void **state)
{
    check_restart(state, TRANSIENT, "boom", RESTARTED);
}

static void transient__killed__restarted(void **state)
{
    check_restart(state, TRANSIENT, "killed", RESTARTED);
}

static void transient__normal_exit__stays_undefined(void **state)
{
    check_restart(state, TRANSIENT, "normal", ENDED);
}

static void transient__shutdown__stays_undefined(void **state)
{
    check_restart(state, TRANSIENT, "shutdown", ENDED);
}

static void transient__shutdown_tuple__stays_undefined(void **state)
{
    check_restart(state, TRANSIENT, "{shutdown,why}", ENDED);
}

static void temporary__crash__removed(void **state)
{
    check_restart(state, TEMPORARY, "boom", REMOVED);
}

static void temporary__normal_exit__removed(void **state)
{
    check_restart(state, TEMPORARY, "normal", REMOVED);
}

/* Intensity. */

static void intensity__reached_but_not_exceeded__lives(void **state)
{
    struct fixture *f = *state;
    f->spec.intensity = 2;
    kids_start(f);
    kids_end(f, 0, "boom");
    kids_end(f, 2, "boom");
    assert_true(kids_supervisor_alive(f));
    kids_expect_pids(f, "<a.2>", "<b.1>", "<c.2>");
}

static void intensity__exceeded__children_end_in_reverse_and_it_ends_with_shutdown(void **state)
{
    struct fixture *f = *state;
    f->spec.intensity = 1;
    kids_start(f);
    kids_watch(f, f->supervisor_id);
    kids_end(f, 1, "boom");
    kids_expect_events(f, "-b:boom +b");
    kids_end(f, 1, "boom");
    kids_expect_events(f, "-b:boom -c:shutdown -a:shutdown");
    kids_expect_answers(f, "exit:shutdown\n");
    assert_true(kids_supervisor_gone(f));
}

static void intensity__zero__first_crash_ends_it(void **state)
{
    struct fixture *f = *state;
    f->spec.intensity = 0;
    kids_start(f);
    kids_end(f, 0, "boom");
    kids_expect_events(f, "-a:boom -c:shutdown -b:shutdown");
    assert_true(kids_supervisor_gone(f));
}

static bool period_over(struct fixture *f)
{
    return uv_now(&f->loop) > 1100 + f->node.started_ms;
}

static void on_wake(uv_timer_t *timer) {}

static void intensity__old_restarts__do_not_count(void **state)
{
    struct fixture *f = *state;
    f->spec.intensity = 1;
    f->spec.period_s = 1;
    kids_start(f);
    kids_end(f, 1, "boom");
    uv_timer_t wake; /* the period itself is what is tested: it has to pass */
    uv_timer_init(&f->loop, &wake);
    uv_timer_start(&wake, on_wake, 1, 20);
    f->node.started_ms = uv_now(&f->loop);
    kids_wait_until(f, period_over);
    uv_close((uv_handle_t *)&wake, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    kids_end(f, 1, "boom");
    assert_true(kids_supervisor_alive(f));
    kids_end(f, 1, "boom");
    assert_true(kids_supervisor_gone(f));
}

static int nested_start(struct process *supervisor, void *argument, struct process **child)
{
    struct fixture *f = argument;
    int status = supervisor_start(supervisor->node, &f->spec, supervisor, NULL, &f->supervisor);
    if (status == 0)
        *child = &f->supervisor->process;
    return status;
}

static void nested__inner_gives_up__outer_starts_it_again(void **state)
{
    struct fixture *f = *state;
    f->spec.intensity = 0;
    struct child_spec inner = {.number = 1,
                               .start = nested_start,
                               .argument = f,
                               .restart = PERMANENT,
                               .shutdown_ms = SHUTDOWN_INFINITY,
                               .type = CHILD_SUPERVISOR,
                               .module = "inner"};
    struct supervisor_spec spec = {
        .strategy = ONE_FOR_ONE, .intensity = 1, .period_s = 60, .children = &inner, .child_count = 1};
    struct gen_server *outer;
    assert_int_equal(supervisor_start(&f->node, &spec, NULL, NULL, &outer), 0);
    f->supervisor_id = outer->process.id;
    kids_expect_events(f, "+a +b +c");
    kids_end(f, 0, "boom");
    kids_expect_events(f, "-a:boom -c:shutdown -b:shutdown +a +b +c");
    kids_call(f, "count_children");
    kids_expect_answers(f, "[{specs,1},{active,1},{supervisors,1},{workers,0}]\n");
    supervisor_shutdown(outer);
    kids_run(f);
    kids_expect_events(f, "-c:shutdown -b:shutdown -a:shutdown");
    assert_int_equal(f->node.process_count, 1);
}

/* Starts that fail. */

static void restart__fails_twice__is_tried_until_it_works(void **state)
{
    struct fixture *f = *state;
    kids_start(f);
    f->kids[1].fail_from = 2;
    f->kids[1].fail_until = 3;
    kids_end(f, 1, "boom");
    kids_expect_events(f, "-b:boom !b !b +b");
    kids_expect_pids(f, "<a.1>", "<b.2>", "<c.1>");
}

static void restart__fails_for_ever__exceeds_the_intensity(void **state)
{
    struct fixture *f = *state;
    f->spec.intensity = 3;
    kids_start(f);
    f->kids[1].fail_from = 2;
    f->kids[1].fail_until = 1000;
    kids_end(f, 1, "boom");
    kids_expect_events(f, "-b:boom !b !b !b -c:shutdown -a:shutdown");
    assert_true(kids_supervisor_gone(f));
}

static void one_for_all__start_fails_in_the_middle__all_end_and_start_again(void **state)
{
    struct fixture *f = *state;
    f->spec.strategy = ONE_FOR_ALL;
    kids_start(f);
    f->kids[1].fail_from = f->kids[1].fail_until = 2;
    kids_end(f, 2, "boom");
    kids_expect_events(f, "-c:boom -b:shutdown -a:shutdown +a !b -a:shutdown +a +b +c");
}

static void rest_for_one__start_fails_in_the_middle__goes_on_from_there(void **state)
{
    struct fixture *f = *state;
    f->spec.strategy = REST_FOR_ONE;
    kids_start(f);
    f->kids[1].fail_from = f->kids[1].fail_until = 2;
    kids_end(f, 0, "boom");
    kids_expect_events(f, "-a:boom -c:shutdown -b:shutdown +a !b +b +c");
}

static void post_calls(struct fixture *f, const char *const *requests)
{
    for (; *requests != NULL; requests++) {
        struct buf message = BUF_EMPTY;
        kids_write_call(f, &message);
        etf_write_tuple(&message, 2);
        etf_write_atom(&message, *requests);
        etf_write_atom(&message, "b");
        process_post(&f->supervisor->process, buf_slice(&message));
        buf_release(&message);
    }
}

static void restarting__calls_between_two_tries__see_restarting(void **state)
{
    static const char *const requests[] = {"restart_child",   "delete_child",  "start_child",
                                           "terminate_child", "restart_child", NULL};
    struct fixture *f = *state;
    kids_start(f);
    f->kids[1].fail_from = f->kids[1].fail_until = 2;
    process_pause(&f->supervisor->process);
    kids_end(f, 1, "boom"); /* its exit message stands first, */
    post_calls(f, requests);
    process_resume(&f->supervisor->process); /* the message for the next try last */
    kids_run(f);
    /* terminate_child put an end to the tries: the next one does nothing, restart_child started b. */
    kids_expect_events(f, "-b:boom !b +b");
    kids_expect_answers(f, "{error,restarting}\n{error,restarting}\n{error,{invalid_child_spec,b}}\nok\n"
                           "{ok,<b.2>}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIDS_TEST(start__children__run_linked_in_order),
        KIDS_TEST(start__own_module__is_shown),
        KIDS_TEST(start__no_children__answers_empty_list),
        KIDS_TEST(start__third_child_fails__others_end_in_reverse_order),
        KIDS_TEST(start__first_child_fails__nothing_is_left),
        KIDS_TEST(start__name_taken__no_child_starts),
        KIDS_TEST(one_for_one__middle_child_crashes__only_it_is_new),
        KIDS_TEST(one_for_all__middle_child_crashes__all_are_new),
        KIDS_TEST(rest_for_one__middle_child_crashes__it_and_the_later_are_new),
        KIDS_TEST(one_for_all__terminated_and_temporary_children__start_again_or_are_gone),
        KIDS_TEST(one_for_all__all_crash_at_once__count_as_one_restart),
        KIDS_TEST(rest_for_one__earlier_child_crashes_during_restart__restarts_from_there),
        KIDS_TEST(one_for_all__child_started_again_ends_while_waiting__is_not_lost),
        KIDS_TEST(permanent__normal_exit__restarted),
        KIDS_TEST(permanent__shutdown__restarted),
        KIDS_TEST(transient__crash__restarted),
        KIDS_TEST(transient__killed__restarted),
        KIDS_TEST(transient__normal_exit__stays_undefined),
        KIDS_TEST(transient__shutdown__stays_undefined),
        KIDS_TEST(transient__shutdown_tuple__stays_undefined),
        KIDS_TEST(temporary__crash__removed),
        KIDS_TEST(temporary__normal_exit__removed),
        KIDS_TEST(intensity__reached_but_not_exceeded__lives),
        KIDS_TEST(intensity__exceeded__children_end_in_reverse_and_it_ends_with_shutdown),
        KIDS_TEST(intensity__zero__first_crash_ends_it),
        KIDS_TEST(intensity__old_restarts__do_not_count),
        KIDS_TEST(nested__inner_gives_up__outer_starts_it_again),
        KIDS_TEST(restart__fails_twice__is_tried_until_it_works),
        KIDS_TEST(restart__fails_for_ever__exceeds_the_intensity),
        KIDS_TEST(one_for_all__start_fails_in_the_middle__all_end_and_start_again),
        KIDS_TEST(rest_for_one__start_fails_in_the_middle__goes_on_from_there),
        KIDS_TEST(restarting__calls_between_two_tries__see_restarting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
