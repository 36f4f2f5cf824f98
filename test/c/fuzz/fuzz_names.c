/* Node names and hosts. */
#include "fuzz.h"

#include "wire/etf.h"
#include "wire/etf_check.h"
#include "wire/etf_write.h"
#include "wire/node_name.h"

/* A name is an atom, stands in one line of a log, and has the host behind its only @. */
static void check_name(struct slice name)
{
    struct buf atom = BUF_EMPTY;
    struct slice term;
    const uint8_t *at = memchr(name.data, '@', name.size);
    FUZZ_CHECK(name.size <= ATOM_BYTES_MAX);
    FUZZ_CHECK(memchr(name.data, '\0', name.size) == NULL && memchr(name.data, '\n', name.size) == NULL);
    FUZZ_CHECK(at != NULL && at != name.data);
    FUZZ_CHECK(node_host_ok(slice_of(at + 1, (size_t)(name.data + name.size - at - 1))));
    etf_write_atom_slice(&atom, name);
    FUZZ_CHECK(etf_check(buf_slice(&atom), 1, &term) == 0 && term.size == atom.size);
    buf_release(&atom);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice name = fuzz_copy(slice_of(data, size));
    if (node_name_ok(name))
        check_name(name);
    if (node_host_ok(name))
        FUZZ_CHECK(!node_name_ok(name) && size > 0);
    fuzz_free(name);
    return 0;
}
