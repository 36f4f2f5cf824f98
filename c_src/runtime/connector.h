/* Connecting out to nodes by name, and who waits for it. At most one attempt per name. */
#ifndef RUNTIME_CONNECTOR_H
#define RUNTIME_CONNECTOR_H

#include "runtime/channel.h"

#include <stdbool.h>

struct attempt;
struct waiter;

struct connector {
    struct channels *channels; /* where the attempts' channels live */
    struct attempt *attempts;  /* utlist */
    struct waiter *finished;   /* done is still to be called, utlist */
    unsigned lookups;          /* on threads */
};

void connector_init(struct connector *connector, struct channels *channels);

/* As connections_connect. */
void connector_connect(struct connector *connector, const char *name,
                       void (*done)(void *ctx, int status, struct peer *peer), void *ctx);

/* True while we are connecting to that node. */
bool connector_is_connecting(const struct connector *connector, struct slice name);

/* True if it goes on by itself: the other side has taken our connection. */
bool connector_is_shaking_hands(const struct connector *connector, struct slice name);

/* Both nodes connect to each other and the other one's attempt wins: ours is dropped, those who wait for it
 * wait for channel. Precondition: connector_is_connecting. */
void connector_yield(struct connector *connector, struct slice name, struct channel *channel);

/* The other side has refused ours for its own attempt: waited for that, for a handshake's deadline. */
void connector_await_other(struct connector *connector, const char *name);

/* Ends the attempts whose other side did not come. From time to time. */
void connector_tick(struct connector *connector);

/* The node is up (status 0), or a wanted channel to it has ended. */
void connector_finish(struct connector *connector, const char *name, int status);

/* Calls done for all whose attempt is finished. From the loop, once per turn. */
void connector_deliver(struct connector *connector);

/* All attempts end with ERR_STOPPED; idle when it is connector_idle. */
void connector_close(struct connector *connector);
bool connector_idle(const struct connector *connector);

#endif
