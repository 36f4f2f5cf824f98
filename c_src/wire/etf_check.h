/* Bounded validation of external terms: the border that every byte from a socket or a file crosses once.
 *
 * libei's decoders do not know where their buffer ends; after etf_check the bytes can be read without looking
 * at the end again. Iterative: neither nesting nor a large arity costs stack; memory grows with the depth
 * only, time with the bytes present (an arity larger than the bytes left is refused at once).
 *
 * Checked: every tag's bytes are there; arity <= bytes left; depth; atoms of at most 255 characters, valid
 * UTF-8 (as Erlang: no surrogates, at most U+10FFFF); BIT_BINARY_EXT bits 1..8 (as the BEAM
 * decodes it); finite floats (both formats); reference words 1..5; pid, port, reference nodes are atoms;
 * export and fun shapes (the Size field of NEW_FUN_EXT is ignored, as the BEAM ignores it); a LIST_EXT's
 * tail present. A big integer's sign byte is 0 or not, a LIST_EXT of no elements is only its tail.
 * What is accepted is what binary_to_term/1 accepts, except duplicate map keys, which only etf_canonical
 * sees, and the tags ETF_COMPRESSED and the distribution header's, which are not terms.
 */
#ifndef WIRE_ETF_CHECK_H
#define WIRE_ETF_CHECK_H

#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

enum { ETF_DEPTH_MAX_DEFAULT = 131072 };

/* Validates the term at the start of bytes (no version byte).
 * depth_max: deepest nesting allowed; an atom has depth 1, [] 1, {a} 2, [1] 2, each LIST_EXT tail that is a
 *   LIST_EXT itself one more.
 * term: out, the bytes of that term; untouched on failure. Bytes after it are not looked at.
 * Errors: ERR_TRUNCATED (a longer input might be valid), ERR_BAD_TERM, ERR_TOO_DEEP, ERR_TOO_LARGE (the term
 * has 2^32 - 1 bytes or more, which no frame can hold). */
int etf_check(struct slice bytes, uint32_t depth_max, struct slice *term);

#endif
