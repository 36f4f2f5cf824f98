/* From a socket to a peer. Knows whom a finished handshake replaces; what is said in it, wire/handshake
 * knows. */
#include "runtime/channel_handshake.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/channel_output.h"

enum { LINGER_REFUSED_MS = 1000 };

static enum handshake_status check_name(void *ctx, struct slice name)
{
    struct channel *channel = ctx;
    channel_set_name(channel, name);
    return channel->channels->events.check_name(channel->channels->events.ctx, channel, name);
}

static struct handshake_config config_of(struct channel *channel)
{
    const struct connections_config *config = &channel->channels->config;
    return (struct handshake_config){.node = slice_of_text(config->node->name),
                                     .cookie = config->cookie,
                                     .creation = config->node->creation,
                                     .flags = HANDSHAKE_FLAGS,
                                     .long_lengths = config->tls != NULL,
                                     .check_name = check_name,
                                     .ctx = channel};
}

static void close_by_peer(void *ctx, int error)
{
    struct channel *channel = ctx;
    channel->peer = NULL; /* it is down already */
    channel->channels->up--;
    channel_close(channel, error, NULL);
}

static void wake(void *ctx)
{
    channel_wake(ctx);
}

/* The newer connection counts: who connects again has seen the older one end. */
static void replace_older(struct channel *channel)
{
    struct peer *older = peer_find(channel->channels->config.node, slice_of_text(channel->name));
    if (older != NULL)
        channel_close(older->transport.ctx, ERR_EXISTS, "replaced_by_newer");
}

static void become_peer(struct channel *channel)
{
    struct channels *channels = channel->channels;
    const struct handshake_peer *known = handshake_peer(channel->handshake);
    const struct peer_transport transport = {.wake = wake, .close = close_by_peer, .ctx = channel};
    channel_set_name(channel, slice_of_text(known->node));
    replace_older(channel);
    if (channels_are_enough(channels)) { /* others were quicker */
        channel_finish(channel, ERR_SYSTEM_LIMIT, LINGER_REFUSED_MS);
        return;
    }
    channels->up++;
    uv_timer_stop(&channel->timer);
    frame_reader_switch(&channel->reader, 4, channels->config.frame_size_max);
    channel->peer = peer_up(channels->config.node, known, &transport);
    channel->state = CHANNEL_UP;
    channel->was_up = true;
    /* Of the handshake something may still wait for the socket, before what waited for the peer. */
    buf_append_slice(&channel->own, buf_slice(&channel->peer->out));
    buf_release(&channel->peer->out);
    channel->peer->out = channel->own;
    channel->own = BUF_EMPTY;
    if (channel->accepted)
        channels->accepted--;
    log_write(LOG_INFO, "connection", "up", "peer=%s flags=%llx", channel->name,
              (unsigned long long)known->flags);
    handshake_free(channel->handshake);
    channel->handshake = NULL;
    channels->events.up(channels->events.ctx, channel);
}

int channel_handshake_packet(struct channel *channel, struct slice packet)
{
    int status = handshake_packet(channel->handshake, packet, &channel->own);
    if (status < 0) {
        channel_finish(channel, channel->surplus ? ERR_SYSTEM_LIMIT : status, LINGER_REFUSED_MS);
        return 0;
    }
    channel_flush(channel);
    if (status == 1 && channel->state == CHANNEL_HANDSHAKE)
        become_peer(channel);
    return 0;
}

void channel_handshake_accept(struct channel *channel)
{
    const struct handshake_config config = config_of(channel);
    channel->handshake = handshake_accept_new(&config);
}

void channel_handshake_connect(struct channel *channel)
{
    const struct handshake_config config = config_of(channel);
    channel->handshake = handshake_connect_new(&config, slice_of_text(channel->name), &channel->own);
    channel_flush(channel);
}
