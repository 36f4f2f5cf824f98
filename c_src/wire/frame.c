/* Packets out of a byte stream. Knows lengths, not what is in a packet. */
#include "wire/frame.h"

#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>

enum {
    LENGTH_SIZE_HANDSHAKE = 2,
    LENGTH_SIZE_CONNECTED = 4,
    PARTIAL_ROOM_KEPT = 65536, /* one huge packet must not hold its memory for the connection's life */
};

void frame_reader_init(struct frame_reader *reader, unsigned length_size, size_t packet_size_max)
{
    assert(length_size == LENGTH_SIZE_HANDSHAKE || length_size == LENGTH_SIZE_CONNECTED);
    *reader = (struct frame_reader){.length_size = length_size, .packet_size_max = packet_size_max};
}

void frame_reader_release(struct frame_reader *reader)
{
    buf_release(&reader->partial);
    reader->input = slice_of(NULL, 0);
    reader->partial_taken = false;
}

static void forget_taken(struct frame_reader *reader)
{
    if (!reader->partial_taken)
        return;
    reader->partial_taken = false;
    if (reader->partial.room > PARTIAL_ROOM_KEPT)
        buf_release(&reader->partial);
    else
        buf_clear(&reader->partial);
}

void frame_reader_switch(struct frame_reader *reader, unsigned length_size, size_t packet_size_max)
{
    assert(length_size == LENGTH_SIZE_HANDSHAKE || length_size == LENGTH_SIZE_CONNECTED);
    forget_taken(reader);
    assert(reader->partial.size == 0);
    reader->length_size = length_size;
    reader->packet_size_max = packet_size_max;
}

void frame_feed(struct frame_reader *reader, struct slice bytes)
{
    assert(reader->input.size == 0 && !reader->partial_taken);
    reader->input = bytes;
}

static size_t length_at(const struct frame_reader *reader, const uint8_t *bytes)
{
    return reader->length_size == LENGTH_SIZE_CONNECTED ? bytes_u32(bytes) : bytes_u16(bytes);
}

static void input_skip(struct frame_reader *reader, size_t size)
{
    reader->input.data += size;
    reader->input.size -= size;
}

/* Moves bytes from the input to partial until that holds size: 1; 0 if there were too few. Every byte is
 * moved once, and partial grows by doubling: feeding byte by byte stays linear. */
static int gather(struct frame_reader *reader, size_t size)
{
    if (reader->partial.size >= size)
        return 1;
    size_t missing = size - reader->partial.size;
    size_t moved = missing < reader->input.size ? missing : reader->input.size;
    if (moved == 0)
        return 0;
    if (buf_try_reserve(&reader->partial, moved) == NULL)
        return -ENOMEM;
    buf_append(&reader->partial, reader->input.data, moved);
    input_skip(reader, moved);
    return moved == missing;
}

static int next_gathered(struct frame_reader *reader, struct slice *packet)
{
    int status = gather(reader, reader->length_size);
    if (status != 1)
        return status;
    size_t size = length_at(reader, reader->partial.data);
    if (size > reader->packet_size_max)
        return ERR_TOO_LARGE;
    status = gather(reader, reader->length_size + size);
    if (status != 1)
        return status;
    *packet = slice_of(reader->partial.data + reader->length_size, size);
    reader->partial_taken = true;
    return 1;
}

int frame_next(struct frame_reader *reader, struct slice *packet)
{
    forget_taken(reader);
    if (reader->partial.size > 0 || reader->input.size < reader->length_size)
        return next_gathered(reader, packet);
    size_t size = length_at(reader, reader->input.data);
    if (size > reader->packet_size_max)
        return ERR_TOO_LARGE;
    if (reader->input.size - reader->length_size < size)
        return next_gathered(reader, packet);
    *packet = slice_of(reader->input.data + reader->length_size, size);
    input_skip(reader, reader->length_size + size);
    return 1;
}

size_t frame_begin(struct buf *out)
{
    size_t mark = out->size;
    buf_extend(out, LENGTH_SIZE_CONNECTED);
    return mark;
}

void frame_end(struct buf *out, size_t mark)
{
    size_t size = out->size - mark - LENGTH_SIZE_CONNECTED;
    assert(size <= UINT32_MAX);
    bytes_put_u32(out->data + mark, (uint32_t)size);
}
