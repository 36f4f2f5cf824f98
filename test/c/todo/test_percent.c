/* todo/percent: bytes as text of file names and back. */
#include "unit.h"

#include "todo/percent.h"

static void assert_text(const struct buf *out, const char *expected)
{
    if (!slice_equal(buf_slice(out), slice_of_text(expected)))
        fail_msg("%.*s is not %s", (int)out->size, (const char *)out->data, expected);
}

static void assert_encoded(const char *bytes, size_t size, const char *expected)
{
    struct buf out = BUF_EMPTY, back = BUF_EMPTY;
    percent_encode(slice_of(bytes, size), &out);
    assert_text(&out, expected);
    assert_true(percent_decode(buf_slice(&out), &back));
    assert_true(slice_equal(buf_slice(&back), slice_of(bytes, size)));
    buf_release(&out);
    buf_release(&back);
}

#define ENCODED(literal, expected) assert_encoded(literal, sizeof(literal) - 1, expected)

static void percent_encode__printable__stands_for_itself(void **state)
{
    ENCODED("", "");
    ENCODED("Bob's list_1-2. ~", "Bob's list_1-2. ~");
    ENCODED("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    ENCODED("\xC2\xA0\xF4\x8F\xBF\xBF", "\xC2\xA0\xF4\x8F\xBF\xBF");
}

static void percent_encode__control_slash_percent__are_escaped(void **state)
{
    ENCODED("a/b%\n\x7F", "a%2Fb%25%0A%7F");
    ENCODED("\0x\x1F", "%00x%1F");
    ENCODED("\xC2\x80\xC2\x9F", "%C2%80%C2%9F");
}

static void percent_encode__not_utf8__is_escaped(void **state)
{
    ENCODED("\xFF\xFE", "%FF%FE");
    ENCODED("\xC0\xAF", "%C0%AF");               /* overlong */
    ENCODED("\xE0\x80\xAF", "%E0%80%AF");        /* overlong */
    ENCODED("\xF0\x8F\xBF\xBF", "%F0%8F%BF%BF"); /* overlong */
    ENCODED("\xED\xA0\x80", "%ED%A0%80");        /* surrogate */
    ENCODED("\xF4\x90\x80\x80", "%F4%90%80%80"); /* beyond U+10FFFF */
    ENCODED("\xF8\x88\x80\x80\x80", "%F8%88%80%80%80");
    ENCODED("\x80", "%80");
    ENCODED("\xE2\x82", "%E2%82"); /* cut */
    ENCODED("\xE2\x28\xA1", "%E2(%A1");
}

static void percent_encode__every_byte__comes_back(void **state)
{
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            uint8_t bytes[] = {(uint8_t)first, (uint8_t)second};
            struct buf out = BUF_EMPTY, back = BUF_EMPTY;
            percent_encode(slice_of(bytes, 2), &out);
            assert_null(memchr(out.data, '/', out.size));
            assert_true(percent_decode(buf_slice(&out), &back));
            assert_true(slice_equal(buf_slice(&back), slice_of(bytes, 2)));
            buf_release(&out);
            buf_release(&back);
        }
    }
}

static void percent_decode__bad_escape__is_refused(void **state)
{
    static const char *const bad[] = {"%", "a%4", "%G0", "%0g", "%2f", "%%41", "x%"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf out = BUF_EMPTY;
        if (percent_decode(slice_of_text(bad[i]), &out))
            fail_msg("%s was taken", bad[i]);
        buf_release(&out);
    }
}

static void percent_encode_byte__any__is_two_digits(void **state)
{
    struct buf out = BUF_EMPTY;
    percent_encode_byte('.', &out);
    percent_encode_byte(0xAB, &out);
    assert_text(&out, "%2E%AB");
    buf_release(&out);
}

static void hex__both_ways__only_upper_case_pairs(void **state)
{
    struct buf out = BUF_EMPTY;
    hex_encode(slice_of("\x00\x9A\xFF", 3), &out);
    assert_text(&out, "009AFF");
    buf_clear(&out);
    assert_true(hex_decode(slice_of_text("009AFF"), &out));
    assert_true(slice_equal(buf_slice(&out), slice_of("\x00\x9A\xFF", 3)));
    assert_true(hex_decode(slice_of_text(""), &out));
    assert_false(hex_decode(slice_of_text("0"), &out));
    assert_false(hex_decode(slice_of_text("0a"), &out));
    assert_false(hex_decode(slice_of_text("G0"), &out));
    assert_false(hex_decode(slice_of_text(":0"), &out));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percent_encode__printable__stands_for_itself),
        cmocka_unit_test(percent_encode__control_slash_percent__are_escaped),
        cmocka_unit_test(percent_encode__not_utf8__is_escaped),
        cmocka_unit_test(percent_encode__every_byte__comes_back),
        cmocka_unit_test(percent_decode__bad_escape__is_refused),
        cmocka_unit_test(percent_encode_byte__any__is_two_digits),
        cmocka_unit_test(hex__both_ways__only_upper_case_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
