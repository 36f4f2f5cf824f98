/* The handshake, both roles against each other in memory, and against packets written by hand. Every packet
 * is given in a heap block of exactly its size. */
#include "wire/handshake.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "unit.h"
#include "wire/challenge.h"

#include <stdlib.h>
#include <string.h>

#define ACCEPTOR_NODE  "todo@localhost"
#define CONNECTOR_NODE "iex@localhost"
#define COOKIE         "OPENSESAME"
#define OTP_25         HANDSHAKE_FLAGS

enum { ACCEPTOR_CREATION = 0x01020304, CONNECTOR_CREATION = 0x0a0b0c0d };

/* What check_name is to answer and what it was asked. */
struct names {
    enum handshake_status answer; /* for every name */
    unsigned asked;               /* how often */
    char name[2000];              /* the last one */
};

/* An acceptor and a connector, and the packets on their way. */
struct duel {
    struct names names;          /* the acceptor's */
    struct handshake *acceptor;  /* of node todo */
    struct handshake *connector; /* of node iex */
    struct buf to_acceptor;      /* bytes sent and not delivered */
    struct buf to_connector;     /* likewise */
};

static enum handshake_status check_name(void *ctx, struct slice peer_node)
{
    struct names *names = ctx;
    names->asked++;
    assert_true(peer_node.size < sizeof names->name);
    memcpy(names->name, peer_node.data, peer_node.size);
    names->name[peer_node.size] = '\0';
    return names->answer;
}

static struct handshake *acceptor_new(struct names *names)
{
    const struct handshake_config config = {.node = slice_of_text(ACCEPTOR_NODE),
                                            .cookie = slice_of_text(COOKIE),
                                            .creation = ACCEPTOR_CREATION,
                                            .flags = HANDSHAKE_FLAGS,
                                            .check_name = check_name,
                                            .ctx = names};
    return handshake_accept_new(&config);
}

static struct handshake *connector_new(const char *cookie, uint64_t flags, struct buf *out)
{
    const struct handshake_config config = {.node = slice_of_text(CONNECTOR_NODE),
                                            .cookie = slice_of_text(cookie),
                                            .creation = CONNECTOR_CREATION,
                                            .flags = flags};
    return handshake_connect_new(&config, slice_of_text(ACCEPTOR_NODE), out);
}

static void duel_start(struct duel *duel, const char *connector_cookie, enum handshake_status answer)
{
    *duel = (struct duel){.names.answer = answer};
    duel->acceptor = acceptor_new(&duel->names);
    duel->connector = connector_new(connector_cookie, OTP_25, &duel->to_acceptor);
}

static void duel_end(struct duel *duel)
{
    handshake_free(duel->acceptor);
    handshake_free(duel->connector);
    buf_release(&duel->to_acceptor);
    buf_release(&duel->to_connector);
}

static int give(struct handshake *handshake, struct slice packet, struct buf *out)
{
    uint8_t *exact = mem_dup(packet.data, packet.size);
    int result = handshake_packet(handshake, slice_of(exact, packet.size), out);
    mem_free(exact);
    return result;
}

/* The first packet in bytes, whose length must be right. */
static struct slice first_packet(const struct buf *bytes)
{
    assert_true(bytes->size >= 2);
    size_t size = bytes_u16(bytes->data);
    assert_true(bytes->size >= 2 + size);
    return slice_of(bytes->data + 2, size);
}

static void assert_one_packet(const struct buf *bytes, const char *text)
{
    struct slice packet = first_packet(bytes);
    assert_int_equal(bytes->size, 2 + packet.size);
    assert_true(slice_equal(packet, slice_of_text(text)));
}

/* Which role gets the next packet; NULL when none is on its way. */
static struct handshake *duel_receiver(const struct duel *duel)
{
    return duel->to_acceptor.size > 0 ? duel->acceptor : duel->to_connector.size > 0 ? duel->connector : NULL;
}

static struct buf *duel_inbox(struct duel *duel)
{
    return duel->to_acceptor.size > 0 ? &duel->to_acceptor : &duel->to_connector;
}

static struct buf *duel_outbox(struct duel *duel)
{
    return duel->to_acceptor.size > 0 ? &duel->to_connector : &duel->to_acceptor;
}

/* Delivers the next packet. */
static int duel_step(struct duel *duel)
{
    struct buf *inbox = duel_inbox(duel);
    struct slice packet = first_packet(inbox);
    int result = give(duel_receiver(duel), packet, duel_outbox(duel));
    buf_consume(inbox, 2 + packet.size);
    return result;
}

/* Delivers count packets, none of which fails. */
static void duel_steps(struct duel *duel, unsigned count)
{
    while (count-- > 0)
        assert_true(duel_step(duel) >= 0);
}

static void assert_peer(const struct handshake *handshake, const char *node, uint32_t creation,
                        uint64_t flags)
{
    const struct handshake_peer *peer = handshake_peer(handshake);
    assert_string_equal(peer->node, node);
    assert_true(peer->creation == creation);
    assert_true(peer->flags == flags);
}

/* ---- packets by hand */

static void named_packet(struct buf *packet, char tag, uint64_t flags, uint32_t challenge, uint32_t creation,
                         struct slice name, bool is_challenge)
{
    buf_clear(packet);
    buf_append_u8(packet, (uint8_t)tag);
    buf_append_u64(packet, flags);
    if (is_challenge)
        buf_append_u32(packet, challenge);
    buf_append_u32(packet, creation);
    buf_append_u16(packet, (uint16_t)name.size);
    buf_append_slice(packet, name);
}

static void send_name_packet(struct buf *packet, uint64_t flags, struct slice name)
{
    named_packet(packet, 'N', flags, 0, CONNECTOR_CREATION, name, false);
}

static void challenge_packet(struct buf *packet, uint64_t flags, const char *name)
{
    named_packet(packet, 'N', flags, 4711, ACCEPTOR_CREATION, slice_of_text(name), true);
}

static void old_send_name_packet(struct buf *packet, uint16_t version, uint32_t flags, const char *name)
{
    buf_clear(packet);
    buf_append_u8(packet, 'n');
    buf_append_u16(packet, version);
    buf_append_u32(packet, flags);
    buf_append_slice(packet, slice_of_text(name));
}

static void complement_packet(struct buf *packet, uint64_t flags)
{
    buf_clear(packet);
    buf_append_u8(packet, 'c');
    buf_append_u32(packet, (uint32_t)(flags >> 32));
    buf_append_u32(packet, CONNECTOR_CREATION);
}

static void reply_packet(struct buf *packet, const char *cookie, uint32_t their_challenge)
{
    buf_clear(packet);
    buf_append_u8(packet, 'r');
    buf_append_u32(packet, 815);
    challenge_digest(slice_of_text(cookie), their_challenge, buf_extend(packet, CHALLENGE_DIGEST_SIZE));
}

/* The packet behind the first one: an acceptor's challenge behind its status. */
static struct slice second_packet(const struct buf *bytes)
{
    size_t first = 2 + first_packet(bytes).size;
    assert_true(bytes->size > first + 2);
    size_t size = bytes_u16(bytes->data + first);
    assert_int_equal(bytes->size, first + 2 + size);
    return slice_of(bytes->data + first + 2, size);
}

/* ---- both roles */

static void duel__same_cookie__both_know_each_other(void **state)
{
    struct duel duel;
    duel_start(&duel, COOKIE, HANDSHAKE_OK);
    duel_steps(&duel, 3); /* name, status, challenge */
    assert_int_equal(duel_step(&duel), 1);
    assert_int_equal(duel_step(&duel), 1);
    assert_null(duel_receiver(&duel));
    assert_peer(duel.acceptor, CONNECTOR_NODE, CONNECTOR_CREATION, HANDSHAKE_FLAGS);
    assert_peer(duel.connector, ACCEPTOR_NODE, ACCEPTOR_CREATION, HANDSHAKE_FLAGS);
    assert_int_equal(duel.names.asked, 1);
    assert_string_equal(duel.names.name, CONNECTOR_NODE);
    duel_end(&duel);
}

/* The next packet of bytes, which has a 4 byte length; consumed. */
static int give_long(struct handshake *handshake, struct buf *bytes, struct buf *out)
{
    assert_true(bytes->size >= 4);
    size_t size = bytes_u32(bytes->data);
    assert_true(bytes->size >= 4 + size);
    int result = give(handshake, slice_of(bytes->data + 4, size), out);
    buf_consume(bytes, 4 + size);
    return result;
}

static void duel__long_lengths__each_packet_has_one(void **state)
{
    struct names names = {.answer = HANDSHAKE_OK};
    struct handshake_config config = {.node = slice_of_text(ACCEPTOR_NODE),
                                      .cookie = slice_of_text(COOKIE),
                                      .creation = ACCEPTOR_CREATION,
                                      .flags = HANDSHAKE_FLAGS,
                                      .long_lengths = true,
                                      .check_name = check_name,
                                      .ctx = &names};
    struct buf to_acceptor = BUF_EMPTY, to_connector = BUF_EMPTY;
    struct handshake *acceptor = handshake_accept_new(&config);
    config.node = slice_of_text(CONNECTOR_NODE);
    struct handshake *connector = handshake_connect_new(&config, slice_of_text(ACCEPTOR_NODE), &to_acceptor);
    assert_int_equal(give_long(acceptor, &to_acceptor, &to_connector), 0);
    assert_int_equal(give_long(connector, &to_connector, &to_acceptor), 0); /* status */
    assert_int_equal(give_long(connector, &to_connector, &to_acceptor), 0); /* challenge */
    assert_int_equal(give_long(acceptor, &to_acceptor, &to_connector), 1);
    assert_int_equal(give_long(connector, &to_connector, &to_acceptor), 1);
    assert_int_equal(to_acceptor.size + to_connector.size, 0);
    handshake_free(acceptor);
    handshake_free(connector);
    buf_release(&to_acceptor);
    buf_release(&to_connector);
}

static void duel__simultaneous__goes_on(void **state)
{
    struct duel duel;
    duel_start(&duel, COOKIE, HANDSHAKE_OK_SIMULTANEOUS);
    duel_steps(&duel, 3);
    assert_int_equal(duel_step(&duel), 1);
    assert_int_equal(duel_step(&duel), 1);
    duel_end(&duel);
}

static void duel__alive__goes_on_after_true(void **state)
{
    struct duel duel;
    duel_start(&duel, COOKIE, HANDSHAKE_ALIVE);
    duel_steps(&duel, 1);
    assert_one_packet(&duel.to_connector, "salive");
    duel_steps(&duel, 1);
    assert_one_packet(&duel.to_acceptor, "strue");
    duel_steps(&duel, 2);
    assert_int_equal(duel_step(&duel), 1);
    assert_int_equal(duel_step(&duel), 1);
    assert_peer(duel.acceptor, CONNECTOR_NODE, CONNECTOR_CREATION, HANDSHAKE_FLAGS);
    duel_end(&duel);
}

static void duel__wrong_cookie__acceptor_says_nothing_more(void **state)
{
    struct duel duel;
    duel_start(&duel, COOKIE "x", HANDSHAKE_OK);
    duel_steps(&duel, 3);
    assert_int_equal(duel_step(&duel), ERR_BAD_COOKIE);
    assert_null(duel_receiver(&duel));
    duel_end(&duel);
}

static void duel__fewer_flags__both_keep_the_common_ones(void **state)
{
    struct duel duel = {.names.answer = HANDSHAKE_OK};
    uint64_t flags = HANDSHAKE_FLAGS & ~(DFLAG_ALIAS | DFLAG_DIST_MONITOR);
    duel.acceptor = acceptor_new(&duel.names);
    duel.connector = connector_new(COOKIE, flags | DFLAG_PUBLISHED, &duel.to_acceptor);
    duel_steps(&duel, 3);
    assert_int_equal(duel_step(&duel), 1);
    assert_int_equal(duel_step(&duel), 1);
    assert_peer(duel.acceptor, CONNECTOR_NODE, CONNECTOR_CREATION, flags);
    assert_peer(duel.connector, ACCEPTOR_NODE, ACCEPTOR_CREATION, flags);
    duel_end(&duel);
}

static void duel__challenges__are_never_the_same(void **state)
{
    uint8_t challenges[2][4];
    for (int i = 0; i < 2; i++) {
        struct duel duel;
        duel_start(&duel, COOKIE, HANDSHAKE_OK);
        duel_steps(&duel, 1);
        memcpy(challenges[i], second_packet(&duel.to_connector).data + 9, 4);
        duel_end(&duel);
    }
    assert_memory_not_equal(challenges[0], challenges[1], 4);
}

static void duel__cookie__is_never_sent(void **state)
{
    struct duel duel;
    duel_start(&duel, COOKIE, HANDSHAKE_ALIVE);
    while (duel_receiver(&duel) != NULL) {
        struct buf *inbox = duel_inbox(&duel);
        assert_null(memmem(inbox->data, inbox->size, COOKIE, strlen(COOKIE)));
        assert_true(duel_step(&duel) >= 0);
    }
    duel_end(&duel);
}

/* ---- every packet damaged */

/* Starts over, delivers the packets before the one at index, hands over that one cut to size or, beyond its
 * size, with a byte more. Returns the result. */
static int give_damaged(enum handshake_status answer, unsigned index, size_t size)
{
    struct duel duel;
    duel_start(&duel, COOKIE, answer);
    duel_steps(&duel, index);
    struct handshake *receiver = duel_receiver(&duel);
    struct slice packet = first_packet(duel_inbox(&duel));
    struct buf damaged = BUF_EMPTY;
    buf_append_slice(&damaged, packet);
    buf_append_u8(&damaged, 0);
    damaged.size = size;
    size_t sent_before = duel_outbox(&duel)->size;
    int result = give(receiver, buf_slice(&damaged), duel_outbox(&duel));
    if (result < 0) {
        assert_int_equal(give(receiver, packet, duel_outbox(&duel)), ERR_PROTOCOL); /* too late */
        assert_int_equal(duel_outbox(&duel)->size, sent_before);
    }
    buf_release(&damaged);
    duel_end(&duel);
    return result;
}

static size_t packet_size(enum handshake_status answer, unsigned index)
{
    struct duel duel;
    duel_start(&duel, COOKIE, answer);
    duel_steps(&duel, index);
    size_t size = first_packet(duel_inbox(&duel)).size;
    duel_end(&duel);
    return size;
}

static void packet__cut_anywhere_or_a_byte_longer__is_a_protocol_error(void **state)
{
    static const enum handshake_status answers[] = {HANDSHAKE_OK, HANDSHAKE_ALIVE};
    for (size_t i = 0; i < 2; i++) {
        unsigned packets = answers[i] == HANDSHAKE_OK ? 5 : 6;
        for (unsigned index = 0; index < packets; index++) {
            size_t size = packet_size(answers[i], index);
            for (size_t cut = 0; cut < size; cut++)
                assert_int_equal(give_damaged(answers[i], index, cut), ERR_PROTOCOL);
            /* What follows the name in send_name and send_challenge is for later versions: to be ignored. */
            bool named = index == 0 || index == packets - 3;
            assert_int_equal(give_damaged(answers[i], index, size + 1), named ? 0 : ERR_PROTOCOL);
        }
    }
}

static void packet__out_of_state__is_a_protocol_error(void **state)
{
    struct buf packets[6] = {BUF_EMPTY};
    send_name_packet(&packets[0], OTP_25, slice_of_text(CONNECTOR_NODE));
    buf_append(&packets[1], "sok", 3);
    buf_append(&packets[2], "strue", 5);
    challenge_packet(&packets[3], OTP_25, ACCEPTOR_NODE);
    complement_packet(&packets[4], OTP_25);
    reply_packet(&packets[5], COOKIE, 1);
    packets[5].data[0] = 'a'; /* of the size of a reply, with the tag of an ack */
    static const struct {
        enum handshake_status answer; /* of check_name */
        unsigned steps;               /* packets delivered before */
        int fits;                     /* index of the packet that may come; -1: none of these */
    } cases[] = {{HANDSHAKE_OK, 0, 0},    {HANDSHAKE_OK, 1, 1},  {HANDSHAKE_OK, 2, 3}, {HANDSHAKE_OK, 3, -1},
                 {HANDSHAKE_ALIVE, 2, 2}, {HANDSHAKE_OK, 4, -1}, {HANDSHAKE_OK, 5, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int p = 0; p < 6; p++) {
            struct duel duel;
            duel_start(&duel, COOKIE, cases[i].answer);
            for (unsigned step = 0; step < cases[i].steps; step++)
                assert_true(duel_step(&duel) >= 0);
            struct handshake *receiver = duel_receiver(&duel) != NULL ? duel_receiver(&duel) : duel.acceptor;
            int result = give(receiver, buf_slice(&packets[p]), duel_outbox(&duel));
            assert_int_equal(result, p == cases[i].fits ? 0 : ERR_PROTOCOL);
            duel_end(&duel);
        }
    }
    for (int p = 0; p < 6; p++)
        buf_release(&packets[p]);
}

/* ---- acceptor */

/* Gives one packet to a fresh acceptor. */
static int accept_one(struct names *names, struct slice packet, struct buf *out)
{
    struct handshake *acceptor = acceptor_new(names);
    int result = give(acceptor, packet, out);
    handshake_free(acceptor);
    return result;
}

static void assert_refused(struct slice packet)
{
    struct names names = {.answer = HANDSHAKE_OK};
    struct buf out = BUF_EMPTY;
    assert_int_equal(accept_one(&names, packet, &out), ERR_REFUSED);
    assert_one_packet(&out, "snot_allowed");
    assert_int_equal(names.asked, 0);
    buf_release(&out);
}

static void accept__each_status__is_said(void **state)
{
    static const struct {
        enum handshake_status answer; /* of check_name */
        const char *status;           /* what the peer hears */
        int result;                   /* of handshake_packet */
        bool challenged;              /* a challenge follows */
    } cases[] = {{HANDSHAKE_OK, "sok", 0, true},
                 {HANDSHAKE_OK_SIMULTANEOUS, "sok_simultaneous", 0, true},
                 {HANDSHAKE_ALIVE, "salive", 0, false},
                 {HANDSHAKE_NOK, "snok", ERR_REFUSED, false},
                 {HANDSHAKE_NOT_ALLOWED, "snot_allowed", ERR_REFUSED, false}};
    struct buf packet = BUF_EMPTY;
    send_name_packet(&packet, OTP_25, slice_of_text(CONNECTOR_NODE));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct names names = {.answer = cases[i].answer};
        struct buf out = BUF_EMPTY;
        assert_int_equal(accept_one(&names, buf_slice(&packet), &out), cases[i].result);
        assert_true(slice_equal(first_packet(&out), slice_of_text(cases[i].status)));
        assert_int_equal(out.size > 2 + first_packet(&out).size, cases[i].challenged);
        buf_release(&out);
    }
    buf_release(&packet);
}

static void accept__status_reply_false__is_refused(void **state)
{
    struct duel duel;
    duel_start(&duel, COOKIE, HANDSHAKE_ALIVE);
    duel_steps(&duel, 1);
    buf_clear(&duel.to_connector);
    assert_int_equal(give(duel.acceptor, slice_of_text("sfalse"), &duel.to_connector), ERR_REFUSED);
    assert_int_equal(duel.to_connector.size, 0);
    duel_end(&duel);
}

static void accept__challenge__has_the_documents_layout(void **state)
{
    struct names names = {.answer = HANDSHAKE_OK};
    struct buf packet = BUF_EMPTY, out = BUF_EMPTY;
    send_name_packet(&packet, OTP_25, slice_of_text(CONNECTOR_NODE));
    assert_int_equal(accept_one(&names, buf_slice(&packet), &out), 0);
    struct slice challenge = second_packet(&out);
    assert_int_equal(challenge.size, 19 + strlen(ACCEPTOR_NODE));
    assert_int_equal(challenge.data[0], 'N');
    assert_true(bytes_u64(challenge.data + 1) == HANDSHAKE_FLAGS);
    assert_int_equal(bytes_u32(challenge.data + 13), ACCEPTOR_CREATION);
    assert_int_equal(bytes_u16(challenge.data + 17), strlen(ACCEPTOR_NODE));
    assert_memory_equal(challenge.data + 19, ACCEPTOR_NODE, strlen(ACCEPTOR_NODE));
    buf_release(&packet);
    buf_release(&out);
}

static void accept__name_not_of_a_node__is_refused_unasked(void **state)
{
    static const char *const bad[] = {"",        "@",          "a@", "@b", "ab", "a@b@c", "a@b\nlevel=error",
                                      "a\xff@b", ACCEPTOR_NODE};
    struct buf packet = BUF_EMPTY;
    char text[70000];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        send_name_packet(&packet, OTP_25, slice_of_text(bad[i]));
        assert_refused(buf_slice(&packet));
    }
    memset(text, 'x', sizeof text);
    text[1] = '@';
    for (size_t size = 256; size <= UINT16_MAX; size = size * 2 - 1) {
        send_name_packet(&packet, OTP_25, slice_of(text, size));
        assert_refused(buf_slice(&packet));
    }
    send_name_packet(&packet, OTP_25, slice_of("a@b\0c", 5));
    assert_refused(buf_slice(&packet));
    buf_release(&packet);
}

static void accept__longest_name__passes(void **state)
{
    struct names names = {.answer = HANDSHAKE_OK};
    struct buf packet = BUF_EMPTY, out = BUF_EMPTY;
    char text[2 + 4 * 253] = "a@";
    for (size_t i = 0; i < 253; i++)
        memcpy(text + 2 + 4 * i, "\xf0\x9f\x98\x80", 4);
    send_name_packet(&packet, OTP_25, slice_of(text, sizeof text));
    struct handshake *acceptor = acceptor_new(&names);
    assert_int_equal(give(acceptor, buf_slice(&packet), &out), 0);
    assert_true(slice_equal(slice_of_text(handshake_peer(acceptor)->node), slice_of(text, sizeof text)));
    handshake_free(acceptor);
    buf_release(&packet);
    buf_release(&out);
}

static void accept__any_required_flag_missing__is_refused_unasked(void **state)
{
    struct buf packet = BUF_EMPTY;
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t flag = HANDSHAKE_FLAGS_REQUIRED & (1ULL << bit);
        if (flag == 0)
            continue;
        send_name_packet(&packet, OTP_25 & ~(flag | DFLAG_MANDATORY_25_DIGEST),
                         slice_of_text(CONNECTOR_NODE));
        assert_refused(buf_slice(&packet));
    }
    send_name_packet(&packet, 0, slice_of_text(CONNECTOR_NODE));
    assert_refused(buf_slice(&packet));
    buf_release(&packet);
}

static void accept__mandatory_25_digest_alone__stands_for_all_of_them(void **state)
{
    struct names names = {.answer = HANDSHAKE_OK};
    struct buf packet = BUF_EMPTY, out = BUF_EMPTY;
    struct handshake *acceptor = acceptor_new(&names);
    send_name_packet(&packet, DFLAG_MANDATORY_25_DIGEST | DFLAG_SPAWN, slice_of_text(CONNECTOR_NODE));
    assert_int_equal(give(acceptor, buf_slice(&packet), &out), 0);
    reply_packet(&packet, COOKIE, bytes_u32(second_packet(&out).data + 9));
    assert_int_equal(give(acceptor, buf_slice(&packet), &out), 1);
    assert_peer(acceptor, CONNECTOR_NODE, CONNECTOR_CREATION,
                HANDSHAKE_FLAGS_REQUIRED | DFLAG_HANDSHAKE_23 | DFLAG_MANDATORY_25_DIGEST | DFLAG_SPAWN);
    handshake_free(acceptor);
    buf_release(&packet);
    buf_release(&out);
}

/* ---- acceptor, peers of OTP 23 and 24 that send the old name */

#define OTP_24 (HANDSHAKE_FLAGS & ~DFLAG_MANDATORY_25_DIGEST)

static void accept_old__complement_and_right_digest__is_done(void **state)
{
    struct names names = {.answer = HANDSHAKE_OK};
    struct buf packet = BUF_EMPTY, out = BUF_EMPTY;
    struct handshake *acceptor = acceptor_new(&names);
    old_send_name_packet(&packet, 5, (uint32_t)OTP_24, CONNECTOR_NODE);
    assert_int_equal(give(acceptor, buf_slice(&packet), &out), 0);
    assert_true(slice_equal(first_packet(&out), slice_of_text("sok")));
    uint32_t challenge = bytes_u32(second_packet(&out).data + 9);
    complement_packet(&packet, OTP_24);
    assert_int_equal(give(acceptor, buf_slice(&packet), &out), 0);
    buf_clear(&out);
    reply_packet(&packet, COOKIE, challenge);
    assert_int_equal(give(acceptor, buf_slice(&packet), &out), 1);
    uint8_t ack[1 + CHALLENGE_DIGEST_SIZE] = {'a'};
    challenge_digest(slice_of_text(COOKIE), 815, ack + 1);
    assert_true(slice_equal(first_packet(&out), slice_of(ack, sizeof ack)));
    assert_peer(acceptor, CONNECTOR_NODE, CONNECTOR_CREATION, OTP_24);
    handshake_free(acceptor);
    buf_release(&packet);
    buf_release(&out);
}

/* What an acceptor that has had an old send_name says to a packet. */
static int after_old_send_name(struct slice second)
{
    struct names names = {.answer = HANDSHAKE_OK};
    struct buf packet = BUF_EMPTY, out = BUF_EMPTY;
    struct handshake *acceptor = acceptor_new(&names);
    old_send_name_packet(&packet, 5, (uint32_t)OTP_24, CONNECTOR_NODE);
    assert_int_equal(give(acceptor, buf_slice(&packet), &out), 0);
    int result = give(acceptor, second, &out);
    handshake_free(acceptor);
    buf_release(&packet);
    buf_release(&out);
    return result;
}

static void accept_old__no_or_damaged_complement__is_a_protocol_error(void **state)
{
    struct buf packet = BUF_EMPTY;
    complement_packet(&packet, OTP_24);
    for (size_t size = 0; size < packet.size; size++)
        assert_int_equal(after_old_send_name(slice_of(packet.data, size)), ERR_PROTOCOL);
    buf_append_u8(&packet, 0);
    assert_int_equal(after_old_send_name(buf_slice(&packet)), ERR_PROTOCOL);
    reply_packet(&packet, COOKIE, 1);
    assert_int_equal(after_old_send_name(buf_slice(&packet)), ERR_PROTOCOL);
    buf_release(&packet);
}

static void accept_old__without_handshake_23_or_a_flag__is_refused(void **state)
{
    struct buf packet = BUF_EMPTY;
    old_send_name_packet(&packet, 5, (uint32_t)(OTP_24 & ~DFLAG_HANDSHAKE_23), CONNECTOR_NODE);
    assert_refused(buf_slice(&packet));
    old_send_name_packet(&packet, 5, (uint32_t)(OTP_24 & ~DFLAG_BIG_CREATION), CONNECTOR_NODE);
    assert_refused(buf_slice(&packet));
    old_send_name_packet(&packet, 5, (uint32_t)OTP_24, "nohost");
    assert_refused(buf_slice(&packet));
    buf_release(&packet);
}

static void accept_old__other_version_or_cut__is_a_protocol_error(void **state)
{
    struct names names = {.answer = HANDSHAKE_OK};
    struct buf packet = BUF_EMPTY, out = BUF_EMPTY;
    old_send_name_packet(&packet, 6, (uint32_t)OTP_24, CONNECTOR_NODE);
    assert_int_equal(accept_one(&names, buf_slice(&packet), &out), ERR_PROTOCOL);
    old_send_name_packet(&packet, 5, (uint32_t)OTP_24, CONNECTOR_NODE);
    for (size_t size = 0; size < 7; size++)
        assert_int_equal(accept_one(&names, slice_of(packet.data, size), &out), ERR_PROTOCOL);
    assert_int_equal(out.size, 0);
    assert_int_equal(names.asked, 0);
    buf_release(&packet);
    buf_release(&out);
}

/* ---- acceptor, peers that ask for a name */

static void accept_nameless__host__gets_a_name_and_a_creation(void **state)
{
    struct names names = {.answer = HANDSHAKE_OK};
    struct buf packet = BUF_EMPTY, out = BUF_EMPTY;
    struct handshake *acceptor = acceptor_new(&names);
    send_name_packet(&packet, OTP_25 | DFLAG_NAME_ME, slice_of_text("localhost"));
    assert_int_equal(give(acceptor, buf_slice(&packet), &out), 0);
    struct slice status = first_packet(&out);
    size_t name_size = 16 + strlen("@localhost");
    assert_int_equal(status.size, 1 + 6 + 2 + name_size + 4);
    assert_memory_equal(status.data, "snamed:", 7);
    assert_int_equal(bytes_u16(status.data + 7), name_size);
    assert_int_equal(strspn((const char *)status.data + 9, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 16);
    assert_memory_equal(status.data + 9 + 16, "@localhost", strlen("@localhost"));
    uint32_t creation = bytes_u32(status.data + 9 + name_size);
    assert_true(creation >= 4);
    struct slice challenge = second_packet(&out);
    assert_true(bytes_u64(challenge.data + 1) == (HANDSHAKE_FLAGS | DFLAG_NAME_ME));
    assert_memory_equal(names.name, status.data + 9, name_size);
    reply_packet(&packet, COOKIE, bytes_u32(challenge.data + 9));
    assert_int_equal(give(acceptor, buf_slice(&packet), &out), 1);
    assert_peer(acceptor, names.name, creation, HANDSHAKE_FLAGS | DFLAG_NAME_ME);
    handshake_free(acceptor);
    buf_release(&packet);
    buf_release(&out);
}

static void accept_nameless__no_host__is_refused_unasked(void **state)
{
    struct buf packet = BUF_EMPTY;
    char text[2000];
    memset(text, 'x', sizeof text);
    for (size_t size = 239; size <= sizeof text; size++) { /* 16 characters and @ have to fit as well */
        send_name_packet(&packet, OTP_25 | DFLAG_NAME_ME, slice_of(text, size));
        assert_refused(buf_slice(&packet));
    }
    send_name_packet(&packet, OTP_25 | DFLAG_NAME_ME, slice_of_text("a@b"));
    assert_refused(buf_slice(&packet));
    send_name_packet(&packet, OTP_25 | DFLAG_NAME_ME, slice_of_text(""));
    assert_refused(buf_slice(&packet));
    buf_release(&packet);
}

static void accept_nameless__not_wanted__is_refused(void **state)
{
    static const enum handshake_status answers[] = {HANDSHAKE_NOT_ALLOWED, HANDSHAKE_ALIVE, HANDSHAKE_NOK};
    struct buf packet = BUF_EMPTY;
    send_name_packet(&packet, OTP_25 | DFLAG_NAME_ME, slice_of_text("localhost"));
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct names names = {.answer = answers[i]};
        struct buf out = BUF_EMPTY;
        assert_int_equal(accept_one(&names, buf_slice(&packet), &out), ERR_REFUSED);
        assert_one_packet(&out, "snot_allowed");
        assert_int_equal(names.asked, 1);
        buf_release(&out);
    }
    buf_release(&packet);
}

/* ---- connector */

static void connect__send_name__has_the_documents_layout(void **state)
{
    struct buf out = BUF_EMPTY, expected = BUF_EMPTY;
    struct handshake *connector = connector_new(COOKIE, OTP_25, &out);
    send_name_packet(&expected, OTP_25, slice_of_text(CONNECTOR_NODE));
    assert_int_equal(out.size, 2 + expected.size);
    assert_true(slice_equal(first_packet(&out), buf_slice(&expected)));
    handshake_free(connector);
    buf_release(&out);
    buf_release(&expected);
}

static void connect__status_that_ends_it__is_an_error(void **state)
{
    static const struct {
        const char *status; /* what the acceptor says */
        int result;         /* of handshake_packet */
    } cases[] = {{"snok", ERR_EXISTS},      {"snot_allowed", ERR_REFUSED},
                 {"s", ERR_PROTOCOL},       {"sOK", ERR_PROTOCOL},
                 {"sokay", ERR_PROTOCOL},   {"strue", ERR_PROTOCOL},
                 {"xok", ERR_PROTOCOL},     {"", ERR_PROTOCOL},
                 {"snamed:", ERR_PROTOCOL}, {"sok ", ERR_PROTOCOL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_EMPTY;
        struct handshake *connector = connector_new(COOKIE, OTP_25, &out);
        buf_clear(&out);
        assert_int_equal(give(connector, slice_of_text(cases[i].status), &out), cases[i].result);
        assert_int_equal(give(connector, slice_of_text("sok"), &out), ERR_PROTOCOL);
        assert_int_equal(out.size, 0);
        handshake_free(connector);
        buf_release(&out);
    }
}

/* What a connector says to a challenge of that name and flags. */
static int connect_challenged(uint64_t flags, const char *name)
{
    struct buf packet = BUF_EMPTY, out = BUF_EMPTY;
    struct handshake *connector = connector_new(COOKIE, OTP_25, &out);
    assert_int_equal(give(connector, slice_of_text("sok"), &out), 0);
    buf_clear(&out);
    challenge_packet(&packet, flags, name);
    int result = give(connector, buf_slice(&packet), &out);
    assert_int_equal(out.size > 0, result == 0);
    handshake_free(connector);
    buf_release(&packet);
    buf_release(&out);
    return result;
}

static void connect__challenge_of_another_node__is_refused(void **state)
{
    assert_int_equal(connect_challenged(OTP_25, ACCEPTOR_NODE), 0);
    assert_int_equal(connect_challenged(OTP_25, "todo@localhos"), ERR_REFUSED);
    assert_int_equal(connect_challenged(OTP_25, "todo@localhost2"), ERR_REFUSED);
    assert_int_equal(connect_challenged(OTP_25, CONNECTOR_NODE), ERR_REFUSED);
    assert_int_equal(connect_challenged(OTP_25, ""), ERR_REFUSED);
}

static void connect__challenge_without_a_required_flag__is_refused(void **state)
{
    assert_int_equal(connect_challenged(DFLAG_MANDATORY_25_DIGEST, ACCEPTOR_NODE), 0);
    assert_int_equal(connect_challenged(OTP_24 & ~DFLAG_MAP_TAG, ACCEPTOR_NODE), ERR_REFUSED);
    assert_int_equal(connect_challenged(0, ACCEPTOR_NODE), ERR_REFUSED);
}

static void connect__reply__answers_the_challenge(void **state)
{
    struct buf packet = BUF_EMPTY, out = BUF_EMPTY;
    uint8_t digest[CHALLENGE_DIGEST_SIZE];
    struct handshake *connector = connector_new(COOKIE, OTP_25, &out);
    assert_int_equal(give(connector, slice_of_text("sok"), &out), 0);
    buf_clear(&out);
    challenge_packet(&packet, OTP_25, ACCEPTOR_NODE);
    assert_int_equal(give(connector, buf_slice(&packet), &out), 0);
    struct slice reply = first_packet(&out);
    challenge_digest(slice_of_text(COOKIE), 4711, digest);
    assert_int_equal(reply.size, 21);
    assert_int_equal(reply.data[0], 'r');
    assert_memory_equal(reply.data + 5, digest, sizeof digest);
    buf_clear(&packet);
    buf_append_u8(&packet, 'a');
    challenge_digest(slice_of_text("another"), bytes_u32(reply.data + 1), buf_extend(&packet, sizeof digest));
    assert_int_equal(give(connector, buf_slice(&packet), &out), ERR_BAD_COOKIE);
    handshake_free(connector);
    buf_release(&packet);
    buf_release(&out);
}

static int quiet(void **state)
{
    log_set_level(LOG_NONE);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duel__same_cookie__both_know_each_other),
        cmocka_unit_test(duel__long_lengths__each_packet_has_one),
        cmocka_unit_test(duel__simultaneous__goes_on),
        cmocka_unit_test(duel__alive__goes_on_after_true),
        cmocka_unit_test(duel__wrong_cookie__acceptor_says_nothing_more),
        cmocka_unit_test(duel__fewer_flags__both_keep_the_common_ones),
        cmocka_unit_test(duel__challenges__are_never_the_same),
        cmocka_unit_test(duel__cookie__is_never_sent),
        cmocka_unit_test(packet__cut_anywhere_or_a_byte_longer__is_a_protocol_error),
        cmocka_unit_test(packet__out_of_state__is_a_protocol_error),
        cmocka_unit_test(accept__each_status__is_said),
        cmocka_unit_test(accept__status_reply_false__is_refused),
        cmocka_unit_test(accept__challenge__has_the_documents_layout),
        cmocka_unit_test(accept__name_not_of_a_node__is_refused_unasked),
        cmocka_unit_test(accept__longest_name__passes),
        cmocka_unit_test(accept__any_required_flag_missing__is_refused_unasked),
        cmocka_unit_test(accept__mandatory_25_digest_alone__stands_for_all_of_them),
        cmocka_unit_test(accept_old__complement_and_right_digest__is_done),
        cmocka_unit_test(accept_old__no_or_damaged_complement__is_a_protocol_error),
        cmocka_unit_test(accept_old__without_handshake_23_or_a_flag__is_refused),
        cmocka_unit_test(accept_old__other_version_or_cut__is_a_protocol_error),
        cmocka_unit_test(accept_nameless__host__gets_a_name_and_a_creation),
        cmocka_unit_test(accept_nameless__no_host__is_refused_unasked),
        cmocka_unit_test(accept_nameless__not_wanted__is_refused),
        cmocka_unit_test(connect__send_name__has_the_documents_layout),
        cmocka_unit_test(connect__status_that_ends_it__is_an_error),
        cmocka_unit_test(connect__challenge_of_another_node__is_refused),
        cmocka_unit_test(connect__challenge_without_a_required_flag__is_refused),
        cmocka_unit_test(connect__reply__answers_the_challenge),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
