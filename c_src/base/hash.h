/* A keyed hash of bytes: who does not know the key cannot make many inputs with the same hash. SipHash-1-3 of
 * J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF". */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/slice.h"

#include <stdint.h>

struct hash_key {
    uint64_t word[2]; /* random */
};

/* Takes a key from the system's random numbers, or aborts. */
void hash_key_init(struct hash_key *key);

uint64_t hash_bytes(const struct hash_key *key, struct slice bytes);

#endif
