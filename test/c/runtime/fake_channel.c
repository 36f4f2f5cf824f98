/* The other end of a channel. Knows the runtime by its headers only, and no connections. */
#include "runtime/fake_channel.h"

#include "base/log.h"
#include "base/mem.h"
#include "runtime/channel_input.h"
#include "runtime/channel_output.h"
#include "runtime/channel_tls.h"
#include "runtime/node.h"
#include "runtime/process_send.h"
#include "runtime/registry.h"
#include "unit.h"
#include "wire/control.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum { DEADLINE_MS = 10000, CREATION = 77 };

/* ---- the node */

static enum receive echo(struct process *self, struct slice message)
{
    struct line *line = (struct line *)((char *)self->node - offsetof(struct line, node));
    uint32_t arity;
    assert_true(etf_read_tuple(&message, &arity) && arity == 2);
    struct slice to = etf_take(&message);
    etf_write_term(process_send_begin(self->node, self, to), message);
    process_send_end(self->node);
    line->echoed++;
    return RECEIVE_TAKEN;
}

static const struct process_type echo_type = {
    .module = "echo", .size = sizeof(struct process), .receive = echo};

static enum handshake_status on_check_name(void *ctx, struct channel *channel, struct slice name)
{
    struct line *line = ctx;
    snprintf(line->checked, sizeof line->checked, "%.*s", (int)name.size, (const char *)name.data);
    return line->status;
}

static void on_up(void *ctx, struct channel *channel)
{
    ((struct line *)ctx)->up++;
}

static void on_ended(void *ctx, struct channel *channel)
{
    struct line *line = ctx;
    assert_true(line->ended < LINE_ENDS_MAX);
    line->errors[line->ended++] = channel->error;
}

void line_open(struct line *line, struct connections_config config)
{
    *line = (struct line){.status = HANDSHAKE_OK};
    const struct channel_events events = {
        .check_name = on_check_name, .up = on_up, .ended = on_ended, .ctx = line};
    signal(SIGPIPE, SIG_IGN); /* as main does */
    log_set_level(LOG_NONE);
    assert_int_equal(uv_loop_init(&line->loop), 0);
    node_init(&line->node, &line->loop, LINE_OURS, 4);
    assert_int_equal(registry_add(process_new(&line->node, &echo_type), slice_of_text("echo")), 0);
    config.node = &line->node;
    config.cookie = slice_of_text(LINE_COOKIE);
    config.tick_ms = config.tick_ms != 0 ? config.tick_ms : 3600000;
    config.connections_max = config.connections_max != 0 ? config.connections_max : 1000;
    config.handshake_ms = config.handshake_ms != 0 ? config.handshake_ms : DEADLINE_MS;
    config.frame_size_max = config.frame_size_max != 0 ? config.frame_size_max : 1 << 24;
    config.output_size_max = config.output_size_max != 0 ? config.output_size_max : 1 << 24;
    line->node.limits.output_max = config.output_size_max;
    channels_init(&line->channels, &config, &events);
}

static bool is_empty(struct line *line, const void *ctx)
{
    return line->channels.count == 0;
}

void line_close(struct line *line)
{
    struct channel *channel;
    DL_FOREACH(line->channels.all, channel)
    {
        channel_close(channel, UV_EOF, NULL);
    }
    line_await(line, is_empty, NULL);
    assert_int_equal(line->channels.accepted, 0);
    channels_release(&line->channels);
    node_release(&line->node);
    uv_run(&line->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&line->loop), 0);
}

void line_turn(struct line *line)
{
    uv_run(&line->loop, UV_RUN_NOWAIT);
    channels_tls_turn(&line->channels);
    while (channels_run(&line->channels))
        ;
    channels_flush(&line->channels);
}

/* Waits a little for the loop, or for something to receive at fd. */
static void wait_for_loop(struct line *line, int fd)
{
    struct pollfd fds[2] = {{.fd = uv_backend_fd(&line->loop), .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};
    poll(fds, 2, uv_backend_timeout(&line->loop) == 0 ? 0 : 1);
}

void line_await(struct line *line, bool (*reached)(struct line *line, const void *ctx), const void *ctx)
{
    uint64_t deadline_ms = uv_hrtime() / 1000000 + DEADLINE_MS;
    while (!reached(line, ctx)) {
        assert_true(uv_hrtime() / 1000000 < deadline_ms);
        wait_for_loop(line, -1);
        line_turn(line);
    }
}

static bool has_ended(struct line *line, const void *count)
{
    return line->ended >= *(const unsigned *)count;
}

void line_await_ended(struct line *line, unsigned count)
{
    line_await(line, has_ended, &count);
    assert_int_equal(line->ended, count);
}

/* ---- the other end */

void line_accept(struct line *line, struct line_end *end)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    *end = (struct line_end){.line = line, .fd = fds[0]};
    channel_accept(&line->channels, fds[1]);
    end->channel = line->channels.all->prev;
}

void line_join(struct line *line, struct line_end *end, const char *name)
{
    line_accept(line, end);
    assert_true(line_shake_hands(end, name, LINE_COOKIE));
    line_turn(line);
    assert_int_equal(end->channel->state, CHANNEL_UP);
}

void line_accept_tls(struct line *line, struct line_end *end, const struct tls *tls)
{
    line_accept(line, end);
    end->tls = tls_session_connect(tls, slice_of_text("localhost"));
}

void line_hang_up(struct line_end *end)
{
    close(end->fd);
    tls_session_free(end->tls);
    buf_release(&end->in);
    buf_release(&end->packet);
}

void line_send_raw(struct line_end *end, struct slice bytes)
{
    uint64_t deadline_ms = uv_hrtime() / 1000000 + DEADLINE_MS;
    while (bytes.size > 0) {
        ssize_t n = send(end->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return; /* the test sees it when it receives */
        if (n > 0)
            bytes = slice_of(bytes.data + n, bytes.size - (size_t)n);
        line_turn(end->line);
        assert_true(uv_hrtime() / 1000000 < deadline_ms);
    }
}

static void send_tls_output(struct line_end *end)
{
    struct buf *output = tls_session_output(end->tls);
    line_send_raw(end, buf_slice(output));
    buf_clear(output);
}

/* Something has arrived at the end of in. */
static void decrypt(struct line_end *end, size_t size)
{
    struct buf cipher = BUF_EMPTY;
    buf_append(&cipher, end->in.data + end->in.size, size);
    end->tls_status = tls_session_feed(end->tls, buf_slice(&cipher), &end->in);
    end->closed = end->closed || end->tls_status != 0;
    buf_release(&cipher);
    send_tls_output(end);
}

/* Waits for what arrives next. */
static void receive_some(struct line_end *end)
{
    uint8_t *room = buf_reserve(&end->in, 65536);
    ssize_t n = recv(end->fd, room, 65536, 0);
    if (n > 0 && end->tls != NULL)
        decrypt(end, (size_t)n);
    else if (n > 0)
        end->in.size += (size_t)n;
    else if (n == 0 || errno != EAGAIN)
        end->closed = true;
    else
        wait_for_loop(end->line, end->fd);
    line_turn(end->line);
}

void line_send(struct line_end *end, struct slice bytes)
{
    if (end->tls == NULL) {
        line_send_raw(end, bytes);
        return;
    }
    struct buf plain = BUF_EMPTY;
    uint64_t deadline_ms = uv_hrtime() / 1000000 + DEADLINE_MS;
    buf_append_slice(&plain, bytes);
    send_tls_output(end);
    while (plain.size > 0 && !end->closed) {
        tls_session_write(end->tls, &plain);
        send_tls_output(end);
        if (plain.size > 0)
            receive_some(end);
        assert_true(uv_hrtime() / 1000000 < deadline_ms);
    }
    buf_release(&plain);
}

bool line_receive(struct line_end *end, size_t size)
{
    uint64_t deadline_ms = uv_hrtime() / 1000000 + DEADLINE_MS;
    while (end->in.size < size && !end->closed) {
        receive_some(end);
        assert_true(uv_hrtime() / 1000000 < deadline_ms);
    }
    return end->in.size >= size;
}

void line_receive_all(struct line_end *end)
{
    assert_false(line_receive(end, SIZE_MAX));
}

/* Takes a packet from the front, whose length has so many bytes. */
static bool take(struct line_end *end, size_t length_size)
{
    if (!line_receive(end, length_size))
        return false;
    size_t size = length_size == 2 ? bytes_u16(end->in.data) : bytes_u32(end->in.data);
    if (!line_receive(end, length_size + size))
        return false;
    buf_clear(&end->packet);
    buf_append(&end->packet, end->in.data + length_size, size);
    buf_consume(&end->in, length_size + size);
    return true;
}

bool line_packet(struct line_end *end)
{
    return take(end, end->tls != NULL ? 4 : 2);
}

bool line_frame(struct line_end *end)
{
    return take(end, 4);
}

static void send_by(struct line_end *end, struct slice bytes, size_t piece)
{
    for (size_t at = 0; at < bytes.size; at += piece) {
        size_t left = bytes.size - at;
        line_send(end, slice_of(bytes.data + at, left < piece ? left : piece));
    }
}

/* Says what is in out and goes on with what is answered; consumes both. */
static bool converse(struct line_end *end, struct handshake *handshake, struct buf *out, size_t piece)
{
    int status = 0;
    while (status == 0) {
        send_by(end, buf_slice(out), piece);
        buf_clear(out);
        if (!line_packet(end))
            break;
        status = handshake_packet(handshake, buf_slice(&end->packet), out);
    }
    send_by(end, buf_slice(out), piece); /* the last word, if it is this side's */
    buf_release(out);
    handshake_free(handshake);
    return status == 1;
}

static enum handshake_status allow(void *ctx, struct slice name)
{
    return HANDSHAKE_OK;
}

static struct handshake_config config_of(const struct line_end *end, const char *name, const char *cookie)
{
    return (struct handshake_config){.node = slice_of_text(name),
                                     .cookie = slice_of_text(cookie),
                                     .creation = CREATION,
                                     .flags = HANDSHAKE_FLAGS,
                                     .long_lengths = end->tls != NULL,
                                     .check_name = allow};
}

bool line_shake_hands_by(struct line_end *end, const char *name, const char *cookie, size_t piece)
{
    const struct handshake_config config = config_of(end, name, cookie);
    struct buf out = BUF_EMPTY;
    struct handshake *handshake = handshake_connect_new(&config, slice_of_text(LINE_OURS), &out);
    return converse(end, handshake, &out, piece);
}

bool line_shake_hands(struct line_end *end, const char *name, const char *cookie)
{
    return line_shake_hands_by(end, name, cookie, SIZE_MAX / 2);
}

bool line_answer_hands(struct line_end *end, const char *name, const char *cookie)
{
    const struct handshake_config config = config_of(end, name, cookie);
    struct buf out = BUF_EMPTY;
    return converse(end, handshake_accept_new(&config), &out, SIZE_MAX / 2);
}

/* ---- frames */

static void write_pid(struct buf *out, const char *name)
{
    struct buf atom = BUF_EMPTY;
    etf_write_atom(&atom, name);
    const struct pid pid = {.node = buf_slice(&atom), .id = 1, .creation = CREATION};
    pid_write(out, &pid);
    buf_release(&atom);
}

void line_write_echo(struct buf *out, const char *name, size_t size)
{
    struct buf pid = BUF_EMPTY, to = BUF_EMPTY;
    uint8_t *bytes = mem_zalloc(size);
    write_pid(&pid, name);
    etf_write_atom(&to, "echo");
    size_t mark = control_reg_send_begin(out, buf_slice(&pid), buf_slice(&to), slice_of(NULL, 0));
    etf_write_tuple(out, 2);
    etf_write_term(out, buf_slice(&pid));
    etf_write_binary(out, slice_of(bytes, size));
    frame_end(out, mark);
    mem_free(bytes);
    buf_release(&pid);
    buf_release(&to);
}

void line_expect_echo(struct line_end *end, size_t size)
{
    struct control control;
    struct slice bytes;
    assert_true(line_frame(end));
    assert_int_equal(control_parse(buf_slice(&end->packet), 100, &control), 0);
    assert_int_equal(control.op, CONTROL_SEND);
    assert_true(etf_read_binary(&control.message, &bytes));
    assert_int_equal(bytes.size, size);
}
