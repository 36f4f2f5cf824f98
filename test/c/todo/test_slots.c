/* todo/slots: the array of entries with its holes, against a plain model. */
#include "unit.h"

#include "fake_terms.h"
#include "todo/slots.h"

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

/* Entries of several sizes. */
static struct entry *make_entry(uint64_t id)
{
    struct entry *entry = NULL;
    struct slice term = fake_term(id % 3 == 0 ? "#{date => 1, title => <<\"long\">>}" : "#{date => 1}");
    assert_int_equal(entry_new(term, id, &entry), 0);
    fake_free(term);
    return entry;
}

static void append(struct slots *slots, uint64_t first, uint64_t last)
{
    for (uint64_t id = first; id <= last; id++)
        slots_append_take(slots, make_entry(id));
}

static void assert_removed(struct slots *slots, uint64_t id)
{
    struct entry *entry = slots_remove(slots, id);
    assert_non_null(entry);
    assert_int_equal(entry->id, id);
    entry_free(entry);
}

/* The ids are exactly first, first + step, ... up to last. */
static void assert_walk(const struct slots *slots, uint64_t first, uint64_t last, uint64_t step)
{
    uint32_t at = 0, count = 0;
    size_t bytes = 0;
    for (uint64_t id = first; id <= last; id += step, count++) {
        struct entry *entry = slots_next(slots, &at);
        assert_non_null(entry);
        assert_int_equal(entry->id, id);
        bytes += entry_bytes(entry);
    }
    assert_null(slots_next(slots, &at));
    assert_int_equal(slots_count(slots), count);
    assert_int_equal(slots->array->bytes, bytes);
}

static void slots__empty__finds_nothing(void **state)
{
    struct slots slots = {0};
    uint32_t at = 0;
    assert_int_equal(slots_count(&slots), 0);
    assert_null(slots_find(&slots, 1));
    assert_null(slots_remove(&slots, 1));
    assert_null(slots_next(&slots, &at));
    slots_release(&slots);
}

static void slots__ids_with_gaps__are_found_and_walked(void **state)
{
    struct slots slots = {0};
    for (uint64_t id = 10; id <= 100; id += 10)
        slots_append_take(&slots, make_entry(id));
    assert_walk(&slots, 10, 100, 10);
    assert_int_equal(slots_find(&slots, 50)->id, 50);
    assert_null(slots_find(&slots, 55));
    assert_null(slots_find(&slots, 9));
    assert_null(slots_find(&slots, 101));
    slots_release(&slots);
    assert_int_equal(slots_count(&slots), 0);
}

static void slots__largest_id__is_found_as_entry_and_as_hole(void **state)
{
    struct slots slots = {0};
    append(&slots, 1, 3);
    slots_append_take(&slots, make_entry(INT64_MAX - 1));
    assert_non_null(slots_find(&slots, INT64_MAX - 1));
    assert_removed(&slots, INT64_MAX - 1);
    assert_null(slots_find(&slots, INT64_MAX - 1));
    assert_null(slots_find(&slots, UINT64_MAX));
    assert_walk(&slots, 1, 3, 1);
    slots_release(&slots);
}

static void slots_remove__hole__is_no_entry_any_more(void **state)
{
    struct slots slots = {0};
    append(&slots, 1, 10);
    assert_removed(&slots, 4);
    assert_null(slots_find(&slots, 4));
    assert_null(slots_remove(&slots, 4));
    assert_int_equal(slots_count(&slots), 9);
    assert_int_equal(slots_find(&slots, 5)->id, 5);
    append(&slots, 11, 12);
    assert_int_equal(slots_find(&slots, 12)->id, 12);
    slots_release(&slots);
}

static void slots_remove__half_of_all__closes_the_holes(void **state)
{
    struct slots slots = {0};
    append(&slots, 1, 1000);
    for (uint64_t id = 2; id <= 1000; id += 2)
        assert_removed(&slots, id);
    assert_walk(&slots, 1, 999, 2);
    assert_int_equal(slots.array->holes, 0);
    for (uint64_t id = 1; id <= 997; id += 2)
        assert_removed(&slots, id);
    assert_walk(&slots, 999, 999, 1);
    assert_true(slots.array->room <= 16);
    assert_removed(&slots, 999);
    assert_null(slots.array);
    append(&slots, 1000, 1001);
    assert_walk(&slots, 1000, 1001, 1);
    slots_release(&slots);
}

static void slots_swap_take__present__gives_the_old_one_back(void **state)
{
    struct slots slots = {0};
    append(&slots, 1, 5);
    struct entry *old = slots_find(&slots, 3);
    struct entry *entry = make_entry(3);
    assert_ptr_equal(slots_swap_take(&slots, entry), old);
    assert_ptr_equal(slots_find(&slots, 3), entry);
    entry_free(old);
    struct slice term = fake_term("#{date => 1, title => <<\"longer than before\">>}");
    assert_int_equal(entry_new(term, 4, &entry), 0);
    entry_free(slots_swap_take(&slots, entry));
    fake_free(term);
    assert_walk(&slots, 1, 5, 1);
    slots_release(&slots);
}

static void slots_swap_take__absent__leaves_the_entry_to_its_owner(void **state)
{
    struct slots slots = {0};
    append(&slots, 1, 5);
    struct entry *entry = make_entry(6);
    assert_null(slots_swap_take(&slots, entry));
    entry_free(entry);
    assert_removed(&slots, 2);
    entry = make_entry(2);
    assert_null(slots_swap_take(&slots, entry));
    entry_free(entry);
    slots_release(&slots);
}

static void slots__random_work__is_what_a_plain_array_says(void **state)
{
    enum { IDS = 400 };
    static bool there[IDS];
    struct slots slots = {0};
    unsigned seed = (unsigned)time(NULL), count = 0;
    uint64_t next_id = 1;
    print_message("seed %u\n", seed);
    srand(seed);
    while (next_id < IDS) {
        uint64_t id = (uint64_t)rand() % IDS;
        if (rand() % 5 < 2) {
            there[next_id] = true;
            count++;
            slots_append_take(&slots, make_entry(next_id++));
        } else {
            struct entry *entry = slots_remove(&slots, id);
            assert_int_equal(entry != NULL, there[id]);
            count -= there[id];
            there[id] = false;
            entry_free(entry);
        }
        assert_int_equal(slots_count(&slots), count);
        id = (uint64_t)rand() % IDS;
        assert_int_equal(slots_find(&slots, id) != NULL, there[id]);
    }
    uint32_t at = 0;
    for (uint64_t id = 0; id < IDS; id++) {
        if (there[id])
            assert_int_equal(slots_next(&slots, &at)->id, id);
    }
    assert_null(slots_next(&slots, &at));
    slots_release(&slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots__empty__finds_nothing),
        cmocka_unit_test(slots__ids_with_gaps__are_found_and_walked),
        cmocka_unit_test(slots__largest_id__is_found_as_entry_and_as_hole),
        cmocka_unit_test(slots_remove__hole__is_no_entry_any_more),
        cmocka_unit_test(slots_remove__half_of_all__closes_the_holes),
        cmocka_unit_test(slots_swap_take__present__gives_the_old_one_back),
        cmocka_unit_test(slots_swap_take__absent__leaves_the_entry_to_its_owner),
        cmocka_unit_test(slots__random_work__is_what_a_plain_array_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
