/* Characters: every one there and back, what is none refused. */
#include "wire/utf8.h"

#include "base/mem.h"
#include "unit.h"

static void utf8__every_character__comes_back(void **state)
{
    struct buf out = BUF_EMPTY;
    for (uint32_t character = 0; character <= 0x10ffff; character++) {
        uint32_t back = UINT32_MAX;
        bool is_surrogate = character >= 0xd800 && character <= 0xdfff;
        buf_clear(&out);
        assert_int_equal(utf8_append(&out, character), !is_surrogate);
        if (is_surrogate)
            continue;
        assert_int_equal(out.size, character < 0x80      ? 1
                                   : character < 0x800   ? 2
                                   : character < 0x10000 ? 3
                                                         : 4);
        assert_int_equal(utf8_read(buf_slice(&out), &back), out.size);
        assert_int_equal(back, character);
        for (size_t cut = 1; cut < out.size; cut++)
            assert_int_equal(utf8_size(slice_of(out.data, cut)), 0);
    }
    assert_false(utf8_append(&out, 0x110000));
    buf_release(&out);
}

static void utf8_size__not_valid__is_0(void **state)
{
    static const char *const texts[] = {"\xbf",
                                        "\xc0\x80",
                                        "\xc1\xbf",
                                        "\xe0\x9f\xbf",
                                        "\xed\xa0\x80",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xff",
                                        "\xc3x",
                                        "\xe2\x98x"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(utf8_size(slice_of_text(texts[i])), 0);
}

static void utf8_size__bytes_behind__are_not_counted(void **state)
{
    assert_int_equal(utf8_size(slice_of("\0", 1)), 1);
    assert_int_equal(utf8_size(slice_of_text("ab")), 1);
    assert_int_equal(utf8_size(slice_of_text("\xc3\xa9x")), 2);
}

static void utf8_is_ascii__a_higher_byte_anywhere__is_seen(void **state)
{
    for (size_t size = 0; size <= 40; size++) {
        uint8_t *text = mem_zalloc(size); /* exactly so many bytes */
        memset(text, 0x7f, size);
        assert_true(utf8_is_ascii(text, size));
        for (size_t at = 0; at < size; at++) {
            text[at] = 0x80;
            assert_false(utf8_is_ascii(text, size));
            text[at] = 0x7f;
        }
        mem_free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8__every_character__comes_back),
        cmocka_unit_test(utf8_size__not_valid__is_0),
        cmocka_unit_test(utf8_size__bytes_behind__are_not_counted),
        cmocka_unit_test(utf8_is_ascii__a_higher_byte_anywhere__is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
