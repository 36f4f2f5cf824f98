/* The keyed hash: the vectors of a known implementation, and that the key matters. */
#include "base/hash.h"

#include "unit.h"

#include <string.h>

static const struct hash_key known = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};

/* Key 00 01 .. 0f, message 00 01 .. of each length, as Python's and Rust's SipHash-1-3 give it. */
static void hash_bytes__known_key__gives_the_published_values(void **state)
{
    static const struct {
        size_t size;
        uint64_t hash;
    } vectors[] = {
        {0, 0xabac0158050fc4dc},  {1, 0xc9f49bf37d57ca93},  {7, 0xd3927d989bb11140},  {8, 0x369095118d299a8e},
        {15, 0xd320d86d2a519956}, {16, 0xcc4fdd1a7d908b66}, {63, 0x9d199062b7bbb3a8},
    };
    uint8_t bytes[64];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        assert_int_equal(hash_bytes(&known, slice_of(bytes, vectors[i].size)), vectors[i].hash);
}

static void hash_bytes__no_bytes__is_a_hash_too(void **state)
{
    assert_int_equal(hash_bytes(&known, slice_of(NULL, 0)), hash_bytes(&known, slice_of("x", 0)));
}

static void hash_key_init__twice__gives_two_keys(void **state)
{
    struct hash_key a, b;
    hash_key_init(&a);
    hash_key_init(&b);
    assert_memory_not_equal(&a, &b, sizeof a);
    assert_int_not_equal(hash_bytes(&a, slice_of_text("name")), hash_bytes(&b, slice_of_text("name")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_bytes__known_key__gives_the_published_values),
        cmocka_unit_test(hash_bytes__no_bytes__is_a_hash_too),
        cmocka_unit_test(hash_key_init__twice__gives_two_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
