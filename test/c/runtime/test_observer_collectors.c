#include "runtime/observer_collectors.h"

#include "runtime/fake_rpc.h"
#include "runtime/registry.h"
#include "runtime/rpc.h"

static void procs_info__few_processes__one_message_and_the_end(void **state)
{
    struct fake *f = *state;
    assert_int_equal(registry_add(fake_probe(f), slice_of_text("probe")), 0);
    fake_probe(f);
    fake_spawn(f, "{observer_backend,procs_info,1}", "[link]", "[<a.5.0>]");
    fake_expect_out(f, &f->a,
                    "{SPAWN_REPLY,#a.7,<a.5.0>,1,<0.4.0>}; {SEND_SENDER,<0.4.0>,<a.5.0>} "
                    "{procs_info,<0.4.0>,[{etop_proc_info,<0.1.0>,%,0,rex,0,{gen_server,receive,2},0},"
                    "{etop_proc_info,<0.2.0>,%,0,probe,0,{probe,receive,2},0},"
                    "{etop_proc_info,<0.3.0>,%,0,{probe,init,1},0,{probe,receive,2},0}]}; "
                    "{PAYLOAD_EXIT,<0.4.0>,<a.5.0>} normal");
}

static const struct process_type quiet = {.module = "quiet", .size = sizeof(struct process)};

/* Frames that have left for a@host since the last look. */
static unsigned count_frames(struct fake *f)
{
    unsigned count = 0;
    struct slice frame;
    fake_run(f);
    frame_feed(&f->a.reader, buf_slice(&f->a.peer->out));
    while (frame_next(&f->a.reader, &frame) == 1)
        count++;
    buf_clear(&f->a.peer->out);
    peer_flushed(f->a.peer, 0);
    return count;
}

static void procs_info__many_processes__wait_until_the_last_message_has_left(void **state)
{
    struct fake *f = *state;
    for (int i = 0; i < 10005; i++)
        process_new(&f->node, &quiet);
    uint32_t before = f->node.process_count;
    fake_spawn(f, "{observer_backend,procs_info,1}", "[link]", "[<a.5.0>]");
    for (int i = 0; i < 3; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->node.process_count, before + 1);
    assert_int_equal(count_frames(f), 2); /* the reply and the first piece */
    while (f->node.process_count > before)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(count_frames(f), 2); /* the second piece and the end */
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void procs_info__collector_dies__it_ends(void **state)
{
    struct fake *f = *state;
    for (int i = 0; i < 10005; i++)
        process_new(&f->node, &quiet);
    uint32_t before = f->node.process_count;
    fake_spawn(f, "{observer_backend,procs_info,1}", "[link]", "[<a.5.0>]");
    fake_down(&f->a);
    fake_run(f);
    assert_int_equal(f->node.process_count, before);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void fetch_stats__time_over__sends_counters(void **state)
{
    struct fake *f = *state;
    fake_spawn(f, "{observer_backend,fetch_stats,2}", "[link]", "[<a.5.0>,10]");
    assert_int_equal(f->node.rpc->wall_time_holders, 1);
    fake_expect_out(f, &f->a, "{SPAWN_REPLY,#a.7,<a.5.0>,1,<0.2.0>}; {MONITOR_P,<0.2.0>,<a.5.0>,#0.1}");
    for (int i = 0; i < 2; i++) {
        while (f->a.peer->out.size == 0)
            uv_run(&f->loop, UV_RUN_ONCE);
        fake_expect_out(f, &f->a,
                        "{SEND_SENDER,<0.2.0>,<a.5.0>} {stats,1,[{1,%,%}],{{input,%},{output,0}},"
                        "[{total,%},{processes,%},{processes_used,%},{system,%},{atom,0},{atom_used,0},"
                        "{binary,0},{code,0},{ets,0}]}");
    }
}

static void fetch_stats__listener_does_not_read__nothing_gathers(void **state)
{
    struct fake *f = *state;
    fake_spawn(f, "{observer_backend,fetch_stats,2}", "[]", "[<a.5.0>,0]");
    size_t waiting = f->a.peer->out.size;
    for (int i = 0; i < 3; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->a.peer->out.size, waiting);
}

static void fetch_stats__any_message__ends_it(void **state)
{
    struct fake *f = *state;
    fake_spawn(f, "{observer_backend,fetch_stats,2}", "[link]", "[<a.5.0>,100000]");
    fake_expect_out(f, &f->a, "{SPAWN_REPLY,#a.7,<a.5.0>,1,<0.2.0>}; {MONITOR_P,<0.2.0>,<a.5.0>,#0.1}");
    fake_in(&f->a, "{SEND,'',<0.2.0>}", "exit");
    fake_expect_out(f, &f->a, "{PAYLOAD_EXIT,<0.2.0>,<a.5.0>} normal; {DEMONITOR_P,<0.2.0>,<a.5.0>,#0.1}");
    assert_int_equal(f->node.rpc->wall_time_holders, 0);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void fetch_stats__connection_lost__ends_it(void **state)
{
    struct fake *f = *state;
    fake_spawn(f, "{observer_backend,fetch_stats,2}", "[]", "[<a.5.0>,100000]");
    fake_down(&f->a);
    fake_run(f);
    assert_int_equal(f->node.process_count, 1);
    assert_int_equal(f->node.rpc->wall_time_holders, 0);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void fetch_stats__listener_that_is_nobody__ends_at_once(void **state)
{
    static const char *const nobodies[] = {"[nobody,100000]", "[{nobody,us@host},100000]", "[#a.1,100000]",
                                           "[{a,b,c},100000]", "[[],100000]"};
    struct fake *f = *state;
    uint32_t before = f->node.process_count;
    for (size_t i = 0; i < sizeof nobodies / sizeof *nobodies; i++)
        fake_spawn(f, "{observer_backend,fetch_stats,2}", "[]", nobodies[i]);
    fake_run(f);
    assert_int_equal(f->node.process_count, before);
    assert_int_equal(f->node.rpc->wall_time_holders, 0);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void fetch_stats__no_time__badarg(void **state)
{
    fake_expect_apply(*state, "observer_backend", "fetch_stats", "[rex,x]",
                      "error badarg [{observer_backend,fetch_stats,[rex,x],"
                      "[{error_info,#{module=>erl_erts_errors}}]}]");
}

static void etop_collect__twice__wall_time_is_counted_until_the_collector_ends(void **state)
{
    struct fake *f = *state;
    struct process *collector = fake_probe(f);
    fake_expect_apply(f, "observer_backend", "etop_collect", "[<0.2.0>]", "return ok");
    fake_expect(f, 1,
                "{<0.3.0>,{etop_info,{%,%,%},2,undefined,undefined,0,[],"
                "[{total,%},{processes,%},{ets,0},{atom,0},{code,0},{binary,0}],"
                "[{etop_proc_info,<0.1.0>,%,0,rex,0,{gen_server,receive,2},0},"
                "{etop_proc_info,<0.2.0>,%,0,{probe,init,1},0,{probe,receive,2},0}]}}");
    assert_int_equal(f->node.rpc->wall_time_holders, 1);
    fake_expect_apply(f, "observer_backend", "etop_collect", "[<0.2.0>]", "return ok");
    assert_int_equal(f->node.rpc->wall_time_holders, 1);
    assert_int_equal(f->node.process_count, 3);
    fake_exit(collector, "over");
    fake_run(f);
    assert_int_equal(f->node.rpc->wall_time_holders, 0);
    assert_int_equal(f->node.process_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(procs_info__few_processes__one_message_and_the_end),
        FAKE_RPC_TEST(procs_info__many_processes__wait_until_the_last_message_has_left),
        FAKE_RPC_TEST(procs_info__collector_dies__it_ends),
        FAKE_RPC_TEST(fetch_stats__time_over__sends_counters),
        FAKE_RPC_TEST(fetch_stats__listener_does_not_read__nothing_gathers),
        FAKE_RPC_TEST(fetch_stats__any_message__ends_it),
        FAKE_RPC_TEST(fetch_stats__connection_lost__ends_it),
        FAKE_RPC_TEST(fetch_stats__listener_that_is_nobody__ends_at_once),
        FAKE_RPC_TEST(fetch_stats__no_time__badarg),
        FAKE_RPC_TEST(etop_collect__twice__wall_time_is_counted_until_the_collector_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
