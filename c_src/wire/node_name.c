/* The form of node names. Knows nothing of which nodes there are. */
#include "wire/node_name.h"

#include "base/buf.h"
#include "wire/etf.h"
#include "wire/etf_check.h"

#include <string.h>

/* What 255 characters of UTF-8 are, the border for atoms says. */
static bool is_atom_text(struct slice text)
{
    uint8_t atom[3 + ATOM_BYTES_MAX];
    struct slice term;
    if (text.size > ATOM_BYTES_MAX)
        return false;
    atom[0] = ETF_ATOM_UTF8;
    bytes_put_u16(atom + 1, (uint16_t)text.size);
    memcpy(atom + 3, text.data, text.size);
    return etf_check(slice_of(atom, 3 + text.size), 1, &term) == 0;
}

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] == 0x7f)
            return false;
    }
    return true;
}

bool node_host_ok(struct slice host)
{
    return host.size > 0 && memchr(host.data, '@', host.size) == NULL && is_printable(host) &&
           is_atom_text(host);
}

bool node_name_ok(struct slice name)
{
    const uint8_t *at = name.size > 0 ? memchr(name.data, '@', name.size) : NULL;
    if (at == NULL || at == name.data)
        return false;
    struct slice host = slice_of(at + 1, name.size - (size_t)(at + 1 - name.data));
    return node_host_ok(host) && is_printable(name) && is_atom_text(name);
}
