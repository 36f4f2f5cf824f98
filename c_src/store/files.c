/* Value files in their folder. Knows names and bytes, neither keys nor threads. */
#include "store/files.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEMPORARY ".tmp-"
#define PROBE     ".tmp-probe"
#define JOURNAL   ".journal-"
#define ASIDE     "%%aside." /* as a format */

void files_path(const struct files *files, const char *name, char path[FILES_PATH_ROOM])
{
    snprintf(path, FILES_PATH_ROOM, "%s/%s", files->folder, name);
}

static void make_temporary(const struct files *files, uint64_t id, char path[FILES_PATH_ROOM])
{
    snprintf(path, FILES_PATH_ROOM, "%s/" TEMPORARY "%llu", files->folder, (unsigned long long)id);
}

struct leftovers {
    const struct files *files;
    int status;
};

static void remove_leftover(void *ctx, const char *name)
{
    struct leftovers *leftovers = ctx;
    char path[FILES_PATH_ROOM];
    if (strncmp(name, TEMPORARY, strlen(TEMPORARY)) != 0)
        return;
    files_path(leftovers->files, name, path);
    int status = fs_remove(&leftovers->files->fs, path);
    if (status != 0)
        leftovers->status = status;
    log_write(LOG_INFO, "files", "leftover_removed", "file=%s", name);
}

static int probe(const struct files *files)
{
    char path[FILES_PATH_ROOM];
    files_path(files, PROBE, path);
    int status = fs_write_file(&files->fs, path, slice_of_text("probe"));
    if (status == 0)
        status = fs_remove(&files->fs, path);
    return status;
}

static int lock_folder(struct files *files, const char *folder)
{
    int status = fs_lock_folder(&files->fs, folder, &files->lock_fd);
    if (status != 0)
        return status;
    files->folder = mem_dup(folder, strlen(folder) + 1);
    uv_mutex_init(&files->lock);
    return 0;
}

int files_open_to_read(struct files *files, const char *folder, size_t value_size_max, struct fs fs)
{
    *files = (struct files){.fs = fs, .value_size_max = value_size_max, .lock_fd = -1};
    return strlen(folder) >= PATH_MAX ? -ENAMETOOLONG : lock_folder(files, folder);
}

int files_open(struct files *files, const char *folder, size_t value_size_max, struct fs fs)
{
    *files = (struct files){.fs = fs, .value_size_max = value_size_max, .lock_fd = -1};
    if (strlen(folder) >= PATH_MAX)
        return -ENAMETOOLONG;
    int status = fs_make_folder(&fs, folder);
    if (status == 0)
        status = lock_folder(files, folder);
    if (status != 0)
        return status;
    struct leftovers leftovers = {.files = files};
    status = fs_list_folder(&fs, folder, remove_leftover, &leftovers);
    if (status == 0)
        status = leftovers.status;
    if (status == 0)
        status = probe(files);
    if (status != 0)
        files_close(files);
    return status;
}

void files_close(struct files *files)
{
    fs_close(files->lock_fd);
    uv_mutex_destroy(&files->lock);
    mem_free(files->folder);
}

static int relock(struct files *files)
{
    int fd;
    int status = fs_lock_folder(&files->fs, files->folder, &fd);
    if (status != 0)
        return status;
    fs_close(files->lock_fd);
    files->lock_fd = fd;
    log_write(LOG_WARN, "files", "folder_replaced", "folder=%s", files->folder);
    return 0;
}

int files_check(struct files *files)
{
    bool same;
    uv_mutex_lock(&files->lock);
    int status = fs_same_file(&files->fs, files->folder, files->lock_fd, &same);
    if (status == 0 && !same)
        status = relock(files);
    uv_mutex_unlock(&files->lock);
    return status;
}

int files_read(const struct files *files, const char *name, struct buf *value)
{
    char path[FILES_PATH_ROOM];
    files_path(files, name, path);
    return fs_read_file(&files->fs, path, files->value_size_max, value);
}

/* Writes the temporary by one of the functions for that. */
static int prepare(const struct files *files, uint64_t id, struct slice value,
                   int (*write)(const struct fs *fs, const char *path, struct slice bytes))
{
    char path[FILES_PATH_ROOM];
    if (value.size > files->value_size_max)
        return ERR_TOO_LARGE; /* it could not be read again */
    make_temporary(files, id, path);
    return write(&files->fs, path, value);
}

int files_prepare(const struct files *files, uint64_t id, struct slice value)
{
    return prepare(files, id, value, fs_write_file);
}

int files_prepare_unsynced(const struct files *files, uint64_t id, struct slice value)
{
    return prepare(files, id, value, fs_write_file_unsynced);
}

int files_sync_all(struct files *files)
{
    /* By another descriptor: this takes its time, and lock_fd may be closed meanwhile. It has been open since
     * before the files were written, so that no error goes by unseen. */
    uv_mutex_lock(&files->lock);
    int fd = fcntl(files->lock_fd, F_DUPFD_CLOEXEC, 0);
    int status = fd < 0 ? -errno : 0;
    uv_mutex_unlock(&files->lock);
    if (status != 0)
        return status;
    status = fs_sync_all(&files->fs, fd, files->folder);
    fs_close(fd);
    return status;
}

void files_discard(const struct files *files, uint64_t id)
{
    char path[FILES_PATH_ROOM];
    make_temporary(files, id, path);
    fs_remove(&files->fs, path); /* what stays is removed by files_open */
}

int files_publish(const struct files *files, uint64_t id, const char *name)
{
    char from[FILES_PATH_ROOM], to[FILES_PATH_ROOM];
    make_temporary(files, id, from);
    files_path(files, name, to);
    int status = fs_rename(&files->fs, from, to);
    if (status != 0)
        fs_remove(&files->fs, from);
    return status;
}

int files_write(const struct files *files, uint64_t id, const char *name, struct slice bytes)
{
    char path[FILES_PATH_ROOM];
    make_temporary(files, id, path);
    int status = fs_write_file(&files->fs, path, bytes);
    return status == 0 ? files_publish(files, id, name) : status;
}

int files_remove(const struct files *files, const char *name)
{
    char path[FILES_PATH_ROOM];
    files_path(files, name, path);
    return fs_remove(&files->fs, path);
}

void files_aside_name(uint64_t id, const char *name, char aside[FILES_NAME_ROOM])
{
    snprintf(aside, FILES_NAME_ROOM, ASIDE "%lld.%llu.%.190s", (long long)time(NULL), (unsigned long long)id,
             name);
}

bool files_is_of_the_name(int status)
{
    return status == -EISDIR || status == -ENOTDIR || status == -ENOTEMPTY || status == -EEXIST ||
           status == -EACCES || status == -EPERM || status == -EBUSY || status == -ETXTBSY;
}

static int give_aside_name(const struct files *files, uint64_t id, const char *name, struct buf *aside,
                           int (*give)(const struct fs *fs, const char *from, const char *to))
{
    char from[FILES_PATH_ROOM], to[FILES_PATH_ROOM], new_name[FILES_NAME_ROOM];
    files_aside_name(id, name, new_name);
    files_path(files, name, from);
    files_path(files, new_name, to);
    int status = give(&files->fs, from, to);
    if (status == 0)
        buf_append(aside, new_name, strlen(new_name) + 1);
    return status == -ENOENT ? ERR_NOT_FOUND : status;
}

int files_set_aside(const struct files *files, uint64_t id, const char *name, struct buf *aside)
{
    return give_aside_name(files, id, name, aside, fs_rename);
}

int files_copy_aside(const struct files *files, uint64_t id, const char *name, struct buf *aside)
{
    int status = give_aside_name(files, id, name, aside, fs_link);
    bool cannot = status == -EPERM || status == -EOPNOTSUPP || status == -ENOSYS || status == -EMLINK;
    return cannot ? give_aside_name(files, id, name, aside, fs_rename) : status;
}

int files_sync(const struct files *files)
{
    return fs_sync_folder(&files->fs, files->folder);
}

static void append_name(void *ctx, const char *name)
{
    if (name[0] != '.')
        buf_append(ctx, name, strlen(name) + 1);
}

int files_names(const struct files *files, struct buf *names)
{
    return fs_list_folder(&files->fs, files->folder, append_name, names);
}

static void append_journal(void *ctx, const char *name)
{
    if (strncmp(name, JOURNAL, strlen(JOURNAL)) == 0)
        buf_append(ctx, name, strlen(name) + 1);
}

int files_journals(const struct files *files, struct buf *names)
{
    return fs_list_folder(&files->fs, files->folder, append_journal, names);
}
