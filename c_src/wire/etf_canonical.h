/* The canonical form, in which equal terms (=:=) are equal bytes. What is stored is in it.
 *
 * Map keys in term order, all atoms UTF-8 (SMALL_ATOM_UTF8_EXT where it fits), integers in the shortest form
 * as the BEAM writes it (SMALL_INTEGER 0..255, INTEGER for 32 bits signed, SMALL_BIG, LARGE_BIG, no leading
 * zero digits), floats as NEW_FLOAT_EXT, lists whose elements are all bytes and whose tail is [] as
 * STRING_EXT up to 65 535, longer ones as LIST_EXT; LIST_EXT with a list as tail joined into one; SMALL_TUPLE
 * where it fits; pids, ports and references in their newest form; whole-byte bitstrings as BINARY_EXT. On OTP
 * 26 and later term_to_binary(T, [deterministic]) gives 131 and these bytes.
 */
#ifndef WIRE_ETF_CANONICAL_H
#define WIRE_ETF_CANONICAL_H

#include "base/buf.h"
#include "base/slice.h"

/* Appends the canonical form of a validated term to out (which must not hold term's own bytes). Iterative.
 * Errors: ERR_BAD_TERM for a map with two equal keys; out's size is then as before. */
int etf_canonical(struct slice term, struct buf *out);

#endif
