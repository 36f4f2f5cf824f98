/* todo/subscribers: by a list's process, on a disk that waits or fails where the test wants it to. */
#include "todo/subscribers.h"

#include "base/mem.h"
#include "fake_listener.h"
#include "fake_node.h"
#include "fake_terms.h"
#include "todo/server.h"
#include "unit.h"
#include "wire/etf_write.h"

#include <errno.h>

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
    fake_close(*state);
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

/* ---- what is told ---- */

static void subscribe__each_change__is_told_in_order(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = start(f);
    struct process *listener = fake_listener(f, bob, &events);
    fake_subscribe(f, &events, listener, "{ok, 0}");
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_expect_events(f, &events, 1, "[{1, " ADDED("1", "1") "}]");
    fake_ask(f, bob, "{add_entries, [#{date => 2}, #{date => 3, id => 7}]}", "{ok, [2, 3]}");
    fake_ask(f, bob, "{add_entries, []}", "{ok, []}");
    fake_cast(f, bob, "{update_entry, 2, #{date => 4}}");
    fake_cast(f, bob, "{update_entry, 9, #{date => 4}}");
    fake_ask(f, bob, "{replace_entry, 2, " ENTRY("2", "4") ", #{date => 5}}", "ok");
    fake_ask(f, bob, "{replace_entry, 2, x, #{date => 5}}", "{error, conflict}");
    fake_ask(f, bob, "{update_entry, 9, #{date => 4}}", "{error, not_found}");
    fake_ask(f, bob, "{add_entry, #{}}", "{error, {badarg, no_date}}");
    fake_ask(f, bob, "{delete_entry, 1}", "ok");
    fake_ask(f, bob, "{delete_entry, 1}", "ok");
    fake_cast(f, bob, "{add_entry, #{date => 6}}");
    fake_expect_events(f, &events, 6,
                       "[{2, " ADDED("2", "2") "}, {3, " ADDED("3", "3") "}, {4, {update_entry, " ENTRY(
                           "2", "4") "}}, {5, {update_entry, " ENTRY("2", "5") "}}, {6, {delete_entry, 1}}, "
                                                                               "{7, " ADDED("4", "6") "}]");
    fake_subscribe(f, &events, listener, "{ok, 7}");
    fake_expect_events(f, &events, 0, "[]");
    fake_events_release(&events);
}

static void subscribe__long_name__is_told_too(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct server *server = NULL;
    struct buf key = BUF_EMPTY;
    char name[300];
    memset(name, 'x', sizeof name);
    etf_write_binary(&key, slice_of(name, sizeof name));
    assert_int_equal(server_start(&f->alone, f->probe, buf_slice(&key), &server), 0);
    struct process *list = &server->gen.process;
    fake_subscribe(f, &events, fake_listener(f, list, &events), "{ok, 0}");
    fake_ask(f, list, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_expect_events(f, &events, 1, "[{1, " ADDED("1", "1") "}]");
    fake_events_release(&events);
    buf_release(&key);
}

static void subscribe__change_not_yet_durable__is_told_when_it_is(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = start(f);
    fake_subscribe(f, &events, fake_listener(f, bob, &events), "{ok, 0}");
    fake_disk_hold(f, FS_WRITE);
    unsigned added = fake_call(f, bob, "{add_entry, #{date => 1}}");
    fake_disk_await(f);
    fake_turns(f);
    assert_int_equal(events.count, 0);
    fake_disk_go(f);
    fake_expect(f, added, "{ok, 1}");
    fake_expect_events(f, &events, 1, "[{1, " ADDED("1", "1") "}]"); /* not behind the answer */
    fake_events_release(&events);
}

static void subscribe__changes_in_flight__are_behind_it(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = start(f);
    struct process *listener = fake_listener(f, bob, &events);
    struct buf pid = BUF_EMPTY;
    process_write_pid(listener, &pid);
    fake_ask(f, bob, "size", "0");
    fake_disk_hold(f, FS_WRITE);
    fake_cast(f, bob, "{add_entry, #{date => 1}}");
    fake_disk_await(f);
    unsigned second = fake_call(f, bob, "{add_entries, [#{date => 2}, #{date => 3}]}");
    unsigned subscribed = fake_subscription(f, "subscribe", &events, buf_slice(&pid), NULL);
    unsigned third = fake_call(f, bob, "{add_entry, #{date => 4}}");
    fake_turns(f);
    assert_false(fake_replied(f, subscribed));
    fake_disk_go(f);
    fake_expect(f, subscribed, "{ok, 3}");
    fake_expect(f, second, "{ok, [2, 3]}");
    fake_expect(f, third, "{ok, 4}");
    fake_expect_events(f, &events, 1, "[{4, " ADDED("4", "4") "}]");
    buf_release(&pid);
    fake_events_release(&events);
}

static void subscribe__changes_in_flight_told_to_others__are_behind_it(void **state)
{
    struct fake *f = *state;
    struct fake_events first, second;
    struct process *bob = start(f);
    struct buf pid = BUF_EMPTY;
    fake_subscribe(f, &first, fake_listener(f, bob, &first), "{ok, 0}");
    process_write_pid(fake_listener(f, bob, &second), &pid);
    fake_disk_hold(f, FS_WRITE);
    fake_cast(f, bob, "{add_entry, #{date => 1}}");
    fake_disk_await(f);
    unsigned subscribed = fake_subscription(f, "subscribe", &second, buf_slice(&pid), NULL);
    fake_cast(f, bob, "{add_entry, #{date => 2}}");
    fake_disk_go(f);
    fake_expect(f, subscribed, "{ok, 1}");
    fake_expect_events(f, &second, 1, "[{2, " ADDED("2", "2") "}]");
    fake_expect_events(f, &first, 2, "[{1, " ADDED("1", "1") "}, {2, " ADDED("2", "2") "}]");
    buf_release(&pid);
    fake_events_release(&first);
    fake_events_release(&second);
}

static void subscribe__change_that_cannot_be_written__is_never_told(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = start(f);
    fake_subscribe(f, &events, fake_listener(f, bob, &events), "{ok, 0}");
    unsigned down = fake_watch(f, bob);
    fake_disk_fail(f, FS_WRITE, -ENOSPC);
    fake_cast(f, bob, "{add_entry, #{date => 1}}");
    fake_expect(f, down, "enospc");
    fake_disk_fail(f, FS_WRITE, 0);
    fake_expect_events(f, &events, 0, "[]");
    struct process *again = start(f);
    events.list = again;
    fake_subscribe(f, &events, events.listener, "{ok, 0}");
    fake_ask(f, again, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_expect_events(f, &events, 1, "[{1, " ADDED("1", "1") "}]");
    fake_events_release(&events);
}

/* ---- who is told ---- */

static void subscribe__several__each_is_told_from_its_own_start(void **state)
{
    struct fake *f = *state;
    struct fake_events first, second;
    struct process *bob = start(f);
    fake_subscribe(f, &first, fake_listener(f, bob, &first), "{ok, 0}");
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_subscribe(f, &second, fake_listener(f, bob, &second), "{ok, 1}");
    fake_ask(f, bob, "{delete_entry, 1}", "ok");
    fake_expect_events(f, &first, 2, "[{1, " ADDED("1", "1") "}, {2, {delete_entry, 1}}]");
    fake_expect_events(f, &second, 1, "[{2, {delete_entry, 1}}]");
    fake_events_release(&first);
    fake_events_release(&second);
}

static void subscribe__twice__is_one_subscription(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = start(f);
    struct process *listener = fake_listener(f, bob, &events);
    fake_subscribe(f, &events, listener, "{ok, 0}");
    fake_subscribe(f, &events, listener, "{ok, 0}");
    assert_int_equal(count(bob), 1);
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_expect_events(f, &events, 1, "[{1, " ADDED("1", "1") "}]");
    fake_events_release(&events);
}

static void unsubscribe__nothing_more_is_told(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = start(f);
    struct buf pid = BUF_EMPTY;
    struct process *listener = fake_listener(f, bob, &events);
    process_write_pid(listener, &pid);
    fake_subscribe(f, &events, listener, "{ok, 0}");
    fake_disk_hold(f, FS_WRITE);
    unsigned added = fake_call(f, bob, "{add_entry, #{date => 1}}");
    fake_disk_await(f);
    fake_expect(f, fake_subscription(f, "unsubscribe", &events, buf_slice(&pid), NULL), "ok");
    fake_disk_go(f);
    fake_expect(f, added, "{ok, 1}");
    fake_expect(f, fake_subscription(f, "unsubscribe", &events, buf_slice(&pid), NULL), "ok");
    assert_int_equal(f->node.monitors.count, 0);
    fake_expect_events(f, &events, 0, "[]");
    buf_release(&pid);
    fake_events_release(&events);
}

static void subscribe__subscriber_ends__is_dropped(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct process *bob = start(f);
    struct process *listener = fake_listener(f, bob, &events);
    fake_subscribe(f, &events, listener, "{ok, 0}");
    assert_int_equal(count(bob), 1);
    struct buf pid = BUF_EMPTY;
    process_write_pid(listener, &pid);
    process_exit_atom(listener, "killed");
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    assert_int_equal(count(bob), 0);
    fake_expect(f, fake_subscription(f, "subscribe", &events, buf_slice(&pid), NULL), "{ok, 1}");
    fake_ask(f, bob, "sync", "ok");
    assert_int_equal(count(bob), 0); /* it was noproc at once */
    assert_int_equal(f->node.monitors.count, 0);
    assert_int_equal(f->node.bad_messages, 0);
    fake_expect_events(f, &events, 0, "[]");
    buf_release(&pid);
    fake_events_release(&events);
}

static void subscribe__of_a_node_that_cannot_be_reached__is_dropped(void **state)
{
    struct fake *f = *state;
    struct fake_events events = {.list = start(f)};
    struct buf node = BUF_EMPTY, pid = BUF_EMPTY;
    etf_write_atom(&node, "nowhere@nohost");
    const struct pid there = {.node = buf_slice(&node), .id = 5, .creation = 77};
    pid_write(&pid, &there);
    fake_expect(f, fake_subscription(f, "subscribe", &events, buf_slice(&pid), NULL), "{ok, 0}");
    fake_ask(f, events.list, "sync", "ok");
    assert_int_equal(count(events.list), 0);
    assert_int_equal(f->node.bad_messages, 0);
    buf_release(&node);
    buf_release(&pid);
}

static void subscribe__no_pid__badarg(void **state)
{
    static const char *const terms[] = {"bob", "{bob, node}", "1", "[]"};
    struct fake *f = *state;
    struct fake_events events = {.list = start(f)};
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        struct slice term = fake_term(terms[i]);
        fake_expect(f, fake_subscription(f, "subscribe", &events, term, NULL), "{error, badarg}");
        fake_expect(f, fake_subscription(f, "unsubscribe", &events, term, NULL), "{error, badarg}");
        fake_free(term);
    }
    assert_int_equal(count(events.list), 0);
}

static enum receive ignore(struct process *self, struct slice message)
{
    return RECEIVE_TAKEN;
}

static const struct process_type quiet_type = {
    .module = "quiet", .size = sizeof(struct process), .receive = ignore};

static void subscribe__too_many__system_limit(void **state)
{
    struct fake *f = *state;
    struct fake_events events = {.list = start(f)};
    struct process *last = NULL;
    for (int i = 0; i < SUBSCRIBERS_MAX; i++) {
        last = process_new(&f->node, &quiet_type);
        fake_subscribe(f, &events, last, "{ok, 0}");
    }
    struct process *late = process_new(&f->node, &quiet_type);
    fake_subscribe(f, &events, late, "{error, system_limit}");
    fake_subscribe(f, &events, last, "{ok, 0}"); /* is one already */
    process_exit_atom(last, "over");
    fake_subscribe(f, &events, late, "{ok, 0}");
    assert_int_equal(count(events.list), SUBSCRIBERS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(subscribe__each_change__is_told_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(subscribe__long_name__is_told_too, setup, teardown),
        cmocka_unit_test_setup_teardown(subscribe__change_not_yet_durable__is_told_when_it_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(subscribe__changes_in_flight__are_behind_it, setup, teardown),
        cmocka_unit_test_setup_teardown(subscribe__changes_in_flight_told_to_others__are_behind_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(subscribe__change_that_cannot_be_written__is_never_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(subscribe__several__each_is_told_from_its_own_start, setup, teardown),
        cmocka_unit_test_setup_teardown(subscribe__twice__is_one_subscription, setup, teardown),
        cmocka_unit_test_setup_teardown(unsubscribe__nothing_more_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(subscribe__subscriber_ends__is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(subscribe__of_a_node_that_cannot_be_reached__is_dropped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(subscribe__no_pid__badarg, setup, teardown),
        cmocka_unit_test_setup_teardown(subscribe__too_many__system_limit, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
