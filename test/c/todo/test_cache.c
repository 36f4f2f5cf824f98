/* todo/cache: names and their servers; expiry; nobody outlives the cache. */
#include "unit.h"

#include "base/mem.h"
#include "fake_node.h"
#include "fake_terms.h"
#include "runtime/registry.h"
#include "runtime/supervisor.h"
#include "todo/cache.h"
#include "todo/server.h"
#include "wire/etf_read.h"

#include <errno.h>
#include <stdio.h>

enum { FEW_LISTS = 10 };

struct test {
    struct fake f; /* first */
    struct cache_config config;
};

static int setup_with(void **state, unsigned lists_max, unsigned expire_s)
{
    struct test *test = mem_zalloc(sizeof *test);
    struct process *cache = NULL;
    fake_open(&test->f);
    fake_open_store(&test->f, 3);
    test->config =
        (struct cache_config){.database = &test->f.database, .lists_max = lists_max, .expire_s = expire_s};
    *state = test;
    return cache_start(test->f.probe, &test->config, &cache);
}

static int setup(void **state)
{
    return setup_with(state, UINT32_MAX, 0);
}

static int setup_few(void **state)
{
    return setup_with(state, FEW_LISTS, 0);
}

static int setup_expiry(void **state)
{
    return setup_with(state, UINT32_MAX, 1);
}

static int teardown(void **state)
{
    fake_close(*state);
    mem_free(*state);
    return 0;
}

static struct process *cache(struct fake *f)
{
    return fake_named(f, "Elixir.Todo.Cache");
}

static struct process *list(struct fake *f, const char *name)
{
    char request[128];
    snprintf(request, sizeof request, "{server_process, %s}", name);
    return fake_process(f, fake_call(f, cache(f), request));
}

static struct process *whereis(struct fake *f, const char *name)
{
    char request[128];
    snprintf(request, sizeof request, "{whereis, %s}", name);
    unsigned tag = fake_call(f, cache(f), request);
    return etf_is_atom(fake_reply(f, tag), "nil") ? NULL : fake_process(f, tag);
}

/* ---- names ---- */

static void cache__same_name__same_server(void **state)
{
    struct fake *f = *state;
    struct process *bob = list(f, "<<\"bob\">>");
    assert_ptr_equal(list(f, "<<\"bob\">>"), bob);
    assert_ptr_equal(whereis(f, "<<\"bob\">>"), bob);
    assert_ptr_not_equal(list(f, "bob"), bob);
    assert_ptr_not_equal(list(f, "\"bob\""), bob);
    assert_ptr_equal(list(f, "[98, 111 | \"b\"]"), list(f, "\"bob\"")); /* the same term */
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_ask(f, list(f, "bob"), "size", "0");
}

static void cache__whereis__starts_nothing(void **state)
{
    struct fake *f = *state;
    assert_null(whereis(f, "<<\"bob\">>"));
    fake_ask(f, cache(f), "count", "0");
    fake_ask(f, cache(f), "names", "[]");
    fake_ask(f, cache(f), "which_children", "[]");
    fake_ask(f, cache(f), "{whereis, {a}}", "{error, badarg}");
}

static void cache__names_and_counts__are_of_live_servers(void **state)
{
    struct fake *f = *state;
    struct process *bob = list(f, "<<\"bob\">>");
    list(f, "7");
    fake_ask(f, cache(f), "names", "[<<\"bob\">>, 7]");
    fake_ask(f, cache(f), "count", "2");
    fake_ask(f, cache(f), "count_children", "[{specs, 2}, {active, 2}, {supervisors, 0}, {workers, 2}]");
    process_exit_atom(bob, "kill");
    fake_ask(f, cache(f), "names", "[7]");
    fake_ask(f, cache(f), "count", "1");
    assert_null(whereis(f, "<<\"bob\">>"));
    struct slice children = fake_reply(f, fake_call(f, cache(f), "which_children"));
    uint32_t length, arity;
    struct pid pid;
    assert_true(etf_read_list(&children, &length) && length == 1);
    assert_true(etf_read_tuple(&children, &arity) && arity == 4);
    assert_true(etf_is_atom(etf_take(&children), "undefined"));
    assert_true(pid_read(&children, &pid));
    assert_ptr_equal(process_find_pid(&f->node, &pid), list(f, "7"));
    assert_true(etf_is_atom(etf_take(&children), "worker"));
    fake_same(etf_take(&children), "['Elixir.Todo.Server']");
    fake_expect(f, fake_system(f, cache(f), "get_state"), "#{count => 1}");
}

static void cache__more_lists_than_may_be__are_refused_and_the_others_go_on(void **state)
{
    struct fake *f = *state;
    char name[16];
    for (int i = 0; i < FEW_LISTS; i++) {
        snprintf(name, sizeof name, "%d", i);
        list(f, name);
    }
    fake_ask(f, cache(f), "{server_process, <<\"bob\">>}", "{error, system_limit}");
    fake_ask(f, list(f, "7"), "{add_entry, #{date => 1}}", "{ok, 1}");
    process_exit_atom(list(f, "8"), "kill");
    fake_ask(f, list(f, "<<\"bob\">>"), "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_ask(f, cache(f), "{server_process, 8}", "{error, system_limit}");
}

static void cache__no_name__is_badarg(void **state)
{
    struct fake *f = *state;
    fake_ask(f, cache(f), "{server_process, {a}}", "{error, badarg}");
    fake_ask(f, cache(f), "{server_process, #{}}", "{error, badarg}");
    fake_ask(f, cache(f), "server_process", "{error, {bad_request, server_process}}");
    uint64_t bad = f->node.bad_messages;
    fake_cast(f, cache(f), "{server_process, bob}");
    fake_send(f, cache(f), "hello");
    assert_int_equal(f->node.bad_messages, bad + 2);
    fake_ask(f, cache(f), "count", "0");
}

static void cache__list_crashed__is_started_from_disk(void **state)
{
    struct fake *f = *state;
    struct process *bob = list(f, "<<\"bob\">>");
    process_id id = bob->id;
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_exit(f, bob, "crash");
    fake_turns(f);
    bob = list(f, "<<\"bob\">>");
    assert_true(bob->id != id);
    fake_ask(f, bob, "size", "1");
}

static void cache__list_whose_write_failed__is_started_again(void **state)
{
    struct fake *f = *state;
    struct process *bob = list(f, "<<\"bob\">>");
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_disk_fail(f, FS_WRITE, -ENOSPC);
    fake_ask(f, bob, "{add_entry, #{date => 2}}", "{error, enospc}");
    fake_disk_fail(f, FS_WRITE, 0);
    fake_turns(f);
    fake_ask(f, cache(f), "count", "0");
    fake_ask(f, list(f, "<<\"bob\">>"), "size", "1");
}

static void cache__exit_messages_of_strangers__hurt_nobody(void **state)
{
    struct fake *f = *state;
    list(f, "<<\"bob\">>");
    fake_send(f, cache(f), "{'EXIT', nobody, kill}");
    fake_ask(f, cache(f), "count", "1");
    unsigned down = fake_watch(f, cache(f)); /* the probe is its parent: this one counts */
    fake_exit(f, cache(f), "shutdown");
    fake_expect(f, down, "shutdown");
}

/* ---- the end of the cache ---- */

static void end_by_kill(struct fake *f)
{
    fake_exit(f, cache(f), "kill");
}

static void end_by_parent(struct fake *f)
{
    fake_exit(f, cache(f), "shutdown");
}

static void end_by_stop(struct fake *f)
{
    fake_system(f, cache(f), "{terminate, normal}");
}

/* Lists in every state end with it, what they had accepted reaches the disk, and a new cache starts new ones.
 */
static void assert_nobody_outlives_it(struct test *test, void (*end)(struct fake *), const char *reason,
                                      const char *of_lists)
{
    struct fake *f = &test->f;
    struct process *idle = list(f, "idle"), *busy = list(f, "busy");
    fake_ask(f, idle, "size", "0");
    fake_ask(f, busy, "size", "0");
    fake_disk_hold(f, FS_OPEN);
    unsigned lost = fake_call(f, busy, "{add_entry, #{date => 1}}");
    fake_cast(f, busy, "{add_entry, #{date => 2}}");
    struct process *loading = list(f, "loading");
    fake_call(f, loading, "size");
    unsigned downs[] = {fake_watch(f, cache(f)), fake_watch(f, idle), fake_watch(f, busy),
                        fake_watch(f, loading)};
    end(f);
    fake_expect(f, downs[0], reason);
    for (int i = 1; i < 4; i++) {
        assert_true(fake_replied(f, downs[i])); /* all at once */
        fake_expect(f, downs[i], of_lists);
    }
    struct process *child = NULL;
    assert_int_equal(cache_start(f->probe, &test->config, &child), 0);
    fake_ask(f, cache(f), "count", "0");
    struct process *again = list(f, "busy");
    fake_disk_go(f);
    fake_ask(f, again, "size", "2");
    fake_ask(f, again, "sync", "ok");
    assert_false(fake_replied(f, lost));
}

static void cache__killed__no_list_outlives_it(void **state)
{
    assert_nobody_outlives_it(*state, end_by_kill, "killed", "killed");
}

static void cache__supervisor_ends_it__no_list_outlives_it(void **state)
{
    assert_nobody_outlives_it(*state, end_by_parent, "shutdown", "shutdown");
}

static void cache__stopped__no_list_outlives_it(void **state)
{
    assert_nobody_outlives_it(*state, end_by_stop, "normal", "shutdown");
}

static void cache__under_a_supervisor__is_started_again(void **state)
{
    struct test *test = *state;
    struct fake *f = &test->f;
    struct gen_server *supervisor = NULL;
    const struct child_spec children[] = {{.id = "cache",
                                           .start = cache_start,
                                           .argument = &test->config,
                                           .restart = PERMANENT,
                                           .shutdown_ms = SHUTDOWN_INFINITY,
                                           .type = CHILD_SUPERVISOR,
                                           .module = "Elixir.Todo.Cache"}};
    const struct supervisor_spec spec = {
        .strategy = ONE_FOR_ONE, .intensity = 1, .period_s = 5, .children = children, .child_count = 1};
    process_exit_atom(cache(f), "normal");
    assert_int_equal(supervisor_start(&f->node, &spec, f->probe, NULL, &supervisor), 0);
    unsigned first = fake_watch(f, list(f, "bob"));
    fake_exit(f, cache(f), "kill");
    fake_expect(f, first, "killed");
    unsigned second = fake_watch(f, list(f, "bob"));
    unsigned down = fake_watch(f, cache(f));
    supervisor_shutdown(supervisor);
    fake_expect(f, second, "shutdown");
    fake_expect(f, down, "shutdown");
    assert_null(registry_find(&f->node, slice_of_text("Elixir.Todo.Cache")));
}

/* ---- expiry ---- */

static void expiry__idle_lists__end_in_the_order_they_were_used(void **state)
{
    struct fake *f = *state;
    struct process *a = list(f, "a"), *b = list(f, "b"), *c = list(f, "c");
    fake_ask(f, a, "size", "0");
    fake_ask(f, b, "size", "0");
    fake_ask(f, c, "size", "0");
    ((struct server *)a)->used_ms -= 5000; /* long idle */
    ((struct server *)b)->used_ms += 500;  /* not before the second sweep */
    ((struct server *)c)->used_ms += 500;
    unsigned downs[] = {fake_watch(f, a), fake_watch(f, b), fake_watch(f, c)};
    fake_expect(f, downs[0], "normal");
    assert_false(fake_replied(f, downs[1]) || fake_replied(f, downs[2]));
    fake_ask(f, cache(f), "names", "[b, c]");
    list(f, "b"); /* asking for it is using it */
    fake_ask(f, cache(f), "names", "[c, b]");
    fake_expect(f, downs[1], "normal");
    fake_expect(f, downs[2], "normal");
    assert_true(f->order[downs[2]] < f->order[downs[1]]);
    fake_ask(f, cache(f), "count", "0");
    fake_ask(f, list(f, "a"), "size", "0");
}

static void expiry__used_list__stays(void **state)
{
    struct fake *f = *state;
    struct process *used = list(f, "used"), *idle = list(f, "idle");
    fake_ask(f, idle, "size", "0");
    unsigned downs[] = {fake_watch(f, used), fake_watch(f, idle)};
    ((struct server *)used)->used_ms -= 5000;
    ((struct server *)idle)->used_ms -= 5000;
    fake_cast(f, used, "{delete_entry, 1}");
    ((struct server *)used)->used_ms += 500; /* not in the first sweep, however fast we are */
    fake_expect(f, downs[1], "normal");
    assert_false(fake_replied(f, downs[0]));
    fake_ask(f, used, "size", "0");
}

/* Put off because a peer reads slowly, or suspended: what waits in its mailbox was accepted. */
static void expiry__messages_wait__stays(void **state)
{
    struct fake *f = *state;
    struct process *busy = list(f, "busy"), *idle = list(f, "idle");
    fake_ask(f, busy, "size", "0");
    fake_ask(f, idle, "size", "0");
    fake_expect(f, fake_system(f, busy, "suspend"), "ok");
    fake_cast(f, busy, "{add_entry, #{date => 1}}");
    unsigned downs[] = {fake_watch(f, busy), fake_watch(f, idle)};
    ((struct server *)busy)->used_ms -= 5000;
    ((struct server *)idle)->used_ms -= 5000;
    fake_expect(f, downs[1], "normal");
    fake_turns(f);
    assert_false(fake_replied(f, downs[0]));
}

static bool is_time(struct fake *f, void *argument)
{
    return uv_now(&f->loop) >= *(uint64_t *)argument;
}

static void expiry__list_that_loads__stays(void **state)
{
    struct fake *f = *state;
    fake_disk_hold(f, FS_OPEN);
    struct process *slow = list(f, "slow");
    unsigned size = fake_call(f, slow, "size");
    unsigned down = fake_watch(f, slow);
    ((struct server *)slow)->used_ms -= 5000;
    uint64_t swept = uv_now(&f->loop) + 1100;
    fake_disk_await(f);
    fake_until(f, is_time, &swept, "the first sweep");
    assert_false(fake_replied(f, down));
    fake_disk_go(f);
    fake_expect(f, size, "0");
    fake_expect(f, down, "normal");
}

static void expiry__list_that_owes_an_answer__stays(void **state)
{
    struct fake *f = *state;
    struct process *slow = list(f, "bob");
    fake_ask(f, slow, "size", "0");
    fake_disk_hold(f, FS_WRITE);
    unsigned added = fake_call(f, slow, "{add_entry, #{date => 1}}");
    unsigned down = fake_watch(f, slow);
    fake_disk_await(f);
    ((struct server *)slow)->used_ms -= 5000;
    struct process *idle = list(f, "7"); /* with another worker */
    ;
    fake_ask(f, idle, "size", "0");
    ((struct server *)idle)->used_ms -= 5000;
    fake_expect(f, fake_watch(f, idle), "normal"); /* there was a sweep */
    assert_false(fake_replied(f, down));
    fake_disk_go(f);
    fake_expect(f, added, "{ok, 1}");
    fake_expect(f, down, "normal");
}

static void expiry__never__nobody_ends(void **state)
{
    struct fake *f = *state;
    struct process *bob = list(f, "bob");
    list(f, "alice");
    fake_ask(f, bob, "size", "0");
    ((struct server *)bob)->used_ms = 0;
    fake_ask(f, cache(f), "names", "[bob, alice]");
}

static void count_timer(uv_handle_t *handle, void *argument)
{
    *(unsigned *)argument += handle->type == UV_TIMER && uv_is_active(handle) != 0 &&
                             uv_has_ref(handle) != 0; /* the store's own keeps no loop alive */
}

static void expiry__cache_ends__its_timer_does_too(void **state)
{
    struct fake *f = *state;
    unsigned timers = 0;
    process_exit_atom(cache(f), "killed");
    uv_walk(&f->loop, count_timer, &timers);
    assert_int_equal(timers, 0);
}

static void expiry__cache_killed_before_the_sweep__nothing_dangles(void **state)
{
    struct test *test = *state;
    struct process *child = NULL;
    list(&test->f, "bob");
    process_exit_atom(cache(&test->f), "killed");
    fake_turns(&test->f); /* as before a supervisor hears of it */
    assert_int_equal(cache_start(test->f.probe, &test->config, &child), 0);
    unsigned down = fake_watch(&test->f, list(&test->f, "bob"));
    fake_expect(&test->f, down, "normal");
}

/* ---- many ---- */

enum { MANY = 100000, MANY_MS = 20000 };

static bool count_is(struct fake *f, void *argument)
{
    return f->node.process_count == *(uint32_t *)argument;
}

static void start_many(struct fake *f)
{
    char request[64];
    unsigned last = 0;
    for (int i = 0; i < MANY; i++) {
        snprintf(request, sizeof request, "{server_process, %d}", i);
        last = fake_call(f, cache(f), request);
    }
    fake_reply(f, last);
}

static uint64_t ms_since(uint64_t start)
{
    return (uv_hrtime() - start) / 1000000;
}

static void many__started_and_ended_with_the_cache__in_no_time(void **state)
{
    struct fake *f = *state;
    uint32_t before = f->node.process_count - 1;
    uint64_t start = uv_hrtime();
    start_many(f);
    print_message("started in %llu ms\n", (unsigned long long)ms_since(start));
    assert_true(ms_since(start) < MANY_MS);
    fake_ask(f, cache(f), "count", "100000");
    start = uv_hrtime();
    fake_exit(f, cache(f), "kill");
    fake_until(f, count_is, &before, "all end");
    print_message("ended in %llu ms\n", (unsigned long long)ms_since(start));
    assert_true(ms_since(start) < MANY_MS);
}

/* One by one, the oldest first: from the far end of every list that is built by prepending. */
static void many__ended_one_by_one__in_no_time(void **state)
{
    struct fake *f = *state;
    uint32_t before = f->node.process_count;
    start_many(f);
    uint64_t start = uv_hrtime();
    for (int i = 0; i < MANY; i++) {
        struct slice term = fake_reply(f, (unsigned)i);
        struct pid pid;
        assert_true(pid_read(&term, &pid));
        process_exit_atom(process_find_pid(&f->node, &pid), "crash");
    }
    fake_until(f, count_is, &before, "all end");
    print_message("ended in %llu ms\n", (unsigned long long)ms_since(start));
    assert_true(ms_since(start) < MANY_MS);
    fake_ask(f, cache(f), "count", "0");
}

int main(void)
{
#define T(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define FEW(name)    cmocka_unit_test_setup_teardown(name, setup_few, teardown)
#define EXPIRY(name) cmocka_unit_test_setup_teardown(name, setup_expiry, teardown)
    const struct CMUnitTest tests[] = {
        T(cache__same_name__same_server),
        T(cache__whereis__starts_nothing),
        T(cache__names_and_counts__are_of_live_servers),
        FEW(cache__more_lists_than_may_be__are_refused_and_the_others_go_on),
        T(cache__no_name__is_badarg),
        T(cache__list_crashed__is_started_from_disk),
        T(cache__list_whose_write_failed__is_started_again),
        T(cache__exit_messages_of_strangers__hurt_nobody),
        T(cache__killed__no_list_outlives_it),
        T(cache__supervisor_ends_it__no_list_outlives_it),
        T(cache__stopped__no_list_outlives_it),
        T(cache__under_a_supervisor__is_started_again),
        EXPIRY(expiry__idle_lists__end_in_the_order_they_were_used),
        EXPIRY(expiry__used_list__stays),
        EXPIRY(expiry__messages_wait__stays),
        EXPIRY(expiry__list_that_loads__stays),
        EXPIRY(expiry__list_that_owes_an_answer__stays),
        T(expiry__never__nobody_ends),
        EXPIRY(expiry__cache_ends__its_timer_does_too),
        EXPIRY(expiry__cache_killed_before_the_sweep__nothing_dangles),
        T(many__started_and_ended_with_the_cache__in_no_time),
        T(many__ended_one_by_one__in_no_time),
    };
#undef T
#undef FEW
#undef EXPIRY
    return cmocka_run_group_tests(tests, NULL, NULL);
}
