/* System calls on a folder and its files; the only file of the layer that makes them.
 *
 * The calls stand in a table, so that a test can put a table of its own in front of the system's and make any
 * call fail at any position, do half of its work, or be seen in its order. Names are relative to the
 * descriptor of a folder. Everything may be called on any thread.
 *
 * Every function below gives 0 (or what it says) or a negative errno, and makes a call again that a signal has
 * interrupted.
 */
#ifndef STORE_FS_H
#define STORE_FS_H

#include "base/slice.h"

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Each as the POSIX call of its name, one call each time, with a negative errno for a failure. */
struct fs_ops {
    int (*open)(void *ctx, int folder, const char *name, int flags, mode_t mode); /* openat */
    int (*close)(void *ctx, int fd);
    ssize_t (*read)(void *ctx, int fd, void *bytes, size_t size);
    ssize_t (*write)(void *ctx, int fd, const void *bytes, size_t size);
    int (*fsync)(void *ctx, int fd);
    int (*fstat)(void *ctx, int fd, struct stat *stat);
    int (*lstat)(void *ctx, int folder, const char *name, struct stat *stat);
    int (*link)(void *ctx, int folder, const char *from, const char *to);
    int (*rename)(void *ctx, int folder, const char *from, const char *to);
    int (*unlink)(void *ctx, int folder, const char *name);
    int (*mkdir)(void *ctx, const char *path, mode_t mode);
    int (*flock)(void *ctx, int fd, int operation);
    int (*opendir)(void *ctx, int fd, DIR **dir); /* takes fd if it succeeds */
    int (*readdir)(void *ctx, DIR *dir, struct dirent **entry); /* NULL: the end */
    int (*closedir)(void *ctx, DIR *dir);
};

struct fs {
    const struct fs_ops *ops; /* the table */
    void *ctx;                /* what its functions get */
};

/* The system's own calls; ctx is not used. */
extern const struct fs_ops fs_system;

/* A descriptor of an existing folder, for reading. */
int fs_open_folder(const struct fs *fs, const char *path);

/* The same folder once more, as an open file of its own. */
int fs_open_again(const struct fs *fs, int folder);

/* Creates a file (0600) that must not exist and opens it for writing. */
int fs_create(const struct fs *fs, int folder, const char *name);

/* Opens a regular file for reading; does not wait for anything and follows no symbolic link. Errors: -EISDIR,
 * -ELOOP (a link), -EINVAL (neither file nor folder), of the system. */
int fs_open_file(const struct fs *fs, int folder, const char *name, size_t *size_bytes);

/* 0 if name is a regular file; the errors of fs_open_file if it is not. */
int fs_check_file(const struct fs *fs, int folder, const char *name);

/* Errors are those of writing that the system had put off. fd is closed in any case. */
int fs_close(const struct fs *fs, int fd);

/* Reads until size bytes are there or the file ends: *got tells how many. */
int fs_read(const struct fs *fs, int fd, void *bytes, size_t size, size_t *got);

/* Writes all of it. */
int fs_write(const struct fs *fs, int fd, struct slice bytes);

/* What was written to fd, or the names in a folder, survive a crash. */
int fs_sync(const struct fs *fs, int fd);

/* Which folder or file fd is. */
int fs_identity(const struct fs *fs, int fd, dev_t *device, ino_t *inode);

int fs_link(const struct fs *fs, int folder, const char *from, const char *to);
int fs_rename(const struct fs *fs, int folder, const char *from, const char *to);
int fs_unlink(const struct fs *fs, int folder, const char *name);

/* Mode 0700. */
int fs_make_folder(const struct fs *fs, const char *path);

/* Takes the exclusive lock of an open file until fd is closed. Errors: ERR_LOCKED (somebody has it). */
int fs_lock(const struct fs *fs, int fd);

/* Calls each for every name in the folder but "." and "..", in no order; stops at its first failure, which is
 * then the result. */
int fs_list(const struct fs *fs, int folder, int (*each)(void *ctx, const char *name), void *ctx);

#endif
