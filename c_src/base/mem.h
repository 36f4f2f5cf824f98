/* Heap memory that is there or ends the program.
 *
 * Running out of memory for small, bounded things is not an error that a caller could mend: the program logs
 * one line and aborts, its owner starts it again, the store brings the state back. Sizes that come from
 * outside are checked against a limit before they get here; what may be large all the same is asked for by
 * mem_try_realloc, and before a large thing is worked on mem_has_room_for tells whether that can be.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MEM_LARGE = 1 << 20, /* bytes: smaller things never fail */
    MEM_COPIES = 6       /* of a large thing, at most, that working on it takes at the same time */
};

/* size bytes, uninitialised. size 0 gives a pointer that mem_free takes. Never NULL. */
void *mem_alloc(size_t size);

/* size bytes of zero. Never NULL. */
void *mem_zalloc(size_t size);

/* size bytes, uninitialised, at a multiple of alignment (a power of two). Never NULL. */
void *mem_alloc_aligned(size_t alignment, size_t size);

/* Like realloc(3); pointer may be NULL. Never NULL. */
void *mem_realloc(void *pointer, size_t size);

/* Like realloc(3): NULL if there is not enough memory, pointer is then as before. */
void *mem_try_realloc(void *pointer, size_t size);

/* False if something of size bytes, which is there, is too large to be worked on: there is no memory for
 * MEM_COPIES of it. */
bool mem_has_room_for(size_t size);

/* A copy of size bytes; the caller owns it. */
void *mem_dup(const void *bytes, size_t size);

/* Like free(3). */
void mem_free(void *pointer);

#endif
