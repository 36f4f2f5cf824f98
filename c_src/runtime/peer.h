/* A connected node, as the processes see it: signals in, signals out, and what depends on the connection.
 *
 * Knows no sockets: frames come in by peer_frame, frames to send are appended to out, and the transport is
 * told once that there is something (wake). Created after the handshake, down when the connection is lost.
 */
#ifndef RUNTIME_PEER_H
#define RUNTIME_PEER_H

#include "base/buf.h"
#include "base/slice.h"
#include "wire/handshake.h"
#include "wire/pid.h"

#include <stdbool.h>
#include <uthash.h>

struct node;

struct peer_transport {
    /* out has become non-empty: write it before the loop turn ends. Called once until peer_flushed. */
    void (*wake)(void *ctx);
    /* The connection has to go (protocol error, or a second connection takes its place): close it later, not
     * from inside this call; peer_down has been called already and the peer must not be used any more. */
    void (*close)(void *ctx, int error);
    void *ctx;
};

struct peer {
    struct node *node; /* ours */
    struct buf atom;   /* its name as an atom term */
    char *name;        /* the same as text, NUL-terminated */
    uint32_t creation; /* its creation */
    uint64_t flags;    /* DFLAG_* that both sides announced */
    struct buf out;    /* whole frames to be written; the transport takes them from the front */
    bool woken;        /* wake was called and peer_flushed not yet */
    bool down;         /* the connection is lost: nothing more is written */
    struct peer_transport transport;
    struct remote_link *links; /* over this connection */
    struct monitor *monitors;  /* by its processes on ours */
    struct monitor *watched;   /* by ours on its processes */
    uint64_t frames_in;        /* counters for statistics */
    uint64_t frames_out;
    UT_hash_handle hh; /* node->peers, by name */
};

/* A node is connected. known: from the handshake, copied. Precondition: no peer of that name (peer_find). */
struct peer *peer_up(struct node *node, const struct handshake_peer *known,
                     const struct peer_transport *transport);

/* The connected node of that name; NULL if none. */
struct peer *peer_find(struct node *node, struct slice name);

/* The connected node that the pid lives on; NULL if none or if the pid is of another creation of it. */
struct peer *peer_of_pid(struct node *node, const struct pid *pid);

/* Acts on one frame (without its length; not a tick). 0, or an error after which the connection must be
 * closed by the caller (who calls peer_down). Afterwards node_run. */
int peer_frame(struct peer *peer, struct slice frame);

/* Asks the transport to write: call after appending to out. */
void peer_wake(struct peer *peer);

/* The transport has taken everything from out. */
void peer_flushed(struct peer *peer);

/* The connection is lost: noconnection to all links and monitors; frees the peer. */
void peer_down(struct peer *peer);

#endif
