/* Segments of journals as names and bytes. Pure: no files, no threads, no state.
 *
 *   .journal-<worker>-<sequence>   decimal, no leading zeros
 *
 * A segment begins with a head (SEGMENT_HEAD_SIZE bytes, big-endian): "todojrnl", u32 format version (1), u32
 * worker, u64 sequence, u64 void_above, u32 CRC-32 of the foregoing. Records (store/record.h) follow, then
 * zeros up to the end of what was preallocated.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include "base/buf.h"
#include "base/slice.h"
#include "store/record.h"

#include <stdbool.h>
#include <stdint.h>

enum { SEGMENT_HEAD_SIZE = 36, SEGMENT_VERSION = 1, SEGMENT_NAME_ROOM = 48 };

struct segment_head {
    uint32_t worker;
    uint64_t sequence;
    uint64_t void_above; /* the journal's durable LSN when the segment was begun: records of earlier segments
                            of this journal with a greater one do not count */
};

void segment_head_append(struct buf *out, const struct segment_head *head);

/* Errors: ERR_CORRUPT (no whole head), ERR_VERSION (a head of another format version). */
int segment_head_parse(struct slice bytes, struct segment_head *head);

void segment_name(uint32_t worker, uint64_t sequence, char name[SEGMENT_NAME_ROOM]);

/* False if it is not the name of a segment. */
bool segment_name_parse(const char *name, uint32_t *worker, uint64_t *sequence);

/* Goes through the records of a segment and over damaged places. */
struct segment_cursor {
    struct slice bytes; /* the segment */
    size_t at;          /* of the next record */
    uint64_t lsn;       /* of the last record; records ascend, one with a lower LSN is none */
};

/* At the first record, whatever the head is like. lsn: all records have a greater one. */
struct segment_cursor segment_cursor_of(struct slice bytes, uint64_t lsn);

enum segment_step {
    SEGMENT_RECORD, /* record is set */
    SEGMENT_DAMAGE, /* damage is set */
    SEGMENT_END     /* no bytes left, or nothing but zeros */
};

/* Bytes that are not whole records. */
struct segment_damage {
    size_t offset;    /* where it begins */
    uint64_t after;   /* LSN of the last record before it */
    bool named;       /* one record, whose head is whole: what follows is set */
    uint64_t lsn;     /* its LSN */
    uint64_t durable; /* what it says of other records */
    uint32_t key_crc; /* see record_key_crc */
};

enum segment_step segment_next(struct segment_cursor *cursor, struct record *record,
                               struct segment_damage *damage);

#endif
