/* todo/dates: the index by date, whatever order entries come and go in. */
#include "unit.h"

#include "fake_terms.h"
#include "todo/dates.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct entry *make_entry(uint64_t id, int date)
{
    char text[64];
    struct entry *entry = NULL;
    snprintf(text, sizeof text, "#{date => %d}", date);
    struct slice term = fake_term(text);
    assert_int_equal(entry_new(term, id, &entry), 0);
    fake_free(term);
    return entry;
}

static struct entry *add(struct dates *dates, uint64_t id, int date)
{
    struct entry *entry = make_entry(id, date);
    dates_add(dates, entry);
    return entry;
}

/* The ids of that date, as text. */
static void assert_date(struct dates *dates, int date, const char *expected)
{
    char text[64], ids[512] = "";
    struct entry *const *entries = NULL;
    snprintf(text, sizeof text, "%d", date);
    struct slice term = fake_term(text);
    uint32_t count = dates_find(dates, term, &entries);
    for (uint32_t i = 0; i < count; i++)
        snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "%llu ", (unsigned long long)entries[i]->id);
    assert_string_equal(ids, expected);
    fake_free(term);
}

static void dates__empty__finds_nothing(void **state)
{
    struct dates *dates = dates_new();
    assert_date(dates, 1, "");
    dates_free(dates);
    dates_free(NULL);
}

static void dates_add__several_dates__each_has_its_own(void **state)
{
    struct dates *dates = dates_new();
    struct entry *entries[] = {add(dates, 1, 7), add(dates, 2, 8), add(dates, 3, 7)};
    assert_date(dates, 7, "1 3 ");
    assert_date(dates, 8, "2 ");
    assert_date(dates, 9, "");
    dates_free(dates);
    for (int i = 0; i < 3; i++)
        entry_free(entries[i]);
}

static void dates_add__old_id_later__is_sorted_when_read(void **state)
{
    struct dates *dates = dates_new();
    struct entry *entries[] = {add(dates, 5, 7), add(dates, 9, 7), add(dates, 2, 7), add(dates, 7, 7)};
    assert_date(dates, 7, "2 5 7 9 ");
    struct entry *more = add(dates, 1, 7);
    assert_date(dates, 7, "1 2 5 7 9 ");
    dates_remove(dates, entries[0]); /* its place is known after the sort too */
    assert_date(dates, 7, "1 2 7 9 ");
    dates_free(dates);
    entry_free(more);
    for (int i = 0; i < 4; i++)
        entry_free(entries[i]);
}

static void dates_add__without_date__is_ignored(void **state)
{
    struct dates *dates = dates_new();
    struct entry *entry = NULL;
    struct slice term = fake_term("#{title => x}");
    assert_int_equal(entry_load(term, 1, &entry), 0);
    dates_add(dates, entry);
    dates_remove(dates, entry);
    assert_date(dates, 1, "");
    fake_free(term);
    entry_free(entry);
    dates_free(dates);
}

static void dates_remove__last_of_a_date__forgets_the_date(void **state)
{
    struct dates *dates = dates_new();
    struct entry *entry = add(dates, 1, 7);
    dates_remove(dates, entry);
    assert_date(dates, 7, "");
    dates_add(dates, entry);
    assert_date(dates, 7, "1 ");
    dates_free(dates);
    entry_free(entry);
}

static void dates_swap__same_date__keeps_the_place(void **state)
{
    struct dates *dates = dates_new();
    struct entry *first = add(dates, 1, 7), *old = add(dates, 2, 7), *last = add(dates, 3, 7);
    struct entry *next = make_entry(2, 7);
    dates_swap(dates, old, next);
    entry_free(old);
    assert_date(dates, 7, "1 2 3 ");
    dates_remove(dates, next);
    assert_date(dates, 7, "1 3 ");
    dates_free(dates);
    entry_free(first);
    entry_free(next);
    entry_free(last);
}

static void dates_swap__other_date__moves(void **state)
{
    struct dates *dates = dates_new();
    struct entry *old = add(dates, 1, 7), *other = add(dates, 2, 8);
    struct entry *next = make_entry(1, 8);
    dates_swap(dates, old, next);
    entry_free(old);
    assert_date(dates, 7, "");
    assert_date(dates, 8, "1 2 ");
    dates_free(dates);
    entry_free(next);
    entry_free(other);
}

static void dates__random_work__is_what_a_search_says(void **state)
{
    enum { IDS = 60, DATES = 5 };
    struct dates *dates = dates_new();
    struct entry *entries[IDS] = {0};
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 4000; round++) {
        int id = rand() % IDS, date = rand() % DATES;
        struct entry *old = entries[id];
        if (old == NULL) {
            entries[id] = add(dates, (uint64_t)id, date);
        } else if (rand() % 2 == 0) {
            dates_remove(dates, old);
            entries[id] = NULL;
            entry_free(old);
        } else {
            entries[id] = make_entry((uint64_t)id, date);
            dates_swap(dates, old, entries[id]);
            entry_free(old);
        }
        char expected[512] = "", text[16];
        date = rand() % DATES;
        snprintf(text, sizeof text, "%d", date);
        struct slice term = fake_term(text);
        for (int i = 0; i < IDS; i++) {
            if (entries[i] != NULL && entry_has_date(entries[i], term))
                snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%d ", i);
        }
        assert_date(dates, date, expected);
        fake_free(term);
    }
    dates_free(dates);
    for (int i = 0; i < IDS; i++)
        entry_free(entries[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates__empty__finds_nothing),
        cmocka_unit_test(dates_add__several_dates__each_has_its_own),
        cmocka_unit_test(dates_add__old_id_later__is_sorted_when_read),
        cmocka_unit_test(dates_add__without_date__is_ignored),
        cmocka_unit_test(dates_remove__last_of_a_date__forgets_the_date),
        cmocka_unit_test(dates_swap__same_date__keeps_the_place),
        cmocka_unit_test(dates_swap__other_date__moves),
        cmocka_unit_test(dates__random_work__is_what_a_search_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
