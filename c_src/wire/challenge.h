/* What two nodes prove their cookie with: random challenges and MD5 digests of cookie and challenge (erts
 * User's Guide, "Distribution Handshake", "Definitions"). No state.
 *
 * A system without random numbers or without MD5 cannot authenticate anybody: one line is logged and the
 * program aborts.
 */
#ifndef WIRE_CHALLENGE_H
#define WIRE_CHALLENGE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHALLENGE_DIGEST_SIZE = 16 };

/* Unpredictable bytes of the system. */
void challenge_random(void *bytes, size_t size);

/* A fresh challenge. */
uint32_t challenge_new(void);

/* MD5 of the cookie's bytes followed by the challenge as decimal text. */
void challenge_digest(struct slice cookie, uint32_t challenge, uint8_t digest[CHALLENGE_DIGEST_SIZE]);

/* True if the CHALLENGE_DIGEST_SIZE bytes at digest are the digest of cookie and challenge; takes the same
 * time for every wrong one. */
bool challenge_digest_is(struct slice cookie, uint32_t challenge, const uint8_t *digest);

#endif
