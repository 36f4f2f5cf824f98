/* todo/database_call: get, store, delete, set_aside, keys and sync, asked of a bare server. */
#include "unit.h"

#include "base/error.h"
#include "base/mem.h"
#include "fake_node.h"
#include "fake_terms.h"
#include "runtime/gen_server.h"
#include "todo/database_call.h"
#include "todo/key.h"
#include "wire/etf_read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- a server that has nothing else ---- */

struct door {
    struct gen_server gen;
    struct database *database;
};

static int init(struct gen_server *self, const void *argument)
{
    ((struct door *)self)->database = *(struct database *const *)argument;
    return 0;
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    if (!database_call(self, ((struct door *)self)->database, from, request))
        gen_server_reply_atom(self, from, "not_mine");
}

static void handle_cast(struct gen_server *self, struct slice request)
{
    if (!database_cast(((struct door *)self)->database, request))
        node_bad_message(self->process.node, "door");
}

static const struct gen_server_type door_type = {
    .process = GEN_SERVER_PROCESS("door", struct door),
    .init = init,
    .handle_call = handle_call,
    .handle_cast = handle_cast,
};

static struct process *start(struct fake *f)
{
    struct database *database = &f->database;
    struct gen_server *server = NULL;
    assert_int_equal(gen_server_start(&f->node, &door_type, f->probe, NULL, &database, &server), 0);
    return &server->process;
}

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

/* ---- get, store, delete ---- */

static void get__stored__is_the_term(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    fake_ask(f, door, "{get, <<\"bob\">>}", "nil");
    fake_ask(f, door, "{store, <<\"bob\">>, #{b => [1, 2], a => {x}}}", "ok");
    fake_ask(f, door, "{get, <<\"bob\">>}", "#{a => {x}, b => [1, 2]}");
    fake_file(f, "bob", "#{a => {x}, b => [1, 2]}");
    fake_ask(f, door, "{store, <<\"bob\">>, nil}", "ok");
    fake_ask(f, door, "{get, <<\"bob\">>}", "nil");
    fake_checkpoint(f);
    assert_true(fake_has_file(f, "bob"));
    fake_ask(f, door, "{delete, <<\"bob\">>}", "ok");
    fake_ask(f, door, "{delete, <<\"bob\">>}", "ok");
    fake_checkpoint(f);
    assert_false(fake_has_file(f, "bob"));
}

static void store__keys_of_all_types__are_apart(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    static const char *const keys[] = {"<<\"bob\">>", "bob",      "\"bob\"",           "1",
                                       "-1",          "<<\"\">>", "[\"a\", <<\"b\">>]"};
    char text[128], value[16];
    for (int i = 0; i < 7; i++) {
        snprintf(text, sizeof text, "{store, %s, %d}", keys[i], i);
        fake_ask(f, door, text, "ok");
    }
    for (int i = 0; i < 7; i++) {
        snprintf(text, sizeof text, "{get, %s}", keys[i]);
        snprintf(value, sizeof value, "%d", i);
        fake_ask(f, door, text, value);
    }
}

static void get__order_of_requests__is_kept(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    fake_disk_hold(f, FS_OPEN);
    unsigned none = fake_call(f, door, "{get, k}");
    fake_cast(f, door, "{store, k, 1}");
    unsigned first = fake_call(f, door, "{get, k}");
    fake_cast(f, door, "{store, k, 2}");
    fake_cast(f, door, "{store, k, 3}");
    unsigned third = fake_call(f, door, "{get, k}");
    fake_cast(f, door, "{delete, k}");
    unsigned gone = fake_call(f, door, "{get, k}");
    unsigned stored = fake_call(f, door, "{store, k, 4}");
    fake_disk_await(f);
    fake_turns(f);
    assert_false(fake_replied(f, none));
    fake_disk_go(f);
    fake_expect(f, none, "nil");
    fake_expect(f, first, "1");
    fake_expect(f, third, "3");
    fake_expect(f, gone, "nil");
    fake_expect(f, stored, "ok");
    fake_file(f, "%a.k", "4");
}

/* Nobody knows how large the values are: one first, then more and more. What is asked for meanwhile waits. */
static void get__many_at_once__read_a_few_at_a_time(void **state)
{
    enum { GETS = 40 };
    struct fake *f = *state;
    struct process *door = start(f);
    unsigned tags[GETS];
    f->database.reading.size = DATABASE_VALUE_MAX;
    fake_ask(f, door, "{store, k, 1}", "ok");
    for (int i = 0; i < GETS; i++)
        tags[i] = fake_call(f, door, "{get, k}");
    unsigned stored = fake_call(f, door, "{store, k, 2}");
    unsigned after = fake_call(f, door, "{get, k}");
    assert_int_equal(f->database.reading.count, 1);
    assert_true(door->paused);
    for (int i = 0; i < GETS; i++)
        fake_expect(f, tags[i], "1");
    fake_expect(f, stored, "ok");
    fake_expect(f, after, "2");
    assert_int_equal(f->database.reading.count, 0);
    assert_int_equal(f->database.reading.size, 3); /* with its version: small values, many at a time */
    assert_false(door->paused);
}

static void get__asked_process_ends__others_are_read(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f), *other = start(f);
    f->database.reading.size = DATABASE_VALUE_MAX;
    fake_disk_hold(f, FS_OPEN);
    fake_call(f, door, "{get, k}");
    unsigned tag = fake_call(f, other, "{get, k}");
    fake_disk_await(f);
    fake_exit(f, door, "kill");
    fake_disk_go(f);
    fake_expect(f, tag, "nil");
    fake_ask(f, other, "{get, k}", "nil");
    assert_int_equal(f->database.reading.count, 0);
}

static void requests__no_key_or_no_term__are_badarg(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    fake_ask(f, door, "{get, {a}}", "{error, badarg}");
    fake_ask(f, door, "{store, #{}, 1}", "{error, badarg}");
    fake_ask(f, door, "{store, [a], 1}", "{error, badarg}");
    fake_ask(f, door, "{store, k, #{1 => 1, 1 => 2}}", "{error, badarg}");
    fake_ask(f, door, "{delete, {a}}", "{error, badarg}");
    fake_ask(f, door, "{set_aside, {a}}", "{error, badarg}");
    fake_ask(f, door, "{get, a, b}", "not_mine");
    fake_ask(f, door, "get", "not_mine");
    fake_ask(f, door, "{keys}", "not_mine");
    fake_ask(f, door, "keys", "[]");
}

static void get__no_term_in_the_file__is_corrupt(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    fake_write_file(f, "bob", slice_of("", 0));
    fake_ask(f, door, "{get, <<\"bob\">>}", "{error, {corrupt, <<\"bob\">>}}");
    fake_write_file(f, "bob", slice_of_text("rubbish"));
    fake_ask(f, door, "{get, <<\"bob\">>}", "{error, {corrupt, <<\"bob\">>}}");
    fake_put_file(f, "bob", "fine");
    fake_ask(f, door, "{get, <<\"bob\">>}", "fine");
}

static void requests__disk_fails__tell_why(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    fake_ask(f, door, "{store, k, old}", "ok");
    fake_checkpoint(f);
    fake_disk_fail(f, FS_OPEN, -EACCES);
    fake_ask(f, door, "{get, k}", "{error, eacces}");
    fake_ask(f, door, "{store, k, new}", "{error, eacces}");
    fake_disk_fail(f, FS_OPEN, 0);
    fake_disk_fail(f, FS_FDATASYNC, -EROFS);
    fake_ask(f, door, "{delete, k}", "{error, erofs}");
    fake_disk_fail(f, FS_FDATASYNC, 0);
    fake_disk_fail(f, FS_OPENDIR, -EMFILE);
    fake_ask(f, door, "keys", "{error, emfile}");
    fake_disk_fail(f, FS_OPENDIR, 0);
    fake_ask(f, door, "{get, k}", "old");
}

/* ---- sync ---- */

static void sync__casts_before__are_durable(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    fake_ask(f, door, "sync", "ok");
    fake_disk_hold(f, FS_FDATASYNC);
    fake_cast(f, door, "{store, a, 1}");
    fake_cast(f, door, "{store, b, 2}");
    unsigned synced = fake_call(f, door, "sync");
    fake_disk_await(f);
    fake_turns(f);
    assert_false(fake_replied(f, synced));
    fake_disk_go(f);
    fake_expect(f, synced, "ok");
    fake_file(f, "%a.a", "1");
    fake_file(f, "%a.b", "2");
}

static void sync__a_cast_fails__is_its_error(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    fake_disk_hold(f, FS_WRITE);
    fake_cast(f, door, "{store, a, 1}");
    unsigned synced = fake_call(f, door, "sync");
    fake_disk_fail(f, FS_WRITE, -ENOSPC);
    fake_disk_go(f);
    fake_expect(f, synced, "{error, enospc}");
    fake_disk_fail(f, FS_WRITE, 0);
    fake_ask(f, door, "sync", "ok");
}

/* ---- keys ---- */

static bool has(struct slice list, const char *key)
{
    struct slice wanted = fake_term(key);
    uint32_t length;
    bool found = false;
    assert_true(etf_read_list(&list, &length));
    for (uint32_t i = 0; i < length; i++)
        found = slice_equal(etf_take(&list), wanted) || found;
    fake_free(wanted);
    return found;
}

static uint32_t length_of(struct slice list)
{
    uint32_t length = 0;
    assert_true(etf_read_list(&list, &length));
    return length;
}

/* <<"xx...x">> of that many bytes, or 'xx...x' */
static void long_text(char *text, size_t size, char quote)
{
    const char *open = quote == '"' ? "<<\"" : "'", *end = quote == '"' ? "\">>" : "'";
    size_t start = strlen(open);
    memcpy(text, open, start);
    memset(text + start, 'x', size);
    strcpy(text + start + size, end);
}

static void keys__all_sorts_of_keys__are_listed(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    char key[400], request[500], atom[400];
    fake_cast(f, door, "{store, <<\"bob\">>, 1}");
    fake_cast(f, door, "{store, bob, 1}");
    fake_cast(f, door, "{store, 12, 1}");
    fake_cast(f, door, "{store, <<\"../x\">>, 1}");
    long_text(key, 300, '"');
    snprintf(request, sizeof request, "{store, %s, long}", key);
    fake_cast(f, door, request);
    long_text(atom, 255, '\'');
    snprintf(request, sizeof request, "{store, %s, long}", atom);
    fake_cast(f, door, request);
    struct slice keys = fake_reply(f, fake_call(f, door, "keys"));
    assert_int_equal(length_of(keys), 6);
    assert_true(has(keys, "<<\"bob\">>"));
    assert_true(has(keys, "bob"));
    assert_true(has(keys, "12"));
    assert_true(has(keys, "<<\"../x\">>"));
    assert_true(has(keys, key));
    assert_true(has(keys, atom));
    snprintf(request, sizeof request, "{get, %s}", key);
    fake_ask(f, door, request, "long");
}

static void keys__foreign_files__are_nobody_s(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    char key[400], name[KEY_NAME_ROOM];
    fake_write_file(f, ".hidden", slice_of("x", 1));
    fake_write_file(f, "%zz", slice_of("x", 1));
    fake_write_file(f, "%i.007", slice_of("x", 1));
    long_text(key, 300, '"');
    struct slice term = fake_term(key);
    key_file_name(term, name);
    fake_write_file(f, name, slice_of("x", 1)); /* a long key's, without the key in it */
    fake_write_file(f, "bob", slice_of("", 0)); /* corrupt, but bob's */
    struct slice keys = fake_reply(f, fake_call(f, door, "keys"));
    assert_int_equal(length_of(keys), 1);
    assert_true(has(keys, "<<\"bob\">>"));
    fake_free(term);
}

static void keys__many_long_ones__do_not_recurse(void **state)
{
    enum { KEYS = 2000 };
    struct fake *f = *state;
    struct process *door = start(f);
    char key[400], request[500];
    for (int i = 0; i < KEYS; i++) {
        long_text(key, 290, '"');
        char number[16];
        snprintf(number, sizeof number, "%04d", i);
        memcpy(key + 3, number, 4);
        snprintf(request, sizeof request, "{store, %s, 1}", key);
        fake_cast(f, door, request);
    }
    struct slice keys = fake_reply(f, fake_call(f, door, "keys"));
    assert_int_equal(length_of(keys), KEYS);
    assert_true(has(keys, key));
}

static void keys__changes_accepted_before__are_in_it(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    fake_ask(f, door, "{store, a, 1}", "ok");
    fake_disk_hold(f, FS_OPEN);
    fake_cast(f, door, "{store, b, 1}");
    fake_cast(f, door, "{delete, a}");
    unsigned keys = fake_call(f, door, "keys");
    fake_disk_await(f);
    fake_turns(f);
    assert_false(fake_replied(f, keys));
    fake_disk_go(f);
    fake_expect(f, keys, "[b]");
}

static void keys__asked_server_ends__nobody_is_answered(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    char key[400], request[500];
    long_text(key, 300, '"');
    snprintf(request, sizeof request, "{store, %s, 1}", key);
    fake_ask(f, door, request, "ok");
    fake_disk_hold(f, FS_READ);
    unsigned keys = fake_call(f, door, "keys");
    fake_turns(f);
    fake_disk_await(f);
    process_exit_atom(door, "gone");
    fake_disk_go(f);
    fake_ask(f, start(f), "{get, x}", "nil");
    assert_false(fake_replied(f, keys));
}

/* ---- set_aside ---- */

static void set_aside__file__has_another_name_that_is_no_key_s(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    fake_ask(f, door, "{set_aside, <<\"bob\">>}", "{error, not_found}");
    fake_write_file(f, "bob", slice_of_text("rubbish"));
    struct slice answer = fake_reply(f, fake_call(f, door, "{set_aside, <<\"bob\">>}"));
    struct slice binary;
    char name[256];
    assert_true(etf_read_tagged(&answer, "ok", 2) && etf_read_binary(&answer, &binary));
    snprintf(name, sizeof name, "%.*s", (int)binary.size, (const char *)binary.data);
    assert_true(fake_has_file(f, name));
    fake_checkpoint(f);
    assert_false(fake_has_file(f, "bob"));
    fake_ask(f, door, "keys", "[]");
    fake_ask(f, door, "{get, <<\"bob\">>}", "nil");
}

/* What was put aside a moment ago is kept too. */
static void set_aside__twice__keeps_both(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    unsigned tags[20];
    for (int i = 0; i < 20; i++) {
        fake_ask(f, door, "{store, <<\"bob\">>, 1}", "ok");
        tags[i] = fake_call(f, door, "{set_aside, <<\"bob\">>}");
        fake_reply(f, tags[i]);
        for (int j = 0; j < i; j++)
            assert_false(slice_equal(fake_reply(f, tags[i]), fake_reply(f, tags[j])));
    }
}

/* What is read while it is being set aside is read afterwards, with what was put meanwhile. */
static void set_aside__changes_before_and_after__keep_their_order(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    fake_disk_hold(f, FS_OPEN);
    unsigned none = fake_call(f, door, "{get, k}");
    fake_cast(f, door, "{store, k, 1}");
    unsigned aside = fake_call(f, door, "{set_aside, k}");
    unsigned after = fake_call(f, door, "{get, k}");
    fake_cast(f, door, "{store, k, 2}");
    unsigned second = fake_call(f, door, "{get, k}");
    fake_disk_go(f);
    fake_expect(f, none, "nil");
    fake_reply(f, aside);
    fake_expect(f, after, "nil");
    fake_expect(f, second, "2");
}

static void set_aside__disk_fails__tells_why(void **state)
{
    struct fake *f = *state;
    struct process *door = start(f);
    fake_ask(f, door, "{store, k, 1}", "ok");
    fake_disk_fail(f, FS_RENAME, -EROFS);
    fake_ask(f, door, "{set_aside, k}", "{error, erofs}");
    fake_disk_fail(f, FS_RENAME, 0);
    fake_disk_fail(f, FS_FSYNC, -EIO);
    fake_ask(f, door, "{set_aside, k}", "{error, eio}");
    fake_disk_fail(f, FS_FSYNC, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(get__stored__is_the_term),
        T(store__keys_of_all_types__are_apart),
        T(get__order_of_requests__is_kept),
        T(get__many_at_once__read_a_few_at_a_time),
        T(get__asked_process_ends__others_are_read),
        T(requests__no_key_or_no_term__are_badarg),
        T(get__no_term_in_the_file__is_corrupt),
        T(requests__disk_fails__tell_why),
        T(sync__casts_before__are_durable),
        T(sync__a_cast_fails__is_its_error),
        T(keys__all_sorts_of_keys__are_listed),
        T(keys__foreign_files__are_nobody_s),
        T(keys__many_long_ones__do_not_recurse),
        T(keys__changes_accepted_before__are_in_it),
        T(keys__asked_server_ends__nobody_is_answered),
        T(set_aside__file__has_another_name_that_is_no_key_s),
        T(set_aside__twice__keeps_both),
        T(set_aside__changes_before_and_after__keep_their_order),
        T(set_aside__disk_fails__tells_why),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
