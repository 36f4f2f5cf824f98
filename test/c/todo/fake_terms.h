/* Terms for tests, written as Erlang writes them. */
#ifndef TEST_C_TODO_FAKE_TERMS_H
#define TEST_C_TODO_FAKE_TERMS_H

#include "base/buf.h"
#include "base/slice.h"

/* Appends the term of a text: integers of 64 bits, atoms, 'atoms', <<"binaries">>, "strings", lists with or
 * without a tail, tuples, maps (pairs in the order given). Any other text fails the program. */
void fake_term_append(struct buf *out, const char *text);

/* The same in memory of its own, to be freed with fake_free. */
struct slice fake_term(const char *text);

/* Bytes of lower case hex digits; the same. */
struct slice fake_hex(const char *digits);

/* The bytes in front of and behind each other; the same. */
struct slice fake_join(struct slice first, struct slice second);

void fake_free(struct slice bytes);

#endif
