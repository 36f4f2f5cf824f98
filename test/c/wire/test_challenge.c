/* Digests as every node computes them, and challenges that nobody guesses. */
#include "wire/challenge.h"

#include "unit.h"

#include <string.h>

static void digest__known_cookies__are_md5_of_cookie_and_decimal_challenge(void **state)
{
    /* printf 'cookie123' | md5sum */
    static const struct {
        const char *cookie;
        uint32_t challenge;
        const uint8_t digest[CHALLENGE_DIGEST_SIZE];
    } known[] = {
        {"cookie",
         123,
         {0x53, 0x8d, 0x86, 0x14, 0x34, 0x0a, 0x76, 0x9d, 0xa7, 0xef, 0x34, 0xa8, 0xd2, 0xe0, 0x93, 0x8a}},
        {"cookie",
         UINT32_MAX,
         {0xde, 0x56, 0xff, 0x9d, 0x11, 0xb0, 0x71, 0x90, 0x5b, 0xce, 0x59, 0x7a, 0x85, 0xd6, 0x7f, 0x4f}},
        {"",
         0,
         {0xcf, 0xcd, 0x20, 0x84, 0x95, 0xd5, 0x65, 0xef, 0x66, 0xe7, 0xdf, 0xf9, 0xf9, 0x87, 0x64, 0xda}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint8_t digest[CHALLENGE_DIGEST_SIZE];
        challenge_digest(slice_of_text(known[i].cookie), known[i].challenge, digest);
        assert_memory_equal(digest, known[i].digest, sizeof digest);
    }
}

static void digest_is__any_bit_changed__is_false(void **state)
{
    struct slice cookie = slice_of_text("secret");
    uint8_t digest[CHALLENGE_DIGEST_SIZE];
    challenge_digest(cookie, 77, digest);
    assert_true(challenge_digest_is(cookie, 77, digest));
    assert_false(challenge_digest_is(cookie, 78, digest));
    assert_false(challenge_digest_is(slice_of_text("secreT"), 77, digest));
    for (unsigned bit = 0; bit < 8 * sizeof digest; bit++) {
        digest[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(challenge_digest_is(cookie, 77, digest));
        digest[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void new__many__differ(void **state)
{
    enum { MANY = 100 };
    uint32_t challenges[MANY];
    unsigned equal = 0;
    for (unsigned i = 0; i < MANY; i++) {
        challenges[i] = challenge_new();
        for (unsigned j = 0; j < i; j++)
            equal += challenges[i] == challenges[j];
    }
    assert_true(equal <= 1); /* one pair in a million runs */
}

static void random__bytes_behind__stay(void **state)
{
    uint8_t bytes[40] = {0};
    static const uint8_t zeroes[40];
    challenge_random(bytes, 32);
    assert_memory_equal(bytes + 32, zeroes, 8);
    assert_memory_not_equal(bytes, zeroes, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest__known_cookies__are_md5_of_cookie_and_decimal_challenge),
        cmocka_unit_test(digest_is__any_bit_changed__is_false),
        cmocka_unit_test(new__many__differ),
        cmocka_unit_test(random__bytes_behind__stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
