/* Characters and their bytes. Knows nothing of what the text is. */
#include "wire/utf8.h"

/* For each number of bytes: the lowest character that needs them. */
static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};

static bool is_character(uint32_t character)
{
    return character <= 0x10ffff && (character < 0xd800 || character > 0xdfff);
}

static size_t size_by_first(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t utf8_read(struct slice text, uint32_t *character)
{
    size_t size = size_by_first(text.data[0]);
    if (size > text.size)
        return 0;
    uint32_t value = size == 1 ? text.data[0] : text.data[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((text.data[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (text.data[i] & 0x3f);
    }
    if (size == 0 || value < lowest[size] || !is_character(value))
        return 0;
    *character = value;
    return size;
}

size_t utf8_size(struct slice text)
{
    uint32_t character;
    return utf8_read(text, &character);
}

bool utf8_append(struct buf *out, uint32_t character)
{
    if (!is_character(character))
        return false;
    size_t more = character < lowest[2] ? 0 : character < lowest[3] ? 1 : character < lowest[4] ? 2 : 3;
    if (more == 0)
        buf_append_u8(out, (uint8_t)character);
    else
        buf_append_u8(out, (uint8_t)(0xf80u >> more | character >> 6 * more));
    for (; more > 0; more--)
        buf_append_u8(out, (uint8_t)(0x80 | (character >> 6 * (more - 1) & 0x3f)));
    return true;
}
