/* Ticks of all channels (erts User's Guide, "Distribution Protocol"): an idle connection says every tick_ms
 * that it is there, and who says nothing for too long is gone. So is a peer for which processes are put off
 * (peer.h) and that is 5 s behind with reading a MiB a second: others wait for these processes. When it is
 * ignored (we are stopping), it has 5 s for everything.
 */
#ifndef RUNTIME_CHANNEL_TICKS_H
#define RUNTIME_CHANNEL_TICKS_H

#include "runtime/channel.h"

/* Sends the ticks that are due and closes the channels of peers that are gone. Called every
 * channels_tick_ms. */
void channels_tick(struct channels *channels);
uint64_t channels_tick_ms(const struct channels *channels);

/* One tick, in this turn. */
void channel_send_tick(struct channel *channel);

#endif
