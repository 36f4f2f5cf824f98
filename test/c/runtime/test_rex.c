#include "runtime/rex.h"

#include "runtime/fake_rpc.h"
#include "runtime/gen_server.h"
#include "runtime/registry.h"

static void rex__calls_and_casts__are_answered_as_otp_does(void **state)
{
    struct fake *f = *state;
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}",
            "{'$gen_call',{<a.5.0>,#a.9},{block_call,foo,bar,[],<a.1.0>}}");
    fake_expect_out(f, &f->a,
                    "{SEND_SENDER,<0.1.0>,<a.5.0>} {#a.9,{badrpc,{'EXIT',{undef,[{foo,bar,[],[]}]}}}}");
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}",
            "{'$gen_call',{<a.5.0>,#a.9},{call,erlang,exit,[x],<a.1.0>}}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {#a.9,{badrpc,{'EXIT',x}}}");
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}", "{'$gen_cast',{cast,foo,bar,[],<a.1.0>}}");
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}", "{'$gen_call',{<a.5.0>,#a.9},stop}");
    fake_expect_out(f, &f->a, "");
}

static void rex__messages__are_answered_as_otp_does(void **state)
{
    struct fake *f = *state;
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}", "{<a.5.0>,features_request}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {features_reply,us@host,[erpc]}");
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}", "{<a.5.0>,{call,erlang,node,[],user}}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {rex,us@host}");
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}", "{<a.5.0>,{sbcast,nobody,x}}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {rex,us@host,{nonexisting_name,nobody}}");
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}", "{<a.5.0>,whatever}");
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}", "whatever");
    fake_expect_out(f, &f->a, "");
    assert_int_equal(f->node.bad_messages, 2);
}

static void rex__sbcast_and_send__reach_the_named(void **state)
{
    struct fake *f = *state;
    struct process *probe = fake_probe(f);
    assert_int_equal(registry_add(probe, slice_of_text("probe")), 0);
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}", "{<a.5.0>,{sbcast,probe,{x}}}");
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}", "{<a.5.0>,{send,probe,{y}}}");
    fake_expect(f, 1, "{x} {<a.5.0>,{y}}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {rex,us@host,us@host}");
}

static void rex__function_that_takes_longer__is_undef(void **state)
{
    struct fake *f = *state;
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}", "{<a.5.0>,{call,sys,get_state,[rex],user}}");
    fake_expect_out(f, &f->a,
                    "{SEND_SENDER,<0.1.0>,<a.5.0>} "
                    "{rex,{badrpc,{'EXIT',{undef,[{sys,get_state,[rex],[]}]}}}}");
}

static void rex__function_that_sends__its_messages_come_first(void **state)
{
    struct fake *f = *state;
    struct process *probe = fake_probe(f);
    assert_int_equal(registry_add(probe, slice_of_text("probe")), 0);
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}",
            "{'$gen_call',{<a.5.0>,#a.9},{block_call,observer_backend,etop_collect,[probe],<a.1.0>}}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {#a.9,ok}");
    fake_expect(f, 1,
                "{<0.1.0>,{etop_info,{%,%,%},1,undefined,undefined,0,[],"
                "[{total,%},{processes,%},{ets,0},{atom,0},{code,0},{binary,0}],"
                "[{etop_proc_info,<0.2.0>,%,0,probe,0,{probe,receive,2},0}]}}");
}

/* Whoever makes such calls without end must not make us keep them. */
static void rex__fast_call_that_it_does_not_know__is_not_kept(void **state)
{
    struct fake *f = *state;
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',rex}", "{'$todo_call',{<a.5.0>,[alias|#a.9]},whatever}");
    fake_run(f);
    fake_down(&f->a);
    const struct gen_server *rex = (const struct gen_server *)registry_find(&f->node, slice_of_text("rex"));
    assert_null(rex->owed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(rex__calls_and_casts__are_answered_as_otp_does),
        FAKE_RPC_TEST(rex__messages__are_answered_as_otp_does),
        FAKE_RPC_TEST(rex__sbcast_and_send__reach_the_named),
        FAKE_RPC_TEST(rex__function_that_takes_longer__is_undef),
        FAKE_RPC_TEST(rex__function_that_sends__its_messages_come_first),
        FAKE_RPC_TEST(rex__fast_call_that_it_does_not_know__is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
