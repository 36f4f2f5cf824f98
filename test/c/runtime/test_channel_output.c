/* What a channel sends: every byte once and in order, however little the socket takes at a time. */
#include "runtime/channel_output.h"

#include "base/error.h"
#include "runtime/channel_input.h"
#include "runtime/fake_channel.h"
#include "runtime/node.h"
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { LARGE = 3000000 /* more than a socket takes that nobody reads */ };

/* Numbered bytes, so that a lost or doubled one is seen. */
static void append_numbers(struct channel *channel, uint32_t *number, size_t size)
{
    uint8_t *room = buf_extend(channel_output(channel), size);
    for (size_t i = 0; i < size; i++, ++*number)
        room[i] = (uint8_t)(*number * 2654435761u >> 24);
}

static void expect_numbers(struct line_end *end, uint32_t *number, size_t size)
{
    assert_true(line_receive(end, size));
    for (size_t i = 0; i < size; i++, ++*number) {
        if (end->in.data[i] != (uint8_t)(*number * 2654435761u >> 24))
            fail_msg("byte %u", *number);
    }
    buf_consume(&end->in, size);
}

/* ---- waking */

static void wake__many_times__written_once_in_this_turn(void **state)
{
    struct line line;
    struct line_end end;
    uint32_t number = 0, received = 0;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    for (int i = 0; i < 3; i++) {
        append_numbers(end.channel, &number, 10);
        channel_wake(end.channel);
    }
    char byte;
    assert_int_equal(recv(end.fd, &byte, 1, 0), -1); /* not before */
    channels_flush(&line.channels);
    assert_null(line.channels.dirty);
    assert_int_equal(channel_waiting(end.channel), 0);
    expect_numbers(&end, &received, number);
    line_hang_up(&end);
    line_close(&line);
}

static void clean__woken__not_written_until_woken_again(void **state)
{
    struct line line;
    struct line_end ends[3];
    static const char *const names[] = {"a@localhost", "b@localhost", "c@localhost"};
    line_open(&line, (struct connections_config){0});
    for (int i = 0; i < 3; i++)
        line_join(&line, &ends[i], names[i]);
    for (int i = 0; i < 3; i++) {
        buf_append(channel_output(ends[i].channel), names[i], 1);
        channel_wake(ends[i].channel);
    }
    channel_clean(ends[1].channel);
    channel_clean(ends[1].channel);
    channels_flush(&line.channels);
    assert_true(line_receive(&ends[0], 1));
    assert_true(line_receive(&ends[2], 1));
    assert_int_equal(channel_waiting(ends[1].channel), 1);
    channel_wake(ends[1].channel);
    channels_flush(&line.channels);
    assert_true(line_receive(&ends[1], 1));
    assert_int_equal(ends[1].in.data[0], 'b');
    for (int i = 0; i < 3; i++)
        line_hang_up(&ends[i]);
    line_close(&line);
}

static void flush__one_closes_meanwhile__others_are_written(void **state)
{
    struct line line;
    struct line_end ends[2];
    line_open(&line, (struct connections_config){0});
    line_join(&line, &ends[0], "a@localhost");
    line_join(&line, &ends[1], "b@localhost");
    line_hang_up(&ends[0]); /* the write will fail */
    for (int i = 0; i < 2; i++) {
        buf_append(channel_output(ends[i].channel), "x", 1);
        channel_wake(ends[i].channel);
    }
    channels_flush(&line.channels);
    assert_int_equal(ends[0].channel->state, CHANNEL_CLOSED);
    assert_true(line_receive(&ends[1], 1));
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], -EPIPE);
    line_hang_up(&ends[1]);
    line_close(&line);
}

static void output__of_whom__the_peers_or_the_channels_own(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    line_accept(&line, &end);
    assert_ptr_equal(channel_output(end.channel), &end.channel->own);
    assert_true(line_shake_hands(&end, LINE_THEIRS, LINE_COOKIE));
    assert_ptr_equal(channel_output(end.channel), &end.channel->peer->out);
    channel_finish(end.channel, ERR_STOPPED, 60000);
    assert_ptr_equal(channel_output(end.channel), &end.channel->own);
    line_hang_up(&end);
    line_close(&line);
}

/* ---- a socket that is full */

static void flush__socket_takes_a_part__the_rest_in_order_with_what_came_later(void **state)
{
    struct line line;
    struct line_end end;
    uint32_t number = 0, received = 0;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    uint64_t before = line.node.bytes_out;
    append_numbers(end.channel, &number, LARGE);
    channel_flush(end.channel);
    assert_true(end.channel->writing_now);
    size_t waiting = channel_waiting(end.channel);
    assert_in_range(waiting, 1, LARGE - 1);
    for (int i = 0; i < 5; i++) { /* gathers behind, is not written in between */
        append_numbers(end.channel, &number, 1000);
        channel_flush(end.channel);
    }
    assert_int_equal(channel_waiting(end.channel), waiting + 5000);
    assert_int_equal(channel_output(end.channel)->size, 5000);
    expect_numbers(&end, &received, number);
    assert_int_equal(channel_waiting(end.channel), 0);
    assert_false(end.channel->writing_now);
    assert_int_equal(line.node.bytes_out - before, number);
    line_hang_up(&end);
    line_close(&line);
}

/* Small sends while the other side reads a little at a time. */
static void flush__socket_of_a_few_bytes__every_byte_once(void **state)
{
    enum { ROUNDS = 400, SIZE = 3001 };
    struct line line;
    struct line_end end;
    uint32_t number = 0, received = 0;
    int room = 1;
    uv_os_fd_t fd;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    assert_int_equal(uv_fileno((uv_handle_t *)&end.channel->tcp, &fd), 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room); /* the kernel's smallest */
    for (int i = 0; i < ROUNDS; i++) {
        append_numbers(end.channel, &number, SIZE);
        channel_wake(end.channel);
        line_turn(&line);
        if (i % 3 == 0)
            expect_numbers(&end, &received, SIZE / 2);
    }
    expect_numbers(&end, &received, number - received);
    assert_int_equal(channel_waiting(end.channel), 0);
    line_hang_up(&end);
    line_close(&line);
}

static void flush__much_was_written__does_not_keep_the_memory(void **state)
{
    struct line line;
    struct line_end end;
    uint32_t number = 0, received = 0;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    append_numbers(end.channel, &number, LARGE);
    channel_flush(end.channel);
    expect_numbers(&end, &received, LARGE);
    assert_true(end.channel->writing.room + channel_output(end.channel)->room <= 2 * 256 * 1024);
    line_hang_up(&end);
    line_close(&line);
}

static void append_frame(struct line_end *end, size_t size)
{
    memset(buf_extend(channel_output(end->channel), size), 'x', size);
    peer_wake(end->channel->peer);
}

/* Others go on sending to a peer that does not read: that has an end, one large answer or not. */
static void flush__too_much_gathers_behind_a_write__closed(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){.output_size_max = 1000});
    line_join(&line, &end, LINE_THEIRS);
    append_frame(&end, LARGE); /* however much, it is one write */
    channel_flush(end.channel);
    assert_true(end.channel->writing_now);
    append_frame(&end, LARGE);
    for (int i = 0; i < 16; i++)
        append_frame(&end, 1000);
    channel_flush(end.channel);
    assert_int_equal(end.channel->state, CHANNEL_UP);
    append_frame(&end, 16);
    assert_int_equal(end.channel->state, CHANNEL_UP); /* we may be inside of anything */
    assert_int_equal(channel_output(end.channel)->size, 0);
    append_frame(&end, 16);
    channels_flush(&line.channels);
    assert_int_equal(end.channel->state, CHANNEL_CLOSED);
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], -ENOBUFS);
    line_hang_up(&end);
    line_close(&line);
}

static void flush__other_side_gone_while_writing__closed_with_the_error(void **state)
{
    struct line line;
    struct line_end end;
    uint32_t number = 0;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    append_numbers(end.channel, &number, LARGE);
    channel_flush(end.channel);
    line_hang_up(&end);
    line_await_ended(&line, 1);
    assert_true(line.errors[0] < 0);
    line_close(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wake__many_times__written_once_in_this_turn),
        cmocka_unit_test(clean__woken__not_written_until_woken_again),
        cmocka_unit_test(flush__one_closes_meanwhile__others_are_written),
        cmocka_unit_test(output__of_whom__the_peers_or_the_channels_own),
        cmocka_unit_test(flush__socket_takes_a_part__the_rest_in_order_with_what_came_later),
        cmocka_unit_test(flush__socket_of_a_few_bytes__every_byte_once),
        cmocka_unit_test(flush__much_was_written__does_not_keep_the_memory),
        cmocka_unit_test(flush__too_much_gathers_behind_a_write__closed),
        cmocka_unit_test(flush__other_side_gone_while_writing__closed_with_the_error),
    };
    return cmocka_run_group_tests_name("channel_output", tests, NULL, NULL);
}
