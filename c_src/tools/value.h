/* What the content of a value file has to be. Pure. */
#ifndef TOOLS_VALUE_H
#define TOOLS_VALUE_H

#include "base/buf.h"
#include "base/slice.h"

#include <stddef.h>

/* What is wrong, for people; static. text NULL: nothing. */
struct value_fault {
    const char *text;
    size_t offset; /* in the content; 0: the whole of it is meant */
};

struct value {
    struct buf key;  /* canonical */
    struct buf term; /* canonical */
};

/* Fills a value from the content of the file of that name: the name has to be a key's, the content an
 * external term, which has to be a list's value if it says it is one ('__struct__' is 'Elixir.Todo.List'),
 * and behind it the trailer of a long key and nothing else. The caller releases the value in any case; where
 * there is a fault at an offset, key and term are whole all the same, else empty. */
struct value_fault value_read(const char *name, struct slice content, struct value *value);
void value_release(struct value *value);

/* The same for a term that is to become a value: of a list, or of anything else. */
struct value_fault value_check_term(struct slice term);

/* Appends the content of the file of that key (canonical) and value (canonical). */
void value_write(struct slice key, struct slice term, struct buf *content);

#endif
