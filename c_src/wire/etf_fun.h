/* Funs on the wire: NEW_FUN_EXT (code that only its own module has) and EXPORT_EXT (fun M:F/A). Validated
 * terms.
 */
#ifndef WIRE_ETF_FUN_H
#define WIRE_ETF_FUN_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct etf_fun {
    bool exported;         /* fun M:F/A */
    struct slice module;   /* exported: M and F, atom terms, borrowed */
    struct slice function; /* the same */
    uint32_t arity;        /* of both sorts; what is more than UINT32_MAX is UINT32_MAX */
};

/* False if the term is no fun. */
bool etf_read_fun(struct slice term, struct etf_fun *fun);

#endif
