/* What the floor says to a frame: every call is answered, monitors are held, everything else is ignored. */
#ifndef FLOOR_MESSAGES_H
#define FLOOR_MESSAGES_H

#include "base/buf.h"
#include "held.h"

#include <stdbool.h>
#include <stdint.h>

struct floor_messages {
    struct buf node;   /* our node's name, an atom term */
    uint32_t creation; /* ours */
    struct buf cache;  /* pid that answers what was sent to a name */
    struct buf answer; /* term that answers nearly every call */
};

/* node: full name. answer: a term, borrowed until return. */
void floor_messages_init(struct floor_messages *messages, const char *node, uint32_t creation,
                         struct slice answer);
void floor_messages_release(struct floor_messages *messages);

/* Acts on one frame of a peer; appends what is to be said to out. aliases: the peer announced ALIAS. held:
 * its monitors. True if the frame was a call. Errors: those of control_parse in *error, which is untouched if
 * there is none. */
bool floor_messages_frame(const struct floor_messages *messages, struct slice frame, bool aliases,
                          struct held *held, struct buf *out, int *error);

#endif
