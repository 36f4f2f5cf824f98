/* The growing buffer: what is appended stands there, in order, whatever the room was. */
#include "base/buf.h"

#include "unit.h"

#include <stdlib.h>

static void buf__empty__has_no_bytes_and_releases(void **state)
{
    struct buf buf;
    buf_init(&buf);
    assert_int_equal(buf.size, 0);
    assert_int_equal(buf_slice(&buf).size, 0);
    buf_release(&buf);
    buf_release(&buf);
}

static void append__many_bytes__all_stand_in_order(void **state)
{
    struct buf buf = BUF_EMPTY;
    for (unsigned i = 0; i < 100000; i++)
        buf_append_u8(&buf, (uint8_t)(i * 7));
    assert_int_equal(buf.size, 100000);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(buf.data[i], (uint8_t)(i * 7));
    buf_release(&buf);
}

static void append__nothing__changes_nothing(void **state)
{
    struct buf buf = BUF_EMPTY;
    buf_append(&buf, NULL, 0);
    buf_append_slice(&buf, slice_of(NULL, 0));
    assert_int_equal(buf.size, 0);
    buf_release(&buf);
}

static void append_numbers__are_read_back_most_significant_byte_first(void **state)
{
    static const uint8_t expected[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                       0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f};
    struct buf buf = BUF_EMPTY;
    buf_append_u8(&buf, 0x01);
    buf_append_u16(&buf, 0x0203);
    buf_append_u32(&buf, 0x04050607);
    buf_append_u64(&buf, 0x08090a0b0c0d0e0f);
    assert_int_equal(buf.size, sizeof expected);
    assert_memory_equal(buf.data, expected, sizeof expected);
    assert_int_equal(bytes_u16(buf.data + 1), 0x0203);
    assert_int_equal(bytes_u32(buf.data + 3), 0x04050607);
    assert_true(bytes_u64(buf.data + 7) == 0x08090a0b0c0d0e0f);
    buf_release(&buf);
}

static void bytes_u32__high_bit_set__stays_unsigned(void **state)
{
    static const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xfe, 0x80, 0, 0, 1};
    assert_true(bytes_u32(bytes) == 0xfffffffeu);
    assert_true(bytes_u64(bytes) == 0xfffffffe80000001u);
}

static void reserve__size_unchanged_and_room_is_there(void **state)
{
    struct buf buf = BUF_EMPTY;
    buf_append(&buf, "ab", 2);
    uint8_t *at = buf_reserve(&buf, 1000);
    assert_ptr_equal(at, buf.data + 2);
    assert_int_equal(buf.size, 2);
    assert_true(buf.room >= 1002);
    memset(at, 'x', 1000);
    assert_ptr_equal(buf_extend(&buf, 1000), at);
    assert_int_equal(buf.size, 1002);
    buf_release(&buf);
}

static void reserve__nothing_of_an_empty_buffer__is_a_pointer(void **state)
{
    struct buf buf = BUF_EMPTY;
    assert_non_null(buf_reserve(&buf, 0));
    buf_release(&buf);
}

static void try_reserve__as_reserve__size_unchanged_and_room_is_there(void **state)
{
    struct buf buf = BUF_EMPTY;
    assert_non_null(buf_try_reserve(&buf, 0));
    buf_append(&buf, "abc", 3);
    uint8_t *at = buf_try_reserve(&buf, 1000);
    assert_ptr_equal(at, buf.data + 3);
    assert_int_equal(buf.size, 3);
    assert_true(buf.room >= 1003);
    assert_ptr_equal(buf_try_reserve(&buf, 500), at);
    assert_memory_equal(buf.data, "abc", 3);
    buf_release(&buf);
}

static void clear__keeps_the_memory(void **state)
{
    struct buf buf = BUF_EMPTY;
    buf_append(&buf, "abc", 3);
    size_t room = buf.room;
    buf_clear(&buf);
    assert_int_equal(buf.size, 0);
    assert_int_equal(buf.room, room);
    buf_release(&buf);
    assert_int_equal(buf.room, 0);
}

static void consume__drops_from_the_front(void **state)
{
    struct buf buf = BUF_EMPTY;
    buf_append(&buf, "abcdef", 6);
    buf_consume(&buf, 0);
    buf_consume(&buf, 2);
    assert_true(slice_equal(buf_slice(&buf), slice_of_text("cdef")));
    assert_true(slice_equal(buf_slice_from(&buf, 3), slice_of_text("f")));
    assert_int_equal(buf_slice_from(&buf, 4).size, 0);
    buf_consume(&buf, 4);
    assert_int_equal(buf.size, 0);
    buf_release(&buf);
}

static void consume__nothing_of_an_empty_buffer__is_fine(void **state)
{
    struct buf buf = BUF_EMPTY;
    buf_consume(&buf, 0);
    assert_int_equal(buf.size, 0);
}

static void slice_equal__compares_size_and_bytes(void **state)
{
    assert_true(slice_equal(slice_of(NULL, 0), slice_of_text("")));
    assert_true(slice_equal(slice_of_text("ab"), slice_of("abc", 2)));
    assert_false(slice_equal(slice_of_text("ab"), slice_of_text("abc")));
    assert_false(slice_equal(slice_of_text("ab"), slice_of_text("ac")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf__empty__has_no_bytes_and_releases),
        cmocka_unit_test(append__many_bytes__all_stand_in_order),
        cmocka_unit_test(append__nothing__changes_nothing),
        cmocka_unit_test(append_numbers__are_read_back_most_significant_byte_first),
        cmocka_unit_test(bytes_u32__high_bit_set__stays_unsigned),
        cmocka_unit_test(reserve__size_unchanged_and_room_is_there),
        cmocka_unit_test(reserve__nothing_of_an_empty_buffer__is_a_pointer),
        cmocka_unit_test(try_reserve__as_reserve__size_unchanged_and_room_is_there),
        cmocka_unit_test(clear__keeps_the_memory),
        cmocka_unit_test(consume__drops_from_the_front),
        cmocka_unit_test(consume__nothing_of_an_empty_buffer__is_fine),
        cmocka_unit_test(slice_equal__compares_size_and_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
