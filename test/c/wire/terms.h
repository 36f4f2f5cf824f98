/* Terms for the tests of the etf_ files: written as bytes, copied to exactly sized heap memory (so that a
 * sanitizer sees a read behind them), nested deeply.
 */
#ifndef TEST_C_WIRE_TERMS_H
#define TEST_C_WIRE_TERMS_H

#include "base/buf.h"
#include "base/mem.h"
#include "base/slice.h"
#include "unit.h"
#include "wire/etf_check.h"
#include "wire/etf_write.h"

#include <stdlib.h>

/* The term of these bytes; lives as long as the block. */
#define TERM(...) slice_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

enum { TERMS_DEPTH_MAX = 1000000 };

#define assert_bytes_equal(a, b)                                                                             \
    do {                                                                                                     \
        struct slice a_bytes = (a);                                                                          \
        struct slice b_bytes = (b);                                                                          \
        assert_int_equal(a_bytes.size, b_bytes.size);                                                        \
        assert_memory_equal(a_bytes.data, b_bytes.data, a_bytes.size);                                       \
    } while (0)

/* etf_check of a copy that ends exactly where bytes ends. size: out, of the term found; may be NULL. */
static inline int terms_check(struct slice bytes, size_t *size)
{
    uint8_t *copy = bytes.size > 0 ? mem_dup(bytes.data, bytes.size) : NULL;
    struct slice term = {0};
    int error = etf_check(slice_of(copy, bytes.size), TERMS_DEPTH_MAX, &term);
    if (error == 0)
        assert_ptr_equal(term.data, copy);
    if (size != NULL)
        *size = term.size;
    mem_free(copy);
    return error;
}

/* A valid term, or the test fails. */
static inline struct slice terms_valid(struct slice bytes)
{
    struct slice term = {0};
    assert_int_equal(etf_check(bytes, TERMS_DEPTH_MAX, &term), 0);
    assert_int_equal(term.size, bytes.size);
    return term;
}

/* [[[...[]...]]], depth lists around []. */
static inline void terms_deep_list(struct buf *out, size_t depth)
{
    for (size_t i = 0; i < depth; i++)
        etf_write_list(out, 1);
    for (size_t i = 0; i <= depth; i++)
        etf_write_nil(out);
}

/* [0 | [0 | ... innermost]] of lists of one element. */
static inline void terms_deep_tail(struct buf *out, size_t depth, struct slice innermost)
{
    for (size_t i = 0; i < depth; i++) {
        etf_write_list(out, 1);
        etf_write_int64(out, 0);
    }
    etf_write_term(out, innermost);
}

/* #{2 => #{2 => ... innermost, 1 => 0}, 1 => 0}: the keys of each map out of order. */
static inline void terms_deep_map(struct buf *out, size_t depth, struct slice innermost)
{
    for (size_t i = 0; i < depth; i++) {
        etf_write_map(out, 2);
        etf_write_int64(out, 2);
    }
    etf_write_term(out, innermost);
    for (size_t i = 0; i < depth; i++) {
        etf_write_int64(out, 1);
        etf_write_int64(out, 0);
    }
}

/* #{#{... innermost ... => 1, a => 1} => 1, a => 1}: maps as keys of maps, out of order. */
static inline void terms_deep_key(struct buf *out, size_t depth, struct slice innermost)
{
    for (size_t i = 0; i < depth; i++)
        etf_write_map(out, 2);
    etf_write_term(out, innermost);
    for (size_t i = 0; i < depth; i++) {
        etf_write_int64(out, 1);
        etf_write_atom(out, "a");
        etf_write_int64(out, 1);
    }
}

#endif
