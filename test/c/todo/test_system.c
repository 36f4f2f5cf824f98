/* todo/system: the whole tree, its start and its end. */
#include "unit.h"

#include "base/error.h"
#include "base/mem.h"
#include "fake_node.h"
#include "runtime/registry.h"
#include "todo/system.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct test {
    struct fake f; /* first */
    struct todo_system *system;
    unsigned failed;  /* calls of config.failed */
    unsigned stopped; /* calls of done */
    int status;       /* that it brought */
};

static void on_failed(void *ctx)
{
    ((struct test *)ctx)->failed++;
}

static void on_stopped(void *ctx, int status)
{
    struct test *test = ctx;
    test->stopped++;
    test->status = status;
}

static struct todo_config config_of(struct test *test)
{
    return (struct todo_config){.node = &test->f.node,
                                .persist = test->f.folder,
                                .workers = 3,
                                .lists_max = 100,
                                .failed = on_failed,
                                .ctx = test};
}

static void start(struct test *test)
{
    struct todo_config config = config_of(test);
    assert_int_equal(todo_start(&test->system, &config), 0);
}

static bool is_stopped(struct fake *f, void *argument)
{
    return ((struct test *)f)->stopped > 0;
}

static void await_stopped(struct test *test)
{
    fake_until(&test->f, is_stopped, NULL, "the system stops");
    fake_turns(&test->f);
    assert_int_equal(test->stopped, 1);
    todo_free(test->system);
    test->system = NULL;
    test->stopped = 0;
}

static void stop(struct test *test)
{
    todo_stop(test->system, on_stopped, test);
    await_stopped(test);
}

static int setup(void **state)
{
    struct test *test = mem_zalloc(sizeof *test);
    fake_open(&test->f);
    *state = test;
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;
    if (test->system != NULL)
        stop(test);
    fake_close(&test->f);
    mem_free(test);
    return 0;
}

static struct process *named(struct test *test, const char *name)
{
    return fake_named(&test->f, name);
}

static struct process *list(struct test *test, const char *name)
{
    char request[128];
    snprintf(request, sizeof request, "{server_process, %s}", name);
    return fake_process(&test->f, fake_call(&test->f, named(test, "Elixir.Todo.Cache"), request));
}

static bool is_registered(struct test *test, const char *name)
{
    return registry_find(&test->f.node, slice_of_text(name)) != NULL;
}

/* ---- start ---- */

static void todo_start__empty_folder__everybody_is_there(void **state)
{
    struct test *test = *state;
    struct fake *f = &test->f;
    start(test);
    fake_ask(f, named(test, "Elixir.Todo.System"), "count_children",
             "[{specs, 3}, {active, 3}, {supervisors, 2}, {workers, 1}]");
    fake_ask(f, named(test, "Elixir.Todo.Database"), "count_children",
             "[{specs, 3}, {active, 3}, {supervisors, 0}, {workers, 3}]");
    fake_ask(f, list(test, "<<\"bob\">>"), "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_ask(f, named(test, "Elixir.Todo.Database"), "keys", "[<<\"bob\">>]");
    fake_ask(f, named(test, "Elixir.Todo.List"),
             "{size, #{'__struct__' => 'Elixir.Todo.List', entries => #{}, next_id => 1}}", "0");
}

static void todo_start__stopped_and_started__has_everything(void **state)
{
    struct test *test = *state;
    for (int i = 0; i < 3; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "{ok, %d}", i + 1);
        start(test);
        fake_ask(&test->f, list(test, "bob"), "{add_entry, #{date => 1}}", expected);
        stop(test);
        assert_int_equal(test->status, 0);
        assert_int_equal(test->failed, 0);
        assert_int_equal(fake_dot_files(&test->f), 0);
        assert_false(is_registered(test, "Elixir.Todo.System"));
        assert_false(is_registered(test, "Elixir.Todo.Cache"));
    }
}

static void assert_refused(struct test *test, const char *folder, unsigned workers, int status)
{
    struct todo_config config = config_of(test);
    uint32_t processes = test->f.node.process_count;
    config.persist = folder;
    config.workers = workers;
    assert_int_equal(todo_start(&test->system, &config), status);
    assert_null(test->system);
    assert_int_equal(test->f.node.process_count, processes);
}

static void todo_start__unusable_folder__tells_why(void **state)
{
    struct test *test = *state;
    char path[64];
    snprintf(path, sizeof path, "%s/file", test->f.folder);
    fake_write_file(&test->f, "file", slice_of("x", 1));
    assert_refused(test, path, 3, -ENOTDIR);
    snprintf(path, sizeof path, "%s/file/below", test->f.folder);
    assert_refused(test, path, 3, -ENOTDIR);
    assert_refused(test, "", 3, -ENOENT);
    assert_refused(test, test->f.folder, 0, ERR_BADARG);
    assert_refused(test, test->f.folder, DATABASE_WORKERS_MAX + 1, ERR_BADARG);
    fake_open_store(&test->f, 1);
    assert_refused(test, test->f.folder, 3, ERR_LOCKED);
}

static void todo_start__leftovers_of_a_crash__are_removed(void **state)
{
    struct test *test = *state;
    fake_write_file(&test->f, ".tmp-7", slice_of("half", 4));
    start(test);
    assert_int_equal(fake_dot_files(&test->f), 0);
}

/* ---- the guardian: any node may send it whatever it likes ---- */

static struct process *guardian(struct test *test)
{
    const struct node *node = &test->f.node;
    for (uint32_t slot = 1; slot < node->slot_used; slot++) {
        struct process *process = node->slots[slot].process;
        if (process != NULL && strcmp(process->type->module, "todo_guardian") == 0)
            return process;
    }
    return NULL;
}

static void guardian__killed__the_end_is_noticed_all_the_same(void **state)
{
    struct test *test = *state;
    start(test);
    for (int i = 0; i < 3; i++) {
        assert_non_null(guardian(test));
        fake_exit(&test->f, guardian(test), "kill");
        fake_turns(&test->f);
    }
    stop(test);
    assert_int_equal(test->status, 0);
    assert_int_equal(test->failed, 0);
    assert_null(guardian(test));
}

static void guardian__killed_together_with_the_system__failed_is_called_once(void **state)
{
    struct test *test = *state;
    start(test);
    struct process *watching = guardian(test);
    fake_exit(&test->f, named(test, "Elixir.Todo.System"), "kill");
    fake_exit(&test->f, watching, "kill");
    fake_turns(&test->f);
    assert_int_equal(test->failed, 1);
}

static void guardian__told_of_an_end_that_was_none__goes_on(void **state)
{
    struct test *test = *state;
    start(test);
    fake_send(&test->f, guardian(test), "{'DOWN', a, process, b, c}");
    fake_turns(&test->f);
    assert_int_equal(test->failed, 0);
    assert_true(is_registered(test, "Elixir.Todo.System"));
}

/* ---- stop ---- */

static void todo_stop__changes_under_way__are_answered_and_on_disk(void **state)
{
    enum { LISTS = 50, CHANGES = 20 };
    struct test *test = *state;
    struct fake *f = &test->f;
    char text[64];
    start(test);
    struct process *lists[LISTS];
    for (int i = 0; i < LISTS; i++) {
        snprintf(text, sizeof text, "%d", i);
        lists[i] = list(test, text); /* most of them are still being loaded */
    }
    unsigned first = f->tags;
    for (int i = 0; i < LISTS * CHANGES; i++)
        fake_call(f, lists[i % LISTS], "{add_entry, #{date => 1}}");
    unsigned end = f->tags;
    for (int i = 0; i < LISTS; i++)
        fake_cast(f, lists[i], "{add_entry, #{date => 1}}");
    stop(test);
    assert_int_equal(test->status, 0);
    for (unsigned tag = first; tag < end; tag++)
        assert_true(fake_replied(f, tag));
    start(test);
    for (int i = 0; i < LISTS; i++) {
        snprintf(text, sizeof text, "%d", i);
        fake_ask(f, list(test, text), "size", "21");
    }
}

static void todo_stop__calls_to_the_database__are_answered(void **state)
{
    struct test *test = *state;
    struct fake *f = &test->f;
    start(test);
    unsigned tags[] = {fake_call(f, named(test, "Elixir.Todo.Database"), "{store, a, 1}"),
                       fake_call(f, named(test, "Elixir.Todo.Database"), "{get, a}"),
                       fake_call(f, named(test, "Elixir.Todo.Database"), "keys"),
                       fake_call(f, named(test, "Elixir.Todo.Database"), "sync")};
    stop(test);
    fake_expect(f, tags[0], "ok");
    fake_expect(f, tags[1], "1");
    fake_expect(f, tags[2], "[a]");
    fake_expect(f, tags[3], "ok");
}

static void todo_stop__lists__end_with_shutdown(void **state)
{
    struct test *test = *state;
    start(test);
    unsigned down = fake_watch(&test->f, list(test, "bob"));
    unsigned system = fake_watch(&test->f, named(test, "Elixir.Todo.System"));
    stop(test);
    fake_expect(&test->f, down, "shutdown");
    fake_expect(&test->f, system, "shutdown");
    assert_int_equal(test->failed, 0);
}

static void todo_stop__disk_fails__is_told(void **state)
{
    struct test *test = *state;
    struct fake *f = &test->f;
    char away[64];
    snprintf(away, sizeof away, "%s.away", f->folder);
    start(test);
    struct process *bob = list(test, "bob");
    fake_ask(f, bob, "size", "0");
    assert_int_equal(rename(f->folder, away), 0);
    fake_cast(f, bob, "{add_entry, #{date => 1}}");
    unsigned added = fake_call(f, bob, "{add_entry, #{date => 1}}");
    stop(test);
    assert_int_equal(rename(away, f->folder), 0);
    fake_expect(f, added, "{error, enoent}");
    assert_int_equal(test->status, -ENOENT);
}

/* What failed long ago has been answered long ago. */
static void todo_stop__disk_failed_before__is_no_failure(void **state)
{
    struct test *test = *state;
    struct fake *f = &test->f;
    char away[64];
    snprintf(away, sizeof away, "%s.away", f->folder);
    start(test);
    assert_int_equal(rename(f->folder, away), 0);
    fake_ask(f, named(test, "Elixir.Todo.Database"), "{store, a, 1}", "{error, enoent}");
    assert_int_equal(rename(away, f->folder), 0);
    stop(test);
    assert_int_equal(test->status, 0);
}

static void todo_stop__at_once__ends(void **state)
{
    struct test *test = *state;
    start(test);
    stop(test);
    assert_int_equal(test->status, 0);
}

/* ---- parts that end ---- */

static void todo_system__cache_killed__is_started_again(void **state)
{
    struct test *test = *state;
    struct fake *f = &test->f;
    start(test);
    struct process *bob = list(test, "bob");
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    unsigned down = fake_watch(f, bob);
    fake_exit(f, named(test, "Elixir.Todo.Cache"), "kill");
    fake_expect(f, down, "killed");
    fake_turns(f);
    fake_ask(f, list(test, "bob"), "size", "1");
    assert_int_equal(test->failed, 0);
}

static void todo_system__database_killed__takes_the_cache_with_it(void **state)
{
    struct test *test = *state;
    struct fake *f = &test->f;
    start(test);
    struct process *bob = list(test, "bob");
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    unsigned down = fake_watch(f, bob), cache = fake_watch(f, named(test, "Elixir.Todo.Cache"));
    fake_exit(f, named(test, "Elixir.Todo.Database"), "kill");
    fake_expect(f, cache, "shutdown");
    fake_expect(f, down, "shutdown");
    fake_turns(f);
    fake_ask(f, list(test, "bob"), "size", "1");
    fake_ask(f, named(test, "Elixir.Todo.Database"), "keys", "[bob]");
}

static void assert_failed_once(struct test *test)
{
    fake_turns(&test->f);
    assert_int_equal(test->failed, 1);
    assert_false(is_registered(test, "Elixir.Todo.Cache"));
    stop(test);
    assert_int_equal(test->failed, 1);
    assert_int_equal(test->status, 0);
}

static void todo_system__killed__failed_is_called_once(void **state)
{
    struct test *test = *state;
    struct fake *f = &test->f;
    start(test);
    unsigned down = fake_watch(f, list(test, "bob"));
    fake_cast(f, list(test, "bob"), "{add_entry, #{date => 1}}");
    fake_ask(f, list(test, "bob"), "size", "1");
    fake_cast(f, list(test, "bob"), "{add_entry, #{date => 1}}");
    fake_exit(f, named(test, "Elixir.Todo.System"), "kill");
    fake_expect(f, down, "killed");
    assert_failed_once(test);
    start(test);
    test->failed = 0;
    fake_ask(f, list(test, "bob"), "size", "2");
}

static void todo_system__stopped_by_a_message__failed_is_called_once(void **state)
{
    struct test *test = *state;
    start(test);
    fake_expect(&test->f, fake_system(&test->f, named(test, "Elixir.Todo.System"), "{terminate, normal}"),
                "ok");
    assert_failed_once(test);
}

static void todo_system__part_that_keeps_dying__failed_is_called_once(void **state)
{
    struct test *test = *state;
    start(test);
    for (int i = 0; i < 4; i++) {
        fake_exit(&test->f, named(test, "Elixir.Todo.List"), "kill");
        fake_turns(&test->f);
    }
    assert_failed_once(test);
}

static void todo_stop__system_killed_meanwhile__stops_once(void **state)
{
    struct test *test = *state;
    struct fake *f = &test->f;
    start(test);
    struct process *bob = list(test, "bob");
    for (int i = 0; i < 100; i++)
        fake_cast(f, bob, "{add_entry, #{date => 1}}");
    todo_stop(test->system, on_stopped, test);
    fake_exit(f, named(test, "Elixir.Todo.System"), "kill");
    await_stopped(test);
    assert_int_equal(test->failed, 0);
    assert_int_equal(test->status, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(todo_start__empty_folder__everybody_is_there),
        T(todo_start__stopped_and_started__has_everything),
        T(todo_start__unusable_folder__tells_why),
        T(todo_start__leftovers_of_a_crash__are_removed),
        T(guardian__killed__the_end_is_noticed_all_the_same),
        T(guardian__killed_together_with_the_system__failed_is_called_once),
        T(guardian__told_of_an_end_that_was_none__goes_on),
        T(todo_stop__changes_under_way__are_answered_and_on_disk),
        T(todo_stop__calls_to_the_database__are_answered),
        T(todo_stop__lists__end_with_shutdown),
        T(todo_stop__disk_fails__is_told),
        T(todo_stop__disk_failed_before__is_no_failure),
        T(todo_stop__at_once__ends),
        T(todo_system__cache_killed__is_started_again),
        T(todo_system__database_killed__takes_the_cache_with_it),
        T(todo_system__killed__failed_is_called_once),
        T(todo_system__stopped_by_a_message__failed_is_called_once),
        T(todo_system__part_that_keeps_dying__failed_is_called_once),
        T(todo_stop__system_killed_meanwhile__stops_once),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
