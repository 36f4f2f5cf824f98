/* Order of terms (Erlang reference manual, "Term Comparisons"), iterative, of any depth.
 *
 * number < atom < reference < fun < port < pid < tuple < map < nil < list < bitstring.
 */
#ifndef WIRE_ETF_COMPARE_H
#define WIRE_ETF_COMPARE_H

#include "base/slice.h"

#include <stdbool.h>

/* Exact order, as map keys are ordered: an integer is less than every float. <0, 0, >0. 0 means =:= (of OTP
 * 27: -0.0 is less than 0.0, which earlier releases hold for equal), and equal bytes in canonical form. */
int etf_compare(struct slice a, struct slice b);

/* Erlang's =:= for two validated terms in whatever forms they stand. */
bool etf_equal(struct slice a, struct slice b);

#endif
