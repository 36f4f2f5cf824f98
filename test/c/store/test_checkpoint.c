/* Which values are in their files when, seen through a store. */
#include "store/checkpoint.h"

#include "base/error.h"
#include "fake_store.h"
#include "store/store_state.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state)
{
    struct fake_store *f = malloc(sizeof *f);
    fake_store_start(f, 1);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fake_store *f = *state;
    fake_store_stop(f);
    free(f);
    return 0;
}

static unsigned journals(struct fake_store *f)
{
    return fake_disk_entries(&f->disk, ".journal-");
}

static void await_quiet(struct fake_store *f)
{
    while (!checkpoint_is_idle(&f->store->checkpoint))
        fake_store_turn(f);
}

static struct asked *begin_checkpoint(struct fake_store *f)
{
    struct asked *asked = asked_new(f);
    checkpoint_begin(&f->store->checkpoint, &asked->request);
    return asked;
}

/* ---- when ---- */

static void tick__quiet_for_a_second__written_and_journals_removed(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    fake_store_tick(f);
    await_quiet(f);
    fake_disk_assert(&f->disk, "bob", NULL); /* something has happened in this one */
    assert_int_equal(journals(f), 1);
    assert_answer(ask_put(f, "bob", "2"), 0, "");
    fake_store_tick(f);
    await_quiet(f);
    fake_disk_assert(&f->disk, "bob", NULL);
    fake_store_tick(f);
    await_quiet(f);
    fake_disk_assert(&f->disk, "bob", "2");
    assert_int_equal(journals(f), 0);
}

static void tick__nothing_dirty__no_calls(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_store_tick(f);
    fake_disk_forget(&f->disk);
    fake_store_tick(f);
    await_quiet(f);
    assert_int_equal(fake_disk_count(&f->disk, ""), 0);
}

static void journal__half_of_its_limit__written_without_a_tick(void **state)
{
    struct fake_store f;
    char value[1001] = "";
    fake_store_start_disk(&f, 1);
    f.journal_limit = 20000;
    assert_int_equal(fake_store_open(&f), 0);
    memset(value, 'a', 1000);
    for (int i = 0; i < 9; i++)
        assert_answer(ask_put(&f, "bob", value), 0, "");
    await_quiet(&f);
    fake_disk_assert(&f.disk, "bob", NULL);
    assert_answer(ask_put(&f, "bob", value), 0, "");
    await_quiet(&f);
    fake_disk_assert(&f.disk, "bob", value);
    assert_int_equal(journals(&f), 0);
    fake_store_stop(&f);
}

/* ---- what ---- */

static void pass__holder_and_others__values_as_they_are(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    fake_disk_put(&f->disk, "gone", "old");
    fake_disk_put(&f->disk, "eve", "old");
    holder_start(&holder, f, "bob");
    holder_change(&holder, "1.");
    holder_change(&holder, "2.");
    ask_put(f, "eve", "new");
    ask_delete(f, "gone");
    assert_int_equal(fake_store_checkpoint(f), 0);
    assert_int_equal(holder.encodes, 1);
    fake_disk_assert(&f->disk, "bob", "1.2.");
    fake_disk_assert(&f->disk, "eve", "new");
    assert_int_equal(fake_disk_entries(&f->disk, ""), 2);
    assert_int_equal(f->store->keys.dirty_count, 0);
    assert_int_equal(f->store->keys.all.count, 0);
    fake_store_await_all(f);
    holder_stop(&holder);
}

static void pass__many_keys__one_sync_for_all_of_a_round(void **state)
{
    enum { KEYS = 5000 };
    struct fake_store *f = *state;
    char key[16];
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "a%u", i);
        store_change(f->store, 0, slice_of_text(key), STORE_PUT, slice_of_text(key), NULL);
    }
    fake_disk_forget(&f->disk);
    assert_int_equal(fake_store_checkpoint(f), 0);
    assert_in_range(fake_disk_count(&f->disk, "syncfs"), 2, KEYS / 10);
    assert_int_equal(fake_disk_count(&f->disk, "fsync .tmp-"), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ""), KEYS);
}

static void round__changes_not_durable__waits_for_them(void **state)
{
    struct fake_store f;
    fake_store_start(&f, 2);
    assert_answer(ask_put(&f, "a", "1"), 0, "");
    fake_disk_forget(&f.disk);
    fake_disk_hold(&f.disk, FS_FDATASYNC, ".journal-1");
    ask_put(&f, "a", "2");
    fake_store_await_held(&f);
    struct asked *end = begin_checkpoint(&f);
    assert_answer(ask_put(&f, "b", "1"), 0, ""); /* turns go by */
    assert_true(f.store->checkpoint.passing);
    assert_int_equal(fake_disk_count(&f.disk, "open .tmp-"), 0);
    assert_int_equal(end->count, 0);
    fake_disk_release(&f.disk);
    assert_answer(end, 0, "");
    fake_disk_assert(&f.disk, "a", "2");
    fake_store_await_all(&f);
    fake_store_stop(&f);
}

static void round__its_changes_fail__void_and_what_is_left_is_written(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    fake_disk_hold(&f->disk, FS_FDATASYNC, ".journal-");
    struct asked *bad = ask_put(f, "bob", "2");
    ask_put(f, "eve", "2");
    fake_store_await_held(f);
    struct asked *end = begin_checkpoint(f);
    while (f->store->checkpoint.round == NULL)
        fake_store_turn(f);
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -EIO);
    fake_disk_release(&f->disk);
    assert_answer(end, 0, "");
    assert_answer(bad, -EIO, "");
    await_quiet(f);
    fake_disk_assert(&f->disk, "bob", "1");
    assert_int_equal(fake_disk_entries(&f->disk, ""), 1);
}

static void pass__wanted_during_another_that_ends_empty__follows(void **state)
{
    struct fake_store *f = *state;
    fake_disk_hold(&f->disk, FS_FDATASYNC, ".journal-");
    struct asked *bad = ask_put(f, "bob", "1");
    fake_store_await_held(f);
    struct asked *first = begin_checkpoint(f);
    while (f->store->checkpoint.round == NULL)
        fake_store_turn(f);
    struct asked *second = begin_checkpoint(f);
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -EIO);
    fake_disk_release(&f->disk);
    assert_answer(first, 0, "");
    assert_answer(second, 0, "");
    assert_answer(bad, -EIO, "");
}

static void round__key_changed_meanwhile__stays_dirty_with_its_journal(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    fake_disk_hold(&f->disk, FS_SYNCFS, NULL);
    struct asked *end = begin_checkpoint(f);
    fake_store_await_held(f);
    assert_answer(ask_put(f, "bob", "2"), 0, "");
    fake_disk_release(&f->disk);
    assert_answer(end, 0, "");
    await_quiet(f);
    fake_disk_assert(&f->disk, "bob", "1");
    assert_int_equal(f->store->keys.dirty_count, 1);
    assert_int_equal(journals(f), 1);
    assert_answer(ask_read(f, "bob"), 0, "2");
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", "2");
    assert_int_equal(journals(f), 0);
}

static void pass__a_file_fails__keeps_its_records_and_goes_next_time(void **state)
{
    static const struct {
        enum fs_call call;
        const char *name;
        bool of_all; /* keys of the round */
    } cases[] = {{FS_OPEN, ".tmp-", false},
                 {FS_WRITE, ".tmp-", false},
                 {FS_RENAME, "bob", false},
                 {FS_SYNCFS, "persist", true},
                 {FS_FSYNC, "persist", true}};
    struct fake_store *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char value[2] = {(char)('a' + i), '\0'};
        assert_answer(ask_put(f, "bob", value), 0, "");
        assert_answer(ask_put(f, "eve", value), 0, "");
        fake_disk_fail(&f->disk, cases[i].call, cases[i].name, 0, 1, -ENOSPC);
        assert_int_equal(fake_store_checkpoint(f), -ENOSPC);
        assert_int_equal(f->store->keys.dirty_count, cases[i].of_all ? 2 : 1);
        assert_int_equal(fake_disk_entries(&f->disk, ".tmp-"), 0);
        assert_int_equal(journals(f), 1);
        assert_answer(ask_read(f, "bob"), 0, value);
        fake_disk_forget(&f->disk);
        assert_int_equal(fake_store_checkpoint(f), 0);
        assert_int_equal(fake_disk_count(&f->disk, "rename"), cases[i].of_all ? 2 : 1);
        fake_disk_assert(&f->disk, "bob", value);
        fake_disk_assert(&f->disk, "eve", value);
        assert_int_equal(journals(f), 0);
    }
}

/* A folder in the place of a file. */
static void pass__one_key_can_never_be_written__the_others_are(void **state)
{
    struct fake_store *f = *state;
    char other[64];
    assert_int_equal(mkdir(fake_disk_path(&f->disk, "bob"), 0700), 0);
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    for (int i = 0; i < 3; i++) {
        snprintf(other, sizeof other, "eve%d", i);
        assert_answer(ask_put(f, other, "1"), 0, "");
        assert_int_equal(fake_store_checkpoint(f), -EISDIR);
        fake_disk_assert(&f->disk, other, "1");
        assert_answer(ask_read(f, "bob"), 0, "1");
    }
    assert_int_equal(rmdir(fake_disk_path(&f->disk, "bob")), 0);
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", "1");
    assert_int_equal(journals(f), 0);
}

/* ---- journals ---- */

static void trim__segments__those_with_nothing_dirty_are_removed(void **state)
{
    struct fake_store f;
    char value[301] = "";
    fake_store_start_disk(&f, 1);
    f.journal_limit = 4000; /* segments of 1000 */
    assert_int_equal(fake_store_open(&f), 0);
    memset(value, 'a', 300);
    for (int i = 0; i < 3; i++)
        assert_answer(ask_put(&f, "eve", value), 0, "");
    assert_answer(ask_put(&f, "bob", value), 0, ""); /* in the second segment */
    assert_int_equal(journals(&f), 2);
    fake_disk_fail(&f.disk, FS_RENAME, "bob", 0, 1, -EIO);
    assert_int_equal(fake_store_checkpoint(&f), -EIO);
    assert_int_equal(journals(&f), 1);
    assert_int_equal(fake_store_checkpoint(&f), 0);
    assert_int_equal(journals(&f), 0);
    assert_int_equal(f.store->commits[0].journal_size, 0);
    fake_store_stop(&f);
}

static void trim__removal_fails__the_next_pass_tries_again(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    fake_disk_fail(&f->disk, FS_UNLINK, ".journal-", 0, 1, -EIO);
    assert_int_equal(fake_store_checkpoint(f), 0);
    assert_int_equal(journals(f), 1);
    fake_store_tick(f);
    fake_store_tick(f);
    await_quiet(f);
    assert_int_equal(journals(f), 0);
}

static void trim__segment_without_records__removed_too(void **state)
{
    struct fake_store *f = *state;
    fake_disk_fail(&f->disk, DISK_ANY, ".journal-", 2, DISK_FOREVER, -EIO);
    assert_answer(ask_put(f, "bob", "1"), -EIO, "");
    fake_disk_heal(&f->disk);
    assert_int_equal(journals(f), 1);
    fake_store_tick(f);
    fake_store_tick(f);
    await_quiet(f);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 0);
}

/* Four times its limit, and no checkpoint can be written: no more is taken. */
static void journal__checkpoints_fail__refused_until_they_do_not(void **state)
{
    struct fake_store f;
    char value[1001] = "";
    struct asked *put;
    unsigned accepted = 0;
    fake_store_start_disk(&f, 1);
    f.journal_limit = 10000;
    assert_int_equal(fake_store_open(&f), 0);
    memset(value, 'a', 1000);
    fake_disk_fail(&f.disk, FS_SYNCFS, NULL, 0, DISK_FOREVER, -ENOSPC);
    do {
        put = ask_put(&f, "bob", value);
        fake_store_await(put);
        fake_store_tick(&f);
        await_quiet(&f);
        accepted += put->status == 0;
    } while (put->status == 0 && accepted < 100);
    assert_int_equal(put->status, -ENOSPC);
    assert_in_range(accepted, 39, 41);
    assert_false(f.pressed); /* no waiting helps */
    assert_answer(ask_read(&f, "bob"), 0, value);
    fake_disk_heal(&f.disk);
    assert_int_equal(fake_store_checkpoint(&f), 0);
    assert_answer(ask_put(&f, "bob", "1"), 0, "");
    fake_store_stop(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tick__quiet_for_a_second__written_and_journals_removed),
        TEST(tick__nothing_dirty__no_calls),
        cmocka_unit_test(journal__half_of_its_limit__written_without_a_tick),
        TEST(pass__holder_and_others__values_as_they_are),
        TEST(pass__many_keys__one_sync_for_all_of_a_round),
        cmocka_unit_test(round__changes_not_durable__waits_for_them),
        TEST(round__its_changes_fail__void_and_what_is_left_is_written),
        TEST(pass__wanted_during_another_that_ends_empty__follows),
        TEST(round__key_changed_meanwhile__stays_dirty_with_its_journal),
        TEST(pass__a_file_fails__keeps_its_records_and_goes_next_time),
        TEST(pass__one_key_can_never_be_written__the_others_are),
        cmocka_unit_test(trim__segments__those_with_nothing_dirty_are_removed),
        TEST(trim__removal_fails__the_next_pass_tries_again),
        TEST(trim__segment_without_records__removed_too),
        cmocka_unit_test(journal__checkpoints_fail__refused_until_they_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
