/* Pids and references on the wire (NEW_PID_EXT, NEWER_REFERENCE_EXT; the older forms are read as well).
 *
 * The node stays a borrowed slice: whoever stores a pid stores its numbers beside a record of the node.
 */
#ifndef WIRE_PID_H
#define WIRE_PID_H

#include "base/buf.h"
#include "base/slice.h"
#include "wire/etf.h"

#include <stdbool.h>
#include <stdint.h>

struct pid {
    struct slice node; /* the node's atom as a term, borrowed: compare with etf_equal or etf_is_atom */
    uint32_t id;       /* ID */
    uint32_t serial;   /* Serial */
    uint32_t creation; /* Creation; of PID_EXT the low 2 bits */
};

enum { REF_WORDS_MAX = 5 };

struct ref {
    struct slice node;            /* as in struct pid */
    uint32_t creation;            /* Creation */
    uint32_t words;               /* how many of word[] count, 1..5 */
    uint32_t word[REF_WORDS_MAX]; /* ID words in wire order; the rest 0 */
};

/* True, and the cursor moves behind it, if the first term is a pid / reference. */
bool pid_read(struct slice *cursor, struct pid *pid);
bool ref_read(struct slice *cursor, struct ref *ref);

/* node: an atom term in UTF-8 form. */
void pid_write(struct buf *out, const struct pid *pid);
void ref_write(struct buf *out, const struct ref *ref);

#endif
