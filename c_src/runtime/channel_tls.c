/* Sessions of channels. Knows when a session begins and ends, not what is said in it. */
#include "runtime/channel_tls.h"

#include "base/error.h"
#include "runtime/channel_input.h"
#include "runtime/channel_output.h"
#include "runtime/tls_session.h"

#include <utlist.h>

enum { LINGER_REFUSED_MS = 1000 };

/* Of a node's name; what stands before the host has no @. */
static struct slice host_of(struct slice node)
{
    const uint8_t *at = node.size > 0 ? memchr(node.data, '@', node.size) : NULL;
    size_t alive = at != NULL ? (size_t)(at - node.data) + 1 : 0;
    return slice_of(node.data + alive, node.size - alive);
}

void channel_tls_start(struct channel *channel)
{
    const struct tls *tls = channel->channels->config.tls;
    channel->tls = channel->accepted ? tls_session_accept(tls)
                                     : tls_session_connect(tls, host_of(slice_of_text(channel->name)));
}

void channel_tls_await_turn(struct channel *channel, struct slice bytes)
{
    uv_read_stop(channel_stream(channel));
    buf_append_slice(&channel->held, bytes);
    channel->awaits_turn = true;
    DL_APPEND2(channel->channels->awaiting, channel, turn_prev, turn_next);
}

bool channel_tls_forgo_turn(struct channel *channel)
{
    if (!channel->awaits_turn)
        return false;
    channel->awaits_turn = false;
    DL_DELETE2(channel->channels->awaiting, channel, turn_prev, turn_next);
    return true;
}

void channels_tls_turn(struct channels *channels)
{
    struct channel *channel = channels->awaiting;
    if (channel == NULL)
        return;
    struct buf bytes = channel->held;
    channel->held = BUF_EMPTY;
    channel_tls_forgo_turn(channel);
    int status = channel_read_start(channel);
    if (status == 0)
        channel_take(channel, buf_slice(&bytes));
    else
        channel_close(channel, status, NULL);
    buf_release(&bytes);
}

struct slice channel_tls_read(struct channel *channel, struct slice bytes)
{
    struct buf *plain = &channel->channels->plain;
    buf_clear(plain);
    tls_session_feed(channel->tls, bytes, plain);
    channel_wake(channel); /* it may have something to say to that, and go on with what it was told to */
    return buf_slice(plain);
}

int channel_tls_cut(struct channel *channel, int error)
{
    return !channel->accepted && tls_session_cut(channel->tls) < 0 ? ERR_TLS : error;
}

void channel_tls_check(struct channel *channel)
{
    int status = tls_session_status(channel->tls);
    if (!channel_is_read(channel))
        return;
    if (status < 0)
        channel_finish(channel, status, LINGER_REFUSED_MS); /* the alert is still to be sent */
    else if (status > 0 && !channel->paused)
        channel_close(channel, UV_EOF, NULL);
}

struct buf *channel_tls_write(struct channel *channel)
{
    struct buf *plain = channel_output(channel);
    tls_session_write(channel->tls, plain);
    if (plain->size == 0) {
        channel_forget_written(plain);
        if (channel->state == CHANNEL_FINISHING)
            tls_session_close(channel->tls);
    }
    return tls_session_output(channel->tls);
}

bool channel_tls_awaits(const struct channel *channel)
{
    return tls_session_awaits(channel->tls);
}

bool channel_tls_failed(const struct channel *channel)
{
    return tls_session_status(channel->tls) < 0;
}

size_t channel_tls_waiting(const struct channel *channel)
{
    return tls_session_output(channel->tls)->size;
}

const char *channel_tls_problem(const struct channel *channel)
{
    return tls_session_problem(channel->tls);
}

bool channel_tls_is_for(const struct channel *channel, struct slice node)
{
    return tls_session_is_for(channel->tls, host_of(node));
}
