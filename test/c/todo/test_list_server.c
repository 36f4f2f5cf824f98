/* todo/list_server: the process Todo.List. */
#include "unit.h"

#include "base/mem.h"
#include "fake_node.h"
#include "todo/list_server.h"

static int setup(void **state)
{
    struct fake *f = mem_zalloc(sizeof *f);
    struct process *child = NULL;
    fake_open(f);
    *state = f;
    return list_server_start(f->probe, NULL, &child);
}

static int teardown(void **state)
{
    fake_close(*state);
    mem_free(*state);
    return 0;
}

#define EMPTY "#{'__struct__' => 'Elixir.Todo.List', entries => #{}, next_id => 1}"

static void list_server__pure_functions__are_answered(void **state)
{
    struct fake *f = *state;
    struct process *list = fake_named(f, "Elixir.Todo.List");
    fake_ask(f, list, "{new, []}", EMPTY);
    fake_ask(f, list, "{size, " EMPTY "}", "0");
    fake_ask(f, list, "{add_entry, " EMPTY ", #{date => 1}}",
             "#{'__struct__' => 'Elixir.Todo.List', entries => #{1 => #{date => 1, id => 1}}, next_id => 2}");
    fake_ask(f, list, "{size, no_list}", "{error, {badarg, not_a_list}}");
    fake_ask(f, list, "{unknown}", "{error, {bad_request, {unknown}}}");
}

static void list_server__casts_and_messages__are_counted(void **state)
{
    struct fake *f = *state;
    struct process *list = fake_named(f, "Elixir.Todo.List");
    uint64_t bad = f->node.bad_messages;
    fake_cast(f, list, "{new, []}");
    fake_send(f, list, "hello");
    assert_int_equal(f->node.bad_messages, bad + 2);
    fake_ask(f, list, "{new, []}", EMPTY);
}

static void list_server__name_taken__is_refused(void **state)
{
    struct fake *f = *state;
    struct process *child = NULL;
    assert_int_not_equal(list_server_start(f->probe, NULL, &child), 0);
    assert_null(child);
    fake_ask(f, fake_named(f, "Elixir.Todo.List"), "{new, []}", EMPTY);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(list_server__pure_functions__are_answered),
        T(list_server__casts_and_messages__are_counted),
        T(list_server__name_taken__is_refused),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
