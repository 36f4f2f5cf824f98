/* Reading validated terms in place, without copying.
 *
 * A cursor is a struct slice over one or more validated terms standing one after another. Each etf_read_*
 * looks at the first of them: if it is what was asked for, it is stored, the cursor moves behind it, and true
 * is returned; else false, cursor and result untouched. All forms in which a term may arrive are understood
 * (old atoms, bytes as STRING_EXT or LIST_EXT, any integer form). Precondition everywhere: validated by
 * etf_check.
 */
#ifndef WIRE_ETF_READ_H
#define WIRE_ETF_READ_H

#include "base/buf.h"
#include "base/slice.h"
#include "wire/etf.h"

#include <stdbool.h>
#include <stdint.h>

/* What a term is, in Erlang's words. A STRING_EXT is a TERM_LIST. */
enum term_type {
    TERM_INTEGER, /* of any size */
    TERM_FLOAT,
    TERM_ATOM,
    TERM_REFERENCE,
    TERM_FUN, /* local or external */
    TERM_PORT,
    TERM_PID,
    TERM_TUPLE,
    TERM_MAP,
    TERM_NIL,
    TERM_LIST,     /* not empty */
    TERM_BITSTRING /* binaries too */
};

enum term_type etf_type(struct slice term);

/* Bytes of the first term at the cursor (skips it iteratively); the cursor must not be empty. */
struct slice etf_take(struct slice *cursor);

/* Headers: the cursor moves to the first element (of arity), key (2 * pairs terms follow). */
bool etf_read_tuple(struct slice *cursor, uint32_t *arity);
bool etf_read_map(struct slice *cursor, uint32_t *pairs);

/* LIST_EXT: length elements follow, then the tail, which the caller takes. NIL gives length 0 and no tail
 * follows. False for STRING_EXT (see etf_read_string). */
bool etf_read_list(struct slice *cursor, uint32_t *length);

/* STRING_EXT: the bytes themselves. */
bool etf_read_string(struct slice *cursor, struct slice *bytes);

/* Any atom as UTF-8 text, copied (Latin-1 is converted). text: room for ATOM_BYTES_MAX bytes, no NUL added.
 */
bool etf_read_atom(struct slice *cursor, uint8_t text[ATOM_BYTES_MAX], size_t *size);

/* An integer of any form whose value fits; false otherwise. */
bool etf_read_int64(struct slice *cursor, int64_t *value);
bool etf_read_uint64(struct slice *cursor, uint64_t *value);

/* NEW_FLOAT_EXT or FLOAT_EXT. */
bool etf_read_double(struct slice *cursor, double *value);

/* A binary (whole bytes): its content. */
bool etf_read_binary(struct slice *cursor, struct slice *bytes);

/* True if term is the atom of that UTF-8 text, in whatever form it stands. */
bool etf_is_atom_slice(struct slice term, struct slice utf8);
static inline bool etf_is_atom(struct slice term, const char *utf8)
{
    return etf_is_atom_slice(term, slice_of_text(utf8));
}

/* If the term at the cursor is a tuple of that arity whose first element is the atom tag, moves the cursor to
 * its second element. */
bool etf_read_tagged_slice(struct slice *cursor, struct slice tag, uint32_t arity);
static inline bool etf_read_tagged(struct slice *cursor, const char *tag, uint32_t arity)
{
    return etf_read_tagged_slice(cursor, slice_of_text(tag), arity);
}

/* The value of the first pair of a map whose key is the atom; false if absent or no map. */
bool etf_map_get(struct slice map, const char *key, struct slice *value);

/* A list of bytes and binaries, nested as iodata is (also a lone binary): appended to out.
 * Errors: ERR_BADARG for anything else (out's size is restored). Iterative. */
int etf_read_iodata(struct slice term, struct buf *out);

#endif
