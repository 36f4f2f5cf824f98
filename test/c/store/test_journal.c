/* Appending, removing, reading back; every call failing, a crash before every call; damage. What a start
 * would find is asked of store/replay. */
#include "store/journal.h"

#include "base/error.h"
#include "base/mem.h"
#include "fake_disk.h"
#include "fake_journal.h"
#include "store/replay.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SEGMENT_SIZE = 1000, LSN_FIRST = 101 };

#define FIRST  ".journal-0-7"
#define SECOND ".journal-0-8"

struct fixture {
    struct fake_disk disk;
    struct files files;
    struct journal *journal;
    struct buf batch;
    struct buf lsns;
    struct found found;
    uint64_t lsn; /* of the last record made */
};

static void open_journal(struct fixture *f)
{
    struct journal_config config = {
        .files = &f->files, .sequence = 7, .lsn = LSN_FIRST - 1, .segment_size = SEGMENT_SIZE};
    assert_int_equal(files_open(&f->files, f->disk.folder, 1 << 20, f->disk.fs), 0);
    f->journal = journal_new(&config);
    f->lsn = LSN_FIRST - 1;
}

static void close_journal(struct fixture *f)
{
    journal_free(f->journal);
    files_close(&f->files);
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    fake_disk_start(&f->disk);
    open_journal(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close_journal(f);
    fake_disk_stop(&f->disk);
    buf_release(&f->batch);
    buf_release(&f->lsns);
    found_release(&f->found);
    mem_free(f);
    return 0;
}

/* A batch of count records with that many bytes of change. */
static int append_sized(struct fixture *f, unsigned count, size_t size)
{
    char *change = mem_zalloc(size + 1);
    memset(change, 'c', size);
    buf_clear(&f->batch);
    for (unsigned i = 0; i < count; i++)
        batch_add(&f->batch, ++f->lsn, RECORD_CHANGE, "key", change);
    mem_free(change);
    return journal_append(f->journal, buf_slice(&f->batch), f->lsn);
}

static int append(struct fixture *f, unsigned count)
{
    return append_sized(f, count, 10);
}

static void collect(void *ctx, const struct record *record)
{
    add_lsn(ctx, record->lsn);
}

static void assert_scan(struct fixture *f, int status, const char *lsns)
{
    buf_clear(&f->lsns);
    assert_int_equal(journal_scan(f->journal, collect, &f->lsns), status);
    assert_bytes(buf_slice(&f->lsns), lsns);
}

static void assert_found(struct fixture *f, const char *lsns)
{
    find_all(&f->files, &f->found);
    assert_bytes(buf_slice(&f->found.lsns), lsns);
}

static void new__nothing_appended__no_file(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fake_disk_entries(&f->disk, ""), 0);
    assert_int_equal(journal_durable(f->journal), LSN_FIRST - 1);
    assert_int_equal(journal_size(f->journal), 0);
    assert_int_equal(journal_remove_below(f->journal, UINT64_MAX), 0);
    assert_scan(f, 0, "");
}

static void append__batches__durable_in_order(void **state)
{
    static const char *const words[] = {"open", "fallocate", "write", "fdatasync", "fsync", ""};
    struct fixture *f = *state;
    struct buf lines = BUF_EMPTY;
    fake_disk_forget(&f->disk);
    assert_int_equal(append(f, 2), 0);
    assert_int_equal(append(f, 1), 0);
    fake_disk_lines(&f->disk, words, &lines);
    assert_bytes(buf_slice(&lines), "open .journal-0-7|fallocate .journal-0-7|write .journal-0-7|"
                                    "fdatasync .journal-0-7|open persist|fsync persist|"
                                    "write .journal-0-7|fdatasync .journal-0-7|");
    assert_int_equal(journal_durable(f->journal), 103);
    assert_int_equal(journal_size(f->journal), 3 * (RECORD_HEAD_SIZE + 16));
    assert_int_equal(size_of_file(&f->disk, FIRST), SEGMENT_SIZE);
    assert_scan(f, 0, "101 102 103 ");
    assert_found(f, "101 102 103 |");
    assert_int_equal(f->found.damages + f->found.torn, 0);
    buf_release(&lines);
}

static void append__full__next_segment(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(append_sized(f, 1, SEGMENT_SIZE - SEGMENT_HEAD_SIZE - RECORD_HEAD_SIZE - 6), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal"), 1);
    assert_int_equal(append(f, 1), 0);
    assert_int_equal(append(f, 1), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal"), 2);
    assert_scan(f, 0, "101 102 103 ");
    assert_found(f, "101 102 103 |");
    assert_int_equal(size_of_file(&f->disk, FIRST), SEGMENT_SIZE);
}

static void append__larger_than_a_segment__one_of_its_own(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(append(f, 1), 0);
    assert_int_equal(append_sized(f, 1, 5000), 0);
    assert_int_equal(append(f, 1), 0);
    assert_int_equal(size_of_file(&f->disk, SECOND), SEGMENT_HEAD_SIZE + RECORD_HEAD_SIZE + 6 + 5000);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal"), 3);
    assert_scan(f, 0, "101 102 103 ");
    assert_found(f, "101 102 103 |");
}

static void append__no_allocation__grows(void **state)
{
    struct fixture *f = *state;
    fake_disk_fail(&f->disk, FS_FALLOCATE, NULL, 0, DISK_FOREVER, -EOPNOTSUPP);
    assert_int_equal(append(f, 1), 0);
    assert_int_equal(append(f, 2), 0);
    assert_int_equal(size_of_file(&f->disk, FIRST), SEGMENT_HEAD_SIZE + 3 * (RECORD_HEAD_SIZE + 16));
    assert_found(f, "101 102 103 |");
}

static void append__fails_in_old_segment__voided_by_the_next(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(append(f, 2), 0);
    fake_disk_fail(&f->disk, FS_FDATASYNC, NULL, 0, 1, -EIO);
    assert_int_equal(append(f, 2), -EIO);
    assert_int_equal(journal_durable(f->journal), 102);
    assert_scan(f, 0, "101 102 ");
    assert_found(f, "101 102 103 104 |"); /* nobody can tell */
    assert_int_equal(append(f, 1), 0);
    assert_scan(f, 0, "101 102 105 ");
    assert_found(f, "101 102 105 |");
    assert_int_equal(f->found.damages + f->found.torn, 0);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal"), 2);
}

static void append__fails_half_written__voided_by_the_next(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(append(f, 2), 0);
    fake_disk_fail(&f->disk, FS_WRITE, NULL, 0, 1, FS_SHORT);
    assert_int_equal(append(f, 1), -EIO);
    assert_found(f, "101 102 |");
    assert_int_equal(f->found.torn, 1);
    assert_int_equal(append(f, 1), 0);
    assert_int_equal(append(f, 1), 0);
    assert_found(f, "101 102 104 105 |");
    assert_int_equal(f->found.damages + f->found.torn, 0);
}

static void append__creation_fails__nothing_left(void **state)
{
    static const enum fs_call calls[] = {FS_OPEN, FS_WRITE, FS_FDATASYNC, FS_FSYNC};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        fake_disk_fail(&f->disk, calls[i], NULL, 0, 1, -ENOSPC);
        assert_int_equal(append(f, 1), -ENOSPC);
        assert_int_equal(fake_disk_entries(&f->disk, ""), 0);
        assert_scan(f, 0, "");
    }
    assert_int_equal(append(f, 1), 0);
    assert_found(f, "105 |");
}

/* From the write of the new segment on two calls fail: that one and the removal. */
static void append__creation_fails_and_stays__voided(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(append_sized(f, 2, 300), 0);
    fake_disk_fail(&f->disk, DISK_ANY, NULL, 5, 3,
                   -EIO); /* the folder's open for its sync, the unlink, ... */
    assert_int_equal(append_sized(f, 2, 300), -EIO);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal"), 2);
    fake_disk_heal(&f->disk);
    assert_scan(f, 0, "101 102 ");
    assert_int_equal(append(f, 1), 0);
    assert_found(f, "101 102 105 |");
    assert_int_equal(journal_remove_below(f->journal, UINT64_MAX), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 0);
}

static void append__segment_removed_by_somebody__new_one(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(append(f, 1), 0);
    assert_int_equal(unlink(fake_disk_path(&f->disk, FIRST)), 0);
    assert_int_equal(append(f, 1), 0);
    assert_found(f, "102 |");
    assert_scan(f, ERR_NOT_FOUND, "102 ");
    assert_int_equal(journal_remove_below(f->journal, UINT64_MAX), 0);
    assert_scan(f, 0, "");
}

static void append__folder_moved__error_then_works_in_the_new_one(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(append(f, 1), 0);
    fake_disk_rename(&f->disk, "persist", "away");
    assert_int_equal(append(f, 1), -ENOENT);
    assert_int_equal(mkdir(f->disk.folder, 0700), 0);
    assert_int_equal(append(f, 1), 0);
    assert_found(f, "103 |");
}

static void remove_below__some__oldest_first_and_the_current_too(void **state)
{
    static const char *const words[] = {"unlink .journal", "fsync", ""};
    struct fixture *f = *state;
    struct buf lines = BUF_EMPTY;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(append_sized(f, 2, 300), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal"), 3);
    assert_int_equal(journal_remove_below(f->journal, 102), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal"), 3);
    fake_disk_forget(&f->disk);
    assert_int_equal(journal_remove_below(f->journal, 105), 0);
    fake_disk_lines(&f->disk, words, &lines);
    assert_bytes(buf_slice(&lines), "unlink .journal-0-7|fsync persist|unlink .journal-0-8|");
    assert_scan(f, 0, "105 106 ");
    assert_int_equal(journal_size(f->journal), 2 * (RECORD_HEAD_SIZE + 306));
    assert_int_equal(journal_remove_below(f->journal, 107), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 0);
    assert_int_equal(append(f, 1), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal-0-10"), 1);
    assert_found(f, "107 |");
    buf_release(&lines);
}

static void remove_below__fails__tried_again_oldest_first(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(append_sized(f, 2, 300), 0);
    fake_disk_fail(&f->disk, FS_UNLINK, NULL, 0, 1, -EIO);
    assert_int_equal(journal_remove_below(f->journal, UINT64_MAX), -EIO);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 3);
    fake_disk_fail(&f->disk, FS_FSYNC, NULL, 0, 1, -EIO);
    assert_int_equal(journal_remove_below(f->journal, UINT64_MAX), -EIO);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 2);
    assert_int_equal(append(f, 1), 0);
    assert_int_equal(journal_remove_below(f->journal, UINT64_MAX), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ""), 0);
}

static void scan__damaged__error_and_all_others(void **state)
{
    struct fixture *f = *state;
    size_t record = RECORD_HEAD_SIZE + 16;
    assert_int_equal(append(f, 3), 0);
    flip(&f->disk, FIRST, SEGMENT_HEAD_SIZE + record + 1, 1);
    assert_scan(f, ERR_CORRUPT, "101 103 ");
    flip(&f->disk, FIRST, SEGMENT_HEAD_SIZE + record + 1, 1);
    assert_scan(f, 0, "101 102 103 ");
    cut(&f->disk, FIRST, SEGMENT_HEAD_SIZE + 2 * record);
    assert_scan(f, ERR_CORRUPT, "101 102 ");
    cut(&f->disk, FIRST, 0);
    assert_scan(f, ERR_CORRUPT, "");
}

static void scan__read_fails__error_and_other_segments(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(append_sized(f, 2, 300), 0);
    fake_disk_fail(&f->disk, FS_READ, FIRST, 0, 1, -EIO);
    assert_scan(f, -EIO, "103 104 ");
}

/* ---- damage, as a start finds it ---- */

/* Two batches of two in the first segment, one of two in the second. */
static void make_two_segments(struct fixture *f)
{
    assert_int_equal(append_sized(f, 2, 100), 0);
    assert_int_equal(append_sized(f, 2, 100), 0);
    assert_int_equal(append_sized(f, 2, 300), 0);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal"), 2);
}

static size_t record_at(unsigned n)
{
    return SEGMENT_HEAD_SIZE + n * (RECORD_HEAD_SIZE + 106);
}

static void replay__any_byte_of_an_old_segment_changed__one_missing_and_told(void **state)
{
    static const char *const without[] = {"102 103 104 105 106 |", "101 103 104 105 106 |",
                                          "101 102 104 105 106 |", "101 102 103 105 106 |"};
    struct fixture *f = *state;
    make_two_segments(f);
    for (size_t at = record_at(0); at < record_at(4); at++) {
        flip(&f->disk, FIRST, at, (uint8_t)(1 << at % 8));
        assert_found(f, without[(at - record_at(0)) / (RECORD_HEAD_SIZE + 106)]);
        assert_int_equal(f->found.damages, 1);
        assert_int_equal(f->found.torn, 0);
        flip(&f->disk, FIRST, at, (uint8_t)(1 << at % 8));
    }
    for (size_t at = 0; at < SEGMENT_HEAD_SIZE; at++) {
        flip(&f->disk, FIRST, at, 1);
        assert_found(f, "101 102 103 104 105 106 |");
        assert_int_equal(f->found.bad_heads, 1);
        assert_int_equal(f->found.damages + f->found.torn, 0);
        flip(&f->disk, FIRST, at, 1);
    }
}

static void replay__any_byte_of_the_last_batch_changed__torn_end_cut(void **state)
{
    struct fixture *f = *state;
    make_two_segments(f);
    size_t middle = SEGMENT_HEAD_SIZE + RECORD_HEAD_SIZE + 306;
    for (size_t at = SEGMENT_HEAD_SIZE; at < middle + RECORD_HEAD_SIZE + 306; at++) {
        flip(&f->disk, SECOND, at, 4);
        assert_found(f, at < middle ? "101 102 103 104 |" : "101 102 103 104 105 |");
        assert_int_equal(f->found.damages, 0);
        assert_int_equal(f->found.torn, 1);
        flip(&f->disk, SECOND, at, 4);
    }
}

static void replay__last_segment_cut_at_every_byte__whole_ones_there(void **state)
{
    struct fixture *f = *state;
    make_two_segments(f);
    size_t record = RECORD_HEAD_SIZE + 306;
    for (size_t size = SEGMENT_SIZE; size-- > 0;) {
        cut(&f->disk, SECOND, size);
        assert_found(f, size >= SEGMENT_HEAD_SIZE + 2 * record ? "101 102 103 104 105 106 |"
                        : size >= SEGMENT_HEAD_SIZE + record   ? "101 102 103 104 105 |"
                                                               : "101 102 103 104 |");
        assert_int_equal(f->found.damages, 0);
    }
}

static void replay__old_segment_cut_at_every_byte__told(void **state)
{
    static const char *const left[] = {"105 106 |", "101 105 106 |", "101 102 105 106 |",
                                       "101 102 103 105 106 |", "101 102 103 104 105 106 |"};
    struct fixture *f = *state;
    make_two_segments(f);
    for (size_t size = SEGMENT_SIZE; size-- > SEGMENT_HEAD_SIZE;) {
        size_t whole = (size - SEGMENT_HEAD_SIZE) / (RECORD_HEAD_SIZE + 106);
        cut(&f->disk, FIRST, size);
        assert_found(f, left[whole < 4 ? whole : 4]);
        assert_int_equal(f->found.damages > 0, whole < 4);
        assert_int_equal(f->found.torn, 0);
    }
}

/* Only the head of the next segment tells that it was durable. */
static void replay__last_batch_of_an_old_segment_damaged__told(void **state)
{
    struct fixture *f = *state;
    make_two_segments(f);
    flip(&f->disk, FIRST, record_at(2) + RECORD_HEAD_SIZE, 1);
    cut(&f->disk, SECOND, SEGMENT_HEAD_SIZE);
    assert_found(f, "101 102 104 |");
    assert_int_equal(f->found.damages, 1);
    assert_int_equal(f->found.torn, 0);
    cut(&f->disk, SECOND, 0);
    assert_found(f, "101 102 |");
    assert_int_equal(f->found.damages, 0);
    assert_int_equal(f->found.torn, 1);
}

/* The damaged record is not all that is missing. */
static void replay__damage_and_cut_behind_it__both_told(void **state)
{
    struct fixture *f = *state;
    make_two_segments(f);
    flip(&f->disk, FIRST, record_at(1) + RECORD_HEAD_SIZE, 1);
    cut(&f->disk, FIRST, record_at(2));
    assert_found(f, "101 105 106 |");
    assert_int_equal(f->found.damages, 2);
    cut(&f->disk, FIRST, record_at(4));
    flip(&f->disk, FIRST, record_at(1) + RECORD_HEAD_SIZE, 1);
    assert_found(f, "101 102 105 106 |");
    assert_int_equal(f->found.damages, 1);
}

static void replay__segment_in_the_middle_gone__told(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(append_sized(f, 2, 300), 0);
    assert_int_equal(unlink(fake_disk_path(&f->disk, SECOND)), 0);
    assert_found(f, "101 102 105 106 |");
    assert_int_equal(f->found.damages, 1);
}

static void replay__oldest_gone__nothing_to_tell(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(append_sized(f, 2, 300), 0);
    assert_int_equal(journal_remove_below(f->journal, 103), 0);
    assert_found(f, "103 104 105 106 |");
    assert_int_equal(f->found.damages + f->found.torn, 0);
}

static void replay__segment_of_another_version__refused(void **state)
{
    struct fixture *f = *state;
    struct replay replay;
    assert_int_equal(append(f, 1), 0);
    overwrite(&f->disk, FIRST, 8, "\0\0\0\2....", 8);
    assert_int_equal(replay_open(&replay, &f->files), ERR_VERSION);
}

/* ---- faults and crashes, compared with a model ---- */

enum { BATCHES_MAX = 200 };

/* In memory that outlives a crash. */
struct model {
    struct {
        uint64_t first, last; /* LSNs */
        int status;           /* of the append; NOT_ANSWERED */
    } batches[BATCHES_MAX];
    unsigned count;
    uint64_t removed_below;
};

enum { NOT_ANSWERED = 1 };

static struct model *model_new(void)
{
    struct model *model =
        mmap(NULL, sizeof *model, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(model, MAP_FAILED);
    return model;
}

static void model_free(struct model *model)
{
    munmap(model, sizeof *model);
}

static void model_append(struct fixture *f, struct model *model, unsigned count, size_t size)
{
    unsigned n = model->count++;
    assert_true(n < BATCHES_MAX);
    model->batches[n].first = f->lsn + 1;
    model->batches[n].last = f->lsn + count;
    model->batches[n].status = NOT_ANSWERED;
    model->batches[n].status = append_sized(f, count, size);
}

static void model_remove(struct fixture *f, struct model *model, uint64_t lsn)
{
    uint64_t below = lsn <= f->lsn ? lsn : f->lsn + 1;
    if (below > model->removed_below)
        model->removed_below = below;
    journal_remove_below(f->journal, lsn);
}

/* Reads the LSN at *at, moves on; 0 at the end. */
static uint64_t next_found(const struct buf *lsns, size_t *at)
{
    char *end;
    if (*at >= lsns->size || lsns->data[*at] == '|')
        return 0;
    uint64_t lsn = strtoull((const char *)lsns->data + *at, &end, 10);
    *at = (size_t)(end - (const char *)lsns->data) + 1;
    return lsn;
}

/* All that was acknowledged, in order; of what failed nothing, but behind the last success the first records
 * of one batch. What was to be removed may be there or not. */
static void assert_model(const struct model *model, const struct found *found)
{
    size_t at = 0;
    unsigned last_success = 0;
    uint64_t next = next_found(&found->lsns, &at);
    for (unsigned i = 0; i < model->count; i++) {
        if (model->batches[i].status == 0)
            last_success = i + 1;
    }
    while (next != 0 && next < model->removed_below)
        next = next_found(&found->lsns, &at);
    for (unsigned i = 0; i < last_success; i++) {
        for (uint64_t lsn = model->batches[i].first;
             model->batches[i].status == 0 && lsn <= model->batches[i].last; lsn++) {
            if (lsn < model->removed_below)
                continue;
            assert_int_equal(next, lsn);
            next = next_found(&found->lsns, &at);
        }
    }
    if (next == 0)
        return;
    unsigned n = last_success;
    while (n < model->count && model->batches[n].first != next)
        n++;
    assert_true(n < model->count);
    for (uint64_t lsn = next; next != 0; lsn++) {
        assert_int_equal(next, lsn);
        assert_true(lsn <= model->batches[n].last);
        next = next_found(&found->lsns, &at);
    }
}

static void assert_model_on_disk(struct fixture *f, const struct model *model)
{
    fake_disk_heal(&f->disk);
    find_all(&f->files, &f->found);
    assert_int_equal(f->found.damages + f->found.bad_heads, 0);
    assert_model(model, &f->found);
}

/* What is scanned is what was acknowledged, and nothing else. */
static void assert_model_scanned(struct fixture *f, const struct model *model)
{
    size_t at = 0;
    buf_clear(&f->lsns);
    assert_int_equal(journal_scan(f->journal, collect, &f->lsns), 0);
    uint64_t next = next_found(&f->lsns, &at);
    for (unsigned i = 0; i < model->count; i++) {
        if (model->batches[i].status != 0)
            continue;
        for (uint64_t lsn = model->batches[i].first; lsn <= model->batches[i].last; lsn++) {
            if (next != lsn) {
                assert_true(lsn < model->removed_below);
                continue;
            }
            next = next_found(&f->lsns, &at);
        }
    }
    assert_int_equal(next, 0);
}

static void script(struct fixture *f, struct model *model)
{
    model_append(f, model, 2, 50);
    model_append(f, model, 3, 60);
    model_append(f, model, 1, 700); /* the second segment */
    model_append(f, model, 2, 20);
    model_remove(f, model, LSN_FIRST + 5);
    model_append(f, model, 1, 2000); /* larger than a segment */
    model_append(f, model, 2, 20);
    model_remove(f, model, UINT64_MAX);
    model_append(f, model, 2, 20);
    model_append(f, model, 1, 20);
}

/* A folder as new. */
static void begin_again(struct fixture *f)
{
    close_journal(f);
    fake_disk_stop(&f->disk);
    fake_disk_start(&f->disk);
    open_journal(f);
}

static void faults__every_call__acknowledged_there_failed_not(void **state)
{
    static const int statuses[] = {-EIO, -ENOSPC, -EDQUOT, FS_SHORT};
    struct fixture *f = *state;
    unsigned faults = 0;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        for (unsigned times = 1; times <= 4; times += 3) {
            bool fired = true;
            for (unsigned n = 0; fired; n++) {
                struct model *model = model_new();
                begin_again(f);
                fake_disk_fail(&f->disk, DISK_ANY, NULL, n, times, statuses[i]);
                script(f, model);
                fired = fake_disk_fired(&f->disk, NULL);
                faults += fired;
                assert_model_on_disk(f, model);
                assert_model_scanned(f, model);
                model_free(model);
            }
        }
    }
    assert_true(faults > 4 * 2 * 40);
}

/* Fails from one call on, and works again. */
static void faults__disk_full_for_a_while__whole_again_when_it_is(void **state)
{
    struct fixture *f = *state;
    for (unsigned n = 0; n < 40; n++) {
        struct model *model = model_new();
        begin_again(f);
        fake_disk_fail(&f->disk, DISK_ANY, NULL, n, DISK_FOREVER, -ENOSPC);
        script(f, model);
        assert_model_on_disk(f, model);
        model_append(f, model, 1, 20);
        assert_int_equal(model->batches[model->count - 1].status, 0);
        assert_model_on_disk(f, model);
        model_free(model);
    }
}

static bool crash_at(struct fixture *f, struct model *model, unsigned call,
                     void (*workload)(struct fixture *f, struct model *model))
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        f->disk.crash_at = call;
        workload(f, model);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DISK_CRASHED);
    return WEXITSTATUS(status) == DISK_CRASHED;
}

static void crash__before_every_call__acknowledged_there(void **state)
{
    struct fixture *f = *state;
    bool crashed = true;
    unsigned n;
    for (n = 1; crashed; n++) {
        struct model *model = model_new();
        begin_again(f);
        crashed = crash_at(f, model, f->disk.calls + n, script);
        assert_model_on_disk(f, model);
        model_free(model);
    }
    assert_true(n > 40);
}

static unsigned random_below(unsigned limit)
{
    return (unsigned)rand() % limit;
}

static void random_steps(struct fixture *f, struct model *model)
{
    static const int statuses[] = {-EIO, -ENOSPC, -EDQUOT, FS_SHORT};
    for (unsigned i = 0; i < 40; i++) {
        if (random_below(4) == 0)
            fake_disk_fail(&f->disk, random_below(2) == 0 ? DISK_ANY : (int)random_below(FS_SYNCFS + 1), NULL,
                           random_below(6), 1 + random_below(3), statuses[random_below(4)]);
        if (random_below(8) == 0)
            model_remove(f, model, journal_durable(f->journal) - random_below(6));
        else
            model_append(f, model, 1 + random_below(5), 1 + random_below(random_below(10) == 0 ? 2000 : 100));
    }
}

static void faults__random__acknowledged_there_failed_not(void **state)
{
    struct fixture *f = *state;
    unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srand(seed);
    for (unsigned round = 0; round < 500; round++) {
        struct model *model = model_new();
        begin_again(f);
        random_steps(f, model);
        assert_model_on_disk(f, model);
        assert_model_scanned(f, model);
        model_free(model);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new__nothing_appended__no_file),
        TEST(append__batches__durable_in_order),
        TEST(append__full__next_segment),
        TEST(append__larger_than_a_segment__one_of_its_own),
        TEST(append__no_allocation__grows),
        TEST(append__fails_in_old_segment__voided_by_the_next),
        TEST(append__fails_half_written__voided_by_the_next),
        TEST(append__creation_fails__nothing_left),
        TEST(append__creation_fails_and_stays__voided),
        TEST(append__segment_removed_by_somebody__new_one),
        TEST(append__folder_moved__error_then_works_in_the_new_one),
        TEST(remove_below__some__oldest_first_and_the_current_too),
        TEST(remove_below__fails__tried_again_oldest_first),
        TEST(scan__damaged__error_and_all_others),
        TEST(scan__read_fails__error_and_other_segments),
        TEST(replay__any_byte_of_an_old_segment_changed__one_missing_and_told),
        TEST(replay__any_byte_of_the_last_batch_changed__torn_end_cut),
        TEST(replay__last_segment_cut_at_every_byte__whole_ones_there),
        TEST(replay__old_segment_cut_at_every_byte__told),
        TEST(replay__last_batch_of_an_old_segment_damaged__told),
        TEST(replay__damage_and_cut_behind_it__both_told),
        TEST(replay__segment_in_the_middle_gone__told),
        TEST(replay__oldest_gone__nothing_to_tell),
        TEST(replay__segment_of_another_version__refused),
        TEST(faults__every_call__acknowledged_there_failed_not),
        TEST(faults__disk_full_for_a_while__whole_again_when_it_is),
        TEST(faults__random__acknowledged_there_failed_not),
        TEST(crash__before_every_call__acknowledged_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
