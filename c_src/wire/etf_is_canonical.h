/* The canonical form (etf_canonical.h) recognized: what programs write mostly is in it already. */
#ifndef WIRE_ETF_IS_CANONICAL_H
#define WIRE_ETF_IS_CANONICAL_H

#include "base/slice.h"

#include <stdbool.h>

/* True: the validated term is in canonical form, so etf_canonical would append these very bytes. False says
 * nothing: only integers of 32 bits, floats, atoms, binaries, strings, [], tuples, and maps whose keys are
 * atoms are known here, nested a few levels deep. */
bool etf_is_canonical(struct slice term);

#endif
