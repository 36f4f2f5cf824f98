/* Compares names. Knows nothing of connections. */
#include "runtime/allowed.h"

#include "wire/node_name.h"

#include <string.h>

bool allowed_entry_ok(struct slice text)
{
    return node_name_ok(text) || (text.size > 0 && memchr(text.data, '@', text.size) == NULL);
}

static struct slice host_of(struct slice node)
{
    const uint8_t *at = memchr(node.data, '@', node.size);
    size_t alive = at == NULL ? node.size : (size_t)(at - node.data) + 1;
    return slice_of(node.data + alive, node.size - alive);
}

bool allowed_node(const struct allowed *allowed, struct slice node)
{
    struct slice host = host_of(node);
    for (unsigned i = 0; i < allowed->count; i++) {
        struct slice entry = slice_of_text(allowed->entries[i]);
        if (slice_equal(entry, node) || slice_equal(entry, host))
            return true;
    }
    return allowed->count == 0;
}
