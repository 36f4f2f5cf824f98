/* Writing terms, always in the canonical form (etf_canonical.h): each call appends one term or one header to
 * the buffer. The caller gives as many elements after a header as it announced.
 */
#ifndef WIRE_ETF_WRITE_H
#define WIRE_ETF_WRITE_H

#include "base/buf.h"
#include "base/slice.h"

#include "wire/etf.h"

#include <stdint.h>

enum { ETF_UINT64_SIZE_MAX = 11 };

/* The byte 131 that precedes a term on disk and in distribution frames. */
static inline void etf_write_version(struct buf *out)
{
    buf_append_u8(out, ETF_VERSION);
}

/* utf8: at most 255 characters, valid UTF-8 (a mistake of ours otherwise: asserted on bytes). */
void etf_write_atom(struct buf *out, const char *utf8);
void etf_write_atom_slice(struct buf *out, struct slice utf8);
void etf_write_int64(struct buf *out, int64_t value);
void etf_write_uint64(struct buf *out, uint64_t value);
/* The same into memory; returns how many bytes the term has. */
size_t etf_put_uint64(uint8_t bytes[ETF_UINT64_SIZE_MAX], uint64_t value);
void etf_write_double(struct buf *out, double value); /* finite */
void etf_write_binary(struct buf *out, struct slice bytes);
void etf_write_binary_text(struct buf *out, const char *text);

/* A charlist of bytes: [] , STRING_EXT up to 65535 bytes, LIST_EXT beyond. */
void etf_write_charlist(struct buf *out, struct slice bytes);

static inline void etf_write_nil(struct buf *out)
{
    buf_append_u8(out, ETF_NIL);
}

void etf_write_bool(struct buf *out, bool value);
void etf_write_tuple(struct buf *out, uint32_t arity);

/* length > 0: that many elements and a tail (usually etf_write_nil) follow. */
void etf_write_list(struct buf *out, uint32_t length);

/* Pairs follow, keys in term order. */
void etf_write_map(struct buf *out, uint32_t pairs);

/* fun Module:Function/Arity */
void etf_write_export(struct buf *out, const char *module, const char *function, uint8_t arity);

/* The term's bytes as they are. */
static inline void etf_write_term(struct buf *out, struct slice term)
{
    buf_append_slice(out, term);
}

/* {error, Reason} for a code of base/error.h. */
void etf_write_error(struct buf *out, int code);

#endif
