/* Reading channels. Knows when to read, not what a frame says. */
#include "runtime/channel_input.h"

#include "base/mem.h"
#include "runtime/channel_handshake.h"
#include "runtime/channel_output.h"
#include "runtime/channel_ticks.h"
#include "runtime/channel_tls.h"

#include <errno.h>
#include <sys/socket.h>
#include <utlist.h>

/* Who wrote just now need not answer a tick: two such nodes would never stop. */
enum { TICK_ANSWER_MS = 200, LAST_READS_MAX = 256 };

enum {
    CROWDED_OUTPUTS = 32, /* times output_size_max: more is too much to wait for all peers together */
    WEIGHED_OUTPUTS = 4,
    CROWDED_OUTPUT_MAX = 64 * 1024,
};

static int on_frame(struct channel *channel, struct slice frame)
{
    if (frame.size > 0) {
        channel->unanswered = true;
        if (!mem_has_room_for(frame.size))
            return -ENOMEM;
        return peer_frame(channel->peer, frame);
    }
    if (channel_waiting(channel) == 0 && channel_now_ms(channel) - channel->written_ms >= TICK_ANSWER_MS)
        channel_send_tick(channel);
    return 0;
}

bool channel_is_read(const struct channel *channel)
{
    return channel->state == CHANNEL_HANDSHAKE || channel->state == CHANNEL_UP;
}

/* Too much waits for the peer, or all are held back: what else it has sent is kept until it is read again. */
static void pause_reading(struct channel *channel)
{
    channel->paused = true;
    channel_read_while_paused(channel);
    if (channel->held.size > 0)
        return; /* the rest is in held already */
    buf_append_slice(&channel->held, channel->reader.input);
    channel->reader.input = buf_slice(&channel->held);
}

void channel_read_while_paused(struct channel *channel)
{
    if (!channel->paused || !channel_is_read(channel))
        return;
    bool for_session = channel->tls != NULL && channel_tls_awaits(channel) &&
                       channel->held.size <= channel->channels->config.output_size_max;
    int status = for_session ? channel_read_start(channel) : uv_read_stop(channel_stream(channel));
    if (status != 0)
        channel_close(channel, status, NULL);
}

/* Paused, but read: what the session needs to go on is in there. What the peer says is kept. */
static void keep(struct channel *channel, struct slice bytes)
{
    buf_consume(&channel->held, channel->held.size - channel->reader.input.size);
    buf_append_slice(&channel->held, channel_tls_read(channel, bytes));
    channel->reader.input = buf_slice(&channel->held);
    channel_flush(channel);
    if (channel->state == CHANNEL_UP)
        channel_read_again(channel);
}

static bool are_held_back(const struct channels *channels)
{
    return channels->held_back || channels->full;
}

static void run(struct channels *channels)
{
    struct node *node = channels->config.node;
    channels->more = node_run(node);
    channels->busy = channels->more && node->unread > CHANNEL_READ_SIZE;
}

/* What may wait for a peer before it is not read. */
static size_t output_max(const struct channels *channels)
{
    size_t max = channels->config.output_size_max;
    return channels->crowded && max > CROWDED_OUTPUT_MAX ? CROWDED_OUTPUT_MAX : max;
}

void channels_weigh(struct channels *channels)
{
    struct channel *channel;
    size_t sum = 0;
    DL_FOREACH(channels->all, channel)
    {
        /* What is written already of a buffer that is being written is memory too. */
        sum += channel_output(channel)->size + channel->writing.size;
    }
    channels->crowded = sum / CROWDED_OUTPUTS > channels->config.output_size_max;
    channels->weighed_at = channels->config.node->appended;
}

/* Not for each frame, but before much more can wait. */
static void weigh_if_needed(struct channels *channels)
{
    uint64_t appended = channels->config.node->appended - channels->weighed_at;
    if (appended / WEIGHED_OUTPUTS > channels->config.output_size_max)
        channels_weigh(channels);
}

static bool must_pause(struct channel *channel)
{
    struct channels *channels = channel->channels;
    const struct node *node = channels->config.node;
    weigh_if_needed(channels);
    size_t max = output_max(channels);
    if (node->unread > node->limits.unread_max)
        channels->full = true;
    if (are_held_back(channels) && channel->state == CHANNEL_UP)
        return true;
    if (channel_waiting(channel) <= max)
        return false;
    channel_flush(channel);
    return channel->state == CHANNEL_UP && channel_waiting(channel) > max;
}

/* Acts on what has been fed. */
static void take_frames(struct channel *channel)
{
    struct slice packet;
    int status;
    while ((status = frame_next(&channel->reader, &packet)) == 1) {
        status = channel->state == CHANNEL_UP ? on_frame(channel, packet)
                                              : channel_handshake_packet(channel, packet);
        if (status < 0)
            break;
        if (!channel_is_read(channel))
            return;
        if (must_pause(channel)) {
            pause_reading(channel);
            return;
        }
        if (!channel_is_read(channel))
            return;
    }
    if (status < 0)
        channel_close(channel, status, NULL);
}

/* Acts on all that was fed. */
static void take_packets(struct channel *channel)
{
    take_frames(channel);
    if (channel->tls != NULL)
        channel_tls_check(channel);
}

static uv_buf_t whole_buffer(const struct channel *channel)
{
    return uv_buf_init((char *)channel->channels->read_buffer, CHANNEL_READ_SIZE);
}

/* No room means not now: libuv asks again in the next turn. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    const struct channel *channel = handle->data;
    if (channel->channels->busy)
        return;
    *buf = whole_buffer(channel);
    if (channel->state == CHANNEL_HANDSHAKE)
        buf->len = CHANNEL_HANDSHAKE_SIZE;
}

void channel_take(struct channel *channel, struct slice bytes)
{
    frame_feed(&channel->reader, channel->tls == NULL ? bytes : channel_tls_read(channel, bytes));
    take_packets(channel);
    run(channel->channels);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct channel *channel = stream->data;
    struct slice bytes = slice_of(buf->base, size > 0 ? (size_t)size : 0);
    if (size == UV_ENOBUFS)
        return;
    if (size < 0) {
        channel_close(channel, channel->tls == NULL ? (int)size : channel_tls_cut(channel, (int)size), NULL);
    } else if (size > 0 && channel_is_read(channel)) {
        channel->alive_ms = channel_now_ms(channel);
        if (channel->paused)
            keep(channel, bytes);
        else if (channel->tls != NULL && channel->state == CHANNEL_HANDSHAKE)
            channel_tls_await_turn(channel, bytes);
        else
            channel_take(channel, bytes);
    }
}

void channel_read_again(struct channel *channel)
{
    if (!channel->paused || channel->ignored || are_held_back(channel->channels) ||
        channel_waiting(channel) > output_max(channel->channels) / 2)
        return;
    channel->paused = false;
    take_packets(channel);
    run(channel->channels);
    if (channel->paused || !channel_is_read(channel))
        return;
    buf_release(&channel->held);
    int status = channel_read_start(channel);
    if (status != 0)
        channel_close(channel, status, NULL);
}

void channels_read_again(struct channels *channels)
{
    struct channel *channel, *next;
    DL_FOREACH_SAFE(channels->all, channel, next)
    {
        channel_read_again(channel);
    }
}

bool channels_run(struct channels *channels)
{
    const struct node *node = channels->config.node;
    run(channels);
    if (channels->full && node->unread <= node->limits.unread_max / 2) {
        channels->full = false;
        channels_read_again(channels);
    }
    return channels->more;
}

/* Acts on what has arrived in the socket, without waiting for more. */
static void read_what_is_there(struct channel *channel)
{
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&channel->tcp, &fd) != 0)
        return;
    for (int i = 0; i < LAST_READS_MAX && channel->state == CHANNEL_UP && !channel->paused; i++) {
        uv_buf_t buf = whole_buffer(channel);
        ssize_t size = recv(fd, buf.base, buf.len, MSG_DONTWAIT);
        if (size <= 0)
            return;
        on_read(channel_stream(channel), size, &buf);
    }
}

void channel_ignore(struct channel *channel)
{
    read_what_is_there(channel);
    if (channel->state != CHANNEL_UP)
        return;
    channel->paused = true;
    channel->ignored = true;
    channel->ignored_ms = channel_now_ms(channel);
    channel_read_while_paused(channel);
}

int channel_read_start(struct channel *channel)
{
    int status = uv_read_start(channel_stream(channel), on_alloc, on_read);
    return status == UV_EALREADY ? 0 : status; /* while paused for its session's sake */
}
