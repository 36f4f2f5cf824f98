/* The store of store/store.h without disk and threads, in the place of store/store.c: values are in memory,
 * answers come when the test says so. Linked into a target that has store/store.h's users in it and not
 * libstore's store.o. */
#ifndef TEST_C_FUZZ_MEMORY_STORE_H
#define TEST_C_FUZZ_MEMORY_STORE_H

#include "store/store.h"

/* Everything that was asked for up to now is answered. status: 0, or what the changes among it failed with:
 * they do not count then. False if there was nothing. */
bool memory_store_turn(struct store *store, int status);

/* The one that was opened last and is not freed; NULL: none. */
struct store *memory_store(void);

#endif
