/* SipHash-1-3. Knows nothing of tables. */
#include "base/hash.h"

#include <endian.h>
#include <stdlib.h>
#include <sys/random.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

void hash_key_init(struct hash_key *key)
{
    if (getrandom(key->word, sizeof key->word, 0) != sizeof key->word)
        abort();
}

static inline uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void round_of(struct state *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static inline void mix(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    round_of(s);
    s->v0 ^= word;
}

/* At most 8 bytes, least significant first. */
static inline uint64_t load(const uint8_t *bytes, size_t size)
{
    uint64_t word = 0;
    if (size > 0)
        memcpy(&word, bytes, size);
    return le64toh(word);
}

uint64_t hash_bytes(const struct hash_key *key, struct slice bytes)
{
    struct state s = {.v0 = key->word[0] ^ 0x736f6d6570736575,
                      .v1 = key->word[1] ^ 0x646f72616e646f6d,
                      .v2 = key->word[0] ^ 0x6c7967656e657261,
                      .v3 = key->word[1] ^ 0x7465646279746573};
    size_t whole = bytes.size & ~(size_t)7;
    for (size_t at = 0; at < whole; at += 8)
        mix(&s, load(bytes.data + at, 8));
    mix(&s, (uint64_t)bytes.size << 56 | load(bytes.data + whole, bytes.size - whole));
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        round_of(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
