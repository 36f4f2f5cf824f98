#include "runtime/fake_peer.h"

#include "runtime/gen_server.h"
#include "runtime/sys.h"
#include "wire/etf_read.h"

#include <stdio.h>
#include <stdlib.h>

static struct fake *fixture_of(struct gen_server *self)
{
    return (struct fake *)((char *)self->process.node - offsetof(struct fake, node));
}

static int init(struct gen_server *self, const void *argument)
{
    return 0;
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    if (etf_is_atom(request, "later"))
        gen_server_defer(self, from);
    else
        gen_server_reply(self, from, request);
}

static void handle_cast(struct gen_server *self, struct slice request)
{
    fake_event(fixture_of(self), "cast", request);
}

static void handle_info(struct gen_server *self, struct slice message)
{
    fake_event(fixture_of(self), "info", message);
}

static bool terminate(struct gen_server *self, struct slice reason)
{
    fake_event(fixture_of(self), "terminate", reason);
    return true;
}

static void write_state(struct gen_server *self, struct buf *out)
{
    fake_write(out, "{state,[1,2]}");
}

static const struct gen_server_type full = {
    .process = GEN_SERVER_PROCESS("full", struct gen_server),
    .init = init,
    .handle_call = handle_call,
    .handle_cast = handle_cast,
    .handle_info = handle_info,
    .terminate = terminate,
    .write_state = write_state,
    .trap_exit = true,
};

static const struct gen_server_type plain = {.process = GEN_SERVER_PROCESS("Elixir.Plain", struct gen_server),
                                             .init = init,
                                             .handle_call = handle_call};

static struct gen_server *start(struct fake *f, const struct gen_server_type *type, struct process *parent,
                                const char *name)
{
    struct gen_server *server;
    assert_int_equal(gen_server_start(&f->node, type, parent, name, NULL, &server), 0);
    return server;
}

static void in(struct fake *f, const char *message)
{
    fake_in(&f->a, "{SEND,'',<0.1.0>}", message);
}

/* sys:send_system_msg(Server, Command) gives the answer. */
static void ask(struct fake *f, const char *command, const char *answer)
{
    char message[512], frame[2048];
    snprintf(message, sizeof message, "{system,{<a.5.0>,[alias|#a.7]},%s}", command);
    snprintf(frame, sizeof frame, "{ALIAS_SEND,<0.1.0>,#a.7} {[alias|#a.7],%s}", answer);
    in(f, message);
    fake_expect_out(f, &f->a, frame);
}

static void call(struct fake *f, const char *request)
{
    char message[512];
    snprintf(message, sizeof message, "{'$gen_call',{<a.5.0>,x},%s}", request);
    in(f, message);
}

#define REPLY(term) "{SEND_SENDER,<0.1.0>,<a.5.0>} {x," term "}"

/* ---- state and status */

static void sys_get_state__written__is_the_bare_state(void **state)
{
    struct fake *f = *state;
    start(f, &full, NULL, NULL);
    ask(f, "get_state", "{state,[1,2]}");
}

static void sys_get_state__no_writer__is_empty(void **state)
{
    struct fake *f = *state;
    start(f, &plain, NULL, NULL);
    ask(f, "get_state", "[]");
}

static void sys_get_status__named__has_the_shape_of_gen_server(void **state)
{
    struct fake *f = *state;
    start(f, &full, NULL, "todo_cache");
    ask(f, "get_status",
        "{status,<0.1.0>,{module,gen_server},"
        "[[{'$ancestors',[]},{'$initial_call',{full,init,1}}],running,<0.1.0>,[],"
        "[{header,\"Status for generic server todo_cache\"},"
        "{data,[{\"Status\",running},{\"Parent\",<0.1.0>},{\"Logged events\",[]}]},"
        "{data,[{\"State\",{state,[1,2]}}]}]]}");
}

static void sys_get_status__suspended_child_without_name__says_so(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &plain, NULL, NULL);
    server->process.parent = fake_probe(f)->id;
    ask(f, "suspend", "ok");
    ask(f, "get_status",
        "{status,<0.1.0>,{module,gen_server},"
        "[[{'$ancestors',[<0.2.0>]},{'$initial_call',{'Elixir.Plain',init,1}}],suspended,<0.2.0>,[],"
        "[{header,\"Status for generic server <0.1.0>\"},"
        "{data,[{\"Status\",suspended},{\"Parent\",<0.2.0>},{\"Logged events\",[]}]},"
        "{data,[{\"State\",[]}]}]]}");
}

/* ---- suspend and resume */

static void sys_suspend__messages__wait_and_come_in_order_after_resume(void **state)
{
    struct fake *f = *state;
    start(f, &full, NULL, NULL);
    ask(f, "suspend", "ok");
    call(f, "one");
    in(f, "{'$gen_cast',two}");
    in(f, "three");
    in(f, "{'EXIT',<a.9.0>,four}");
    call(f, "five");
    fake_expect_out(f, &f->a, "");
    fake_expect_events(f, "");
    ask(f, "get_state", "{state,[1,2]}");
    ask(f, "suspend", "ok");
    in(f, "{system,{<a.5.0>,y},resume}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {y,ok}; " REPLY("one") "; " REPLY("five"));
    fake_expect_events(f, "cast:two info:three info:{'EXIT',<a.9.0>,four}");
    call(f, "six");
    fake_expect_out(f, &f->a, REPLY("six"));
}

static void sys_resume__queued_right_behind_suspend__nothing_is_lost(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &full, NULL, NULL);
    process_pause(&server->process);
    in(f, "{system,{<a.5.0>,y},suspend}");
    call(f, "one");
    in(f, "{system,{<a.5.0>,z},resume}");
    call(f, "two");
    process_resume(&server->process);
    fake_expect_out(f, &f->a,
                    "{SEND_SENDER,<0.1.0>,<a.5.0>} {y,ok}; {SEND_SENDER,<0.1.0>,<a.5.0>} {z,ok}; " REPLY(
                        "one") "; " REPLY("two"));
}

static void sys_resume__not_suspended__is_ok(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &full, NULL, NULL);
    ask(f, "resume", "ok");
    assert_null(server->sys);
}

static void sys_suspend__parent_exits__terminates(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &full, NULL, NULL);
    struct process *parent = fake_probe(f);
    server->process.parent = parent->id;
    ask(f, "suspend", "ok");
    in(f, "{'EXIT',<a.9.0>,left}");
    in(f, "{'EXIT',<0.2.0>,why}");
    fake_expect_events(f, "terminate:why");
    assert_int_equal(f->node.process_count, 1);
}

static void sys_terminate__suspended__ends(void **state)
{
    struct fake *f = *state;
    start(f, &full, NULL, NULL);
    ask(f, "suspend", "ok");
    call(f, "never");
    ask(f, "{terminate,{shutdown,[]}}", "ok");
    fake_expect_events(f, "terminate:{shutdown,[]}");
    assert_int_equal(f->node.process_count, 0);
}

/* ---- statistics */

/* Asks for statistics; the counters of the answer. */
static void counters(struct fake *f, uint64_t *messages_in, uint64_t *messages_out)
{
    in(f, "{system,{<0.2.0>,y},{debug,{statistics,get}}}");
    fake_run(f);
    struct buf *text = &f->probes[1].messages;
    buf_append_u8(text, '\0');
    const char *found_in = strstr((const char *)text->data, "{messages_in,");
    const char *found_out = strstr((const char *)text->data, "{messages_out,");
    assert_non_null(strstr((const char *)text->data, "{y,{ok,[{start_time,{{"));
    assert_non_null(strstr((const char *)text->data, "{current_time,{{"));
    assert_non_null(strstr((const char *)text->data, "{reductions,"));
    assert_non_null(found_in);
    assert_non_null(found_out);
    *messages_in = strtoull(found_in + strlen("{messages_in,"), NULL, 10);
    *messages_out = strtoull(found_out + strlen("{messages_out,"), NULL, 10);
    buf_clear(text);
}

static void sys_statistics__on__counts_messages_but_not_system_messages(void **state)
{
    struct fake *f = *state;
    uint64_t received, sent;
    start(f, &full, NULL, NULL);
    fake_probe(f); /* <0.2.0> */
    call(f, "before");
    fake_expect_out(f, &f->a, REPLY("before"));
    ask(f, "{debug,{statistics,true}}", "ok");
    counters(f, &received, &sent);
    assert_int_equal(received, 0);
    assert_int_equal(sent, 0);
    call(f, "one");
    call(f, "later");
    in(f, "{'$gen_cast',two}");
    in(f, "three");
    fake_expect_out(f, &f->a, REPLY("one"));
    ask(f, "get_state", "{state,[1,2]}");
    counters(f, &received, &sent);
    assert_int_equal(received, 4);
    assert_int_equal(sent, 1);
}

static void sys_statistics__off__says_no_statistics(void **state)
{
    struct fake *f = *state;
    start(f, &full, NULL, NULL);
    ask(f, "{debug,{statistics,get}}", "{ok,no_statistics}");
    ask(f, "{debug,{statistics,true}}", "ok");
    ask(f, "{debug,{statistics,false}}", "ok");
    ask(f, "{debug,{statistics,get}}", "{ok,no_statistics}");
    ask(f, "{debug,{statistics,true}}", "ok");
    ask(f, "{debug,no_debug}", "ok");
    ask(f, "{debug,{statistics,get}}", "{ok,no_statistics}");
}

static void sys_statistics__after_a_suspension__counts_from_nothing(void **state)
{
    struct fake *f = *state;
    uint64_t received, sent;
    start(f, &full, NULL, NULL);
    fake_probe(f);
    ask(f, "suspend", "ok");
    ask(f, "resume", "ok");
    call(f, "one");
    fake_expect_out(f, &f->a, REPLY("one"));
    ask(f, "{debug,{statistics,true}}", "ok");
    counters(f, &received, &sent);
    assert_int_equal(received, 0);
    assert_int_equal(sent, 0);
}

static void sys_statistics__on_twice__goes_on_counting(void **state)
{
    struct fake *f = *state;
    uint64_t received, sent;
    start(f, &full, NULL, NULL);
    fake_probe(f);
    ask(f, "{debug,{statistics,true}}", "ok");
    in(f, "one");
    ask(f, "{debug,{statistics,true}}", "ok");
    counters(f, &received, &sent);
    assert_int_equal(received, 1);
}

/* ---- the rest */

/* ---- log */

#define IN(message)    "{in," message "}"
#define CALL(request)  "{'$gen_call',{<a.5.0>,x}," request "}"
#define OUT(reply)     "{out," reply ",{<a.5.0>,x},{state,[1,2]}}"
#define NOREPLY        "{noreply,{state,[1,2]}}"
#define LOG_IS(events) ask(f, "{debug,{log,get}}", "{ok,[" events "]}")

static void sys_log__on__keeps_what_happens_but_no_system_message(void **state)
{
    struct fake *f = *state;
    start(f, &full, NULL, NULL);
    call(f, "before");
    fake_expect_out(f, &f->a, REPLY("before"));
    LOG_IS("");
    ask(f, "{debug,{log,true}}", "ok");
    call(f, "one");
    fake_expect_out(f, &f->a, REPLY("one"));
    in(f, "{'$gen_cast',two}");
    in(f, "three");
    in(f, "{'EXIT',<a.9.0>,four}");
    ask(f, "get_state", "{state,[1,2]}");
    LOG_IS(IN(CALL("one")) "," OUT("one") "," IN("{'$gen_cast',two}") "," NOREPLY "," IN(
        "three") "," NOREPLY "," IN("{'EXIT',<a.9.0>,four}") "," NOREPLY);
}

static void sys_log__answered_later__is_out_then(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &full, NULL, NULL);
    ask(f, "{debug,{log,true}}", "ok");
    call(f, "later");
    LOG_IS(IN(CALL("later")));
    struct from from = gen_server_owed_from(server->owed);
    gen_server_reply_atom(server, &from, "now");
    gen_server_owed_free(server->owed);
    fake_expect_out(f, &f->a, REPLY("now"));
    LOG_IS(IN(CALL("later")) "," OUT("now"));
}

static void sys_log__on_again__stays_as_it_is(void **state)
{
    struct fake *f = *state;
    start(f, &full, NULL, NULL);
    ask(f, "{debug,{log,{true,2}}}", "ok");
    in(f, "one");
    ask(f, "{debug,{log,true}}", "ok");
    ask(f, "{debug,{log,{true,5}}}", "ok");
    in(f, "two");
    LOG_IS(IN("two") "," NOREPLY);
    ask(f, "{debug,{log,print}}", "ok");
    LOG_IS(IN("two") "," NOREPLY);
}

static void sys_log__off__forgets(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &full, NULL, NULL);
    ask(f, "{debug,{log,true}}", "ok");
    in(f, "one");
    ask(f, "{debug,{log,false}}", "ok");
    assert_null(server->sys->log);
    ask(f, "{debug,{log,true}}", "ok");
    LOG_IS("");
    in(f, "two");
    ask(f, "{debug,no_debug}", "ok");
    assert_null(server->sys->log);
    LOG_IS("");
}

static void sys_debug__what_cannot_be_seen__is_accepted(void **state)
{
    struct fake *f = *state;
    start(f, &full, NULL, NULL);
    ask(f, "{debug,{trace,true}}", "ok");
    ask(f, "{debug,{trace,false}}", "ok");
    ask(f, "{debug,{log,true}}", "ok");
    ask(f, "{debug,{log,{true,5}}}", "ok");
    ask(f, "{debug,{log,print}}", "ok");
    ask(f, "{debug,{log,get}}", "{ok,[]}");
    ask(f, "{debug,{log,false}}", "ok");
    ask(f, "{debug,{log_to_file,false}}", "ok");
    ask(f, "{debug,{log_to_file,\"/tmp/x\"}}", "{error,open_file}");
    ask(f, "{debug,{install,{x,y}}}", "ok");
    ask(f, "{debug,{remove,x}}", "ok");
    ask(f, "{debug,no_debug}", "ok");
}

static void sys_debug__unknown__says_so(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f, &full, NULL, NULL);
    ask(f, "{debug,what}", "unknown_debug");
    ask(f, "{debug,{what,ever}}", "unknown_debug");
    ask(f, "{debug,[]}", "unknown_debug");
    static const char *const arguments[] = {"{trace,yes}",      "{statistics,[]}", "{log,yes}",
                                            "{log,{true,0}}",   "{log,{true,-1}}", "{log,{true,x}}",
                                            "{log,{true,1,2}}", "{log}",           "{install,f}",
                                            "{install,{f}}",    "{trace,true,x}"};
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        char command[64];
        snprintf(command, sizeof command, "{debug,%s}", arguments[i]);
        ask(f, command, "unknown_debug");
    }
    assert_null(server->sys);
}

static void sys_handle__unknown_command__says_so(void **state)
{
    struct fake *f = *state;
    start(f, &full, NULL, NULL);
    ask(f, "what", "{error,{unknown_system_msg,what}}");
    ask(f, "{change_code,m,v,x}", "{error,{unknown_system_msg,{change_code,m,v,x}}}");
    ask(f, "{terminate}", "{error,{unknown_system_msg,{terminate}}}");
    ask(f, "{debug}", "{error,{unknown_system_msg,{debug}}}");
    ask(f, "[]", "{error,{unknown_system_msg,[]}}");
}

static void sys_change_code__suspended__keeps_the_state(void **state)
{
    struct fake *f = *state;
    start(f, &full, NULL, NULL);
    ask(f, "suspend", "ok");
    ask(f, "{change_code,full,{old,1},[x]}", "ok");
    ask(f, "{change_code,full,x}", "{error,{unknown_system_msg,{change_code,full,x}}}");
    ask(f, "get_state", "{state,[1,2]}");
    ask(f, "resume", "ok");
    ask(f, "{change_code,full,x,y}", "{error,{unknown_system_msg,{change_code,full,x,y}}}");
}

static void sys_handle__caller_not_connected__answer_is_dropped(void **state)
{
    struct fake *f = *state;
    start(f, &full, NULL, NULL);
    in(f, "{system,{<z.5.0>,[alias|#z.7]},get_status}");
    in(f, "{system,{<0.9.0>,y},{debug,{statistics,true}}}");
    in(f, "{system,{<z.5.0>,y},{terminate,normal}}");
    fake_expect_out(f, &f->a, "");
    fake_expect_events(f, "terminate:normal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(sys_get_state__written__is_the_bare_state),
        FAKE_TEST(sys_get_state__no_writer__is_empty),
        FAKE_TEST(sys_get_status__named__has_the_shape_of_gen_server),
        FAKE_TEST(sys_get_status__suspended_child_without_name__says_so),
        FAKE_TEST(sys_suspend__messages__wait_and_come_in_order_after_resume),
        FAKE_TEST(sys_resume__queued_right_behind_suspend__nothing_is_lost),
        FAKE_TEST(sys_resume__not_suspended__is_ok),
        FAKE_TEST(sys_suspend__parent_exits__terminates),
        FAKE_TEST(sys_terminate__suspended__ends),
        FAKE_TEST(sys_statistics__on__counts_messages_but_not_system_messages),
        FAKE_TEST(sys_statistics__off__says_no_statistics),
        FAKE_TEST(sys_statistics__after_a_suspension__counts_from_nothing),
        FAKE_TEST(sys_statistics__on_twice__goes_on_counting),
        FAKE_TEST(sys_log__on__keeps_what_happens_but_no_system_message),
        FAKE_TEST(sys_log__answered_later__is_out_then),
        FAKE_TEST(sys_log__on_again__stays_as_it_is),
        FAKE_TEST(sys_log__off__forgets),
        FAKE_TEST(sys_debug__what_cannot_be_seen__is_accepted),
        FAKE_TEST(sys_debug__unknown__says_so),
        FAKE_TEST(sys_handle__unknown_command__says_so),
        FAKE_TEST(sys_change_code__suspended__keeps_the_state),
        FAKE_TEST(sys_handle__caller_not_connected__answer_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
