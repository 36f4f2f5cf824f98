#include "runtime/fake_peer.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/aliases.h"
#include "runtime/links.h"
#include "runtime/mailbox.h"
#include "runtime/monitors.h"
#include "runtime/process_send.h"
#include "runtime/registry.h"
#include "wire/control.h"
#include "wire/etf_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void name(struct process *process, const char *text)
{
    assert_int_equal(registry_add(process, slice_of_text(text)), 0);
}

/* ---- who is connected */

static void peer_up__connected__is_found_by_name(void **state)
{
    struct fake *f = *state;
    struct buf a = BUF_EMPTY, z = BUF_EMPTY, odd = BUF_EMPTY;
    fake_write(&a, "a@host");
    fake_write(&z, "z@host");
    fake_write(&odd, "{a@host}");
    assert_ptr_equal(peer_find(&f->node, slice_of_text("a@host")), f->a.peer);
    assert_ptr_equal(peer_find(&f->node, slice_of_text("b@host")), f->b.peer);
    assert_null(peer_find(&f->node, slice_of_text("z@host")));
    assert_ptr_equal(peer_known(&f->node, buf_slice(&a)), f->a.peer);
    assert_ptr_equal(peer_reach(&f->node, buf_slice(&a)), f->a.peer);
    assert_null(peer_known(&f->node, buf_slice(&z)));
    assert_null(peer_reach(&f->node, buf_slice(&z)));
    assert_null(peer_reach(&f->node, buf_slice(&odd)));
    buf_release(&a);
    buf_release(&z);
    buf_release(&odd);
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

static void peer_reach__after_frames_of_two__is_the_one_of_that_name(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    struct buf a = BUF_EMPTY, b = BUF_EMPTY, old_form = BUF_EMPTY;
    fake_write(&a, "a@host");
    fake_write(&b, "b@host");
    buf_append_u8(&old_form, ETF_ATOM_UTF8);
    buf_append_u16(&old_form, 6);
    buf_append(&old_form, "b@host", 6);
    for (int i = 0; i < 2; i++) {
        fake_in(i == 0 ? &f->a : &f->b, "{SEND,'',<0.1.0>}", "m");
        assert_ptr_equal(peer_reach(&f->node, buf_slice(&a)), f->a.peer);
        assert_ptr_equal(peer_reach(&f->node, buf_slice(&b)), f->b.peer);
        assert_ptr_equal(peer_reach(&f->node, buf_slice(&old_form)), f->b.peer);
    }
    fake_down(&f->b);
    assert_null(peer_reach(&f->node, buf_slice(&b)));
    assert_ptr_equal(peer_reach(&f->node, buf_slice(&a)), f->a.peer);
    fake_up(f, &f->b, 'b', HANDSHAKE_FLAGS);
    fake_send(f, process, "<b.5.0>", "m");
    fake_expect_out(f, &f->b, "{SEND_SENDER,<0.1.0>,<b.5.0>} m");
    buf_release(&a);
    buf_release(&b);
    buf_release(&old_form);
}

/* ---- on its way up */

enum { WAITING_MAX = 1000 };

/* What the test connects with: counts in f->custom. */
static bool connect_later(void *ctx, const char *node)
{
    struct fake *f = ctx;
    f->custom++;
    return strcmp(node, "z@host") == 0;
}

static void dial(struct fake *f)
{
    f->node.dial.connect = connect_later;
    f->node.dial.ctx = f;
    f->node.dial.waiting_size_max = WAITING_MAX;
}

static struct ref watch(struct process *process, const char *target)
{
    struct buf term = BUF_EMPTY;
    struct ref ref;
    fake_write(&term, target);
    monitor_add(process, buf_slice(&term), &ref);
    buf_release(&term);
    return ref;
}

static void link_to(struct process *process, const char *text)
{
    struct buf memory = BUF_EMPTY;
    struct pid pid = fake_pid(&memory, text);
    link_remote(process, &pid);
    buf_release(&memory);
}

static void unlink_from(struct process *process, const char *text)
{
    struct buf memory = BUF_EMPTY;
    struct pid pid = fake_pid(&memory, text);
    unlink_remote(process, &pid);
    buf_release(&memory);
}

static void send_any(struct fake *f, struct process *from, const char *to, const char *message)
{
    struct buf term = BUF_EMPTY;
    fake_write(&term, to);
    fake_write(process_send_any_begin(&f->node, from, buf_slice(&term)), message);
    process_send_end(&f->node);
    buf_release(&term);
}

/* One of each signal. */
static void signal_each(struct fake *f, struct process *process)
{
    fake_send(f, process, "<z.5.0>", "one");
    watch(process, "<z.6.0>");
    link_to(process, "<z.7.0>");
    send_any(f, process, "{name,z@host}", "two");
    struct ref ref = watch(process, "{name,z@host}");
    monitor_remove(process, &ref);
    unlink_from(process, "<z.7.0>");
    link_to(process, "<z.8.0!>");
    send_any(f, process, "#z.1", "three");
}

#define EACH_SIGNAL                                                                                          \
    "{SEND,'',<z.5.0>} one; {MONITOR_P,<0.1.0>,<z.6.0>,#0.1}; {LINK,<0.1.0>,<z.7.0>}; "                      \
    "{REG_SEND,<0.1.0>,'',name} two; {MONITOR_P,<0.1.0>,name,#0.2}; {DEMONITOR_P,<0.1.0>,name,#0.2}; "       \
    "{UNLINK_ID,1,<0.1.0>,<z.7.0>}; {LINK,<0.1.0>,<z.8.0!>}; {ALIAS_SEND,<0.1.0>,#z.1} three"

static void pending__each_signal__waits_and_goes_out_in_order(void **state)
{
    struct fake *f = *state;
    struct fake_peer z;
    struct process *process = fake_probe(f);
    dial(f);
    signal_each(f, process);
    assert_int_equal(f->custom, 1);
    assert_null(peer_find(&f->node, slice_of_text("z@host")));
    assert_true(peer_find_pending(&f->node, slice_of_text("z@host"))->pending);
    fake_expect(f, 1, "");
    fake_up(f, &z, 'z', HANDSHAKE_FLAGS);
    assert_true(z.peer->woken);
    assert_null(f->node.pending);
    fake_send(f, process, "<z.5.0>", "four");
    fake_expect_out(f, &z, EACH_SIGNAL "; {SEND_SENDER,<0.1.0>,<z.5.0>} four");
    fake_in(&z, "{EXIT,<z.8.0!>,<0.1.0>,noproc}", NULL);
    fake_expect_events(f, "<0.1.0>:noproc");
    fake_down(&z);
}

static void pending__fails__noconnection_to_monitors_and_links(void **state)
{
    struct fake *f = *state;
    dial(f);
    fake_probe(f)->trap_exit = true;
    signal_each(f, fake_process(f, 1));
    link_to(fake_probe(f), "<z.9.0>");
    peer_down(peer_find_pending(&f->node, slice_of_text("z@host")));
    fake_expect(f, 1, "{'DOWN',#0.1,process,<z.6.0>,noconnection} {'EXIT',<z.8.0!>,noconnection}");
    fake_expect_events(f, "<0.2.0>:noconnection");
    assert_null(f->node.pending);
    assert_int_equal(f->node.monitors.count, 0);
    assert_int_equal(f->node.remote_links.count, 0);
}

static void pending__not_to_be_connected__noconnection_at_once(void **state)
{
    struct fake *f = *state;
    fake_probe(f)->trap_exit = true;
    dial(f);
    watch(fake_process(f, 1), "<y.5.0>");
    link_to(fake_process(f, 1), "<y.5.0>");
    fake_send(f, fake_process(f, 1), "<y.5.0>", "lost");
    unlink_from(fake_process(f, 1), "<y.5.0>");
    fake_expect(f, 1, "{'DOWN',#0.1,process,<y.5.0>,noconnection} {'EXIT',<y.5.0>,noconnection}");
    assert_int_equal(f->custom, 3); /* nothing was linked: no reason to connect */
    assert_null(f->node.pending);
}

static void pending__peer_is_less_than_was_hoped__what_waited_is_lost(void **state)
{
    struct fake *f = *state;
    struct fake_peer z;
    fake_probe(f)->trap_exit = true;
    dial(f);
    signal_each(f, fake_process(f, 1));
    fake_up(f, &z, 'z', FAKE_FLAGS & ~DFLAG_ALIAS);
    fake_expect(f, 1, "{'DOWN',#0.1,process,<z.6.0>,noconnection} {'EXIT',<z.8.0!>,noconnection}");
    fake_send(f, NULL, "<z.5.0>", "later");
    fake_expect_out(f, &z, "{SEND,'',<z.5.0>} later");
    fake_down(&z);
}

static void pending__more_than_may_wait__is_lost(void **state)
{
    struct fake *f = *state;
    struct fake_peer z;
    struct process *process = fake_probe(f);
    dial(f);
    watch(process, "<z.6.0>");
    for (int i = 0; i < WAITING_MAX; i++)
        fake_send(f, process, "<z.5.0>", "more");
    assert_int_equal(peer_find_pending(&f->node, slice_of_text("z@host"))->out.size, 0);
    watch(process, "<z.7.0>");
    fake_expect(f, 1, "{'DOWN',#0.2,process,<z.7.0>,noconnection}");
    fake_up(f, &z, 'z', HANDSHAKE_FLAGS);
    fake_expect(f, 1, "{'DOWN',#0.1,process,<z.6.0>,noconnection}");
    fake_send(f, NULL, "<z.5.0>", "later");
    fake_expect_out(f, &z, "{SEND,'',<z.5.0>} later");
    assert_int_equal(f->custom, 1);
    fake_down(&z);
}

static void pending__process_ends__its_links_end_too(void **state)
{
    struct fake *f = *state;
    struct fake_peer z;
    dial(f);
    watch(fake_probe(f), "<z.6.0>");
    link_to(fake_process(f, 1), "<z.7.0>");
    fake_exit(fake_process(f, 1), "over");
    fake_up(f, &z, 'z', HANDSHAKE_FLAGS);
    fake_expect_out(f, &z,
                    "{MONITOR_P,<0.1.0>,<z.6.0>,#0.1}; {LINK,<0.1.0>,<z.7.0>}; {EXIT,<0.1.0>,<z.7.0>,over}; "
                    "{DEMONITOR_P,<0.1.0>,<z.6.0>,#0.1}");
    fake_down(&z);
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

/* ---- ALTACT_SIG_SEND in */

static void peer_frame__altact_message__is_delivered_to_pid_name_and_alias(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    struct ref alias;
    name(process, "name");
    alias_add(process, true, &alias);
    fake_in(&f->a, "{ALTACT_SIG_SEND,0,<a.5.0>,<0.1.0>}", "pid");
    fake_in(&f->a, "{ALTACT_SIG_SEND,8,<a.5.0>,name}", "name");
    fake_in(&f->a, "{ALTACT_SIG_SEND,4,<a.5.0>,#0.1}", "alias");
    fake_in(&f->a, "{ALTACT_SIG_SEND,4,<a.5.0>,#0.1}", "alias_again");
    fake_in(&f->a, "{ALTACT_SIG_SEND,8,<a.5.0>,nobody}", "nobody");
    fake_in(&f->a, "{ALTACT_SIG_SEND,0,<a.5.0>,<0.1.0!>}", "stale");
    fake_in(&f->a, "{ALTACT_SIG_SEND,2,<a.5.0>,<0.1.0>,token}", "traced");
    fake_expect(f, 1, "pid name alias traced");
}

static void peer_frame__altact_priority__is_in_order_without_a_priority_alias(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    struct ref alias;
    alias_add(process, false, &alias);
    process_pause(process);
    fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0>}", "first");
    fake_in(&f->a, "{ALTACT_SIG_SEND,1,<a.5.0>,<0.1.0>}", "second");
    fake_in(&f->a, "{ALTACT_SIG_SEND,5,<a.5.0>,#0.1}", "third");
    process_resume(process);
    fake_expect(f, 1, "first second third");
}

static void peer_frame__altact_exit__reaches_pid_name_and_alias(void **state)
{
    struct fake *f = *state;
    struct process *traps = fake_probe(f);
    struct ref alias;
    traps->trap_exit = true;
    name(traps, "name");
    alias_add(traps, true, &alias);
    alias_add(fake_probe(f), true, &alias);
    fake_in(&f->a, "{ALTACT_SIG_SEND,16,<a.5.0>,<0.1.0>}", "pid");
    fake_in(&f->a, "{ALTACT_SIG_SEND,17,<a.5.0>,<0.1.0>}", "priority");
    fake_in(&f->a, "{ALTACT_SIG_SEND,24,<a.5.0>,name}", "name");
    fake_in(&f->a, "{ALTACT_SIG_SEND,20,<a.5.0>,#0.1}", "alias");
    fake_in(&f->a, "{ALTACT_SIG_SEND,20,<a.5.0>,#0.1}", "alias_again");
    fake_in(&f->a, "{ALTACT_SIG_SEND,20,<a.5.0>,#0.9}", "no_alias");
    fake_in(&f->a, "{ALTACT_SIG_SEND,24,<a.5.0>,nobody}", "nobody");
    fake_in(&f->a, "{ALTACT_SIG_SEND,20,<a.5.0>,#0.2}", "kill");
    fake_expect(f, 1,
                "{'EXIT',<a.5.0>,pid} {'EXIT',<a.5.0>,priority} {'EXIT',<a.5.0>,name} {'EXIT',<a.5.0>,alias} "
                "{'EXIT',<a.5.0>,alias_again}");
    fake_expect_events(f, "<0.2.0>:killed");
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
        "{LINK,<b.5.0>,<0.1.0>}",           "{LINK,<0.2.0>,<0.1.0>}",
        "{EXIT,<b.5.0>,<0.1.0>,why}",       "{EXIT2,<b.5.0>,<0.1.0>,why}",
        "{EXIT2,<0.2.0>,<0.1.0>,kill}",     "{EXIT2,<b.5.0>,<0.9.0>,why}",
        "{UNLINK_ID,1,<b.5.0>,<0.1.0>}",    "{UNLINK_ID_ACK,1,<b.5.0>,<0.1.0>}",
        "{MONITOR_P,<b.5.0>,<0.1.0>,#b.1}", "{EXIT2,<b.5.0>,<0.1.0>,why}",
        "{EXIT2,<0.1.0>,<0.1.0>,why}",
    };
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
        assert_int_equal(fake_in_status(&f->a, controls[i], NULL), ERR_PROTOCOL);
    assert_int_equal(fake_in_status(&f->a, "{PAYLOAD_EXIT2,<b.5.0>,<0.1.0>}", "kill"), ERR_PROTOCOL);
    assert_int_equal(fake_in_status(&f->a, "{ALTACT_SIG_SEND,16,<b.5.0>,<0.1.0>}", "kill"), ERR_PROTOCOL);
    fake_expect_events(f, "");
    fake_expect_out(f, &f->a, "");
}

static void peer_frame__message_signed_for_another_node__breaks_the_protocol(void **state)
{
    struct fake *f = *state;
    struct process *probe = fake_probe(f);
    registry_add(probe, slice_of_text("name"));
    static const char *const controls[] = {
        "{SEND_SENDER,<b.5.0>,<0.1.0>}",       "{SEND_SENDER,<0.1.0>,<0.1.0>}",
        "{SEND_SENDER_TT,<b.5.0>,<0.1.0>,[]}", "{REG_SEND,<b.5.0>,'',name}",
        "{REG_SEND,<0.1.0>,'',nobody}",        "{ALIAS_SEND,<b.5.0>,#0.1}",
        "{PAYLOAD_EXIT2,<b.5.0>,<0.1.0>}",
    };
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
        assert_int_equal(fake_in_status(&f->a, controls[i], "m"), ERR_PROTOCOL);
    fake_expect(f, 1, "");
    assert_int_equal(fake_in_status(&f->a, "{REG_SEND,<a.5.0>,'',name}", "m"), 0);
    fake_expect(f, 1, "m");
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

static void peer_frame__spawn_reply_with_another_nodes_process__is_a_protocol_error(void **state)
{
    struct fake *f = *state;
    assert_int_equal(fake_in_status(&f->a, "{SPAWN_REPLY,#0.7,<0.1.0>,2,<b.9.0>}", NULL), ERR_PROTOCOL);
    assert_int_equal(fake_in_status(&f->a, "{SPAWN_REPLY,#0.7,<0.1.0>,2,<0.9.0>}", NULL), ERR_PROTOCOL);
}

static void peer_frame__spawn_reply_to_nobody__its_monitor_is_taken_back(void **state)
{
    struct fake *f = *state;
    fake_in(&f->a, "{SPAWN_REPLY,#0.7,<0.1.0>,1,<a.9.0>}", NULL);
    fake_in(&f->a, "{SPAWN_REPLY,#0.7,<0.1.0>,2,badopt}", NULL);
    fake_expect_out(f, &f->a, "");
    fake_in(&f->a, "{SPAWN_REPLY,#0.7,<0.1.0>,3,<a.9.0>}", NULL);
    fake_expect_out(f, &f->a, "{DEMONITOR_P,<0.1.0>,<a.9.0>,#0.7}");
}

/* ---- too much output */

static void send_binary(struct fake *f, struct process *process, size_t size)
{
    struct buf to = BUF_EMPTY, bytes = BUF_EMPTY;
    memset(buf_extend(&bytes, size), 0, size);
    fake_write(&to, "<a.5.0>");
    etf_write_binary(process_send_begin(&f->node, process, buf_slice(&to)), buf_slice(&bytes));
    process_send_end(&f->node);
    buf_release(&to);
    buf_release(&bytes);
}

static void overflow__any_sender__ends_the_connection_later(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    f->node.limits.output_max = 1000;
    fake_deliver(process, "m");
    send_binary(f, process, 100);
    peer_flushed(f->a.peer, 100); /* woken again by whatever comes next */
    unsigned sent = 0;
    for (; !f->a.peer->overflown; sent++)
        send_binary(f, process, 900);
    assert_in_range(sent * 900, 15 * 1000, 17 * 1000);
    assert_int_equal(f->a.peer->out.size, 0);
    assert_int_equal(f->a.wakes, 2); /* to look at it */
    assert_int_equal(f->a.closes, 0);
    send_binary(f, process, 900);
    control_tick(&f->a.peer->out);
    peer_wake(f->a.peer);
    assert_int_equal(f->a.peer->out.size, 0);
    fake_send(f, process, "<b.5.0>", "m"); /* others do not notice */
    fake_expect_out(f, &f->b, "{SEND_SENDER,<0.1.0>,<b.5.0>} m");
}

static void overflow__one_large_message__is_not(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    f->node.limits.output_max = 1000;
    send_binary(f, process, 500);
    send_binary(f, process, 1000000);
    for (int i = 0; i < 15; i++)
        send_binary(f, process, 900);
    assert_false(f->a.peer->overflown);
    for (int i = 0; i < 3; i++)
        send_binary(f, process, 900);
    assert_true(f->a.peer->overflown);
}

/* A transport may take as much of it as it likes. */
static void overflow__large_message_half_taken__is_not(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    f->node.limits.output_max = 1000;
    send_binary(f, process, 1000000);
    f->a.peer->out.size = 500;
    peer_flushed(f->a.peer, 2000);
    for (int i = 0; i < 15; i++)
        send_binary(f, process, 900);
    assert_false(f->a.peer->overflown);
    for (int i = 0; i < 4; i++)
        send_binary(f, process, 900);
    assert_true(f->a.peer->overflown);
}

static void frame__more_monitors_and_links_than_may_be__connection_is_to_end(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    f->node.limits.relations_max = 2;
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.1}", NULL);
    fake_in(&f->a, "{LINK,<a.5.0>,<0.1.0>}", NULL);
    fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0>}", "one");
    fake_in(&f->a, "{DEMONITOR_P,<a.5.0>,<0.1.0>,#a.1}", NULL);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.2}", NULL);
    assert_int_equal(f->a.peer->relations, 2);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.3}", NULL);
    assert_int_equal(fake_in_status(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0>}", "two"), ERR_SYSTEM_LIMIT);
    fake_in(&f->b, "{MONITOR_P,<b.5.0>,<0.1.0>,#b.1}", NULL); /* each has its own */
    process_exit_atom(process, "over");
    node_run(&f->node);
    assert_int_equal(f->a.peer->relations, 0);
    assert_int_equal(f->b.peer->relations, 0);
}

static enum receive leave_it(struct fake *f, struct process *self, struct slice message)
{
    return RECEIVE_LEFT;
}

static void frame__mailbox_full__connection_is_to_end(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, leave_it);
    f->node.limits.mailbox_max = 1;
    fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0>}", "one");
    assert_int_equal(fake_in_status(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0>}", "two"), ERR_MAILBOX_FULL);
    assert_int_equal(mailbox_length(process->mailbox), 1);
}

/* b has done nothing wrong: its calls are refused as long as the mailbox is full. */
static void frame__mailbox_full_of_another__refused_and_the_connection_stays(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, leave_it);
    f->node.limits.mailbox_max = 200;
    fake_in(&f->b, "{SEND_SENDER,<b.5.0>,<0.1.0>}", "small");
    for (int i = 0; mailbox_left(process->mailbox) <= 200; i++)
        fake_in(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0>}", "large");
    uint32_t length = mailbox_length(process->mailbox);
    fake_in(&f->b, "{SEND_SENDER,<b.5.0>,<0.1.0>}", "small");
    fake_expect_out(f, &f->b, "");
    fake_in(&f->b, "{SEND_SENDER,<b.5.0>,<0.1.0>}", "{'$todo_call',{<b.5.0>,tag},get}");
    fake_expect_out(f, &f->b, "{SEND,'',<b.5.0>} {tag,{exit,system_limit}}");
    assert_int_equal(f->node.refused, 2);
    assert_int_equal(mailbox_length(process->mailbox), length);
    assert_int_equal(fake_in_status(&f->a, "{SEND_SENDER,<a.5.0>,<0.1.0>}", "large"), ERR_MAILBOX_FULL);
}

/* Nobody's connection is to end for what processes of the node have sent. */
static void frame__mailbox_full_of_our_own__refused(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, leave_it);
    f->node.limits.mailbox_max = 200;
    for (int i = 0; i < 4; i++)
        fake_post(process, "ours");
    fake_run(f);
    fake_in(&f->b, "{SEND_SENDER,<b.5.0>,<0.1.0>}", "small");
    assert_int_equal(f->node.refused, 1);
    assert_int_equal(mailbox_length(process->mailbox), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(peer_up__connected__is_found_by_name),
        FAKE_TEST(peer_down__connected__is_not_found_and_not_written_to),
        FAKE_TEST(peer_up__after_down__starts_afresh),
        FAKE_TEST(peer_reach__after_frames_of_two__is_the_one_of_that_name),
        FAKE_TEST(pending__each_signal__waits_and_goes_out_in_order),
        FAKE_TEST(pending__fails__noconnection_to_monitors_and_links),
        FAKE_TEST(pending__not_to_be_connected__noconnection_at_once),
        FAKE_TEST(pending__peer_is_less_than_was_hoped__what_waited_is_lost),
        FAKE_TEST(pending__more_than_may_wait__is_lost),
        FAKE_TEST(pending__process_ends__its_links_end_too),
        FAKE_TEST(peer_wake__several_frames__transport_is_woken_once_until_flushed),
        FAKE_TEST(peer_frame__messages_of_each_form__arrive_in_order),
        FAKE_TEST(peer_frame__messages_to_nobody__are_dropped),
        FAKE_TEST(peer_frame__message_to_another_node_of_equal_numbers__is_dropped),
        FAKE_TEST(peer_frame__deeply_nested_message__arrives),
        FAKE_TEST(peer_frame__exit2__needs_no_link),
        FAKE_TEST(peer_frame__altact_message__is_delivered_to_pid_name_and_alias),
        FAKE_TEST(peer_frame__altact_priority__is_in_order_without_a_priority_alias),
        FAKE_TEST(peer_frame__altact_exit__reaches_pid_name_and_alias),
        FAKE_TEST(peer_frame__spawn_request__is_answered_notsup),
        FAKE_TEST(peer_frame__spawn_request_that_is_served__is_not_answered_here),
        FAKE_TEST(peer_frame__group_leader_or_spawn_reply__is_ignored),
        FAKE_TEST(peer_frame__signs_for_another_node__breaks_the_protocol),
        FAKE_TEST(peer_frame__message_signed_for_another_node__breaks_the_protocol),
        FAKE_TEST(peer_frame__wrong_shape__breaks_the_protocol),
        FAKE_TEST(peer_frame__damaged_frames__never_hurt),
        FAKE_TEST(peer_frame__spawn_reply_with_another_nodes_process__is_a_protocol_error),
        FAKE_TEST(peer_frame__spawn_reply_to_nobody__its_monitor_is_taken_back),
        FAKE_TEST(overflow__any_sender__ends_the_connection_later),
        FAKE_TEST(overflow__one_large_message__is_not),
        FAKE_TEST(overflow__large_message_half_taken__is_not),
        FAKE_TEST(frame__mailbox_full__connection_is_to_end),
        FAKE_TEST(frame__mailbox_full_of_another__refused_and_the_connection_stays),
        FAKE_TEST(frame__mailbox_full_of_our_own__refused),
        FAKE_TEST(frame__more_monitors_and_links_than_may_be__connection_is_to_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
