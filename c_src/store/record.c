/* Bytes of a record, made and read. Knows the tuple around a key and a change, not what is in them. */
#include "store/record.h"

#include <assert.h>
#include <stdbool.h>
#include <zlib.h>

/* Of the external term format. */
enum { VERSION = 131, SMALL_TUPLE = 104, BINARY = 109, NIL = 106 };

enum {
    TUPLE_SIZE = 3,       /* in front of the key: 131, 104, 2 */
    BINARY_HEAD_SIZE = 5, /* in front of a whole value: 109, u32 */
    KEY_CRC_AT = 24,
    KIND_AT = 28,
    CRC_AT = 32,
    HEAD_CRC_AT = 36
};

static const uint8_t tuple[TUPLE_SIZE] = {VERSION, SMALL_TUPLE, 2};

static uint32_t crc_of(const uint8_t *bytes, size_t size)
{
    return (uint32_t)crc32_z(0, bytes, size);
}

uint32_t record_key_crc(struct slice key)
{
    return crc_of(key.data, key.size);
}

static size_t change_size(const struct record *record)
{
    switch (record->kind) {
    case RECORD_PUT:
        return BINARY_HEAD_SIZE + record->change.size;
    case RECORD_DELETE:
        return 1;
    default:
        return record->change.size;
    }
}

size_t record_size(const struct record *record)
{
    return RECORD_HEAD_SIZE + TUPLE_SIZE + record->key.size + change_size(record);
}

static void append_change(struct buf *out, const struct record *record)
{
    if (record->kind == RECORD_DELETE) {
        buf_append_u8(out, NIL);
        return;
    }
    if (record->kind == RECORD_PUT) {
        buf_append_u8(out, BINARY);
        buf_append_u32(out, (uint32_t)record->change.size);
    }
    buf_append_slice(out, record->change);
}

void record_append(struct buf *out, const struct record *record)
{
    size_t size = record_size(record);
    size_t payload = size - RECORD_HEAD_SIZE;
    assert(record->key.size > 0 && payload <= UINT32_MAX);
    buf_reserve(out, size);
    uint8_t *head = buf_extend(out, RECORD_HEAD_SIZE); /* stays there: all of it is reserved */
    buf_append(out, tuple, sizeof tuple);
    buf_append_slice(out, record->key);
    append_change(out, record);
    bytes_put_u32(head, (uint32_t)payload);
    bytes_put_u32(head + 4, (uint32_t)record->key.size);
    bytes_put_u64(head + 8, record->lsn);
    bytes_put_u64(head + 16, record->durable);
    bytes_put_u32(head + KEY_CRC_AT, record_key_crc(record->key));
    bytes_put_u32(head + KIND_AT, record->kind);
    bytes_put_u32(head + CRC_AT, crc_of(head + RECORD_HEAD_SIZE, payload));
    bytes_put_u32(head + HEAD_CRC_AT, crc_of(head, HEAD_CRC_AT));
}

void record_set_durable(uint8_t head[RECORD_HEAD_SIZE], uint64_t durable)
{
    bytes_put_u64(head + 16, durable);
    bytes_put_u32(head + HEAD_CRC_AT, crc_of(head, HEAD_CRC_AT));
}

static bool only_zeros(struct slice bytes)
{
    static const uint8_t zeros[RECORD_HEAD_SIZE];
    return memcmp(bytes.data, zeros, bytes.size < sizeof zeros ? bytes.size : sizeof zeros) == 0;
}

static bool head_is_whole(const uint8_t *head)
{
    uint32_t kind = bytes_u32(head + KIND_AT);
    uint32_t payload = bytes_u32(head);
    uint32_t key = bytes_u32(head + 4);
    return kind >= RECORD_PUT && kind <= RECORD_CHANGE && key > 0 && payload > TUPLE_SIZE &&
           key <= payload - TUPLE_SIZE && bytes_u32(head + HEAD_CRC_AT) == crc_of(head, HEAD_CRC_AT);
}

/* Takes the change out of what stands behind the key; false if it is not of its kind. */
static bool parse_change(struct slice rest, struct record *record)
{
    record->change = slice_of(rest.data, 0);
    switch (record->kind) {
    case RECORD_PUT:
        if (rest.size < BINARY_HEAD_SIZE || rest.data[0] != BINARY ||
            bytes_u32(rest.data + 1) != rest.size - BINARY_HEAD_SIZE)
            return false;
        record->change = slice_of(rest.data + BINARY_HEAD_SIZE, rest.size - BINARY_HEAD_SIZE);
        return true;
    case RECORD_DELETE:
        return rest.size == 1 && rest.data[0] == NIL;
    default:
        record->change = rest;
        return true;
    }
}

static bool parse_payload(const uint8_t *head, struct slice payload, struct record *record)
{
    size_t key_size = bytes_u32(head + 4);
    if (crc_of(payload.data, payload.size) != bytes_u32(head + CRC_AT) ||
        memcmp(payload.data, tuple, sizeof tuple) != 0)
        return false;
    record->kind = (enum record_kind)bytes_u32(head + KIND_AT);
    record->key = slice_of(payload.data + TUPLE_SIZE, key_size);
    size_t before = TUPLE_SIZE + key_size;
    return record_key_crc(record->key) == bytes_u32(head + KEY_CRC_AT) &&
           parse_change(slice_of(payload.data + before, payload.size - before), record);
}

enum record_verdict record_parse(struct slice bytes, struct record *record, size_t *size, uint32_t *key_crc)
{
    const uint8_t *head = bytes.data;
    if (bytes.size == 0 || only_zeros(bytes))
        return RECORD_END;
    if (bytes.size < RECORD_HEAD_SIZE || !head_is_whole(head))
        return RECORD_UNKNOWN;
    struct slice payload = slice_of(head + RECORD_HEAD_SIZE, bytes_u32(head));
    *record = (struct record){.lsn = bytes_u64(head + 8), .durable = bytes_u64(head + 16)};
    *size = RECORD_HEAD_SIZE + payload.size;
    *key_crc = bytes_u32(head + KEY_CRC_AT);
    return *size <= bytes.size && parse_payload(head, payload, record) ? RECORD_OK : RECORD_DAMAGED;
}

size_t record_find(struct slice bytes, size_t from, uint64_t lsn)
{
    struct record record;
    size_t size;
    uint32_t key_crc;
    /* The first byte of a payload is rare enough to be looked for. */
    for (size_t at = from; at < bytes.size && bytes.size - at > RECORD_HEAD_SIZE; at++) {
        const uint8_t *payload = bytes.data + at + RECORD_HEAD_SIZE;
        payload = memchr(payload, VERSION, (size_t)(bytes.data + bytes.size - payload));
        if (payload == NULL)
            break;
        at = (size_t)(payload - bytes.data) - RECORD_HEAD_SIZE;
        if (record_parse(slice_of(bytes.data + at, bytes.size - at), &record, &size, &key_crc) == RECORD_OK &&
            record.lsn > lsn)
            return at;
    }
    return bytes.size;
}
