/* The parts of etf_check that look inside atoms, pids and the like. Private to wire.
 *
 * Everywhere p points at left bytes, the first of which is the tag. Errors: ERR_TRUNCATED, ERR_BAD_TERM.
 */
#ifndef WIRE_ETF_CHECK_PARTS_H
#define WIRE_ETF_CHECK_PARTS_H

#include <stddef.h>
#include <stdint.h>

enum { ETF_BIG_BYTES_MAX = 8 * ((1 << 19) - 1) /* the largest integer of a 64 bit BEAM */ };

/* The head of one term: the bytes before its children. */
struct etf_check_head {
    size_t size;       /* bytes */
    uint64_t children; /* terms that follow */
};

/* An atom of any form, if there is one. left may be 0. size: out, of the whole atom. */
int etf_check_atom(const uint8_t *p, size_t left, size_t *size);

/* The 31 bytes of a FLOAT_EXT behind its tag. */
int etf_check_float_text(const uint8_t *p);

/* Pids, ports, references, exports and funs. left >= 1, for references >= 3, for NEW_FUN_EXT >= 30. */
int etf_check_compound(const uint8_t *p, size_t left, struct etf_check_head *head);

#endif
