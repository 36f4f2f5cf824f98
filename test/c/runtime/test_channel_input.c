/* What a channel receives: how it is cut does not matter, nothing is acted on twice, or after the channel was
 * told not to. */
#include "runtime/channel_input.h"

#include "base/error.h"
#include "runtime/aliases.h"
#include "runtime/channel_output.h"
#include "runtime/fake_channel.h"
#include "runtime/node.h"
#include "unit.h"

#include <string.h>
#include <sys/socket.h>

enum { SIZE = 100, STUFFED = 3000000 /* more than a socket takes that nobody reads */ };

static bool is_reading(const struct line_end *end)
{
    return uv_is_active((const uv_handle_t *)&end->channel->tcp);
}

static void read__cut_in_two_at_every_byte__acted_on_once(void **state)
{
    struct line line;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    line_write_echo(&out, LINE_THEIRS, SIZE);
    line_write_echo(&out, LINE_THEIRS, SIZE + 1);
    unsigned before = 0;
    for (size_t cut = 1; cut < out.size; cut++) {
        line_send(&end, slice_of(out.data, cut));
        assert_int_equal(line.echoed, before + (cut >= out.size / 2));
        line_send(&end, buf_slice_from(&out, cut));
        before += 2;
        assert_int_equal(line.echoed, before);
        line_expect_echo(&end, SIZE);
        line_expect_echo(&end, SIZE + 1);
    }
    assert_int_equal(end.channel->peer->frames_in, before);
    buf_release(&out);
    line_hang_up(&end);
    line_close(&line);
}

static void read__other_side_ends_within_a_frame__not_acted_on(void **state)
{
    struct buf out = BUF_EMPTY;
    line_write_echo(&out, LINE_THEIRS, SIZE);
    for (size_t size = 0; size < out.size; size += 1 + size / 8) {
        struct line line;
        struct line_end end;
        line_open(&line, (struct connections_config){0});
        line_join(&line, &end, LINE_THEIRS);
        line_send(&end, slice_of(out.data, size));
        line_hang_up(&end);
        line_await_ended(&line, 1);
        assert_int_equal(line.errors[0], UV_EOF);
        assert_int_equal(line.echoed, 0);
        line_close(&line);
    }
    buf_release(&out);
}

static void read__frame_before_the_end__acted_on(void **state)
{
    struct line line;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    line_write_echo(&out, LINE_THEIRS, SIZE);
    assert_int_equal(send(end.fd, out.data, out.size, 0), out.size);
    line_hang_up(&end);
    line_await_ended(&line, 1);
    assert_int_equal(line.echoed, 1);
    buf_release(&out);
    line_close(&line);
}

static void read__garbage_between_frames__those_behind_are_not_acted_on(void **state)
{
    struct line line;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    line_write_echo(&out, LINE_THEIRS, SIZE);
    buf_append(&out, "\0\0\0\1p", 5);
    line_write_echo(&out, LINE_THEIRS, SIZE);
    line_send(&end, buf_slice(&out));
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], ERR_PROTOCOL);
    assert_int_equal(line.echoed, 1);
    buf_release(&out);
    line_hang_up(&end);
    line_close(&line);
}

/* The largest is taken; one byte more is refused as soon as its length is there. */
static void read__frame_size__up_to_the_limit(void **state)
{
    struct buf out = BUF_EMPTY;
    line_write_echo(&out, LINE_THEIRS, SIZE);
    for (size_t more = 0; more < 2; more++) {
        struct line line;
        struct line_end end;
        line_open(&line, (struct connections_config){.frame_size_max = out.size - 4 - more});
        line_join(&line, &end, LINE_THEIRS);
        line_send(&end, slice_of(out.data, more == 0 ? out.size : 4));
        if (more == 0) {
            line_expect_echo(&end, SIZE);
        } else {
            line_await_ended(&line, 1);
            assert_int_equal(line.errors[0], ERR_TOO_LARGE);
        }
        line_hang_up(&end);
        line_close(&line);
    }
    buf_release(&out);
}

static void is_read__states__handshake_and_up(void **state)
{
    for (enum channel_state at = CHANNEL_CONNECTING; at <= CHANNEL_CLOSED; at++) {
        const struct channel channel = {.state = at};
        assert_int_equal(channel_is_read(&channel), at == CHANNEL_HANDSHAKE || at == CHANNEL_UP);
    }
}

/* ---- a peer that does not read */

/* Sends requests in pieces until the channel is paused; returns how many whole ones it sent. */
static unsigned send_until_paused(struct line_end *end, const struct buf *request)
{
    unsigned sent = 0;
    while (!end->channel->paused) {
        line_send(end, buf_slice(request));
        sent++;
        assert_true(sent < 10000);
    }
    return sent;
}

/* Output that the socket does not take, as long as nobody reads. */
static void stuff(struct line_end *end)
{
    memset(buf_extend(channel_output(end->channel), STUFFED), 0, STUFFED);
    channel_flush(end->channel);
    assert_true(end->channel->writing_now);
}

/* The channel's socket takes as little at a time as the kernel allows. */
static void shrink(struct line_end *end)
{
    int room = 1;
    uv_os_fd_t fd;
    assert_int_equal(uv_fileno((uv_handle_t *)&end->channel->tcp, &fd), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
}

static void unstuff(struct line_end *end)
{
    assert_true(line_receive(end, STUFFED));
    buf_consume(&end->in, STUFFED);
}

static void pause__many_frames_in_one_read__the_rest_waits_in_order(void **state)
{
    enum { FRAMES = 60 };
    struct line line;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    line_open(&line, (struct connections_config){.output_size_max = 100000});
    line_join(&line, &end, LINE_THEIRS);
    for (unsigned i = 0; i < FRAMES; i++)
        line_write_echo(&out, LINE_THEIRS, SIZE + i);
    stuff(&end);
    line_send(&end, slice_of(out.data, out.size - 7)); /* the last one without its end */
    assert_true(end.channel->paused);
    assert_false(is_reading(&end));
    assert_int_equal(line.echoed, 1);
    for (int i = 0; i < 10; i++)
        line_turn(&line);
    assert_int_equal(line.echoed, 1); /* as long as nobody reads */
    unstuff(&end);
    for (unsigned i = 0; i < FRAMES - 1; i++)
        line_expect_echo(&end, SIZE + i);
    assert_true(is_reading(&end));
    assert_int_equal(end.channel->held.room, 0); /* its memory is given back */
    line_send(&end, buf_slice_from(&out, out.size - 7));
    line_expect_echo(&end, SIZE + FRAMES - 1);
    buf_release(&out);
    line_hang_up(&end);
    line_close(&line);
}

/* The answers to what was held may be too much again. */
static void pause__again_while_going_on__nothing_is_lost(void **state)
{
    enum { FRAMES = 20, LARGE = 10000 };
    struct line line;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    line_open(&line, (struct connections_config){.output_size_max = 1});
    line_join(&line, &end, LINE_THEIRS);
    for (unsigned i = 0; i < FRAMES; i++)
        line_write_echo(&out, LINE_THEIRS, LARGE + i);
    shrink(&end);
    stuff(&end);
    assert_int_equal(send(end.fd, out.data, out.size, 0), out.size); /* fits the socket */
    while (!end.channel->paused)
        line_turn(&line);
    unstuff(&end);
    for (unsigned i = 0; i < FRAMES; i++) {
        line_expect_echo(&end, LARGE + i);
        assert_in_range(line.echoed, i + 1, i + 3);
    }
    assert_int_equal(line.echoed, FRAMES);
    buf_release(&out);
    line_hang_up(&end);
    line_close(&line);
}

/* Little waits for it, but much for all: it is read again when it has read. */
static void crowded__anything_waits__is_paused(void **state)
{
    struct line line;
    struct line_end end;
    struct buf request = BUF_EMPTY;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    line_write_echo(&request, LINE_THEIRS, 100);
    stuff(&end);
    line_send(&end, buf_slice(&request));
    assert_false(end.channel->paused);
    line.channels.crowded = true;
    line_send(&end, buf_slice(&request));
    assert_true(end.channel->paused);
    unstuff(&end);
    line_expect_echo(&end, 100);
    line_expect_echo(&end, 100);
    assert_false(end.channel->paused);
    buf_release(&request);
    line_hang_up(&end);
    line_close(&line);
}

static void read_again__more_than_half_waits__does_not(void **state)
{
    struct line line;
    struct line_end end;
    struct buf request = BUF_EMPTY;
    line_open(&line, (struct connections_config){.output_size_max = 1 << 20});
    line_join(&line, &end, LINE_THEIRS);
    line_write_echo(&request, LINE_THEIRS, 1 << 16);
    unsigned sent = send_until_paused(&end, &request);
    assert_true(channel_waiting(end.channel) > 1 << 19);
    channel_read_again(end.channel);
    assert_true(end.channel->paused);
    for (unsigned i = 0; i < sent; i++)
        line_expect_echo(&end, 1 << 16);
    assert_false(end.channel->paused);
    assert_int_equal(line.echoed, sent);
    buf_release(&request);
    line_hang_up(&end);
    line_close(&line);
}

static void pause__other_side_ends__is_noticed_all_the_same(void **state)
{
    struct line line;
    struct line_end end;
    struct buf request = BUF_EMPTY;
    line_open(&line, (struct connections_config){.output_size_max = 1 << 16});
    line_join(&line, &end, LINE_THEIRS);
    line_write_echo(&request, LINE_THEIRS, 1 << 16);
    send_until_paused(&end, &request);
    line_hang_up(&end);
    line_await_ended(&line, 1); /* by the write that fails */
    assert_true(line.errors[0] < 0);
    buf_release(&request);
    line_close(&line);
}

/* ---- the last reading */

static void ignore__what_has_arrived__is_acted_on_and_nothing_after_it(void **state)
{
    struct line line;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    line_write_echo(&out, LINE_THEIRS, SIZE);
    assert_int_equal(send(end.fd, out.data, out.size, 0), out.size);
    assert_int_equal(send(end.fd, out.data, out.size / 2, 0), out.size / 2);
    channel_ignore(end.channel);
    assert_int_equal(line.echoed, 1);
    line_send(&end, buf_slice_from(&out, out.size / 2));
    line_send(&end, buf_slice(&out));
    channel_read_again(end.channel);
    line_turn(&line);
    assert_int_equal(line.echoed, 1);
    assert_false(is_reading(&end));
    line_expect_echo(&end, SIZE); /* what was asked before is answered */
    buf_release(&out);
    line_hang_up(&end);
    line_close(&line);
}

static void ignore__other_side_has_ended__what_it_sent_is_acted_on(void **state)
{
    struct line line;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    line_write_echo(&out, LINE_THEIRS, SIZE);
    assert_int_equal(send(end.fd, out.data, out.size, 0), out.size);
    shutdown(end.fd, SHUT_WR);
    channel_ignore(end.channel);
    assert_int_equal(line.echoed, 1);
    line_expect_echo(&end, SIZE);
    buf_release(&out);
    line_hang_up(&end);
    line_close(&line);
}

static void ignore__garbage_has_arrived__closed(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    assert_int_equal(send(end.fd, "\0\0\0\1p", 5, 0), 5);
    channel_ignore(end.channel);
    assert_int_equal(end.channel->state, CHANNEL_CLOSED);
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], ERR_PROTOCOL);
    line_hang_up(&end);
    line_close(&line);
}

static void ignore__not_up_yet__goes_on_with_the_handshake(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    line_accept(&line, &end);
    channel_ignore(end.channel);
    assert_true(line_shake_hands(&end, LINE_THEIRS, LINE_COOKIE));
    line_hang_up(&end);
    line_close(&line);
}

/* ---- too much waits in mailboxes */

static void full__paused_process__nobody_is_read_until_it_goes_on(void **state)
{
    enum { FRAMES = 20 };
    struct line line;
    struct line_end end, other;
    struct buf out = BUF_EMPTY, request = BUF_EMPTY;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    line_join(&line, &other, "other@localhost");
    line.node.limits.unread_max = 5 * SIZE;
    struct process *echo = process_find(&line.node, 1);
    process_pause(echo);
    for (unsigned i = 0; i < FRAMES; i++)
        line_write_echo(&out, LINE_THEIRS, SIZE + i);
    line_send(&end, buf_slice(&out));
    line_turn(&line);
    assert_true(line.channels.full);
    assert_true(end.channel->paused);
    assert_in_range(line.node.unread, 5 * SIZE, 7 * SIZE + 200);
    line_write_echo(&request, "other@localhost", SIZE);
    line_send(&other, buf_slice(&request));
    line_turn(&line);
    assert_true(other.channel->paused); /* after this one */
    process_resume(echo);
    for (unsigned i = 0; i < FRAMES; i++)
        line_expect_echo(&end, SIZE + i);
    line_expect_echo(&other, SIZE);
    assert_false(line.channels.full);
    assert_true(is_reading(&end) && is_reading(&other));
    assert_int_equal(line.node.unread, 0);
    buf_release(&out);
    buf_release(&request);
    line_hang_up(&end);
    line_hang_up(&other);
    line_close(&line);
}

static void busy__processes_have_more_to_do__read_in_a_later_turn(void **state)
{
    struct line line;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    line_write_echo(&out, LINE_THEIRS, SIZE);
    assert_int_equal(send(end.fd, out.data, out.size, 0), out.size);
    line.channels.busy = true;
    for (int i = 0; i < 3; i++)
        uv_run(&line.loop, UV_RUN_NOWAIT);
    assert_int_equal(line.echoed, 0);
    assert_int_equal(end.channel->state, CHANNEL_UP);
    line_turn(&line); /* runs them */
    line_expect_echo(&end, SIZE);
    buf_release(&out);
    line_hang_up(&end);
    line_close(&line);
}

static const struct process_type bare = {.module = "bare", .size = sizeof(struct process)};

/* What an end leaves to do is no reason not to read. */
static void busy__death_with_much_behind_it__others_are_read_meanwhile(void **state)
{
    enum { ALIASES = 50000 };
    struct line line;
    struct line_end end;
    struct ref ref;
    struct buf out = BUF_EMPTY;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    struct process *process = process_new(&line.node, &bare);
    for (int i = 0; i < ALIASES; i++)
        alias_add(process, false, &ref);
    process_exit_atom(process, "over");
    assert_true(channels_run(&line.channels));
    assert_false(line.channels.busy);
    line_write_echo(&out, LINE_THEIRS, SIZE);
    assert_int_equal(send(end.fd, out.data, out.size, 0), out.size);
    for (int i = 0; i < 10 && line.echoed == 0; i++)
        uv_run(&line.loop, UV_RUN_NOWAIT);
    assert_int_equal(line.echoed, 1);
    assert_true(line.node.aliases.count > 0);
    while (channels_run(&line.channels)) {
    }
    line_expect_echo(&end, SIZE);
    buf_release(&out);
    line_hang_up(&end);
    line_close(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__cut_in_two_at_every_byte__acted_on_once),
        cmocka_unit_test(read__other_side_ends_within_a_frame__not_acted_on),
        cmocka_unit_test(read__frame_before_the_end__acted_on),
        cmocka_unit_test(read__garbage_between_frames__those_behind_are_not_acted_on),
        cmocka_unit_test(read__frame_size__up_to_the_limit),
        cmocka_unit_test(is_read__states__handshake_and_up),
        cmocka_unit_test(pause__many_frames_in_one_read__the_rest_waits_in_order),
        cmocka_unit_test(pause__again_while_going_on__nothing_is_lost),
        cmocka_unit_test(crowded__anything_waits__is_paused),
        cmocka_unit_test(read_again__more_than_half_waits__does_not),
        cmocka_unit_test(pause__other_side_ends__is_noticed_all_the_same),
        cmocka_unit_test(ignore__what_has_arrived__is_acted_on_and_nothing_after_it),
        cmocka_unit_test(ignore__other_side_has_ended__what_it_sent_is_acted_on),
        cmocka_unit_test(ignore__garbage_has_arrived__closed),
        cmocka_unit_test(ignore__not_up_yet__goes_on_with_the_handshake),
        cmocka_unit_test(full__paused_process__nobody_is_read_until_it_goes_on),
        cmocka_unit_test(busy__processes_have_more_to_do__read_in_a_later_turn),
        cmocka_unit_test(busy__death_with_much_behind_it__others_are_read_meanwhile),
    };
    return cmocka_run_group_tests_name("channel_input", tests, NULL, NULL);
}
