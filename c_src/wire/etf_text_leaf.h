/* The text (etf_text.h) of terms without children. Private to wire. p: validated, etf_proper. */
#ifndef WIRE_ETF_TEXT_LEAF_H
#define WIRE_ETF_TEXT_LEAF_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends the text of an integer, float, atom, bit string, export, STRING_EXT or NIL. */
void etf_text_leaf(struct buf *out, const uint8_t *p);

/* False if the atom holds a character that no text can give back. */
bool etf_text_has_atom(const uint8_t *p);

/* Appends bytes as decimal numbers, with commas between them. */
void etf_text_bytes(struct buf *out, struct slice bytes);

#endif
