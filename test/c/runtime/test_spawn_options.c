/* Options of a spawn request; what a BEAM takes of them is compared in rpc_SUITE. */
#include "runtime/spawn_options.h"

#include "runtime/fake_text.h"
#include "unit.h"

#include <stdio.h>

/* "l" link, "m" monitor, "badopt" */
static void expect(const char *term, const char *expected)
{
    struct buf bytes = BUF_EMPTY;
    struct spawn_options options = {false, false};
    fake_write(&bytes, term);
    bool good = spawn_options_read(buf_slice(&bytes), &options);
    char text[8];
    snprintf(text, sizeof text, "%s%s", options.link ? "l" : "", options.monitor ? "m" : "");
    assert_string_equal(good ? text : "badopt", expected);
    buf_release(&bytes);
}

static void options_read__link_and_monitor__are_told(void **state)
{
    expect("[]", "");
    expect("[link]", "l");
    expect("[monitor]", "m");
    expect("[monitor,link,monitor]", "lm");
    expect("[{monitor,[]}]", "m");
    expect("[{monitor,[{tag,x},{alias,demonitor}]},link]", "lm");
}

static void options_read__others_of_a_beam__have_no_effect(void **state)
{
    expect("[{priority,low},{message_queue_data,off_heap},{scheduler,1},link]", "l");
    expect("[{min_heap_size,1000},{max_heap_size,1000},{fullsweep_after,0},{min_bin_vheap_size,0}]", "");
    expect("[{max_heap_size,0}]", "");
}

static void options_read__anything_else__badopt(void **state)
{
    static const char *const bad[] = {
        "[foo]",
        "[monitor,foo]",
        "\"ab\"",
        "[{link,true}]",
        "[{priority,none}]",
        "[{priority,high,x}]",
        "[{monitor,x}]",
        "[{monitor,[x]}]",
        "[{monitor,[{alias,x}]}]",
        "[{monitor,[{tag,x}|y]}]",
        "[{max_heap_size,100}]",
        "[{max_heap_size,x}]",
        "[{max_heap_size,1000},{min_heap_size,2000}]",
        "[{min_heap_size,-1}]",
        "[{fullsweep_after,-1}]",
        "[{scheduler,2}]",
        "[{message_queue_data,mixed}]",
        "[{reply,no}]",
        "[{reply_tag,x}]",
        "[[]]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(bad[i], "badopt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_read__link_and_monitor__are_told),
        cmocka_unit_test(options_read__others_of_a_beam__have_no_effect),
        cmocka_unit_test(options_read__anything_else__badopt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
