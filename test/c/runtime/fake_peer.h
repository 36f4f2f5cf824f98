/* A node under test without sockets: peers whose frames a test writes and reads as text (fake_text.h), and
 * probes, processes that record every message.
 *
 * The node is us@host; its n-th process has the pid <0.n.0>, its n-th reference is #0.n. The peers a@host and
 * b@host are connected and know what FAKE_FLAGS announces; z@host is not connected.
 */
#ifndef TEST_C_RUNTIME_FAKE_PEER_H
#define TEST_C_RUNTIME_FAKE_PEER_H

#include "unit.h"

#include "runtime/fake_text.h"
#include "runtime/node.h"
#include "runtime/peer.h"
#include "runtime/process.h"
#include "wire/frame.h"

#include <uv.h>

enum { FAKE_PROBES_MAX = 16 };

/* Everything that OTP 24 to 27 know. */
#define FAKE_FLAGS (HANDSHAKE_FLAGS & ~DFLAG_ALTACT_SIG)

struct fake_peer {
    struct peer *peer;          /* NULL: not connected */
    struct frame_reader reader; /* of what we sent to it */
    struct buf bytes;           /* taken from peer->out, not read yet */
    unsigned wakes;             /* calls of wake */
    unsigned closes;            /* calls of close */
};

struct fake;

/* What a probe does with a message besides recording it. */
typedef enum receive (*fake_hook)(struct fake *f, struct process *self, struct slice message);

struct fake_probe {
    process_id id;       /* may have ended */
    struct buf messages; /* received since fake_expect, as text */
    fake_hook hook;      /* NULL: takes every message */
};

struct fake {
    uv_loop_t loop;
    struct node node;
    struct fake_peer a, b;
    struct fake_probe probes[FAKE_PROBES_MAX]; /* from 1, in the order they were made */
    unsigned probe_count;
    struct buf events; /* "<0.1.0>:reason" of each probe that ended, and what the test adds, as text */
    unsigned custom;   /* free for the test */
};

int fake_set_up(void **state);
int fake_tear_down(void **state);
#define FAKE_TEST(function) cmocka_unit_test_setup_teardown(function, fake_set_up, fake_tear_down)

/* Runs the node until it is idle. */
void fake_run(struct fake *f);

/* A new probe; its number is f->probe_count. */
struct process *fake_probe(struct fake *f);
struct process *fake_probe_hooked(struct fake *f, fake_hook hook);
/* NULL: it has ended. */
struct process *fake_process(struct fake *f, unsigned probe);

/* The text is the expected one, in which % stands for a number that no test can know; empties it. This holds
 * for all texts expected below. */
void fake_expect_text(struct buf *text, const char *expected);

/* Messages of the probe, or events, since the last look; the node runs first. Separated by spaces. */
void fake_expect(struct fake *f, unsigned probe, const char *messages);
void fake_expect_events(struct fake *f, const char *events);

/* Adds "what:term" to the events; "what" if term is empty. */
void fake_event(struct fake *f, const char *what, struct slice term);

/* Delivers, posts, or exits with, a term given as text. */
void fake_deliver(struct process *process, const char *message);
void fake_post(struct process *process, const char *message);
void fake_exit(struct process *process, const char *reason);

/* Sends a message from a process (or nobody: NULL) to a pid, as a process does it. */
void fake_send(struct fake *f, struct process *from, const char *to, const char *message);

/* A pid or reference of text, as numbers; the node's atom stands in *memory, which the caller releases. */
struct pid fake_pid(struct buf *memory, const char *text);
struct ref fake_ref(struct buf *memory, const char *text);

/* Connects the node of that letter with these flags; its release is known, as ours. */
void fake_up(struct fake *f, struct fake_peer *peer, char letter, uint64_t flags);
void fake_down(struct fake_peer *peer);

/* A frame from the peer: a control tuple, and a payload or NULL; returns what peer_frame returns. */
int fake_in_status(struct fake_peer *peer, const char *control, const char *payload);
/* The same, and it must be accepted. */
void fake_in(struct fake_peer *peer, const char *control, const char *payload);

/* These frames, and no others, were sent to the peer since the last look; the node runs first. "Control" or
 * "Control Payload", separated by "; ". */
void fake_expect_out(struct fake *f, struct fake_peer *peer, const char *frames);

#endif
