/* What fake_clock.h promises. Knows timers that go off once. */
#include "fake_clock.h"

#include "fuzz.h"

#include <uv.h>

enum { TIMERS_MAX = 4096 };

static struct {
    uint64_t now;
    struct timer {
        uv_timer_t *handle;
        uv_timer_cb call;
        uint64_t due;
    } timers[TIMERS_MAX];
    size_t count;
} the_clock;

uint64_t __wrap_uv_now(const uv_loop_t *loop);
int __wrap_uv_timer_start(uv_timer_t *handle, uv_timer_cb call, uint64_t timeout_ms, uint64_t repeat_ms);
void __wrap_uv_close(uv_handle_t *handle, uv_close_cb closed);
void __real_uv_close(uv_handle_t *handle, uv_close_cb closed);

uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
    return the_clock.now;
}

int __wrap_uv_timer_start(uv_timer_t *handle, uv_timer_cb call, uint64_t timeout_ms, uint64_t repeat_ms)
{
    FUZZ_CHECK(the_clock.count < TIMERS_MAX && repeat_ms == 0);
    uint64_t due = the_clock.now + timeout_ms;
    the_clock.timers[the_clock.count++] = (struct timer){handle, call, due < timeout_ms ? UINT64_MAX : due};
    return 0;
}

/* Those behind move up: equal times go off in the order they were started. */
static void remove_timer(size_t at)
{
    the_clock.count--;
    memmove(&the_clock.timers[at], &the_clock.timers[at + 1],
            (the_clock.count - at) * sizeof *the_clock.timers);
}

void __wrap_uv_close(uv_handle_t *handle, uv_close_cb closed)
{
    for (size_t i = 0; i < the_clock.count; i++) {
        if ((uv_handle_t *)the_clock.timers[i].handle == handle) {
            remove_timer(i);
            break;
        }
    }
    __real_uv_close(handle, closed);
}

void fake_clock_reset(void)
{
    the_clock.now = 1000000;
    the_clock.count = 0;
}

/* The next one that is due; count: there is none. */
static size_t next_due(uint64_t until)
{
    size_t next = the_clock.count;
    for (size_t i = 0; i < the_clock.count; i++) {
        if (the_clock.timers[i].due <= until &&
            (next == the_clock.count || the_clock.timers[i].due < the_clock.timers[next].due))
            next = i;
    }
    return next;
}

void fake_clock_pass(uint64_t ms, void (*run)(void *ctx), void *ctx)
{
    uint64_t until = the_clock.now + ms;
    size_t at;
    while ((at = next_due(until)) < the_clock.count) {
        struct timer timer = the_clock.timers[at];
        the_clock.now = timer.due;
        remove_timer(at);
        timer.call(timer.handle);
        run(ctx);
    }
    the_clock.now = until;
}
