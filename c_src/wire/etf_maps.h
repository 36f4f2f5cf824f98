/* Where the maps of a term are and in which order their keys come. Private to wire.
 *
 * Walks that must meet the pairs of a map in key order (comparing, writing the canonical form) read the term
 * in place and jump to each key and value; so no level of nested maps is ever copied to be sorted.
 */
#ifndef WIRE_ETF_MAPS_H
#define WIRE_ETF_MAPS_H

#include "base/slice.h"
#include "wire/spill.h"

#include <stdint.h>

enum { MAPS_INLINE = 8, MAP_PAIRS_INLINE = 32 };

/* A place in a term. Maps are numbered in the order in which they begin. */
struct etf_place {
    uint32_t offset; /* bytes from the start of the term */
    uint32_t map;    /* number of the first map that begins there or behind */
};

struct etf_pair {
    struct etf_place key;
    struct etf_place value;
};

struct etf_map {
    uint32_t pairs_first;    /* index of its first pair; the others follow */
    uint32_t pairs;          /* how many */
    struct etf_place behind; /* where the term after the map begins */
};

struct etf_maps {
    const uint8_t *start;                          /* the term, borrowed */
    struct spill maps;                             /* of struct etf_map */
    struct spill pairs;                            /* of struct etf_pair */
    struct etf_map first_maps[MAPS_INLINE];        /* enough for most terms */
    struct etf_pair first_pairs[MAP_PAIRS_INLINE]; /* enough for most terms */
};

/* Finds the maps of a validated term; their pairs are in the order in which they stand. maps must not be
 * moved until etf_maps_release. */
void etf_maps_init(struct etf_maps *maps, struct slice term);
void etf_maps_release(struct etf_maps *maps);

/* Puts the pairs of every map into key order.
 * Errors: ERR_BAD_TERM if a map has two equal keys (all maps are in order nevertheless). */
int etf_maps_sort(struct etf_maps *maps);

static inline const struct etf_map *etf_maps_map(const struct etf_maps *maps, uint32_t number)
{
    return (const struct etf_map *)maps->maps.items + number;
}

static inline const struct etf_pair *etf_maps_pairs(const struct etf_maps *maps, const struct etf_map *map)
{
    return (const struct etf_pair *)maps->pairs.items + map->pairs_first;
}

/* Exact order of the terms at two places (etf_compare.h); maps that begin there or inside must be in order.
 */
int etf_compare_places(const struct etf_maps *a_maps, struct etf_place a, const struct etf_maps *b_maps,
                       struct etf_place b);

#endif
