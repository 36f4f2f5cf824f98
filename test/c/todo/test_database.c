/* todo/database: the supervisor of the workers, and what it tells the store of keys and values. */
#include "unit.h"

#include "base/error.h"
#include "base/mem.h"
#include "fake_node.h"
#include "fake_terms.h"
#include "todo/key.h"

#include <stdio.h>

static int setup_with(void **state, unsigned workers)
{
    struct fake *f = mem_zalloc(sizeof *f);
    struct process *database = NULL;
    fake_open(f);
    fake_open_store(f, workers);
    *state = f;
    return database_start(f->probe, &f->database, &database);
}

static int setup(void **state)
{
    return setup_with(state, 3);
}

static int setup_many(void **state)
{
    return setup_with(state, DATABASE_WORKERS_MAX);
}

static int teardown(void **state)
{
    fake_close(*state);
    mem_free(*state);
    return 0;
}

static struct process *database(struct fake *f)
{
    return fake_named(f, "Elixir.Todo.Database");
}

static struct process *worker(struct fake *f, const char *key)
{
    char request[400];
    snprintf(request, sizeof request, "{choose_worker, %s}", key);
    return fake_process(f, fake_call(f, database(f), request));
}

/* erlang:phash2(Key, 3) */
static void database_worker_index__any_key__is_phash2(void **state)
{
    struct fake *f = *state;
    static const struct {
        const char *key;
        unsigned index; /* of 3 */
        unsigned of_64;
    } keys[] = {
        {"<<\"bob\">>", 0, 8}, {"bob", 1, 18}, {"\"bob\"", 2, 42}, {"7", 0, 30}, {"<<\"\">>", 1, 37},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct database of_64 = {.workers = 64};
        struct slice key = fake_term(keys[i].key);
        assert_int_equal(database_worker_index(&f->database, key), keys[i].index);
        assert_int_equal(database_worker_index(&of_64, key), keys[i].of_64);
        fake_free(key);
    }
}

static void choose_worker__same_key__same_worker(void **state)
{
    struct fake *f = *state;
    struct process *chosen = worker(f, "<<\"bob\">>");
    assert_ptr_equal(worker(f, "<<\"bob\">>"), chosen);
    assert_string_equal(chosen->type->module, "Elixir.Todo.DatabaseWorker");
    struct process *others[] = {worker(f, "1"), worker(f, "2"), worker(f, "3"),
                                worker(f, "4"), worker(f, "5"), worker(f, "6")};
    bool differ = false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        differ = differ || others[i] != chosen;
    assert_true(differ);
}

static void choose_worker__no_key__is_badarg(void **state)
{
    struct fake *f = *state;
    fake_ask(f, database(f), "{choose_worker, {a, tuple}}", "{error, badarg}");
    fake_ask(f, database(f), "{choose_worker, #{}}", "{error, badarg}");
    fake_ask(f, database(f), "choose_worker", "{error, {bad_request, choose_worker}}");
}

static void database__worker_killed__is_started_again_and_nothing_is_lost(void **state)
{
    struct fake *f = *state;
    fake_ask(f, database(f), "{store, <<\"bob\">>, one}", "ok");
    struct process *before = worker(f, "<<\"bob\">>");
    process_id id = before->id;
    unsigned down = fake_watch(f, before);
    fake_exit(f, before, "kill");
    fake_expect(f, down, "killed");
    struct process *after = worker(f, "<<\"bob\">>");
    assert_true(after->id != id);
    fake_ask(f, after, "{get, <<\"bob\">>}", "one");
}

static void database__worker_killed_with_calls_in_flight__the_store_goes_on(void **state)
{
    struct fake *f = *state;
    struct process *before = worker(f, "<<\"bob\">>");
    fake_disk_hold(f, FS_OPEN);
    unsigned tags[] = {fake_call(f, before, "{store, <<\"bob\">>, one}"), fake_call(f, before, "keys"),
                       fake_call(f, before, "sync"), fake_call(f, before, "{delete, alice}")};
    unsigned down = fake_watch(f, before);
    fake_disk_await(f);
    fake_exit(f, before, "kill");
    fake_expect(f, down, "killed");
    fake_disk_go(f);
    fake_ask(f, worker(f, "<<\"bob\">>"), "{get, <<\"bob\">>}", "one");
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        assert_false(fake_replied(f, tags[i]));
}

static void database__too_many_workers_killed__ends_with_shutdown(void **state)
{
    struct fake *f = *state;
    unsigned down = fake_watch(f, database(f));
    for (int i = 0; i < 4 && !fake_replied(f, down); i++) {
        struct process *victim = worker(f, "<<\"bob\">>");
        unsigned dead = fake_watch(f, victim);
        fake_exit(f, victim, "kill");
        fake_reply(f, dead);
        fake_turns(f);
    }
    fake_expect(f, down, "shutdown");
}

static void database__calls_to_itself__are_answered(void **state)
{
    struct fake *f = *state;
    fake_ask(f, database(f), "{get, <<\"bob\">>}", "nil");
    fake_cast(f, database(f), "{store, <<\"bob\">>, #{a => 1}}");
    fake_ask(f, database(f), "{get, <<\"bob\">>}", "#{a => 1}");
    fake_ask(f, database(f), "{delete, <<\"bob\">>}", "ok");
    fake_ask(f, database(f), "keys", "[]");
    fake_ask(f, database(f), "sync", "ok");
    fake_ask(f, database(f), "{get}", "{error, {bad_request, {get}}}");
    uint64_t bad = f->node.bad_messages;
    fake_cast(f, database(f), "{store, {no, key}, 1}");
    fake_cast(f, database(f), "{delete, {no, key}}");
    fake_cast(f, database(f), "hello");
    assert_int_equal(f->node.bad_messages, bad + 3);
    fake_ask(f, database(f), "count_children", "[{specs, 3}, {active, 3}, {supervisors, 0}, {workers, 3}]");
}

static void database__most_workers__all_serve(void **state)
{
    struct fake *f = *state;
    char text[64];
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "{store, %d, value}", i);
        fake_call(f, database(f), text);
    }
    fake_ask(f, database(f), "sync", "ok");
    fake_ask(f, database(f), "{get, 199}", "value");
    fake_ask(f, database(f), "count_children",
             "[{specs, 64}, {active, 64}, {supervisors, 0}, {workers, 64}]");
}

static void store_ops__fold_and_file_name__are_the_list_s_and_the_key_s(void **state)
{
    struct store_ops ops = database_store_ops();
    char name[256];
    struct buf out = BUF_EMPTY;
    struct slice key = fake_term("<<\"a/b\">>");
    struct slice change = fake_term("{add, 1, [#{date => 1, id => 1}]}");
    ops.file_name(ops.ctx, key, name);
    assert_string_equal(name, "a%2Fb");
    assert_int_equal(ops.fold(ops.ctx, slice_of(NULL, 0), change, &out), 0);
    assert_int_equal(out.data[0], 131);
    fake_same(
        buf_slice_from(&out, 1),
        "#{'__struct__' => 'Elixir.Todo.List', entries => #{1 => #{date => 1, id => 1}}, next_id => 2}");
    assert_int_equal(ops.fold(ops.ctx, slice_of_text("rubbish"), change, &out), ERR_CORRUPT);
    fake_free(key);
    fake_free(change);
    buf_release(&out);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(database_worker_index__any_key__is_phash2),
        T(choose_worker__same_key__same_worker),
        T(choose_worker__no_key__is_badarg),
        T(database__worker_killed__is_started_again_and_nothing_is_lost),
        T(database__worker_killed_with_calls_in_flight__the_store_goes_on),
        T(database__too_many_workers_killed__ends_with_shutdown),
        T(database__calls_to_itself__are_answered),
        cmocka_unit_test_setup_teardown(database__most_workers__all_serve, setup_many, teardown),
        cmocka_unit_test(store_ops__fold_and_file_name__are_the_list_s_and_the_key_s),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
