#include "runtime/fake_peer.h"

#include "runtime/links.h"
#include "runtime/mailbox.h"
#include "runtime/process_send.h"
#include "wire/etf_read.h"

#include <stdio.h>

/* ---- messages */

static void process_deliver__idle__runs_at_once(void **state)
{
    struct fake *f = *state;
    fake_deliver(fake_probe(f), "one");
    assert_true(slice_equal(buf_slice(&f->probes[1].messages), slice_of_text("one")));
    assert_null(fake_process(f, 1)->mailbox);
    fake_expect(f, 1, "one");
}

static void process_deliver__some_queued__keeps_their_order(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    fake_post(process, "one");
    fake_deliver(process, "two");
    fake_post(process, "three");
    fake_deliver(process, "four");
    fake_expect(f, 1, "one two three four");
    assert_int_equal(f->node.messages, 4);
}

static void process_post__thousands__all_arrive_in_order(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    struct buf expected = BUF_EMPTY;
    for (unsigned i = 0; i < 25000; i++) {
        char number[16];
        int size = snprintf(number, sizeof number, i > 0 ? " %u" : "%u", i);
        buf_append(&expected, number, (size_t)size);
        fake_post(process, number + (i > 0));
    }
    buf_append_u8(&expected, '\0');
    assert_true(node_run(&f->node)); /* more than the budget of one turn */
    fake_expect(f, 1, (const char *)expected.data);
    buf_release(&expected);
}

/* Leaves everything but what the test lets through. */
static enum receive only_wanted(struct fake *f, struct process *self, struct slice message)
{
    return f->custom == 1 || etf_is_atom(message, "wanted") ? RECEIVE_TAKEN : RECEIVE_LEFT;
}

static void receive__left_on_the_direct_path__stays_until_rescan(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, only_wanted);
    fake_deliver(process, "a");
    fake_deliver(process, "b");
    fake_deliver(process, "wanted");
    assert_int_equal(mailbox_length(process->mailbox), 2);
    fake_expect(f, 1, "a b wanted");
    f->custom = 1;
    process_rescan(process);
    fake_expect(f, 1, "a b");
    assert_null(process->mailbox);
}

static void receive__left_from_the_mailbox__offered_again_in_order(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, only_wanted);
    fake_post(process, "a");
    fake_post(process, "wanted");
    fake_post(process, "b");
    fake_expect(f, 1, "a wanted b");
    fake_deliver(process, "c");
    fake_deliver(process, "wanted");
    fake_expect(f, 1, "c wanted");
    f->custom = 1;
    process_rescan(process);
    fake_post(process, "d");
    fake_expect(f, 1, "a b c d");
}

/* The wanted message changes what is let through. */
static enum receive rescan_at_wanted(struct fake *f, struct process *self, struct slice message)
{
    if (etf_is_atom(message, "wanted")) {
        f->custom = 1;
        process_rescan(self);
    }
    return only_wanted(f, self, message);
}

static void process_rescan__inside_a_callback__happens_behind_it(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, rescan_at_wanted);
    fake_deliver(process, "a");
    fake_deliver(process, "b");
    fake_deliver(process, "wanted");
    fake_expect(f, 1, "a b wanted a b");
    f->custom = 0;
    fake_post(process, "c");
    fake_post(process, "wanted");
    fake_post(process, "d");
    fake_expect(f, 1, "c wanted c d");
}

static enum receive leave_and_rescan(struct fake *f, struct process *self, struct slice message)
{
    if (f->custom++ > 0)
        return RECEIVE_TAKEN;
    process_rescan(self);
    return RECEIVE_LEFT;
}

static void process_rescan__by_the_message_that_is_left__offers_it_again(void **state)
{
    struct fake *f = *state;
    fake_deliver(fake_probe_hooked(f, leave_and_rescan), "a");
    fake_expect(f, 1, "a a");
}

static enum receive post_to_self(struct fake *f, struct process *self, struct slice message)
{
    if (f->custom++ == 0) {
        fake_deliver(self, "mine");
        assert_int_equal(f->custom, 1); /* a callback never runs inside another */
        return RECEIVE_LEFT;
    }
    return RECEIVE_TAKEN;
}

static void process_deliver__to_self_while_handling__queues_behind(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, post_to_self);
    fake_deliver(process, "first");
    fake_expect(f, 1, "first mine");
    process_rescan(process);
    fake_expect(f, 1, "first");
}

static enum receive deliver_to_two(struct fake *f, struct process *self, struct slice message)
{
    fake_deliver(fake_process(f, 2), "hello");
    assert_int_equal(f->probes[2].messages.size, 0);
    return RECEIVE_TAKEN;
}

static void process_deliver__to_another_while_handling__queues(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, deliver_to_two);
    fake_probe(f);
    fake_deliver(process, "go");
    fake_expect(f, 2, "hello");
}

/* ---- pause */

static void process_pause__messages__wait_in_order(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    process_pause(process);
    fake_deliver(process, "a");
    fake_post(process, "b");
    fake_expect(f, 1, "");
    assert_int_equal(mailbox_length(process->mailbox), 2);
    process_resume(process);
    fake_deliver(process, "c");
    fake_expect(f, 1, "a b c");
}

static enum receive pause_at_first(struct fake *f, struct process *self, struct slice message)
{
    if (f->custom++ == 0)
        process_pause(self);
    return RECEIVE_TAKEN;
}

static void process_pause__inside_a_callback__stops_behind_it(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, pause_at_first);
    fake_post(process, "a");
    fake_post(process, "b");
    fake_expect(f, 1, "a");
    process_resume(process);
    fake_expect(f, 1, "b");
}

static void process_resume__nothing_waits__is_quiet(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    process_resume(process);
    process_pause(process);
    process_resume(process);
    fake_expect(f, 1, "");
}

static void process_exit__paused_with_messages__ends(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    process_pause(process);
    fake_post(process, "never");
    fake_exit(process, "over");
    fake_expect_events(f, "<0.1.0>:over");
    fake_expect(f, 1, "");
}

/* ---- exit */

static enum receive exit_twice(struct fake *f, struct process *self, struct slice message)
{
    fake_exit(self, "{first,[reason]}");
    process_exit_atom(self, "second");
    assert_non_null(fake_process(f, 1)); /* until the callback returns */
    fake_post(self, "never");
    return RECEIVE_TAKEN;
}

static void process_exit__inside_a_callback__ends_behind_it_with_the_first_reason(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, exit_twice);
    fake_deliver(process, "go");
    assert_null(fake_process(f, 1));
    fake_expect_events(f, "<0.1.0>:{first,[reason]}");
    fake_expect(f, 1, "go");
}

static void process_exit__inside_a_callback_from_the_mailbox__drops_the_rest(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, exit_twice);
    fake_post(process, "go");
    fake_post(process, "never");
    fake_expect(f, 1, "go");
    fake_expect_events(f, "<0.1.0>:{first,[reason]}");
    assert_int_equal(f->node.process_count, 0);
}

static void process_exit__in_the_run_queue__is_not_run(void **state)
{
    struct fake *f = *state;
    fake_post(fake_probe(f), "never");
    fake_post(fake_probe(f), "here");
    fake_exit(fake_process(f, 1), "over");
    fake_expect(f, 1, "");
    fake_expect(f, 2, "here");
}

static enum receive exit_two(struct fake *f, struct process *self, struct slice message)
{
    fake_exit(fake_process(f, 2), "other");
    assert_null(fake_process(f, 2));
    return RECEIVE_TAKEN;
}

static void process_exit__of_an_idle_one_from_another__ends_at_once(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, exit_two);
    fake_post(fake_probe(f), "never");
    fake_deliver(process, "go");
    fake_expect_events(f, "<0.2.0>:other");
    fake_expect(f, 2, "");
}

static void process_leave__exit_between__ends_at_the_outermost(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    process_enter(process);
    process_enter(process);
    fake_exit(process, "over");
    fake_deliver(process, "never");
    process_leave(process);
    assert_non_null(fake_process(f, 1));
    process_leave(process);
    assert_null(fake_process(f, 1));
    assert_int_equal(f->node.depth, 0);
    fake_expect(f, 1, "");
}

static void process_leave__rescan_between__offers_left_messages(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, only_wanted);
    fake_deliver(process, "a");
    fake_expect(f, 1, "a");
    f->custom = 1;
    process_enter(process);
    process_rescan(process);
    process_leave(process);
    fake_expect(f, 1, "a");
}

static void process_leave__message_to_it_between__is_queued(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    process_enter(process);
    fake_deliver(process, "a");
    assert_int_equal(f->probes[1].messages.size, 0);
    process_leave(process);
    fake_expect(f, 1, "a");
}

/* ---- exit signals */

static void signal_in(struct process *process, enum exit_kind kind, const char *reason)
{
    struct buf from = BUF_EMPTY, term = BUF_EMPTY;
    fake_write(&from, "<a.7.0>");
    fake_write(&term, reason);
    process_exit_signal(process, kind, buf_slice(&from), buf_slice(&term));
    buf_release(&from);
    buf_release(&term);
}

struct signal_case {
    enum exit_kind kind;
    bool trap;
    const char *reason;
    const char *message; /* it receives */
    const char *death;   /* it dies of */
};

static const struct signal_case signal_cases[] = {
    {EXIT_BY_LINK, false, "normal", "", ""},
    {EXIT_BY_CALL, false, "normal", "", ""},
    {EXIT_BY_LINK, true, "normal", "{'EXIT',<a.7.0>,normal}", ""},
    {EXIT_BY_CALL, true, "normal", "{'EXIT',<a.7.0>,normal}", ""},
    {EXIT_BY_LINK, false, "kill", "", "<0.1.0>:kill"},
    {EXIT_BY_CALL, false, "kill", "", "<0.1.0>:killed"},
    {EXIT_BY_LINK, true, "kill", "{'EXIT',<a.7.0>,kill}", ""},
    {EXIT_BY_CALL, true, "kill", "", "<0.1.0>:killed"},
    {EXIT_BY_LINK, false, "{bad,[1,\"x\"]}", "", "<0.1.0>:{bad,[1,\"x\"]}"},
    {EXIT_BY_CALL, false, "{bad,[1,\"x\"]}", "", "<0.1.0>:{bad,[1,\"x\"]}"},
    {EXIT_BY_LINK, true, "{bad,[1,\"x\"]}", "{'EXIT',<a.7.0>,{bad,[1,\"x\"]}}", ""},
    {EXIT_BY_CALL, true, "{bad,[1,\"x\"]}", "{'EXIT',<a.7.0>,{bad,[1,\"x\"]}}", ""},
};

static void process_exit_signal__each_kind_and_reason__as_the_reference_manual_says(void **state)
{
    for (size_t i = 0; i < sizeof signal_cases / sizeof *signal_cases; i++) {
        const struct signal_case *c = &signal_cases[i];
        void *fixture;
        fake_set_up(&fixture);
        struct fake *f = fixture;
        struct process *process = fake_probe(f);
        process->trap_exit = c->trap;
        signal_in(process, c->kind, c->reason);
        fake_expect(f, 1, c->message);
        fake_expect_events(f, c->death);
        fake_tear_down(&fixture);
    }
}

static void send_exit(struct process *from, process_id to, const char *reason)
{
    struct buf term = BUF_EMPTY;
    fake_write(&term, reason);
    process_send_exit(from, to, buf_slice(&term));
    buf_release(&term);
}

static void process_send_exit__to_another__dies_of_it(void **state)
{
    struct fake *f = *state;
    struct process *from = fake_probe(f);
    fake_probe(f);
    send_exit(from, f->probes[2].id, "shutdown");
    fake_expect_events(f, "<0.2.0>:shutdown");
    send_exit(from, f->probes[2].id, "shutdown"); /* it is gone */
    fake_expect_events(f, "");
}

static void process_send_exit__kill__becomes_killed_for_the_linked(void **state)
{
    struct fake *f = *state;
    struct process *from = fake_probe(f);
    struct process *killed = fake_probe(f);
    struct process *linked = fake_probe(f);
    killed->trap_exit = true;
    link_add(killed, linked);
    send_exit(from, killed->id, "kill");
    fake_expect_events(f, "<0.2.0>:killed <0.3.0>:killed");
}

static void process_send_exit__before_a_message__arrives_before_it(void **state)
{
    struct fake *f = *state;
    struct process *from = fake_probe(f);
    struct process *to = fake_probe(f);
    to->trap_exit = true;
    send_exit(from, to->id, "first");
    fake_send(f, from, "<0.2.0>", "second");
    fake_expect(f, 2, "{'EXIT',<0.1.0>,first} second");
}

static void process_send_exit__behind_a_message__arrives_behind_it(void **state)
{
    struct fake *f = *state;
    struct process *from = fake_probe(f);
    struct process *to = fake_probe(f);
    to->trap_exit = true;
    fake_send(f, from, "<0.2.0>", "first");
    send_exit(from, to->id, "second");
    fake_send(f, from, "<0.2.0>", "third");
    fake_expect(f, 2, "first {'EXIT',<0.1.0>,second} third");
}

/* ---- pids */

static void process_find__slot_used_again__has_a_new_serial(void **state)
{
    struct fake *f = *state;
    struct process *first = fake_probe(f);
    process_id old = first->id;
    fake_exit(first, "over");
    assert_null(process_find(&f->node, old));
    struct process *second = fake_probe(f);
    assert_int_not_equal(second->id, old);
    assert_int_equal((uint32_t)second->id, (uint32_t)old);
    assert_null(process_find(&f->node, old));
    assert_ptr_equal(process_find(&f->node, second->id), second);
    fake_send(f, NULL, "<0.1.0>", "never");
    fake_send(f, NULL, "<0.1.1>", "here");
    fake_expect(f, 2, "here");
}

static void process_find__not_a_process__is_null(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    assert_null(process_find(&f->node, 0));
    assert_null(process_find(&f->node, 2));
    assert_null(process_find(&f->node, UINT32_MAX));
    assert_null(process_find(&f->node, UINT64_MAX));
    assert_null(process_find(&f->node, (1ULL << 32) | 1));
    assert_null(process_find(&f->node, 1ULL << 32));
}

static void process_find_pid__other_creation__is_null(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    struct pid pid = process_pid(process);
    assert_ptr_equal(process_find_pid(&f->node, &pid), process);
    pid.creation++;
    assert_null(process_find_pid(&f->node, &pid));
}

static void process_write_pid__any__is_its_pid(void **state)
{
    struct fake *f = *state;
    struct buf term = BUF_EMPTY, text = BUF_EMPTY;
    fake_probe(f);
    process_write_pid(fake_probe(f), &term);
    fake_render(&text, buf_slice(&term));
    assert_true(slice_equal(buf_slice(&text), slice_of_text("<0.2.0>")));
    buf_release(&term);
    buf_release(&text);
}

/* ---- sending */

static void process_send__to_each_place__takes_the_right_form(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    fake_send(f, process, "<a.5.0>", "m1");
    fake_send(f, NULL, "<a.5.0>", "m2");
    fake_send(f, process, "<0.1.0>", "m3");
    fake_send(f, process, "<z.5.0>", "m4");
    fake_send(f, process, "<a.5.0!>", "m5");
    fake_send(f, process, "<0.1.0!>", "m6");
    fake_send(f, process, "no_pid", "m7");
    fake_expect_out(f, &f->a,
                    "{SEND_SENDER,<0.1.0>,<a.5.0>} m1; {SEND,'',<a.5.0>} m2; "
                    "{SEND_SENDER,<0.1.0>,<a.5.0!>} m5");
    fake_expect(f, 1, "m3");
}

static void process_send__peer_without_send_sender__takes_the_old_form(void **state)
{
    struct fake *f = *state;
    fake_down(&f->a);
    fake_up(f, &f->a, 'a', HANDSHAKE_FLAGS & ~DFLAG_SEND_SENDER);
    fake_send(f, fake_probe(f), "<a.5.0>", "m");
    fake_expect_out(f, &f->a, "{SEND,'',<a.5.0>} m");
}

static void alias_send(struct fake *f, struct process *from, const char *to, const char *alias)
{
    struct buf pid = BUF_EMPTY, ref = BUF_EMPTY;
    fake_write(&pid, to);
    fake_write(&ref, alias);
    fake_write(process_alias_send_begin(&f->node, from, buf_slice(&pid), buf_slice(&ref)), "m");
    process_send_end(&f->node);
    buf_release(&pid);
    buf_release(&ref);
}

static void process_alias_send__to_each_place__takes_the_right_form(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    alias_send(f, process, "<a.5.0>", "#a.9.8.7");
    alias_send(f, NULL, "<a.5.0>", "#a.9");
    alias_send(f, process, "<z.5.0>", "#z.9");
    alias_send(f, process, "<0.1.0>", "#0.9");
    fake_expect_out(f, &f->a, "{ALIAS_SEND,<0.1.0>,#a.9.8.7} m; {ALIAS_SEND,<0.0.0>,#a.9} m");
    fake_expect(f, 1, "");
}

static void process_alias_send__peer_without_alias__falls_back_to_the_pid(void **state)
{
    struct fake *f = *state;
    fake_down(&f->a);
    fake_up(f, &f->a, 'a', FAKE_FLAGS & ~DFLAG_ALIAS);
    alias_send(f, fake_probe(f), "<a.5.0>", "#a.9");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} m");
}

static void send_any(struct fake *f, struct process *from, const char *to)
{
    struct buf term = BUF_EMPTY;
    fake_write(&term, to);
    fake_write(process_send_any_begin(&f->node, from, buf_slice(&term)), "m");
    process_send_end(&f->node);
    buf_release(&term);
}

static void process_alias_send__peer_with_altact__takes_that_form(void **state)
{
    struct fake *f = *state;
    static const uint64_t flags[] = {HANDSHAKE_FLAGS, HANDSHAKE_FLAGS & ~DFLAG_ALIAS};
    struct process *process = fake_probe(f);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        fake_down(&f->a);
        fake_up(f, &f->a, 'a', flags[i]);
        alias_send(f, process, "<a.5.0>", "#a.9");
        send_any(f, process, "#a.8");
        fake_send(f, process, "<a.5.0>", "m");
        fake_expect_out(f, &f->a,
                        "{ALTACT_SIG_SEND,4,<0.1.0>,#a.9} m; {ALTACT_SIG_SEND,4,<0.1.0>,#a.8} m; "
                        "{SEND_SENDER,<0.1.0>,<a.5.0>} m");
    }
}

/* ---- bounds */

enum { OUTPUT_MAX = 500 };

/* Answers each message to a@host, with about a hundred bytes; custom counts. */
static enum receive answer_a(struct fake *f, struct process *self, struct slice message)
{
    fake_send(f, self, "<a.5.0>", "answer");
    f->custom++;
    return RECEIVE_TAKEN;
}

/* A process that handles what has waited for it, until it has filled a's output. */
static struct process *put_off(struct fake *f)
{
    f->node.limits.output_max = OUTPUT_MAX;
    struct process *process = fake_probe_hooked(f, answer_a);
    for (int i = 0; i < 20; i++)
        fake_post(process, "go");
    fake_run(f);
    assert_true(process->put_off);
    assert_true(f->custom > 1 && f->custom < 20);
    assert_in_range(f->a.peer->out.size, OUTPUT_MAX, OUTPUT_MAX + 150);
    assert_int_equal(f->node.put_off, 1);
    return process;
}

static void put_off__output_filled__goes_on_when_half_is_written(void **state)
{
    struct fake *f = *state;
    struct process *process = put_off(f);
    unsigned done = f->custom;
    fake_deliver(process, "later");
    fake_run(f);
    assert_int_equal(f->custom, done);
    buf_clear(&f->a.peer->out); /* taken, and not written */
    peer_flushed(f->a.peer, OUTPUT_MAX / 2 + 1);
    fake_run(f);
    assert_int_equal(f->custom, done);
    peer_flushed(f->a.peer, OUTPUT_MAX / 2);
    fake_run(f);
    assert_true(f->custom > done); /* what waits is less than before: not so many as before */
    assert_true(process->put_off);
    while (process->put_off) {
        buf_clear(&f->a.peer->out);
        peer_flushed(f->a.peer, 0);
        fake_run(f);
    }
    assert_int_equal(f->custom, 21);
    assert_int_equal(f->node.put_off, 0);
    assert_int_equal(f->node.unread, 0);
}

static void put_off__peer_down__goes_on(void **state)
{
    struct fake *f = *state;
    put_off(f);
    fake_down(&f->a);
    fake_run(f);
    assert_int_equal(f->custom, 20);
    assert_int_equal(f->node.put_off, 0);
}

static void put_off__exit_signal__ends_it(void **state)
{
    struct fake *f = *state;
    fake_exit(put_off(f), "over");
    assert_int_equal(f->node.put_off, 0);
    assert_int_equal(f->node.unread, 0);
    fake_down(&f->a);
    fake_expect_events(f, "<0.1.0>:over");
}

/* Whoever has just sent it need not be read: that is for the transport. */
static void put_off__answers_what_has_just_arrived__is_not(void **state)
{
    struct fake *f = *state;
    f->node.limits.output_max = OUTPUT_MAX;
    struct process *process = fake_probe_hooked(f, answer_a);
    for (int i = 0; i < 10; i++)
        fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0>}", "go");
    assert_false(process->put_off);
    assert_int_equal(f->custom, 10);
}

static void put_off__has_answered_another_peer__is(void **state)
{
    struct fake *f = *state;
    f->node.limits.output_max = OUTPUT_MAX;
    struct process *process = fake_probe_hooked(f, answer_a);
    for (int i = 0; i < 10; i++)
        fake_in(&f->b, "{SEND_SENDER,<b.5.0>,<0.1.0>}", "go");
    assert_true(process->put_off);
    assert_true(f->custom < 10);
    fake_down(&f->a);
    fake_run(f);
    assert_int_equal(f->custom, 10);
}

/* Each has answered nothing yet: all of them together would. */
static void put_off__many_have_a_message_of_a_full_peer__it_waits(void **state)
{
    enum { PROCESSES = 10 };
    struct fake *f = *state;
    struct process *processes[PROCESSES];
    f->node.limits.output_max = OUTPUT_MAX;
    for (unsigned i = 0; i < PROCESSES; i++) {
        char to[50];
        processes[i] = fake_probe_hooked(f, answer_a);
        process_pause(processes[i]);
        snprintf(to, sizeof to, "{SEND_SENDER,<a.5.0>,<0.%u.0>}", i + 1);
        fake_in(&f->a, to, "go");
    }
    struct process *other = fake_probe(f);
    process_pause(other);
    fake_in(&f->b, "{SEND_SENDER,<b.5.0>,<0.11.0>}", "go");
    for (unsigned i = 0; i < PROCESSES; i++)
        process_resume(processes[i]);
    process_resume(other);
    fake_expect(f, PROCESSES + 1, "go");
    assert_in_range(f->a.peer->out.size, OUTPUT_MAX, OUTPUT_MAX + 150);
    assert_true(f->custom < PROCESSES);
    assert_int_equal(f->node.put_off, PROCESSES - f->custom + 1); /* the one that filled it too */
    while (f->node.put_off > 0) {
        buf_clear(&f->a.peer->out);
        peer_flushed(f->a.peer, 0);
        fake_run(f);
    }
    assert_int_equal(f->custom, PROCESSES);
    assert_null(f->node.full);
}

static void put_off__left_message_of_a_full_peer__waits_to_be_offered_again(void **state)
{
    struct fake *f = *state;
    f->node.limits.output_max = OUTPUT_MAX;
    struct process *process = fake_probe_hooked(f, only_wanted);
    fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0>}", "unwanted");
    put_off(f);
    process_rescan(process);
    fake_run(f);
    assert_true(process->put_off);
    assert_int_equal(f->node.put_off, 2);
    fake_down(&f->a);
    fake_run(f);
    assert_int_equal(f->node.put_off, 0);
    assert_int_equal(mailbox_left(process->mailbox) > 0, true);
}

static void unread__paused__counts_until_it_is_taken(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    process_pause(process);
    fake_deliver(process, "a");
    fake_post(process, "b");
    assert_int_equal(f->node.unread, mailbox_unread(process->mailbox));
    process_resume(process);
    fake_expect(f, 1, "a b");
    assert_int_equal(f->node.unread, 0);
}

/* What it waits for may come from a peer that must be read for that. */
static void unread__waits_for_a_peer__does_not_count(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    fake_post(process, "a");
    process_await(process);
    fake_deliver(process, "b");
    assert_int_equal(f->node.unread, 0);
    assert_true(mailbox_unread(process->mailbox) > 0);
    process_resume(process);
    assert_int_equal(f->node.unread, mailbox_unread(process->mailbox));
    fake_expect(f, 1, "a b");
}

/* Nor a peer that reads slowly: the others are read meanwhile. */
static void unread__put_off__does_not_count(void **state)
{
    struct fake *f = *state;
    struct process *process = put_off(f);
    assert_int_equal(f->node.unread, 0);
    assert_true(mailbox_unread(process->mailbox) > 0);
    fake_deliver(process, "go");
    assert_int_equal(f->node.unread, 0);
    fake_down(&f->a);
    assert_int_equal(f->node.unread, mailbox_unread(process->mailbox));
    fake_run(f);
    assert_int_equal(f->custom, 21);
    assert_int_equal(f->node.unread, 0);
}

static bool deliver_atom(struct process *process, const char *atom)
{
    struct buf term = BUF_EMPTY;
    fake_write(&term, atom);
    bool taken = process_deliver(process, 0, buf_slice(&term), slice_of(NULL, 0));
    buf_release(&term);
    return taken;
}

enum { MAILBOX_MAX = 1000 };

static struct process *fill_mailbox(struct fake *f)
{
    f->node.limits.mailbox_max = MAILBOX_MAX;
    struct process *process = fake_probe_hooked(f, only_wanted);
    for (int i = 0; mailbox_left(process->mailbox) <= MAILBOX_MAX; i++)
        assert_true(deliver_atom(process, "unwanted"));
    return process;
}

static void mailbox_full__left_ones__no_more_are_taken_but_what_is_wanted(void **state)
{
    struct fake *f = *state;
    struct process *process = fill_mailbox(f);
    uint32_t length = mailbox_length(process->mailbox);
    assert_false(deliver_atom(process, "unwanted"));
    assert_int_equal(mailbox_length(process->mailbox), length);
    assert_true(deliver_atom(process, "wanted"));
    f->custom = 1;
    process_rescan(process);
    fake_run(f);
    assert_null(process->mailbox);
    assert_true(deliver_atom(process, "anything"));
}

static void mailbox_full__not_offered_yet__is_not(void **state)
{
    struct fake *f = *state;
    f->node.limits.mailbox_max = MAILBOX_MAX;
    struct process *process = fake_probe(f);
    process_pause(process);
    for (int i = 0; i < 100; i++)
        assert_true(deliver_atom(process, "m"));
    assert_true(mailbox_unread(process->mailbox) > 2 * MAILBOX_MAX);
    process_await(process); /* now they depend on others */
    assert_false(deliver_atom(process, "m"));
    process_resume(process);
    assert_true(deliver_atom(process, "m"));
}

static void mailbox_full__put_off__counts_what_was_not_offered(void **state)
{
    struct fake *f = *state;
    f->node.limits.mailbox_max = MAILBOX_MAX;
    struct process *process = put_off(f);
    for (int i = 0; mailbox_unread(process->mailbox) <= MAILBOX_MAX; i++)
        assert_true(deliver_atom(process, "m"));
    assert_false(deliver_atom(process, "m"));
    fake_post(process, "m"); /* what comes from here has room */
    assert_false(process->overfull);
    fake_down(&f->a);
    assert_true(deliver_atom(process, "m"));
}

static void mailbox_full__from_local_processes__killed_at_twice_that(void **state)
{
    struct fake *f = *state;
    struct process *process = fill_mailbox(f);
    process->trap_exit = true;
    for (int i = 0; i < 100 && fake_process(f, 1) != NULL; i++) {
        fake_post(process, "unwanted");
        fake_run(f);
        if (fake_process(f, 1) != NULL)
            assert_true(mailbox_left(process->mailbox) <= 2 * MAILBOX_MAX + 100);
    }
    fake_expect_events(f, "<0.1.0>:killed");
    assert_int_equal(f->node.unread, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(process_deliver__idle__runs_at_once),
        FAKE_TEST(process_deliver__some_queued__keeps_their_order),
        FAKE_TEST(process_post__thousands__all_arrive_in_order),
        FAKE_TEST(receive__left_on_the_direct_path__stays_until_rescan),
        FAKE_TEST(receive__left_from_the_mailbox__offered_again_in_order),
        FAKE_TEST(process_rescan__inside_a_callback__happens_behind_it),
        FAKE_TEST(process_rescan__by_the_message_that_is_left__offers_it_again),
        FAKE_TEST(process_deliver__to_self_while_handling__queues_behind),
        FAKE_TEST(process_deliver__to_another_while_handling__queues),
        FAKE_TEST(process_pause__messages__wait_in_order),
        FAKE_TEST(process_pause__inside_a_callback__stops_behind_it),
        FAKE_TEST(process_resume__nothing_waits__is_quiet),
        FAKE_TEST(process_exit__paused_with_messages__ends),
        FAKE_TEST(process_exit__inside_a_callback__ends_behind_it_with_the_first_reason),
        FAKE_TEST(process_exit__inside_a_callback_from_the_mailbox__drops_the_rest),
        FAKE_TEST(process_exit__in_the_run_queue__is_not_run),
        FAKE_TEST(process_exit__of_an_idle_one_from_another__ends_at_once),
        FAKE_TEST(process_leave__exit_between__ends_at_the_outermost),
        FAKE_TEST(process_leave__rescan_between__offers_left_messages),
        FAKE_TEST(process_leave__message_to_it_between__is_queued),
        cmocka_unit_test(process_exit_signal__each_kind_and_reason__as_the_reference_manual_says),
        FAKE_TEST(process_send_exit__to_another__dies_of_it),
        FAKE_TEST(process_send_exit__kill__becomes_killed_for_the_linked),
        FAKE_TEST(process_send_exit__before_a_message__arrives_before_it),
        FAKE_TEST(process_send_exit__behind_a_message__arrives_behind_it),
        FAKE_TEST(process_find__slot_used_again__has_a_new_serial),
        FAKE_TEST(process_find__not_a_process__is_null),
        FAKE_TEST(process_find_pid__other_creation__is_null),
        FAKE_TEST(process_write_pid__any__is_its_pid),
        FAKE_TEST(process_send__to_each_place__takes_the_right_form),
        FAKE_TEST(process_send__peer_without_send_sender__takes_the_old_form),
        FAKE_TEST(process_alias_send__to_each_place__takes_the_right_form),
        FAKE_TEST(process_alias_send__peer_without_alias__falls_back_to_the_pid),
        FAKE_TEST(process_alias_send__peer_with_altact__takes_that_form),
        FAKE_TEST(put_off__output_filled__goes_on_when_half_is_written),
        FAKE_TEST(put_off__peer_down__goes_on),
        FAKE_TEST(put_off__exit_signal__ends_it),
        FAKE_TEST(put_off__answers_what_has_just_arrived__is_not),
        FAKE_TEST(put_off__has_answered_another_peer__is),
        FAKE_TEST(put_off__many_have_a_message_of_a_full_peer__it_waits),
        FAKE_TEST(put_off__left_message_of_a_full_peer__waits_to_be_offered_again),
        FAKE_TEST(unread__paused__counts_until_it_is_taken),
        FAKE_TEST(unread__waits_for_a_peer__does_not_count),
        FAKE_TEST(unread__put_off__does_not_count),
        FAKE_TEST(mailbox_full__put_off__counts_what_was_not_offered),
        FAKE_TEST(mailbox_full__left_ones__no_more_are_taken_but_what_is_wanted),
        FAKE_TEST(mailbox_full__not_offered_yet__is_not),
        FAKE_TEST(mailbox_full__from_local_processes__killed_at_twice_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
