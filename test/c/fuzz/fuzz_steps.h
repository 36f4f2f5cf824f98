/* The steps that an input of the whole node consists of. */
#ifndef TEST_C_FUZZ_FUZZ_STEPS_H
#define TEST_C_FUZZ_FUZZ_STEPS_H

#include "fuzz.h"

enum fuzz_step_kind {
    FUZZ_FRAME_A,
    FUZZ_FRAME_B,
    FUZZ_AGAIN_A,
    FUZZ_AGAIN_B,
    FUZZ_STORE,
    FUZZ_STORE_FAILS,
    FUZZ_REACH,
    FUZZ_TIME,
    FUZZ_STEP_KINDS /* how many there are */
};

struct fuzz_step {
    enum fuzz_step_kind kind;
    struct slice bytes;
};

/* The first step, borrowed; false: nothing is left. */
static inline bool fuzz_step_take(struct slice *input, struct fuzz_step *step)
{
    if (input->size == 0)
        return false;
    step->kind = (enum fuzz_step_kind)(fuzz_take_u8(input) % FUZZ_STEP_KINDS);
    step->bytes = fuzz_take(input, fuzz_take_u16(input));
    return true;
}

static inline void fuzz_step_append(struct buf *out, struct fuzz_step step)
{
    buf_append_u8(out, (uint8_t)step.kind);
    buf_append_u16(out, (uint16_t)step.bytes.size);
    buf_append_slice(out, step.bytes);
}

#endif
