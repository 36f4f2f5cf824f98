/* Packets out of a byte stream: feed bytes, take packets. No sockets.
 *
 * A packet is a length, most significant byte first (2 bytes during the handshake, 4 afterwards), and that
 * many bytes. An empty packet is a tick. A packet is never allocated before it has arrived: memory grows with
 * the bytes fed, and a packet that stands whole in the bytes just fed is handed out in place.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct frame_reader {
    struct buf partial;     /* the start of a packet whose end has not arrived, length included */
    struct slice input;     /* bytes fed and not yet taken, borrowed from the caller */
    unsigned length_size;   /* 2 or 4 */
    size_t packet_size_max; /* larger announced packets are ERR_TOO_LARGE */
    bool partial_taken;     /* the packet in partial was handed out; forget it at the next call */
};

/* length_size: 2 or 4. */
void frame_reader_init(struct frame_reader *reader, unsigned length_size, size_t packet_size_max);
void frame_reader_release(struct frame_reader *reader);

/* Between two packets: later packets have a length of that many bytes (the end of the handshake), and that
 * limit. */
void frame_reader_switch(struct frame_reader *reader, unsigned length_size, size_t packet_size_max);

/* Gives the reader bytes; they must stay valid and unchanged until frame_next has returned 0. Precondition:
 * frame_next returned 0 since the last feed. */
void frame_feed(struct frame_reader *reader, struct slice bytes);

/* 1: a packet (without its length) in *packet, valid until the next call of any function here. 0: no whole
 * packet left (what remains is kept). Errors: ERR_TOO_LARGE as soon as the length is known, -ENOMEM. */
int frame_next(struct frame_reader *reader, struct slice *packet);

/* Opens a packet in out: appends room for its length, returns a mark for frame_end. */
size_t frame_begin(struct buf *out);

/* Closes it: writes the 4 byte length of everything appended since. */
void frame_end(struct buf *out, size_t mark);

#endif
