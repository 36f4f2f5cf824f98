/* apply(M, F, A) for the functions of this node (rpc_functions.h), with the error that a BEAM without any
 * other code raises: undef, badarg, badarity, badfun and the stack trace that goes with it. Applying apply 64
 * times over is system_limit.
 */
#ifndef RUNTIME_APPLY_H
#define RUNTIME_APPLY_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct process;

/* Any terms: what cannot be applied is badarg. */
struct mfa {
    struct slice module;
    struct slice function;
    struct slice arguments;
};

enum apply_class {
    APPLY_RETURN,
    APPLY_THROW,
    APPLY_EXIT,
    APPLY_ERROR,
    APPLY_BEGUN /* nothing to be released: it goes on in the process that applied it (activity.h) */
};

struct applied {
    enum apply_class class; /* how it ended */
    struct buf value;       /* a term: what was returned, thrown, or the reason */
    struct buf frames;      /* of an error: its stack trace, terms one after another, innermost first */
    uint32_t frame_count;   /* in frames */
    size_t frame_last;      /* where the last one begins */
    bool by_caller;         /* raised in whoever applied it: the caller's own frame is the next */
};

/* Applies, in the process self. applied: out, to be released. What it costs is bounded by the size of the
 * arguments and of the result. A function that takes longer is undef where self is no activity. */
void apply_mfa(struct process *self, const struct mfa *mfa, struct applied *applied);
void applied_release(struct applied *applied);

/* Makes the frames what erpc shows of them: from mfa, which was applied, inwards. */
void applied_trim(struct applied *applied, const struct mfa *mfa);

/* Adds {Module, Function, Arity, []}. */
void applied_add_frame(struct applied *applied, const char *module, const char *function, unsigned arity);

/* Appends the stack trace, a list. */
void applied_write_stack(const struct applied *applied, struct buf *out);

#endif
