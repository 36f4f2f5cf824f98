/* Copies of folders that change meanwhile, each call made to fail. */
#include "store/copy.h"

#include "base/error.h"
#include "fake_disk.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct test {
    struct fake_disk disk;
    struct copy_config config;
    char to[96];
    unsigned steps;
    unsigned steps_max;                   /* then it stops */
    void (*meanwhile)(struct test *test); /* after the first step */
};

static bool step(void *ctx, uint64_t total)
{
    struct test *test = ctx;
    if (test->steps++ == 0 && test->meanwhile != NULL)
        test->meanwhile(test);
    return test->steps < test->steps_max;
}

static int setup(void **state)
{
    struct test *test = calloc(1, sizeof *test);
    fake_disk_start(&test->disk);
    assert_int_equal(mkdir(test->disk.folder, 0700), 0);
    snprintf(test->to, sizeof test->to, "%s/copy", test->disk.root);
    test->steps_max = 1000;
    test->config = (struct copy_config){
        .fs = test->disk.fs, .from = test->disk.folder, .to = test->to, .step = step, .ctx = test};
    *state = test;
    return 0;
}

static int teardown(void **state)
{
    fake_disk_stop(&((struct test *)*state)->disk);
    free(*state);
    return 0;
}

/* undo: also when it went well */
static int run(struct test *test, struct copied *copied, bool undo)
{
    struct copy *copy = copy_new(&test->config);
    int status = copy_run(copy);
    *copied = *copy_done(copy);
    if (undo || status != 0)
        copy_undo(copy);
    copy_free(copy);
    return status;
}

/* size and mode of a file of the copy; -1: there is none */
static long copy_size(struct test *test, const char *name)
{
    char path[160];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", test->to, name);
    if (stat(path, &info) != 0)
        return -1;
    assert_int_equal(info.st_mode & 0777, 0600);
    return info.st_size;
}

static void put_bytes(struct test *test, const char *name, const char *bytes, size_t size, size_t room)
{
    FILE *file = fopen(fake_disk_path(&test->disk, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
    assert_int_equal(truncate(fake_disk_path(&test->disk, name), (off_t)room), 0);
}

static void assert_copied(struct test *test, const char *name, const char *text)
{
    char path[160];
    struct buf content = BUF_EMPTY;
    const struct fs fs = {0};
    snprintf(path, sizeof path, "%s/%s", test->to, name);
    assert_int_equal(fs_read_file(&fs, path, 1 << 20, &content), 0);
    assert_bytes(buf_slice(&content), text);
    buf_release(&content);
}

static void fill(struct test *test)
{
    fake_disk_put(&test->disk, "bob", "value of bob");
    fake_disk_put(&test->disk, "%aside.1.2.x", "aside");
    fake_disk_put(&test->disk, "empty", "");
    fake_disk_put(&test->disk, ".tmp-1", "half");
    fake_disk_put(&test->disk, ".journal-done", "done");
    fake_disk_put(&test->disk, ".journal-x", "foreign");
    fake_disk_put(&test->disk, ".journal-1-9", "nine");
    fake_disk_put(&test->disk, ".journal-0-10", "ten");
    fake_disk_put(&test->disk, ".journal-1-10", "ten too");
    mkdir(fake_disk_path(&test->disk, "folder"), 0700);
}

static void copy__folder__has_values_and_segments_only(void **state)
{
    struct test *test = *state;
    struct copied copied;
    fill(test);
    assert_int_equal(run(test, &copied, false), 0);
    assert_int_equal(copied.values, 3);
    assert_int_equal(copied.segments, 3);
    assert_int_equal(copied.bytes, 12 + 5 + 4 + 3 + 7);
    assert_string_equal(copied.failed, "");
    assert_copied(test, "bob", "value of bob");
    assert_copied(test, "%aside.1.2.x", "aside");
    assert_copied(test, "empty", "");
    assert_copied(test, ".journal-1-10", "ten too");
    const char *const missing[] = {".tmp-1", ".journal-done", ".journal-x", "folder"};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        assert_int_equal(copy_size(test, missing[i]), -1);
}

static void copy__order__values_then_segments_listed_after_them_then_sync(void **state)
{
    static const char *const words[] = {"open", "opendir", "syncfs", "fsync", ""};
    struct test *test = *state;
    struct copied copied;
    struct buf lines = BUF_EMPTY;
    fake_disk_put(&test->disk, "bob", "b");
    fake_disk_put(&test->disk, ".journal-1-9", "9");
    fake_disk_put(&test->disk, ".journal-1-10", "10");
    fake_disk_put(&test->disk, ".journal-0-11", "11");
    assert_int_equal(mkdir(test->to, 0755), 0);
    assert_int_equal(run(test, &copied, false), 0);
    fake_disk_lines(&test->disk, words, &lines);
    assert_bytes(buf_slice(&lines),
                 "opendir copy|"
                 "opendir persist|open bob|open bob|opendir persist|"
                 "opendir persist|opendir persist|"
                 "open .journal-0-11|open .journal-0-11|open .journal-1-9|open .journal-1-9|"
                 "open .journal-1-10|open .journal-1-10|"
                 "open copy|syncfs copy|open copy|fsync copy|");
    buf_release(&lines);
}

static void change_folder(struct test *test)
{
    fake_disk_put(&test->disk, "new", "value");
    unlink(fake_disk_path(&test->disk, "a"));
    unlink(fake_disk_path(&test->disk, "b"));
    fake_disk_put(&test->disk, ".journal-0-2", "two");
}

static void copy__folder_changes__what_is_gone_is_left_out_and_what_is_new_is_there(void **state)
{
    struct test *test = *state;
    struct copied copied;
    fake_disk_put(&test->disk, "a", "a");
    fake_disk_put(&test->disk, "b", "b");
    test->meanwhile = change_folder;
    assert_int_equal(run(test, &copied, false), 0);
    assert_int_equal(copied.values, 2); /* the first one and the new one */
    assert_copied(test, "new", "value");
    assert_copied(test, ".journal-0-2", "two");
}

static void copy__preallocated_segment__keeps_its_size_and_is_a_hole(void **state)
{
    enum { ROOM = 5 << 20, END = (1 << 20) + 7 };
    struct test *test = *state;
    struct copied copied;
    char *bytes = calloc(1, END);
    memset(bytes, 'x', 10);
    bytes[END - 1] = 'y';
    put_bytes(test, ".journal-0-1", bytes, END, ROOM);
    put_bytes(test, ".journal-0-2", "", 0, ROOM);
    put_bytes(test, "zeros", "\0\0", 2, 2);
    assert_int_equal(run(test, &copied, false), 0);
    assert_int_equal(copied.bytes, END + 2);
    assert_int_equal(copy_size(test, ".journal-0-1"), ROOM);
    assert_int_equal(copy_size(test, ".journal-0-2"), ROOM);
    assert_int_equal(copy_size(test, "zeros"), 2);
    char path[160], found[END];
    snprintf(path, sizeof path, "%s/.journal-0-1", test->to);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(found, 1, END, file), END);
    assert_memory_equal(found, bytes, END);
    assert_int_equal(fgetc(file), 0);
    fclose(file);
    free(bytes);
}

/* The node appends between the two times that the segment is read. */
static int append_before_second_read(void *ctx, enum fs_call call, const char *path)
{
    struct test *test = ctx;
    if (call == FS_READ && ++test->steps == 2)
        put_bytes(test, ".journal-0-1", "first second", 12, 100);
    return 0;
}

static void copy__segment_grows__ends_where_it_ended(void **state)
{
    struct test *test = *state;
    struct copied copied;
    put_bytes(test, ".journal-0-1", "first", 5, 100);
    test->config.fs = (struct fs){append_before_second_read, test};
    assert_int_equal(run(test, &copied, false), 0);
    assert_true(test->steps > 1);
    assert_int_equal(copied.bytes, 5);
    assert_int_equal(copy_size(test, ".journal-0-1"), 100);
}

/* Segments are begun between their two listings, which are the third and fourth of all. */
static int begin_segments(void *ctx, enum fs_call call, const char *path)
{
    struct test *test = ctx;
    if (call == FS_OPENDIR && ++test->steps == 4) {
        fake_disk_put(&test->disk, ".journal-0-4", "four");
        fake_disk_put(&test->disk, ".journal-0-6", "six");
        fake_disk_put(&test->disk, ".journal-1-4", "other");
    }
    return 0;
}

static void copy__segments_begun_between_listings__none_behind_the_last_of_the_first(void **state)
{
    struct test *test = *state;
    struct copied copied;
    fake_disk_put(&test->disk, ".journal-0-3", "three");
    fake_disk_put(&test->disk, ".journal-0-5", "five");
    test->config.fs = (struct fs){begin_segments, test};
    assert_int_equal(run(test, &copied, false), 0);
    assert_true(test->steps >= 4);
    assert_int_equal(copied.segments, 3);
    assert_copied(test, ".journal-0-4", "four");
}

static void copy__target__is_made_private(void **state)
{
    struct test *test = *state;
    struct copied copied;
    struct stat info;
    umask(0);
    assert_int_equal(run(test, &copied, true), 0);
    assert_int_equal(stat(test->to, &info), -1); /* undone */
    assert_int_equal(mkdir(test->to, 0755), 0);
    assert_int_equal(run(test, &copied, true), 0);
    assert_int_equal(stat(test->to, &info), 0); /* it was there */
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void copy__target_not_empty_or_inside__refused(void **state)
{
    struct test *test = *state;
    struct copied copied;
    fake_disk_put(&test->disk, ".hidden", "");
    test->config.to = test->disk.folder;
    assert_int_equal(run(test, &copied, false), -ENOTEMPTY);
    assert_string_equal(copied.failed, test->disk.folder);
    fake_disk_assert(&test->disk, ".hidden", "");
    char inside[160];
    snprintf(inside, sizeof inside, "%s", fake_disk_path(&test->disk, "inside"));
    test->config.to = inside;
    assert_int_equal(run(test, &copied, false), ERR_CONFLICT);
    assert_int_equal(fake_disk_entries(&test->disk, ""), 1);
    snprintf(inside, sizeof inside, "%s-2", test->disk.folder);
    assert_int_equal(run(test, &copied, true), 0);
}

static void copy__stopped__ends(void **state)
{
    struct test *test = *state;
    struct copied copied;
    fill(test);
    test->steps_max = 2;
    assert_int_equal(run(test, &copied, false), ERR_STOPPED);
    assert_int_equal(copied.values + copied.segments, 2);
    assert_int_equal(access(test->to, F_OK), -1);
}

static void copy__any_call_fails__error_and_undone(void **state)
{
    struct test *test = *state;
    struct copied copied;
    fill(test);
    int status = -EIO;
    unsigned failures = 0;
    for (; status != 0; failures++) {
        fake_disk_fail(&test->disk, DISK_ANY, NULL, failures, 1, failures % 2 == 0 ? -ENOSPC : FS_SHORT);
        status = run(test, &copied, false);
        bool fired = fake_disk_fired(&test->disk, NULL);
        fake_disk_heal(&test->disk);
        assert_int_equal(fired, status != 0);
        assert_true(status == 0 || copied.failed[0] != '\0');
        assert_int_equal(access(test->to, F_OK), status != 0 ? -1 : 0);
    }
    assert_true(failures > 40);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(copy__folder__has_values_and_segments_only),
        TEST(copy__order__values_then_segments_listed_after_them_then_sync),
        TEST(copy__folder_changes__what_is_gone_is_left_out_and_what_is_new_is_there),
        TEST(copy__preallocated_segment__keeps_its_size_and_is_a_hole),
        TEST(copy__segment_grows__ends_where_it_ended),
        TEST(copy__segments_begun_between_listings__none_behind_the_last_of_the_first),
        TEST(copy__target__is_made_private),
        TEST(copy__target_not_empty_or_inside__refused),
        TEST(copy__stopped__ends),
        TEST(copy__any_call_fails__error_and_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
