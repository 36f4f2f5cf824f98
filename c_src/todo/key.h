/* Keys of lists and stored values, and the one-to-one map between a key and the name of its file.
 *
 * A key is a binary of any bytes, an atom, an integer of any size or iodata (a charlist, or a list of bytes
 * and binaries nested in any way). Keys are compared as terms: <<"bob">>, bob and "bob" are three keys. Where
 * this header says "key" the slice holds its canonical form (wire/etf_canonical.h), as key_canonical made it.
 *
 * File names. "Encoded" text: printable UTF-8 characters stand for themselves; each byte of '%', '/', NUL,
 * the other control characters (C0, DEL, C1) and of what is not valid UTF-8 is written as '%' and two upper
 * case hex digits.
 *
 *   binary              its encoded bytes; a leading '.' is %2E too; the empty binary is "%"
 *   atom                "%a." and its encoded text
 *   integer             "%i." and its decimal digits, if it fits 64 bits signed
 *   larger integer      "%x.", a '-' if it is negative, and its upper case hex digits
 *   list of bytes, []   "%l." and its encoded bytes
 *   other iodata        "%t." and its canonical form in upper case hex
 *   any, if its name would be longer than 255 bytes:
 *                       the name's first bytes (at most 189, no character or escape cut in two), "%#" and the
 *                       SHA-256 of the canonical key in 64 lower case hex digits
 *
 * In a binary's name '%' is followed by two of 0-9A-F or ends the one-byte name "%"; 'a' 'i' 'x' 'l' 't' and
 * '#' are none of these, so the types cannot meet, and "%#" stands only where a digest follows. No name
 * begins with a dot, holds a '/' or is longer than 255 bytes.
 *
 * Of a digest the key cannot be told, so the file of such a long key carries it: behind the value's external
 * term follows the key's, 131 and the key (the "trailer"). binary_to_term/1 ignores bytes behind the term.
 */
#ifndef TODO_KEY_H
#define TODO_KEY_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    KEY_SIZE_MAX = 64 * 1024, /* bytes of the canonical form */
    KEY_NAME_MAX = 255,       /* bytes of a file name, without its NUL */
    KEY_NAME_ROOM = KEY_NAME_MAX + 1
};

/* True if the validated term, in whatever form, is of a type that a key may have. Its size is not looked at.
 */
bool key_is_valid(struct slice term);

/* Appends the canonical form of a validated term to out; on failure out is as before.
 * Errors: ERR_BADARG (no key), ERR_TOO_LARGE (beyond KEY_SIZE_MAX, or beyond 16 times that as it is). */
int key_canonical(struct slice term, struct buf *out);

/* The name of the key's file, with a NUL, 1..KEY_NAME_MAX bytes. */
void key_file_name(struct slice key, char name[KEY_NAME_ROOM]);

/* Appends the key whose file has this name to out; on failure out is as before.
 * Errors: ERR_NOT_FOUND (no key's file: a foreign file, a dot file),
 *   ERR_TOO_LARGE (a long key's: ask key_from_file). */
int key_of_file_name(const char *name, struct buf *out);

/* True if the name of the key's file ends in a digest, so that its file carries the trailer. */
bool key_is_long(struct slice key);

/* Appends the trailer if the key is a long one, nothing otherwise: to be called behind every value written.
 */
void key_trailer_append(struct slice key, struct buf *out);

/* Appends to out the key in the bytes that stand behind a value. False, out as before, if they are no
 * trailer. */
bool key_trailer_read(struct slice rest, struct buf *out);

/* Appends to out the long key that the content of the file of this name carries; on failure out is as before.
 * expanded_max: as in etf_external_read.
 * Errors: ERR_NOT_FOUND (no trailer, or its key has another file). */
int key_from_file(const char *name, struct slice content, size_t expanded_max, struct buf *out);

#endif
