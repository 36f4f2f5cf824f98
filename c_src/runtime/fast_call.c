/* Tells callers that no answer will come. Knows no server: what was taken from the mailbox and is owed is its
 * own. */
#include "runtime/fast_call.h"

#include "runtime/mailbox.h"
#include "runtime/node.h"
#include "runtime/peer.h"
#include "runtime/process_send.h"
#include "runtime/waiting.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

bool fast_call_read(struct slice *message, struct from *from)
{
    struct slice rest = *message;
    if (!etf_read_tagged(&rest, "$todo_call", 3) || !from_read(&rest, from))
        return false;
    from->fast = true;
    *message = rest;
    return true;
}

/* The node that answers go to; false: whoever it is lives here, or nowhere. */
static bool node_of(const struct from *from, struct slice *atom)
{
    struct pid pid;
    struct ref ref;
    uint32_t arity;
    struct slice cursor = from->pid, alias = from->pid;
    if (pid_read(&cursor, &pid)) {
        *atom = pid.node;
    } else if (from_alias(from->tag, &alias), ref_read(&alias, &ref)) {
        *atom = ref.node;
    } else if (etf_read_tuple(&cursor, &arity) && arity == 2) {
        etf_take(&cursor);
        *atom = cursor;
    } else {
        return false;
    }
    return true;
}

/* A caller whose node is not connected has seen that by itself. */
static bool is_there(struct node *node, const struct from *from)
{
    struct slice atom;
    return !node_of(from, &atom) || node_is_self(node, atom) || peer_known(node, atom) != NULL;
}

static bool alias_of(struct slice tag, struct ref *ref)
{
    struct slice alias;
    return from_alias(tag, &alias) && ref_read(&alias, ref);
}

void fast_call_wait(struct process *process, struct slice message, struct message *waiting)
{
    struct from from;
    struct ref alias;
    if (!fast_call_read(&message, &from) || !alias_of(from.tag, &alias))
        return;
    struct peer *peer = peer_known(process->node, alias.node);
    if (peer != NULL)
        waiting_hold(peer, &alias, process, waiting);
}

bool fast_call_cancel(struct peer *peer, struct slice message)
{
    struct ref alias;
    if (!etf_read_tagged(&message, "$todo_cancel", 2))
        return false;
    if (alias_of(message, &alias))
        waiting_cancel(peer, &alias);
    return true;
}

void fast_call_fail(struct node *node, const struct from *from, struct slice reason)
{
    if (!is_there(node, from))
        return;
    struct buf *out = from_answer_begin(node, NULL, from);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "exit");
    etf_write_term(out, reason);
    process_send_end(node);
}

void fast_call_refuse(struct node *node, struct slice message, const char *reason)
{
    struct buf term = BUF_EMPTY;
    struct from from;
    if (!fast_call_read(&message, &from))
        return;
    etf_write_atom(&term, reason);
    fast_call_fail(node, &from, buf_slice(&term));
    buf_release(&term);
}

void fast_calls_process_down(struct process *process, struct slice reason)
{
    struct slice message, token;
    struct from from;
    mailbox_rescan(process->mailbox);
    while (mailbox_peek(process->mailbox, &message, &token)) {
        if (fast_call_read(&message, &from))
            fast_call_fail(process->node, &from, reason);
        mailbox_take(&process->mailbox);
    }
}
