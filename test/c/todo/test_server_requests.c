/* The requests of a loaded list at their bounds: which words are requests at all, ids and options of any
 * form, how many changes each is. What they do to the list and when they are answered, test_server shows;
 * what subscribers are told, test_subscribers. */
#include "todo/server_requests.h"

#include "unit.h"

#include "base/mem.h"
#include "fake_listener.h"
#include "fake_node.h"
#include "fake_terms.h"
#include "wire/etf_write.h"

#include <string.h>

enum { DEEP = 100000 };

#define ENTRY(id, date) "#{date => " date ", id => " id "}"

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

/* The list bob, loaded, with the entry #{date => 1, id => 1}. */
static struct server *start(struct fake *f)
{
    struct server *server = NULL;
    struct slice key = fake_term("<<\"bob\">>");
    assert_int_equal(server_start(&f->alone, f->probe, key, &server), 0);
    fake_free(key);
    fake_ask(f, &server->gen.process, "{add_entry, #{date => 1}}", "{ok, 1}");
    return server;
}

static void expect_entries(struct fake *f, struct server *server, const char *expected)
{
    fake_ask(f, &server->gen.process, "entries", expected);
}

/* ---- what is a request */

static bool change(struct server *server, const char *text)
{
    struct slice request = fake_term(text);
    process_enter(&server->gen.process);
    bool known = server_change_request(server, NULL, request);
    process_leave(&server->gen.process);
    fake_free(request);
    return known;
}

static void change_request__what_is_none__false_and_nothing_done(void **state)
{
    static const char *const others[] = {
        "entries",
        "{entries, 1}",
        "{entry, 1}",
        "size",
        "sync",
        "{add_entries, [#{date => 1}]}",
        "add_entry",
        "{add_entry}",
        "{delete_entry}",
        "{update_entry, 1}",
        "{unsubscribe, x}",
        "{delete_entry, 1, 2}",
        "[]",
        "{}",
        "1",
        "[add_entry | 1]",
        "{<<\"add_entry\">>, #{date => 1}}",
        "{add_entry, #{date => 1}, x}",
        "{'Add_entry', #{date => 1}}",
        "{replace_entry, 1, #{}, #{}}",
        "{add_entr, 1}",
    };
    struct fake *f = *state;
    struct server *server = start(f);
    uint64_t seq = server->seq, bad = f->node.bad_messages;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (change(server, others[i]))
            fail_msg("%s", others[i]);
    }
    assert_int_equal(server->seq, seq);
    assert_int_equal(f->node.bad_messages, bad); /* the caller's to count */
    expect_entries(f, server, "[" ENTRY("1", "1") "]");
}

static void change_request__bad_cast__counted_once(void **state)
{
    static const char *const bad_ones[] = {"{add_entry, #{}}", "{add_entry, x}",
                                           "{update_entry, 9, #{date => 1}}", "{update_entry, 1, x}"};
    struct fake *f = *state;
    struct server *server = start(f);
    for (size_t i = 0; i < sizeof bad_ones / sizeof bad_ones[0]; i++) {
        uint64_t bad = f->node.bad_messages;
        assert_true(change(server, bad_ones[i]));
        assert_int_equal(f->node.bad_messages, bad + 1);
    }
    uint64_t bad = f->node.bad_messages;
    assert_true(change(server, "{delete_entry, 9}")); /* gone already: what was asked for */
    assert_int_equal(f->node.bad_messages, bad);
}

/* Nobody waits for the answer of a cast, so nothing may be kept for it. */
static void change_request__cast__owes_nothing(void **state)
{
    struct fake *f = *state;
    struct server *server = start(f);
    assert_true(change(server, "{add_entry, #{date => 2}}"));
    assert_true(change(server, "{update_entry, 1, #{date => 3}}"));
    assert_true(change(server, "{delete_entry, 2}"));
    assert_null(server->gen.owed);
    expect_entries(f, server, "[" ENTRY("1", "3") "]");
}

static void call_request__one_element_more_or_less__bad_request(void **state)
{
    static const char *const bad_ones[] = {
        "{entries}",
        "{entries, 1, 2}",
        "{entry}",
        "{entry, 1, 2}",
        "{size}",
        "{sync}",
        "{sync, 1}",
        "{subscribe}",
        "{subscribe, 1, [], 2}",
        "{unsubscribe}",
        "unsubscribe",
        "{add_entries}",
        "add_entries",
        "{add_entries, [], []}",
        "{replace_entry, 1, #{}}",
        "entry",
        "subscribe",
        "delete_entry",
        "{replace_entry, 1, #{}, #{}, #{}}",
        "{unsubscribe, 1, 2}",
    };
    struct fake *f = *state;
    struct server *server = start(f);
    for (size_t i = 0; i < sizeof bad_ones / sizeof bad_ones[0]; i++) {
        char expected[128];
        snprintf(expected, sizeof expected, "{error, {bad_request, %s}}", bad_ones[i]);
        fake_ask(f, &server->gen.process, bad_ones[i], expected);
    }
    assert_int_equal(server->seq, 1);
}

/* ---- how many changes */

static void call_request__each__is_as_many_changes_as_entries(void **state)
{
    static const struct {
        const char *request;
        const char *answer;
        unsigned changes;
    } steps[] = {
        {"{add_entry, #{date => 2}}", "{ok, 2}", 1},
        {"{add_entries, []}", "{ok, []}", 0},
        {"{add_entries, [#{date => 3}, #{date => 4}, #{date => 5}]}", "{ok, [3, 4, 5]}", 3},
        {"{add_entries, [#{date => 3}, #{}]}", "{error, {badarg, no_date}}", 0},
        {"{update_entry, 2, #{date => 6}}", "ok", 1},
        {"{update_entry, 2, #{date => 6}}", "ok", 1}, /* the same again */
        {"{update_entry, 99, #{date => 6}}", "{error, not_found}", 0},
        {"{replace_entry, 3, " ENTRY("3", "3") ", #{date => 7}}", "ok", 1},
        {"{replace_entry, 3, " ENTRY("3", "3") ", #{date => 7}}", "{error, conflict}", 0},
        {"{delete_entry, 4}", "ok", 1},
        {"{delete_entry, 4}", "ok", 0},
        {"size", "4", 0},
        {"sync", "ok", 0},
    };
    struct fake *f = *state;
    struct server *server = start(f);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        uint64_t seq = server->seq;
        fake_ask(f, &server->gen.process, steps[i].request, steps[i].answer);
        assert_int_equal(server->seq - seq, steps[i].changes);
    }
    assert_null(server->gen.owed);
}

static void add_entries__none__is_told_to_nobody(void **state)
{
    struct fake *f = *state;
    struct fake_events events;
    struct server *server = start(f);
    struct process *process = &server->gen.process;
    fake_subscribe(f, &events, fake_listener(f, process, &events), "{ok, 1}");
    fake_ask(f, process, "{add_entries, []}", "{ok, []}");
    fake_ask(f, process, "{add_entry, #{date => 2}}", "{ok, 2}");
    fake_expect_events(f, &events, 1, "[{2, {add_entry, " ENTRY("2", "2") "}}]");
    fake_events_release(&events);
}

/* Old is a value, not bytes: its pairs may come in any order. */
static void replace_entry__old_in_another_order__is_the_same(void **state)
{
    struct fake *f = *state;
    struct server *server = start(f);
    fake_ask(f, &server->gen.process, "{replace_entry, 1, #{id => 1, date => 1}, #{date => 2}}", "ok");
    expect_entries(f, server, "[" ENTRY("1", "2") "]");
}

/* ---- ids */

/* {Tag, Id} for an id in these bytes. */
static void expect_id(struct fake *f, struct server *server, const char *tag, struct slice id,
                      const char *expected)
{
    struct buf request = BUF_EMPTY;
    etf_write_tuple(&request, 2);
    etf_write_atom(&request, tag);
    etf_write_term(&request, id);
    fake_expect(f, fake_call_term(f, &server->gen.process, buf_slice(&request)), expected);
    buf_release(&request);
}

#define BYTES(...) slice_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void entry__id_in_any_form__its_value_counts(void **state)
{
    struct fake *f = *state;
    struct server *server = start(f);
    const struct slice same[] = {BYTES(97, 1), BYTES(98, 0, 0, 0, 1), BYTES(110, 3, 0, 1, 0, 0),
                                 BYTES(111, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
                                 BYTES(108, 0, 0, 0, 0, 97, 1)};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        expect_id(f, server, "entry", same[i], ENTRY("1", "1"));
}

static void entry__id_of_nothing__nil_and_deleting_it_is_ok(void **state)
{
    struct fake *f = *state;
    struct server *server = start(f);
    const struct slice none[] = {
        BYTES(97, 0),
        BYTES(98, 255, 255, 255, 255),
        BYTES(70, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0),                  /* 1.0 */
        BYTES(110, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1),              /* 1 in its low 64 bits */
        BYTES(110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 255), /* 2^64 - 1 */
        BYTES(110, 1, 1, 1),                                      /* -1 */
        BYTES(119, 1, '1'),
        BYTES(107, 0, 1, 1), /* [1] */
        BYTES(116, 0, 0, 0, 0),
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        expect_id(f, server, "entry", none[i], "nil");
        expect_id(f, server, "delete_entry", none[i], "ok");
    }
    expect_entries(f, server, "[" ENTRY("1", "1") "]");
}

static struct buf deep_list(void)
{
    struct buf deep = BUF_EMPTY;
    for (int i = 0; i < DEEP; i++)
        etf_write_list(&deep, 1);
    for (int i = 0; i <= DEEP; i++)
        etf_write_nil(&deep);
    return deep;
}

static void request__id_nested_deeply__is_passed_over(void **state)
{
    struct fake *f = *state;
    struct server *server = start(f);
    struct buf deep = deep_list(), request = BUF_EMPTY;
    expect_id(f, server, "entry", buf_slice(&deep), "nil");
    expect_id(f, server, "delete_entry", buf_slice(&deep), "ok");
    expect_id(f, server, "entries", buf_slice(&deep), "[]");
    etf_write_tuple(&request, 3);
    etf_write_atom(&request, "update_entry");
    etf_write_term(&request, buf_slice(&deep));
    etf_write_map(&request, 1);
    etf_write_atom(&request, "date");
    etf_write_int64(&request, 1);
    unsigned tag = fake_call_term(f, &server->gen.process, buf_slice(&request));
    fake_expect(f, tag, "{error, not_found}");
    buf_release(&deep);
    buf_release(&request);
}

/* ---- options of subscribe */

static void subscribe__options__one_word_within_its_bounds(void **state)
{
    static const char *const good[] = {"[]", "[{ack, 1}]", "[{ack, 4294967295}]", "[{ack, 1}, {ack, 2}]"};
    static const char *const bad[] = {
        "[{ack, 0}]",    "[{ack, 4294967296}]", "[{ack, -1}]",   "[{ack, soon}]", "[ack]",  "[{ack}]",
        "[{ack, 1, 2}]", "[{ack, 1} | x]",      "[{ack, 1}, x]", "{ack, 1}",      "\"ab\"", "x",
        "[{nack, 1}]",   "[[{ack, 1}]]"};
    struct fake *f = *state;
    struct fake_events events;
    struct server *server = start(f);
    struct process *listener = fake_listener(f, &server->gen.process, &events);
    struct buf pid = BUF_EMPTY;
    process_write_pid(listener, &pid);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fake_expect(f, fake_subscription(f, "subscribe", &events, buf_slice(&pid), bad[i]),
                    "{error, badarg}");
        assert_false(subscribers_any(&server->subscribers));
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        fake_expect(f, fake_subscription(f, "subscribe", &events, buf_slice(&pid), good[i]), "{ok, 1}");
        assert_true(subscribers_any(&server->subscribers));
    }
    fake_expect(f, fake_subscription(f, "unsubscribe", &events, buf_slice(&pid), NULL), "ok");
    assert_false(subscribers_any(&server->subscribers));
    buf_release(&pid);
    fake_events_release(&events);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(change_request__what_is_none__false_and_nothing_done),
        TEST(change_request__bad_cast__counted_once),
        TEST(change_request__cast__owes_nothing),
        TEST(call_request__one_element_more_or_less__bad_request),
        TEST(call_request__each__is_as_many_changes_as_entries),
        TEST(add_entries__none__is_told_to_nobody),
        TEST(replace_entry__old_in_another_order__is_the_same),
        TEST(entry__id_in_any_form__its_value_counts),
        TEST(entry__id_of_nothing__nil_and_deleting_it_is_ok),
        TEST(request__id_nested_deeply__is_passed_over),
        TEST(subscribe__options__one_word_within_its_bounds),
    };
    return cmocka_run_group_tests_name("server_requests", tests, NULL, NULL);
}
