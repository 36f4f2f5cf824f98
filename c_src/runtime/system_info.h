/* erlang:system_info/1 of this node, as far as a C node can answer honestly: it has one scheduler (the loop's
 * thread), no ports, no atom table and no ETS.
 */
#ifndef RUNTIME_SYSTEM_INFO_H
#define RUNTIME_SYSTEM_INFO_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

struct node;

/* Appends the value of an item. False, out as it was, if there is no such item here. */
bool system_info_write(struct node *node, struct slice item, struct buf *out);

/* system_info({allocator_sizes, [sys_alloc]}): what malloc has given out and holds. */
void system_info_write_allocator_sizes(struct buf *out);

#endif
