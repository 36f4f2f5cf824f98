/* Ticks of all channels (erts User's Guide, "Distribution Protocol"): an idle connection says every tick_ms
 * that it is there, and who says nothing for too long is gone.
 */
#ifndef RUNTIME_CHANNEL_TICKS_H
#define RUNTIME_CHANNEL_TICKS_H

#include "runtime/channel.h"

/* Sends the ticks that are due and closes the channels of peers that are silent for too long. Called every
 * channels_tick_ms. */
void channels_tick(struct channels *channels);
uint64_t channels_tick_ms(const struct channels *channels);

/* One tick, in this turn. */
void channel_send_tick(struct channel *channel);

#endif
