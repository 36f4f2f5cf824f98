/* todo/server_replace: another value for a list, on a disk that waits or fails where the test wants it to. */
#include "todo/server_replace.h"

#include "unit.h"

#include "base/mem.h"
#include "fake_listener.h"
#include "fake_node.h"
#include "fake_terms.h"
#include "todo/server.h"
#include "wire/etf_write.h"

#include <errno.h>

#define LIST(entries, next_id)                                                                               \
    "#{'__struct__' => 'Elixir.Todo.List', entries => #{" entries "}, next_id => " next_id "}"
#define ENTRY(id, date) "#{date => " date ", id => " id "}"
#define ONE             LIST("1 => " ENTRY("1", "1"), "2")
#define OTHER           LIST("3 => " ENTRY("3", "x") ", 7 => " ENTRY("7", "y"), "9")

static int setup(void **state)
{
    struct fake *f = mem_zalloc(sizeof *f);
    fake_open(f);
    fake_open_store(f, 2);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fake_close(*state);
    mem_free(*state);
    return 0;
}

/* The list bob, whose file is bob, loaded. */
static struct process *start(struct fake *f)
{
    struct server *server = NULL;
    struct slice key = fake_term("<<\"bob\">>");
    assert_int_equal(server_start(&f->alone, f->probe, key, &server), 0);
    fake_free(key);
    fake_expect(f, fake_system(f, &server->gen.process, "resume"), "ok");
    return &server->gen.process;
}

/* As sys does it, for the probe. True: the answer comes under *tag; else why is what was appended. */
static bool replace(struct fake *f, struct process *process, const char *value, unsigned *tag,
                    struct buf *why)
{
    struct buf pid = BUF_EMPTY, tag_term = BUF_EMPTY;
    struct slice term = fake_term(value);
    *tag = fake_tag(f);
    process_write_pid(f->probe, &pid);
    etf_write_uint64(&tag_term, *tag);
    struct from from = {.pid = buf_slice(&pid), .tag = buf_slice(&tag_term)};
    process_enter(process);
    bool replaced = server_replace_state((struct gen_server *)process, &from, term, why);
    process_leave(process);
    buf_release(&pid);
    buf_release(&tag_term);
    fake_free(term);
    return replaced;
}

static unsigned replaced(struct fake *f, struct process *process, const char *value)
{
    struct buf why = BUF_EMPTY;
    unsigned tag;
    assert_true(replace(f, process, value, &tag, &why));
    assert_int_equal(why.size, 0);
    return tag;
}

static void refused(struct fake *f, struct process *process, const char *value, const char *expected)
{
    struct buf why = BUF_EMPTY;
    unsigned tag;
    assert_false(replace(f, process, value, &tag, &why));
    fake_same(buf_slice(&why), expected);
    buf_release(&why);
    fake_turns(f);
    assert_false(fake_replied(f, tag));
}

static void server_replace_state__list__is_answered_when_it_is_on_disk(void **state)
{
    struct fake *f = *state;
    fake_put_file(f, "bob", ONE);
    struct process *bob = start(f);
    fake_disk_hold(f, FS_FDATASYNC);
    unsigned tag = replaced(f, bob, OTHER);
    fake_disk_await(f);
    fake_expect(f, fake_system(f, bob, "get_state"), OTHER);
    fake_turns(f);
    assert_false(fake_replied(f, tag));
    fake_file_as_it_is(f, "bob", ONE);
    fake_disk_go(f);
    fake_expect(f, tag, OTHER);
    fake_file(f, "bob", OTHER);
    fake_ask(f, bob, "{entries, x}", "[" ENTRY("3", "x") "]");
    fake_ask(f, bob, "{add_entry, #{date => z}}", "{ok, 9}");
}

static void server_replace_state__other_change_before_the_answer__does_not_change_it(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    fake_disk_hold(f, FS_OPEN);
    unsigned tag = replaced(f, bob, OTHER);
    unsigned added = fake_call(f, bob, "{add_entry, #{date => z}}");
    fake_disk_await(f);
    fake_turns(f);
    fake_disk_go(f);
    fake_expect(f, tag, OTHER);
    fake_expect(f, added, "{ok, 9}");
    fake_ask(f, bob, "size", "3");
}

static void server_replace_state__as_an_older_file_may_hold_it__is_made_regular(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    fake_expect(f, replaced(f, bob, "#{auto_id => 1, entries => #{4 => #{date => 1}}}"),
                LIST("4 => " ENTRY("4", "1"), "5"));
}

static void server_replace_state__no_list__is_refused(void **state)
{
    static const char *const values[] = {"x",
                                         "[]",
                                         "#{}",
                                         "#{entries => #{}, next_id => 0}",
                                         "#{entries => #{a => #{}}, next_id => 1}",
                                         "#{entries => #{1 => x}, next_id => 2}",
                                         "#{entries => #{}, next_id => 1, more => 1}",
                                         "#{'__struct__' => 'Elixir.Date', entries => #{}, next_id => 1}"};
    struct fake *f = *state;
    fake_put_file(f, "bob", ONE);
    struct process *bob = start(f);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        refused(f, bob, values[i], "{badarg, not_a_list}");
    fake_expect(f, fake_system(f, bob, "get_state"), ONE);
    fake_file(f, "bob", ONE);
}

static void server_replace_state__not_loaded__is_refused_with_the_reason(void **state)
{
    struct fake *f = *state;
    fake_put_file(f, "bob", "nonsense");
    struct process *bob = start(f);
    refused(f, bob, OTHER, "corrupt");
    fake_file(f, "bob", "nonsense");
}

static void server_replace_state__cannot_be_written__is_told_and_ends_the_server(void **state)
{
    struct fake *f = *state;
    fake_put_file(f, "bob", ONE);
    struct process *bob = start(f);
    unsigned down = fake_watch(f, bob);
    fake_disk_fail(f, FS_WRITE, -ENOSPC);
    fake_expect(f, replaced(f, bob, OTHER), "{error, enospc}");
    fake_expect(f, down, "enospc");
    fake_disk_fail(f, FS_WRITE, 0);
    fake_file(f, "bob", ONE);
}

static void server_replace_state__killed_before_the_answer__is_on_disk_all_the_same(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    fake_disk_hold(f, FS_OPEN);
    unsigned tag = replaced(f, bob, OTHER);
    fake_disk_await(f);
    process_exit_atom(bob, "killed");
    fake_disk_go(f);
    fake_ask(f, start(f), "size", "2");
    fake_file(f, "bob", OTHER);
    assert_false(fake_replied(f, tag));
}

static void server_replace_state__subscriber__is_told_of_it_as_of_any_change(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = start(f);
    struct process *listener = fake_listener(f, bob, &events);
    fake_expect(f, replaced(f, bob, ONE), ONE);
    fake_subscribe(f, &events, listener, "{ok, 1}");
    fake_ask(f, bob, "{add_entry, #{date => 2}}", "{ok, 2}");
    fake_expect(f, replaced(f, bob, OTHER), OTHER);
    fake_ask(f, bob, "{delete_entry, 3}", "ok");
    fake_expect_events(f, &events, 3,
                       "[{2, {add_entry, " ENTRY("2", "2") "}}, {3, {replace, " OTHER
                                                           "}}, {4, {delete_entry, 3}}]");
    refused(f, bob, "x", "{badarg, not_a_list}");
    unsigned down = fake_watch(f, bob);
    fake_disk_fail(f, FS_WRITE, -EIO);
    fake_expect(f, replaced(f, bob, ONE), "{error, eio}");
    fake_expect(f, down, "eio");
    fake_expect_events(f, &events, 0, "[]");
    fake_events_release(&events);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server_replace_state__list__is_answered_when_it_is_on_disk),
        TEST(server_replace_state__other_change_before_the_answer__does_not_change_it),
        TEST(server_replace_state__as_an_older_file_may_hold_it__is_made_regular),
        TEST(server_replace_state__no_list__is_refused),
        TEST(server_replace_state__not_loaded__is_refused_with_the_reason),
        TEST(server_replace_state__cannot_be_written__is_told_and_ends_the_server),
        TEST(server_replace_state__subscriber__is_told_of_it_as_of_any_change),
        TEST(server_replace_state__killed_before_the_answer__is_on_disk_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
