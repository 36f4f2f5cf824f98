/* todo/key: which terms are keys, and the one-to-one map between keys and names of files. */
#include "unit.h"

#include "base/error.h"
#include "base/mem.h"
#include "fake_terms.h"
#include "todo/key.h"
#include "wire/etf_check.h"
#include "wire/etf_compare.h"
#include "wire/etf_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EXPANDED_MAX = 1 << 20 };

/* Makes the key of a term; the caller releases it. */
static struct buf key_of(struct slice term)
{
    struct buf key = BUF_EMPTY;
    assert_int_equal(key_canonical(term, &key), 0);
    return key;
}

/* The key's name must be expected, and lead back to the key. */
static void assert_name(struct slice term, const char *expected)
{
    char name[KEY_NAME_ROOM];
    struct buf back = BUF_EMPTY;
    struct buf key = key_of(term);
    key_file_name(buf_slice(&key), name);
    assert_string_equal(name, expected);
    assert_false(key_is_long(buf_slice(&key)));
    assert_int_equal(key_of_file_name(name, &back), 0);
    assert_true(slice_equal(buf_slice(&back), buf_slice(&key)));
    buf_release(&key);
    buf_release(&back);
}

static void assert_text_name(const char *text, const char *expected)
{
    struct slice term = fake_term(text);
    assert_name(term, expected);
    fake_free(term);
}

static void assert_binary_name(const void *bytes, size_t size, const char *expected)
{
    struct buf term = BUF_EMPTY;
    etf_write_binary(&term, slice_of(bytes, size));
    assert_name(buf_slice(&term), expected);
    buf_release(&term);
}

static void assert_hex_name(const char *digits, const char *expected)
{
    struct slice term = fake_hex(digits);
    assert_name(term, expected);
    fake_free(term);
}

static void assert_no_key(struct slice term)
{
    struct buf out = BUF_EMPTY;
    buf_append_u8(&out, 'x');
    assert_false(key_is_valid(term));
    assert_int_equal(key_canonical(term, &out), ERR_BADARG);
    assert_int_equal(out.size, 1);
    buf_release(&out);
}

static void key_canonical__other_types__are_badarg(void **state)
{
    static const char *const terms[] = {
        "{a}",     "#{}",   "[a]", "[1|2]",        "[256]", "[-1]", "[{1}]", "[1|a]", "[<<\"a\">>, [b]]",
        "[[1|2]]", "[#{}]", "{}",  "[<<\"a\">>|3]"};
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        struct slice term = fake_term(terms[i]);
        assert_no_key(term);
        fake_free(term);
    }
    static const char *const others[] = {
        "46400921fb54442d18",         /* a float */
        "4d0000000103e0",             /* <<7:3>> */
        "6c000000014d0000000103e06a", /* [<<7:3>>] */
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct slice term = fake_hex(others[i]);
        assert_no_key(term);
        fake_free(term);
    }
}

static void key_canonical__forms_of_one_term__are_one_key(void **state)
{
    /* bob in four forms of atoms, 5 in four of integers, "AB" in three of lists */
    static const char *const groups[][4] = {
        {"640003626f62", "7303626f62", "760003626f62", "7703626f62"},
        {"6105", "6200000005", "6e010005", "6f0000000300050000"},
        {"6b00024142", "6c00000002614161426a", "6c0000000161416b000142",
         "6c0000000162000000416c0000000161426a"},
        {"6a", "6b0000", "6c000000006a", "6a"},
    };
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        for (size_t j = 1; j < 4; j++) {
            struct slice first = fake_hex(groups[i][0]);
            struct slice other = fake_hex(groups[i][j]);
            struct buf a = key_of(first);
            struct buf b = key_of(other);
            assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));
            buf_release(&a);
            buf_release(&b);
            fake_free(first);
            fake_free(other);
        }
}

static void key_canonical__size__is_bounded(void **state)
{
    struct buf term = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    uint8_t *bytes = mem_zalloc(KEY_SIZE_MAX);
    etf_write_binary(&term, slice_of(bytes, KEY_SIZE_MAX - 5));
    assert_int_equal(key_canonical(buf_slice(&term), &out), 0);
    buf_clear(&term);
    etf_write_binary(&term, slice_of(bytes, KEY_SIZE_MAX - 4));
    size_t before = out.size;
    assert_true(key_is_valid(buf_slice(&term)));
    assert_int_equal(key_canonical(buf_slice(&term), &out), ERR_TOO_LARGE);
    assert_int_equal(out.size, before);
    mem_free(bytes);
    buf_release(&out);
    buf_release(&term);
}

/* Whoever sends a megabyte that stands for 1 means no name, and is not worth the time to find out. */
static void key_canonical__huge_form_of_a_small_key__is_too_large(void **state)
{
    enum { ZEROS = 16 * KEY_SIZE_MAX };
    struct buf term = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    uint8_t *zeros = mem_zalloc(ZEROS);
    buf_append_u8(&term, ETF_LARGE_BIG);
    buf_append_u32(&term, ZEROS);
    buf_append_u8(&term, 0);
    buf_append_u8(&term, 1);
    buf_append(&term, zeros, ZEROS - 1);
    assert_int_equal(key_canonical(buf_slice(&term), &out), ERR_TOO_LARGE);
    assert_int_equal(out.size, 0);
    mem_free(zeros);
    buf_release(&term);
    buf_release(&out);
}

static void key_canonical__deep_iodata__uses_no_stack(void **state)
{
    enum { DEPTH = 100000 };
    struct buf term = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    for (int i = 0; i < DEPTH; i++)
        buf_append(&term, "l\0\0\0\1", 5);
    for (int i = 0; i <= DEPTH; i++)
        buf_append(&term, "j", 1);
    struct slice checked;
    assert_int_equal(etf_check(buf_slice(&term), ETF_DEPTH_MAX_DEFAULT, &checked), 0);
    assert_int_equal(key_canonical(checked, &out), ERR_TOO_LARGE);
    buf_release(&out);
    buf_release(&term);
}

static void key_file_name__plain_binary__is_the_name(void **state)
{
    static const char *const names[] = {
        "bob",  "bob's list",       "Alice-1_2.txt",       "a.", "~",   "žluťoučký kůň",
        "日本", "\xF0\x9F\x8E\x89", "a\\b:c*d?e\"f<g>h|i", "#",  "a#b", " ",
        "i.5"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_binary_name(names[i], strlen(names[i]), names[i]);
}

static void key_file_name__unsafe_binary__is_encoded(void **state)
{
    assert_binary_name("", 0, "%");
    assert_binary_name(".", 1, "%2E");
    assert_binary_name("..", 2, "%2E.");
    assert_binary_name(".journal-0-1", 12, "%2Ejournal-0-1");
    assert_binary_name("../x", 4, "%2E.%2Fx");
    assert_binary_name("a/b", 3, "a%2Fb");
    assert_binary_name("/", 1, "%2F");
    assert_binary_name("\0", 1, "%00");
    assert_binary_name("a\0b", 3, "a%00b");
    assert_binary_name("%", 1, "%25");
    assert_binary_name("%2F", 3, "%252F");
    assert_binary_name("%a.bob", 6, "%25a.bob");
    assert_binary_name("a\tb\n\x7F", 5, "a%09b%0A%7F");
    assert_binary_name("\xC2\x80\xC2\x9F\xC2\xA0", 6, "%C2%80%C2%9F\xC2\xA0");
}

static void key_file_name__invalid_utf8__is_encoded(void **state)
{
    assert_binary_name("\xFF", 1, "%FF");
    assert_binary_name("caf\xE9", 4, "caf%E9");
    assert_binary_name("\xC3", 1, "%C3");
    assert_binary_name("\xC3(", 2, "%C3(");
    assert_binary_name("\xC0\xAF", 2, "%C0%AF");
    assert_binary_name("\xE0\x80\xAF", 3, "%E0%80%AF");
    assert_binary_name("\xED\xA0\x80", 3, "%ED%A0%80");
    assert_binary_name("\xF4\x90\x80\x80", 4, "%F4%90%80%80");
    assert_binary_name("\xF8\x88\x80\x80\x80", 5, "%F8%88%80%80%80");
    assert_binary_name("\x80", 1, "%80");
    assert_binary_name("\xE2\x82", 2, "%E2%82");
}

static void key_file_name__other_types__have_prefixes(void **state)
{
    assert_text_name("bob", "%a.bob");
    assert_text_name("''", "%a.");
    assert_text_name("'.hidden/x'", "%a..hidden%2Fx");
    assert_text_name("'%'", "%a.%25");
    assert_text_name("'é'", "%a.é");
    assert_text_name("0", "%i.0");
    assert_text_name("-1", "%i.-1");
    assert_text_name("256", "%i.256");
    assert_text_name("9223372036854775807", "%i.9223372036854775807");
    assert_text_name("-9223372036854775808", "%i.-9223372036854775808");
    assert_text_name("\"bob\"", "%l.bob");
    assert_text_name("[]", "%l.");
    assert_text_name("[46, 47, 0, 255, 233]", "%l..%2F%00%FF%E9");
    assert_text_name("[<<\"a\">>]", "%t.6C000000016D00000001616A");
    assert_text_name("[\"a\"]", "%t.6C000000016B0001616A");
    assert_text_name("[97|<<\"b\">>]", "%t.6C0000000161616D0000000162");
}

/* Constants written by term_to_binary/2. */
static void key_file_name__big_integers__are_hex(void **state)
{
    assert_hex_name("6e08000000000000000080", "%x.8000000000000000");
    assert_hex_name("6e0900000000000000000001", "%x.10000000000000000");
    assert_hex_name("6e0901000000000000000001", "%x.-10000000000000000");
    assert_hex_name("6e0900efcdab896745230101", "%x.10123456789ABCDEF");
}

/* A key too long for its name: the name ends in a digest, and the file tells the key. */
static void assert_long(struct slice term, const char *start)
{
    char name[KEY_NAME_ROOM];
    struct buf content = BUF_EMPTY;
    struct buf back = BUF_EMPTY;
    struct buf key = key_of(term);
    key_file_name(buf_slice(&key), name);
    assert_memory_equal(name, start, strlen(start));
    assert_true(strlen(name) <= KEY_NAME_MAX && strlen(name) > KEY_NAME_MAX - 4);
    assert_memory_equal(name + strlen(name) - 66, "%#", 2);
    assert_true(key_is_long(buf_slice(&key)));
    assert_int_equal(key_of_file_name(name, &back), ERR_TOO_LARGE);
    assert_int_equal(back.size, 0);

    etf_write_version(&content);
    fake_term_append(&content, "{some, value}");
    assert_int_equal(key_from_file(name, buf_slice(&content), EXPANDED_MAX, &back), ERR_NOT_FOUND);
    key_trailer_append(buf_slice(&key), &content);
    assert_int_equal(key_from_file(name, buf_slice(&content), EXPANDED_MAX, &back), 0);
    assert_true(slice_equal(buf_slice(&back), buf_slice(&key)));

    name[0] ^= 1; /* another file's name */
    assert_int_equal(key_from_file(name, buf_slice(&content), EXPANDED_MAX, &back), ERR_NOT_FOUND);
    name[0] ^= 1;
    content.size--;
    assert_int_equal(key_from_file(name, buf_slice(&content), EXPANDED_MAX, &back), ERR_NOT_FOUND);
    content.size++;
    buf_append_u8(&content, 0);
    assert_int_equal(key_from_file(name, buf_slice(&content), EXPANDED_MAX, &back), ERR_NOT_FOUND);
    assert_int_equal(back.size, key.size);
    buf_release(&key);
    buf_release(&back);
    buf_release(&content);
}

static void key_file_name__long_keys__end_in_a_digest(void **state)
{
    struct buf term = BUF_EMPTY;
    uint8_t bytes[1000];
    memset(bytes, 'x', sizeof bytes);
    etf_write_binary(&term, slice_of(bytes, 256));
    assert_long(buf_slice(&term), "xxxxxxxx");

    memset(bytes, '/', 86);
    buf_clear(&term);
    etf_write_binary(&term, slice_of(bytes, 86));
    assert_long(buf_slice(&term), "%2F%2F");

    for (size_t i = 0; i < 300; i++)
        memcpy(bytes + 3 * i, "\xE6\x97\xA5", 3);
    buf_clear(&term);
    etf_write_atom_slice(&term, slice_of(bytes, 750));
    assert_long(buf_slice(&term), "%a.\xE6\x97\xA5");

    buf_clear(&term);
    etf_write_charlist(&term, slice_of(bytes, 300));
    assert_long(buf_slice(&term), "%l.\xE6\x97\xA5");

    buf_clear(&term);
    etf_write_list(&term, 1);
    etf_write_binary(&term, slice_of(bytes, 300));
    etf_write_nil(&term);
    assert_long(buf_slice(&term), "%t.6C000000016D0000012CE697A5");

    buf_clear(&term);
    buf_append_u8(&term, 111);
    buf_append_u32(&term, 1000);
    buf_append_u8(&term, 1);
    buf_append(&term, bytes, 1000);
    bytes[999] = term.data[term.size - 1] = 1;
    assert_long(buf_slice(&term), "%x.-1");
    buf_release(&term);
}

static void key_file_name__longest_plain_name__has_no_digest(void **state)
{
    char text[KEY_NAME_ROOM];
    memset(text, 'y', KEY_NAME_MAX);
    text[KEY_NAME_MAX] = '\0';
    assert_binary_name(text, KEY_NAME_MAX, text);
    char expected[KEY_NAME_ROOM] = "";
    for (size_t i = 0; i < 85; i++)
        strcat(expected, "%2F");
    memset(text, '/', 85);
    assert_binary_name(text, 85, expected);
}

static void key_trailer_append__short_key__adds_nothing(void **state)
{
    struct buf out = BUF_EMPTY;
    struct slice key = fake_term("<<\"bob\">>");
    key_trailer_append(key, &out);
    assert_int_equal(out.size, 0);
    key_trailer_append(slice_of("", 0), &out);
    assert_int_equal(out.size, 0);
    fake_free(key);
}

static void key_of_file_name__foreign_names__are_not_found(void **state)
{
    static const char *const names[] = {"",
                                        ".",
                                        "..",
                                        ".lock",
                                        ".journal-0-1",
                                        "a/b",
                                        "a%2fb",
                                        "a%41",
                                        "a%",
                                        "a%4",
                                        "%zz",
                                        "%a",
                                        "%a.%41",
                                        "%b.x",
                                        "%i.",
                                        "%i.05",
                                        "%i.-0",
                                        "%i.+5",
                                        "%i. 5",
                                        "%i.5x",
                                        "%i.9223372036854775808",
                                        "%x.5",
                                        "%x.",
                                        "%x.-",
                                        "%x.08000000000000000",
                                        "%x.g",
                                        "%x.-8000000000000000",
                                        "%t.",
                                        "%t.6A",
                                        "%t.6B000161",
                                        "%t.6105",
                                        "%t.7701",
                                        "%t.6c000000016d00000001616a",
                                        "%t.6C000000016D00000001616A6A",
                                        "%#",
                                        "%%",
                                        "caf\xE9",
                                        "a\nb",
                                        "a\xC2\x80",
                                        "%C3%A9",
                                        "%a.\xFF",
                                        "%a.%FF",
                                        "%l.\xE9x",
                                        "%2E%2E",
                                        "a%2E",
                                        "%l.%C3%A9",
                                        "%#0123456789abcdef"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct buf out = BUF_EMPTY;
        buf_append_u8(&out, 'x');
        if (key_of_file_name(names[i], &out) != ERR_NOT_FOUND)
            fail_msg("%s is a key's name", names[i]);
        assert_int_equal(out.size, 1);
        buf_release(&out);
    }
}

static void key_of_file_name__atom_of_256_characters__is_not_found(void **state)
{
    char name[KEY_NAME_ROOM + 10] = "%a.";
    struct buf out = BUF_EMPTY;
    memset(name + 3, 'a', 252);
    assert_int_equal(key_of_file_name(name, &out), 0);
    buf_clear(&out);
    name[255] = 'a'; /* 256 bytes: no file has such a name */
    assert_int_equal(key_of_file_name(name, &out), ERR_NOT_FOUND);
    buf_release(&out);
}

/* A random key of a small alphabet that collides if anything does. */
static void random_key(struct buf *term)
{
    static const char *const pieces[] = {
        "%",    "2",    "F",    ".", "/",   "a",   "i",   "l", "t", "x",
        "\0",   "\xC3", "\xA9", "#", "%a.", "%2F", "%25", "-", "5", "\xE6\x97\xA5",
        "\xC2", "\x85"};
    struct buf bytes = BUF_EMPTY;
    long length = random() % 8 == 0 ? random() % 300 : random() % 4;
    for (long i = 0; i < length; i++) {
        const char *piece = pieces[(size_t)random() % (sizeof pieces / sizeof pieces[0])];
        buf_append(&bytes, piece, *piece == '\0' ? 1 : strlen(piece));
    }
    struct slice text = buf_slice(&bytes);
    switch (random() % 6) {
    case 0:
        buf_append_u8(term, 118);
        buf_append_u16(term, (uint16_t)text.size);
        buf_append_slice(term, text);
        break;
    case 1:
        etf_write_charlist(term, text);
        break;
    case 2:
        etf_write_int64(term, random() % 2000 - 1000);
        break;
    case 3:
        buf_append_u8(term, 111);
        buf_append_u32(term, (uint32_t)text.size);
        buf_append_u8(term, (uint8_t)(random() % 2));
        buf_append_slice(term, text);
        break;
    case 4:
        etf_write_list(term, 1);
        etf_write_binary(term, text);
        if (random() % 2 != 0)
            etf_write_nil(term);
        else
            etf_write_binary(term, text);
        break;
    default:
        etf_write_binary(term, text);
    }
    buf_release(&bytes);
}

struct named {
    char name[KEY_NAME_ROOM]; /* of the key's file */
    struct buf key;           /* canonical */
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static void key_file_name__random_keys__are_one_to_one(void **state)
{
    enum { KEYS = 20000 };
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srandom(seed);
    struct named *all = mem_zalloc(KEYS * sizeof *all);
    struct buf term = BUF_EMPTY;
    size_t count = 0;
    while (count < KEYS) {
        struct slice checked;
        buf_clear(&term);
        random_key(&term);
        if (etf_check(buf_slice(&term), ETF_DEPTH_MAX_DEFAULT, &checked) != 0)
            continue; /* an atom's text that is none */
        struct named *named = &all[count++];
        assert_int_equal(key_canonical(checked, &named->key), 0);
        key_file_name(buf_slice(&named->key), named->name);
        assert_true(strlen(named->name) >= 1 && strlen(named->name) <= KEY_NAME_MAX);
        assert_true(named->name[0] != '.' && strchr(named->name, '/') == NULL);
        struct buf back = BUF_EMPTY;
        int rc = key_of_file_name(named->name, &back);
        assert_int_equal(rc, key_is_long(buf_slice(&named->key)) ? ERR_TOO_LARGE : 0);
        assert_true(rc != 0 || slice_equal(buf_slice(&back), buf_slice(&named->key)));
        buf_release(&back);
    }
    qsort(all, KEYS, sizeof *all, compare_names);
    for (size_t i = 1; i < KEYS; i++)
        assert_int_equal(strcmp(all[i - 1].name, all[i].name) == 0,
                         etf_equal(buf_slice(&all[i - 1].key), buf_slice(&all[i].key)));
    for (size_t i = 0; i < KEYS; i++)
        buf_release(&all[i].key);
    mem_free(all);
    buf_release(&term);
}

/* Whatever name stands in the folder: if it leads to a key, the key leads to it. */
static void key_of_file_name__random_names__lead_back(void **state)
{
    static const char alphabet[] = "%%%ailtx.-#0123456789ABCDEF6CD\xC3\xA9z";
    unsigned seed = (unsigned)time(NULL);
    unsigned found = 0;
    print_message("seed %u\n", seed);
    srandom(seed);
    for (int i = 0; i < 50000; i++) {
        char name[KEY_NAME_ROOM];
        char again[KEY_NAME_ROOM];
        size_t length = (size_t)random() % 12;
        struct buf key = BUF_EMPTY;
        for (size_t j = 0; j < length; j++)
            name[j] = alphabet[(size_t)random() % (sizeof alphabet - 1)];
        name[length] = '\0';
        if (key_of_file_name(name, &key) == 0) {
            key_file_name(buf_slice(&key), again);
            assert_string_equal(again, name);
            found++;
        }
        buf_release(&key);
    }
    assert_true(found > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_canonical__other_types__are_badarg),
        cmocka_unit_test(key_canonical__forms_of_one_term__are_one_key),
        cmocka_unit_test(key_canonical__size__is_bounded),
        cmocka_unit_test(key_canonical__huge_form_of_a_small_key__is_too_large),
        cmocka_unit_test(key_canonical__deep_iodata__uses_no_stack),
        cmocka_unit_test(key_file_name__plain_binary__is_the_name),
        cmocka_unit_test(key_file_name__unsafe_binary__is_encoded),
        cmocka_unit_test(key_file_name__invalid_utf8__is_encoded),
        cmocka_unit_test(key_file_name__other_types__have_prefixes),
        cmocka_unit_test(key_file_name__big_integers__are_hex),
        cmocka_unit_test(key_file_name__long_keys__end_in_a_digest),
        cmocka_unit_test(key_file_name__longest_plain_name__has_no_digest),
        cmocka_unit_test(key_trailer_append__short_key__adds_nothing),
        cmocka_unit_test(key_of_file_name__foreign_names__are_not_found),
        cmocka_unit_test(key_of_file_name__atom_of_256_characters__is_not_found),
        cmocka_unit_test(key_file_name__random_keys__are_one_to_one),
        cmocka_unit_test(key_of_file_name__random_names__lead_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
