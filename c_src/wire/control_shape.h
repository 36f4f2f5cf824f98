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

/* The shape of an operation as it stands on the wire; NULL if there is no such operation. */
const struct control_shape *control_shape_of(uint64_t op);

/* True if a validated term is of that kind. */
bool control_kind_fits(struct slice term, enum control_kind kind);

#endif
