/* Registration with epmd, kept alive: the one file of the runtime that uses libei. */
#ifndef RUNTIME_EPMD_H
#define RUNTIME_EPMD_H

#include <stdint.h>
#include <uv.h>

struct epmd;

/* Publishes node (alive@host) with its port, as a hidden node, at the local epmd (ERL_EPMD_PORT is honoured);
 * starts `epmd -daemon` when none answers. Blocks shortly: call before the loop runs. Afterwards, on the
 * loop, watches the registration and publishes again, with backoff and off the loop thread, when epmd goes
 * away. Errors: ERR_EXISTS (the name is taken), ERR_TIMEOUT (no epmd and none could be started), negative
 * errno. */
int epmd_start(struct epmd **epmd, uv_loop_t *loop, const char *node, uint32_t creation, uint16_t port);

/* Gives the name free, then calls done from the loop; then free. */
void epmd_stop(struct epmd *epmd, void (*done)(void *ctx), void *ctx);
void epmd_free(struct epmd *epmd);

/* The port of a node (alive@host) as its host's epmd tells it. Blocks: only on a thread.
 * Errors: ERR_NOT_FOUND, ERR_TIMEOUT, negative errno. */
int epmd_lookup(const char *node, char address[64], uint16_t *port);

#endif
