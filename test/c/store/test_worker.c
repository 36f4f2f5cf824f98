/* Worker threads on a real loop. */
#include "store/worker.h"

#include "unit.h"

#include <stdlib.h>

enum { JOBS_MAX = 2000, DEADLINE_MS = 60000 };

struct numbered {
    struct job job; /* first */
    unsigned number;
    bool worked; /* set on the worker's thread */
};

/* A worker under test and what it did. */
struct fixture {
    uv_loop_t loop;
    uv_timer_t tick; /* wakes the loop, so that a wait can end in a failure */
    struct worker *worker;
    struct numbered jobs[JOBS_MAX];
    unsigned given;
    uv_mutex_t lock; /* held by the test: the worker waits in work */
    unsigned worked; /* on the thread */
    bool in_order;
    unsigned batch_max;
    unsigned chain;   /* jobs that work gives */
    unsigned batches; /* begun; atomic */
    uv_thread_t loop_thread;
    unsigned done;      /* on the loop thread */
    unsigned give_more; /* jobs that done gives */
    bool stop_in_done;  /* at the last one */
    bool stopped;
};

/* Numbers are those of the order in which they are to be done. */
static void give_numbered(struct fixture *f, unsigned number, void (*how)(struct worker *, struct job *))
{
    f->jobs[number].number = number;
    f->given++;
    how(f->worker, &f->jobs[number].job);
}

/* While one batch is done, the next one comes. */
static void give_next(struct fixture *f)
{
    if (f->chain == 0)
        return;
    f->chain--;
    /* The one of the other kind has its number already. */
    give_numbered(f, f->given - 1 < WORKER_FIRSTS_MAX ? f->given - 1 : f->given, worker_give_first);
}

static void work(void *ctx, struct job **jobs, unsigned count)
{
    struct fixture *f = ctx;
    uv_thread_t self = uv_thread_self();
    __atomic_add_fetch(&f->batches, 1, __ATOMIC_SEQ_CST);
    uv_mutex_lock(&f->lock);
    if (count < 1 || count > WORKER_BATCH_MAX || uv_thread_equal(&self, &f->loop_thread))
        f->in_order = false;
    if (count > f->batch_max)
        f->batch_max = count;
    give_next(f);
    for (unsigned i = 0; i < count; i++) {
        struct numbered *numbered = (struct numbered *)jobs[i];
        f->in_order &= numbered->number == f->worked++;
        numbered->worked = true;
    }
    uv_mutex_unlock(&f->lock);
}

static void give(struct fixture *f)
{
    struct numbered *numbered = &f->jobs[f->given];
    numbered->number = f->given++;
    worker_give(f->worker, &numbered->job);
}

static void on_stopped(void *ctx)
{
    struct fixture *f = ctx;
    assert_int_equal(f->done, f->given);
    f->stopped = true;
}

static void done(void *ctx, struct job *job)
{
    struct fixture *f = ctx;
    struct numbered *numbered = (struct numbered *)job;
    uv_thread_t self = uv_thread_self();
    assert_true(uv_thread_equal(&self, &f->loop_thread));
    assert_true(numbered->worked);
    assert_int_equal(numbered->number, f->done);
    f->done++;
    if (f->give_more > 0) {
        f->give_more--;
        give(f);
    } else if (f->stop_in_done && f->done == f->given) {
        worker_stop(f->worker, on_stopped, f);
    }
}

static void on_tick(uv_timer_t *tick) {}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->in_order = true;
    f->loop_thread = uv_thread_self();
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(uv_mutex_init(&f->lock), 0);
    uv_timer_init(&f->loop, &f->tick);
    uv_timer_start(&f->tick, on_tick, 100, 100);
    f->worker = worker_start(&(struct worker_config){.loop = &f->loop, .work = work, .done = done, .ctx = f});
    *state = f;
    return 0;
}

static void await_done(struct fixture *f, unsigned count)
{
    uint64_t deadline_ms = uv_hrtime() / 1000000 + DEADLINE_MS;
    while (f->done < count) {
        assert_true(uv_hrtime() / 1000000 < deadline_ms);
        uv_run(&f->loop, UV_RUN_ONCE);
    }
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    uv_close((uv_handle_t *)&f->tick, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->stopped);
    assert_true(f->in_order);
    assert_int_equal(f->worked, f->given);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    uv_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

static void give__many__done_and_handed_back_in_order(void **state)
{
    struct fixture *f = *state;
    while (f->given < JOBS_MAX)
        give(f);
    assert_int_equal(f->done, 0); /* not before the loop runs */
    await_done(f, JOBS_MAX);
    worker_stop(f->worker, on_stopped, f);
}

static void give__worker_busy__what_came_meanwhile_is_one_batch(void **state)
{
    struct fixture *f = *state;
    uv_mutex_lock(&f->lock);
    give(f);
    while (f->given < JOBS_MAX)
        give(f);
    uv_mutex_unlock(&f->lock);
    await_done(f, JOBS_MAX);
    assert_int_equal(f->batch_max, WORKER_BATCH_MAX);
    worker_stop(f->worker, on_stopped, f);
}

static void give__from_done__done_too(void **state)
{
    struct fixture *f = *state;
    f->give_more = JOBS_MAX - 1;
    give(f);
    await_done(f, JOBS_MAX);
    worker_stop(f->worker, on_stopped, f);
}

static void await_batches(struct fixture *f, unsigned batches)
{
    uint64_t deadline_ms = uv_hrtime() / 1000000 + DEADLINE_MS;
    while (__atomic_load_n(&f->batches, __ATOMIC_SEQ_CST) < batches)
        assert_true(uv_hrtime() / 1000000 < deadline_ms);
}

static void give_first__others_wait__before_them_in_a_batch_of_its_own(void **state)
{
    struct fixture *f = *state;
    uv_mutex_lock(&f->lock);
    give_numbered(f, 0, worker_give);
    await_batches(f, 1);
    give_numbered(f, 3, worker_give);
    give_numbered(f, 4, worker_give);
    give_numbered(f, 1, worker_give_first);
    give_numbered(f, 2, worker_give_first);
    uv_mutex_unlock(&f->lock);
    await_done(f, 5);
    assert_int_equal(f->batches, 3);
    assert_int_equal(f->batch_max, 2);
    worker_stop(f->worker, on_stopped, f);
}

/* However many of the first kind there are. */
static void give_first__again_and_again__the_others_have_their_turn(void **state)
{
    struct fixture *f = *state;
    uv_mutex_lock(&f->lock);
    give_numbered(f, 0, worker_give_first);
    await_batches(f, 1);
    give_numbered(f, WORKER_FIRSTS_MAX, worker_give);
    f->chain = 2 * WORKER_FIRSTS_MAX;
    uv_mutex_unlock(&f->lock);
    await_done(f, 2 + 2 * WORKER_FIRSTS_MAX);
    worker_stop(f->worker, on_stopped, f);
}

static void stop__jobs_waiting__handed_back_before_stopped(void **state)
{
    struct fixture *f = *state;
    while (f->given < JOBS_MAX)
        give(f);
    worker_stop(f->worker, on_stopped, f);
    assert_int_equal(f->done, JOBS_MAX);
    assert_false(f->stopped); /* from the loop only */
}

static void stop__never_used__stopped(void **state)
{
    struct fixture *f = *state;
    worker_stop(f->worker, on_stopped, f);
    assert_false(f->stopped);
}

static void stop__from_done__stopped(void **state)
{
    struct fixture *f = *state;
    f->stop_in_done = true;
    for (int i = 0; i < 10; i++)
        give(f);
    await_done(f, f->given);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(give__many__done_and_handed_back_in_order),
        TEST(give__worker_busy__what_came_meanwhile_is_one_batch),
        TEST(give__from_done__done_too),
        TEST(give_first__others_wait__before_them_in_a_batch_of_its_own),
        TEST(give_first__again_and_again__the_others_have_their_turn),
        TEST(stop__jobs_waiting__handed_back_before_stopped),
        TEST(stop__never_used__stopped),
        TEST(stop__from_done__stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
