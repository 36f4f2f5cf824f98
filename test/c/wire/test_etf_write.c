/* Writing: each call gives the bytes that the BEAM's term_to_binary gives. */
#include "wire/etf_write.h"

#include "base/error.h"
#include "terms.h"
#include "wire/etf_canonical.h"
#include "wire/etf_read.h"

static struct buf out; /* of the test that runs */

static int begin(void **state)
{
    buf_init(&out);
    return 0;
}

static int end(void **state)
{
    buf_release(&out);
    return 0;
}

static void assert_written(struct slice expected)
{
    terms_valid(buf_slice(&out));
    assert_bytes_equal(buf_slice(&out), expected);
    struct buf canonical = BUF_EMPTY;
    assert_int_equal(etf_canonical(buf_slice(&out), &canonical), 0);
    assert_bytes_equal(buf_slice(&canonical), expected);
    buf_release(&canonical);
    buf_clear(&out);
}

static void write_int64__every_size__shortest_form_of_the_beam(void **state)
{
    const struct {
        int64_t value;
        struct slice bytes;
    } cases[] = {
        {0, TERM(97, 0)},
        {255, TERM(97, 255)},
        {256, TERM(98, 0, 0, 1, 0)},
        {-1, TERM(98, 255, 255, 255, 255)},
        {1 << 27, TERM(98, 8, 0, 0, 0)},
        {INT32_MAX, TERM(98, 127, 255, 255, 255)},
        {INT32_MIN, TERM(98, 128, 0, 0, 0)},
        {(int64_t)INT32_MAX + 1, TERM(110, 4, 0, 0, 0, 0, 128)},
        {(int64_t)INT32_MIN - 1, TERM(110, 4, 1, 1, 0, 0, 128)},
        {(int64_t)1 << 32, TERM(110, 5, 0, 0, 0, 0, 0, 1)},
        {INT64_MAX, TERM(110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 127)},
        {INT64_MIN, TERM(110, 8, 1, 0, 0, 0, 0, 0, 0, 0, 128)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        etf_write_int64(&out, cases[i].value);
        int64_t value = 0;
        struct slice cursor = buf_slice(&out);
        assert_true(etf_read_int64(&cursor, &value));
        assert_true(value == cases[i].value);
        assert_written(cases[i].bytes);
    }
}

static void write_uint64__beyond_int64__big(void **state)
{
    etf_write_uint64(&out, UINT64_MAX);
    assert_written(TERM(110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 255));
    etf_write_uint64(&out, 7);
    assert_written(TERM(97, 7));
}

static void write_atom__long_text__large_form(void **state)
{
    uint8_t text[510];
    for (size_t i = 0; i < sizeof text; i += 2) {
        text[i] = 0xc3;
        text[i + 1] = 0xa4;
    }
    etf_write_atom(&out, "ok");
    assert_written(TERM(119, 2, 'o', 'k'));
    etf_write_atom(&out, "");
    assert_written(TERM(119, 0));
    etf_write_atom_slice(&out, slice_of(text, 254));
    assert_int_equal(out.data[0], 119);
    assert_int_equal(out.data[1], 254);
    buf_clear(&out);
    etf_write_atom_slice(&out, slice_of(text, 510));
    assert_bytes_equal(slice_of(out.data, 3), TERM(118, 1, 254));
    assert_int_equal(out.size, 513);
    terms_valid(buf_slice(&out));
}

static void write_double__any__new_float(void **state)
{
    etf_write_double(&out, 1.5);
    assert_written(TERM(70, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0));
    etf_write_double(&out, -0.0);
    assert_written(TERM(70, 0x80, 0, 0, 0, 0, 0, 0, 0));
}

static void write_binary__bytes__binary(void **state)
{
    etf_write_binary_text(&out, "hi");
    assert_written(TERM(109, 0, 0, 0, 2, 'h', 'i'));
    etf_write_binary(&out, slice_of(NULL, 0));
    assert_written(TERM(109, 0, 0, 0, 0));
}

static void write_charlist__any_length__as_the_beam(void **state)
{
    uint8_t *bytes = mem_zalloc(65536);
    etf_write_charlist(&out, slice_of(NULL, 0));
    assert_written(TERM(106));
    etf_write_charlist(&out, slice_of_text("hi"));
    assert_written(TERM(107, 0, 2, 'h', 'i'));
    etf_write_charlist(&out, slice_of(bytes, 65535));
    assert_bytes_equal(slice_of(out.data, 3), TERM(107, 255, 255));
    assert_int_equal(out.size, 65538);
    buf_clear(&out);
    etf_write_charlist(&out, slice_of(bytes, 65536));
    assert_bytes_equal(slice_of(out.data, 7), TERM(108, 0, 1, 0, 0, 97, 0));
    assert_int_equal(out.size, 5 + 2 * 65536 + 1);
    terms_valid(buf_slice(&out));
    mem_free(bytes);
}

static void write_containers__headers__with_their_elements(void **state)
{
    etf_write_tuple(&out, 1);
    etf_write_list(&out, 1);
    etf_write_map(&out, 1);
    etf_write_bool(&out, true);
    etf_write_bool(&out, false);
    etf_write_term(&out, TERM(119, 1, 'x'));
    assert_written(TERM(104, 1, 108, 0, 0, 0, 1, 116, 0, 0, 0, 1, 119, 4, 't', 'r', 'u', 'e', 119, 5, 'f',
                        'a', 'l', 's', 'e', 119, 1, 'x'));
}

static void write_export__fun__names_module_function_and_arity(void **state)
{
    etf_write_export(&out, "m", "f", 3);
    assert_written(TERM(113, 119, 1, 'm', 119, 1, 'f', 97, 3));
}

static void write_tuple__256_elements__large_form(void **state)
{
    etf_write_tuple(&out, 255);
    assert_bytes_equal(buf_slice(&out), TERM(104, 255));
    buf_clear(&out);
    etf_write_tuple(&out, 256);
    assert_bytes_equal(buf_slice(&out), TERM(105, 0, 0, 1, 0));
}

static void write_error__code__its_atom(void **state)
{
    etf_write_error(&out, ERR_CORRUPT);
    assert_written(TERM(104, 2, 119, 5, 'e', 'r', 'r', 'o', 'r', 119, 7, 'c', 'o', 'r', 'r', 'u', 'p', 't'));
}

static void write_version__byte_131(void **state)
{
    etf_write_version(&out);
    assert_bytes_equal(buf_slice(&out), TERM(131));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(write_int64__every_size__shortest_form_of_the_beam, begin, end),
        cmocka_unit_test_setup_teardown(write_uint64__beyond_int64__big, begin, end),
        cmocka_unit_test_setup_teardown(write_atom__long_text__large_form, begin, end),
        cmocka_unit_test_setup_teardown(write_double__any__new_float, begin, end),
        cmocka_unit_test_setup_teardown(write_binary__bytes__binary, begin, end),
        cmocka_unit_test_setup_teardown(write_charlist__any_length__as_the_beam, begin, end),
        cmocka_unit_test_setup_teardown(write_containers__headers__with_their_elements, begin, end),
        cmocka_unit_test_setup_teardown(write_export__fun__names_module_function_and_arity, begin, end),
        cmocka_unit_test_setup_teardown(write_tuple__256_elements__large_form, begin, end),
        cmocka_unit_test_setup_teardown(write_error__code__its_atom, begin, end),
        cmocka_unit_test_setup_teardown(write_version__byte_131, begin, end),
    };
    return cmocka_run_group_tests_name("etf_write", tests, NULL, NULL);
}
