/* System calls on files, each in one place. Knows nothing of keys and values.
 *
 * What a signal has interrupted has done nothing and is made again, by a loop around the hook and the call.
 * Not so close(2): the descriptor is gone. An fsync that fails otherwise is never made again, for the kernel
 * may have forgotten by then what it could not write.
 */
#include "store/fs.h"

#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { READ_STEP = 1 << 16 };

static int fault(const struct fs *fs, enum fs_call call, const char *path)
{
    return fs->fault == NULL ? 0 : fs->fault(fs->ctx, call, path);
}

static int make_one(const struct fs *fs, const char *path)
{
    int status = fault(fs, FS_MKDIR, path);
    if (status != 0)
        return status;
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? 0 : -errno;
    /* The folder is there after a power failure only if the one above it is synced. */
    char above[PATH_MAX + 4];
    snprintf(above, sizeof above, "%s/..", path);
    return fs_sync_folder(fs, above);
}

int fs_make_folder(const struct fs *fs, const char *path)
{
    char parent[PATH_MAX];
    if (path[0] == '\0')
        return -ENOENT;
    if (strlen(path) >= sizeof parent)
        return -ENAMETOOLONG;
    /* From the top; what is there already may be in a folder that we may not write to. */
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        memcpy(parent, path, (size_t)(slash - path));
        parent[slash - path] = '\0';
        struct stat info;
        int status = stat(parent, &info) == 0 ? 0 : make_one(fs, parent);
        if (status != 0)
            return status;
    }
    return make_one(fs, path);
}

int fs_make_private(const struct fs *fs, const char *path, bool *made)
{
    struct stat info;
    bool missing = stat(path, &info) != 0;
    int status = fs_make_folder(fs, path);
    *made = missing;
    if (status != 0 || missing)
        return status;
    do {
        status = fault(fs, FS_CHMOD, path);
        if (status == 0 && chmod(path, 0700) != 0)
            status = -errno;
    } while (status == -EINTR);
    return status;
}

static int open_path(const struct fs *fs, const char *path, int flags, int *fd)
{
    int opened = -1;
    int status;
    do {
        status = fault(fs, FS_OPEN, path);
        if (status == 0 && (opened = open(path, flags | O_CLOEXEC, 0600)) < 0)
            status = -errno;
    } while (status == -EINTR);
    if (status == 0)
        *fd = opened;
    return status;
}

int fs_open_folder(const struct fs *fs, const char *path, int *fd)
{
    return open_path(fs, path, O_RDONLY | O_DIRECTORY, fd);
}

void fs_close(int fd)
{
    close(fd);
}

static int try_lock(const struct fs *fs, const char *path, int fd)
{
    int status = fault(fs, FS_FLOCK, path);
    if (status == 0 && flock(fd, LOCK_EX | LOCK_NB) != 0)
        status = errno == EWOULDBLOCK ? ERR_LOCKED : -errno;
    return status;
}

int fs_lock_folder(const struct fs *fs, const char *path, int *out)
{
    int fd;
    int status = fs_open_folder(fs, path, &fd);
    if (status != 0)
        return status;
    do
        status = try_lock(fs, path, fd);
    while (status == -EINTR);
    if (status == 0)
        *out = fd;
    else
        fs_close(fd);
    return status;
}

int fs_same_file(const struct fs *fs, const char *path, int fd, bool *same)
{
    struct stat by_path, by_fd;
    int status = fault(fs, FS_STAT, path);
    if (status != 0)
        return status;
    if (stat(path, &by_path) != 0 || fstat(fd, &by_fd) != 0)
        return -errno;
    *same = by_path.st_dev == by_fd.st_dev && by_path.st_ino == by_fd.st_ino;
    return 0;
}

/* A file that can be read to its end without waiting for anybody, and how large it is. */
static int check_regular(int fd, size_t size_max, size_t *size)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return -errno;
    if (S_ISDIR(info.st_mode))
        return -EISDIR;
    if (!S_ISREG(info.st_mode))
        return -EINVAL;
    if ((uint64_t)info.st_size > size_max)
        return ERR_TOO_LARGE;
    *size = (size_t)info.st_size;
    return 0;
}

/* FS_PARTIAL: of what was asked for. */
static size_t partly(int status, size_t size)
{
    return status == FS_PARTIAL || status == FS_SHORT ? (size + 1) / 2 : size;
}

/* Reads at most room bytes; size: how many there were. */
static int try_read(const struct fs *fs, int fd, const char *path, void *bytes, size_t room, size_t *size)
{
    int status = fault(fs, FS_READ, path);
    if (status < 0)
        return status;
    ssize_t n = read(fd, bytes, partly(status, room));
    if (n < 0)
        return -errno;
    *size = (size_t)n;
    return 0;
}

static int read_all(const struct fs *fs, int fd, const char *path, size_t size_max, struct buf *out)
{
    size_t size = 0;
    size_t start = out->size;
    int status = check_regular(fd, size_max, &size);
    if (status != 0)
        return status;
    if (buf_try_reserve(out, size + READ_STEP) == NULL)
        return -ENOMEM;
    for (;;) {
        uint8_t *bytes = buf_try_reserve(out, READ_STEP);
        if (bytes == NULL)
            return -ENOMEM;
        status = try_read(fs, fd, path, bytes, READ_STEP, &size);
        if (status == -EINTR)
            continue;
        if (status != 0 || size == 0)
            return status;
        out->size += size;
        if (out->size - start > size_max)
            return ERR_TOO_LARGE; /* it grows while we read */
    }
}

static int open_to_read(const struct fs *fs, const char *path, int *fd)
{
    int status = open_path(fs, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, fd);
    return status == -ENOENT ? ERR_NOT_FOUND : status;
}

int fs_open_to_read(const struct fs *fs, const char *path, int *out, size_t *size)
{
    int fd;
    int status = open_to_read(fs, path, &fd);
    if (status != 0)
        return status;
    status = check_regular(fd, SIZE_MAX, size);
    if (status == 0)
        *out = fd;
    else
        fs_close(fd);
    return status;
}

static int try_read_at(const struct fs *fs, int fd, const char *path, size_t offset, void *bytes, size_t room,
                       size_t *count)
{
    int status = fault(fs, FS_READ, path);
    if (status < 0)
        return status;
    ssize_t n = pread(fd, bytes, partly(status, room), (off_t)offset);
    if (n < 0)
        return -errno;
    *count = (size_t)n;
    return 0;
}

int fs_read_at(const struct fs *fs, int fd, const char *path, size_t offset, void *bytes, size_t room,
               size_t *count)
{
    int status;
    do
        status = try_read_at(fs, fd, path, offset, bytes, room, count);
    while (status == -EINTR);
    return status;
}

int fs_read_file(const struct fs *fs, const char *path, size_t size_max, struct buf *out)
{
    int fd;
    size_t start = out->size;
    int status = open_to_read(fs, path, &fd);
    if (status != 0)
        return status;
    status = read_all(fs, fd, path, size_max, out);
    fs_close(fd);
    if (status != 0)
        out->size = start;
    return status;
}

/* As struct iovec, whose base is not const for the sake of readv. */
static struct iovec vector_of(struct slice bytes)
{
    union {
        const void *from;
        void *to;
    } data = {.from = bytes.data};
    return (struct iovec){data.to, bytes.size};
}

/* Writes what it can of front and, behind it, rest; size: how much that was. */
static int try_write(const struct fs *fs, int fd, const char *path, struct slice front, struct slice rest,
                     size_t *size)
{
    int status = fault(fs, FS_WRITE, path);
    if (status < 0)
        return status;
    size_t room = partly(status, front.size + rest.size);
    if (front.size > room)
        front.size = room;
    if (rest.size > room - front.size)
        rest.size = room - front.size;
    struct iovec parts[] = {vector_of(front), vector_of(rest)};
    ssize_t n = writev(fd, parts, 2);
    if (n < 0)
        return -errno;
    *size = (size_t)n;
    return status == FS_SHORT ? -EIO : 0;
}

static struct slice without(struct slice bytes, size_t size)
{
    return size < bytes.size ? slice_of(bytes.data + size, bytes.size - size) : slice_of(NULL, 0);
}

int fs_append_both(const struct fs *fs, int fd, const char *path, struct slice front, struct slice rest)
{
    while (front.size + rest.size > 0) {
        size_t size = 0;
        int status = try_write(fs, fd, path, front, rest, &size);
        if (status != 0 && status != -EINTR)
            return status;
        rest = size > front.size ? without(rest, size - front.size) : rest;
        front = without(front, size);
    }
    return 0;
}

int fs_append(const struct fs *fs, int fd, const char *path, struct slice bytes)
{
    return fs_append_both(fs, fd, path, bytes, slice_of(NULL, 0));
}

/* One of the calls of the fsync family. */
static int sync_by(const struct fs *fs, int (*sync)(int fd), enum fs_call call, int fd, const char *path)
{
    int status;
    do {
        status = fault(fs, call, path);
        if (status == 0 && sync(fd) != 0)
            status = -errno;
    } while (status == -EINTR);
    return status;
}

static int sync_fd(const struct fs *fs, int fd, const char *path)
{
    return sync_by(fs, fsync, FS_FSYNC, fd, path);
}

int fs_sync_data(const struct fs *fs, int fd, const char *path)
{
    return sync_by(fs, fdatasync, FS_FDATASYNC, fd, path);
}

int fs_sync_all(const struct fs *fs, int fd, const char *path)
{
    return sync_by(fs, syncfs, FS_SYNCFS, fd, path);
}

/* close(2) may report what write(2) did not. */
int fs_close_written(const struct fs *fs, int fd, const char *path)
{
    int status = fault(fs, FS_CLOSE, path);
    if (close(fd) != 0 && status == 0)
        status = -errno;
    return status == -EINTR ? 0 : status;
}

static int write_file(const struct fs *fs, const char *path, struct slice bytes, bool sync)
{
    int fd;
    int status = open_path(fs, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, &fd);
    if (status != 0)
        return status;
    status = fs_append(fs, fd, path, bytes);
    if (status == 0 && sync)
        status = sync_fd(fs, fd, path);
    int closed = fs_close_written(fs, fd, path);
    if (status == 0)
        status = closed;
    if (status != 0)
        unlink(path);
    return status;
}

int fs_write_file(const struct fs *fs, const char *path, struct slice bytes)
{
    return write_file(fs, path, bytes, true);
}

int fs_write_file_unsynced(const struct fs *fs, const char *path, struct slice bytes)
{
    return write_file(fs, path, bytes, false);
}

int fs_create(const struct fs *fs, const char *path, int *fd)
{
    return open_path(fs, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, fd);
}

int fs_allocate(const struct fs *fs, int fd, const char *path, size_t size)
{
    int status;
    do {
        status = fault(fs, FS_FALLOCATE, path);
        if (status == 0 && fallocate(fd, 0, 0, (off_t)size) != 0)
            status = -errno;
    } while (status == -EINTR);
    if (status == 0)
        return 0;
    /* Some file systems keep the part that they had room for: others need it more. */
    int emptied = fs_resize(fs, fd, path, 0);
    return emptied == 0 ? status : emptied;
}

int fs_resize(const struct fs *fs, int fd, const char *path, size_t size)
{
    int status;
    do {
        status = fault(fs, FS_TRUNCATE, path);
        if (status == 0 && ftruncate(fd, (off_t)size) != 0)
            status = -errno;
    } while (status == -EINTR);
    return status;
}

int fs_rename(const struct fs *fs, const char *from, const char *to)
{
    int status = fault(fs, FS_RENAME, to);
    if (status != 0)
        return status;
    return rename(from, to) == 0 ? 0 : -errno;
}

int fs_link(const struct fs *fs, const char *from, const char *to)
{
    int status = fault(fs, FS_LINK, to);
    if (status != 0)
        return status;
    return link(from, to) == 0 ? 0 : -errno;
}

int fs_remove(const struct fs *fs, const char *path)
{
    int status = fault(fs, FS_UNLINK, path);
    if (status != 0)
        return status;
    return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

int fs_remove_folder(const struct fs *fs, const char *path)
{
    int status = fault(fs, FS_RMDIR, path);
    if (status != 0)
        return status;
    return rmdir(path) == 0 ? 0 : -errno;
}

int fs_sync_folder(const struct fs *fs, const char *path)
{
    int fd;
    int status = fs_open_folder(fs, path, &fd);
    if (status != 0)
        return status;
    status = sync_fd(fs, fd, path);
    fs_close(fd);
    return status;
}

static bool is_file(const struct dirent *entry)
{
    return entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN;
}

static bool is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int list(const struct fs *fs, const char *path, bool (*wanted)(const struct dirent *entry),
                void (*each)(void *ctx, const char *name), void *ctx)
{
    DIR *folder = NULL;
    int status;
    do {
        status = fault(fs, FS_OPENDIR, path);
        if (status == 0 && (folder = opendir(path)) == NULL)
            status = -errno;
    } while (status == -EINTR);
    if (folder == NULL)
        return status;
    struct dirent *entry;
    while (errno = 0, (entry = readdir(folder)) != NULL) {
        if (wanted(entry))
            each(ctx, entry->d_name);
    }
    status = -errno;
    closedir(folder);
    return status;
}

int fs_list_folder(const struct fs *fs, const char *path, void (*each)(void *ctx, const char *name),
                   void *ctx)
{
    return list(fs, path, is_file, each, ctx);
}

int fs_list_all(const struct fs *fs, const char *path, void (*each)(void *ctx, const char *name), void *ctx)
{
    return list(fs, path, is_entry, each, ctx);
}
