#include "fake_power.h"

#include "base/buf.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRIES = 512, OPERATIONS = 8192, NAME_ROOM = 128, PATH_ROOM = 512, SECTOR = 512 };

struct entry {
    char name[NAME_ROOM];
    uint64_t file; /* inode */
};

struct entries {
    struct entry list[ENTRIES];
    unsigned count;
};

/* Of the folder, not synced. */
struct operation {
    char name[NAME_ROOM]; /* has this file from then on */
    char from[NAME_ROOM]; /* a name that goes with it; "": none */
    uint64_t file;        /* 0: name goes */
};

/* Beside the folder stands another one: <inode> is a link to each file that was ever seen, so that what is
 * removed is kept, <inode>.synced its bytes as they were when it was synced. */
struct fake_power {
    char root[NAME_ROOM];
    struct entries now;
    struct entries synced;
    struct operation operations[OPERATIONS]; /* between the two */
    unsigned count;
};

unsigned next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (unsigned)(*seed >> 20);
}

/* ---- paths and files ---- */

struct path {
    char text[PATH_ROOM];
};

static struct path in_folder(const struct fake_power *power, const char *name)
{
    struct path path;
    snprintf(path.text, sizeof path.text, "%s/persist/%s", power->root, name);
    return path;
}

static struct path beside(const struct fake_power *power)
{
    struct path path;
    snprintf(path.text, sizeof path.text, "%s/power", power->root);
    return path;
}

static struct path link_of(const struct fake_power *power, uint64_t file, const char *suffix)
{
    struct path path;
    snprintf(path.text, sizeof path.text, "%s/power/%llu%s", power->root, (unsigned long long)file, suffix);
    return path;
}

static void read_bytes(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "r");
    char bytes[4096];
    size_t n;
    if (file == NULL)
        return;
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0)
        buf_append(out, bytes, n);
    fclose(file);
}

static void write_bytes(const char *path, struct slice bytes)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    if (bytes.size > 0)
        assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    assert_int_equal(fclose(file), 0);
}

static void empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_type != DT_DIR)
            assert_int_equal(unlinkat(dirfd(folder), entry->d_name, 0), 0);
    }
    closedir(folder);
}

/* ---- watching ---- */

static struct entry *find(struct entries *entries, const char *name)
{
    for (unsigned i = 0; i < entries->count; i++) {
        if (strcmp(entries->list[i].name, name) == 0)
            return &entries->list[i];
    }
    return NULL;
}

static void set(struct entries *entries, const char *name, uint64_t file)
{
    struct entry *entry = find(entries, name);
    if (entry == NULL) {
        assert_true(entries->count < ENTRIES && strlen(name) < NAME_ROOM);
        entry = &entries->list[entries->count++];
        strcpy(entry->name, name);
    }
    entry->file = file;
}

static void unset(struct entries *entries, const char *name)
{
    struct entry *entry = find(entries, name);
    if (entry != NULL)
        *entry = entries->list[--entries->count];
}

static void apply(struct entries *entries, const struct operation *operation)
{
    if (operation->file == 0) {
        unset(entries, operation->name);
        return;
    }
    if (operation->from[0] != '\0')
        unset(entries, operation->from);
    set(entries, operation->name, operation->file);
}

/* A file that was seen is kept, so that no other one gets its number. */
static bool is_kept(const struct fake_power *power, const struct path *path, const struct dirent *entry)
{
    struct path kept = link_of(power, entry->d_ino, "");
    if (link(path->text, kept.text) == 0 || errno == EEXIST)
        return true;
    assert_int_equal(errno, ENOENT); /* another thread has removed it meanwhile */
    return false;
}

static void list(struct fake_power *power, struct entries *entries)
{
    DIR *folder = opendir(in_folder(power, "").text);
    struct dirent *entry;
    entries->count = 0;
    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_type != DT_REG)
            continue;
        const struct entry *before = find(&power->now, entry->d_name);
        struct path path = in_folder(power, entry->d_name);
        if ((before != NULL && before->file == entry->d_ino) || is_kept(power, &path, entry))
            set(entries, entry->d_name, entry->d_ino);
    }
    closedir(folder);
}

static struct operation *add(struct fake_power *power, const char *name, uint64_t file)
{
    assert_true(power->count < OPERATIONS);
    struct operation *operation = &power->operations[power->count++];
    *operation = (struct operation){.file = file};
    strcpy(operation->name, name);
    return operation;
}

/* The name that this file had and has no more. */
static const char *name_before(struct fake_power *power, struct entries *seen, uint64_t file)
{
    for (unsigned i = 0; i < power->now.count; i++) {
        if (power->now.list[i].file == file && find(seen, power->now.list[i].name) == NULL)
            return power->now.list[i].name;
    }
    return "";
}

/* What has been done to the folder since the last time; mostly that is one thing. */
static void watch(struct fake_power *power)
{
    static struct entries seen;
    list(power, &seen);
    for (unsigned i = 0; i < seen.count; i++) {
        const struct entry *before = find(&power->now, seen.list[i].name);
        if (before != NULL && before->file == seen.list[i].file)
            continue;
        struct operation *operation = add(power, seen.list[i].name, seen.list[i].file);
        strcpy(operation->from, name_before(power, &seen, operation->file));
        apply(&power->now, operation);
    }
    for (unsigned i = power->now.count; i > 0; i--) {
        if (find(&seen, power->now.list[i - 1].name) == NULL)
            apply(&power->now, add(power, power->now.list[i - 1].name, 0));
    }
}

static void sync_file(struct fake_power *power, uint64_t file)
{
    struct buf bytes = BUF_EMPTY;
    read_bytes(link_of(power, file, "").text, &bytes);
    write_bytes(link_of(power, file, ".synced").text, buf_slice(&bytes));
    buf_release(&bytes);
}

static void sync_folder(struct fake_power *power)
{
    power->synced = power->now;
    power->count = 0;
}

/* What nobody can find after that is gone for good. */
static void sync_all(struct fake_power *power)
{
    for (unsigned i = 0; i < power->now.count; i++)
        sync_file(power, power->now.list[i].file);
    sync_folder(power);
}

void fake_power_call(struct fake_power *power, enum fs_call call, const char *path, bool succeeds)
{
    struct stat info;
    watch(power);
    if (!succeeds || (call != FS_FSYNC && call != FS_FDATASYNC && call != FS_SYNCFS))
        return;
    if (call == FS_SYNCFS)
        sync_all(power);
    else if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        sync_folder(power);
    else if (access(link_of(power, info.st_ino, "").text, F_OK) == 0)
        sync_file(power, info.st_ino);
}

/* ---- the power fails ---- */

static size_t between(size_t a, size_t b, uint64_t *seed)
{
    size_t least = a < b ? a : b, most = a < b ? b : a;
    switch (next_random(seed) % 3) {
    case 0:
        return least;
    case 1:
        return most;
    default:
        return least + next_random(seed) % (most - least + 1);
    }
}

/* Of the bytes that were synced and those that were not. */
static void mix(struct slice synced, struct slice written, uint64_t *seed, struct buf *out)
{
    size_t size = between(synced.size, written.size, seed);
    unsigned way = next_random(seed) % 4;
    size_t prefix = between(0, size, seed);
    for (size_t at = 0; at < size; at += SECTOR) {
        bool new = way == 0 || (way == 1 && at < prefix) || (way == 2 && next_random(seed) % 2 == 0);
        struct slice from = new ? written : synced;
        size_t count = size - at < SECTOR ? size - at : SECTOR;
        uint8_t *to = buf_extend(out, count);
        memset(to, 0, count);
        if (at < from.size)
            memcpy(to, from.data + at, from.size - at < count ? from.size - at : count);
    }
}

static void choose_entries(struct fake_power *power, uint64_t *seed, struct entries *left)
{
    unsigned way = next_random(seed) % 4;
    unsigned prefix = next_random(seed) % (power->count + 1);
    *left = power->synced;
    for (unsigned i = 0; i < power->count; i++) {
        if (way == 0 || (way == 1 && i < prefix) || (way == 2 && next_random(seed) % 2 == 0))
            apply(left, &power->operations[i]);
    }
}

static void begin_anew(struct fake_power *power)
{
    empty_folder(beside(power).text);
    power->count = power->now.count = 0;
    watch(power);
    sync_all(power);
}

void fake_power_cut(struct fake_power *power, uint64_t *seed)
{
    static struct entries left;
    struct buf contents[ENTRIES] = {BUF_EMPTY};
    watch(power);
    if (access(in_folder(power, "").text, F_OK) != 0)
        return;
    choose_entries(power, seed, &left);
    for (unsigned i = 0; i < left.count; i++) {
        struct buf synced = BUF_EMPTY, written = BUF_EMPTY;
        read_bytes(link_of(power, left.list[i].file, ".synced").text, &synced);
        read_bytes(link_of(power, left.list[i].file, "").text, &written);
        mix(buf_slice(&synced), buf_slice(&written), seed, &contents[i]);
        buf_release(&synced);
        buf_release(&written);
    }
    empty_folder(in_folder(power, "").text);
    for (unsigned i = 0; i < left.count; i++) {
        write_bytes(in_folder(power, left.list[i].name).text, buf_slice(&contents[i]));
        buf_release(&contents[i]);
    }
    begin_anew(power);
}

struct fake_power *fake_power_new(const char *root)
{
    struct fake_power *power =
        mmap(NULL, sizeof *power, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(power, MAP_FAILED);
    snprintf(power->root, sizeof power->root, "%s", root);
    assert_int_equal(mkdir(beside(power).text, 0700), 0);
    watch(power);
    sync_all(power);
    return power;
}

void fake_power_free(struct fake_power *power)
{
    munmap(power, sizeof *power);
}
