/* Finds the receiver, wherever it lives, and puts a message together where it goes: a peer's output, or
 * memory of the node. Knows no mailboxes. */
#include "runtime/process_send.h"

#include "runtime/aliases.h"
#include "runtime/node.h"
#include "runtime/registry.h"
#include "runtime/seq_trace.h"
#include "wire/control.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"
#include "wire/frame.h"

#include <assert.h>

/* Finds out where a pid lives: *local is set for one of ours that is alive, *peer for one of a node that can
 * be reached. */
static void route(struct node *node, struct slice to, struct process **local, struct peer **peer)
{
    struct pid pid;
    *local = NULL;
    *peer = NULL;
    if (!pid_read(&to, &pid))
        return;
    if (node_is_self(node, pid.node))
        *local = process_find_pid(node, &pid);
    else
        *peer = peer_reach(node, pid.node);
}

static struct buf *open_local(struct node *node, struct process *to)
{
    node->sending.to = to;
    node->sending.peer = NULL;
    node->sending.buf = &node->sending.local;
    buf_clear(&node->sending.local);
    return node->sending.buf;
}

/* Counts the sender's token up; it is in node->sending until the message is sent. */
static void begin_sending(struct node *node, struct process *from)
{
    assert(node->sending.buf == NULL);
    buf_clear(&node->sending.token);
    seq_trace_write(from, &node->sending.token);
}

static struct slice token(const struct node *node)
{
    return buf_slice(&node->sending.token);
}

/* The sender as a term, in memory that holds until the next send. The node itself has the pid that no process
 * gets. */
static struct slice sender(struct node *node, const struct process *from)
{
    struct pid pid = {.node = buf_slice(&node->atom), .creation = node->creation};
    if (from != NULL)
        pid = process_pid(from);
    buf_clear(&node->sending.pid);
    pid_write(&node->sending.pid, &pid);
    return buf_slice(&node->sending.pid);
}

static struct buf *open_remote(struct node *node, struct peer *peer, size_t mark)
{
    node->sending.to = NULL;
    node->sending.peer = peer;
    node->sending.mark = mark;
    node->sending.buf = &peer->out;
    return node->sending.buf;
}

static struct buf *open_pid(struct node *node, const struct process *from, struct slice to)
{
    struct process *local;
    struct peer *peer;
    route(node, to, &local, &peer);
    if (peer == NULL)
        return open_local(node, local);
    size_t mark;
    if (from != NULL && (peer->flags & DFLAG_SEND_SENDER))
        mark = control_send_sender_begin(&peer->out, sender(node, from), to, token(node));
    else
        mark = control_send_begin(&peer->out, to, token(node));
    return open_remote(node, peer, mark);
}

static bool takes_aliases(struct peer *peer)
{
    return (peer->flags & DFLAG_ALTACT_SIG) != 0 || peer_can(peer, DFLAG_ALIAS);
}

static struct buf *open_remote_alias(struct node *node, struct peer *peer, const struct process *from,
                                     struct slice alias)
{
    size_t mark;
    if (peer->flags & DFLAG_ALTACT_SIG)
        mark = control_altact_send_begin(&peer->out, sender(node, from), alias, token(node));
    else
        mark = control_alias_send_begin(&peer->out, sender(node, from), alias, token(node));
    return open_remote(node, peer, mark);
}

static struct buf *open_alias(struct node *node, const struct process *from, struct slice to,
                              const struct ref *ref)
{
    if (node_is_self(node, ref->node))
        return open_local(node, alias_take(node, ref));
    struct peer *peer = peer_reach(node, ref->node);
    if (peer == NULL || !takes_aliases(peer))
        return open_local(node, NULL);
    return open_remote_alias(node, peer, from, to);
}

/* Name or {Name, Node}; anything else is nobody. */
static struct buf *open_name(struct node *node, const struct process *from, struct slice to)
{
    uint32_t arity;
    if (!etf_read_tuple(&to, &arity))
        return open_local(node, registry_find_atom(node, to));
    if (arity != 2)
        return open_local(node, NULL);
    struct slice name = etf_take(&to);
    if (node_is_self(node, to))
        return open_local(node, registry_find_atom(node, name));
    struct peer *peer = etf_type(name) == TERM_ATOM ? peer_reach(node, to) : NULL;
    if (peer == NULL)
        return open_local(node, NULL);
    return open_remote(node, peer, control_reg_send_begin(&peer->out, sender(node, from), name, token(node)));
}

struct buf *process_send_begin(struct node *node, struct process *from, struct slice to)
{
    begin_sending(node, from);
    return open_pid(node, from, to);
}

struct buf *process_alias_send_begin(struct node *node, struct process *from, struct slice to,
                                     struct slice alias)
{
    begin_sending(node, from);
    struct process *local;
    struct peer *peer;
    route(node, to, &local, &peer);
    if (peer == NULL) {
        struct ref ref;
        return open_local(node, local != NULL && ref_read(&alias, &ref) ? alias_take(node, &ref) : NULL);
    }
    return takes_aliases(peer) ? open_remote_alias(node, peer, from, alias) : open_pid(node, from, to);
}

struct buf *process_send_any_begin(struct node *node, struct process *from, struct slice to)
{
    struct ref ref;
    struct slice cursor = to;
    begin_sending(node, from);
    if (etf_type(to) == TERM_PID)
        return open_pid(node, from, to);
    return ref_read(&cursor, &ref) ? open_alias(node, from, to, &ref) : open_name(node, from, to);
}

void process_send_end(struct node *node)
{
    assert(node->sending.buf != NULL);
    node->sending.buf = NULL;
    struct peer *peer = node->sending.peer;
    if (peer != NULL) {
        frame_end(&peer->out, node->sending.mark);
        peer_wake(peer);
    } else if (node->sending.to != NULL) {
        process_post_traced(node->sending.to, buf_slice(&node->sending.local), token(node));
    }
}
