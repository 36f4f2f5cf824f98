/* Immutable bytes shared by counting: an exit reason that a thousand watchers are told. */
#ifndef RUNTIME_BLOB_H
#define RUNTIME_BLOB_H

#include "base/slice.h"

#include <stdint.h>

struct blob {
    uint32_t references; /* who holds it */
    size_t size;         /* bytes */
    uint8_t bytes[];     /* the copy */
};

/* A copy of bytes with one reference, the caller's. */
struct blob *blob_new(struct slice bytes);
struct blob *blob_hold(struct blob *blob);
/* NULL is allowed. The last one frees it. */
void blob_drop(struct blob *blob);

static inline struct slice blob_slice(const struct blob *blob)
{
    return slice_of(blob->bytes, blob->size);
}

#endif
