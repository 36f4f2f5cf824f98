#include "runtime/fake_peer.h"

#include "runtime/aliases.h"
#include "runtime/links.h"
#include "runtime/monitors.h"
#include "runtime/process_send.h"
#include "runtime/registry.h"
#include "wire/etf_write.h"

enum { REF_FIRST_WORD_MAX = 0x3ffff };

static void node_init__fresh__has_its_name_and_random_references(void **state)
{
    struct node one, two;
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    node_init(&one, &loop, FAKE_NODE, 4);
    node_init(&two, &loop, FAKE_NODE, 5);
    assert_string_equal(one.name, FAKE_NODE);
    assert_true(node_is_self(&one, buf_slice(&two.atom)));
    assert_memory_not_equal(one.ref_counter, two.ref_counter, sizeof one.ref_counter);
    assert_false(node_run(&one));
    node_release(&one);
    node_release(&two);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static bool is_self(struct fake *f, const char *bytes, size_t size)
{
    return node_is_self(&f->node, slice_of(bytes, size));
}

static void node_is_self__each_form_of_the_atom__is_known(void **state)
{
    struct fake *f = *state;
    assert_true(is_self(f, "w\x07us@host", 9));
    assert_true(is_self(f, "v\x00\x07us@host", 10));
    assert_true(is_self(f, "s\x07us@host", 9));
    assert_true(is_self(f, "d\x00\x07us@host", 10));
    assert_false(is_self(f, "w\x07us@hosu", 9));
    assert_false(is_self(f, "w\x06us@hos", 8));
    assert_false(is_self(f, "j", 1));
}

/* ---- slots */

static void node_slot_take__freed_ones__oldest_first(void **state)
{
    struct fake *f = *state;
    struct process *one = fake_probe(f), *two = fake_probe(f);
    fake_probe(f);
    fake_exit(two, "over");
    fake_exit(one, "over");
    fake_probe(f);
    fake_probe(f);
    fake_probe(f);
    assert_int_equal(f->probes[4].id, (1ULL << 32) | 2);
    assert_int_equal(f->probes[5].id, (1ULL << 32) | 1);
    assert_int_equal(f->probes[6].id, 4);
    assert_int_equal(f->node.process_count, 4);
}

static void node_slot_take__none_left_free_in_between__still_uses_freed_ones(void **state)
{
    struct fake *f = *state;
    for (uint64_t serial = 0; serial < 3; serial++) {
        struct process *process = fake_probe(f);
        assert_int_equal(process->id, (serial << 32) | 1);
        fake_exit(process, "over");
    }
    assert_int_equal(f->node.slot_used, 2);
}

static void node_slot_free__all_serials_used__slot_is_not_used_again(void **state)
{
    struct fake *f = *state;
    fake_exit(fake_probe(f), "over");
    f->node.slots[1].serial = UINT32_MAX - 2;
    struct process *last = fake_probe(f);
    assert_int_equal(last->id, ((uint64_t)(UINT32_MAX - 1) << 32) | 1);
    assert_ptr_equal(process_find(&f->node, last->id), last);
    fake_exit(last, "over");
    assert_int_equal(fake_probe(f)->id, 2);
    assert_null(fake_process(f, 2));
}

static const struct process_type bare = {.module = "bare", .size = sizeof(struct process)};

static void node_slot_take__thousands__all_are_found(void **state)
{
    struct fake *f = *state;
    for (uint32_t i = 1; i <= 5000; i++)
        assert_int_equal(process_new(&f->node, &bare)->id, i);
    for (uint32_t i = 1; i <= 5000; i += 2)
        process_exit_atom(process_find(&f->node, i), "over");
    for (uint32_t i = 1; i <= 5000; i++)
        assert_int_equal(process_find(&f->node, i) != NULL, i % 2 == 0);
    for (uint32_t i = 1; i <= 5000; i += 2)
        assert_int_equal(process_new(&f->node, &bare)->id, (1ULL << 32) | i);
    assert_int_equal(f->node.slot_used, 5001);
    assert_int_equal(f->node.process_count, 5000);
}

/* ---- running */

static enum receive pass_on(struct fake *f, struct process *self, struct slice message)
{
    for (unsigned i = 1; i <= 2; i++)
        buf_clear(&f->probes[i].messages);
    fake_deliver(fake_process(f, self->id == 1 ? 2 : 1), "ball");
    return RECEIVE_TAKEN;
}

static void node_run__two_that_never_stop__comes_back_with_work_left(void **state)
{
    struct fake *f = *state;
    struct process *one = fake_probe_hooked(f, pass_on), *two = fake_probe_hooked(f, pass_on);
    fake_deliver(one, "ball");
    assert_true(node_run(&f->node));
    assert_true(node_run(&f->node));
    fake_exit(one, "over");
    fake_exit(two, "over");
    assert_false(node_run(&f->node));
}

static enum receive again(struct fake *f, struct process *self, struct slice message)
{
    buf_clear(&f->probes[1].messages);
    fake_deliver(self, "again");
    return RECEIVE_TAKEN;
}

static void node_run__one_that_never_stops__others_have_their_turn(void **state)
{
    struct fake *f = *state;
    fake_deliver(fake_probe_hooked(f, again), "again");
    fake_post(fake_probe(f), "hello");
    assert_true(node_run(&f->node));
    assert_true(slice_equal(buf_slice(&f->probes[2].messages), slice_of_text("hello")));
    fake_exit(fake_process(f, 1), "over");
}

static void node_run__signal_to_a_process_with_messages__comes_first(void **state)
{
    struct fake *f = *state;
    struct process *from = fake_probe(f), *to = fake_probe(f);
    struct buf reason = BUF_EMPTY;
    fake_write(&reason, "over");
    fake_post(to, "never");
    process_send_exit(from, to->id, buf_slice(&reason));
    buf_release(&reason);
    fake_expect(f, 2, "");
    fake_expect_events(f, "<0.2.0>:over");
}

static void node_run__signals_in_several_rounds__all_are_delivered(void **state)
{
    struct fake *f = *state;
    struct process *from = fake_probe(f);
    struct buf reason = BUF_EMPTY;
    fake_write(&reason, "over");
    for (int i = 0; i < 3; i++) {
        process_send_exit(from, fake_probe(f)->id, buf_slice(&reason));
        process_send_exit(from, fake_probe(f)->id, buf_slice(&reason));
        fake_run(f);
        assert_int_equal(f->node.process_count, 1);
    }
    buf_release(&reason);
}

/* ---- references */

static void node_make_ref__counter_runs_over__carries(void **state)
{
    struct fake *f = *state;
    struct ref ref;
    f->node.ref_counter[0] = REF_FIRST_WORD_MAX - 1;
    f->node.ref_counter[1] = UINT32_MAX;
    node_make_ref(&f->node, &ref);
    assert_int_equal(ref.word[0], REF_FIRST_WORD_MAX);
    assert_int_equal(ref.word[1], UINT32_MAX);
    assert_int_equal(ref.word[2], 0);
    node_make_ref(&f->node, &ref);
    assert_int_equal(ref.word[0], 0);
    assert_int_equal(ref.word[1], 0);
    assert_int_equal(ref.word[2], 1);
    assert_int_equal(ref.words, 3);
    assert_int_equal(ref.creation, fake_creation('0'));
    assert_true(node_is_self(&f->node, ref.node));
}

static void node_bad_message__several__are_counted(void **state)
{
    struct fake *f = *state;
    for (int i = 0; i < 3; i++)
        node_bad_message(&f->node, "probe");
    assert_int_equal(f->node.bad_messages, 3);
}

/* ---- the end; what is not freed is the leak checker's to find */

static void node_release__everything_under_way__frees_it(void **state)
{
    struct fake *f = *state;
    struct process *process[4];
    struct ref ref;
    struct buf pid = BUF_EMPTY, reason = BUF_EMPTY;
    for (int i = 0; i < 4; i++)
        process[i] = fake_probe(f);
    process_write_pid(process[1], &pid);
    fake_write(&reason, "over");
    link_add(process[0], process[1]);
    link_add(process[1], process[2]);
    monitor_add(process[0], buf_slice(&pid), &ref);
    alias_add(process[2], false, &ref);
    registry_add(process[3], slice_of_text("name"));
    process[2]->trap_exit = true;
    process_pause(process[3]);
    for (int i = 0; i < 4; i++) {
        fake_post(process[i], "one");
        fake_post(process[i], "two");
        process_send_exit(process[i], process[3 - i]->id, buf_slice(&reason));
    }
    fake_exit(process[1], "over"); /* dead and still in the run queue */
    buf_release(&pid);
    buf_release(&reason);
}

static void node_release__never_used__frees_it(void **state)
{
    struct fake *f = *state;
    assert_int_equal(f->node.process_count, 0);
}

/* ---- bounds of a turn */

/* A kilobyte for a@host. */
static enum receive send_kilobyte(struct fake *f, struct process *self, struct slice message)
{
    struct buf to = BUF_EMPTY;
    char kilobyte[1024] = {0};
    fake_write(&to, "<a.5.0>");
    etf_write_binary(process_send_begin(&f->node, self, buf_slice(&to)), slice_of(kilobyte, sizeof kilobyte));
    process_send_end(&f->node);
    buf_release(&to);
    buf_clear(&f->probes[1].messages);
    return RECEIVE_TAKEN;
}

static void node_run__many_bytes_for_peers__comes_back_to_have_them_written(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe_hooked(f, send_kilobyte);
    for (int i = 0; i < 2500; i++)
        fake_post(process, "go");
    for (size_t turn = 1; turn <= 2; turn++) {
        assert_true(node_run(&f->node));
        assert_in_range(f->a.peer->out.size, turn << 20, (turn << 20) + turn * 2048);
    }
    assert_false(node_run(&f->node));
    assert_in_range(f->a.peer->out.size, 2500 * 1024, 2500 * 1200);
}

static void count(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void node_when_idle__processes_put_off__waits_for_them(void **state)
{
    struct fake *f = *state;
    unsigned idle = 0;
    f->node.limits.output_max = 100;
    struct process *process = fake_probe_hooked(f, send_kilobyte);
    fake_post(process, "go");
    fake_post(process, "go");
    node_when_idle(&f->node, count, &idle);
    assert_false(node_run(&f->node));
    assert_true(process->put_off);
    assert_int_equal(idle, 0);
    fake_down(&f->a);
    assert_int_equal(idle, 0);
    node_run(&f->node);
    node_run(&f->node);
    assert_int_equal(idle, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(node_init__fresh__has_its_name_and_random_references),
        FAKE_TEST(node_is_self__each_form_of_the_atom__is_known),
        FAKE_TEST(node_slot_take__freed_ones__oldest_first),
        FAKE_TEST(node_slot_take__none_left_free_in_between__still_uses_freed_ones),
        FAKE_TEST(node_slot_free__all_serials_used__slot_is_not_used_again),
        FAKE_TEST(node_slot_take__thousands__all_are_found),
        FAKE_TEST(node_run__two_that_never_stop__comes_back_with_work_left),
        FAKE_TEST(node_run__one_that_never_stops__others_have_their_turn),
        FAKE_TEST(node_run__signal_to_a_process_with_messages__comes_first),
        FAKE_TEST(node_run__signals_in_several_rounds__all_are_delivered),
        FAKE_TEST(node_make_ref__counter_runs_over__carries),
        FAKE_TEST(node_bad_message__several__are_counted),
        FAKE_TEST(node_release__everything_under_way__frees_it),
        FAKE_TEST(node_release__never_used__frees_it),
        FAKE_TEST(node_run__many_bytes_for_peers__comes_back_to_have_them_written),
        FAKE_TEST(node_when_idle__processes_put_off__waits_for_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
