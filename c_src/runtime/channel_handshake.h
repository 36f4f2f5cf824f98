/* The handshake of a channel, up to the peer. */
#ifndef RUNTIME_CHANNEL_HANDSHAKE_H
#define RUNTIME_CHANNEL_HANDSHAKE_H

#include "runtime/channel.h"

/* Begins it: waits for the other side's name, or sends ours to channel->name. */
void channel_handshake_accept(struct channel *channel);
void channel_handshake_connect(struct channel *channel);

/* Acts on one packet. When it is the last one, the channel is UP, and an older one to the same node is
 * closed. A handshake that fails finishes the channel. Always 0. */
int channel_handshake_packet(struct channel *channel, struct slice packet);

#endif
