/* The system calls, and the loops that make one complete call of several. Knows no values, no keys and no
 * order in which things have to happen. */
#include "store/fs.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- the system's own ---- */

static int result(int value)
{
    return value < 0 ? -errno : value;
}

static int system_open(void *ctx, int folder, const char *name, int flags, mode_t mode)
{
    return result(openat(folder, name, flags, mode));
}

static int system_close(void *ctx, int fd)
{
    return result(close(fd));
}

static ssize_t system_read(void *ctx, int fd, void *bytes, size_t size)
{
    ssize_t n = read(fd, bytes, size);
    return n < 0 ? -errno : n;
}

static ssize_t system_write(void *ctx, int fd, const void *bytes, size_t size)
{
    ssize_t n = write(fd, bytes, size);
    return n < 0 ? -errno : n;
}

static int system_fsync(void *ctx, int fd)
{
#ifdef F_FULLFSYNC
    /* Where fsync leaves the bytes in the drive's cache. Not every file system knows the other call. */
    if (fcntl(fd, F_FULLFSYNC) == 0)
        return 0;
#endif
    return result(fsync(fd));
}

static int system_fstat(void *ctx, int fd, struct stat *stat)
{
    return result(fstat(fd, stat));
}

static int system_lstat(void *ctx, int folder, const char *name, struct stat *stat)
{
    return result(fstatat(folder, name, stat, AT_SYMLINK_NOFOLLOW));
}

static int system_link(void *ctx, int folder, const char *from, const char *to)
{
    return result(linkat(folder, from, folder, to, 0));
}

static int system_rename(void *ctx, int folder, const char *from, const char *to)
{
    return result(renameat(folder, from, folder, to));
}

static int system_unlink(void *ctx, int folder, const char *name)
{
    return result(unlinkat(folder, name, 0));
}

static int system_mkdir(void *ctx, const char *path, mode_t mode)
{
    return result(mkdir(path, mode));
}

static int system_flock(void *ctx, int fd, int operation)
{
    return result(flock(fd, operation));
}

static int system_opendir(void *ctx, int fd, DIR **dir)
{
    DIR *opened = fdopendir(fd);
    if (opened == NULL)
        return -errno;
    *dir = opened;
    return 0;
}

static int system_readdir(void *ctx, DIR *dir, struct dirent **entry)
{
    errno = 0; /* the only way to tell the end from an error */
    *entry = readdir(dir);
    return *entry == NULL ? -errno : 0;
}

static int system_closedir(void *ctx, DIR *dir)
{
    return result(closedir(dir));
}

const struct fs_ops fs_system = {
    .open = system_open,
    .close = system_close,
    .read = system_read,
    .write = system_write,
    .fsync = system_fsync,
    .fstat = system_fstat,
    .lstat = system_lstat,
    .link = system_link,
    .rename = system_rename,
    .unlink = system_unlink,
    .mkdir = system_mkdir,
    .flock = system_flock,
    .opendir = system_opendir,
    .readdir = system_readdir,
    .closedir = system_closedir,
};

/* ---- complete calls ---- */

static int open_at(const struct fs *fs, int folder, const char *name, int flags)
{
    int fd;
    do
        fd = fs->ops->open(fs->ctx, folder, name, flags | O_CLOEXEC, 0600);
    while (fd == -EINTR);
    return fd;
}

int fs_open_folder(const struct fs *fs, const char *path)
{
    return open_at(fs, AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
}

int fs_open_again(const struct fs *fs, int folder)
{
    return open_at(fs, folder, ".", O_RDONLY | O_DIRECTORY);
}

int fs_create(const struct fs *fs, int folder, const char *name)
{
    return open_at(fs, folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
}

static int check_mode(mode_t mode)
{
    if (S_ISREG(mode))
        return 0;
    if (S_ISDIR(mode))
        return -EISDIR;
    return S_ISLNK(mode) ? -ELOOP : -EINVAL;
}

static int stat_fd(const struct fs *fs, int fd, struct stat *stat)
{
    int status;
    do
        status = fs->ops->fstat(fs->ctx, fd, stat);
    while (status == -EINTR);
    return status;
}

int fs_open_file(const struct fs *fs, int folder, const char *name, size_t *size_bytes)
{
    /* O_NONBLOCK: opening a fifo would wait for its writer. */
    int fd = open_at(fs, folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return fd == -ENXIO ? -EINVAL : fd; /* a socket, or a device without its driver */
    struct stat stat;
    int status = stat_fd(fs, fd, &stat);
    if (status == 0)
        status = check_mode(stat.st_mode);
    if (status != 0) {
        fs_close(fs, fd);
        return status;
    }
    *size_bytes = (size_t)stat.st_size;
    return fd;
}

int fs_check_file(const struct fs *fs, int folder, const char *name)
{
    struct stat stat;
    int status;
    do
        status = fs->ops->lstat(fs->ctx, folder, name, &stat);
    while (status == -EINTR);
    return status == 0 ? check_mode(stat.st_mode) : status;
}

int fs_close(const struct fs *fs, int fd)
{
    int status = fs->ops->close(fs->ctx, fd);
    return status == -EINTR ? 0 : status; /* it is closed; a second close might hit another thread's file */
}

int fs_read(const struct fs *fs, int fd, void *bytes, size_t size, size_t *got)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = fs->ops->read(fs->ctx, fd, (char *)bytes + done, size - done);
        if (n == 0)
            break;
        if (n > 0)
            done += (size_t)n;
        else if (n != -EINTR)
            return (int)n;
    }
    *got = done;
    return 0;
}

int fs_write(const struct fs *fs, int fd, struct slice bytes)
{
    while (bytes.size > 0) {
        ssize_t n = fs->ops->write(fs->ctx, fd, bytes.data, bytes.size);
        if (n == 0)
            return -EIO; /* neither progress nor a reason */
        if (n > 0)
            bytes = slice_of(bytes.data + n, bytes.size - (size_t)n);
        else if (n != -EINTR)
            return (int)n;
    }
    return 0;
}

int fs_sync(const struct fs *fs, int fd)
{
    int status;
    do
        status = fs->ops->fsync(fs->ctx, fd);
    while (status == -EINTR);
    return status;
}

int fs_identity(const struct fs *fs, int fd, dev_t *device, ino_t *inode)
{
    struct stat stat;
    int status = stat_fd(fs, fd, &stat);
    if (status == 0) {
        *device = stat.st_dev;
        *inode = stat.st_ino;
    }
    return status;
}

int fs_link(const struct fs *fs, int folder, const char *from, const char *to)
{
    int status;
    do
        status = fs->ops->link(fs->ctx, folder, from, to);
    while (status == -EINTR);
    return status;
}

int fs_rename(const struct fs *fs, int folder, const char *from, const char *to)
{
    int status;
    do
        status = fs->ops->rename(fs->ctx, folder, from, to);
    while (status == -EINTR);
    return status;
}

int fs_unlink(const struct fs *fs, int folder, const char *name)
{
    int status;
    do
        status = fs->ops->unlink(fs->ctx, folder, name);
    while (status == -EINTR);
    return status;
}

int fs_make_folder(const struct fs *fs, const char *path)
{
    int status;
    do
        status = fs->ops->mkdir(fs->ctx, path, 0700);
    while (status == -EINTR);
    return status;
}

int fs_lock(const struct fs *fs, int fd)
{
    int status;
    do
        status = fs->ops->flock(fs->ctx, fd, LOCK_EX | LOCK_NB);
    while (status == -EINTR);
    return status == -EWOULDBLOCK ? ERR_LOCKED : status;
}

static int read_names(const struct fs *fs, DIR *dir, int (*each)(void *ctx, const char *name), void *ctx)
{
    for (;;) {
        struct dirent *entry = NULL;
        int status = fs->ops->readdir(fs->ctx, dir, &entry);
        if (status == -EINTR)
            continue;
        if (status != 0 || entry == NULL)
            return status;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = each(ctx, entry->d_name);
        if (status != 0)
            return status;
    }
}

int fs_list(const struct fs *fs, int folder, int (*each)(void *ctx, const char *name), void *ctx)
{
    int fd = fs_open_again(fs, folder); /* reading a folder moves its position */
    if (fd < 0)
        return fd;
    DIR *dir;
    int status;
    do
        status = fs->ops->opendir(fs->ctx, fd, &dir);
    while (status == -EINTR);
    if (status != 0) {
        fs_close(fs, fd);
        return status;
    }
    status = read_names(fs, dir, each, ctx);
    fs->ops->closedir(fs->ctx, dir);
    return status;
}
