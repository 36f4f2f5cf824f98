/* Child specifications that come as terms, as start_child has them (module supervisor of OTP's stdlib).
 * Private to the supervisor.
 */
#ifndef RUNTIME_SUPERVISOR_CHILDSPEC_H
#define RUNTIME_SUPERVISOR_CHILDSPEC_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

/* Terms, borrowed from the specification; empty: left out, the default counts. */
struct child_term {
    struct slice id;
    struct slice start; /* {M, F, A} */
    struct slice restart;
    struct slice significant;
    struct slice shutdown;
    struct slice type;
    struct slice modules;
};

/* spec: any term. False: it is no specification; appends to why, in OTP's words, what is wrong with it. */
bool child_term_read(struct slice spec, struct child_term *child, struct buf *why);

/* Appends why a child that was read cannot be started here, as a BEAM without the module says it:
 * {{'EXIT', {undef, Stack}}, Child}. */
void child_term_write_undef(const struct child_term *child, struct buf *out);

#endif
