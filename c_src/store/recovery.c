/* Makes the changes of the journals in the value files, and ends the journals. Knows of keys and values what
 * ops tell.
 *
 * The file REPLAY_DONE divides it: until it is durable, nothing of the journals is touched and all is done
 * again by the next start; from then on the journals are only cleared away.
 */
#include "store/recovery.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/replay.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

enum { ROUND_KEYS = 1024, ROUND_SIZE = 16 << 20 };

/* In front of the name of a file in which records of a key are set aside. */
#define RECORDS ".records-"

struct change {
    uint64_t lsn;
    enum record_kind kind;
    struct slice bytes; /* in a segment */
};

struct key {
    UT_hash_handle hh;
    struct slice bytes;     /* in a segment */
    struct change *changes; /* by LSN, from finish_key on */
    size_t count;
    size_t room;
    bool mixed;        /* the changes did not come by LSN */
    uint64_t damaged;  /* changes of it with an LSN below that may be missing; 0: none */
    struct key *aside; /* next in work.aside */
    unsigned aside_number;
};

/* A damaged record that tells whose it was. */
struct missing {
    UT_hash_handle hh;
    uint32_t key_crc;
    uint64_t below; /* as in struct key, the highest */
};

struct work {
    struct files *files;
    const struct store_ops *ops;
    struct recovery *result;
    struct replay replay;
    struct replay_journal *journals;
    size_t journal_count;
    struct key *keys;        /* uthash */
    struct missing *missing; /* uthash */
    struct key *aside;       /* whose records are to be set aside */
    unsigned aside_count;
    struct key *round[ROUND_KEYS]; /* whose new values are temporaries, numbered by their place here */
    size_t round_count;
    size_t round_size;
};

/* ---- gathering ---- */

static void add_missing(struct work *work, uint32_t key_crc, uint64_t below)
{
    struct missing *missing;
    HASH_FIND(hh, work->missing, &key_crc, sizeof key_crc, missing);
    if (missing == NULL) {
        missing = mem_zalloc(sizeof *missing);
        missing->key_crc = key_crc;
        HASH_ADD(hh, work->missing, key_crc, sizeof key_crc, missing);
    }
    if (below > missing->below)
        missing->below = below;
}

static struct key *get_key(struct work *work, struct slice bytes)
{
    struct key *key;
    HASH_FIND(hh, work->keys, bytes.data, bytes.size, key);
    if (key == NULL) {
        key = mem_zalloc(sizeof *key);
        key->bytes = bytes;
        HASH_ADD_KEYPTR(hh, work->keys, bytes.data, bytes.size, key);
    }
    return key;
}

static void add_change(struct key *key, const struct record *record)
{
    if (key->count == key->room) {
        key->room = key->room == 0 ? 4 : key->room * 2;
        key->changes = mem_realloc(key->changes, key->room * sizeof *key->changes);
    }
    key->mixed = key->mixed || (key->count > 0 && key->changes[key->count - 1].lsn > record->lsn);
    key->changes[key->count++] = (struct change){record->lsn, record->kind, record->change};
}

/* Tells of the journal's damage; LSN below which any key's records may be missing, or 0. */
static uint64_t tell_damage(struct work *work, const struct replay_journal *journal)
{
    uint64_t below = 0;
    work->result->problems += journal->bad_heads + journal->damage_count;
    if (journal->torn != NULL)
        log_write(LOG_INFO, "recovery", "torn_tail", "file=%s offset=%zu", journal->torn->name,
                  journal->torn_offset);
    for (size_t i = 0; i < journal->damage_count; i++) {
        const struct replay_damage *damage = &journal->damages[i];
        log_write(LOG_ERROR, "recovery", "damaged", "file=%s offset=%zu", damage->segment->name,
                  damage->place.offset);
        if (damage->place.named)
            add_missing(work, damage->place.key_crc, damage->place.lsn + 1);
        else
            below = damage->below; /* the later, the higher */
    }
    return below;
}

static void gather_journal(struct work *work, const struct replay_journal *journal)
{
    uint64_t below = tell_damage(work, journal);
    work->result->records += journal->count;
    if (journal->lsn > work->result->lsn)
        work->result->lsn = journal->lsn;
    for (size_t i = 0; i < journal->count; i++) {
        struct key *key = get_key(work, journal->records[i].key);
        add_change(key, &journal->records[i]);
        if (below > key->damaged)
            key->damaged = below;
    }
}

static void gather(struct work *work)
{
    for (size_t i = 0; i < work->replay.count;) {
        struct replay_journal *journal;
        work->journals = mem_realloc(work->journals, (work->journal_count + 1) * sizeof *work->journals);
        journal = &work->journals[work->journal_count++];
        replay_journal(&work->replay, i, journal);
        gather_journal(work, journal);
        i = journal->next;
    }
    for (size_t i = 0; i < work->replay.count; i++) {
        const struct replay_segment *segment = &work->replay.segments[i];
        work->result->bytes += segment->bytes.size;
        if (segment->damaged && !segment->head_is_whole)
            log_write(LOG_ERROR, "recovery", "damaged", "file=%s offset=0", segment->name);
    }
}

static int compare_changes(const void *left, const void *right)
{
    const struct change *a = left, *b = right;
    return a->lsn < b->lsn ? -1 : a->lsn > b->lsn;
}

/* Sorts the changes. Two of one LSN are one that is there twice. */
static void finish_key(struct work *work, struct key *key)
{
    struct missing *missing;
    uint32_t key_crc = record_key_crc(key->bytes);
    HASH_FIND(hh, work->missing, &key_crc, sizeof key_crc, missing);
    if (missing != NULL && missing->below > key->damaged)
        key->damaged = missing->below;
    if (key->mixed)
        qsort(key->changes, key->count, sizeof *key->changes, compare_changes);
    size_t kept = 1;
    for (size_t i = 1; i < key->count; i++) {
        if (key->changes[i].lsn != key->changes[kept - 1].lsn)
            key->changes[kept++] = key->changes[i];
    }
    key->count = kept;
}

/* ---- one key ---- */

/* Errors that concern this one key: it is set aside, and the others go on. The rest would meet the next key
 * as well: the start fails, and may be tried again. */
static bool is_of_the_key(int status)
{
    return status <= ERR_BADARG || status == -EISDIR || status == -ELOOP || status == -EINVAL ||
           status == -ENXIO || status == -EACCES || status == -EPERM;
}

static void set_aside(struct work *work, struct key *key, int status)
{
    log_write(LOG_ERROR, "recovery", "key_set_aside", "number=%u records=%zu error=%s", work->aside_count,
              key->count, error_atom(status));
    work->result->problems++;
    key->aside_number = work->aside_count++;
    key->aside = work->aside;
    work->aside = key;
}

/* Place of the last change that makes all before it meaningless; count if there is none. */
static size_t find_restart(const struct key *key)
{
    for (size_t i = key->count; i > 0; i--) {
        if (key->changes[i - 1].kind != RECORD_CHANGE)
            return i - 1;
    }
    return key->count;
}

/* Of a value that the first changes are made on; -EIO is about this file alone. */
static int read_value(const struct work *work, const char *name, struct buf *value)
{
    int status = files_read(work->files, name, value);
    if (status == ERR_NOT_FOUND)
        return 0;
    if (status == -EIO || (status == 0 && value->size == 0))
        return ERR_CORRUPT;
    return status;
}

static int fold(const struct work *work, const struct key *key, size_t first, struct slice value,
                struct buf *out)
{
    struct buf changes = BUF_EMPTY;
    for (size_t i = first; i < key->count; i++)
        buf_append_slice(&changes, key->changes[i].bytes);
    int status = work->ops->fold(work->ops->ctx, value, buf_slice(&changes), out);
    buf_release(&changes);
    return status == 0 || is_of_the_key(status) ? status : ERR_CORRUPT;
}

/* Appends the key's value to out, or sets none. */
static int make_value(const struct work *work, const struct key *key, const char *name, struct buf *out,
                      bool *none)
{
    size_t restart = find_restart(key);
    struct slice base = {0};
    struct buf old = BUF_EMPTY;
    int status = 0;
    *none = false;
    if (restart == key->count) {
        status = key->damaged != 0 ? ERR_CORRUPT : read_value(work, name, &old);
        base = buf_slice(&old);
        restart = 0;
    } else if (key->changes[restart].lsn < key->damaged) {
        status = ERR_CORRUPT;
    } else {
        base = key->changes[restart].bytes;
        *none = key->changes[restart].kind == RECORD_DELETE && restart + 1 == key->count;
        restart++;
    }
    if (status == 0 && restart < key->count)
        status = fold(work, key, restart, base, out);
    else if (status == 0)
        buf_append_slice(out, base);
    buf_release(&old);
    return status;
}

/* ---- writing ---- */

/* Gives the temporaries their names, or removes them if something has failed already. */
static int end_round(struct work *work, int status)
{
    char name[FILES_NAME_ROOM];
    if (status == 0 && work->round_count > 0)
        status = files_sync_all(work->files);
    for (size_t i = 0; i < work->round_count; i++) {
        if (status != 0) {
            files_discard(work->files, i);
            continue;
        }
        work->ops->file_name(work->ops->ctx, work->round[i]->bytes, name);
        status = files_publish(work->files, i, name);
        work->result->keys += status == 0;
        if (status != 0 && is_of_the_key(status)) {
            set_aside(work, work->round[i], status);
            status = 0;
        }
    }
    work->round_count = work->round_size = 0;
    return status;
}

static int remove_value(struct work *work, const char *name)
{
    int status = files_remove(work->files, name);
    work->result->keys += status == 0;
    return status;
}

static int prepare_value(struct work *work, struct key *key, struct slice value)
{
    int status = files_prepare_unsynced(work->files, work->round_count, value);
    if (status == 0) {
        work->round[work->round_count++] = key;
        work->round_size += value.size;
    }
    return status;
}

static int write_key(struct work *work, struct key *key, struct buf *value)
{
    char name[FILES_NAME_ROOM];
    bool none;
    work->ops->file_name(work->ops->ctx, key->bytes, name);
    int status = make_value(work, key, name, value, &none);
    if (status == 0)
        status = none ? remove_value(work, name) : prepare_value(work, key, buf_slice(value));
    if (status != 0 && is_of_the_key(status)) {
        set_aside(work, key, status);
        status = 0;
    }
    return status;
}

static int write_keys(struct work *work)
{
    struct buf value = BUF_EMPTY;
    struct key *key, *next;
    int status = 0;
    HASH_ITER(hh, work->keys, key, next)
    {
        if (status != 0)
            break;
        finish_key(work, key);
        buf_clear(&value);
        status = write_key(work, key, &value);
        if (work->round_count == ROUND_KEYS || work->round_size >= ROUND_SIZE)
            status = end_round(work, status);
    }
    buf_release(&value);
    return end_round(work, status);
}

/* ---- setting aside ---- */

/* As a segment of no journal. */
static int write_records(const struct work *work, const struct key *key)
{
    char name[FILES_NAME_ROOM], records[sizeof RECORDS + FILES_NAME_ROOM], aside[FILES_NAME_ROOM];
    struct segment_head head = {0};
    struct buf bytes = BUF_EMPTY;
    segment_head_append(&bytes, &head);
    for (size_t i = 0; i < key->count; i++) {
        const struct change *change = &key->changes[i];
        record_append(&bytes, &(struct record){.lsn = change->lsn,
                                               .kind = change->kind,
                                               .key = key->bytes,
                                               .change = change->bytes});
    }
    work->ops->file_name(work->ops->ctx, key->bytes, name);
    snprintf(records, sizeof records, RECORDS "%s", name);
    files_aside_name(key->aside_number, records, aside);
    int status = files_write(work->files, 0, aside, buf_slice(&bytes));
    buf_release(&bytes);
    return status;
}

static int write_aside(struct work *work)
{
    int status = 0;
    for (struct key *key = work->aside; status == 0 && key != NULL; key = key->aside)
        status = write_records(work, key);
    return status;
}

/* ---- the end of the journals ---- */

static int write_done(struct work *work)
{
    struct replay *replay = &work->replay;
    for (size_t i = 0; i < replay->count; i++) {
        const char *name = replay->segments[i].name;
        if (replay->segments[i].damaged)
            buf_append(&replay->done, name, strlen(name) + 1);
    }
    int status = files_write(work->files, 0, REPLAY_DONE, buf_slice(&replay->done));
    return status == 0 ? files_sync(work->files) : status;
}

static bool is_listed(const struct buf *names, const char *name)
{
    for (size_t at = 0; at < names->size;) {
        const char *listed = (const char *)names->data + at;
        size_t size = strnlen(listed, names->size - at);
        if (size == strlen(name) && memcmp(listed, name, size) == 0)
            return true;
        at += size + 1;
    }
    return false;
}

static int clear_away(struct work *work)
{
    const struct replay *replay = &work->replay;
    struct buf aside = BUF_EMPTY;
    int status = 0;
    for (size_t i = 0; status == 0 && i < replay->count; i++) {
        const char *name = replay->segments[i].name;
        status = is_listed(&replay->done, name) ? files_set_aside(work->files, i, name, &aside)
                                                : files_remove(work->files, name);
    }
    buf_release(&aside);
    if (status == 0)
        status = files_sync(work->files);
    if (status == 0)
        status = files_remove(work->files, REPLAY_DONE);
    return status == 0 ? files_sync(work->files) : status;
}

static int replay_changes(struct work *work)
{
    gather(work);
    int status = write_keys(work);
    if (status == 0)
        status = write_aside(work);
    if (status == 0)
        status = files_sync(work->files);
    return status == 0 ? write_done(work) : status;
}

static void release(struct work *work)
{
    struct key *key, *next_key;
    struct missing *missing, *next_missing;
    HASH_ITER(hh, work->keys, key, next_key)
    {
        HASH_DEL(work->keys, key);
        mem_free(key->changes);
        mem_free(key);
    }
    HASH_ITER(hh, work->missing, missing, next_missing)
    {
        HASH_DEL(work->missing, missing);
        mem_free(missing);
    }
    for (size_t i = 0; i < work->journal_count; i++)
        replay_journal_release(&work->journals[i]);
    mem_free(work->journals);
    replay_close(&work->replay);
    mem_free(work);
}

static void number_above(struct recovery *recovery, const struct replay *replay)
{
    recovery->sequence = 1;
    for (size_t i = 0; i < replay->count; i++) {
        if (replay->segments[i].sequence >= recovery->sequence)
            recovery->sequence = replay->segments[i].sequence + 1;
    }
}

/* What was found may be in memory only, where a process that was killed has left it: records, the mark that
 * they are done with, the removal of a journal. What is done because of it must not outlive it in a power
 * failure: the start after that would make older records on a newer value, or some without the others. */
static int sync_what_was_found(struct work *work)
{
    bool anything = work->replay.count > 0 || work->replay.is_done;
    return anything ? files_sync_all(work->files) : files_sync(work->files);
}

int recovery_run(struct files *files, const struct store_ops *ops, struct recovery *recovery)
{
    struct work *work = mem_zalloc(sizeof *work);
    *recovery = (struct recovery){0};
    work->files = files;
    work->ops = ops;
    work->result = recovery;
    int status = replay_open(&work->replay, files);
    if (status != 0) {
        mem_free(work);
        return status;
    }
    number_above(recovery, &work->replay);
    status = sync_what_was_found(work);
    if (status == 0 && work->replay.count > 0 && !work->replay.is_done)
        status = replay_changes(work);
    if (status == 0 && (work->replay.count > 0 || work->replay.is_done))
        status = clear_away(work);
    release(work);
    return status;
}
