/* Who called: the From of a call, {Pid, Tag} (module gen of OTP's stdlib), and how it is answered. */
#ifndef RUNTIME_FROM_H
#define RUNTIME_FROM_H

#include "runtime/process.h"

/* Borrowed from the request. */
struct from {
    struct slice pid; /* the caller, as a term: a pid; by hand also an alias or {Name, Node} */
    struct slice tag; /* any term; echoed */
    bool fast;        /* the caller has no monitor: it is told when there will be no answer (fast_call.h) */
};

/* Takes a From from the terms at cursor. False: it is none, and cursor stays. */
bool from_read(struct slice *cursor, struct from *from);

/* The alias in a tag of the forms [alias|Ref] and [[alias|Ref]|_] (gen.erl). False: the tag has none. */
bool from_alias(struct slice tag, struct slice *alias);

/* Opens {Tag, Answer} from sender (NULL: from the node itself) to who called: append one term, the answer,
 * and call process_send_end. */
struct buf *from_answer_begin(struct node *node, struct process *sender, const struct from *from);

#endif
