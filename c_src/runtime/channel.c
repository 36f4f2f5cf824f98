/* A socket's life, beginning and end. Knows libuv; what is read and written in between, its other files know.
 */
#include "runtime/channel.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/channel_handshake.h"
#include "runtime/channel_input.h"
#include "runtime/channel_output.h"
#include "runtime/channel_tls.h"
#include "runtime/tls_session.h"

#include <assert.h>
#include <unistd.h>
#include <utlist.h>

enum { HANDSHAKE_PACKET_MAX = 2048 };

/* ---- all channels */

void channels_init(struct channels *channels, const struct connections_config *config,
                   const struct channel_events *events)
{
    *channels = (struct channels){.config = *config, .events = *events};
    channels->read_buffer = mem_alloc(CHANNEL_READ_SIZE);
}

void channels_release(struct channels *channels)
{
    assert(channels->count == 0 && channels->dirty == NULL);
    mem_free(channels->read_buffer);
    buf_release(&channels->plain);
}

/* ---- closing */

static const char *reason_text(int error)
{
    if (error == UV_EOF)
        return "closed_by_peer";
    return error <= ERR_BADARG && error >= ERR_TLS ? error_atom(error) : uv_err_name(error);
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
    enum log_level level = refused ? LOG_WARN : LOG_INFO;
    if (!channel->was_up && !channel->accepted && error != ERR_TLS)
        level = LOG_DEBUG; /* whom we cannot reach need not be ours to worry about */
    log_write(level, "connection", channel->was_up ? "down" : "not_connected", "peer=%s reason=%s%s%s",
              channel->name != NULL ? channel->name : address, reason != NULL ? reason : reason_text(error),
              error == ERR_TLS ? ": " : "", error == ERR_TLS ? channel_tls_problem(channel) : "");
}

/* What the peer still has to send stays. */
static void lose_peer(struct channel *channel)
{
    struct peer *peer = channel->peer;
    if (peer == NULL)
        return;
    assert(channel->own.size == 0);
    buf_release(&channel->own);
    channel->channels->up--;
    channel->own = peer->out;
    peer->out = BUF_EMPTY;
    channel->peer = NULL;
    peer_down(peer);
}

static void free_channel(struct channel *channel)
{
    handshake_free(channel->handshake);
    tls_session_free(channel->tls);
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

void channel_close(struct channel *channel, int error, const char *reason)
{
    if (channel->state == CHANNEL_CLOSED)
        return;
    if (channel->state != CHANNEL_FINISHING) {
        channel->error = error;
        log_end(channel, error, reason);
    }
    channel->state = CHANNEL_CLOSED;
    channel_clean(channel);
    channel_tls_forgo_turn(channel);
    uv_close((uv_handle_t *)&channel->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&channel->timer, on_handle_closed);
    lose_peer(channel);
}

static void on_deadline(uv_timer_t *timer)
{
    channel_close(timer->data, ERR_TIMEOUT, NULL);
}

void channel_finish(struct channel *channel, int error, uint64_t linger_ms)
{
    if (!channel_is_read(channel)) {
        channel_close(channel, error, NULL);
        return;
    }
    channel->error = error;
    log_end(channel, error, NULL);
    channel_clean(channel);
    channel->state = CHANNEL_FINISHING;
    lose_peer(channel);
    uv_timer_start(&channel->timer, on_deadline, linger_ms, 0);
    /* A socket closed with bytes unread takes back what was sent to the other side: read on, and forget. */
    bool stopped = channel_tls_forgo_turn(channel) || channel->paused;
    int status = stopped ? channel_read_start(channel) : 0;
    if (status != 0)
        channel_close(channel, status, NULL);
    else
        channel_flush(channel);
}

/* ---- beginning */

void channel_set_name(struct channel *channel, struct slice name)
{
    mem_free(channel->name);
    channel->name = mem_alloc(name.size + 1);
    memcpy(channel->name, name.data, name.size);
    channel->name[name.size] = '\0';
}

static struct channel *new_channel(struct channels *channels, bool accepted)
{
    uv_loop_t *loop = channels->config.node->loop;
    struct channel *channel = mem_zalloc(sizeof *channel);
    channel->channels = channels;
    channel->accepted = accepted;
    channel->state = accepted ? CHANNEL_HANDSHAKE : CHANNEL_CONNECTING;
    channel->handles = 2;
    frame_reader_init(&channel->reader, channels->config.tls != NULL ? 4 : 2, HANDSHAKE_PACKET_MAX);
    uv_tcp_init(loop, &channel->tcp); /* makes no socket yet: cannot fail */
    uv_timer_init(loop, &channel->timer);
    channel->tcp.data = channel;
    channel->timer.data = channel;
    channel->alive_ms = channel->written_ms = channel->progress_ms = uv_now(loop);
    uv_timer_start(&channel->timer, on_deadline, channels->config.handshake_ms, 0);
    DL_APPEND(channels->all, channel);
    channels->count++;
    channels->accepted += accepted;
    return channel;
}

static int start_reading(struct channel *channel)
{
    if (channel->channels->config.tls != NULL)
        channel_tls_start(channel);
    uv_tcp_nodelay(&channel->tcp, 1); /* at worst it is slower */
    return channel_read_start(channel);
}

void channel_accept(struct channels *channels, int fd)
{
    struct channel *channel = new_channel(channels, true);
    channel_handshake_accept(channel);
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
    channel->state = CHANNEL_HANDSHAKE;
    channel_handshake_connect(channel);
}

struct channel *channel_connect(struct channels *channels, const char *name, const struct sockaddr *address)
{
    struct channel *channel = new_channel(channels, false);
    channel->wanted = true;
    channel_set_name(channel, slice_of_text(name));
    int status = uv_tcp_connect(&channel->connect, &channel->tcp, address, on_connected);
    if (status != 0)
        channel_close(channel, status, NULL);
    return channel;
}
