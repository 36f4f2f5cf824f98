/* Lists element by element.
 *
 * Reading: in whatever form the list stands (LIST_EXT, STRING_EXT, a tail that is a list again).
 * Precondition: validated by etf_check.
 */
#ifndef WIRE_ETF_LIST_H
#define WIRE_ETF_LIST_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct etf_list {
    struct slice rest;  /* elements and tail not looked at yet */
    uint32_t left;      /* elements at rest; its tail follows */
    struct slice bytes; /* of a STRING_EXT, not given yet */
    bool proper;        /* etf_list_next has come to a tail [] */
};

void etf_list_begin(struct etf_list *list, struct slice term);

/* The next element, a term. False at the end: list->proper tells whether it was a proper list; what is no
 * list at all has no elements and is not proper. */
bool etf_list_next(struct etf_list *list, struct slice *element);

/* True if term is a proper list; its length. */
bool etf_list_length(struct slice term, uint32_t *length);

/* Writing a list whose length is known only at its end: open, append the elements, close with their number
 * and what open returned. */
size_t etf_list_open(struct buf *out);
void etf_list_close(struct buf *out, size_t mark, uint32_t length);

#endif
