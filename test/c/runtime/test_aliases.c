#include "runtime/fake_peer.h"

#include "base/mem.h"
#include "runtime/aliases.h"
#include "runtime/process_send.h"

#include <time.h>

enum { MANY = 20000, PROCESSES = 100000, SECONDS_MAX = 5 };

/* The first reference is #0.1, and so on. */
static struct ref alias(struct process *process, bool once)
{
    struct ref ref;
    alias_add(process, once, &ref);
    return ref;
}

static void alias_add__several_messages__all_arrive(void **state)
{
    struct fake *f = *state;
    alias(fake_probe(f), false);
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "one");
    fake_in(&f->a, "{ALIAS_SEND,<a.6.0>,#0.1}", "two");
    fake_expect(f, 1, "one two");
}

static void alias_add__once__first_message_arrives(void **state)
{
    struct fake *f = *state;
    alias(fake_probe(f), true);
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "one");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "two");
    fake_expect(f, 1, "one");
    assert_int_equal(f->node.aliases.count, 0);
}

static void alias_add__unknown_or_foreign_reference__nobody_gets_it(void **state)
{
    struct fake *f = *state;
    alias(fake_probe(f), true);
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.2}", "m");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1!}", "m");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#a.1}", "m");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1.0.0.7}", "m");
    fake_expect(f, 1, "");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "m");
    fake_expect(f, 1, "m");
}

static void alias_take__other_node_of_equal_numbers__nobody_has_it(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    struct ref ref = alias(process, false);
    assert_ptr_equal(alias_take(&f->node, &ref), process);
    ref.node = buf_slice(&f->a.peer->atom);
    assert_null(alias_take(&f->node, &ref));
}

static void alias_remove__own__nothing_arrives(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    struct ref ref = alias(process, false);
    assert_false(alias_remove(fake_probe(f), &ref));
    assert_true(alias_remove(process, &ref));
    assert_false(alias_remove(process, &ref));
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "m");
    fake_expect(f, 1, "");
}

static void alias_send__from_a_local_process__goes_by_the_alias(void **state)
{
    struct fake *f = *state;
    struct process *owner = fake_probe(f), *sender = fake_probe(f);
    alias(owner, true);
    for (int i = 0; i < 2; i++) {
        struct buf pid = BUF_EMPTY, ref = BUF_EMPTY;
        fake_write(&pid, "<0.1.0>");
        fake_write(&ref, "#0.1");
        fake_write(process_alias_send_begin(&f->node, sender, buf_slice(&pid), buf_slice(&ref)), "m");
        process_send_end(&f->node);
        buf_release(&pid);
        buf_release(&ref);
    }
    fake_expect(f, 1, "m");
}

static void aliases_process_down__several__all_are_gone(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f), *other = fake_probe(f);
    alias(process, false);
    alias(other, false);
    alias(process, true);
    fake_exit(process, "over");
    fake_probe(f); /* takes the slot */
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "m");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.2}", "m");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.3}", "m");
    fake_expect(f, 1, "");
    fake_expect(f, 2, "m");
    fake_expect(f, 3, "");
}

static void alias_add__many__each_is_its_own(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    struct ref first = alias(process, true);
    for (unsigned i = 1; i < MANY; i++) {
        struct ref ref = alias(process, true);
        assert_int_equal(ref.word[0], i + 1);
    }
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.20000}", "m");
    fake_expect(f, 1, "m");
    /* While they go slice by slice none is active. */
    fake_exit(process, "over");
    assert_in_range(f->node.aliases.count, MANY - 1000, MANY - 900);
    assert_null(alias_find(&f->node, &first));
    assert_null(alias_take(&f->node, &first));
    fake_run(f);
    assert_int_equal(f->node.aliases.count, 0);
}

static const struct process_type bare = {.module = "bare", .size = sizeof(struct process)};

/* Takes milliseconds if each looks for its own only. */
static void aliases_process_down__many_processes__in_time(void **state)
{
    struct fake *f = *state;
    struct process **processes = mem_alloc(PROCESSES * sizeof *processes);
    for (unsigned i = 0; i < PROCESSES; i++) {
        processes[i] = process_new(&f->node, &bare);
        alias(processes[i], true);
    }
    clock_t start = clock();
    for (unsigned i = 0; i < PROCESSES; i++)
        process_exit_atom(processes[i], "over");
    assert_true((clock() - start) / CLOCKS_PER_SEC < SECONDS_MAX);
    assert_int_equal(f->node.aliases.count, 0);
    mem_free(processes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(alias_add__several_messages__all_arrive),
        FAKE_TEST(alias_add__once__first_message_arrives),
        FAKE_TEST(alias_add__unknown_or_foreign_reference__nobody_gets_it),
        FAKE_TEST(alias_take__other_node_of_equal_numbers__nobody_has_it),
        FAKE_TEST(alias_remove__own__nothing_arrives),
        FAKE_TEST(alias_send__from_a_local_process__goes_by_the_alias),
        FAKE_TEST(aliases_process_down__several__all_are_gone),
        FAKE_TEST(alias_add__many__each_is_its_own),
        FAKE_TEST(aliases_process_down__many_processes__in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
