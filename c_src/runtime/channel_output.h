/* What a channel sends. Whoever appends to its output wakes it; once per turn of the loop it is written.
 * While the socket does not take all of it, libuv has what was appended before, and new output gathers
 * behind.
 */
#ifndef RUNTIME_CHANNEL_OUTPUT_H
#define RUNTIME_CHANNEL_OUTPUT_H

#include "runtime/channel.h"

/* Where to append: the peer's out, or the channel's own where there is no peer. */
struct buf *channel_output(struct channel *channel);

/* Something was appended: writes it in this turn. */
void channel_wake(struct channel *channel);

/* It need not be written in this turn any more. */
void channel_clean(struct channel *channel);

/* Writes now what the socket takes. May close the channel. */
void channel_flush(struct channel *channel);

/* The same for all that were woken. */
void channels_flush(struct channels *channels);

/* The bytes in buf are written: empties it, and keeps memory for as many as usual. */
void channel_forget_written(struct buf *buf);

/* Bytes that the kernel has not taken yet. */
size_t channel_waiting(struct channel *channel);

#endif
