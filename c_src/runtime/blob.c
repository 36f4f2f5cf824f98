/* Shared immutable bytes. Knows nothing of what they mean. */
#include "runtime/blob.h"

#include "base/mem.h"

struct blob *blob_new(struct slice bytes)
{
    struct blob *blob = mem_alloc(sizeof *blob + bytes.size);
    blob->references = 1;
    blob->size = bytes.size;
    if (bytes.size > 0)
        memcpy(blob->bytes, bytes.data, bytes.size);
    return blob;
}

struct blob *blob_hold(struct blob *blob)
{
    blob->references++;
    return blob;
}

void blob_drop(struct blob *blob)
{
    if (blob != NULL && --blob->references == 0)
        mem_free(blob);
}
