#include "runtime/appmon_info.h"

#include "runtime/fake_rpc.h"
#include "runtime/registry.h"

#include <stdio.h>

/* appmon_info is <0.4.0>; what was sent for that has been looked at. */
static void start(struct fake *f)
{
    fake_top(f);
    fake_spawn(f, "{appmon_info,start_link2,3}", "[]", "[<a.5.0>,<a.6.0>,[]]");
    fake_expect_out(f, &f->a, "{SPAWN_REPLY,#a.7,<a.5.0>,0,<0.3.0>}; {LINK,<0.4.0>,<a.6.0>}");
}

static void cast(struct fake *f, const char *request)
{
    char message[300];
    snprintf(message, sizeof message, "{'$gen_cast',%s}", request);
    fake_in(&f->a, "{SEND,'',<0.4.0>}", message);
}

static void start_link2__twice__the_same(void **state)
{
    struct fake *f = *state;
    start(f);
    fake_expect_apply(f, "appmon_info", "start_link2", "[<b.5.0>,<b.5.0>,[]]", "return {ok,<0.4.0>}");
    fake_expect_out(f, &f->b, "{LINK,<0.4.0>,<b.5.0>}");
    fake_expect_apply(f, "appmon_info", "start_link2", "[x,<b.5.0>,[]]",
                      "error badarg [{appmon_info,start_link2,[x,<b.5.0>,[]],"
                      "[{error_info,#{module=>erl_erts_errors}}]}]");
}

static void app_ctrl__applications__are_delivered_once(void **state)
{
    struct fake *f = *state;
    start(f);
    cast(f, "{<a.6.0>,app_ctrl,us@host,true,[{timeout,100}]}");
    fake_expect_out(f, &f->a,
                    "{SEND_SENDER,<0.4.0>,<a.6.0>} "
                    "{delivery,<0.4.0>,app_ctrl,us@host,[{<0.2.0>,todo,{todo,\"Lists\",\"1.2.3\"}}]}");
    for (int i = 0; i < 2; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    fake_expect_out(f, &f->a, "");
    fake_exit(registry_find(&f->node, slice_of_text("top")), "over");
    while (f->a.peer->out.size == 0)
        uv_run(&f->loop, UV_RUN_ONCE);
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.4.0>,<a.6.0>} {delivery,<0.4.0>,app_ctrl,us@host,[]}");
}

static void app__tree_of_the_application__or_nothing_of_others(void **state)
{
    struct fake *f = *state;
    start(f);
    cast(f, "{<a.6.0>,app,todo,true,[{timeout,at_most_once}]}");
    cast(f, "{<a.6.0>,app,kernel,true,[{timeout,at_most_once}]}");
    fake_expect_out(f, &f->a,
                    "{SEND_SENDER,<0.4.0>,<a.6.0>} "
                    "{delivery,<0.4.0>,app,todo,{\"top\",[{<0.2.0>,\"top\"}],[],[]}}; "
                    "{SEND_SENDER,<0.4.0>,<a.6.0>} {delivery,<0.4.0>,app,kernel,{[],[],[],[]}}");
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void task__switched_off__is_done_no_more(void **state)
{
    struct fake *f = *state;
    start(f);
    cast(f, "{<a.6.0>,app_ctrl,x,true,[]}");
    cast(f, "{<a.6.0>,app_ctrl,x,false,[]}");
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void task__of_another_process__is_linked_to_as_well(void **state)
{
    struct fake *f = *state;
    start(f);
    cast(f, "{<a.9.0>,load,x,true,[]}");
    cast(f, "{x,app,todo,true,[]}");
    fake_expect_out(f, &f->a, "");
    cast(f, "{<a.9.0>,app,kernel,true,[]}");
    fake_expect_out(f, &f->a,
                    "{LINK,<0.4.0>,<a.9.0>}; {SEND_SENDER,<0.4.0>,<a.9.0>} "
                    "{delivery,<0.4.0>,app,kernel,{[],[],[],[]}}");
    fake_in(&f->a, "{PAYLOAD_EXIT,<a.9.0>,<0.4.0>}", "over");
    fake_run(f);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_non_null(registry_find(&f->node, slice_of_text(APPMON_NAME)));
}

static void client_that_has_ended_here__is_none(void **state)
{
    struct fake *f = *state;
    start(f);
    fake_in(&f->a, "{SEND,'',<0.4.0>}", "{'$gen_call',{<a.5.0>,#a.8},{register_client,<0.77.0>}}");
    fake_down(&f->a);
    fake_run(f);
    assert_null(registry_find(&f->node, slice_of_text(APPMON_NAME)));
}

static void last_client_gone__it_ends(void **state)
{
    struct fake *f = *state;
    start(f);
    cast(f, "{<a.6.0>,app_ctrl,x,true,[]}");
    fake_down(&f->a);
    fake_run(f);
    assert_null(registry_find(&f->node, slice_of_text(APPMON_NAME)));
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void more_tasks_than_there_may_be__are_ignored(void **state)
{
    struct fake *f = *state;
    char request[100];
    start(f);
    for (int i = 0; i < 100; i++) {
        snprintf(request, sizeof request, "{<a.6.0>,app,%d,true,[]}", i);
        cast(f, request);
    }
    buf_clear(&f->a.peer->out);
    peer_flushed(f->a.peer, 0);
    cast(f, "{<a.6.0>,app,more,true,[]}");
    fake_expect_out(f, &f->a, "");
}

static void register_client__is_ok(void **state)
{
    struct fake *f = *state;
    start(f);
    fake_in(&f->a, "{SEND,'',<0.4.0>}", "{'$gen_call',{<a.5.0>,#a.9},{register_client,<a.6.0>}}");
    fake_in(&f->a, "{SEND,'',<0.4.0>}", "{system,{<a.5.0>,#a.9},get_state}");
    fake_expect_out(f, &f->a,
                    "{SEND_SENDER,<0.4.0>,<a.5.0>} {#a.9,ok}; "
                    "{SEND_SENDER,<0.4.0>,<a.5.0>} {#a.9,[<a.6.0>]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(start_link2__twice__the_same),
        FAKE_RPC_TEST(app_ctrl__applications__are_delivered_once),
        FAKE_RPC_TEST(app__tree_of_the_application__or_nothing_of_others),
        FAKE_RPC_TEST(task__switched_off__is_done_no_more),
        FAKE_RPC_TEST(task__of_another_process__is_linked_to_as_well),
        FAKE_RPC_TEST(client_that_has_ended_here__is_none),
        FAKE_RPC_TEST(last_client_gone__it_ends),
        FAKE_RPC_TEST(more_tasks_than_there_may_be__are_ignored),
        FAKE_RPC_TEST(register_client__is_ok),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
