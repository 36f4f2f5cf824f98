/* Appending to segments and removing them. Knows where records begin and end, nothing of what they change. */
#include "store/journal.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

#include <assert.h>
#include <utlist.h>

struct segment {
    struct segment *prev; /* utlist */
    struct segment *next;
    uint64_t sequence;
    uint64_t last_lsn; /* of its last record that counts; of the one before it if it has none */
    size_t end;        /* of the records that count: offset in the file; 0: none, not even a head */
};

struct journal {
    struct journal_config config;
    struct segment *segments; /* utlist, oldest first */
    int fd;                   /* of the last one; -1: the next append begins a new one */
    size_t room;              /* bytes that the last one was made for */
    uint64_t sequence;        /* of the next segment */
    uint64_t durable;
    bool removed; /* a segment, and that is perhaps not durable yet */
};

struct journal *journal_new(const struct journal_config *config)
{
    struct journal *journal = mem_zalloc(sizeof *journal);
    journal->config = *config;
    journal->fd = -1;
    journal->sequence = config->sequence;
    journal->durable = config->lsn;
    return journal;
}

static void close_segment(struct journal *journal)
{
    if (journal->fd >= 0)
        fs_close(journal->fd);
    journal->fd = -1;
}

void journal_free(struct journal *journal)
{
    struct segment *segment, *next;
    close_segment(journal);
    DL_FOREACH_SAFE(journal->segments, segment, next)
    mem_free(segment);
    mem_free(journal);
}

static void segment_path(const struct journal *journal, const struct segment *segment,
                         char path[FILES_PATH_ROOM])
{
    char name[SEGMENT_NAME_ROOM];
    segment_name(journal->config.worker, segment->sequence, name);
    files_path(journal->config.files, name, path);
}

static struct segment *last_segment(const struct journal *journal)
{
    return journal->segments == NULL ? NULL : journal->segments->prev;
}

/* False if somebody has moved the folder, or removed the segment: what is written to it would be lost. */
static bool segment_is_there(const struct journal *journal, const struct segment *segment)
{
    char path[FILES_PATH_ROOM];
    bool same = false;
    segment_path(journal, segment, path);
    if (fs_same_file(&journal->config.files->fs, path, journal->fd, &same) == 0 && same)
        return true;
    log_write(LOG_ERROR, "journal", "segment_gone", "worker=%u sequence=%llu", journal->config.worker,
              (unsigned long long)segment->sequence);
    return false;
}

static bool has_room(const struct journal *journal, size_t size)
{
    return journal->fd >= 0 && size <= journal->room - last_segment(journal)->end;
}

static int begin_segment(struct journal *journal, size_t size)
{
    const struct fs *fs = &journal->config.files->fs;
    char path[FILES_PATH_ROOM];
    struct segment *segment = mem_zalloc(sizeof *segment);
    segment->sequence = journal->sequence++;
    segment->last_lsn = journal->durable;
    segment_path(journal, segment, path);
    int status = fs_create(fs, path, &journal->fd);
    if (status != 0) {
        mem_free(segment);
        return status;
    }
    journal->room = SEGMENT_HEAD_SIZE + size;
    if (journal->room < journal->config.segment_size)
        journal->room = journal->config.segment_size;
    /* Where that cannot be done the file grows with each write, and if the disk is full that will tell. */
    (void)fs_allocate(fs, journal->fd, path, journal->room);
    DL_APPEND(journal->segments, segment);
    return 0;
}

/* The batch, its first record's durable set, behind the segment's head if that is not there yet. */
static int write_batch(struct journal *journal, const char *path, struct slice records)
{
    const struct fs *fs = &journal->config.files->fs;
    struct segment *segment = last_segment(journal);
    struct segment_head head = {journal->config.worker, segment->sequence, journal->durable};
    struct buf front = BUF_EMPTY;
    if (segment->end == 0)
        segment_head_append(&front, &head);
    buf_append(&front, records.data, RECORD_HEAD_SIZE);
    record_set_durable(front.data + front.size - RECORD_HEAD_SIZE, journal->durable);
    int status = fs_append_both(fs, journal->fd, path, buf_slice(&front),
                                slice_of(records.data + RECORD_HEAD_SIZE, records.size - RECORD_HEAD_SIZE));
    buf_release(&front);
    return status;
}

/* What it holds of the batch does not count. A segment that has nothing else goes, if it can. */
static void give_up_segment(struct journal *journal, const char *path)
{
    struct segment *segment = last_segment(journal);
    close_segment(journal);
    if (segment->end == 0 && fs_remove(&journal->config.files->fs, path) == 0) {
        DL_DELETE(journal->segments, segment); /* is in it: NOLINT(clang-analyzer-core.NullDereference) */
        mem_free(segment);
    }
}

int journal_append(struct journal *journal, struct slice records, uint64_t last_lsn)
{
    char path[FILES_PATH_ROOM];
    assert(records.size > RECORD_HEAD_SIZE && last_lsn > journal->durable);
    if (!has_room(journal, records.size) || !segment_is_there(journal, last_segment(journal)))
        close_segment(journal);
    int status = journal->fd < 0 ? begin_segment(journal, records.size) : 0;
    if (status != 0)
        return status;
    struct segment *segment = last_segment(journal);
    bool is_new = segment->end == 0;
    segment_path(journal, segment, path);
    status = write_batch(journal, path, records);
    if (status == 0)
        status = fs_sync_data(&journal->config.files->fs, journal->fd, path);
    if (status == 0 && is_new)
        status = files_sync(journal->config.files); /* or nobody would find it after a power failure */
    if (status != 0) {
        give_up_segment(journal, path);
        return status;
    }
    journal->removed = journal->removed && !is_new;
    journal->durable = segment->last_lsn = last_lsn;
    segment->end += (is_new ? SEGMENT_HEAD_SIZE : 0) + records.size;
    return 0;
}

uint64_t journal_durable(const struct journal *journal)
{
    return journal->durable;
}

size_t journal_size(const struct journal *journal)
{
    const struct segment *segment;
    size_t size = 0;
    DL_FOREACH(journal->segments, segment)
    size += segment->end == 0 ? 0 : segment->end - SEGMENT_HEAD_SIZE;
    return size;
}

static int remove_oldest(struct journal *journal)
{
    char path[FILES_PATH_ROOM];
    struct segment *segment = journal->segments;
    if (segment->next == NULL)
        close_segment(journal);
    segment_path(journal, segment, path);
    int status = journal->removed ? files_sync(journal->config.files) : 0;
    if (status != 0)
        return status;
    journal->removed = false;
    status = fs_remove(&journal->config.files->fs, path);
    if (status != 0)
        return status;
    journal->removed = true;
    DL_DELETE(journal->segments, segment); /* is in it: NOLINT(clang-analyzer-core.NullDereference) */
    mem_free(segment);
    return 0;
}

int journal_remove_below(struct journal *journal, uint64_t lsn)
{
    int status = 0;
    while (status == 0 && journal->segments != NULL && journal->segments->last_lsn < lsn)
        status = remove_oldest(journal);
    return status;
}

/* Calls each with the records of a segment's bytes, which end where the last one that counts ends. */
static int scan_bytes(struct slice bytes, size_t end, void (*each)(void *ctx, const struct record *record),
                      void *ctx)
{
    struct slice counted = slice_of(bytes.data, bytes.size < end ? bytes.size : end);
    struct segment_cursor cursor = segment_cursor_of(counted, 0);
    struct record record;
    struct segment_damage damage;
    enum segment_step step;
    int status = 0;
    while ((step = segment_next(&cursor, &record, &damage)) != SEGMENT_END) {
        if (step == SEGMENT_RECORD)
            each(ctx, &record);
        else
            status = ERR_CORRUPT;
    }
    return cursor.at == end ? status : ERR_CORRUPT;
}

static int scan_segment(const struct journal *journal, const struct segment *segment,
                        void (*each)(void *ctx, const struct record *record), void *ctx)
{
    char path[FILES_PATH_ROOM];
    struct buf bytes = BUF_EMPTY;
    segment_path(journal, segment, path);
    int status = fs_read_file(&journal->config.files->fs, path, SIZE_MAX, &bytes);
    if (status == 0)
        status = scan_bytes(buf_slice(&bytes), segment->end, each, ctx);
    buf_release(&bytes);
    return status;
}

int journal_scan(const struct journal *journal, void (*each)(void *ctx, const struct record *record),
                 void *ctx)
{
    const struct segment *segment;
    int status = 0;
    DL_FOREACH(journal->segments, segment)
    {
        int of_segment = segment->end == 0 ? 0 : scan_segment(journal, segment, each, ctx);
        if (status == 0)
            status = of_segment;
    }
    return status;
}
