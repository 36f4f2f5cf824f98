/* todo/database_worker: a process in front of the store. */
#include "unit.h"

#include "base/mem.h"
#include "fake_node.h"
#include "todo/database_worker.h"

static int setup(void **state)
{
    struct fake *f = mem_zalloc(sizeof *f);
    fake_open(f);
    fake_open_store(f, 1);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fake_close(*state);
    mem_free(*state);
    return 0;
}

static struct process *start(struct fake *f)
{
    struct process *worker = NULL;
    assert_int_equal(database_worker_start(f->probe, &f->database, &worker), 0);
    assert_non_null(worker);
    return worker;
}

static void database_worker__get_and_store__as_in_the_book(void **state)
{
    struct fake *f = *state;
    struct process *worker = start(f);
    fake_ask(f, worker, "{get, k}", "nil");
    fake_cast(f, worker, "{store, k, {some, value}}");
    fake_ask(f, worker, "{get, k}", "{some, value}");
    fake_ask(f, worker, "{delete, k}", "ok");
    fake_ask(f, worker, "keys", "[]");
}

static void database_worker__unknown__is_answered_or_counted(void **state)
{
    struct fake *f = *state;
    struct process *worker = start(f);
    fake_ask(f, worker, "{choose_worker, k}", "{error, {bad_request, {choose_worker, k}}}");
    uint64_t bad = f->node.bad_messages;
    fake_cast(f, worker, "{get, k}");
    fake_cast(f, worker, "{store, {}, k}");
    fake_send(f, worker, "hello");
    assert_int_equal(f->node.bad_messages, bad + 3);
    fake_ask(f, worker, "{get, k}", "nil");
}

static void database_worker__suspended__answers_what_was_asked_before(void **state)
{
    struct fake *f = *state;
    struct process *worker = start(f);
    fake_disk_hold(f, FS_OPEN);
    unsigned stored = fake_call(f, worker, "{store, k, 1}");
    fake_expect(f, fake_system(f, worker, "suspend"), "ok");
    unsigned got = fake_call(f, worker, "{get, k}");
    fake_disk_go(f);
    fake_expect(f, stored, "ok");
    fake_turns(f);
    assert_false(fake_replied(f, got));
    fake_expect(f, fake_system(f, worker, "resume"), "ok");
    fake_expect(f, got, "1");
}

static void database_worker__supervisor_ends__ends_too(void **state)
{
    struct fake *f = *state;
    struct process *worker = start(f), *child = NULL;
    assert_int_equal(database_worker_start(worker, &f->database, &child), 0);
    unsigned down = fake_watch(f, child);
    fake_exit(f, worker, "shutdown");
    fake_expect(f, down, "shutdown");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(database_worker__get_and_store__as_in_the_book),
        T(database_worker__unknown__is_answered_or_counted),
        T(database_worker__suspended__answers_what_was_asked_before),
        T(database_worker__supervisor_ends__ends_too),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
