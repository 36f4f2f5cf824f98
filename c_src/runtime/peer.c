/* A connected node, or one that is being connected to: who it is, and the signals that come from it. Knows no
 * sockets and no request. */
#include "runtime/peer.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/aliases.h"
#include "runtime/fast_call.h"
#include "runtime/links.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/registry.h"
#include "runtime/waiting.h"
#include "wire/control.h"
#include "wire/etf_compare.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <assert.h>

enum { FRAME_LENGTH_SIZE = 4 };

static struct peer *new_peer(struct node *node, const char *name)
{
    struct peer *peer = mem_zalloc(sizeof *peer);
    peer->node = node;
    peer->name = mem_dup(name, strlen(name) + 1);
    etf_write_atom(&peer->atom, peer->name);
    return peer;
}

static void wake_if_needed(struct peer *peer)
{
    if (peer->woken || peer->down || peer->out.size == 0)
        return;
    peer->woken = true;
    peer->transport.wake(peer->transport.ctx);
}

static void lose_what_waits(struct peer *peer)
{
    buf_release(&peer->out);
    monitors_peer_down(peer);
    links_peer_down(peer);
}

struct peer *peer_up(struct node *node, const struct handshake_peer *known,
                     const struct peer_transport *transport)
{
    struct slice name = slice_of_text(known->node);
    assert(peer_find(node, name) == NULL);
    struct peer *peer = peer_find_pending(node, name);
    if (peer == NULL)
        peer = new_peer(node, known->node);
    else
        HASH_DEL(node->pending, peer);
    bool lost = peer->overflown || (peer->hoped & ~known->flags) != 0;
    peer->pending = peer->overflown = false;
    peer->creation = known->creation;
    peer->flags = known->flags;
    peer->transport = *transport;
    HASH_ADD_KEYPTR(hh, node->peers, peer->name, strlen(peer->name), peer);
    if (lost)
        lose_what_waits(peer);
    wake_if_needed(peer);
    return peer;
}

struct peer *peer_find(struct node *node, struct slice name)
{
    struct peer *peer;
    HASH_FIND(hh, node->peers, name.data, name.size, peer);
    return peer;
}

struct peer *peer_find_pending(struct node *node, struct slice name)
{
    struct peer *peer;
    HASH_FIND(hh, node->pending, name.data, name.size, peer);
    return peer;
}

/* The text of a node's atom, with a NUL; false if it is none. */
static bool name_of(struct slice atom, char name[ATOM_BYTES_MAX + 1], size_t *size)
{
    if (!etf_read_atom(&atom, (uint8_t *)name, size))
        return false;
    name[*size] = '\0';
    return true;
}

static struct peer *known(struct node *node, struct slice name)
{
    struct peer *peer = peer_find(node, name);
    return peer != NULL ? peer : peer_find_pending(node, name);
}

struct peer *peer_known(struct node *node, struct slice atom)
{
    char name[ATOM_BYTES_MAX + 1];
    size_t size;
    return name_of(atom, name, &size) ? known(node, slice_of(name, size)) : NULL;
}

static struct peer *begin_to_connect(struct node *node, const char *name)
{
    if (node->dial.connect == NULL || !node->dial.connect(node->dial.ctx, name))
        return NULL;
    struct peer *peer = new_peer(node, name);
    peer->pending = true;
    peer->flags = HANDSHAKE_FLAGS_REQUIRED;
    HASH_ADD_KEYPTR(hh, node->pending, peer->name, strlen(peer->name), peer);
    return peer;
}

struct peer *peer_reach(struct node *node, struct slice atom)
{
    char name[ATOM_BYTES_MAX + 1];
    size_t size;
    if (!name_of(atom, name, &size))
        return NULL;
    struct peer *peer = known(node, slice_of(name, size));
    if (peer == NULL)
        return strlen(name) == size ? begin_to_connect(node, name) : NULL;
    return peer->overflown ? NULL : peer;
}

bool peer_can(struct peer *peer, uint64_t flag)
{
    if (peer->pending)
        peer->hoped |= flag;
    return peer->pending || (peer->flags & flag) != 0;
}

static bool is_of_peer(const struct peer *peer, struct slice atom)
{
    return slice_equal(atom, buf_slice(&peer->atom)) || etf_equal(atom, buf_slice(&peer->atom));
}

/* Nothing fails here, inside of whoever sends: that waits for the end of the attempt. */
static void bound_what_waits(struct peer *peer)
{
    if (peer->out.size > peer->node->dial.waiting_size_max)
        peer->overflown = true;
    if (peer->overflown)
        buf_release(&peer->out);
}

void peer_wake(struct peer *peer)
{
    peer->frames_out++;
    if (peer->pending)
        bound_what_waits(peer);
    else
        wake_if_needed(peer);
}

void peer_flushed(struct peer *peer)
{
    peer->woken = false;
}

void peer_down(struct peer *peer)
{
    peer->down = true;
    if (peer->pending)
        HASH_DEL(peer->node->pending, peer);
    else
        HASH_DEL(peer->node->peers, peer);
    monitors_peer_down(peer);
    links_peer_down(peer);
    waiting_peer_down(peer);
    assert(peer->links == NULL && peer->monitors == NULL && peer->watched == NULL);
    buf_release(&peer->out);
    buf_release(&peer->atom);
    mem_free(peer->name);
    mem_free(peer);
}

/* A pid that must belong to the peer: who signs for another node breaks the protocol. */
static bool read_own(const struct peer *peer, struct slice term, struct pid *pid)
{
    return pid_read(&term, pid) && is_of_peer(peer, pid->node);
}

/* One of our pids, alive or not. */
static bool read_ours(const struct peer *peer, struct slice term, struct pid *pid)
{
    return pid_read(&term, pid) && node_is_self(peer->node, pid->node);
}

/* process: NULL: nobody. */
static void deliver(struct peer *peer, struct process *process, const struct control *control)
{
    if (fast_call_cancel(peer, control->message))
        return;
    if (process != NULL)
        process_deliver(process, control->message, control->token);
    else
        fast_call_refuse(peer->node, control->message);
}

static int send_in(struct peer *peer, const struct control *control)
{
    struct pid to;
    if (control->op == CONTROL_REG_SEND) {
        deliver(peer, registry_find_atom(peer->node, control->to), control);
    } else if (control->op == CONTROL_ALIAS_SEND) {
        struct ref ref;
        struct slice cursor = control->to;
        if (ref_read(&cursor, &ref))
            deliver(peer, alias_take(peer->node, &ref), control);
    } else if (read_ours(peer, control->to, &to)) {
        deliver(peer, process_find_pid(peer->node, &to), control);
    }
    return 0;
}

static int link_signal_in(struct peer *peer, const struct control *control)
{
    struct pid from, to;
    if (!read_own(peer, control->from, &from))
        return ERR_PROTOCOL;
    if (control->op == CONTROL_LINK) {
        link_in(peer, &from, control->from, control->to);
    } else if (control->op == CONTROL_UNLINK_ID) {
        unlink_id_in(peer, &from, control->from, control->to, control->unlink_id);
    } else if (read_ours(peer, control->to, &to)) {
        uint64_t id = 0;
        struct slice cursor = control->unlink_id;
        if (control->op == CONTROL_EXIT)
            exit_in(peer, &from, control->from, &to, control->reason);
        else if (etf_read_uint64(&cursor, &id))
            unlink_id_ack_in(peer, &from, &to, id);
    }
    return 0;
}

/* Whom an exit/2 is for: a pid, an alias or a name. An alias that ends with the first message goes on. */
static struct process *exit2_target(struct peer *peer, struct slice to)
{
    struct pid pid;
    struct ref ref;
    struct slice cursor = to;
    if (read_ours(peer, to, &pid))
        return process_find_pid(peer->node, &pid);
    if (ref_read(&cursor, &ref))
        return alias_find(peer->node, &ref);
    return registry_find_atom(peer->node, to);
}

static int exit2_in(struct peer *peer, const struct control *control)
{
    struct process *process = exit2_target(peer, control->to);
    if (process != NULL)
        process_exit_signal(process, EXIT_BY_CALL, control->from, control->reason);
    return 0;
}

static int monitor_signal_in(struct peer *peer, const struct control *control)
{
    struct pid from;
    struct ref ref;
    struct slice cursor = control->ref;
    if (!ref_read(&cursor, &ref))
        return ERR_PROTOCOL;
    if (control->op == CONTROL_DEMONITOR_P) {
        demonitor_p_in(peer, &ref);
    } else if (control->op == CONTROL_MONITOR_P_EXIT) {
        monitor_p_exit_in(peer, &ref, control->reason);
    } else {
        if (!read_own(peer, control->from, &from))
            return ERR_PROTOCOL;
        monitor_p_in(peer, &from, control->from, control->to, &ref, control->ref);
    }
    return 0;
}

static int spawn_request_in(struct peer *peer, const struct control *control)
{
    struct node *node = peer->node;
    struct pid from;
    if (!read_own(peer, control->from, &from))
        return ERR_PROTOCOL;
    if (node->spawn_request != NULL && node->spawn_request(peer, control))
        return 0;
    struct buf result = BUF_EMPTY;
    etf_write_atom(&result, "notsup");
    control_spawn_reply(&peer->out, control->ref, control->from, 0, buf_slice(&result));
    buf_release(&result);
    peer_wake(peer);
    return 0;
}

static int spawn_reply_in(struct peer *peer, const struct control *control)
{
    struct pid pid;
    struct ref ref;
    uint64_t flags = 0;
    struct slice ref_cursor = control->ref, flags_cursor = control->options;
    bool spawned = etf_type(control->result) == TERM_PID;
    if (!ref_read(&ref_cursor, &ref) || !etf_read_uint64(&flags_cursor, &flags) ||
        (spawned && !read_own(peer, control->result, &pid)))
        return ERR_PROTOCOL;
    if (monitor_spawn_reply_in(peer, &ref, control->result) || !spawned || !(flags & SPAWN_FLAG_MONITOR))
        return 0;
    /* Who asked has ended meanwhile: nobody waits for the process's end. */
    control_demonitor_p(&peer->out, control->to, control->result, control->ref);
    peer_wake(peer);
    return 0;
}

int peer_frame(struct peer *peer, struct slice frame)
{
    struct control control;
    int status = control_parse(frame, peer->node->depth_max, &control);
    if (status != 0)
        return status;
    peer->frames_in++;
    peer->node->bytes_in += FRAME_LENGTH_SIZE + frame.size;
    switch (control.op) {
    case CONTROL_SEND:
    case CONTROL_REG_SEND:
    case CONTROL_ALIAS_SEND:
        pacing_request(&peer->node->pacing, control.from);
        return send_in(peer, &control);
    case CONTROL_MONITOR_P:
    case CONTROL_DEMONITOR_P:
    case CONTROL_MONITOR_P_EXIT:
        return monitor_signal_in(peer, &control);
    case CONTROL_LINK:
    case CONTROL_UNLINK_ID:
    case CONTROL_UNLINK_ID_ACK:
    case CONTROL_EXIT:
        return link_signal_in(peer, &control);
    case CONTROL_EXIT2:
        return exit2_in(peer, &control);
    case CONTROL_SPAWN_REQUEST:
        return spawn_request_in(peer, &control);
    case CONTROL_SPAWN_REPLY:
        return spawn_reply_in(peer, &control);
    default: /* GROUP_LEADER, UNLINK without id: nothing to do */
        return 0;
    }
}
