/* What a channel receives: packets of the handshake, frames for its peer, ticks. A peer for which too much
 * waits is not read until it has taken half of it. None is read while too much waits in the mailboxes of
 * processes (until half is taken: what that needs does not come from peers), nor, for a turn or a few, while
 * processes have more to do than one turn allows.
 */
#ifndef RUNTIME_CHANNEL_INPUT_H
#define RUNTIME_CHANNEL_INPUT_H

#include "runtime/channel.h"

enum {
    CHANNEL_READ_SIZE = 256 * 1024,    /* of channels->read_buffer */
    CHANNEL_HANDSHAKE_SIZE = 16 * 1024 /* read at once of who is not up yet */
};

/* Acts on bytes that the socket has given. */
void channel_take(struct channel *channel, struct slice bytes);

/* 0 or a negative errno. */
int channel_read_start(struct channel *channel);

/* Acts on what has arrived from a peer that is up, then reads no more: what it sends from now on never
 * arrived. */
void channel_ignore(struct channel *channel);

/* After each attempt to write: a paused channel is read nevertheless while its TLS session has to read before
 * it can write, as who waits for the peer to take output would wait for ever. What the peer says in between
 * is kept, not acted on. */
void channel_read_while_paused(struct channel *channel);

/* Output has been written, or nobody is held back any more: if the channel is paused and little enough waits,
 * goes on. */
void channel_read_again(struct channel *channel);

/* The same with all channels, if they were not read because of others. */
void channels_read_again(struct channels *channels);

/* Finds out whether too much waits for all peers together. Then a peer for which anything waits is read only
 * when that has been written, and does not stay if it reads nothing (channels_tick). */
void channels_weigh(struct channels *channels);

/* Runs the node for a turn. If too little waits in mailboxes to hold peers back any longer, they are read
 * again. True if the loop must not wait. */
bool channels_run(struct channels *channels);

/* True in the states in which what comes in is acted on. */
bool channel_is_read(const struct channel *channel);

#endif
