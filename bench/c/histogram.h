/* How often each duration was measured: log-linear, each value known to 1 %.
 *
 * Values below 2 * HISTOGRAM_STEPS have a bucket each; above, each power of two is divided into
 * HISTOGRAM_STEPS buckets.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_STEP_BITS = 7,
    HISTOGRAM_STEPS = 1 << HISTOGRAM_STEP_BITS,
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_STEP_BITS + 1) * HISTOGRAM_STEPS
};

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS]; /* of the values in each bucket */
    uint64_t total;                     /* of all */
};

void histogram_init(struct histogram *histogram);

/* value: in whatever unit, the same for all. */
void histogram_add(struct histogram *histogram, uint64_t value);

/* The smallest value that at least that share (0 < share <= 1) of all does not exceed; 0 if there is none. */
uint64_t histogram_at(const struct histogram *histogram, double share);

#endif
