/* Journals for the commands. Knows what a record has to hold; which records count is store/replay's. */
#include "tools/journals.h"

#include "base/error.h"
#include "store/replay.h"
#include "todo/database.h"
#include "todo/key.h"
#include "todo/list_term.h"
#include "wire/etf_canonical.h"
#include "wire/etf_check.h"
#include "wire/etf_external.h"

#include <string.h>

/* One reading. */
struct reading {
    const struct files *files; /* borrowed, as the next two */
    struct problems *problems;
    struct journals_found *found;
    void (*each)(void *ctx, const struct journal_entry *entry); /* NULL: nobody wants them */
    void *ctx;                                                  /* of each */
    struct replay replay;
};

static bool is_whole_term(struct slice bytes)
{
    struct slice term;
    return etf_check(bytes, LIST_DEPTH_MAX, &term) == 0 && term.size == bytes.size;
}

static bool is_key(struct slice bytes)
{
    struct buf canonical = BUF_EMPTY;
    bool same = is_whole_term(bytes) && key_canonical(bytes, &canonical) == 0 &&
                slice_equal(bytes, buf_slice(&canonical));
    buf_release(&canonical);
    return same;
}

/* Of a RECORD_PUT: the content of a file. */
static bool is_content(struct slice bytes)
{
    struct buf scratch = BUF_EMPTY;
    struct buf canonical = BUF_EMPTY;
    struct slice term;
    struct slice rest;
    bool is = etf_external_read(bytes, LIST_DEPTH_MAX, DATABASE_VALUE_MAX, &scratch, &term, &rest) == 0 &&
              etf_canonical(term, &canonical) == 0;
    buf_release(&scratch);
    buf_release(&canonical);
    return is;
}

/* The term Change of the tuple that is the record's payload: it ends where the change's own bytes end. */
static struct slice change_term(const struct record *record)
{
    const uint8_t *start = record->key.data + record->key.size;
    const uint8_t *end = record->change.data + record->change.size;
    return slice_of(start, record->kind == RECORD_DELETE ? 1 : (size_t)(end - start));
}

/* NULL: nothing is wrong. */
static const char *record_fault(const struct record *record)
{
    if (!is_key(record->key))
        return "the key of this record is none";
    if (!is_whole_term(change_term(record)))
        return "the change of this record is no term";
    if (record->kind == RECORD_PUT && !is_content(record->change))
        return "the value of this record is none";
    return NULL;
}

/* Where a record stands. */
static void tell_record(const struct reading *reading, const struct record *record, const char *text)
{
    const struct replay *replay = &reading->replay;
    for (size_t i = 0; i < replay->count; i++) {
        const struct buf *bytes = &replay->segments[i].bytes;
        if (record->key.data >= bytes->data && record->key.data < bytes->data + bytes->size) {
            size_t offset = (size_t)(record->key.data - bytes->data) - 3 - RECORD_HEAD_SIZE;
            problems_tell_at(reading->problems, replay->segments[i].name, offset, text);
        }
    }
}

static void read_record(const struct reading *reading, const struct record *record)
{
    const char *text = record_fault(record);
    const struct journal_entry entry = {record->lsn, record->key, change_term(record)};
    reading->found->records++;
    if (text != NULL)
        tell_record(reading, record, text);
    else if (reading->each != NULL)
        reading->each(reading->ctx, &entry);
}

static void tell_damage(const struct reading *reading, const struct replay_damage *damage)
{
    problems_tell_at(reading->problems, damage->segment->name, damage->place.offset,
                     damage->place.named ? "a record that was durable is damaged"
                                         : "records that were durable are missing or damaged");
}

/* first: of its segments. The next journal's first segment is returned. */
static size_t read_journal(struct reading *reading, size_t first)
{
    struct replay_journal journal;
    replay_journal(&reading->replay, first, &journal);
    for (size_t i = 0; i < journal.damage_count; i++)
        tell_damage(reading, &journal.damages[i]);
    for (size_t i = first; i < journal.next; i++) {
        const struct replay_segment *segment = &reading->replay.segments[i];
        if (segment->damaged && !segment->head_is_whole)
            problems_tell_at(reading->problems, segment->name, 0, "the head is damaged");
    }
    reading->found->torn += journal.torn != NULL;
    for (size_t i = 0; i < journal.count; i++)
        read_record(reading, &journal.records[i]);
    size_t next = journal.next;
    replay_journal_release(&journal);
    return next;
}

/* What keeps a start from reading them. */
static void tell_unreadable(const struct reading *reading, const char *name)
{
    struct buf bytes = BUF_EMPTY;
    struct segment_head head;
    char path[FILES_PATH_ROOM];
    files_path(reading->files, name, path);
    int status = fs_read_file(&reading->files->fs, path, SIZE_MAX, &bytes);
    if (status != 0)
        problems_tell(reading->problems, name, "cannot be read: %s", error_text(status));
    else if (segment_head_parse(buf_slice(&bytes), &head) == ERR_VERSION)
        problems_tell(reading->problems, name, "of a format version that this program does not know");
    buf_release(&bytes);
}

static void each_name(const struct reading *reading, const struct buf *names,
                      void (*tell)(const struct reading *reading, const char *name))
{
    for (size_t at = 0; at < names->size; at += strlen((const char *)names->data + at) + 1)
        tell(reading, (const char *)names->data + at);
}

static void tell_foreign(const struct reading *reading, const char *name)
{
    uint32_t worker;
    uint64_t sequence;
    if (strcmp(name, REPLAY_DONE) != 0 && !segment_name_parse(name, &worker, &sequence))
        problems_tell(reading->problems, name, "no journal has a file of this name");
}

static void read_all(struct reading *reading)
{
    reading->found->segments = reading->replay.count;
    for (size_t i = 0; !reading->replay.is_done && i < reading->replay.count;)
        i = read_journal(reading, i);
    replay_close(&reading->replay);
}

void journals_read(const struct files *files, struct problems *problems, struct journals_found *found,
                   void (*each)(void *ctx, const struct journal_entry *entry), void *ctx)
{
    struct reading reading = {.files = files, .problems = problems, .found = found, .each = each, .ctx = ctx};
    struct buf names = BUF_EMPTY;
    *found = (struct journals_found){0};
    int status = files_journals(files, &names);
    if (status == 0)
        each_name(&reading, &names, tell_foreign);
    if (status == 0)
        status = replay_open(&reading.replay, files);
    if (status == 0)
        read_all(&reading);
    else
        each_name(&reading, &names, tell_unreadable);
    buf_release(&names);
}

bool journals_exist(const struct files *files)
{
    struct buf names = BUF_EMPTY;
    bool any = files_journals(files, &names) != 0 || names.size > 0;
    buf_release(&names);
    return any;
}
