/* A connected node, as the processes see it: signals in, signals out, and what depends on the connection.
 *
 * Knows no sockets: frames come in by peer_frame, frames to send are appended to out, and the transport is
 * told once that there is something (wake). Up after the handshake, down when the connection is lost.
 *
 * A peer may be slow to read. A process that has filled its output beyond limits.output_max with answers to
 * what had waited in its mailbox is put off, as OTP suspends who sends to a busy port, until half of it is
 * written, and so is one whose next message has waited and is of such a peer; who answers what has just
 * arrived is not, for then the peer that sent it need not be read. What all others append is not held up, but
 * too much of it ends the connection.
 *
 * A signal to a node that is not connected makes a pending peer and has the node connected to. Until that is
 * up, out gathers frames in forms that every peer understands; if it fails, the peer goes down as any other.
 * What else a pending peer is asked for it is hoped to know: if it does not, what waited for it is lost.
 */
#ifndef RUNTIME_PEER_H
#define RUNTIME_PEER_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/table.h"
#include "wire/handshake.h"
#include "wire/pid.h"

#include <stdbool.h>
#include <uthash.h>

struct node;
struct process;

struct peer_transport {
    /* out has become non-empty: write it before the loop turn ends. Called once until peer_flushed. */
    void (*wake)(void *ctx);
    /* The connection has to go (protocol error, or a second connection takes its place): close it later, not
     * from inside this call; peer_down has been called already and the peer must not be used any more. */
    void (*close)(void *ctx, int error);
    void *ctx;
};

struct peer {
    struct node *node;      /* ours */
    struct buf atom;        /* its name as an atom term */
    char *name;             /* the same as text, NUL-terminated */
    uint32_t number;        /* of this peer, never 0: no other of this node has it */
    uint32_t creation;      /* its creation; 0 while pending */
    uint64_t flags;         /* DFLAG_* that both sides announced; while pending, those that each peer has */
    uint64_t hoped;         /* DFLAG_* that frames in out take for granted; while pending */
    struct buf out;         /* whole frames to be written; the transport takes them from the front */
    bool woken;             /* wake was called and peer_flushed not yet */
    bool down;              /* the connection is lost: nothing more is written */
    bool pending;           /* not connected yet */
    bool overflown;         /* out has become too large; what was in it is lost, and the connection to end */
    size_t seen;            /* of out, when it was last looked at */
    size_t largest;         /* frame in out, if that is beyond limits.output_max */
    size_t unwritten;       /* bytes that the transport has taken from out and not written yet */
    bool full;              /* more than limits.output_max waits, or not yet half of that is written */
    struct peer *full_prev; /* in node->full, while it is */
    struct peer *full_next;
    struct buf put_off; /* ids of processes that are, until less waits */
    unsigned release;   /* of its OTP; 0: not known (peer_release.h) */
    bool release_asked; /* it is being asked for */
    struct peer_transport transport;
    struct remote_link *links;     /* over this connection */
    struct monitor *monitors;      /* by its processes on ours */
    struct monitor *watched;       /* by ours on its processes */
    size_t relations;              /* how many these three are together */
    struct waiting *waiting;       /* fast calls of its processes in mailboxes of ours (waiting.h); utlist */
    struct table waiting_by_alias; /* the same; its processes choose the keys */
    struct peer *leaving_next;     /* in node->leaving */
    uint64_t frames_in;            /* counters for statistics */
    uint64_t frames_out;
    UT_hash_handle hh; /* node->peers or node->pending, by name */
};

/* A node is connected. known: from the handshake, copied. Precondition: no peer of that name (peer_find). The
 * pending peer of that name becomes it; if it is not what was hoped for, or too much waited for it, all that
 * waited is lost: noconnection to its links and monitors. */
struct peer *peer_up(struct node *node, const struct handshake_peer *known,
                     const struct peer_transport *transport);

/* The connected, or the pending, node of that name; NULL if none. */
struct peer *peer_find(struct node *node, struct slice name);
struct peer *peer_find_pending(struct node *node, struct slice name);

/* The node of that name (an atom term; any other term is nobody's) for a signal: connected, or pending. A
 * pid's creation does not matter: the node itself knows best what it was. peer_known: NULL if it is neither.
 * peer_reach: then begins to connect; NULL if that is not to be. */
struct peer *peer_known(struct node *node, struct slice atom);
struct peer *peer_reach(struct node *node, struct slice atom);

/* True if it understands what needs that flag, or is hoped to. */
bool peer_can(struct peer *peer, uint64_t flag);

/* Acts on one frame (without its length; not a tick). 0, or an error after which the connection must be
 * closed by the caller (who calls peer_down): besides a frame's own ERR_SYSTEM_LIMIT, when the frames before
 * have made more monitors and links than limits.relations_max. Afterwards node_run. */
int peer_frame(struct peer *peer, struct slice frame);

/* Asks the transport to write: call after appending to out. */
void peer_wake(struct peer *peer);

/* The transport has taken from out what it takes; unwritten: bytes of all it took that wait to be written. */
void peer_flushed(struct peer *peer, size_t unwritten);

/* For process.c: the one of that number, if more than limits.output_max waits for it (until half of that is
 * written); NULL if not. */
struct peer *peer_find_full(const struct node *node, uint32_t number);

/* For process.c: as node->filled says, process has filled its output, or is to answer one that is full. It
 * goes on when half of that is written, or the peer is down. */
void peer_put_off(struct peer *peer, struct process *process);

/* True if a process is, because of this peer. */
static inline bool peer_puts_off(const struct peer *peer)
{
    return peer->put_off.size > 0;
}

/* The connection is lost, or cannot be made: noconnection to all links and monitors; frees the peer. Nobody
 * finds it any more, what is sent to it is lost. If there is much to tell, the rest is told by node_run.
 * Not from inside a process. */
void peer_down(struct peer *peer);

/* For node.c: goes on to tell of the first in node->leaving (not NULL). How much that was, as node_run
 * counts. */
unsigned peer_leave(struct node *node);

enum { PEER_DOWN_BUDGET = 1000 /* links, monitors and calls that lost peers tell of in one go */ };

#endif
