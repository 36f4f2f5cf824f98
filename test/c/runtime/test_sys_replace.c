/* sys:replace_state, with the peer a@host in the place of the BEAM that runs the fun. */
#include "runtime/sys_replace.h"

#include "runtime/fake_peer.h"
#include "runtime/sys.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <stdio.h>

/* A server whose state is a term that may be replaced by any but the atom bad. */
struct holder {
    struct gen_server server;
    struct buf state;
};

static int init(struct gen_server *self, const void *argument)
{
    fake_write(&((struct holder *)self)->state, "{state,1}");
    return 0;
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    gen_server_reply(self, from, request);
}

static bool never_finishes(struct gen_server *self, struct slice reason)
{
    return false;
}

static void write_state(struct gen_server *self, struct buf *out)
{
    etf_write_term(out, buf_slice(&((struct holder *)self)->state));
}

static bool replace_state(struct gen_server *self, const struct from *from, struct slice value,
                          struct buf *why)
{
    struct buf *state = &((struct holder *)self)->state;
    if (etf_is_atom(value, "bad")) {
        fake_write(why, "{badarg,bad}");
        return false;
    }
    buf_clear(state);
    buf_append_slice(state, value);
    sys_reply_state(self, from, value);
    return true;
}

static void release(struct gen_server *self)
{
    buf_release(&((struct holder *)self)->state);
}

static const struct gen_server_type holder = {
    .process = GEN_SERVER_PROCESS("holder", struct holder),
    .init = init,
    .handle_call = handle_call,
    .write_state = write_state,
    .replace_state = replace_state,
    .release = release,
};

static const struct gen_server_type read_only = {
    .process = GEN_SERVER_PROCESS("read_only", struct holder),
    .init = init,
    .handle_call = handle_call,
    .terminate = never_finishes,
    .write_state = write_state,
    .release = release,
};

static struct gen_server *start(struct fake *f, const struct gen_server_type *type)
{
    struct gen_server *server;
    assert_int_equal(gen_server_start(&f->node, type, NULL, NULL, NULL, &server), 0);
    return server;
}

static void in(struct fake *f, const char *message)
{
    fake_in(&f->a, "{SEND,'',<0.1.0>}", message);
}

/* <a.5.0> asks; the fun runs as <a.9.0>, for the process <0.2.0>. */
static void ask(struct fake *f)
{
    in(f, "{system,{<a.5.0>,x},{replace_state,fun_of_the_peer}}");
    fake_expect_out(f, &f->a,
                    "{SPAWN_REQUEST,#0.2,<0.2.0>,<0.2.0>,{erpc,execute_call,4},[monitor]} "
                    "[#0.2,erlang,apply,[fun_of_the_peer,[{state,1}]]]");
    fake_in(&f->a, "{SPAWN_REPLY,#0.2,<0.2.0>,2,<a.9.0>}", NULL);
}

static void answer(struct fake *f, const char *reason)
{
    fake_in(&f->a, "{PAYLOAD_MONITOR_P_EXIT,<a.9.0>,<0.2.0>,#0.2}", reason);
}

#define REPLY(term) "{SEND_SENDER,<0.1.0>,<a.5.0>} {x," term "}"
#define FAILED(why)                                                                                          \
    REPLY("{error,{callback_failed,{gen_server,system_replace_state},"                                       \
          "{" why "}}}")

static void expect_state(struct fake *f, const char *state)
{
    char frame[256];
    snprintf(frame, sizeof frame, REPLY("%s"), state);
    in(f, "{system,{<a.5.0>,x},get_state}");
    fake_expect_out(f, &f->a, frame);
}

static void expect_nothing_left(struct fake *f, const struct gen_server *server)
{
    assert_int_equal(f->node.process_count, 1);
    assert_null(server->owed);
    assert_null(server->sys->replacing);
    assert_null(server->sys->replace_owed);
    assert_false(server->process.paused);
}

static void sys_replace_state__another_value__is_the_servers_to_take(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &holder);
    ask(f);
    answer(f, "{#0.2,return,{state,2}}");
    fake_expect_out(f, &f->a, REPLY("{state,2}"));
    expect_state(f, "{state,2}");
    expect_nothing_left(f, server);
}

static void sys_replace_state__while_the_fun_runs__messages_wait(void **state)
{
    struct fake *f = *state;
    start(f, &holder);
    ask(f);
    in(f, "{'$gen_call',{<a.5.0>,y},one}");
    in(f, "{system,{<a.5.0>,z},get_state}");
    fake_expect_out(f, &f->a, "");
    answer(f, "{#0.2,return,{state,2}}");
    fake_expect_out(f, &f->a,
                    REPLY("{state,2}") "; {SEND_SENDER,<0.1.0>,<a.5.0>} {y,one}; "
                                       "{SEND_SENDER,<0.1.0>,<a.5.0>} {z,{state,2}}");
}

static void sys_replace_state__refused_by_the_server__failed_with_its_reason(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &holder);
    ask(f);
    answer(f, "{#0.2,return,bad}");
    fake_expect_out(f, &f->a, FAILED("error,{badarg,bad}"));
    expect_state(f, "{state,1}");
    expect_nothing_left(f, server);
}

static void sys_replace_state__read_only__takes_the_same_value_only(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &read_only);
    ask(f);
    answer(f, "{#0.2,return,{state,1}}");
    fake_expect_out(f, &f->a, REPLY("{state,1}"));
    expect_nothing_left(f, server);
    in(f, "{system,{<a.5.0>,x},{replace_state,f}}");
    fake_expect_out(f, &f->a,
                    "{SPAWN_REQUEST,#0.4,<0.2.1>,<0.2.1>,{erpc,execute_call,4},[monitor]} "
                    "[#0.4,erlang,apply,[f,[{state,1}]]]");
    fake_in(&f->a, "{SPAWN_REPLY,#0.4,<0.2.1>,2,<a.9.0>}", NULL);
    fake_in(&f->a, "{PAYLOAD_MONITOR_P_EXIT,<a.9.0>,<0.2.1>,#0.4}", "{#0.4,return,{state,2}}");
    fake_expect_out(f, &f->a, FAILED("error,{badarg,read_only}"));
    expect_state(f, "{state,1}");
}

static void sys_replace_state__fun_raises__failed_with_class_and_reason(void **state)
{
    static const char *const cases[][2] = {
        {"{#0.2,throw,t}", FAILED("throw,t")},
        {"{#0.2,exit,{e}}", FAILED("exit,{e}")},
        {"{#0.2,error,undef,[{m,f,1,[]}]}", FAILED("error,undef")},
        {"killed", FAILED("exit,{signal,killed}")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *own;
        fake_set_up(&own);
        struct gen_server *server = start(own, &holder);
        ask(own);
        answer(own, cases[i][0]);
        fake_expect_out(own, &((struct fake *)own)->a, cases[i][1]);
        expect_nothing_left(own, server);
        fake_tear_down(&own);
    }
}

static void sys_replace_state__suspended__stays_so(void **state)
{
    struct fake *f = *state;
    start(f, &holder);
    in(f, "{system,{<a.5.0>,x},suspend}");
    fake_expect_out(f, &f->a, REPLY("ok"));
    ask(f);
    in(f, "{'$gen_call',{<a.5.0>,y},one}");
    answer(f, "{#0.2,return,{state,2}}");
    fake_expect_out(f, &f->a, REPLY("{state,2}"));
    expect_state(f, "{state,2}");
}

static void sys_replace_state__connection_lost__server_goes_on(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &holder);
    ask(f);
    fake_down(&f->a);
    fake_run(f);
    expect_nothing_left(f, server);
    fake_in(&f->b, "{SEND,'',<0.1.0>}", "{'$gen_call',{<b.5.0>,y},one}");
    fake_expect_out(f, &f->b, "{SEND_SENDER,<0.1.0>,<b.5.0>} {y,one}");
}

static void sys_replace_state__server_killed__fun_is_killed(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &holder);
    ask(f);
    process_exit_atom(&server->process, "killed");
    fake_expect_out(f, &f->a, "{PAYLOAD_EXIT2,<0.2.0>,<a.9.0>} kill; {DEMONITOR_P,<0.2.0>,<a.9.0>,#0.2}");
    answer(f, "{#0.2,return,{state,2}}");
    fake_expect_out(f, &f->a, "");
    assert_int_equal(f->node.process_count, 0);
}

static void sys_replace_state__server_ends_meanwhile__nobody_is_answered(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &read_only);
    ask(f);
    process_enter(&server->process);
    gen_server_stop_atom(server, "shutdown");
    process_leave(&server->process);
    answer(f, "{#0.2,return,{state,2}}");
    fake_expect_out(f, &f->a, "");
    assert_null(server->owed);
    process_enter(&server->process);
    gen_server_terminated(server);
    process_leave(&server->process);
    assert_int_equal(f->node.process_count, 0);
}

static void sys_replace_state__caller_is_no_pid_of_a_peer__fails(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &holder);
    fake_probe(f);
    in(f, "{system,{<0.2.0>,x},{replace_state,f}}");
    in(f, "{system,{<z.2.0>,x},{replace_state,f}}");
    fake_expect(
        f, 1, "{x,{error,{callback_failed,{gen_server,system_replace_state},{error,{erpc,noconnection}}}}}");
    assert_false(server->process.paused);
    fake_expect_out(f, &f->a, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(sys_replace_state__another_value__is_the_servers_to_take),
        FAKE_TEST(sys_replace_state__while_the_fun_runs__messages_wait),
        FAKE_TEST(sys_replace_state__refused_by_the_server__failed_with_its_reason),
        FAKE_TEST(sys_replace_state__read_only__takes_the_same_value_only),
        FAKE_TEST(sys_replace_state__fun_raises__failed_with_class_and_reason),
        FAKE_TEST(sys_replace_state__suspended__stays_so),
        FAKE_TEST(sys_replace_state__connection_lost__server_goes_on),
        FAKE_TEST(sys_replace_state__server_killed__fun_is_killed),
        FAKE_TEST(sys_replace_state__server_ends_meanwhile__nobody_is_answered),
        FAKE_TEST(sys_replace_state__caller_is_no_pid_of_a_peer__fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
