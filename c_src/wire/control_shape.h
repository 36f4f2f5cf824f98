/* Which elements each operation of the distribution protocol has, what may stand in each place, and which
 * slice of struct control it becomes. Private to control.c.
 */
#ifndef WIRE_CONTROL_SHAPE_H
#define WIRE_CONTROL_SHAPE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CONTROL_ELEMENTS_MAX = 6, /* of a control tuple, behind the operation */
    CONTROL_IGNORED = 0,      /* no slice of struct control has this offset */
};

/* Flags of ALTACT_SIG_SEND. */
enum control_altact {
    CONTROL_ALTACT_PRIORITY = 1,
    CONTROL_ALTACT_TOKEN = 2, /* one element more */
    CONTROL_ALTACT_ALIAS = 4, /* it goes to an alias; with neither this nor the next, to a pid */
    CONTROL_ALTACT_NAME = 8,
    CONTROL_ALTACT_EXIT = 16 /* the payload is the reason of an exit signal */
};

/* What may stand in one place. */
enum control_kind {
    CONTROL_KIND_NONE, /* ends the list of elements */
    CONTROL_KIND_ANY,
    CONTROL_KIND_PID,
    CONTROL_KIND_ATOM,
    CONTROL_KIND_PID_OR_ATOM,
    CONTROL_KIND_REF,
    CONTROL_KIND_UNLINK_ID, /* 1..2^64-1 */
    CONTROL_KIND_FLAGS,
    CONTROL_KIND_MFA,
    CONTROL_KIND_PROPER_LIST
};

/* One place: what stands there and which slice of struct control it becomes. */
struct control_place {
    uint8_t kind;  /* enum control_kind */
    uint8_t field; /* offset in struct control; CONTROL_IGNORED: nobody asks for it */
};

struct control_shape {
    uint8_t op;                                          /* enum control_op, folded; 0: no such operation */
    struct control_place elements[CONTROL_ELEMENTS_MAX]; /* behind the operation, in order */
    struct control_place payload;                        /* CONTROL_KIND_NONE: no payload */
};

/* The shape of an operation as it stands on the wire; NULL if there is no such operation. That of
 * ALTACT_SIG_SEND has no elements: control_shape_of_altact has them. */
const struct control_shape *control_shape_of(uint64_t op);

/* The shape of an ALTACT_SIG_SEND with these flags, its first element; NULL if they are none. More elements
 * may follow: those of a later release. */
const struct control_shape *control_shape_of_altact(struct slice flags);

/* True if a validated term is of that kind. */
bool control_kind_fits(struct slice term, enum control_kind kind);

#endif
