#include "runtime/fake_peer.h"

#include "runtime/monitors.h"
#include "runtime/registry.h"

#include <stdio.h>
#include <time.h>

enum {
    MANY = 100000,
    SECONDS_MAX = 10,
    SLICE_MAX = 1000, /* of those to be told of a death, in one go */
    RUN_MAX = 12000   /* in one node_run */
};

/* The first reference made is #0.1, and so on. */
static struct ref watch(struct process *process, const char *pid)
{
    struct buf term = BUF_EMPTY;
    struct ref ref;
    fake_write(&term, pid);
    monitor_add(process, buf_slice(&term), &ref);
    buf_release(&term);
    return ref;
}

static void name(struct process *process, const char *text)
{
    assert_int_equal(registry_add(process, slice_of_text(text)), 0);
}

static void expect_no_monitors(struct fake *f)
{
    assert_int_equal(f->node.monitors.count, 0);
}

/* ---- both local */

static void monitor_add__local_dies__down_comes_once(void **state)
{
    struct fake *f = *state;
    struct process *watcher = fake_probe(f);
    fake_probe(f);
    watch(watcher, "<0.2.0>");
    fake_exit(fake_process(f, 2), "{bad,luck}");
    fake_expect(f, 1, "{'DOWN',#0.1,process,<0.2.0>,{bad,luck}}");
    expect_no_monitors(f);
}

static void monitor_add__twice__both_come(void **state)
{
    struct fake *f = *state;
    struct process *watcher = fake_probe(f);
    fake_probe(f);
    watch(watcher, "<0.2.0>");
    watch(watcher, "<0.2.0>");
    fake_exit(fake_process(f, 2), "normal");
    fake_expect(f, 1, "{'DOWN',#0.2,process,<0.2.0>,normal} {'DOWN',#0.1,process,<0.2.0>,normal}");
}

static void monitor_add__not_alive__noproc_at_once(void **state)
{
    struct fake *f = *state;
    struct process *watcher = fake_probe(f);
    watch(watcher, "<0.9.0>");
    watch(watcher, "<0.1.0!>");
    watch(watcher, "no_pid");
    fake_expect(f, 1,
                "{'DOWN',#0.1,process,<0.9.0>,noproc} {'DOWN',#0.2,process,<0.1.0!>,noproc} "
                "{'DOWN',#0.3,process,{no_pid,us@host},noproc}");
    expect_no_monitors(f);
}

static void monitor_add__itself__nothing_comes(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    watch(process, "<0.1.0>");
    fake_exit(process, "over");
    fake_expect(f, 1, "");
    expect_no_monitors(f);
}

static void monitor_remove__then_death__nothing_comes(void **state)
{
    struct fake *f = *state;
    struct process *watcher = fake_probe(f);
    fake_probe(f);
    struct ref ref = watch(watcher, "<0.2.0>");
    monitor_remove(fake_process(f, 2), &ref); /* not its own */
    assert_int_not_equal(f->node.monitors.count, 0);
    monitor_remove(watcher, &ref);
    monitor_remove(watcher, &ref);
    fake_exit(fake_process(f, 2), "over");
    fake_expect(f, 1, "");
    expect_no_monitors(f);
}

static void monitors_process_down__the_watcher__leaves_the_watched_alone(void **state)
{
    struct fake *f = *state;
    struct process *watcher = fake_probe(f), *watched = fake_probe(f);
    watch(watcher, "<0.2.0>");
    fake_exit(watcher, "over");
    expect_no_monitors(f);
    assert_null(watched->watchers);
    fake_exit(watched, "over");
    fake_expect_events(f, "<0.1.0>:over <0.2.0>:over");
}

static void monitors_process_down__both_watch_each_other__one_hears(void **state)
{
    struct fake *f = *state;
    struct process *a = fake_probe(f), *b = fake_probe(f);
    watch(a, "<0.2.0>");
    watch(b, "<0.1.0>");
    fake_exit(a, "over");
    fake_expect(f, 2, "{'DOWN',#0.2,process,<0.1.0>,over}");
    expect_no_monitors(f);
}

static enum receive take_any(struct process *self, struct slice message)
{
    return RECEIVE_TAKEN;
}

static const struct process_type watcher_type = {
    .module = "watcher", .size = sizeof(struct process), .receive = take_any};

static void monitors_process_down__a_hundred_thousand_watchers__all_hear(void **state)
{
    struct fake *f = *state;
    struct process *watched = fake_probe(f);
    clock_t start = clock();
    for (int i = 0; i < MANY; i++)
        watch(process_new(&f->node, &watcher_type), "<0.1.0>");
    fake_exit(watched, "over");
    fake_run(f);
    assert_int_equal(f->node.messages, MANY);
    assert_in_range((clock() - start) / CLOCKS_PER_SEC, 0, SECONDS_MAX);
    expect_no_monitors(f);
}

/* ---- ours on a remote one */

static void monitor_add__remote__peer_is_asked_and_its_answer_delivered(void **state)
{
    struct fake *f = *state;
    watch(fake_probe(f), "<a.5.0>");
    fake_expect_out(f, &f->a, "{MONITOR_P,<0.1.0>,<a.5.0>,#0.1}");
    fake_in(&f->a, "{PAYLOAD_MONITOR_P_EXIT,<a.5.0>,<0.1.0>,#0.1}", "{bad,luck}");
    fake_expect(f, 1, "{'DOWN',#0.1,process,<a.5.0>,{bad,luck}}");
    fake_in(&f->a, "{MONITOR_P_EXIT,<a.5.0>,<0.1.0>,#0.1,again}", NULL);
    fake_expect(f, 1, "");
    expect_no_monitors(f);
}

static void monitor_add__remote_not_connected__noconnection_at_once(void **state)
{
    struct fake *f = *state;
    watch(fake_probe(f), "<z.5.0>");
    watch(fake_process(f, 1), "{name,z@host}");
    fake_expect(f, 1,
                "{'DOWN',#0.1,process,<z.5.0>,noconnection} "
                "{'DOWN',#0.2,process,{name,z@host},noconnection}");
}

static void monitor_add__earlier_incarnation__the_peer_answers(void **state)
{
    struct fake *f = *state;
    watch(fake_probe(f), "<a.5.0!>");
    fake_expect_out(f, &f->a, "{MONITOR_P,<0.1.0>,<a.5.0!>,#0.1}");
    fake_in(&f->a, "{MONITOR_P_EXIT,<a.5.0!>,<0.1.0>,#0.1,noproc}", NULL);
    fake_expect(f, 1, "{'DOWN',#0.1,process,<a.5.0!>,noproc}");
}

/* ---- ours by name */

static void monitor_add__local_name__down_tells_name_and_node(void **state)
{
    struct fake *f = *state;
    struct process *watcher = fake_probe(f);
    name(fake_probe(f), "bob");
    watch(watcher, "bob");
    watch(watcher, "{bob,us@host}");
    fake_exit(fake_process(f, 2), "over");
    fake_expect(f, 1, "{'DOWN',#0.2,process,{bob,us@host},over} {'DOWN',#0.1,process,{bob,us@host},over}");
    watch(watcher, "{bob,us@host}");
    watch(watcher, "{bob,1}");
    watch(watcher, "{1,us@host}");
    watch(watcher, "{bob,us@host,x}");
    fake_expect(f, 1,
                "{'DOWN',#0.3,process,{bob,us@host},noproc} {'DOWN',#0.4,process,{bob,1},noproc} "
                "{'DOWN',#0.5,process,{1,us@host},noproc} {'DOWN',#0.6,process,{bob,us@host,x},noproc}");
    expect_no_monitors(f);
}

static void monitor_add__remote_name__peer_is_asked_by_name(void **state)
{
    struct fake *f = *state;
    struct ref ref = watch(fake_probe(f), "{bob,a@host}");
    watch(fake_process(f, 1), "{bob,a@host}");
    monitor_remove(fake_process(f, 1), &ref);
    fake_expect_out(
        f, &f->a,
        "{MONITOR_P,<0.1.0>,bob,#0.1}; {MONITOR_P,<0.1.0>,bob,#0.2}; {DEMONITOR_P,<0.1.0>,bob,#0.1}");
    fake_in(&f->a, "{MONITOR_P_EXIT,bob,<0.1.0>,#0.2,why}", NULL);
    fake_expect(f, 1, "{'DOWN',#0.2,process,{bob,a@host},why}");
    watch(fake_process(f, 1), "{bob,a@host}");
    fake_down(&f->a);
    fake_expect(f, 1, "{'DOWN',#0.3,process,{bob,a@host},noconnection}");
    expect_no_monitors(f);
}

static void monitor_add__remote_name_unknown_to_the_peer__only_the_connection_is_watched(void **state)
{
    struct fake *f = *state;
    fake_down(&f->a);
    fake_up(f, &f->a, 'a', HANDSHAKE_FLAGS & ~DFLAG_DIST_MONITOR_NAME);
    struct ref ref = watch(fake_probe(f), "{bob,a@host}");
    watch(fake_process(f, 1), "{bob,a@host}");
    monitor_remove(fake_process(f, 1), &ref);
    fake_expect_out(f, &f->a, "");
    fake_down(&f->a);
    fake_expect(f, 1, "{'DOWN',#0.2,process,{bob,a@host},noconnection}");
}

static void monitor_remove__remote__peer_is_told(void **state)
{
    struct fake *f = *state;
    struct ref ref = watch(fake_probe(f), "<a.5.0>");
    monitor_remove(fake_process(f, 1), &ref);
    fake_expect_out(f, &f->a, "{MONITOR_P,<0.1.0>,<a.5.0>,#0.1}; {DEMONITOR_P,<0.1.0>,<a.5.0>,#0.1}");
    fake_in(&f->a, "{MONITOR_P_EXIT,<a.5.0>,<0.1.0>,#0.1,late}", NULL);
    fake_expect(f, 1, "");
}

static void monitors_process_down__watches_remote__peer_is_told(void **state)
{
    struct fake *f = *state;
    watch(fake_probe(f), "<a.5.0>");
    fake_exit(fake_process(f, 1), "over");
    fake_expect_out(f, &f->a, "{MONITOR_P,<0.1.0>,<a.5.0>,#0.1}; {DEMONITOR_P,<0.1.0>,<a.5.0>,#0.1}");
    expect_no_monitors(f);
}

static void monitor_p_exit_in__of_another_peer_or_direction__is_ignored(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    fake_probe(f);
    watch(process, "<a.5.0>");
    watch(process, "<0.2.0>");
    fake_in(&f->b, "{MONITOR_P_EXIT,<b.5.0>,<0.1.0>,#0.1,why}", NULL);
    fake_in(&f->a, "{MONITOR_P_EXIT,<a.5.0>,<0.1.0>,#0.2,why}", NULL);
    fake_in(&f->a, "{MONITOR_P,<a.6.0>,<0.2.0>,#a.7}", NULL);
    fake_in(&f->a, "{MONITOR_P_EXIT,<a.6.0>,<0.2.0>,#a.7,why}", NULL);
    fake_expect(f, 1, "");
    fake_exit(fake_process(f, 2), "over");
    fake_expect(f, 1, "{'DOWN',#0.2,process,<0.2.0>,over}");
}

static void monitors_peer_down__watched_there__see_noconnection(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    watch(process, "<a.5.0>");
    watch(process, "<a.6.1>");
    watch(process, "<b.5.0>");
    fake_down(&f->a);
    fake_expect(f, 1,
                "{'DOWN',#0.2,process,<a.6.1>,noconnection} {'DOWN',#0.1,process,<a.5.0>,noconnection}");
    fake_in(&f->b, "{MONITOR_P_EXIT,<b.5.0>,<0.1.0>,#0.3,why}", NULL);
    fake_expect(f, 1, "{'DOWN',#0.3,process,<b.5.0>,why}");
}

/* While the loss of a peer is told slice by slice nobody finds it, a new one of its name has nothing to do
 * with the old one, what has not been told can be taken back, and what is sent to it gathers nowhere. */
static void monitors_peer_down__many__told_in_slices(void **state)
{
    struct fake *f = *state;
    enum { WATCHED = 5000, TURN_MAX = 3000 };
    struct process *process = fake_probe(f), *watched = fake_probe(f);
    struct ref first = watch(process, "<a.5.0>"); /* told last */
    struct peer *lost = f->a.peer;
    for (unsigned i = 0; i < WATCHED; i++) {
        char control[64];
        snprintf(control, sizeof control, "{MONITOR_P,<a.5.0>,<0.2.0>,#a.%u}", i);
        fake_in(&f->a, control, NULL);
        watch(process, "<a.6.0>");
    }
    fake_down(&f->a);
    assert_in_range(f->node.monitors.count, 2 * WATCHED + 1 - 1000, 2 * WATCHED);
    assert_ptr_equal(f->node.leaving, lost);
    fake_up(f, &f->a, 'a', HANDSHAKE_FLAGS);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.2.0>,#a.7}", NULL);
    monitor_remove(process, &first);
    fake_exit(watched, "over"); /* and its end need not be told to the old one */
    assert_int_equal(lost->out.size, 0);
    unsigned before = f->node.monitors.count;
    while (node_run(&f->node)) {
        assert_true(before - f->node.monitors.count <= TURN_MAX);
        before = f->node.monitors.count;
    }
    assert_null(f->node.leaving);
    fake_expect_out(f, &f->a, "{PAYLOAD_MONITOR_P_EXIT,<0.2.0>,<a.5.0>,#a.7} over");
    assert_int_equal(f->node.monitors.count, 0);
    buf_clear(&f->probes[1].messages);
}

/* ---- a remote one on ours */

static void monitor_p_in__watched_dies__peer_is_told_once(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7.8.9.10.11}", NULL);
    fake_expect_out(f, &f->a, "");
    fake_exit(fake_process(f, 1), "{bad,luck}");
    fake_expect_out(f, &f->a, "{PAYLOAD_MONITOR_P_EXIT,<0.1.0>,<a.5.0>,#a.7.8.9.10.11} {bad,luck}");
    expect_no_monitors(f);
}

static void monitor_p_in__old_peer__reason_is_in_the_tuple(void **state)
{
    struct fake *f = *state;
    fake_down(&f->a);
    fake_up(f, &f->a, 'a', HANDSHAKE_FLAGS & ~DFLAG_EXIT_PAYLOAD);
    fake_probe(f);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,nobody,#a.8}", NULL);
    fake_exit(fake_process(f, 1), "{bad,luck}");
    fake_expect_out(f, &f->a,
                    "{MONITOR_P_EXIT,nobody,<a.5.0>,#a.8,noproc}; "
                    "{MONITOR_P_EXIT,<0.1.0>,<a.5.0>,#a.7,{bad,luck}}");
}

static void monitor_p_in__by_name__is_told_by_name(void **state)
{
    struct fake *f = *state;
    name(fake_probe(f), "todo_cache");
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,todo_cache,#a.7}", NULL);
    fake_exit(fake_process(f, 1), "over");
    fake_expect_out(f, &f->a, "{PAYLOAD_MONITOR_P_EXIT,todo_cache,<a.5.0>,#a.7} over");
}

static void monitor_p_in__not_there__noproc_at_once(void **state)
{
    struct fake *f = *state;
    fake_exit(fake_probe(f), "over");
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.1}", NULL);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.99.0>,#a.2}", NULL);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,nobody,#a.3}", NULL);
    fake_probe(f); /* <0.1.1> */
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.1!>,#a.4}", NULL);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<b.1.1>,#a.5}", NULL);
    fake_expect_out(f, &f->a,
                    "{PAYLOAD_MONITOR_P_EXIT,<0.1.0>,<a.5.0>,#a.1} noproc; "
                    "{PAYLOAD_MONITOR_P_EXIT,<0.99.0>,<a.5.0>,#a.2} noproc; "
                    "{PAYLOAD_MONITOR_P_EXIT,nobody,<a.5.0>,#a.3} noproc; "
                    "{PAYLOAD_MONITOR_P_EXIT,<0.1.1!>,<a.5.0>,#a.4} noproc; "
                    "{PAYLOAD_MONITOR_P_EXIT,<b.1.1>,<a.5.0>,#a.5} noproc");
    expect_no_monitors(f);
}

static void monitor_p_in__other_node_of_equal_numbers__noproc(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    f->node.creation = fake_creation('b');
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<b.1.0>,#a.1}", NULL);
    fake_expect_out(f, &f->a, "{PAYLOAD_MONITOR_P_EXIT,<b.1.0>,<a.5.0>,#a.1} noproc");
}

static void demonitor_p_in__then_death__nothing_is_said(void **state)
{
    struct fake *f = *state;
    name(fake_probe(f), "named");
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,named,#a.8}", NULL);
    fake_in(&f->a, "{DEMONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    fake_in(&f->a, "{DEMONITOR_P,<a.5.0>,named,#a.8}", NULL);
    fake_in(&f->a, "{DEMONITOR_P,<a.5.0>,named,#a.8}", NULL);
    fake_exit(fake_process(f, 1), "over");
    fake_expect_out(f, &f->a, "");
    expect_no_monitors(f);
}

static void monitor_p_in__same_reference_from_two_peers__are_two_monitors(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    fake_in(&f->b, "{MONITOR_P,<b.5.0>,<0.1.0>,#b.7}", NULL);
    fake_in(&f->b, "{DEMONITOR_P,<b.5.0>,<0.1.0>,#b.7}", NULL);
    fake_exit(fake_process(f, 1), "over");
    fake_expect_out(f, &f->a, "{PAYLOAD_MONITOR_P_EXIT,<0.1.0>,<a.5.0>,#a.7} over");
    fake_expect_out(f, &f->b, "");
}

static void monitor_p_in__reference_equal_to_one_of_ours__are_two_monitors(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    watch(fake_probe(f), "<0.1.0>");
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.1}", NULL);
    fake_exit(fake_process(f, 1), "over");
    fake_expect(f, 2, "{'DOWN',#0.1,process,<0.1.0>,over}");
    fake_expect_out(f, &f->a, "{PAYLOAD_MONITOR_P_EXIT,<0.1.0>,<a.5.0>,#a.1} over");
}

static void monitor_p_in__reference_in_use__first_one_stands(void **state)
{
    struct fake *f = *state;
    fake_probe(f);
    fake_probe(f);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.2.0>,#a.7}", NULL);
    fake_exit(fake_process(f, 2), "over");
    fake_expect_out(f, &f->a, "");
    fake_exit(fake_process(f, 1), "over");
    fake_expect_out(f, &f->a, "{PAYLOAD_MONITOR_P_EXIT,<0.1.0>,<a.5.0>,#a.7} over");
}

static void monitors_peer_down__its_monitors__are_gone(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    fake_in(&f->a, "{MONITOR_P,<a.6.0>,<0.1.0>,#a.8}", NULL);
    fake_in(&f->b, "{MONITOR_P,<b.6.0>,<0.1.0>,#b.8}", NULL);
    fake_down(&f->a);
    fake_up(f, &f->a, 'a', HANDSHAKE_FLAGS);
    assert_null(process->watchers->watched_next);
    fake_exit(process, "over");
    fake_expect_out(f, &f->a, "");
    fake_expect_out(f, &f->b, "{PAYLOAD_MONITOR_P_EXIT,<0.1.0>,<b.6.0>,#b.8} over");
}

static void monitors__a_hundred_thousand_by_a_peer__told_in_slices(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    clock_t start = clock();
    for (unsigned i = 0; i < MANY; i++) {
        char control[64];
        snprintf(control, sizeof control, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.%u}", i);
        fake_in(&f->a, control, NULL);
    }
    for (unsigned i = 0; i < MANY; i += 2) {
        char control[64];
        snprintf(control, sizeof control, "{DEMONITOR_P,<a.5.0>,<0.1.0>,#a.%u}", i);
        fake_in(&f->a, control, NULL);
    }
    uint64_t before = f->a.peer->frames_out;
    process_id id = process->id;
    process_exit_atom(process, "over");
    assert_in_range(f->a.peer->frames_out - before, 1, SLICE_MAX); /* the others wait for their turn */
    assert_null(process_find(&f->node, id));
    assert_true(node_run(&f->node));
    assert_in_range(f->a.peer->frames_out - before, SLICE_MAX, RUN_MAX);
    while (node_run(&f->node)) {
    }
    assert_int_equal(f->a.peer->frames_out - before, MANY / 2);
    assert_int_equal(f->a.wakes, 1);
    assert_in_range((clock() - start) / CLOCKS_PER_SEC, 0, SECONDS_MAX);
    expect_no_monitors(f);
}

/* ---- on what a peer is asked to spawn */

static struct ref spawning(struct fake *f, struct process *process)
{
    struct ref ref;
    monitor_add_spawning(process, f->a.peer, &ref);
    fake_expect_out(f, &f->a, "");
    return ref;
}

static void monitor_add_spawning__spawned__down_comes_at_its_end(void **state)
{
    struct fake *f = *state;
    spawning(f, fake_probe(f));
    fake_in(&f->a, "{MONITOR_P_EXIT,<a.9.0>,<0.1.0>,#0.1,early}", NULL);
    fake_expect(f, 1, "");
    fake_in(&f->a, "{SPAWN_REPLY,#0.1,<0.1.0>,2,<a.9.0>}", NULL);
    fake_in(&f->a, "{SPAWN_REPLY,#0.1,<0.1.0>,0,again}", NULL);
    fake_in(&f->a, "{PAYLOAD_MONITOR_P_EXIT,<a.9.0>,<0.1.0>,#0.1}", "{bad,luck}");
    fake_expect(f, 1, "{'DOWN',#0.1,process,<a.9.0>,{bad,luck}}");
    fake_expect_out(f, &f->a, "");
    expect_no_monitors(f);
}

static void monitor_add_spawning__not_spawned__spawn_reply_comes(void **state)
{
    struct fake *f = *state;
    spawning(f, fake_probe(f));
    fake_in(&f->b, "{SPAWN_REPLY,#0.1,<0.1.0>,0,notsup}", NULL); /* not the one that was asked */
    fake_in(&f->a, "{SPAWN_REPLY,#0.1,<0.1.0>,0,system_limit}", NULL);
    fake_expect(f, 1, "{spawn_reply,#0.1,error,system_limit}");
    expect_no_monitors(f);
}

static void monitor_add_spawning__connection_lost__noconnection(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    spawning(f, process);
    spawning(f, process);
    fake_in(&f->a, "{SPAWN_REPLY,#0.2,<0.1.0>,2,<a.9.0>}", NULL);
    fake_down(&f->a);
    fake_expect(f, 1, "{'DOWN',#0.2,process,<a.9.0>,noconnection} {spawn_reply,#0.1,error,noconnection}");
    expect_no_monitors(f);
}

static void monitor_add_spawning__watcher_gone_before_the_reply__peer_is_told_after_it(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    struct ref removed = spawning(f, process);
    spawning(f, process);
    monitor_remove(process, &removed);
    fake_exit(process, "over");
    fake_expect_out(f, &f->a, "");
    expect_no_monitors(f);
    fake_in(&f->a, "{SPAWN_REPLY,#0.1,<0.1.0>,2,<a.9.0>}", NULL);
    fake_in(&f->a, "{SPAWN_REPLY,#0.2,<0.1.0>,0,notsup}", NULL);
    fake_expect_out(f, &f->a, "{DEMONITOR_P,<0.1.0>,<a.9.0>,#0.1}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(monitor_add__local_dies__down_comes_once),
        FAKE_TEST(monitor_add__twice__both_come),
        FAKE_TEST(monitor_add__not_alive__noproc_at_once),
        FAKE_TEST(monitor_add__itself__nothing_comes),
        FAKE_TEST(monitor_remove__then_death__nothing_comes),
        FAKE_TEST(monitors_process_down__the_watcher__leaves_the_watched_alone),
        FAKE_TEST(monitors_process_down__both_watch_each_other__one_hears),
        FAKE_TEST(monitors_process_down__a_hundred_thousand_watchers__all_hear),
        FAKE_TEST(monitor_add__remote__peer_is_asked_and_its_answer_delivered),
        FAKE_TEST(monitor_add__remote_not_connected__noconnection_at_once),
        FAKE_TEST(monitor_add__earlier_incarnation__the_peer_answers),
        FAKE_TEST(monitor_add__local_name__down_tells_name_and_node),
        FAKE_TEST(monitor_add__remote_name__peer_is_asked_by_name),
        FAKE_TEST(monitor_add__remote_name_unknown_to_the_peer__only_the_connection_is_watched),
        FAKE_TEST(monitor_remove__remote__peer_is_told),
        FAKE_TEST(monitors_process_down__watches_remote__peer_is_told),
        FAKE_TEST(monitor_p_exit_in__of_another_peer_or_direction__is_ignored),
        FAKE_TEST(monitors_peer_down__watched_there__see_noconnection),
        FAKE_TEST(monitors_peer_down__many__told_in_slices),
        FAKE_TEST(monitor_p_in__watched_dies__peer_is_told_once),
        FAKE_TEST(monitor_p_in__old_peer__reason_is_in_the_tuple),
        FAKE_TEST(monitor_p_in__by_name__is_told_by_name),
        FAKE_TEST(monitor_p_in__not_there__noproc_at_once),
        FAKE_TEST(monitor_p_in__other_node_of_equal_numbers__noproc),
        FAKE_TEST(demonitor_p_in__then_death__nothing_is_said),
        FAKE_TEST(monitor_p_in__same_reference_from_two_peers__are_two_monitors),
        FAKE_TEST(monitor_p_in__reference_equal_to_one_of_ours__are_two_monitors),
        FAKE_TEST(monitor_p_in__reference_in_use__first_one_stands),
        FAKE_TEST(monitors_peer_down__its_monitors__are_gone),
        FAKE_TEST(monitors__a_hundred_thousand_by_a_peer__told_in_slices),
        FAKE_TEST(monitor_add_spawning__spawned__down_comes_at_its_end),
        FAKE_TEST(monitor_add_spawning__not_spawned__spawn_reply_comes),
        FAKE_TEST(monitor_add_spawning__connection_lost__noconnection),
        FAKE_TEST(monitor_add_spawning__watcher_gone_before_the_reply__peer_is_told_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
