/* todo/list_term: lists as term_to_binary/1 of OTP 25 wrote them, hostile values, and the way back. */
#include "unit.h"

#include "base/error.h"
#include "fake_terms.h"
#include "todo/key.h"
#include "todo/list_term.h"
#include "wire/etf_check.h"
#include "wire/etf_write.h"

#include <stdlib.h>
#include <string.h>

enum { EXPANDED_MAX = 1 << 20 };

/* #{'__struct__' => 'Elixir.Todo.List', next_id => 5, entries => #{1 => .., 2 => .., 4 => ..}}, the entries
 * with id, title and an Elixir date, by term_to_binary(T): old atoms. */
static const char book[] =
    "83740000000364000a5f5f7374727563745f5f640010456c697869722e546f646f2e4c697374640007656e7472696573"
    "74000000036101740000000364000464617465740000000564000a5f5f7374727563745f5f64000b456c697869722e44"
    "61746564000863616c656e646172640013456c697869722e43616c656e6461722e49534f64000364617961136400056d"
    "6f6e7468610c6400047965617262000007e7640002696461016400057469746c656d0000000744656e74697374610274"
    "0000000364000464617465740000000564000a5f5f7374727563745f5f64000b456c697869722e446174656400086361"
    "6c656e646172640013456c697869722e43616c656e6461722e49534f64000364617961146400056d6f6e7468610c6400"
    "047965617262000007e7640002696461026400057469746c656d0000000853686f7070696e6761047400000003640004"
    "64617465740000000564000a5f5f7374727563745f5f64000b456c697869722e4461746564000863616c656e64617264"
    "0013456c697869722e43616c656e6461722e49534f64000364617961136400056d6f6e7468610c640004796561726200"
    "0007e7640002696461046400057469746c656d000000064d6f766965736400076e6578745f69646105";

/* The same by term_to_binary(T, [{minor_version, 2}]), which is the canonical form here. */
static const char book_canonical[] =
    "837400000003770a5f5f7374727563745f5f7710456c697869722e546f646f2e4c6973747707656e7472696573740000"
    "0003610174000000037704646174657400000005770a5f5f7374727563745f5f770b456c697869722e44617465770863"
    "616c656e6461727713456c697869722e43616c656e6461722e49534f7703646179611377056d6f6e7468610c77047965"
    "617262000007e777026964610177057469746c656d0000000744656e7469737461027400000003770464617465740000"
    "0005770a5f5f7374727563745f5f770b456c697869722e44617465770863616c656e6461727713456c697869722e4361"
    "6c656e6461722e49534f7703646179611477056d6f6e7468610c77047965617262000007e77702696461027705746974"
    "6c656d0000000853686f7070696e67610474000000037704646174657400000005770a5f5f7374727563745f5f770b45"
    "6c697869722e44617465770863616c656e6461727713456c697869722e43616c656e6461722e49534f77036461796113"
    "77056d6f6e7468610c77047965617262000007e777026964610477057469746c656d000000064d6f7669657377076e65"
    "78745f69646105";

/* The same by term_to_binary(T, [compressed]). */
static const char book_compressed[] =
    "8350000001d8789cbd91410e82400c450b82107561a2e7e012e2c244e302f7936a273209cc90a11a38b1d7b04416c685"
    "3bdd35fdedef4b3f03c08460a654cbfe7661a50896dbca74c66727472edb9b9609126dd91bddf2308e01bfb62242d643"
    "1d7f38cc47875c7482f48295b6849e60350a9bb193ed8a238915f6b822886b67b9c48538f71afd192079108486301091"
    "0d57ba966b492e348285e12f38d6df38c2778eb4285dd3187bc5e8ef0f89de41a6077797702426ab3b5622c74fb7a988"
    "f1";

/* #{auto_id => 3, entries => #{1 => #{title => <<"x">>}, 2 => ..}}: old name, no struct, no date, no id. */
static const char book_auto_id[] =
    "8374000000026400076175746f5f69646103640007656e74726965737400000002610174000000016400057469746c65"
    "6d00000001786102740000000364000464617465740000000564000a5f5f7374727563745f5f64000b456c697869722e"
    "4461746564000863616c656e646172640013456c697869722e43616c656e6461722e49534f6400036461796114640005"
    "6d6f6e7468610c6400047965617262000007e7640002696461026400057469746c656d0000000853686f7070696e67";

/* 40 entries #{id => I, date => I rem 3}: a map so large that a BEAM writes it in the order of its hash. */
static const char book_large[] =
    "83740000000364000a5f5f7374727563745f5f640010456c697869722e546f646f2e4c697374640007656e7472696573"
    "74000000286121740000000264000464617465610064000269646121610c740000000264000464617465610064000269"
    "64610c6117740000000264000464617465610264000269646117611d7400000002640004646174656102640002696461"
    "1d611e74000000026400046461746561006400026964611e612774000000026400046461746561006400026964612761"
    "1a74000000026400046461746561026400026964611a611f74000000026400046461746561016400026964611f610b74"
    "000000026400046461746561026400026964610b61257400000002640004646174656101640002696461256109740000"
    "000264000464617465610064000269646109612074000000026400046461746561026400026964612061227400000002"
    "640004646174656101640002696461226119740000000264000464617465610164000269646119611c74000000026400"
    "046461746561016400026964611c61067400000002640004646174656100640002696461066126740000000264000464"
    "617465610264000269646126610d74000000026400046461746561016400026964610d61287400000002640004646174"
    "656101640002696461286114740000000264000464617465610264000269646114610f74000000026400046461746561"
    "006400026964610f610e74000000026400046461746561026400026964610e6102740000000264000464617465610264"
    "000269646102610774000000026400046461746561016400026964610761017400000002640004646174656101640002"
    "696461016108740000000264000464617465610264000269646108610374000000026400046461746561006400026964"
    "610361117400000002640004646174656102640002696461116116740000000264000464617465610164000269646116"
    "611574000000026400046461746561006400026964611561047400000002640004646174656101640002696461046124"
    "7400000002640004646174656100640002696461246118740000000264000464617465610064000269646118610a7400"
    "0000026400046461746561016400026964610a6123740000000264000464617465610264000269646123611b74000000"
    "026400046461746561006400026964611b61137400000002640004646174656101640002696461136105740000000264"
    "000464617465610264000269646105611274000000026400046461746561006400026964611261107400000002640004"
    "646174656101640002696461106400076e6578745f69646129";

static const char book_empty[] =
    "837400000003770a5f5f7374727563745f5f7710456c697869722e546f646f2e4c6973747707656e7472696573740000"
    "000077076e6578745f69646101";

static const char date_2023_12_19[] =
    "83740000000564000a5f5f7374727563745f5f64000b456c697869722e4461746564000863616c656e64617264001345"
    "6c697869722e43616c656e6461722e49534f64000364617961136400056d6f6e7468610c6400047965617262000007e7";

static void read_value(const char *digits, struct todo_list *list)
{
    struct slice value = fake_hex(digits);
    assert_int_equal(list_from_value(value, EXPANDED_MAX, list, NULL), 0);
    fake_free(value);
}

static void assert_written(const struct todo_list *list, const char *digits)
{
    struct buf out = BUF_EMPTY;
    struct slice expected = fake_hex(digits);
    list_write_value(list, slice_of("", 0), &out);
    assert_int_equal(out.size, expected.size);
    assert_memory_equal(out.data, expected.data, expected.size);
    fake_free(expected);
    buf_release(&out);
}

static void assert_round_trip(const char *digits, const char *expected)
{
    struct todo_list list;
    read_value(digits, &list);
    assert_written(&list, expected);
    list_release(&list);
}

static void list_from_value__book__is_written_canonical(void **state)
{
    assert_round_trip(book, book_canonical);
    assert_round_trip(book_canonical, book_canonical);
    assert_round_trip(book_compressed, book_canonical);
    assert_round_trip(book_empty, book_empty);
}

static void list_from_value__book__has_its_entries(void **state)
{
    struct todo_list list;
    struct slice date = fake_hex(date_2023_12_19);
    struct slice term = slice_of(date.data + 1, date.size - 1);
    struct slice first;
    struct slice fourth;
    struct buf out = BUF_EMPTY;
    struct buf expected = BUF_EMPTY;
    read_value(book, &list);
    assert_int_equal(list_size(&list), 3);
    assert_int_equal(list_next_id(&list), 5);
    assert_true(list_get(&list, 1, &first) && list_get(&list, 4, &fourth));
    etf_write_list(&expected, 2);
    etf_write_term(&expected, first);
    etf_write_term(&expected, fourth);
    etf_write_nil(&expected);
    assert_int_equal(list_write_entries(&list, &term, &out), 0);
    assert_true(slice_equal(buf_slice(&out), buf_slice(&expected)));
    fake_free(date);
    buf_release(&out);
    buf_release(&expected);
    list_release(&list);
}

static void list_from_value__nothing__is_an_empty_list(void **state)
{
    struct todo_list list;
    assert_int_equal(list_from_value(slice_of(NULL, 0), EXPANDED_MAX, &list, NULL), 0);
    assert_int_equal(list_size(&list), 0);
    assert_written(&list, book_empty);
    list_release(&list);
}

static void list_from_value__auto_id__is_read(void **state)
{
    struct todo_list list;
    struct slice entry;
    struct slice expected = fake_term("#{id => 1, title => <<\"x\">>}");
    read_value(book_auto_id, &list);
    assert_int_equal(list_size(&list), 2);
    assert_int_equal(list_next_id(&list), 3);
    assert_true(list_get(&list, 1, &entry));
    assert_true(slice_equal(entry, expected));
    fake_free(expected);
    list_release(&list);
}

static void list_from_value__hash_order__is_sorted(void **state)
{
    struct todo_list list;
    struct buf out = BUF_EMPTY;
    struct slice date = fake_term("2");
    struct buf expected = BUF_EMPTY;
    read_value(book_large, &list);
    assert_int_equal(list_size(&list), 40);
    assert_int_equal(list_write_entries(&list, &date, &out), 0);
    etf_write_list(&expected, 13);
    for (unsigned id = 2; id <= 40; id += 3) {
        struct slice entry;
        assert_true(list_get(&list, id, &entry));
        etf_write_term(&expected, entry);
    }
    etf_write_nil(&expected);
    assert_true(slice_equal(buf_slice(&out), buf_slice(&expected)));
    fake_free(date);
    buf_release(&expected);
    buf_release(&out);
    list_release(&list);
}

static int read_text(const char *text, struct todo_list *list)
{
    struct slice term = fake_term(text);
    int rc = list_from_term(term, list);
    fake_free(term);
    return rc;
}

static void list_from_term__next_id_too_low__is_raised(void **state)
{
    struct todo_list list;
    assert_int_equal(read_text("#{next_id => 2, entries => #{7 => #{date => 1}, 5 => #{}}}", &list), 0);
    assert_int_equal(list_next_id(&list), 8);
    list_release(&list);
}

static void list_from_term__ids_in_entries__are_those_of_the_map(void **state)
{
    struct todo_list list;
    struct slice entry;
    struct slice expected = fake_term("#{date => 1, id => 5}");
    assert_int_equal(read_text("#{next_id => 9, entries => #{5 => #{date => 1, id => x}}}", &list), 0);
    assert_true(list_get(&list, 5, &entry));
    assert_true(slice_equal(entry, expected));
    fake_free(expected);
    list_release(&list);
}

static void list_from_term__highest_ids__are_read(void **state)
{
    struct todo_list list;
    assert_int_equal(read_text("#{next_id => 9223372036854775807, entries => #{}}", &list), 0);
    assert_int_equal(list_next_id(&list), INT64_MAX);
    list_release(&list);
    assert_int_equal(read_text("#{next_id => 1, entries => #{9223372036854775806 => #{}}}", &list), 0);
    assert_int_equal(list_next_id(&list), INT64_MAX);
    list_release(&list);
}

static void list_from_term__no_list__is_corrupt(void **state)
{
    static const char *const terms[] = {
        "nil",
        "[]",
        "#{}",
        "{list, 1}",
        "#{next_id => 1}",
        "#{entries => #{}}",
        "#{entries => #{}, next_id => 0}",
        "#{entries => #{}, next_id => -1}",
        "#{entries => #{}, next_id => one}",
        "#{entries => #{}, next_id => [1]}",
        "#{entries => [], next_id => 1}",
        "#{entries => nil, next_id => 1}",
        "#{entries => #{a => #{}}, next_id => 1}",
        "#{entries => #{0 => #{}}, next_id => 1}",
        "#{entries => #{-1 => #{}}, next_id => 1}",
        "#{entries => #{<<\"1\">> => #{}}, next_id => 1}",
        "#{entries => #{9223372036854775807 => #{}}, next_id => 1}",
        "#{entries => #{1 => []}, next_id => 2}",
        "#{entries => #{1 => #{}, 2 => x}, next_id => 2}",
        "#{entries => #{1 => #{}, 1 => #{}}, next_id => 2}",
        "#{entries => #{2 => #{}, 1 => #{}, 2 => #{}}, next_id => 2}",
        "#{entries => #{1 => #{a => 1, a => 2}}, next_id => 2}",
        "#{entries => #{}, next_id => 1, next_id => 1}",
        "#{entries => #{}, next_id => 1, auto_id => 1}",
        "#{entries => #{}, entries => #{}, next_id => 1}",
        "#{entries => #{}, next_id => 1, '__struct__' => 'Elixir.Date'}",
        "#{entries => #{}, next_id => 1, '__struct__' => <<\"Elixir.Todo.List\">>}",
        "#{entries => #{}, next_id => 1, owner => bob}",
        "#{entries => #{}, <<\"next_id\">> => 1}"};
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        struct todo_list list = {.next_id = 99};
        if (read_text(terms[i], &list) != ERR_CORRUPT)
            fail_msg("%s is a list", terms[i]);
        assert_int_equal(list.next_id, 99);
    }
}

/* next_id or an id as 2^63, 2^64, -2^64, 1.0 */
static void list_from_term__hostile_numbers__are_corrupt(void **state)
{
    static const char *const numbers[] = {"6e08000000000000000080", "6e0900000000000000000001",
                                          "6e0901000000000000000001", "463ff0000000000000"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct slice number = fake_hex(numbers[i]);
        for (int as_id = 0; as_id < 2; as_id++) {
            struct todo_list list;
            struct buf term = BUF_EMPTY;
            struct slice checked;
            etf_write_map(&term, 2);
            etf_write_atom(&term, "entries");
            etf_write_map(&term, as_id ? 1 : 0);
            if (as_id) {
                etf_write_term(&term, number);
                etf_write_map(&term, 0);
            }
            etf_write_atom(&term, "next_id");
            if (as_id)
                etf_write_int64(&term, 1);
            else
                etf_write_term(&term, number);
            assert_int_equal(etf_check(buf_slice(&term), LIST_DEPTH_MAX, &checked), 0);
            assert_int_equal(list_from_term(checked, &list), ERR_CORRUPT);
            buf_release(&term);
        }
        fake_free(number);
    }
}

static void list_from_value__every_truncation__is_corrupt(void **state)
{
    struct slice whole = fake_hex(book);
    for (size_t size = 1; size < whole.size; size++) {
        struct todo_list list;
        uint8_t *bytes = memcpy(malloc(size), whole.data, size);
        assert_int_equal(list_from_value(slice_of(bytes, size), EXPANDED_MAX, &list, NULL), ERR_CORRUPT);
        free(bytes);
    }
    fake_free(whole);
}

/* Whatever a byte becomes, the value is refused or is a list that can be written and read again. */
static void list_from_value__every_damaged_byte__is_survived(void **state)
{
    struct slice whole = fake_hex(book_canonical);
    uint8_t *bytes = memcpy(malloc(whole.size), whole.data, whole.size);
    for (size_t i = 0; i < whole.size; i++)
        for (unsigned change = 1; change < 256; change += 6) {
            struct todo_list list;
            bytes[i] ^= (uint8_t)change;
            int rc = list_from_value(slice_of(bytes, whole.size), EXPANDED_MAX, &list, NULL);
            if (rc == 0) {
                struct todo_list again;
                struct buf out = BUF_EMPTY;
                list_write_value(&list, slice_of("", 0), &out);
                assert_int_equal(list_from_value(buf_slice(&out), EXPANDED_MAX, &again, NULL), 0);
                assert_int_equal(list_size(&again), list_size(&list));
                list_release(&again);
                list_release(&list);
                buf_release(&out);
            } else {
                assert_true(rc == ERR_CORRUPT || rc == ERR_TOO_LARGE);
            }
            bytes[i] ^= (uint8_t)change;
        }
    free(bytes);
    fake_free(whole);
}

static void list_from_value__expands_beyond_the_limit__is_too_large(void **state)
{
    struct todo_list list;
    struct slice value = fake_hex(book_compressed);
    assert_int_equal(list_from_value(value, 100, &list, NULL), ERR_TOO_LARGE);
    fake_free(value);
}

static void list_write_value__long_key__carries_the_key(void **state)
{
    struct todo_list list;
    struct todo_list again;
    struct slice rest;
    struct buf key = BUF_EMPTY;
    struct buf out = BUF_EMPTY;
    struct buf read = BUF_EMPTY;
    char text[300];
    memset(text, 'k', sizeof text);
    etf_write_binary(&key, slice_of(text, sizeof text));
    read_value(book, &list);
    list_write_value(&list, buf_slice(&key), &out);
    assert_int_equal(list_from_value(buf_slice(&out), EXPANDED_MAX, &again, &rest), 0);
    assert_int_equal(list_size(&again), 3);
    assert_true(key_trailer_read(rest, &read));
    assert_true(slice_equal(buf_slice(&read), buf_slice(&key)));
    list_release(&list);
    list_release(&again);
    buf_release(&key);
    buf_release(&out);
    buf_release(&read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_from_value__book__is_written_canonical),
        cmocka_unit_test(list_from_value__book__has_its_entries),
        cmocka_unit_test(list_from_value__nothing__is_an_empty_list),
        cmocka_unit_test(list_from_value__auto_id__is_read),
        cmocka_unit_test(list_from_value__hash_order__is_sorted),
        cmocka_unit_test(list_from_term__next_id_too_low__is_raised),
        cmocka_unit_test(list_from_term__ids_in_entries__are_those_of_the_map),
        cmocka_unit_test(list_from_term__highest_ids__are_read),
        cmocka_unit_test(list_from_term__no_list__is_corrupt),
        cmocka_unit_test(list_from_term__hostile_numbers__are_corrupt),
        cmocka_unit_test(list_from_value__every_truncation__is_corrupt),
        cmocka_unit_test(list_from_value__every_damaged_byte__is_survived),
        cmocka_unit_test(list_from_value__expands_beyond_the_limit__is_too_large),
        cmocka_unit_test(list_write_value__long_key__carries_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
