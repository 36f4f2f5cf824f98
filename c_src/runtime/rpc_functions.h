/* The functions that other nodes may have run here: by module, name and arity. What is not there is undef, as
 * on a BEAM that has not loaded it.
 */
#ifndef RUNTIME_RPC_FUNCTIONS_H
#define RUNTIME_RPC_FUNCTIONS_H

#include "runtime/function.h"

#include <stdint.h>

/* module, name: atom terms. NULL: undef. */
const struct function *function_find(struct slice module, struct slice name, unsigned arity);

/* The functions one after another, *index from 0; those of a module need not stand together. NULL: no more.
 */
const struct function *function_next(uint32_t *index);

/* Reads a pid of this node, of this start or an earlier one; *process is NULL if it is dead. */
bool function_read_local(struct process *self, struct slice term, struct process **process);

#endif
