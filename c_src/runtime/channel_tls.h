/* TLS between a channel's socket and what the channel reads and writes. None of this is called for a channel
 * without (channel->tls is NULL).
 */
#ifndef RUNTIME_CHANNEL_TLS_H
#define RUNTIME_CHANNEL_TLS_H

#include "runtime/channel.h"

/* Begins it in the role that the channel has. Precondition: the node has TLS; channel->name is known where it
 * connects. */
void channel_tls_start(struct channel *channel);

/* Shaking hands takes as long as hundreds of requests do, and anybody can ask for it. So what arrives before
 * a channel is up is only kept, and the channel not read, until it has its turn: one channel at a time, and
 * in between the loop serves those that are up. */
void channel_tls_await_turn(struct channel *channel, struct slice bytes);

/* It need not have its turn any more; true if it was to, so that it was not read. */
bool channel_tls_forgo_turn(struct channel *channel);

/* The first one's turn, if there is one: once per turn of the loop. */
void channels_tls_turn(struct channels *channels);

/* What the bytes from the socket say; valid until it is called again, for whichever channel. */
struct slice channel_tls_read(struct channel *channel, struct slice bytes);

/* The socket has failed: the error that the channel ends with. Whom we connect to and who ends the connection
 * instead of an answer does not speak TLS. */
int channel_tls_cut(struct channel *channel, int error);

/* After all of that was acted on: ends the channel if it was the other side's last, or no good. While reading
 * is paused there is something held that comes before the last. */
void channel_tls_check(struct channel *channel);

/* Takes what the channel has to say, as far as it can be said now. Returns what is for the socket. After an
 * error (channel_tls_failed) nothing is taken. */
struct buf *channel_tls_write(struct channel *channel);

/* True if that can go on only after the other side was read. */
bool channel_tls_awaits(const struct channel *channel);

bool channel_tls_failed(const struct channel *channel);

/* Bytes for the socket that are not in its hands yet. */
size_t channel_tls_waiting(const struct channel *channel);

/* Why it has failed, if it has; for the log. */
const char *channel_tls_problem(const struct channel *channel);

/* True if the other side's certificate is for the host of that node (alive@host). Whom we have connected to
 * it always is; of who connects to us inet_tls_dist asks it where only some nodes are allowed. */
bool channel_tls_is_for(const struct channel *channel, struct slice node);

#endif
