/* Value files in their folder. Knows names and bytes, neither keys nor threads. */
#include "store/files.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEMPORARY ".tmp-"
#define PROBE     ".tmp-probe"
#define ASIDE     "%%aside." /* as a format */

enum { PATH_ROOM = PATH_MAX + 256 };

static void make_path(const struct files *files, const char *name, char path[PATH_ROOM])
{
    snprintf(path, PATH_ROOM, "%s/%s", files->folder, name);
}

static void make_temporary(const struct files *files, uint64_t id, char path[PATH_ROOM])
{
    snprintf(path, PATH_ROOM, "%s/" TEMPORARY "%llu", files->folder, (unsigned long long)id);
}

struct leftovers {
    const struct files *files;
    int status;
};

static void remove_leftover(void *ctx, const char *name)
{
    struct leftovers *leftovers = ctx;
    char path[PATH_ROOM];
    if (strncmp(name, TEMPORARY, strlen(TEMPORARY)) != 0)
        return;
    make_path(leftovers->files, name, path);
    int status = fs_remove(&leftovers->files->fs, path);
    if (status != 0)
        leftovers->status = status;
    log_write(LOG_INFO, "files", "leftover_removed", "file=%s", name);
}

static int probe(const struct files *files)
{
    char path[PATH_ROOM];
    make_path(files, PROBE, path);
    int status = fs_write_file(&files->fs, path, slice_of_text("probe"));
    if (status == 0)
        status = fs_remove(&files->fs, path);
    return status;
}

int files_open(struct files *files, const char *folder, size_t value_size_max, struct fs fs)
{
    *files = (struct files){.fs = fs, .value_size_max = value_size_max, .lock_fd = -1};
    if (strlen(folder) >= PATH_MAX)
        return -ENAMETOOLONG;
    int status = fs_make_folder(&fs, folder);
    if (status == 0)
        status = fs_lock_folder(&fs, folder, &files->lock_fd);
    if (status != 0)
        return status;
    files->folder = mem_dup(folder, strlen(folder) + 1);
    uv_mutex_init(&files->lock);
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
    int status = fs_same_folder(&files->fs, files->folder, files->lock_fd, &same);
    if (status == 0 && !same)
        status = relock(files);
    uv_mutex_unlock(&files->lock);
    return status;
}

int files_read(const struct files *files, const char *name, struct buf *value)
{
    char path[PATH_ROOM];
    make_path(files, name, path);
    return fs_read_file(&files->fs, path, files->value_size_max, value);
}

int files_prepare(const struct files *files, uint64_t id, struct slice value)
{
    char path[PATH_ROOM];
    if (value.size > files->value_size_max)
        return ERR_TOO_LARGE; /* it could not be read again */
    make_temporary(files, id, path);
    return fs_write_file(&files->fs, path, value);
}

int files_publish(const struct files *files, uint64_t id, const char *name)
{
    char from[PATH_ROOM], to[PATH_ROOM];
    make_temporary(files, id, from);
    make_path(files, name, to);
    int status = fs_rename(&files->fs, from, to);
    if (status != 0)
        fs_remove(&files->fs, from);
    return status;
}

int files_remove(const struct files *files, const char *name)
{
    char path[PATH_ROOM];
    make_path(files, name, path);
    return fs_remove(&files->fs, path);
}

int files_set_aside(const struct files *files, uint64_t id, const char *name, struct buf *aside)
{
    char from[PATH_ROOM], to[PATH_ROOM], new_name[256];
    snprintf(new_name, sizeof new_name, ASIDE "%lld.%llu.%.190s", (long long)time(NULL),
             (unsigned long long)id, name);
    make_path(files, name, from);
    make_path(files, new_name, to);
    int status = fs_rename(&files->fs, from, to);
    if (status == 0)
        buf_append(aside, new_name, strlen(new_name) + 1);
    return status == -ENOENT ? ERR_NOT_FOUND : status;
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
