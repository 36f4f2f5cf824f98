/* Attempts to connect out. Knows names and where to look up ports; the handshake is the channel's. */
#include "runtime/connector.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/epmd.h"
#include "wire/node_name.h"

#include <assert.h>
#include <stddef.h>
#include <utlist.h>

struct waiter {
    struct waiter *prev; /* in attempt->waiters or connector->finished */
    struct waiter *next;
    void (*done)(void *ctx, int status, struct peer *peer);
    void *ctx;  /* of done */
    char *name; /* of the node */
    int status; /* once finished */
};

struct attempt {
    struct attempt *prev; /* in connector->attempts */
    struct attempt *next;
    struct connector *connector;
    struct waiter *waiters;  /* utlist */
    struct channel *channel; /* its own, or the one it yielded to; NULL: none yet, or not any more */
    uint64_t deadline_ms;    /* of the other side's attempt, loop time; 0: not waited for */
    uv_work_t lookup;
    char *name;       /* of the node */
    char address[64]; /* what the look-up found */
    uint16_t port;
    int lookup_status;
    bool looking_up; /* a thread uses this struct */
    bool over;       /* not in connector->attempts any more: only the thread keeps it */
};

void connector_init(struct connector *connector, struct channels *channels)
{
    *connector = (struct connector){.channels = channels};
}

static struct attempt *find(const struct connector *connector, struct slice name)
{
    struct attempt *attempt;
    DL_FOREACH(connector->attempts, attempt)
    {
        if (slice_equal(slice_of_text(attempt->name), name))
            return attempt;
    }
    return NULL;
}

static void free_attempt(struct attempt *attempt)
{
    mem_free(attempt->name);
    mem_free(attempt);
}

static void end_attempt(struct attempt *attempt, int status)
{
    struct connector *connector = attempt->connector;
    struct waiter *waiter;
    DL_FOREACH(attempt->waiters, waiter)
    {
        waiter->status = status;
    }
    DL_CONCAT(connector->finished, attempt->waiters);
    DL_DELETE(connector->attempts, attempt);
    attempt->over = true;
    if (attempt->looking_up)
        uv_cancel((uv_req_t *)&attempt->lookup); /* where that is too late, nobody asks for the result */
    else
        free_attempt(attempt);
}

static void look_up(uv_work_t *work)
{
    struct attempt *attempt = work->data;
    attempt->lookup_status = epmd_lookup(attempt->name, attempt->address, &attempt->port);
}

static int connect_found(struct attempt *attempt)
{
    struct sockaddr_storage address;
    int status = uv_ip4_addr(attempt->address, attempt->port, (struct sockaddr_in *)&address);
    if (status != 0)
        status = uv_ip6_addr(attempt->address, attempt->port, (struct sockaddr_in6 *)&address);
    if (status == 0)
        attempt->channel =
            channel_connect(attempt->connector->channels, attempt->name, (const struct sockaddr *)&address);
    return status;
}

static void on_looked_up(uv_work_t *work, int status)
{
    struct attempt *attempt = work->data;
    attempt->connector->lookups--;
    attempt->looking_up = false;
    if (attempt->over) {
        free_attempt(attempt);
        return;
    }
    if (attempt->channel != NULL)
        return; /* it has yielded meanwhile */
    if (status == 0)
        status = attempt->lookup_status;
    if (status == 0)
        status = connect_found(attempt);
    if (status != 0)
        end_attempt(attempt, status);
}

static struct attempt *new_attempt(struct connector *connector, const char *name)
{
    struct attempt *attempt = mem_zalloc(sizeof *attempt);
    attempt->connector = connector;
    attempt->name = mem_dup(name, strlen(name) + 1);
    attempt->lookup.data = attempt;
    attempt->looking_up = true;
    DL_APPEND(connector->attempts, attempt);
    connector->lookups++;
    uv_queue_work(connector->channels->config.node->loop, &attempt->lookup, look_up, on_looked_up);
    return attempt;
}

static int connect_status(struct connector *connector, struct slice name)
{
    const struct node *node = connector->channels->config.node;
    if (!node_name_ok(name))
        return ERR_BADARG;
    bool refused = slice_equal(name, slice_of_text(node->name)) ||
                   !allowed_node(&connector->channels->config.allowed, name);
    return refused ? ERR_REFUSED : 0;
}

void connector_connect(struct connector *connector, const char *name,
                       void (*done)(void *ctx, int status, struct peer *peer), void *ctx)
{
    struct slice text = slice_of_text(name);
    struct waiter *waiter = mem_zalloc(sizeof *waiter);
    waiter->done = done;
    waiter->ctx = ctx;
    waiter->name = mem_dup(name, text.size + 1);
    waiter->status = connect_status(connector, text);
    if (waiter->status != 0 || peer_find(connector->channels->config.node, text) != NULL) {
        DL_APPEND(connector->finished, waiter);
        return;
    }
    struct attempt *attempt = find(connector, text);
    if (attempt == NULL)
        attempt = new_attempt(connector, name);
    DL_APPEND(attempt->waiters, waiter);
}

bool connector_is_connecting(const struct connector *connector, struct slice name)
{
    return find(connector, name) != NULL;
}

bool connector_is_shaking_hands(const struct connector *connector, struct slice name)
{
    const struct attempt *attempt = find(connector, name);
    return attempt != NULL && attempt->channel != NULL && attempt->channel->state == CHANNEL_HANDSHAKE;
}

void connector_yield(struct connector *connector, struct slice name, struct channel *channel)
{
    struct attempt *attempt = find(connector, name);
    assert(attempt != NULL);
    struct channel *ours = attempt->channel;
    attempt->channel = channel;
    channel->wanted = true;
    if (ours != NULL) {
        ours->wanted = false;
        channel_close(ours, ERR_REFUSED, "simultaneous");
    }
}

void connector_finish(struct connector *connector, const char *name, int status)
{
    struct attempt *attempt = find(connector, slice_of_text(name));
    if (attempt == NULL)
        return;
    struct channel *channel = attempt->channel;
    if (channel != NULL)
        channel->wanted = false;
    end_attempt(attempt, status);
    /* Another connection was faster. */
    if (channel != NULL && channel->state != CHANNEL_UP)
        channel_close(channel, ERR_EXISTS, "connected_otherwise");
}

void connector_await_other(struct connector *connector, const char *name)
{
    struct attempt *attempt = find(connector, slice_of_text(name));
    const struct connections_config *config = &connector->channels->config;
    assert(attempt != NULL);
    attempt->channel = NULL;
    attempt->deadline_ms = node_now_ms(config->node) + config->handshake_ms;
}

void connector_tick(struct connector *connector)
{
    struct attempt *attempt, *next;
    uint64_t now_ms = node_now_ms(connector->channels->config.node);
    DL_FOREACH_SAFE(connector->attempts, attempt, next)
    {
        if (attempt->channel == NULL && attempt->deadline_ms != 0 && now_ms >= attempt->deadline_ms)
            end_attempt(attempt, ERR_TIMEOUT);
    }
}

void connector_deliver(struct connector *connector)
{
    while (connector->finished != NULL) {
        struct waiter *waiter = connector->finished;
        DL_DELETE(connector->finished, waiter);
        struct peer *peer = NULL;
        if (waiter->status == 0) {
            peer = peer_find(connector->channels->config.node, slice_of_text(waiter->name));
            if (peer == NULL)
                waiter->status = UV_ECONNRESET; /* up and already gone */
        }
        waiter->done(waiter->ctx, waiter->status, peer);
        mem_free(waiter->name);
        mem_free(waiter);
    }
}

void connector_close(struct connector *connector)
{
    while (connector->attempts != NULL)
        connector_finish(connector, connector->attempts->name, ERR_STOPPED);
}

bool connector_idle(const struct connector *connector)
{
    return connector->lookups == 0 && connector->finished == NULL;
}
