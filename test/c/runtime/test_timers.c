#include "runtime/fake_peer.h"

#include "runtime/timers.h"

/* A text that may be written to, as long as the block. */
#define TEXT(text) ((char[]){text})

/* Posts its argument, a text, to the process: what fired when is what the process receives. */
static void post(struct process *self, void *argument)
{
    fake_deliver(self, argument);
    assert_int_equal(self->running, 1);
}

static void end(struct process *self, void *argument)
{
    fake_exit(self, argument);
    assert_false(self->dead); /* its own code runs to completion */
}

static void run_loop(struct fake *f)
{
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void timer_start__time_over__fires_once(void **state)
{
    struct fake *f = *state;
    timer_start(fake_probe(f), 1, post, TEXT("fired"));
    fake_expect(f, 1, "");
    run_loop(f);
    fake_expect(f, 1, "fired");
}

static void timer_start__several__fire_by_their_times(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    timer_start(process, 20, post, TEXT("last"));
    timer_start(process, 1, post, TEXT("second"));
    timer_start(process, 0, post, TEXT("first"));
    timer_start(process, 1, post, TEXT("third"));
    run_loop(f);
    fake_expect(f, 1, "first second third last");
}

static void timer_start__two_processes__each_has_its_own(void **state)
{
    struct fake *f = *state;
    struct process *one = fake_probe(f), *two = fake_probe(f);
    timer_start(two, 0, post, TEXT("second"));
    timer_start(one, 1, post, TEXT("first"));
    run_loop(f);
    fake_expect(f, 1, "first");
    fake_expect(f, 2, "second");
}

static void timer_start__not_yet__waits_its_time(void **state)
{
    struct fake *f = *state;
    uint64_t start = node_now_ms(&f->node);
    timer_start(fake_probe(f), 30, post, TEXT("fired"));
    run_loop(f);
    assert_true(node_now_ms(&f->node) >= start + 30);
    fake_expect(f, 1, "fired");
}

static void timer_start__exit_when_it_fires__process_ends(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    timer_start(process, 0, end, TEXT("over"));
    timer_start(process, 1, post, TEXT("never"));
    run_loop(f);
    fake_expect_events(f, "<0.1.0>:over");
    fake_expect(f, 1, "");
    assert_int_equal(f->node.depth, 0);
}

static void timer_start__process_ended_and_its_slot_used__does_nothing(void **state)
{
    struct fake *f = *state;
    timer_start(fake_probe(f), 1, post, TEXT("never"));
    fake_exit(fake_process(f, 1), "over");
    fake_probe(f);
    run_loop(f);
    fake_expect(f, 1, "");
    fake_expect(f, 2, "");
}

static void timer_cancel__before_its_time__does_not_fire(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    struct timer *timer = timer_start(process, 0, post, TEXT("never"));
    timer_start(process, 1, post, TEXT("other"));
    timer_cancel(timer);
    run_loop(f);
    fake_expect(f, 1, "other");
}

static void timer_cancel__process_ended__is_allowed(void **state)
{
    struct fake *f = *state;
    struct timer *timer = timer_start(fake_probe(f), 60000, post, TEXT("never"));
    fake_exit(fake_process(f, 1), "over");
    timer_cancel(timer);
    run_loop(f);
}

static void start_another(struct process *self, void *argument)
{
    timer_start(self, 0, post, argument);
}

static void timer_start__from_a_timer__fires_too(void **state)
{
    struct fake *f = *state;
    timer_start(fake_probe(f), 0, start_another, TEXT("second"));
    run_loop(f);
    fake_expect(f, 1, "second");
}

static void cancel(struct process *self, void *argument)
{
    timer_cancel(argument);
}

static void timer_cancel__by_a_timer_of_the_same_moment__does_not_fire(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    struct timer *timer = timer_start(process, 1, post, TEXT("never"));
    timer_start(process, 0, cancel, timer);
    run_loop(f);
    fake_expect(f, 1, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(timer_start__time_over__fires_once),
        FAKE_TEST(timer_start__several__fire_by_their_times),
        FAKE_TEST(timer_start__two_processes__each_has_its_own),
        FAKE_TEST(timer_start__not_yet__waits_its_time),
        FAKE_TEST(timer_start__exit_when_it_fires__process_ends),
        FAKE_TEST(timer_start__process_ended_and_its_slot_used__does_nothing),
        FAKE_TEST(timer_cancel__before_its_time__does_not_fire),
        FAKE_TEST(timer_cancel__process_ended__is_allowed),
        FAKE_TEST(timer_start__from_a_timer__fires_too),
        FAKE_TEST(timer_cancel__by_a_timer_of_the_same_moment__does_not_fire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
