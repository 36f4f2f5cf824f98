/* Writing of terms in canonical form. Knows nothing of what they are for. */
#include "wire/etf_write.h"

#include "base/error.h"
#include "wire/etf.h"

#include <assert.h>
#include <math.h>

enum { STRING_BYTES_MAX = 65535 };

void etf_write_atom(struct buf *out, const char *utf8)
{
    etf_write_atom_slice(out, slice_of_text(utf8));
}

void etf_write_atom_slice(struct buf *out, struct slice utf8)
{
    assert(utf8.size <= ATOM_BYTES_MAX);
    if (utf8.size <= UINT8_MAX) {
        buf_append_u8(out, ETF_SMALL_ATOM_UTF8);
        buf_append_u8(out, (uint8_t)utf8.size);
    } else {
        buf_append_u8(out, ETF_ATOM_UTF8);
        buf_append_u16(out, (uint16_t)utf8.size);
    }
    buf_append_slice(out, utf8);
}

static size_t put_small_big(uint8_t bytes[ETF_UINT64_SIZE_MAX], bool negative, uint64_t magnitude)
{
    uint8_t count = 0;
    for (; magnitude > 0; magnitude >>= 8)
        bytes[3 + count++] = (uint8_t)magnitude;
    bytes[0] = ETF_SMALL_BIG;
    bytes[1] = count;
    bytes[2] = negative;
    return 3u + count;
}

void etf_write_int64(struct buf *out, int64_t value)
{
    if (value >= 0) {
        etf_write_uint64(out, (uint64_t)value);
    } else if (value >= INT32_MIN) {
        buf_append_u8(out, ETF_INTEGER);
        buf_append_u32(out, (uint32_t)value);
    } else {
        uint8_t bytes[ETF_UINT64_SIZE_MAX];
        buf_append(out, bytes, put_small_big(bytes, true, (uint64_t)0 - (uint64_t)value));
    }
}

size_t etf_put_uint64(uint8_t bytes[ETF_UINT64_SIZE_MAX], uint64_t value)
{
    if (value > INT32_MAX)
        return put_small_big(bytes, false, value);
    if (value > UINT8_MAX) {
        bytes[0] = ETF_INTEGER;
        bytes_put_u32(bytes + 1, (uint32_t)value);
        return 5;
    }
    bytes[0] = ETF_SMALL_INTEGER;
    bytes[1] = (uint8_t)value;
    return 2;
}

void etf_write_uint64(struct buf *out, uint64_t value)
{
    uint8_t *at = buf_reserve(out, ETF_UINT64_SIZE_MAX);
    out->size += etf_put_uint64(at, value);
}

void etf_write_double(struct buf *out, double value)
{
    assert(isfinite(value));
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    buf_append_u8(out, ETF_NEW_FLOAT);
    buf_append_u64(out, bits);
}

void etf_write_binary(struct buf *out, struct slice bytes)
{
    assert(bytes.size <= UINT32_MAX);
    buf_append_u8(out, ETF_BINARY);
    buf_append_u32(out, (uint32_t)bytes.size);
    buf_append_slice(out, bytes);
}

void etf_write_binary_text(struct buf *out, const char *text)
{
    etf_write_binary(out, slice_of_text(text));
}

void etf_write_charlist(struct buf *out, struct slice bytes)
{
    if (bytes.size == 0) {
        etf_write_nil(out);
    } else if (bytes.size <= STRING_BYTES_MAX) {
        buf_append_u8(out, ETF_STRING);
        buf_append_u16(out, (uint16_t)bytes.size);
        buf_append_slice(out, bytes);
    } else {
        assert(bytes.size <= UINT32_MAX);
        etf_write_list(out, (uint32_t)bytes.size);
        for (size_t i = 0; i < bytes.size; i++)
            etf_write_uint64(out, bytes.data[i]);
        etf_write_nil(out);
    }
}

void etf_write_bool(struct buf *out, bool value)
{
    etf_write_atom(out, value ? "true" : "false");
}

void etf_write_tuple(struct buf *out, uint32_t arity)
{
    if (arity <= UINT8_MAX) {
        buf_append_u8(out, ETF_SMALL_TUPLE);
        buf_append_u8(out, (uint8_t)arity);
    } else {
        buf_append_u8(out, ETF_LARGE_TUPLE);
        buf_append_u32(out, arity);
    }
}

void etf_write_list(struct buf *out, uint32_t length)
{
    assert(length > 0);
    buf_append_u8(out, ETF_LIST);
    buf_append_u32(out, length);
}

void etf_write_map(struct buf *out, uint32_t pairs)
{
    buf_append_u8(out, ETF_MAP);
    buf_append_u32(out, pairs);
}

void etf_write_export(struct buf *out, const char *module, const char *function, uint8_t arity)
{
    buf_append_u8(out, ETF_EXPORT);
    etf_write_atom(out, module);
    etf_write_atom(out, function);
    etf_write_uint64(out, arity);
}

void etf_write_error(struct buf *out, int code)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, "error");
    etf_write_atom(out, error_atom(code));
}
