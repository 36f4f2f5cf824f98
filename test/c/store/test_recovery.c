/* What a start makes of journals: values as they were acknowledged; damage contained; a start that is
 * interrupted anywhere, and then done again.
 *
 * A change is the text of its LSN and a ';'. A value is such texts, ascending: a change that is there already
 * is not made again, as in the lists. */
#include "store/recovery.h"

#include "base/error.h"
#include "base/mem.h"
#include "fake_disk.h"
#include "fake_journal.h"
#include "store/journal.h"
#include "store/segment.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VALUE_MAX = 100000, TEXT_ROOM = 24 };

struct fixture {
    struct fake_disk disk;
    struct files files;
    struct store_ops ops;
    struct recovery recovery;
    struct journal *journal; /* being written */
    unsigned folds;
    bool is_open; /* files */
};

/* The text of the last number in value, ';' included; 0: there is none. */
static unsigned long last_number(struct slice value)
{
    size_t at = value.size > 0 ? value.size - 1 : 0;
    while (at > 0 && value.data[at - 1] != ';')
        at--;
    return value.size == 0 ? 0 : strtoul((const char *)value.data + at, NULL, 10);
}

static int fold(void *ctx, struct slice value, struct slice changes, struct buf *out)
{
    struct fixture *f = ctx;
    unsigned long last = last_number(value);
    f->folds++;
    if (value.size > 0 && value.data[value.size - 1] != ';')
        return ERR_CORRUPT;
    buf_append_slice(out, value);
    for (size_t at = 0; at < changes.size;) {
        const uint8_t *end = memchr(changes.data + at, ';', changes.size - at);
        assert_non_null(end);
        struct slice change = slice_of(changes.data + at, (size_t)(end + 1 - changes.data) - at);
        if (last_number(change) > last)
            buf_append_slice(out, change);
        at += change.size;
    }
    return 0;
}

static void file_name(void *ctx, struct slice key, char name[256])
{
    memcpy(name, key.data, key.size);
    name[key.size] = '\0';
}

static void open_folder(struct fixture *f)
{
    assert_int_equal(files_open(&f->files, f->disk.folder, VALUE_MAX, f->disk.fs), 0);
    f->is_open = true;
}

static void close_folder(struct fixture *f)
{
    if (f->is_open)
        files_close(&f->files);
    f->is_open = false;
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    fake_disk_start(&f->disk);
    f->ops = (struct store_ops){.fold = fold, .file_name = file_name, .ctx = f};
    open_folder(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close_folder(f);
    fake_disk_stop(&f->disk);
    mem_free(f);
    return 0;
}

static void begin_again(struct fixture *f)
{
    close_folder(f);
    fake_disk_stop(&f->disk);
    fake_disk_start(&f->disk);
    open_folder(f);
}

static int run(struct fixture *f)
{
    return recovery_run(&f->files, &f->ops, &f->recovery);
}

/* As a process that starts. */
static int start(struct fixture *f)
{
    close_folder(f);
    open_folder(f);
    return run(f);
}

/* ---- journals to start from ---- */

static void begin_journal(struct fixture *f, unsigned worker, uint64_t sequence, uint64_t lsn, size_t size)
{
    f->journal = journal_new(&(struct journal_config){
        .files = &f->files, .worker = worker, .sequence = sequence, .lsn = lsn, .segment_size = size});
}

static void end_journal(struct fixture *f)
{
    journal_free(f->journal);
    f->journal = NULL;
}

/* The change's text is its LSN; of a PUT it is the value. */
static void add(struct buf *batch, uint64_t lsn, enum record_kind kind, const char *key)
{
    char text[TEXT_ROOM];
    snprintf(text, sizeof text, "%llu;", (unsigned long long)lsn);
    batch_add(batch, lsn, kind, key, kind == RECORD_DELETE ? "" : text);
}

/* One batch: steps like "a7 b8 +c9 -d10", a key and an LSN, + a PUT, - a DELETE. */
static void append(struct fixture *f, const char *steps)
{
    struct buf batch = BUF_EMPTY;
    uint64_t last = 0;
    for (const char *at = steps; *at != '\0';) {
        enum record_kind kind = *at == '+' ? RECORD_PUT : *at == '-' ? RECORD_DELETE : RECORD_CHANGE;
        char key[2] = {at[kind != RECORD_CHANGE], '\0'}, *end;
        last = strtoull(at + 1 + (kind != RECORD_CHANGE), &end, 10);
        add(&batch, last, kind, key);
        at = *end == ' ' ? end + 1 : end;
    }
    assert_int_equal(journal_append(f->journal, buf_slice(&batch), last), 0);
    buf_release(&batch);
}

/* One journal of two batches. */
static void write_journal(struct fixture *f, unsigned worker, uint64_t sequence, const char *first,
                          const char *second)
{
    begin_journal(f, worker, sequence, 0, 4096);
    append(f, first);
    append(f, second);
    end_journal(f);
}

/* Offset in the file of the record with that LSN. */
static size_t place_of(struct fixture *f, const char *name, uint64_t lsn, size_t *size)
{
    struct buf bytes = BUF_EMPTY;
    assert_true(fake_disk_get(&f->disk, name, &bytes));
    struct segment_cursor cursor = segment_cursor_of(buf_slice(&bytes), 0);
    struct segment_damage damage;
    struct record record;
    size_t at = cursor.at;
    enum segment_step step;
    while ((step = segment_next(&cursor, &record, &damage)) == SEGMENT_DAMAGE || record.lsn != lsn) {
        assert_int_not_equal(step, SEGMENT_END);
        at = cursor.at;
    }
    *size = cursor.at - at;
    buf_release(&bytes);
    return at;
}

static void damage_payload(struct fixture *f, const char *name, uint64_t lsn)
{
    size_t size;
    flip(&f->disk, name, place_of(f, name, lsn, &size) + RECORD_HEAD_SIZE + 1, 1);
}

static void damage_head(struct fixture *f, const char *name, uint64_t lsn)
{
    size_t size;
    flip(&f->disk, name, place_of(f, name, lsn, &size) + 9, 1);
}

static void assert_value(struct fixture *f, const char *name, const char *value)
{
    fake_disk_assert(&f->disk, name, value);
}

static void assert_no_journals(struct fixture *f)
{
    assert_int_equal(fake_disk_entries(&f->disk, "."), 0);
}

/* ---- whole journals ---- */

static void run__no_journals__nothing_done(void **state)
{
    struct fixture *f = *state;
    fake_disk_put(&f->disk, "a", "1;");
    fake_disk_put(&f->disk, ".journal-x", "not ours");
    fake_disk_forget(&f->disk);
    assert_int_equal(run(f), 0);
    assert_int_equal(f->recovery.lsn, 0);
    assert_int_equal(f->recovery.sequence, 1);
    assert_int_equal(f->recovery.records + f->recovery.keys + f->recovery.problems, 0);
    assert_int_equal(fake_disk_count(&f->disk, "write") + fake_disk_count(&f->disk, "unlink"), 0);
    assert_int_equal(fake_disk_count(&f->disk, "fsync"), 1);
    assert_value(f, ".journal-x", "not ours");
}

static void run__changes__made_and_journals_gone(void **state)
{
    struct fixture *f = *state;
    fake_disk_put(&f->disk, "a", "1;");
    fake_disk_put(&f->disk, "d", "2;");
    fake_disk_put(&f->disk, "e", "3;");
    fake_disk_put(&f->disk, "f", "4;");
    write_journal(f, 0, 5, "a11 b12 +c13 -d14 +e15 a16 -f17", "a21 e22 f23 c24 +g25 -g26 -h27 +i28 +i29");
    assert_int_equal(start(f), 0);
    assert_value(f, "a", "1;11;16;21;");
    assert_value(f, "b", "12;");
    assert_value(f, "c", "13;24;");
    assert_value(f, "d", NULL);
    assert_value(f, "e", "15;22;");
    assert_value(f, "f", "23;");
    assert_value(f, "g", NULL);
    assert_value(f, "h", NULL);
    assert_value(f, "i", "29;");
    assert_no_journals(f);
    assert_int_equal(f->recovery.lsn, 29);
    assert_int_equal(f->recovery.sequence, 6);
    assert_int_equal(f->recovery.records, 16);
    assert_int_equal(f->recovery.keys, 9);
    assert_int_equal(f->recovery.bytes, 4096);
    assert_int_equal(f->recovery.problems, 0);
    assert_int_equal(start(f), 0);
    assert_int_equal(f->recovery.sequence, 1);
}

static void run__value_newer_than_the_journal__as_it_is(void **state)
{
    struct fixture *f = *state;
    fake_disk_put(&f->disk, "a", "1;2;3;4;");
    fake_disk_put(&f->disk, "b", "9;");
    write_journal(f, 0, 1, "a2 +b3", "a4 +b9");
    assert_int_equal(start(f), 0);
    assert_value(f, "a", "1;2;3;4;");
    assert_value(f, "b", "9;");
}

static void run__key_in_two_journals__by_lsn(void **state)
{
    struct fixture *f = *state;
    write_journal(f, 0, 1, "a1 b3", "a5 +b7");
    write_journal(f, 7, 2, "a2 b4", "a6 b8");
    assert_int_equal(start(f), 0);
    assert_value(f, "a", "1;2;5;6;");
    assert_value(f, "b", "7;8;");
    assert_int_equal(f->recovery.sequence, 3);
    assert_int_equal(f->recovery.lsn, 8);
}

static void run__segment_there_twice__once(void **state)
{
    struct fixture *f = *state;
    write_journal(f, 0, 1, "a1 b3", "a5 -b7");
    write_journal(f, 1, 1, "a1 b3", "a5 -b7");
    assert_int_equal(start(f), 0);
    assert_value(f, "a", "1;5;");
    assert_value(f, "b", NULL);
    assert_int_equal(f->recovery.problems, 0);
}

static void run__many_segments__in_order(void **state)
{
    struct fixture *f = *state;
    char step[TEXT_ROOM];
    struct buf expected = BUF_EMPTY;
    begin_journal(f, 0, 8, 0, 200); /* .journal-0-9 and .journal-0-10 are in another order as texts */
    for (unsigned lsn = 1; lsn <= 60; lsn++) {
        snprintf(step, sizeof step, "a%u", lsn);
        append(f, step);
        buf_append(&expected, step + 1, strlen(step) - 1);
        buf_append(&expected, ";", 1);
    }
    end_journal(f);
    assert_true(fake_disk_entries(&f->disk, ".journal") > 15);
    buf_append(&expected, "", 1);
    assert_int_equal(start(f), 0);
    assert_value(f, "a", (const char *)expected.data);
    assert_no_journals(f);
    buf_release(&expected);
}

static void run__failed_append__not_made(void **state)
{
    struct fixture *f = *state;
    struct buf batch = BUF_EMPTY;
    begin_journal(f, 0, 1, 0, 4096);
    append(f, "a1");
    add(&batch, 2, RECORD_CHANGE, "a");
    fake_disk_fail(&f->disk, FS_FDATASYNC, NULL, 0, 1, -EIO);
    assert_int_equal(journal_append(f->journal, buf_slice(&batch), 2), -EIO);
    append(f, "a3");
    end_journal(f);
    assert_int_equal(start(f), 0);
    assert_value(f, "a", "1;3;");
    assert_int_equal(f->recovery.problems, 0);
    assert_int_equal(f->recovery.lsn, 3);
    buf_release(&batch);
}

static void run__many_changes_of_one_key__one_fold(void **state)
{
    enum { CHANGES = 10000 };
    struct fixture *f = *state;
    struct buf batch = BUF_EMPTY;
    struct buf value = BUF_EMPTY;
    for (unsigned lsn = 1; lsn <= CHANGES; lsn++)
        add(&batch, lsn, RECORD_CHANGE, "a");
    begin_journal(f, 0, 1, 0, 4096);
    assert_int_equal(journal_append(f->journal, buf_slice(&batch), CHANGES), 0);
    end_journal(f);
    assert_int_equal(start(f), 0);
    assert_int_equal(f->folds, 1);
    assert_int_equal(f->recovery.records, CHANGES);
    assert_true(fake_disk_get(&f->disk, "a", &value));
    assert_int_equal(last_number(buf_slice(&value)), CHANGES);
    buf_release(&batch);
    buf_release(&value);
}

static void run__many_keys__few_syncs(void **state)
{
    enum { KEYS = 2500 };
    struct fixture *f = *state;
    struct buf batch = BUF_EMPTY;
    char key[TEXT_ROOM], value[TEXT_ROOM];
    for (unsigned i = 1; i <= KEYS; i++) {
        snprintf(key, sizeof key, "key%u", i);
        add(&batch, i, RECORD_CHANGE, key);
    }
    begin_journal(f, 0, 1, 0, 4096);
    assert_int_equal(journal_append(f->journal, buf_slice(&batch), KEYS), 0);
    end_journal(f);
    fake_disk_forget(&f->disk);
    assert_int_equal(run(f), 0);
    assert_int_equal(f->recovery.keys, KEYS);
    assert_int_equal(fake_disk_count(&f->disk, "syncfs"), 4);
    assert_int_equal(fake_disk_count(&f->disk, "fsync"), 5);
    for (unsigned i = 1; i <= KEYS; i++) {
        snprintf(key, sizeof key, "key%u", i);
        snprintf(value, sizeof value, "%u;", i);
        assert_value(f, key, value);
    }
    buf_release(&batch);
}

static void run__large_values__in_rounds(void **state)
{
    enum { KEYS = 200, SIZE = 90000 }; /* 18 MB */
    struct fixture *f = *state;
    struct buf batch = BUF_EMPTY;
    char key[TEXT_ROOM], *value = mem_alloc(SIZE + 1);
    memset(value, ';', SIZE);
    value[SIZE] = '\0';
    for (unsigned i = 1; i <= KEYS; i++) {
        snprintf(key, sizeof key, "key%u", i);
        batch_add(&batch, i, RECORD_PUT, key, value);
    }
    begin_journal(f, 0, 1, 0, 4096);
    assert_int_equal(journal_append(f->journal, buf_slice(&batch), KEYS), 0);
    end_journal(f);
    fake_disk_forget(&f->disk);
    assert_int_equal(run(f), 0);
    assert_int_equal(fake_disk_count(&f->disk, "syncfs"), 3);
    assert_value(f, "key1", value);
    assert_value(f, "key200", value);
    buf_release(&batch);
    mem_free(value);
}

/* What is durable when: the journals before values, values before their names, names before the journals'
 * end, that before their removal.
 */
static void run__any__calls_in_order(void **state)
{
    static const char *const words[] = {"write", "syncfs", "fsync", "rename", "unlink", ""};
    struct fixture *f = *state;
    struct buf lines = BUF_EMPTY;
    write_journal(f, 0, 1, "a1", "a2");
    write_journal(f, 1, 1, "b3", "b4");
    fake_disk_forget(&f->disk);
    assert_int_equal(run(f), 0);
    fake_disk_lines(&f->disk, words, &lines);
    assert_bytes(buf_slice(&lines),
                 "syncfs persist|write .tmp-0|write .tmp-1|syncfs persist|rename a|rename b|fsync persist|"
                 "fsync .tmp-0|rename .journal-done|fsync persist|"
                 "unlink .journal-0-1|unlink .journal-1-1|fsync persist|"
                 "unlink .journal-done|fsync persist|");
    buf_release(&lines);
}

/* ---- damage ---- */

/* The one entry whose name begins and ends so, in name. */
static void find_entry(struct fixture *f, const char *prefix, const char *suffix, char name[256])
{
    DIR *folder = opendir(f->disk.folder);
    struct dirent *entry;
    unsigned count = 0;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        size_t size = strlen(entry->d_name);
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 && size > strlen(suffix) &&
            strcmp(entry->d_name + size - strlen(suffix), suffix) == 0) {
            strcpy(name, entry->d_name);
            count++;
        }
    }
    closedir(folder);
    assert_int_equal(count, 1);
}

/* The records that were set aside for the key have these LSNs. */
static void assert_aside(struct fixture *f, const char *key, const char *lsns)
{
    char suffix[TEXT_ROOM], name[256];
    struct buf bytes = BUF_EMPTY, found = BUF_EMPTY;
    struct segment_head head;
    struct segment_damage damage;
    struct record record;
    snprintf(suffix, sizeof suffix, "..records-%s", key);
    find_entry(f, "%aside.", suffix, name);
    assert_true(fake_disk_get(&f->disk, name, &bytes));
    assert_int_equal(segment_head_parse(buf_slice(&bytes), &head), 0);
    struct segment_cursor cursor = segment_cursor_of(buf_slice(&bytes), 0);
    while (segment_next(&cursor, &record, &damage) == SEGMENT_RECORD) {
        assert_true(slice_equal(record.key, slice_of_text(key)));
        add_lsn(&found, record.lsn);
    }
    assert_bytes(buf_slice(&found), lsns);
    buf_release(&bytes);
    buf_release(&found);
}

static void assert_segment_aside(struct fixture *f, const char *segment)
{
    char suffix[64], name[256];
    snprintf(suffix, sizeof suffix, ".%s", segment);
    find_entry(f, "%aside.", suffix, name);
}

static void run__torn_end__cut(void **state)
{
    struct fixture *f = *state;
    write_journal(f, 0, 1, "a1 b2", "a3 b4 a5");
    damage_payload(f, ".journal-0-1", 4);
    assert_int_equal(start(f), 0);
    assert_value(f, "a", "1;3;");
    assert_value(f, "b", "2;");
    assert_int_equal(f->recovery.problems, 0);
    assert_int_equal(f->recovery.lsn, 5);
    assert_no_journals(f);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 2);
}

static void run__payload_damaged__that_key_set_aside(void **state)
{
    struct fixture *f = *state;
    fake_disk_put(&f->disk, "a", "0;");
    write_journal(f, 0, 1, "a1 b2 a3 b4", "a5 b6");
    damage_payload(f, ".journal-0-1", 3);
    assert_int_equal(start(f), 0);
    assert_value(f, "a", "0;");
    assert_value(f, "b", "2;4;6;");
    assert_aside(f, "a", "1 5 ");
    assert_segment_aside(f, ".journal-0-1");
    assert_no_journals(f);
    assert_int_equal(f->recovery.problems, 2);
    assert_int_equal(f->recovery.keys, 1);
}

static void run__payload_damaged_before_a_put__made(void **state)
{
    struct fixture *f = *state;
    fake_disk_put(&f->disk, "a", "0;");
    fake_disk_put(&f->disk, "b", "0;");
    write_journal(f, 0, 1, "a1 b2", "-b3 +a4 a5");
    damage_payload(f, ".journal-0-1", 1);
    assert_int_equal(start(f), 0);
    assert_value(f, "a", "4;5;");
    assert_value(f, "b", NULL);
    assert_int_equal(f->recovery.problems, 1);
    assert_segment_aside(f, ".journal-0-1");
}

static void run__payload_damaged_behind_a_put__that_key_set_aside(void **state)
{
    struct fixture *f = *state;
    fake_disk_put(&f->disk, "a", "1;2;3;");
    write_journal(f, 0, 1, "+a1 a2 -b3 b4", "a5 b6");
    damage_payload(f, ".journal-0-1", 2);
    damage_payload(f, ".journal-0-1", 4);
    assert_int_equal(start(f), 0);
    assert_value(f, "a", "1;2;3;");
    assert_value(f, "b", NULL);
    assert_aside(f, "a", "1 5 ");
    assert_aside(f, "b", "3 6 ");
    assert_int_equal(f->recovery.problems, 4);
}

static void run__head_damaged__keys_of_that_journal_set_aside(void **state)
{
    struct fixture *f = *state;
    fake_disk_put(&f->disk, "b", "0;");
    write_journal(f, 0, 1, "a1 b2 a3 d4", "+d5 b6 d7");
    write_journal(f, 1, 2, "c8", "c9");
    damage_head(f, ".journal-0-1", 3);
    assert_int_equal(start(f), 0);
    assert_value(f, "a", NULL);
    assert_value(f, "b", "0;");
    assert_value(f, "c", "8;9;");
    assert_value(f, "d", "5;7;");
    assert_aside(f, "a", "1 ");
    assert_aside(f, "b", "2 6 ");
    assert_int_equal(f->recovery.problems, 3);
    assert_no_journals(f);
}

static void run__head_of_a_segment_damaged__all_made(void **state)
{
    struct fixture *f = *state;
    write_journal(f, 0, 1, "a1", "a2");
    flip(&f->disk, ".journal-0-1", 20, 1);
    assert_int_equal(start(f), 0);
    assert_value(f, "a", "1;2;");
    assert_int_equal(f->recovery.problems, 1);
    assert_segment_aside(f, ".journal-0-1");
    assert_no_journals(f);
}

/* Whatever byte it is: a key's value is as acknowledged, or as it was and its records are aside. */
static void run__every_byte_changed__contained(void **state)
{
    struct fixture *f = *state;
    size_t size, from, to;
    char name[256];
    write_journal(f, 0, 1, "a1 b2 a3", "a4 b5");
    from = place_of(f, ".journal-0-1", 3, &size);
    to = from + size;
    for (size_t at = from; at < to; at++) {
        begin_again(f);
        fake_disk_put(&f->disk, "a", "0;");
        write_journal(f, 0, 1, "a1 b2 a3", "a4 b5");
        write_journal(f, 1, 1, "c6", "c7");
        flip(&f->disk, ".journal-0-1", at, 0x10);
        assert_int_equal(start(f), 0);
        assert_value(f, "a", "0;");
        assert_aside(f, "a", "1 4 ");
        assert_value(f, "c", "6;7;");
        if (at < from + RECORD_HEAD_SIZE)
            assert_aside(f, "b", "2 5 ");
        else
            assert_value(f, "b", "2;5;");
        assert_no_journals(f);
        find_entry(f, "%aside.", ".journal-0-1", name);
    }
}

static void run__last_segment_cut_at_every_byte__first_changes_made(void **state)
{
    static const char *const values[] = {NULL, "1;", "1;2;", "1;2;3;"};
    struct fixture *f = *state;
    size_t ends[3], size;
    write_journal(f, 0, 1, "a1 a2", "a3");
    for (unsigned i = 0; i < 3; i++)
        ends[i] = place_of(f, ".journal-0-1", i + 1, &size) + size;
    for (size_t at = 0; at <= ends[2]; at++) {
        begin_again(f);
        write_journal(f, 0, 1, "a1 a2", "a3");
        cut(&f->disk, ".journal-0-1", at);
        assert_int_equal(start(f), 0);
        assert_value(f, "a", values[(at >= ends[0]) + (at >= ends[1]) + (at >= ends[2])]);
        assert_int_equal(f->recovery.problems, 0);
        assert_no_journals(f);
    }
}

static void run__fold_fails__set_aside_others_made(void **state)
{
    struct fixture *f = *state;
    fake_disk_put(&f->disk, "a", "broken");
    fake_disk_put(&f->disk, "b", "");
    fake_disk_put(&f->disk, "c", "broken");
    write_journal(f, 0, 1, "a1 b2 d3", "a4 d5 +c6 c7");
    assert_int_equal(start(f), 0);
    assert_value(f, "a", "broken");
    assert_value(f, "b", "");
    assert_value(f, "c", "6;7;");
    assert_value(f, "d", "3;5;");
    assert_aside(f, "a", "1 4 ");
    assert_aside(f, "b", "2 ");
    assert_int_equal(f->recovery.problems, 2);
    assert_no_journals(f);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 6);
}

static void run__odd_files__set_aside_others_made(void **state)
{
    struct fixture *f = *state;
    struct buf batch = BUF_EMPTY;
    char *large = mem_alloc(VALUE_MAX + 2);
    memset(large, '1', VALUE_MAX + 1);
    large[VALUE_MAX] = ';';
    large[VALUE_MAX + 1] = '\0';
    assert_int_equal(mkdir(fake_disk_path(&f->disk, "a"), 0700), 0);
    assert_int_equal(mkdir(fake_disk_path(&f->disk, "b"), 0700), 0);
    assert_int_equal(mkdir(fake_disk_path(&f->disk, "c"), 0700), 0);
    assert_int_equal(symlink("e", fake_disk_path(&f->disk, "d")), 0);
    fake_disk_put(&f->disk, "g", large);
    begin_journal(f, 0, 1, 0, 4096);
    append(f, "a1 +b2 -c3 d4 e5 g6");
    batch_add(&batch, 7, RECORD_PUT, "h", large);
    assert_int_equal(journal_append(f->journal, buf_slice(&batch), 7), 0);
    end_journal(f);
    assert_int_equal(start(f), 0);
    assert_value(f, "e", "5;");
    assert_value(f, "g", large);
    assert_value(f, "h", NULL);
    assert_aside(f, "a", "1 ");
    assert_aside(f, "b", "2 ");
    assert_aside(f, "c", "3 ");
    assert_aside(f, "d", "4 ");
    assert_aside(f, "g", "6 ");
    assert_aside(f, "h", "7 ");
    assert_int_equal(f->recovery.problems, 6);
    assert_no_journals(f);
    buf_release(&batch);
    mem_free(large);
}

static void run__value_cannot_be_read__set_aside(void **state)
{
    struct fixture *f = *state;
    fake_disk_put(&f->disk, "a", "0;");
    write_journal(f, 0, 1, "a1 b2", "a3");
    fake_disk_fail(&f->disk, FS_READ, "a", 0, 1, -EIO);
    assert_int_equal(run(f), 0);
    assert_value(f, "a", "0;");
    assert_value(f, "b", "2;");
    assert_aside(f, "a", "1 3 ");
    assert_int_equal(f->recovery.problems, 1);
}

static void run__other_version__refused_nothing_touched(void **state)
{
    struct fixture *f = *state;
    write_journal(f, 0, 1, "a1", "a2");
    write_journal(f, 1, 1, "b3", "b4");
    overwrite(&f->disk, ".journal-1-1", 8, "\0\0\0\2", 4);
    overwrite(&f->disk, ".journal-1-1", 32, "....", 4);
    fake_disk_forget(&f->disk);
    assert_int_equal(run(f), ERR_VERSION);
    assert_int_equal(fake_disk_count(&f->disk, "write") + fake_disk_count(&f->disk, "rename") +
                         fake_disk_count(&f->disk, "unlink"),
                     0);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 2);
}

/* ---- interrupted ---- */

/* A key of each kind, several segments, two journals; a is damaged, z cannot be folded. */
static void make_work(struct fixture *f)
{
    fake_disk_put(&f->disk, "a", "0;");
    fake_disk_put(&f->disk, "b", "0;");
    fake_disk_put(&f->disk, "d", "0;");
    fake_disk_put(&f->disk, "z", "broken");
    begin_journal(f, 0, 1, 0, 300);
    append(f, "a1 b2 +c3 -d4");
    append(f, "a5 b6 c7");
    append(f, "a8 b9 z10 -e11");
    append(f, "a12 b13");
    end_journal(f);
    begin_journal(f, 1, 1, 0, 400);
    append(f, "g14 h15");
    append(f, "g16 -h17");
    end_journal(f);
    damage_payload(f, ".journal-0-1", 1);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal"), 5);
}

static void assert_work_done(struct fixture *f)
{
    assert_value(f, "a", "0;");
    assert_value(f, "b", "0;2;6;9;13;");
    assert_value(f, "c", "3;7;");
    assert_value(f, "d", NULL);
    assert_value(f, "e", NULL);
    assert_value(f, "g", "14;16;");
    assert_value(f, "h", NULL);
    assert_value(f, "z", "broken");
    assert_no_journals(f);
    assert_segment_aside(f, ".journal-0-1");
}

static void faults__every_call__error_or_done_then_done(void **state)
{
    static const int statuses[] = {-ENOSPC, -EMFILE};
    struct fixture *f = *state;
    unsigned failures = 0;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        bool fired = true;
        for (unsigned n = 0; fired; n++) {
            begin_again(f);
            make_work(f);
            fake_disk_fail(&f->disk, DISK_ANY, NULL, n, 1, statuses[i]);
            int status = run(f);
            fired = fake_disk_fired(&f->disk, NULL);
            assert_int_equal(status, fired ? statuses[i] : 0);
            failures += fired;
            fake_disk_heal(&f->disk);
            if (fired)
                assert_int_equal(start(f), 0);
            assert_work_done(f);
        }
    }
    assert_true(failures > 2 * 60);
}

static void faults__sync_fails__temporaries_removed(void **state)
{
    struct fixture *f = *state;
    make_work(f);
    fake_disk_fail(&f->disk, FS_SYNCFS, NULL, 0, 1, -EIO);
    assert_int_equal(run(f), -EIO);
    assert_int_equal(fake_disk_entries(&f->disk, ".tmp-"), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal"), 5);
    assert_int_equal(run(f), 0);
    assert_work_done(f);
}

/* From one call on nothing works. */
static void faults__disk_fails_for_good__error_then_done(void **state)
{
    struct fixture *f = *state;
    bool fired = true;
    for (unsigned n = 0; fired; n++) {
        begin_again(f);
        make_work(f);
        fake_disk_fail(&f->disk, DISK_ANY, NULL, n, DISK_FOREVER, -ENOSPC);
        int status = run(f);
        fired = fake_disk_fired(&f->disk, NULL);
        assert_int_equal(status, fired ? -ENOSPC : 0);
        fake_disk_heal(&f->disk);
        assert_int_equal(start(f), 0);
        assert_work_done(f);
    }
}

static bool crash_at(struct fixture *f, unsigned call)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        f->disk.crash_at = call;
        _exit(run(f) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DISK_CRASHED);
    return WEXITSTATUS(status) == DISK_CRASHED;
}

static void crash__before_every_call__then_done(void **state)
{
    struct fixture *f = *state;
    bool crashed = true;
    unsigned n;
    for (n = 1; crashed; n++) {
        begin_again(f);
        make_work(f);
        crashed = crash_at(f, f->disk.calls + n);
        assert_int_equal(start(f), 0);
        assert_work_done(f);
    }
    assert_true(n > 60);
}

/* Again and again. */
static void crash__random_several_times__then_done(void **state)
{
    struct fixture *f = *state;
    unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srand(seed);
    for (unsigned round = 0; round < 50; round++) {
        begin_again(f);
        make_work(f);
        for (unsigned i = 0; i < 5; i++) {
            close_folder(f);
            open_folder(f);
            crash_at(f, f->disk.calls + 1 + (unsigned)rand() % 80);
        }
        assert_int_equal(start(f), 0);
        assert_work_done(f);
    }
}

/* ---- power failures ---- */

enum { CUTS = 16 }; /* at one place */

/* A change that is durable, behind it a batch that is in memory only: the process ended before its sync. */
static void make_unsynced(struct fixture *f)
{
    struct buf batch = BUF_EMPTY;
    fake_disk_put(&f->disk, "a", "1;");
    fake_disk_put(&f->disk, "b", "2;");
    fake_disk_watch_power(&f->disk);
    begin_journal(f, 0, 1, 2, 4096);
    append(f, "a3");
    add(&batch, 4, RECORD_CHANGE, "b");
    add(&batch, 5, RECORD_DELETE, "a");
    add(&batch, 6, RECORD_CHANGE, "b");
    fake_disk_fail(&f->disk, FS_FDATASYNC, NULL, 0, 1, -EIO);
    assert_int_equal(journal_append(f->journal, buf_slice(&batch), 6), -EIO);
    fake_disk_heal(&f->disk);
    end_journal(f);
    buf_release(&batch);
}

/* As of some first ones of the records, those that were durable among them. */
static void assert_unsynced_or_done(struct fixture *f)
{
    static const char *const good[] = {"1;3;|2;", "1;3;|2;4;", "|2;4;", "|2;4;6;"};
    struct buf values = BUF_EMPTY;
    bool found = false;
    fake_disk_get(&f->disk, "a", &values);
    buf_append(&values, "|", 1);
    fake_disk_get(&f->disk, "b", &values);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        found = found || slice_equal(buf_slice(&values), slice_of_text(good[i]));
    if (!found)
        fail_msg("%.*s", (int)values.size, (const char *)values.data);
    buf_release(&values);
}

/* What a start made of records that were not synced does not outlive them. */
static void power__fails_while_unsynced_records_are_made__nothing_half(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = 1;
    bool crashed = true;
    for (unsigned n = 1; crashed; n++) {
        for (unsigned i = 0; i < CUTS; i++) {
            begin_again(f);
            make_unsynced(f);
            crashed = crash_at(f, f->disk.calls + n);
            close_folder(f);
            fake_power_cut(f->disk.power, &seed);
            assert_int_equal(start(f), 0);
            assert_unsynced_or_done(f);
            assert_no_journals(f);
        }
    }
}

/* The mark that the journals are done with is in memory only; what is removed because of it may be gone
 * before the mark is there. */
static void power__fails_while_journals_of_an_unsynced_mark_are_removed__then_done(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = 1;
    bool crashed = true;
    for (unsigned n = 1; crashed; n++) {
        for (unsigned i = 0; i < CUTS; i++) {
            begin_again(f);
            make_work(f);
            fake_disk_watch_power(&f->disk);
            fake_disk_fail(&f->disk, FS_FSYNC, "persist", 1, 1, -EIO);
            assert_int_equal(run(f), -EIO);
            assert_int_equal(fake_disk_entries(&f->disk, ".journal-done"), 1);
            crashed = crash_at(f, f->disk.calls + n);
            close_folder(f);
            fake_power_cut(f->disk.power, &seed);
            assert_int_equal(start(f), 0);
            assert_work_done(f);
        }
    }
}

/* A journal was removed when nobody needed it, in memory only; the next start counts LSNs from 1. */
static void power__brings_a_removed_journal_back_beside_a_new_one__old_value_or_new_one(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = 1;
    for (unsigned n = 0; n < 8; n++) {
        for (unsigned i = 0; i < CUTS; i++) {
            struct buf batch = BUF_EMPTY, value = BUF_EMPTY;
            begin_again(f);
            fake_disk_put(&f->disk, "a", "1;2;3;");
            fake_disk_watch_power(&f->disk);
            begin_journal(f, 0, 5, 1, 4096);
            append(f, "a2 a3");
            assert_int_equal(journal_remove_below(f->journal, 4), 0);
            end_journal(f);
            assert_int_equal(start(f), 0);
            begin_journal(f, 0, f->recovery.sequence, f->recovery.lsn, 4096);
            add(&batch, f->recovery.lsn + 1, RECORD_DELETE, "a");
            fake_disk_fail(&f->disk, DISK_ANY, NULL, n, DISK_FOREVER, -EIO);
            int status = journal_append(f->journal, buf_slice(&batch), f->recovery.lsn + 1);
            fake_disk_heal(&f->disk);
            end_journal(f);
            close_folder(f);
            fake_power_cut(f->disk.power, &seed);
            assert_int_equal(start(f), 0);
            if (fake_disk_get(&f->disk, "a", &value))
                assert_bytes(buf_slice(&value), status == 0 ? "" : "1;2;3;");
            buf_release(&batch);
            buf_release(&value);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(run__no_journals__nothing_done),
        TEST(run__changes__made_and_journals_gone),
        TEST(run__value_newer_than_the_journal__as_it_is),
        TEST(run__key_in_two_journals__by_lsn),
        TEST(run__segment_there_twice__once),
        TEST(run__many_segments__in_order),
        TEST(run__failed_append__not_made),
        TEST(run__many_changes_of_one_key__one_fold),
        TEST(run__many_keys__few_syncs),
        TEST(run__large_values__in_rounds),
        TEST(run__any__calls_in_order),
        TEST(run__torn_end__cut),
        TEST(run__payload_damaged__that_key_set_aside),
        TEST(run__payload_damaged_before_a_put__made),
        TEST(run__payload_damaged_behind_a_put__that_key_set_aside),
        TEST(run__head_damaged__keys_of_that_journal_set_aside),
        TEST(run__head_of_a_segment_damaged__all_made),
        TEST(run__every_byte_changed__contained),
        TEST(run__last_segment_cut_at_every_byte__first_changes_made),
        TEST(run__fold_fails__set_aside_others_made),
        TEST(run__odd_files__set_aside_others_made),
        TEST(run__value_cannot_be_read__set_aside),
        TEST(run__other_version__refused_nothing_touched),
        TEST(faults__every_call__error_or_done_then_done),
        TEST(faults__sync_fails__temporaries_removed),
        TEST(faults__disk_fails_for_good__error_then_done),
        TEST(crash__before_every_call__then_done),
        TEST(crash__random_several_times__then_done),
        TEST(power__fails_while_unsynced_records_are_made__nothing_half),
        TEST(power__fails_while_journals_of_an_unsynced_mark_are_removed__then_done),
        TEST(power__brings_a_removed_journal_back_beside_a_new_one__old_value_or_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
