/* SHA-256 (FIPS 180-4), for names that must not collide. Not for passwords and not for the handshake. */
#ifndef WIRE_DIGEST_H
#define WIRE_DIGEST_H

#include "base/slice.h"

#include <stdint.h>

enum { DIGEST_SHA256_SIZE = 32 };

void digest_sha256(struct slice bytes, uint8_t digest[DIGEST_SHA256_SIZE]);

#endif
