/* Text to terms: what etf_text writes comes back; what is no term is told with its line. */
#include "wire/etf_parse.h"

#include "base/error.h"
#include "terms.h"
#include "wire/etf_canonical.h"
#include "wire/etf_text.h"

#include <stdio.h>

enum { DEPTH = 100000 };

/* The text, then " ." and more; copied so that a read behind it is seen. */
static int parse(const char *text, struct etf_parse *parse, struct buf *out)
{
    uint8_t *copy = mem_dup(text, strlen(text));
    *parse = etf_parse_of(slice_of(copy, strlen(text)));
    int status = etf_parse_next(parse, TERMS_DEPTH_MAX, out);
    mem_free(copy);
    return status;
}

static void expect(const char *text, struct slice term)
{
    struct etf_parse state;
    struct buf out = BUF_EMPTY;
    if (parse(text, &state, &out) != 0)
        fail_msg("%s: %s", text, state.error);
    assert_bytes_equal(buf_slice(&out), term);
    assert_int_equal(state.rest.size, 0);
    buf_release(&out);
}

static void expect_error(const char *text, unsigned long line, int status)
{
    struct etf_parse state;
    struct buf out = BUF_EMPTY;
    buf_append_u8(&out, 1);
    if (parse(text, &state, &out) != status)
        fail_msg("another error: %s: %s", text, state.error == NULL ? "none" : state.error);
    assert_non_null(state.error);
    if (state.line != line)
        fail_msg("%s: %s in line %lu", text, state.error, state.line);
    assert_int_equal(out.size, 1);
    buf_release(&out);
}

/* Term to text and back. */
static void there_and_back(struct slice term)
{
    struct buf text = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    struct buf canonical = BUF_EMPTY;
    etf_text(terms_valid(term), &text);
    buf_append(&text, ".", 1);
    struct etf_parse state = etf_parse_of(buf_slice(&text));
    int status = etf_parse_next(&state, TERMS_DEPTH_MAX, &out);
    if (status != 0)
        fail_msg("%d: %s", status, state.error);
    assert_int_equal(etf_canonical(term, &canonical), 0);
    assert_bytes_equal(buf_slice(&out), buf_slice(&canonical));
    buf_release(&canonical);
    buf_release(&text);
    buf_release(&out);
}

static void parse__numbers(void **state)
{
    expect("0.", TERM(97, 0));
    expect("-1.", TERM(98, 255, 255, 255, 255));
    expect("9223372036854775807.", TERM(110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 127));
    expect("18446744073709551615.", TERM(110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 255));
    expect("-9223372036854775808.", TERM(110, 8, 1, 0, 0, 0, 0, 0, 0, 0, 128));
    expect("16#1FFff.", TERM(98, 0, 1, 255, 255));
    expect("-16#C00000000000000AB.", TERM(110, 9, 1, 0xab, 0, 0, 0, 0, 0, 0, 0, 0x0c));
    expect("1.0.", TERM(70, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0));
    expect("-1.0e+0.", TERM(70, 0xbf, 0xf0, 0, 0, 0, 0, 0, 0));
    expect("-0.0.", TERM(70, 0x80, 0, 0, 0, 0, 0, 0, 0));
    expect("2.", TERM(97, 2));
}

static void parse__atoms_and_funs(void **state)
{
    expect("a1_@B.", TERM(119, 5, 'a', '1', '_', '@', 'B'));
    expect("''.", TERM(119, 0));
    expect("'it\\'s \\x{E9}\\n'.", TERM(119, 8, 'i', 't', '\'', 's', ' ', 0xc3, 0xa9, '\n'));
    expect("funny.", TERM(119, 5, 'f', 'u', 'n', 'n', 'y'));
    expect("fun m:'F'/3.", TERM(113, 119, 1, 'm', 119, 1, 'F', 97, 3));
}

static void parse__binaries(void **state)
{
    expect("<<>>.", TERM(109, 0, 0, 0, 0));
    expect("<<\"a\\\"\">>.", TERM(109, 0, 0, 0, 2, 'a', '"'));
    expect("<<\"\xc3\xa9\"/utf8>>.", TERM(109, 0, 0, 0, 2, 0xc3, 0xa9));
    expect("<<\"\xc3\xa9\">>.", TERM(109, 0, 0, 0, 1, 0xe9));
    expect("<< 1 , \"a\", 255 >>.", TERM(109, 0, 0, 0, 3, 1, 'a', 255));
    expect("<<100,7:3>>.", TERM(77, 0, 0, 0, 2, 3, 100, 0xe0));
    expect("<<7:8>>.", TERM(109, 0, 0, 0, 1, 7));
}

static void parse__lists_tuples_maps(void **state)
{
    expect("[].", TERM(106));
    expect("[ ] .", TERM(106));
    expect("\"hi\".", TERM(107, 0, 2, 'h', 'i'));
    expect("\"\".", TERM(106));
    expect("\"\\x{100}\".", TERM(108, 0, 0, 0, 1, 98, 0, 0, 1, 0, 106));
    expect("[1|\"a\"].", TERM(107, 0, 2, 1, 'a'));
    expect("[1,a|b].", TERM(108, 0, 0, 0, 2, 97, 1, 119, 1, 'a', 119, 1, 'b'));
    expect("{}.", TERM(104, 0));
    expect("{1,{2}}.", TERM(104, 2, 97, 1, 104, 1, 97, 2));
    expect("#{}.", TERM(116, 0, 0, 0, 0));
    expect("#{2 => [], 1 => #{}}.", TERM(116, 0, 0, 0, 2, 97, 1, 116, 0, 0, 0, 0, 97, 2, 106));
}

static void parse__external__becomes_the_term(void **state)
{
    expect("{'$external',<<131,97,7>>}.", TERM(97, 7));
    expect("[{'$external',<<131,97,7>>},a].", TERM(108, 0, 0, 0, 2, 97, 7, 119, 1, 'a', 106));
    expect("{'$external'}.", TERM(104, 1, 119, 9, '$', 'e', 'x', 't', 'e', 'r', 'n', 'a', 'l'));
    expect_error("{'$external',7}.", 1, ERR_BAD_TERM);
    expect_error("{'$external',<<>>}.", 1, ERR_BAD_TERM);
    expect_error("{'$external',<<131,97>>}.", 1, ERR_BAD_TERM);
    expect_error("{'$external',<<131,97,1,1>>}.", 1, ERR_BAD_TERM);
    expect_error("{'$external',<<130,97,1>>}.", 1, ERR_BAD_TERM);
}

static void parse__several__one_after_another_with_comments(void **state)
{
    struct etf_parse parse = etf_parse_of(slice_of_text("%% a.\n\n{a,\n b}. % b.\n1.2.3.%\n "));
    struct buf out = BUF_EMPTY;
    assert_int_equal(etf_parse_next(&parse, 9, &out), 0);
    assert_int_equal(parse.line, 4);
    assert_int_equal(parse.term_line, 3);
    assert_bytes_equal(buf_slice(&out), TERM(104, 2, 119, 1, 'a', 119, 1, 'b'));
    assert_int_equal(etf_parse_next(&parse, 9, &out), ERR_BAD_TERM); /* 1.2 and no full stop with a blank */
    assert_int_equal(parse.line, 5);
    parse = etf_parse_of(slice_of_text("a. % b"));
    buf_clear(&out);
    assert_int_equal(etf_parse_next(&parse, 9, &out), 0);
    assert_int_equal(etf_parse_next(&parse, 9, &out), ERR_NOT_FOUND);
    assert_bytes_equal(buf_slice(&out), TERM(119, 1, 'a'));
    buf_release(&out);
}

static void parse__bad__is_told_with_its_line(void **state)
{
    static const char *const texts[] = {"a",
                                        "{a",
                                        "{a,}.",
                                        "{,a}.",
                                        "[a|].",
                                        "[a|b,c].",
                                        "[|a].",
                                        "#{a}.",
                                        "#{a=>}.",
                                        "#{a=>1,}.",
                                        "#{a 1}.",
                                        "#a.",
                                        "A.",
                                        "_.",
                                        "<<.",
                                        "<<1",
                                        "<<256>>.",
                                        "<<1:1,2>>.",
                                        "<<2:1>>.",
                                        "<<1:9>>.",
                                        "<<1:0>>.",
                                        "<<a>>.",
                                        "<<1 2>>.",
                                        "\"a",
                                        "'a",
                                        "\"\\q\".",
                                        "\"\\x{110000}\".",
                                        "\"\\x{}\".",
                                        "\"\\x{d800}\".",
                                        "\"\xff\".",
                                        "<<\"\\x{100}\">>.",
                                        "16#.",
                                        "16#g.",
                                        "-.",
                                        "- 1.",
                                        "-a.",
                                        "1.0e400.",
                                        "99999999999999999999.",
                                        "-9223372036854775809.",
                                        "fun m:f.",
                                        "fun m:f/256.",
                                        "a.b.",
                                        "a b.",
                                        ")",
                                        "{a]. ",
                                        "[a}.",
                                        "1a.",
                                        "#{1=>2,1=>3}.",
                                        "\\",
                                        "\"\\",
                                        "\"\\x{",
                                        "<<\"a\"/utf16>>.",
                                        "."};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_error(texts[i], 1, ERR_BAD_TERM);
    expect_error("\n{a,\n}.", 3, ERR_BAD_TERM);
    expect_error("%\n\"a\n\n\xff\".", 4, ERR_BAD_TERM);
}

static void parse__atom_of_more_than_255_characters__is_refused(void **state)
{
    char text[600];
    struct etf_parse parsed;
    struct buf out = BUF_EMPTY;
    for (size_t i = 0; i < 256; i++)
        memcpy(text + 1 + 2 * i, "\xc3\xa9", 2);
    text[0] = '\'';
    strcpy(text + 1 + 512, "'.");
    expect_error(text, 1, ERR_BAD_TERM);
    strcpy(text + 1 + 510, "'.");
    assert_int_equal(parse(text, &parsed, &out), 0);
    assert_int_equal(out.size, 3 + 510);
    buf_release(&out);
}

static void parse__every_prefix__is_an_error(void **state)
{
    static const char text[] = "#{a=>[1.5e3,\"x\\n\"|'B'],<<\"\xc3\xa9\"/utf8,1:1>>=>{fun m:f/1,16#FF}}.";
    struct etf_parse parse;
    struct buf out = BUF_EMPTY;
    for (size_t size = 1; size < sizeof text - 1; size++) {
        uint8_t *copy = mem_dup(text, size);
        parse = etf_parse_of(slice_of(copy, size));
        assert_int_equal(etf_parse_next(&parse, 9, &out), ERR_BAD_TERM);
        mem_free(copy);
    }
    parse = etf_parse_of(slice_of_text(text));
    assert_int_equal(etf_parse_next(&parse, 9, &out), 0);
    buf_release(&out);
}

static void parse__nested_deeply__no_stack_and_bounded(void **state)
{
    struct buf term = BUF_EMPTY;
    struct buf text = BUF_EMPTY;
    terms_deep_list(&term, DEPTH);
    there_and_back(buf_slice(&term));
    buf_clear(&term);
    terms_deep_map(&term, DEPTH, TERM(97, 1));
    there_and_back(buf_slice(&term));
    for (size_t i = 0; i < DEPTH; i++)
        buf_append(&text, "[", 1);
    struct etf_parse parse = etf_parse_of(buf_slice(&text));
    assert_int_equal(etf_parse_next(&parse, 1000, &term), ERR_TOO_DEEP);
    parse = etf_parse_of(slice_of_text("[{}]."));
    assert_int_equal(etf_parse_next(&parse, 1, &term), ERR_TOO_DEEP);
    buf_release(&text);
    buf_release(&term);
}

static void parse__all_that_text_writes__comes_back(void **state)
{
    static const struct slice none = {0};
    struct slice terms[] = {
        TERM(104, 2, 119, 9, '$', 'e', 'x', 't', 'e', 'r', 'n', 'a', 'l', 109, 0, 0, 0, 2, 131, 106),
        TERM(104, 2, 88, 119, 1, 'n', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4, 97, 1),
        TERM(119, 3, 239, 191, 190),
        TERM(70, 0, 0, 0, 0, 0, 0, 0, 1),
        TERM(70, 0x7f, 0xef, 255, 255, 255, 255, 255, 255),
        TERM(108, 0, 0, 0, 1, 97, 1, 107, 0, 1, 'a'),
        TERM(109, 0, 0, 0, 3, 239, 191, 191),
        TERM(119, 3, 'e', 'n', 'd'),
        none};
    for (size_t i = 0; terms[i].size > 0; i++)
        there_and_back(terms[i]);
}

static void parse__largest_integer__both_ways_in_no_time(void **state)
{
    enum { DIGITS = 8 * ((1 << 19) - 1) };
    struct buf term = BUF_EMPTY;
    buf_append_u8(&term, 111);
    buf_append_u32(&term, DIGITS);
    buf_append_u8(&term, 1);
    memset(buf_extend(&term, DIGITS), 0x5a, DIGITS);
    there_and_back(buf_slice(&term));
    buf_release(&term);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__numbers),
        cmocka_unit_test(parse__atoms_and_funs),
        cmocka_unit_test(parse__binaries),
        cmocka_unit_test(parse__lists_tuples_maps),
        cmocka_unit_test(parse__external__becomes_the_term),
        cmocka_unit_test(parse__several__one_after_another_with_comments),
        cmocka_unit_test(parse__bad__is_told_with_its_line),
        cmocka_unit_test(parse__atom_of_more_than_255_characters__is_refused),
        cmocka_unit_test(parse__every_prefix__is_an_error),
        cmocka_unit_test(parse__nested_deeply__no_stack_and_bounded),
        cmocka_unit_test(parse__all_that_text_writes__comes_back),
        cmocka_unit_test(parse__largest_integer__both_ways_in_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
