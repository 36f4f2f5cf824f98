/* The release of a peer: told by its flags, or asked for; and what waits for it. */
#include "runtime/peer_release.h"

#include "runtime/fake_peer.h"
#include "runtime/gen_server.h"
#include "runtime/sys.h"

#include <stdio.h>

static unsigned release_of(struct fake *f, const char *pid)
{
    struct buf term = BUF_EMPTY;
    fake_write(&term, pid);
    unsigned release = release_of_pid(&f->node, buf_slice(&term));
    buf_release(&term);
    return release;
}

static void connect_again(struct fake *f, uint64_t flags)
{
    fake_down(&f->a);
    fake_up(f, &f->a, 'a', flags);
    f->a.peer->release = RELEASE_UNKNOWN;
}

/* The question is asked by that process, and ref the reference of its request. */
static void expect_question(struct fake *f, const char *process, unsigned ref)
{
    char frames[256];
    snprintf(frames, sizeof frames,
             "{SPAWN_REQUEST,#0.%u,%s,%s,{erpc,execute_call,4},[monitor]} "
             "[#0.%u,erlang,system_info,[otp_release]]",
             ref, process, process, ref);
    fake_expect_out(f, &f->a, frames);
}

static void answer(struct fake *f, const char *process, unsigned ref, const char *reason)
{
    char control[128], text[128];
    snprintf(control, sizeof control, "{SPAWN_REPLY,#0.%u,%s,2,<a.9.0>}", ref, process);
    fake_in(&f->a, control, NULL);
    snprintf(control, sizeof control, "{PAYLOAD_MONITOR_P_EXIT,<a.9.0>,%s,#0.%u}", process, ref);
    snprintf(text, sizeof text, "{#0.%u,%s}", ref, reason);
    fake_in(&f->a, control, text);
    fake_run(f);
}

static void release_of_pid__told_by_flags__nobody_is_asked(void **state)
{
    struct fake *f = *state;
    connect_again(f, HANDSHAKE_FLAGS);
    assert_int_equal(release_of(f, "<a.5.0>"), RELEASE_WITH_ALTACT);
    connect_again(f, HANDSHAKE_FLAGS & ~DFLAG_ALIAS);
    assert_int_equal(release_of(f, "<a.5.0>"), RELEASE_WITH_ALTACT);
    connect_again(f, FAKE_FLAGS & ~DFLAG_ALIAS);
    assert_int_equal(release_of(f, "<a.5.0>"), RELEASE_WITHOUT_ALIAS);
    fake_expect_out(f, &f->a, "");
}

static void release_of_pid__no_connected_node__is_ours(void **state)
{
    struct fake *f = *state;
    static const char *const terms[] = {"<0.1.0>", "<z.5.0>", "#a.7", "{name,a@host}", "name", "<a.5.0!>"};
    connect_again(f, FAKE_FLAGS);
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++)
        assert_int_equal(release_of(f, terms[i]), RELEASE_OURS);
    fake_expect_out(f, &f->a, "");
}

static void release_of_pid__not_known__is_asked_once(void **state)
{
    struct fake *f = *state;
    connect_again(f, FAKE_FLAGS);
    assert_int_equal(release_of(f, "<a.5.0>"), RELEASE_UNKNOWN);
    assert_int_equal(release_of(f, "<a.6.0>"), RELEASE_UNKNOWN);
    expect_question(f, "<0.2.0>", 2);
    answer(f, "<0.2.0>", 2, "return,\"27\"");
    assert_int_equal(release_of(f, "<a.5.0>"), 27);
    fake_expect_out(f, &f->a, "");
    assert_int_equal(f->node.process_count, 0);
}

static void release_of_pid__no_release_or_an_error__is_as_ours(void **state)
{
    static const char *const answers[] = {"return,\"R27\"", "return,\"27777\"", "return,\"0\"",
                                          "return,27",      "return,[]",        "error,undef,[]",
                                          "exit,x",         "throw,\"27\""};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        void *own;
        fake_set_up(&own);
        struct fake *f = own;
        connect_again(f, FAKE_FLAGS);
        release_of(f, "<a.5.0>");
        expect_question(f, "<0.2.0>", 2);
        answer(f, "<0.2.0>", 2, answers[i]);
        assert_int_equal(release_of(f, "<a.5.0>"), RELEASE_OURS);
        fake_tear_down(&own);
    }
}

static void release_of_pid__peer_that_cannot_spawn__is_as_ours(void **state)
{
    struct fake *f = *state;
    connect_again(f, FAKE_FLAGS & ~DFLAG_SPAWN);
    assert_int_equal(release_of(f, "<a.5.0>"), RELEASE_OURS);
    assert_int_equal(f->node.process_count, 0);
}

static void release_of_pid__connection_lost__next_one_asks_anew(void **state)
{
    struct fake *f = *state;
    connect_again(f, FAKE_FLAGS);
    release_of(f, "<a.5.0>");
    expect_question(f, "<0.2.0>", 2);
    connect_again(f, FAKE_FLAGS);
    fake_run(f);
    assert_int_equal(release_of(f, "<a.5.0>"), RELEASE_UNKNOWN);
    expect_question(f, "<0.2.1>", 4);
    answer(f, "<0.2.1>", 4, "return,\"24\"");
    assert_int_equal(release_of(f, "<a.5.0>"), 24);
}

static void release_of_pid__question_killed__is_asked_anew(void **state)
{
    struct fake *f = *state;
    connect_again(f, FAKE_FLAGS);
    release_of(f, "<a.5.0>");
    expect_question(f, "<0.2.0>", 2);
    fake_in(&f->a, "{EXIT2,<a.5.0>,<0.1.0>,kill}", NULL);
    fake_run(f);
    assert_false(f->a.peer->release_asked);
    assert_int_equal(release_of(f, "<a.5.0>"), RELEASE_UNKNOWN);
    assert_true(f->a.peer->release_asked);
}

/* ---- what waits for it */

static int init(struct gen_server *self, const void *argument)
{
    return 0;
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    gen_server_reply(self, from, request);
}

static void write_state(struct gen_server *self, struct buf *out)
{
    fake_write(out, "state");
}

static const struct gen_server_type server = {.process = GEN_SERVER_PROCESS("server", struct gen_server),
                                              .init = init,
                                              .handle_call = handle_call,
                                              .write_state = write_state};

/* get_state, and a call behind it that need not wait. */
static void ask_for_the_state(struct fake *f)
{
    struct gen_server *started;
    assert_int_equal(gen_server_start(&f->node, &server, NULL, NULL, NULL, &started), 0);
    connect_again(f, FAKE_FLAGS);
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "{system,{<a.5.0>,t},get_state}");
    expect_question(f, "<0.3.0>", 2);
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "{'$gen_call',{<a.5.0>,u},hello}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {u,hello}");
}

static void sys_get_state__asked_from_a_later_release__is_ok_and_the_state(void **state)
{
    struct fake *f = *state;
    ask_for_the_state(f);
    answer(f, "<0.3.0>", 2, "return,\"26\"");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {t,{ok,state}}");
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "{system,{<a.5.0>,t},get_state}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {t,{ok,state}}");
}

static void sys_get_state__asked_from_an_earlier_release__is_the_bare_state(void **state)
{
    struct fake *f = *state;
    ask_for_the_state(f);
    answer(f, "<0.3.0>", 2, "return,\"25\"");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {t,state}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(release_of_pid__told_by_flags__nobody_is_asked),
        FAKE_TEST(release_of_pid__no_connected_node__is_ours),
        FAKE_TEST(release_of_pid__not_known__is_asked_once),
        FAKE_TEST(release_of_pid__no_release_or_an_error__is_as_ours),
        FAKE_TEST(release_of_pid__peer_that_cannot_spawn__is_as_ours),
        FAKE_TEST(release_of_pid__connection_lost__next_one_asks_anew),
        FAKE_TEST(release_of_pid__question_killed__is_asked_anew),
        FAKE_TEST(sys_get_state__asked_from_a_later_release__is_ok_and_the_state),
        FAKE_TEST(sys_get_state__asked_from_an_earlier_release__is_the_bare_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
