/* The table of monitors, compared with a plain array. */
#include "held.h"

#include "base/buf.h"
#include "unit.h"
#include "wire/etf_write.h"
#include "wire/pid.h"

#include <stdio.h>
#include <stdlib.h>

enum { REFS = 300, STEPS = 20000 };

static struct buf node, pid;

static int make_terms(void **state)
{
    etf_write_atom(&node, "a@b");
    const struct pid parts = {.node = buf_slice(&node), .id = 7, .creation = 9};
    pid_write(&pid, &parts);
    return 0;
}

static int release_terms(void **state)
{
    buf_release(&node);
    buf_release(&pid);
    return 0;
}

/* Of 1 to 5 words, all different. */
static struct slice make_ref(struct buf *out, uint32_t number)
{
    const struct ref ref = {
        .node = buf_slice(&node), .creation = 9, .words = 1 + number % REF_WORDS_MAX, .word = {number}};
    buf_clear(out);
    ref_write(out, &ref);
    return buf_slice(out);
}

static void remove__not_held__false(void **state)
{
    struct held held = HELD_EMPTY;
    struct buf ref = BUF_EMPTY;
    assert_false(held_remove(&held, make_ref(&ref, 1)));
    held_add(&held, make_ref(&ref, 1), buf_slice(&pid), buf_slice(&pid));
    assert_false(held_remove(&held, make_ref(&ref, 2)));
    assert_int_equal(held.count, 1);
    buf_release(&ref);
    held_release(&held);
}

static void add__twice__held_once(void **state)
{
    struct held held = HELD_EMPTY;
    struct buf ref = BUF_EMPTY;
    held_add(&held, make_ref(&ref, 3), buf_slice(&pid), buf_slice(&node));
    held_add(&held, make_ref(&ref, 3), buf_slice(&pid), buf_slice(&node));
    assert_int_equal(held.count, 1);
    assert_true(held_remove(&held, make_ref(&ref, 3)));
    assert_false(held_remove(&held, make_ref(&ref, 3)));
    buf_release(&ref);
    held_release(&held);
}

static void any_order__compared_with_an_array__the_same(void **state)
{
    const char *text = getenv("SEED");
    unsigned seed = text != NULL ? (unsigned)strtoul(text, NULL, 10) : (unsigned)(uintptr_t)&text >> 4;
    struct held held = HELD_EMPTY;
    struct buf ref = BUF_EMPTY;
    bool model[REFS] = {false};
    size_t count = 0;
    printf("SEED=%u\n", seed);
    for (int i = 0; i < STEPS; i++) {
        uint32_t number = (uint32_t)rand_r(&seed) % REFS;
        struct slice term = make_ref(&ref, number);
        if (rand_r(&seed) % 2 == 0) {
            held_add(&held, term, buf_slice(&pid), buf_slice(&pid));
            count += !model[number];
            model[number] = true;
        } else {
            assert_int_equal(held_remove(&held, term), model[number]);
            count -= model[number];
            model[number] = false;
        }
        assert_int_equal(held.count, count);
    }
    for (uint32_t number = 0; number < REFS; number++)
        assert_int_equal(held_remove(&held, make_ref(&ref, number)), model[number]);
    buf_release(&ref);
    held_release(&held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remove__not_held__false),
        cmocka_unit_test(add__twice__held_once),
        cmocka_unit_test(any_order__compared_with_an_array__the_same),
    };
    return cmocka_run_group_tests(tests, make_terms, release_terms);
}
