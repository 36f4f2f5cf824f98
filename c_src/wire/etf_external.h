/* Whole external terms, as files hold them: version byte 131, optionally compressed (tag 80, zlib). */
#ifndef WIRE_ETF_EXTERNAL_H
#define WIRE_ETF_EXTERNAL_H

#include "base/buf.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

/* Validates the external term at the start of bytes and finds it.
 * expanded_max: largest size in bytes that a compressed term may expand to.
 * scratch: where a compressed term is expanded (cleared first); term then points into it.
 * term: out; rest: out, the bytes behind the external term (may be NULL if the caller wants none: then bytes
 *   behind it are ERR_BAD_TERM).
 * Errors: those of etf_check, ERR_TOO_LARGE, -ENOMEM (of a compressed one). */
int etf_external_read(struct slice bytes, uint32_t depth_max, size_t expanded_max, struct buf *scratch,
                      struct slice *term, struct slice *rest);

#endif
