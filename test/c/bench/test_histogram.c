/* Durations to buckets and back. */
#include "histogram.h"

#include "base/mem.h"
#include "unit.h"

#include <stdlib.h>

static struct histogram *histogram_new(void)
{
    struct histogram *histogram = mem_alloc(sizeof *histogram);
    histogram_init(histogram);
    return histogram;
}

/* What a histogram of this one value says it is. */
static uint64_t read_back(uint64_t value)
{
    struct histogram *histogram = histogram_new();
    histogram_add(histogram, value);
    uint64_t read = histogram_at(histogram, 0.5);
    mem_free(histogram);
    return read;
}

static void at__empty__zero(void **state)
{
    struct histogram *histogram = histogram_new();
    assert_int_equal(histogram_at(histogram, 0.5), 0);
    mem_free(histogram);
}

static void at__small_values__exact(void **state)
{
    for (uint64_t value = 0; value < 2 * HISTOGRAM_STEPS; value++)
        assert_int_equal(read_back(value), value);
}

static void at__any_value__within_one_percent(void **state)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        for (uint64_t offset = 0; offset < 5; offset++) {
            uint64_t value = ((uint64_t)1 << bit) + (((uint64_t)1 << bit) / 5) * offset - (offset == 4);
            uint64_t read = read_back(value), off = read > value ? read - value : value - read;
            assert_true(off <= value / 100);
        }
    }
    assert_true(UINT64_MAX - read_back(UINT64_MAX) <= UINT64_MAX / 100);
}

static void at__thousand_values__their_percentiles(void **state)
{
    struct histogram *histogram = histogram_new();
    for (uint64_t value = 1000; value > 0; value--)
        histogram_add(histogram, value);
    assert_int_equal(histogram->total, 1000);
    assert_int_equal(histogram_at(histogram, 0.001), 1);
    assert_int_equal(histogram_at(histogram, 0.1), 100);
    assert_in_range(histogram_at(histogram, 0.5), 495, 505);
    assert_in_range(histogram_at(histogram, 0.99), 981, 999);
    assert_in_range(histogram_at(histogram, 1), 990, 1010);
    mem_free(histogram);
}

static void at__one_outlier__only_in_the_last_thousandth(void **state)
{
    struct histogram *histogram = histogram_new();
    for (int i = 0; i < 999; i++)
        histogram_add(histogram, 10);
    histogram_add(histogram, 1000000);
    assert_int_equal(histogram_at(histogram, 0.999), 10);
    assert_in_range(histogram_at(histogram, 0.9999), 990000, 1010000);
    mem_free(histogram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at__empty__zero),
        cmocka_unit_test(at__small_values__exact),
        cmocka_unit_test(at__any_value__within_one_percent),
        cmocka_unit_test(at__thousand_values__their_percentiles),
        cmocka_unit_test(at__one_outlier__only_in_the_last_thousandth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
