/* Setting a key's file aside. */
#include "store/store.h"

#include "base/error.h"
#include "fake_store.h"
#include "unit.h"

#include <errno.h>
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

/* It succeeds: the value is in the file of the new name. */
static void assert_aside(struct asked *aside, const char *text)
{
    assert_answer(aside, 0, NULL);
    assert_int_equal(aside->value.data[aside->value.size - 1], 0);
    fake_disk_assert(&aside->owner->disk, (const char *)aside->value.data, text);
}

/* The key is as it was, and so it is after reopening. */
static void assert_kept(struct fake_store *f, const char *key, const char *text)
{
    assert_answer(ask_read(f, key), 0, text);
    assert_int_equal(fake_store_close(f), 0);
    fake_disk_assert(&f->disk, key, text);
    assert_int_equal(fake_store_open(f), 0);
    assert_answer(ask_read(f, key), 0, text);
}

static void assert_gone(struct fake_store *f, const char *key)
{
    assert_answer(ask_read(f, key), ERR_NOT_FOUND, "");
    assert_int_equal(fake_store_close(f), 0);
    fake_disk_assert(&f->disk, key, NULL);
    assert_int_equal(fake_store_open(f), 0);
    assert_answer(ask_read(f, key), ERR_NOT_FOUND, "");
}

static void set_aside__changes_before__file_as_they_left_it(void **state)
{
    struct fake_store *f = *state;
    ask_put(f, "bob", "1");
    ask_put(f, "bob", "2");
    assert_aside(ask_set_aside(f, "bob"), "2");
    fake_store_await_all(f);
    assert_gone(f, "bob");
}

static void set_aside__clean__file_as_it_is(void **state)
{
    struct fake_store *f = *state;
    fake_disk_put(&f->disk, "bob", "1");
    assert_int_equal(chmod(fake_disk_path(&f->disk, "bob"), 0), 0);
    struct asked *aside = ask_set_aside(f, "bob");
    struct stat info;
    fake_store_await(aside);
    assert_int_equal(stat(fake_disk_path(&f->disk, (const char *)aside->value.data), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0);
    assert_int_equal(chmod(fake_disk_path(&f->disk, (const char *)aside->value.data), 0600), 0);
    assert_aside(aside, "1");
    assert_gone(f, "bob");
    assert_int_equal(fake_disk_entries(&f->disk, ""), 1);
}

static void set_aside__holder__its_memory_and_conflict(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    for (int clean = 0; clean < 2; clean++) {
        holder_start(&holder, f, "bob");
        holder_change(&holder, "1.");
        if (clean)
            assert_int_equal(fake_store_checkpoint(f), 0);
        struct asked *aside = ask_set_aside(f, "bob");
        assert_int_equal(holder.failures, 1);
        assert_int_equal(holder.failed_status, ERR_CONFLICT);
        assert_aside(aside, "1.");
        fake_store_await_all(f);
        assert_gone(f, "bob");
        holder_stop(&holder);
    }
}

static void set_aside__nothing_there__not_found(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_set_aside(f, "bob"), ERR_NOT_FOUND, "");
    fake_disk_put(&f->disk, "bob", "1");
    ask_delete(f, "bob");
    assert_answer(ask_set_aside(f, "bob"), ERR_NOT_FOUND, "");
    fake_store_await_all(f);
    assert_gone(f, "bob");
    assert_int_equal(fake_disk_entries(&f->disk, ""), 0);
}

static void set_aside__deleted_and_held__not_found(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    assert_answer(ask_delete(f, "bob"), 0, "");
    holder_start(&holder, f, "bob");
    assert_answer(ask_set_aside(f, "bob"), ERR_NOT_FOUND, "");
    assert_gone(f, "bob");
    holder_stop(&holder);
}

/* The worker waits before the file gets its new name. */
static struct asked *begin(struct fake_store *f)
{
    fake_disk_hold(&f->disk, FS_LINK, NULL);
    struct asked *aside = ask_set_aside(f, "bob");
    fake_store_await_held(f);
    return aside;
}

static void set_aside__put_meanwhile__stays(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    struct asked *aside = begin(f);
    struct asked *put = ask_put(f, "bob", "2");
    assert_answer(put, 0, "");
    fake_disk_release(&f->disk);
    assert_aside(aside, "1");
    assert_kept(f, "bob", "2");
}

static void set_aside__put_meanwhile_fails__gone_all_the_same(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    struct asked *aside = begin(f);
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -EIO);
    assert_answer(ask_put(f, "bob", "2"), -EIO, "");
    fake_disk_release(&f->disk);
    assert_aside(aside, "1");
    assert_gone(f, "bob");
}

static void set_aside__two_puts_meanwhile_the_second_fails__the_first_stays(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    struct asked *aside = begin(f);
    assert_answer(ask_put(f, "bob", "2"), 0, "");
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -EIO);
    assert_answer(ask_put(f, "bob", "3"), -EIO, "");
    fake_disk_release(&f->disk);
    assert_aside(aside, "1");
    assert_kept(f, "bob", "2");
}

static void set_aside__reads_meanwhile__wait_for_it(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    struct asked *aside = begin(f);
    struct asked *read = ask_read(f, "bob");
    assert_answer(ask_read(f, "eve"), ERR_NOT_FOUND, "");
    assert_int_equal(read->count, 0);
    fake_disk_release(&f->disk);
    assert_aside(aside, "1");
    assert_answer(read, ERR_NOT_FOUND, "");
}

/* Each sees what was asked for before it, whatever comes after. */
static void set_aside__put_and_reads_meanwhile__each_in_its_place(void **state)
{
    struct fake_store *f = *state;
    struct holder holder = {.attached = false};
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    struct asked *aside = begin(f);
    struct asked *before = ask_read(f, "bob");
    assert_answer(ask_put(f, "bob", "2"), 0, "");
    assert_answer(ask_read(f, "bob"), 0, "2"); /* this one needs not wait */
    holder_start(&holder, f, "bob");
    struct asked *change = holder_change(&holder, "3.");
    assert_int_equal(before->count, 0);
    fake_disk_release(&f->disk);
    assert_aside(aside, "1");
    assert_answer(before, ERR_NOT_FOUND, "");
    assert_answer(change, 0, "");
    assert_answer(ask_read(f, "bob"), 0, "23.");
    fake_store_await_all(f);
    holder_stop(&holder);
}

/* The value in memory, or in the file; the file is new at the end, but not what they see. */
static void set_aside__fails_with_put_and_reads_meanwhile__each_in_its_place(void **state)
{
    struct fake_store *f = *state;
    for (unsigned i = 0; i < 2; i++) {
        assert_answer(ask_put(f, "bob", "1"), 0, "");
        if (i == 1)
            assert_int_equal(fake_store_checkpoint(f), 0);
        struct asked *aside = begin(f);
        struct asked *before = ask_read(f, "bob");
        assert_answer(ask_put(f, "bob", "2"), 0, "");
        fake_disk_fail(&f->disk, FS_FSYNC, "persist", 0, 1, -EIO);
        fake_disk_release(&f->disk);
        assert_answer(aside, -EIO, "");
        assert_answer(before, 0, "1");
        assert_kept(f, "bob", "2");
    }
}

static void set_aside__read_before__attach_refused(void **state)
{
    struct fake_store *f = *state;
    struct holder holder = {.attached = false};
    fake_disk_put(&f->disk, "bob", "1");
    holder_begin(&holder, f, "bob");
    struct asked *read = holder.pending;
    struct asked *aside = ask_set_aside(f, "bob");
    fake_store_await(read);
    assert_true(holder.refused);
    assert_aside(aside, "1");
    holder_stop(&holder);
}

static void set_aside__twice__the_second_conflicts(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    struct asked *first = ask_set_aside(f, "bob");
    assert_answer(ask_set_aside(f, "bob"), ERR_CONFLICT, "");
    assert_aside(first, "1");
    assert_answer(ask_set_aside(f, "bob"), ERR_NOT_FOUND, "");
}

static void set_aside__checkpoint_meanwhile__after_it(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    struct asked *aside = begin(f);
    struct asked *names = ask_names(f);
    assert_answer(ask_put(f, "eve", "1"), 0, "");
    fake_disk_release(&f->disk);
    assert_aside(aside, "1");
    assert_answer(names, 0, NULL);
    fake_disk_assert(&f->disk, "bob", NULL);
}

static void set_aside__changes_before_fail__error_and_as_before(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    fake_disk_hold(&f->disk, FS_FDATASYNC, ".journal-");
    ask_put(f, "bob", "2");
    struct asked *aside = ask_set_aside(f, "bob");
    fake_store_await_held(f);
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -EIO);
    fake_disk_release(&f->disk);
    assert_answer(aside, -EIO, "");
    assert_kept(f, "bob", "1");
    fake_store_await_all(f);
}

static void set_aside__a_call_fails__error_and_as_before(void **state)
{
    static const struct {
        enum fs_call call;
        const char *name;
    } cases[] = {{FS_STAT, "persist"},  {FS_WRITE, ".tmp-"},         {FS_RENAME, "bob"},     {FS_LINK, NULL},
                 {FS_FSYNC, "persist"}, {FS_FDATASYNC, ".journal-"}, {FS_WRITE, ".journal-"}};
    struct fake_store *f = *state;
    struct holder holder;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_answer(ask_put(f, "bob", "old"), 0, "");
        assert_int_equal(fake_store_checkpoint(f), 0);
        holder_start(&holder, f, "bob");
        assert_answer(holder_change(&holder, "2."), 0, ""); /* nothing without what is in the file */
        fake_disk_fail(&f->disk, cases[i].call, cases[i].name, 0, 1, -EDQUOT);
        assert_answer(ask_set_aside(f, "bob"), -EDQUOT, "");
        assert_true(fake_disk_fired(&f->disk, NULL));
        assert_kept(f, "bob", "old2.");
        holder_stop(&holder);
    }
}

static void set_aside__file_cannot_have_two_names__moved(void **state)
{
    struct fake_store *f = *state;
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    fake_disk_fail(&f->disk, FS_LINK, NULL, 0, 1, -EPERM);
    assert_aside(ask_set_aside(f, "bob"), "1");
    assert_gone(f, "bob");
    assert_int_equal(mkdir(fake_disk_path(&f->disk, "bob"), 0700), 0);
    assert_answer(ask_set_aside(f, "bob"), 0, NULL); /* a folder */
    assert_gone(f, "bob");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(set_aside__changes_before__file_as_they_left_it),
        TEST(set_aside__clean__file_as_it_is),
        TEST(set_aside__holder__its_memory_and_conflict),
        TEST(set_aside__nothing_there__not_found),
        TEST(set_aside__deleted_and_held__not_found),
        TEST(set_aside__put_meanwhile__stays),
        TEST(set_aside__put_meanwhile_fails__gone_all_the_same),
        TEST(set_aside__two_puts_meanwhile_the_second_fails__the_first_stays),
        TEST(set_aside__reads_meanwhile__wait_for_it),
        TEST(set_aside__put_and_reads_meanwhile__each_in_its_place),
        TEST(set_aside__fails_with_put_and_reads_meanwhile__each_in_its_place),
        TEST(set_aside__read_before__attach_refused),
        TEST(set_aside__twice__the_second_conflicts),
        TEST(set_aside__checkpoint_meanwhile__after_it),
        TEST(set_aside__changes_before_fail__error_and_as_before),
        TEST(set_aside__a_call_fails__error_and_as_before),
        TEST(set_aside__file_cannot_have_two_names__moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
