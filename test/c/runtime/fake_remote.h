/* A node with its connections on a loop, and the other side of its sockets: a remote node that says what the
 * test tells it to. Both run on the test's thread: whoever waits for the remote's socket turns the node's
 * loop.
 */
#ifndef TEST_C_RUNTIME_FAKE_REMOTE_H
#define TEST_C_RUNTIME_FAKE_REMOTE_H

#include "base/buf.h"
#include "runtime/connection.h"
#include "wire/frame.h"
#include "wire/handshake.h"

#include <stdbool.h>
#include <uv.h>

#define REMOTE_COOKIE "OPENSESAME"

enum { DEADLINE_MS = 10000 }; /* nothing that a test waits for takes so long */

/* The node under test; its process echo sends {Pid, Term} back to Pid as Term. */
struct local {
    uv_loop_t loop;
    struct node node;
    struct connections *connections;
    unsigned echoed; /* messages that echo has answered */
    bool closing;    /* connections_close was called */
    bool closed;     /* and is done */
};

struct remote {
    struct local *local;
    int fd;
    char name[64];
    struct handshake *handshake; /* NULL: none, or done */
    struct frame_reader reader;
    struct buf in; /* bytes that the reader has not taken */
};

/* What a test does not set is filled in: a tick each hour, 64 handshakes of 10 s. */
void local_start(struct local *local, const char *name, struct connections_config config);

/* Begins to close all connections; local_stop waits for the end of it. */
void local_close(struct local *local);
void local_stop(struct local *local);

/* One turn of the loop; waits a little when nothing happens. fd: also waits for it; -1. */
void local_turn(struct local *local, int fd);

/* Turns until reached(ctx); fails the test at the deadline. */
void local_await(struct local *local, bool (*reached)(struct local *local, const void *ctx), const void *ctx);
void local_await_count(struct local *local, unsigned connections);
void local_await_peer(struct local *local, const char *name, bool up);

/* Connects the socket; no byte is sent. */
void remote_connect(struct remote *remote, struct local *local, const char *name);
void remote_disconnect(struct remote *remote);

/* Sends all bytes, turning the loop while the socket is full. */
void remote_send(struct remote *remote, struct slice bytes);

/* The next packet, of the handshake or later. False: the other side has closed. */
bool remote_receive(struct remote *remote, struct slice *packet);
void remote_await_close(struct remote *remote);

/* Shakes hands with that cookie. False: the other side has closed. */
bool remote_shake_hands(struct remote *remote, const char *cookie);

/* connect and shake_hands, which must succeed. */
void remote_join(struct remote *remote, struct local *local, const char *name);

/* Appends the frame of a message {Pid, binary of size bytes that begins with number} to echo. */
void remote_write_echo(struct remote *remote, struct buf *out, uint32_t number, size_t size);

/* The next frame must be the answer of that number and size. */
void remote_expect_echo(struct remote *remote, uint32_t number, size_t size);

#endif
