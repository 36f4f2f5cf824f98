/* What a start makes of journals: pure, and in a folder. The input is a list of steps that write segments as
 * a journal does, and then spoil them:
 *
 *   0 worker void   begins a segment
 *   1 key kind gap  a record: a change of one of four keys
 *   2 size bytes    any bytes
 *   3 size          zeros
 *   4 at at bits    flips bits of a byte
 *   5 at at         cuts the segment
 *   6 key size ...  a value file
 *   7 calls         the first start fails at that file system call, and is done again
 *
 * No record in front of the first bad place of a journal may be lost, and without damage the files are what
 * the records that count make of them. A change is the text of its LSN and a ';', as in
 * store/test_recovery.c. */
#include "fuzz.h"

#include "base/error.h"
#include "base/mem.h"
#include "store/recovery.h"
#include "store/replay.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 8, KEYS = 4, VALUE_MAX = 1 << 16, TEXT_ROOM = 24 };

struct made_segment {
    struct segment_head head;
    struct buf bytes;
    size_t whole; /* so many bytes at the front are what a journal wrote */
};

struct made {
    struct made_segment segments[SEGMENTS_MAX];
    unsigned count;
    uint64_t lsn;            /* of the last record */
    struct buf values[KEYS]; /* of the files before; empty: none */
    bool any_bytes;          /* step 2 may have made records again */
    unsigned fail_at;        /* 0: never */
    unsigned calls;          /* of the file system so far */
};

static char folder[64];

/* ---- the toy's values ---- */

static unsigned long long last_number(struct slice value)
{
    size_t at = value.size > 0 ? value.size - 1 : 0;
    while (at > 0 && value.data[at - 1] != ';')
        at--;
    char text[TEXT_ROOM] = "";
    size_t size = value.size - at < TEXT_ROOM ? value.size - at : TEXT_ROOM - 1;
    if (size > 0)
        memcpy(text, value.data + at, size);
    return strtoull(text, NULL, 10);
}

static int fold(void *ctx, struct slice value, struct slice changes, struct buf *out)
{
    unsigned long long last = last_number(value);
    if (value.size > 0 && value.data[value.size - 1] != ';')
        return ERR_CORRUPT;
    buf_append_slice(out, value);
    while (changes.size > 0) {
        const uint8_t *end = memchr(changes.data, ';', changes.size);
        struct slice change =
            fuzz_take(&changes, end == NULL ? changes.size : (size_t)(end + 1 - changes.data));
        if (last_number(change) > last)
            buf_append_slice(out, change);
    }
    return 0;
}

/* A key of any bytes: what a flipped or made up record may have. */
static void file_name(void *ctx, struct slice key, char name[256])
{
    size_t size = key.size < 100 ? key.size : 100;
    for (size_t i = 0; i < size; i++)
        snprintf(name + 2 * i, 3, "%02x", key.data[i]);
}

static const struct store_ops ops = {.fold = fold, .file_name = file_name};

/* ---- steps ---- */

static struct made_segment *last_segment(struct made *made)
{
    return made->count == 0 ? NULL : &made->segments[made->count - 1];
}

static void begin_segment(struct made *made, uint8_t worker, uint8_t less)
{
    if (made->count == SEGMENTS_MAX)
        return;
    struct made_segment *segment = &made->segments[made->count++];
    *segment = (struct made_segment){.head = {.worker = worker % 2,
                                              .sequence = made->count,
                                              .void_above = made->lsn - less % (made->lsn + 1)}};
    segment_head_append(&segment->bytes, &segment->head);
    segment->whole = segment->bytes.size;
}

static void add_record(struct made *made, struct slice *input)
{
    struct made_segment *segment = last_segment(made);
    uint8_t key = 'a' + fuzz_take_u8(input) % KEYS;
    enum record_kind kind = (enum record_kind)(1 + fuzz_take_u8(input) % 3);
    uint8_t gap = fuzz_take_u8(input);
    char text[TEXT_ROOM];
    bool is_whole = segment->whole == segment->bytes.size;
    uint64_t durable = (gap & 0x80) != 0 ? made->lsn : segment->head.void_above;
    made->lsn += 1 + (gap & 3);
    snprintf(text, sizeof text, "%llu;", (unsigned long long)made->lsn);
    struct slice change = kind == RECORD_DELETE ? slice_of(NULL, 0) : slice_of_text(text);
    record_append(
        &segment->bytes,
        &(struct record){
            .lsn = made->lsn, .durable = durable, .kind = kind, .key = slice_of(&key, 1), .change = change});
    if (is_whole)
        segment->whole = segment->bytes.size;
}

static void spoil(struct made_segment *segment, size_t at)
{
    if (at < segment->whole)
        segment->whole = at;
}

static void spoil_step(struct made_segment *segment, uint8_t step, struct slice *input)
{
    size_t at = fuzz_take_u16(input);
    uint8_t bits = step == 4 ? fuzz_take_u8(input) : 0;
    if (at >= segment->bytes.size)
        return;
    if (step == 4)
        segment->bytes.data[at] ^= bits;
    else
        segment->bytes.size = at;
    spoil(segment, at);
}

static void append_step(struct made *made, struct made_segment *segment, uint8_t step, struct slice *input)
{
    static const uint8_t zeros[256];
    size_t size = fuzz_take_u8(input);
    if (step == 2)
        buf_append_slice(&segment->bytes, fuzz_take(input, size));
    else
        buf_append(&segment->bytes, zeros, size);
    made->any_bytes = made->any_bytes || step == 2;
}

static void make_step(struct made *made, uint8_t step, struct slice *input)
{
    struct made_segment *segment = last_segment(made);
    if (step == 0) {
        uint8_t worker = fuzz_take_u8(input);
        begin_segment(made, worker, fuzz_take_u8(input));
    } else if (step == 6) {
        struct buf *value = &made->values[fuzz_take_u8(input) % KEYS];
        buf_clear(value);
        buf_append_slice(value, fuzz_take(input, fuzz_take_u8(input)));
    } else if (step == 7) {
        made->fail_at = fuzz_take_u8(input);
    } else if (segment == NULL) {
        begin_segment(made, 0, 0);
    } else if (step == 1) {
        add_record(made, input);
    } else if (step == 2 || step == 3) {
        append_step(made, segment, step, input);
    } else {
        spoil_step(segment, step, input);
    }
}

/* ---- the folder ---- */

static void write_file(const char *name, struct slice bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    FUZZ_CHECK(file != NULL);
    FUZZ_CHECK(fwrite(bytes.data, 1, bytes.size, file) == bytes.size);
    FUZZ_CHECK(fclose(file) == 0);
}

static void empty_folder(void)
{
    char path[512];
    DIR *entries = opendir(folder);
    FUZZ_CHECK(entries != NULL);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            FUZZ_CHECK(unlink(path) == 0);
    }
    closedir(entries);
}

static void remove_folder(void)
{
    empty_folder();
    rmdir(folder);
}

static void make_folder(void)
{
    strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/fuzz_replay.XXXXXX" : "/tmp/fuzz_replay.XXXXXX");
    FUZZ_CHECK(mkdtemp(folder) != NULL);
    atexit(remove_folder);
}

static void write_folder(const struct made *made)
{
    char name[256];
    for (unsigned i = 0; i < made->count; i++) {
        segment_name(made->segments[i].head.worker, made->segments[i].head.sequence, name);
        write_file(name, buf_slice(&made->segments[i].bytes));
    }
    for (uint8_t i = 0; i < KEYS; i++) {
        uint8_t key = 'a' + i;
        file_name(NULL, slice_of(&key, 1), name);
        if (made->values[i].size > 0)
            write_file(name, buf_slice(&made->values[i]));
    }
}

/* ---- what has to be so ---- */

/* LSNs above that do not count in the segment. */
static uint64_t limit_of(const struct replay *replay, size_t at)
{
    for (size_t i = at + 1; i < replay->count && replay->segments[i].worker == replay->segments[at].worker;
         i++) {
        if (replay->segments[i].head_is_whole)
            return replay->segments[i].head.void_above;
    }
    return UINT64_MAX;
}

/* The records of the journal's first segment that stand in front of its first bad place. */
static void check_front(const struct made *made, const struct replay *replay, size_t first,
                        const struct replay_journal *journal)
{
    const struct replay_segment *segment = &replay->segments[first];
    const struct made_segment *written = &made->segments[segment->sequence - 1];
    uint64_t limit = limit_of(replay, first);
    if (written->whole < SEGMENT_HEAD_SIZE)
        return;
    struct slice whole = slice_of(segment->bytes.data, written->whole);
    struct segment_cursor cursor = segment_cursor_of(whole, written->head.void_above);
    struct segment_damage damage;
    struct record record;
    for (size_t i = 0; segment_next(&cursor, &record, &damage) == SEGMENT_RECORD && record.lsn <= limit;
         i++) {
        FUZZ_CHECK(i < journal->count);
        FUZZ_CHECK(journal->records[i].lsn == record.lsn && journal->records[i].kind == record.kind);
        FUZZ_CHECK(slice_equal(journal->records[i].key, record.key));
        FUZZ_CHECK(slice_equal(journal->records[i].change, record.change));
    }
}

/* What counts, of all journals, by LSN. */
struct counted {
    struct record *records;
    size_t count;
};

static int compare_records(const void *a, const void *b)
{
    const struct record *left = a, *right = b;
    return (left->lsn > right->lsn) - (left->lsn < right->lsn);
}

static void check_journals(const struct made *made, const struct replay *replay, struct counted *counted)
{
    for (size_t first = 0; first < replay->count;) {
        struct replay_journal journal;
        replay_journal(replay, first, &journal);
        check_front(made, replay, first, &journal);
        for (size_t i = 0; i < journal.count; i++) {
            FUZZ_CHECK(i == 0 || journal.records[i - 1].lsn < journal.records[i].lsn);
            FUZZ_CHECK(journal.records[i].lsn <= journal.lsn && journal.records[i].key.size > 0);
        }
        size_t count = counted->count + journal.count;
        counted->records = mem_realloc(counted->records, count * sizeof *counted->records + 1);
        if (journal.count > 0)
            memcpy(counted->records + counted->count, journal.records,
                   journal.count * sizeof *journal.records);
        counted->count = count;
        FUZZ_CHECK(journal.next > first);
        first = journal.next;
        replay_journal_release(&journal);
    }
    if (counted->count > 1)
        qsort(counted->records, counted->count, sizeof *counted->records, compare_records);
}

/* The last PUT or DELETE is what there was, whatever stood before. */
static void apply(struct buf *value, const struct record *record)
{
    struct buf next = BUF_EMPTY;
    if (record->kind != RECORD_CHANGE)
        buf_append_slice(&next, record->change);
    else if (fold(NULL, buf_slice(value), record->change, &next) != 0)
        buf_append_slice(&next, buf_slice(value));
    buf_release(value);
    *value = next;
}

static void check_value(const struct files *files, struct slice key, struct slice expected)
{
    char name[256];
    struct buf content = BUF_EMPTY;
    file_name(NULL, key, name);
    int status = files_read(files, name, &content);
    FUZZ_CHECK(status == 0 || (status == ERR_NOT_FOUND && expected.size == 0));
    FUZZ_CHECK(slice_equal(buf_slice(&content), expected));
    buf_release(&content);
}

static void check_values(struct made *made, const struct files *files, const struct counted *counted)
{
    for (uint8_t i = 0; i < KEYS; i++) {
        uint8_t key = 'a' + i;
        for (size_t at = 0; at < counted->count; at++) {
            if (slice_equal(counted->records[at].key, slice_of(&key, 1)))
                apply(&made->values[i], &counted->records[at]);
        }
        check_value(files, slice_of(&key, 1), buf_slice(&made->values[i]));
    }
}

static int fault(void *ctx, enum fs_call call, const char *path)
{
    struct made *made = ctx;
    return ++made->calls == made->fail_at ? -EIO : 0;
}

static bool start(struct files *files, struct made *made, struct recovery *recovery)
{
    *recovery = (struct recovery){0};
    if (files_open(files, folder, VALUE_MAX, (struct fs){.fault = fault, .ctx = made}) != 0)
        return false;
    int status = recovery_run(files, &ops, recovery);
    FUZZ_CHECK(status == 0 || status == ERR_VERSION || made->fail_at != 0);
    if (status != 0)
        files_close(files);
    return status == 0;
}

/* Nothing is left to do, and the next start does nothing. */
static void check_done(struct files *files)
{
    struct recovery again = {0};
    struct buf names = BUF_EMPTY;
    FUZZ_CHECK(files_journals(files, &names) == 0 && names.size == 0);
    FUZZ_CHECK(recovery_run(files, &ops, &again) == 0);
    FUZZ_CHECK(again.keys == 0 && again.records == 0 && again.problems == 0);
    buf_release(&names);
}

static void run_in_folder(struct made *made, const struct counted *counted)
{
    struct files files;
    struct recovery recovery;
    bool failed = made->fail_at != 0 && !start(&files, made, &recovery);
    bool started = made->fail_at != 0 && !failed;
    made->fail_at = 0;
    if (!started)
        started = start(&files, made, &recovery);
    if (!started)
        return; /* another version */
    check_done(&files);
    if (!failed && recovery.problems == 0 && !made->any_bytes)
        check_values(made, &files, counted);
    files_close(&files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    struct made made = {.count = 0};
    struct replay replay;
    struct files files;
    struct counted counted = {NULL, 0};
    if (folder[0] == '\0')
        make_folder();
    while (input.size > 0)
        make_step(&made, fuzz_take_u8(&input) % 8, &input);
    write_folder(&made);
    FUZZ_CHECK(files_open_to_read(&files, folder, VALUE_MAX, (struct fs){0}) == 0);
    int status = replay_open(&replay, &files);
    FUZZ_CHECK(status == 0 || status == ERR_VERSION);
    if (status == 0)
        check_journals(&made, &replay, &counted);
    files_close(&files);
    run_in_folder(&made, &counted);
    if (status == 0)
        replay_close(&replay);
    empty_folder();
    mem_free(counted.records);
    for (unsigned i = 0; i < made.count; i++)
        buf_release(&made.segments[i].bytes);
    for (unsigned i = 0; i < KEYS; i++)
        buf_release(&made.values[i]);
    return 0;
}
