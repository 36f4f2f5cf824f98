/* wire/digest: SHA-256 against the examples of its specification. */
#include "unit.h"

#include "wire/digest.h"

#include <stdio.h>
#include <string.h>

static void assert_digest(const char *text, const char *expected)
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    char digits[2 * DIGEST_SHA256_SIZE + 1];
    digest_sha256(slice_of_text(text), digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(digits + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(digits, expected);
}

static void digest_sha256__known_texts__have_known_digests(void **state)
{
    assert_digest("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_digest("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_sha256__known_texts__have_known_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
