/* erlang:phash2, which chooses the worker of a key; equal to the BEAM's for every integer, float, atom,
 * bitstring, list and tuple of these, nested in any way. Iterative. */
#ifndef WIRE_PHASH2_H
#define WIRE_PHASH2_H

#include "base/slice.h"

#include <stdint.h>

/* erlang:phash2(Term, Range), 0..Range-1; range 1..2^32-1. Terms that contain other types (maps, pids, ...)
 * give a number in range that need not be the BEAM's. */
uint32_t phash2(struct slice term, uint32_t range);

#endif
