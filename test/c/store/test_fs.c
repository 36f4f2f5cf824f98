/* Each call on a real folder, and each made to fail. */
#include "store/fs.h"

#include "base/error.h"
#include "fake_disk.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int setup(void **state)
{
    struct fake_disk *disk = malloc(sizeof *disk);
    fake_disk_start(disk);
    assert_int_equal(mkdir(disk->folder, 0700), 0);
    *state = disk;
    return 0;
}

static int teardown(void **state)
{
    fake_disk_stop(*state);
    free(*state);
    return 0;
}

static unsigned mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 07777;
}

static void make_folder__missing_ones__made_private(void **state)
{
    struct fake_disk *disk = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/a/b", disk->root);
    umask(022);
    assert_int_equal(fs_make_folder(&disk->fs, path), 0);
    assert_int_equal(mode_of(path), 0700);
    assert_int_equal(fs_make_folder(&disk->fs, path), 0);
}

static void make_folder__cannot__error(void **state)
{
    struct fake_disk *disk = *state;
    char path[8192];
    assert_int_equal(fs_make_folder(&disk->fs, ""), -ENOENT);
    fake_disk_put(disk, "file", "");
    snprintf(path, sizeof path, "%s/file/a", disk->folder);
    assert_int_equal(fs_make_folder(&disk->fs, path), -ENOTDIR);
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(fs_make_folder(&disk->fs, path), -ENAMETOOLONG);
}

static void lock_folder__locked__err_locked_until_closed(void **state)
{
    struct fake_disk *disk = *state;
    int first = -1, second = -1;
    assert_int_equal(fs_lock_folder(&disk->fs, disk->folder, &first), 0);
    assert_int_equal(fs_lock_folder(&disk->fs, disk->folder, &second), ERR_LOCKED);
    assert_int_equal(second, -1);
    fs_close(first);
    assert_int_equal(fs_lock_folder(&disk->fs, disk->folder, &second), 0);
    fs_close(second);
}

static void lock_folder__no_folder__error(void **state)
{
    struct fake_disk *disk = *state;
    int fd = -1;
    fake_disk_put(disk, "file", "");
    assert_int_equal(fs_lock_folder(&disk->fs, fake_disk_path(disk, "file"), &fd), -ENOTDIR);
    assert_int_equal(fs_lock_folder(&disk->fs, fake_disk_path(disk, "none"), &fd), -ENOENT);
    assert_int_equal(fd, -1);
}

static void same_folder__moved_and_replaced__told(void **state)
{
    struct fake_disk *disk = *state;
    int fd;
    bool same = false;
    assert_int_equal(fs_lock_folder(&disk->fs, disk->folder, &fd), 0);
    assert_int_equal(fs_same_file(&disk->fs, disk->folder, fd, &same), 0);
    assert_true(same);
    fake_disk_rename(disk, "persist", "away");
    assert_int_equal(fs_same_file(&disk->fs, disk->folder, fd, &same), -ENOENT);
    assert_int_equal(mkdir(disk->folder, 0700), 0);
    assert_int_equal(fs_same_file(&disk->fs, disk->folder, fd, &same), 0);
    assert_false(same);
    fs_close(fd);
}

static void same_file__removed_and_replaced__told(void **state)
{
    struct fake_disk *disk = *state;
    const char *path = fake_disk_path(disk, "file");
    int fd;
    bool same = false;
    assert_int_equal(fs_create(&disk->fs, path, &fd), 0);
    assert_int_equal(fs_same_file(&disk->fs, path, fd, &same), 0);
    assert_true(same);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fs_same_file(&disk->fs, path, fd, &same), -ENOENT);
    fake_disk_put(disk, "file", "");
    assert_int_equal(fs_same_file(&disk->fs, path, fd, &same), 0);
    assert_false(same);
    fs_close(fd);
}

/* Reads behind bytes that are there already. */
static int read_into(struct fake_disk *disk, const char *name, size_t size_max, struct buf *out)
{
    buf_clear(out);
    buf_append(out, "before:", 7);
    return fs_read_file(&disk->fs, fake_disk_path(disk, name), size_max, out);
}

static void assert_read(struct fake_disk *disk, const char *name, size_t size_max, int status,
                        const char *text)
{
    struct buf out = BUF_EMPTY;
    assert_int_equal(read_into(disk, name, size_max, &out), status);
    assert_bytes(buf_slice(&out), text);
    buf_release(&out);
}

static void read_file__regular__appended(void **state)
{
    struct fake_disk *disk = *state;
    fake_disk_put(disk, "file", "12345");
    fake_disk_put(disk, "empty", "");
    assert_read(disk, "file", 5, 0, "before:12345");
    assert_read(disk, "empty", 5, 0, "before:");
}

static void read_file__many_steps__whole(void **state)
{
    enum { SIZE = 200001 };
    struct fake_disk *disk = *state;
    struct buf out = BUF_EMPTY;
    char *text = malloc(SIZE + 1);
    for (int i = 0; i < SIZE; i++)
        text[i] = (char)('a' + i % 23);
    text[SIZE] = '\0';
    fake_disk_put(disk, "file", text);
    assert_int_equal(fs_read_file(&disk->fs, fake_disk_path(disk, "file"), SIZE, &out), 0);
    assert_bytes(buf_slice(&out), text);
    buf_release(&out);
    free(text);
}

static void make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0 && strlen(path) < sizeof address.sun_path);
    strcpy(address.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static void read_file__odd__error_and_nothing_appended(void **state)
{
    struct fake_disk *disk = *state;
    fake_disk_put(disk, "file", "12345");
    assert_int_equal(mkdir(fake_disk_path(disk, "folder"), 0700), 0);
    assert_int_equal(mkfifo(fake_disk_path(disk, "fifo"), 0600), 0);
    assert_int_equal(symlink("file", fake_disk_path(disk, "link")), 0);
    make_socket(fake_disk_path(disk, "socket"));
    assert_read(disk, "file", 4, ERR_TOO_LARGE, "before:");
    assert_read(disk, "none", 4, ERR_NOT_FOUND, "before:");
    assert_read(disk, "folder", 4, -EISDIR, "before:");
    assert_read(disk, "fifo", 4, -EINVAL, "before:");
    assert_read(disk, "link", 4, -ELOOP, "before:");
    assert_read(disk, "socket", 4, -ENXIO, "before:");
}

static void read_file__unreadable__eacces(void **state)
{
    struct fake_disk *disk = *state;
    fake_disk_put(disk, "file", "12345");
    assert_int_equal(chmod(fake_disk_path(disk, "file"), 0), 0);
    fake_disk_begin_nobody(disk);
    assert_read(disk, "file", 5, -EACCES, "before:");
    fake_disk_end_nobody();
}

static void read_file__call_fails__error_and_nothing_appended(void **state)
{
    struct fake_disk *disk = *state;
    fake_disk_put(disk, "file", "12345");
    fake_disk_fail(disk, FS_READ, NULL, 1, 1, -EIO); /* the first read has given all */
    assert_read(disk, "file", 5, -EIO, "before:");
    fake_disk_fail(disk, FS_OPEN, NULL, 0, 1, -EMFILE);
    assert_read(disk, "file", 5, -EMFILE, "before:");
}

static int write_text(struct fake_disk *disk, const char *name, const char *text)
{
    return fs_write_file(&disk->fs, fake_disk_path(disk, name), slice_of_text(text));
}

static void write_file__new_and_old__content_private_synced(void **state)
{
    static const char *const words[] = {"open", "write", "fsync", "close", ""};
    struct fake_disk *disk = *state;
    struct buf lines = BUF_EMPTY;
    umask(0);
    assert_int_equal(write_text(disk, "file", "longer"), 0);
    assert_int_equal(mode_of(fake_disk_path(disk, "file")), 0600);
    fake_disk_forget(disk);
    assert_int_equal(write_text(disk, "file", "short"), 0);
    fake_disk_assert(disk, "file", "short");
    fake_disk_lines(disk, words, &lines);
    assert_bytes(buf_slice(&lines), "open file|write file|fsync file|close file|");
    assert_int_equal(write_text(disk, "file", ""), 0);
    fake_disk_assert(disk, "file", "");
    buf_release(&lines);
}

static void write_file__call_fails__error_and_no_file(void **state)
{
    static const struct {
        enum fs_call call;
        int status, expected;
    } cases[] = {{FS_OPEN, -EACCES, -EACCES},
                 {FS_WRITE, -ENOSPC, -ENOSPC},
                 {FS_WRITE, FS_SHORT, -EIO},
                 {FS_FSYNC, -EIO, -EIO},
                 {FS_CLOSE, -EDQUOT, -EDQUOT}};
    struct fake_disk *disk = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_disk_fail(disk, cases[i].call, NULL, 0, 1, cases[i].status);
        assert_int_equal(write_text(disk, "file", "text"), cases[i].expected);
        assert_int_equal(fake_disk_entries(disk, ""), 0);
    }
    assert_int_equal(write_text(disk, "file", "text"), 0);
}

static void write_file__symbolic_link__not_followed(void **state)
{
    struct fake_disk *disk = *state;
    fake_disk_put(disk, "file", "text");
    assert_int_equal(symlink("file", fake_disk_path(disk, "link")), 0);
    assert_int_equal(write_text(disk, "link", "other"), -ELOOP);
    fake_disk_assert(disk, "file", "text");
}

static void write_file_unsynced__new_and_old__content_and_no_fsync(void **state)
{
    struct fake_disk *disk = *state;
    const char *path = fake_disk_path(disk, "file");
    assert_int_equal(fs_write_file_unsynced(&disk->fs, path, slice_of_text("longer")), 0);
    assert_int_equal(fs_write_file_unsynced(&disk->fs, path, slice_of_text("text")), 0);
    fake_disk_assert(disk, "file", "text");
    assert_int_equal(fake_disk_count(disk, "fsync"), 0);
    fake_disk_fail(disk, FS_WRITE, NULL, 0, 1, FS_SHORT);
    assert_int_equal(fs_write_file_unsynced(&disk->fs, path, slice_of_text("text")), -EIO);
    assert_int_equal(fake_disk_entries(disk, ""), 0);
}

static void sync_all__folder__done_or_error(void **state)
{
    struct fake_disk *disk = *state;
    int fd;
    assert_int_equal(fs_lock_folder(&disk->fs, disk->folder, &fd), 0);
    assert_int_equal(fs_sync_all(&disk->fs, fd, disk->folder), 0);
    assert_int_equal(fake_disk_count(disk, "syncfs persist"), 1);
    fake_disk_fail(disk, FS_SYNCFS, NULL, 0, 1, -EIO);
    assert_int_equal(fs_sync_all(&disk->fs, fd, disk->folder), -EIO);
    fs_close(fd);
    assert_int_equal(fs_sync_all(&disk->fs, -1, disk->folder), -EBADF);
}

static void create__new_or_there__private_or_eexist(void **state)
{
    struct fake_disk *disk = *state;
    const char *path = fake_disk_path(disk, "file");
    int fd = -1;
    umask(0);
    fake_disk_fail(disk, FS_OPEN, NULL, 0, 1, -ENOSPC);
    assert_int_equal(fs_create(&disk->fs, path, &fd), -ENOSPC);
    assert_int_equal(fs_create(&disk->fs, path, &fd), 0);
    assert_int_equal(mode_of(path), 0600);
    fs_close(fd);
    assert_int_equal(fs_create(&disk->fs, path, &fd), -EEXIST);
}

static long size_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return (long)info.st_size;
}

static void append__in_allocated_room__behind_each_other(void **state)
{
    struct fake_disk *disk = *state;
    const char *path = fake_disk_path(disk, "file");
    int fd;
    assert_int_equal(fs_create(&disk->fs, path, &fd), 0);
    assert_int_equal(fs_allocate(&disk->fs, fd, path, 100), 0);
    assert_int_equal(size_of(path), 100);
    assert_int_equal(fs_append(&disk->fs, fd, path, slice_of_text("one")), 0);
    assert_int_equal(fs_append(&disk->fs, fd, path, slice_of_text("two")), 0);
    assert_int_equal(fs_append(&disk->fs, fd, path, slice_of(NULL, 0)), 0);
    assert_int_equal(fs_sync_data(&disk->fs, fd, path), 0);
    assert_int_equal(size_of(path), 100);
    assert_int_equal(fake_disk_count(disk, "fdatasync file"), 1);
    fs_close(fd);
    struct buf content = BUF_EMPTY;
    assert_true(fake_disk_get(disk, "file", &content));
    assert_int_equal(content.size, 100);
    assert_memory_equal(content.data, "onetwo\0", 7);
    buf_release(&content);
}

static void append__call_fails__error(void **state)
{
    struct fake_disk *disk = *state;
    const char *path = fake_disk_path(disk, "file");
    int fd;
    assert_int_equal(fs_create(&disk->fs, path, &fd), 0);
    fake_disk_fail(disk, FS_FALLOCATE, NULL, 0, 1, -EOPNOTSUPP);
    assert_int_equal(fs_allocate(&disk->fs, fd, path, 100), -EOPNOTSUPP);
    assert_int_equal(size_of(path), 0);
    fake_disk_fail(disk, FS_WRITE, NULL, 0, 1, FS_SHORT);
    assert_int_equal(fs_append(&disk->fs, fd, path, slice_of_text("abcd")), -EIO);
    fake_disk_assert(disk, "file", "ab");
    fake_disk_fail(disk, FS_WRITE, NULL, 0, 1, -EDQUOT);
    assert_int_equal(fs_append(&disk->fs, fd, path, slice_of_text("abcd")), -EDQUOT);
    fake_disk_fail(disk, FS_FDATASYNC, NULL, 0, 1, -EIO);
    assert_int_equal(fs_sync_data(&disk->fs, fd, path), -EIO);
    fs_close(fd);
}

/* More than any disk has. */
static void allocate__no_room__error_and_empty_again(void **state)
{
    struct fake_disk *disk = *state;
    const char *path = fake_disk_path(disk, "file");
    int fd;
    assert_int_equal(fs_create(&disk->fs, path, &fd), 0);
    assert_true(fs_allocate(&disk->fs, fd, path, (size_t)1 << 62) < 0);
    assert_int_equal(size_of(path), 0);
    fs_close(fd);
}

static void make_private__missing_or_there__mode_and_whether_made(void **state)
{
    struct fake_disk *disk = *state;
    char path[128];
    bool made = false;
    umask(0);
    snprintf(path, sizeof path, "%s/a/b", disk->root);
    assert_int_equal(fs_make_private(&disk->fs, path, &made), 0);
    assert_true(made);
    assert_int_equal(mode_of(path), 0700);
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(fs_make_private(&disk->fs, path, &made), 0);
    assert_false(made);
    assert_int_equal(mode_of(path), 0700);
    fake_disk_fail(disk, FS_CHMOD, NULL, 0, 1, -EPERM);
    assert_int_equal(fs_make_private(&disk->fs, path, &made), -EPERM);
}

static void read_at__offsets__what_is_there(void **state)
{
    struct fake_disk *disk = *state;
    char bytes[4];
    size_t size = 0, count = 9;
    int fd;
    fake_disk_put(disk, "file", "0123456789");
    const char *path = fake_disk_path(disk, "file");
    assert_int_equal(fs_open_to_read(&disk->fs, path, &fd, &size), 0);
    assert_int_equal(size, 10);
    assert_int_equal(fs_read_at(&disk->fs, fd, path, 8, bytes, sizeof bytes, &count), 0);
    assert_bytes(slice_of((const uint8_t *)bytes, count), "89");
    assert_int_equal(fs_read_at(&disk->fs, fd, path, 10, bytes, sizeof bytes, &count), 0);
    assert_int_equal(count, 0);
    fake_disk_fail(disk, FS_READ, NULL, 0, 1, -EIO);
    assert_int_equal(fs_read_at(&disk->fs, fd, path, 0, bytes, sizeof bytes, &count), -EIO);
    fs_close(fd);
}

static void open_to_read__odd__error(void **state)
{
    struct fake_disk *disk = *state;
    size_t size = 7;
    int fd = 7;
    assert_int_equal(fs_open_to_read(&disk->fs, fake_disk_path(disk, "none"), &fd, &size), ERR_NOT_FOUND);
    assert_int_equal(fs_open_to_read(&disk->fs, disk->folder, &fd, &size), -EISDIR);
    assert_int_equal(fs_open_to_read(&disk->fs, "/dev/null", &fd, &size), -EINVAL);
    assert_int_equal(fd, 7);
}

static void resize__longer__zeros_or_error(void **state)
{
    struct fake_disk *disk = *state;
    const char *path = fake_disk_path(disk, "file");
    int fd;
    assert_int_equal(fs_create(&disk->fs, path, &fd), 0);
    assert_int_equal(fs_append(&disk->fs, fd, path, slice_of_text("a")), 0);
    assert_int_equal(fs_resize(&disk->fs, fd, path, 3), 0);
    fake_disk_fail(disk, FS_TRUNCATE, NULL, 0, 1, -EFBIG);
    assert_int_equal(fs_resize(&disk->fs, fd, path, 4), -EFBIG);
    fake_disk_fail(disk, FS_CLOSE, NULL, 0, 1, -EIO);
    assert_int_equal(fs_close_written(&disk->fs, fd, path), -EIO);
    struct buf content = BUF_EMPTY;
    assert_int_equal(fs_read_file(&disk->fs, path, 10, &content), 0);
    assert_int_equal(content.size, 3);
    assert_memory_equal(content.data, "a\0\0", 3);
    buf_release(&content);
}

static void remove_folder__empty_or_not__done_or_error(void **state)
{
    struct fake_disk *disk = *state;
    fake_disk_put(disk, "file", "");
    assert_int_equal(fs_remove_folder(&disk->fs, disk->folder), -ENOTEMPTY);
    assert_int_equal(fs_remove(&disk->fs, fake_disk_path(disk, "file")), 0);
    fake_disk_fail(disk, FS_RMDIR, NULL, 0, 1, -EBUSY);
    assert_int_equal(fs_remove_folder(&disk->fs, disk->folder), -EBUSY);
    assert_int_equal(fs_remove_folder(&disk->fs, disk->folder), 0);
    assert_int_equal(fs_remove_folder(&disk->fs, disk->folder), -ENOENT);
}

static void note_name(void *ctx, const char *name)
{
    buf_append(ctx, name, strlen(name));
}

static void list_all__folders_too__without_dots(void **state)
{
    struct fake_disk *disk = *state;
    struct buf names = BUF_EMPTY;
    assert_int_equal(mkdir(fake_disk_path(disk, "sub"), 0700), 0);
    assert_int_equal(fs_list_all(&disk->fs, disk->folder, note_name, &names), 0);
    assert_bytes(buf_slice(&names), "sub");
    assert_int_equal(fs_list_all(&disk->fs, "/dev/null", note_name, &names), -ENOTDIR);
    buf_release(&names);
}

static void rename_and_remove__there_or_not__done_or_error(void **state)
{
    struct fake_disk *disk = *state;
    char from[128], to[128];
    snprintf(from, sizeof from, "%s/from", disk->folder);
    snprintf(to, sizeof to, "%s/to", disk->folder);
    fake_disk_put(disk, "from", "1");
    fake_disk_put(disk, "to", "2");
    fake_disk_fail(disk, FS_RENAME, NULL, 0, 1, -EIO);
    assert_int_equal(fs_rename(&disk->fs, from, to), -EIO);
    assert_int_equal(fs_rename(&disk->fs, from, to), 0);
    assert_int_equal(fs_rename(&disk->fs, from, to), -ENOENT);
    fake_disk_assert(disk, "to", "1");
    fake_disk_fail(disk, FS_UNLINK, NULL, 0, 1, -EIO);
    assert_int_equal(fs_remove(&disk->fs, to), -EIO);
    assert_int_equal(fs_remove(&disk->fs, to), 0);
    assert_int_equal(fs_remove(&disk->fs, to), 0);
    assert_int_equal(fake_disk_entries(disk, ""), 0);
}

static void sync_folder__there_or_not__done_or_error(void **state)
{
    struct fake_disk *disk = *state;
    assert_int_equal(fs_sync_folder(&disk->fs, disk->folder), 0);
    assert_int_equal(fake_disk_count(disk, "fsync persist"), 1);
    fake_disk_fail(disk, FS_FSYNC, NULL, 0, 1, -EIO);
    assert_int_equal(fs_sync_folder(&disk->fs, disk->folder), -EIO);
    assert_int_equal(fs_sync_folder(&disk->fs, fake_disk_path(disk, "none")), -ENOENT);
}

static void add_name(void *ctx, const char *name)
{
    buf_append(ctx, name, strlen(name));
}

static void list_folder__mixed__regular_files(void **state)
{
    struct fake_disk *disk = *state;
    struct buf names = BUF_EMPTY;
    fake_disk_put(disk, "file", "");
    assert_int_equal(mkdir(fake_disk_path(disk, "folder"), 0700), 0);
    assert_int_equal(symlink("file", fake_disk_path(disk, "link")), 0);
    assert_int_equal(mkfifo(fake_disk_path(disk, "fifo"), 0600), 0);
    assert_int_equal(fs_list_folder(&disk->fs, disk->folder, add_name, &names), 0);
    assert_bytes(buf_slice(&names), "file");
    assert_int_equal(fs_list_folder(&disk->fs, fake_disk_path(disk, "none"), add_name, &names), -ENOENT);
    fake_disk_fail(disk, FS_OPENDIR, NULL, 0, 1, -EMFILE);
    assert_int_equal(fs_list_folder(&disk->fs, disk->folder, add_name, &names), -EMFILE);
    buf_release(&names);
}

/* ---- interrupted, or done by half ---- */

static int do_open_folder(struct fake_disk *disk)
{
    int fd;
    int status = fs_open_folder(&disk->fs, disk->folder, &fd);
    if (status == 0)
        fs_close(fd);
    return status;
}

static int do_lock_folder(struct fake_disk *disk)
{
    int fd;
    int status = fs_lock_folder(&disk->fs, disk->folder, &fd);
    if (status == 0)
        fs_close(fd);
    return status;
}

static int do_read_file(struct fake_disk *disk)
{
    struct buf out = BUF_EMPTY;
    fake_disk_put(disk, "file", "0123456789");
    int status = fs_read_file(&disk->fs, fake_disk_path(disk, "file"), 10, &out);
    if (status == 0)
        assert_bytes(buf_slice(&out), "0123456789");
    buf_release(&out);
    return status;
}

static int do_write_file(struct fake_disk *disk)
{
    int status = write_text(disk, "file", "0123456789");
    if (status == 0)
        fake_disk_assert(disk, "file", "0123456789");
    return status;
}

static int do_read_at(struct fake_disk *disk)
{
    char bytes[10];
    size_t size, count = 0;
    int fd;
    fake_disk_put(disk, "file", "0123456789");
    const char *path = fake_disk_path(disk, "file");
    int status = fs_open_to_read(&disk->fs, path, &fd, &size);
    if (status != 0)
        return status;
    status = fs_read_at(&disk->fs, fd, path, 0, bytes, sizeof bytes, &count);
    if (status == 0)
        assert_in_range(count, 5, 10);
    fs_close(fd);
    return status;
}

/* A segment: created, given room, written to, synced. */
static int do_append(struct fake_disk *disk)
{
    const char *path = fake_disk_path(disk, "file");
    int fd;
    unlink(path);
    int status = fs_create(&disk->fs, path, &fd);
    if (status != 0)
        return status;
    status = fs_allocate(&disk->fs, fd, path, 8);
    if (status == 0)
        status = fs_append_both(&disk->fs, fd, path, slice_of_text("0123"), slice_of_text("4567"));
    if (status == 0)
        status = fs_sync_data(&disk->fs, fd, path);
    if (status == 0)
        fake_disk_assert(disk, "file", "01234567");
    fs_close(fd);
    return status;
}

static int do_resize(struct fake_disk *disk)
{
    const char *path = fake_disk_path(disk, "file");
    int fd;
    unlink(path);
    int status = fs_create(&disk->fs, path, &fd);
    if (status != 0)
        return status;
    status = fs_resize(&disk->fs, fd, path, 5);
    if (status == 0)
        assert_int_equal(size_of(path), 5);
    int closed = fs_close_written(&disk->fs, fd, path);
    return status == 0 ? closed : status;
}

static int do_sync_all(struct fake_disk *disk)
{
    int fd;
    int status = fs_open_folder(&disk->fs, disk->folder, &fd);
    if (status != 0)
        return status;
    status = fs_sync_all(&disk->fs, fd, disk->folder);
    fs_close(fd);
    return status;
}

static int do_sync_folder(struct fake_disk *disk)
{
    return fs_sync_folder(&disk->fs, disk->folder);
}

static int do_make_private(struct fake_disk *disk)
{
    bool made;
    return fs_make_private(&disk->fs, disk->folder, &made);
}

static int do_list(struct fake_disk *disk)
{
    struct buf names = BUF_EMPTY;
    fake_disk_put(disk, "file", "");
    int status = fs_list_folder(&disk->fs, disk->folder, add_name, &names);
    if (status == 0)
        assert_bytes(buf_slice(&names), "file");
    buf_release(&names);
    return status;
}

/* Every call that a signal can interrupt, and what makes it. */
static const struct {
    int (*work)(struct fake_disk *disk);
    enum fs_call call;
    const char *line;
} interruptible[] = {
    {do_open_folder, FS_OPEN, "open"},    {do_lock_folder, FS_OPEN, "open"},
    {do_lock_folder, FS_FLOCK, "flock"},  {do_read_file, FS_OPEN, "open"},
    {do_read_file, FS_READ, "read"},      {do_write_file, FS_OPEN, "open"},
    {do_write_file, FS_WRITE, "write"},   {do_write_file, FS_FSYNC, "fsync"},
    {do_read_at, FS_OPEN, "open"},        {do_read_at, FS_READ, "read"},
    {do_append, FS_OPEN, "open"},         {do_append, FS_FALLOCATE, "fallocate"},
    {do_append, FS_WRITE, "write"},       {do_append, FS_FDATASYNC, "fdatasync"},
    {do_resize, FS_TRUNCATE, "truncate"}, {do_sync_all, FS_SYNCFS, "syncfs"},
    {do_sync_folder, FS_OPEN, "open"},    {do_sync_folder, FS_FSYNC, "fsync"},
    {do_make_private, FS_CHMOD, "chmod"}, {do_list, FS_OPENDIR, "opendir"},
};

enum { INTERRUPTIBLE = sizeof interruptible / sizeof *interruptible };

static void any_call__interrupted__made_again(void **state)
{
    struct fake_disk *disk = *state;
    for (size_t i = 0; i < INTERRUPTIBLE; i++) {
        fake_disk_forget(disk);
        assert_int_equal(interruptible[i].work(disk), 0);
        unsigned calls = fake_disk_count(disk, interruptible[i].line);
        assert_int_not_equal(calls, 0);
        fake_disk_forget(disk);
        fake_disk_fail(disk, interruptible[i].call, NULL, 0, 3, -EINTR);
        assert_int_equal(interruptible[i].work(disk), 0);
        assert_int_equal(fake_disk_count(disk, interruptible[i].line), calls + 3);
    }
}

/* Least of all an fsync: the kernel may have forgotten what it could not write, and say that all is well. */
static void any_call__fails__not_made_again(void **state)
{
    struct fake_disk *disk = *state;
    for (size_t i = 0; i < INTERRUPTIBLE; i++) {
        fake_disk_fail(disk, interruptible[i].call, NULL, 0, 1, -EIO);
        fake_disk_forget(disk);
        assert_int_equal(interruptible[i].work(disk), -EIO);
        assert_int_equal(fake_disk_count(disk, interruptible[i].line), 1);
    }
}

/* Nobody knows which descriptor it would close now. */
static void close__interrupted__not_made_again(void **state)
{
    struct fake_disk *disk = *state;
    fake_disk_fail(disk, FS_CLOSE, NULL, 0, 1, -EINTR);
    assert_int_equal(do_write_file(disk), 0);
    assert_int_equal(fake_disk_count(disk, "close"), 1);
}

/* Whatever part of it, of whichever of the two. */
static void write_and_read__by_parts__whole(void **state)
{
    struct fake_disk *disk = *state;
    int (*const works[])(struct fake_disk * disk) = {do_write_file, do_append, do_read_file, do_read_at};
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        for (unsigned times = 1; times <= 4; times++) {
            fake_disk_fail(disk, i < 2 ? FS_WRITE : FS_READ, NULL, 0, times, FS_PARTIAL);
            assert_int_equal(works[i](disk), 0);
            assert_true(fake_disk_fired(disk, NULL));
            fake_disk_heal(disk);
        }
    }
}

/* A signal may come wherever it may. */
static void write_file__by_parts_and_interrupted__whole(void **state)
{
    struct fake_disk *disk = *state;
    for (unsigned i = 0; i < 5; i++) {
        fake_disk_fail(disk, DISK_ANY, NULL, i, 1, i % 2 == 0 ? -EINTR : FS_PARTIAL);
        assert_int_equal(do_write_file(disk), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(make_folder__missing_ones__made_private),
        TEST(make_folder__cannot__error),
        TEST(lock_folder__locked__err_locked_until_closed),
        TEST(lock_folder__no_folder__error),
        TEST(same_folder__moved_and_replaced__told),
        TEST(same_file__removed_and_replaced__told),
        TEST(read_file__regular__appended),
        TEST(read_file__many_steps__whole),
        TEST(read_file__odd__error_and_nothing_appended),
        TEST(read_file__unreadable__eacces),
        TEST(read_file__call_fails__error_and_nothing_appended),
        TEST(write_file__new_and_old__content_private_synced),
        TEST(write_file__call_fails__error_and_no_file),
        TEST(write_file__symbolic_link__not_followed),
        TEST(write_file_unsynced__new_and_old__content_and_no_fsync),
        TEST(sync_all__folder__done_or_error),
        TEST(create__new_or_there__private_or_eexist),
        TEST(append__in_allocated_room__behind_each_other),
        TEST(append__call_fails__error),
        TEST(allocate__no_room__error_and_empty_again),
        TEST(make_private__missing_or_there__mode_and_whether_made),
        TEST(read_at__offsets__what_is_there),
        TEST(open_to_read__odd__error),
        TEST(resize__longer__zeros_or_error),
        TEST(remove_folder__empty_or_not__done_or_error),
        TEST(list_all__folders_too__without_dots),
        TEST(rename_and_remove__there_or_not__done_or_error),
        TEST(sync_folder__there_or_not__done_or_error),
        TEST(list_folder__mixed__regular_files),
        TEST(any_call__interrupted__made_again),
        TEST(any_call__fails__not_made_again),
        TEST(close__interrupted__not_made_again),
        TEST(write_and_read__by_parts__whole),
        TEST(write_file__by_parts_and_interrupted__whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
