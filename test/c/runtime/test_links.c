#include "runtime/fake_peer.h"

#include "base/mem.h"
#include "runtime/links.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MANY = 100000, SECONDS_MAX = 5 };

/* ---- local */

static void link_add__twice__is_one_link(void **state)
{
    struct fake *f = *state;
    struct process *a = fake_probe(f), *b = fake_probe(f);
    link_add(a, b);
    link_add(b, a);
    assert_int_equal(a->link_count, 1);
    assert_true(link_exists(b, a));
    link_remove(b, a);
    assert_false(link_exists(a, b));
    assert_int_equal(a->link_count + b->link_count, 0);
    link_remove(a, b);
}

static void link_add__to_itself__is_none(void **state)
{
    struct fake *f = *state;
    struct process *a = fake_probe(f);
    link_add(a, a);
    assert_int_equal(a->link_count, 0);
    fake_exit(a, "over");
    fake_expect_events(f, "<0.1.0>:over");
}

static void link_add__several__finds_each(void **state)
{
    struct fake *f = *state;
    struct process *hub = fake_probe(f), *other[4];
    for (int i = 0; i < 4; i++) {
        other[i] = fake_probe(f);
        link_add(i % 2 ? hub : other[i], i % 2 ? other[i] : hub);
    }
    link_remove(other[1], hub);
    link_remove(hub, other[2]);
    assert_true(link_exists(hub, other[0]));
    assert_false(link_exists(hub, other[1]));
    assert_false(link_exists(other[2], hub));
    assert_true(link_exists(other[3], hub));
    fake_exit(hub, "over");
    fake_expect_events(f, "<0.1.0>:over <0.5.0>:over <0.2.0>:over");
}

/* ---- a parent and its children */

static struct process *child_of(struct fake *f, struct process *parent)
{
    struct process *child = fake_probe(f);
    child->parent = parent->id;
    link_add(parent, child);
    return child;
}

/* The ids of all local processes it is linked to, as they come. */
static void expect_links(const struct process *process, const char *expected)
{
    char text[200] = "";
    struct link_walk walk = link_walk_begin(process);
    struct process *linked;
    while ((linked = link_walk_next(&walk)) != NULL)
        snprintf(text + strlen(text), sizeof text - strlen(text), " %u", (unsigned)linked->id);
    assert_string_equal(text, expected);
}

static void link_add__parent_and_child__is_a_link_as_any_other(void **state)
{
    struct fake *f = *state;
    struct process *parent = fake_probe(f), *a = child_of(f, parent), *b = child_of(f, parent);
    struct process *other = fake_probe(f);
    link_add(a, parent); /* again */
    link_add(other, a);
    assert_true(link_exists(parent, a));
    assert_true(link_exists(b, parent));
    assert_false(link_exists(a, b));
    expect_links(parent, " 2 3");
    expect_links(a, " 1 4");
    assert_int_equal(parent->link_count, 2);
    assert_int_equal(a->link_count, 2);
    link_remove(a, parent);
    assert_false(link_exists(parent, a));
    expect_links(a, " 4");
    link_add(parent, a); /* once more, now the last */
    expect_links(parent, " 3 2");
    assert_null(process_ties(parent)->links);
    fake_exit(parent, "over");
    fake_expect_events(f, "<0.1.0>:over <0.3.0>:over <0.2.0>:over <0.4.0>:over");
}

static void link_next_child__one_moved__is_the_last(void **state)
{
    struct fake *f = *state;
    struct process *parent = fake_probe(f), *a, *b, *c;
    assert_null(link_next_child(parent, NULL));
    a = child_of(f, parent);
    b = child_of(f, parent);
    c = child_of(f, parent);
    link_child_move_last(parent, a);
    link_child_move_last(parent, a);
    assert_ptr_equal(link_next_child(parent, NULL), b);
    assert_ptr_equal(link_next_child(parent, b), c);
    assert_ptr_equal(link_next_child(parent, c), a);
    assert_null(link_next_child(parent, a));
}

static void links_process_down__child_ends__parent_hears_and_keeps_the_others(void **state)
{
    struct fake *f = *state;
    struct process *parent = fake_probe(f), *a = child_of(f, parent), *b = child_of(f, parent);
    parent->trap_exit = true;
    fake_exit(a, "over");
    fake_expect(f, 1, "{'EXIT',<0.2.0>,over}");
    expect_links(parent, " 3");
    assert_int_equal(parent->link_count, 1);
    assert_int_equal(b->link_count, 1);
}

static void links_process_down__linked__die_or_hear_of_it(void **state)
{
    struct fake *f = *state;
    struct process *a = fake_probe(f), *b = fake_probe(f), *c = fake_probe(f);
    c->trap_exit = true;
    link_add(a, b);
    link_add(c, b);
    fake_exit(a, "{bad,luck}");
    fake_expect_events(f, "<0.1.0>:{bad,luck} <0.2.0>:{bad,luck}");
    fake_expect(f, 3, "{'EXIT',<0.2.0>,{bad,luck}}");
    assert_int_equal(c->link_count, 0);
}

static void links_process_down__normal__kills_nobody(void **state)
{
    struct fake *f = *state;
    struct process *a = fake_probe(f), *b = fake_probe(f), *c = fake_probe(f);
    c->trap_exit = true;
    link_add(a, b);
    link_add(a, c);
    fake_exit(a, "normal");
    fake_expect_events(f, "<0.1.0>:normal");
    fake_expect(f, 3, "{'EXIT',<0.1.0>,normal}");
    assert_int_equal(b->link_count, 0);
}

static void links_process_down__kill_as_reason__is_not_special_over_a_link(void **state)
{
    struct fake *f = *state;
    struct process *a = fake_probe(f), *b = fake_probe(f), *c = fake_probe(f);
    c->trap_exit = true;
    link_add(a, b);
    link_add(a, c);
    fake_exit(a, "kill");
    fake_expect_events(f, "<0.1.0>:kill <0.2.0>:kill");
    fake_expect(f, 3, "{'EXIT',<0.1.0>,kill}");
}

static void links_process_down__ring__ends_each_once(void **state)
{
    struct fake *f = *state;
    struct process *a = fake_probe(f), *b = fake_probe(f), *c = fake_probe(f);
    link_add(a, b);
    link_add(b, c);
    link_add(c, a);
    fake_exit(b, "over");
    fake_expect_events(f, "<0.2.0>:over <0.3.0>:over <0.1.0>:over");
}

/* ---- very many */

static enum receive take_any(struct process *self, struct slice message)
{
    return RECEIVE_TAKEN;
}

static void count_death(struct process *self, struct slice reason)
{
    ((struct fake *)((char *)self->node - offsetof(struct fake, node)))->custom++;
}

static const struct process_type counted = {
    .module = "counted", .size = sizeof(struct process), .receive = take_any, .release = count_death};

/* While the parent's death is told slice by slice its children can end, be linked and unlinked. */
static void links_process_down__many_children__told_in_slices(void **state)
{
    struct fake *f = *state;
    enum { CHILDREN = 5000 };
    struct process *parent = process_new(&f->node, &counted), *first = NULL, *last = NULL;
    for (int i = 0; i < CHILDREN; i++) {
        last = process_new(&f->node, &counted);
        last->parent = parent->id;
        link_add(parent, last);
        first = first == NULL ? last : first;
    }
    process_id parent_id = parent->id, first_id = first->id, last_id = last->id;
    process_exit_atom(parent, "over");
    assert_null(process_find(&f->node, parent_id));
    assert_in_range(parent->link_count, CHILDREN - 1000, CHILDREN - 900);
    expect_links(last, ""); /* nobody sees the dead one */
    link_remove(last, parent);
    process_exit_atom(link_next_child(parent, NULL), "itself");
    while (node_run(&f->node)) {
    }
    assert_null(process_find(&f->node, first_id));
    assert_ptr_equal(process_find(&f->node, last_id), last);
    assert_int_equal(f->node.process_count, 1);
}

/* start: when the test began; quadratic time would take minutes. */
static void expect_many_deaths(struct fake *f, struct process *first, clock_t start)
{
    fake_exit(first, "over");
    fake_run(f);
    assert_int_equal(f->custom, MANY + 1);
    assert_int_equal(f->node.process_count, 0);
    assert_in_range((clock() - start) / CLOCKS_PER_SEC, 0, SECONDS_MAX);
}

static void links_process_down__a_hundred_thousand_at_one__all_die(void **state)
{
    struct fake *f = *state;
    clock_t start = clock();
    struct process *hub = process_new(&f->node, &counted);
    for (int i = 0; i < MANY; i++)
        link_add(hub, process_new(&f->node, &counted));
    expect_many_deaths(f, hub, start);
}

static void links_process_down__a_hundred_thousand_at_one__leave_it_one_by_one(void **state)
{
    struct fake *f = *state;
    clock_t start = clock();
    struct process *hub = process_new(&f->node, &counted);
    struct process **others = mem_alloc(MANY * sizeof(struct process *));
    for (int i = 0; i < MANY; i++)
        link_add(others[i] = process_new(&f->node, &counted), hub);
    for (int i = 0; i < MANY; i++)
        fake_exit(others[i], "normal");
    mem_free(others);
    fake_run(f);
    assert_int_equal(hub->link_count, 0);
    expect_many_deaths(f, hub, start);
}

static void links_process_down__chain_of_a_hundred_thousand__all_die(void **state)
{
    struct fake *f = *state;
    clock_t start = clock();
    struct process *first = process_new(&f->node, &counted), *last = first;
    for (int i = 0; i < MANY; i++) {
        struct process *next = process_new(&f->node, &counted);
        link_add(last, next);
        last = next;
    }
    expect_many_deaths(f, first, start);
}

static void links_process_down__a_hundred_thousand_at_one_that_traps__hears_of_each(void **state)
{
    struct fake *f = *state;
    struct process *hub = process_new(&f->node, &counted), *relay = process_new(&f->node, &counted);
    hub->trap_exit = true;
    for (int i = 1; i < MANY; i++) {
        struct process *process = process_new(&f->node, &counted);
        link_add(hub, process);
        link_add(process, relay);
    }
    fake_exit(relay, "over");
    fake_run(f);
    assert_int_equal(f->custom, MANY);
    assert_int_equal(f->node.messages, MANY - 1);
}

/* ---- remote: the link protocol of UNLINK_ID and its acknowledgement. <a.5.0> is the other side. */

static void add_link(struct process *process, const char *pid)
{
    struct buf memory = BUF_EMPTY;
    struct pid remote = fake_pid(&memory, pid);
    link_remote(process, &remote);
    buf_release(&memory);
}

static void remove_link(struct process *process, const char *pid)
{
    struct buf memory = BUF_EMPTY;
    struct pid remote = fake_pid(&memory, pid);
    unlink_remote(process, &remote);
    buf_release(&memory);
}

/* The first probe, linked to <a.5.0>. */
static struct process *linked(struct fake *f)
{
    struct process *process = fake_probe(f);
    add_link(process, "<a.5.0>");
    fake_expect_out(f, &f->a, "{LINK,<0.1.0>,<a.5.0>}");
    return process;
}

/* Without a word to or from the process: an active link lets an exit signal through, and is gone. */
static void expect_active(struct fake *f, const char *exit)
{
    fake_process(f, 1)->trap_exit = true;
    fake_in(&f->a, exit, NULL);
    fake_expect(f, 1, "{'EXIT',<a.5.0>,why}");
    assert_null(process_ties(fake_process(f, 1))->remote_links);
}

static void expect_inactive(struct fake *f)
{
    fake_process(f, 1)->trap_exit = true;
    fake_in(&f->a, "{EXIT,<a.5.0>,<0.1.0>,why}", NULL);
    fake_expect(f, 1, "");
}

static void link_remote__twice__is_sent_once(void **state)
{
    struct fake *f = *state;
    add_link(linked(f), "<a.5.0>");
    fake_expect_out(f, &f->a, "");
    assert_int_equal(f->a.wakes, 1);
    expect_active(f, "{EXIT,<a.5.0>,<0.1.0>,why}");
}

static void link_remote__not_connected__comes_back_as_noconnection(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    process->trap_exit = true;
    add_link(process, "<z.5.0>");
    fake_expect(f, 1, "{'EXIT',<z.5.0>,noconnection}");
    add_link(fake_probe(f), "<z.5.0>");
    fake_expect_events(f, "<0.2.0>:noconnection");
}

static void unlink_remote__acknowledged__is_gone(void **state)
{
    struct fake *f = *state;
    struct process *process = linked(f);
    remove_link(process, "<a.5.0>");
    remove_link(process, "<a.5.0>"); /* not active: nothing to say */
    fake_expect_out(f, &f->a, "{UNLINK_ID,1,<0.1.0>,<a.5.0>}");
    fake_in(&f->a, "{UNLINK_ID_ACK,1,<a.5.0>,<0.1.0>}", NULL);
    assert_null(process_ties(process)->remote_links);
    assert_int_equal(f->node.remote_links.count, 0);
    expect_inactive(f);
    fake_expect_out(f, &f->a, "");
}

static void unlink_remote__not_linked__says_nothing(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    remove_link(process, "<a.5.0>");
    remove_link(process, "<z.5.0>");
    fake_expect_out(f, &f->a, "");
}

static void unlink_remote__wrong_acknowledgements__still_waits(void **state)
{
    struct fake *f = *state;
    struct process *process = linked(f);
    fake_in(&f->a, "{UNLINK_ID_ACK,1,<a.5.0>,<0.1.0>}", NULL); /* nothing was asked */
    remove_link(process, "<a.5.0>");
    fake_in(&f->a, "{UNLINK_ID_ACK,2,<a.5.0>,<0.1.0>}", NULL);
    fake_in(&f->a, "{UNLINK_ID_ACK,1,<a.6.0>,<0.1.0>}", NULL);
    fake_in(&f->a, "{UNLINK_ID_ACK,1,<a.5.0>,<0.2.0>}", NULL);
    fake_in(&f->a, "{UNLINK_ID_ACK,1,<a.5.0>,<0.1.0!>}", NULL);
    fake_in(&f->b, "{UNLINK_ID_ACK,1,<b.5.0>,<0.1.0>}", NULL);
    assert_non_null(process_ties(process)->remote_links);
    fake_in(&f->a, "{UNLINK_ID_ACK,1,<a.5.0>,<0.1.0>}", NULL);
    assert_null(process_ties(process)->remote_links);
}

static void unlink_remote__exit_on_its_way__is_ignored(void **state)
{
    struct fake *f = *state;
    remove_link(linked(f), "<a.5.0>");
    expect_inactive(f);
    fake_in(&f->a, "{UNLINK_ID_ACK,1,<a.5.0>,<0.1.0>}", NULL);
    fake_expect_events(f, "");
}

static void unlink_remote__link_crosses_it__stays_unlinked(void **state)
{
    struct fake *f = *state;
    struct process *process = linked(f);
    remove_link(process, "<a.5.0>");
    fake_in(&f->a, "{LINK,<a.5.0>,<0.1.0>}", NULL);
    assert_int_equal(process_ties(process)->remote_links->unlink_id, 1);
    fake_in(&f->a, "{UNLINK_ID_ACK,1,<a.5.0>,<0.1.0>}", NULL);
    expect_inactive(f);
    fake_expect_out(f, &f->a, "{UNLINK_ID,1,<0.1.0>,<a.5.0>}");
}

static void unlink_remote__unlink_crosses_it__both_are_acknowledged(void **state)
{
    struct fake *f = *state;
    struct process *process = linked(f);
    remove_link(process, "<a.5.0>");
    fake_in(&f->a, "{UNLINK_ID,77,<a.5.0>,<0.1.0>}", NULL);
    assert_int_equal(process_ties(process)->remote_links->unlink_id, 1);
    fake_expect_out(f, &f->a, "{UNLINK_ID,1,<0.1.0>,<a.5.0>}; {UNLINK_ID_ACK,77,<0.1.0>,<a.5.0>}");
    fake_in(&f->a, "{UNLINK_ID_ACK,1,<a.5.0>,<0.1.0>}", NULL);
    assert_null(process_ties(process)->remote_links);
}

static void link_remote__while_an_unlink_waits__is_active_again(void **state)
{
    struct fake *f = *state;
    struct process *process = linked(f);
    remove_link(process, "<a.5.0>");
    add_link(process, "<a.5.0>");
    fake_expect_out(f, &f->a, "{UNLINK_ID,1,<0.1.0>,<a.5.0>}; {LINK,<0.1.0>,<a.5.0>}");
    fake_in(&f->a, "{UNLINK_ID_ACK,1,<a.5.0>,<0.1.0>}", NULL); /* of the unlink that no longer counts */
    expect_active(f, "{EXIT,<a.5.0>,<0.1.0>,why}");
}

static void unlink_remote__again_after_a_new_link__waits_for_the_second(void **state)
{
    struct fake *f = *state;
    struct process *process = linked(f);
    remove_link(process, "<a.5.0>");
    add_link(process, "<a.5.0>");
    remove_link(process, "<a.5.0>");
    fake_expect_out(f, &f->a,
                    "{UNLINK_ID,1,<0.1.0>,<a.5.0>}; {LINK,<0.1.0>,<a.5.0>}; {UNLINK_ID,2,<0.1.0>,<a.5.0>}");
    fake_in(&f->a, "{UNLINK_ID_ACK,1,<a.5.0>,<0.1.0>}", NULL);
    assert_non_null(process_ties(process)->remote_links);
    fake_in(&f->a, "{UNLINK_ID_ACK,2,<a.5.0>,<0.1.0>}", NULL);
    assert_null(process_ties(process)->remote_links);
}

static void unlink_remote__the_peer_unlinks_after_a_new_link__is_unlinked(void **state)
{
    struct fake *f = *state;
    struct process *process = linked(f);
    remove_link(process, "<a.5.0>");
    add_link(process, "<a.5.0>");
    fake_in(&f->a, "{UNLINK_ID,5,<a.5.0>,<0.1.0>}", NULL);
    assert_null(process_ties(process)->remote_links);
    fake_in(&f->a, "{UNLINK_ID_ACK,1,<a.5.0>,<0.1.0>}", NULL);
    expect_inactive(f);
}

static void link_in__then_exit__of_each_form_reaches_the_process(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    fake_in(&f->a, "{LINK,<a.5.0>,<0.1.0>}", NULL);
    fake_in(&f->a, "{LINK,<a.5.0>,<0.1.0>}", NULL); /* again: one link */
    assert_null(process_ties(process)->remote_links->next);
    expect_active(f, "{EXIT,<a.5.0>,<0.1.0>,why}");
    fake_in(&f->a, "{LINK,<a.5.0>,<0.1.0>}", NULL);
    fake_in(&f->a, "{PAYLOAD_EXIT,<a.5.0>,<0.1.0>}", "{long,reason}");
    fake_expect(f, 1, "{'EXIT',<a.5.0>,{long,reason}}");
    fake_expect_out(f, &f->a, "");
}

static void link_in__not_alive__is_answered_noproc(void **state)
{
    struct fake *f = *state;
    fake_exit(fake_probe(f), "over");
    fake_in(&f->a, "{LINK,<a.5.0>,<0.1.0>}", NULL);
    fake_in(&f->a, "{LINK,<a.5.0>,<0.99.7>}", NULL);
    fake_probe(f); /* <0.1.1> */
    fake_in(&f->a, "{LINK,<a.5.0>,<0.1.1!>}", NULL);
    fake_expect_out(f, &f->a,
                    "{PAYLOAD_EXIT,<0.1.0>,<a.5.0>} noproc; {PAYLOAD_EXIT,<0.99.7>,<a.5.0>} noproc; "
                    "{PAYLOAD_EXIT,<0.1.1!>,<a.5.0>} noproc");
}

static void link_in__not_alive_and_old_peer__noproc_is_in_the_tuple(void **state)
{
    struct fake *f = *state;
    fake_down(&f->a);
    fake_up(f, &f->a, 'a', HANDSHAKE_FLAGS & ~DFLAG_EXIT_PAYLOAD);
    fake_in(&f->a, "{LINK,<a.5.0>,<0.1.0>}", NULL);
    fake_expect_out(f, &f->a, "{EXIT,<0.1.0>,<a.5.0>,noproc}");
}

static void unlink_id_in__linked__is_acknowledged_and_gone(void **state)
{
    struct fake *f = *state;
    struct process *process = linked(f);
    fake_in(&f->a, "{UNLINK_ID,18446744073709551615,<a.5.0>,<0.1.0>}", NULL);
    fake_expect_out(f, &f->a, "{UNLINK_ID_ACK,18446744073709551615,<0.1.0>,<a.5.0>}");
    assert_null(process_ties(process)->remote_links);
    expect_inactive(f);
}

static void unlink_id_in__nobody_there__is_acknowledged_all_the_same(void **state)
{
    struct fake *f = *state;
    fake_in(&f->a, "{UNLINK_ID,9223372036854775808,<a.5.0>,<0.7.0>}", NULL);
    fake_probe(f);
    fake_in(&f->a, "{UNLINK_ID,3,<a.5.0>,<0.1.0>}", NULL);
    fake_expect_out(f, &f->a,
                    "{UNLINK_ID_ACK,9223372036854775808,<0.7.0>,<a.5.0>}; {UNLINK_ID_ACK,3,<0.1.0>,<a.5.0>}");
}

static void unlink_id_in__then_linked_again__counts(void **state)
{
    struct fake *f = *state;
    linked(f);
    fake_in(&f->a, "{UNLINK_ID,1,<a.5.0>,<0.1.0>}", NULL);
    fake_in(&f->a, "{LINK,<a.5.0>,<0.1.0>}", NULL);
    expect_active(f, "{EXIT,<a.5.0>,<0.1.0>,why}");
}

static void unlink_in__without_id__is_ignored(void **state)
{
    struct fake *f = *state;
    linked(f);
    fake_in(&f->a, "{UNLINK,<a.5.0>,<0.1.0>}", NULL);
    fake_expect_out(f, &f->a, "");
    expect_active(f, "{EXIT,<a.5.0>,<0.1.0>,why}");
}

static void exit_in__no_link_to_the_sender__is_ignored(void **state)
{
    struct fake *f = *state;
    linked(f);
    fake_in(&f->a, "{EXIT,<a.6.0>,<0.1.0>,why}", NULL);
    fake_in(&f->a, "{EXIT,<a.5.1>,<0.1.0>,why}", NULL);
    fake_in(&f->b, "{EXIT,<b.5.0>,<0.1.0>,why}", NULL);
    fake_in(&f->a, "{EXIT,<a.5.0>,<0.1.0!>,why}", NULL);
    fake_in(&f->a, "{EXIT,<a.5.0>,<0.9.0>,why}", NULL);
    fake_expect_events(f, "");
    fake_in(&f->a, "{EXIT,<a.5.0>,<0.1.0>,why}", NULL);
    fake_expect_events(f, "<0.1.0>:why");
    fake_expect_out(f, &f->a, ""); /* the one who died is not told */
}

static void exit_in__two_of_ours_linked_to_its_sender__reaches_the_one_it_is_for(void **state)
{
    struct fake *f = *state;
    linked(f);
    add_link(fake_probe(f), "<a.5.0>");
    fake_in(&f->a, "{EXIT,<a.5.0>,<0.2.0>,why}", NULL);
    fake_expect_events(f, "<0.2.0>:why");
    assert_non_null(process_ties(fake_process(f, 1))->remote_links);
    fake_in(&f->a, "{EXIT,<a.5.0>,<0.1.0>,why}", NULL);
    fake_expect_events(f, "<0.1.0>:why");
}

static void links_process_down__remote__each_peer_is_told_in_its_form(void **state)
{
    struct fake *f = *state;
    fake_down(&f->b);
    fake_up(f, &f->b, 'b', HANDSHAKE_FLAGS & ~DFLAG_EXIT_PAYLOAD);
    struct process *process = linked(f);
    fake_in(&f->b, "{LINK,<b.6.2>,<0.1.0>}", NULL);
    fake_exit(process, "{bad,luck}");
    fake_expect_out(f, &f->a, "{PAYLOAD_EXIT,<0.1.0>,<a.5.0>} {bad,luck}");
    fake_expect_out(f, &f->b, "{EXIT,<0.1.0>,<b.6.2>,{bad,luck}}");
    assert_int_equal(f->node.remote_links.count, 0);
}

static void links_process_down__normal__is_told_too(void **state)
{
    struct fake *f = *state;
    fake_exit(linked(f), "normal");
    fake_expect_out(f, &f->a, "{PAYLOAD_EXIT,<0.1.0>,<a.5.0>} normal");
}

static void links_process_down__unlink_waits__is_silent(void **state)
{
    struct fake *f = *state;
    struct process *process = linked(f);
    remove_link(process, "<a.5.0>");
    fake_exit(process, "over");
    fake_in(&f->a, "{UNLINK_ID_ACK,1,<a.5.0>,<0.1.0>}", NULL);
    fake_expect_out(f, &f->a, "{UNLINK_ID,1,<0.1.0>,<a.5.0>}");
}

static void links_process_down__from_a_remote_exit__reaches_the_other_peer(void **state)
{
    struct fake *f = *state;
    struct process *near = linked(f), *far = fake_probe(f);
    link_add(near, far);
    fake_in(&f->b, "{LINK,<b.6.0>,<0.2.0>}", NULL);
    fake_in(&f->a, "{EXIT,<a.5.0>,<0.1.0>,over}", NULL);
    fake_expect_events(f, "<0.1.0>:over <0.2.0>:over");
    fake_expect_out(f, &f->b, "{PAYLOAD_EXIT,<0.2.0>,<b.6.0>} over");
}

static void links_peer_down__linked__see_noconnection(void **state)
{
    struct fake *f = *state;
    struct process *process = linked(f), *trapping = fake_probe(f), *unlinked = fake_probe(f);
    trapping->trap_exit = true;
    fake_in(&f->a, "{LINK,<a.6.0>,<0.2.0>}", NULL);
    fake_in(&f->a, "{LINK,<a.7.3>,<0.2.0>}", NULL);
    add_link(unlinked, "<a.8.0>");
    remove_link(unlinked, "<a.8.0>");
    link_add(process, fake_probe(f));
    fake_down(&f->a);
    fake_expect(f, 2, "{'EXIT',<a.7.3>,noconnection} {'EXIT',<a.6.0>,noconnection}");
    fake_expect_events(f, "<0.1.0>:noconnection <0.4.0>:noconnection");
    assert_int_equal(f->node.remote_links.count, 0);
    fake_expect(f, 3, "");
}

static void links_peer_down__one_process_with_many_links__dies_once(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    for (char control[] = "{LINK,<a.0.0>,<0.1.0>}"; control[9] <= '9'; control[9]++)
        fake_in(&f->a, control, NULL);
    assert_non_null(process_ties(process)->remote_links);
    fake_down(&f->a);
    fake_expect_events(f, "<0.1.0>:noconnection");
}

/* One that is unlinked before it has been told of is not told of. */
static void links_peer_down__many__told_in_slices(void **state)
{
    struct fake *f = *state;
    enum { LINKS = 2500 };
    struct process *process = fake_probe(f), *unlinked = fake_probe(f);
    process->trap_exit = true;
    add_link(unlinked, "<a.5.0>"); /* told last */
    for (unsigned i = 0; i < LINKS; i++) {
        char control[64];
        snprintf(control, sizeof control, "{LINK,<a.%u.0>,<0.1.0>}", i + 1);
        fake_in(&f->a, control, NULL);
    }
    fake_down(&f->a);
    assert_in_range(f->node.remote_links.count, LINKS + 1 - 1000, LINKS);
    remove_link(unlinked, "<a.5.0>");
    for (unsigned before = f->node.remote_links.count; node_run(&f->node);
         before = f->node.remote_links.count)
        assert_true(before - f->node.remote_links.count <= 1000);
    assert_int_equal(f->node.remote_links.count, 0);
    fake_expect_events(f, "");
    assert_int_equal(f->probes[1].messages.size > 0, true);
    buf_clear(&f->probes[1].messages);
}

static void links_peer_down__connected_again__old_links_are_not_there(void **state)
{
    struct fake *f = *state;
    struct process *process = linked(f);
    process->trap_exit = true;
    fake_down(&f->a);
    fake_up(f, &f->a, 'a', HANDSHAKE_FLAGS);
    fake_expect(f, 1, "{'EXIT',<a.5.0>,noconnection}");
    expect_inactive(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(link_add__twice__is_one_link),
        FAKE_TEST(link_add__to_itself__is_none),
        FAKE_TEST(link_add__several__finds_each),
        FAKE_TEST(link_add__parent_and_child__is_a_link_as_any_other),
        FAKE_TEST(link_next_child__one_moved__is_the_last),
        FAKE_TEST(links_process_down__child_ends__parent_hears_and_keeps_the_others),
        FAKE_TEST(links_process_down__many_children__told_in_slices),
        FAKE_TEST(links_process_down__linked__die_or_hear_of_it),
        FAKE_TEST(links_process_down__normal__kills_nobody),
        FAKE_TEST(links_process_down__kill_as_reason__is_not_special_over_a_link),
        FAKE_TEST(links_process_down__ring__ends_each_once),
        FAKE_TEST(links_process_down__a_hundred_thousand_at_one__all_die),
        FAKE_TEST(links_process_down__a_hundred_thousand_at_one__leave_it_one_by_one),
        FAKE_TEST(links_process_down__chain_of_a_hundred_thousand__all_die),
        FAKE_TEST(links_process_down__a_hundred_thousand_at_one_that_traps__hears_of_each),
        FAKE_TEST(link_remote__twice__is_sent_once),
        FAKE_TEST(link_remote__not_connected__comes_back_as_noconnection),
        FAKE_TEST(unlink_remote__acknowledged__is_gone),
        FAKE_TEST(unlink_remote__not_linked__says_nothing),
        FAKE_TEST(unlink_remote__wrong_acknowledgements__still_waits),
        FAKE_TEST(unlink_remote__exit_on_its_way__is_ignored),
        FAKE_TEST(unlink_remote__link_crosses_it__stays_unlinked),
        FAKE_TEST(unlink_remote__unlink_crosses_it__both_are_acknowledged),
        FAKE_TEST(link_remote__while_an_unlink_waits__is_active_again),
        FAKE_TEST(unlink_remote__again_after_a_new_link__waits_for_the_second),
        FAKE_TEST(unlink_remote__the_peer_unlinks_after_a_new_link__is_unlinked),
        FAKE_TEST(link_in__then_exit__of_each_form_reaches_the_process),
        FAKE_TEST(link_in__not_alive__is_answered_noproc),
        FAKE_TEST(link_in__not_alive_and_old_peer__noproc_is_in_the_tuple),
        FAKE_TEST(unlink_id_in__linked__is_acknowledged_and_gone),
        FAKE_TEST(unlink_id_in__nobody_there__is_acknowledged_all_the_same),
        FAKE_TEST(unlink_id_in__then_linked_again__counts),
        FAKE_TEST(unlink_in__without_id__is_ignored),
        FAKE_TEST(exit_in__no_link_to_the_sender__is_ignored),
        FAKE_TEST(exit_in__two_of_ours_linked_to_its_sender__reaches_the_one_it_is_for),
        FAKE_TEST(links_process_down__remote__each_peer_is_told_in_its_form),
        FAKE_TEST(links_process_down__normal__is_told_too),
        FAKE_TEST(links_process_down__unlink_waits__is_silent),
        FAKE_TEST(links_process_down__from_a_remote_exit__reaches_the_other_peer),
        FAKE_TEST(links_peer_down__linked__see_noconnection),
        FAKE_TEST(links_peer_down__one_process_with_many_links__dies_once),
        FAKE_TEST(links_peer_down__many__told_in_slices),
        FAKE_TEST(links_peer_down__connected_again__old_links_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
