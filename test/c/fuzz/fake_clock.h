/* A clock that the input moves, in the place of libuv's for timers and for what time it is. Linked with
 * --wrap for uv_now, uv_timer_start and uv_close. */
#ifndef TEST_C_FUZZ_FAKE_CLOCK_H
#define TEST_C_FUZZ_FAKE_CLOCK_H

#include <stdint.h>

/* No timer, and the same time each time. */
void fake_clock_reset(void);

/* Lets so much time pass and calls the timers that are due, in the order of their times. run: called after
 * each. */
void fake_clock_pass(uint64_t ms, void (*run)(void *ctx), void *ctx);

#endif
