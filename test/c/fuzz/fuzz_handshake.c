/* The handshake in both roles, with challenges that never change (fixed_challenge.c). The input: a byte for
 * the role and what the acceptor says to the name, then packets, each behind its size of 1 byte. */
#include "fuzz.h"

#include "base/error.h"
#include "wire/frame.h"
#include "wire/handshake.h"
#include "wire/node_name.h"

static enum handshake_status check_name(void *ctx, struct slice peer)
{
    FUZZ_CHECK(node_name_ok(peer));
    return *(enum handshake_status *)ctx;
}

/* What we say are whole packets, each with a tag. */
static void check_output(const struct buf *out)
{
    struct frame_reader reader;
    struct slice packet;
    frame_reader_init(&reader, 2, UINT16_MAX);
    frame_feed(&reader, buf_slice(out));
    while (frame_next(&reader, &packet) == 1)
        FUZZ_CHECK(packet.size > 0 && memchr("Nsrac", packet.data[0], 5) != NULL);
    FUZZ_CHECK(reader.partial.size == 0);
    frame_reader_release(&reader);
}

static void check_peer(const struct handshake_peer *peer)
{
    FUZZ_CHECK(node_name_ok(slice_of_text(peer->node)));
    FUZZ_CHECK(strcmp(peer->node, "us@host") != 0);
    FUZZ_CHECK((peer->flags & ~(HANDSHAKE_FLAGS | DFLAG_NAME_ME)) == 0);
    FUZZ_CHECK((peer->flags & HANDSHAKE_FLAGS_REQUIRED) == HANDSHAKE_FLAGS_REQUIRED);
}

static void run(struct handshake *handshake, struct slice input, struct buf *out)
{
    int status = 0;
    while (status == 0 && input.size > 0) {
        uint8_t size = fuzz_take_u8(&input);
        struct slice packet = fuzz_copy(fuzz_take(&input, size));
        status = handshake_packet(handshake, packet, out);
        if (status == 1)
            check_peer(handshake_peer(handshake));
        fuzz_free(packet);
    }
    FUZZ_CHECK(status == 0 || status == 1 || status == ERR_PROTOCOL || status == ERR_REFUSED ||
               status == ERR_EXISTS || status == ERR_BAD_COOKIE);
    struct buf more = BUF_EMPTY;
    if (status != 0)
        FUZZ_CHECK(handshake_packet(handshake, slice_of_text("sok"), &more) == ERR_PROTOCOL);
    FUZZ_CHECK(more.size == 0);
    buf_release(&more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    struct buf out = BUF_EMPTY;
    uint8_t choice = fuzz_take_u8(&input);
    enum handshake_status answer = (enum handshake_status)((choice >> 1) % (HANDSHAKE_ALIVE + 1));
    const struct handshake_config config = {.node = slice_of_text("us@host"),
                                            .cookie = slice_of_text("cookie"),
                                            .creation = 5,
                                            .flags = HANDSHAKE_FLAGS,
                                            .check_name = check_name,
                                            .ctx = &answer};
    struct handshake *handshake = (choice & 1) != 0
                                      ? handshake_connect_new(&config, slice_of_text("a@host"), &out)
                                      : handshake_accept_new(&config);
    run(handshake, input, &out);
    check_output(&out);
    handshake_free(handshake);
    buf_release(&out);
    return 0;
}
