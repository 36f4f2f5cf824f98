/* A listening TCP socket that survives running out of descriptors: accepting pauses, nothing is lost or spun
 * on.
 */
#ifndef RUNTIME_LISTENER_H
#define RUNTIME_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct listener {
    uv_poll_t poll;     /* readable: somebody waits to be accepted */
    uv_timer_t timer;   /* ends a pause for want of descriptors */
    int fd;             /* the socket; -1 once closing */
    unsigned handles;   /* of the two above not yet closed */
    bool held;          /* the owner wants no more for now */
    uint64_t logged_ms; /* when the last line about a failed accept was written */
    void (*accepted)(void *ctx,
                     int fd); /* a new socket (non-blocking, close on exec): the owner's from now on */
    void *ctx;                /* of accepted */
};

/* Binds and listens at once. address: numeric IPv4 or IPv6. port: 0 for any.
 * Errors: negative errno (EADDRINUSE, EACCES, EADDRNOTAVAIL, ...), ERR_BADARG (not an address). */
int listener_start(struct listener *listener, uv_loop_t *loop, const char *address, uint16_t port,
                   void (*accepted)(void *ctx, int fd), void *ctx);

uint16_t listener_port(const struct listener *listener);

/* While held nobody is accepted: those who connect wait in the kernel's queue. May be called from accepted.
 */
void listener_hold(struct listener *listener, bool held);

/* Ends it; the memory may go when listener_closed. */
void listener_close(struct listener *listener);
bool listener_closed(const struct listener *listener);

#endif
