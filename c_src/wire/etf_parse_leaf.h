/* Tokens of terms as text, and terms without children (etf_parse.h). Private to wire.
 *
 * All look at what is left and move behind what they take. Those that may fail give false with parse->error
 * set.
 */
#ifndef WIRE_ETF_PARSE_LEAF_H
#define WIRE_ETF_PARSE_LEAF_H

#include "wire/etf_parse.h"

#include <stdbool.h>

/* The next character, -1 at the end. */
static inline int etf_parse_peek(const struct etf_parse *parse)
{
    return parse->rest.size > 0 ? parse->rest.data[0] : -1;
}

/* Moves over blanks, line breaks and comments. */
void etf_parse_blanks(struct etf_parse *parse);

/* Takes token (no line break in it) if it comes next. */
bool etf_parse_token(struct etf_parse *parse, const char *token);

/* Appends the number, atom, fun, binary or string that comes next: a valid term in some form. */
bool etf_parse_leaf(struct etf_parse *parse, struct buf *out);

#endif
