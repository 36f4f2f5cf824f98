/* The handshake's states in both roles. Knows packets and flags; not who may connect (the config's check_name
 * does), no sockets, no time. */
#include "wire/handshake.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/challenge.h"
#include "wire/etf.h"
#include "wire/node_name.h"

#include <assert.h>
#include <string.h>

/* DFLAG_MANDATORY_25_DIGEST stands for all of these. */
#define FLAGS_MANDATORY_25 (HANDSHAKE_FLAGS_REQUIRED | DFLAG_HANDSHAKE_23)

enum {
    OLD_VERSION = 5,          /* the version in every old send_name */
    ASSIGNED_ALIVE_SIZE = 16, /* characters before @ in a name that we assign */
    CREATION_MIN = 4,         /* smaller ones are of nodes that know only 2 bits of it */

    /* Sizes up to where the variable part starts. */
    SEND_NAME_HEAD = 1 + 8 + 4 + 2,     /* 'N', flags, creation, name's size */
    OLD_SEND_NAME_HEAD = 1 + 2 + 4,     /* 'n', version, low flags; the name is the rest */
    CHALLENGE_HEAD = 1 + 8 + 4 + 4 + 2, /* 'N', flags, challenge, creation, name's size */
    COMPLEMENT_SIZE = 1 + 4 + 4,        /* 'c', high flags, creation */
    REPLY_SIZE = 1 + 4 + CHALLENGE_DIGEST_SIZE,
    ACK_SIZE = 1 + CHALLENGE_DIGEST_SIZE,
};

/* Which packet comes next. */
enum state {
    AWAIT_SEND_NAME, /* acceptor, in this order */
    AWAIT_STATUS_REPLY,
    AWAIT_COMPLEMENT,
    AWAIT_CHALLENGE_REPLY,
    AWAIT_STATUS, /* connector, in this order */
    AWAIT_CHALLENGE,
    AWAIT_CHALLENGE_ACK,
    CLOSED /* done or failed */
};

struct handshake {
    struct handshake_config config; /* as given; what it points to is the caller's */
    struct handshake_peer peer;     /* grows while packets arrive */
    uint64_t flags;                 /* what we announce: config's, and NAME_ME to a peer that we name */
    uint32_t challenge;             /* the one that the peer has to answer */
    enum state state;               /* which packet comes next */
    bool old_name;                  /* send_name was an 'n': half of it comes in a complement */
};

static struct slice peer_node(const struct handshake *handshake)
{
    return slice_of_text(handshake->peer.node);
}

static void set_peer_node(struct handshake *handshake, struct slice name)
{
    assert(name.size < sizeof handshake->peer.node);
    memcpy(handshake->peer.node, name.data, name.size);
    handshake->peer.node[name.size] = '\0';
}

/* ---- packets out */

static size_t packet_begin(const struct handshake *handshake, struct buf *out, char tag)
{
    if (handshake->config.long_lengths)
        buf_append_u16(out, 0); /* more significant ones than any packet here needs */
    size_t mark = out->size;
    buf_append_u16(out, 0);
    buf_append_u8(out, (uint8_t)tag);
    return mark;
}

static void packet_end(struct buf *out, size_t mark)
{
    bytes_put_u16(out->data + mark, (uint16_t)(out->size - mark - 2));
}

static void append_name(struct buf *out, struct slice name)
{
    buf_append_u16(out, (uint16_t)name.size);
    buf_append_slice(out, name);
}

static void send_name(const struct handshake *handshake, struct buf *out)
{
    size_t mark = packet_begin(handshake, out, 'N');
    buf_append_u64(out, handshake->flags);
    buf_append_u32(out, handshake->config.creation);
    append_name(out, handshake->config.node);
    packet_end(out, mark);
}

static void send_status(const struct handshake *handshake, struct buf *out, const char *status)
{
    size_t mark = packet_begin(handshake, out, 's');
    buf_append_slice(out, slice_of_text(status));
    packet_end(out, mark);
}

static void send_status_named(const struct handshake *handshake, struct buf *out)
{
    size_t mark = packet_begin(handshake, out, 's');
    buf_append_slice(out, slice_of_text("named:"));
    append_name(out, peer_node(handshake));
    buf_append_u32(out, handshake->peer.creation);
    packet_end(out, mark);
}

/* After this the peer has to prove that it knows the cookie. */
static int send_challenge(struct handshake *handshake, struct buf *out)
{
    handshake->challenge = challenge_new();
    size_t mark = packet_begin(handshake, out, 'N');
    buf_append_u64(out, handshake->flags);
    buf_append_u32(out, handshake->challenge);
    buf_append_u32(out, handshake->config.creation);
    append_name(out, handshake->config.node);
    packet_end(out, mark);
    handshake->state = handshake->old_name ? AWAIT_COMPLEMENT : AWAIT_CHALLENGE_REPLY;
    return 0;
}

static void append_digest(const struct handshake *handshake, uint32_t challenge, struct buf *out)
{
    uint8_t digest[CHALLENGE_DIGEST_SIZE];
    challenge_digest(handshake->config.cookie, challenge, digest);
    buf_append(out, digest, sizeof digest);
}

static void send_challenge_reply(struct handshake *handshake, uint32_t their_challenge, struct buf *out)
{
    handshake->challenge = challenge_new();
    size_t mark = packet_begin(handshake, out, 'r');
    buf_append_u32(out, handshake->challenge);
    append_digest(handshake, their_challenge, out);
    packet_end(out, mark);
    handshake->state = AWAIT_CHALLENGE_ACK;
}

static void send_challenge_ack(const struct handshake *handshake, uint32_t their_challenge, struct buf *out)
{
    size_t mark = packet_begin(handshake, out, 'a');
    append_digest(handshake, their_challenge, out);
    packet_end(out, mark);
}

/* ---- what both roles do */

/* name: as the peer gave it. reason: a word for the log, the only place that tells what was wrong. */
static int refused(struct slice name, const char *reason)
{
    struct slice shown = node_name_ok(name) ? name : slice_of_text("?");
    log_write(LOG_WARN, "handshake", "refused", "peer=%.*s reason=%s", (int)shown.size,
              (const char *)shown.data, reason);
    return ERR_REFUSED;
}

static int refuse(const struct handshake *handshake, struct slice name, const char *reason, struct buf *out)
{
    send_status(handshake, out, "not_allowed");
    return refused(name, reason);
}

static bool is_packet(struct slice packet, char tag, size_t size_min)
{
    return packet.size >= size_min && packet.data[0] == (uint8_t)tag;
}

/* The name at the end of a packet whose fixed part has head bytes, the last two of them the name's size. */
static bool name_after(struct slice packet, size_t head, struct slice *name)
{
    size_t size = bytes_u16(packet.data + head - 2);
    if (size > packet.size - head)
        return false;
    *name = slice_of(packet.data + head, size);
    return true;
}

static uint64_t flags_expanded(uint64_t flags)
{
    return (flags & DFLAG_MANDATORY_25_DIGEST) != 0 ? flags | FLAGS_MANDATORY_25 : flags;
}

static bool flags_suffice(uint64_t flags)
{
    return (HANDSHAKE_FLAGS_REQUIRED & ~flags) == 0;
}

static int done(struct handshake *handshake)
{
    handshake->peer.flags &= handshake->flags;
    handshake->state = CLOSED;
    return 1;
}

/* ---- acceptor */

/* The peer has no name yet and leaves it to us: so many random letters that no two peers get the same. */
static void assign_name(struct handshake *handshake, struct slice host)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    uint8_t name[ASSIGNED_ALIVE_SIZE + 1 + ATOM_BYTES_MAX];
    challenge_random(name, ASSIGNED_ALIVE_SIZE);
    for (size_t i = 0; i < ASSIGNED_ALIVE_SIZE; i++)
        name[i] = (uint8_t)digits[name[i] % 36];
    name[ASSIGNED_ALIVE_SIZE] = '@';
    memcpy(name + ASSIGNED_ALIVE_SIZE + 1, host.data, host.size);
    set_peer_node(handshake, slice_of(name, ASSIGNED_ALIVE_SIZE + 1 + host.size));
    do
        challenge_random(&handshake->peer.creation, sizeof handshake->peer.creation);
    while (handshake->peer.creation < CREATION_MIN);
}

static int answer_nameless(struct handshake *handshake, struct slice host, struct buf *out)
{
    if (!node_host_ok(host) || host.size > ATOM_BYTES_MAX - ASSIGNED_ALIVE_SIZE - 1)
        return refuse(handshake, host, "host", out);
    assign_name(handshake, host);
    struct slice name = peer_node(handshake);
    if (!node_name_ok(name))
        return refuse(handshake, host, "host", out);
    if (handshake->config.check_name(handshake->config.ctx, name) != HANDSHAKE_OK)
        return refuse(handshake, name, "not_allowed", out);
    /* The peer takes its name only from a node that echoes the flag. */
    handshake->flags |= DFLAG_NAME_ME;
    send_status_named(handshake, out);
    return send_challenge(handshake, out);
}

static int answer_name(struct handshake *handshake, struct slice name, struct buf *out)
{
    if (!node_name_ok(name))
        return refuse(handshake, name, "name", out);
    if (slice_equal(name, handshake->config.node))
        return refuse(handshake, name, "our_own_name", out);
    set_peer_node(handshake, name);
    switch (handshake->config.check_name(handshake->config.ctx, peer_node(handshake))) {
    case HANDSHAKE_OK:
        send_status(handshake, out, "ok");
        return send_challenge(handshake, out);
    case HANDSHAKE_OK_SIMULTANEOUS:
        send_status(handshake, out, "ok_simultaneous");
        return send_challenge(handshake, out);
    case HANDSHAKE_ALIVE:
        send_status(handshake, out, "alive");
        handshake->state = AWAIT_STATUS_REPLY;
        return 0;
    case HANDSHAKE_NOK:
        send_status(handshake, out, "nok");
        return ERR_REFUSED;
    case HANDSHAKE_NOT_ALLOWED:
        break;
    }
    return refuse(handshake, name, "not_allowed", out);
}

static int on_send_name(struct handshake *handshake, struct slice packet, struct buf *out)
{
    struct slice name;
    if (!is_packet(packet, 'N', SEND_NAME_HEAD) || !name_after(packet, SEND_NAME_HEAD, &name))
        return ERR_PROTOCOL;
    handshake->peer.flags = flags_expanded(bytes_u64(packet.data + 1));
    handshake->peer.creation = bytes_u32(packet.data + 9);
    if (!flags_suffice(handshake->peer.flags))
        return refuse(handshake, name, "flags", out);
    if ((handshake->peer.flags & DFLAG_NAME_ME) != 0)
        return answer_nameless(handshake, name, out);
    return answer_name(handshake, name, out);
}

/* OTP 23 and 24 to a node of which they do not know yet that it speaks version 6: only the low flags and no
 * creation; they send the rest when they see our challenge. */
static int on_old_send_name(struct handshake *handshake, struct slice packet, struct buf *out)
{
    if (!is_packet(packet, 'n', OLD_SEND_NAME_HEAD) || bytes_u16(packet.data + 1) != OLD_VERSION)
        return ERR_PROTOCOL;
    struct slice name = slice_of(packet.data + OLD_SEND_NAME_HEAD, packet.size - OLD_SEND_NAME_HEAD);
    uint64_t flags = bytes_u32(packet.data + 3);
    handshake->peer.flags = flags_expanded(flags);
    handshake->old_name = true;
    if ((flags & DFLAG_HANDSHAKE_23) == 0 || !flags_suffice(handshake->peer.flags))
        return refuse(handshake, name, "flags", out);
    return answer_name(handshake, name, out);
}

static int on_status_reply(struct handshake *handshake, struct slice packet, struct buf *out)
{
    if (slice_equal(packet, slice_of_text("strue")))
        return send_challenge(handshake, out);
    if (slice_equal(packet, slice_of_text("sfalse")))
        return ERR_REFUSED;
    return ERR_PROTOCOL;
}

static int on_complement(struct handshake *handshake, struct slice packet)
{
    if (packet.size != COMPLEMENT_SIZE || packet.data[0] != 'c')
        return ERR_PROTOCOL;
    handshake->peer.flags |= (uint64_t)bytes_u32(packet.data + 1) << 32;
    handshake->peer.creation = bytes_u32(packet.data + 5);
    handshake->state = AWAIT_CHALLENGE_REPLY;
    return 0;
}

static int on_challenge_reply(struct handshake *handshake, struct slice packet, struct buf *out)
{
    if (packet.size != REPLY_SIZE || packet.data[0] != 'r')
        return ERR_PROTOCOL;
    if (!challenge_digest_is(handshake->config.cookie, handshake->challenge, packet.data + 5))
        return ERR_BAD_COOKIE;
    send_challenge_ack(handshake, bytes_u32(packet.data + 1), out);
    return done(handshake);
}

/* ---- connector */

static int on_status(struct handshake *handshake, struct slice packet, struct buf *out)
{
    bool alive = slice_equal(packet, slice_of_text("salive"));
    if (alive)
        send_status(handshake, out, "true"); /* whoever connects has no other connection that it knows of */
    if (alive || slice_equal(packet, slice_of_text("sok")) ||
        slice_equal(packet, slice_of_text("sok_simultaneous"))) {
        handshake->state = AWAIT_CHALLENGE;
        return 0;
    }
    if (slice_equal(packet, slice_of_text("snok")))
        return ERR_EXISTS;
    if (slice_equal(packet, slice_of_text("snot_allowed")))
        return refused(peer_node(handshake), "not_allowed_by_peer");
    return ERR_PROTOCOL;
}

static int on_challenge(struct handshake *handshake, struct slice packet, struct buf *out)
{
    struct slice name;
    if (!is_packet(packet, 'N', CHALLENGE_HEAD) || !name_after(packet, CHALLENGE_HEAD, &name))
        return ERR_PROTOCOL;
    if (!slice_equal(name, peer_node(handshake)))
        return refused(peer_node(handshake), "another_name");
    handshake->peer.flags = flags_expanded(bytes_u64(packet.data + 1));
    handshake->peer.creation = bytes_u32(packet.data + 13);
    if (!flags_suffice(handshake->peer.flags))
        return refused(name, "flags");
    send_challenge_reply(handshake, bytes_u32(packet.data + 9), out);
    return 0;
}

static int on_challenge_ack(struct handshake *handshake, struct slice packet)
{
    if (packet.size != ACK_SIZE || packet.data[0] != 'a')
        return ERR_PROTOCOL;
    if (!challenge_digest_is(handshake->config.cookie, handshake->challenge, packet.data + 1))
        return ERR_BAD_COOKIE;
    return done(handshake);
}

/* ---- the machine */

static struct handshake *handshake_new(const struct handshake_config *config, enum state state)
{
    assert(node_name_ok(config->node));
    struct handshake *handshake = mem_zalloc(sizeof *handshake);
    handshake->config = *config;
    handshake->flags = config->flags;
    handshake->state = state;
    return handshake;
}

struct handshake *handshake_accept_new(const struct handshake_config *config)
{
    assert(config->check_name != NULL);
    return handshake_new(config, AWAIT_SEND_NAME);
}

struct handshake *handshake_connect_new(const struct handshake_config *config, struct slice peer_name,
                                        struct buf *out)
{
    assert(node_name_ok(peer_name));
    struct handshake *handshake = handshake_new(config, AWAIT_STATUS);
    set_peer_node(handshake, peer_name);
    send_name(handshake, out);
    return handshake;
}

void handshake_free(struct handshake *handshake)
{
    mem_free(handshake);
}

static int packet_step(struct handshake *handshake, struct slice packet, struct buf *out)
{
    switch (handshake->state) {
    case AWAIT_SEND_NAME:
        return is_packet(packet, 'n', 1) ? on_old_send_name(handshake, packet, out)
                                         : on_send_name(handshake, packet, out);
    case AWAIT_STATUS_REPLY:
        return on_status_reply(handshake, packet, out);
    case AWAIT_COMPLEMENT:
        return on_complement(handshake, packet);
    case AWAIT_CHALLENGE_REPLY:
        return on_challenge_reply(handshake, packet, out);
    case AWAIT_STATUS:
        return on_status(handshake, packet, out);
    case AWAIT_CHALLENGE:
        return on_challenge(handshake, packet, out);
    case AWAIT_CHALLENGE_ACK:
        return on_challenge_ack(handshake, packet);
    case CLOSED:
        break;
    }
    return ERR_PROTOCOL;
}

int handshake_packet(struct handshake *handshake, struct slice packet, struct buf *out)
{
    int result = packet_step(handshake, packet, out);
    if (result < 0)
        handshake->state = CLOSED;
    return result;
}

const struct handshake_peer *handshake_peer(const struct handshake *handshake)
{
    return &handshake->peer;
}
