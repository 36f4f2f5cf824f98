/* Challenges and digests by OpenSSL. Knows neither packets nor nodes; the cookie goes nowhere but into MD5.
 */
#include "wire/challenge.h"

#include "base/log.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

static _Noreturn void fail(const char *event)
{
    log_write(LOG_ERROR, "challenge", event, "reason=openssl");
    abort();
}

void challenge_random(void *bytes, size_t size)
{
    if (size > INT_MAX || RAND_bytes(bytes, (int)size) != 1)
        fail("no_random_bytes");
}

uint32_t challenge_new(void)
{
    uint32_t challenge;
    challenge_random(&challenge, sizeof challenge);
    return challenge;
}

void challenge_digest(struct slice cookie, uint32_t challenge, uint8_t digest[CHALLENGE_DIGEST_SIZE])
{
    char text[sizeof "4294967295"];
    int length = snprintf(text, sizeof text, "%lu", (unsigned long)challenge);
    EVP_MD_CTX *md5 = EVP_MD_CTX_new();
    if (md5 == NULL || EVP_DigestInit_ex(md5, EVP_md5(), NULL) != 1 ||
        EVP_DigestUpdate(md5, cookie.data, cookie.size) != 1 ||
        EVP_DigestUpdate(md5, text, (size_t)length) != 1 || EVP_DigestFinal_ex(md5, digest, NULL) != 1)
        fail("no_md5");
    EVP_MD_CTX_free(md5);
}

bool challenge_digest_is(struct slice cookie, uint32_t challenge, const uint8_t *digest)
{
    uint8_t ours[CHALLENGE_DIGEST_SIZE];
    challenge_digest(cookie, challenge, ours);
    return CRYPTO_memcmp(ours, digest, sizeof ours) == 0;
}
