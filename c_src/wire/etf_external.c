/* External terms with their version byte, compressed or not. Knows no files. */
#include "wire/etf_external.h"

#include "base/error.h"
#include "wire/etf.h"
#include "wire/etf_check.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#define ZLIB_CONST /* next_in is only read */
#include <zlib.h>

enum { EXPAND_STEP = 65536 };

static uInt bounded(size_t size)
{
    return size < UINT_MAX ? (uInt)size : UINT_MAX;
}

/* Expands in steps, so that memory grows with what really comes out, not with what was claimed. */
static int inflate_all(z_stream *stream, struct slice packed, size_t size, struct buf *out)
{
    int status = Z_OK;
    while (status == Z_OK) {
        uint8_t past_end;
        size_t room = size - out->size < EXPAND_STEP ? size - out->size : EXPAND_STEP;
        stream->avail_in = bounded(packed.size - stream->total_in);
        stream->next_out = room > 0 ? buf_try_reserve(out, room) : &past_end;
        if (stream->next_out == NULL)
            return -ENOMEM;
        stream->avail_out = room > 0 ? (uInt)room : 1; /* the end of the stream may need one more step */
        uInt asked = stream->avail_out;
        status = inflate(stream, Z_NO_FLUSH);
        uInt got = asked - stream->avail_out;
        if (room == 0 && got > 0)
            return ERR_BAD_TERM;
        out->size += got;
    }
    if (status == Z_BUF_ERROR)
        return ERR_TRUNCATED;
    return status == Z_STREAM_END && out->size == size ? 0 : ERR_BAD_TERM;
}

/* packed: a zlib stream and what is behind it; used: out, bytes of the stream. */
static int expand(struct slice packed, size_t size, struct buf *out, size_t *used)
{
    z_stream stream = {.next_in = packed.data};
    if (inflateInit(&stream) != Z_OK)
        return ERR_BAD_TERM;
    buf_clear(out);
    int error = inflate_all(&stream, packed, size, out);
    *used = stream.total_in;
    inflateEnd(&stream);
    return error;
}

/* bytes: behind the tag. behind: out, offset of what is behind the stream. */
static int read_compressed(struct slice bytes, uint32_t depth_max, size_t expanded_max, struct buf *scratch,
                           struct slice *term, size_t *behind)
{
    if (bytes.size < 4)
        return ERR_TRUNCATED;
    uint32_t size = bytes_u32(bytes.data);
    if (size > expanded_max)
        return ERR_TOO_LARGE;
    size_t used;
    int error = expand(slice_of(bytes.data + 4, bytes.size - 4), size, scratch, &used);
    if (error)
        return error;
    struct slice found;
    error = etf_check(buf_slice(scratch), depth_max, &found);
    if (error == ERR_TRUNCATED || (error == 0 && found.size != size))
        return ERR_BAD_TERM;
    if (error)
        return error;
    *term = found;
    *behind = 4 + used;
    return 0;
}

int etf_external_read(struct slice bytes, uint32_t depth_max, size_t expanded_max, struct buf *scratch,
                      struct slice *term, struct slice *rest)
{
    if (bytes.size < 2)
        return bytes.size == 1 && bytes.data[0] != ETF_VERSION ? ERR_BAD_TERM : ERR_TRUNCATED;
    if (bytes.data[0] != ETF_VERSION)
        return ERR_BAD_TERM;
    bool compressed = bytes.data[1] == ETF_COMPRESSED;
    size_t head = compressed ? 2 : 1;
    struct slice body = slice_of(bytes.data + head, bytes.size - head);
    struct slice found;
    size_t size = 0;
    int error = compressed ? read_compressed(body, depth_max, expanded_max, scratch, &found, &size)
                           : etf_check(body, depth_max, &found);
    if (error)
        return error;
    if (!compressed)
        size = found.size;
    if (rest == NULL && size != body.size)
        return ERR_BAD_TERM;
    if (rest != NULL)
        *rest = slice_of(body.data + size, body.size - size);
    *term = found;
    return 0;
}
