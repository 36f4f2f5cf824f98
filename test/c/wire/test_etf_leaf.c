/* The parts of terms without children, in every form in which they arrive, and their order. The order between
 * types, and of the terms of a corpus, test_etf_compare shows. */
#include "wire/etf_leaf.h"

#include "terms.h"
#include "terms_corpus.h"
#include "wire/etf_read.h"

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 20000, BITS_MAX = 27 };

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static uint64_t first_seed(void)
{
    uint64_t seed = (uint64_t)time(NULL) | 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    return seed;
}

static int sign(int64_t value)
{
    return (value > 0) - (value < 0);
}

/* ---- integers */

static void assert_view(struct slice term, bool negative, struct slice digits)
{
    struct etf_integer integer;
    etf_integer_view(terms_valid(term).data, &integer);
    assert_int_equal(integer.negative, negative);
    assert_bytes_equal(slice_of(integer.digits, integer.count), digits);
}

static void integer_view__bounds_of_every_form__least_digits(void **state)
{
    const struct slice none = slice_of(NULL, 0);
    assert_view(TERM(97, 0), false, none);
    assert_view(TERM(97, 255), false, TERM(255));
    assert_view(TERM(98, 0, 0, 0, 0), false, none);
    assert_view(TERM(98, 255, 255, 255, 255), true, TERM(1));
    assert_view(TERM(98, 127, 255, 255, 255), false, TERM(255, 255, 255, 127));
    assert_view(TERM(98, 128, 0, 0, 0), true, TERM(0, 0, 0, 128)); /* its magnitude is no int32 */
    assert_view(TERM(110, 0, 1), false, none);
    assert_view(TERM(110, 3, 1, 0, 0, 0), false, none); /* -0 */
    assert_view(TERM(110, 3, 200, 0, 7, 0), true, TERM(0, 7));
    assert_view(TERM(111, 0, 0, 0, 0, 1), false, none);
    assert_view(TERM(111, 0, 0, 0, 2, 0, 9, 0), false, TERM(9));
}

/* value in one of the forms that hold it. */
static void write_integer(struct buf *out, int64_t value, uint64_t choice)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint8_t zeros = choice >> 8 & 3;
    if (choice % 4 == 0 && value >= 0 && value <= 255) {
        buf_append_u8(out, ETF_SMALL_INTEGER);
        buf_append_u8(out, (uint8_t)value);
    } else if (choice % 4 == 1 && value >= INT32_MIN && value <= INT32_MAX) {
        buf_append_u8(out, ETF_INTEGER);
        buf_append_u32(out, (uint32_t)value);
    } else {
        buf_append_u8(out, choice % 4 == 2 ? ETF_SMALL_BIG : ETF_LARGE_BIG);
        if (choice % 4 == 2)
            buf_append_u8(out, (uint8_t)(sizeof magnitude + zeros));
        else
            buf_append_u32(out, sizeof magnitude + zeros);
        buf_append_u8(out, value < 0);
        for (unsigned i = 0; i < sizeof magnitude; i++)
            buf_append_u8(out, (uint8_t)(magnitude >> 8 * i));
        buf_append(out, "\0\0\0", zeros);
    }
}

/* Values near the bounds of the forms, and anywhere. */
static int64_t random_integer(uint64_t *seed)
{
    static const int64_t around[] = {0, 256, -256, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN + 4};
    uint64_t choice = next_random(seed);
    if (choice % 3 == 0)
        return (int64_t)next_random(seed) >> choice / 3 % 64;
    int64_t base = around[choice / 3 % (sizeof around / sizeof around[0])];
    int64_t step = (int64_t)(choice >> 40) % 4;
    return base == INT64_MAX ? base - step : base < 0 ? base - step : base + step;
}

static void leaf_compare__integers_in_any_form__as_their_values(void **state)
{
    uint64_t seed = first_seed();
    for (int i = 0; i < ROUNDS; i++) {
        struct buf terms[2] = {BUF_EMPTY, BUF_EMPTY};
        int64_t values[2];
        for (int k = 0; k < 2; k++) {
            values[k] = random_integer(&seed);
            write_integer(&terms[k], values[k], next_random(&seed));
        }
        int order =
            etf_leaf_compare(terms_valid(buf_slice(&terms[0])).data, terms_valid(buf_slice(&terms[1])).data);
        if (sign(order) != (values[0] > values[1]) - (values[0] < values[1]))
            fail_msg("%lld %lld: %d", (long long)values[0], (long long)values[1], order);
        buf_release(&terms[0]);
        buf_release(&terms[1]);
    }
}

/* ---- atoms */

static void atom_text__utf8__the_bytes_of_the_term(void **state)
{
    uint8_t room[ATOM_BYTES_MAX];
    struct slice small = TERM(119, 2, 0xc3, 0xa4), large = TERM(118, 0, 1, 'x');
    assert_ptr_equal(etf_atom_text(small.data, room).data, small.data + 2);
    assert_int_equal(etf_atom_text(small.data, room).size, 2);
    assert_ptr_equal(etf_atom_text(large.data, room).data, large.data + 3);
    assert_int_equal(etf_atom_text(TERM(119, 0).data, room).size, 0);
    assert_int_equal(etf_atom_text(TERM(115, 0).data, room).size, 0);
}

static void atom_text__latin1_of_255_characters__fits_the_room(void **state)
{
    uint8_t *room = mem_alloc(ATOM_BYTES_MAX);
    uint8_t atom[3 + 255] = {ETF_ATOM, 0, 255};
    for (unsigned i = 0; i < 255; i++)
        atom[3 + i] = (uint8_t)(i + 1);
    struct slice text = etf_atom_text(terms_valid(slice_of(atom, sizeof atom)).data, room);
    assert_int_equal(text.size, 127 + 2 * 128);
    assert_memory_equal(text.data + 126, "\x7f\xc2\x80", 3);
    assert_memory_equal(text.data + text.size - 2, "\xc3\xbf", 2);
    mem_free(room);
}

/* ---- bitstrings */

static void bits_view__every_form__bytes_and_bits_of_the_last(void **state)
{
    struct etf_bits bits = etf_bits_view(TERM(109, 0, 0, 0, 2, 7, 8).data);
    assert_int_equal(bits.bytes, 2);
    assert_int_equal(bits.last_bits, 8);
    assert_int_equal(bits.data[1], 8);
    bits = etf_bits_view(TERM(77, 0, 0, 0, 2, 3, 7, 0xe0).data);
    assert_int_equal(bits.bytes, 2);
    assert_int_equal(bits.last_bits, 3);
    assert_int_equal(bits.data[0], 7);
    bits = etf_bits_view(TERM(77, 0, 0, 0, 0, 0).data);
    assert_int_equal(bits.bytes, 0);
    assert_int_equal(bits.last_bits, 8);
    assert_int_equal(etf_bits_view(TERM(109, 0, 0, 0, 0).data).last_bits, 8);
}

/* Bits as text, '0' and '1': what a bitstring is ordered like. */
static void write_bits(struct buf *out, const char *bits, size_t size, bool ones_behind)
{
    uint8_t bytes[(BITS_MAX + 7) / 8] = {0};
    for (size_t i = 0; i < (size + 7) / 8 * 8; i++)
        bytes[i / 8] |= (uint8_t)((i < size ? bits[i] == '1' : ones_behind) << (7 - i % 8));
    bool whole = size % 8 == 0;
    buf_append_u8(out, whole ? ETF_BINARY : ETF_BIT_BINARY);
    buf_append_u32(out, (uint32_t)((size + 7) / 8));
    if (!whole)
        buf_append_u8(out, (uint8_t)(size % 8));
    buf_append(out, bytes, (size + 7) / 8);
}

static void leaf_compare__bitstrings_of_any_size__bit_by_bit(void **state)
{
    uint64_t seed = first_seed();
    for (int i = 0; i < ROUNDS; i++) {
        char texts[2][BITS_MAX + 1] = {"", ""};
        struct buf terms[2] = {BUF_EMPTY, BUF_EMPTY};
        uint64_t random = next_random(&seed);
        for (int k = 0; k < 2; k++) {
            size_t size = next_random(&seed) % (BITS_MAX + 1);
            for (size_t at = 0; at < size; at++)
                texts[k][at] = random >> at & 1 ? '1' : '0';
            if (size > 0 && next_random(&seed) % 2 == 0) /* else one is the other's beginning */
                texts[k][next_random(&seed) % size] ^= 1;
            write_bits(&terms[k], texts[k], size, next_random(&seed) % 2);
        }
        int order =
            etf_leaf_compare(terms_valid(buf_slice(&terms[0])).data, terms_valid(buf_slice(&terms[1])).data);
        if (sign(order) != sign(strcmp(texts[0], texts[1])))
            fail_msg("%s %s: %d", texts[0], texts[1], order);
        buf_release(&terms[0]);
        buf_release(&terms[1]);
    }
}

/* ---- ports */

static void port_view__every_form__node_id_and_creation(void **state)
{
    struct slice old = TERM(102, NODE, 255, 0, 0, 1, 3);
    struct slice new = TERM(89, NODE, 255, 0, 0, 1, 254, 0, 0, 2);
    struct slice v4 = TERM(120, 118, 0, 1, 'n', 253, 0, 0, 0, 255, 0, 0, 1, 254, 0, 0, 2);
    struct etf_port port = etf_port_view(terms_valid(old).data);
    assert_ptr_equal(port.node, old.data + 1);
    assert_int_equal(port.id, 0xff000001);
    assert_int_equal(port.creation, 3);
    port = etf_port_view(terms_valid(new).data);
    assert_int_equal(port.id, 0xff000001);
    assert_int_equal(port.creation, 0xfe000002);
    port = etf_port_view(terms_valid(v4).data);
    assert_ptr_equal(port.node, v4.data + 1);
    assert_true(port.id == 0xfd000000ff000001);
    assert_int_equal(port.creation, 0xfe000002);
}

/* ---- floats */

static void leaf_compare__floats_as_text_and_as_bits__as_their_values(void **state)
{
    const uint8_t text[32] = "c-1.50000000000000000000e+00";
    const uint8_t comma[32] = "c+0,5";
    const struct slice same = TERM(70, 0xbf, 0xf8, 0, 0, 0, 0, 0, 0),
                       more = TERM(70, 0xbf, 0xf7, 0, 0, 0, 0, 0, 0);
    const struct slice half = TERM(70, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(etf_leaf_compare(terms_valid(slice_of(text, 32)).data, same.data), 0);
    assert_true(etf_leaf_compare(text, more.data) < 0);
    assert_true(etf_leaf_compare(more.data, text) > 0);
    assert_int_equal(etf_leaf_compare(half.data, terms_valid(slice_of(comma, 32)).data), 0);
    assert_true(etf_leaf_compare(text, comma) < 0);
}

/* ---- funs */

static void assert_less(const struct slice *terms, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = etf_fun_head_compare(terms_valid(terms[i]).data, terms_valid(terms[j]).data);
            if (sign(order) != (i > j) - (i < j))
                fail_msg("%zu %zu: %d", i, j, order);
        }
    }
}

static void fun_head_compare__exports__module_function_arity_by_value(void **state)
{
    const struct slice ordered[] = {
        TERM(113, 119, 1, 'a', 119, 1, 'z', 97, 9),
        TERM(113, 119, 2, 'a', 'a', 119, 0, 97, 0),
        TERM(113, 119, 2, 'a', 'a', 119, 1, 'f', 110, 2, 0, 1, 0),
        TERM(113, 119, 2, 'a', 'a', 119, 1, 'f', 97, 2),
        TERM(113, 119, 2, 'a', 'a', 119, 1, 'f', 108, 0, 0, 0, 0, 98, 0, 0, 1, 0),
        TERM(113, 118, 0, 2, 'a', 'b', 100, 0, 1, 'f', 97, 0),
    };
    assert_less(ordered, sizeof ordered / sizeof ordered[0]);
}

/* Arity, last byte of Uniq, of Index, of NumFree; atom of the module, OldIndex, OldUniq; nothing free. */
#define LOCAL(arity, uniq, index, module, old_index, old_uniq)                                               \
    TERM(112, 0, 0, 0, 0, arity, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, uniq, 0, 0, 0, index, 0, 0, 0, \
         0, 119, 1, module, 97, old_index, 97, old_uniq, 106)

static void fun_head_compare__local_funs__each_part_counts_less_than_the_one_before(void **state)
{
    const struct slice ordered[] = {
        LOCAL(9, 9, 9, 'a', 9, 9), LOCAL(9, 9, 1, 'm', 9, 9),        LOCAL(9, 9, 2, 'm', 9, 1),
        LOCAL(9, 9, 2, 'm', 1, 2), LOCAL(9, 1, 2, 'm', 2, 2),        LOCAL(1, 2, 2, 'm', 2, 2),
        LOCAL(2, 2, 2, 'm', 2, 2), TERM(113, 119, 0, 119, 0, 97, 0), /* any export is greater */
    };
    assert_less(ordered, sizeof ordered / sizeof ordered[0]);
}

static void fun_head_compare__other_forms_of_the_parts__equal(void **state)
{
    struct slice a = LOCAL(1, 2, 3, 'm', 4, 5);
    struct slice b =
        TERM(112, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0,
             0, 100, 0, 1, 'm', 98, 0, 0, 0, 4, 108, 0, 0, 0, 0, 110, 2, 0, 5, 0, 106);
    assert_int_equal(etf_fun_head_compare(terms_valid(a).data, terms_valid(b).data), 0);
}

/* Two funs that differ in that only must not be held for equal: one of them has more children. */
static void fun_head_compare__free_variables__count(void **state)
{
    struct slice none = LOCAL(1, 2, 3, 'm', 4, 5);
    struct slice one = TERM(112, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0,
                            0, 0, 1, 119, 1, 'm', 97, 4, 97, 5, 106, 97, 0);
    assert_true(etf_fun_head_compare(none.data, terms_valid(one).data) < 0);
    assert_true(etf_fun_head_compare(one.data, none.data) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integer_view__bounds_of_every_form__least_digits),
        cmocka_unit_test(leaf_compare__integers_in_any_form__as_their_values),
        cmocka_unit_test(atom_text__utf8__the_bytes_of_the_term),
        cmocka_unit_test(atom_text__latin1_of_255_characters__fits_the_room),
        cmocka_unit_test(bits_view__every_form__bytes_and_bits_of_the_last),
        cmocka_unit_test(leaf_compare__bitstrings_of_any_size__bit_by_bit),
        cmocka_unit_test(port_view__every_form__node_id_and_creation),
        cmocka_unit_test(leaf_compare__floats_as_text_and_as_bits__as_their_values),
        cmocka_unit_test(fun_head_compare__exports__module_function_arity_by_value),
        cmocka_unit_test(fun_head_compare__local_funs__each_part_counts_less_than_the_one_before),
        cmocka_unit_test(fun_head_compare__other_forms_of_the_parts__equal),
        cmocka_unit_test(fun_head_compare__free_variables__count),
    };
    return cmocka_run_group_tests_name("etf_leaf", tests, NULL, NULL);
}
