/* The operations as a table. Knows what an operation consists of, not how it is written or what it does. */
#include "wire/control_shape.h"

#include "wire/control.h"
#include "wire/etf.h"
#include "wire/etf_read.h"

#include <assert.h>
#include <stddef.h>

enum {
    OPERATIONS = CONTROL_ALTACT_SIG_SEND + 1,
    SPAWN_REPLY_FLAGS_END = 1 << 27, /* what a BEAM takes */
};

static_assert(sizeof(struct control) <= UINT8_MAX, "an offset fits a place");

/* clang-format off */
#define FIELD(name) (uint8_t)offsetof(struct control, name)
#define UNUSED      {CONTROL_KIND_ANY, CONTROL_IGNORED}
#define TOKEN       {CONTROL_KIND_ANY, FIELD(token)}
#define FROM        {CONTROL_KIND_PID, FIELD(from)}
#define TO          {CONTROL_KIND_PID, FIELD(to)}
#define TO_PROCESS  {CONTROL_KIND_PID_OR_ATOM, FIELD(to)}
#define WATCHED     {CONTROL_KIND_PID_OR_ATOM, FIELD(from)}
#define REF         {CONTROL_KIND_REF, FIELD(ref)}
#define ID          {CONTROL_KIND_UNLINK_ID, FIELD(unlink_id)}
#define LEADER      {CONTROL_KIND_PID, FIELD(group_leader)}
#define REASON      {CONTROL_KIND_ANY, FIELD(reason)}
#define MESSAGE     {CONTROL_KIND_ANY, FIELD(message)}
#define ARGUMENTS   {CONTROL_KIND_PROPER_LIST, FIELD(arguments)}
#define MFA         {CONTROL_KIND_MFA, FIELD(mfa)}
#define OPTIONS     {CONTROL_KIND_PROPER_LIST, FIELD(options)}
#define FLAGS       {CONTROL_KIND_FLAGS, FIELD(options)}
#define RESULT      {CONTROL_KIND_PID_OR_ATOM, FIELD(result)}
#define ALIAS       {CONTROL_KIND_REF, FIELD(to)}
#define NAME        {CONTROL_KIND_ATOM, FIELD(to)}
#define NO_PAYLOAD  {CONTROL_KIND_NONE, CONTROL_IGNORED}

static const struct control_shape shapes[OPERATIONS] = {
    [CONTROL_LINK] = {CONTROL_LINK, {FROM, TO}, NO_PAYLOAD},
    [CONTROL_SEND] = {CONTROL_SEND, {UNUSED, TO}, MESSAGE},
    [CONTROL_EXIT] = {CONTROL_EXIT, {FROM, TO, REASON}, NO_PAYLOAD},
    [CONTROL_UNLINK] = {CONTROL_UNLINK, {FROM, TO}, NO_PAYLOAD},
    [CONTROL_REG_SEND] = {CONTROL_REG_SEND, {FROM, UNUSED, NAME}, MESSAGE},
    [CONTROL_GROUP_LEADER] = {CONTROL_GROUP_LEADER, {LEADER, TO}, NO_PAYLOAD},
    [CONTROL_EXIT2] = {CONTROL_EXIT2, {FROM, TO, REASON}, NO_PAYLOAD},
    [CONTROL_SEND_TT] = {CONTROL_SEND, {UNUSED, TO, TOKEN}, MESSAGE},
    [CONTROL_EXIT_TT] = {CONTROL_EXIT, {FROM, TO, TOKEN, REASON}, NO_PAYLOAD},
    [CONTROL_REG_SEND_TT] = {CONTROL_REG_SEND, {FROM, UNUSED, NAME, TOKEN}, MESSAGE},
    [CONTROL_EXIT2_TT] = {CONTROL_EXIT2, {FROM, TO, TOKEN, REASON}, NO_PAYLOAD},
    [CONTROL_MONITOR_P] = {CONTROL_MONITOR_P, {FROM, TO_PROCESS, REF}, NO_PAYLOAD},
    [CONTROL_DEMONITOR_P] = {CONTROL_DEMONITOR_P, {FROM, TO_PROCESS, REF}, NO_PAYLOAD},
    [CONTROL_MONITOR_P_EXIT] = {CONTROL_MONITOR_P_EXIT, {WATCHED, TO, REF, REASON}, NO_PAYLOAD},
    [CONTROL_SEND_SENDER] = {CONTROL_SEND, {FROM, TO}, MESSAGE},
    [CONTROL_SEND_SENDER_TT] = {CONTROL_SEND, {FROM, TO, TOKEN}, MESSAGE},
    [CONTROL_PAYLOAD_EXIT] = {CONTROL_EXIT, {FROM, TO}, REASON},
    [CONTROL_PAYLOAD_EXIT_TT] = {CONTROL_EXIT, {FROM, TO, TOKEN}, REASON},
    [CONTROL_PAYLOAD_EXIT2] = {CONTROL_EXIT2, {FROM, TO}, REASON},
    [CONTROL_PAYLOAD_EXIT2_TT] = {CONTROL_EXIT2, {FROM, TO, TOKEN}, REASON},
    [CONTROL_PAYLOAD_MONITOR_P_EXIT] = {CONTROL_MONITOR_P_EXIT, {WATCHED, TO, REF}, REASON},
    [CONTROL_SPAWN_REQUEST] = {CONTROL_SPAWN_REQUEST, {REF, FROM, LEADER, MFA, OPTIONS}, ARGUMENTS},
    [CONTROL_SPAWN_REQUEST_TT] = {CONTROL_SPAWN_REQUEST, {REF, FROM, LEADER, MFA, OPTIONS, TOKEN}, ARGUMENTS},
    [CONTROL_SPAWN_REPLY] = {CONTROL_SPAWN_REPLY, {REF, TO, FLAGS, RESULT}, NO_PAYLOAD},
    [CONTROL_SPAWN_REPLY_TT] = {CONTROL_SPAWN_REPLY, {REF, TO, FLAGS, RESULT, TOKEN}, NO_PAYLOAD},
    [CONTROL_ALIAS_SEND] = {CONTROL_ALIAS_SEND, {FROM, ALIAS}, MESSAGE},
    [CONTROL_ALIAS_SEND_TT] = {CONTROL_ALIAS_SEND, {FROM, ALIAS, TOKEN}, MESSAGE},
    [CONTROL_UNLINK_ID] = {CONTROL_UNLINK_ID, {ID, FROM, TO}, NO_PAYLOAD},
    [CONTROL_UNLINK_ID_ACK] = {CONTROL_UNLINK_ID_ACK, {ID, FROM, TO}, NO_PAYLOAD},
    [CONTROL_ALTACT_SIG_SEND] = {CONTROL_ALTACT_SIG_SEND, {NO_PAYLOAD}, NO_PAYLOAD},
};

/* By to what it goes, whether it is an exit signal, and whether it has a token. */
enum { ALTACT_TO_PID, ALTACT_TO_ALIAS, ALTACT_TO_NAME, ALTACT_TARGETS };
static const struct control_shape altact_shapes[ALTACT_TARGETS][2][2] = {
    [ALTACT_TO_PID] = {{{CONTROL_SEND, {UNUSED, FROM, TO}, MESSAGE},
                        {CONTROL_SEND, {UNUSED, FROM, TO, TOKEN}, MESSAGE}},
                       {{CONTROL_EXIT2, {UNUSED, FROM, TO}, REASON},
                        {CONTROL_EXIT2, {UNUSED, FROM, TO, TOKEN}, REASON}}},
    [ALTACT_TO_ALIAS] = {{{CONTROL_ALIAS_SEND, {UNUSED, FROM, ALIAS}, MESSAGE},
                          {CONTROL_ALIAS_SEND, {UNUSED, FROM, ALIAS, TOKEN}, MESSAGE}},
                         {{CONTROL_EXIT2, {UNUSED, FROM, ALIAS}, REASON},
                          {CONTROL_EXIT2, {UNUSED, FROM, ALIAS, TOKEN}, REASON}}},
    [ALTACT_TO_NAME] = {{{CONTROL_REG_SEND, {UNUSED, FROM, NAME}, MESSAGE},
                         {CONTROL_REG_SEND, {UNUSED, FROM, NAME, TOKEN}, MESSAGE}},
                        {{CONTROL_EXIT2, {UNUSED, FROM, NAME}, REASON},
                         {CONTROL_EXIT2, {UNUSED, FROM, NAME, TOKEN}, REASON}}},
};
/* clang-format on */

const struct control_shape *control_shape_of(uint64_t op)
{
    return op < OPERATIONS && shapes[op].op != 0 ? &shapes[op] : NULL;
}

/* Flags that are not known yet are ignored, and there may be any number of them. */
static bool read_low_flags(struct slice term, uint8_t *flags)
{
    uint64_t value;
    struct slice cursor = term;
    if (etf_read_uint64(&cursor, &value)) {
        *flags = (uint8_t)value;
        return true;
    }
    bool large = term.data[0] == ETF_LARGE_BIG;
    if (!large && term.data[0] != ETF_SMALL_BIG)
        return false;
    const uint8_t *sign = term.data + (large ? 5 : 2);
    if (*sign != 0)
        return false;
    *flags = sign[1]; /* more than 8 bytes follow, the lowest first */
    return true;
}

const struct control_shape *control_shape_of_altact(struct slice term)
{
    uint8_t flags;
    int target = ALTACT_TO_PID;
    if (!read_low_flags(term, &flags))
        return NULL;
    if ((flags & CONTROL_ALTACT_ALIAS) && (flags & CONTROL_ALTACT_NAME))
        return NULL;
    if (flags & CONTROL_ALTACT_ALIAS)
        target = ALTACT_TO_ALIAS;
    else if (flags & CONTROL_ALTACT_NAME)
        target = ALTACT_TO_NAME;
    return &altact_shapes[target][(flags & CONTROL_ALTACT_EXIT) != 0][(flags & CONTROL_ALTACT_TOKEN) != 0];
}

static bool is_pid(struct slice term)
{
    return term.data[0] == ETF_NEW_PID || etf_type(term) == TERM_PID;
}

static bool is_atom(struct slice term)
{
    return term.data[0] == ETF_SMALL_ATOM_UTF8 || etf_type(term) == TERM_ATOM;
}

static bool is_ref(struct slice term)
{
    return term.data[0] == ETF_NEWER_REFERENCE || etf_type(term) == TERM_REFERENCE;
}

static bool is_uint_between(struct slice term, uint64_t first, uint64_t last)
{
    uint64_t value;
    return etf_read_uint64(&term, &value) && value >= first && value <= last;
}

static bool is_proper_list(struct slice term)
{
    struct slice bytes;
    uint32_t length;
    for (;;) {
        if (etf_read_string(&term, &bytes))
            return true;
        if (!etf_read_list(&term, &length))
            return false;
        if (length == 0)
            return true;
        while (length-- > 0)
            etf_take(&term);
    }
}

/* {Module, Function, Arity} */
static bool is_mfa(struct slice term)
{
    uint32_t arity;
    return etf_read_tuple(&term, &arity) && arity == 3 && is_atom(etf_take(&term)) &&
           is_atom(etf_take(&term)) && is_uint_between(term, 0, INT32_MAX);
}

bool control_kind_fits(struct slice term, enum control_kind kind)
{
    switch (kind) {
    case CONTROL_KIND_NONE:
        return false;
    case CONTROL_KIND_ANY:
        return true;
    case CONTROL_KIND_PID:
        return is_pid(term);
    case CONTROL_KIND_ATOM:
        return is_atom(term);
    case CONTROL_KIND_PID_OR_ATOM:
        return is_pid(term) || is_atom(term);
    case CONTROL_KIND_REF:
        return is_ref(term);
    case CONTROL_KIND_UNLINK_ID:
        return is_uint_between(term, 1, UINT64_MAX);
    case CONTROL_KIND_FLAGS:
        return is_uint_between(term, 0, SPAWN_REPLY_FLAGS_END - 1);
    case CONTROL_KIND_MFA:
        return is_mfa(term);
    case CONTROL_KIND_PROPER_LIST:
        return is_proper_list(term);
    }
    return false;
}
