/* Characters as UTF-8: no surrogates, at most U+10FFFF, each in its shortest form. */
#ifndef WIRE_UTF8_H
#define WIRE_UTF8_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at the start of text (not empty); 0 if there is none that is valid. */
size_t utf8_size(struct slice text);

/* The same, and the character. */
size_t utf8_read(struct slice text, uint32_t *character);

/* True if all bytes are below 128, each a character then. Inline: it is asked of every atom that comes. */
static inline bool utf8_is_ascii(const uint8_t *p, size_t size)
{
    uint64_t word, seen = 0;
    if (size < sizeof word) {
        while (size > 0)
            seen |= p[--size];
    } else {
        const uint8_t *last = p + size - sizeof word; /* overlaps the word before it */
        for (; p < last; p += sizeof word) {
            memcpy(&word, p, sizeof word);
            seen |= word;
        }
        memcpy(&word, last, sizeof word);
        seen |= word;
    }
    return (seen & 0x8080808080808080u) == 0;
}

/* Appends a character. False: there is no such one. */
bool utf8_append(struct buf *out, uint32_t character);

#endif
