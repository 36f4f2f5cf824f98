#include "runtime/fake_peer.h"

#include "runtime/aliases.h"
#include "runtime/gen_call.h"
#include "runtime/monitors.h"
#include "runtime/registry.h"
#include "wire/etf_read.h"

enum { LONG_MS = 60000, CALLS_MAX = 4 };

/* A server that calls whom the test says; the first process of the test. */
struct caller {
    struct gen_server gen;
    struct fake *f;
    struct gen_call calls[CALLS_MAX];
    bool again; /* done calls once more */
};

static void call(struct fake *f, unsigned number, const char *to, uint32_t timeout_ms);

static const char *const outcomes[] = {"answered", "down", "timeout"};

static void on_done(struct gen_call *done, enum gen_call_outcome outcome, struct slice term)
{
    struct caller *caller = (struct caller *)done->caller;
    fake_event(caller->f, outcomes[outcome], term);
    assert_int_equal(caller->gen.process.running, 1);
    if (!caller->again)
        return;
    caller->again = false;
    call(caller->f, 0, "<a.6.0>", LONG_MS);
}

static int init(struct gen_server *self, const void *argument)
{
    ((struct caller *)self)->f = *(struct fake *const *)argument;
    return 0;
}

/* An echo. */
static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    if (!etf_is_atom(request, "no_answer"))
        gen_server_reply(self, from, request);
}

static void handle_info(struct gen_server *self, struct slice message)
{
    fake_event(((struct caller *)self)->f, "info", message);
}

static const struct gen_server_type type = {
    .process = GEN_SERVER_PROCESS("caller", struct caller),
    .init = init,
    .handle_call = handle_call,
    .handle_info = handle_info,
};

static struct caller *start(struct fake *f, const char *name)
{
    struct gen_server *server;
    assert_int_equal(gen_server_start(&f->node, &type, NULL, name, &f, &server), 0);
    return (struct caller *)server;
}

static void call_with(struct fake *f, unsigned number, const char *to, const char *request, uint32_t ms)
{
    struct caller *caller = (struct caller *)f->node.slots[1].process;
    struct buf term = BUF_EMPTY;
    fake_write(&term, to);
    caller->calls[number].done = on_done;
    fake_write(gen_call_begin(&caller->gen, &caller->calls[number], buf_slice(&term), ms), request);
    gen_call_end(&caller->gen);
    buf_release(&term);
}

static void call(struct fake *f, unsigned number, const char *to, uint32_t timeout_ms)
{
    call_with(f, number, to, "ask", timeout_ms);
}

/* Nothing of a call is left. */
static void expect_nothing_left(struct fake *f)
{
    assert_int_equal(f->node.monitors.count, 0);
    assert_int_equal(f->node.aliases.count, 0);
    assert_int_equal(f->node.calls.count, 0);
    assert_int_equal(uv_run(&f->loop, UV_RUN_NOWAIT), 0); /* no timer either */
}

static void gen_call__remote_answers__is_told(void **state)
{
    struct fake *f = *state;
    start(f, NULL);
    call(f, 0, "<a.5.0>", LONG_MS);
    fake_expect_out(f, &f->a,
                    "{MONITOR_P,<0.1.0>,<a.5.0>,#0.1}; {SEND_SENDER,<0.1.0>,<a.5.0>} "
                    "{'$gen_call',{<0.1.0>,[alias|#0.1]},ask}");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "{[alias|#0.1],{the,answer}}");
    fake_expect_events(f, "answered:{the,answer}");
    fake_expect_out(f, &f->a, "{DEMONITOR_P,<0.1.0>,<a.5.0>,#0.1}");
    expect_nothing_left(f);
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "{[alias|#0.1],again}");
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "{[alias|#0.1],again}");
    fake_expect_events(f, "");
}

/* All calls of the node stand in one table: each is still its caller's alone. */
static void gen_call__answer_comes_to_another_server__is_not_its_answer(void **state)
{
    struct fake *f = *state;
    start(f, NULL);
    struct caller *other = start(f, NULL);
    call(f, 0, "<a.5.0>", LONG_MS);
    other->gen.process.has_called = true;
    fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.2.0>}", "{[alias|#0.1],mine}");
    fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.2.0>}", "{'DOWN',#0.1,process,<a.5.0>,gone}");
    fake_expect_events(f, "info:{'DOWN',#0.1,process,<a.5.0>,gone}");
    fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0>}", "{[alias|#0.1],yours}");
    fake_expect_events(f, "answered:yours");
    expect_nothing_left(f);
}

static void gen_call__by_name__monitors_and_sends_by_name(void **state)
{
    struct fake *f = *state;
    start(f, NULL);
    call(f, 0, "{bob,a@host}", LONG_MS);
    fake_expect_out(f, &f->a,
                    "{MONITOR_P,<0.1.0>,bob,#0.1}; {REG_SEND,<0.1.0>,'',bob} "
                    "{'$gen_call',{<0.1.0>,[alias|#0.1]},ask}");
    /* a peer that knows no aliases answers the process */
    fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0>}", "{[alias|#0.1],yes}");
    fake_expect_events(f, "answered:yes");
    fake_expect_out(f, &f->a, "{DEMONITOR_P,<0.1.0>,bob,#0.1}");
    expect_nothing_left(f);
}

static void gen_call__callee_ends__tells_why(void **state)
{
    struct fake *f = *state;
    start(f, NULL);
    call(f, 0, "<a.5.0>", LONG_MS);
    call(f, 1, "<a.6.0>", LONG_MS);
    fake_in(&f->a, "{PAYLOAD_MONITOR_P_EXIT,<a.5.0>,<0.1.0>,#0.1}", "{bad,luck}");
    fake_expect_events(f, "down:{bad,luck}");
    fake_down(&f->a);
    fake_expect_events(f, "down:noconnection");
    call(f, 0, "<z.5.0>", LONG_MS);
    call(f, 1, "<0.9.0>", LONG_MS);
    call(f, 2, "{nobody,us@host}", LONG_MS);
    call(f, 3, "nobody", LONG_MS);
    fake_expect_events(f, "down:noconnection down:noproc down:noproc down:noproc");
    expect_nothing_left(f);
}

static void gen_call__local__is_answered(void **state)
{
    struct fake *f = *state;
    start(f, NULL);
    start(f, "echo");
    call(f, 0, "echo", LONG_MS);
    call_with(f, 1, "{echo,us@host}", "more", LONG_MS);
    call_with(f, 2, "<0.2.0>", "no_answer", LONG_MS);
    fake_expect_events(f, "answered:ask answered:more");
    process_exit_atom(f->node.slots[2].process, "over");
    fake_expect_events(f, "down:over");
    expect_nothing_left(f);
}

static void gen_call__no_answer__timeout(void **state)
{
    struct fake *f = *state;
    start(f, NULL);
    call(f, 0, "<a.5.0>", 10);
    call(f, 1, "<a.5.0>", 1);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    fake_expect_events(f, "timeout timeout");
    expect_nothing_left(f);
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "{[alias|#0.1],late}");
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "{[alias|#0.1],late}");
    fake_in(&f->a, "{MONITOR_P_EXIT,<a.5.0>,<0.1.0>,#0.1,late}", NULL);
    fake_expect_events(f, "");
}

static void gen_call__several__each_gets_its_own(void **state)
{
    struct fake *f = *state;
    start(f, NULL);
    for (unsigned i = 0; i < 3; i++)
        call(f, i, "<a.5.0>", LONG_MS);
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.2}", "{[alias|#0.2],two}");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.3}", "{[alias|#0.3],three}");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "{[alias|#0.1],one}");
    fake_expect_events(f, "answered:two answered:three answered:one");
    expect_nothing_left(f);
}

static void gen_call__other_messages_meanwhile__are_handled_as_ever(void **state)
{
    struct fake *f = *state;
    start(f, NULL);
    call(f, 0, "<a.5.0>", LONG_MS);
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "{[alias|#a.1],x}");
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "{[other|#0.1],x}");
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "{[alias,#0.1],x}");
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "{[alias|x],x}");
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "{'DOWN',#0.7,process,x,y}");
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "{'DOWN',x,process,x,y}");
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "x");
    fake_expect_events(f,
                       "info:{[alias|#a.1],x} info:{[other|#0.1],x} info:{[alias,#0.1],x} info:{[alias|x],x} "
                       "info:{'DOWN',#0.7,process,x,y} info:{'DOWN',x,process,x,y} info:x");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "{[alias|#0.1],one}");
    fake_expect_events(f, "answered:one");
}

static void gen_call__done_calls_again__with_the_same_record(void **state)
{
    struct fake *f = *state;
    start(f, NULL)->again = true;
    call(f, 0, "<a.5.0>", LONG_MS);
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "{[alias|#0.1],one}");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.2}", "{[alias|#0.2],two}");
    fake_expect_events(f, "answered:one answered:two");
    expect_nothing_left(f);
}

static void gen_call_cancel__nothing_comes(void **state)
{
    struct fake *f = *state;
    struct caller *caller = start(f, NULL);
    call(f, 0, "<a.5.0>", LONG_MS);
    gen_call_cancel(&caller->calls[0]);
    expect_nothing_left(f);
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "{[alias|#0.1],late}");
    fake_expect_events(f, "");
}

static void gen_call__suspended_caller__is_told_all_the_same(void **state)
{
    struct fake *f = *state;
    start(f, NULL);
    call(f, 0, "<a.5.0>", LONG_MS);
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "{system,{<a.5.0>,x},suspend}");
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "waits");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "{[alias|#0.1],one}");
    fake_expect_events(f, "answered:one");
}

static void gen_call__caller_ends__nothing_is_left(void **state)
{
    struct fake *f = *state;
    struct caller *caller = start(f, NULL);
    call(f, 0, "<a.5.0>", LONG_MS);
    call(f, 1, "<b.5.0>", LONG_MS);
    process_exit_atom(&caller->gen.process, "killed");
    fake_expect_events(f, "");
    expect_nothing_left(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(gen_call__remote_answers__is_told),
        FAKE_TEST(gen_call__answer_comes_to_another_server__is_not_its_answer),
        FAKE_TEST(gen_call__by_name__monitors_and_sends_by_name),
        FAKE_TEST(gen_call__callee_ends__tells_why),
        FAKE_TEST(gen_call__local__is_answered),
        FAKE_TEST(gen_call__no_answer__timeout),
        FAKE_TEST(gen_call__several__each_gets_its_own),
        FAKE_TEST(gen_call__other_messages_meanwhile__are_handled_as_ever),
        FAKE_TEST(gen_call__done_calls_again__with_the_same_record),
        FAKE_TEST(gen_call_cancel__nothing_comes),
        FAKE_TEST(gen_call__suspended_caller__is_told_all_the_same),
        FAKE_TEST(gen_call__caller_ends__nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
