/* The file system calls of the store: the one place that opens, renames and syncs.
 *
 * Each returns 0 (or what it says) or a negative errno, and goes on after EINTR where POSIX or Linux let a
 * signal interrupt the call, and after a write that wrote less than it should. A fault hook, for tests, is
 * asked before every call and may make it fail: that is how a full disk, a failing one and a crash between
 * any two calls are tried.
 */
#ifndef STORE_FS_H
#define STORE_FS_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum fs_call {
    FS_MKDIR,
    FS_OPEN,
    FS_READ,
    FS_WRITE,
    FS_FSYNC,
    FS_CLOSE,
    FS_RENAME,
    FS_UNLINK,
    FS_OPENDIR,
    FS_FLOCK,
    FS_STAT,
    FS_FALLOCATE,
    FS_FDATASYNC,
    FS_SYNCFS,
    FS_LINK,
    FS_TRUNCATE,
    FS_RMDIR,
    FS_CHMOD,
    FS_CALLS /* how many there are */
};

/* Asked before each call. 0: do it. Negative errno: fail with it; -EINTR: as if a signal had come, so a call
 * that a signal can interrupt is made again, and asked for again. FS_SHORT: a write writes half of it and
 * fails with -EIO. FS_PARTIAL: a write or a read does half of it. Called from any thread. NULL: never fails.
 */
enum { FS_SHORT = 1, FS_PARTIAL = 2 };
typedef int (*fs_fault)(void *ctx, enum fs_call call, const char *path);

struct fs {
    fs_fault fault;
    void *ctx; /* of fault */
};

/* Creates a folder and those above it that are missing (mode 0700); fine if it is there. */
int fs_make_folder(const struct fs *fs, const char *path);

/* The same, and its mode is 0700 also if it was there. made: it was not, whatever is
 * returned. */
int fs_make_private(const struct fs *fs, const char *path, bool *made);

/* Opens the folder, for fs_sync_all. */
int fs_open_folder(const struct fs *fs, const char *path, int *fd);

/* Opens the folder and locks it for this process (flock: gone with the process, nothing left behind).
 * fd: out. Errors: ERR_LOCKED, negative errno. */
int fs_lock_folder(const struct fs *fs, const char *path, int *fd);

/* True if the path still leads to the file or folder behind fd. Errors: negative errno of stat(2). */
int fs_same_file(const struct fs *fs, const char *path, int fd, bool *same);

/* Appends the whole content of a regular file to out. Symbolic links, devices and pipes are not followed and
 * do not block. Errors: ERR_NOT_FOUND (no such file), ERR_TOO_LARGE (more than size_max bytes), -EISDIR,
 * -ELOOP, -EINVAL (not a regular file), other negative errno. out is then as before. */
int fs_read_file(const struct fs *fs, const char *path, size_t size_max, struct buf *out);

/* Creates or replaces the file (mode 0600), writes bytes, syncs and closes it. On failure the file is
 * removed. */
int fs_write_file(const struct fs *fs, const char *path, struct slice bytes);

/* The same without the sync: durable after fs_sync_all. */
int fs_write_file_unsynced(const struct fs *fs, const char *path, struct slice bytes);

/* Makes all that was written durable that is on the file system of the folder behind fd. */
int fs_sync_all(const struct fs *fs, int fd, const char *path);

/* A file that grows: created (mode 0600, -EEXIST if it is there), given room, written at its end, synced.
 * fd: out, for fs_close. */
int fs_create(const struct fs *fs, const char *path, int *fd);
/* Makes the file, new and empty, size bytes of zeros long, so that a sync of what is written into them has
 * less to do. On failure (the file system cannot do that, or has not so much room) it is empty again. */
int fs_allocate(const struct fs *fs, int fd, const char *path, size_t size);
/* Writes behind what was written before. On failure some of it may be there. */
int fs_append(const struct fs *fs, int fd, const char *path, struct slice bytes);
/* Both, one behind the other, by one call. */
int fs_append_both(const struct fs *fs, int fd, const char *path, struct slice front, struct slice rest);
int fs_sync_data(const struct fs *fs, int fd, const char *path);

/* Makes the file size bytes long; what is new are zeros that take no room. */
int fs_resize(const struct fs *fs, int fd, const char *path, size_t size);
/* As fs_close, and tells what writing did not. */
int fs_close_written(const struct fs *fs, int fd, const char *path);

/* Opens a regular file for fs_read_at; size: of it now. Errors: as fs_read_file. */
int fs_open_to_read(const struct fs *fs, const char *path, int *fd, size_t *size);
/* Reads at most room bytes that stand at offset; count: how many there were, 0 only at the end of the file.
 */
int fs_read_at(const struct fs *fs, int fd, const char *path, size_t offset, void *bytes, size_t room,
               size_t *count);

int fs_rename(const struct fs *fs, const char *from, const char *to);

/* Gives a file a second name, where none is. Errors: -EEXIST, -EPERM (a folder, or a file system that cannot
 * do that), other negative errno. */
int fs_link(const struct fs *fs, const char *from, const char *to);

/* Fine if it is not there. */
int fs_remove(const struct fs *fs, const char *path);

/* Removes an empty folder. */
int fs_remove_folder(const struct fs *fs, const char *path);

/* Makes renames and removals in the folder durable. */
int fs_sync_folder(const struct fs *fs, const char *path);

/* Calls each with the name of every regular file (and of what the file system does not tell the type of). */
int fs_list_folder(const struct fs *fs, const char *path, void (*each)(void *ctx, const char *name),
                   void *ctx);

/* The same with whatever is in it, but . and .. */
int fs_list_all(const struct fs *fs, const char *path, void (*each)(void *ctx, const char *name), void *ctx);

void fs_close(int fd);

#endif
