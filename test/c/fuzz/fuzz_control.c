/* Control messages: one frame. What is accepted consists of terms of the frame, and built again from what was
 * parsed it is parsed to the same. */
#include "fuzz.h"

#include "wire/control.h"
#include "wire/etf_check.h"
#include "wire/etf_compare.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"
#include "wire/frame.h"

enum { DEPTH_MAX = 1000, SLICES = 12 };

static void slices_of(const struct control *control, struct slice slices[SLICES])
{
    const struct slice all[SLICES] = {control->from,      control->to,           control->ref,
                                      control->unlink_id, control->message,      control->reason,
                                      control->token,     control->group_leader, control->mfa,
                                      control->options,   control->arguments,    control->result};
    memcpy(slices, all, sizeof all);
}

static void check_slices(struct slice frame, const struct control *control)
{
    struct slice slices[SLICES], term;
    slices_of(control, slices);
    for (unsigned i = 0; i < SLICES; i++) {
        if (slices[i].size == 0)
            continue;
        FUZZ_CHECK(slices[i].data > frame.data && slices[i].data + slices[i].size <= frame.data + frame.size);
        FUZZ_CHECK(etf_check(slices[i], DEPTH_MAX, &term) == 0 && term.size == slices[i].size);
    }
}

static void end_with(struct buf *out, size_t mark, struct slice payload)
{
    etf_write_term(out, payload);
    frame_end(out, mark);
}

/* False: there is no builder for it. */
static bool build(const struct control *c, struct buf *out)
{
    uint64_t id;
    struct slice number = c->unlink_id;
    switch (c->op) {
    case CONTROL_SEND:
        end_with(out,
                 c->from.size > 0 ? control_send_sender_begin(out, c->from, c->to, c->token)
                                  : control_send_begin(out, c->to, c->token),
                 c->message);
        return true;
    case CONTROL_REG_SEND:
        end_with(out, control_reg_send_begin(out, c->from, c->to, c->token), c->message);
        return true;
    case CONTROL_ALIAS_SEND:
        end_with(out, control_alias_send_begin(out, c->from, c->to, c->token), c->message);
        return true;
    case CONTROL_LINK:
        control_link(out, c->from, c->to);
        return true;
    case CONTROL_UNLINK_ID:
        FUZZ_CHECK(etf_read_uint64(&number, &id) && id > 0);
        control_unlink_id(out, id, c->from, c->to);
        return true;
    case CONTROL_UNLINK_ID_ACK:
        control_unlink_id_ack(out, c->unlink_id, c->from, c->to);
        return true;
    case CONTROL_EXIT:
        control_exit(out, true, c->from, c->to, c->token, c->reason);
        return true;
    case CONTROL_EXIT2:
        if (c->token.size > 0)
            return false;
        control_exit2(out, true, c->from, c->to, c->reason);
        return true;
    case CONTROL_MONITOR_P_EXIT:
        control_monitor_p_exit(out, true, c->from, c->to, c->ref, c->reason);
        return true;
    case CONTROL_MONITOR_P:
        control_monitor_p(out, c->from, c->to, c->ref);
        return true;
    case CONTROL_DEMONITOR_P:
        control_demonitor_p(out, c->from, c->to, c->ref);
        return true;
    case CONTROL_SPAWN_REQUEST:
        if (c->token.size > 0)
            return false;
        end_with(out, control_spawn_request_begin(out, c->ref, c->from, c->group_leader, c->mfa, c->options),
                 c->arguments);
        return true;
    default:
        return false;
    }
}

static void check_built(const struct control *control)
{
    struct buf out = BUF_EMPTY;
    struct control again;
    struct slice before[SLICES], after[SLICES];
    if (build(control, &out)) {
        struct slice copy = fuzz_copy(buf_slice_from(&out, 4));
        FUZZ_CHECK(bytes_u32(out.data) == copy.size);
        FUZZ_CHECK(control_parse(copy, DEPTH_MAX, &again) == 0);
        FUZZ_CHECK(again.op == control->op);
        slices_of(control, before);
        slices_of(&again, after);
        for (unsigned i = 0; i < SLICES; i++) {
            FUZZ_CHECK((before[i].size == 0) == (after[i].size == 0));
            FUZZ_CHECK(before[i].size == 0 || etf_equal(before[i], after[i]));
        }
        fuzz_free(copy);
    }
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice frame = slice_of(data, size);
    struct control control;
    if (control_parse(frame, DEPTH_MAX, &control) == 0) {
        check_slices(frame, &control);
        check_built(&control);
    }
    return 0;
}
