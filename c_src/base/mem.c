/* Allocation with one policy: succeed or abort. Knows nothing of what is allocated. */
#include "base/mem.h"

#include "base/log.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ZEROED_HERE_MAX = 1024 };

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

/* glibc's calloc does not know the memory that was freed last, malloc does; what is large may come zeroed. */
void *mem_zalloc(size_t size)
{
    if (size > ZEROED_HERE_MAX)
        return checked(calloc(1, size), size);
    return memset(mem_alloc(size), 0, size);
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

void *mem_try_realloc(void *pointer, size_t size)
{
    return realloc(pointer, size ? size : 1);
}

bool mem_has_room_for(size_t size)
{
    if (size <= MEM_LARGE)
        return true;
    if (size > SIZE_MAX / MEM_COPIES)
        return false;
    void *volatile room = malloc(size * MEM_COPIES); /* not touched: costs nothing */
    free(room);
    return room != NULL;
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
