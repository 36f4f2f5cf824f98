#include "fake_disk.h"

#include "base/log.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Asked by the address sanitizer: freed memory that it keeps is copied by each of thousands of forks. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=4:thread_local_quarantine_size_kb=64";
}

static const char *const call_names[] = {
    [FS_MKDIR] = "mkdir",         [FS_OPEN] = "open",     [FS_READ] = "read",
    [FS_WRITE] = "write",         [FS_FSYNC] = "fsync",   [FS_CLOSE] = "close",
    [FS_RENAME] = "rename",       [FS_UNLINK] = "unlink", [FS_FLOCK] = "flock",
    [FS_OPENDIR] = "opendir",     [FS_STAT] = "stat",     [FS_FALLOCATE] = "fallocate",
    [FS_FDATASYNC] = "fdatasync", [FS_SYNCFS] = "syncfs", [FS_LINK] = "link",
    [FS_TRUNCATE] = "truncate",   [FS_RMDIR] = "rmdir",   [FS_CHMOD] = "chmod"};

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool matches(const struct disk_match *match, enum fs_call call, const char *name)
{
    return (match->call == DISK_ANY || match->call == (int)call) &&
           (match->name == NULL || begins(name, match->name));
}

static void add_line(struct fake_disk *disk, const char *word, const char *name)
{
    buf_append(&disk->record, word, strlen(word));
    buf_append(&disk->record, " ", 1);
    buf_append(&disk->record, name, strlen(name));
    buf_append(&disk->record, "\n", 1);
}

static int decide(struct fake_disk *disk, enum fs_call call, const char *name)
{
    if (disk->fail_times == 0 || !matches(&disk->fail, call, name))
        return 0;
    if (disk->fail_after > 0) {
        disk->fail_after--;
        return 0;
    }
    disk->fail_times--;
    disk->fired = true;
    disk->fired_at_sync |= (call == FS_OPEN || call == FS_FSYNC) && name == last_part(disk->folder);
    if (disk->fail_status == FS_PARTIAL && call != FS_WRITE && call != FS_READ)
        return 0;
    return disk->fail_status == FS_SHORT && call != FS_WRITE ? -EIO : disk->fail_status;
}

static int fault(void *ctx, enum fs_call call, const char *path)
{
    struct fake_disk *disk = ctx;
    const char *name = strcmp(path, disk->folder) == 0 ? last_part(disk->folder) : last_part(path);
    uv_mutex_lock(&disk->lock);
    if (++disk->calls == disk->crash_at)
        _exit(DISK_CRASHED);
    while (disk->holding && matches(&disk->hold, call, name)) {
        unsigned holds = disk->holds;
        disk->held++;
        uv_cond_broadcast(&disk->changed);
        while (disk->holding && holds == disk->holds)
            uv_cond_wait(&disk->changed, &disk->lock);
        disk->held -= holds == disk->holds;
    }
    add_line(disk, call_names[call], name);
    int status = decide(disk, call, name);
    if (disk->power != NULL)
        fake_power_call(disk->power, call, path, status >= 0);
    uv_mutex_unlock(&disk->lock);
    return status;
}

void fake_disk_start(struct fake_disk *disk)
{
    log_set_level(LOG_NONE);
    *disk = (struct fake_disk){.fs = {.fault = fault, .ctx = disk}};
    /* In memory if possible: what a disk would do is made up here, and it takes its time to sync. */
    strcpy(disk->root,
           access("/dev/shm", W_OK) == 0 ? "/dev/shm/test_store.XXXXXX" : "/tmp/test_store.XXXXXX");
    assert_non_null(mkdtemp(disk->root));
    snprintf(disk->folder, sizeof disk->folder, "%s/persist", disk->root);
    uv_mutex_init(&disk->lock);
    uv_cond_init(&disk->changed);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at)
{
    return remove(path);
}

void fake_disk_stop(struct fake_disk *disk)
{
    assert_int_equal(nftw(disk->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    uv_mutex_destroy(&disk->lock);
    uv_cond_destroy(&disk->changed);
    buf_release(&disk->record);
    if (disk->power != NULL)
        fake_power_free(disk->power);
}

void fake_disk_watch_power(struct fake_disk *disk)
{
    disk->power = fake_power_new(disk->root);
}

void fake_disk_fail(struct fake_disk *disk, int call, const char *name, unsigned after, unsigned times,
                    int status)
{
    uv_mutex_lock(&disk->lock);
    disk->fail = (struct disk_match){call, name};
    disk->fail_after = after;
    disk->fail_times = times;
    disk->fail_status = status;
    disk->fired = disk->fired_at_sync = false;
    uv_mutex_unlock(&disk->lock);
}

void fake_disk_heal(struct fake_disk *disk)
{
    uv_mutex_lock(&disk->lock);
    disk->fail_times = 0;
    uv_mutex_unlock(&disk->lock);
}

bool fake_disk_fired(struct fake_disk *disk, bool *at_sync)
{
    uv_mutex_lock(&disk->lock);
    bool fired = disk->fired;
    if (at_sync != NULL)
        *at_sync = disk->fired_at_sync;
    uv_mutex_unlock(&disk->lock);
    return fired;
}

void fake_disk_hold(struct fake_disk *disk, int call, const char *name)
{
    uv_mutex_lock(&disk->lock);
    disk->hold = (struct disk_match){call, name};
    disk->holding = true;
    disk->holds++;
    disk->held = 0; /* what is held so far goes on */
    uv_cond_broadcast(&disk->changed);
    uv_mutex_unlock(&disk->lock);
}

void fake_disk_await_held(struct fake_disk *disk)
{
    int late = 0;
    uv_mutex_lock(&disk->lock);
    while (disk->held == 0 && late == 0)
        late = uv_cond_timedwait(&disk->changed, &disk->lock, (uint64_t)DISK_DEADLINE_MS * 1000000);
    uv_mutex_unlock(&disk->lock);
    assert_int_equal(late, 0);
}

bool fake_disk_is_held(struct fake_disk *disk)
{
    uv_mutex_lock(&disk->lock);
    bool held = disk->held > 0;
    uv_mutex_unlock(&disk->lock);
    return held;
}

void fake_disk_release(struct fake_disk *disk)
{
    uv_mutex_lock(&disk->lock);
    disk->holding = false;
    uv_cond_broadcast(&disk->changed);
    uv_mutex_unlock(&disk->lock);
}

void fake_disk_note(struct fake_disk *disk, const char *line)
{
    uv_mutex_lock(&disk->lock);
    add_line(disk, line, "");
    uv_mutex_unlock(&disk->lock);
}

void fake_disk_forget(struct fake_disk *disk)
{
    uv_mutex_lock(&disk->lock);
    buf_clear(&disk->record);
    uv_mutex_unlock(&disk->lock);
}

/* The line at *at, without its end; moves on. False at the end. */
static bool next_line(const struct buf *record, size_t *at, struct slice *line)
{
    if (*at >= record->size)
        return false;
    const uint8_t *start = record->data + *at;
    const uint8_t *end = memchr(start, '\n', record->size - *at);
    *line = slice_of(start, (size_t)(end - start));
    *at += line->size + 1;
    return true;
}

static bool line_begins(struct slice line, const char *prefix)
{
    return line.size >= strlen(prefix) && memcmp(line.data, prefix, strlen(prefix)) == 0;
}

unsigned fake_disk_count(struct fake_disk *disk, const char *prefix)
{
    unsigned count = 0;
    size_t at = 0;
    struct slice line;
    uv_mutex_lock(&disk->lock);
    while (next_line(&disk->record, &at, &line))
        count += line_begins(line, prefix);
    uv_mutex_unlock(&disk->lock);
    return count;
}

void fake_disk_lines(struct fake_disk *disk, const char *const words[], struct buf *out)
{
    size_t at = 0;
    struct slice line;
    uv_mutex_lock(&disk->lock);
    while (next_line(&disk->record, &at, &line)) {
        bool wanted = false;
        for (size_t i = 0; words[i][0] != '\0'; i++)
            wanted |= line_begins(line, words[i]);
        if (wanted) {
            buf_append_slice(out, line);
            buf_append(out, "|", 1);
        }
    }
    uv_mutex_unlock(&disk->lock);
}

const char *fake_disk_path(struct fake_disk *disk, const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", disk->folder, name);
    return path;
}

void fake_disk_put(struct fake_disk *disk, const char *name, const char *text)
{
    FILE *file = fopen(fake_disk_path(disk, name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

bool fake_disk_get(struct fake_disk *disk, const char *name, struct buf *out)
{
    FILE *file = fopen(fake_disk_path(disk, name), "r");
    char bytes[4096];
    size_t n;
    if (file == NULL)
        return false;
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0)
        buf_append(out, bytes, n);
    fclose(file);
    return true;
}

void fake_disk_assert(struct fake_disk *disk, const char *name, const char *text)
{
    struct buf content = BUF_EMPTY;
    bool there = fake_disk_get(disk, name, &content);
    assert_int_equal(there, text != NULL);
    if (text != NULL)
        assert_bytes(buf_slice(&content), text);
    buf_release(&content);
}

unsigned fake_disk_entries(struct fake_disk *disk, const char *prefix)
{
    unsigned count = 0;
    DIR *folder = opendir(disk->folder);
    struct dirent *entry;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                 begins(entry->d_name, prefix);
    closedir(folder);
    return count;
}

void fake_disk_rename(struct fake_disk *disk, const char *from, const char *to)
{
    char old_path[128], new_path[128];
    snprintf(old_path, sizeof old_path, "%s/%s", disk->root, from);
    snprintf(new_path, sizeof new_path, "%s/%s", disk->root, to);
    assert_int_equal(rename(old_path, new_path), 0);
}

enum { NOBODY = 65534 };

void fake_disk_begin_nobody(struct fake_disk *disk)
{
    if (getuid() != 0)
        return;
    assert_int_equal(chown(disk->root, NOBODY, (gid_t)-1), 0);
    assert_int_equal(chown(disk->folder, NOBODY, (gid_t)-1), 0);
    assert_int_equal(seteuid(NOBODY), 0);
}

void fake_disk_end_nobody(void)
{
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
}

void assert_bytes(struct slice bytes, const char *text)
{
    assert_int_equal(bytes.size, strlen(text));
    if (bytes.size > 0)
        assert_memory_equal(bytes.data, text, bytes.size);
}
