/* The table: finds what is in it, and no operation costs more the more there is. */
#include "base/table.h"

#include "base/mem.h"
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct record {
    struct table_link link;
    uint32_t number; /* the key */
    bool present;    /* the model's opinion */
    bool seen;       /* by a walk */
};

static struct slice record_key(const struct table_link *link)
{
    const struct record *record = (const struct record *)link;
    return slice_of(&record->number, sizeof record->number);
}

static struct record *find(const struct table *table, uint32_t number)
{
    return TABLE_RECORD(table_find(table, slice_of(&number, sizeof number)), struct record, link);
}

static struct record *make_records(uint32_t count)
{
    struct record *records = mem_zalloc(count * sizeof *records);
    for (uint32_t i = 0; i < count; i++)
        records[i].number = i;
    return records;
}

/* Walks; returns how many were there, each marked. */
static uint32_t walk_all(const struct table *table)
{
    struct table_walk walk = {0};
    struct table_link *link;
    uint32_t count = 0;
    while ((link = table_next(table, &walk)) != NULL) {
        struct record *record = TABLE_RECORD(link, struct record, link);
        assert_false(record->seen);
        record->seen = true;
        count++;
    }
    return count;
}

static void find__empty_table__finds_nothing(void **state)
{
    struct table table;
    struct table_walk walk = {0};
    table_init(&table, record_key);
    assert_null(find(&table, 1));
    assert_null(table_take(&table, slice_of("1", 1)));
    assert_null(table_next(&table, &walk));
    assert_int_equal(table.used, 0);
    table_release(&table);
}

static void add_and_remove__at_random__agree_with_a_model(void **state)
{
    enum { RECORDS = 3000, STEPS = 200000 };
    unsigned seed = (unsigned)time(NULL);
    struct record *records = make_records(RECORDS);
    struct table table;
    uint32_t count = 0;
    table_init(&table, record_key);
    print_message("seed %u\n", seed);
    srand(seed);
    for (int step = 0; step < STEPS; step++) {
        /* waves, so that the table grows and shrinks over several segments */
        uint32_t limit = step / 20000 % 2 == 0 ? RECORDS : 40;
        struct record *record = &records[(uint32_t)rand() % RECORDS];
        assert_ptr_equal(find(&table, record->number), record->present ? record : NULL);
        struct slice key = record_key(&record->link);
        struct record same = {.number = record->number};
        if (record->present && rand() % 2 == 0) {
            assert_ptr_equal(table_add_new(&table, &same.link), &record->link);
            table_remove(&table, &record->link);
        } else if (record->present) {
            assert_ptr_equal(table_take(&table, key), &record->link);
        } else if (record->number < limit && rand() % 2 == 0) {
            table_add(&table, &record->link);
        } else if (record->number < limit) {
            assert_null(table_take(&table, key));
            assert_null(table_add_new(&table, &record->link));
        } else {
            continue;
        }
        count += record->present ? UINT32_MAX : 1;
        record->present = !record->present;
        assert_int_equal(table.count, count);
    }
    assert_int_equal(walk_all(&table), count);
    for (uint32_t i = 0; i < RECORDS; i++)
        assert_int_equal(records[i].seen, records[i].present);
    table_release(&table);
    mem_free(records);
}

/* The longest chain of a table is what one operation may have to move. */
static void add__a_million__each_moves_a_few_records_only(void **state)
{
    enum { RECORDS = 1000000 };
    struct record *records = make_records(RECORDS);
    struct table table;
    uint64_t worst = 0;
    table_init(&table, record_key);
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint64_t before = table.moved;
        table_add(&table, &records[i].link);
        if (table.moved - before > worst)
            worst = table.moved - before;
    }
    assert_in_range(table.used, RECORDS / 2, RECORDS);
    assert_in_range(worst, 1, 30);
    assert_in_range(table.moved, 1, RECORDS);
    for (uint32_t i = 0; i < RECORDS; i++)
        assert_ptr_equal(find(&table, i), &records[i]);
    table_release(&table);
    mem_free(records);
}

static void remove__a_million__gives_the_buckets_back_a_few_at_a_time(void **state)
{
    enum { RECORDS = 1000000 };
    struct record *records = make_records(RECORDS);
    struct table table;
    uint64_t worst = 0;
    table_init(&table, record_key);
    for (uint32_t i = 0; i < RECORDS; i++)
        table_add(&table, &records[i].link);
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint64_t before = table.moved;
        table_remove(&table, &records[i].link);
        if (table.moved - before > worst)
            worst = table.moved - before;
        assert_in_range(table.used, TABLE_BUCKETS_MIN, RECORDS);
    }
    assert_in_range(worst, 1, 60);
    assert_int_equal(table.used, TABLE_BUCKETS_MIN);
    table_release(&table);
    mem_free(records);
}

static void add__again_and_again__moves_nothing_in_a_small_table(void **state)
{
    struct record *records = make_records(TABLE_BUCKETS_MIN);
    struct table table;
    table_init(&table, record_key);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < TABLE_BUCKETS_MIN; i++)
            table_add(&table, &records[i].link);
        for (uint32_t i = 0; i < TABLE_BUCKETS_MIN; i++)
            table_remove(&table, &records[i].link);
    }
    assert_int_equal(table.moved, 0);
    assert_int_equal(table.used, TABLE_BUCKETS_MIN);
    table_release(&table);
    assert_int_equal(table.used, 0);
    mem_free(records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find__empty_table__finds_nothing),
        cmocka_unit_test(add_and_remove__at_random__agree_with_a_model),
        cmocka_unit_test(add__a_million__each_moves_a_few_records_only),
        cmocka_unit_test(remove__a_million__gives_the_buckets_back_a_few_at_a_time),
        cmocka_unit_test(add__again_and_again__moves_nothing_in_a_small_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
