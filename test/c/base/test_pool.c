/* The pool: places do not overlap, are used again, and slabs come and go with them. */
#include "base/pool.h"

#include "base/mem.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void zalloc__any_size__is_zero_and_aligned(void **state)
{
    static const uint8_t zeroes[POOL_SIZE_MAX];
    struct pool pool = {0};
    for (int round = 0; round < 2; round++) {
        for (size_t size = 1; size <= POOL_SIZE_MAX; size++) {
            uint8_t *place = pool_zalloc(&pool, size);
            assert_memory_equal(place, zeroes, size);
            assert_int_equal((uintptr_t)place % 16, 0);
            memset(place, 0xff, size);
            pool_free(&pool, place);
        }
    }
    assert_int_equal(pool.slabs, POOL_CLASSES);
    pool_release(&pool);
    assert_int_equal(pool.slabs, 0);
}

static void zalloc_and_free__at_random__nothing_overlaps(void **state)
{
    enum { PLACES = 5000, STEPS = 200000, SIZES = 3 };
    static const size_t sizes[SIZES] = {40, 232, 1000};
    static struct {
        uint8_t *place;
        size_t size;
        uint8_t mark;
    } held[PLACES];
    unsigned seed = (unsigned)time(NULL);
    struct pool pool = {0};
    print_message("seed %u\n", seed);
    srand(seed);
    for (int step = 0; step < STEPS + PLACES; step++) {
        int i = step < STEPS ? rand() % PLACES : step - STEPS;
        if (held[i].place != NULL) {
            for (size_t at = 0; at < held[i].size; at++)
                assert_int_equal(held[i].place[at], held[i].mark);
            pool_free(&pool, held[i].place);
            held[i].place = NULL;
        } else if (step < STEPS) {
            held[i].size = sizes[rand() % SIZES];
            held[i].place = pool_zalloc(&pool, held[i].size);
            held[i].mark = (uint8_t)step;
            memset(held[i].place, held[i].mark, held[i].size);
        }
    }
    assert_int_equal(pool.slabs, SIZES);
    pool_release(&pool);
}

static void zalloc__many__cost_little_more_than_their_size(void **state)
{
    enum { PLACES = 100000, SIZE = 232 };
    struct pool pool = {0};
    uint8_t **places = mem_alloc(PLACES * sizeof *places);
    for (int i = 0; i < PLACES; i++)
        places[i] = pool_zalloc(&pool, SIZE);
    assert_in_range(pool.slabs * 65536, PLACES * SIZE, PLACES * 242);
    for (int i = 0; i < PLACES; i++)
        pool_free(&pool, places[i]);
    assert_int_equal(pool.slabs, 1);
    pool_release(&pool);
    mem_free(places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zalloc__any_size__is_zero_and_aligned),
        cmocka_unit_test(zalloc_and_free__at_random__nothing_overlaps),
        cmocka_unit_test(zalloc__many__cost_little_more_than_their_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
