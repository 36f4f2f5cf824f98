/* Control messages between bytes and struct control. Knows how a frame is made up; which elements an
 * operation has is in control_shape. */
#include "wire/control.h"

#include "base/error.h"
#include "wire/control_shape.h"
#include "wire/etf_check.h"
#include "wire/etf_read.h"
#include "wire/etf_walk.h"
#include "wire/etf_write.h"
#include "wire/frame.h"
#include "wire/utf8.h"

#include <stddef.h>
#include <string.h>

enum { PASS_THROUGH = 112 };

/* ---- parsing */

/* Most elements have no children: their head is all of them. */
static struct slice take(struct slice *cursor)
{
    uint64_t children;
    size_t size = etf_head(cursor->data, &children);
    if (children > 0)
        return etf_take(cursor);
    struct slice term = slice_of(cursor->data, size);
    cursor->data += size;
    cursor->size -= size;
    return term;
}

/* A LIST_EXT of no elements before a term means nothing; without it equal pids and references are likelier to
 * be equal bytes. */
static struct slice proper(struct slice term)
{
    const uint8_t *start = etf_proper(term.data);
    return slice_of(start, term.size - (size_t)(start - term.data));
}

/* Takes 131 and one term off the front of bytes. */
static int check_external(struct slice *bytes, uint32_t depth_max, struct slice *term)
{
    if (bytes->size == 0 || bytes->data[0] != ETF_VERSION)
        return ERR_PROTOCOL;
    int result = etf_check(slice_of(bytes->data + 1, bytes->size - 1), depth_max, term);
    if (result == 0)
        *bytes = slice_of(term->data + term->size, bytes->size - 1 - term->size);
    return result;
}

/* Bytes of the pid, reference or atom at p, validated, if it is written as BEAMs write nearly all of them; 0
 * for everything else, be it valid or not. */
static inline size_t usual_size(const uint8_t *p, size_t left)
{
    size_t atom = 0, fixed = 0; /* where the atom starts; how many bytes follow it */
    if (left < 5)
        return 0;
    if (p[0] == ETF_NEW_PID) {
        atom = 1;
        fixed = 12;
    } else if (p[0] == ETF_NEWER_REFERENCE) {
        size_t words = bytes_u16(p + 1);
        if (words < 1 || words > REF_WORDS_MAX)
            return 0;
        atom = 3;
        fixed = 4 + 4 * words;
    }
    size_t size = atom + 2 + p[atom + 1] + fixed;
    bool usual = p[atom] == ETF_SMALL_ATOM_UTF8 && size <= left && utf8_is_ascii(p + atom + 2, p[atom + 1]);
    return usual ? size : 0;
}

/* Bytes of `{'$gen_call', {Pid, [alias|Ref]},` or `{'$todo_call', ...` at the start of a message, validated,
 * if they are written as BEAMs write them and a request may follow; 0 for everything else, be it valid or
 * not. */
static size_t usual_call_size(struct slice message, uint32_t depth_max)
{
    static const uint8_t gen_call[] = {ETF_SMALL_ATOM_UTF8, 9, '$', 'g', 'e', 'n', '_', 'c', 'a', 'l', 'l'};
    static const uint8_t todo_call[] = {
        ETF_SMALL_ATOM_UTF8, 10, '$', 't', 'o', 'd', 'o', '_', 'c', 'a', 'l', 'l'};
    static const uint8_t pair[] = {ETF_SMALL_TUPLE, 2};
    static const uint8_t alias[] = {ETF_LIST, 0, 0, 0, 1, ETF_SMALL_ATOM_UTF8, 5, 'a', 'l', 'i', 'a', 's'};
    enum { HEADS = 2 + sizeof todo_call + sizeof pair + 1, DEPTH = 4 /* of the elements of the tag */ };
    const uint8_t *p = message.data;
    if (message.size < HEADS || depth_max < DEPTH || p[0] != ETF_SMALL_TUPLE || p[1] != 3)
        return 0;
    size_t size = 2;
    if (memcmp(p + size, gen_call, sizeof gen_call) == 0)
        size += sizeof gen_call;
    else if (memcmp(p + size, todo_call, sizeof todo_call) == 0)
        size += sizeof todo_call;
    else
        return 0;
    if (memcmp(p + size, pair, sizeof pair) != 0 || p[size + sizeof pair] != ETF_NEW_PID)
        return 0;
    size += sizeof pair;
    size_t pid = usual_size(p + size, message.size - size);
    size += pid;
    if (pid == 0 || message.size - size <= sizeof alias || memcmp(p + size, alias, sizeof alias) != 0 ||
        p[size + sizeof alias] != ETF_NEWER_REFERENCE)
        return 0;
    size += sizeof alias;
    size_t ref = usual_size(p + size, message.size - size);
    return ref == 0 ? 0 : size + ref;
}

/* Takes 131 and a message off the front of bytes. */
static int check_message(struct slice *bytes, uint32_t depth_max, struct slice *message)
{
    if (bytes->size == 0 || bytes->data[0] != ETF_VERSION)
        return ERR_PROTOCOL;
    struct slice request, rest = slice_of(bytes->data + 1, bytes->size - 1);
    size_t before = usual_call_size(rest, depth_max);
    if (before == 0)
        return check_external(bytes, depth_max, message);
    int result = etf_check(slice_of(rest.data + before, rest.size - before), depth_max - 1, &request);
    if (result != 0)
        return result;
    *message = slice_of(rest.data, before + request.size);
    *bytes = slice_of(rest.data + message->size, rest.size - message->size);
    return 0;
}

/* control_kind_fits, which knows all forms; most terms come in these. */
static inline bool fits(struct slice term, enum control_kind kind)
{
    uint8_t tag = term.data[0];
    if (kind == CONTROL_KIND_ANY ||
        (tag == ETF_NEW_PID && (kind == CONTROL_KIND_PID || kind == CONTROL_KIND_PID_OR_ATOM)) ||
        (tag == ETF_NEWER_REFERENCE && kind == CONTROL_KIND_REF))
        return true;
    return control_kind_fits(term, kind);
}

static void put(struct control *control, struct control_place place, struct slice term)
{
    if (place.field != CONTROL_IGNORED)
        *(struct slice *)(void *)((char *)control + place.field) = term;
}

/* A frame whose control tuple is taken apart. */
struct parts {
    const struct control_shape *shape;          /* of the operation */
    uint32_t count;                             /* elements behind the operation */
    const uint8_t *start[CONTROL_ELEMENTS_MAX]; /* of each element */
    size_t size[CONTROL_ELEMENTS_MAX];          /* of each element, validated */
    size_t behind;                              /* bytes of the frame up to the end of the tuple */
};

static struct slice element(const struct parts *parts, uint32_t i)
{
    return slice_of(parts->start[i], parts->size[i]);
}

static void set_element(struct parts *parts, uint32_t i, struct slice term)
{
    parts->start[i] = term.data;
    parts->size[i] = term.size;
}

/* Validates the control tuple and takes it apart in one pass in what is nearly every frame on a busy
 * connection. False, which says nothing of the frame, for all others. */
static bool split_usual(struct slice frame, uint32_t depth_max, struct parts *parts)
{
    const uint8_t *p = frame.data;
    if (frame.size < 6 || p[1] != ETF_VERSION || p[2] != ETF_SMALL_TUPLE || p[4] != ETF_SMALL_INTEGER ||
        p[3] < 1 || p[3] > CONTROL_ELEMENTS_MAX + 1 || depth_max < 2)
        return false;
    const struct control_shape *shape = control_shape_of(p[5]);
    uint32_t count = p[3] - 1u;
    if (shape == NULL || shape->op == CONTROL_ALTACT_SIG_SEND ||
        (count < CONTROL_ELEMENTS_MAX && shape->elements[count].kind != CONTROL_KIND_NONE))
        return false;
    const uint8_t *end = p + frame.size;
    p += 6;
    for (uint32_t i = 0; i < count; i++) {
        struct slice term = slice_of(p, usual_size(p, (size_t)(end - p)));
        if (term.size == 0 || !fits(term, (enum control_kind)shape->elements[i].kind))
            return false;
        set_element(parts, i, term);
        p += term.size;
    }
    parts->shape = shape;
    parts->count = count;
    parts->behind = (size_t)(p - frame.data);
    return true;
}

/* ---- the same for any frame */

/* Finds out what an ALTACT_SIG_SEND is, and forgets the elements behind those that are known. */
static bool tell_altact(struct parts *parts)
{
    parts->shape = parts->count > 0 ? control_shape_of_altact(element(parts, 0)) : NULL;
    if (parts->shape == NULL)
        return false;
    uint32_t known = 0;
    while (parts->shape->elements[known].kind != CONTROL_KIND_NONE)
        known++;
    if (parts->count > known)
        parts->count = known;
    return true;
}

static bool elements_fit(const struct parts *parts)
{
    uint32_t i = 0;
    for (; i < CONTROL_ELEMENTS_MAX && parts->shape->elements[i].kind != CONTROL_KIND_NONE; i++) {
        if (i == parts->count || !fits(element(parts, i), (enum control_kind)parts->shape->elements[i].kind))
            return false;
    }
    return i == parts->count;
}

static int split_any(struct slice frame, uint32_t depth_max, struct parts *parts)
{
    struct slice tuple, rest = slice_of(frame.data + 1, frame.size - 1);
    uint32_t arity;
    uint64_t op;
    int result = check_external(&rest, depth_max, &tuple);
    if (result != 0)
        return result;
    parts->behind = frame.size - rest.size;
    if (!etf_read_tuple(&tuple, &arity) || arity < 1 || arity > CONTROL_ELEMENTS_MAX + 1 ||
        !etf_read_uint64(&tuple, &op))
        return ERR_PROTOCOL;
    parts->shape = control_shape_of(op);
    parts->count = arity - 1;
    for (uint32_t i = 0; i < parts->count; i++)
        set_element(parts, i, proper(take(&tuple)));
    if (parts->shape == NULL || (parts->shape->op == CONTROL_ALTACT_SIG_SEND && !tell_altact(parts)))
        return ERR_PROTOCOL;
    return elements_fit(parts) ? 0 : ERR_PROTOCOL;
}

/* ---- */

/* rest: what stands behind the control tuple. */
static int read_payload(struct slice rest, uint32_t depth_max, struct control_place place,
                        struct slice *payload)
{
    if (place.kind != CONTROL_KIND_NONE) {
        int result = check_message(&rest, depth_max, payload);
        if (result != 0)
            return result;
        *payload = proper(*payload);
        if (!fits(*payload, (enum control_kind)place.kind))
            return ERR_PROTOCOL;
    }
    return rest.size == 0 ? 0 : ERR_PROTOCOL;
}

/* One by one: for the struct as a whole gcc writes an instruction that alone takes longer than all the
 * others. */
static void clear(struct control *control)
{
    const struct slice none = {NULL, 0};
    control->from = none;
    control->to = none;
    control->ref = none;
    control->unlink_id = none;
    control->message = none;
    control->reason = none;
    control->token = none;
    control->group_leader = none;
    control->mfa = none;
    control->options = none;
    control->arguments = none;
    control->result = none;
}

int control_parse(struct slice frame, uint32_t depth_max, struct control *control)
{
    struct parts parts;
    struct slice payload = slice_of(NULL, 0);
    if (frame.size == 0 || frame.data[0] != PASS_THROUGH)
        return ERR_PROTOCOL;
    int result = split_usual(frame, depth_max, &parts) ? 0 : split_any(frame, depth_max, &parts);
    if (result == 0)
        result = read_payload(slice_of(frame.data + parts.behind, frame.size - parts.behind), depth_max,
                              parts.shape->payload, &payload);
    if (result != 0)
        return result;
    clear(control);
    control->op = (enum control_op)parts.shape->op;
    for (uint32_t i = 0; i < parts.count; i++)
        put(control, parts.shape->elements[i], element(&parts, i));
    put(control, parts.shape->payload, payload);
    return 0;
}

/* ---- building */

/* Opens a frame up to the operation; count elements of the tuple follow it. */
static size_t begin(struct buf *out, enum control_op op, uint8_t count)
{
    size_t mark = frame_begin(out);
    const uint8_t head[] = {PASS_THROUGH,         ETF_VERSION,       ETF_SMALL_TUPLE,
                            (uint8_t)(count + 1), ETF_SMALL_INTEGER, (uint8_t)op};
    buf_append(out, head, sizeof head);
    return mark;
}

/* The atom '', where the protocol once had a cookie. */
static void append_unused(struct buf *out)
{
    const uint8_t empty_atom[] = {ETF_SMALL_ATOM_UTF8, 0};
    buf_append(out, empty_atom, sizeof empty_atom);
}

static void append_payload(struct buf *out, struct slice term)
{
    etf_write_version(out);
    etf_write_term(out, term);
}

/* Ends the control tuple and opens the payload. */
static void append_token(struct buf *out, struct slice token)
{
    etf_write_term(out, token);
    etf_write_version(out);
}

/* The plain operation, or its form with a token: one element more. */
static size_t begin_traced(struct buf *out, enum control_op plain, enum control_op traced, uint8_t count,
                           struct slice token)
{
    return token.size == 0 ? begin(out, plain, count) : begin(out, traced, count + 1);
}

size_t control_send_begin(struct buf *out, struct slice to, struct slice token)
{
    size_t mark = begin_traced(out, CONTROL_SEND, CONTROL_SEND_TT, 2, token);
    append_unused(out);
    etf_write_term(out, to);
    append_token(out, token);
    return mark;
}

size_t control_send_sender_begin(struct buf *out, struct slice from, struct slice to, struct slice token)
{
    size_t mark = begin_traced(out, CONTROL_SEND_SENDER, CONTROL_SEND_SENDER_TT, 2, token);
    etf_write_term(out, from);
    etf_write_term(out, to);
    append_token(out, token);
    return mark;
}

size_t control_reg_send_begin(struct buf *out, struct slice from, struct slice name, struct slice token)
{
    size_t mark = begin_traced(out, CONTROL_REG_SEND, CONTROL_REG_SEND_TT, 3, token);
    etf_write_term(out, from);
    append_unused(out);
    etf_write_term(out, name);
    append_token(out, token);
    return mark;
}

size_t control_alias_send_begin(struct buf *out, struct slice from, struct slice alias, struct slice token)
{
    size_t mark = begin_traced(out, CONTROL_ALIAS_SEND, CONTROL_ALIAS_SEND_TT, 2, token);
    etf_write_term(out, from);
    etf_write_term(out, alias);
    append_token(out, token);
    return mark;
}

size_t control_altact_send_begin(struct buf *out, struct slice from, struct slice alias, struct slice token)
{
    size_t mark = begin_traced(out, CONTROL_ALTACT_SIG_SEND, CONTROL_ALTACT_SIG_SEND, 3, token);
    etf_write_uint64(out, CONTROL_ALTACT_ALIAS | (token.size > 0 ? CONTROL_ALTACT_TOKEN : 0));
    etf_write_term(out, from);
    etf_write_term(out, alias);
    append_token(out, token);
    return mark;
}

void control_link(struct buf *out, struct slice from, struct slice to)
{
    size_t mark = begin(out, CONTROL_LINK, 2);
    etf_write_term(out, from);
    etf_write_term(out, to);
    frame_end(out, mark);
}

void control_unlink_id(struct buf *out, uint64_t id, struct slice from, struct slice to)
{
    size_t mark = begin(out, CONTROL_UNLINK_ID, 3);
    etf_write_uint64(out, id);
    etf_write_term(out, from);
    etf_write_term(out, to);
    frame_end(out, mark);
}

void control_unlink_id_ack(struct buf *out, struct slice id, struct slice from, struct slice to)
{
    size_t mark = begin(out, CONTROL_UNLINK_ID_ACK, 3);
    etf_write_term(out, id);
    etf_write_term(out, from);
    etf_write_term(out, to);
    frame_end(out, mark);
}

/* EXIT, EXIT2 and their PAYLOAD_ forms, with a token or (empty) without. */
static void exit_signal(struct buf *out, enum control_op op, bool payload, struct slice from, struct slice to,
                        struct slice token, struct slice reason)
{
    size_t mark = begin(out, op, (uint8_t)(2 + (token.size > 0) + !payload));
    etf_write_term(out, from);
    etf_write_term(out, to);
    etf_write_term(out, token);
    if (payload)
        append_payload(out, reason);
    else
        etf_write_term(out, reason);
    frame_end(out, mark);
}

void control_exit(struct buf *out, bool payload, struct slice from, struct slice to, struct slice token,
                  struct slice reason)
{
    static const enum control_op ops[2][2] = {{CONTROL_EXIT, CONTROL_PAYLOAD_EXIT},
                                              {CONTROL_EXIT_TT, CONTROL_PAYLOAD_EXIT_TT}};
    exit_signal(out, ops[token.size > 0][payload], payload, from, to, token, reason);
}

void control_exit2(struct buf *out, bool payload, struct slice from, struct slice to, struct slice reason)
{
    exit_signal(out, payload ? CONTROL_PAYLOAD_EXIT2 : CONTROL_EXIT2, payload, from, to, slice_of(NULL, 0),
                reason);
}

void control_monitor_p_exit(struct buf *out, bool payload, struct slice watched, struct slice watcher,
                            struct slice ref, struct slice reason)
{
    size_t mark =
        payload ? begin(out, CONTROL_PAYLOAD_MONITOR_P_EXIT, 3) : begin(out, CONTROL_MONITOR_P_EXIT, 4);
    etf_write_term(out, watched);
    etf_write_term(out, watcher);
    etf_write_term(out, ref);
    if (payload)
        append_payload(out, reason);
    else
        etf_write_term(out, reason);
    frame_end(out, mark);
}

static void monitor_signal(struct buf *out, enum control_op op, struct slice from, struct slice to,
                           struct slice ref)
{
    size_t mark = begin(out, op, 3);
    etf_write_term(out, from);
    etf_write_term(out, to);
    etf_write_term(out, ref);
    frame_end(out, mark);
}

void control_monitor_p(struct buf *out, struct slice from, struct slice to, struct slice ref)
{
    monitor_signal(out, CONTROL_MONITOR_P, from, to, ref);
}

void control_demonitor_p(struct buf *out, struct slice from, struct slice to, struct slice ref)
{
    monitor_signal(out, CONTROL_DEMONITOR_P, from, to, ref);
}

size_t control_spawn_request_begin(struct buf *out, struct slice id, struct slice from,
                                   struct slice group_leader, struct slice mfa, struct slice options)
{
    size_t mark = begin(out, CONTROL_SPAWN_REQUEST, 5);
    etf_write_term(out, id);
    etf_write_term(out, from);
    etf_write_term(out, group_leader);
    etf_write_term(out, mfa);
    etf_write_term(out, options);
    etf_write_version(out);
    return mark;
}

void control_spawn_reply(struct buf *out, struct slice id, struct slice to, unsigned flags,
                         struct slice result)
{
    size_t mark = begin(out, CONTROL_SPAWN_REPLY, 4);
    etf_write_term(out, id);
    etf_write_term(out, to);
    etf_write_uint64(out, flags);
    etf_write_term(out, result);
    frame_end(out, mark);
}

void control_tick(struct buf *out)
{
    buf_append_u32(out, 0);
}
