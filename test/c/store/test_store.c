/* What store.h promises, on a real loop and a real folder. */
#include "store/store.h"

#include "base/error.h"
#include "fake_store.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

/* The worker has written "1" to the key's temporary, and waits. */
static struct asked *begin_write(struct fake_store *f, const char *key)
{
    fake_disk_hold(&f->disk, FS_FSYNC, ".tmp-");
    struct asked *asked = ask_change(f, key, "1");
    fake_disk_await_held(&f->disk);
    return asked;
}

/* ---- writing ---- */

static void change__one__written_synced_renamed_folder_synced_done(void **state)
{
    static const char *const words[] = {"write", "fsync", "rename", "done", ""};
    struct fake_store *f = *state;
    struct buf lines = BUF_EMPTY;
    fake_disk_forget(&f->disk);
    struct asked *change = ask_change(f, "bob", "1");
    change->note = "done";
    assert_int_equal(change->count, 0); /* never from inside */
    assert_answer(change, 0, "");
    fake_disk_lines(&f->disk, words, &lines);
    assert_bytes(buf_slice(&lines), "write .tmp-0|fsync .tmp-0|rename bob|fsync persist|done |");
    fake_disk_assert(&f->disk, "bob", "1");
    buf_release(&lines);
}

static void delete__one__removed_folder_synced_done(void **state)
{
    static const char *const words[] = {"unlink", "fsync", "done", ""};
    struct fake_store *f = *state;
    struct buf lines = BUF_EMPTY;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    fake_disk_forget(&f->disk);
    struct asked *asked = ask_delete(f, "bob");
    asked->note = "done";
    assert_answer(asked, 0, "");
    fake_disk_lines(&f->disk, words, &lines);
    assert_bytes(buf_slice(&lines), "unlink bob|fsync persist|done |");
    fake_disk_assert(&f->disk, "bob", NULL);
    buf_release(&lines);
}

static void change__many_while_one_is_written__one_write_more(void **state)
{
    struct fake_store *f = *state;
    char expected[200] = "1";
    begin_write(f, "bob");
    for (int i = 0; i < 100; i++) {
        char text[2] = {(char)('a' + i % 26), '\0'};
        ask_change(f, "bob", text);
        strcat(expected, text);
    }
    assert_int_equal(store_pending_bytes(f->store), 101);
    fake_disk_release(&f->disk);
    fake_store_await_all(f);
    for (struct asked *asked = f->asked; asked != NULL; asked = asked->older)
        assert_int_equal(asked->status, 0);
    assert_int_equal(f->answered, 101);
    assert_int_equal(fake_disk_count(&f->disk, "rename bob"), 2);
    assert_int_equal(store_pending_bytes(f->store), 0);
    fake_disk_assert(&f->disk, "bob", expected);
}

static void change__nobody_waits__written(void **state)
{
    struct fake_store *f = *state;
    store_change(f->store, 0, slice_of_text("bob"), STORE_CHANGE, slice_of_text("1"), NULL);
    store_change(f->store, 0, slice_of_text("bob"), STORE_CHANGE, slice_of_text("2"), NULL);
    assert_answer(ask_sync(f), 0, "");
    fake_disk_assert(&f->disk, "bob", "12");
}

static void change__kinds_waiting__last_put_or_delete_and_what_follows(void **state)
{
    struct fake_store *f = *state;
    begin_write(f, "bob");
    ask_change(f, "bob", "lost");
    ask_put(f, "bob", "put");
    struct asked *last = ask_change(f, "bob", "+");
    fake_disk_release(&f->disk);
    assert_answer(last, 0, "");
    fake_disk_assert(&f->disk, "bob", "put+");
    begin_write(f, "bob");
    ask_put(f, "bob", "lost");
    ask_delete(f, "bob");
    last = ask_change(f, "bob", "new");
    fake_disk_release(&f->disk);
    assert_answer(last, 0, "");
    fake_disk_assert(&f->disk, "bob", "new");
    begin_write(f, "bob");
    ask_change(f, "bob", "lost");
    last = ask_delete(f, "bob");
    fake_disk_release(&f->disk);
    assert_answer(last, 0, "");
    fake_disk_assert(&f->disk, "bob", NULL);
    fake_store_await_all(f);
}

static void delete__missing__done(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_delete(f, "bob"), 0, "");
    assert_answer(ask_read(f, "bob"), ERR_NOT_FOUND, "");
}

static void read__between_changes__those_before(void **state)
{
    struct fake_store *f = *state;
    struct asked *asked[8];
    static const char *const answers[] = {"", "1", "", "12", "12", "", NULL, ""};
    asked[0] = begin_write(f, "bob");
    asked[1] = ask_read(f, "bob");
    asked[2] = ask_change(f, "bob", "2");
    asked[3] = ask_read(f, "bob");
    asked[4] = ask_read(f, "bob");
    asked[5] = ask_delete(f, "bob");
    asked[6] = ask_read(f, "bob");
    asked[7] = ask_change(f, "bob", "3");
    fake_disk_release(&f->disk);
    for (unsigned i = 0; i < 8; i++) {
        assert_answer(asked[i], i == 6 ? ERR_NOT_FOUND : 0, answers[i]);
        assert_int_equal(asked[i]->order, i + 1);
    }
    fake_disk_assert(&f->disk, "bob", "3");
}

static void change__another_worker_busy__done(void **state)
{
    struct fake_store f;
    fake_store_start(&f, 2);
    fake_disk_hold(&f.disk, FS_RENAME, "a");
    struct asked *slow = ask_change(&f, "a", "1");
    fake_disk_await_held(&f.disk);
    assert_answer(ask_change(&f, "b", "2"), 0, "");
    assert_answer(ask_read(&f, "b"), 0, "2");
    assert_int_equal(slow->count, 0);
    fake_disk_release(&f.disk);
    assert_answer(slow, 0, "");
    fake_store_stop(&f);
}

/* ---- files that are not as expected ---- */

static void read__odd_files__error(void **state)
{
    struct fake_store *f = *state;
    fake_disk_put(&f->disk, "empty", "");
    fake_disk_put(&f->disk, "private", "1");
    assert_int_equal(chmod(fake_disk_path(&f->disk, "private"), 0), 0);
    assert_int_equal(mkdir(fake_disk_path(&f->disk, "folder"), 0700), 0);
    assert_int_equal(mkfifo(fake_disk_path(&f->disk, "fifo"), 0600), 0);
    assert_int_equal(symlink("empty", fake_disk_path(&f->disk, "link")), 0);
    fake_disk_put(&f->disk, "large", "1");
    assert_int_equal(truncate(fake_disk_path(&f->disk, "large"), TOY_VALUE_MAX + 1), 0);
    assert_answer(ask_read(f, "empty"), 0, "");
    assert_answer(ask_read(f, "folder"), -EISDIR, "");
    assert_answer(ask_read(f, "fifo"), -EINVAL, "");
    assert_answer(ask_read(f, "link"), -ELOOP, "");
    assert_answer(ask_read(f, "large"), ERR_TOO_LARGE, "");
    fake_disk_begin_nobody(&f->disk);
    struct asked *asked = ask_read(f, "private");
    fake_store_await(asked);
    fake_disk_end_nobody();
    assert_answer(asked, -EACCES, "");
}

static void change__odd_files__error_and_left_as_they_are(void **state)
{
    static const struct {
        const char *key;
        int status;
    } cases[] = {{"empty", ERR_CORRUPT}, {"folder", -EISDIR}, {"fifo", -EINVAL}, {"link", -ELOOP}};
    struct fake_store *f = *state;
    fake_disk_put(&f->disk, "empty", "");
    assert_int_equal(mkdir(fake_disk_path(&f->disk, "folder"), 0700), 0);
    assert_int_equal(mkfifo(fake_disk_path(&f->disk, "fifo"), 0600), 0);
    assert_int_equal(symlink("empty", fake_disk_path(&f->disk, "link")), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_answer(ask_change(f, cases[i].key, "1"), cases[i].status, "");
    fake_disk_assert(&f->disk, "empty", "");
    assert_int_equal(fake_disk_entries(&f->disk, ""), 4);
    assert_answer(ask_put(f, "folder", "1"), -EISDIR, "");
    assert_answer(ask_delete(f, "folder"), -EISDIR, "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(cases[i].key, "folder") != 0)
            assert_answer(ask_put(f, cases[i].key, "new"), 0, "");
    }
    fake_disk_assert(&f->disk, "fifo", "new");
    fake_disk_assert(&f->disk, "link", "new");
    fake_disk_assert(&f->disk, "empty", "new");
}

static void change__value_too_large__error_and_old_value(void **state)
{
    struct fake_store *f = *state;
    char *text = malloc(TOY_VALUE_MAX + 1);
    memset(text, 'a', TOY_VALUE_MAX);
    text[TOY_VALUE_MAX] = '\0';
    assert_answer(ask_put(f, "bob", text), 0, "");
    assert_answer(ask_change(f, "bob", "b"), ERR_TOO_LARGE, "");
    assert_answer(ask_read(f, "bob"), 0, text);
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    free(text);
}

static void change__fold_fails__all_waiting_answered_with_it(void **state)
{
    struct fake_store *f = *state;
    struct asked *first = begin_write(f, "bob");
    ask_change(f, "bob", "a");
    struct asked *bad = ask_change(f, "bob", "!");
    struct asked *after = ask_change(f, "bob", "b");
    fake_disk_release(&f->disk);
    assert_answer(first, 0, "");
    assert_answer(bad, ERR_BADARG, "");
    assert_answer(after, ERR_BADARG, "");
    assert_answer(ask_change(f, "bob", "2"), 0, "");
    fake_disk_assert(&f->disk, "bob", "12");
    fake_store_await_all(f);
}

/* ---- failed writes ---- */

static void write__fails__all_waiting_answered_and_the_next_works(void **state)
{
    static const struct {
        enum fs_call call;
        const char *name;
        int status, expected;
        bool in_place; /* already, but not known to be durable */
    } cases[] = {{FS_STAT, "persist", -EIO, -EIO, false},      {FS_OPEN, "bob", -EMFILE, -EMFILE, false},
                 {FS_READ, "bob", -EIO, -EIO, false},          {FS_OPEN, ".tmp-", -ENOSPC, -ENOSPC, false},
                 {FS_WRITE, ".tmp-", -ENOSPC, -ENOSPC, false}, {FS_WRITE, ".tmp-", FS_SHORT, -EIO, false},
                 {FS_FSYNC, ".tmp-", -EIO, -EIO, false},       {FS_CLOSE, ".tmp-", -EIO, -EIO, false},
                 {FS_RENAME, "bob", -EROFS, -EROFS, false},    {FS_OPEN, "persist", -EMFILE, -EMFILE, true},
                 {FS_FSYNC, "persist", -EIO, -EIO, true}};
    struct fake_store *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_answer(ask_put(f, "bob", "old"), 0, "");
        /* Held before its first call on the folder, so that all calls of its batch are still to come. */
        fake_disk_hold(&f->disk, FS_STAT, "persist");
        struct asked *in_flight = ask_change(f, "bob", "1");
        fake_disk_await_held(&f->disk);
        struct asked *queued[3] = {ask_change(f, "bob", "2"), NULL, NULL};
        struct asked *read = ask_read(f, "bob");
        queued[1] = ask_change(f, "bob", "3");
        queued[2] = ask_delete(f, "bob");
        struct asked *sync = ask_sync_key(f, "bob");
        fake_disk_fail(&f->disk, cases[i].call, cases[i].name, 0, 1, cases[i].status);
        fake_disk_release(&f->disk);
        assert_answer(in_flight, cases[i].expected, "");
        for (int j = 0; j < 3; j++)
            assert_answer(queued[j], cases[i].expected, "");
        assert_answer(sync, cases[i].expected, "");
        assert_answer(read, 0, cases[i].in_place ? "old1" : "old");
        assert_int_equal(fake_disk_entries(&f->disk, ""), 1);
        assert_int_equal(store_pending_bytes(f->store), 0);
        assert_answer(ask_change(f, "bob", "4"), 0, "");
        fake_disk_assert(&f->disk, "bob", cases[i].in_place ? "old14" : "old4");
    }
}

static void write__fails__other_keys_of_the_batch_done(void **state)
{
    struct fake_store *f = *state;
    begin_write(f, "bob");
    struct asked *bad = ask_change(f, "bad", "1");
    struct asked *good = ask_change(f, "good", "1");
    fake_disk_fail(&f->disk, FS_RENAME, "bad", 0, 1, -EIO);
    fake_disk_release(&f->disk);
    assert_answer(bad, -EIO, "");
    assert_answer(good, 0, "");
    fake_store_await_all(f);
}

static void retry(struct asked *asked)
{
    struct asked **again = asked->ctx;
    assert_int_equal(asked->status, -ENOSPC);
    *again = ask_change(asked->owner, "bob", "2");
}

static void write__fails__change_made_in_done_is_tried(void **state)
{
    struct fake_store *f = *state;
    struct asked *again[2] = {NULL, NULL};
    struct asked *first = begin_write(f, "bob");
    struct asked *second = ask_change(f, "bob", "1");
    first->then = second->then = retry;
    first->ctx = &again[0];
    second->ctx = &again[1];
    fake_disk_fail(&f->disk, FS_RENAME, "bob", 0, 1, -ENOSPC);
    fake_disk_release(&f->disk);
    fake_store_await(second);
    assert_answer(again[0], 0, "");
    assert_answer(again[1], 0, "");
    fake_disk_assert(&f->disk, "bob", "22");
}

/* ---- sources ---- */

static void attach__no_change_since_read__encoded_not_folded(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    assert_answer(ask_put(f, "bob", "old"), 0, "");
    holder_start(&holder, f, "bob");
    buf_append(&holder.memory, "!", 1); /* no fold would let this pass */
    fake_disk_forget(&f->disk);
    assert_answer(holder_change(&holder, "1"), 0, "");
    assert_int_equal(holder.encodes, 1);
    assert_int_equal(fake_disk_count(&f->disk, "read bob"), 0);
    fake_disk_assert(&f->disk, "bob", "old!1");
    holder_stop(&holder);
}

static void attach__many_changes_while_one_is_written__encoded_once_more(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    fake_disk_hold(&f->disk, FS_FSYNC, ".tmp-");
    holder_change(&holder, "0");
    fake_disk_await_held(&f->disk);
    for (int i = 0; i < 50; i++)
        holder_change(&holder, "1");
    fake_disk_release(&f->disk);
    fake_store_await_all(f);
    assert_int_equal(holder.encodes, 2);
    assert_int_equal(fake_disk_count(&f->disk, "rename bob"), 2);
    holder_stop(&holder);
}

static void attach__changed_since_the_read__refused(void **state)
{
    static struct asked *(*const asks[])(struct fake_store * f, const char *key) = {ask_delete,
                                                                                    ask_set_aside};
    struct fake_store *f = *state;
    struct holder holder = {.attached = false};
    fake_disk_put(&f->disk, "bob", "1");
    holder_begin(&holder, f, "bob");
    struct asked *read = holder.pending;
    ask_change(f, "bob", "2");
    fake_store_await(read);
    assert_true(holder.refused);
    fake_store_await_all(f);
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        assert_answer(ask_put(f, "bob", "1"), 0, "");
        holder_begin(&holder, f, "bob");
        read = holder.pending;
        asks[i](f, "bob");
        fake_store_await(read);
        assert_true(holder.refused);
        fake_store_await_all(f);
    }
    holder_stop(&holder);
}

static void attach__only_reads_wait__attached(void **state)
{
    struct fake_store *f = *state;
    struct holder holder = {.attached = false};
    holder_begin(&holder, f, "bob");
    struct asked *read = holder.pending;
    ask_read(f, "bob");
    fake_store_await(read);
    assert_true(holder.attached);
    fake_store_await_all(f);
    holder_stop(&holder);
}

static void detach__changes_waiting__encoded_before_it_returns(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    fake_disk_hold(&f->disk, FS_FSYNC, ".tmp-");
    holder_change(&holder, "1");
    fake_disk_await_held(&f->disk);
    buf_append(&holder.memory, "!", 1);
    struct asked *second = holder_change(&holder, "2");
    struct asked *read = ask_read(f, "bob");
    struct asked *third = holder_change(&holder, "3");
    holder_detach(&holder);
    struct asked *other = ask_change(f, "bob", "4");
    fake_disk_release(&f->disk);
    assert_answer(second, 0, "");
    assert_answer(read, 0, NULL);
    assert_memory_equal(read->value.data, "1!2", 3);
    assert_answer(third, 0, "");
    assert_answer(other, 0, ""); /* folded again, behind it */
    fake_disk_assert(&f->disk, "bob", "1!234");
    holder_stop(&holder);
}

static void detach__nothing_waits__nothing_encoded(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    assert_answer(holder_change(&holder, "1"), 0, "");
    holder_detach(&holder);
    assert_int_equal(holder.encodes, 1);
    assert_answer(ask_change(f, "bob", "2"), 0, "");
    fake_disk_assert(&f->disk, "bob", "12");
}

static void source__write_fails__requests_answered_then_failed_once(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    assert_answer(ask_put(f, "bob", "old"), 0, "");
    holder_start(&holder, f, "bob");
    fake_disk_hold(&f->disk, FS_FSYNC, ".tmp-");
    struct asked *first = holder_change(&holder, "1");
    fake_disk_await_held(&f->disk);
    struct asked *second = holder_change(&holder, "2");
    struct asked *read = ask_read(f, "bob");
    struct asked *third = holder_change(&holder, "3");
    fake_disk_fail(&f->disk, FS_FSYNC, ".tmp-", 0, 1, -EIO);
    fake_disk_release(&f->disk);
    assert_answer(first, -EIO, "");
    assert_answer(second, -EIO, "");
    assert_answer(third, -EIO, "");
    assert_int_equal(holder.failures, 1);
    assert_int_equal(holder.failed_status, -EIO);
    assert_int_equal(holder.waiting_at_fail, 0);
    assert_answer(read, 0, "old");
    holder_stop(&holder);
    holder_start(&holder, f, "bob");
    assert_answer(holder_change(&holder, "4"), 0, "");
    fake_disk_assert(&f->disk, "bob", "old4");
    holder_stop(&holder);
}

/* Nobody has been told of "3" when its write fails, whatever the write before it has encoded. */
static void source__second_write_fails__what_was_answered_so_is_not_on_disk(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    fake_disk_hold(&f->disk, FS_FSYNC, ".tmp-");
    holder_change(&holder, "1");
    fake_disk_await_held(&f->disk);
    struct asked *second = holder_change(&holder, "2");
    struct asked *read = ask_read(f, "bob");
    struct asked *third = holder_change(&holder, "3");
    fake_disk_fail(&f->disk, FS_FSYNC, ".tmp-", 2, 1, -EIO);
    fake_disk_release(&f->disk);
    assert_answer(second, 0, "");
    fake_store_await(third);
    fake_store_await(read);
    fake_disk_assert(&f->disk, "bob", third->status == 0 ? "123" : "12");
    fake_disk_heal(&f->disk);
    holder_stop(&holder);
}

static void change_again(struct asked *asked)
{
    struct holder *holder = asked->ctx;
    holder->waiting--;
    if (holder->attached)
        holder_change(holder, "again");
}

static void source__write_fails__change_made_in_done_fails_too(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    for (int i = 0; i < 2; i++) { /* in the done of the write that failed, and of one that waited for it */
        assert_answer(ask_put(f, "bob", "old"), 0, "");
        holder_start(&holder, f, "bob");
        fake_disk_hold(&f->disk, FS_FSYNC, ".tmp-");
        struct asked *asked[2] = {holder_change(&holder, "1"), NULL};
        fake_disk_await_held(&f->disk);
        asked[1] = holder_change(&holder, "2");
        asked[i]->then = change_again;
        fake_disk_fail(&f->disk, FS_FSYNC, ".tmp-", 0, 1, -EIO);
        fake_disk_release(&f->disk);
        fake_store_await_all(f);
        assert_int_equal(f->asked->status, -EIO);
        assert_int_equal(holder.failures, 1);
        assert_int_equal(holder.waiting_at_fail, 0);
        fake_disk_assert(&f->disk, "bob", "old");
        holder_stop(&holder);
    }
}

static void source__somebody_else_writes__conflict_at_once(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    for (int kind = 0; kind < 3; kind++) {
        assert_answer(ask_put(f, "bob", "old"), 0, "");
        holder_start(&holder, f, "bob");
        fake_disk_hold(&f->disk, FS_FSYNC, ".tmp-");
        struct asked *first = holder_change(&holder, "1");
        fake_disk_await_held(&f->disk);
        struct asked *second = holder_change(&holder, "2");
        struct asked *other = kind == 0   ? ask_put(f, "bob", "new")
                              : kind == 1 ? ask_delete(f, "bob")
                                          : ask_set_aside(f, "bob");
        assert_int_equal(holder.failures, 1);
        assert_int_equal(holder.failed_status, ERR_CONFLICT);
        fake_disk_release(&f->disk);
        assert_answer(first, 0, "");
        assert_answer(second, 0, "");
        assert_answer(other, 0, NULL);
        fake_disk_assert(&f->disk, "bob", kind == 0 ? "new" : NULL);
        if (kind == 2)
            fake_disk_assert(&f->disk, (const char *)other->value.data, "old12");
        assert_int_equal(holder.failures, 1);
        holder_stop(&holder);
    }
}

static void source__conflict_then_write_fails__failed_once(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    fake_disk_hold(&f->disk, FS_FSYNC, ".tmp-");
    holder_change(&holder, "1");
    fake_disk_await_held(&f->disk);
    struct asked *put = ask_put(f, "bob", "new");
    fake_disk_fail(&f->disk, FS_FSYNC, ".tmp-", 0, 1, -EIO);
    fake_disk_release(&f->disk);
    assert_answer(put, -EIO, "");
    assert_int_equal(holder.failures, 1);
    fake_store_await_all(f);
    holder_stop(&holder);
}

/* ---- the folder ---- */

static void folder__renamed_away_and_back__errors_then_fine(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    fake_disk_rename(&f->disk, "persist", "away");
    assert_answer(ask_change(f, "bob", "2"), -ENOENT, "");
    assert_answer(ask_put(f, "eve", "2"), -ENOENT, "");
    assert_answer(ask_delete(f, "bob"), -ENOENT, "");
    assert_answer(ask_read(f, "bob"), -ENOENT, "");
    assert_answer(ask_read(f, "nobody"), -ENOENT, "");
    fake_disk_rename(&f->disk, "away", "persist");
    assert_answer(ask_change(f, "bob", "3"), 0, "");
    assert_answer(ask_read(f, "bob"), 0, "13");
    assert_answer(ask_read(f, "nobody"), ERR_NOT_FOUND, "");
}

static void folder__replaced__locked_before_it_is_written(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    fake_disk_rename(&f->disk, "persist", "away");
    assert_int_equal(mkdir(f->disk.folder, 0700), 0);
    assert_answer(ask_read(f, "bob"), ERR_NOT_FOUND, "");
    assert_answer(ask_change(f, "bob", "2"), 0, "");
    fake_disk_assert(&f->disk, "bob", "2");
    int fd;
    const struct fs fs = {.fault = NULL};
    assert_int_equal(fs_lock_folder(&fs, f->disk.folder, &fd), ERR_LOCKED);
}

static void folder__replaced_by_one_in_use__left_alone(void **state)
{
    struct fake_store *f = *state;
    int fd;
    const struct fs fs = {.fault = NULL};
    fake_disk_rename(&f->disk, "persist", "away");
    assert_int_equal(mkdir(f->disk.folder, 0700), 0);
    fake_disk_put(&f->disk, "bob", "theirs");
    assert_int_equal(fs_lock_folder(&fs, f->disk.folder, &fd), 0);
    assert_answer(ask_change(f, "bob", "1"), ERR_LOCKED, "");
    assert_answer(ask_put(f, "bob", "1"), ERR_LOCKED, "");
    assert_answer(ask_delete(f, "bob"), ERR_LOCKED, "");
    assert_answer(ask_set_aside(f, "bob"), ERR_LOCKED, "");
    fake_disk_assert(&f->disk, "bob", "theirs");
    assert_int_equal(fake_disk_entries(&f->disk, ""), 1);
    fs_close(fd);
    assert_answer(ask_change(f, "bob", "+"), 0, "");
    fake_disk_assert(&f->disk, "bob", "theirs+");
}

static int open_second(struct fake_store *f, struct store **store)
{
    const struct store_config config = {
        .folder = f->disk.folder, .workers = 1, .value_size_max = 10, .ops = toy_ops(), .loop = &f->loop};
    return store_open(store, &config);
}

static void open__in_use__err_locked_until_closed(void **state)
{
    struct fake_store *f = *state;
    struct store *second = NULL;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    assert_int_equal(open_second(f, &second), ERR_LOCKED);
    assert_null(second);
    assert_int_equal(fake_store_close(f), 0);
    assert_int_equal(fake_store_open(f), 0);
    assert_answer(ask_read(f, "bob"), 0, "1");
}

static void open__folder_read_only__eacces(void **state)
{
    struct fake_store *f = *state;
    assert_int_equal(fake_store_close(f), 0);
    assert_int_equal(chmod(f->disk.folder, 0500), 0);
    fake_disk_begin_nobody(&f->disk);
    int status = fake_store_open(f);
    fake_disk_end_nobody();
    assert_int_equal(status, -EACCES);
}

static void open__leftovers__removed(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    assert_int_equal(fake_store_close(f), 0);
    fake_disk_put(&f->disk, ".tmp-0", "half");
    fake_disk_put(&f->disk, ".tmp-99", "half");
    assert_int_equal(fake_store_open(f), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 1);
    assert_answer(ask_read(f, "bob"), 0, "1");
}

/* ---- the rest of what may be asked ---- */

static void set_aside__after_changes__file_as_they_left_it(void **state)
{
    struct fake_store *f = *state;
    struct asked *first = begin_write(f, "bob");
    ask_change(f, "bob", "2");
    struct asked *aside = ask_set_aside(f, "bob");
    struct asked *after = ask_change(f, "bob", "3");
    fake_disk_release(&f->disk);
    assert_answer(first, 0, "");
    assert_answer(aside, 0, NULL);
    assert_answer(after, 0, "");
    assert_int_equal(aside->value.data[aside->value.size - 1], 0);
    fake_disk_assert(&f->disk, (const char *)aside->value.data, "12");
    fake_disk_assert(&f->disk, "bob", "3");
    fake_store_await_all(f);
}

static void set_aside__cannot__error(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_set_aside(f, "bob"), ERR_NOT_FOUND, "");
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    fake_disk_fail(&f->disk, FS_RENAME, "%aside", 0, 1, -EIO);
    assert_answer(ask_set_aside(f, "bob"), -EIO, NULL);
    fake_disk_assert(&f->disk, "bob", "1");
    fake_disk_fail(&f->disk, FS_FSYNC, "persist", 0, 1, -EIO);
    assert_answer(ask_set_aside(f, "bob"), -EIO, NULL);
}

static bool has_name(const struct asked *names, const char *name)
{
    for (size_t at = 0; at < names->value.size; at += strlen((const char *)names->value.data + at) + 1) {
        if (strcmp((const char *)names->value.data + at, name) == 0)
            return true;
    }
    return false;
}

static void names__changes_waiting__as_of_them(void **state)
{
    struct fake_store f;
    fake_store_start(&f, 3);
    assert_answer(ask_names(&f), 0, "");
    assert_answer(ask_put(&f, "gone", "1"), 0, "");
    begin_write(&f, "bob");
    ask_change(&f, "eve", "1");
    ask_change(&f, "mia", "1");
    ask_delete(&f, "gone");
    struct asked *names = ask_names(&f);
    fake_disk_release(&f.disk);
    assert_answer(names, 0, NULL);
    assert_int_equal(names->value.size, 12);
    assert_true(has_name(names, "bob") && has_name(names, "eve") && has_name(names, "mia"));
    fake_store_await_all(&f);
    fake_store_stop(&f);
}

static void names__a_change_fails__names_all_the_same(void **state)
{
    struct fake_store *f = *state;
    fake_disk_put(&f->disk, "eve", "1");
    begin_write(f, "bob");
    struct asked *names = ask_names(f);
    fake_disk_fail(&f->disk, FS_FSYNC, ".tmp-", 0, 1, -EIO);
    fake_disk_release(&f->disk);
    assert_answer(names, 0, NULL);
    assert_int_equal(names->value.size, 4);
    assert_true(has_name(names, "eve"));
    fake_disk_fail(&f->disk, FS_OPENDIR, NULL, 0, 1, -EMFILE);
    assert_answer(ask_names(f), -EMFILE, "");
    fake_store_await_all(f);
}

static void read_name__there_or_not__content_or_error(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    assert_answer(ask_read_name(f, "bob"), 0, "1");
    assert_answer(ask_read_name(f, "eve"), ERR_NOT_FOUND, "");
}

static void sync__work_or_not__after_all_of_it(void **state)
{
    struct fake_store f;
    fake_store_start(&f, 3);
    struct asked *idle = ask_sync(&f);
    assert_int_equal(idle->count, 0);
    assert_answer(idle, 0, "");
    struct asked *changes[7] = {begin_write(&f, "a")};
    changes[1] = ask_change(&f, "b", "1");
    changes[2] = ask_change(&f, "c", "1");
    changes[3] = ask_change(&f, "d", "1");
    ask_read(&f, "a");
    changes[4] = ask_change(&f, "a", "2");
    changes[5] = ask_change(&f, "a", "3");
    changes[6] = ask_delete(&f, "e");
    struct asked *sync = ask_sync(&f), *second = ask_sync(&f);
    fake_disk_release(&f.disk);
    assert_answer(sync, 0, "");
    for (int i = 0; i < 7; i++) {
        assert_int_equal(changes[i]->count, 1);
        assert_true(changes[i]->order < sync->order);
    }
    assert_answer(second, 0, "");
    fake_store_await_all(&f);
    fake_store_stop(&f);
}

static void sync__one_key_fails__its_error_after_all(void **state)
{
    struct fake_store f;
    fake_store_start(&f, 2);
    begin_write(&f, "a");
    struct asked *bad = ask_change(&f, "b", "1");
    struct asked *good = ask_change(&f, "c", "1");
    struct asked *sync = ask_sync(&f);
    fake_disk_fail(&f.disk, FS_RENAME, "b", 0, 1, -EDQUOT);
    fake_disk_release(&f.disk);
    assert_answer(sync, -EDQUOT, "");
    assert_int_equal(bad->status, -EDQUOT);
    assert_true(good->count == 1 && good->status == 0);
    assert_answer(ask_sync(&f), 0, "");
    fake_store_await_all(&f);
    fake_store_stop(&f);
}

static void sync__a_write_before_the_last_fails__its_error(void **state)
{
    struct fake_store *f = *state;
    begin_write(f, "bob");
    ask_read(f, "bob");
    ask_change(f, "bob", "2");
    struct asked *sync = ask_sync(f);
    fake_disk_fail(&f->disk, FS_FSYNC, ".tmp-", 0, 1, -EIO);
    fake_disk_release(&f->disk);
    assert_answer(sync, -EIO, "");
    fake_store_await_all(f);
}

static void sync_key__work_or_not__after_that_of_the_key(void **state)
{
    struct fake_store f;
    fake_store_start(&f, 2);
    assert_answer(ask_sync_key(&f, "b"), 0, "");
    struct asked *slow = begin_write(&f, "a");
    assert_answer(ask_sync_key(&f, "b"), 0, "");
    assert_int_equal(slow->count, 0);
    struct asked *queued = ask_change(&f, "a", "2");
    struct asked *sync = ask_sync_key(&f, "a");
    fake_disk_release(&f.disk);
    assert_answer(sync, 0, "");
    assert_true(slow->order < sync->order && queued->order < sync->order);
    fake_store_stop(&f);
}

static void when_idle__work_or_not__after_all_of_it(void **state)
{
    struct fake_store *f = *state;
    assert_true(store_is_idle(f->store));
    struct asked *now = ask_idle(f);
    assert_int_equal(now->count, 0);
    assert_answer(now, 0, "");
    struct asked *write = begin_write(f, "bob");
    struct asked *idle = ask_idle(f);
    struct asked *read = ask_read(f, "eve");
    struct asked *names = ask_names(f);
    assert_false(store_is_idle(f->store));
    fake_store_turn(f);
    assert_int_equal(idle->count, 0);
    fake_disk_release(&f->disk);
    assert_answer(idle, 0, "");
    assert_true(write->count == 1 && read->count == 1 && names->count == 1);
    assert_true(store_is_idle(f->store));
}

/* ---- requests made from inside done ---- */

static void chain_change(struct asked *asked);

static void chain_read(struct asked *asked)
{
    unsigned *steps = asked->ctx;
    assert_int_equal(asked->status, 0);
    struct asked *read = ask_read(asked->owner, "bob");
    read->then = chain_change;
    read->ctx = steps;
}

static void chain_change(struct asked *asked)
{
    unsigned *steps = asked->ctx;
    assert_int_equal(asked->value.size, *steps);
    if (++*steps > 20)
        return;
    struct asked *change = ask_change(asked->owner, "bob", "1");
    change->then = chain_read;
    change->ctx = steps;
    ask_change(asked->owner, "eve", "2");
    ask_sync(asked->owner);
    ask_idle(asked->owner);
    ask_names(asked->owner);
}

static void done__asks_for_more__answered(void **state)
{
    struct fake_store *f = *state;
    unsigned steps = 0;
    struct asked *first = ask_read(f, "bob");
    first->then = chain_change;
    first->ctx = &steps;
    fake_store_await_all(f);
    assert_int_equal(steps, 21);
    fake_disk_assert(&f->disk, "bob", "11111111111111111111");
    fake_disk_assert(&f->disk, "eve", "22222222222222222222");
}

static void done__asks_for_more_while_closing__answered(void **state)
{
    struct fake_store *f = *state;
    unsigned steps = 0;
    struct asked *first = ask_read(f, "bob");
    first->then = chain_change;
    first->ctx = &steps;
    assert_int_equal(fake_store_close(f), 0);
    assert_int_equal(steps, 21);
    fake_disk_assert(&f->disk, "bob", "11111111111111111111");
}

static void detach_in_done(struct asked *asked)
{
    struct holder *holder = asked->ctx;
    holder->waiting--;
    if (holder->attached)
        holder_detach(holder);
}

static void done__detaches__what_waits_is_encoded_or_failed(void **state)
{
    struct fake_store *f = *state;
    for (int fails = 0; fails < 2; fails++) {
        struct holder holder;
        assert_answer(ask_put(f, "bob", "old"), 0, "");
        holder_start(&holder, f, "bob");
        fake_disk_hold(&f->disk, FS_FSYNC, ".tmp-");
        struct asked *first = holder_change(&holder, "1");
        fake_disk_await_held(&f->disk);
        first->then = detach_in_done;
        struct asked *second = holder_change(&holder, "2");
        if (fails)
            fake_disk_fail(&f->disk, FS_FSYNC, ".tmp-", 0, 1, -EIO);
        fake_disk_release(&f->disk);
        assert_answer(first, fails ? -EIO : 0, "");
        assert_answer(second, fails ? -EIO : 0, "");
        assert_int_equal(holder.failures, 0);
        fake_disk_assert(&f->disk, "bob", fails ? "old" : "old12");
        holder_stop(&holder);
    }
}

/* ---- closing ---- */

static void close__work_pending__finished_first(void **state)
{
    struct fake_store f;
    fake_store_start(&f, 2);
    begin_write(&f, "a");
    ask_change(&f, "a", "2");
    ask_change(&f, "b", "1");
    ask_delete(&f, "c");
    struct asked *read = ask_read(&f, "a");
    struct asked *names = ask_names(&f);
    struct asked *sync = ask_sync(&f);
    fake_store_begin_close(&f);
    assert_false(f.closed);
    fake_store_turn(&f);
    assert_false(f.closed);
    fake_disk_release(&f.disk);
    assert_int_equal(fake_store_await_closed(&f), 0);
    assert_answer(read, 0, "12");
    assert_answer(sync, 0, "");
    assert_answer(names, 0, NULL);
    fake_disk_assert(&f.disk, "a", "12");
    fake_disk_assert(&f.disk, "b", "1");
    assert_int_equal(fake_disk_entries(&f.disk, ""), 2);
    fake_store_stop(&f);
}

static void close__a_write_fails__its_error(void **state)
{
    struct fake_store *f = *state;
    struct asked *change = begin_write(f, "bob");
    fake_disk_fail(&f->disk, FS_FSYNC, ".tmp-", 0, 1, -ENOSPC);
    fake_store_begin_close(f);
    fake_disk_release(&f->disk);
    assert_int_equal(fake_store_await_closed(f), -ENOSPC);
    assert_int_equal(change->status, -ENOSPC);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 0);
}

static void close__a_write_failed_long_ago__0(void **state)
{
    struct fake_store *f = *state;
    fake_disk_fail(&f->disk, FS_RENAME, NULL, 0, 1, -ENOSPC);
    assert_answer(ask_put(f, "bob", "1"), -ENOSPC, "");
    assert_int_equal(fake_store_close(f), 0);
}

static void close__source_with_changes__encoded(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    holder_change(&holder, "1");
    holder_detach(&holder);
    assert_int_equal(fake_store_close(f), 0);
    fake_disk_assert(&f->disk, "bob", "1");
}

/* ---- many ---- */

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return (double)usage.ru_utime.tv_sec + 1e-6 * (double)usage.ru_utime.tv_usec;
}

/* All keys wait while their workers stand still, so that every queue has its full length. Returns the loop
 * thread's seconds. */
static double run_many(unsigned keys)
{
    struct fake_store f;
    char key[32];
    fake_store_start(&f, 4);
    fake_disk_hold(&f.disk, FS_STAT, "persist");
    double start_s = cpu_s();
    for (unsigned i = 0; i < keys; i++) {
        snprintf(key, sizeof key, "%c%u", 'a' + i % 4, i);
        ask_delete(&f, key);
        ask_read(&f, key);
    }
    struct asked *sync = ask_sync(&f);
    fake_disk_release(&f.disk);
    assert_answer(sync, 0, "");
    fake_store_await_all(&f);
    double used_s = cpu_s() - start_s;
    fake_store_stop(&f);
    return used_s;
}

static void many__ten_times_the_keys__not_a_hundred_times_the_time(void **state)
{
    double few_s = run_many(2000);
    double many_s = run_many(20000);
    print_message("2 000 keys: %.3f s, 20 000 keys: %.3f s\n", few_s, many_s);
    assert_true(many_s < 30 * few_s + 0.2);
}

static void many__written__each_in_its_file(void **state)
{
    enum { KEYS = 20000 };
    struct fake_store f;
    char key[32];
    fake_store_start(&f, 4);
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "%c%u", 'a' + i % 4, i);
        store_change(f.store, worker_of(&f, key), slice_of_text(key), STORE_CHANGE, slice_of_text(key), NULL);
    }
    assert_int_equal(fake_store_close(&f), 0);
    assert_int_equal(fake_disk_entries(&f.disk, ""), KEYS);
    for (unsigned i = 0; i < KEYS; i += 97) {
        snprintf(key, sizeof key, "%c%u", 'a' + i % 4, i);
        fake_disk_assert(&f.disk, key, key);
    }
    fake_store_stop(&f);
}

static void many__one_key_read_and_changed_in_turn__all_in_order(void **state)
{
    enum { TURNS = 2000 };
    struct fake_store *f = *state;
    struct asked *reads[TURNS];
    fake_disk_hold(&f->disk, FS_STAT, "persist");
    for (unsigned i = 0; i < TURNS; i++) {
        ask_change(f, "bob", "1");
        reads[i] = ask_read(f, "bob");
    }
    fake_disk_release(&f->disk);
    fake_store_await_all(f);
    for (unsigned i = 0; i < TURNS; i++)
        assert_int_equal(reads[i]->value.size, i + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(change__one__written_synced_renamed_folder_synced_done),
        TEST(delete__one__removed_folder_synced_done),
        TEST(change__many_while_one_is_written__one_write_more),
        TEST(change__nobody_waits__written),
        TEST(change__kinds_waiting__last_put_or_delete_and_what_follows),
        TEST(delete__missing__done),
        TEST(read__between_changes__those_before),
        cmocka_unit_test(change__another_worker_busy__done),
        TEST(read__odd_files__error),
        TEST(change__odd_files__error_and_left_as_they_are),
        TEST(change__value_too_large__error_and_old_value),
        TEST(change__fold_fails__all_waiting_answered_with_it),
        TEST(write__fails__all_waiting_answered_and_the_next_works),
        TEST(write__fails__other_keys_of_the_batch_done),
        TEST(write__fails__change_made_in_done_is_tried),
        TEST(attach__no_change_since_read__encoded_not_folded),
        TEST(attach__many_changes_while_one_is_written__encoded_once_more),
        TEST(attach__changed_since_the_read__refused),
        TEST(attach__only_reads_wait__attached),
        TEST(detach__changes_waiting__encoded_before_it_returns),
        TEST(detach__nothing_waits__nothing_encoded),
        TEST(source__write_fails__requests_answered_then_failed_once),
        TEST(source__second_write_fails__what_was_answered_so_is_not_on_disk),
        TEST(source__write_fails__change_made_in_done_fails_too),
        TEST(source__somebody_else_writes__conflict_at_once),
        TEST(source__conflict_then_write_fails__failed_once),
        TEST(folder__renamed_away_and_back__errors_then_fine),
        TEST(folder__replaced__locked_before_it_is_written),
        TEST(folder__replaced_by_one_in_use__left_alone),
        TEST(open__in_use__err_locked_until_closed),
        TEST(open__folder_read_only__eacces),
        TEST(open__leftovers__removed),
        TEST(set_aside__after_changes__file_as_they_left_it),
        TEST(set_aside__cannot__error),
        cmocka_unit_test(names__changes_waiting__as_of_them),
        TEST(names__a_change_fails__names_all_the_same),
        TEST(read_name__there_or_not__content_or_error),
        cmocka_unit_test(sync__work_or_not__after_all_of_it),
        cmocka_unit_test(sync__one_key_fails__its_error_after_all),
        TEST(sync__a_write_before_the_last_fails__its_error),
        cmocka_unit_test(sync_key__work_or_not__after_that_of_the_key),
        TEST(when_idle__work_or_not__after_all_of_it),
        TEST(done__asks_for_more__answered),
        TEST(done__asks_for_more_while_closing__answered),
        TEST(done__detaches__what_waits_is_encoded_or_failed),
        cmocka_unit_test(close__work_pending__finished_first),
        TEST(close__a_write_fails__its_error),
        TEST(close__a_write_failed_long_ago__0),
        TEST(close__source_with_changes__encoded),
        cmocka_unit_test(many__ten_times_the_keys__not_a_hundred_times_the_time),
        cmocka_unit_test(many__written__each_in_its_file),
        TEST(many__one_key_read_and_changed_in_turn__all_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
