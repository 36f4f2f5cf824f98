/* What store.h promises, on a real loop and a real folder. */
#include "store/store.h"

#include "base/error.h"
#include "fake_store.h"
#include "store/store_state.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
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

/* A batch with "1" as the value of the key is written to the journal, and waits in its sync. */
static struct asked *begin_put(struct fake_store *f, const char *key)
{
    fake_disk_hold(&f->disk, FS_FDATASYNC, ".journal-");
    struct asked *asked = ask_put(f, key, "1");
    fake_store_await_held(f);
    return asked;
}

static char *make_text(size_t size)
{
    char *text = malloc(size + 1);
    memset(text, 'a', size);
    text[size] = '\0';
    return text;
}

/* ---- changing and reading ---- */

static void put__one__in_the_journal_synced_done(void **state)
{
    static const char *const words[] = {"fdatasync", "fsync", "rename", "done", ""};
    struct fake_store *f = *state;
    struct buf lines = BUF_EMPTY;
    fake_disk_forget(&f->disk);
    struct asked *put = ask_put(f, "bob", "1");
    put->note = "done";
    assert_int_equal(put->count, 0); /* never from inside */
    assert_answer(put, 0, "");
    fake_disk_lines(&f->disk, words, &lines);
    assert_bytes(buf_slice(&lines), "fdatasync .journal-0-1|fsync persist|done |");
    fake_disk_assert(&f->disk, "bob", NULL); /* not yet */
    assert_int_equal(fake_disk_entries(&f->disk, ".journal-"), 1);
    buf_release(&lines);
}

static void put__many_while_one_is_written__one_sync_more(void **state)
{
    struct fake_store *f = *state;
    begin_put(f, "bob");
    for (int i = 0; i < 100; i++)
        ask_put(f, "bob", "2");
    assert_true(store_pending_bytes(f->store) > 101);
    fake_disk_release(&f->disk);
    fake_store_await_all(f);
    unsigned order = 101;
    for (struct asked *asked = f->asked; asked != NULL; asked = asked->older) {
        assert_int_equal(asked->status, 0);
        assert_int_equal(asked->order, order--);
    }
    assert_int_equal(fake_disk_count(&f->disk, "fdatasync"), 2);
    assert_int_equal(store_pending_bytes(f->store), 0);
}

static void change__nobody_waits__durable_with_the_next_batch(void **state)
{
    struct fake_store *f = *state;
    store_change(f->store, 0, slice_of_text("bob"), STORE_PUT, slice_of_text("1"), NULL);
    store_change(f->store, 0, slice_of_text("bob"), STORE_PUT, slice_of_text("2"), NULL);
    store_change(f->store, 0, slice_of_text("eve"), STORE_DELETE, slice_of_text(""), NULL);
    assert_answer(ask_sync(f), 0, "");
    assert_int_equal(fake_disk_count(&f->disk, "fdatasync"), 1);
    assert_int_equal(fake_store_close(f), 0);
    fake_disk_assert(&f->disk, "bob", "2");
}

static void delete__missing__done(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_delete(f, "bob"), 0, "");
    assert_answer(ask_read(f, "bob"), ERR_NOT_FOUND, "");
    assert_int_equal(fake_store_close(f), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 0);
}

static void read__between_changes__those_before(void **state)
{
    struct fake_store *f = *state;
    fake_disk_put(&f->disk, "bob", "file");
    struct asked *reads[5];
    reads[0] = ask_read(f, "bob");
    ask_put(f, "bob", "1");
    reads[1] = ask_read(f, "bob");
    ask_delete(f, "bob");
    reads[2] = ask_read(f, "bob");
    ask_put(f, "bob", "2");
    reads[3] = ask_read(f, "bob");
    reads[4] = ask_read(f, "bob");
    assert_answer(reads[0], 0, "file");
    assert_answer(reads[1], 0, "1");
    assert_answer(reads[2], ERR_NOT_FOUND, "");
    assert_answer(reads[3], 0, "2");
    assert_answer(reads[4], 0, "2");
    fake_store_await_all(f);
    assert_int_equal(fake_store_checkpoint(f), 0);
    assert_answer(ask_read(f, "bob"), 0, "2");
}

static void change__another_worker_busy__done(void **state)
{
    struct fake_store f;
    fake_store_start(&f, 2);
    fake_disk_hold(&f.disk, FS_FDATASYNC, ".journal-1");
    struct asked *slow = ask_put(&f, "a", "1");
    fake_store_await_held(&f);
    assert_answer(ask_put(&f, "b", "2"), 0, "");
    assert_answer(ask_read(&f, "b"), 0, "2");
    assert_int_equal(slow->count, 0);
    fake_disk_release(&f.disk);
    assert_answer(slow, 0, "");
    fake_store_stop(&f);
}

static void put__value_too_large__error_and_old_value(void **state)
{
    struct fake_store *f = *state;
    char *text = make_text(TOY_VALUE_MAX + 1);
    assert_answer(ask_put(f, "bob", text + 1), 0, "");
    assert_answer(ask_put(f, "bob", text), ERR_TOO_LARGE, "");
    store_change(f->store, 0, slice_of_text("bob"), STORE_PUT, slice_of_text(text), NULL);
    assert_answer(ask_read(f, "bob"), 0, text + 1);
    free(text);
}

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

static void put__odd_files__replaced(void **state)
{
    static const char *const keys[] = {"empty", "fifo", "link"};
    struct fake_store *f = *state;
    fake_disk_put(&f->disk, "empty", "");
    assert_int_equal(mkfifo(fake_disk_path(&f->disk, "fifo"), 0600), 0);
    assert_int_equal(symlink("empty", fake_disk_path(&f->disk, "link")), 0);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_answer(ask_put(f, keys[i], keys[i]), 0, "");
    assert_int_equal(fake_store_checkpoint(f), 0);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        fake_disk_assert(&f->disk, keys[i], keys[i]);
}

/* ---- sources ---- */

static void attach__no_change_since_the_read__encoded_not_folded(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    assert_answer(ask_put(f, "bob", "old"), 0, "");
    holder_start(&holder, f, "bob");
    buf_append(&holder.memory, "!", 1); /* no fold would let this pass */
    assert_answer(holder_change(&holder, "1."), 0, "");
    assert_int_equal(holder.encodes, 0);
    assert_answer(ask_read(f, "bob"), 0, "old!1.");
    assert_int_equal(holder.encodes, 1);
    assert_int_equal(fake_store_checkpoint(f), 0);
    assert_int_equal(holder.encodes, 2);
    fake_disk_assert(&f->disk, "bob", "old!1.");
    holder_stop(&holder);
}

static void attach__changed_since_the_read__refused(void **state)
{
    struct fake_store *f = *state;
    struct holder holder = {.attached = false};
    for (int kind = 0; kind < 3; kind++) {
        for (int clean = 0; clean < 2; clean++) {
            assert_answer(ask_put(f, "bob", "1"), 0, "");
            if (clean)
                assert_int_equal(fake_store_checkpoint(f), 0);
            holder_begin(&holder, f, "bob");
            struct asked *read = holder.pending;
            (void)(kind == 0   ? ask_put(f, "bob", "2")
                   : kind == 1 ? ask_delete(f, "bob")
                               : ask_set_aside(f, "bob"));
            fake_store_await(read);
            assert_true(holder.refused);
            fake_store_await_all(f);
        }
    }
    holder_stop(&holder);
}

static void attach__only_reads_meanwhile__attached(void **state)
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

static void attach__to_a_deleted_key__no_file_until_it_is_changed(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    assert_answer(ask_delete(f, "bob"), 0, "");
    holder_start(&holder, f, "bob");
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", NULL);
    assert_answer(holder_change(&holder, "1."), 0, "");
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", "1.");
    assert_answer(ask_delete(f, "bob"), 0, "");
    holder_stop(&holder);
    holder_start(&holder, f, "bob");
    holder_detach(&holder);
    assert_answer(ask_read(f, "bob"), ERR_NOT_FOUND, "");
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", NULL);
}

static void detach__file_older__encoded_before_it_returns(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    holder_change(&holder, "1.");
    holder_detach(&holder);
    assert_int_equal(holder.encodes, 1);
    assert_answer(ask_read(f, "bob"), 0, "1.");
    holder_start(&holder, f, "bob"); /* by the value that the store has kept */
    assert_answer(holder_change(&holder, "2."), 0, "");
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", "1.2.");
    fake_store_await_all(f);
    holder_stop(&holder);
}

static void detach__file_as_new__nothing_encoded(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    assert_answer(holder_change(&holder, "1."), 0, "");
    assert_int_equal(fake_store_checkpoint(f), 0);
    holder_detach(&holder);
    assert_int_equal(holder.encodes, 1);
    assert_answer(ask_read(f, "bob"), 0, "1.");
}

static void source__somebody_else_changes_the_key__conflict_at_once(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    for (int deletes = 0; deletes < 2; deletes++) {
        assert_answer(ask_put(f, "bob", "old"), 0, "");
        holder_start(&holder, f, "bob");
        fake_disk_hold(&f->disk, FS_FDATASYNC, ".journal-");
        struct asked *first = holder_change(&holder, "1.");
        fake_store_await_held(f);
        struct asked *second = holder_change(&holder, "2.");
        struct asked *other = deletes ? ask_delete(f, "bob") : ask_put(f, "bob", "new");
        assert_int_equal(holder.failures, 1);
        assert_int_equal(holder.failed_status, ERR_CONFLICT);
        fake_disk_release(&f->disk);
        assert_answer(first, 0, "");
        assert_answer(second, 0, "");
        assert_answer(other, 0, "");
        assert_answer(ask_read(f, "bob"), deletes ? ERR_NOT_FOUND : 0, deletes ? "" : "new");
        assert_int_equal(fake_store_checkpoint(f), 0);
        fake_disk_assert(&f->disk, "bob", deletes ? NULL : "new");
        assert_int_equal(holder.failures, 1);
        holder_stop(&holder);
    }
}

/* ---- the folder ---- */

static void folder__renamed_away_and_back__errors_then_fine(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "mia");
    assert_answer(holder_change(&holder, "1."), 0, "");
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    fake_disk_rename(&f->disk, "persist", "away");
    assert_answer(ask_put(f, "bob", "2"), -ENOENT, "");
    assert_answer(ask_put(f, "eve", "2"), -ENOENT, "");
    assert_answer(ask_delete(f, "bob"), -ENOENT, "");
    assert_answer(holder_change(&holder, "2."), -ENOENT, "");
    assert_answer(ask_read(f, "bob"), -ENOENT, "");
    assert_answer(ask_read(f, "nobody"), -ENOENT, "");
    assert_answer(ask_set_aside(f, "nobody"), -ENOENT, "");
    assert_int_equal(fake_store_checkpoint(f), -ENOENT);
    fake_disk_rename(&f->disk, "away", "persist");
    assert_answer(ask_read(f, "bob"), 0, "1");
    assert_answer(ask_read(f, "mia"), 0, "1.");
    assert_answer(ask_put(f, "bob", "3"), 0, "");
    assert_answer(ask_read(f, "nobody"), ERR_NOT_FOUND, "");
    assert_int_equal(fake_store_close(f), 0);
    fake_disk_assert(&f->disk, "bob", "3");
    fake_disk_assert(&f->disk, "mia", "1.");
    assert_int_equal(fake_disk_entries(&f->disk, ""), 2);
    holder_stop(&holder);
}

static void folder__replaced__locked_and_written_to(void **state)
{
    struct fake_store *f = *state;
    fake_disk_put(&f->disk, "clean", "1");
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    assert_answer(ask_put(f, "eve", "1"), 0, "");
    fake_disk_rename(&f->disk, "persist", "away");
    assert_int_equal(mkdir(f->disk.folder, 0700), 0);
    assert_answer(ask_read(f, "clean"), ERR_NOT_FOUND, "");
    assert_answer(ask_put(f, "bob", "2"), 0, "");
    assert_int_equal(fake_disk_entries(&f->disk, ".journal-"), 1);
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", "2");
    fake_disk_assert(&f->disk, "eve", "1"); /* as far as it was known */
    int fd;
    const struct fs fs = {.fault = NULL};
    assert_int_equal(fs_lock_folder(&fs, f->disk.folder, &fd), ERR_LOCKED);
}

/* With it the journal has gone that a failed batch has to be made good from. */
static void folder__removed_and_made_anew__what_is_there_counts(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    fake_disk_rename(&f->disk, "persist", "away");
    assert_answer(ask_put(f, "bob", "2"), -ENOENT, "");
    assert_answer(ask_idle(f), 0, ""); /* what is done about that has failed too */
    assert_int_equal(mkdir(f->disk.folder, 0700), 0);
    fake_disk_put(&f->disk, "bob", "theirs");
    assert_answer(ask_read(f, "bob"), 0, "theirs");
    assert_answer(ask_put(f, "eve", "1"), 0, "");
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", "theirs");
    fake_disk_assert(&f->disk, "eve", "1");
    assert_int_equal(fake_disk_entries(&f->disk, ""), 2);
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
    assert_answer(ask_put(f, "bob", "1"), ERR_LOCKED, "");
    assert_answer(ask_delete(f, "bob"), ERR_LOCKED, "");
    assert_answer(ask_set_aside(f, "bob"), ERR_LOCKED, "");
    fake_disk_assert(&f->disk, "bob", "theirs");
    assert_int_equal(fake_disk_entries(&f->disk, ""), 1);
    fs_close(fd);
    assert_answer(ask_read(f, "bob"), 0, "theirs");
    assert_answer(ask_put(f, "eve", "1"), 0, "");
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", "theirs");
    fake_disk_assert(&f->disk, "eve", "1");
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

static void open__folder_with_other_workers_journals__everything_there(void **state)
{
    struct fake_store f;
    fake_store_start(&f, 3);
    ask_put(&f, "a", "1");
    ask_put(&f, "b", "1");
    ask_put(&f, "c", "1");
    fake_disk_fail(&f.disk, FS_FSYNC, ".tmp-", 0, DISK_FOREVER, -EIO);
    assert_int_equal(fake_store_close(&f), 0);
    assert_int_equal(fake_disk_entries(&f.disk, ".journal-"), 3);
    fake_disk_heal(&f.disk);
    f.workers = 1;
    assert_int_equal(fake_store_open(&f), 0);
    assert_int_equal(fake_disk_entries(&f.disk, ""), 3);
    assert_answer(ask_put(&f, "a", "2"), 0, "");
    assert_answer(ask_read(&f, "c"), 0, "1");
    fake_store_stop(&f);
}

/* ---- the rest of what may be asked ---- */

static bool has_name(const struct asked *names, const char *name)
{
    for (size_t at = 0; at < names->value.size; at += strlen((const char *)names->value.data + at) + 1) {
        if (strcmp((const char *)names->value.data + at, name) == 0)
            return true;
    }
    return false;
}

static void names__changes_before__as_of_them(void **state)
{
    struct fake_store f;
    struct holder holder;
    fake_store_start(&f, 3);
    assert_answer(ask_names(&f), 0, "");
    assert_answer(ask_put(&f, "gone", "1"), 0, "");
    holder_start(&holder, &f, "ann");
    begin_put(&f, "bob");
    ask_put(&f, "eve", "1");
    ask_put(&f, "mia", "1");
    ask_delete(&f, "gone");
    holder_change(&holder, "1.");
    struct asked *names = ask_names(&f);
    fake_disk_release(&f.disk);
    assert_answer(names, 0, NULL);
    assert_int_equal(names->value.size, 16);
    assert_true(has_name(names, "ann") && has_name(names, "bob") && has_name(names, "eve") &&
                has_name(names, "mia"));
    fake_store_await_all(&f);
    holder_stop(&holder);
    fake_store_stop(&f);
}

static void names__something_fails__those_that_are_there(void **state)
{
    struct fake_store *f = *state;
    fake_disk_put(&f->disk, "eve", "1");
    begin_put(f, "bob");
    struct asked *names = ask_names(f);
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -EIO);
    fake_disk_release(&f->disk);
    assert_answer(names, 0, NULL);
    assert_int_equal(names->value.size, 4);
    assert_true(has_name(names, "eve"));
    fake_disk_fail(&f->disk, FS_OPENDIR, NULL, 0, 1, -EMFILE);
    assert_answer(ask_names(f), -EMFILE, "");
    fake_store_await_all(f);
}

static void assert_names(struct fake_store *f, const char *const names[])
{
    struct asked *asked = ask_names(f);
    size_t size = 0;
    assert_answer(asked, 0, NULL);
    for (unsigned i = 0; names[i] != NULL; i++) {
        assert_true(has_name(asked, names[i]));
        size += strlen(names[i]) + 1;
    }
    assert_int_equal(asked->value.size, size);
}

static void names__checkpoint_fails__what_is_in_journals_too(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    fake_disk_put(&f->disk, "gone", "1");
    fake_disk_put(&f->disk, "old", "1");
    fake_disk_put(&f->disk, "ann", "1");
    holder_start(&holder, f, "mia");
    ask_put(f, "ann", "2");
    ask_put(f, "bob", "1");
    ask_delete(f, "gone");
    holder_change(&holder, "1.");
    fake_disk_fail(&f->disk, FS_FSYNC, ".tmp-", 0, DISK_FOREVER, -ENOSPC);
    assert_names(f, (const char *const[]){"old", "ann", "bob", "mia", NULL});
    fake_disk_fail(&f->disk, DISK_ANY, ".tmp-", 0, DISK_FOREVER, -ENOSPC);
    assert_answer(ask_read_name(f, "bob"), 0, "1");
    assert_answer(ask_read_name(f, "mia"), 0, "1.");
    assert_answer(ask_read_name(f, "old"), 0, "1");
    assert_answer(ask_read_name(f, "eve"), ERR_NOT_FOUND, "");
    fake_disk_heal(&f->disk);
    assert_names(f, (const char *const[]){"old", "ann", "bob", "mia", NULL});
    fake_store_await_all(f);
    holder_stop(&holder);
}

/* A folder in the place of one file, and another one's removal fails. */
static void names__a_key_cannot_be_written__right(void **state)
{
    struct fake_store *f = *state;
    assert_int_equal(mkdir(fake_disk_path(&f->disk, "bob"), 0700), 0);
    fake_disk_put(&f->disk, "gone", "1");
    ask_put(f, "bob", "1");
    ask_put(f, "eve", "1");
    ask_delete(f, "gone");
    fake_disk_fail(&f->disk, FS_UNLINK, "gone", 0, DISK_FOREVER, -EPERM);
    assert_names(f, (const char *const[]){"bob", "eve", NULL});
    assert_answer(ask_read_name(f, "bob"), 0, "1");
    assert_int_equal(rmdir(fake_disk_path(&f->disk, "bob")), 0);
}

/* Neither memory nor the folder tells. */
static void names__a_value_cannot_be_found_out__error(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    fake_disk_put(&f->disk, "bob", "1.");
    holder_start(&holder, f, "bob");
    assert_answer(holder_change(&holder, "2."), 0, "");
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -EIO);
    assert_answer(holder_change(&holder, "3."), -EIO, "");
    fake_disk_fail(&f->disk, FS_READ, NULL, 0, DISK_FOREVER, -EIO);
    struct asked *names = ask_names(f);
    fake_store_await(names);
    if (names->status == 0) /* the scan after the failed write was done before its reads could fail */
        assert_true(has_name(names, "bob"));
    else
        assert_answer(names, -EIO, "");
    fake_disk_heal(&f->disk);
    assert_names(f, (const char *const[]){"bob", NULL});
    holder_stop(&holder);
}

/* The worker has something to write when it comes to it. */
static void read__behind_a_write__not_after_its_sync(void **state)
{
    struct fake_store *f = *state;
    fake_disk_put(&f->disk, "ann", "1");
    fake_disk_put(&f->disk, "bob", "2");
    fake_disk_hold(&f->disk, FS_OPEN, "ann");
    struct asked *busy = ask_read(f, "ann");
    fake_store_await_held(f);
    struct asked *put = ask_put(f, "eve", "1");
    fake_store_turn(f);
    struct asked *read = ask_read(f, "bob");
    fake_disk_hold(&f->disk, FS_FDATASYNC, ".journal-");
    assert_answer(busy, 0, "1");
    assert_answer(read, 0, "2");
    assert_int_equal(put->count, 0);
    fake_disk_release(&f->disk);
    assert_answer(put, 0, "");
}

static void read_name__there_or_not__content_or_error(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    assert_answer(ask_names(f), 0, NULL);
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
    struct asked *changes[5] = {begin_put(&f, "a")};
    changes[1] = ask_put(&f, "b", "1");
    changes[2] = ask_put(&f, "c", "1");
    changes[3] = ask_put(&f, "a", "2");
    changes[4] = ask_delete(&f, "e");
    struct asked *sync = ask_sync(&f), *second = ask_sync(&f);
    fake_disk_release(&f.disk);
    assert_answer(sync, 0, "");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(changes[i]->count, 1);
        assert_true(changes[i]->order < sync->order);
    }
    assert_answer(second, 0, "");
    fake_store_await_all(&f);
    fake_store_stop(&f);
}

static void sync__one_worker_fails__its_error_after_all(void **state)
{
    struct fake_store f;
    fake_store_start(&f, 2);
    begin_put(&f, "a");
    struct asked *bad = ask_put(&f, "b", "1"), *good = ask_put(&f, "c", "1"), *sync = ask_sync(&f);
    fake_disk_fail(&f.disk, FS_FDATASYNC, ".journal-0", 0, 1, -EDQUOT);
    fake_disk_release(&f.disk);
    assert_answer(sync, -EDQUOT, "");
    assert_int_equal(bad->status, -EDQUOT);
    assert_true(good->count == 1 && good->status == 0);
    assert_answer(ask_sync(&f), 0, "");
    fake_store_await_all(&f);
    fake_store_stop(&f);
}

static void sync_key__work_or_not__after_that_of_the_key(void **state)
{
    struct fake_store f;
    fake_store_start(&f, 2);
    assert_answer(ask_sync_key(&f, "b"), 0, "");
    struct asked *slow = begin_put(&f, "a");
    assert_answer(ask_sync_key(&f, "b"), 0, "");
    assert_answer(ask_sync_key(&f, "c"), 0, ""); /* of the same worker */
    assert_int_equal(slow->count, 0);
    struct asked *queued = ask_put(&f, "a", "2");
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
    struct asked *write = begin_put(f, "bob");
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

/* ---- pressure ---- */

static void pressure__much_not_durable__told_and_told_again_when_little_is_left(void **state)
{
    struct fake_store *f = *state;
    char *text = make_text(TOY_VALUE_MAX);
    begin_put(f, "bob");
    for (int i = 0; i < 160; i++)
        ask_put(f, "bob", text);
    assert_int_equal(f->presses, 0);
    for (int i = 0; i < 10; i++)
        ask_put(f, "bob", text);
    assert_true(f->pressed);
    assert_int_equal(f->presses, 1);
    fake_disk_release(&f->disk);
    fake_store_await_all(f);
    while (f->pressed)
        fake_store_turn(f);
    assert_int_equal(f->presses, 2);
    free(text);
}

static void pressure__batch_fails__told_that_it_is_over(void **state)
{
    struct fake_store *f = *state;
    char *text = make_text(TOY_VALUE_MAX);
    begin_put(f, "bob");
    for (int i = 0; i < 170; i++)
        ask_put(f, "bob", text);
    assert_true(f->pressed);
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -ENOSPC);
    fake_disk_release(&f->disk);
    fake_store_await_all(f);
    assert_false(f->pressed);
    assert_int_equal(f->presses, 2);
    free(text);
}

/* Without a tick of the timer: nobody who is pressed waits for that. */
static void pressure__journal_beyond_its_limit__until_a_checkpoint_is_done(void **state)
{
    struct fake_store f;
    char *text = make_text(1000);
    fake_store_start_disk(&f, 1);
    f.journal_limit = 20000;
    assert_int_equal(fake_store_open(&f), 0);
    fake_disk_hold(&f.disk, FS_FSYNC, ".tmp-");
    for (int i = 0; i < 15; i++)
        assert_answer(ask_put(&f, "bob", text), 0, "");
    assert_false(f.pressed);
    fake_store_await_held(&f); /* the checkpoint that has begun at the half of it */
    for (int i = 0; i < 15; i++)
        assert_answer(ask_put(&f, "eve", text), 0, "");
    assert_true(f.pressed);
    fake_disk_release(&f.disk);
    for (int i = 0; f.pressed; i++) {
        assert_in_range(i, 0, 1000);
        fake_store_turn(&f);
    }
    while (!checkpoint_is_idle(&f.store->checkpoint))
        fake_store_turn(&f);
    assert_int_equal(fake_disk_entries(&f.disk, ".journal-"), 0);
    free(text);
    fake_store_stop(&f);
}

/* ---- requests made from inside done ---- */

static void chain_put(struct asked *asked);

static void chain_read(struct asked *asked)
{
    unsigned *steps = asked->ctx;
    assert_int_equal(asked->status, 0);
    struct asked *read = ask_read(asked->owner, "bob");
    read->then = chain_put;
    read->ctx = steps;
}

static void chain_put(struct asked *asked)
{
    unsigned *steps = asked->ctx;
    char text[8];
    snprintf(text, sizeof text, "%u", *steps);
    if (*steps > 0)
        assert_bytes(buf_slice(&asked->value), text);
    if (++*steps > 20)
        return;
    snprintf(text, sizeof text, "%u", *steps);
    struct asked *put = ask_put(asked->owner, "bob", text);
    put->then = chain_read;
    put->ctx = steps;
    ask_put(asked->owner, "eve", text);
    ask_sync(asked->owner);
    ask_idle(asked->owner);
    ask_names(asked->owner);
}

static void done__asks_for_more__answered(void **state)
{
    for (int closes = 0; closes < 2; closes++) {
        struct fake_store f;
        unsigned steps = 0;
        fake_store_start(&f, 1);
        struct asked *first = ask_read(&f, "bob");
        first->then = chain_put;
        first->ctx = &steps;
        if (!closes)
            fake_store_await_all(&f);
        assert_int_equal(fake_store_close(&f), 0);
        assert_int_equal(steps, 21);
        assert_int_equal(fake_store_open(&f), 0);
        assert_answer(ask_read(&f, "bob"), 0, "20");
        assert_answer(ask_read(&f, "eve"), 0, "20");
        fake_store_stop(&f);
    }
}

static void detach_in_done(struct asked *asked)
{
    struct holder *holder = asked->ctx;
    holder->waiting--;
    if (holder->attached)
        holder_detach(holder);
}

static void done__detaches__what_waits_is_kept(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    fake_disk_hold(&f->disk, FS_FDATASYNC, ".journal-");
    struct asked *first = holder_change(&holder, "1.");
    fake_store_await_held(f);
    first->then = detach_in_done;
    struct asked *second = holder_change(&holder, "2.");
    fake_disk_release(&f->disk);
    assert_answer(first, 0, "");
    assert_answer(second, 0, "");
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", "1.2.");
    holder_stop(&holder);
}

/* ---- closing ---- */

static void close__work_pending__finished_and_value_files_only(void **state)
{
    struct fake_store f;
    struct holder holder;
    fake_store_start(&f, 2);
    holder_start(&holder, &f, "d");
    begin_put(&f, "a");
    ask_put(&f, "a", "2");
    ask_put(&f, "b", "1");
    ask_delete(&f, "c");
    holder_change(&holder, "1.");
    holder_detach(&holder);
    struct asked *read = ask_read(&f, "a"), *names = ask_names(&f), *sync = ask_sync(&f);
    fake_store_begin_close(&f);
    assert_false(f.closed);
    fake_store_turn(&f);
    assert_false(f.closed);
    fake_disk_release(&f.disk);
    assert_int_equal(fake_store_await_closed(&f), 0);
    assert_answer(read, 0, "2");
    assert_answer(sync, 0, "");
    assert_answer(names, 0, NULL);
    fake_disk_assert(&f.disk, "a", "2");
    fake_disk_assert(&f.disk, "b", "1");
    fake_disk_assert(&f.disk, "d", "1.");
    assert_int_equal(fake_disk_entries(&f.disk, ""), 3);
    fake_store_stop(&f);
}

static void close__during_a_checkpoint__another_one_follows(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    fake_disk_hold(&f->disk, FS_FSYNC, ".tmp-");
    ask_names(f);
    fake_store_await_held(f);
    assert_answer(ask_put(f, "bob", "2"), 0, "");
    fake_store_begin_close(f);
    fake_disk_release(&f->disk);
    assert_int_equal(fake_store_await_closed(f), 0);
    fake_disk_assert(&f->disk, "bob", "2");
    assert_int_equal(fake_disk_entries(&f->disk, ""), 1);
}

static void close__a_batch_fails__its_error(void **state)
{
    struct fake_store *f = *state;
    struct asked *put = begin_put(f, "bob");
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -ENOSPC);
    fake_store_begin_close(f);
    fake_disk_release(&f->disk);
    assert_int_equal(fake_store_await_closed(f), -ENOSPC);
    assert_int_equal(put->status, -ENOSPC);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 0);
}

static void close__a_batch_failed_while_somebody_waited_for_idle__its_error(void **state)
{
    struct fake_store *f = *state;
    begin_put(f, "bob");
    struct asked *idle = ask_idle(f);
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -ENOSPC);
    fake_disk_release(&f->disk);
    assert_answer(idle, 0, "");
    assert_int_equal(fake_store_close(f), -ENOSPC);
}

static void close__a_batch_failed_long_ago__0(void **state)
{
    struct fake_store *f = *state;
    fake_disk_fail(&f->disk, FS_FDATASYNC, NULL, 0, 1, -ENOSPC);
    assert_answer(ask_put(f, "bob", "1"), -ENOSPC, "");
    assert_int_equal(fake_store_close(f), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 0);
}

static void close__checkpoint_fails__journals_left_and_the_next_open_has_everything(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    fake_disk_put(&f->disk, "gone", "1");
    holder_start(&holder, f, "bob");
    holder_change(&holder, "1.");
    holder_change(&holder, "2.");
    holder_detach(&holder);
    ask_put(f, "eve", "1");
    ask_delete(f, "gone");
    fake_disk_fail(&f->disk, FS_OPEN, ".tmp-", 0, DISK_FOREVER, -ENOSPC);
    assert_int_equal(fake_store_close(f), 0);
    fake_disk_heal(&f->disk);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal-"), 1);
    fake_disk_assert(&f->disk, "bob", NULL);
    assert_int_equal(fake_store_open(f), 0);
    assert_answer(ask_read(f, "bob"), 0, "1.2.");
    assert_answer(ask_read(f, "eve"), 0, "1");
    assert_answer(ask_read(f, "gone"), ERR_NOT_FOUND, "");
    assert_int_equal(fake_disk_entries(&f->disk, ".journal-"), 0);
}

static void close__takes_longer_than_it_may__the_rest_stays_in_journals(void **state)
{
    enum { KEYS = 10000 }; /* more than one round */
    struct fake_store f;
    char key[16];
    fake_store_start_disk(&f, 1);
    f.stop_timeout_ms = 1;
    assert_int_equal(fake_store_open(&f), 0);
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "a%u", i);
        store_change(f.store, 0, slice_of_text(key), STORE_PUT, slice_of_text(key), NULL);
    }
    assert_answer(ask_sync(&f), 0, "");
    fake_disk_hold(&f.disk, FS_SYNCFS, NULL);
    fake_store_begin_close(&f);
    fake_store_await_held(&f);
    fake_store_tick(&f);
    fake_store_tick(&f);
    fake_disk_release(&f.disk);
    assert_int_equal(fake_store_await_closed(&f), 0);
    assert_int_not_equal(fake_disk_entries(&f.disk, ".journal-"), 0);
    assert_in_range(fake_disk_entries(&f.disk, "a"), 1, KEYS - 1);
    assert_int_equal(fake_store_open(&f), 0);
    assert_int_equal(fake_disk_entries(&f.disk, "a"), KEYS);
    assert_int_equal(fake_disk_entries(&f.disk, ".journal-"), 0);
    fake_store_stop(&f);
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
    fake_disk_hold(&f.disk, FS_FDATASYNC, ".journal-");
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
        store_change(f.store, worker_of(&f, key), slice_of_text(key), STORE_PUT, slice_of_text(key), NULL);
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
    char text[16];
    for (unsigned i = 0; i < TURNS; i++) {
        snprintf(text, sizeof text, "%u", i);
        ask_put(f, "bob", text);
        reads[i] = ask_read(f, "bob");
    }
    fake_store_await_all(f);
    for (unsigned i = 0; i < TURNS; i++) {
        snprintf(text, sizeof text, "%u", i);
        assert_answer(reads[i], 0, text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- what a read prepares */

struct prepared {
    struct store_request request; /* first */
    pthread_t thread;             /* where it was prepared */
    unsigned prepares;
    bool done;
    int status[2]; /* prepare's, done's */
    char value[2][8];
};

static void note_call(struct prepared *prepared, int i, int status, struct slice value)
{
    prepared->status[i] = status;
    assert_true(value.size < sizeof prepared->value[i]);
    if (value.size > 0)
        memcpy(prepared->value[i], value.data, value.size);
}

static void on_prepare(struct store_request *request, int status, struct slice value)
{
    struct prepared *prepared = (struct prepared *)request;
    prepared->prepares++;
    prepared->thread = pthread_self();
    note_call(prepared, 0, status, value);
}

static void on_prepared(struct store_request *request, int status, struct slice value)
{
    struct prepared *prepared = (struct prepared *)request;
    assert_int_equal(prepared->prepares, 1);
    assert_false(prepared->done);
    prepared->done = true;
    note_call(prepared, 1, status, value);
}

static void expect_prepared(struct fake_store *f, bool on_loop, int status, const char *value)
{
    struct prepared prepared = {.request = {.prepare = on_prepare, .done = on_prepared}};
    store_read(f->store, worker_of(f, "bob"), slice_of_text("bob"), &prepared.request);
    assert_false(prepared.done);
    while (!prepared.done)
        fake_store_turn(f);
    assert_int_equal(pthread_equal(prepared.thread, pthread_self()) != 0, on_loop);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(prepared.status[i], status);
        assert_string_equal(prepared.value[i], value);
    }
}

static void read__prepare__comes_once_before_done_on_the_thread_that_reads(void **state)
{
    struct fake_store *f = *state;
    expect_prepared(f, false, ERR_NOT_FOUND, "");
    fake_store_await(ask_put(f, "bob", "1"));
    expect_prepared(f, true, 0, "1"); /* in memory */
    assert_int_equal(fake_store_checkpoint(f), 0);
    expect_prepared(f, false, 0, "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(read__prepare__comes_once_before_done_on_the_thread_that_reads),
        TEST(put__one__in_the_journal_synced_done),
        TEST(put__many_while_one_is_written__one_sync_more),
        TEST(change__nobody_waits__durable_with_the_next_batch),
        TEST(delete__missing__done),
        TEST(read__between_changes__those_before),
        cmocka_unit_test(change__another_worker_busy__done),
        TEST(put__value_too_large__error_and_old_value),
        TEST(read__odd_files__error),
        TEST(put__odd_files__replaced),
        TEST(attach__no_change_since_the_read__encoded_not_folded),
        TEST(attach__changed_since_the_read__refused),
        TEST(attach__only_reads_meanwhile__attached),
        TEST(attach__to_a_deleted_key__no_file_until_it_is_changed),
        TEST(detach__file_older__encoded_before_it_returns),
        TEST(detach__file_as_new__nothing_encoded),
        TEST(source__somebody_else_changes_the_key__conflict_at_once),
        TEST(folder__renamed_away_and_back__errors_then_fine),
        TEST(folder__replaced__locked_and_written_to),
        TEST(folder__removed_and_made_anew__what_is_there_counts),
        TEST(folder__replaced_by_one_in_use__left_alone),
        TEST(open__in_use__err_locked_until_closed),
        TEST(open__folder_read_only__eacces),
        TEST(open__leftovers__removed),
        cmocka_unit_test(open__folder_with_other_workers_journals__everything_there),
        cmocka_unit_test(names__changes_before__as_of_them),
        TEST(names__something_fails__those_that_are_there),
        TEST(read_name__there_or_not__content_or_error),
        TEST(names__checkpoint_fails__what_is_in_journals_too),
        TEST(names__a_key_cannot_be_written__right),
        TEST(names__a_value_cannot_be_found_out__error),
        TEST(read__behind_a_write__not_after_its_sync),
        cmocka_unit_test(sync__work_or_not__after_all_of_it),
        cmocka_unit_test(sync__one_worker_fails__its_error_after_all),
        cmocka_unit_test(sync_key__work_or_not__after_that_of_the_key),
        TEST(when_idle__work_or_not__after_all_of_it),
        TEST(pressure__much_not_durable__told_and_told_again_when_little_is_left),
        TEST(pressure__batch_fails__told_that_it_is_over),
        cmocka_unit_test(pressure__journal_beyond_its_limit__until_a_checkpoint_is_done),
        cmocka_unit_test(done__asks_for_more__answered),
        TEST(done__detaches__what_waits_is_kept),
        cmocka_unit_test(close__work_pending__finished_and_value_files_only),
        TEST(close__during_a_checkpoint__another_one_follows),
        TEST(close__a_batch_fails__its_error),
        TEST(close__a_batch_failed_while_somebody_waited_for_idle__its_error),
        TEST(close__a_batch_failed_long_ago__0),
        TEST(close__checkpoint_fails__journals_left_and_the_next_open_has_everything),
        cmocka_unit_test(close__takes_longer_than_it_may__the_rest_stays_in_journals),
        cmocka_unit_test(many__ten_times_the_keys__not_a_hundred_times_the_time),
        cmocka_unit_test(many__written__each_in_its_file),
        TEST(many__one_key_read_and_changed_in_turn__all_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
