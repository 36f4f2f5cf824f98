/* Heap memory that is there or ends the program.
 *
 * Running out of memory for small, bounded things is not an error that a caller could mend: the program logs
 * one line and aborts, its owner starts it again, the store brings the state back. Sizes that come from
 * outside are checked against a limit before they get here.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* size bytes, uninitialised. size 0 gives a pointer that mem_free takes. Never NULL. */
void *mem_alloc(size_t size);

/* size bytes of zero. Never NULL. */
void *mem_zalloc(size_t size);

/* size bytes, uninitialised, at a multiple of alignment (a power of two). Never NULL. */
void *mem_alloc_aligned(size_t alignment, size_t size);

/* Like realloc(3); pointer may be NULL. Never NULL. */
void *mem_realloc(void *pointer, size_t size);

/* A copy of size bytes; the caller owns it. */
void *mem_dup(const void *bytes, size_t size);

/* Like free(3). */
void mem_free(void *pointer);

#endif
