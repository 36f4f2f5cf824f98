/* System calls on files, each in one place. Knows nothing of keys and values. */
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
    if (status == 0 && !missing)
        status = fault(fs, FS_CHMOD, path);
    if (status == 0 && !missing && chmod(path, 0700) != 0)
        status = -errno;
    return status;
}

static int open_path(const struct fs *fs, const char *path, int flags, int *fd)
{
    int status = fault(fs, FS_OPEN, path);
    if (status != 0)
        return status;
    do
        *fd = open(path, flags | O_CLOEXEC, 0600);
    while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? -errno : 0;
}

int fs_open_folder(const struct fs *fs, const char *path, int *fd)
{
    return open_path(fs, path, O_RDONLY | O_DIRECTORY, fd);
}

void fs_close(int fd)
{
    close(fd);
}

int fs_lock_folder(const struct fs *fs, const char *path, int *out)
{
    int fd;
    int status = fs_open_folder(fs, path, &fd);
    if (status != 0)
        return status;
    status = fault(fs, FS_FLOCK, path);
    if (status == 0 && flock(fd, LOCK_EX | LOCK_NB) != 0)
        status = errno == EWOULDBLOCK ? ERR_LOCKED : -errno;
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

static int read_all(const struct fs *fs, int fd, const char *path, size_t size_max, struct buf *out)
{
    size_t size = 0;
    size_t start = out->size;
    int status = check_regular(fd, size_max, &size);
    if (status != 0)
        return status;
    buf_reserve(out, size + READ_STEP);
    for (;;) {
        status = fault(fs, FS_READ, path);
        if (status != 0)
            return status;
        ssize_t n = read(fd, buf_reserve(out, READ_STEP), READ_STEP);
        if (n == 0)
            return 0;
        if (n > 0)
            out->size += (size_t)n;
        else if (errno != EINTR)
            return -errno;
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

int fs_read_at(const struct fs *fs, int fd, const char *path, size_t offset, void *bytes, size_t room,
               size_t *count)
{
    int status = fault(fs, FS_READ, path);
    if (status != 0)
        return status;
    ssize_t n;
    do
        n = pread(fd, bytes, room, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    *count = (size_t)n;
    return 0;
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

int fs_append(const struct fs *fs, int fd, const char *path, struct slice bytes)
{
    while (bytes.size > 0) {
        int status = fault(fs, FS_WRITE, path);
        if (status < 0)
            return status;
        ssize_t n = write(fd, bytes.data, status == FS_SHORT ? bytes.size / 2 : bytes.size);
        if (status == FS_SHORT)
            return -EIO;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            bytes = slice_of(bytes.data + n, bytes.size - (size_t)n);
    }
    return 0;
}

/* One of the calls of the fsync family. */
static int sync_by(const struct fs *fs, int (*sync)(int fd), enum fs_call call, int fd, const char *path)
{
    int status = fault(fs, call, path);
    if (status != 0)
        return status;
    int result;
    do
        result = sync(fd);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : -errno;
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
    if (close(fd) != 0 && errno != EINTR && status == 0)
        status = -errno;
    return status;
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
    int status = fault(fs, FS_FALLOCATE, path);
    if (status != 0)
        return status;
    int result;
    do
        result = fallocate(fd, 0, 0, (off_t)size);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return 0;
    status = -errno;
    /* Some file systems keep the part that they had room for: others need it more. */
    return ftruncate(fd, 0) == 0 ? status : -errno;
}

int fs_resize(const struct fs *fs, int fd, const char *path, size_t size)
{
    int status = fault(fs, FS_TRUNCATE, path);
    if (status != 0)
        return status;
    int result;
    do
        result = ftruncate(fd, (off_t)size);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : -errno;
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
    int status = fault(fs, FS_OPENDIR, path);
    if (status != 0)
        return status;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return -errno;
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
