/* The text of file names. Knows bytes and UTF-8, nothing of keys. */
#include "todo/percent.h"

#include "wire/utf8.h"

static const char digits[] = "0123456789ABCDEF";

/* Bytes of the character at the start of text if it stands for itself in a name, else 0. */
static size_t plain_character(struct slice text)
{
    size_t size = utf8_size(text);
    uint8_t first = text.data[0];
    if (size == 1 && (first < 0x20 || first == 0x7F || first == '%' || first == '/'))
        return 0;
    if (size == 2 && first == 0xC2 && text.data[1] < 0xA0) /* C1 */
        return 0;
    return size;
}

void percent_encode_byte(uint8_t byte, struct buf *out)
{
    buf_append_u8(out, '%');
    hex_encode(slice_of(&byte, 1), out);
}

void percent_encode(struct slice bytes, struct buf *out)
{
    while (bytes.size != 0) {
        size_t size = plain_character(bytes);
        if (size != 0) {
            buf_append(out, bytes.data, size);
        } else {
            size = 1;
            percent_encode_byte(bytes.data[0], out);
        }
        bytes = slice_of(bytes.data + size, bytes.size - size);
    }
}

bool percent_decode(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '%') {
            buf_append_u8(out, text.data[i]);
            continue;
        }
        if (text.size - i < 3 || !hex_decode(slice_of(text.data + i + 1, 2), out))
            return false;
        i += 2;
    }
    return true;
}

void hex_encode(struct slice bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.size; i++) {
        buf_append_u8(out, (uint8_t)digits[bytes.data[i] >> 4]);
        buf_append_u8(out, (uint8_t)digits[bytes.data[i] & 15]);
    }
}

/* 16 for no digit. */
static unsigned digit_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - (unsigned)'0';
    return digit >= 'A' && digit <= 'F' ? digit - (unsigned)'A' + 10 : 16;
}

bool hex_decode(struct slice text, struct buf *out)
{
    if (text.size % 2 != 0)
        return false;
    for (size_t i = 0; i < text.size; i += 2) {
        unsigned high = digit_value(text.data[i]);
        unsigned low = digit_value(text.data[i + 1]);
        if (high > 15 || low > 15)
            return false;
        buf_append_u8(out, (uint8_t)(high << 4 | low));
    }
    return true;
}
