/* Records of a journal as bytes. Pure: no files, no threads, no state.
 *
 * A record is one accepted change of one key (all integers big-endian):
 *
 *   0   u32  payload size
 *   4   u32  key size: bytes of the key in the payload
 *   8   u64  LSN, log sequence number: grows from change to change over all journals of the folder, from 1
 *   16  u64  durable: all records of this journal up to that LSN were durable when this one was written
 *   24  u32  CRC-32 of the key's bytes: tells whose a record with a damaged payload is
 *   28  u32  kind: enum record_kind
 *   32  u32  CRC-32 of the payload
 *   36  u32  CRC-32 of the 36 bytes before
 *   40       payload: the external term {Key, Change}
 *
 * Change is the caller's own term (RECORD_CHANGE), a binary with the whole new value (RECORD_PUT), or []
 * (RECORD_DELETE). The store writes the bytes of that tuple around what it is given; it never looks into a
 * key or a change.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdint.h>

enum { RECORD_HEAD_SIZE = 40 };

enum record_kind { RECORD_PUT = 1, RECORD_DELETE = 2, RECORD_CHANGE = 3 };

/* Slices are borrowed: from the caller (append) or from the bytes that were parsed. */
struct record {
    uint64_t lsn;
    uint64_t durable;
    enum record_kind kind;
    struct slice key;    /* 1 byte at least */
    struct slice change; /* RECORD_PUT: the whole value; RECORD_DELETE: empty */
};

/* Appends the record, and says how many bytes it would be. */
void record_append(struct buf *out, const struct record *record);
size_t record_size(const struct record *record);

/* Writes another durable into the head of a record that was appended before. */
void record_set_durable(uint8_t head[RECORD_HEAD_SIZE], uint64_t durable);

enum record_verdict {
    RECORD_OK,      /* *size: bytes of it */
    RECORD_END,     /* nothing more: no bytes left, or only zeros in place of a head */
    RECORD_DAMAGED, /* the head is whole, the payload is not (or is cut); key_crc tells whose it was, *size
                       how long it is (or would be: more than there is where it is cut) */
    RECORD_UNKNOWN  /* not even a head: where the next record stands only a search can tell (record_find) */
};

/* Looks at the record at the front of bytes. RECORD_DAMAGED: record has lsn and durable only. The out
 * parameters are set by RECORD_OK and RECORD_DAMAGED alone. */
enum record_verdict record_parse(struct slice bytes, struct record *record, size_t *size, uint32_t *key_crc);

/* Offset of the first whole record (RECORD_OK) in bytes whose LSN is greater than lsn, at or after from;
 * bytes.size if there is none. */
size_t record_find(struct slice bytes, size_t from, uint64_t lsn);

/* What record_parse gives as key_crc for that key. */
uint32_t record_key_crc(struct slice key);

#endif
