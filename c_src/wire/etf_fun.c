/* What can be known of a fun without its code. */
#include "wire/etf_fun.h"

#include "wire/etf.h"
#include "wire/etf_read.h"
#include "wire/etf_walk.h"

enum { ARITY_OFFSET = 5 /* NEW_FUN_EXT: tag, Size, then Arity */ };

bool etf_read_fun(struct slice term, struct etf_fun *fun)
{
    if (etf_type(term) != TERM_FUN)
        return false;
    const uint8_t *p = etf_proper(term.data);
    *fun = (struct etf_fun){.exported = p[0] == ETF_EXPORT};
    if (!fun->exported) {
        fun->arity = p[ARITY_OFFSET];
        return true;
    }
    struct slice rest = slice_of(p + 1, term.size - (size_t)(p + 1 - term.data));
    uint64_t arity = 0;
    fun->module = etf_take(&rest);
    fun->function = etf_take(&rest);
    etf_read_uint64(&rest, &arity);
    fun->arity = arity < UINT32_MAX ? (uint32_t)arity : UINT32_MAX;
    return true;
}
