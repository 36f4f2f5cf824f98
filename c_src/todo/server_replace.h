/* sys:replace_state of a list: another value takes the place of the list's.
 */
#ifndef TODO_SERVER_REPLACE_H
#define TODO_SERVER_REPLACE_H

#include "runtime/gen_server.h"

/* replace_state of a gen_server_type (self is a struct server). value: a list's value as a file may hold it
 * (list_from_term). Answers the value as the list then has it once that is durable. Why not:
 * {badarg, not_a_list}; the atom of an error when the list is not loaded, or too_large. */
bool server_replace_state(struct gen_server *self, const struct from *from, struct slice value,
                          struct buf *why);

#endif
