/* All connections of a node and the turns of the loop that drive it. Knows no bytes: channel.h does. */
#include "runtime/connection.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/auto_connect.h"
#include "runtime/channel.h"
#include "runtime/channel_input.h"
#include "runtime/channel_output.h"
#include "runtime/channel_ticks.h"
#include "runtime/channel_tls.h"
#include "runtime/connector.h"
#include "runtime/listener.h"

#include <assert.h>
#include <time.h>
#include <utlist.h>

enum { LINGER_STOP_MS = 5000 };

struct connections {
    struct channels channels;
    struct listener listener;
    struct connector connector;
    struct auto_connect auto_connect;
    uv_prepare_t prepare; /* before the loop waits: what timers have queued */
    uv_check_t check;     /* after it: what sockets and threads have queued */
    uv_idle_t idle;       /* while processes have more to do than one turn allows: the loop must not wait */
    uv_timer_t tick;      /* of all channels */
    unsigned handles;     /* of these four not yet closed */
    bool closing;         /* connections_close was called */
    bool ending;          /* and everything but the four handles is closed */
    void (*done)(void *ctx); /* of connections_close */
    void *done_ctx;
};

static struct node *node_of(const struct connections *connections)
{
    return connections->channels.config.node;
}

/* ---- events of the channels */

static bool is_greater(struct slice a, struct slice b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order != 0 ? order > 0 : a.size > b.size;
}

/* Where only some nodes may come in, a certificate has to be for the host that they say they are on. */
static bool is_allowed(const struct channels *channels, const struct channel *channel, struct slice name)
{
    const struct allowed *allowed = &channels->config.allowed;
    return allowed_node(allowed, name) &&
           (allowed->count == 0 || channel->tls == NULL || channel_tls_is_for(channel, name));
}

/* erts User's Guide, "Distribution Handshake": the status. */
static enum handshake_status on_check_name(void *ctx, struct channel *channel, struct slice name)
{
    struct connections *connections = ctx;
    struct slice ours = slice_of_text(node_of(connections)->name);
    if (connections->closing || slice_equal(name, ours) || !is_allowed(&connections->channels, channel, name))
        return HANDSHAKE_NOT_ALLOWED;
    if (peer_find(node_of(connections), name) != NULL)
        return HANDSHAKE_ALIVE;
    channel->surplus = channels_are_enough(&connections->channels);
    if (channel->surplus)
        return HANDSHAKE_NOT_ALLOWED;
    if (!connector_is_connecting(&connections->connector, name))
        return HANDSHAKE_OK;
    if (is_greater(ours, name) && connector_is_shaking_hands(&connections->connector, name))
        return HANDSHAKE_NOK;
    connector_yield(&connections->connector, name, channel);
    return HANDSHAKE_OK_SIMULTANEOUS;
}

static void limit_handshakes(struct connections *connections)
{
    const struct channels *channels = &connections->channels;
    listener_hold(&connections->listener, channels->accepted >= channels->config.handshakes_max);
}

static void on_up(void *ctx, struct channel *channel)
{
    struct connections *connections = ctx;
    connector_finish(&connections->connector, channel->name, 0);
    limit_handshakes(connections);
}

static void on_ended(void *ctx, struct channel *channel)
{
    struct connections *connections = ctx;
    if (channel->wanted && channel->error == ERR_EXISTS)
        connector_await_other(&connections->connector, channel->name);
    else if (channel->wanted)
        connector_finish(&connections->connector, channel->name, channel->error);
    limit_handshakes(connections);
}

static void on_accepted(void *ctx, int fd)
{
    struct connections *connections = ctx;
    channel_accept(&connections->channels, fd);
    limit_handshakes(connections);
}

/* ---- the loop */

static void on_idle(uv_idle_t *idle) {}

static void end_when_closed(struct connections *connections);

/* Nothing on the loop's thread may block; this may, for the fraction of a millisecond in which nobody would
 * be answered sooner: whoever is served now is one of many who ask all the time. */
static void rest(const struct connections *connections)
{
    const struct timespec time = {.tv_nsec = connections->channels.config.pacing_us * 1000L};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static void rest_if_loaded(struct connections *connections)
{
    if (connections->channels.config.pacing_us > 0 && !uv_is_active((uv_handle_t *)&connections->idle) &&
        pacing_turn(&node_of(connections)->pacing, uv_hrtime))
        rest(connections);
}

static void drive(struct connections *connections)
{
    connector_deliver(&connections->connector);
    if (channels_run(&connections->channels) || connections->connector.finished != NULL ||
        connections->channels.awaiting != NULL)
        uv_idle_start(&connections->idle, on_idle);
    else
        uv_idle_stop(&connections->idle);
    channels_flush(&connections->channels);
    end_when_closed(connections);
}

static void on_prepare(uv_prepare_t *prepare)
{
    drive(prepare->data);
    rest_if_loaded(prepare->data);
}

static void on_check(uv_check_t *check)
{
    struct connections *connections = check->data;
    channels_tls_turn(&connections->channels);
    drive(connections);
}

static void on_tick(uv_timer_t *timer)
{
    struct connections *connections = timer->data;
    channels_tick(&connections->channels);
    connector_tick(&connections->connector);
}

static void start_loop_handles(struct connections *connections)
{
    uv_loop_t *loop = node_of(connections)->loop;
    uint64_t tick_ms = channels_tick_ms(&connections->channels);
    uv_prepare_init(loop, &connections->prepare);
    uv_check_init(loop, &connections->check);
    uv_idle_init(loop, &connections->idle);
    uv_timer_init(loop, &connections->tick);
    connections->prepare.data = connections;
    connections->check.data = connections;
    connections->idle.data = connections;
    connections->tick.data = connections;
    connections->handles = 4;
    uv_prepare_start(&connections->prepare, on_prepare);
    uv_check_start(&connections->check, on_check);
    uv_timer_start(&connections->tick, on_tick, tick_ms, tick_ms);
}

int connections_start(struct connections **out, const struct connections_config *config, const char *address,
                      uint16_t port)
{
    struct connections *connections = mem_zalloc(sizeof *connections);
    int status =
        listener_start(&connections->listener, config->node->loop, address, port, on_accepted, connections);
    if (status != 0) {
        mem_free(connections);
        return status;
    }
    const struct channel_events events = {
        .check_name = on_check_name, .up = on_up, .ended = on_ended, .ctx = connections};
    channels_init(&connections->channels, config, &events);
    connector_init(&connections->connector, &connections->channels);
    auto_connect_start(&connections->auto_connect, &connections->connector, config->output_size_max);
    config->node->limits.output_max = config->output_size_max;
    start_loop_handles(connections);
    *out = connections;
    return 0;
}

uint16_t connections_port(const struct connections *connections)
{
    return listener_port(&connections->listener);
}

unsigned connections_count(const struct connections *connections)
{
    return connections->channels.count;
}

void connections_connect(struct connections *connections, const char *node,
                         void (*done)(void *ctx, int status, struct peer *peer), void *ctx)
{
    connector_connect(&connections->connector, node, done, ctx);
}

/* ---- the end */

void connections_hold_back(struct connections *connections, bool held_back)
{
    connections->channels.held_back = held_back;
    if (!held_back)
        channels_read_again(&connections->channels);
}

void connections_stop_accepting(struct connections *connections)
{
    struct channel *channel, *next;
    auto_connect_stop(&connections->auto_connect);
    listener_close(&connections->listener);
    DL_FOREACH_SAFE(connections->channels.all, channel, next)
    {
        channel_ignore(channel);
    }
}

static void on_loop_handle_closed(uv_handle_t *handle)
{
    struct connections *connections = handle->data;
    if (--connections->handles == 0)
        connections->done(connections->done_ctx);
}

static void end_when_closed(struct connections *connections)
{
    if (!connections->closing || connections->ending || connections->channels.count > 0 ||
        !listener_closed(&connections->listener) || !connector_idle(&connections->connector))
        return;
    connections->ending = true;
    uv_close((uv_handle_t *)&connections->prepare, on_loop_handle_closed);
    uv_close((uv_handle_t *)&connections->check, on_loop_handle_closed);
    uv_close((uv_handle_t *)&connections->idle, on_loop_handle_closed);
    uv_close((uv_handle_t *)&connections->tick, on_loop_handle_closed);
}

void connections_close(struct connections *connections, void (*done)(void *ctx), void *ctx)
{
    assert(!connections->closing);
    connections->closing = true;
    connections->done = done;
    connections->done_ctx = ctx;
    auto_connect_stop(&connections->auto_connect);
    listener_close(&connections->listener);
    connector_close(&connections->connector);
    node_run(node_of(connections)); /* what was queued before may still answer somebody */
    struct channel *channel;
    DL_FOREACH(connections->channels.all, channel)
    {
        channel_finish(channel, ERR_STOPPED, LINGER_STOP_MS);
    }
}

void connections_free(struct connections *connections)
{
    auto_connect_release(&connections->auto_connect);
    channels_release(&connections->channels);
    mem_free(connections);
}
