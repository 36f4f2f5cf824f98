/* Packets out of a byte stream, however the stream was cut. Every chunk is fed from a heap block of exactly
 * its size, so that a sanitizer sees a read beyond it. */
#include "wire/frame.h"

#include "base/error.h"
#include "base/mem.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { NO_LIMIT = 1 << 30, PACKETS_MAX = 16 };

/* The packets that came out, copied. */
struct taken {
    struct buf bytes;          /* all of them */
    size_t sizes[PACKETS_MAX]; /* of each */
    size_t count;              /* how many */
};

/* A stream of handshake packets and then connected ones. */
struct stream {
    struct buf bytes;         /* what is fed */
    struct taken expected;    /* what has to come out */
    size_t handshake_packets; /* how many have 2 byte lengths */
};

static void taken_add(struct taken *taken, struct slice packet)
{
    assert_true(taken->count < PACKETS_MAX);
    taken->sizes[taken->count++] = packet.size;
    buf_append_slice(&taken->bytes, packet);
}

static void stream_add(struct stream *stream, size_t size)
{
    uint8_t bytes[1000];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(stream->expected.count * 31 + i + 1);
    if (stream->expected.count < stream->handshake_packets)
        buf_append_u16(&stream->bytes, (uint16_t)size);
    else
        buf_append_u32(&stream->bytes, (uint32_t)size);
    buf_append(&stream->bytes, bytes, size);
    taken_add(&stream->expected, slice_of(bytes, size));
}

static struct stream stream_new(void)
{
    static const size_t sizes[] = {3, 0, 1, 40, 0, 0, 5, 300, 0, 2};
    struct stream stream = {.handshake_packets = 4};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        stream_add(&stream, sizes[i]);
    return stream;
}

static void stream_free(struct stream *stream)
{
    buf_release(&stream->bytes);
    buf_release(&stream->expected.bytes);
}

/* Feeds one chunk; takes what comes, switching to 4 byte lengths behind the handshake. */
static void feed(struct frame_reader *reader, struct slice chunk, size_t handshake_packets,
                 struct taken *taken)
{
    uint8_t *exact = mem_dup(chunk.data, chunk.size);
    struct slice packet;
    int result;
    frame_feed(reader, slice_of(exact, chunk.size));
    while ((result = frame_next(reader, &packet)) == 1) {
        taken_add(taken, packet);
        if (taken->count == handshake_packets)
            frame_reader_switch(reader, 4, NO_LIMIT);
    }
    assert_int_equal(result, 0);
    assert_int_equal(frame_next(reader, &packet), 0);
    mem_free(exact);
}

static void assert_taken(const struct taken *taken, const struct taken *expected)
{
    assert_int_equal(taken->count, expected->count);
    assert_memory_equal(taken->sizes, expected->sizes, expected->count * sizeof *expected->sizes);
    assert_true(slice_equal(buf_slice(&taken->bytes), buf_slice(&expected->bytes)));
}

static void assert_stream_cut_at(const struct stream *stream, const size_t *cuts, size_t count)
{
    struct frame_reader reader;
    struct taken taken = {.count = 0};
    frame_reader_init(&reader, 2, NO_LIMIT);
    size_t from = 0;
    for (size_t i = 0; i <= count; i++) {
        size_t to = i < count ? cuts[i] : stream->bytes.size;
        feed(&reader, slice_of(stream->bytes.data + from, to - from), stream->handshake_packets, &taken);
        from = to;
    }
    assert_taken(&taken, &stream->expected);
    frame_reader_release(&reader);
    buf_release(&taken.bytes);
}

static void next__stream_cut_anywhere_in_two__gives_every_packet(void **state)
{
    struct stream stream = stream_new();
    for (size_t cut = 0; cut <= stream.bytes.size; cut++)
        assert_stream_cut_at(&stream, &cut, 1);
    stream_free(&stream);
}

static void next__stream_cut_anywhere_in_three__gives_every_packet(void **state)
{
    struct stream stream = stream_new();
    for (size_t first = 0; first <= stream.bytes.size; first++) {
        for (size_t second = first; second <= stream.bytes.size; second++)
            assert_stream_cut_at(&stream, (size_t[]){first, second}, 2);
    }
    stream_free(&stream);
}

static void next__stream_byte_by_byte__gives_every_packet(void **state)
{
    struct stream stream = stream_new();
    size_t *cuts = mem_alloc(stream.bytes.size * sizeof *cuts);
    for (size_t i = 0; i < stream.bytes.size; i++)
        cuts[i] = i;
    assert_stream_cut_at(&stream, cuts, stream.bytes.size);
    mem_free(cuts);
    stream_free(&stream);
}

static void next__whole_packet__is_handed_out_in_place(void **state)
{
    static const uint8_t bytes[] = {0, 0, 0, 2, 'a', 'b', 0, 0, 0, 0, 0, 0, 0, 1, 'c'};
    struct frame_reader reader;
    struct slice packet;
    frame_reader_init(&reader, 4, 2);
    frame_feed(&reader, slice_of(bytes, sizeof bytes));
    assert_int_equal(frame_next(&reader, &packet), 1);
    assert_ptr_equal(packet.data, bytes + 4);
    assert_int_equal(frame_next(&reader, &packet), 1);
    assert_int_equal(packet.size, 0);
    assert_int_equal(frame_next(&reader, &packet), 1);
    assert_ptr_equal(packet.data, bytes + 14);
    assert_int_equal(frame_next(&reader, &packet), 0);
    assert_null(reader.partial.data);
    frame_reader_release(&reader);
}

static void next__behind_a_gathered_packet__is_in_place_again(void **state)
{
    static const uint8_t bytes[] = {0, 3, 'a', 'b', 'c', 0, 1, 'd'};
    struct frame_reader reader;
    struct slice packet;
    frame_reader_init(&reader, 2, 10);
    frame_feed(&reader, slice_of(bytes, 3));
    assert_int_equal(frame_next(&reader, &packet), 0);
    frame_feed(&reader, slice_of(bytes + 3, 5));
    assert_int_equal(frame_next(&reader, &packet), 1);
    assert_true(slice_equal(packet, slice_of_text("abc")));
    assert_int_equal(frame_next(&reader, &packet), 1);
    assert_ptr_equal(packet.data, bytes + 7);
    assert_int_equal(frame_next(&reader, &packet), 0);
    frame_reader_release(&reader);
}

static void next__large_packet_byte_by_byte__costs_its_size_only(void **state)
{
    enum { SIZE = 4 << 20 }; /* quadratic, this would take hours */
    struct frame_reader reader;
    struct slice packet;
    uint8_t length[4];
    frame_reader_init(&reader, 4, SIZE);
    bytes_put_u32(length, SIZE);
    for (size_t i = 0; i < sizeof length + SIZE; i++) {
        uint8_t byte = i < sizeof length ? length[i] : (uint8_t)((i - sizeof length) % 251);
        frame_feed(&reader, slice_of(&byte, 1));
        assert_int_equal(frame_next(&reader, &packet), i + 1 == sizeof length + SIZE);
        assert_true(reader.partial.room <= 2 * (i + 1) + 64);
    }
    assert_int_equal(packet.size, SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        if (packet.data[i] != i % 251)
            fail_msg("byte %zu", i);
    }
    assert_int_equal(frame_next(&reader, &packet), 0);
    assert_int_equal(reader.partial.room, 0); /* not kept for ever */
    frame_reader_release(&reader);
}

static void next__too_large__is_known_with_the_length(void **state)
{
    static const uint8_t bytes[] = {0, 0, 1, 1, 'x'};
    for (size_t cut = 0; cut <= 4; cut++) {
        struct frame_reader reader;
        struct slice packet = slice_of_text("untouched");
        frame_reader_init(&reader, 4, 256);
        frame_feed(&reader, slice_of(bytes, cut));
        assert_int_equal(frame_next(&reader, &packet), cut == 4 ? ERR_TOO_LARGE : 0);
        if (cut < 4) {
            frame_feed(&reader, slice_of(bytes + cut, sizeof bytes - cut));
            assert_int_equal(frame_next(&reader, &packet), ERR_TOO_LARGE);
        }
        assert_int_equal(frame_next(&reader, &packet), ERR_TOO_LARGE);
        assert_true(slice_equal(packet, slice_of_text("untouched")));
        frame_reader_release(&reader);
    }
}

static void next__as_large_as_allowed__passes(void **state)
{
    uint8_t bytes[4 + 256] = {0, 0, 1, 0};
    struct frame_reader reader;
    struct slice packet;
    frame_reader_init(&reader, 4, 256);
    frame_feed(&reader, slice_of(bytes, sizeof bytes));
    assert_int_equal(frame_next(&reader, &packet), 1);
    assert_int_equal(packet.size, 256);
    frame_reader_release(&reader);
}

static void next__announced_and_not_sent__allocates_nothing_for_it(void **state)
{
    static const uint8_t bytes[] = {0x3f, 0xff, 0xff, 0xff, 'x'};
    struct frame_reader reader;
    struct slice packet;
    frame_reader_init(&reader, 4, NO_LIMIT);
    frame_feed(&reader, slice_of(bytes, sizeof bytes));
    assert_int_equal(frame_next(&reader, &packet), 0);
    assert_true(reader.partial.room < 1000);
    frame_reader_release(&reader);
}

/* Sanitizers need more address space than a limit could leave. */
#ifndef __SANITIZE_ADDRESS__
static void next__more_than_there_is_memory__is_enomem(void **state)
{
    enum { PIECE = 1 << 20 };
    static const uint8_t head[] = {0x3f, 0xff, 0xff, 0xff};
    static uint8_t piece[PIECE];
    struct frame_reader reader;
    struct slice packet;
    struct rlimit limit, low;
    int status = 0;
    frame_reader_init(&reader, 4, NO_LIMIT);
    frame_feed(&reader, slice_of(head, sizeof head));
    assert_int_equal(frame_next(&reader, &packet), 0);
    getrlimit(RLIMIT_AS, &limit);
    low = (struct rlimit){.rlim_cur = 1 << 28, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_AS, &low);
    for (int i = 0; i < (1 << 28) / PIECE && status == 0; i++) {
        frame_feed(&reader, slice_of(piece, PIECE));
        status = frame_next(&reader, &packet);
    }
    setrlimit(RLIMIT_AS, &limit);
    assert_int_equal(status, -ENOMEM);
    frame_reader_release(&reader);
}
#endif

static void switch__with_a_packet_in_hand_that_was_gathered__reads_on(void **state)
{
    static const uint8_t bytes[] = {0, 1, 'a', 0, 0, 0, 1, 'b'};
    struct frame_reader reader;
    struct slice packet;
    frame_reader_init(&reader, 2, 1);
    frame_feed(&reader, slice_of(bytes, 2));
    assert_int_equal(frame_next(&reader, &packet), 0);
    frame_feed(&reader, slice_of(bytes + 2, sizeof bytes - 2));
    assert_int_equal(frame_next(&reader, &packet), 1);
    frame_reader_switch(&reader, 4, 5);
    assert_int_equal(frame_next(&reader, &packet), 1);
    assert_true(slice_equal(packet, slice_of_text("b")));
    frame_reader_release(&reader);
}

static void begin_end__several_frames__each_has_its_length(void **state)
{
    static const uint8_t expected[] = {'x', 0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0, 0, 0, 0, 1, 'd'};
    struct buf out = BUF_EMPTY;
    buf_append_u8(&out, 'x');
    size_t mark = frame_begin(&out);
    buf_append(&out, "abc", 3);
    frame_end(&out, mark);
    frame_end(&out, frame_begin(&out));
    mark = frame_begin(&out);
    buf_append(&out, "d", 1);
    frame_end(&out, mark);
    assert_true(slice_equal(buf_slice(&out), slice_of(expected, sizeof expected)));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next__stream_cut_anywhere_in_two__gives_every_packet),
        cmocka_unit_test(next__stream_cut_anywhere_in_three__gives_every_packet),
        cmocka_unit_test(next__stream_byte_by_byte__gives_every_packet),
        cmocka_unit_test(next__whole_packet__is_handed_out_in_place),
        cmocka_unit_test(next__behind_a_gathered_packet__is_in_place_again),
        cmocka_unit_test(next__large_packet_byte_by_byte__costs_its_size_only),
        cmocka_unit_test(next__too_large__is_known_with_the_length),
        cmocka_unit_test(next__as_large_as_allowed__passes),
        cmocka_unit_test(next__announced_and_not_sent__allocates_nothing_for_it),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(next__more_than_there_is_memory__is_enomem),
#endif
        cmocka_unit_test(switch__with_a_packet_in_hand_that_was_gathered__reads_on),
        cmocka_unit_test(begin_end__several_frames__each_has_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
