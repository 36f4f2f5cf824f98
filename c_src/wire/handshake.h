/* The distribution handshake, version 6 (erts User's Guide, "Distribution Handshake"), as a state machine in
 * both roles: packets in (frame.h), bytes out. No sockets, no clock. Inside TLS the packets have 4 byte
 * lengths from the start (inet_tls_dist gives its sockets {packet, 4}), else 2 byte ones.
 *
 *   acceptor                                connector
 *     <- send_name ('N' 64 bit flags; 'n' from a peer older than OTP 23 is answered as the document says)
 *     -> send_status 's'                      ok | ok_simultaneous | nok | not_allowed | alive
 *     <- status reply (after alive)           true | false
 *     -> send_challenge 'N'
 *     <- send_complement 'c' (only where the document asks for it), send_challenge_reply 'r'
 *     -> send_challenge_ack 'a'
 *
 * The digest is MD5(cookie, challenge as decimal text). Challenges are random numbers of the system; digests
 * are compared in constant time. A peer that lacks a mandatory flag, has no name of the form alive@host, or
 * names itself as we are named, is refused.
 */
#ifndef WIRE_HANDSHAKE_H
#define WIRE_HANDSHAKE_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DFLAG_PUBLISHED           0x1ULL
#define DFLAG_EXTENDED_REFERENCES 0x4ULL
#define DFLAG_DIST_MONITOR        0x8ULL
#define DFLAG_FUN_TAGS            0x10ULL
#define DFLAG_DIST_MONITOR_NAME   0x20ULL
#define DFLAG_NEW_FUN_TAGS        0x80ULL
#define DFLAG_EXTENDED_PIDS_PORTS 0x100ULL
#define DFLAG_EXPORT_PTR_TAG      0x200ULL
#define DFLAG_BIT_BINARIES        0x400ULL
#define DFLAG_NEW_FLOATS          0x800ULL
#define DFLAG_UNICODE_IO          0x1000ULL
#define DFLAG_SMALL_ATOM_TAGS     0x4000ULL
#define DFLAG_UTF8_ATOMS          0x10000ULL
#define DFLAG_MAP_TAG             0x20000ULL
#define DFLAG_BIG_CREATION        0x40000ULL
#define DFLAG_SEND_SENDER         0x80000ULL
#define DFLAG_BIG_SEQTRACE_LABELS 0x100000ULL
#define DFLAG_EXIT_PAYLOAD        0x400000ULL
#define DFLAG_HANDSHAKE_23        0x1000000ULL
#define DFLAG_UNLINK_ID           0x2000000ULL
#define DFLAG_MANDATORY_25_DIGEST 0x4000000ULL
#define DFLAG_SPAWN               (1ULL << 32)
#define DFLAG_NAME_ME             (2ULL << 32)
#define DFLAG_V4_NC               (4ULL << 32)
#define DFLAG_ALIAS               (8ULL << 32)
#define DFLAG_ALTACT_SIG          (0x20ULL << 32) /* from OTP 28 on; is to replace ALIAS in OTP 30 */

/* What we announce. */
#define HANDSHAKE_FLAGS                                                                                      \
    (DFLAG_EXTENDED_REFERENCES | DFLAG_DIST_MONITOR | DFLAG_FUN_TAGS | DFLAG_DIST_MONITOR_NAME |             \
     DFLAG_NEW_FUN_TAGS | DFLAG_EXTENDED_PIDS_PORTS | DFLAG_EXPORT_PTR_TAG | DFLAG_BIT_BINARIES |            \
     DFLAG_NEW_FLOATS | DFLAG_UNICODE_IO | DFLAG_SMALL_ATOM_TAGS | DFLAG_UTF8_ATOMS | DFLAG_MAP_TAG |        \
     DFLAG_BIG_CREATION | DFLAG_SEND_SENDER | DFLAG_BIG_SEQTRACE_LABELS | DFLAG_EXIT_PAYLOAD |               \
     DFLAG_HANDSHAKE_23 | DFLAG_UNLINK_ID | DFLAG_MANDATORY_25_DIGEST | DFLAG_SPAWN | DFLAG_V4_NC |          \
     DFLAG_ALIAS | DFLAG_ALTACT_SIG)

/* What a peer must announce, or it is refused. */
#define HANDSHAKE_FLAGS_REQUIRED                                                                             \
    (DFLAG_EXTENDED_REFERENCES | DFLAG_FUN_TAGS | DFLAG_NEW_FUN_TAGS | DFLAG_EXTENDED_PIDS_PORTS |           \
     DFLAG_EXPORT_PTR_TAG | DFLAG_BIT_BINARIES | DFLAG_NEW_FLOATS | DFLAG_UTF8_ATOMS | DFLAG_MAP_TAG |       \
     DFLAG_BIG_CREATION)

/* The acceptor's answer to a name. */
enum handshake_status {
    HANDSHAKE_OK,
    HANDSHAKE_OK_SIMULTANEOUS, /* we are connecting to it as well, and its name is the greater */
    HANDSHAKE_NOK, /* we are connecting to it as well, and ours is the greater: it shall give up */
    HANDSHAKE_NOT_ALLOWED,
    HANDSHAKE_ALIVE /* that name is connected already: it shall say whether to go on */
};

struct handshake_config {
    struct slice node;   /* our full name (node_name_ok); borrowed for the handshake's life */
    struct slice cookie; /* borrowed likewise */
    uint32_t creation;   /* ours */
    uint64_t flags;      /* HANDSHAKE_FLAGS, or fewer in a test */
    bool long_lengths;   /* of packets appended: 4 bytes, not 2 */
    /* Acceptor only: decides about a peer's name, before anything is said to it. */
    enum handshake_status (*check_name)(void *ctx, struct slice peer_node);
    void *ctx;
};

/* What is known of the peer once the handshake is done. */
struct handshake_peer {
    char node[256 * 4 + 1]; /* full name, UTF-8, NUL-terminated */
    uint64_t flags;         /* what both sides announced (the peer's AND ours) */
    uint32_t creation;      /* the peer's */
};

struct handshake; /* one attempt */

/* Acceptor: waits for send_name. */
struct handshake *handshake_accept_new(const struct handshake_config *config);

/* Connector: appends send_name to out at once. peer_node: the other side's full name (node_name_ok), borrowed
 * until return. */
struct handshake *handshake_connect_new(const struct handshake_config *config, struct slice peer_node,
                                        struct buf *out);
void handshake_free(struct handshake *handshake);

/* Takes one packet (without its length), appends what is to be sent (with lengths) to out.
 * 1: done: what was appended is sent and the connection switches to 4 byte lengths; see handshake_peer.
 * 0: more packets are needed.
 * Errors: ERR_PROTOCOL (malformed or out of state), ERR_REFUSED (name, flags, status not_allowed, alive
 * answered by false; acceptor: nok was sent), ERR_EXISTS (status nok: the other side is connecting to us),
 * ERR_BAD_COOKIE. The connection is closed after out has been sent; the handshake takes no more packets. */
int handshake_packet(struct handshake *handshake, struct slice packet, struct buf *out);

/* Precondition: handshake_packet returned 1. Borrowed until handshake_free. */
const struct handshake_peer *handshake_peer(const struct handshake *handshake);

#endif
