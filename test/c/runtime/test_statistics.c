#include "runtime/statistics.h"

#include "base/mem.h"
#include "runtime/fake_rpc.h"
#include "runtime/rpc.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

static void statistics__counters__grow_and_tell_what_came_since(void **state)
{
    struct fake *f = *state;
    struct process *probe = fake_probe(f);
    f->node.messages = 0;
    fake_expect_apply(f, "erlang", "statistics", "[reductions]", "return {0,0}");
    fake_deliver(probe, "x");
    fake_deliver(probe, "y");
    fake_expect_apply(f, "erlang", "statistics", "[reductions]", "return {2,2}");
    fake_expect_apply(f, "erlang", "statistics", "[reductions]", "return {2,0}");
    fake_expect_apply(f, "erlang", "statistics", "[exact_reductions]", "return {2,2}");
    fake_expect_apply(f, "erlang", "statistics", "[context_switches]", "return {2,0}");
}

static void statistics__io__is_the_nodes(void **state)
{
    struct fake *f = *state;
    f->node.bytes_in = 1000;
    f->node.bytes_out = 20;
    fake_expect_apply(f, "erlang", "statistics", "[io]", "return {{input,1000},{output,20}}");
}

static void statistics__queued_messages__processes_stand_in_the_run_queue(void **state)
{
    struct fake *f = *state;
    fake_post(fake_probe(f), "x");
    fake_post(fake_probe(f), "x");
    fake_expect_apply(f, "erlang", "statistics", "[run_queue]", "return 2");
    fake_expect_apply(f, "erlang", "statistics", "[total_active_tasks]", "return 3");
    fake_run(f);
    fake_expect_apply(f, "erlang", "statistics", "[run_queue]", "return 0");
}

static void statistics__scheduler_wall_time__only_while_somebody_wants_it(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "statistics", "[scheduler_wall_time]", "return undefined");
    f->node.rpc->wall_time_holders = 1;
    fake_expect_apply(f, "erlang", "statistics", "[scheduler_wall_time]", "return [{1,%,%}]");
    fake_expect_apply(f, "erlang", "statistics", "[scheduler_wall_time_all]", "return [{1,%,%}]");
}

static void statistics__unknown_item__badarg(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "statistics", "[foo]",
                      "error badarg [{erlang,statistics,[foo],[{error_info,#{module=>erl_erts_errors}}]}]");
}

static uint64_t number_of(struct buf *out)
{
    struct slice cursor = buf_slice(out);
    uint64_t number = 0;
    assert_true(etf_read_uint64(&cursor, &number));
    buf_release(out);
    return number;
}

static uint64_t memory_of(const char *type)
{
    struct buf name = BUF_EMPTY, out = BUF_EMPTY;
    etf_write_atom(&name, type);
    assert_true(memory_write_types(buf_slice(&name), &out));
    buf_release(&name);
    return number_of(&out);
}

static void memory__a_megabyte_more__is_counted(void **state)
{
    enum { MORE = 1000000 };
    uint64_t before = memory_of("processes"), used, held;
    bool told = memory_heap(&used, &held);
    void *block = mem_zalloc(MORE);
    uint64_t after = memory_of("processes");
    mem_free(block);
    if (told) {
        assert_in_range(after - before, MORE, MORE + 100000);
        assert_true(held >= used);
    }
    assert_true(memory_of("total") >= memory_of("processes"));
    assert_int_equal(memory_of("ets"), 0);
}

static void memory__list_of_types__pairs_in_its_order(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "erlang", "memory", "[[code,ets]]", "return [{code,0},{ets,0}]");
    fake_expect_apply(f, "erlang", "memory", "[[]]", "return []");
    fake_expect_apply(
        f, "erlang", "memory", "[[code,foo]]",
        "error badarg [{erlang,memory,[[code,foo]],[{error_info,#{module=>erl_erts_errors}}]}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(statistics__counters__grow_and_tell_what_came_since),
        FAKE_RPC_TEST(statistics__io__is_the_nodes),
        FAKE_RPC_TEST(statistics__queued_messages__processes_stand_in_the_run_queue),
        FAKE_RPC_TEST(statistics__scheduler_wall_time__only_while_somebody_wants_it),
        FAKE_RPC_TEST(statistics__unknown_item__badarg),
        FAKE_RPC_TEST(memory__a_megabyte_more__is_counted),
        FAKE_RPC_TEST(memory__list_of_types__pairs_in_its_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
