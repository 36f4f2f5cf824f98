/* The text of every type of term. That file:consult/1 reads it back is tools_SUITE's. */
#include "wire/etf_text.h"

#include "terms.h"
#include "wire/utf8.h"

#include <float.h>
#include <stdio.h>

enum { DEPTH = 100000 };

static void expect(struct slice term, const char *text)
{
    struct buf out = BUF_EMPTY;
    uint8_t *copy = mem_dup(term.data, term.size);
    buf_append_u8(&out, '!');
    etf_text(terms_valid(slice_of(copy, term.size)), &out);
    buf_append_u8(&out, '\0');
    assert_string_equal((const char *)out.data + 1, text);
    assert_int_equal(out.data[0], '!');
    mem_free(copy);
    buf_release(&out);
}

static void expect_double(double value, const char *text)
{
    struct buf term = BUF_EMPTY;
    etf_write_double(&term, value);
    expect(buf_slice(&term), text);
    buf_release(&term);
}

static void expect_atom(const char *atom, const char *text)
{
    struct buf term = BUF_EMPTY;
    etf_write_atom(&term, atom);
    expect(buf_slice(&term), text);
    buf_release(&term);
}

static void expect_binary(struct slice bytes, const char *text)
{
    struct buf term = BUF_EMPTY;
    etf_write_binary(&term, bytes);
    expect(buf_slice(&term), text);
    buf_release(&term);
}

static void text__integers__decimal_up_to_64_bits(void **state)
{
    expect(TERM(97, 0), "0");
    expect(TERM(98, 255, 255, 255, 255), "-1");
    expect(TERM(110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 127), "9223372036854775807");
    expect(TERM(110, 8, 1, 0, 0, 0, 0, 0, 0, 0, 128), "-9223372036854775808");
    expect(TERM(110, 8, 0, 0, 0, 0, 0, 0, 0, 0, 128), "16#8000000000000000");
    expect(TERM(110, 9, 1, 0xab, 0, 0, 0, 0, 0, 0, 0, 0x0c), "-16#C00000000000000AB");
    expect(TERM(111, 0, 0, 0, 2, 0, 7, 0), "7");
}

static void text__floats__shortest_with_a_fraction(void **state)
{
    expect_double(0.0, "0.0");
    expect_double(-0.0, "-0.0");
    expect_double(1.0, "1.0");
    expect_double(0.1, "0.1");
    expect_double(1e22, "1.0e+22");
    expect_double(-1.5e-7, "-1.5e-07");
    expect_double(DBL_MAX, "1.7976931348623157e+308");
    expect_double(5e-324, "4.94065645841247e-324");
    expect_double(0.1 + 0.2, "0.30000000000000004");
}

static void text__atoms__quoted_where_needed(void **state)
{
    expect_atom("a", "a");
    expect_atom("a1_@B", "a1_@B");
    expect_atom("", "''");
    expect_atom("A", "'A'");
    expect_atom("_a", "'_a'");
    expect_atom("a b", "'a b'");
    expect_atom("a.b", "'a.b'");
    expect_atom("end", "'end'");
    expect_atom("maybe", "'maybe'");
    expect_atom("ends", "ends");
    expect_atom("\xc3\xa9", "'\xc3\xa9'");
    expect_atom("it's", "'it\\'s'");
    expect_atom("\"\\\n\x01\x7f\xc2\x80", "'\"\\\\\\n\\x{1}\\x{7F}\\x{80}'");
    expect(TERM(100, 0, 1, 0xe9), "'\xc3\xa9'");
    expect_atom("\xef\xbf\xbe", "{'$external',<<131,119,3,239,191,190>>}");
}

static void text__binaries__text_or_bytes(void **state)
{
    expect_binary(slice_of_text(""), "<<>>");
    expect_binary(slice_of_text("a\"b\\\n\t\r'"), "<<\"a\\\"b\\\\\\n\\t\\r'\">>");
    expect_binary(slice_of_text("\xe2\x98\x83"), "<<\"\xe2\x98\x83\"/utf8>>");
    expect_binary(slice_of_text("\xe9"), "<<233>>");
    expect_binary(slice_of("a\0b", 3), "<<97,0,98>>");
    expect_binary(slice_of_text("\x7f"), "<<127>>");
    expect_binary(slice_of_text("\xc2\x85"), "<<194,133>>");
    expect_binary(slice_of_text("\xef\xbf\xbf"), "<<239,191,191>>");
    expect(TERM(77, 0, 0, 0, 1, 1, 0x80), "<<1:1>>");
    expect(TERM(77, 0, 0, 0, 2, 3, 100, 0xff), "<<100,7:3>>");
    expect(TERM(77, 0, 0, 0, 1, 8, 'a'), "<<\"a\">>");
}

static void text__lists__strings_tails_and_all_forms(void **state)
{
    expect(TERM(106), "[]");
    expect(TERM(107, 0, 0), "[]");
    expect(TERM(107, 0, 2, 'h', 'i'), "\"hi\"");
    expect(TERM(107, 0, 2, 1, 255), "[1,255]");
    expect(TERM(108, 0, 0, 0, 2, 97, 1, 97, 2, 106), "[1,2]");
    expect(TERM(108, 0, 0, 0, 1, 97, 1, 97, 2), "[1|2]");
    expect(TERM(108, 0, 0, 0, 1, 97, 1, 107, 0, 1, 'a'), "[1|\"a\"]");
    expect(TERM(108, 0, 0, 0, 1, 97, 1, 107, 0, 0), "[1]");
    expect(TERM(108, 0, 0, 0, 0, 97, 1), "1");
    expect(TERM(108, 0, 0, 0, 1, 108, 0, 0, 0, 0, 106, 108, 0, 0, 0, 0, 106), "[[]]");
}

static void text__tuples_and_maps(void **state)
{
    expect(TERM(104, 0), "{}");
    expect(TERM(105, 0, 0, 0, 2, 97, 1, 104, 1, 97, 2), "{1,{2}}");
    expect(TERM(116, 0, 0, 0, 0), "#{}");
    expect(TERM(116, 0, 0, 0, 2, 97, 1, 116, 0, 0, 0, 0, 106, 106), "#{1=>#{},[]=>[]}");
}

static void text__funs__exports_as_such(void **state)
{
    expect(TERM(113, 119, 1, 'm', 119, 1, 'F', 97, 3), "fun m:'F'/3");
    expect(TERM(113, 119, 1, 'm', 119, 3, 239, 191, 190, 97, 3),
           "{'$external',<<131,113,119,1,109,119,3,239,191,190,97,3>>}");
}

static void text__export_of_more_arguments_than_erl_parse_reads__external_form(void **state)
{
    expect(TERM(113, 119, 1, 'm', 119, 1, 'f', 98, 0, 0, 0, 255), "fun m:f/255");
    expect(TERM(113, 119, 1, 'm', 119, 1, 'f', 98, 0, 0, 1, 0),
           "{'$external',<<131,113,119,1,109,119,1,102,98,0,0,1,0>>}");
}

static void text__no_text__external_form(void **state)
{
    expect(TERM(104, 2, 88, 119, 1, 'n', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4, 97, 1),
           "{{'$external',<<131,88,119,1,110,0,0,0,1,0,0,0,0,0,0,0,4>>},1}");
    expect(TERM(120, 119, 1, 'n', 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4),
           "{'$external',<<131,120,119,1,110,0,0,0,0,0,0,0,1,0,0,0,4>>}");
    expect(TERM(90, 0, 1, 119, 1, 'n', 0, 0, 0, 4, 0, 0, 0, 9),
           "{'$external',<<131,90,0,1,119,1,110,0,0,0,4,0,0,0,9>>}");
}

static void text__what_looks_external__is_written_so_too(void **state)
{
    struct buf term = BUF_EMPTY;
    etf_write_tuple(&term, 2);
    etf_write_atom(&term, ETF_TEXT_EXTERNAL);
    etf_write_int64(&term, 5);
    expect(buf_slice(&term), "{'$external',<<131,104,2,119,9,36,101,120,116,101,114,110,97,108,97,5>>}");
    buf_clear(&term);
    etf_write_tuple(&term, 1);
    etf_write_atom(&term, ETF_TEXT_EXTERNAL);
    expect(buf_slice(&term), "{'$external'}");
    buf_release(&term);
}

/* Of lists, the head costs one character and the end another one. */
static void text__nested_deeply__no_stack(void **state)
{
    struct buf term = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    terms_deep_list(&term, DEPTH);
    etf_text(terms_valid(buf_slice(&term)), &out);
    assert_int_equal(out.size, 2 * DEPTH + 2);
    buf_clear(&term);
    buf_clear(&out);
    terms_deep_tail(&term, DEPTH, TERM(97, 1));
    etf_text(terms_valid(buf_slice(&term)), &out);
    assert_int_equal(out.size, 4 * DEPTH + 1);
    buf_clear(&term);
    buf_clear(&out);
    terms_deep_map(&term, DEPTH, TERM(97, 1));
    etf_text(terms_valid(buf_slice(&term)), &out);
    assert_int_equal(out.size, 11 * DEPTH + 1);
    buf_release(&term);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text__integers__decimal_up_to_64_bits),
        cmocka_unit_test(text__floats__shortest_with_a_fraction),
        cmocka_unit_test(text__atoms__quoted_where_needed),
        cmocka_unit_test(text__binaries__text_or_bytes),
        cmocka_unit_test(text__lists__strings_tails_and_all_forms),
        cmocka_unit_test(text__tuples_and_maps),
        cmocka_unit_test(text__funs__exports_as_such),
        cmocka_unit_test(text__export_of_more_arguments_than_erl_parse_reads__external_form),
        cmocka_unit_test(text__no_text__external_form),
        cmocka_unit_test(text__what_looks_external__is_written_so_too),
        cmocka_unit_test(text__nested_deeply__no_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
