/* A growing run of bytes that owns its memory: append at the end, consume from the front.
 *
 * Appending may move the bytes: a pointer into data holds only until the next append or reserve.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; /* NULL until the first append */
    size_t size;   /* bytes in use */
    size_t room;   /* bytes allocated */
};

#define BUF_EMPTY ((struct buf){0})

void buf_init(struct buf *buf);

/* Frees the memory; the buf is empty and usable afterwards. */
void buf_release(struct buf *buf);

/* Forgets the bytes, keeps the memory. */
void buf_clear(struct buf *buf);

/* buf_reserve when there is too little room. */
uint8_t *buf_grow(struct buf *buf, size_t extra);

/* Makes room for extra more bytes; returns where they would go. size does not change. */
static inline uint8_t *buf_reserve(struct buf *buf, size_t extra)
{
    if (buf->room - buf->size < extra || buf->data == NULL)
        return buf_grow(buf, extra);
    return buf->data + buf->size;
}

/* The same where extra comes from outside. NULL: there is not enough memory, buf is as before. */
uint8_t *buf_try_reserve(struct buf *buf, size_t extra);

/* Adds extra uninitialised bytes; returns the first of them. */
static inline uint8_t *buf_extend(struct buf *buf, size_t extra)
{
    uint8_t *at = buf_reserve(buf, extra);
    buf->size += extra;
    return at;
}

static inline void buf_append(struct buf *buf, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(buf_extend(buf, size), bytes, size);
}

static inline void buf_append_slice(struct buf *buf, struct slice bytes)
{
    buf_append(buf, bytes.data, bytes.size);
}

/* Drops the first size bytes (size <= buf->size) by moving the rest to the front. */
void buf_consume(struct buf *buf, size_t size);

/* All bytes in use, borrowed. */
static inline struct slice buf_slice(const struct buf *buf)
{
    return slice_of(buf->data, buf->size);
}

/* The bytes from offset (<= buf->size) on, borrowed. */
static inline struct slice buf_slice_from(const struct buf *buf, size_t offset)
{
    return slice_of(buf->data + offset, buf->size - offset);
}

/* Numbers, most significant byte first, at bytes that the caller knows to be there. */
static inline uint16_t bytes_u16(const uint8_t *p)
{
    return (uint16_t)(((unsigned)p[0] << 8) | p[1]);
}

static inline uint32_t bytes_u32(const uint8_t *p)
{
    return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}

static inline uint64_t bytes_u64(const uint8_t *p)
{
    return ((uint64_t)bytes_u32(p) << 32) | bytes_u32(p + 4);
}

static inline void bytes_put_u16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void bytes_put_u32(uint8_t *p, uint32_t value)
{
    bytes_put_u16(p, (uint16_t)(value >> 16));
    bytes_put_u16(p + 2, (uint16_t)value);
}

static inline void bytes_put_u64(uint8_t *p, uint64_t value)
{
    bytes_put_u32(p, (uint32_t)(value >> 32));
    bytes_put_u32(p + 4, (uint32_t)value);
}

/* Append one number, most significant byte first. */
static inline void buf_append_u8(struct buf *buf, uint8_t value)
{
    *buf_extend(buf, 1) = value;
}

static inline void buf_append_u16(struct buf *buf, uint16_t value)
{
    bytes_put_u16(buf_extend(buf, 2), value);
}

static inline void buf_append_u32(struct buf *buf, uint32_t value)
{
    bytes_put_u32(buf_extend(buf, 4), value);
}

static inline void buf_append_u64(struct buf *buf, uint64_t value)
{
    bytes_put_u64(buf_extend(buf, 8), value);
}

#endif
