/* A connected node, or one that is being connected to: who it is, and the signals that come from it. Knows no
 * sockets and no request. */
#include "runtime/peer.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/aliases.h"
#include "runtime/fast_call.h"
#include "runtime/links.h"
#include "runtime/mailbox.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/registry.h"
#include "runtime/waiting.h"
#include "wire/control.h"
#include "wire/etf_compare.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <assert.h>
#include <limits.h>
#include <utlist.h>

enum {
    FRAME_LENGTH_SIZE = 4,
    LOG_REFUSED_MS = 1000, /* between two lines about messages that were refused */
    OVERFLOW = 16          /* so many times limits.output_max, and one frame beyond it, are too much in out */
};

static struct peer *new_peer(struct node *node, const char *name)
{
    struct peer *peer = mem_zalloc(sizeof *peer);
    peer->node = node;
    peer->number = ++node->peer_counter;
    peer->name = mem_dup(name, strlen(name) + 1);
    etf_write_atom(&peer->atom, peer->name);
    waiting_init(peer);
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
    peer->seen = 0;
    unsigned budget = UINT_MAX; /* whatever waits is bounded */
    monitors_peer_down(peer, &budget);
    links_peer_down(peer, &budget);
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
    if (node->recent != NULL && slice_equal(atom, buf_slice(&node->recent->atom)))
        return node->recent;
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

static void overflow(struct peer *peer)
{
    peer->overflown = true;
    buf_release(&peer->out);
    if (peer->woken || peer->down)
        return;
    peer->woken = true;
    peer->transport.wake(peer->transport.ctx); /* to be closed */
}

/* Much waits. One answer may be as large as it is: what counts is what gathers besides. */
static void fill(struct peer *peer, size_t appended)
{
    struct node *node = peer->node;
    node->filled = peer;
    if (!peer->full)
        DL_APPEND2(node->full, peer, full_prev, full_next);
    peer->full = true;
    if (appended > node->limits.output_max && appended > peer->largest)
        peer->largest = appended;
    if (peer->overflown || (peer->out.size - peer->largest) / OVERFLOW > node->limits.output_max)
        overflow(peer);
}

void peer_wake(struct peer *peer)
{
    struct node *node = peer->node;
    if (peer->down) {
        buf_clear(&peer->out);
        return;
    }
    size_t appended = peer->out.size - peer->seen;
    peer->frames_out++;
    node->appended += appended;
    if (peer->pending)
        bound_what_waits(peer);
    else if (peer->out.size + peer->unwritten > node->limits.output_max || peer->overflown)
        fill(peer, appended);
    peer->seen = peer->out.size;
    if (!peer->pending)
        wake_if_needed(peer);
}

struct peer *peer_find_full(const struct node *node, uint32_t number)
{
    struct peer *peer;
    for (peer = node->full; peer != NULL && peer->number != number; peer = peer->full_next)
        ;
    return peer;
}

/* It is not full any more, or down: who is put off goes on. */
static void stop_putting_off(struct peer *peer)
{
    if (peer->full)
        DL_DELETE2(peer->node->full, peer, full_prev, full_next);
    peer->full = false;
    struct buf ids = peer->put_off;
    peer->put_off = BUF_EMPTY;
    for (size_t i = 0; i < ids.size; i += sizeof(process_id)) {
        process_id id;
        memcpy(&id, ids.data + i, sizeof id);
        struct process *process = process_find(peer->node, id);
        if (process != NULL)
            process_go_on(process);
    }
    buf_release(&ids);
}

void peer_flushed(struct peer *peer, size_t unwritten)
{
    peer->woken = false;
    peer->unwritten = unwritten;
    peer->seen = peer->out.size;
    if (peer->largest > peer->out.size)
        peer->largest = peer->out.size; /* a part of it has gone */
    if ((peer->full || peer_puts_off(peer)) &&
        peer->out.size + unwritten <= peer->node->limits.output_max / 2)
        stop_putting_off(peer);
}

void peer_put_off(struct peer *peer, struct process *process)
{
    buf_append(&peer->put_off, &process->id, sizeof process->id);
    process_put_off(process);
}

static void free_peer(struct peer *peer)
{
    assert(peer->links == NULL && peer->monitors == NULL && peer->watched == NULL);
    waiting_release(peer);
    buf_release(&peer->out);
    buf_release(&peer->atom);
    mem_free(peer->name);
    mem_free(peer);
}

/* False: the budget is used up, and the peer still there. */
static bool tell_loss(struct peer *peer, unsigned *budget)
{
    if (*budget == 0 || !monitors_peer_down(peer, budget) || !links_peer_down(peer, budget) ||
        !waiting_peer_down(peer, budget))
        return false;
    free_peer(peer);
    return true;
}

void peer_down(struct peer *peer)
{
    peer->down = true;
    if (peer->node->recent == peer)
        peer->node->recent = NULL;
    if (peer->pending)
        HASH_DEL(peer->node->pending, peer);
    else
        HASH_DEL(peer->node->peers, peer);
    stop_putting_off(peer);
    if (!tell_loss(peer, &peer->node->down_left))
        LL_APPEND2(peer->node->leaving, peer, leaving_next);
}

unsigned peer_leave(struct node *node)
{
    struct peer *peer = node->leaving;
    unsigned left = PEER_DOWN_BUDGET;
    LL_DELETE2(node->leaving, peer, leaving_next);
    if (!tell_loss(peer, &left))
        LL_PREPEND2(node->leaving, peer, leaving_next);
    return PEER_DOWN_BUDGET - left + 1;
}

/* A pid that must belong to the peer: who signs for another node breaks the protocol. */
static bool read_own(const struct peer *peer, struct slice term, struct pid *pid)
{
    return pid_read(&term, pid) && is_of_peer(peer, pid->node);
}

/* The same of the sender's pid, which comes with nearly every frame: the node's atom stands behind the tag.
 */
static bool signs_own(const struct peer *peer, struct slice from)
{
    struct slice atom = buf_slice(&peer->atom);
    struct pid pid;
    return (from.size > atom.size && from.data[0] == ETF_NEW_PID &&
            memcmp(from.data + 1, atom.data, atom.size) == 0) ||
           read_own(peer, from, &pid);
}

/* One of our pids, alive or not. */
static bool read_ours(const struct peer *peer, struct slice term, struct pid *pid)
{
    return pid_read(&term, pid) && node_is_self(peer->node, pid->node);
}

/* For whom a message is: a live process, or NULL. False: for nobody that could ever be. */
static bool send_target(const struct peer *peer, const struct control *control, struct process **process)
{
    struct node *node = peer->node;
    struct pid to;
    struct ref ref;
    struct slice cursor = control->to;
    *process = NULL;
    if (control->op == CONTROL_REG_SEND) {
        *process = registry_find_atom(node, control->to);
        return true;
    }
    if (control->op == CONTROL_ALIAS_SEND) {
        if (!ref_read(&cursor, &ref))
            return false;
        *process = alias_take(node, &ref);
        return true;
    }
    if (!read_ours(peer, control->to, &to))
        return false;
    *process = process_find_pid(node, &to);
    return true;
}

static void log_refused(struct peer *peer, process_id id)
{
    struct node *node = peer->node;
    uint64_t now = node_now_ms(node);
    if (node->refused++ > 0 && now - node->refused_logged_ms < LOG_REFUSED_MS)
        return;
    node->refused_logged_ms = now;
    log_write(LOG_WARN, "peer", "message_refused", "process=<0.%u.%u> peer=%s total=%llu", (uint32_t)id,
              (uint32_t)(id >> 32), peer->name, (unsigned long long)node->refused);
}

/* The mailbox is full. That is the trouble of who has filled it: the others lose a message, as all do whose
 * receiver ends, and not the connection. */
static int refuse(struct peer *peer, const struct process *process, struct slice message)
{
    if (mailbox_is_mostly_of(process->mailbox, peer->number)) {
        log_write(LOG_WARN, "peer", "mailbox_full", "process=<0.%u.%u> peer=%s", (uint32_t)process->id,
                  (uint32_t)(process->id >> 32), peer->name);
        return ERR_MAILBOX_FULL;
    }
    log_refused(peer, process->id);
    fast_call_refuse(peer->node, message, "system_limit");
    return 0;
}

static int deliver(struct peer *peer, struct process *process, const struct control *control)
{
    struct node *node = peer->node;
    process_id id = process->id;
    node->filled = NULL;
    if (!process_deliver(process, peer->number, control->message, control->token))
        return refuse(peer, process, control->message);
    /* What it has sent to this peer holds this peer up; what to another, nobody. */
    if (node->filled != NULL && node->filled != peer && process_find(node, id) != NULL)
        process_heed_output(process);
    return 0;
}

static int send_in(struct peer *peer, const struct control *control)
{
    struct process *process;
    if (control->from.size > 0 && !signs_own(peer, control->from))
        return ERR_PROTOCOL;
    if (!send_target(peer, control, &process) || fast_call_cancel(peer, control->message))
        return 0;
    if (process != NULL)
        return deliver(peer, process, control);
    fast_call_refuse(peer->node, control->message, "noproc");
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
    if (!signs_own(peer, control->from))
        return ERR_PROTOCOL;
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

static int refuse_relations(const struct peer *peer)
{
    log_write(LOG_WARN, "peer", "too_many_monitors", "monitors_and_links=%zu peer=%s", peer->relations,
              peer->name);
    return ERR_SYSTEM_LIMIT;
}

int peer_frame(struct peer *peer, struct slice frame)
{
    struct control control;
    if (peer->relations > peer->node->limits.relations_max)
        return refuse_relations(peer);
    int status = control_parse(frame, peer->node->depth_max, &control);
    if (status != 0)
        return status;
    peer->frames_in++;
    peer->node->recent = peer;
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
