/* A socket's life. Knows libuv, frames and when to tick; not what a frame says, not who may connect. */
#include "runtime/channel.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/control.h"

#include <assert.h>
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utlist.h>

enum {
    READ_BUFFER_SIZE = 256 * 1024,
    HANDSHAKE_PACKET_MAX = 2048,
    OUTPUT_ROOM_KEPT = 256 * 1024, /* a peer that once was sent much does not keep the memory */
    OUTPUT_OVERFLOW = 16,          /* so many times output_size_max, sent by others, ends the connection */
    LINGER_REFUSED_MS = 1000,
    TICK_CHECK_MS_MAX = 1000,
    TICKS_SILENT_MAX = 5, /* 1.25 tick times */
    TICK_ANSWER_MS = 200, /* who wrote just now need not answer a tick: two such nodes would never stop */
    TICK_UNANSWERED_MS = 1000,
};

static uint64_t now_ms(const struct channel *channel)
{
    return uv_now(channel->tcp.loop);
}

static uv_stream_t *stream_of(struct channel *channel)
{
    return (uv_stream_t *)&channel->tcp;
}

/* ---- all channels */

void channels_init(struct channels *channels, const struct connections_config *config,
                   const struct channel_events *events)
{
    *channels = (struct channels){.config = *config, .events = *events};
    channels->read_buffer = mem_alloc(READ_BUFFER_SIZE);
}

void channels_release(struct channels *channels)
{
    assert(channels->count == 0 && channels->dirty == NULL);
    mem_free(channels->read_buffer);
}

/* ---- closing */

static const char *reason_text(int error)
{
    if (error == UV_EOF)
        return "closed_by_peer";
    return error <= ERR_BADARG && error >= ERR_TIMEOUT ? error_atom(error) : uv_err_name(error);
}

/* Where a socket that has no name comes from. */
static void write_address(const struct channel *channel, char text[INET6_ADDRSTRLEN])
{
    struct sockaddr_storage address;
    int size = sizeof address;
    strcpy(text, "unknown");
    if (uv_tcp_getpeername(&channel->tcp, (struct sockaddr *)&address, &size) == 0)
        uv_ip_name((struct sockaddr *)&address, text, INET6_ADDRSTRLEN);
}

static void log_end(const struct channel *channel, int error, const char *reason)
{
    char address[INET6_ADDRSTRLEN];
    if (channel->name == NULL)
        write_address(channel, address);
    bool refused = !channel->was_up && error != UV_EOF && error != ERR_STOPPED;
    log_write(refused ? LOG_WARN : LOG_INFO, "connection", channel->was_up ? "down" : "not_connected",
              "peer=%s reason=%s", channel->name != NULL ? channel->name : address,
              reason != NULL ? reason : reason_text(error));
}

/* What the peer still has to send stays. */
static void lose_peer(struct channel *channel)
{
    struct peer *peer = channel->peer;
    if (peer == NULL)
        return;
    assert(channel->own.size == 0);
    buf_release(&channel->own);
    channel->own = peer->out;
    peer->out = BUF_EMPTY;
    channel->peer = NULL;
    peer_down(peer);
}

static void free_channel(struct channel *channel)
{
    handshake_free(channel->handshake);
    frame_reader_release(&channel->reader);
    buf_release(&channel->held);
    buf_release(&channel->own);
    buf_release(&channel->writing);
    mem_free(channel->name);
    mem_free(channel);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct channel *channel = handle->data;
    if (--channel->handles > 0)
        return;
    struct channels *channels = channel->channels;
    DL_DELETE(channels->all, channel);
    channels->count--;
    if (channel->accepted && !channel->was_up)
        channels->accepted--;
    channels->events.ended(channels->events.ctx, channel);
    free_channel(channel);
}

static void clean(struct channel *channel)
{
    if (channel->dirty)
        DL_DELETE2(channel->channels->dirty, channel, dirty_prev, dirty_next);
    channel->dirty = false;
}

void channel_close(struct channel *channel, int error, const char *reason)
{
    if (channel->state == CHANNEL_CLOSED)
        return;
    if (channel->state != CHANNEL_FINISHING) {
        channel->error = error;
        log_end(channel, error, reason);
    }
    channel->state = CHANNEL_CLOSED;
    clean(channel);
    uv_close((uv_handle_t *)&channel->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&channel->timer, on_handle_closed);
    lose_peer(channel);
}

static void on_deadline(uv_timer_t *timer)
{
    channel_close(timer->data, ERR_TIMEOUT, NULL);
}

/* ---- output */

static struct buf *output(struct channel *channel)
{
    return channel->peer != NULL ? &channel->peer->out : &channel->own;
}

static size_t waiting(struct channel *channel)
{
    return output(channel)->size +
           (channel->writing_now ? uv_stream_get_write_queue_size(stream_of(channel)) : 0);
}

/* What gathers behind a write that does not end. Its own requests do not bring a peer that far, it is not
 * read meanwhile: others send to it. */
static bool overflows(struct channel *channel)
{
    const struct connections_config *config = &channel->channels->config;
    return channel->writing_now &&
           output(channel)->size > OUTPUT_OVERFLOW * config->output_size_max + config->frame_size_max;
}

static void forget_written(struct buf *buf)
{
    if (buf->room > OUTPUT_ROOM_KEPT)
        buf_release(buf);
    else
        buf_clear(buf);
}

static void on_written(uv_write_t *write, int status);

/* The socket is full: libuv gets the bytes, output the other buffer. */
static void write_later(struct channel *channel, struct buf *out, size_t written)
{
    struct buf spare = channel->writing;
    channel->writing = *out;
    *out = spare;
    uv_buf_t rest = uv_buf_init((char *)channel->writing.data + written, 0);
    rest.len = channel->writing.size - written;
    int status = uv_write(&channel->write, stream_of(channel), &rest, 1, on_written);
    if (status != 0) {
        channel_close(channel, status, NULL);
        return;
    }
    channel->writing_now = true;
}

static void write_output(struct channel *channel)
{
    struct buf *out = output(channel);
    uv_buf_t bytes = {.base = (char *)out->data, .len = out->size};
    int n = uv_try_write(stream_of(channel), &bytes, 1);
    if (n < 0 && n != UV_EAGAIN) {
        channel_close(channel, n, NULL);
        return;
    }
    channel->written_ms = now_ms(channel);
    channel->unanswered = false;
    size_t written = n < 0 ? 0 : (size_t)n;
    if (written < out->size)
        write_later(channel, out, written);
    else
        forget_written(out);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    struct channel *channel = shutdown->handle->data;
    if (status != 0)
        channel_close(channel, status, NULL);
}

static void end_output(struct channel *channel)
{
    int status = uv_shutdown(&channel->shutdown, stream_of(channel), on_shutdown);
    if (status != 0)
        channel_close(channel, status, NULL);
}

static void flush(struct channel *channel)
{
    if (!channel->writing_now && output(channel)->size > 0)
        write_output(channel);
    if (channel->state == CHANNEL_CLOSED)
        return;
    if (channel->peer != NULL)
        peer_flushed(channel->peer);
    if (overflows(channel))
        channel_close(channel, -ENOBUFS, "does_not_read");
    else if (channel->state == CHANNEL_FINISHING && !channel->writing_now)
        end_output(channel);
}

void channels_flush(struct channels *channels)
{
    while (channels->dirty != NULL) {
        struct channel *channel = channels->dirty;
        clean(channel);
        flush(channel);
    }
}

static void wake(void *ctx)
{
    struct channel *channel = ctx;
    if (channel->dirty)
        return;
    channel->dirty = true;
    DL_APPEND2(channel->channels->dirty, channel, dirty_prev, dirty_next);
}

static void close_by_peer(void *ctx, int error)
{
    struct channel *channel = ctx;
    channel->peer = NULL; /* it is down already */
    channel_close(channel, error, NULL);
}

/* ---- input */

static void send_tick(struct channel *channel)
{
    control_tick(output(channel));
    wake(channel);
}

static int on_frame(struct channel *channel, struct slice frame)
{
    if (frame.size > 0) {
        channel->unanswered = true;
        return peer_frame(channel->peer, frame);
    }
    if (waiting(channel) == 0 && now_ms(channel) - channel->written_ms >= TICK_ANSWER_MS)
        send_tick(channel);
    return 0;
}

/* The newer connection counts: who connects again has seen the older one end. */
static void replace_older(struct channel *channel)
{
    struct peer *older = peer_find(channel->channels->config.node, slice_of_text(channel->name));
    if (older != NULL)
        channel_close(older->transport.ctx, ERR_EXISTS, "replaced_by_newer");
}

static void set_name(struct channel *channel, struct slice name)
{
    mem_free(channel->name);
    channel->name = mem_alloc(name.size + 1);
    memcpy(channel->name, name.data, name.size);
    channel->name[name.size] = '\0';
}

static void become_peer(struct channel *channel)
{
    struct channels *channels = channel->channels;
    const struct handshake_peer *known = handshake_peer(channel->handshake);
    const struct peer_transport transport = {.wake = wake, .close = close_by_peer, .ctx = channel};
    set_name(channel, slice_of_text(known->node));
    replace_older(channel);
    uv_timer_stop(&channel->timer);
    frame_reader_switch(&channel->reader, 4, channels->config.frame_size_max);
    channel->peer = peer_up(channels->config.node, known, &transport);
    channel->state = CHANNEL_UP;
    channel->was_up = true;
    /* Of the handshake something may still wait for the socket. */
    buf_append_slice(&channel->peer->out, buf_slice(&channel->own));
    buf_release(&channel->own);
    if (channel->accepted)
        channels->accepted--;
    log_write(LOG_INFO, "connection", "up", "peer=%s flags=%llx", channel->name,
              (unsigned long long)known->flags);
    handshake_free(channel->handshake);
    channel->handshake = NULL;
    channels->events.up(channels->events.ctx, channel);
}

static int on_handshake_packet(struct channel *channel, struct slice packet)
{
    int status = handshake_packet(channel->handshake, packet, &channel->own);
    if (status < 0) {
        channel_finish(channel, status, LINGER_REFUSED_MS);
        return 0;
    }
    flush(channel);
    if (status == 1 && channel->state == CHANNEL_HANDSHAKE)
        become_peer(channel);
    return 0;
}

static bool is_read(const struct channel *channel)
{
    return channel->state == CHANNEL_HANDSHAKE || channel->state == CHANNEL_UP;
}

/* Too much waits for the peer: what else it has sent is kept until it has read. */
static void pause_reading(struct channel *channel)
{
    channel->paused = true;
    uv_read_stop(stream_of(channel));
    if (channel->held.size > 0)
        return; /* the rest is in held already */
    buf_append_slice(&channel->held, channel->reader.input);
    channel->reader.input = buf_slice(&channel->held);
}

static bool must_pause(struct channel *channel)
{
    size_t max = channel->channels->config.output_size_max;
    if (waiting(channel) <= max)
        return false;
    flush(channel);
    return channel->state == CHANNEL_UP && waiting(channel) > max;
}

/* Acts on all that was fed. */
static void take_packets(struct channel *channel)
{
    struct slice packet;
    int status;
    while ((status = frame_next(&channel->reader, &packet)) == 1) {
        status =
            channel->state == CHANNEL_UP ? on_frame(channel, packet) : on_handshake_packet(channel, packet);
        if (status < 0)
            break;
        if (!is_read(channel))
            return;
        if (must_pause(channel)) {
            pause_reading(channel);
            return;
        }
        if (!is_read(channel))
            return;
    }
    if (status < 0)
        channel_close(channel, status, NULL);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct channel *channel = handle->data;
    buf->base = (char *)channel->channels->read_buffer;
    buf->len = READ_BUFFER_SIZE;
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct channel *channel = stream->data;
    if (size < 0) {
        channel_close(channel, (int)size, NULL);
    } else if (size > 0 && is_read(channel)) {
        channel->alive_ms = now_ms(channel);
        frame_feed(&channel->reader, slice_of(buf->base, (size_t)size));
        take_packets(channel);
        node_run(channel->channels->config.node);
    }
}

static void read_again(struct channel *channel)
{
    if (!channel->paused || waiting(channel) > channel->channels->config.output_size_max / 2)
        return;
    channel->paused = false;
    take_packets(channel);
    node_run(channel->channels->config.node);
    if (channel->paused || !is_read(channel))
        return;
    buf_release(&channel->held);
    int status = uv_read_start(stream_of(channel), on_alloc, on_read);
    if (status != 0)
        channel_close(channel, status, NULL);
}

static void on_written(uv_write_t *write, int status)
{
    struct channel *channel = write->handle->data;
    channel->writing_now = false;
    if (channel->state == CHANNEL_CLOSED)
        return;
    if (status != 0) {
        channel_close(channel, status, NULL);
        return;
    }
    channel->alive_ms = now_ms(channel);
    forget_written(&channel->writing);
    flush(channel);
    if (channel->state == CHANNEL_UP)
        read_again(channel);
}

void channel_finish(struct channel *channel, int error, uint64_t linger_ms)
{
    if (!is_read(channel)) {
        channel_close(channel, error, NULL);
        return;
    }
    channel->error = error;
    log_end(channel, error, NULL);
    clean(channel);
    channel->state = CHANNEL_FINISHING;
    lose_peer(channel);
    uv_timer_start(&channel->timer, on_deadline, linger_ms, 0);
    /* A socket closed with bytes unread takes back what was sent to the other side: read on, and forget. */
    int status = channel->paused ? uv_read_start(stream_of(channel), on_alloc, on_read) : 0;
    if (status != 0)
        channel_close(channel, status, NULL);
    else
        flush(channel);
}

/* ---- ticks */

uint64_t channels_tick_ms(const struct channels *channels)
{
    uint64_t ms = channels->config.tick_ms / 4;
    if (ms == 0)
        return 1;
    return ms < TICK_CHECK_MS_MAX ? ms : TICK_CHECK_MS_MAX;
}

static bool tick_due(struct channel *channel)
{
    uint64_t idle_ms = now_ms(channel) - channel->written_ms;
    if (waiting(channel) > 0)
        return false;
    /* A peer that sends all the time sends no tick to be answered, but waits for a sign of life; how soon,
     * only its own tick time tells. */
    return idle_ms + channels_tick_ms(channel->channels) > channel->channels->config.tick_ms ||
           (channel->unanswered && idle_ms >= TICK_UNANSWERED_MS);
}

/* Bytes on their way to the peer: libuv's, and the kernel's. */
static size_t in_flight(struct channel *channel)
{
    uv_os_fd_t fd;
    int kernel = 0;
    if (uv_fileno((uv_handle_t *)&channel->tcp, &fd) != 0 || ioctl(fd, TIOCOUTQ, &kernel) != 0)
        kernel = 0;
    return uv_stream_get_write_queue_size(stream_of(channel)) + (size_t)kernel;
}

/* A peer that is not read because it does not read fast enough is alive as long as it reads. */
static void note_progress(struct channel *channel)
{
    if (!channel->writing_now)
        return;
    size_t size = in_flight(channel);
    if (size != channel->in_flight)
        channel->alive_ms = now_ms(channel);
    channel->in_flight = size;
}

static void tick(struct channel *channel)
{
    note_progress(channel);
    if (now_ms(channel) - channel->alive_ms > (uint64_t)TICKS_SILENT_MAX * channel->channels->config.tick_ms)
        channel_close(channel, ERR_TIMEOUT, "tick_timeout");
    else if (tick_due(channel))
        send_tick(channel);
}

void channels_tick(struct channels *channels)
{
    struct channel *channel;
    DL_FOREACH(channels->all, channel)
    { /* none is freed meanwhile: closing takes a turn of the loop */
        if (channel->state == CHANNEL_UP)
            tick(channel);
    }
}

/* ---- beginning */

static struct channel *new_channel(struct channels *channels, bool accepted)
{
    uv_loop_t *loop = channels->config.node->loop;
    struct channel *channel = mem_zalloc(sizeof *channel);
    channel->channels = channels;
    channel->accepted = accepted;
    channel->state = accepted ? CHANNEL_HANDSHAKE : CHANNEL_CONNECTING;
    channel->handles = 2;
    frame_reader_init(&channel->reader, 2, HANDSHAKE_PACKET_MAX);
    uv_tcp_init(loop, &channel->tcp); /* makes no socket yet: cannot fail */
    uv_timer_init(loop, &channel->timer);
    channel->tcp.data = channel;
    channel->timer.data = channel;
    channel->alive_ms = channel->written_ms = uv_now(loop);
    uv_timer_start(&channel->timer, on_deadline, channels->config.handshake_ms, 0);
    DL_APPEND(channels->all, channel);
    channels->count++;
    channels->accepted += accepted;
    return channel;
}

static enum handshake_status check_name(void *ctx, struct slice name)
{
    struct channel *channel = ctx;
    set_name(channel, name);
    return channel->channels->events.check_name(channel->channels->events.ctx, channel, name);
}

static struct handshake_config handshake_config(struct channel *channel)
{
    const struct connections_config *config = &channel->channels->config;
    return (struct handshake_config){.node = slice_of_text(config->node->name),
                                     .cookie = config->cookie,
                                     .creation = config->node->creation,
                                     .flags = HANDSHAKE_FLAGS,
                                     .check_name = check_name,
                                     .ctx = channel};
}

static int start_reading(struct channel *channel)
{
    uv_tcp_nodelay(&channel->tcp, 1); /* at worst it is slower */
    return uv_read_start(stream_of(channel), on_alloc, on_read);
}

void channel_accept(struct channels *channels, int fd)
{
    struct channel *channel = new_channel(channels, true);
    const struct handshake_config config = handshake_config(channel);
    channel->handshake = handshake_accept_new(&config);
    int status = uv_tcp_open(&channel->tcp, fd);
    if (status != 0)
        close(fd);
    else
        status = start_reading(channel);
    if (status != 0)
        channel_close(channel, status, NULL);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct channel *channel = connect->handle->data;
    if (channel->state == CHANNEL_CLOSED)
        return;
    if (status == 0)
        status = start_reading(channel);
    if (status != 0) {
        channel_close(channel, status, NULL);
        return;
    }
    const struct handshake_config config = handshake_config(channel);
    channel->state = CHANNEL_HANDSHAKE;
    channel->handshake = handshake_connect_new(&config, slice_of_text(channel->name), &channel->own);
    flush(channel);
}

struct channel *channel_connect(struct channels *channels, const char *name, const struct sockaddr *address)
{
    struct channel *channel = new_channel(channels, false);
    channel->wanted = true;
    set_name(channel, slice_of_text(name));
    int status = uv_tcp_connect(&channel->connect, &channel->tcp, address, on_connected);
    if (status != 0)
        channel_close(channel, status, NULL);
    return channel;
}
