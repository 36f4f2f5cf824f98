/* When a tick is due and when a silent peer is gone, to the millisecond: the times stand in the channel and
 * are set here. */
#include "runtime/channel_ticks.h"

#include "base/error.h"
#include "runtime/channel_input.h"
#include "runtime/channel_output.h"
#include "runtime/fake_channel.h"
#include "runtime/node.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

enum { TICK_MS = 8000, CHECK_MS = 1000 /* of such a tick time */, SILENCE_MS = 5 * TICK_MS };

struct fixture {
    struct line line;
    struct line_end end;
};

static void set_up(struct fixture *f)
{
    line_open(&f->line, (struct connections_config){.tick_ms = TICK_MS});
    line_join(&f->line, &f->end, LINE_THEIRS);
}

static void tear_down(struct fixture *f)
{
    line_hang_up(&f->end);
    line_close(&f->line);
}

/* Written and heard so long ago. Ticks; true if one was appended. The loop's time stands still meanwhile. */
static bool ticks_after(struct fixture *f, uint64_t written_ms, uint64_t alive_ms)
{
    struct channel *channel = f->end.channel;
    channel->written_ms = channel_now_ms(channel) - written_ms;
    channel->alive_ms = channel_now_ms(channel) - alive_ms;
    channels_tick(&f->line.channels);
    if (channel->state != CHANNEL_UP || channel_output(channel)->size == 0)
        return false;
    assert_int_equal(channel_output(channel)->size, 4);
    assert_memory_equal(channel_output(channel)->data, "\0\0\0\0", 4);
    assert_true(channel->dirty);
    buf_clear(channel_output(channel));
    channel_clean(channel);
    return true;
}

static void tick_ms__any_tick_time__a_quarter_within_1_and_1000(void **state)
{
    static const uint32_t ticks[][2] = {
        {0, 1},      {1, 1},       {3, 1},       {4, 1},        {8, 2},
        {3999, 999}, {4000, 1000}, {4004, 1000}, {15000, 1000}, {UINT32_MAX, 1000}};
    for (size_t i = 0; i < sizeof ticks / sizeof ticks[0]; i++) {
        const struct channels channels = {.config = {.tick_ms = ticks[i][0]}};
        assert_int_equal(channels_tick_ms(&channels), ticks[i][1]);
    }
}

/* At the next check it would be too late. */
static void tick__idle__due_before_the_tick_time_is_over(void **state)
{
    struct fixture f;
    set_up(&f);
    assert_false(ticks_after(&f, 0, 0));
    assert_false(ticks_after(&f, TICK_MS - CHECK_MS, 0));
    assert_true(ticks_after(&f, TICK_MS - CHECK_MS + 1, 0));
    assert_true(ticks_after(&f, 4 * TICK_MS, 0));
    tear_down(&f);
}

static void tick__output_waits__none_behind_it(void **state)
{
    struct fixture f;
    set_up(&f);
    buf_append(channel_output(f.end.channel), "frame", 5);
    f.end.channel->written_ms = channel_now_ms(f.end.channel) - TICK_MS;
    channels_tick(&f.line.channels);
    assert_int_equal(channel_output(f.end.channel)->size, 5);
    tear_down(&f);
}

/* A peer that only sends, and is sent nothing, must not hold us for dead: its tick time may be shorter. */
static void tick__frames_unanswered_for_a_second__one(void **state)
{
    struct fixture f;
    struct buf frame = BUF_EMPTY;
    set_up(&f);
    f.end.channel->unanswered = true;
    assert_false(ticks_after(&f, 999, 0));
    assert_true(ticks_after(&f, 1000, 0));
    f.end.channel->unanswered = false;
    assert_false(ticks_after(&f, 1000, 0));
    line_write_echo(&frame, LINE_THEIRS, 10); /* an answer is a sign of life */
    line_send(&f.end, buf_slice(&frame));
    line_expect_echo(&f.end, 10);
    assert_false(f.end.channel->unanswered);
    buf_release(&frame);
    tear_down(&f);
}

static void tick__sent__reaches_the_other_side_and_counts_as_written(void **state)
{
    struct fixture f;
    set_up(&f);
    f.end.channel->written_ms = 0;
    channel_send_tick(f.end.channel);
    line_turn(&f.line);
    assert_true(line_frame(&f.end));
    assert_int_equal(f.end.packet.size, 0);
    assert_true(f.end.channel->written_ms > 0);
    tear_down(&f);
}

/* ---- silence */

static void silence__five_ticks__stays_and_a_millisecond_more_ends_it(void **state)
{
    struct fixture f;
    set_up(&f);
    ticks_after(&f, 0, SILENCE_MS);
    assert_int_equal(f.end.channel->state, CHANNEL_UP);
    ticks_after(&f, 0, SILENCE_MS + 1);
    assert_int_equal(f.end.channel->state, CHANNEL_CLOSED);
    line_await_ended(&f.line, 1);
    assert_int_equal(f.line.errors[0], ERR_TIMEOUT);
    tear_down(&f);
}

/* SIGSTOP for a minute: who has sent ticks all the time is read first. */
static void silence__we_did_not_run__does_not_count(void **state)
{
    struct fixture f;
    set_up(&f);
    f.line.channels.ticked_ms = uv_now(&f.line.loop) - 60000;
    ticks_after(&f, 0, 60000 + TICK_MS);
    assert_int_equal(f.end.channel->state, CHANNEL_UP);
    assert_int_equal(channel_now_ms(f.end.channel) - f.end.channel->alive_ms, TICK_MS + CHECK_MS);
    f.line.channels.ticked_ms = uv_now(&f.line.loop) - 60000;
    ticks_after(&f, 0, 0);
    assert_int_equal(f.end.channel->alive_ms, channel_now_ms(f.end.channel));
    f.line.channels.ticked_ms = uv_now(&f.line.loop) - 2 * CHECK_MS; /* late, but there */
    ticks_after(&f, 0, SILENCE_MS + 1);
    assert_int_equal(f.end.channel->state, CHANNEL_CLOSED);
    tear_down(&f);
}

static void silence__anything_received__begins_anew(void **state)
{
    struct fixture f;
    set_up(&f);
    f.end.channel->alive_ms = channel_now_ms(f.end.channel) - SILENCE_MS - 1;
    line_send(&f.end, slice_of("\0", 1)); /* the first byte of a tick */
    channels_tick(&f.line.channels);
    assert_int_equal(f.end.channel->state, CHANNEL_UP);
    tear_down(&f);
}

static void silence__one_of_three__others_get_their_ticks(void **state)
{
    struct fixture f;
    struct line_end others[2];
    set_up(&f);
    line_join(&f.line, &others[0], "a@localhost");
    line_join(&f.line, &others[1], "b@localhost");
    others[0].channel->alive_ms = channel_now_ms(f.end.channel) - SILENCE_MS - 1;
    others[1].channel->written_ms = channel_now_ms(f.end.channel) - TICK_MS;
    assert_true(ticks_after(&f, TICK_MS, 0));
    assert_int_equal(others[0].channel->state, CHANNEL_CLOSED);
    assert_true(others[1].channel->dirty);
    line_await_ended(&f.line, 1);
    line_hang_up(&others[0]);
    line_hang_up(&others[1]);
    tear_down(&f);
}

static void silence__while_shaking_hands__is_not_the_ticks_business(void **state)
{
    struct fixture f;
    struct line_end silent;
    set_up(&f);
    line_accept(&f.line, &silent);
    silent.channel->alive_ms = silent.channel->written_ms = channel_now_ms(f.end.channel) - SILENCE_MS - 1;
    channels_tick(&f.line.channels);
    assert_int_equal(silent.channel->state, CHANNEL_HANDSHAKE);
    assert_int_equal(channel_output(silent.channel)->size, 0);
    line_hang_up(&silent);
    tear_down(&f);
}

/* ---- a peer that is silent because it is busy reading */

/* A write that does not end, and nothing heard for too long. */
static void set_up_stuck(struct fixture *f)
{
    enum { LARGE = 3000000 };
    set_up(f);
    memset(buf_extend(channel_output(f->end.channel), LARGE), 0, LARGE);
    channel_flush(f->end.channel);
    assert_true(f->end.channel->writing_now);
    channels_tick(&f->line.channels); /* notes how much is on its way */
    f->end.channel->alive_ms = channel_now_ms(f->end.channel) - SILENCE_MS - 1;
}

static void progress__peer_reads__stays(void **state)
{
    struct fixture f;
    set_up_stuck(&f);
    assert_true(line_receive(&f.end, 500000));
    assert_true(f.end.channel->writing_now);
    channels_tick(&f.line.channels);
    assert_int_equal(f.end.channel->state, CHANNEL_UP);
    tear_down(&f);
}

static void progress__peer_does_not_read__ends(void **state)
{
    struct fixture f;
    set_up_stuck(&f);
    channels_tick(&f.line.channels);
    assert_int_equal(f.end.channel->state, CHANNEL_CLOSED);
    line_await_ended(&f.line, 1);
    assert_int_equal(f.line.errors[0], ERR_TIMEOUT);
    tear_down(&f);
}

/* ---- a peer because of which a process is put off */

/* So long after it has read something last. */
static void tick_without_progress(struct fixture *f, uint64_t ms)
{
    f->end.channel->progress_ms = channel_now_ms(f->end.channel) - ms;
    f->end.channel->alive_ms = channel_now_ms(f->end.channel);
    channels_tick(&f->line.channels);
}

static void put_off__five_seconds_without_progress__stays_and_a_millisecond_more_ends_it(void **state)
{
    struct fixture f;
    set_up_stuck(&f);
    tick_without_progress(&f, 3600000); /* nobody is kept waiting by it */
    assert_int_equal(f.end.channel->state, CHANNEL_UP);
    struct process *process = process_find(&f.line.node, 1);
    peer_put_off(f.end.channel->peer, process);
    tick_without_progress(&f, 5000);
    assert_int_equal(f.end.channel->state, CHANNEL_UP);
    tick_without_progress(&f, 5001);
    assert_int_equal(f.end.channel->state, CHANNEL_CLOSED);
    assert_false(process->put_off);
    line_await_ended(&f.line, 1);
    assert_int_equal(f.line.errors[0], -ENOBUFS);
    tear_down(&f);
}

/* Much waits for all together: nobody is put off by this one, but it is one of those that fill the memory. */
static void crowded__five_seconds_without_progress__ends(void **state)
{
    struct fixture f;
    set_up_stuck(&f);
    channels_weigh(&f.line.channels);
    assert_false(f.line.channels.crowded);
    f.line.channels.config.output_size_max = channel_waiting(f.end.channel) / 33;
    channels_weigh(&f.line.channels);
    assert_true(f.line.channels.crowded);
    tick_without_progress(&f, 5000);
    assert_int_equal(f.end.channel->state, CHANNEL_UP);
    tick_without_progress(&f, 5001);
    assert_int_equal(f.end.channel->state, CHANNEL_CLOSED);
    line_await_ended(&f.line, 1);
    assert_int_equal(f.line.errors[0], -ENOBUFS);
    tear_down(&f);
}

static void crowded__not_any_more__stays(void **state)
{
    struct fixture f;
    set_up_stuck(&f);
    f.line.channels.crowded = true;
    tick_without_progress(&f, 5001);
    assert_false(f.line.channels.crowded);
    assert_int_equal(f.end.channel->state, CHANNEL_UP);
    tear_down(&f);
}

/* A few hundred kilobytes in a tick are as good as some hundred milliseconds less. */
static void put_off__peer_reads__stays_as_long_as_that_pays_for(void **state)
{
    struct fixture f;
    set_up_stuck(&f);
    peer_put_off(f.end.channel->peer, process_find(&f.line.node, 1));
    assert_true(line_receive(&f.end, 1000000));
    assert_true(f.end.channel->writing_now);
    tick_without_progress(&f, 5100);
    assert_int_equal(f.end.channel->state, CHANNEL_UP);
    assert_in_range(channel_now_ms(f.end.channel) - f.end.channel->progress_ms, 3000, 5000);
    tick_without_progress(&f, 5000);
    assert_int_equal(f.end.channel->state, CHANNEL_UP);
    line_receive(&f.end, 3000000);
    assert_false(process_find(&f.line.node, 1)->put_off); /* all is written */
    tear_down(&f);
}

static void put_off__peer_reads_a_drop_at_a_time__ends(void **state)
{
    struct fixture f;
    set_up_stuck(&f);
    peer_put_off(f.end.channel->peer, process_find(&f.line.node, 1));
    assert_true(line_receive(&f.end, 300000));
    tick_without_progress(&f, 6500);
    assert_int_equal(f.end.channel->state, CHANNEL_CLOSED);
    line_await_ended(&f.line, 1);
    tear_down(&f);
}

/* What it has read before others waited for it is not saved up. */
static void put_off__peer_has_read_much_before__has_no_more_time(void **state)
{
    struct fixture f;
    set_up_stuck(&f);
    assert_true(line_receive(&f.end, 1000000));
    tick_without_progress(&f, 0);
    peer_put_off(f.end.channel->peer, process_find(&f.line.node, 1));
    assert_int_equal(f.end.channel->progress_ms, channel_now_ms(f.end.channel));
    tick_without_progress(&f, 5001);
    assert_int_equal(f.end.channel->state, CHANNEL_CLOSED);
    line_await_ended(&f.line, 1);
    tear_down(&f);
}

/* A stop waits for those that are put off, and must end. */
static void put_off__ignored__has_five_seconds_however_fast_it_reads(void **state)
{
    struct fixture f;
    set_up_stuck(&f);
    channel_ignore(f.end.channel);
    assert_int_equal(f.end.channel->ignored_ms, channel_now_ms(f.end.channel));
    f.end.channel->ignored_ms = channel_now_ms(f.end.channel) - 5001;
    tick_without_progress(&f, 0); /* nobody is put off */
    assert_int_equal(f.end.channel->state, CHANNEL_UP);
    peer_put_off(f.end.channel->peer, process_find(&f.line.node, 1));
    f.end.channel->ignored_ms = channel_now_ms(f.end.channel) - 5000;
    tick_without_progress(&f, 0);
    assert_int_equal(f.end.channel->state, CHANNEL_UP);
    f.end.channel->ignored_ms--;
    tick_without_progress(&f, 0);
    assert_int_equal(f.end.channel->state, CHANNEL_CLOSED);
    assert_int_equal(f.line.node.put_off, 0);
    line_await_ended(&f.line, 1);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tick_ms__any_tick_time__a_quarter_within_1_and_1000),
        cmocka_unit_test(tick__idle__due_before_the_tick_time_is_over),
        cmocka_unit_test(tick__output_waits__none_behind_it),
        cmocka_unit_test(tick__frames_unanswered_for_a_second__one),
        cmocka_unit_test(tick__sent__reaches_the_other_side_and_counts_as_written),
        cmocka_unit_test(silence__five_ticks__stays_and_a_millisecond_more_ends_it),
        cmocka_unit_test(silence__we_did_not_run__does_not_count),
        cmocka_unit_test(silence__anything_received__begins_anew),
        cmocka_unit_test(silence__one_of_three__others_get_their_ticks),
        cmocka_unit_test(silence__while_shaking_hands__is_not_the_ticks_business),
        cmocka_unit_test(progress__peer_reads__stays),
        cmocka_unit_test(progress__peer_does_not_read__ends),
        cmocka_unit_test(put_off__five_seconds_without_progress__stays_and_a_millisecond_more_ends_it),
        cmocka_unit_test(put_off__peer_reads__stays_as_long_as_that_pays_for),
        cmocka_unit_test(put_off__peer_reads_a_drop_at_a_time__ends),
        cmocka_unit_test(put_off__ignored__has_five_seconds_however_fast_it_reads),
        cmocka_unit_test(put_off__peer_has_read_much_before__has_no_more_time),
        cmocka_unit_test(crowded__five_seconds_without_progress__ends),
        cmocka_unit_test(crowded__not_any_more__stays),
    };
    return cmocka_run_group_tests_name("channel_ticks", tests, NULL, NULL);
}
