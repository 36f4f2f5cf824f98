/* A socket that is, or becomes, a connected node: handshake, frames, ticks, one write per loop turn. libuv.
 *
 *   accepted or connecting -> handshake (wire/handshake, total deadline) -> peer (runtime/peer) -> closed
 */
#ifndef RUNTIME_CONNECTION_H
#define RUNTIME_CONNECTION_H

#include "base/slice.h"
#include "runtime/allowed.h"
#include "runtime/node.h"

#include <stdbool.h>
#include <uv.h>

struct connections; /* all of a node's */
struct tls;

struct connections_config {
    struct node *node;
    struct slice cookie; /* borrowed for the life of connections */
    struct tls *tls;     /* every connection is encrypted and authenticated by it; NULL: none is. Borrowed */
    uint32_t tick_ms;    /* a quarter of the tick time (net_ticktime 60 s: 15 000) */
    uint32_t handshake_ms;    /* a handshake's total deadline (7 000 as erl) */
    uint32_t handshakes_max;  /* in flight; beyond it new sockets wait in the listen queue */
    uint32_t connections_max; /* up; beyond it no node is let in (not_allowed) or connected to by itself */
    size_t frame_size_max;    /* bytes; a larger frame ends its connection */
    size_t output_size_max;   /* bytes waiting for a peer that does not read; beyond it that peer is not
                                 read either until half is written (peer.h has what else); becomes the
                                 node's limits.output_max */
    struct allowed allowed;   /* who is let in, and connected to; borrowed for the life of connections */
    uint32_t pacing_us;       /* rest before the next read while many callers wait (pacing.h); 0: never */
};

/* Binds and listens at once; from now on the node connects by itself to where its processes send something.
 * address: numeric IPv4 or IPv6. port: 0 for any.
 * Errors: negative errno (EADDRINUSE, ...), ERR_BADARG (not an address). */
int connections_start(struct connections **connections, const struct connections_config *config,
                      const char *address, uint16_t port);

/* The port that is listened on. */
uint16_t connections_port(const struct connections *connections);

/* Stops to accept and to make connections, and to read from those that are there: what had arrived is still
 * answered. */
void connections_stop_accepting(struct connections *connections);

/* Reads no peer (but for one frame of each) until it is called again with false; handshakes go on, output is
 * written, peers are held for alive. true: from anywhere; false: not from inside a process. */
void connections_hold_back(struct connections *connections, bool held_back);

/* Writes what is queued, closes everything (every peer is down), then calls done from the loop; then free. */
void connections_close(struct connections *connections, void (*done)(void *ctx), void *ctx);
void connections_free(struct connections *connections);

/* Counters for statistics and tests. */
unsigned connections_count(const struct connections *connections);

/* Connects out to a node (alive@host): looks its port up (epmd.h, on a thread), connects, shakes hands. done:
 * from the loop, with 0 and peer, or an error. Nothing to do and 0 if it is connected already. */
void connections_connect(struct connections *connections, const char *node,
                         void (*done)(void *ctx, int status, struct peer *peer), void *ctx);

#endif
