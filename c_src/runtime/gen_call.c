/* Calls that a server has made and that are not over. Knows no request and no answer. */
#include "runtime/gen_call.h"

#include "runtime/aliases.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/process_send.h"
#include "runtime/timers.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <utlist.h>

static struct slice table_key(const struct table_link *link)
{
    const struct gen_call *call = (const struct gen_call *)link;
    return slice_of(call->word, sizeof call->word);
}

void gen_calls_init(struct table *calls)
{
    table_init(calls, table_key);
}

static struct ref ref_of(const struct gen_call *call)
{
    const struct node *node = call->caller->process.node;
    struct ref ref = {.node = buf_slice(&node->atom), .creation = node->creation, .words = 3};
    memcpy(ref.word, call->word, sizeof ref.word);
    return ref;
}

static void forget(struct gen_call *call)
{
    struct process *process = &call->caller->process;
    table_remove(&process->node->calls, &call->link);
    DL_DELETE(process->ties->calls, call);
    if (call->timer != NULL)
        timer_cancel(call->timer);
}

static void finish(struct gen_call *call, enum gen_call_outcome outcome, struct slice term)
{
    gen_call_cancel(call);
    call->done(call, outcome, term);
}

static void on_timeout(struct process *self, void *argument)
{
    struct gen_call *call = argument;
    call->timer = NULL;
    finish(call, GEN_CALL_TIMEOUT, slice_of(NULL, 0));
}

struct buf *gen_call_begin(struct gen_server *self, struct gen_call *call, struct slice to,
                           uint32_t timeout_ms)
{
    struct process *process = &self->process;
    struct ref ref;
    monitor_add(process, to, &ref);
    alias_add_monitor(process, true, &ref);
    call->caller = self;
    memcpy(call->word, ref.word, sizeof call->word);
    call->timer = timer_start(process, timeout_ms, on_timeout, call);
    table_add(&process->node->calls, &call->link);
    DL_APPEND(process_ties_get(process)->calls, call);
    self->process.has_called = true;
    struct buf *out = process_send_any_begin(process->node, process, to);
    etf_write_tuple(out, 3);
    etf_write_atom(out, "$gen_call");
    etf_write_tuple(out, 2);
    process_write_pid(process, out);
    etf_write_list(out, 1);
    etf_write_atom(out, "alias");
    ref_write(out, &ref);
    return out;
}

void gen_call_end(struct gen_server *self)
{
    process_send_end(self->process.node);
}

void gen_call_cancel(struct gen_call *call)
{
    const struct ref ref = ref_of(call);
    struct gen_server *caller = call->caller;
    forget(call);
    monitor_remove(&caller->process, &ref);
    alias_remove(&caller->process, &ref);
}

static bool is_own(const struct gen_server *server, const struct ref *ref)
{
    const struct node *node = server->process.node;
    return ref->creation == node->creation && node_is_self(node, ref->node);
}

static struct gen_call *find(struct gen_server *server, const struct ref *ref)
{
    if (!is_own(server, ref))
        return NULL;
    struct table_link *link = table_find(&server->process.node->calls, slice_of(ref->word, sizeof ref->word));
    struct gen_call *call = TABLE_RECORD(link, struct gen_call, link);
    return call != NULL && call->caller == server ? call : NULL;
}

/* {[alias|Ref], Answer}: the cursor moves to the answer. */
static bool read_answer(struct slice *cursor, struct ref *ref)
{
    uint32_t size;
    struct slice rest = *cursor;
    if (!etf_read_tuple(&rest, &size) || size != 2 || !etf_read_list(&rest, &size) || size != 1 ||
        !etf_is_atom(etf_take(&rest), "alias") || !ref_read(&rest, ref))
        return false;
    *cursor = rest;
    return true;
}

/* {'DOWN', Ref, process, Object, Reason}: the cursor moves to the reason. */
static bool read_down(struct slice *cursor, struct ref *ref)
{
    struct slice rest = *cursor;
    if (!etf_read_tagged(&rest, "DOWN", 5) || !ref_read(&rest, ref))
        return false;
    etf_take(&rest);
    etf_take(&rest);
    *cursor = rest;
    return true;
}

bool gen_call_receive(struct gen_server *self, struct slice message)
{
    struct ref ref;
    struct slice rest = message;
    bool answered = read_answer(&rest, &ref);
    if (!answered && !read_down(&rest, &ref))
        return false;
    struct gen_call *call = find(self, &ref);
    if (call != NULL)
        finish(call, answered ? GEN_CALL_ANSWERED : GEN_CALL_DOWN, etf_take(&rest));
    /* Nobody but who was called has such a reference: an answer to a call that is over was too late. */
    return call != NULL || (answered && is_own(self, &ref));
}

void gen_calls_forget(struct gen_server *self)
{
    struct gen_call *call, *next;
    DL_FOREACH_SAFE(process_ties(&self->process)->calls, call, next)
    {
        forget(call);
    }
}
