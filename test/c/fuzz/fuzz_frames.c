/* Framing: however a stream is cut into pieces, the same packets come out of it. The input: a byte for the
 * length's size and the limit, a byte that says how many pieces' sizes follow, these, the stream. */
#include "fuzz.h"

#include "base/error.h"
#include "wire/frame.h"

enum { PIECES_MAX = 15 };

/* Appends each packet with its size, then the status. Returns that. */
static int drain(struct frame_reader *reader, struct buf *packets)
{
    struct slice packet;
    int status;
    while ((status = frame_next(reader, &packet)) == 1) {
        FUZZ_CHECK(packet.size <= reader->packet_size_max);
        buf_append_u32(packets, (uint32_t)packet.size);
        buf_append_slice(packets, packet);
    }
    return status;
}

static int read_whole(struct slice stream, unsigned length_size, size_t limit, struct buf *packets)
{
    struct frame_reader reader;
    struct slice copy = fuzz_copy(stream);
    frame_reader_init(&reader, length_size, limit);
    frame_feed(&reader, copy);
    int status = drain(&reader, packets);
    fuzz_free(copy);
    frame_reader_release(&reader);
    return status;
}

static int read_pieces(struct slice stream, struct slice sizes, unsigned length_size, size_t limit,
                       struct buf *packets)
{
    struct frame_reader reader;
    int status = 0;
    size_t piece = 0;
    frame_reader_init(&reader, length_size, limit);
    while (status == 0 && stream.size > 0) {
        size_t size = piece < sizes.size ? sizes.data[piece++] : stream.size;
        struct slice copy = fuzz_copy(fuzz_take(&stream, size));
        frame_feed(&reader, copy);
        status = drain(&reader, packets);
        fuzz_free(copy);
        FUZZ_CHECK(reader.partial.size <= limit + length_size);
    }
    frame_reader_release(&reader);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_of(data, size);
    struct buf whole = BUF_EMPTY, pieces = BUF_EMPTY;
    uint8_t choice = fuzz_take_u8(&input);
    unsigned length_size = (choice & 1) != 0 ? 4 : 2;
    size_t limit = (size_t)1 << (choice >> 4);
    struct slice sizes = fuzz_take(&input, fuzz_take_u8(&input) & PIECES_MAX);
    int status = read_whole(input, length_size, limit, &whole);
    FUZZ_CHECK(status == 0 || status == ERR_TOO_LARGE);
    FUZZ_CHECK(read_pieces(input, sizes, length_size, limit, &pieces) == status);
    FUZZ_CHECK(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
    buf_release(&whole);
    buf_release(&pieces);
    return 0;
}
