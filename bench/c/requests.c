/* Templates and the places in them. What a frame is made of, wire/control knows; that pids and references end
 * with their numbers is all that is known here. */
#include "requests.h"

#include "usual.h"
#include "wire/control.h"
#include "wire/etf_check.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"
#include "wire/frame.h"

#include <string.h>

enum {
    WORDS = REF_WORDS_MAX,      /* as references of OTP 25 that are aliases */
    REF_NUMBERS = 4 * WORDS,    /* bytes at the end of a reference */
    PID_NUMBERS = 12,           /* id, serial and creation at the end of a pid */
    FRAME_HEAD = 4 + 6,         /* length, pass-through, and the control tuple up to its first element */
    CALL_HEAD = 1 + 2 + 11 + 2, /* 131, {'$gen_call', {...}, ...} up to the caller's pid */
};

static void write_self(const struct requests *requests, struct buf *out, uint32_t caller)
{
    const struct pid pid = {
        .node = buf_slice(&requests->self), .id = caller + 1, .creation = requests->creation};
    pid_write(out, &pid);
}

static void write_ref(const struct requests *requests, struct buf *out, struct request_id id)
{
    const struct ref ref = {.node = buf_slice(&requests->self),
                            .creation = requests->creation,
                            .words = WORDS,
                            .word = {id.caller, id.sequence}};
    ref_write(out, &ref);
}

void requests_init(struct requests *requests, const char *self, uint32_t creation)
{
    *requests = (struct requests){.creation = creation};
    etf_write_atom(&requests->self, self);
}

void requests_release(struct requests *requests)
{
    buf_release(&requests->self);
    buf_release(&requests->call);
    buf_release(&requests->demonitor);
    buf_release(&requests->tag);
    buf_release(&requests->scratch);
}

/* ---- without templates */

/* Our terms for one call, one behind the other in scratch. */
struct terms {
    struct slice self; /* pid */
    struct slice ref;
    struct slice name; /* atom; empty */
};

static struct terms make_terms(struct requests *requests, struct request_id id, const char *name)
{
    struct buf *out = &requests->scratch;
    buf_clear(out);
    write_self(requests, out, id.caller);
    size_t ref = out->size;
    write_ref(requests, out, id);
    size_t atom = out->size;
    if (name != NULL)
        etf_write_atom(out, name);
    return (struct terms){.self = slice_of(out->data, ref),
                          .ref = slice_of(out->data + ref, atom - ref),
                          .name = buf_slice_from(out, atom)};
}

static void write_tag(struct buf *out, struct slice ref)
{
    etf_write_list(out, 1);
    etf_write_atom(out, "alias");
    etf_write_term(out, ref);
}

static void write_message(struct buf *out, const struct terms *terms, struct slice request)
{
    etf_write_tuple(out, 3);
    etf_write_atom(out, "$gen_call");
    etf_write_tuple(out, 2);
    etf_write_term(out, terms->self);
    write_tag(out, terms->ref);
    etf_write_term(out, request);
}

void requests_call_name(struct requests *requests, struct buf *out, struct request_id id, const char *name,
                        struct slice request)
{
    struct terms terms = make_terms(requests, id, name);
    control_monitor_p(out, terms.self, terms.name, terms.ref);
    size_t mark = control_reg_send_begin(out, terms.self, terms.name, slice_of(NULL, 0));
    write_message(out, &terms, request);
    frame_end(out, mark);
}

void requests_demonitor_name(struct requests *requests, struct buf *out, struct request_id id,
                             const char *name)
{
    struct terms terms = make_terms(requests, id, name);
    control_demonitor_p(out, terms.self, terms.name, terms.ref);
}

/* ---- templates */

void requests_prepare(struct requests *requests, const struct pid *pid, struct slice request)
{
    const struct request_id none = {0};
    struct buf target = BUF_EMPTY;
    pid_write(&target, pid);
    requests->target_size = target.size;
    struct terms terms = make_terms(requests, none, NULL);
    buf_clear(&requests->call);
    control_monitor_p(&requests->call, terms.self, buf_slice(&target), terms.ref);
    size_t mark =
        control_send_sender_begin(&requests->call, terms.self, buf_slice(&target), slice_of(NULL, 0));
    write_message(&requests->call, &terms, request);
    frame_end(&requests->call, mark);
    buf_clear(&requests->demonitor);
    control_demonitor_p(&requests->demonitor, terms.self, buf_slice(&target), terms.ref);
    buf_clear(&requests->tag);
    write_tag(&requests->tag, terms.ref);
    buf_release(&target);
}

/* p: behind a reference. */
static void put_ref(uint8_t *p, struct request_id id)
{
    bytes_put_u32(p - REF_NUMBERS, id.caller);
    bytes_put_u32(p - REF_NUMBERS + 4, id.sequence);
}

static uint8_t *put_self(const struct requests *requests, uint8_t *p, struct request_id id)
{
    p += 1 + requests->self.size + PID_NUMBERS;
    bytes_put_u32(p - PID_NUMBERS, id.caller + 1);
    return p;
}

static uint8_t *put_target(const struct requests *requests, uint8_t *p, struct target target)
{
    p += requests->target_size;
    bytes_put_u32(p - PID_NUMBERS, target.id);
    bytes_put_u32(p - PID_NUMBERS + 4, target.serial);
    return p;
}

/* A frame of monitor and demonitor. Returns what is behind it. */
static uint8_t *put_monitor(const struct requests *requests, uint8_t *frame, struct request_id id,
                            struct target target)
{
    uint8_t *end = frame + requests->demonitor.size;
    put_target(requests, put_self(requests, frame + FRAME_HEAD, id), target);
    put_ref(end, id);
    return end;
}

static uint8_t *append(struct buf *out, const uint8_t *template, size_t size)
{
    uint8_t *p = buf_extend(out, size);
    memcpy(p, template, size);
    return p;
}

void requests_call(const struct requests *requests, struct buf *out, struct request_id id,
                   struct target target)
{
    uint8_t *p = append(out, requests->call.data, requests->call.size);
    p = put_monitor(requests, p, id, target);
    p = put_target(requests, put_self(requests, p + FRAME_HEAD, id), target);
    p = put_self(requests, p + CALL_HEAD, id);
    put_ref(p + requests->tag.size, id);
}

void requests_demonitor(const struct requests *requests, struct buf *out, struct request_id id,
                        struct target target)
{
    put_monitor(requests, append(out, requests->demonitor.data, requests->demonitor.size), id, target);
}

void requests_monitor(const struct requests *requests, struct buf *out, struct request_id id,
                      struct target target)
{
    put_monitor(requests, append(out, requests->call.data, requests->demonitor.size), id, target);
}

/* ---- what comes back */

/* Of a tag as we make them. */
static enum request_frame read_tag(const struct requests *requests, struct slice tag, struct request_id *id)
{
    struct slice cursor = tag;
    struct ref ref;
    uint32_t length;
    if (!etf_read_list(&cursor, &length) || length != 1 || !etf_is_atom(etf_take(&cursor), "alias") ||
        !ref_read(&cursor, &ref) || !slice_equal(ref.node, buf_slice(&requests->self)) ||
        ref.creation != requests->creation || ref.words != WORDS ||
        ref.word[2] + ref.word[3] + ref.word[4] != 0)
        return REQUEST_FOREIGN;
    *id = (struct request_id){.caller = ref.word[0], .sequence = ref.word[1]};
    return REQUEST_ANSWER;
}

static enum request_frame unusual(const struct requests *requests, struct slice frame, struct request_id *id,
                                  struct slice *answer)
{
    struct control control;
    uint32_t arity;
    if (control_parse(frame, ETF_DEPTH_MAX_DEFAULT, &control) != 0)
        return REQUEST_FOREIGN;
    if (control.op == CONTROL_MONITOR_P_EXIT)
        return REQUEST_DOWN;
    if (control.op != CONTROL_SEND && control.op != CONTROL_ALIAS_SEND)
        return REQUEST_OTHER;
    if (!etf_read_tuple(&control.message, &arity) || arity != 2)
        return REQUEST_FOREIGN;
    enum request_frame kind = read_tag(requests, etf_take(&control.message), id);
    if (kind == REQUEST_ANSWER)
        *answer = control.message;
    return kind;
}

enum request_frame requests_frame(const struct requests *requests, struct slice frame, struct request_id *id,
                                  struct slice *answer)
{
    struct answer usual;
    const struct buf *tag = &requests->tag;
    if (!usual_answer(frame, &usual) || usual.tag.size != tag->size ||
        memcmp(usual.tag.data, tag->data, tag->size - REF_NUMBERS) != 0 ||
        memcmp(usual.tag.data + tag->size - REF_NUMBERS + 8, tag->data + tag->size - REF_NUMBERS + 8,
               REF_NUMBERS - 8))
        return unusual(requests, frame, id, answer);
    const uint8_t *words = usual.tag.data + tag->size - REF_NUMBERS;
    *id = (struct request_id){.caller = bytes_u32(words), .sequence = bytes_u32(words + 4)};
    *answer = usual.term;
    return REQUEST_ANSWER;
}
