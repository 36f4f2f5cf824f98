/* The beginning and the end of a socket: each channel ends once, with the error it was ended for, and until
 * then what is needed stays. */
#include "runtime/channel.h"

#include "base/error.h"
#include "runtime/channel_output.h"
#include "runtime/fake_channel.h"
#include "runtime/node.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct peer *them(struct line *line)
{
    return peer_find(&line->node, slice_of_text(LINE_THEIRS));
}

/* ---- beginning */

static void accept__no_socket__ended_with_the_error(void **state)
{
    struct line line;
    int file = open("/dev/null", O_PATH | O_CLOEXEC); /* nothing can be done with it */
    line_open(&line, (struct connections_config){0});
    channel_accept(&line.channels, file); /* closes it */
    assert_int_equal(line.channels.accepted, 1);
    assert_int_equal(line.ended, 0); /* told from the loop only */
    line_await_ended(&line, 1);
    assert_true(line.errors[0] < 0);
    assert_int_equal(line.channels.accepted, 0);
    assert_int_equal(fcntl(file, F_GETFD), -1);
    line_close(&line);
}

static void accept__other_side_gone_already__ended(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    line_accept(&line, &end);
    line_hang_up(&end);
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], UV_EOF);
    line_close(&line);
}

/* A loopback port that nobody listens on: bound, so that nobody else gets it. */
static int refusing_port(struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

static void connect__refused__ended_with_the_error(void **state)
{
    struct line line;
    struct sockaddr_in address;
    int fd = refusing_port(&address);
    line_open(&line, (struct connections_config){0});
    struct channel *channel = channel_connect(&line.channels, LINE_THEIRS, (struct sockaddr *)&address);
    assert_string_equal(channel->name, LINE_THEIRS);
    assert_true(channel->wanted);
    assert_int_equal(line.channels.accepted, 0);
    assert_int_equal(line.ended, 0);
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], -ECONNREFUSED);
    close(fd);
    line_close(&line);
}

static void connect__address_of_no_family__ended_later(void **state)
{
    struct line line;
    const struct sockaddr address = {.sa_family = AF_UNSPEC};
    line_open(&line, (struct connections_config){0});
    assert_non_null(channel_connect(&line.channels, LINE_THEIRS, &address));
    assert_int_equal(line.channels.count, 1);
    line_await_ended(&line, 1);
    assert_true(line.errors[0] < 0);
    line_close(&line);
}

static void connect__closed_or_finished_while_connecting__ended_with_that(void **state)
{
    struct line line;
    struct sockaddr_in address;
    int fd = refusing_port(&address);
    line_open(&line, (struct connections_config){0});
    channel_close(channel_connect(&line.channels, LINE_THEIRS, (struct sockaddr *)&address), ERR_REFUSED,
                  NULL);
    line_await_ended(&line, 1);
    channel_finish(channel_connect(&line.channels, LINE_THEIRS, (struct sockaddr *)&address), ERR_STOPPED,
                   60000);
    line_await_ended(&line, 2);
    assert_int_equal(line.errors[0], ERR_REFUSED);
    assert_int_equal(line.errors[1], ERR_STOPPED);
    close(fd);
    line_close(&line);
}

static void set_name__another_one__replaces_it(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    line_accept(&line, &end);
    channel_set_name(end.channel, slice_of("ab@c", 2));
    assert_string_equal(end.channel->name, "ab");
    channel_set_name(end.channel, slice_of("x", 0));
    assert_string_equal(end.channel->name, "");
    line_hang_up(&end);
    line_close(&line);
}

/* ---- closing */

static void close__twice__ended_once_with_the_first_error(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    channel_close(end.channel, ERR_EXISTS, "why");
    assert_null(them(&line)); /* down when it returns */
    assert_int_equal(line.ended, 0);
    channel_close(end.channel, ERR_TIMEOUT, NULL);
    channel_finish(end.channel, ERR_STOPPED, 0);
    line_await_ended(&line, 1);
    line_turn(&line);
    assert_int_equal(line.ended, 1);
    assert_int_equal(line.errors[0], ERR_EXISTS);
    line_hang_up(&end);
    line_close(&line);
}

static void close__output_woken__is_not_written_any_more(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    buf_append(channel_output(end.channel), "late", 4);
    channel_wake(end.channel);
    channel_close(end.channel, ERR_EXISTS, NULL);
    assert_null(line.channels.dirty);
    line_receive_all(&end);
    assert_int_equal(end.in.size, 0);
    line_hang_up(&end);
    line_close(&line);
}

static void close__one_of_three__others_stay(void **state)
{
    static const char *const names[] = {"a@localhost", "b@localhost", "c@localhost"};
    struct line line;
    struct line_end ends[3];
    line_open(&line, (struct connections_config){0});
    for (int i = 0; i < 3; i++)
        line_join(&line, &ends[i], names[i]);
    channel_close(ends[1].channel, ERR_REFUSED, NULL);
    line_await_ended(&line, 1);
    assert_int_equal(line.channels.count, 2);
    assert_non_null(peer_find(&line.node, slice_of_text(names[0])));
    assert_null(peer_find(&line.node, slice_of_text(names[1])));
    assert_non_null(peer_find(&line.node, slice_of_text(names[2])));
    for (int i = 0; i < 3; i++)
        line_hang_up(&ends[i]);
    line_close(&line);
}

/* ---- finishing */

static void finish__output_waiting__arrives_then_the_end(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    buf_append(channel_output(end.channel), "last words", 10);
    channel_finish(end.channel, ERR_STOPPED, 60000);
    assert_null(them(&line));
    assert_int_equal(end.channel->state, CHANNEL_FINISHING);
    line_receive_all(&end);
    assert_memory_equal(end.in.data, "last words", 10);
    assert_int_equal(end.in.size, 10);
    line_turn(&line);
    assert_int_equal(line.ended, 0); /* waits for the other side */
    line_hang_up(&end);
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], ERR_STOPPED);
    line_close(&line);
}

static void finish__other_side_stays__ended_after_the_linger_time(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    channel_finish(end.channel, ERR_STOPPED, 1);
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], ERR_STOPPED); /* not that of the deadline */
    line_hang_up(&end);
    line_close(&line);
}

/* Bytes unread at the close would take back what the other side has not read yet. */
static void finish__other_side_goes_on_sending__reads_and_forgets(void **state)
{
    enum { FRAMES = 400, SIZE = 10000 };
    struct line line;
    struct line_end end;
    struct buf out = BUF_EMPTY;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    for (int i = 0; i < FRAMES; i++)
        line_write_echo(&out, LINE_THEIRS, SIZE);
    buf_append(channel_output(end.channel), "last words", 10);
    channel_finish(end.channel, ERR_STOPPED, 60000);
    line_send(&end, buf_slice(&out));
    assert_int_equal(line.echoed, 0);
    line_receive_all(&end);
    assert_int_equal(end.in.size, 10);
    line_hang_up(&end);
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], ERR_STOPPED);
    buf_release(&out);
    line_close(&line);
}

static void finish__more_than_the_socket_takes__all_of_it_arrives(void **state)
{
    enum { SIZE = 4000000 };
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    memset(buf_extend(channel_output(end.channel), SIZE), 'x', SIZE);
    channel_flush(end.channel);
    assert_true(end.channel->writing_now);
    buf_append(channel_output(end.channel), "end", 3);
    channel_finish(end.channel, ERR_STOPPED, 60000);
    line_receive_all(&end);
    assert_int_equal(end.in.size, SIZE + 3);
    assert_memory_equal(end.in.data + SIZE - 1, "xend", 4);
    line_hang_up(&end);
    line_await_ended(&line, 1);
    line_close(&line);
}

static void finish__twice__closes_at_once_with_the_first_error(void **state)
{
    struct line line;
    struct line_end end;
    line_open(&line, (struct connections_config){0});
    line_join(&line, &end, LINE_THEIRS);
    channel_finish(end.channel, ERR_STOPPED, 60000);
    channel_finish(end.channel, ERR_REFUSED, 60000);
    assert_int_equal(end.channel->state, CHANNEL_CLOSED);
    line_await_ended(&line, 1);
    assert_int_equal(line.errors[0], ERR_STOPPED);
    line_hang_up(&end);
    line_close(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept__no_socket__ended_with_the_error),
        cmocka_unit_test(accept__other_side_gone_already__ended),
        cmocka_unit_test(connect__refused__ended_with_the_error),
        cmocka_unit_test(connect__address_of_no_family__ended_later),
        cmocka_unit_test(connect__closed_or_finished_while_connecting__ended_with_that),
        cmocka_unit_test(set_name__another_one__replaces_it),
        cmocka_unit_test(close__twice__ended_once_with_the_first_error),
        cmocka_unit_test(close__output_woken__is_not_written_any_more),
        cmocka_unit_test(close__one_of_three__others_stay),
        cmocka_unit_test(finish__output_waiting__arrives_then_the_end),
        cmocka_unit_test(finish__other_side_stays__ended_after_the_linger_time),
        cmocka_unit_test(finish__other_side_goes_on_sending__reads_and_forgets),
        cmocka_unit_test(finish__more_than_the_socket_takes__all_of_it_arrives),
        cmocka_unit_test(finish__twice__closes_at_once_with_the_first_error),
    };
    return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
