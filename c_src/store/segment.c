/* Names, heads and the way through the records of a segment. Knows nothing of the folder, nor which records
 * count. */
#include "store/segment.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAGIC  "todojrnl"
#define PREFIX ".journal-"

enum { MAGIC_SIZE = sizeof MAGIC - 1, VERSION_AT = MAGIC_SIZE, CRC_AT = SEGMENT_HEAD_SIZE - 4 };

void segment_head_append(struct buf *out, const struct segment_head *head)
{
    size_t start = out->size;
    buf_append(out, MAGIC, MAGIC_SIZE);
    buf_append_u32(out, SEGMENT_VERSION);
    buf_append_u32(out, head->worker);
    buf_append_u64(out, head->sequence);
    buf_append_u64(out, head->void_above);
    buf_append_u32(out, (uint32_t)crc32(0, out->data + start, CRC_AT));
}

/* True if the sum is right with the version that we know in place of what is there. */
static bool sum_is_right(const uint8_t *bytes)
{
    uint8_t head[CRC_AT];
    memcpy(head, bytes, sizeof head);
    bytes_put_u32(head + VERSION_AT, SEGMENT_VERSION);
    return bytes_u32(bytes + CRC_AT) == (uint32_t)crc32(0, head, sizeof head);
}

int segment_head_parse(struct slice bytes, struct segment_head *head)
{
    if (bytes.size < SEGMENT_HEAD_SIZE || memcmp(bytes.data, MAGIC, MAGIC_SIZE) != 0)
        return ERR_CORRUPT;
    uint32_t version = bytes_u32(bytes.data + VERSION_AT);
    bool known = version <= SEGMENT_VERSION; /* 0: zeros, where a write broke off */
    if (!sum_is_right(bytes.data))           /* where another version has its sum nobody knows */
        return known ? ERR_CORRUPT : ERR_VERSION;
    if (version != SEGMENT_VERSION)
        return ERR_CORRUPT; /* nothing else is damaged */
    head->worker = bytes_u32(bytes.data + VERSION_AT + 4);
    head->sequence = bytes_u64(bytes.data + VERSION_AT + 8);
    head->void_above = bytes_u64(bytes.data + VERSION_AT + 16);
    return 0;
}

void segment_name(uint32_t worker, uint64_t sequence, char name[SEGMENT_NAME_ROOM])
{
    snprintf(name, SEGMENT_NAME_ROOM, PREFIX "%" PRIu32 "-%" PRIu64, worker, sequence);
}

bool segment_name_parse(const char *name, uint32_t *worker, uint64_t *sequence)
{
    char same[SEGMENT_NAME_ROOM], *end;
    if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0)
        return false;
    uint32_t number = (uint32_t)strtoul(name + sizeof PREFIX - 1, &end, 10);
    uint64_t place = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
    segment_name(number, place, same); /* is another one if anything was odd */
    if (strcmp(same, name) != 0)
        return false;
    *worker = number;
    *sequence = place;
    return true;
}

struct segment_cursor segment_cursor_of(struct slice bytes, uint64_t lsn)
{
    size_t at = bytes.size < SEGMENT_HEAD_SIZE ? bytes.size : SEGMENT_HEAD_SIZE;
    return (struct segment_cursor){bytes, at, lsn};
}

static bool only_zeros(struct slice bytes)
{
    return bytes.size == 0 || (bytes.data[0] == 0 && memcmp(bytes.data, bytes.data + 1, bytes.size - 1) == 0);
}

/* Of a record whose head is whole: where the next one begins is known. */
static void pass_named(struct segment_cursor *cursor, const struct record *record, size_t size,
                       struct segment_damage *damage)
{
    size_t left = cursor->bytes.size - cursor->at;
    damage->named = true;
    damage->lsn = record->lsn;
    damage->durable = record->durable;
    cursor->lsn = record->lsn;
    cursor->at += size < left ? size : left;
}

enum segment_step segment_next(struct segment_cursor *cursor, struct record *record,
                               struct segment_damage *damage)
{
    struct slice rest = slice_of(cursor->bytes.data + cursor->at, cursor->bytes.size - cursor->at);
    size_t size = 0;
    uint32_t key_crc = 0;
    enum record_verdict verdict = record_parse(rest, record, &size, &key_crc);
    if (verdict == RECORD_END && only_zeros(rest))
        return SEGMENT_END;
    bool ascends = (verdict == RECORD_OK || verdict == RECORD_DAMAGED) && record->lsn > cursor->lsn;
    if (verdict == RECORD_OK && ascends) {
        cursor->at += size;
        cursor->lsn = record->lsn;
        return SEGMENT_RECORD;
    }
    *damage = (struct segment_damage){.offset = cursor->at, .after = cursor->lsn, .key_crc = key_crc};
    if (ascends)
        pass_named(cursor, record, size, damage);
    else
        cursor->at = record_find(cursor->bytes, cursor->at + 1, cursor->lsn);
    return SEGMENT_DAMAGE;
}
