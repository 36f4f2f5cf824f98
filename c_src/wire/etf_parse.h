/* Terms from text: what etf_text writes, which is a part of what file:consult/1 reads.
 *
 *   integers     decimal if they fit 64 bits, else 16#1F...; a minus sign without a blank behind it
 *   floats       1.5, 1.0e-7
 *   atoms        [a-z][A-Za-z0-9_@]* but "fun", or quoted
 *   binaries     <<...>> of strings, strings with /utf8, numbers 0..255; the last may have a size: 5:3
 *   lists        [...], [...|Tail], "string"; tuples; maps #{Key => Value, ...}; fun M:F/A
 *   {'$external',<<131,...>>}   the term of that external form (etf_text.h)
 * In strings and quoted atoms: \n \r \t \\ \' \" \x{HEX}. Between tokens any blanks, line breaks and comments
 * (%). Each term ends with a full stop that a blank or the end follows.
 */
#ifndef WIRE_ETF_PARSE_H
#define WIRE_ETF_PARSE_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdint.h>

struct etf_parse {
    struct slice rest;       /* what is not read yet, borrowed */
    unsigned long line;      /* where rest begins, from 1 */
    unsigned long term_line; /* where the last term began */
    const char *error;       /* what is wrong in line, for people; static */
};

/* text: any bytes, must stay while it is parsed. */
struct etf_parse etf_parse_of(struct slice text);

/* Reads the next term with its full stop and appends its canonical form to out; out is as before on failure.
 * Iterative; memory grows with the text. depth_max: as in etf_check.
 * Errors: ERR_NOT_FOUND (only blanks and comments are left); the others with parse->error and parse->line
 * set: ERR_BAD_TERM, ERR_TOO_DEEP, ERR_TOO_LARGE. */
int etf_parse_next(struct etf_parse *parse, uint32_t depth_max, struct buf *out);

#endif
