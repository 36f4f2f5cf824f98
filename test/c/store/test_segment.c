/* Names and heads of segments, and the way through their records and over damage. */
#include "store/segment.h"

#include "base/error.h"
#include "unit.h"

static void head__any__read_back(void **state)
{
    struct segment_head head = {3, UINT64_MAX, 0x0102030405060708}, read = {0};
    struct buf out = BUF_EMPTY;
    buf_append(&out, "before", 6);
    segment_head_append(&out, &head);
    assert_int_equal(out.size, 6 + SEGMENT_HEAD_SIZE);
    buf_append(&out, "behind", 6);
    assert_int_equal(segment_head_parse(buf_slice_from(&out, 6), &read), 0);
    assert_int_equal(read.worker, head.worker);
    assert_int_equal(read.sequence, head.sequence);
    assert_int_equal(read.void_above, head.void_above);
    buf_release(&out);
}

static void head__every_byte_changed_or_cut__corrupt(void **state)
{
    struct segment_head head = {3, 4, 5}, read;
    struct buf out = BUF_EMPTY;
    segment_head_append(&out, &head);
    for (size_t at = 0; at < out.size; at++) {
        assert_int_equal(segment_head_parse(slice_of(out.data, at), &read), ERR_CORRUPT);
        for (int change = 1; change < 256; change++) {
            out.data[at] ^= (uint8_t)change;
            assert_int_equal(segment_head_parse(buf_slice(&out), &read), ERR_CORRUPT);
            out.data[at] ^= (uint8_t)change;
        }
        struct buf torn = BUF_EMPTY;
        buf_append(&torn, out.data, at);
        memset(buf_extend(&torn, 100), 0, 100);
        assert_int_equal(segment_head_parse(buf_slice(&torn), &read), ERR_CORRUPT);
        buf_release(&torn);
    }
    buf_release(&out);
}

static void head__other_version__told(void **state)
{
    struct segment_head head = {3, 4, 5}, read;
    struct buf out = BUF_EMPTY;
    segment_head_append(&out, &head);
    bytes_put_u32(out.data + 8, 2);
    bytes_put_u32(out.data + 32, 12345); /* a sum of something else */
    assert_int_equal(segment_head_parse(buf_slice(&out), &read), ERR_VERSION);
    buf_release(&out);
}

static void name__any__read_back_others_refused(void **state)
{
    static const char *const others[] = {"",
                                         ".journal-",
                                         ".journal-1",
                                         ".journal-1-",
                                         ".journal--1-1",
                                         ".journal-01-1",
                                         ".journal-1-01",
                                         ".journal-1-1 ",
                                         ".journal-1-1.old",
                                         ".journal- 1-1",
                                         ".journal-4294967296-1",
                                         ".journal-1-18446744073709551616",
                                         ".journal-done",
                                         "journal-1-1"};
    char name[SEGMENT_NAME_ROOM];
    uint32_t worker = 7;
    uint64_t sequence = 7;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(segment_name_parse(others[i], &worker, &sequence));
    assert_true(worker == 7 && sequence == 7);
    segment_name(UINT32_MAX, UINT64_MAX, name);
    assert_string_equal(name, ".journal-4294967295-18446744073709551615");
    assert_true(segment_name_parse(name, &worker, &sequence));
    assert_true(worker == UINT32_MAX && sequence == UINT64_MAX);
    assert_true(segment_name_parse(".journal-0-1", &worker, &sequence));
    assert_true(worker == 0 && sequence == 1);
}

enum { RECORDS = 3, ZEROS = 100 };

/* A segment with the LSNs 1, 2, 3, then zeros. at: where each begins, and the end. */
static void make_segment(struct buf *out, size_t at[RECORDS + 1])
{
    struct segment_head head = {0};
    segment_head_append(out, &head);
    for (unsigned i = 0; i < RECORDS; i++) {
        struct record record = {.lsn = i + 1,
                                .durable = i,
                                .kind = RECORD_CHANGE,
                                .key = slice_of_text("key"),
                                .change = slice_of_text("change")};
        at[i] = out->size;
        record_append(out, &record);
    }
    at[RECORDS] = out->size;
    memset(buf_extend(out, ZEROS), 0, ZEROS);
}

/* Goes through; a bit of *lsns for each LSN, the last damage in *damage; how many damages. */
static unsigned walk(struct slice bytes, uint64_t lsn, unsigned *lsns, struct segment_damage *damage)
{
    struct segment_cursor cursor = segment_cursor_of(bytes, lsn);
    struct record record;
    enum segment_step step;
    unsigned damages = 0;
    *lsns = 0;
    while ((step = segment_next(&cursor, &record, damage)) != SEGMENT_END) {
        if (step == SEGMENT_RECORD)
            *lsns |= 1u << record.lsn;
        else
            damages++;
    }
    return damages;
}

static void next__whole__each_record_then_end(void **state)
{
    struct buf out = BUF_EMPTY;
    struct segment_damage damage;
    size_t at[RECORDS + 1];
    unsigned lsns;
    make_segment(&out, at);
    assert_int_equal(walk(buf_slice(&out), 0, &lsns, &damage), 0);
    assert_int_equal(lsns, 2 + 4 + 8);
    out.size = at[RECORDS];
    assert_int_equal(walk(buf_slice(&out), 0, &lsns, &damage), 0);
    assert_int_equal(lsns, 2 + 4 + 8);
    out.size = SEGMENT_HEAD_SIZE - 1;
    assert_int_equal(walk(buf_slice(&out), 0, &lsns, &damage), 0);
    assert_int_equal(lsns, 0);
    buf_release(&out);
}

static void next__every_byte_of_the_middle_changed__others_there(void **state)
{
    struct buf out = BUF_EMPTY;
    struct segment_damage damage = {0};
    size_t at[RECORDS + 1];
    unsigned lsns;
    make_segment(&out, at);
    for (size_t byte = at[1]; byte < at[2]; byte++) {
        out.data[byte] ^= 1;
        assert_int_equal(walk(buf_slice(&out), 0, &lsns, &damage), 1);
        assert_int_equal(lsns, 2 + 8);
        assert_int_equal(damage.offset, at[1]);
        assert_int_equal(damage.after, 1);
        assert_int_equal(damage.named, byte >= at[1] + RECORD_HEAD_SIZE);
        if (damage.named) {
            assert_int_equal(damage.lsn, 2);
            assert_int_equal(damage.durable, 1);
            assert_int_equal(damage.key_crc, record_key_crc(slice_of_text("key")));
        }
        out.data[byte] ^= 1;
    }
    buf_release(&out);
}

static void next__zeros_in_place_of_the_middle__others_there(void **state)
{
    struct buf out = BUF_EMPTY;
    struct segment_damage damage;
    size_t at[RECORDS + 1];
    unsigned lsns;
    make_segment(&out, at);
    memset(out.data + at[1], 0, at[2] - at[1]);
    assert_int_equal(walk(buf_slice(&out), 0, &lsns, &damage), 1);
    assert_int_equal(lsns, 2 + 8);
    assert_false(damage.named);
    buf_release(&out);
}

static void next__cut_at_every_byte__whole_ones_there(void **state)
{
    struct buf out = BUF_EMPTY;
    struct segment_damage damage;
    size_t at[RECORDS + 1];
    unsigned lsns;
    make_segment(&out, at);
    for (size_t size = 0; size < at[RECORDS]; size++) {
        unsigned damages = walk(slice_of(out.data, size), 0, &lsns, &damage);
        assert_int_equal(lsns, (size >= at[1] ? 2 : 0) + (size >= at[2] ? 4 : 0));
        bool clean = size <= at[0] + 3 || (size >= at[1] && size <= at[1] + 3) ||
                     (size >= at[2] && size <= at[2] + 3); /* a small size's first bytes are zeros */
        assert_int_equal(damages, !clean);
    }
    buf_release(&out);
}

static void next__not_ascending__damage(void **state)
{
    struct buf out = BUF_EMPTY;
    struct segment_damage damage;
    size_t at[RECORDS + 1];
    unsigned lsns;
    make_segment(&out, at);
    assert_int_equal(walk(buf_slice(&out), 2, &lsns, &damage), 1);
    assert_int_equal(lsns, 8);
    assert_int_equal(damage.offset, at[0]);
    assert_false(damage.named);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head__any__read_back),
        cmocka_unit_test(head__every_byte_changed_or_cut__corrupt),
        cmocka_unit_test(head__other_version__told),
        cmocka_unit_test(name__any__read_back_others_refused),
        cmocka_unit_test(next__whole__each_record_then_end),
        cmocka_unit_test(next__every_byte_of_the_middle_changed__others_there),
        cmocka_unit_test(next__zeros_in_place_of_the_middle__others_there),
        cmocka_unit_test(next__cut_at_every_byte__whole_ones_there),
        cmocka_unit_test(next__not_ascending__damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
