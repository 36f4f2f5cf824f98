/* One socket between two nodes, in libuv's hands: handshake, then frames to and from a peer, until it is
 * closed. This is its struct, its beginning and its end; the rest: channel_handshake, channel_input,
 * channel_output, channel_ticks.
 *
 *   CONNECTING -> HANDSHAKE -> UP -> FINISHING -> CLOSED     (from each one straight to CLOSED as well)
 */
#ifndef RUNTIME_CHANNEL_H
#define RUNTIME_CHANNEL_H

#include "base/buf.h"
#include "runtime/connection.h"
#include "runtime/peer.h"
#include "wire/frame.h"
#include "wire/handshake.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct channel;
struct tls_session;

/* What the owner of the channels wants to know and to decide. ctx: the owner. */
struct channel_events {
    /* As handshake_config's. */
    enum handshake_status (*check_name)(void *ctx, struct channel *channel, struct slice name);
    /* The channel's peer is up. */
    void (*up)(void *ctx, struct channel *channel);
    /* The channel is closed, its error tells why; its memory goes when this returns. */
    void (*ended)(void *ctx, struct channel *channel);
    void *ctx;
};

/* All channels of a node. */
struct channels {
    struct connections_config config; /* as given */
    struct channel_events events;     /* the owner's */
    struct channel *all;              /* utlist */
    struct channel *dirty;            /* those with output to write in this turn, utlist */
    uint8_t *read_buffer;             /* where every socket is read to */
    struct buf plain;                 /* what was read there, decrypted; only with TLS */
    struct channel *awaiting;         /* those that await their turn (channel_tls.h), utlist */
    uint64_t ticked_ms;               /* when all were looked at last (channel_ticks.h); 0: never */
    unsigned count;                   /* length of all */
    unsigned accepted;                /* of these, accepted and never up */
    unsigned up;                      /* of these, with a peer */
    bool held_back;                   /* no peer is read: what is behind the processes cannot keep up */
    bool full;                        /* nor while too much waits in mailboxes for its turn */
    bool more;                        /* processes have more to do than one turn allows */
    bool busy;                        /* and as many messages wait as one read brings: nothing is read */
    bool crowded;                     /* much waits for peers that do not read: each may have only little */
    uint64_t weighed_at;              /* node's appended when that was found out last */
};

enum channel_state {
    CHANNEL_CONNECTING, /* TCP */
    CHANNEL_HANDSHAKE,
    CHANNEL_UP,        /* peer is there */
    CHANNEL_FINISHING, /* writes what is left, then waits for the other side to close */
    CHANNEL_CLOSED     /* libuv lets go of it */
};

struct channel {
    uv_tcp_t tcp;
    uv_timer_t timer; /* deadline of the handshake or of finishing */
    uv_connect_t connect;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct channels *channels; /* all of them */
    struct channel *prev;      /* in channels->all */
    struct channel *next;
    struct channel *dirty_prev; /* in channels->dirty */
    struct channel *dirty_next;
    struct tls_session *tls;   /* NULL: none, or not begun */
    struct channel *turn_prev; /* in channels->awaiting */
    struct channel *turn_next;
    struct handshake *handshake; /* until UP */
    struct peer *peer;           /* while UP */
    char *name;                  /* the other node's as far as it is known; NULL */
    struct frame_reader reader;  /* of what comes in */
    struct buf held;             /* read, but to be acted on later: reading is paused, or its turn awaited */
    struct buf own;              /* output where there is no peer (any more) */
    struct buf writing;          /* output that libuv is writing */
    uint64_t handed;             /* bytes ever given to the socket, or to libuv for it */
    uint64_t read;               /* of these, what the other side had read when that was looked at last */
    uint64_t alive_ms;           /* when the other side was last seen to read or write */
    uint64_t written_ms;         /* when something was last written */
    uint64_t progress_ms;        /* until when it has read as much as it must (channel_ticks.h) */
    uint64_t ignored_ms;         /* when it was last read, if it is ignored */
    int error;                   /* why it is closed */
    enum channel_state state;
    uint8_t handles;  /* of tcp and timer not yet closed */
    bool accepted;    /* not connected by us */
    bool was_up;      /* has been UP */
    bool surplus;     /* there are as many connections as there may be */
    bool wanted;      /* the owner's: somebody waits for it to be up */
    bool dirty;       /* stands in channels->dirty */
    bool writing_now; /* libuv has writing */
    bool paused;      /* not read */
    bool awaits_turn; /* stands in channels->awaiting, and is not read either */
    bool ignored;     /* nor ever again: we are stopping, since ignored_ms */
    bool unanswered;  /* frames came since something was written */
};

void channels_init(struct channels *channels, const struct connections_config *config,
                   const struct channel_events *events);
/* Precondition: count is 0. */
void channels_release(struct channels *channels);

/* Takes over an accepted socket; it waits for the other side's name. */
void channel_accept(struct channels *channels, int fd);

/* Connects to that address and offers our name to the node name (alive@host). wanted is set. */
struct channel *channel_connect(struct channels *channels, const char *name, const struct sockaddr *address);

/* True if no other node is to be connected: there are connections_max. */
static inline bool channels_are_enough(const struct channels *channels)
{
    return channels->up >= channels->config.connections_max;
}

/* For the files of the channel. */
void channel_set_name(struct channel *channel, struct slice name);

static inline uint64_t channel_now_ms(const struct channel *channel)
{
    return uv_now(channel->tcp.loop);
}

static inline uv_stream_t *channel_stream(struct channel *channel)
{
    return (uv_stream_t *)&channel->tcp;
}

/* Ends it at once; peer_down if it was up. reason: for the log; NULL: error's name. */
void channel_close(struct channel *channel, int error, const char *reason);

/* Ends it when what was appended is written and the other side has closed, after linger_ms at the latest. No
 * frame is acted on any more, the peer is down when this returns. */
void channel_finish(struct channel *channel, int error, uint64_t linger_ms);

#endif
