/* todo/server: a list's process, on a disk that waits or fails where the test wants it to. */
#include "unit.h"

#include "base/error.h"
#include "base/mem.h"
#include "fake_node.h"
#include "fake_terms.h"
#include "todo/key.h"
#include "todo/server.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define LIST(entries, next_id)                                                                               \
    "#{'__struct__' => 'Elixir.Todo.List', entries => #{" entries "}, next_id => " next_id "}"
#define ENTRY(id, date) "#{date => " date ", id => " id "}"
#define ONE             LIST("1 => " ENTRY("1", "1"), "2")
#define TWO             LIST("1 => " ENTRY("1", "1") ", 2 => " ENTRY("2", "2"), "3")

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

/* The list bob, whose file is bob; without a cache, under the probe. */
static struct process *start(struct fake *f)
{
    struct server *server = NULL;
    struct slice key = fake_term("<<\"bob\">>");
    assert_int_equal(server_start(&f->alone, f->probe, key, &server), 0);
    fake_free(key);
    return &server->gen.process;
}

static void release_disk(struct fake *f)
{
    fake_disk_await(f);
    fake_turns(f);
    fake_disk_go(f);
}

/* ---- loading ---- */

static void server__no_file__is_an_empty_list(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    fake_ask(f, bob, "entries", "[]");
    fake_ask(f, bob, "size", "0");
    fake_ask(f, bob, "sync", "ok");
    fake_ask(f, bob, "{entry, 1}", "nil");
    assert_false(fake_has_file(f, "bob"));
}

static void server__file__is_the_list(void **state)
{
    struct fake *f = *state;
    fake_put_file(f, "bob", TWO);
    struct process *bob = start(f);
    fake_ask(f, bob, "entries", "[" ENTRY("1", "1") ", " ENTRY("2", "2") "]");
    fake_ask(f, bob, "{entries, 2}", "[" ENTRY("2", "2") "]");
    fake_ask(f, bob, "{entries, 3}", "[]");
    fake_ask(f, bob, "{entries, #{1 => 1, 1 => 2}}", "{error, badarg}");
    fake_ask(f, bob, "{entry, 2}", ENTRY("2", "2"));
    fake_ask(f, bob, "{add_entry, #{date => 3}}", "{ok, 3}");
    fake_expect(f, fake_system(f, bob, "get_state"),
                LIST("1 => " ENTRY("1", "1") ", 2 => " ENTRY("2", "2") ", 3 => " ENTRY("3", "3"), "4"));
}

static void server__messages_while_loading__are_handled_in_order_afterwards(void **state)
{
    struct fake *f = *state;
    fake_disk_hold(f, FS_OPEN);
    struct process *bob = start(f);
    unsigned before = fake_call(f, bob, "size");
    fake_cast(f, bob, "{add_entry, #{date => 1}}");
    fake_send(f, bob, "nonsense");
    unsigned between = fake_call(f, bob, "size");
    unsigned added = fake_call(f, bob, "{add_entry, #{date => 1}}");
    unsigned after = fake_call(f, bob, "size");
    release_disk(f);
    assert_false(fake_replied(f, before));
    fake_expect(f, before, "0");
    fake_expect(f, between, "1");
    fake_expect(f, after, "2");
    fake_expect(f, added, "{ok, 2}");
}

static void server__killed_while_loading__ends_at_once(void **state)
{
    struct fake *f = *state;
    fake_disk_hold(f, FS_OPEN);
    struct process *bob = start(f);
    unsigned asked = fake_call(f, bob, "size");
    unsigned down = fake_watch(f, bob);
    fake_disk_await(f);
    fake_exit(f, bob, "kill");
    fake_expect(f, down, "killed");
    fake_disk_go(f);
    struct process *again = start(f);
    fake_ask(f, again, "size", "0");
    assert_false(fake_replied(f, asked));
}

static void server__starter_ends__ends_too(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    struct server *inner = NULL;
    struct slice key = fake_term("<<\"alice\">>");
    assert_int_equal(server_start(&f->alone, bob, key, &inner), 0);
    unsigned down = fake_watch(f, &inner->gen.process);
    fake_exit(f, bob, "boom");
    fake_expect(f, down, "boom");
    fake_free(key);
}

/* ---- a list that cannot be loaded ---- */

static void assert_corrupt(struct fake *f, struct slice content)
{
    fake_write_file(f, "bob", content);
    struct process *bob = start(f);
    fake_ask(f, bob, "size", "{error, {corrupt, <<\"bob\">>}}");
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{error, {corrupt, <<\"bob\">>}}");
    fake_ask(f, bob, "sync", "{error, {corrupt, <<\"bob\">>}}");
    fake_expect(f, fake_system(f, bob, "get_state"), "nil");
    process_exit_atom(bob, "normal");
}

static void server__no_list_in_the_file__is_corrupt_and_kept(void **state)
{
    struct fake *f = *state;
    assert_corrupt(f, slice_of("", 0));
    assert_corrupt(f, slice_of("\x83", 1));
    assert_corrupt(f, slice_of("\x83\x6a", 2));         /* [] */
    assert_corrupt(f, slice_of("\x83\x74\0\0\0\0", 6)); /* #{} */
    assert_corrupt(f, slice_of_text("no term at all"));
    assert_true(fake_has_file(f, "bob"));
}

static void server__long_name_corrupt__tells_the_file(void **state)
{
    struct fake *f = *state;
    char text[320] = "<<\"", expected[400], name[KEY_NAME_ROOM];
    struct server *server = NULL;
    memset(text + 3, 'x', 300);
    strcpy(text + 303, "\">>");
    struct slice key = fake_term(text);
    key_file_name(key, name);
    fake_write_file(f, name, slice_of("x", 1));
    assert_int_equal(server_start(&f->alone, f->probe, key, &server), 0);
    snprintf(expected, sizeof expected, "{error, {corrupt, <<\"%s\">>}}", name);
    fake_ask(f, &server->gen.process, "size", expected);
    fake_free(key);
}

static void server__mended__is_read_at_the_next_request(void **state)
{
    struct fake *f = *state;
    fake_write_file(f, "bob", slice_of("", 0));
    struct process *bob = start(f);
    fake_ask(f, bob, "size", "{error, {corrupt, <<\"bob\">>}}");
    fake_put_file(f, "bob", TWO);
    fake_ask(f, bob, "size", "2");
    fake_ask(f, bob, "{add_entry, #{date => 3}}", "{ok, 3}");
}

static void server__unreadable__tells_why_and_tries_again(void **state)
{
    struct fake *f = *state;
    fake_put_file(f, "bob", TWO);
    fake_disk_fail(f, FS_OPEN, -EACCES);
    struct process *bob = start(f);
    fake_ask(f, bob, "size", "{error, eacces}");
    fake_disk_fail(f, FS_OPEN, 0);
    fake_disk_fail(f, FS_READ, -EIO);
    fake_ask(f, bob, "size", "{error, eio}");
    fake_disk_fail(f, FS_READ, 0);
    fake_ask(f, bob, "size", "2");
}

static void server__folder_gone__is_an_error_not_an_empty_list(void **state)
{
    struct fake *f = *state;
    char away[64];
    snprintf(away, sizeof away, "%s.away", f->folder);
    assert_int_equal(rename(f->folder, away), 0);
    struct process *bob = start(f);
    fake_ask(f, bob, "size", "{error, enoent}");
    assert_int_equal(rename(away, f->folder), 0);
    fake_ask(f, bob, "size", "0");
}

/* Every one that waited for the failed read is answered by it, with one read; the next one has a new try. */
static void server__all_that_waited__are_answered_by_one_failed_read(void **state)
{
    struct fake *f = *state;
    fake_write_file(f, "bob", slice_of("", 0));
    fake_disk_hold(f, FS_READ);
    struct process *bob = start(f);
    unsigned first = fake_call(f, bob, "size");
    fake_cast(f, bob, "{add_entry, #{date => 1}}");
    unsigned second = fake_call(f, bob, "entries");
    fake_send(f, bob, "nonsense");
    fake_send(f, bob, "{'EXIT', nobody, reason}");
    fake_send(f, bob, "{'$gen_call', nobody, size}");
    unsigned state_asked = fake_system(f, bob, "get_state");
    unsigned third = fake_call(f, bob, "{add_entry, #{date => 1}}");
    unsigned reads = fake_disk_count(f, FS_READ);
    uint64_t bad = f->node.bad_messages;
    release_disk(f);
    fake_expect(f, first, "{error, {corrupt, <<\"bob\">>}}");
    fake_expect(f, second, "{error, {corrupt, <<\"bob\">>}}");
    fake_expect(f, third, "{error, {corrupt, <<\"bob\">>}}");
    fake_expect(f, state_asked, "nil");
    assert_true(fake_disk_count(f, FS_READ) <= reads + 1);
    fake_turns(f);
    assert_int_equal(f->node.bad_messages, bad + 4); /* a cast that is lost is counted too */
    fake_put_file(f, "bob", ONE);
    fake_ask(f, bob, "size", "1");
}

/* The same for a read that a request has asked for, which itself waits at its place in the mailbox. */
static void server__second_try_fails_too__answers_what_waited_for_it(void **state)
{
    struct fake *f = *state;
    fake_write_file(f, "bob", slice_of("", 0));
    struct process *bob = start(f);
    fake_ask(f, bob, "size", "{error, {corrupt, <<\"bob\">>}}");
    fake_disk_hold(f, FS_READ);
    fake_cast(f, bob, "{add_entry, #{date => 1}}"); /* this one has it read */
    unsigned system = fake_system(f, bob, "get_state");
    unsigned first = fake_call(f, bob, "size");
    fake_send(f, bob, "nonsense");
    unsigned second = fake_call(f, bob, "size");
    release_disk(f);
    fake_expect(f, first, "{error, {corrupt, <<\"bob\">>}}");
    fake_expect(f, second, "{error, {corrupt, <<\"bob\">>}}");
    fake_expect(f, system, "nil");
    fake_turns(f);
    fake_put_file(f, "bob", ONE);
    fake_ask(f, bob, "size", "1");
}

static void server__mended_while_it_is_read__answers_what_waited(void **state)
{
    struct fake *f = *state;
    fake_write_file(f, "bob", slice_of("", 0));
    struct process *bob = start(f);
    fake_ask(f, bob, "size", "{error, {corrupt, <<\"bob\">>}}");
    fake_disk_hold(f, FS_OPEN);
    unsigned first = fake_call(f, bob, "size");
    fake_cast(f, bob, "{add_entry, #{date => 7}}");
    unsigned second = fake_call(f, bob, "size");
    fake_disk_await(f);
    fake_put_file(f, "bob", ONE);
    fake_disk_go(f);
    fake_expect(f, first, "1");
    fake_expect(f, second, "2");
}

static void server__suspended_while_the_read_fails__answers_when_resumed(void **state)
{
    struct fake *f = *state;
    fake_write_file(f, "bob", slice_of("", 0));
    fake_disk_hold(f, FS_READ);
    struct process *bob = start(f);
    unsigned first = fake_call(f, bob, "size");
    unsigned suspended = fake_system(f, bob, "suspend");
    unsigned second = fake_call(f, bob, "size");
    release_disk(f);
    fake_expect(f, first, "{error, {corrupt, <<\"bob\">>}}");
    fake_expect(f, suspended, "ok");
    fake_turns(f);
    unsigned third = fake_call(f, bob, "size");
    assert_false(fake_replied(f, second));
    fake_put_file(f, "bob", ONE);
    fake_expect(f, fake_system(f, bob, "resume"), "ok");
    fake_expect(f, second, "{error, {corrupt, <<\"bob\">>}}");
    fake_expect(f, third, "1");
    fake_ask(f, bob, "size", "1");
}

static void server__nobody_waited_for_the_failed_read__the_first_request_reads_again(void **state)
{
    struct fake *f = *state;
    fake_write_file(f, "bob", slice_of("", 0));
    struct process *bob = start(f);
    fake_expect(f, fake_system(f, bob, "get_state"), "nil");
    fake_turns(f);
    fake_put_file(f, "bob", ONE);
    fake_ask(f, bob, "size", "1");
}

/* ---- changes ---- */

static void server__change__is_answered_when_durable(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    fake_ask(f, bob, "size", "0");
    static const enum fs_call calls[] = {FS_WRITE, FS_FDATASYNC};
    for (int i = 0; i < 2; i++) {
        fake_disk_hold(f, calls[i]);
        unsigned added = fake_call(f, bob, "{add_entry, #{date => 1}}");
        unsigned size = fake_call(f, bob, "size");
        fake_disk_await(f);
        fake_turns(f);
        assert_true(fake_replied(f, size)); /* questions do not wait */
        assert_false(fake_replied(f, added));
        fake_disk_go(f);
        fake_reply(f, added);
    }
    fake_ask(f, bob, "size", "2");
}

static void server__every_change__is_in_the_file(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    fake_ask(f, bob, "{add_entry, #{date => 1, id => 77, title => a}}", "{ok, 1}");
    fake_file(f, "bob", LIST("1 => #{date => 1, id => 1, title => a}", "2"));
    fake_ask(f, bob, "{add_entries, [#{date => 2}, #{date => 3}]}", "{ok, [2, 3]}");
    fake_ask(f, bob, "{add_entries, []}", "{ok, []}");
    fake_ask(f, bob, "{update_entry, 1, #{date => 9, id => 5}}", "ok");
    fake_ask(f, bob, "{replace_entry, 2, #{date => 2, id => 2}, #{date => 8}}", "ok");
    fake_ask(f, bob, "{delete_entry, 3}", "ok");
    fake_file(f, "bob", LIST("1 => " ENTRY("1", "9") ", 2 => " ENTRY("2", "8"), "4"));
    fake_cast(f, bob, "{add_entry, #{date => 4}}");
    fake_cast(f, bob, "{update_entry, 1, #{date => 7}}");
    fake_cast(f, bob, "{delete_entry, 2}");
    fake_ask(f, bob, "sync", "ok");
    fake_file(f, "bob", LIST("1 => " ENTRY("1", "7") ", 4 => " ENTRY("4", "4"), "5"));
    assert_null(((struct server *)bob)->gen.owed); /* nothing is kept of what was answered */
}

static void server__changes_during_a_write__become_one(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    fake_ask(f, bob, "size", "0");
    fake_disk_hold(f, FS_WRITE);
    unsigned tags[40], syncs = fake_disk_count(f, FS_FDATASYNC);
    for (int i = 0; i < 40; i++)
        tags[i] = fake_call(f, bob, "{add_entry, #{date => 1}}");
    release_disk(f);
    for (int i = 0; i < 40; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "{ok, %d}", i + 1);
        fake_expect(f, tags[i], expected);
        assert_true(i == 0 || f->order[tags[i]] > f->order[tags[i - 1]]);
    }
    assert_int_equal(fake_disk_count(f, FS_FDATASYNC), syncs + 1);
}

static void server__bad_changes__change_nothing(void **state)
{
    struct fake *f = *state;
    fake_put_file(f, "bob", ONE);
    struct process *bob = start(f);
    fake_ask(f, bob, "{add_entry, #{title => x}}", "{error, {badarg, no_date}}");
    fake_ask(f, bob, "{add_entry, x}", "{error, badarg}");
    fake_ask(f, bob, "{add_entry, #{date => 1, date => 2}}", "{error, badarg}");
    fake_ask(f, bob, "{add_entries, [#{date => 1}, #{}]}", "{error, {badarg, no_date}}");
    fake_ask(f, bob, "{add_entries, [#{date => 1} | x]}", "{error, badarg}");
    fake_ask(f, bob, "{add_entries, x}", "{error, badarg}");
    fake_ask(f, bob, "{update_entry, 2, #{date => 1}}", "{error, not_found}");
    fake_ask(f, bob, "{update_entry, x, #{date => 1}}", "{error, not_found}");
    fake_ask(f, bob, "{update_entry, -1, #{date => 1}}", "{error, not_found}");
    fake_ask(f, bob, "{update_entry, 0, #{date => 1}}", "{error, not_found}");
    fake_ask(f, bob, "{update_entry, 9223372036854775807, #{date => 1}}", "{error, not_found}");
    fake_ask(f, bob, "{update_entry, 1, #{}}", "{error, {badarg, no_date}}");
    fake_ask(f, bob, "{update_entry, 1, []}", "{error, badarg}");
    fake_ask(f, bob, "{replace_entry, 1, #{date => 1}, #{date => 2}}", "{error, conflict}");
    fake_ask(f, bob, "{replace_entry, 2, #{date => 1}, #{date => 2}}", "{error, not_found}");
    fake_ask(f, bob, "{replace_entry, 1, " ENTRY("1", "1") ", #{}}", "{error, {badarg, no_date}}");
    fake_ask(f, bob, "{entry, x}", "nil");
    fake_ask(f, bob, "{entry, {1, 2}}", "nil");
    fake_ask(f, bob, "{delete_entry, {1}}", "ok");
    fake_ask(f, bob, "entries", "[" ENTRY("1", "1") "]");
    fake_ask(f, bob, "{add_entry, #{date => 2}}", "{ok, 2}"); /* no id was lost */
}

static void server__unknown_requests__are_answered_or_counted(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    fake_ask(f, bob, "{add_entry}", "{error, {bad_request, {add_entry}}}");
    fake_ask(f, bob, "[]", "{error, {bad_request, []}}");
    fake_ask(f, bob, "{update_entry, 1}", "{error, {bad_request, {update_entry, 1}}}");
    uint64_t bad = f->node.bad_messages;
    fake_cast(f, bob, "sync");
    fake_cast(f, bob, "{add_entry, #{}}");
    fake_cast(f, bob, "{update_entry, 1, #{date => 1}}");
    fake_send(f, bob, "hello");
    fake_cast(f, bob, "{delete_entry, 1}"); /* of nobody: fine */
    fake_ask(f, bob, "size", "0");
    assert_int_equal(f->node.bad_messages, bad + 4);
}

static void server__deleted_ids__are_not_used_again(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_ask(f, bob, "{delete_entry, 1}", "ok");
    fake_file(f, "bob", LIST("", "2"));
    process_exit_atom(bob, "normal");
    bob = start(f);
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 2}");
}

/* ok means that it is gone from disk, whoever has deleted it. */
static void server__delete_of_what_is_being_deleted__waits_for_the_disk(void **state)
{
    struct fake *f = *state;
    fake_put_file(f, "bob", ONE);
    struct process *bob = start(f);
    fake_ask(f, bob, "size", "1");
    fake_disk_hold(f, FS_WRITE);
    fake_cast(f, bob, "{delete_entry, 1}");
    fake_disk_await(f);
    unsigned again = fake_call(f, bob, "{delete_entry, 1}");
    fake_turns(f);
    assert_false(fake_replied(f, again));
    fake_disk_fail(f, FS_WRITE, -ENOSPC);
    fake_disk_go(f);
    fake_expect(f, again, "{error, enospc}");
}

static void server__sync__waits_for_casts(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    fake_ask(f, bob, "sync", "ok");
    fake_disk_hold(f, FS_FSYNC);
    fake_cast(f, bob, "{add_entry, #{date => 1}}");
    unsigned synced = fake_call(f, bob, "sync");
    fake_disk_await(f);
    fake_turns(f);
    assert_false(fake_replied(f, synced));
    fake_disk_go(f);
    fake_expect(f, synced, "ok");
    fake_file(f, "bob", ONE);
}

/* ---- a disk that fails ---- */

static void assert_write_fails(struct fake *f, enum fs_call call, int status, const char *atom)
{
    char error[64];
    snprintf(error, sizeof error, "{error, %s}", atom);
    fake_put_file(f, "bob", ONE);
    struct process *bob = start(f);
    fake_ask(f, bob, "size", "1");
    unsigned down = fake_watch(f, bob);
    fake_disk_hold(f, call);
    unsigned tags[] = {
        fake_call(f, bob, "{add_entry, #{date => 2}}"),
        fake_call(f, bob, "{add_entries, [#{date => 2}]}"),
        fake_call(f, bob, "{update_entry, 1, #{date => 2}}"),
        fake_call(f, bob, "sync"),
        fake_call(f, bob, "{delete_entry, 1}"),
    };
    fake_disk_fail(f, call, status);
    release_disk(f);
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        fake_expect(f, tags[i], error);
        assert_true(f->order[tags[i]] == f->answered || f->order[tags[i]] < f->answered);
    }
    fake_expect(f, down, atom);
    fake_disk_fail(f, call, 0);
    assert_int_equal(fake_dot_files(f), 0);
}

static void server__failed_write__is_told_to_all_who_wait_and_ends_it(void **state)
{
    struct fake *f = *state;
    static const enum fs_call calls[] = {FS_OPEN, FS_WRITE, FS_FSYNC, FS_FDATASYNC, FS_STAT};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        assert_write_fails(f, calls[i], -ENOSPC, "enospc");
        fake_file(f, "bob", ONE);
        struct process *bob = start(f);
        fake_ask(f, bob, "entries", "[" ENTRY("1", "1") "]");
        fake_ask(f, bob, "{add_entry, #{date => 2}}", "{ok, 2}");
        fake_file(f, "bob", TWO);
        process_exit_atom(bob, "normal");
    }
    assert_write_fails(f, FS_WRITE, FS_SHORT, "eio");
    fake_file(f, "bob", ONE);
}

static void server__calls_in_the_mailbox_when_a_write_fails__see_the_exit(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    fake_ask(f, bob, "size", "0");
    unsigned down = fake_watch(f, bob);
    fake_expect(f, fake_system(f, bob, "suspend"), "ok");
    fake_disk_fail(f, FS_WRITE, -EIO);
    unsigned asked = fake_call(f, bob, "size");
    fake_expect(f, fake_system(f, bob, "get_state"), LIST("", "1"));
    fake_expect(f, fake_system(f, bob, "resume"), "ok");
    fake_expect(f, asked, "0");
    unsigned added = fake_call(f, bob, "{add_entry, #{date => 1}}");
    fake_expect(f, fake_system(f, bob, "suspend"), "ok");
    unsigned never = fake_call(f, bob, "size");
    fake_expect(f, added, "{error, eio}");
    fake_expect(f, down, "eio");
    fake_turns(f);
    assert_false(fake_replied(f, never));
}

static void server__failed_cast__ends_it_too(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    unsigned down = fake_watch(f, bob);
    fake_disk_fail(f, FS_FDATASYNC, -EROFS);
    fake_cast(f, bob, "{add_entry, #{date => 1}}");
    fake_expect(f, down, "erofs");
}

static void server__its_file_cannot_be_written__goes_on_and_others_too(void **state)
{
    struct fake *f = *state;
    struct server *server = NULL;
    struct process *bob = start(f);
    struct slice key = fake_term("<<\"alice\">>");
    assert_int_equal(server_start(&f->alone, f->probe, key, &server), 0);
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_checkpoint(f);
    /* bob's name is a folder now: nothing can be renamed to it */
    char path[64];
    snprintf(path, sizeof path, "%s/bob", f->folder);
    fake_remove_file(f, "bob");
    assert_int_equal(mkdir(path, 0700), 0);
    fake_ask(f, bob, "{add_entry, #{date => 2}}", "{ok, 2}");
    fake_ask(f, &server->gen.process, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_file(f, "alice", ONE);
    fake_ask(f, bob, "size", "2");
    assert_int_equal(rmdir(path), 0);
    fake_file(f, "bob", TWO);
    fake_free(key);
}

/* ---- ends ---- */

static void server__killed_with_changes_in_flight__they_reach_the_disk(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    fake_ask(f, bob, "size", "0");
    unsigned down = fake_watch(f, bob);
    fake_disk_hold(f, FS_WRITE);
    unsigned first = fake_call(f, bob, "{add_entry, #{date => 1}}");
    fake_disk_await(f);
    unsigned second = fake_call(f, bob, "{add_entry, #{date => 2}}");
    fake_exit(f, bob, "kill");
    fake_expect(f, down, "killed");
    struct process *again = start(f);
    fake_ask(f, again, "size", "2"); /* questions do not wait */
    unsigned synced = fake_call(f, again, "sync");
    fake_turns(f);
    assert_false(fake_replied(f, synced));
    fake_disk_go(f);
    fake_expect(f, synced, "ok");
    fake_file(f, "bob", TWO);
    assert_false(fake_replied(f, first) || fake_replied(f, second));
}

static void server__killed_and_the_write_fails__the_next_one_reads_what_is_durable(void **state)
{
    struct fake *f = *state;
    fake_put_file(f, "bob", ONE);
    struct process *bob = start(f);
    fake_ask(f, bob, "size", "1");
    fake_disk_hold(f, FS_WRITE);
    fake_call(f, bob, "{add_entry, #{date => 1}}");
    fake_disk_await(f);
    fake_call(f, bob, "{add_entry, #{date => 2}}");
    process_exit_atom(bob, "killed");
    struct process *again = start(f);
    fake_ask(f, again, "size", "3"); /* what it knows may still be lost, and it with that */
    unsigned down = fake_watch(f, again);
    fake_disk_fail(f, FS_WRITE, -EIO);
    fake_disk_go(f);
    fake_expect(f, down, "eio");
    fake_disk_fail(f, FS_WRITE, 0);
    again = start(f);
    fake_ask(f, again, "size", "1");
    fake_ask(f, again, "{add_entry, #{date => 2}}", "{ok, 2}");
    fake_file(f, "bob", TWO);
}

static void server__stopped__answers_nothing_more_and_loses_nothing(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    unsigned down = fake_watch(f, bob);
    fake_cast(f, bob, "{add_entry, #{date => 1}}");
    unsigned stopped = fake_system(f, bob, "{terminate, normal}");
    fake_expect(f, stopped, "ok");
    fake_expect(f, down, "normal");
    fake_ask(f, start(f), "size", "1");
}

/* ---- others who write the key ---- */

static void put(struct fake *f, const char *term)
{
    struct slice key = fake_term("<<\"bob\">>");
    struct buf value = BUF_EMPTY;
    buf_append_u8(&value, 131);
    fake_term_append(&value, term);
    store_change(f->database.store, database_worker_index(&f->database, key), key, STORE_PUT,
                 buf_slice(&value), NULL);
    buf_release(&value);
    fake_free(key);
}

/* Asks for a name; nobody is told. */
struct nobody {
    struct store_request request; /* first */
    char name[256];
};

static void forget(struct store_request *request, int status, struct slice value)
{
    struct nobody *nobody = (struct nobody *)request;
    if (status == 0)
        memcpy(nobody->name, value.data, value.size);
}

static void server__key_stored_by_somebody__ends_normally(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    fake_ask(f, bob, "{add_entry, #{date => 5}}", "{ok, 1}");
    unsigned down = fake_watch(f, bob);
    fake_disk_hold(f, FS_WRITE);
    unsigned lost = fake_call(f, bob, "{add_entry, #{date => 6}}");
    fake_disk_await(f);
    fake_cast(f, bob, "{add_entry, #{date => 7}}");
    put(f, TWO);
    fake_expect(f, down, "normal");
    fake_disk_go(f);
    bob = start(f);
    fake_ask(f, bob, "entries", "[" ENTRY("1", "1") ", " ENTRY("2", "2") "]");
    fake_ask(f, bob, "{add_entry, #{date => 3}}", "{ok, 3}");
    assert_false(fake_replied(f, lost));
}

static void server__key_deleted_by_somebody__ends_normally(void **state)
{
    struct fake *f = *state;
    struct process *bob = start(f);
    struct slice key = fake_term("<<\"bob\">>");
    fake_ask(f, bob, "{add_entry, #{date => 5}}", "{ok, 1}");
    unsigned down = fake_watch(f, bob);
    store_change(f->database.store, database_worker_index(&f->database, key), key, STORE_DELETE,
                 slice_of(NULL, 0), NULL);
    fake_expect(f, down, "normal");
    fake_ask(f, start(f), "size", "0");
    assert_false(fake_has_file(f, "bob"));
    fake_free(key);
}

/* What was read is out of date already when it comes. */
static void server__key_stored_while_loading__is_seen(void **state)
{
    struct fake *f = *state;
    fake_put_file(f, "bob", LIST("", "1"));
    fake_disk_hold(f, FS_READ);
    struct process *bob = start(f);
    unsigned size = fake_call(f, bob, "size");
    unsigned added = fake_call(f, bob, "{add_entry, #{date => 3}}");
    fake_disk_await(f);
    put(f, TWO);
    fake_disk_go(f);
    fake_expect(f, size, "2");
    fake_expect(f, added, "{ok, 3}");
    fake_file(f, "bob",
              LIST("1 => " ENTRY("1", "1") ", 2 => " ENTRY("2", "2") ", 3 => " ENTRY("3", "3"), "4"));
}

static void server__key_set_aside_while_loading__begins_anew(void **state)
{
    struct fake *f = *state;
    struct slice key = fake_term("<<\"bob\">>");
    struct nobody asked = {.request.done = forget};
    fake_put_file(f, "bob", ONE);
    fake_disk_hold(f, FS_READ);
    struct process *bob = start(f);
    unsigned size = fake_call(f, bob, "size");
    fake_disk_await(f);
    store_set_aside(f->database.store, database_worker_index(&f->database, key), key, &asked.request);
    fake_disk_go(f);
    fake_expect(f, size, "0");
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    fake_free(key);
}

static void server__key_set_aside__ends_normally(void **state)
{
    struct fake *f = *state;
    struct slice key = fake_term("<<\"bob\">>");
    struct nobody asked = {.request.done = forget};
    struct process *bob = start(f);
    fake_ask(f, bob, "{add_entry, #{date => 1}}", "{ok, 1}");
    unsigned down = fake_watch(f, bob);
    fake_disk_hold(f, FS_WRITE);
    fake_cast(f, bob, "{add_entry, #{date => 2}}");
    fake_disk_await(f);
    fake_cast(f, bob, "{add_entry, #{date => 3}}");
    store_set_aside(f->database.store, database_worker_index(&f->database, key), key, &asked.request);
    fake_expect(f, down, "normal");
    fake_disk_go(f);
    bob = start(f);
    fake_ask(f, bob, "size", "0");
    assert_string_not_equal(asked.name, "");
    fake_file(f, asked.name,
              LIST("1 => " ENTRY("1", "1") ", 2 => " ENTRY("2", "2") ", 3 => " ENTRY("3", "3"), "4"));
    fake_free(key);
}

static void server__key_stored_badly_while_loading__is_corrupt(void **state)
{
    struct fake *f = *state;
    fake_put_file(f, "bob", ONE);
    fake_disk_hold(f, FS_READ);
    struct process *bob = start(f);
    unsigned size = fake_call(f, bob, "size");
    fake_disk_await(f);
    put(f, "{no, list}");
    fake_disk_go(f);
    fake_expect(f, size, "{error, {corrupt, <<\"bob\">>}}");
    put(f, ONE);
    fake_ask(f, bob, "size", "1");
}

/* ---- much at once ---- */

static void server__thousands_of_calls__all_answered_in_order(void **state)
{
    enum { CALLS = 5000 };
    struct fake *f = *state;
    struct process *bob = start(f);
    unsigned first = f->tags;
    for (int i = 0; i < CALLS; i++)
        fake_call(f, bob, "{add_entry, #{date => 1}}");
    fake_reply(f, first + CALLS - 1);
    for (unsigned i = 1; i < CALLS; i++)
        assert_true(f->order[first + i] > f->order[first + i - 1]);
    fake_ask(f, bob, "size", "5000");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(server__no_file__is_an_empty_list),
        T(server__file__is_the_list),
        T(server__messages_while_loading__are_handled_in_order_afterwards),
        T(server__killed_while_loading__ends_at_once),
        T(server__starter_ends__ends_too),
        T(server__no_list_in_the_file__is_corrupt_and_kept),
        T(server__long_name_corrupt__tells_the_file),
        T(server__mended__is_read_at_the_next_request),
        T(server__unreadable__tells_why_and_tries_again),
        T(server__folder_gone__is_an_error_not_an_empty_list),
        T(server__all_that_waited__are_answered_by_one_failed_read),
        T(server__second_try_fails_too__answers_what_waited_for_it),
        T(server__mended_while_it_is_read__answers_what_waited),
        T(server__suspended_while_the_read_fails__answers_when_resumed),
        T(server__nobody_waited_for_the_failed_read__the_first_request_reads_again),
        T(server__change__is_answered_when_durable),
        T(server__every_change__is_in_the_file),
        T(server__changes_during_a_write__become_one),
        T(server__bad_changes__change_nothing),
        T(server__unknown_requests__are_answered_or_counted),
        T(server__deleted_ids__are_not_used_again),
        T(server__delete_of_what_is_being_deleted__waits_for_the_disk),
        T(server__sync__waits_for_casts),
        T(server__failed_write__is_told_to_all_who_wait_and_ends_it),
        T(server__calls_in_the_mailbox_when_a_write_fails__see_the_exit),
        T(server__failed_cast__ends_it_too),
        T(server__its_file_cannot_be_written__goes_on_and_others_too),
        T(server__killed_with_changes_in_flight__they_reach_the_disk),
        T(server__killed_and_the_write_fails__the_next_one_reads_what_is_durable),
        T(server__stopped__answers_nothing_more_and_loses_nothing),
        T(server__key_stored_by_somebody__ends_normally),
        T(server__key_deleted_by_somebody__ends_normally),
        T(server__key_stored_while_loading__is_seen),
        T(server__key_set_aside_while_loading__begins_anew),
        T(server__key_set_aside__ends_normally),
        T(server__key_stored_badly_while_loading__is_corrupt),
        T(server__thousands_of_calls__all_answered_in_order),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
