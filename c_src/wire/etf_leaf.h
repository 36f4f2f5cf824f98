/* Terms without children: their parts, whatever form they stand in, and their order. Private to wire. */
#ifndef WIRE_ETF_LEAF_H
#define WIRE_ETF_LEAF_H

#include "base/slice.h"
#include "wire/etf.h"

#include <stdbool.h>
#include <stdint.h>

/* An integer of any form. */
struct etf_integer {
    const uint8_t *digits;         /* magnitude, least significant byte first; own or the term's bytes */
    uint32_t count;                /* of digits, the last of which is not 0; the integer 0 has none */
    bool negative;                 /* never for 0 */
    uint8_t own[sizeof(uint32_t)]; /* digits of the forms that are no big integers */
};

/* p: an integer (etf_proper). The result must not be copied: digits may point into it. */
void etf_integer_view(const uint8_t *p, struct etf_integer *integer);

/* p: an atom. Its text as UTF-8: the term's bytes, or room filled. */
struct slice etf_atom_text(const uint8_t *p, uint8_t room[ATOM_BYTES_MAX]);

/* A bitstring of any form. */
struct etf_bits {
    const uint8_t *data; /* the bytes; of the last one the high bits count */
    uint32_t bytes;      /* how many, a partial one included */
    unsigned last_bits;  /* bits of the last byte that count, 1..8; 8 if there is none */
};

struct etf_bits etf_bits_view(const uint8_t *p);

/* A port of any form. */
struct etf_port {
    const uint8_t *node; /* atom */
    uint64_t id;         /* ID */
    uint32_t creation;   /* Creation */
};

struct etf_port etf_port_view(const uint8_t *p);

/* Order of two terms of the same etf_type which is none with children: integer, float, atom, reference, port,
 * pid, bitstring. */
int etf_leaf_compare(const uint8_t *a, const uint8_t *b);

/* Order of two exports, or of two funs' heads. A local fun is less than an export. 0 for two funs only if
 * they have as many children. */
int etf_fun_head_compare(const uint8_t *a, const uint8_t *b);

#endif
