/* todo/entry: canonical maps with their id, and where the date stands in them. */
#include "unit.h"

#include "base/error.h"
#include "base/mem.h"
#include "fake_terms.h"
#include "todo/entry.h"
#include "wire/etf_check.h"

/* Makes the entry of text and compares its bytes with those of expected. */
static void assert_made(struct slice term, uint64_t id, const char *expected)
{
    struct entry *entry;
    struct slice wanted = fake_term(expected);
    assert_int_equal(entry_new(term, id, &entry), 0);
    assert_int_equal(entry->id, id);
    assert_int_equal(entry->size, wanted.size);
    assert_memory_equal(entry->bytes, wanted.data, wanted.size);
    entry_free(entry);
    fake_free(wanted);
}

static void assert_made_of(const char *text, uint64_t id, const char *expected)
{
    struct slice term = fake_term(text);
    assert_made(term, id, expected);
    fake_free(term);
}

static void assert_refused(const char *text, int code)
{
    struct slice term = fake_term(text);
    struct entry *entry = NULL;
    assert_int_equal(entry_new(term, 1, &entry), code);
    assert_null(entry);
    fake_free(term);
}

static void entry_new__no_id__is_inserted_in_key_order(void **state)
{
    assert_made_of("#{date => 7}", 1, "#{date => 7, id => 1}");
    assert_made_of("#{date => 7, title => x}", 300, "#{date => 7, id => 300, title => x}");
    assert_made_of("#{zz => 1, date => 7}", 9223372036854775806U,
                   "#{date => 7, id => 9223372036854775806, zz => 1}");
}

static void entry_new__id_supplied__is_overwritten(void **state)
{
    assert_made_of("#{id => 99, date => 7}", 1, "#{date => 7, id => 1}");
    assert_made_of("#{title => x, id => #{a => [1]}, date => 7}", 2, "#{date => 7, id => 2, title => x}");
}

static void entry_new__keys_of_other_types__are_kept(void **state)
{
    assert_made_of(
        "#{<<\"date\">> => 1, date => 2, 5 => five, <<\"id\">> => 6, {id} => 8, \"id\" => 9}", 4,
        "#{5 => five, date => 2, id => 4, {id} => 8, \"id\" => 9, <<\"date\">> => 1, <<\"id\">> => 6}");
}

/* #{date => {2023,12,19}, id => 9} with old Latin-1 atoms, a LARGE_TUPLE, and integers longer than need be.
 */
static void entry_new__old_forms__become_canonical(void **state)
{
    struct slice term = fake_hex("74000000026400026964620000000964000464617465690000000362000007e76200000"
                                 "00c6200000013");
    assert_made(term, 3, "#{date => {2023, 12, 19}, id => 3}");
    fake_free(term);
}

static void entry_new__no_map__is_badarg(void **state)
{
    assert_refused("entry", ERR_BADARG);
    assert_refused("[]", ERR_BADARG);
    assert_refused("[{date, 1}]", ERR_BADARG);
    assert_refused("{date, 1}", ERR_BADARG);
    assert_refused("<<\"date\">>", ERR_BADARG);
}

static void entry_new__equal_keys__is_badarg(void **state)
{
    assert_refused("#{date => 1, date => 1}", ERR_BADARG);
    assert_refused("#{date => 1, id => 1, id => 1}", ERR_BADARG);
    assert_refused("#{date => #{1 => 1, 1 => 2}}", ERR_BADARG);
}

static void entry_new__no_date__is_refused(void **state)
{
    assert_refused("#{}", ERR_NO_DATE);
    assert_refused("#{id => 1, title => date}", ERR_NO_DATE);
    assert_refused("#{<<\"date\">> => 1}", ERR_NO_DATE);
    assert_refused("#{x => #{date => 1}}", ERR_NO_DATE);
}

static void entry_load__no_date__matches_no_date(void **state)
{
    struct entry *entry;
    struct slice term = fake_term("#{title => x}");
    assert_int_equal(entry_load(term, 5, &entry), 0);
    assert_int_equal(entry_date(entry).size, 0);
    assert_false(entry_has_date(entry, slice_of("", 0)));
    entry_free(entry);
    fake_free(term);
}

static void entry_date__any_value__is_its_canonical_bytes(void **state)
{
    static const char *const dates[] = {"nil", "#{a => 1, b => [two]}", "{2023, 12, 19}",
                                        "<<\"2023-12-19\">>", "[]"};
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        struct slice date = fake_term(dates[i]);
        struct buf term = BUF_EMPTY;
        struct entry *entry;
        fake_term_append(&term, "#{aa => bb, title => x, date => x}");
        term.size -= 3; /* the atom x gives way to the date */
        buf_append_slice(&term, date);
        assert_int_equal(entry_new(buf_slice(&term), 70000, &entry), 0);
        assert_true(slice_equal(entry_date(entry), date));
        assert_true(entry_has_date(entry, date));
        assert_false(entry_has_date(entry, slice_of(date.data, date.size - 1)));
        entry_free(entry);
        buf_release(&term);
        fake_free(date);
    }
}

/* What is in canonical form already is not written anew: both ways make the same entry. */
static void entry_new__keys_in_any_order__same_entry(void **state)
{
    static const char *const orders[][2] = {
        {"#{date => {1, 2}}", "#{date => {1, 2}}"},
        {"#{aa => 1, date => {1, 2}}", "#{date => {1, 2}, aa => 1}"},
        {"#{aa => 1, date => {1, 2}, id => 7, title => #{}}",
         "#{title => #{}, id => 7, aa => 1, date => {1, 2}}"},
        {"#{date => {1, 2}, i => 7, ida => 8}", "#{ida => 8, i => 7, date => {1, 2}}"},
        {"#{date => {1, 2}, id => #{b => 1}}", "#{id => #{b => 1}, date => {1, 2}}"},
    };
    static const uint64_t ids[] = {1, 255, 256, INT32_MAX, (uint64_t)INT32_MAX + 1, INT64_MAX};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        for (size_t j = 0; j < sizeof ids / sizeof ids[0]; j++) {
            struct slice date = fake_term("{1, 2}");
            struct entry *made[2];
            for (int order = 0; order < 2; order++) {
                struct slice term = fake_term(orders[i][order]);
                assert_int_equal(entry_new(term, ids[j], &made[order]), 0);
                assert_true(entry_has_date(made[order], date));
                fake_free(term);
            }
            assert_true(slice_equal(entry_term(made[0]), entry_term(made[1])));
            entry_free(made[0]);
            entry_free(made[1]);
            fake_free(date);
        }
    }
}

static void entry_new__deep_value__is_kept(void **state)
{
    enum { DEPTH = 100000 };
    struct buf term = BUF_EMPTY;
    struct slice checked;
    struct entry *entry;
    fake_term_append(&term, "#{date => 1, deep => x}");
    term.size -= 3;
    for (int i = 0; i < DEPTH; i++)
        buf_append(&term, "h\1", 2);
    buf_append(&term, "j", 1);
    assert_int_equal(etf_check(buf_slice(&term), ETF_DEPTH_MAX_DEFAULT, &checked), 0);
    assert_int_equal(entry_new(checked, 1, &entry), 0);
    assert_int_equal(entry->size, term.size + 6);
    entry_free(entry);
    buf_release(&term);
}

static void entry_write_error__codes__are_error_tuples(void **state)
{
    struct buf out = BUF_EMPTY;
    struct slice expected = fake_term("{error, {badarg, no_date}}");
    entry_write_error(&out, ERR_NO_DATE);
    assert_true(slice_equal(buf_slice(&out), expected));
    fake_free(expected);
    expected = fake_term("{error, not_found}");
    buf_clear(&out);
    entry_write_error(&out, ERR_NOT_FOUND);
    assert_true(slice_equal(buf_slice(&out), expected));
    fake_free(expected);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_new__no_id__is_inserted_in_key_order),
        cmocka_unit_test(entry_new__id_supplied__is_overwritten),
        cmocka_unit_test(entry_new__keys_of_other_types__are_kept),
        cmocka_unit_test(entry_new__old_forms__become_canonical),
        cmocka_unit_test(entry_new__no_map__is_badarg),
        cmocka_unit_test(entry_new__equal_keys__is_badarg),
        cmocka_unit_test(entry_new__no_date__is_refused),
        cmocka_unit_test(entry_load__no_date__matches_no_date),
        cmocka_unit_test(entry_date__any_value__is_its_canonical_bytes),
        cmocka_unit_test(entry_new__keys_in_any_order__same_entry),
        cmocka_unit_test(entry_new__deep_value__is_kept),
        cmocka_unit_test(entry_write_error__codes__are_error_tuples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
