/* Linear probing; what is removed leaves no mark, its followers move up. Knows no processes. */
#include "held.h"

#include "base/buf.h"
#include "base/mem.h"
#include "wire/etf.h"
#include "wire/pid.h"

#include <assert.h>
#include <string.h>

enum { ROOM_FIRST = 256, PID_NUMBERS = 12 };

/* What of a reference tells it from the others of its node. */
struct key {
    uint32_t word[REF_WORDS_MAX]; /* as they stand in the reference; the rest 0 */
    uint32_t words;               /* how many of them; 0: the entry is free */
};

struct held_monitor {
    struct key key;
    uint32_t watcher; /* the watching process' number */
    uint32_t watched; /* the watched one's, 0 for a name */
};

static struct key key_of(struct slice ref)
{
    struct key key = {.words = bytes_u16(ref.data + 1)};
    assert(key.words >= 1 && key.words <= REF_WORDS_MAX);
    size_t size = key.words * sizeof key.word[0];
    memcpy(key.word, ref.data + ref.size - size, size);
    return key;
}

static uint32_t number_of(struct slice process)
{
    return process.data[0] == ETF_NEW_PID ? bytes_u32(process.data + process.size - PID_NUMBERS) : 0;
}

static size_t home(const struct held *held, const struct key *key)
{
    uint64_t hash = key->word[0] ^ (uint64_t)key->word[1] << 32;
    hash = (hash ^ key->word[2]) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ hash >> 32 ^ key->word[3] ^ (uint64_t)key->word[4] << 32) * 0x9e3779b97f4a7c15u;
    return (size_t)(hash >> 32) & (held->room - 1);
}

/* Where it is, or the free entry where it would be. */
static size_t find(const struct held *held, const struct key *key)
{
    size_t i = home(held, key);
    while (held->entries[i].key.words != 0 && memcmp(&held->entries[i].key, key, sizeof *key) != 0)
        i = (i + 1) & (held->room - 1);
    return i;
}

static void grow(struct held *held)
{
    struct held old = *held;
    held->room = old.room == 0 ? ROOM_FIRST : 2 * old.room;
    held->entries = mem_zalloc(held->room * sizeof *held->entries);
    for (size_t i = 0; i < old.room; i++) {
        if (old.entries[i].key.words != 0)
            held->entries[find(held, &old.entries[i].key)] = old.entries[i];
    }
    mem_free(old.entries);
}

void held_release(struct held *held)
{
    mem_free(held->entries);
    *held = HELD_EMPTY;
}

void held_add(struct held *held, struct slice ref, struct slice watcher, struct slice watched)
{
    if (2 * (held->count + 1) > held->room)
        grow(held);
    struct held_monitor monitor = {
        .key = key_of(ref), .watcher = number_of(watcher), .watched = number_of(watched)};
    size_t i = find(held, &monitor.key);
    held->count += held->entries[i].key.words == 0;
    held->entries[i] = monitor;
}

bool held_remove(struct held *held, struct slice ref)
{
    struct key key = key_of(ref);
    if (held->count == 0)
        return false;
    size_t hole = find(held, &key), mask = held->room - 1;
    if (held->entries[hole].key.words == 0)
        return false;
    for (size_t i = (hole + 1) & mask; held->entries[i].key.words != 0; i = (i + 1) & mask) {
        if (((i - home(held, &held->entries[i].key)) & mask) >= ((i - hole) & mask)) {
            held->entries[hole] = held->entries[i];
            hole = i;
        }
    }
    held->entries[hole].key.words = 0;
    held->count--;
    return true;
}
