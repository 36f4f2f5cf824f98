/* Output of channels: one write per turn of the loop, the rest when the socket takes it. Knows no frames. */
#include "runtime/channel_output.h"

#include "base/buf.h"
#include "runtime/channel_input.h"
#include "runtime/channel_tls.h"

#include <errno.h>
#include <utlist.h>

enum { OUTPUT_ROOM_KEPT = 256 * 1024 /* a peer that once was sent much does not keep the memory */ };

struct buf *channel_output(struct channel *channel)
{
    return channel->peer != NULL ? &channel->peer->out : &channel->own;
}

/* Bytes that are on their way already: encrypted, or in libuv. */
static size_t unwritten(struct channel *channel)
{
    return (channel->tls != NULL ? channel_tls_waiting(channel) : 0) +
           (channel->writing_now ? uv_stream_get_write_queue_size(channel_stream(channel)) : 0);
}

size_t channel_waiting(struct channel *channel)
{
    return channel_output(channel)->size + unwritten(channel);
}

void channel_forget_written(struct buf *buf)
{
    if (buf->room > OUTPUT_ROOM_KEPT)
        buf_release(buf);
    else
        buf_clear(buf);
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
    channel->alive_ms = channel_now_ms(channel);
    channel_forget_written(&channel->writing);
    channel_flush(channel);
    if (channel->state == CHANNEL_UP)
        channel_read_again(channel);
}

/* The socket is full: libuv gets the bytes, output the other buffer. */
static void write_later(struct channel *channel, struct buf *out, size_t written)
{
    struct buf spare = channel->writing;
    channel->writing = *out;
    *out = spare;
    uv_buf_t rest = uv_buf_init((char *)channel->writing.data + written, 0);
    rest.len = channel->writing.size - written;
    int status = uv_write(&channel->write, channel_stream(channel), &rest, 1, on_written);
    if (status != 0) {
        channel_close(channel, status, NULL);
        return;
    }
    channel->writing_now = true;
}

/* What the socket is to get next. */
static struct buf *output_for_socket(struct channel *channel)
{
    return channel->tls == NULL ? channel_output(channel) : channel_tls_write(channel);
}

static void write_output(struct channel *channel)
{
    struct buf *out = output_for_socket(channel);
    if (out->size == 0)
        return;
    uv_buf_t bytes = {.base = (char *)out->data, .len = out->size};
    int n = uv_try_write(channel_stream(channel), &bytes, 1);
    if (n < 0 && n != UV_EAGAIN) {
        channel_close(channel, n, NULL);
        return;
    }
    channel->written_ms = channel_now_ms(channel);
    channel->unanswered = false;
    size_t written = n < 0 ? 0 : (size_t)n;
    channel->channels->config.node->bytes_out += out->size;
    channel->handed += out->size;
    if (written < out->size)
        write_later(channel, out, written);
    else
        channel_forget_written(out);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    struct channel *channel = shutdown->handle->data;
    if (status != 0)
        channel_close(channel, status, NULL);
}

static void end_output(struct channel *channel)
{
    int status = uv_shutdown(&channel->shutdown, channel_stream(channel), on_shutdown);
    if (status != 0)
        channel_close(channel, status, NULL);
}

void channel_flush(struct channel *channel)
{
    if (channel->peer != NULL && channel->peer->overflown) {
        channel_close(channel, -ENOBUFS, "does_not_read");
        return;
    }
    if (!channel->writing_now)
        write_output(channel);
    if (channel->state == CHANNEL_CLOSED)
        return;
    if (channel->peer != NULL)
        peer_flushed(channel->peer, unwritten(channel));
    if (channel->tls != NULL && channel_tls_failed(channel))
        channel_tls_check(channel);
    else if (channel->state == CHANNEL_FINISHING && !channel->writing_now)
        end_output(channel);
    channel_read_while_paused(channel);
}

void channels_flush(struct channels *channels)
{
    while (channels->dirty != NULL) {
        struct channel *channel = channels->dirty;
        channel_clean(channel);
        channel_flush(channel);
    }
}

void channel_clean(struct channel *channel)
{
    if (channel->dirty)
        DL_DELETE2(channel->channels->dirty, channel, dirty_prev, dirty_next);
    channel->dirty = false;
}

void channel_wake(struct channel *channel)
{
    if (channel->dirty)
        return;
    channel->dirty = true;
    DL_APPEND2(channel->channels->dirty, channel, dirty_prev, dirty_next);
}
