/* The floor's answers. {server_process, Name} is answered with a pid made of the name: nothing is remembered.
 */
#include "floor_messages.h"

#include "usual.h"
#include "wire/control.h"
#include "wire/etf_check.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"
#include "wire/pid.h"

enum { CACHE_ID = 1, ID_BITS = 28 };

static void write_pid(const struct floor_messages *messages, struct buf *out, uint32_t id)
{
    const struct pid pid = {.node = buf_slice(&messages->node), .id = id, .creation = messages->creation};
    pid_write(out, &pid);
}

void floor_messages_init(struct floor_messages *messages, const char *node, uint32_t creation,
                         struct slice answer)
{
    *messages = (struct floor_messages){.creation = creation};
    etf_write_atom(&messages->node, node);
    write_pid(messages, &messages->cache, CACHE_ID);
    etf_write_term(&messages->answer, answer);
}

void floor_messages_release(struct floor_messages *messages)
{
    buf_release(&messages->node);
    buf_release(&messages->cache);
    buf_release(&messages->answer);
}

/* FNV-1a; never the cache's own. */
static uint32_t id_of(struct slice name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ name.data[i]) * 16777619u;
    hash = (hash ^ hash >> ID_BITS) & ((1u << ID_BITS) - 1);
    return hash > CACHE_ID ? hash : CACHE_ID + 1;
}

/* {'$gen_call', {Pid, Tag}, Request}; all of it is validated. */
static bool read_call(const struct control *control, struct call *call)
{
    struct slice message = control->message, from, tag;
    uint32_t arity, length;
    if (!etf_read_tagged(&message, "$gen_call", 3) && !etf_read_tagged(&message, "$todo_call", 3))
        return false;
    from = etf_take(&message);
    if (!etf_read_tuple(&from, &arity) || arity != 2 || etf_type(from) != TERM_PID)
        return false;
    *call = (struct call){.to = control->to, .from = etf_take(&from), .request = message};
    call->tag = tag = etf_take(&from);
    if (etf_type(tag) == TERM_LIST && etf_read_list(&tag, &length) && length == 1 &&
        etf_is_atom(etf_take(&tag), "alias") && etf_type(tag) == TERM_REFERENCE)
        call->alias = tag;
    return true;
}

/* Calls to names may be {server_process, Name}, and net_kernel's {is_auth, Node}. */
static void answer_name(const struct floor_messages *messages, const struct call *call, bool aliases,
                        struct buf *out)
{
    struct slice request = call->request;
    struct buf special = BUF_EMPTY;
    if (etf_read_tagged(&request, "server_process", 2))
        write_pid(messages, &special, id_of(request));
    else if (etf_read_tagged(&request, "is_auth", 2))
        etf_write_atom(&special, "yes");
    usual_answer_append(out, call, aliases, buf_slice(&messages->cache),
                        buf_slice(special.size > 0 ? &special : &messages->answer));
    buf_release(&special);
}

static bool unusual_frame(const struct floor_messages *messages, struct slice frame, bool aliases,
                          struct buf *out, int *error)
{
    struct control control;
    struct call call;
    int status = control_parse(frame, ETF_DEPTH_MAX_DEFAULT, &control);
    if (status != 0)
        *error = status;
    if (status != 0 || (control.op != CONTROL_SEND && control.op != CONTROL_REG_SEND) ||
        !read_call(&control, &call))
        return false;
    if (control.op == CONTROL_REG_SEND)
        answer_name(messages, &call, aliases, out);
    else
        usual_answer_append(out, &call, aliases, call.to, buf_slice(&messages->answer));
    return true;
}

bool floor_messages_frame(const struct floor_messages *messages, struct slice frame, bool aliases,
                          struct held *held, struct buf *out, int *error)
{
    struct call call;
    struct monitor monitor;
    if (usual_call(frame, &call)) {
        usual_answer_append(out, &call, aliases, call.to, buf_slice(&messages->answer));
        return true;
    }
    if (!usual_monitor(frame, &monitor))
        return unusual_frame(messages, frame, aliases, out, error);
    if (monitor.ends)
        held_remove(held, monitor.ref);
    else
        held_add(held, monitor.ref, monitor.watcher, monitor.watched);
    return false;
}
