/* seq_trace tokens: taken from a message, carried on by what is sent because of it. */
#include "runtime/fake_peer.h"

#include "runtime/gen_server.h"
#include "runtime/links.h"
#include "runtime/seq_trace.h"
#include "wire/etf_read.h"

#define TOKEN "{5,{a,label},41,<a.5.0>,3}"

static void in(struct fake *f, const char *control, const char *message)
{
    fake_in(&f->a, control, message);
    fake_run(f);
}

static void seq_trace__message_with_a_token__sends_carry_it_on(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    in(f, "{SEND_TT,'',<0.1.0>," TOKEN "}", "hello");
    fake_send(f, process, "<a.6.0>", "one");
    fake_send(f, process, "<a.6.0>", "two");
    fake_expect_out(f, &f->a,
                    "{SEND_SENDER_TT,<0.1.0>,<a.6.0>,{5,{a,label},42,<0.1.0>,41}} one; "
                    "{SEND_SENDER_TT,<0.1.0>,<a.6.0>,{5,{a,label},43,<0.1.0>,41}} two");
}

static void seq_trace__every_form_of_send__brings_it(void **state)
{
    static const char *const forms[] = {"{SEND_TT,'',<0.1.0>," TOKEN "}",
                                        "{SEND_SENDER_TT,<a.5.0>,<0.1.0>," TOKEN "}"};
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        in(f, forms[i], "traced");
        assert_true(seq_trace_token(process).size > 0);
        in(f, "{SEND,'',<0.1.0>}", "plain");
        assert_null(process_ties(process)->seq_trace);
    }
}

static void seq_trace__lower_serial_than_before__clock_goes_on(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    in(f, "{SEND_TT,'',<0.1.0>,{0,l,7,<a.5.0>,0}}", "m");
    in(f, "{SEND_TT,'',<0.1.0>,{0,l,2,<a.5.0>,0}}", "m");
    fake_send(f, process, "<a.6.0>", "x");
    fake_expect_out(f, &f->a, "{SEND_SENDER_TT,<0.1.0>,<a.6.0>,{0,l,8,<0.1.0>,2}} x");
}

static void seq_trace__message_without__next_send_has_none(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    in(f, "{SEND_TT,'',<0.1.0>," TOKEN "}", "m");
    in(f, "{SEND,'',<0.1.0>}", "m");
    fake_send(f, process, "<a.6.0>", "x");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.6.0>} x");
}

static void seq_trace__what_is_no_token__is_none(void **state)
{
    static const char *const tokens[] = {"x",
                                         "{}",
                                         "{1,2,3,4}",
                                         "{a,l,1,<a.5.0>,0}",
                                         "{0,l,x,<a.5.0>,0}",
                                         "{0,l,1,<a.5.0>,y}",
                                         "[]",
                                         "{0,l,1,<a.5.0>,0,6}"};
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        char control[96];
        snprintf(control, sizeof control, "{SEND_TT,'',<0.1.0>,%s}", tokens[i]);
        in(f, control, "m");
        assert_null(process_ties(process)->seq_trace);
    }
}

static void seq_trace__between_local_processes__goes_along(void **state)
{
    struct fake *f = *state;
    struct process *first = fake_probe(f);
    struct process *second = fake_probe(f);
    in(f, "{SEND_TT,'',<0.1.0>," TOKEN "}", "m");
    fake_send(f, first, "<0.2.0>", "on");
    fake_expect(f, 2, "on");
    fake_send(f, second, "<a.6.0>", "back");
    fake_expect_out(f, &f->a, "{SEND_SENDER_TT,<0.2.0>,<a.6.0>,{5,{a,label},43,<0.2.0>,42}} back");
}

static void seq_trace__message_that_waits__keeps_it(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    process_pause(process);
    in(f, "{SEND_TT,'',<0.1.0>," TOKEN "}", "m");
    assert_null(process_ties(process)->seq_trace);
    process_resume(process);
    fake_run(f);
    assert_true(seq_trace_token(process).size > 0);
}

static void seq_trace__exit_by_link__carries_it(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    fake_in(&f->a, "{LINK,<a.5.0>,<0.1.0>}", NULL);
    in(f, "{SEND_TT,'',<0.1.0>," TOKEN "}", "m");
    fake_exit(process, "why");
    fake_expect_out(f, &f->a, "{PAYLOAD_EXIT_TT,<0.1.0>,<a.5.0>,{5,{a,label},42,<0.1.0>,41}} why");
}

/* ---- answers */

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
    while (self->owed != NULL) {
        struct from from = gen_server_owed_from(self->owed);
        gen_server_reply_atom(self, &from, "late");
        gen_server_owed_free(self->owed);
    }
}

static const struct gen_server_type server_type = {
    .process = GEN_SERVER_PROCESS("server", struct gen_server),
    .init = init,
    .handle_call = handle_call,
    .handle_cast = handle_cast,
};

static void seq_trace__deferred_answers__each_carries_its_own(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = NULL;
    assert_int_equal(gen_server_start(&f->node, &server_type, NULL, NULL, NULL, &server), 0);
    in(f, "{SEND_TT,'',<0.1.0>," TOKEN "}", "{'$gen_call',{<a.5.0>,[alias|#a.7]},later}");
    in(f, "{SEND,'',<0.1.0>}", "{'$gen_call',{<a.6.0>,x},later}");
    in(f, "{SEND_TT,'',<0.1.0>,{0,other,50,<a.5.0>,3}}", "{'$gen_call',{<a.8.0>,y},later}");
    in(f, "{SEND,'',<0.1.0>}", "{'$gen_cast',answer}");
    fake_expect_out(f, &f->a,
                    "{ALIAS_SEND_TT,<0.1.0>,#a.7,{5,{a,label},42,<0.1.0>,41}} {[alias|#a.7],late}; "
                    "{SEND_SENDER,<0.1.0>,<a.6.0>} {x,late}; "
                    "{SEND_SENDER_TT,<0.1.0>,<a.8.0>,{0,other,51,<0.1.0>,50}} {y,late}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(seq_trace__message_with_a_token__sends_carry_it_on),
        FAKE_TEST(seq_trace__every_form_of_send__brings_it),
        FAKE_TEST(seq_trace__lower_serial_than_before__clock_goes_on),
        FAKE_TEST(seq_trace__message_without__next_send_has_none),
        FAKE_TEST(seq_trace__what_is_no_token__is_none),
        FAKE_TEST(seq_trace__between_local_processes__goes_along),
        FAKE_TEST(seq_trace__message_that_waits__keeps_it),
        FAKE_TEST(seq_trace__exit_by_link__carries_it),
        FAKE_TEST(seq_trace__deferred_answers__each_carries_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
