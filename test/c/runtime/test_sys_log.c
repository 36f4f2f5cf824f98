/* The log of events: its bounds, and its form in get_status against sys.erl's own queue. */
#include "unit.h"

#include "base/mem.h"
#include "runtime/fake_text.h"
#include "runtime/sys_log.h"
#include "wire/etf_write.h"

#include <stdio.h>

static void put(struct sys_log *log, uint64_t number)
{
    struct buf event = BUF_EMPTY;
    etf_write_uint64(&event, number);
    sys_log_put(log, buf_slice(&event));
    buf_release(&event);
}

static void expect_term(struct buf *term, const char *expected)
{
    struct buf text = BUF_EMPTY;
    fake_render(&text, buf_slice(term));
    buf_append_u8(&text, '\0');
    assert_string_equal((const char *)text.data, expected);
    buf_release(&text);
    buf_release(term);
}

static void expect_events(const struct sys_log *log, const char *expected)
{
    struct buf term = BUF_EMPTY;
    sys_log_write(log, &term);
    expect_term(&term, expected);
}

static void sys_log__none_or_empty__has_no_events(void **state)
{
    struct sys_log *log = sys_log_new(3);
    expect_events(NULL, "[]");
    expect_events(log, "[]");
    sys_log_free(log);
    sys_log_free(NULL);
}

static void sys_log_put__full__drops_the_oldest(void **state)
{
    struct sys_log *log = sys_log_new(3);
    put(log, 1);
    put(log, 2);
    expect_events(log, "[1,2]");
    put(log, 3);
    put(log, 4);
    put(log, 5);
    expect_events(log, "[3,4,5]");
    sys_log_free(log);
}

#define E(n) "{" #n ",name,fun gen_server:print_event/3}"

/* As OTP 25 shows it after each event. */
static void sys_log_write_option__after_each_event__is_the_queue_of_sys(void **state)
{
    static const char *const expected[] = {
        "[3]",
        "[2," E(1) "]",
        "[1," E(2) "," E(1) "]",
        "[[" E(3) "," E(2) "," E(1) "]]",
        "[[]," E(2) "," E(3) "," E(4) "]",
        "[[" E(5) "]," E(3) "," E(4) "]",
        "[[" E(6) "," E(5) "]," E(4) "]",
        "[[" E(7) "," E(6) "," E(5) "]]",
        "[[]," E(6) "," E(7) "," E(8) "]",
    };
    struct sys_log *log = sys_log_new(3);
    struct buf name = BUF_EMPTY;
    etf_write_atom(&name, "name");
    for (unsigned i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct buf term = BUF_EMPTY;
        sys_log_write_option(log, buf_slice(&name), &term);
        expect_term(&term, expected[i]);
        put(log, i + 1);
    }
    buf_release(&name);
    sys_log_free(log);
}

static void count_one(void *ctx, struct slice event)
{
    ++*(unsigned *)ctx;
}

static unsigned count_events(const struct sys_log *log)
{
    unsigned count = 0;
    sys_log_each(log, count_one, &count);
    return count;
}

static void sys_log_put__beyond_the_bounds__keeps_the_newest(void **state)
{
    struct sys_log *log = sys_log_new(UINT64_MAX);
    for (unsigned i = 0; i < SYS_LOG_EVENTS_MAX + 5; i++)
        put(log, i);
    assert_int_equal(count_events(log), SYS_LOG_EVENTS_MAX);
    size_t size = SYS_LOG_BYTES_MAX / 2;
    uint8_t *bytes = mem_zalloc(SYS_LOG_BYTES_MAX + 1);
    for (unsigned i = 0; i < 3; i++) {
        sys_log_put(log, slice_of(bytes, size));
        assert_true(count_events(log) > 0);
    }
    assert_int_equal(count_events(log), 2);
    sys_log_put(log, slice_of(bytes, SYS_LOG_BYTES_MAX + 1));
    assert_int_equal(count_events(log), 1);
    put(log, 7);
    expect_events(log, "[7]");
    mem_free(bytes);
    sys_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sys_log__none_or_empty__has_no_events),
        cmocka_unit_test(sys_log_put__full__drops_the_oldest),
        cmocka_unit_test(sys_log_write_option__after_each_event__is_the_queue_of_sys),
        cmocka_unit_test(sys_log_put__beyond_the_bounds__keeps_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
