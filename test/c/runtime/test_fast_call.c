/* Calls without a monitor: an answer, or why there is none, exactly once. */
#include "runtime/fake_peer.h"

#include "runtime/gen_server.h"
#include "runtime/registry.h"
#include "runtime/sys.h"
#include "wire/etf_read.h"

/* The call number N of a's process 5. */
#define CALL(n, request)        "{'$todo_call',{<a.5.0>,[alias|#a." #n "]}," request "}"
#define ANSWER(n, from, answer) "{ALIAS_SEND," from ",#a." #n "} {[alias|#a." #n "]," answer "}"
/* From the node itself. */
#define EXIT(n, reason) ANSWER(n, "<0.0.0>", "{exit," reason "}")

static int init(struct gen_server *self, const void *argument)
{
    return 0;
}

static void answer_all(struct gen_server *self)
{
    while (self->owed != NULL) {
        struct from from = gen_server_owed_from(self->owed);
        gen_server_reply_atom(self, &from, "late");
        gen_server_owed_free(self->owed);
    }
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    struct slice rest = request;
    if (etf_is_atom(request, "get")) {
        gen_server_reply_atom(self, from, "value");
    } else if (etf_is_atom(request, "later")) {
        gen_server_defer(self, from);
    } else if (etf_is_atom(request, "postpone")) {
        gen_server_postpone(self);
    } else if (etf_is_atom(request, "postpone_and_exit")) {
        gen_server_postpone(self);
        process_exit_atom(&self->process, "over");
    } else if (etf_is_atom(request, "pause")) {
        process_pause(&self->process);
        gen_server_reply_atom(self, from, "ok");
    } else if (etf_read_tagged(&rest, "stop", 2)) {
        gen_server_reply_atom(self, from, "ok");
        gen_server_stop(self, rest);
    } else if (etf_read_tagged(&rest, "exit", 2)) {
        process_exit(&self->process, rest);
    }
}

static void handle_cast(struct gen_server *self, struct slice request)
{
    answer_all(self);
}

static const struct gen_server_type type = {
    .process = GEN_SERVER_PROCESS("server", struct gen_server),
    .init = init,
    .handle_call = handle_call,
    .handle_cast = handle_cast,
};

/* <0.1.0> */
static struct process *start(struct fake *f)
{
    struct gen_server *server = NULL;
    assert_int_equal(gen_server_start(&f->node, &type, NULL, "server", NULL, &server), 0);
    return &server->process;
}

static void in(struct fake *f, const char *message)
{
    fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0>}", message);
}

static void run(struct fake *f, const char *message)
{
    in(f, message);
    fake_run(f);
}

static void fast_call__server__answers_as_any_call(void **state)
{
    struct fake *f = *state;
    start(f);
    in(f, CALL(1, "get"));
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',server}", CALL(2, "get"));
    in(f, "{'$todo_call',{<a.5.0>,x},get}");
    fake_expect_out(f, &f->a,
                    ANSWER(1, "<0.1.0>", "value") "; " ANSWER(
                        2, "<0.1.0>", "value") "; "
                                               "{SEND_SENDER,<0.1.0>,<a.5.0>} {x,value}");
}

static void fast_call__what_is_none__is_a_message(void **state)
{
    static const char *const messages[] = {"{'$todo_call',x,get}", "{'$todo_call',{<a.5.0>,x}}",
                                           "'$todo_call'", "{'$todo_call',{<a.5.0>,x,y},get}"};
    struct fake *f = *state;
    start(f);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        in(f, messages[i]);
    fake_expect_out(f, &f->a, "");
    assert_int_equal(f->node.bad_messages, sizeof messages / sizeof *messages);
}

static void fast_call__nobody__noproc(void **state)
{
    struct fake *f = *state;
    start(f);
    fake_in(&f->a, "{SEND,'',<0.9.0>}", CALL(1, "get"));
    fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.1>}", CALL(2, "get"));
    fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0!>}", CALL(3, "get"));
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',nobody}", CALL(4, "get"));
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", CALL(5, "get"));
    fake_expect_out(f, &f->a,
                    EXIT(1, "noproc") "; " EXIT(2, "noproc") "; " EXIT(3, "noproc") "; " EXIT(
                        4, "noproc") "; " EXIT(5, "noproc"));
}

static bool no_dial(void *ctx, const char *name)
{
    fail_msg("connects to %s", name);
    return false;
}

static void fast_call__nobody__other_messages_and_other_nodes_are_dropped(void **state)
{
    struct fake *f = *state;
    f->node.dial.connect = no_dial;
    fake_in(&f->a, "{SEND,'',<0.9.0>}", "{'$gen_call',{<a.5.0>,[alias|#a.1]},get}");
    fake_in(&f->a, "{SEND,'',<z.9.0>}", CALL(1, "get"));
    fake_in(&f->a, "{SEND,'',<0.9.0>}", "{'$todo_call',{<z.5.0>,[alias|#z.7]},get}");
    fake_in(&f->a, "{SEND,'',<0.9.0>}", "{'$todo_call',{#z.7,x},get}");
    fake_in(&f->a, "{SEND,'',<0.9.0>}", "{'$todo_call',{{n,z@host},x},get}");
    fake_in(&f->a, "{SEND,'',<0.9.0>}", "{'$todo_call',{{n,1},x},get}");
    fake_in(&f->a, "{SEND,'',<0.9.0>}", "{'$todo_call',{nobody,x},get}");
    fake_expect_out(f, &f->a, "");
    fake_expect_out(f, &f->b, "");
}

static void fast_call__nobody__each_form_of_from_is_told(void **state)
{
    struct fake *f = *state;
    fake_in(&f->a, "{SEND,'',<0.9.0>}", "{'$todo_call',{<b.5.0>,[alias|#b.7]},get}");
    fake_in(&f->a, "{SEND,'',<0.9.0>}", "{'$todo_call',{#b.7,x},get}");
    fake_in(&f->a, "{SEND,'',<0.9.0>}", "{'$todo_call',{{n,b@host},x},get}");
    fake_expect_out(f, &f->b,
                    "{ALIAS_SEND,<0.0.0>,#b.7} {[alias|#b.7],{exit,noproc}}; "
                    "{ALIAS_SEND,<0.0.0>,#b.7} {x,{exit,noproc}}; "
                    "{REG_SEND,<0.0.0>,'',n} {x,{exit,noproc}}");
}

static void fast_call__peer_without_aliases__told_at_the_pid(void **state)
{
    struct fake *f = *state;
    fake_down(&f->b);
    fake_up(f, &f->b, 'b', FAKE_FLAGS & ~DFLAG_ALIAS);
    fake_in(&f->b, "{SEND,'',<0.9.0>}", "{'$todo_call',{<b.5.0>,#b.7},get}");
    fake_expect_out(f, &f->b, "{SEND,'',<b.5.0>} {#b.7,{exit,noproc}}");
}

static void fast_call__server_ends__what_is_owed_and_what_waits_is_told_in_order(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f);
    in(f, CALL(1, "later"));
    in(f, "{'$gen_call',{<a.5.0>,[alias|#a.9]},later}");
    in(f, CALL(2, "later"));
    in(f, CALL(3, "pause"));
    in(f, CALL(4, "get"));
    in(f, "{'$gen_call',{<a.5.0>,[alias|#a.9]},get}");
    in(f, "{'$gen_cast',x}");
    in(f, CALL(5, "get"));
    fake_expect_out(f, &f->a, ANSWER(3, "<0.1.0>", "ok"));
    fake_exit(process, "{corrupt,file}");
    in(f, CALL(6, "get"));
    fake_expect_out(f, &f->a,
                    EXIT(1, "{corrupt,file}") "; " EXIT(2, "{corrupt,file}") "; " EXIT(
                        4, "{corrupt,file}") "; " EXIT(5, "{corrupt,file}") "; " EXIT(6, "noproc"));
}

static void fast_call__server_killed__told_killed(void **state)
{
    struct fake *f = *state;
    start(f);
    in(f, CALL(1, "later"));
    fake_in(&f->a, "{EXIT2,<a.5.0>,<0.1.0>,kill}", NULL);
    fake_expect_out(f, &f->a, EXIT(1, "killed"));
}

static void fast_call__answered_later__not_told_at_the_end(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f);
    in(f, CALL(1, "later"));
    in(f, "{'$gen_cast',answer}");
    fake_exit(process, "over");
    fake_expect_out(f, &f->a, ANSWER(1, "<0.1.0>", "late"));
}

static void fast_call__ends_in_the_call__told_once(void **state)
{
    struct fake *f = *state;
    start(f);
    in(f, CALL(1, "{exit,why}"));
    fake_expect_out(f, &f->a, EXIT(1, "why"));
}

static void fast_call__answers_and_ends_in_the_call__only_answered(void **state)
{
    struct fake *f = *state;
    start(f);
    in(f, CALL(1, "{stop,why}"));
    fake_expect_out(f, &f->a, ANSWER(1, "<0.1.0>", "ok"));
}

/* The message at hand stands in the mailbox, or not: both ways it is told once. */
static void fast_call__ends_in_a_call_that_had_to_wait__told_once(void **state)
{
    static const char *const requests[] = {CALL(1, "{exit,why}"), CALL(1, "{stop,why}"),
                                           CALL(1, "postpone_and_exit")};
    static const char *const answers[] = {EXIT(1, "why") "; " EXIT(2, "why"),
                                          ANSWER(1, "<0.1.0>", "ok") "; " EXIT(2, "why"),
                                          EXIT(1, "over") "; " EXIT(2, "over")};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        void *own = NULL;
        assert_int_equal(fake_set_up(&own), 0);
        struct fake *f = own;
        struct process *process = start(f);
        process_pause(process);
        in(f, requests[i]);
        in(f, CALL(2, "get"));
        process_resume(process);
        fake_expect_out(f, &f->a, answers[i]);
        assert_int_equal(fake_tear_down(&own), 0);
    }
}

static void fast_call__postponed_and_ends__told_once(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f);
    run(f, CALL(1, "postpone"));
    in(f, CALL(2, "postpone_and_exit"));
    fake_expect_out(f, &f->a, EXIT(2, "over") "; " EXIT(1, "over"));
    assert_null(fake_process(f, 1));
    (void)process;
}

static void fast_call__never_answered__told_at_the_end(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f);
    in(f, CALL(1, "ignored"));
    in(f, CALL(2, "get"));
    fake_expect_out(f, &f->a, ANSWER(2, "<0.1.0>", "value"));
    fake_exit(process, "normal");
    fake_expect_out(f, &f->a, EXIT(1, "normal"));
}

static void fast_call__suspended__waits_and_is_answered(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f);
    in(f, "{system,{<a.5.0>,x},suspend}");
    in(f, CALL(1, "get"));
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {x,ok}");
    in(f, "{system,{<a.5.0>,x},resume}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {x,ok}; " ANSWER(1, "<0.1.0>", "value"));
    in(f, "{system,{<a.5.0>,x},suspend}");
    in(f, CALL(2, "get"));
    fake_exit(process, "over");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {x,ok}; " EXIT(2, "over"));
}

static void fast_call__caller_disconnects__nothing_is_sent(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f);
    in(f, CALL(1, "later"));
    in(f, CALL(2, "pause"));
    in(f, CALL(3, "get"));
    fake_down(&f->a);
    assert_null(process->mailbox);
    f->node.dial.connect = no_dial;
    fake_exit(process, "over");
    fake_expect_out(f, &f->b, "");
}

static void fast_call__traced_and_server_ends__no_token_and_links_keep_theirs(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f);
    fake_in(&f->a, "{LINK,<a.5.0>,<0.1.0>}", NULL);
    fake_in(&f->a, "{SEND_TT,'',<0.1.0>,{5,l,41,<a.5.0>,3}}", CALL(1, "later"));
    fake_in(&f->a, "{SEND_TT,'',<0.1.0>,{5,l,51,<a.5.0>,4}}", CALL(2, "get"));
    fake_exit(process, "why");
    fake_in(&f->a, "{SEND_TT,'',<0.1.0>,{5,l,61,<a.5.0>,4}}", CALL(3, "get"));
    fake_expect_out(
        f, &f->a,
        "{ALIAS_SEND_TT,<0.1.0>,#a.2,{5,l,52,<0.1.0>,51}} {[alias|#a.2],value}; " EXIT(
            1, "why") "; "
                      "{PAYLOAD_EXIT_TT,<0.1.0>,<a.5.0>,{5,l,53,<0.1.0>,51}} why; " EXIT(3, "noproc"));
}

static void fast_call__cancelled_while_it_waits__is_not_carried_out(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f);
    process_pause(process);
    in(f, CALL(1, "get"));
    in(f, CALL(2, "get"));
    in(f, "{'$todo_call',{<a.5.0>,x},get}");
    in(f, "{'$todo_cancel',[alias|#a.1]}");
    in(f, "{'$todo_cancel',x}");
    process_resume(process);
    fake_expect_out(f, &f->a, ANSWER(2, "<0.1.0>", "value") "; {SEND_SENDER,<0.1.0>,<a.5.0>} {x,value}");
    in(f, "{'$todo_cancel',[alias|#a.2]}");
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',nobody}", "{'$todo_cancel',[alias|#a.2]}");
    fake_expect_out(f, &f->a, "");
    assert_int_equal(f->node.bad_messages, 0);
    assert_int_equal(f->node.cancelled, 1);
}

static void fast_call__cancelled_when_left_unread__is_not_carried_out(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f);
    in(f, CALL(1, "postpone"));
    process_rescan(process);
    run(f, CALL(2, "get"));
    in(f, "{'$todo_cancel',[alias|#a.1]}");
    fake_exit(process, "over");
    fake_expect_out(f, &f->a, ANSWER(2, "<0.1.0>", "value"));
    assert_int_equal(f->node.cancelled, 1);
}

static void fast_call__cancelled_when_owed__goes_on(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f);
    process_pause(process);
    in(f, CALL(1, "later"));
    process_resume(process);
    fake_run(f);
    in(f, "{'$todo_cancel',[alias|#a.1]}");
    in(f, "{'$gen_cast',answer}");
    fake_expect_out(f, &f->a, ANSWER(1, "<0.1.0>", "late"));
}

static void fast_call__process_that_is_no_server__drops_it(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    in(f, CALL(1, "get"));
    fake_exit(process, "over");
    fake_expect_out(f, &f->a, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(fast_call__server__answers_as_any_call),
        FAKE_TEST(fast_call__what_is_none__is_a_message),
        FAKE_TEST(fast_call__nobody__noproc),
        FAKE_TEST(fast_call__nobody__other_messages_and_other_nodes_are_dropped),
        FAKE_TEST(fast_call__nobody__each_form_of_from_is_told),
        FAKE_TEST(fast_call__peer_without_aliases__told_at_the_pid),
        FAKE_TEST(fast_call__server_ends__what_is_owed_and_what_waits_is_told_in_order),
        FAKE_TEST(fast_call__server_killed__told_killed),
        FAKE_TEST(fast_call__answered_later__not_told_at_the_end),
        FAKE_TEST(fast_call__ends_in_the_call__told_once),
        FAKE_TEST(fast_call__answers_and_ends_in_the_call__only_answered),
        FAKE_TEST(fast_call__ends_in_a_call_that_had_to_wait__told_once),
        FAKE_TEST(fast_call__postponed_and_ends__told_once),
        FAKE_TEST(fast_call__never_answered__told_at_the_end),
        FAKE_TEST(fast_call__suspended__waits_and_is_answered),
        FAKE_TEST(fast_call__caller_disconnects__nothing_is_sent),
        FAKE_TEST(fast_call__traced_and_server_ends__no_token_and_links_keep_theirs),
        FAKE_TEST(fast_call__cancelled_while_it_waits__is_not_carried_out),
        FAKE_TEST(fast_call__cancelled_when_left_unread__is_not_carried_out),
        FAKE_TEST(fast_call__cancelled_when_owed__goes_on),
        FAKE_TEST(fast_call__process_that_is_no_server__drops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
