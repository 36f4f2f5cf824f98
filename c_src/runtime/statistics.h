/* erlang:statistics/1 and erlang:memory/0,1 of this node: what it and the operating system count. What a BEAM
 * has and a C node has not (garbage collections, binaries, atoms) is 0.
 */
#ifndef RUNTIME_STATISTICS_H
#define RUNTIME_STATISTICS_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct node;

/* What the last call of statistics/1 said: some items also tell what has come since. */
struct statistics_seen {
    uint64_t runtime_ms;
    uint64_t wall_clock_ms;
    uint64_t reductions;
    uint64_t exact_reductions;
};

/* Appends the value of an item. False, out as it was, if there is no such item. */
bool statistics_write(struct node *node, struct slice item, struct buf *out);

/* The same for an item that is known to exist. */
void statistics_write_item(struct node *node, const char *item, struct buf *out);

/* memory(): all types; memory(Type | [Type]): false, out as it was, if one is none. */
void memory_write(struct buf *out);
bool memory_write_types(struct slice types, struct buf *out);

/* What malloc has given out and what it holds for that, in bytes; false, and 0, if it does not tell. */
bool memory_heap(uint64_t *used, uint64_t *held);

#endif
