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

/* Appends a character. False: there is no such one. */
bool utf8_append(struct buf *out, uint32_t character);

#endif
