/* One socket between two nodes for programs that poll by themselves: handshake (wire/handshake), frames
 * (wire/frame), output gathered and written at once. It never blocks but in link_connect. No ticks.
 */
#ifndef LINK_H
#define LINK_H

#include "base/buf.h"
#include "wire/frame.h"
#include "wire/handshake.h"

#include <stdbool.h>
#include <stdint.h>

struct link {
    int fd;                      /* non-blocking; -1: none */
    struct handshake *handshake; /* NULL: it is done, frames may be appended to out */
    struct frame_reader reader;  /* of what comes in */
    struct buf out;              /* append frames here, then link_flush */
    size_t written;              /* bytes of out that the kernel has */
    uint64_t flags;              /* what both sides announced, after the handshake */
};

/* Takes over an accepted socket. config: borrowed until return, what it borrows until the handshake is done.
 */
void link_accept(struct link *link, int fd, const struct handshake_config *config);

/* Looks node (alive@host) up at its epmd, connects and begins the handshake; not flushed. link is to be
 * closed also after errors. Errors: ERR_NOT_FOUND, ERR_TIMEOUT, negative errno. */
int link_connect(struct link *link, const char *node, const struct handshake_config *config);

void link_close(struct link *link);

/* Reads once into buffer, which belongs to the link until link_next has returned 0. 1: something was read; 0:
 * nothing is there. Errors: -ECONNRESET (also where the other side has closed), negative errno. */
int link_read(struct link *link, uint8_t *buffer, size_t size);

/* 1: a frame (may be empty: a tick), valid until the next call; 0: no more. Packets of the handshake are
 * acted on here. Errors: those of frame_next and handshake_packet. */
int link_next(struct link *link, struct slice *frame);

/* One write of all that waits. What the socket does not take waits further (link_waits). Errors: negative
 * errno. */
int link_flush(struct link *link);

static inline bool link_waits(const struct link *link)
{
    return link->written < link->out.size;
}

#endif
