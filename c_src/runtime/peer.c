/* A connected node: dispatches the signals that come from it. Knows no sockets and no request. */
#include "runtime/peer.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/aliases.h"
#include "runtime/links.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/registry.h"
#include "wire/control.h"
#include "wire/etf_compare.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <assert.h>

enum { FRAME_LENGTH_SIZE = 4 };

struct peer *peer_up(struct node *node, const struct handshake_peer *known,
                     const struct peer_transport *transport)
{
    assert(peer_find(node, slice_of_text(known->node)) == NULL);
    struct peer *peer = mem_zalloc(sizeof *peer);
    peer->node = node;
    peer->name = mem_dup(known->node, strlen(known->node) + 1);
    etf_write_atom(&peer->atom, peer->name);
    peer->creation = known->creation;
    peer->flags = known->flags;
    peer->transport = *transport;
    HASH_ADD_KEYPTR(hh, node->peers, peer->name, strlen(peer->name), peer);
    return peer;
}

struct peer *peer_find(struct node *node, struct slice name)
{
    struct peer *peer;
    HASH_FIND(hh, node->peers, name.data, name.size, peer);
    return peer;
}

static bool is_of_peer(const struct peer *peer, struct slice atom)
{
    return slice_equal(atom, buf_slice(&peer->atom)) || etf_equal(atom, buf_slice(&peer->atom));
}

struct peer *peer_of_pid(struct node *node, const struct pid *pid)
{
    uint8_t text[ATOM_BYTES_MAX];
    size_t size;
    struct slice atom = pid->node;
    if (!etf_read_atom(&atom, text, &size))
        return NULL;
    struct peer *peer = peer_find(node, slice_of(text, size));
    return peer != NULL && peer->creation == pid->creation ? peer : NULL;
}

void peer_wake(struct peer *peer)
{
    peer->frames_out++;
    if (peer->woken || peer->down)
        return;
    peer->woken = true;
    peer->transport.wake(peer->transport.ctx);
}

void peer_flushed(struct peer *peer)
{
    peer->woken = false;
}

void peer_down(struct peer *peer)
{
    peer->down = true;
    HASH_DEL(peer->node->peers, peer);
    monitors_peer_down(peer);
    links_peer_down(peer);
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

static void deliver(struct process *process, const struct control *control)
{
    if (process != NULL)
        process_deliver(process, control->message, control->token);
}

static int send_in(struct peer *peer, const struct control *control)
{
    struct pid to;
    if (control->op == CONTROL_REG_SEND) {
        deliver(registry_find_atom(peer->node, control->to), control);
    } else if (control->op == CONTROL_ALIAS_SEND) {
        struct ref ref;
        struct slice cursor = control->to;
        if (ref_read(&cursor, &ref))
            deliver(alias_take(peer->node, &ref), control);
    } else if (read_ours(peer, control->to, &to)) {
        deliver(process_find_pid(peer->node, &to), control);
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

static int exit2_in(struct peer *peer, const struct control *control)
{
    struct pid to;
    struct process *process = NULL;
    if (read_ours(peer, control->to, &to))
        process = process_find_pid(peer->node, &to);
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
    default: /* GROUP_LEADER, UNLINK without id, SPAWN_REPLY to no request of ours: nothing to do */
        return 0;
    }
}
