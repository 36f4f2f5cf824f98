/* Where the maps of a term are, and in which order their keys come. Every answer is checked against the term:
 * a place is where a term begins. */
#include "wire/etf_maps.h"

#include "base/error.h"
#include "terms.h"
#include "wire/etf_compare.h"
#include "wire/etf_read.h"

enum { DEEP = 100000 };

static struct slice term_at(const struct etf_maps *maps, struct etf_place place)
{
    struct slice cursor = slice_of(maps->start + place.offset, UINT32_MAX);
    return etf_take(&cursor);
}

/* The integer keys of a map, in the order of its pairs. */
static void assert_keys(const struct etf_maps *maps, uint32_t number, const int64_t *keys, uint32_t count)
{
    const struct etf_map *map = etf_maps_map(maps, number);
    assert_int_equal(map->pairs, count);
    for (uint32_t i = 0; i < count; i++) {
        struct slice key = term_at(maps, etf_maps_pairs(maps, map)[i].key);
        int64_t found;
        assert_true(etf_read_int64(&key, &found));
        assert_int_equal(found, keys[i]);
    }
}

#define KEYS(...) (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)

/* #{5 => #{}, #{7 => 0, 6 => 0} => #{8 => {}}, 4 => <<>>} inside [_ | 1] */
static const uint8_t nested[] = {108, 0,   0, 0,  1, 116, 0,  0,  0,  3,   97, 5, 116, 0, 0,   0,
                                 0,   116, 0, 0,  0, 2,   97, 7,  97, 0,   97, 6, 97,  0, 116, 0,
                                 0,   0,   1, 97, 8, 104, 0,  97, 4,  109, 0,  0, 0,   0, 97,  1};

static void maps_init__nested__numbered_as_they_begin(void **state)
{
    struct etf_maps maps;
    etf_maps_init(&maps, terms_valid(slice_of(nested, sizeof nested)));
    assert_int_equal(maps.maps.count, 4);
    assert_int_equal(maps.pairs.count, 6);
    assert_int_equal(etf_maps_map(&maps, 1)->pairs, 0);
    assert_keys(&maps, 2, KEYS(7, 6));
    assert_keys(&maps, 3, KEYS(8));
    const struct etf_pair *outer = etf_maps_pairs(&maps, etf_maps_map(&maps, 0));
    assert_int_equal(outer[0].key.offset, 10);
    assert_int_equal(outer[0].key.map, 1); /* the first that begins behind it */
    assert_int_equal(outer[0].value.map, 1);
    assert_int_equal(outer[1].key.map, 2);
    assert_int_equal(outer[1].value.map, 3);
    assert_int_equal(outer[2].key.map, 4);
    assert_int_equal(outer[2].value.offset, 41);
    etf_maps_release(&maps);
}

static void maps_init__behind__is_where_the_next_term_begins(void **state)
{
    struct etf_maps maps;
    etf_maps_init(&maps, slice_of(nested, sizeof nested));
    assert_int_equal(etf_maps_map(&maps, 0)->behind.offset, sizeof nested - 2);
    assert_int_equal(etf_maps_map(&maps, 0)->behind.map, 4);
    assert_int_equal(etf_maps_map(&maps, 1)->behind.offset, 17); /* of a map of no pairs as well */
    assert_int_equal(etf_maps_map(&maps, 1)->behind.map, 2);
    assert_int_equal(etf_maps_map(&maps, 2)->behind.offset, 30);
    assert_int_equal(etf_maps_map(&maps, 3)->behind.offset, 39);
    etf_maps_release(&maps);
}

static void maps_init__no_maps__none(void **state)
{
    const struct slice terms[] = {TERM(106), TERM(97, 116), TERM(109, 0, 0, 0, 5, 116, 0, 0, 0, 1),
                                  TERM(104, 2, 107, 0, 2, 116, 116, 119, 1, 't')};
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        struct etf_maps maps;
        etf_maps_init(&maps, terms_valid(terms[i]));
        assert_int_equal(maps.maps.count, 0);
        assert_int_equal(etf_maps_sort(&maps), 0);
        etf_maps_release(&maps);
    }
}

/* Around what fits into the struct, and far beyond. */
static void maps_init__any_number_of_maps__found_with_their_pairs(void **state)
{
    static const uint32_t counts[] = {1, MAPS_INLINE - 1, MAPS_INLINE, MAPS_INLINE + 1, 1000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct buf term = BUF_EMPTY;
        struct etf_maps maps;
        etf_write_tuple(&term, counts[i]);
        for (uint32_t number = 0; number < counts[i]; number++) {
            etf_write_map(&term, number % 7);
            for (uint32_t pair = 0; pair < number % 7; pair++) {
                etf_write_int64(&term, 100 - (int64_t)pair);
                etf_write_nil(&term);
            }
        }
        etf_maps_init(&maps, terms_valid(buf_slice(&term)));
        assert_int_equal(maps.maps.count, counts[i]);
        assert_int_equal(etf_maps_sort(&maps), 0);
        for (uint32_t number = 0; number < counts[i]; number++) {
            static const int64_t keys[] = {95, 96, 97, 98, 99, 100};
            assert_keys(&maps, number, keys + 6 - number % 7, number % 7);
        }
        etf_maps_release(&maps);
        buf_release(&term);
    }
}

static void maps_sort__nested__each_map_in_order_by_itself(void **state)
{
    struct etf_maps maps;
    etf_maps_init(&maps, slice_of(nested, sizeof nested));
    assert_int_equal(etf_maps_sort(&maps), 0);
    assert_keys(&maps, 2, KEYS(6, 7));
    const struct etf_pair *outer = etf_maps_pairs(&maps, etf_maps_map(&maps, 0));
    assert_bytes_equal(term_at(&maps, outer[0].key), TERM(97, 4));
    assert_bytes_equal(term_at(&maps, outer[0].value), TERM(109, 0, 0, 0, 0));
    assert_bytes_equal(term_at(&maps, outer[1].value), TERM(116, 0, 0, 0, 0));
    assert_int_equal(outer[2].key.offset, 17);
    etf_maps_release(&maps);
}

/* Keys that are maps are equal when sorted, not when they arrive: #{#{1, 2}, #{2, 1}}. */
static void maps_sort__equal_maps_as_keys__bad_term(void **state)
{
    struct etf_maps maps;
    etf_maps_init(&maps, terms_valid(TERM(116, 0, 0, 0, 2, 116, 0, 0, 0, 2, 97, 1, 106, 97, 2, 106, 106, 116,
                                          0, 0, 0, 2, 97, 2, 106, 97, 1, 106, 106)));
    assert_int_equal(etf_maps_sort(&maps), ERR_BAD_TERM);
    assert_keys(&maps, 2, KEYS(1, 2));
    etf_maps_release(&maps);
}

/* #{2 => [], 1 => Map}; the map's keys are count..1, that at the index twice replaced by a second 1. */
static void write_twice(struct buf *out, uint32_t count, uint32_t twice)
{
    etf_write_map(out, 2);
    etf_write_int64(out, 2);
    etf_write_nil(out);
    etf_write_int64(out, 1);
    etf_write_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        etf_write_int64(out, i == twice ? 1 : (int64_t)(count - i));
        etf_write_nil(out);
    }
}

static void maps_sort__two_equal_keys_anywhere__bad_term_and_all_in_order(void **state)
{
    for (uint32_t count = 2; count <= 40; count++) {
        for (uint32_t twice = 0; twice + 1 < count; twice++) {
            struct buf term = BUF_EMPTY;
            struct etf_maps maps;
            write_twice(&term, count, twice);
            etf_maps_init(&maps, terms_valid(buf_slice(&term)));
            assert_int_equal(etf_maps_sort(&maps), ERR_BAD_TERM);
            assert_keys(&maps, 0, KEYS(1, 2));
            int64_t keys[40] = {1};
            for (uint32_t i = 1, key = 1; i < count; key++) { /* 1, 1, 2, ... without the one replaced */
                if (key != count - twice)
                    keys[i++] = key;
            }
            assert_keys(&maps, 1, keys, count);
            etf_maps_release(&maps);
            buf_release(&term);
        }
    }
}

/* 1 and 1.0 are two keys, 1 in two forms is one. */
static void maps_sort__forms_of_a_number__exact(void **state)
{
    struct etf_maps maps;
    etf_maps_init(&maps,
                  terms_valid(TERM(116, 0, 0, 0, 2, 70, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 106, 97, 1, 106)));
    assert_int_equal(etf_maps_sort(&maps), 0);
    assert_int_equal(etf_maps_pairs(&maps, etf_maps_map(&maps, 0))[0].key.offset, 15);
    etf_maps_release(&maps);
    etf_maps_init(&maps, terms_valid(TERM(116, 0, 0, 0, 2, 98, 0, 0, 0, 1, 106, 110, 1, 0, 1, 106)));
    assert_int_equal(etf_maps_sort(&maps), ERR_BAD_TERM);
    etf_maps_release(&maps);
}

static void maps_sort__deep_in_keys_and_values__iterative(void **state)
{
    void (*const builders[])(struct buf *, size_t, struct slice) = {terms_deep_map, terms_deep_key};
    for (size_t i = 0; i < 2; i++) {
        struct buf term = BUF_EMPTY;
        struct etf_maps maps;
        builders[i](&term, DEEP, TERM(116, 0, 0, 0, 0));
        etf_maps_init(&maps, terms_valid(buf_slice(&term)));
        assert_int_equal(maps.maps.count, DEEP + 1);
        assert_int_equal(etf_maps_sort(&maps), 0);
        assert_int_equal(etf_maps_map(&maps, 0)->behind.offset, term.size);
        assert_int_equal(etf_maps_map(&maps, DEEP)->pairs, 0);
        etf_maps_release(&maps);
        buf_release(&term);
    }
}

static void compare_places__of_two_terms__as_the_terms_alone(void **state)
{
    struct slice a = TERM(104, 2, 106, 116, 0, 0, 0, 2, 97, 2, 106, 97, 1, 116, 0, 0, 0, 0);
    struct slice b = TERM(116, 0, 0, 0, 2, 97, 1, 116, 0, 0, 0, 0, 97, 2, 106);
    struct etf_maps a_maps, b_maps;
    etf_maps_init(&a_maps, terms_valid(a));
    etf_maps_init(&b_maps, terms_valid(b));
    assert_int_equal(etf_maps_sort(&a_maps), 0);
    assert_int_equal(etf_maps_sort(&b_maps), 0);
    const struct etf_place start = {0, 0}, second = {3, 0};
    assert_int_equal(etf_compare_places(&a_maps, second, &b_maps, start), 0);
    assert_true(etf_compare_places(&a_maps, start, &b_maps, start) < 0); /* a tuple */
    struct etf_place a_value = etf_maps_pairs(&a_maps, etf_maps_map(&a_maps, 0))[0].value;
    struct etf_place b_value = etf_maps_pairs(&b_maps, etf_maps_map(&b_maps, 0))[1].value;
    assert_true(etf_compare_places(&a_maps, a_value, &b_maps, b_value) < 0); /* #{} < [] */
    etf_maps_release(&a_maps);
    etf_maps_release(&b_maps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_init__nested__numbered_as_they_begin),
        cmocka_unit_test(maps_init__behind__is_where_the_next_term_begins),
        cmocka_unit_test(maps_init__no_maps__none),
        cmocka_unit_test(maps_init__any_number_of_maps__found_with_their_pairs),
        cmocka_unit_test(maps_sort__nested__each_map_in_order_by_itself),
        cmocka_unit_test(maps_sort__equal_maps_as_keys__bad_term),
        cmocka_unit_test(maps_sort__two_equal_keys_anywhere__bad_term_and_all_in_order),
        cmocka_unit_test(maps_sort__forms_of_a_number__exact),
        cmocka_unit_test(maps_sort__deep_in_keys_and_values__iterative),
        cmocka_unit_test(compare_places__of_two_terms__as_the_terms_alone),
    };
    return cmocka_run_group_tests_name("etf_maps", tests, NULL, NULL);
}
