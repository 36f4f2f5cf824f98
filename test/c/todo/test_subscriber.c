/* todo/subscriber: events as calls that the subscriber has to answer. */
#include "todo/subscriber.h"

#include "base/mem.h"
#include "fake_listener.h"
#include "fake_node.h"
#include "fake_terms.h"
#include "todo/server.h"
#include "unit.h"
#include "wire/etf_write.h"

#include <stdio.h>
#include <string.h>

#define ENTRY(id, date) "#{date => " date ", id => " id "}"
#define ADDED(id, date) "{add_entry, " ENTRY(id, date) "}"

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
    fake_close(*state); /* which also sees that no timer is left */
    mem_free(*state);
    return 0;
}

static struct process *start(struct fake *f)
{
    struct server *server = NULL;
    struct slice key = fake_term("<<\"bob\">>");
    assert_int_equal(server_start(&f->alone, f->probe, key, &server), 0);
    fake_free(key);
    return &server->gen.process;
}

static uint32_t count(struct process *list)
{
    return subscribers_count(&((struct server *)list)->subscribers);
}

static void subscribe(struct fake *f, const struct fake_events *events, const char *options,
                      const char *expected)
{
    struct buf pid = BUF_EMPTY;
    process_write_pid(events->listener, &pid);
    fake_expect(f, fake_subscription(f, "subscribe", events, buf_slice(&pid), options), expected);
    buf_release(&pid);
}

/* Bob with a listener that answers when the test says so. */
static struct process *followed(struct fake *f, struct fake_events *events, const char *options)
{
    struct process *bob = start(f);
    fake_listener(f, bob, events);
    subscribe(f, events, options, "{ok, 0}");
    return bob;
}

static void expect_nothing_left(struct fake *f, struct process *bob)
{
    fake_ask(f, bob, "sync", "ok"); /* what it was sent before is handled */
    assert_int_equal(count(bob), 0);
    assert_int_equal(f->node.monitors.count, 0);
    assert_int_equal(f->node.aliases.count, 0);
    assert_int_equal(f->node.bad_messages, 0);
}

static void ack__each_event__waits_for_the_answer_to_the_one_before(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = followed(f, &events, "[{ack, 60000}]");
    fake_ask(f, bob, "{add_entries, [#{date => 1}, #{date => 2}]}", "{ok, [1, 2]}");
    fake_ask(f, bob, "{delete_entry, 1}", "ok");
    fake_turns(f);
    fake_expect_events(f, &events, 1, "[{1, " ADDED("1", "1") "}]");
    fake_answer(f, &events);
    fake_turns(f);
    fake_expect_events(f, &events, 1, "[{2, " ADDED("2", "2") "}]");
    fake_answer(f, &events);
    fake_expect_events(f, &events, 1, "[{3, {delete_entry, 1}}]");
    fake_answer(f, &events);
    fake_turns(f);
    fake_expect_events(f, &events, 0, "[]");
    fake_ask(f, bob, "{delete_entry, 2}", "ok");
    fake_expect_events(f, &events, 1, "[{4, {delete_entry, 2}}]");
    fake_events_release(&events);
}

static void ack__thousands_of_events__all_come_in_order(void **state)
{
    enum { EVENTS = 5000 };
    struct fake *f = *state;
    struct fake_events events;
    struct buf expected = BUF_EMPTY;
    char text[64];
    struct process *bob = followed(f, &events, "[{ack, 60000}]");
    events.answers = true;
    for (int i = 1; i <= EVENTS; i++) {
        fake_cast(f, bob, "{add_entry, #{date => 1}}");
        snprintf(text, sizeof text, "%s{%d, {add_entry, #{date => 1, id => %d}}}", i == 1 ? "[" : ", ", i, i);
        buf_append_slice(&expected, slice_of_text(text));
    }
    buf_append(&expected, "]", 2);
    fake_expect_events(f, &events, EVENTS, (const char *)expected.data);
    buf_release(&expected);
    fake_events_release(&events);
}

static void ack__no_answer__timeout_with_the_last_answered(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = followed(f, &events, "[{ack, 100}]");
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_expect_events(f, &events, 1, "[{1, " ADDED("1", "1") "}]");
    fake_answer(f, &events);
    fake_ask(f, bob, "{add_entries, [#{date => 2}, #{date => 3}]}", "{ok, [2, 3]}");
    fake_expect_events(f, &events, 2, "[{2, " ADDED("2", "2") "}, {1, {ended, timeout}}]");
    fake_answer(f, &events); /* too late */
    expect_nothing_left(f, bob);
    fake_ask(f, bob, "{delete_entry, 1}", "ok");
    fake_expect_events(f, &events, 0, "[]");
    subscribe(f, &events, "[{ack, 60000}]", "{ok, 4}");
    fake_ask(f, bob, "{delete_entry, 2}", "ok");
    fake_expect_events(f, &events, 1, "[{5, {delete_entry, 2}}]");
    fake_events_release(&events);
}

static void ack__subscriber_ends__is_dropped(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = followed(f, &events, "[{ack, 60000}]");
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_expect_events(f, &events, 1, "[{1, " ADDED("1", "1") "}]");
    process_exit_atom(events.listener, "over");
    expect_nothing_left(f, bob);
    fake_events_release(&events);
    fake_listener(f, bob, &events);
    subscribe(f, &events, "[{ack, 60000}]", "{ok, 1}");
    process_exit_atom(events.listener, "over"); /* no call is under way */
    expect_nothing_left(f, bob);
    fake_events_release(&events);
}

static void ack__more_events_than_may_wait__overflow(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct buf all = BUF_EMPTY;
    struct process *bob = followed(f, &events, "[{ack, 60000}]");
    buf_append_slice(&all, slice_of_text("{add_entries, [#{date => 1}"));
    for (int i = 0; i < SUBSCRIBER_EVENTS_MAX; i++)
        buf_append_slice(&all, slice_of_text(", #{date => 1}"));
    buf_append(&all, "]}", 3);
    fake_call(f, bob, (const char *)all.data); /* one is under way, the others wait */
    fake_expect_events(f, &events, 1, "[{1, " ADDED("1", "1") "}]");
    assert_int_equal(count(bob), 1);
    fake_ask(f, bob, "{delete_entry, 1}", "ok");
    fake_expect_events(f, &events, 1, "[{0, {ended, overflow}}]");
    expect_nothing_left(f, bob);
    buf_release(&all);
    fake_events_release(&events);
}

static void ack__more_bytes_than_may_wait__overflow(void **state)
{
    enum { SIZE = 1 << 20 };
    struct fake *f = *state;
    struct fake_events events;
    struct buf cast = BUF_EMPTY;
    struct process *bob = followed(f, &events, "[{ack, 60000}]");
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    etf_write_tuple(&cast, 3);
    etf_write_atom(&cast, "update_entry");
    etf_write_uint64(&cast, 1);
    etf_write_map(&cast, 1);
    etf_write_atom(&cast, "date");
    uint8_t *bytes = mem_zalloc(SIZE);
    etf_write_binary(&cast, slice_of(bytes, SIZE));
    unsigned last = 0;
    for (int i = 0; i < SUBSCRIBER_SIZE_MAX / SIZE; i++)
        last = fake_call_term(f, bob, buf_slice(&cast));
    fake_expect(f, last, "ok");
    fake_expect_events(f, &events, 2, "[{1, " ADDED("1", "1") "}, {0, {ended, overflow}}]");
    expect_nothing_left(f, bob);
    mem_free(bytes);
    buf_release(&cast);
    fake_events_release(&events);
}

static void ack__then_without__what_waits_is_sent(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = followed(f, &events, "[{ack, 60000}]");
    fake_ask(f, bob, "{add_entries, [#{date => 1}, #{date => 2}]}", "{ok, [1, 2]}");
    fake_expect_events(f, &events, 1, "[{1, " ADDED("1", "1") "}]");
    subscribe(f, &events, "[]", "{ok, 2}");
    fake_expect_events(f, &events, 1, "[{2, " ADDED("2", "2") "}]");
    fake_answer(f, &events); /* nobody needs it any more */
    fake_ask(f, bob, "{delete_entry, 1}", "ok");
    fake_expect_events(f, &events, 1, "[{3, {delete_entry, 1}}]");
    subscribe(f, &events, "[{ack, 60000}]", "{ok, 3}");
    fake_ask(f, bob, "{delete_entry, 2}", "ok");
    fake_ask(f, bob, "{add_entry, #{date => 3}}", "{ok, 3}");
    fake_expect_events(f, &events, 1, "[{4, {delete_entry, 2}}]");
    process_exit_atom(events.listener, "over");
    expect_nothing_left(f, bob);
    fake_events_release(&events);
}

static void ack__unsubscribed_meanwhile__nothing_more_is_told(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct buf pid = BUF_EMPTY;
    struct process *bob = followed(f, &events, "[{ack, 60000}]");
    process_write_pid(events.listener, &pid);
    fake_ask(f, bob, "{add_entries, [#{date => 1}, #{date => 2}]}", "{ok, [1, 2]}");
    fake_expect_events(f, &events, 1, "[{1, " ADDED("1", "1") "}]");
    fake_expect(f, fake_subscription(f, "unsubscribe", &events, buf_slice(&pid), NULL), "ok");
    fake_answer(f, &events);
    expect_nothing_left(f, bob);
    fake_expect_events(f, &events, 0, "[]");
    buf_release(&pid);
    fake_events_release(&events);
}

static void ack__list_ends_meanwhile__nothing_is_left(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = followed(f, &events, "[{ack, 60000}]");
    fake_ask(f, bob, "{add_entries, [#{date => 1}, #{date => 2}]}", "{ok, [1, 2]}");
    fake_expect_events(f, &events, 1, "[{1, " ADDED("1", "1") "}]");
    process_exit_atom(bob, "killed");
    fake_answer(f, &events);
    fake_turns(f);
    assert_int_equal(f->node.monitors.count, 0);
    assert_int_equal(f->node.aliases.count, 0);
    fake_events_release(&events);
}

static void subscribe__bad_options__badarg(void **state)
{
    static const char *const options[] = {
        "[{ack, 0}]", "[{ack, 4294967296}]", "[{ack, -1}]",    "[{ack, infinity}]", "[ack]",
        "ack",        "[{nack, 1}]",         "[{ack, 1} | x]", "[{ack, 1, 2}]",     "#{ack => 1}"};
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = start(f);
    fake_listener(f, bob, &events);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        subscribe(f, &events, options[i], "{error, badarg}");
    assert_int_equal(count(bob), 0);
    subscribe(f, &events, "[{ack, 4294967295}]", "{ok, 0}");
    assert_int_equal(count(bob), 1);
    fake_events_release(&events);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ack__each_event__waits_for_the_answer_to_the_one_before),
        TEST(ack__thousands_of_events__all_come_in_order),
        TEST(ack__no_answer__timeout_with_the_last_answered),
        TEST(ack__subscriber_ends__is_dropped),
        TEST(ack__more_events_than_may_wait__overflow),
        TEST(ack__more_bytes_than_may_wait__overflow),
        TEST(ack__then_without__what_waits_is_sent),
        TEST(ack__unsubscribed_meanwhile__nothing_more_is_told),
        TEST(ack__list_ends_meanwhile__nothing_is_left),
        TEST(subscribe__bad_options__badarg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
