#include "runtime/fake_peer.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/registry.h"
#include "wire/control.h"
#include "wire/etf_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void name(struct process *process, const char *text)
{
    assert_int_equal(registry_add(process, slice_of_text(text)), 0);
}

/* ---- who is connected */

static void peer_up__connected__is_found_by_name_and_pid(void **state)
{
    struct fake *f = *state;
    struct buf memory[4] = {BUF_EMPTY, BUF_EMPTY, BUF_EMPTY, BUF_EMPTY};
    struct pid here = fake_pid(&memory[0], "<a.5.0>"), stale = fake_pid(&memory[1], "<a.5.0!>"),
               absent = fake_pid(&memory[2], "<z.5.0>"), ours = fake_pid(&memory[3], "<0.1.0>");
    assert_ptr_equal(peer_find(&f->node, slice_of_text("a@host")), f->a.peer);
    assert_ptr_equal(peer_find(&f->node, slice_of_text("b@host")), f->b.peer);
    assert_null(peer_find(&f->node, slice_of_text("z@host")));
    assert_ptr_equal(peer_of_pid(&f->node, &here), f->a.peer);
    assert_null(peer_of_pid(&f->node, &stale));
    assert_null(peer_of_pid(&f->node, &absent));
    assert_null(peer_of_pid(&f->node, &ours));
    for (int i = 0; i < 4; i++)
        buf_release(&memory[i]);
}

static void peer_down__connected__is_not_found_and_not_written_to(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    fake_down(&f->a);
    assert_null(peer_find(&f->node, slice_of_text("a@host")));
    fake_send(f, process, "<a.5.0>", "m");
    assert_int_equal(f->a.wakes, 0);
    assert_int_equal(f->a.closes, 0);
}

static void peer_up__after_down__starts_afresh(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    fake_send(f, process, "<a.5.0>", "lost");
    fake_down(&f->a);
    fake_up(f, &f->a, 'a', HANDSHAKE_FLAGS);
    fake_expect_out(f, &f->a, "");
    fake_send(f, process, "<a.5.0>", "m");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} m");
}

/* ---- output */

static void peer_wake__several_frames__transport_is_woken_once_until_flushed(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    fake_send(f, process, "<a.5.0>", "one");
    fake_send(f, process, "<a.5.0>", "two");
    assert_int_equal(f->a.wakes, 1);
    assert_int_equal(f->a.peer->frames_out, 2);
    assert_int_equal(f->b.wakes, 0);
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} one; {SEND_SENDER,<0.1.0>,<a.5.0>} two");
    fake_send(f, process, "<a.5.0>", "three");
    assert_int_equal(f->a.wakes, 2);
}

/* ---- messages in */

static void peer_frame__messages_of_each_form__arrive_in_order(void **state)
{
    struct fake *f = *state;
    name(fake_probe(f), "server");
    fake_in(&f->a, "{SEND,'',<0.1.0>}", "one");
    fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0>}", "two");
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',server}", "three");
    fake_in(&f->a, "{SEND_TT,'',<0.1.0>,token}", "four");
    fake_expect(f, 1, "one two three four");
    assert_int_equal(f->a.peer->frames_in, 4);
}

static void peer_frame__messages_to_nobody__are_dropped(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    fake_in(&f->a, "{SEND,'',<0.2.0>}", "m");
    fake_in(&f->a, "{SEND,'',<0.1.1>}", "m");
    fake_in(&f->a, "{SEND,'',<0.1.0!>}", "m");
    fake_in(&f->a, "{SEND,'',<a.1.0>}", "m");
    fake_in(&f->a, "{SEND,'',<z.1.0>}", "m");
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',nobody}", "m");
    fake_in(&f->a, "{ALIAS_SEND,<a.5.0>,#0.1}", "m");
    fake_expect(f, 1, "");
    fake_expect_out(f, &f->a, "");
}

static void peer_frame__message_to_another_node_of_equal_numbers__is_dropped(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    f->node.creation = fake_creation('b');
    fake_in(&f->a, "{SEND,'',<b.1.0>}", "m");
    fake_in(&f->a, "{EXIT2,<a.5.0>,<b.1.0>,kill}", NULL);
    fake_expect(f, 1, "");
    fake_expect_events(f, "");
}

static void peer_frame__deeply_nested_message__arrives(void **state)
{
    enum { DEPTH = 100000 };
    struct fake *f = *state;
    struct buf frame = BUF_EMPTY;
    static const uint8_t head[] = {112, 131};
    process_pause(fake_probe(f));
    buf_append(&frame, head, sizeof head);
    fake_write(&frame, "{SEND,'',<0.1.0>}");
    etf_write_version(&frame);
    for (int i = 0; i < DEPTH; i++)
        etf_write_list(&frame, 1);
    for (int i = 0; i <= DEPTH; i++)
        etf_write_nil(&frame);
    assert_int_equal(peer_frame(f->a.peer, buf_slice(&frame)), 0);
    assert_non_null(fake_process(f, 1)->mailbox);
    buf_release(&frame);
}

/* ---- exit/2 in */

static void peer_frame__exit2__needs_no_link(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    fake_probe(f)->trap_exit = true;
    fake_probe(f)->trap_exit = true;
    fake_in(&f->a, "{EXIT2,<a.5.0>,<0.1.0>,normal}", NULL);
    fake_expect_events(f, "");
    fake_in(&f->a, "{EXIT2,<a.5.0>,<0.1.0>,{bad,luck}}", NULL);
    fake_in(&f->a, "{PAYLOAD_EXIT2,<a.5.0>,<0.2.0>}", "{bad,luck}");
    fake_in(&f->a, "{PAYLOAD_EXIT2,<a.5.0>,<0.3.0>}", "kill");
    fake_in(&f->a, "{EXIT2,<a.5.0>,<0.2.0!>,kill}", NULL);
    fake_in(&f->a, "{EXIT2,<a.5.0>,<0.9.0>,kill}", NULL);
    fake_in(&f->a, "{EXIT2,<a.5.0>,<a.2.0>,kill}", NULL);
    fake_expect(f, 2, "{'EXIT',<a.5.0>,{bad,luck}}");
    fake_expect_events(f, "<0.1.0>:{bad,luck} <0.3.0>:killed");
}

/* ---- spawn requests, and what nobody needs */

static const char spawn_request[] = "{SPAWN_REQUEST,#a.7,<a.5.0>,<a.1.0>,{erlang,apply,2},[monitor]}";

static void peer_frame__spawn_request__is_answered_notsup(void **state)
{
    struct fake *f = *state;
    fake_in(&f->a, spawn_request, "[x,[]]");
    fake_expect_out(f, &f->a, "{SPAWN_REPLY,#a.7,<a.5.0>,0,notsup}");
}

static bool served(struct peer *peer, const void *request)
{
    const struct control *control = request;
    struct buf text = BUF_EMPTY;
    fake_render(&text, control->mfa);
    fake_render(&text, control->arguments);
    bool ours = slice_equal(buf_slice(&text), slice_of_text("{erlang,apply,2}[x,[]]"));
    buf_release(&text);
    return ours;
}

static void peer_frame__spawn_request_that_is_served__is_not_answered_here(void **state)
{
    struct fake *f = *state;
    f->node.spawn_request = served;
    fake_in(&f->a, spawn_request, "[x,[]]");
    fake_expect_out(f, &f->a, "");
    fake_in(&f->a, spawn_request, "[y,[]]");
    fake_expect_out(f, &f->a, "{SPAWN_REPLY,#a.7,<a.5.0>,0,notsup}");
}

static void peer_frame__group_leader_or_spawn_reply__is_ignored(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    fake_in(&f->a, "{GROUP_LEADER,<a.1.0>,<0.1.0>}", NULL);
    fake_in(&f->a, "{SPAWN_REPLY,#0.7,<0.1.0>,0,<a.9.0>}", NULL);
    fake_expect(f, 1, "");
    fake_expect_out(f, &f->a, "");
}

/* ---- who breaks the protocol */

static void peer_frame__signs_for_another_node__breaks_the_protocol(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    static const char *const controls[] = {
        "{LINK,<b.5.0>,<0.1.0>}",
        "{LINK,<0.2.0>,<0.1.0>}",
        "{EXIT,<b.5.0>,<0.1.0>,why}",
        "{UNLINK_ID,1,<b.5.0>,<0.1.0>}",
        "{UNLINK_ID_ACK,1,<b.5.0>,<0.1.0>}",
        "{MONITOR_P,<b.5.0>,<0.1.0>,#b.1}",
    };
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
        assert_int_equal(fake_in_status(&f->a, controls[i], NULL), ERR_PROTOCOL);
    fake_expect_events(f, "");
    fake_expect_out(f, &f->a, "");
}

static void peer_frame__wrong_shape__breaks_the_protocol(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    static const char *const controls[] = {
        "hello",
        "{}",
        "{5,<a.5.0>,<0.1.0>}",
        "{LINK,<a.5.0>}",
        "{LINK,<a.5.0>,<0.1.0>,more}",
        "{LINK,atom,<0.1.0>}",
        "{LINK,<a.5.0>,name}",
        "{MONITOR_P,<a.5.0>,<0.1.0>,no_ref}",
        "{UNLINK_ID,0,<a.5.0>,<0.1.0>}",
        "{UNLINK_ID,-1,<a.5.0>,<0.1.0>}",
        "{SEND,'',<0.1.0>}",
        "{REG_SEND,<a.5.0>,'',<0.1.0>}",
    };
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
        assert_int_not_equal(fake_in_status(&f->a, controls[i], NULL), 0);
    assert_int_equal(fake_in_status(&f->a, "{LINK,<a.5.0>,<0.1.0>}", "payload"), ERR_PROTOCOL);
    fake_expect_out(f, &f->a, "");
    assert_int_equal(f->a.peer->frames_in, 0);
}

/* One frame of each kind, changed at random: errors are fine, anything else is the sanitizer's to find. */
static const struct {
    const char *control;
    const char *payload;
} kinds[] = {
    {"{SEND,'',<0.1.0>}", "{m,[1,2|3]}"},
    {"{SEND_SENDER,<a.5.0>,<0.1.0>}", "m"},
    {"{REG_SEND,<a.5.0>,'',server}", "m"},
    {"{ALIAS_SEND,<a.5.0>,#0.1}", "m"},
    {"{LINK,<a.5.0>,<0.1.0>}", NULL},
    {"{UNLINK_ID,300,<a.5.0>,<0.1.0>}", NULL},
    {"{UNLINK_ID_ACK,18446744073709551615,<a.5.0>,<0.1.0>}", NULL},
    {"{EXIT,<a.5.0>,<0.1.0>,normal}", NULL},
    {"{PAYLOAD_EXIT,<a.5.0>,<0.1.0>}", "normal"},
    {"{EXIT2,<a.5.0>,<0.1.0>,normal}", NULL},
    {"{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL},
    {"{MONITOR_P,<a.5.0>,server,#a.8}", NULL},
    {"{DEMONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL},
    {"{PAYLOAD_MONITOR_P_EXIT,<a.5.0>,<0.1.0>,#0.1}", "why"},
    {"{SPAWN_REQUEST,#a.7,<a.5.0>,<a.1.0>,{erlang,apply,2},[monitor]}", "[x,[]]"},
};

static void write_frame(struct buf *out, size_t kind)
{
    buf_clear(out);
    buf_append_u8(out, 112);
    etf_write_version(out);
    fake_write(out, kinds[kind].control);
    if (kinds[kind].payload != NULL) {
        etf_write_version(out);
        fake_write(out, kinds[kind].payload);
    }
}

static void damage(struct buf *frame)
{
    for (int i = rand() % 3; i >= 0; i--)
        frame->data[(size_t)rand() % frame->size] = (uint8_t)(rand() % 4 ? rand() : rand() % 120);
    if (rand() % 4 == 0)
        frame->size = (size_t)rand() % frame->size;
}

static enum receive swallow(struct process *self, struct slice message)
{
    return RECEIVE_TAKEN;
}

static const struct process_type swallower = {
    .module = "swallower", .size = sizeof(struct process), .receive = swallow};

static void peer_frame__damaged_frames__never_hurt(void **state)
{
    struct fake *f = *state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    struct buf frame = BUF_EMPTY;
    for (unsigned i = 0; i < 60000; i++) {
        if (registry_find(&f->node, slice_of_text("server")) == NULL)
            name(process_new(&f->node, &swallower), "server");
        write_frame(&frame, (size_t)rand() % (sizeof kinds / sizeof *kinds));
        if (rand() % 2)
            damage(&frame);
        uint8_t *copy = mem_dup(frame.data, frame.size);
        peer_frame(f->a.peer, slice_of(copy, frame.size));
        mem_free(copy);
        node_run(&f->node);
        buf_clear(&f->a.peer->out);
    }
    buf_release(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(peer_up__connected__is_found_by_name_and_pid),
        FAKE_TEST(peer_down__connected__is_not_found_and_not_written_to),
        FAKE_TEST(peer_up__after_down__starts_afresh),
        FAKE_TEST(peer_wake__several_frames__transport_is_woken_once_until_flushed),
        FAKE_TEST(peer_frame__messages_of_each_form__arrive_in_order),
        FAKE_TEST(peer_frame__messages_to_nobody__are_dropped),
        FAKE_TEST(peer_frame__message_to_another_node_of_equal_numbers__is_dropped),
        FAKE_TEST(peer_frame__deeply_nested_message__arrives),
        FAKE_TEST(peer_frame__exit2__needs_no_link),
        FAKE_TEST(peer_frame__spawn_request__is_answered_notsup),
        FAKE_TEST(peer_frame__spawn_request_that_is_served__is_not_answered_here),
        FAKE_TEST(peer_frame__group_leader_or_spawn_reply__is_ignored),
        FAKE_TEST(peer_frame__signs_for_another_node__breaks_the_protocol),
        FAKE_TEST(peer_frame__wrong_shape__breaks_the_protocol),
        FAKE_TEST(peer_frame__damaged_frames__never_hurt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
