/* Growing byte buffer. Knows nothing of what the bytes mean. */
#include "base/buf.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum { BUF_ROOM_MIN = 64 };

void buf_init(struct buf *buf)
{
    *buf = BUF_EMPTY;
}

void buf_release(struct buf *buf)
{
    mem_free(buf->data);
    *buf = BUF_EMPTY;
}

void buf_clear(struct buf *buf)
{
    buf->size = 0;
}

uint8_t *buf_reserve(struct buf *buf, size_t extra)
{
    size_t need = buf->size + extra;
    if (need > buf->room || buf->data == NULL) {
        size_t room = buf->room < BUF_ROOM_MIN ? BUF_ROOM_MIN : buf->room;
        while (room < need)
            room *= 2;
        buf->data = mem_realloc(buf->data, room);
        buf->room = room;
    }
    return buf->data + buf->size;
}

uint8_t *buf_extend(struct buf *buf, size_t extra)
{
    uint8_t *at = buf_reserve(buf, extra);
    buf->size += extra;
    return at;
}

void buf_append(struct buf *buf, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(buf_extend(buf, size), bytes, size);
}

void buf_append_slice(struct buf *buf, struct slice bytes)
{
    buf_append(buf, bytes.data, bytes.size);
}

void buf_append_u8(struct buf *buf, uint8_t value)
{
    *buf_extend(buf, 1) = value;
}

void buf_append_u16(struct buf *buf, uint16_t value)
{
    bytes_put_u16(buf_extend(buf, 2), value);
}

void buf_append_u32(struct buf *buf, uint32_t value)
{
    bytes_put_u32(buf_extend(buf, 4), value);
}

void buf_append_u64(struct buf *buf, uint64_t value)
{
    bytes_put_u64(buf_extend(buf, 8), value);
}

void buf_consume(struct buf *buf, size_t size)
{
    assert(size <= buf->size);
    buf->size -= size;
    if (buf->size > 0 && size > 0)
        memmove(buf->data, buf->data + size, buf->size);
}
