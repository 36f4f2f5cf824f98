/* Bytes as text that may stand in a file name (todo/key.h): printable UTF-8 characters as they are, every
 * other byte as '%' and two upper case hex digits. One to one.
 */
#ifndef TODO_PERCENT_H
#define TODO_PERCENT_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends the encoded text. */
void percent_encode(struct slice bytes, struct buf *out);

/* Appends '%' and the two digits of one byte. */
void percent_encode_byte(uint8_t byte, struct buf *out);

/* Appends the bytes that text stands for; false if a '%' is not followed by two digits (out may then hold
 * some bytes). Text that percent_encode never gives may be taken too: encode again to tell. */
bool percent_decode(struct slice text, struct buf *out);

/* Appends two upper case hex digits per byte. */
void hex_encode(struct slice bytes, struct buf *out);

/* Appends the bytes; false for an odd number of digits or anything but 0-9A-F (out may then hold some bytes).
 */
bool hex_decode(struct slice text, struct buf *out);

#endif
