/* Control messages of the distribution protocol (erts User's Guide, "Distribution Protocol", "Protocol
 * between Connected Nodes"), parsed and built by their OTP names. Knows no processes: pids, names and
 * references are terms.
 *
 * A frame's body is: 'p' (112), 131, control tuple, and for some 131, payload term.
 */
#ifndef WIRE_CONTROL_H
#define WIRE_CONTROL_H

#include "base/buf.h"
#include "base/slice.h"
#include "wire/pid.h"

#include <stdbool.h>
#include <stdint.h>

/* Values are the protocol's. */
enum control_op {
    CONTROL_LINK = 1,
    CONTROL_SEND = 2,
    CONTROL_EXIT = 3,
    CONTROL_UNLINK = 4, /* obsolete; ignored by whoever acts on it */
    CONTROL_REG_SEND = 6,
    CONTROL_GROUP_LEADER = 7,
    CONTROL_EXIT2 = 8,
    CONTROL_SEND_TT = 12,
    CONTROL_EXIT_TT = 13,
    CONTROL_REG_SEND_TT = 16,
    CONTROL_EXIT2_TT = 18,
    CONTROL_MONITOR_P = 19,
    CONTROL_DEMONITOR_P = 20,
    CONTROL_MONITOR_P_EXIT = 21,
    CONTROL_SEND_SENDER = 22,
    CONTROL_SEND_SENDER_TT = 23,
    CONTROL_PAYLOAD_EXIT = 24,
    CONTROL_PAYLOAD_EXIT_TT = 25,
    CONTROL_PAYLOAD_EXIT2 = 26,
    CONTROL_PAYLOAD_EXIT2_TT = 27,
    CONTROL_PAYLOAD_MONITOR_P_EXIT = 28,
    CONTROL_SPAWN_REQUEST = 29,
    CONTROL_SPAWN_REQUEST_TT = 30,
    CONTROL_SPAWN_REPLY = 31,
    CONTROL_SPAWN_REPLY_TT = 32,
    CONTROL_ALIAS_SEND = 33,
    CONTROL_ALIAS_SEND_TT = 34,
    CONTROL_UNLINK_ID = 35,
    CONTROL_UNLINK_ID_ACK = 36,
    CONTROL_ALTACT_SIG_SEND = 37,
};

/* What a SPAWN_REPLY says to be there already. */
enum control_spawn_flag { SPAWN_FLAG_LINK = 1, SPAWN_FLAG_MONITOR = 2 };

/* One message. Every slice is a validated term borrowed from the frame; empty where the operation has none.
 */
struct control {
    enum control_op op; /* the _TT and PAYLOAD_ forms are folded into the plain one: EXIT_TT, PAYLOAD_EXIT and
                           PAYLOAD_EXIT_TT give CONTROL_EXIT, SEND_TT gives CONTROL_SEND, and so on;
                           SEND_SENDER gives CONTROL_SEND with from set. ALTACT_SIG_SEND gives SEND, REG_SEND,
                           ALIAS_SEND or EXIT2. That it has priority is not told: it has for a receiver with a
                           priority alias only, and no process here can have one */
    struct slice from;  /* pid of the sender, watcher, exiting process or watched one (see the table in the
                           specification). In MONITOR_P_EXIT it may be a registered name (an atom) */
    struct slice to;  /* pid; REG_SEND: an atom; MONITOR_P, DEMONITOR_P: pid or atom; ALIAS_SEND: a reference;
                         EXIT2: pid, atom or reference */
    struct slice ref; /* MONITOR_P, DEMONITOR_P, MONITOR_P_EXIT: the monitor; SPAWN_*: the request id */
    struct slice unlink_id;    /* UNLINK_ID, UNLINK_ID_ACK: an integer 1..2^64-1 */
    struct slice message;      /* SEND, REG_SEND, ALIAS_SEND: the payload */
    struct slice reason;       /* EXIT, EXIT2, MONITOR_P_EXIT: the reason, wherever it stood */
    struct slice token;        /* of the _TT forms: the sender's seq_trace token; any term */
    struct slice group_leader; /* SPAWN_REQUEST, GROUP_LEADER (there: to = pid) */
    struct slice mfa;          /* SPAWN_REQUEST: {M, F, Arity} of atoms and an integer */
    struct slice options;      /* SPAWN_REQUEST: a proper list */
    struct slice arguments;    /* SPAWN_REQUEST: the payload, a list */
    struct slice result;       /* SPAWN_REPLY: pid or error atom; flags is in options as an integer term */
};

/* Validates and parses the body of one frame (after the length): the pass-through byte, both terms, the shape
 * and element types of the operation, that nothing follows. depth_max: as etf_check.
 * Errors: ERR_PROTOCOL (shape, unknown operation, trailing bytes, wrong first byte), those of etf_check. */
int control_parse(struct slice frame, uint32_t depth_max, struct control *control);

/* Builders. Each appends one whole frame to out, its length included, but control_*_begin, which leave the
 * frame open for the payload: its 131 is written, the caller appends one term and calls frame_end(out, mark)
 * with the mark returned. from, to, ref: terms (pid, name or reference as the operation wants). token: the
 * sender's seq_trace token, which makes it the _TT form; empty: none. */
size_t control_send_begin(struct buf *out, struct slice to, struct slice token); /* SEND */
size_t control_send_sender_begin(struct buf *out, struct slice from, struct slice to,
                                 struct slice token); /* SEND_SENDER */
size_t control_reg_send_begin(struct buf *out, struct slice from, struct slice name,
                              struct slice token); /* REG_SEND */
size_t control_alias_send_begin(struct buf *out, struct slice from, struct slice alias,
                                struct slice token); /* ALIAS_SEND */
/* The same as ALTACT_SIG_SEND, without priority: for a peer that announced ALTACT_SIG. */
size_t control_altact_send_begin(struct buf *out, struct slice from, struct slice alias, struct slice token);

void control_link(struct buf *out, struct slice from, struct slice to);
void control_unlink_id(struct buf *out, uint64_t id, struct slice from, struct slice to);
/* id: the integer term as it arrived. */
void control_unlink_id_ack(struct buf *out, struct slice id, struct slice from, struct slice to);

/* payload: true for the PAYLOAD_ form (the peer announced EXIT_PAYLOAD). reason: a term. */
void control_exit(struct buf *out, bool payload, struct slice from, struct slice to, struct slice token,
                  struct slice reason);
void control_exit2(struct buf *out, bool payload, struct slice from, struct slice to, struct slice reason);
void control_monitor_p_exit(struct buf *out, bool payload, struct slice watched, struct slice watcher,
                            struct slice ref, struct slice reason);

void control_monitor_p(struct buf *out, struct slice from, struct slice to, struct slice ref);
void control_demonitor_p(struct buf *out, struct slice from, struct slice to, struct slice ref);

/* SPAWN_REQUEST; leaves the frame open for the argument list. */
size_t control_spawn_request_begin(struct buf *out, struct slice id, struct slice from,
                                   struct slice group_leader, struct slice mfa, struct slice options);
/* flags: enum control_spawn_flag. result: pid or error atom. */
void control_spawn_reply(struct buf *out, struct slice id, struct slice to, unsigned flags,
                         struct slice result);

/* A tick: four zero bytes. */
void control_tick(struct buf *out);

#endif
