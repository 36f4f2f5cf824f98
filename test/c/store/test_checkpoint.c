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

enum { WORDS = 200 };

static void change_much(struct holder *holder, unsigned from)
{
    char word[16];
    for (unsigned i = 0; i < WORDS; i++) {
        snprintf(word, sizeof word, "%u.", from + i);
        holder_change(holder, word);
    }
}

/* No turn of the loop takes more than a few slices of it, and what happens in between is not lost. */
static void round__large_value__a_few_slices_in_a_turn(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    struct buf text = BUF_EMPTY;
    unsigned turns = 0, slices = 0;
    holder_start(&holder, f, "bob");
    change_much(&holder, 1);
    fake_store_await_all(f);
    struct asked *end = begin_checkpoint(f);
    while (holder.encodes == 0) {
        fake_store_turn(f);
        assert_in_range(holder.slices - slices, 0, 3 * 4); /* who comes to it in a turn of libuv */
        slices = holder.slices;
        if (++turns == 2)
            holder_change(&holder, "1000.");
    }
    assert_int_equal(holder.slices, WORDS + 1);
    assert_true(turns >= WORDS / (3 * 4));
    assert_answer(end, 0, "");
    await_quiet(f);
    assert_int_equal(f->store->keys.dirty_count, 1); /* nobody can tell whether that change is in it */
    assert_int_equal(fake_store_checkpoint(f), 0);
    buf_append_slice(&text, buf_slice(&holder.memory));
    buf_append_u8(&text, '\0');
    fake_disk_assert(&f->disk, "bob", (const char *)text.data);
    assert_int_equal(journals(f), 0);
    buf_release(&text);
    holder_stop(&holder);
}

/* Between two slices. */
static void round__large_value_replaced_or_left_meanwhile__whole(void **state)
{
    struct fake_store *f = *state;
    for (unsigned i = 0; i < 4; i++) {
        struct holder holder;
        holder_start(&holder, f, "bob");
        change_much(&holder, 1 + i * WORDS);
        fake_store_await_all(f);
        struct asked *end = begin_checkpoint(f);
        while (holder.slices < 20)
            fake_store_turn(f);
        assert_int_equal(holder.encodes, 0);
        if (i == 0)
            ask_put(f, "bob", "0.");
        else if (i == 1)
            holder_detach(&holder);
        else if (i == 2)
            ask_set_aside(f, "bob");
        else
            ask_delete(f, "bob");
        fake_store_await(end);
        fake_store_await_all(f);
        struct asked *read = ask_read(f, "bob");
        fake_store_await(read);
        assert_int_equal(read->status, i < 2 ? 0 : ERR_NOT_FOUND);
        assert_int_equal(fake_store_checkpoint(f), 0);
        buf_append_u8(&read->value, '\0');
        fake_disk_assert(&f->disk, "bob", i < 2 ? (const char *)read->value.data : NULL);
        holder_stop(&holder);
    }
}

static void round__large_value_and_a_batch_fails__as_before(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    change_much(&holder, 1);
    fake_store_await_all(f);
    struct asked *end = begin_checkpoint(f);
    while (holder.slices < 20)
        fake_store_turn(f);
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -EIO);
    struct asked *bad = holder_change(&holder, "1000.");
    assert_answer(bad, -EIO, "");
    fake_store_await(end);
    assert_int_equal(holder.failures, 1);
    struct asked *read = ask_read(f, "bob");
    fake_store_await(read);
    assert_int_equal(read->value.size, 9 * 2 + 90 * 3 + 101 * 4);
    assert_int_equal(fake_store_checkpoint(f), 0);
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

static void put_some(struct fake_store *f, unsigned keys)
{
    char key[16];
    for (unsigned i = 0; i < keys; i++) {
        snprintf(key, sizeof key, "a%u", i);
        store_change(f->store, 0, slice_of_text(key), STORE_PUT, slice_of_text(key), NULL);
    }
}

/* So few files that what others write to the file system would be more than they. */
static void round__few_keys__a_sync_for_each(void **state)
{
    struct fake_store *f = *state;
    put_some(f, 8);
    fake_disk_forget(&f->disk);
    assert_int_equal(fake_store_checkpoint(f), 0);
    assert_int_equal(fake_disk_count(&f->disk, "syncfs"), 0);
    assert_int_equal(fake_disk_count(&f->disk, "fsync .tmp-"), 8);
    assert_int_equal(fake_disk_count(&f->disk, "fsync persist"), 2); /* a segment's beginning is the other */
    put_some(f, 9);
    fake_disk_forget(&f->disk);
    assert_int_equal(fake_store_checkpoint(f), 0);
    assert_int_equal(fake_disk_count(&f->disk, "syncfs"), 1);
    assert_int_equal(fake_disk_count(&f->disk, "fsync .tmp-"), 0);
}

static void round__many_keys_and_the_sync_fails__all_go_next_time(void **state)
{
    struct fake_store *f = *state;
    put_some(f, 9);
    fake_disk_fail(&f->disk, FS_SYNCFS, "persist", 0, 1, -EIO);
    assert_int_equal(fake_store_checkpoint(f), -EIO);
    assert_int_equal(f->store->keys.dirty_count, 9);
    assert_int_equal(fake_disk_entries(&f->disk, ".tmp-"), 0);
    assert_int_equal(fake_store_checkpoint(f), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 9);
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
    fake_disk_hold(&f->disk, FS_FSYNC, ".tmp-");
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
                 {FS_FSYNC, ".tmp-", false},
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

/* ---- keys that cannot be written ---- */

enum { STUCK_LIMIT = 10000, STUCK_VALUE = 500 };

static void start_stuck(struct fake_store *f)
{
    fake_store_start_disk(f, 1);
    f->journal_limit = STUCK_LIMIT;
    assert_int_equal(fake_store_open(f), 0);
    assert_int_equal(mkdir(fake_disk_path(&f->disk, "bob"), 0700), 0);
}

static unsigned long bytes_of_journals(struct fake_store *f)
{
    unsigned long bytes = 0;
    for (unsigned i = 1; i < 1000; i++) {
        struct stat info;
        char name[32];
        snprintf(name, sizeof name, ".journal-0-%u", i);
        if (stat(fake_disk_path(&f->disk, name), &info) == 0)
            bytes += (unsigned long)info.st_size;
    }
    return bytes;
}

/* So many journals' full of changes of another key, by somebody who waits when he is told to. */
static void fill_journals(struct fake_store *f, unsigned journals_full)
{
    char value[STUCK_VALUE + 1] = "";
    memset(value, 'v', STUCK_VALUE);
    for (unsigned i = 0; i < journals_full * STUCK_LIMIT / STUCK_VALUE; i++) {
        assert_answer(ask_put(f, "eve", value), 0, "");
        for (unsigned turns = 0; f->pressed; turns++) {
            assert_true(turns < 100000);
            fake_store_turn(f);
        }
        assert_in_range(bytes_of_journals(f), 0, 3 * STUCK_LIMIT);
    }
}

static void stuck__others_change__for_ever(void **state)
{
    struct fake_store f;
    start_stuck(&f);
    assert_answer(ask_put(&f, "bob", "1"), 0, "");
    fill_journals(&f, 10);
    assert_answer(ask_read(&f, "bob"), 0, "1");
    assert_answer(ask_put(&f, "bob", "2"), 0, "");
    fill_journals(&f, 10);
    assert_answer(ask_read(&f, "bob"), 0, "2");
    assert_int_equal(rmdir(fake_disk_path(&f.disk, "bob")), 0);
    assert_int_equal(fake_store_checkpoint(&f), 0);
    fake_disk_assert(&f.disk, "bob", "2");
    assert_int_equal(journals(&f), 0);
    assert_int_equal(f.store->commits[0].kept, 0);
    fake_store_stop(&f);
}

static void stuck__its_holder_changes_it__for_ever(void **state)
{
    struct fake_store f;
    struct holder holder;
    char word[16];
    fake_store_start_disk(&f, 1);
    f.journal_limit = STUCK_LIMIT;
    assert_int_equal(fake_store_open(&f), 0);
    holder_start(&holder, &f, "bob");
    assert_int_equal(mkdir(fake_disk_path(&f.disk, "bob"), 0700), 0);
    for (unsigned i = 1; i < 1000; i++) {
        snprintf(word, sizeof word, "%u.", i);
        assert_answer(holder_change(&holder, word), 0, "");
        if (i % 100 == 0)
            fill_journals(&f, 1);
    }
    assert_int_equal(rmdir(fake_disk_path(&f.disk, "bob")), 0);
    fake_store_await_all(&f);
    holder_detach(&holder);
    assert_int_equal(fake_store_checkpoint(&f), 0);
    struct asked *read = ask_read(&f, "bob");
    assert_answer(read, 0, NULL);
    assert_int_equal(fake_disk_entries(&f.disk, ".journal"), 0);
    assert_int_equal(read->value.size, 9 * 2 + 90 * 3 + 900 * 4);
    buf_append_u8(&read->value, '\0');
    fake_disk_assert(&f.disk, "bob", (char *)read->value.data);
    holder_stop(&holder);
    fake_store_stop(&f);
}

static void stuck__deleted__others_go_on_and_it_stays_deleted(void **state)
{
    struct fake_store f;
    start_stuck(&f);
    assert_answer(ask_delete(&f, "bob"), 0, "");
    fill_journals(&f, 10);
    assert_answer(ask_read(&f, "bob"), ERR_NOT_FOUND, "");
    assert_int_equal(rmdir(fake_disk_path(&f.disk, "bob")), 0);
    fake_disk_put(&f.disk, "bob", "what was there before");
    assert_int_equal(fake_store_checkpoint(&f), 0);
    fake_disk_assert(&f.disk, "bob", NULL);
    fake_store_stop(&f);
}

/* Its older records count until the journal has its value. */
static void stuck__carrying_over_fails__older_records_count(void **state)
{
    struct fake_store f;
    struct asked *put;
    start_stuck(&f);
    assert_answer(ask_put(&f, "bob", "1"), 0, "");
    while (journals(&f) < 3)
        assert_answer(ask_put(&f, "eve", "0123456789012345678901234567890123456789"), 0, "");
    fake_disk_hold(&f.disk, FS_RENAME, "bob");
    struct asked *end = begin_checkpoint(&f);
    f.store->config.journal_limit = 1000; /* it has grown */
    fake_store_await_held(&f);
    fake_disk_fail(&f.disk, FS_FDATASYNC, ".journal-", 0, 1, -EIO);
    fake_disk_release(&f.disk);
    fake_store_await(end);
    while (!fake_disk_fired(&f.disk, NULL))
        fake_store_turn(&f);
    assert_answer(ask_read(&f, "bob"), 0, "1");
    put = ask_put(&f, "bob", "2");
    assert_answer(put, 0, "");
    assert_int_equal(rmdir(fake_disk_path(&f.disk, "bob")), 0);
    assert_int_equal(fake_store_checkpoint(&f), 0);
    fake_disk_assert(&f.disk, "bob", "2");
    fake_store_stop(&f);
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
    fake_disk_fail(&f.disk, FS_FSYNC, ".tmp-", 0, DISK_FOREVER, -ENOSPC);
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

/* What somebody holds is no reason to refuse or to slow down anything, but to write the values as ever. */
static void journal__held__values_written_and_nothing_refused(void **state)
{
    struct fake_store f;
    char value[1001] = "";
    fake_store_start_disk(&f, 1);
    f.journal_limit = 10000;
    assert_int_equal(fake_store_open(&f), 0);
    memset(value, 'a', 1000);
    store_hold_journals(f.store);
    for (unsigned i = 0; i < 100; i++)
        assert_answer(ask_put(&f, "bob", value), 0, "");
    await_quiet(&f);
    assert_false(f.pressed);
    fake_disk_assert(&f.disk, "bob", value);
    assert_in_range(fake_disk_count(&f.disk, "rename bob"), 2, 25);
    assert_in_range(f.store->commits[0].journal_size, 100000, 200000);
    fake_disk_fail(&f.disk, FS_RENAME, "bob", 0, 1, -EIO);
    assert_answer(ask_put(&f, "bob", "1"), 0, "");
    assert_int_equal(fake_store_checkpoint(&f), -EIO);
    assert_answer(ask_put(&f, "bob", "2"), 0, ""); /* the journal has room for more */
    fake_store_tick(&f);                           /* not quiet, and tried again */
    await_quiet(&f);
    fake_disk_assert(&f.disk, "bob", "2");
    store_release_journals(f.store);
    await_quiet(&f);
    fake_store_turn(&f);
    await_quiet(&f);
    assert_int_equal(journals(&f), 0);
    assert_int_equal(f.store->commits[0].kept, 0);
    fake_store_stop(&f);
}

/* As without somebody who holds them. */
static void journal__held_and_checkpoints_fail__refused_beyond_the_same_bound(void **state)
{
    struct fake_store f;
    char value[1001] = "";
    struct asked *put;
    unsigned accepted = 0;
    fake_store_start_disk(&f, 1);
    f.journal_limit = 10000;
    assert_int_equal(fake_store_open(&f), 0);
    memset(value, 'a', 1000);
    store_hold_journals(f.store);
    for (unsigned i = 0; i < 100; i++)
        assert_answer(ask_put(&f, "bob", value), 0, "");
    await_quiet(&f);
    fake_disk_fail(&f.disk, FS_FSYNC, ".tmp-", 0, DISK_FOREVER, -ENOSPC);
    do {
        put = ask_put(&f, "bob", value);
        fake_store_await(put);
        fake_store_tick(&f);
        await_quiet(&f);
        accepted += put->status == 0;
    } while (put->status == 0 && accepted < 100);
    assert_int_equal(put->status, -ENOSPC);
    assert_in_range(accepted, 34, 41);
    fake_disk_heal(&f.disk);
    fake_store_tick(&f); /* somebody goes on trying: not quiet */
    await_quiet(&f);
    assert_answer(ask_put(&f, "bob", "1"), 0, "");
    store_release_journals(f.store);
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
        TEST(round__large_value__a_few_slices_in_a_turn),
        TEST(round__large_value_replaced_or_left_meanwhile__whole),
        TEST(round__large_value_and_a_batch_fails__as_before),
        TEST(pass__many_keys__one_sync_for_all_of_a_round),
        TEST(round__few_keys__a_sync_for_each),
        TEST(round__many_keys_and_the_sync_fails__all_go_next_time),
        cmocka_unit_test(round__changes_not_durable__waits_for_them),
        TEST(round__its_changes_fail__void_and_what_is_left_is_written),
        TEST(pass__wanted_during_another_that_ends_empty__follows),
        TEST(round__key_changed_meanwhile__stays_dirty_with_its_journal),
        TEST(pass__a_file_fails__keeps_its_records_and_goes_next_time),
        TEST(pass__one_key_can_never_be_written__the_others_are),
        cmocka_unit_test(trim__segments__those_with_nothing_dirty_are_removed),
        cmocka_unit_test(stuck__others_change__for_ever),
        cmocka_unit_test(stuck__its_holder_changes_it__for_ever),
        cmocka_unit_test(stuck__deleted__others_go_on_and_it_stays_deleted),
        cmocka_unit_test(stuck__carrying_over_fails__older_records_count),
        TEST(trim__removal_fails__the_next_pass_tries_again),
        TEST(trim__segment_without_records__removed_too),
        cmocka_unit_test(journal__checkpoints_fail__refused_until_they_do_not),
        cmocka_unit_test(journal__held__values_written_and_nothing_refused),
        cmocka_unit_test(journal__held_and_checkpoints_fail__refused_beyond_the_same_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
