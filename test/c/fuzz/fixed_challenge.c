/* In the place of wire/challenge.c: numbers that are always the same and digests that an input can know. The
 * digest of cookie and challenge is the cookie's first 12 bytes, padded with 0, and the challenge. */
#include "wire/challenge.h"

#include "base/buf.h"

#include <string.h>

enum { FIXED_CHALLENGE = 0x01020304 };

void challenge_random(void *bytes, size_t size)
{
    memset(bytes, 7, size);
}

uint32_t challenge_new(void)
{
    return FIXED_CHALLENGE;
}

void challenge_digest(struct slice cookie, uint32_t challenge, uint8_t digest[CHALLENGE_DIGEST_SIZE])
{
    memset(digest, 0, CHALLENGE_DIGEST_SIZE);
    memcpy(digest, cookie.data, cookie.size < 12 ? cookie.size : 12);
    bytes_put_u32(digest + 12, challenge);
}

bool challenge_digest_is(struct slice cookie, uint32_t challenge, const uint8_t *digest)
{
    uint8_t ours[CHALLENGE_DIGEST_SIZE];
    challenge_digest(cookie, challenge, ours);
    return memcmp(ours, digest, sizeof ours) == 0;
}
