/* Records made and read back; each byte of them damaged; cut at every byte; found again behind damage. */
#include "store/record.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct record record_of(uint64_t lsn, enum record_kind kind, const char *key, const char *change)
{
    return (struct record){.lsn = lsn,
                           .durable = lsn / 2,
                           .kind = kind,
                           .key = slice_of_text(key),
                           .change = slice_of_text(change)};
}

static void assert_same(const struct record *record, const struct record *expected)
{
    assert_int_equal(record->lsn, expected->lsn);
    assert_int_equal(record->durable, expected->durable);
    assert_int_equal(record->kind, expected->kind);
    assert_true(slice_equal(record->key, expected->key));
    assert_true(slice_equal(record->change, expected->change));
}

static enum record_verdict verdict_of(struct slice bytes)
{
    struct record record;
    size_t size;
    uint32_t key_crc;
    return record_parse(bytes, &record, &size, &key_crc);
}

static void assert_round_trip(const struct record *record)
{
    struct buf out = BUF_EMPTY;
    struct record read;
    size_t size = 0;
    uint32_t key_crc = 0;
    buf_append(&out, "before", 6);
    record_append(&out, record);
    assert_int_equal(out.size, 6 + record_size(record));
    buf_append(&out, "behind", 6);
    assert_int_equal(record_parse(buf_slice_from(&out, 6), &read, &size, &key_crc), RECORD_OK);
    assert_int_equal(size, record_size(record));
    assert_int_equal(key_crc, record_key_crc(record->key));
    assert_same(&read, record);
    buf_release(&out);
}

static void append__every_kind__read_back(void **state)
{
    struct record records[] = {
        record_of(1, RECORD_PUT, "k", "whole value"), record_of(2, RECORD_PUT, "key", ""),
        record_of(UINT64_MAX, RECORD_DELETE, "key", ""), record_of(3, RECORD_CHANGE, "key", "c"),
        record_of(4, RECORD_CHANGE, "key", "")};
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        assert_round_trip(&records[i]);
}

static void append__change__is_a_term_of_key_and_change(void **state)
{
    static const uint8_t change[] = {131, 104, 2, 'k', 'c'}, put[] = {131, 104, 2, 'k', 109, 0, 0, 0, 1, 'v'},
                         removal[] = {131, 104, 2, 'k', 106};
    struct record records[] = {record_of(1, RECORD_CHANGE, "k", "c"), record_of(1, RECORD_PUT, "k", "v"),
                               record_of(1, RECORD_DELETE, "k", "")};
    struct slice payloads[] = {slice_of(change, sizeof change), slice_of(put, sizeof put),
                               slice_of(removal, sizeof removal)};
    for (size_t i = 0; i < 3; i++) {
        struct buf out = BUF_EMPTY;
        record_append(&out, &records[i]);
        assert_true(slice_equal(buf_slice_from(&out, RECORD_HEAD_SIZE), payloads[i]));
        buf_release(&out);
    }
}

/* docs/disk-format.md gives this record byte for byte. */
static void append__example__bytes_as_documented(void **state)
{
    static const uint8_t bytes[] = {0, 0,    0,    5,    0,    0,    0, 1,    0,    0,    0,    0,
                                    0, 0,    0,    9,    0,    0,    0, 0,    0,    0,    0,    4,
                                    8, 0x62, 0x57, 0x5d, 0,    0,    0, 3,    0x9f, 0xc0, 0xb4, 0x53,
                                    9, 0x9e, 0x4c, 0x37, 0x83, 0x68, 2, 0x6b, 0x63};
    struct record record = record_of(9, RECORD_CHANGE, "k", "c");
    struct buf out = BUF_EMPTY;
    record_append(&out, &record);
    assert_int_equal(out.size, sizeof bytes);
    assert_memory_equal(out.data, bytes, sizeof bytes);
    buf_release(&out);
}

static void set_durable__any__rest_as_before(void **state)
{
    struct record record = record_of(9, RECORD_CHANGE, "k", "c"), read;
    struct buf out = BUF_EMPTY;
    size_t size;
    uint32_t key_crc;
    record_append(&out, &record);
    record_set_durable(out.data, 7);
    record.durable = 7;
    assert_int_equal(record_parse(buf_slice(&out), &read, &size, &key_crc), RECORD_OK);
    assert_same(&read, &record);
    buf_release(&out);
}

static void parse__every_byte_changed__never_ok_and_head_tells(void **state)
{
    struct record record = record_of(9, RECORD_PUT, "key", "value"), read;
    struct buf out = BUF_EMPTY;
    size_t size;
    uint32_t key_crc;
    record_append(&out, &record);
    for (size_t at = 0; at < out.size; at++) {
        for (int change = 1; change < 256; change++) {
            out.data[at] ^= (uint8_t)change;
            enum record_verdict verdict = record_parse(buf_slice(&out), &read, &size, &key_crc);
            assert_int_equal(verdict, at < RECORD_HEAD_SIZE ? RECORD_UNKNOWN : RECORD_DAMAGED);
            if (verdict == RECORD_DAMAGED) {
                assert_int_equal(read.lsn, 9);
                assert_int_equal(read.durable, 4);
                assert_int_equal(size, out.size);
                assert_int_equal(key_crc, record_key_crc(record.key));
            }
            out.data[at] ^= (uint8_t)change;
        }
    }
    buf_release(&out);
}

/* A copy of exactly that size, so that a read beyond it is seen by the sanitizer. */
static enum record_verdict verdict_of_copy(struct slice bytes)
{
    uint8_t *copy = malloc(bytes.size + 1);
    memcpy(copy + 1, bytes.data, bytes.size);
    enum record_verdict verdict = verdict_of(slice_of(copy + 1, bytes.size));
    free(copy);
    return verdict;
}

static void parse__cut_at_every_byte__told(void **state)
{
    struct record record = record_of(0x0102030405060708, RECORD_CHANGE, "key", "change");
    struct buf out = BUF_EMPTY;
    record_append(&out, &record);
    assert_int_equal(verdict_of(slice_of(NULL, 0)), RECORD_END);
    for (size_t size = 1; size < out.size; size++) {
        enum record_verdict expected = size < RECORD_HEAD_SIZE ? RECORD_UNKNOWN : RECORD_DAMAGED;
        if (size <= 3) /* the first bytes of the size, which is small */
            expected = RECORD_END;
        assert_int_equal(verdict_of_copy(slice_of(out.data, size)), expected);
    }
    buf_release(&out);
}

static void parse__zeros__end(void **state)
{
    uint8_t bytes[200] = {0};
    for (size_t size = 0; size <= sizeof bytes; size++)
        assert_int_equal(verdict_of_copy(slice_of(bytes, size)), RECORD_END);
    bytes[RECORD_HEAD_SIZE] = 1;
    assert_int_equal(verdict_of(slice_of(bytes, sizeof bytes)), RECORD_END);
    bytes[RECORD_HEAD_SIZE - 1] = 1;
    assert_int_equal(verdict_of(slice_of(bytes, sizeof bytes)), RECORD_UNKNOWN);
}

/* A head with right check sums whose fields cannot be. */
static void parse__whole_but_impossible__not_ok(void **state)
{
    struct record put = record_of(1, RECORD_PUT, "k", "v"), removal = record_of(1, RECORD_DELETE, "k", "");
    struct buf out = BUF_EMPTY;
    record_append(&out, &put);
    bytes_put_u32(out.data + 28, 4); /* kind */
    record_set_durable(out.data, 0);
    assert_int_equal(verdict_of(buf_slice(&out)), RECORD_UNKNOWN);
    bytes_put_u32(out.data + 28, RECORD_DELETE);
    record_set_durable(out.data, 0);
    assert_int_equal(verdict_of(buf_slice(&out)), RECORD_DAMAGED);
    bytes_put_u32(out.data + 28, RECORD_PUT);
    bytes_put_u32(out.data + 4, 3); /* size of the key: nothing left for the binary's head */
    record_set_durable(out.data, 0);
    assert_int_equal(verdict_of(buf_slice(&out)), RECORD_DAMAGED);
    bytes_put_u32(out.data + 4, UINT32_MAX);
    record_set_durable(out.data, 0);
    assert_int_equal(verdict_of(buf_slice(&out)), RECORD_UNKNOWN);
    bytes_put_u32(out.data + 4, 0);
    record_set_durable(out.data, 0);
    assert_int_equal(verdict_of(buf_slice(&out)), RECORD_UNKNOWN);
    buf_clear(&out);
    record_append(&out, &removal);
    bytes_put_u32(out.data + 28, RECORD_PUT);
    record_set_durable(out.data, 0);
    assert_int_equal(verdict_of(buf_slice(&out)), RECORD_DAMAGED);
    buf_release(&out);
}

/* Three records, LSN 5, 6, 7; at: where each begins, and the end. */
static void append_three(struct buf *out, size_t at[4])
{
    for (unsigned i = 0; i < 3; i++) {
        struct record record = record_of(5 + i, RECORD_CHANGE, "key", "\x83\x68\x02 like a payload");
        at[i] = out->size;
        record_append(out, &record);
    }
    at[3] = out->size;
}

static void find__behind_damage__next_whole_one_above(void **state)
{
    struct buf out = BUF_EMPTY;
    size_t at[4];
    append_three(&out, at);
    struct slice bytes = buf_slice(&out);
    assert_int_equal(record_find(bytes, 0, 0), 0);
    assert_int_equal(record_find(bytes, 1, 0), at[1]);
    assert_int_equal(record_find(bytes, 0, 5), at[1]);
    assert_int_equal(record_find(bytes, 0, 6), at[2]);
    assert_int_equal(record_find(bytes, 0, 7), bytes.size);
    assert_int_equal(record_find(bytes, at[2] + 1, 0), bytes.size);
    assert_int_equal(record_find(bytes, bytes.size, 0), bytes.size);
    assert_int_equal(record_find(slice_of(NULL, 0), 0, 0), 0);
    out.data[at[1] + RECORD_HEAD_SIZE + 4] ^= 1;
    assert_int_equal(record_find(bytes, 1, 0), at[2]);
    for (size_t cut = at[2] + 1; cut < at[3]; cut++) {
        bytes.size = cut;
        assert_int_equal(record_find(bytes, 1, 0), cut);
    }
    buf_release(&out);
}

static void find__any_bytes_in_front__found(void **state)
{
    struct record record = record_of(8, RECORD_PUT, "key", "value");
    struct buf out = BUF_EMPTY;
    for (unsigned before = 0; before < 100; before++) {
        buf_clear(&out);
        for (unsigned i = 0; i < before; i++)
            buf_append_u8(&out, i % 2 == 0 ? 131 : 0);
        record_append(&out, &record);
        assert_int_equal(record_find(buf_slice(&out), 0, 7), before);
    }
    buf_release(&out);
}

static void random_bytes(struct buf *out, size_t size)
{
    while (size-- > 0)
        buf_append_u8(out, (uint8_t)rand());
}

static void append__random__read_back_one_after_another(void **state)
{
    enum { ROUNDS = 2000 };
    unsigned seed = (unsigned)time(NULL);
    struct buf out = BUF_EMPTY, key = BUF_EMPTY, change = BUF_EMPTY;
    printf("seed %u\n", seed);
    srand(seed);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct record record = {.lsn = (uint64_t)rand() << 32 | (unsigned)rand(),
                                .durable = (uint64_t)rand() << 32 | (unsigned)rand(),
                                .kind = (enum record_kind)(RECORD_PUT + rand() % 3)};
        buf_clear(&key);
        buf_clear(&change);
        random_bytes(&key, 1 + (size_t)rand() % 300);
        if (record.kind != RECORD_DELETE)
            random_bytes(&change, (size_t)rand() % 3000);
        record.key = buf_slice(&key);
        record.change = buf_slice(&change);
        assert_round_trip(&record);
    }
    buf_release(&out);
    buf_release(&key);
    buf_release(&change);
}

static void parse__random__nothing_read_behind_the_end(void **state)
{
    enum { ROUNDS = 20000 };
    struct buf bytes = BUF_EMPTY;
    for (unsigned i = 0; i < ROUNDS; i++) {
        buf_clear(&bytes);
        random_bytes(&bytes, 1 + (size_t)rand() % 120);
        if (bytes.size >= RECORD_HEAD_SIZE && rand() % 2 == 0) {
            memset(bytes.data, 0, 3); /* a small payload, a small key, a right sum */
            memset(bytes.data + 4, 0, 3);
            bytes_put_u32(bytes.data + 28, 1 + (uint32_t)rand() % 3);
            record_set_durable(bytes.data, 1);
        }
        assert_int_not_equal(verdict_of_copy(buf_slice(&bytes)), RECORD_OK);
    }
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append__every_kind__read_back),
        cmocka_unit_test(append__change__is_a_term_of_key_and_change),
        cmocka_unit_test(append__example__bytes_as_documented),
        cmocka_unit_test(set_durable__any__rest_as_before),
        cmocka_unit_test(parse__every_byte_changed__never_ok_and_head_tells),
        cmocka_unit_test(parse__cut_at_every_byte__told),
        cmocka_unit_test(parse__zeros__end),
        cmocka_unit_test(parse__whole_but_impossible__not_ok),
        cmocka_unit_test(find__behind_damage__next_whole_one_above),
        cmocka_unit_test(find__any_bytes_in_front__found),
        cmocka_unit_test(append__random__read_back_one_after_another),
        cmocka_unit_test(parse__random__nothing_read_behind_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
