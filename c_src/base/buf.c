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

static size_t room_for(const struct buf *buf, size_t extra)
{
    size_t need = buf->size + extra;
    size_t room = buf->room < BUF_ROOM_MIN ? BUF_ROOM_MIN : buf->room;
    while (room < need)
        room *= 2;
    return room;
}

uint8_t *buf_grow(struct buf *buf, size_t extra)
{
    size_t room = room_for(buf, extra);
    buf->data = mem_realloc(buf->data, room);
    buf->room = room;
    return buf->data + buf->size;
}

uint8_t *buf_try_reserve(struct buf *buf, size_t extra)
{
    if (buf->data != NULL && buf->room - buf->size >= extra)
        return buf->data + buf->size;
    size_t room = room_for(buf, extra);
    uint8_t *data = mem_try_realloc(buf->data, room);
    if (data == NULL)
        return NULL;
    buf->data = data;
    buf->room = room;
    return data + buf->size;
}

void buf_consume(struct buf *buf, size_t size)
{
    assert(size <= buf->size);
    buf->size -= size;
    if (buf->size > 0 && size > 0)
        memmove(buf->data, buf->data + size, buf->size);
}
