/* Finding and ordering the maps of a term. What the order is, etf_compare.c knows. */
#include "wire/etf_maps.h"

#include "base/error.h"
#include "base/mem.h"
#include "wire/etf.h"
#include "wire/etf_walk.h"

#include <stdbool.h>

enum { NESTING_INLINE = 32, INSERTION_SORT_MAX = 8, NO_MAP = UINT32_MAX };

/* A term whose children are being walked. */
struct open_term {
    uint32_t left; /* children to come */
    uint32_t map;  /* its number, NO_MAP if it is none */
};

static struct etf_map *map_at(struct etf_maps *maps, uint32_t number)
{
    return (struct etf_map *)maps->maps.items + number;
}

static void note_child(struct etf_maps *maps, const struct open_term *parent, struct etf_place place)
{
    const struct etf_map *map = map_at(maps, parent->map);
    uint32_t child = 2 * map->pairs - parent->left;
    struct etf_pair *pair = (struct etf_pair *)maps->pairs.items + map->pairs_first + child / 2;
    if (child % 2 == 0)
        pair->key = place;
    else
        pair->value = place;
}

static uint32_t begin_map(struct etf_maps *maps, uint32_t pairs)
{
    uint32_t number = (uint32_t)maps->maps.count;
    struct etf_map *map = spill_push(&maps->maps);
    map->pairs_first = (uint32_t)maps->pairs.count;
    map->pairs = pairs;
    spill_push_many(&maps->pairs, pairs);
    return number;
}

static void find_maps(struct etf_maps *maps, struct spill *open)
{
    struct etf_place place = {0, 0};
    *(struct open_term *)spill_push(open) = (struct open_term){1, NO_MAP};
    while (open->count > 0) {
        struct open_term *parent = spill_top(open);
        if (parent->left == 0) {
            if (parent->map != NO_MAP)
                map_at(maps, parent->map)->behind = place;
            spill_pop(open);
            continue;
        }
        if (parent->map != NO_MAP)
            note_child(maps, parent, place);
        parent->left--;
        const uint8_t *p = maps->start + place.offset;
        uint64_t children;
        place.offset += (uint32_t)etf_head(p, &children);
        bool is_map = p[0] == ETF_MAP;
        uint32_t map = is_map ? begin_map(maps, (uint32_t)(children / 2)) : NO_MAP;
        place.map += is_map;
        if (children > 0 || is_map)
            *(struct open_term *)spill_push(open) = (struct open_term){(uint32_t)children, map};
    }
}

void etf_maps_init(struct etf_maps *maps, struct slice term)
{
    maps->start = term.data;
    spill_init(&maps->maps, maps->first_maps, MAPS_INLINE, sizeof maps->first_maps[0]);
    spill_init(&maps->pairs, maps->first_pairs, MAP_PAIRS_INLINE, sizeof maps->first_pairs[0]);
    struct open_term first_open[NESTING_INLINE];
    struct spill open;
    spill_init(&open, first_open, NESTING_INLINE, sizeof first_open[0]);
    find_maps(maps, &open);
    spill_release(&open);
}

void etf_maps_release(struct etf_maps *maps)
{
    spill_release(&maps->maps);
    spill_release(&maps->pairs);
}

static int compare_keys(const struct etf_maps *maps, const struct etf_pair *a, const struct etf_pair *b)
{
    return etf_compare_places(maps, a->key, maps, b->key);
}

/* Errors: ERR_BAD_TERM if two keys are equal. */
static int insertion_sort(const struct etf_maps *maps, struct etf_pair *pairs, size_t count)
{
    int error = 0;
    for (size_t i = 1; i < count; i++) {
        struct etf_pair pair = pairs[i];
        size_t at = i;
        int order = 1;
        while (at > 0 && (order = compare_keys(maps, &pairs[at - 1], &pair)) > 0) {
            pairs[at] = pairs[at - 1];
            at--;
        }
        pairs[at] = pair;
        if (order == 0)
            error = ERR_BAD_TERM;
    }
    return error;
}

/* Merges from[low, middle) and from[middle, high) into the same indices of to. */
static void merge(const struct etf_maps *maps, const struct etf_pair *from, struct etf_pair *to, size_t low,
                  size_t middle, size_t high)
{
    size_t left = low;
    size_t right = middle;
    for (size_t at = low; at < high; at++) {
        bool take_left =
            right == high || (left < middle && compare_keys(maps, &from[left], &from[right]) <= 0);
        to[at] = take_left ? from[left++] : from[right++];
    }
}

/* Not qsort, whose use of memory and stack differs between C libraries and whose worst case may be quadratic.
 */
static void merge_sort(const struct etf_maps *maps, struct etf_pair *pairs, size_t count)
{
    struct etf_pair *other = mem_alloc(count * sizeof *other);
    struct etf_pair *from = pairs;
    struct etf_pair *to = other;
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t low = 0; low < count; low += 2 * run) {
            size_t middle = low + run < count ? low + run : count;
            size_t high = low + 2 * run < count ? low + 2 * run : count;
            merge(maps, from, to, low, middle, high);
        }
        struct etf_pair *swap = from;
        from = to;
        to = swap;
    }
    if (from != pairs)
        memcpy(pairs, from, count * sizeof *pairs);
    mem_free(other);
}

/* -1 if each key is less than the next, 0 if two neighbours are equal and none is out of order, 1 else. */
static int disorder(const struct etf_maps *maps, const struct etf_pair *pairs, size_t count)
{
    int result = -1;
    for (size_t i = 1; i < count && result < 1; i++) {
        int order = compare_keys(maps, &pairs[i - 1], &pairs[i]);
        if (order >= 0)
            result = order > 0;
    }
    return result;
}

static int sort_pairs(const struct etf_maps *maps, struct etf_pair *pairs, size_t count)
{
    if (count <= INSERTION_SORT_MAX)
        return insertion_sort(maps, pairs, count);
    int state = disorder(maps, pairs, count);
    if (state > 0) {
        merge_sort(maps, pairs, count);
        state = disorder(maps, pairs, count);
    }
    return state == 0 ? ERR_BAD_TERM : 0;
}

int etf_maps_sort(struct etf_maps *maps)
{
    int error = 0;
    /* from the last to the first: maps inside a key begin behind the map whose key it is */
    for (size_t number = maps->maps.count; number > 0; number--) {
        const struct etf_map *map = map_at(maps, (uint32_t)number - 1);
        struct etf_pair *pairs = (struct etf_pair *)maps->pairs.items + map->pairs_first;
        if (sort_pairs(maps, pairs, map->pairs) != 0)
            error = ERR_BAD_TERM;
    }
    return error;
}
