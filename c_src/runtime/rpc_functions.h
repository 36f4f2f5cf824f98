/* The functions that other nodes may have run here: a table by module, name and arity. What is not in it is
 * undef, as on a BEAM that has not loaded it.
 */
#ifndef RUNTIME_RPC_FUNCTIONS_H
#define RUNTIME_RPC_FUNCTIONS_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

struct node;

enum { FUNCTION_ARITY_MAX = 3 };

struct function {
    const char *module; /* UTF-8 */
    const char *name;
    unsigned arity;
    /* Appends what it returns, one term. False: badarg. arguments: arity terms. Must neither wait nor send.
     */
    bool (*call)(struct node *node, const struct slice *arguments, struct buf *out);
    const char *bif; /* the BIF of module erlang that it is only another name for; NULL: itself */
};

/* module, name: atom terms. NULL: undef. */
const struct function *function_find(struct slice module, struct slice name, unsigned arity);

#endif
