/* Reads clocks and converts units. */
#include "runtime/time_functions.h"

#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <time.h>
#include <uv.h>

static const uint64_t NANOSECONDS = 1000000000; /* of a second: the native unit, as on most systems */

static const struct {
    const char *name;
    uint64_t parts; /* of a second */
} units[] = {
    {"native", 1000000000},
    {"nanosecond", 1000000000},
    {"microsecond", 1000000},
    {"millisecond", 1000},
    {"second", 1},
    {"perf_counter", 1000000000},
    {"nano_seconds", 1000000000},
    {"micro_seconds", 1000000},
    {"milli_seconds", 1000},
    {"seconds", 1},
};

/* A name, or parts per second down to the clock's own. */
static bool read_unit(struct slice term, uint64_t *parts)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (etf_is_atom(term, units[i].name)) {
            *parts = units[i].parts;
            return true;
        }
    }
    return etf_read_uint64(&term, parts) && *parts > 0 && *parts <= NANOSECONDS;
}

static void write_time(struct buf *out, uint64_t nanoseconds, uint64_t parts)
{
    uint64_t seconds = nanoseconds / NANOSECONDS, rest = nanoseconds % NANOSECONDS;
    etf_write_uint64(out, seconds * parts + rest * parts / NANOSECONDS);
}

static uint64_t system_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

static bool system_time_0(struct process *self, const struct slice *arguments, struct buf *out)
{
    etf_write_uint64(out, system_now());
    return true;
}

static bool system_time_1(struct process *self, const struct slice *arguments, struct buf *out)
{
    uint64_t parts;
    if (!read_unit(arguments[0], &parts))
        return false;
    write_time(out, system_now(), parts);
    return true;
}

static bool monotonic_time_0(struct process *self, const struct slice *arguments, struct buf *out)
{
    etf_write_uint64(out, uv_hrtime());
    return true;
}

static bool monotonic_time_1(struct process *self, const struct slice *arguments, struct buf *out)
{
    uint64_t parts;
    if (!read_unit(arguments[0], &parts))
        return false;
    write_time(out, uv_hrtime(), parts);
    return true;
}

void time_write_timestamp(struct buf *out)
{
    uint64_t micro = system_now() / 1000;
    etf_write_tuple(out, 3);
    etf_write_uint64(out, micro / 1000000 / 1000000);
    etf_write_uint64(out, micro / 1000000 % 1000000);
    etf_write_uint64(out, micro % 1000000);
}

static bool timestamp(struct process *self, const struct slice *arguments, struct buf *out)
{
    time_write_timestamp(out);
    return true;
}

static const struct function functions[] = {
    FUNCTION("erlang", "system_time", 0, system_time_0),
    FUNCTION("erlang", "system_time", 1, system_time_1),
    FUNCTION("erlang", "monotonic_time", 0, monotonic_time_0),
    FUNCTION("erlang", "monotonic_time", 1, monotonic_time_1),
    FUNCTION("erlang", "timestamp", 0, timestamp),
    FUNCTION("os", "timestamp", 0, timestamp),
};

const struct function_table time_functions = FUNCTION_TABLE(functions);
