/* The insides of atoms, float texts, pids, references and funs: every part stands in heap memory of exactly
 * its size. What etf_check does with them, and every tag as a whole, test_etf_check shows. */
#include "wire/etf_check_parts.h"

#include "base/error.h"
#include "terms.h"
#include "wire/etf.h"

#include <string.h>

enum { UNTOUCHED = 12345 };

#define NODE 119, 1, 'n'
#define FUN(...)                                                                                             \
    TERM(112, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0, 0, 3, __VA_ARGS__)

static int check_atom(struct slice bytes, size_t *size)
{
    uint8_t *copy = mem_dup(bytes.data, bytes.size);
    int error = etf_check_atom(copy, bytes.size, size);
    mem_free(copy);
    return error;
}

static int check_compound(struct slice bytes, struct etf_check_head *head)
{
    uint8_t *copy = mem_dup(bytes.data, bytes.size);
    *head = (struct etf_check_head){0};
    int error = etf_check_compound(copy, bytes.size, head);
    mem_free(copy);
    return error;
}

/* ---- atoms */

static void check_atom__every_form__its_whole_size(void **state)
{
    static const uint8_t tags[] = {ETF_ATOM, ETF_SMALL_ATOM, ETF_ATOM_UTF8, ETF_SMALL_ATOM_UTF8};
    for (size_t i = 0; i < sizeof tags; i++) {
        bool small = tags[i] == ETF_SMALL_ATOM || tags[i] == ETF_SMALL_ATOM_UTF8;
        for (size_t text = 0; text <= ATOM_CHARACTERS_MAX; text++) {
            uint8_t bytes[3 + ATOM_CHARACTERS_MAX + 1] = {tags[i], small ? (uint8_t)text : 0, (uint8_t)text};
            size_t head = small ? 2 : 3, size = UNTOUCHED;
            memset(bytes + head, 'x', text + 1); /* one more than it has */
            assert_int_equal(check_atom(slice_of(bytes, head + text + 1), &size), 0);
            assert_int_equal(size, head + text);
        }
    }
}

static void check_atom__cut_anywhere__truncated(void **state)
{
    const struct slice atoms[] = {TERM(100, 0, 3, 'a', 'b', 'c'), TERM(115, 3, 'a', 'b', 'c'),
                                  TERM(118, 0, 3, 'a', 0xc3, 0xa4), TERM(119, 3, 0xe2, 0x82, 0xac)};
    for (size_t i = 0; i < 4; i++) {
        for (size_t size = 0; size < atoms[i].size; size++) {
            size_t ignored;
            assert_int_equal(check_atom(slice_of(atoms[i].data, size), &ignored), ERR_TRUNCATED);
        }
    }
}

/* A hostile length is refused before more bytes are waited for. */
static void check_atom__length_that_no_atom_has__bad_however_little_is_there(void **state)
{
    size_t size;
    assert_int_equal(check_atom(TERM(100, 1, 0), &size), ERR_BAD_TERM);
    assert_int_equal(check_atom(TERM(100, 255, 255), &size), ERR_BAD_TERM);
    assert_int_equal(check_atom(TERM(118, 0x03, 0xfd), &size), ERR_BAD_TERM);
    assert_int_equal(check_atom(TERM(118, 0x03, 0xfc), &size), ERR_TRUNCATED); /* 4 * 255 */
    assert_int_equal(check_atom(TERM(97, 0), &size), ERR_BAD_TERM);
}

/* The text is looked at by words: a byte beyond ASCII is seen wherever it stands. */
static void check_atom__one_bad_byte_at_any_place_of_any_length__seen(void **state)
{
    for (size_t text = 1; text <= 40; text++) {
        for (size_t at = 0; at < text; at++) {
            uint8_t bytes[2 + 40] = {ETF_SMALL_ATOM_UTF8, (uint8_t)text};
            size_t size;
            memset(bytes + 2, 'x', text);
            bytes[2 + at] = 0x80;
            assert_int_equal(check_atom(slice_of(bytes, 2 + text), &size), ERR_BAD_TERM);
            bytes[0] = ETF_SMALL_ATOM; /* Latin-1 has no bad bytes */
            assert_int_equal(check_atom(slice_of(bytes, 2 + text), &size), 0);
        }
    }
}

/* As Erlang: no surrogates, at most U+10FFFF, the shortest form only. */
static bool is_character(uint32_t code)
{
    return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

static size_t put_utf8(uint8_t *p, uint32_t code, size_t size)
{
    static const uint8_t first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size - 1; i > 0; i--, code >>= 6)
        p[i] = 0x80 | (code & 0x3f);
    p[0] = (uint8_t)(first[size] | code);
    return size;
}

static void check_atom__every_character_in_every_length__the_shortest_only(void **state)
{
    static const uint32_t begins[] = {0, 0, 0x80, 0x800, 0x10000};
    static const uint32_t ends[] = {0, 0x80, 0x800, 0x10000, 0x200000};
    for (size_t length = 2; length <= 4; length++) {
        for (uint32_t code = 0; code < ends[length]; code += length == 4 ? 61 : 1) {
            uint8_t bytes[6] = {ETF_SMALL_ATOM_UTF8, (uint8_t)length};
            size_t size;
            put_utf8(bytes + 2, code, length);
            int expected = code >= begins[length] && is_character(code) ? 0 : ERR_BAD_TERM;
            if (etf_check_atom(bytes, 2 + length, &size) != expected)
                fail_msg("U+%04X in %zu bytes", code, length);
        }
    }
}

/* A character that the length cuts off, though its bytes follow, is none. */
static void check_atom__character_beyond_the_length__bad(void **state)
{
    size_t size;
    assert_int_equal(check_atom(TERM(119, 1, 0xc3, 0xa4), &size), ERR_BAD_TERM);
    assert_int_equal(check_atom(TERM(119, 2, 0xe2, 0x82, 0xac), &size), ERR_BAD_TERM);
    assert_int_equal(check_atom(TERM(119, 4, 'a', 0xf0, 0x9f, 0x98, 0x80), &size), ERR_BAD_TERM);
}

/* ---- float texts */

static int check_float(const char *text)
{
    uint8_t bytes[31] = {0};
    memcpy(bytes, text, strlen(text) < sizeof bytes ? strlen(text) : sizeof bytes);
    uint8_t *copy = mem_dup(bytes, sizeof bytes);
    int error = etf_check_float_text(copy);
    mem_free(copy);
    return error;
}

static void check_float__as_the_beam_reads_it__taken(void **state)
{
    static const char *const texts[] = {"0.0",
                                        "-0.0",
                                        "+1.5",
                                        "1,5",
                                        "1.5e3",
                                        "1.5E-3",
                                        "1.5e+03",
                                        "1.50000000000000000000e+00",
                                        "1.7976931348623157e308",
                                        "1.0e-400",
                                        "000000000000000000000000000.25"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (check_float(texts[i]) != 0)
            fail_msg("%s", texts[i]);
    }
}

static void check_float__what_strtod_alone_would_take__bad(void **state)
{
    static const char *const texts[] = {"",        "1",        "1.",      ".5",        "1.e5",  "1.5e",
                                        "1.5e+",   "inf",      "nan",     " 1.5",      "1.5 ",  "0x1.8p0",
                                        "1.0e309", "--1.5",    "+-1.5",   "1.5f",      "1.5.5", "1.5e5e",
                                        "1..5",    "-1.0e999", "1.5e1.5", "infinity.0"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (check_float(texts[i]) != ERR_BAD_TERM)
            fail_msg("%s", texts[i]);
    }
}

static void check_float__no_nul_at_the_end__bad_and_not_read_behind(void **state)
{
    assert_int_equal(check_float("1.00000000000000000000000000000"), ERR_BAD_TERM); /* 31 bytes */
    assert_int_equal(check_float("1.0000000000000000000000000000"), 0);             /* 30 */
}

/* ---- pids, ports, references */

#define BYTES(...)                                                                                           \
    {                                                                                                        \
        (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})                               \
    }
static const struct {
    const char *text;   /* for people */
    struct slice bytes; /* of the term */
    bool small_last;    /* the last byte is an old creation: 0..3 */
} compounds[] = {
    {"pid", BYTES(88, NODE, 0, 0, 0, 1, 0, 0, 0, 2, 255, 255, 255, 255), false},
    {"old pid", BYTES(103, NODE, 255, 255, 255, 255, 255, 255, 255, 255, 3), true},
    {"port", BYTES(89, NODE, 255, 255, 255, 255, 0, 0, 0, 255), false},
    {"old port", BYTES(102, NODE, 255, 255, 255, 255, 3), true},
    {"v4 port", BYTES(120, NODE, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 255), false},
    {"old reference", BYTES(101, NODE, 0, 3, 255, 255, 3), true},
    {"new reference", BYTES(114, 0, 2, NODE, 3, 0, 3, 255, 255, 255, 255, 255, 255), false},
    {"newer reference",
     BYTES(90, 0, 5, NODE, 0, 0, 0, 4, 255, 255, 255, 255, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 255),
     false},
    {"export", BYTES(113, NODE, NODE, 97, 255), false},
    {"fun",
     BYTES(112, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0, 0, 3, 0, 0, 0, 2,
           NODE, 97, 0, 97, 255),
     false},
};
enum { COMPOUNDS = sizeof compounds / sizeof compounds[0] };

/* What the callers of etf_check_compound look at before they call it. */
static size_t promised(uint8_t tag)
{
    return tag == ETF_NEW_FUN ? 30 : tag == ETF_NEW_REFERENCE || tag == ETF_NEWER_REFERENCE ? 3 : 1;
}

static void check_compound__bytes_behind__are_not_counted(void **state)
{
    for (size_t i = 0; i < COMPOUNDS; i++) {
        struct etf_check_head head;
        struct buf more = BUF_EMPTY;
        buf_append_slice(&more, compounds[i].bytes);
        buf_append_u64(&more, UINT64_MAX);
        assert_int_equal(check_compound(buf_slice(&more), &head), 0);
        assert_int_equal(head.size, compounds[i].bytes.size);
        assert_int_equal(head.children, compounds[i].bytes.data[0] == ETF_NEW_FUN ? 3 : 0);
        buf_release(&more);
    }
}

static void check_compound__cut_anywhere__truncated(void **state)
{
    for (size_t i = 0; i < COMPOUNDS; i++) {
        for (size_t size = promised(compounds[i].bytes.data[0]); size < compounds[i].bytes.size; size++) {
            struct etf_check_head head;
            if (check_compound(slice_of(compounds[i].bytes.data, size), &head) != ERR_TRUNCATED)
                fail_msg("%s cut to %zu", compounds[i].text, size);
        }
    }
}

static void check_compound__last_byte__an_old_creation_has_two_bits(void **state)
{
    for (size_t i = 0; i < COMPOUNDS; i++) {
        uint8_t *copy = mem_dup(compounds[i].bytes.data, compounds[i].bytes.size);
        for (unsigned value = 0; value < 256; value++) {
            struct etf_check_head head = {0};
            copy[compounds[i].bytes.size - 1] = (uint8_t)value;
            int expected = compounds[i].small_last && value > 3 ? ERR_BAD_TERM : 0;
            assert_int_equal(etf_check_compound(copy, compounds[i].bytes.size, &head), expected);
        }
        mem_free(copy);
    }
}

static void check_compound__node_that_is_no_atom__bad(void **state)
{
    for (size_t i = 0; i < COMPOUNDS; i++) {
        struct etf_check_head head;
        uint8_t *copy = mem_dup(compounds[i].bytes.data, compounds[i].bytes.size);
        copy[promised(copy[0])] = ETF_BINARY;
        assert_int_equal(check_compound(slice_of(copy, compounds[i].bytes.size), &head), ERR_BAD_TERM);
        mem_free(copy);
    }
}

static void check_compound__reference_words__1_to_5_however_little_is_there(void **state)
{
    static const uint8_t tags[] = {ETF_NEW_REFERENCE, ETF_NEWER_REFERENCE};
    for (size_t i = 0; i < sizeof tags; i++) {
        for (unsigned words = 0; words <= UINT16_MAX; words += words < 8 ? 1 : 251) {
            struct etf_check_head head;
            int expected = words >= 1 && words <= 5 ? ERR_TRUNCATED : ERR_BAD_TERM;
            assert_int_equal(check_compound(TERM(tags[i], (uint8_t)(words >> 8), (uint8_t)words), &head),
                             expected);
        }
    }
}

/* 18 bits, as the BEAM: more would be another reference when it is sent back. */
static void check_compound__first_word_of_an_old_reference__18_bits(void **state)
{
    struct etf_check_head head;
    assert_int_equal(check_compound(TERM(101, NODE, 0, 4, 0, 0, 0), &head), ERR_BAD_TERM);
    assert_int_equal(check_compound(TERM(114, 0, 1, NODE, 0, 0, 4, 0, 0), &head), ERR_BAD_TERM);
    assert_int_equal(check_compound(TERM(114, 0, 2, NODE, 0, 0, 3, 0, 0, 0, 4, 0, 0), &head), 0);
    assert_int_equal(check_compound(TERM(90, 0, 1, NODE, 0, 0, 0, 1, 255, 4, 0, 0), &head), 0);
}

/* ---- integers inside exports and funs */

static int check_arity(const void *integer, size_t size)
{
    struct etf_check_head head;
    struct buf term = BUF_EMPTY;
    buf_append_slice(&term, TERM(113, NODE, NODE));
    buf_append(&term, integer, size);
    int error = check_compound(buf_slice(&term), &head);
    if (error == 0)
        assert_int_equal(head.size, term.size);
    buf_release(&term);
    return error;
}

static int check_index(const void *integer, size_t size)
{
    struct etf_check_head head;
    struct buf term = BUF_EMPTY;
    buf_append_slice(&term, FUN(0, 0, 0, 0, NODE, 97, 0));
    buf_append(&term, integer, size);
    int error = check_compound(buf_slice(&term), &head);
    if (error == 0)
        assert_int_equal(head.size, term.size);
    buf_release(&term);
    return error;
}

#define ARITY(bytes) check_arity(bytes, sizeof(bytes) - 1)
#define INDEX(bytes) check_index(bytes, sizeof(bytes) - 1)

static void check_compound__integers_inside__60_bits_signed_in_a_fun_unsigned_in_an_export(void **state)
{
    assert_int_equal(INDEX("n\x08\0\xff\xff\xff\xff\xff\xff\xff\x07"), 0); /* 2^59 - 1 */
    assert_int_equal(ARITY("n\x08\0\xff\xff\xff\xff\xff\xff\xff\x07"), 0);
    assert_int_equal(INDEX("n\x08\0\0\0\0\0\0\0\0\x08"), ERR_BAD_TERM);
    assert_int_equal(ARITY("n\x08\0\0\0\0\0\0\0\0\x08"), ERR_BAD_TERM);
    assert_int_equal(INDEX("n\x08\1\0\0\0\0\0\0\0\x08"), 0); /* -2^59 */
    assert_int_equal(INDEX("n\x08\1\1\0\0\0\0\0\0\x08"), ERR_BAD_TERM);
    assert_int_equal(INDEX("b\xff\xff\xff\xff"), 0);
    assert_int_equal(ARITY("b\xff\xff\xff\xff"), ERR_BAD_TERM);
    assert_int_equal(ARITY("n\1\1\1"), ERR_BAD_TERM);
    assert_int_equal(ARITY("n\1\1\0"), 0); /* -0 */
}

static void check_compound__leading_zero_digits_inside__do_not_count(void **state)
{
    assert_int_equal(ARITY("n\x0a\0\1\0\0\0\0\0\0\0\0\0"), 0);
    assert_int_equal(ARITY("o\0\0\0\x0a\0\1\0\0\0\0\0\0\0\0\0"), 0);
    assert_int_equal(ARITY("n\x0a\0\1\0\0\0\0\0\0\0\0\1"), ERR_BAD_TERM);
    assert_int_equal(ARITY("n\0\0"), 0);
    assert_int_equal(ARITY("o\0\0\0\0\1"), 0);
}

static void check_compound__size_of_an_integer_inside__hostile_or_cut(void **state)
{
    assert_int_equal(ARITY("o\xff\xff\xff\xff\0"), ERR_BAD_TERM);
    assert_int_equal(ARITY("o\0\x3f\xff\xf9\0"), ERR_BAD_TERM);
    assert_int_equal(ARITY("o\0\x3f\xff\xf8\0"), ERR_TRUNCATED); /* the largest integer */
    assert_int_equal(ARITY("o\0\0\0\1"), ERR_TRUNCATED);
    assert_int_equal(ARITY("n\2\0\1"), ERR_TRUNCATED);
    assert_int_equal(ARITY("b\0\0\0"), ERR_TRUNCATED);
    assert_int_equal(ARITY("a"), ERR_TRUNCATED);
    assert_int_equal(ARITY(""), ERR_TRUNCATED);
}

static void check_compound__lists_of_no_elements_inside__any_number_before_an_integer(void **state)
{
    enum { LISTS = 100000 };
    struct buf integer = BUF_EMPTY;
    for (size_t i = 0; i < LISTS; i++)
        buf_append(&integer, "l\0\0\0", 5);
    assert_int_equal(check_arity(integer.data, integer.size), ERR_TRUNCATED);
    buf_append(&integer, "a\1", 2);
    assert_int_equal(check_arity(integer.data, integer.size), 0);
    assert_int_equal(ARITY("l\0\0\0"), ERR_TRUNCATED);
    assert_int_equal(ARITY("l\0\0\0\1a\1j"), ERR_BAD_TERM);
    assert_int_equal(ARITY("l\0\0\0\0j"), ERR_BAD_TERM);
    buf_release(&integer);
}

static void check_compound__free_variables__255_at_most(void **state)
{
    struct etf_check_head head;
    assert_int_equal(check_compound(FUN(0, 0, 0, 255, NODE, 97, 0, 97, 0), &head), 0);
    assert_int_equal(head.children, 256); /* the creator too */
    assert_int_equal(check_compound(FUN(0, 0, 1, 0), &head), ERR_BAD_TERM);
    assert_int_equal(check_compound(FUN(255, 255, 255, 255), &head), ERR_BAD_TERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_atom__every_form__its_whole_size),
        cmocka_unit_test(check_atom__cut_anywhere__truncated),
        cmocka_unit_test(check_atom__length_that_no_atom_has__bad_however_little_is_there),
        cmocka_unit_test(check_atom__one_bad_byte_at_any_place_of_any_length__seen),
        cmocka_unit_test(check_atom__every_character_in_every_length__the_shortest_only),
        cmocka_unit_test(check_atom__character_beyond_the_length__bad),
        cmocka_unit_test(check_float__as_the_beam_reads_it__taken),
        cmocka_unit_test(check_float__what_strtod_alone_would_take__bad),
        cmocka_unit_test(check_float__no_nul_at_the_end__bad_and_not_read_behind),
        cmocka_unit_test(check_compound__bytes_behind__are_not_counted),
        cmocka_unit_test(check_compound__cut_anywhere__truncated),
        cmocka_unit_test(check_compound__last_byte__an_old_creation_has_two_bits),
        cmocka_unit_test(check_compound__node_that_is_no_atom__bad),
        cmocka_unit_test(check_compound__reference_words__1_to_5_however_little_is_there),
        cmocka_unit_test(check_compound__first_word_of_an_old_reference__18_bits),
        cmocka_unit_test(check_compound__integers_inside__60_bits_signed_in_a_fun_unsigned_in_an_export),
        cmocka_unit_test(check_compound__leading_zero_digits_inside__do_not_count),
        cmocka_unit_test(check_compound__size_of_an_integer_inside__hostile_or_cut),
        cmocka_unit_test(check_compound__lists_of_no_elements_inside__any_number_before_an_integer),
        cmocka_unit_test(check_compound__free_variables__255_at_most),
    };
    return cmocka_run_group_tests_name("etf_check_parts", tests, NULL, NULL);
}
