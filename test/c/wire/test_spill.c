/* A stack that moves to the heap when it outgrows its owner's memory. */
#include "wire/spill.h"

#include "unit.h"

#include <stdint.h>
#include <string.h>

enum { ROOM = 3, MANY = 100000 };

static void spill__as_many_as_fit__stay_with_the_owner(void **state)
{
    uint32_t own[ROOM + 1] = {[ROOM] = 0xdeadbeef};
    struct spill spill;
    spill_init(&spill, own, ROOM, sizeof own[0]);
    for (uint32_t i = 0; i < ROOM; i++)
        *(uint32_t *)spill_push(&spill) = i;
    assert_ptr_equal(spill.items, own);
    assert_int_equal(own[ROOM - 1], ROOM - 1);
    spill_push(&spill);
    assert_ptr_not_equal(spill.items, own);
    assert_int_equal(own[ROOM], 0xdeadbeef);
    spill_release(&spill);
}

static void spill__moved__keeps_every_item_in_order(void **state)
{
    struct item {
        uint8_t bytes[3]; /* a size that is no power of two */
    } own[ROOM];
    struct spill spill;
    spill_init(&spill, own, ROOM, sizeof own[0]);
    for (uint32_t i = 0; i < MANY; i++) {
        struct item item = {{(uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16)}};
        *(struct item *)spill_push(&spill) = item;
        assert_memory_equal(spill_top(&spill), &item, sizeof item);
    }
    assert_int_equal(spill.count, MANY);
    assert_true(spill.room >= MANY);
    for (uint32_t i = MANY; i > 0; i--) {
        const struct item *item = spill_top(&spill);
        assert_int_equal(item->bytes[0] | item->bytes[1] << 8 | item->bytes[2] << 16, i - 1);
        spill_pop(&spill);
    }
    assert_int_equal(spill.count, 0);
    spill_release(&spill);
}

static void spill_push_many__beyond_twice_the_room__fits_behind_what_is_there(void **state)
{
    uint64_t own[ROOM];
    struct spill spill;
    spill_init(&spill, own, ROOM, sizeof own[0]);
    *(uint64_t *)spill_push(&spill) = 7;
    uint64_t *many = spill_push_many(&spill, MANY);
    memset(many, 0xff, MANY * sizeof *many); /* a sanitizer sees whether all of it is there */
    assert_ptr_equal(many, (uint64_t *)spill.items + 1);
    assert_int_equal(*(uint64_t *)spill.items, 7);
    assert_int_equal(spill.count, MANY + 1);
    spill_release(&spill);
}

/* As maps of no pairs ask for it. */
static void spill_push_many__none_when_full__does_not_move(void **state)
{
    uint64_t own[1];
    struct spill spill;
    spill_init(&spill, own, 1, sizeof own[0]);
    spill_push(&spill);
    spill_push_many(&spill, 0);
    assert_ptr_equal(spill.items, own);
    assert_int_equal(spill.count, 1);
    spill_release(&spill);
}

static void spill_pop__item__can_be_read_until_the_next_push(void **state)
{
    uint64_t own[ROOM];
    struct spill spill;
    spill_init(&spill, own, ROOM, sizeof own[0]);
    *(uint64_t *)spill_push(&spill) = 1;
    *(uint64_t *)spill_push(&spill) = 2;
    const uint64_t *popped = spill_top(&spill);
    spill_pop(&spill);
    assert_int_equal(*popped, 2);
    assert_int_equal(*(uint64_t *)spill_top(&spill), 1);
    assert_ptr_equal(spill_push(&spill), popped);
    spill_release(&spill);
}

static void spill_release__moved_or_not__frees_what_was_allocated_only(void **state)
{
    for (size_t count = 0; count < 3 * ROOM; count++) {
        uint64_t own[ROOM] = {5, 5, 5};
        struct spill spill;
        spill_init(&spill, own, ROOM, sizeof own[0]);
        spill_push_many(&spill, count);
        spill_release(&spill);
        assert_int_equal(spill.count, 0);
        assert_int_equal(own[0] + own[1] + own[2], 15);
        spill_release(&spill);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spill__as_many_as_fit__stay_with_the_owner),
        cmocka_unit_test(spill__moved__keeps_every_item_in_order),
        cmocka_unit_test(spill_push_many__beyond_twice_the_room__fits_behind_what_is_there),
        cmocka_unit_test(spill_push_many__none_when_full__does_not_move),
        cmocka_unit_test(spill_pop__item__can_be_read_until_the_next_push),
        cmocka_unit_test(spill_release__moved_or_not__frees_what_was_allocated_only),
    };
    return cmocka_run_group_tests_name("spill", tests, NULL, NULL);
}
