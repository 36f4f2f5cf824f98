/* Copies files while others write them. Knows which names are values and which are segments, and that a
 * segment only grows; neither keys nor records.
 */
#include "store/copy.h"

#include "base/error.h"
#include "base/mem.h"
#include "store/segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <uv.h>

enum { STEP_SIZE = 1 << 20, LISTINGS_MAX = 4, NAME_ROOM = 256, PATH_ROOM = PATH_MAX + NAME_ROOM };

/* A file that was listed. */
struct listed {
    UT_hash_handle hh; /* by name */
    uint32_t worker;   /* this and what follows: of a segment */
    uint64_t sequence;
    bool taken; /* it is not to be copied (any more) */
    char name[];
};

struct copy {
    const struct copy_config *config;
    struct copied done;
    struct listed *values;   /* uthash */
    struct listed *segments; /* uthash */
    uint8_t *bytes;          /* STEP_SIZE */
    bool made;               /* to was not there */
};

/* ---- listing */

static struct listed *add_listed(struct listed **all, const char *name)
{
    struct listed *listed;
    HASH_FIND_STR(*all, name, listed);
    if (listed != NULL)
        return NULL;
    size_t size = strlen(name) + 1;
    listed = mem_zalloc(sizeof *listed + size);
    memcpy(listed->name, name, size);
    HASH_ADD_KEYPTR(hh, *all, listed->name, size - 1, listed);
    return listed;
}

static void free_all(struct listed **all)
{
    struct listed *listed, *next;
    HASH_ITER(hh, *all, listed, next)
    {
        HASH_DEL(*all, listed);
        mem_free(listed);
    }
}

static void list_value(void *ctx, const char *name)
{
    struct copy *copy = ctx;
    if (name[0] != '.')
        add_listed(&copy->values, name);
}

static void list_segment(void *ctx, const char *name)
{
    struct copy *copy = ctx;
    uint32_t worker;
    uint64_t sequence;
    struct listed *listed;
    if (!segment_name_parse(name, &worker, &sequence))
        return;
    listed = add_listed(&copy->segments, name);
    if (listed == NULL)
        return;
    listed->worker = worker;
    listed->sequence = sequence;
}

static int compare_segments(const struct listed *a, const struct listed *b)
{
    if (a->worker != b->worker)
        return a->worker < b->worker ? -1 : 1;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static int fail(struct copy *copy, const char *path, int status)
{
    snprintf(copy->done.failed, sizeof copy->done.failed, "%s", path);
    return status;
}

static int list(struct copy *copy, void (*each)(void *ctx, const char *name))
{
    const struct copy_config *config = copy->config;
    int status = fs_list_folder(&config->fs, config->from, each, copy);
    return status == 0 ? 0 : fail(copy, config->from, status);
}

/* ---- one file */

/* Where the bytes end that are not zeros. They are looked at from the end: what stands before the last one
 * was written before it, so from now on it does not change. Reading forwards while somebody writes could see
 * a gap. */
static int find_end(struct copy *copy, int fd, const char *path, size_t size, size_t *end)
{
    size_t count = 0;
    for (*end = size; *end > 0;) {
        size_t at = (*end - 1) / STEP_SIZE * STEP_SIZE;
        int status = fs_read_at(&copy->config->fs, fd, path, at, copy->bytes, *end - at, &count);
        if (status != 0)
            return status;
        while (count > 0 && copy->bytes[count - 1] == 0)
            count--;
        *end = at + count;
        if (count > 0)
            break;
    }
    return 0;
}

static int copy_bytes(struct copy *copy, int from, const char *from_path, int to, const char *to_path,
                      size_t end)
{
    const struct fs *fs = &copy->config->fs;
    size_t count;
    for (size_t at = 0; at < end; at += count) {
        size_t room = end - at < STEP_SIZE ? end - at : STEP_SIZE;
        int status = fs_read_at(fs, from, from_path, at, copy->bytes, room, &count);
        if (status == 0 && count == 0)
            status = -EIO; /* somebody has cut it */
        if (status == 0)
            status = fs_append(fs, to, to_path, slice_of(copy->bytes, count));
        if (status != 0)
            return status;
    }
    copy->done.bytes += end;
    return 0;
}

/* What is between end and size are zeros and stays a hole. */
static int write_copy(struct copy *copy, int from, const char *from_path, const char *to_path, size_t end,
                      size_t size)
{
    const struct fs *fs = &copy->config->fs;
    int to;
    int status = fs_create(fs, to_path, &to);
    if (status != 0)
        return fail(copy, to_path, status);
    status = copy_bytes(copy, from, from_path, to, to_path, end);
    if (status == 0 && end < size)
        status = fs_resize(fs, to, to_path, size);
    int closed = fs_close_written(fs, to, to_path);
    if (status == 0)
        status = closed;
    return status == 0 ? 0 : fail(copy, to_path, status);
}

static int copy_opened(struct copy *copy, const struct listed *listed, int from, const char *from_path,
                       size_t size)
{
    char to_path[PATH_ROOM];
    size_t end = size;
    snprintf(to_path, sizeof to_path, "%s/%s", copy->config->to, listed->name);
    int status = listed->name[0] == '.' ? find_end(copy, from, from_path, size, &end) : 0;
    return status == 0 ? write_copy(copy, from, from_path, to_path, end, size)
                       : fail(copy, from_path, status);
}

/* counter: of such files. One that is gone was deleted; what is no regular file is nobody's. */
static int copy_file(struct copy *copy, struct listed *listed, uint64_t *counter)
{
    char path[PATH_ROOM];
    int fd;
    size_t size;
    listed->taken = true;
    snprintf(path, sizeof path, "%s/%s", copy->config->from, listed->name);
    int status = fs_open_to_read(&copy->config->fs, path, &fd, &size);
    if (status == ERR_NOT_FOUND || status == -EISDIR || status == -ELOOP || status == -EINVAL)
        return 0;
    if (status != 0)
        return fail(copy, path, status);
    status = copy_opened(copy, listed, fd, path, size);
    fs_close(fd);
    *counter += status == 0;
    return status;
}

static int copy_all(struct copy *copy, struct listed *all, uint64_t *counter)
{
    const struct copy_config *config = copy->config;
    struct listed *listed, *next;
    HASH_ITER(hh, all, listed, next)
    {
        int status = listed->taken ? 0 : copy_file(copy, listed, counter);
        if (status == 0 && config->step != NULL &&
            !config->step(config->ctx, HASH_COUNT(copy->values) + HASH_COUNT(copy->segments)))
            status = ERR_STOPPED;
        if (status != 0)
            return status;
    }
    return 0;
}

/* ---- the folder */

/* While a file is replaced a listing may have neither the old one nor the new one: listed again until nothing
 * more is found. */
static int copy_values(struct copy *copy)
{
    unsigned before;
    int status;
    int listings = 0;
    do {
        before = HASH_COUNT(copy->values);
        status = list(copy, list_value);
        if (status == 0 && HASH_COUNT(copy->values) > before)
            status = copy_all(copy, copy->values, &copy->done.values);
    } while (status == 0 && HASH_COUNT(copy->values) > before && ++listings < LISTINGS_MAX);
    return status;
}

/* True if one of the first `count` segments is of the same journal and later. */
static bool has_later(const struct copy *copy, const struct listed *listed, unsigned count)
{
    const struct listed *other = copy->segments;
    for (unsigned i = 0; i < count; i++, other = other->hh.next) {
        if (other->worker == listed->worker && other->sequence > listed->sequence)
            return true;
    }
    return false;
}

/* A listing may have a segment that was begun meanwhile, and not one before it. What the first listing has
 * last of each journal is the last that is copied; the second one has all before it. */
static int list_segments(struct copy *copy)
{
    int status = list(copy, list_segment);
    unsigned first = HASH_COUNT(copy->segments);
    unsigned i = 0;
    struct listed *listed, *next;
    if (status == 0)
        status = list(copy, list_segment);
    HASH_ITER(hh, copy->segments, listed, next)
    {
        listed->taken = i++ >= first && !has_later(copy, listed, first);
    }
    return status;
}

static int copy_segments(struct copy *copy)
{
    int status = list_segments(copy);
    if (status != 0)
        return status;
    HASH_SORT(copy->segments, compare_segments);
    return copy_all(copy, copy->segments, &copy->done.segments);
}

static int sync_all(struct copy *copy)
{
    const struct copy_config *config = copy->config;
    int fd;
    int status = fs_open_folder(&config->fs, config->to, &fd);
    if (status == 0) {
        status = fs_sync_all(&config->fs, fd, config->to);
        fs_close(fd);
    }
    if (status == 0)
        status = fs_sync_folder(&config->fs, config->to);
    return status == 0 ? 0 : fail(copy, config->to, status);
}

/* ---- the target */

static void note_entry(void *ctx, const char *name)
{
    *(bool *)ctx = true;
}

int copy_check_target(const struct fs *fs, const char *to)
{
    bool any = false;
    int status = fs_list_all(fs, to, note_entry, &any);
    if (status == -ENOENT)
        return 0;
    return status == 0 && any ? -ENOTEMPTY : status;
}

/* True if path is folder or below it; both without links. */
static bool is_inside(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

static int check_outside(const struct copy_config *config)
{
    char *from = realpath(config->from, NULL);
    char *to = realpath(config->to, NULL);
    int status = from == NULL || to == NULL ? -ENOENT : is_inside(to, from) ? ERR_CONFLICT : 0;
    free(from);
    free(to);
    return status;
}

static int make_target(struct copy *copy)
{
    const struct copy_config *config = copy->config;
    int status = fs_make_private(&config->fs, config->to, &copy->made);
    if (status == 0)
        status = check_outside(config);
    return status == 0 ? 0 : fail(copy, config->to, status);
}

static void remove_copies(const struct copy *copy, const struct listed *all)
{
    char path[PATH_ROOM];
    const struct listed *listed;
    for (listed = all; listed != NULL; listed = listed->hh.next) {
        snprintf(path, sizeof path, "%s/%s", copy->config->to, listed->name);
        if (listed->taken)
            (void)fs_remove(&copy->config->fs, path); /* the failure before is told */
    }
}

void copy_undo(const struct copy *copy)
{
    remove_copies(copy, copy->values);
    remove_copies(copy, copy->segments);
    if (copy->made)
        (void)fs_remove_folder(&copy->config->fs, copy->config->to);
}

struct copy *copy_new(const struct copy_config *config)
{
    struct copy *copy = mem_zalloc(sizeof *copy);
    copy->config = config;
    copy->bytes = mem_alloc(STEP_SIZE);
    return copy;
}

void copy_free(struct copy *copy)
{
    free_all(&copy->values);
    free_all(&copy->segments);
    mem_free(copy->bytes);
    mem_free(copy);
}

const struct copied *copy_done(const struct copy *copy)
{
    return &copy->done;
}

int copy_run(struct copy *copy)
{
    int status = copy_check_target(&copy->config->fs, copy->config->to);
    if (status != 0)
        return fail(copy, copy->config->to, status);
    status = make_target(copy);
    if (status == 0)
        status = copy_values(copy);
    if (status == 0)
        status = copy_segments(copy);
    return status == 0 ? sync_all(copy) : status;
}
