/* Allocation with one policy: succeed or abort. Knows nothing of what is allocated. */
#include "base/mem.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static void *checked(void *pointer, size_t size)
{
    if (pointer == NULL) {
        log_write(LOG_ERROR, "mem", "out_of_memory", "size=%zu", size);
        abort();
    }
    return pointer;
}

void *mem_alloc(size_t size)
{
    return checked(malloc(size ? size : 1), size);
}

void *mem_zalloc(size_t size)
{
    return checked(calloc(1, size ? size : 1), size);
}

void *mem_alloc_aligned(size_t alignment, size_t size)
{
    void *pointer = NULL;
    if (posix_memalign(&pointer, alignment, size) != 0)
        pointer = NULL;
    return checked(pointer, size);
}

void *mem_realloc(void *pointer, size_t size)
{
    return checked(realloc(pointer, size ? size : 1), size);
}

void *mem_dup(const void *bytes, size_t size)
{
    void *copy = mem_alloc(size);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

void mem_free(void *pointer)
{
    free(pointer);
}
