/* Which nodes may be connected (net_kernel:allow/1 of OTP's kernel): all, or those of a list. */
#ifndef RUNTIME_ALLOWED_H
#define RUNTIME_ALLOWED_H

#include "base/slice.h"

#include <stdbool.h>

struct allowed {
    const char *const *entries; /* nodes (alive@host) and hosts; borrowed */
    unsigned count;             /* 0: all nodes are allowed */
};

/* True for text that can stand in the list: a node name, or a host. */
bool allowed_entry_ok(struct slice text);

/* True if that node (alive@host) may be connected: it, or its host, is in the list. */
bool allowed_node(const struct allowed *allowed, struct slice node);

#endif
