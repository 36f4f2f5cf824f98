/* The border that bytes from outside cross: what binary_to_term/1 accepts is accepted, and nothing behind the
 * end is read (each input stands in heap memory of exactly its size). */
#include "wire/etf_check.h"

#include "base/error.h"
#include "terms.h"
#include "terms_corpus.h"
#include "wire/etf.h"

#include <stdio.h>
#include <time.h>

enum { DEEP = 200000 };

static void check__every_tag__accepted_with_its_size(void **state)
{
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        size_t size = 0;
        int error = terms_check(corpus[i].bytes, &size);
        if (error != 0 || size != corpus[i].bytes.size)
            fail_msg("%s: error %d, size %zu", corpus[i].text, error, size);
    }
}

static void check__every_truncation__refused(void **state)
{
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        for (size_t size = 0; size < corpus[i].bytes.size; size++) {
            int error = terms_check(slice_of(corpus[i].bytes.data, size), NULL);
            if (error != ERR_TRUNCATED && error != ERR_BAD_TERM)
                fail_msg("%s cut to %zu: %d", corpus[i].text, size, error);
        }
    }
}

static void check__every_byte_changed__never_reads_beyond(void **state)
{
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        for (size_t at = 0; at < corpus[i].bytes.size; at++) {
            uint8_t *copy = mem_dup(corpus[i].bytes.data, corpus[i].bytes.size);
            for (unsigned value = 0; value < 256; value++) {
                struct slice term;
                copy[at] = (uint8_t)value;
                if (etf_check(slice_of(copy, corpus[i].bytes.size), TERMS_DEPTH_MAX, &term) == 0)
                    assert_in_range(term.size, 1, corpus[i].bytes.size);
            }
            mem_free(copy);
        }
    }
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void check__random_bytes__never_reads_beyond(void **state)
{
    static const uint8_t tags[] = {70,  77,  88,  89,  90,  97,  98,  99,  100, 101, 102, 103, 104, 105,
                                   106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 118, 119, 120};
    uint64_t seed = (uint64_t)time(NULL) | 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int round = 0; round < 50000; round++) {
        uint8_t bytes[64];
        size_t size = next_random(&seed) % sizeof bytes;
        for (size_t i = 0; i < size; i++) {
            uint64_t random = next_random(&seed);
            bytes[i] = random % 3 == 0 ? tags[random / 3 % sizeof tags] : (uint8_t)(random / 3 % 4);
        }
        terms_check(slice_of(bytes, size), NULL);
    }
}

static void check__bytes_behind_the_term__not_looked_at(void **state)
{
    size_t size = 0;
    assert_int_equal(terms_check(TERM(97, 1, 255, 255), &size), 0);
    assert_int_equal(size, 2);
}

static void check__failure__leaves_the_result_untouched(void **state)
{
    struct slice term = slice_of("x", 1);
    assert_int_equal(etf_check(TERM(104, 1), 10, &term), ERR_TRUNCATED);
    assert_int_equal(term.size, 1);
}

static void check__nothing__truncated(void **state)
{
    assert_int_equal(terms_check(slice_of(NULL, 0), NULL), ERR_TRUNCATED);
}

static void check__bad_terms__refused(void **state)
{
    const struct {
        const char *text;
        struct slice bytes;
    } bad[] = {
        {"version byte", BYTES(131, 97, 1)},
        {"compressed", BYTES(80, 0, 0, 0, 1, 0)},
        {"distribution header", BYTES(68, 0)},
        {"atom cache reference", BYTES(82, 0)},
        {"the BEAM's own atom number", BYTES(73, 0, 5)},
        {"old fun", BYTES(117, 0, 0, 0, 0)},
        {"infinity", BYTES(70, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0)},
        {"no number", BYTES(70, 0xff, 0xf8, 0, 0, 0, 0, 0, 1)},
        {"float text, overflow", BYTES(99, '1', '.', '5', 'e', '9', '9', '9', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                       0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
        {"float text, nan", BYTES(99, 'n', 'a', 'n', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                  0, 0, 0, 0, 0, 0, 0, 0, 0)},
        {"float text, no decimals", BYTES(99, '1', 'e', '5', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                          0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
        {"float text, no exponent", BYTES(99, '1', '.', '5', 'e', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                          0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
        {"float text, no end",
         BYTES(99, '1', '.', '1', '1', '1', '1', '1', '1', '1', '1', '1', '1', '1', '1', '1', '1', '1', '1',
               '1', '1', '1', '1', '1', '1', '1', '1', '1', '1', '1', '1', '1')},
        {"utf-8 continuation first", BYTES(119, 1, 0x80)},
        {"utf-8 overlong of 2", BYTES(119, 2, 0xc1, 0x81)},
        {"utf-8 overlong of 3", BYTES(119, 3, 0xe0, 0x80, 0x80)},
        {"utf-8 overlong of 4", BYTES(119, 4, 0xf0, 0x80, 0x80, 0x80)},
        {"utf-8 surrogate", BYTES(119, 3, 0xed, 0xa0, 0x80)},
        {"utf-8 above U+10FFFF", BYTES(119, 4, 0xf4, 0x90, 0x80, 0x80)},
        {"utf-8 first byte f5", BYTES(119, 4, 0xf5, 0x80, 0x80, 0x80)},
        {"utf-8 cut by the atom's end", BYTES(119, 2, 'a', 0xc3)},
        {"bits 0 with bytes", BYTES(77, 0, 0, 0, 1, 0, 1)},
        {"bits without bytes", BYTES(77, 0, 0, 0, 0, 1)},
        {"bits 9", BYTES(77, 0, 0, 0, 1, 9, 1)},
        {"pid whose node is a number", BYTES(88, 97, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
        {"pid whose node is in an empty list",
         BYTES(88, 108, 0, 0, 0, 0, NODE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
        {"old pid, creation 4", BYTES(103, NODE, 0, 0, 0, 0, 0, 0, 0, 0, 4)},
        {"old port, creation 4", BYTES(102, NODE, 0, 0, 0, 0, 4)},
        {"old reference, creation 4", BYTES(101, NODE, 0, 0, 0, 0, 4)},
        {"old reference beyond 18 bits", BYTES(101, NODE, 0, 4, 0, 0, 0)},
        {"new reference, creation 4", BYTES(114, 0, 1, NODE, 4, 0, 0, 0, 0)},
        {"new reference beyond 18 bits", BYTES(114, 0, 1, NODE, 0, 0, 4, 0, 0)},
        {"reference of no words", BYTES(90, 0, 0, NODE, 0, 0, 0, 0, 0, 0, 0, 0)},
        {"reference of 6 words", BYTES(90, 0, 6, NODE, 0, 0, 0, 0)},
        {"export of a binary", BYTES(113, 109, 0, 0, 0, 0, 119, 0, 97, 0)},
        {"export, negative arity", BYTES(113, 119, 0, 119, 0, 98, 255, 255, 255, 255)},
        {"export, negative big arity", BYTES(113, 119, 0, 119, 0, 110, 1, 1, 1)},
        {"export, arity of 60 bits", BYTES(113, 119, 0, 119, 0, 110, 8, 0, 0, 0, 0, 0, 0, 0, 0, 8)},
        {"export, arity no number", BYTES(113, 119, 0, 119, 0, 106)},
        {"export, arity a list", BYTES(113, 119, 0, 119, 0, 108, 0, 0, 0, 1, 97, 1, 106)},
        {"fun, module no atom", BYTES(112, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                                      16, 0, 0, 0, 3, 0, 0, 0, 1, 106, 97, 0, 97, 0, 106, 106)},
        {"fun, 256 free variables", BYTES(112, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
                                          15, 16, 0, 0, 0, 3, 0, 0, 1, 0, 119, 0, 97, 0, 97, 0)},
        {"bad term inside", BYTES(104, 2, 97, 1, 255)},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int error = terms_check(bad[i].bytes, NULL);
        if (error != ERR_BAD_TERM)
            fail_msg("%s: %d", bad[i].text, error);
    }
}

static void check_atom_of(uint8_t tag, const char *character, size_t count, int expected)
{
    struct buf out = BUF_EMPTY;
    size_t size = strlen(character) * count;
    buf_append_u8(&out, tag);
    if (tag == ETF_SMALL_ATOM || tag == ETF_SMALL_ATOM_UTF8)
        buf_append_u8(&out, (uint8_t)size);
    else
        buf_append_u16(&out, (uint16_t)size);
    for (size_t i = 0; i < count; i++)
        buf_append(&out, character, strlen(character));
    assert_int_equal(terms_check(buf_slice(&out), NULL), expected);
    buf_release(&out);
}

static void check__atom_length__255_characters(void **state)
{
    check_atom_of(ETF_ATOM, "a", 255, 0);
    check_atom_of(ETF_ATOM, "a", 256, ERR_BAD_TERM);
    check_atom_of(ETF_ATOM_UTF8, "a", 255, 0);
    check_atom_of(ETF_ATOM_UTF8, "a", 256, ERR_BAD_TERM);
    check_atom_of(ETF_ATOM_UTF8, "\xf0\x9f\x98\x80", 255, 0);
    check_atom_of(ETF_ATOM_UTF8, "\xf0\x9f\x98\x80", 256, ERR_BAD_TERM);
    check_atom_of(ETF_ATOM_UTF8, "\xc3\xa4", 255, 0);
    check_atom_of(ETF_ATOM_UTF8, "\xc3\xa4", 256, ERR_BAD_TERM);
    check_atom_of(ETF_SMALL_ATOM_UTF8, "\xc3\xa4", 127, 0);
    check_atom_of(ETF_SMALL_ATOM, "\xff", 255, 0);
}

static void check__arity_beyond_the_bytes__refused_at_once(void **state)
{
    clock_t start = clock();
    for (int i = 0; i < 100000; i++) {
        struct slice term;
        assert_int_equal(etf_check(TERM(108, 255, 255, 255, 255, 106), 10, &term), ERR_TRUNCATED);
        assert_int_equal(etf_check(TERM(105, 255, 255, 255, 255, 106), 10, &term), ERR_TRUNCATED);
        assert_int_equal(etf_check(TERM(116, 255, 255, 255, 255, 106), 10, &term), ERR_TRUNCATED);
        assert_int_equal(etf_check(TERM(109, 255, 255, 255, 255, 106), 10, &term), ERR_TRUNCATED);
        assert_int_equal(etf_check(TERM(77, 255, 255, 255, 255, 8, 1), 10, &term), ERR_TRUNCATED);
        assert_int_equal(etf_check(TERM(111, 255, 255, 255, 255, 0, 1), 10, &term), ERR_BAD_TERM);
    }
    assert_true((clock() - start) / CLOCKS_PER_SEC < 5);
}

/* Each level alone would fit the bytes that are left, all together do not. */
static void check__arities_beyond_the_bytes_together__refused_at_the_second(void **state)
{
    assert_int_equal(terms_check(TERM(104, 4, 104, 3, 106, 106, 106), NULL), ERR_TRUNCATED);
    assert_int_equal(terms_check(TERM(104, 4, 104, 3, 255, 255, 255), NULL), ERR_TRUNCATED);
}

static int check_depth(struct slice bytes, uint32_t depth_max)
{
    struct slice term;
    return etf_check(bytes, depth_max, &term);
}

static void check__depth__counts_as_documented(void **state)
{
    assert_int_equal(check_depth(TERM(106), 0), ERR_TOO_DEEP);
    assert_int_equal(check_depth(TERM(106), 1), 0);
    assert_int_equal(check_depth(TERM(119, 1, 'a'), 1), 0);
    assert_int_equal(check_depth(TERM(104, 0), 1), 0);
    assert_int_equal(check_depth(TERM(104, 1, 106), 1), ERR_TOO_DEEP);
    assert_int_equal(check_depth(TERM(104, 1, 106), 2), 0);
    assert_int_equal(check_depth(TERM(104, 2, 104, 1, 106, 104, 1, 106), 3), 0);
    assert_int_equal(check_depth(TERM(104, 2, 104, 1, 106, 104, 1, 106), 2), ERR_TOO_DEEP);
    assert_int_equal(check_depth(TERM(108, 0, 0, 0, 1, 97, 1, 106), 2), 0);
    assert_int_equal(check_depth(TERM(108, 0, 0, 0, 1, 97, 1, 108, 0, 0, 0, 1, 97, 1, 106), 2), ERR_TOO_DEEP);
    assert_int_equal(check_depth(TERM(108, 0, 0, 0, 1, 97, 1, 108, 0, 0, 0, 1, 97, 1, 106), 3), 0);
}

static void check__deep_lists__bounded_by_depth_alone(void **state)
{
    struct buf out = BUF_EMPTY;
    terms_deep_list(&out, DEEP);
    assert_int_equal(check_depth(buf_slice(&out), DEEP + 1), 0);
    assert_int_equal(check_depth(buf_slice(&out), DEEP), ERR_TOO_DEEP);
    assert_int_equal(check_depth(buf_slice(&out), ETF_DEPTH_MAX_DEFAULT), ERR_TOO_DEEP);
    assert_int_equal(terms_check(slice_of(out.data, out.size - 1), NULL), ERR_TRUNCATED);
    buf_release(&out);
}

static void check__deep_maps__bounded_by_depth_alone(void **state)
{
    struct buf out = BUF_EMPTY;
    terms_deep_map(&out, DEEP, TERM(106));
    assert_int_equal(check_depth(buf_slice(&out), DEEP + 1), 0);
    assert_int_equal(check_depth(buf_slice(&out), DEEP), ERR_TOO_DEEP);
    buf_clear(&out);
    terms_deep_key(&out, DEEP, TERM(106));
    assert_int_equal(check_depth(buf_slice(&out), DEEP + 1), 0);
    assert_int_equal(check_depth(buf_slice(&out), DEEP), ERR_TOO_DEEP);
    buf_release(&out);
}

static void check__deep_tails__bounded_by_depth_alone(void **state)
{
    struct buf out = BUF_EMPTY;
    terms_deep_tail(&out, DEEP, TERM(106));
    assert_int_equal(check_depth(buf_slice(&out), DEEP + 1), 0);
    assert_int_equal(check_depth(buf_slice(&out), DEEP), ERR_TOO_DEEP);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check__every_tag__accepted_with_its_size),
        cmocka_unit_test(check__every_truncation__refused),
        cmocka_unit_test(check__every_byte_changed__never_reads_beyond),
        cmocka_unit_test(check__random_bytes__never_reads_beyond),
        cmocka_unit_test(check__bytes_behind_the_term__not_looked_at),
        cmocka_unit_test(check__failure__leaves_the_result_untouched),
        cmocka_unit_test(check__nothing__truncated),
        cmocka_unit_test(check__bad_terms__refused),
        cmocka_unit_test(check__atom_length__255_characters),
        cmocka_unit_test(check__arity_beyond_the_bytes__refused_at_once),
        cmocka_unit_test(check__arities_beyond_the_bytes_together__refused_at_the_second),
        cmocka_unit_test(check__depth__counts_as_documented),
        cmocka_unit_test(check__deep_lists__bounded_by_depth_alone),
        cmocka_unit_test(check__deep_maps__bounded_by_depth_alone),
        cmocka_unit_test(check__deep_tails__bounded_by_depth_alone),
    };
    return cmocka_run_group_tests_name("etf_check", tests, NULL, NULL);
}
