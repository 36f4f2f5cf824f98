/* Prefixes of usual frames. What a frame can be at all, wire/control knows. */
#include "usual.h"

#include "wire/control.h"
#include "wire/etf.h"
#include "wire/frame.h"
#include "wire/pid.h"

#include <string.h>

enum { PASS_THROUGH = 112, PID_NUMBERS = 12, CREATION = 4 };

/* Bytes up to the elements of a control tuple. */
#define HEAD(elements, op)                                                                                   \
    {                                                                                                        \
        PASS_THROUGH, ETF_VERSION, ETF_SMALL_TUPLE, (elements) + 1, ETF_SMALL_INTEGER, (op)                  \
    }

static const uint8_t send_sender_head[] = HEAD(2, CONTROL_SEND_SENDER);
static const uint8_t alias_send_head[] = HEAD(2, CONTROL_ALIAS_SEND);
static const uint8_t monitor_head[] = HEAD(3, CONTROL_MONITOR_P);
static const uint8_t demonitor_head[] = HEAD(3, CONTROL_DEMONITOR_P);
/* {'$gen_call', {Pid, Tag}, Request} and {'$todo_call', ...} up to Pid */
static const uint8_t gen_call_head[] = {
    ETF_VERSION, ETF_SMALL_TUPLE, 3, ETF_SMALL_ATOM_UTF8, 9, '$', 'g', 'e', 'n', '_', 'c', 'a', 'l',
    'l',         ETF_SMALL_TUPLE, 2};
static const uint8_t todo_call_head[] = {
    ETF_VERSION, ETF_SMALL_TUPLE, 3, ETF_SMALL_ATOM_UTF8, 10, '$', 't', 'o', 'd', 'o', '_', 'c', 'a', 'l',
    'l',         ETF_SMALL_TUPLE, 2};
/* [alias | Ref] up to Ref */
static const uint8_t alias_head[] = {ETF_LIST, 0, 0, 0, 1, ETF_SMALL_ATOM_UTF8, 5, 'a', 'l', 'i', 'a', 's'};
/* {Tag, Answer} up to Tag */
static const uint8_t pair_head[] = {ETF_VERSION, ETF_SMALL_TUPLE, 2};
/* SEND's unused element, the atom '' */
static const uint8_t unused[] = {ETF_SMALL_ATOM_UTF8, 0};

static bool skip(struct slice *bytes, const void *head, size_t size)
{
    if (bytes->size < size || memcmp(bytes->data, head, size) != 0)
        return false;
    bytes->data += size;
    bytes->size -= size;
    return true;
}

/* size: of a term at the start of bytes; 0 is false. */
static bool take(struct slice *bytes, size_t size, struct slice *term)
{
    *term = slice_of(bytes->data, size);
    bytes->data += size;
    bytes->size -= size;
    return size > 0;
}

size_t usual_atom_size(struct slice bytes)
{
    if (bytes.size < 2 || bytes.data[0] != ETF_SMALL_ATOM_UTF8 || bytes.size < 2u + bytes.data[1])
        return 0;
    return 2u + bytes.data[1];
}

size_t usual_pid_size(struct slice bytes)
{
    if (bytes.size < 3 || bytes.data[0] != ETF_NEW_PID || bytes.data[1] != ETF_SMALL_ATOM_UTF8)
        return 0;
    size_t size = 3u + bytes.data[2] + PID_NUMBERS;
    return size <= bytes.size ? size : 0;
}

size_t usual_ref_size(struct slice bytes)
{
    if (bytes.size < 5 || bytes.data[0] != ETF_NEWER_REFERENCE || bytes.data[3] != ETF_SMALL_ATOM_UTF8)
        return 0;
    size_t words = bytes_u16(bytes.data + 1), size = 5u + bytes.data[4] + CREATION + 4 * words;
    return words >= 1 && words <= REF_WORDS_MAX && size <= bytes.size ? size : 0;
}

static bool take_tag(struct slice *bytes, struct slice *tag, struct slice *alias)
{
    struct slice rest = *bytes, ref;
    bool aliased = skip(&rest, alias_head, sizeof alias_head);
    if (!take(&rest, usual_ref_size(rest), &ref))
        return false;
    *tag = slice_of(bytes->data, (size_t)(rest.data - bytes->data));
    *alias = aliased ? ref : slice_of(NULL, 0);
    *bytes = rest;
    return true;
}

bool usual_call(struct slice frame, struct call *call)
{
    struct slice sender;
    if (!skip(&frame, send_sender_head, sizeof send_sender_head) ||
        !take(&frame, usual_pid_size(frame), &sender) || !take(&frame, usual_pid_size(frame), &call->to) ||
        (!skip(&frame, gen_call_head, sizeof gen_call_head) &&
         !skip(&frame, todo_call_head, sizeof todo_call_head)) ||
        !take(&frame, usual_pid_size(frame), &call->from) || !take_tag(&frame, &call->tag, &call->alias))
        return false;
    call->request = frame;
    return true;
}

bool usual_monitor(struct slice frame, struct monitor *monitor)
{
    monitor->ends = skip(&frame, demonitor_head, sizeof demonitor_head);
    if (!monitor->ends && !skip(&frame, monitor_head, sizeof monitor_head))
        return false;
    if (!take(&frame, usual_pid_size(frame), &monitor->watcher))
        return false;
    size_t size = usual_pid_size(frame);
    return take(&frame, size > 0 ? size : usual_atom_size(frame), &monitor->watched) &&
           take(&frame, usual_ref_size(frame), &monitor->ref) && frame.size == 0;
}

bool usual_answer(struct slice frame, struct answer *answer)
{
    struct slice sender, alias;
    if (!skip(&frame, alias_send_head, sizeof alias_send_head) ||
        !take(&frame, usual_pid_size(frame), &sender) ||
        !take(&frame, usual_ref_size(frame), &answer->alias) || !skip(&frame, pair_head, sizeof pair_head) ||
        !take_tag(&frame, &answer->tag, &alias))
        return false;
    answer->term = frame;
    return true;
}

static uint8_t *put(uint8_t *p, const void *bytes, size_t size)
{
    memcpy(p, bytes, size);
    return p + size;
}

static uint8_t *put_term(uint8_t *p, struct slice term)
{
    return put(p, term.data, term.size);
}

void usual_answer_append(struct buf *out, const struct call *call, bool aliases, struct slice from,
                         struct slice answer)
{
    static const uint8_t send_head[] = HEAD(2, CONTROL_SEND);
    bool aliased = aliases && call->alias.size > 0;
    struct slice first = aliased ? from : slice_of(unused, sizeof unused);
    struct slice to = aliased ? call->alias : call->from;
    size_t size = sizeof send_head + first.size + to.size + sizeof pair_head + call->tag.size + answer.size;
    uint8_t *p = buf_extend(out, 4 + size);
    bytes_put_u32(p, (uint32_t)size);
    p = put(p + 4, aliased ? alias_send_head : send_head, sizeof send_head);
    p = put_term(p, first);
    p = put_term(p, to);
    p = put(p, pair_head, sizeof pair_head);
    p = put_term(p, call->tag);
    put_term(p, answer);
}
