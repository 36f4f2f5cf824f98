/* Reading journals back: their files, and which of their records count. Knows nothing of keys and values. */
#include "store/replay.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- files ---- */

static int read_segment(const struct files *files, struct replay_segment *segment)
{
    char path[FILES_PATH_ROOM];
    files_path(files, segment->name, path);
    int status = fs_read_file(&files->fs, path, SIZE_MAX, &segment->bytes);
    if (status == 0) {
        int head = segment_head_parse(buf_slice(&segment->bytes), &segment->head);
        segment->head_is_whole = head == 0 && segment->head.worker == segment->worker &&
                                 segment->head.sequence == segment->sequence;
        status = head == ERR_VERSION ? ERR_VERSION : 0;
    }
    if (status != 0)
        log_write(LOG_ERROR, "replay", "unreadable", "file=%s error=%s", segment->name, error_atom(status));
    return status;
}

static void add_segment(struct replay *replay, const char *name)
{
    struct replay_segment segment = {0};
    if (!segment_name_parse(name, &segment.worker, &segment.sequence))
        return;
    segment_name(segment.worker, segment.sequence, segment.name);
    replay->segments = mem_realloc(replay->segments, (replay->count + 1) * sizeof segment);
    replay->segments[replay->count++] = segment;
}

static int compare_segments(const void *left, const void *right)
{
    const struct replay_segment *a = left, *b = right;
    if (a->worker != b->worker)
        return a->worker < b->worker ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

static int list_segments(struct replay *replay, const struct files *files)
{
    struct buf names = BUF_EMPTY;
    int status = files_journals(files, &names);
    for (size_t at = 0; status == 0 && at < names.size;) {
        const char *name = (const char *)names.data + at;
        add_segment(replay, name);
        at += strlen(name) + 1;
    }
    buf_release(&names);
    if (replay->count > 1)
        qsort(replay->segments, replay->count, sizeof *replay->segments, compare_segments);
    return status;
}

static int read_done(struct replay *replay, const struct files *files)
{
    char path[FILES_PATH_ROOM];
    files_path(files, REPLAY_DONE, path);
    int status = fs_read_file(&files->fs, path, SIZE_MAX, &replay->done);
    replay->is_done = status == 0;
    return status == ERR_NOT_FOUND ? 0 : status;
}

int replay_open(struct replay *replay, const struct files *files)
{
    *replay = (struct replay){0};
    int status = list_segments(replay, files);
    if (status == 0)
        status = read_done(replay, files);
    for (size_t i = 0; status == 0 && !replay->is_done && i < replay->count; i++)
        status = read_segment(files, &replay->segments[i]);
    if (status != 0)
        replay_close(replay);
    return status;
}

void replay_close(struct replay *replay)
{
    for (size_t i = 0; i < replay->count; i++)
        buf_release(&replay->segments[i].bytes);
    mem_free(replay->segments);
    buf_release(&replay->done);
}

/* ---- records ---- */

/* On the way through one journal. */
struct walk {
    struct replay_journal *journal;
    size_t records_room;
    size_t damages_room;
    bool begun;             /* there has been more than segments whose creation failed */
    size_t durable_damages; /* so many of the first were durable */
    uint64_t lsn;           /* of the last record that counts, or would if it were not damaged */
};

/* All up to lsn was durable. */
static void know_durable(struct walk *walk, uint64_t lsn)
{
    struct replay_journal *journal = walk->journal;
    while (walk->durable_damages < journal->damage_count &&
           journal->damages[walk->durable_damages].place.after < lsn)
        walk->durable_damages++;
}

static void see_lsn(struct walk *walk, uint64_t lsn)
{
    if (lsn > walk->journal->lsn)
        walk->journal->lsn = lsn;
}

static void add_record(struct walk *walk, const struct record *record)
{
    struct replay_journal *journal = walk->journal;
    if (journal->count == walk->records_room) {
        walk->records_room = walk->records_room == 0 ? 1024 : walk->records_room * 2;
        journal->records = mem_realloc(journal->records, walk->records_room * sizeof *record);
    }
    journal->records[journal->count++] = *record;
    walk->lsn = record->lsn;
}

static void add_damage(struct walk *walk, struct replay_segment *segment, const struct segment_damage *place)
{
    struct replay_journal *journal = walk->journal;
    if (journal->damage_count == walk->damages_room) {
        walk->damages_room = walk->damages_room == 0 ? 8 : walk->damages_room * 2;
        journal->damages = mem_realloc(journal->damages, walk->damages_room * sizeof *journal->damages);
    }
    journal->damages[journal->damage_count++] = (struct replay_damage){*place, segment, journal->count, 0};
}

/* Of the segments behind this one, the least void_above. */
static uint64_t void_above(const struct replay *replay, size_t segment)
{
    uint32_t worker = replay->segments[segment].worker;
    for (size_t i = segment + 1; i < replay->count && replay->segments[i].worker == worker; i++) {
        if (replay->segments[i].head_is_whole)
            return replay->segments[i].head.void_above; /* later ones have greater ones */
    }
    return UINT64_MAX;
}

/* True if it is not known how much is missing behind the last record. */
static bool ends_with_damage(const struct replay_journal *journal)
{
    if (journal->damage_count == 0)
        return false;
    const struct replay_damage *last = &journal->damages[journal->damage_count - 1];
    return last->records == journal->count && !last->place.named;
}

/* What a head says of the segments before. */
static void walk_head(struct walk *walk, struct replay_segment *segment)
{
    if (!segment->head_is_whole)
        return;
    uint64_t durable = segment->head.void_above;
    see_lsn(walk, durable);
    if (walk->begun && durable > walk->lsn && !ends_with_damage(walk->journal)) {
        struct replay_segment *before = segment - 1;
        add_damage(walk, before, &(struct segment_damage){.offset = before->bytes.size, .after = walk->lsn});
    }
    know_durable(walk, durable);
    if (durable > walk->lsn)
        walk->lsn = durable;
    walk->begun = true;
}

/* limit: records with a greater LSN do not count. */
static void walk_segment(struct walk *walk, struct replay_segment *segment, uint64_t limit)
{
    struct segment_cursor cursor = segment_cursor_of(buf_slice(&segment->bytes), walk->lsn);
    struct record record;
    struct segment_damage damage;
    enum segment_step step;
    bool any = false;
    while ((step = segment_next(&cursor, &record, &damage)) != SEGMENT_END) {
        walk->begun = true;
        if (step == SEGMENT_DAMAGE) {
            see_lsn(walk, damage.lsn);
            know_durable(walk, damage.durable);
            if (damage.after < limit && damage.lsn <= limit)
                add_damage(walk, segment, &damage);
            if (damage.lsn <= limit)
                walk->lsn = damage.lsn > walk->lsn ? damage.lsn : walk->lsn;
            continue;
        }
        any = true;
        see_lsn(walk, record.lsn);
        know_durable(walk, record.durable);
        if (record.lsn <= limit)
            add_record(walk, &record);
    }
    if (any && !segment->head_is_whole) {
        segment->damaged = true;
        walk->journal->bad_heads++;
    }
}

/* What was not durable at its first damaged place is the torn end; what is left is damage. */
static void cut_torn_end(struct walk *walk)
{
    struct replay_journal *journal = walk->journal;
    if (walk->durable_damages < journal->damage_count) {
        const struct replay_damage *torn = &journal->damages[walk->durable_damages];
        journal->torn = torn->segment;
        journal->torn_offset = torn->place.offset;
        journal->count = torn->records;
        journal->damage_count = walk->durable_damages;
    }
    for (size_t i = 0; i < journal->damage_count; i++) {
        struct replay_damage *damage = &journal->damages[i];
        damage->segment->damaged = true;
        damage->below = damage->records < journal->count ? journal->records[damage->records].lsn : UINT64_MAX;
    }
}

void replay_journal(const struct replay *replay, size_t first, struct replay_journal *journal)
{
    uint32_t worker = replay->segments[first].worker;
    struct walk walk = {.journal = journal};
    *journal = (struct replay_journal){.next = first};
    for (; journal->next < replay->count && replay->segments[journal->next].worker == worker;
         journal->next++) {
        struct replay_segment *segment = &replay->segments[journal->next];
        walk_head(&walk, segment);
        walk_segment(&walk, segment, void_above(replay, journal->next));
    }
    cut_torn_end(&walk);
}

void replay_journal_release(struct replay_journal *journal)
{
    mem_free(journal->records);
    mem_free(journal->damages);
}
