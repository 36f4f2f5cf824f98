/* Value files in a real folder: opened, replaced, removed, listed, and all of it failing. */
#include "store/files.h"

#include "base/error.h"
#include "fake_disk.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VALUE_MAX = 100 };

static int setup(void **state)
{
    struct fake_disk *disk = malloc(sizeof *disk);
    fake_disk_start(disk);
    *state = disk;
    return 0;
}

static int teardown(void **state)
{
    fake_disk_stop(*state);
    free(*state);
    return 0;
}

static int try_open(struct fake_disk *disk, struct files *files)
{
    return files_open(files, disk->folder, VALUE_MAX, disk->fs);
}

static void open_files(struct fake_disk *disk, struct files *files)
{
    assert_int_equal(try_open(disk, files), 0);
}

static int replace(struct files *files, uint64_t id, const char *name, const char *text)
{
    int status = files_prepare(files, id, slice_of_text(text));
    return status == 0 ? files_publish(files, id, name) : status;
}

static void open__no_folder__made_and_empty(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    struct stat info;
    open_files(disk, &files);
    assert_int_equal(stat(disk->folder, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(fake_disk_entries(disk, ""), 0);
    files_close(&files);
}

static void open_to_read__folder__locked_and_nothing_changed(void **state)
{
    struct fake_disk *disk = *state;
    struct files files, others;
    assert_int_equal(files_open_to_read(&files, disk->folder, VALUE_MAX, disk->fs), -ENOENT);
    assert_int_equal(mkdir(disk->folder, 0700), 0);
    fake_disk_put(disk, ".tmp-1", "leftover");
    assert_int_equal(files_open_to_read(&files, disk->folder, VALUE_MAX, disk->fs), 0);
    assert_int_equal(try_open(disk, &others), ERR_LOCKED);
    files_close(&files);
    assert_int_equal(fake_disk_entries(disk, ""), 1);
    open_files(disk, &others);
    assert_int_equal(files_open_to_read(&files, disk->folder, VALUE_MAX, disk->fs), ERR_LOCKED);
    files_close(&others);
}

static void open__leftovers__removed_and_values_kept(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    assert_int_equal(mkdir(disk->folder, 0700), 0);
    fake_disk_put(disk, ".tmp-0", "half");
    fake_disk_put(disk, ".tmp-18446744073709551615", "");
    fake_disk_put(disk, ".tmp-probe", "probe");
    fake_disk_put(disk, ".gitkeep", "");
    fake_disk_put(disk, "bob", "1");
    open_files(disk, &files);
    assert_int_equal(fake_disk_entries(disk, ".tmp-"), 0);
    fake_disk_assert(disk, ".gitkeep", "");
    fake_disk_assert(disk, "bob", "1");
    files_close(&files);
}

static void open__twice__err_locked_until_closed(void **state)
{
    struct fake_disk *disk = *state;
    struct files first, second;
    open_files(disk, &first);
    fake_disk_put(disk, ".tmp-7", "on its way");
    assert_int_equal(try_open(disk, &second), ERR_LOCKED);
    fake_disk_assert(disk, ".tmp-7", "on its way");
    files_close(&first);
    open_files(disk, &second);
    files_close(&second);
}

static void open__folder_cannot_be_used__error_and_not_locked(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    char long_path[8192];
    assert_int_equal(mkdir(disk->folder, 0500), 0);
    fake_disk_begin_nobody(disk);
    assert_int_equal(try_open(disk, &files), -EACCES);
    assert_int_equal(chmod(disk->folder, 0700), 0);
    fake_disk_end_nobody();
    open_files(disk, &files);
    files_close(&files);
    fake_disk_put(disk, "file", "");
    assert_int_equal(files_open(&files, fake_disk_path(disk, "file"), VALUE_MAX, disk->fs), -ENOTDIR);
    memset(long_path, 'a', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(files_open(&files, long_path, VALUE_MAX, disk->fs), -ENAMETOOLONG);
}

static void open__any_call_fails__error_then_opens(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    unsigned n = 0;
    for (bool failed = true; failed; n++) {
        fake_disk_fail(disk, DISK_ANY, NULL, n, 1, -EIO);
        assert_int_equal(mkdir(disk->folder, 0700) == 0 || errno == EEXIST, 1);
        fake_disk_put(disk, ".tmp-1", "left");
        int status = try_open(disk, &files);
        failed = disk->fired;
        assert_int_equal(status, failed ? -EIO : 0);
        if (failed)
            open_files(disk, &files);
        assert_int_equal(fake_disk_entries(disk, ""), 0);
        files_close(&files);
    }
    assert_true(n > 8);
}

static void check__moved_away_and_back__enoent_then_fine(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    open_files(disk, &files);
    assert_int_equal(files_check(&files), 0);
    fake_disk_rename(disk, "persist", "away");
    assert_int_equal(files_check(&files), -ENOENT);
    fake_disk_rename(disk, "away", "persist");
    assert_int_equal(files_check(&files), 0);
    assert_int_equal(fake_disk_count(disk, "flock"), 1);
    files_close(&files);
}

static void check__replaced__new_folder_locked_old_one_free(void **state)
{
    struct fake_disk *disk = *state;
    struct files files, second;
    int fd;
    open_files(disk, &files);
    fake_disk_rename(disk, "persist", "away");
    assert_int_equal(mkdir(disk->folder, 0700), 0);
    assert_int_equal(files_check(&files), 0);
    assert_int_equal(try_open(disk, &second), ERR_LOCKED);
    fake_disk_rename(disk, "persist", "new");
    fake_disk_rename(disk, "away", "persist");
    assert_int_equal(fs_lock_folder(&disk->fs, disk->folder, &fd), 0);
    fs_close(fd);
    files_close(&files);
}

static void check__replaced_by_one_in_use__err_locked_until_free(void **state)
{
    struct fake_disk *disk = *state;
    struct files files, other;
    open_files(disk, &files);
    fake_disk_rename(disk, "persist", "away");
    open_files(disk, &other);
    assert_int_equal(files_check(&files), ERR_LOCKED);
    files_close(&other);
    assert_int_equal(files_check(&files), 0);
    files_close(&files);
}

static void replace__new_and_old__content_and_no_temporary(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    struct buf value = BUF_EMPTY;
    open_files(disk, &files);
    assert_int_equal(files_prepare(&files, 3, slice_of_text("one")), 0);
    fake_disk_assert(disk, "bob", NULL);
    fake_disk_assert(disk, ".tmp-3", "one");
    assert_int_equal(files_publish(&files, 3, "bob"), 0);
    fake_disk_assert(disk, "bob", "one");
    assert_int_equal(replace(&files, 4, "bob", "2"), 0);
    assert_int_equal(files_read(&files, "bob", &value), 0);
    assert_bytes(buf_slice(&value), "2");
    assert_int_equal(fake_disk_entries(disk, ""), 1);
    buf_release(&value);
    files_close(&files);
}

static void replace__any_call_fails__old_value_and_no_temporary(void **state)
{
    static const int statuses[] = {-ENOSPC, FS_SHORT};
    struct fake_disk *disk = *state;
    struct files files;
    unsigned failures = 0;
    open_files(disk, &files);
    assert_int_equal(replace(&files, 0, "bob", "old"), 0);
    for (size_t i = 0; i < 2; i++) {
        bool failed = true;
        for (unsigned n = 0; failed; n++) {
            fake_disk_fail(disk, DISK_ANY, NULL, n, 1, statuses[i]);
            int status = replace(&files, n + 1, "bob", "new");
            failed = disk->fired;
            failures += failed;
            assert_int_equal(status < 0, failed);
            fake_disk_assert(disk, "bob", failed ? "old" : "new");
            assert_int_equal(fake_disk_entries(disk, ""), 1);
        }
        fake_disk_heal(disk);
        assert_int_equal(replace(&files, 0, "bob", "old"), 0);
    }
    assert_int_equal(failures, 2 * 5); /* open, write, fsync, close, rename */
    files_close(&files);
}

static void prepare_unsynced__then_sync_all__published(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    char text[VALUE_MAX + 2];
    open_files(disk, &files);
    fake_disk_forget(disk);
    assert_int_equal(files_prepare_unsynced(&files, 1, slice_of_text("1")), 0);
    assert_int_equal(files_prepare_unsynced(&files, 2, slice_of_text("2")), 0);
    assert_int_equal(fake_disk_count(disk, "fsync"), 0);
    assert_int_equal(files_sync_all(&files), 0);
    assert_int_equal(fake_disk_count(disk, "syncfs persist"), 1);
    assert_int_equal(files_publish(&files, 1, "a"), 0);
    files_discard(&files, 2);
    fake_disk_assert(disk, "a", "1");
    assert_int_equal(fake_disk_entries(disk, ""), 1);
    fake_disk_fail(disk, FS_SYNCFS, NULL, 0, 1, -EIO);
    assert_int_equal(files_sync_all(&files), -EIO);
    memset(text, 'a', sizeof text);
    assert_int_equal(files_prepare_unsynced(&files, 1, slice_of(text, VALUE_MAX + 1)), ERR_TOO_LARGE);
    files_close(&files);
}

static void write__larger_than_a_value__synced_and_there(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    char text[VALUE_MAX + 2];
    open_files(disk, &files);
    memset(text, 'a', sizeof text);
    text[VALUE_MAX + 1] = '\0';
    assert_int_equal(files_write(&files, 1, "%aside", slice_of_text(text)), 0);
    fake_disk_assert(disk, "%aside", text);
    assert_int_equal(fake_disk_count(disk, "fsync .tmp-1"), 1);
    fake_disk_fail(disk, FS_FSYNC, NULL, 0, 1, -EIO);
    assert_int_equal(files_write(&files, 1, "%aside", slice_of_text("b")), -EIO);
    fake_disk_fail(disk, FS_RENAME, NULL, 0, 1, -EIO);
    assert_int_equal(files_write(&files, 1, "%aside", slice_of_text("b")), -EIO);
    fake_disk_assert(disk, "%aside", text);
    assert_int_equal(fake_disk_entries(disk, ""), 1);
    files_close(&files);
}

static void replace__too_large__refused(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    char text[VALUE_MAX + 2];
    open_files(disk, &files);
    memset(text, 'a', sizeof text);
    text[VALUE_MAX + 1] = '\0';
    assert_int_equal(replace(&files, 0, "bob", text), ERR_TOO_LARGE);
    assert_int_equal(fake_disk_entries(disk, ""), 0);
    text[VALUE_MAX] = '\0';
    assert_int_equal(replace(&files, 0, "bob", text), 0);
    files_close(&files);
}

static void replace__odd_file__folder_stays_others_replaced(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    open_files(disk, &files);
    fake_disk_put(disk, "target", "untouched");
    assert_int_equal(mkdir(fake_disk_path(disk, "folder"), 0700), 0);
    assert_int_equal(mkfifo(fake_disk_path(disk, "fifo"), 0600), 0);
    assert_int_equal(symlink("target", fake_disk_path(disk, "link")), 0);
    assert_int_equal(replace(&files, 1, "folder", "1"), -EISDIR);
    assert_int_equal(replace(&files, 2, "fifo", "2"), 0);
    assert_int_equal(replace(&files, 3, "link", "3"), 0);
    fake_disk_assert(disk, "fifo", "2");
    fake_disk_assert(disk, "link", "3");
    fake_disk_assert(disk, "target", "untouched");
    assert_int_equal(fake_disk_entries(disk, ".tmp-"), 0);
    files_close(&files);
}

static void remove__there_or_not__gone(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    open_files(disk, &files);
    fake_disk_put(disk, "bob", "1");
    assert_int_equal(files_remove(&files, "bob"), 0);
    assert_int_equal(files_remove(&files, "bob"), 0);
    assert_int_equal(files_sync(&files), 0);
    assert_int_equal(fake_disk_entries(disk, ""), 0);
    files_close(&files);
}

static void set_aside__same_name_at_once__both_kept(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    struct buf names = BUF_EMPTY;
    open_files(disk, &files);
    fake_disk_put(disk, "bob", "1");
    assert_int_equal(files_set_aside(&files, 0, "bob", &names), 0);
    fake_disk_assert(disk, "bob", NULL);
    char *first = strdup((const char *)names.data);
    assert_int_equal(names.size, strlen(first) + 1);
    assert_memory_equal(first, "%aside.", 7);
    assert_string_equal(first + strlen(first) - 6, ".0.bob");
    buf_clear(&names);
    fake_disk_put(disk, "bob", "2");
    assert_int_equal(files_set_aside(&files, 1, "bob", &names), 0);
    fake_disk_assert(disk, first, "1");
    fake_disk_assert(disk, (const char *)names.data, "2");
    free(first);
    buf_release(&names);
    files_close(&files);
}

static void set_aside__long_name__cut(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    struct buf names = BUF_EMPTY;
    char name[256];
    open_files(disk, &files);
    memset(name, 'a', 255);
    name[255] = '\0';
    fake_disk_put(disk, name, "1");
    assert_int_equal(files_set_aside(&files, UINT64_MAX, name, &names), 0);
    assert_true(names.size <= 256);
    fake_disk_assert(disk, (const char *)names.data, "1");
    buf_release(&names);
    files_close(&files);
}

static void set_aside__cannot__error_and_file_stays(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    struct buf names = BUF_EMPTY;
    open_files(disk, &files);
    assert_int_equal(files_set_aside(&files, 0, "none", &names), ERR_NOT_FOUND);
    fake_disk_put(disk, "bob", "1");
    fake_disk_fail(disk, FS_RENAME, NULL, 0, 1, -EIO);
    assert_int_equal(files_set_aside(&files, 1, "bob", &names), -EIO);
    assert_int_equal(names.size, 0);
    fake_disk_assert(disk, "bob", "1");
    buf_release(&names);
    files_close(&files);
}

static void names__mixed__values_only(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    struct buf names = BUF_EMPTY;
    open_files(disk, &files);
    assert_int_equal(files_names(&files, &names), 0);
    assert_int_equal(names.size, 0);
    fake_disk_put(disk, "bob", "1");
    fake_disk_put(disk, ".gitkeep", "");
    fake_disk_put(disk, ".tmp-9", "");
    assert_int_equal(mkdir(fake_disk_path(disk, "folder"), 0700), 0);
    assert_int_equal(files_names(&files, &names), 0);
    assert_int_equal(names.size, 4);
    assert_memory_equal(names.data, "bob", 4);
    buf_release(&names);
    files_close(&files);
}

static void journals__mixed__only_these_and_kept_by_open(void **state)
{
    struct fake_disk *disk = *state;
    struct files files;
    struct buf names = BUF_EMPTY;
    assert_int_equal(mkdir(disk->folder, 0700), 0);
    fake_disk_put(disk, ".journal-0-1", "records");
    fake_disk_put(disk, ".journal", "");
    fake_disk_put(disk, "journal-0-1", "");
    fake_disk_put(disk, ".tmp-1", "");
    open_files(disk, &files);
    assert_int_equal(files_journals(&files, &names), 0);
    assert_int_equal(names.size, strlen(".journal-0-1") + 1);
    assert_string_equal((const char *)names.data, ".journal-0-1");
    fake_disk_assert(disk, ".journal-0-1", "records");
    buf_clear(&names);
    assert_int_equal(files_names(&files, &names), 0);
    assert_string_equal((const char *)names.data, "journal-0-1");
    buf_release(&names);
    files_close(&files);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open__no_folder__made_and_empty),
        TEST(open_to_read__folder__locked_and_nothing_changed),
        TEST(open__leftovers__removed_and_values_kept),
        TEST(open__twice__err_locked_until_closed),
        TEST(open__folder_cannot_be_used__error_and_not_locked),
        TEST(open__any_call_fails__error_then_opens),
        TEST(check__moved_away_and_back__enoent_then_fine),
        TEST(check__replaced__new_folder_locked_old_one_free),
        TEST(check__replaced_by_one_in_use__err_locked_until_free),
        TEST(replace__new_and_old__content_and_no_temporary),
        TEST(replace__any_call_fails__old_value_and_no_temporary),
        TEST(prepare_unsynced__then_sync_all__published),
        TEST(write__larger_than_a_value__synced_and_there),
        TEST(replace__too_large__refused),
        TEST(replace__odd_file__folder_stays_others_replaced),
        TEST(remove__there_or_not__gone),
        TEST(set_aside__same_name_at_once__both_kept),
        TEST(set_aside__long_name__cut),
        TEST(set_aside__cannot__error_and_file_stays),
        TEST(names__mixed__values_only),
        TEST(journals__mixed__only_these_and_kept_by_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
