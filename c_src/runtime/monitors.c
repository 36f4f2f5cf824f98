/* Monitors. Each hangs in up to two lists and in one hash table by its reference. Knows nothing of what a
 * watcher does with a DOWN. */
#include "runtime/monitors.h"

#include "base/mem.h"
#include "runtime/blob.h"
#include "runtime/mailbox.h"
#include "runtime/node.h"
#include "runtime/registry.h"
#include "wire/control.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <utlist.h>

static struct monitor_key key_of(struct peer *maker, const struct ref *ref)
{
    struct monitor_key key;
    memset(&key, 0, sizeof key); /* padding is hashed too */
    key.maker = maker;
    key.words = ref->words;
    memcpy(key.word, ref->word, sizeof key.word);
    return key;
}

static struct monitor *find(struct node *node, struct peer *maker, const struct ref *ref)
{
    struct monitor_key key = key_of(maker, ref);
    struct monitor *monitor;
    HASH_FIND(hh, node->monitors, &key, sizeof key, monitor);
    return monitor;
}

/* Removes it from wherever it hangs and frees it. */
static void drop(struct node *node, struct monitor *monitor)
{
    if (monitor->request != NULL) {
        mailbox_cancel(&monitor->watched->mailbox, monitor->request);
        node->cancelled++;
    }
    if (monitor->watched != NULL)
        DL_DELETE2(monitor->watched->watchers, monitor, watched_prev, watched_next);
    else
        DL_DELETE2(monitor->peer->watched, monitor, peer_prev, peer_next);
    if (monitor->watcher != NULL)
        DL_DELETE2(monitor->watcher->watching, monitor, watcher_prev, watcher_next);
    else
        DL_DELETE2(monitor->peer->monitors, monitor, watcher_prev, watcher_next);
    HASH_DEL(node->monitors, monitor); /* is in it: NOLINT(clang-analyzer-core.NullDereference) */
    blob_drop(monitor->name);
    mem_free(monitor);
}

static struct monitor *add(struct node *node, struct peer *maker, const struct ref *ref,
                           struct process *watched, struct process *watcher, struct peer *peer)
{
    struct monitor *monitor = mem_zalloc(sizeof *monitor);
    monitor->key = key_of(maker, ref);
    monitor->watched = watched;
    monitor->watcher = watcher;
    monitor->peer = peer;
    if (watched != NULL)
        DL_PREPEND2(watched->watchers, monitor, watched_prev, watched_next);
    else
        DL_PREPEND2(peer->watched, monitor, peer_prev, peer_next);
    if (watcher != NULL)
        DL_PREPEND2(watcher->watching, monitor, watcher_prev, watcher_next);
    else
        DL_PREPEND2(peer->monitors, monitor, watcher_prev, watcher_next);
    HASH_ADD(hh, node->monitors, key, sizeof monitor->key, monitor);
    return monitor;
}

/* Our own reference of a monitor key, as a term. */
static void write_own_ref(struct node *node, const struct monitor_key *key, struct buf *out)
{
    struct ref ref = {.node = buf_slice(&node->atom), .creation = node->creation, .words = key->words};
    memcpy(ref.word, key->word, sizeof ref.word);
    ref_write(out, &ref);
}

/* {'DOWN', Ref, process, Object, Reason} */
static void post_down(struct process *watcher, const struct monitor_key *key, struct slice object,
                      struct slice reason)
{
    struct buf message = BUF_EMPTY;
    etf_write_tuple(&message, 5);
    etf_write_atom(&message, "DOWN");
    write_own_ref(watcher->node, key, &message);
    etf_write_atom(&message, "process");
    etf_write_term(&message, object);
    etf_write_term(&message, reason);
    process_post(watcher, buf_slice(&message));
    buf_release(&message);
}

static void post_down_atom(struct process *watcher, const struct monitor_key *key, struct slice object,
                           const char *reason)
{
    struct buf term = BUF_EMPTY;
    etf_write_atom(&term, reason);
    post_down(watcher, key, object, buf_slice(&term));
    buf_release(&term);
}

/* The remote watched process as MONITOR_P and DEMONITOR_P name it. */
static void write_remote(const struct monitor *monitor, struct buf *out)
{
    struct pid pid = monitor->remote;
    pid.node = buf_slice(&monitor->peer->atom);
    if (monitor->name != NULL)
        etf_write_term(out, blob_slice(monitor->name));
    else
        pid_write(out, &pid);
}

void monitor_write_object(const struct monitor *monitor, struct buf *out)
{
    if (monitor->name != NULL) {
        const struct node *node = monitor->watcher->node;
        etf_write_tuple(out, 2);
        etf_write_term(out, blob_slice(monitor->name));
        etf_write_term(out, buf_slice(monitor->watched != NULL ? &node->atom : &monitor->peer->atom));
    } else if (monitor->watched != NULL) {
        process_write_pid(monitor->watched, out);
    } else {
        write_remote(monitor, out);
    }
}

/* The watcher of a monitor of ours is told, the monitor is gone. */
static void end_with_down(struct monitor *monitor, struct slice reason)
{
    struct process *watcher = monitor->watcher;
    struct monitor_key key = monitor->key;
    struct buf object = BUF_EMPTY;
    monitor_write_object(monitor, &object);
    drop(watcher->node, monitor);
    post_down(watcher, &key, buf_slice(&object), reason);
    buf_release(&object);
}

/* The same for one on a process that was never spawned: {spawn_reply, Ref, error, Reason} */
static void end_with_spawn_error(struct monitor *monitor, struct slice reason)
{
    struct process *watcher = monitor->watcher;
    struct buf message = BUF_EMPTY;
    etf_write_tuple(&message, 4);
    etf_write_atom(&message, "spawn_reply");
    write_own_ref(watcher->node, &monitor->key, &message);
    etf_write_atom(&message, "error");
    etf_write_term(&message, reason);
    drop(watcher->node, monitor);
    process_post(watcher, buf_slice(&message));
    buf_release(&message);
}

/* Who is to be watched. */
struct target {
    struct pid pid;     /* unless name is set */
    struct slice name;  /* an atom; empty: by pid */
    struct slice where; /* the node's atom */
};

/* A name stands for {Name, Node} of this node. Anything else is nobody. */
static bool read_target(const struct node *node, struct slice term, struct target *target)
{
    uint32_t arity;
    *target = (struct target){.where = buf_slice(&node->atom)};
    if (pid_read(&term, &target->pid)) {
        target->where = target->pid.node;
        return true;
    }
    if (etf_type(term) == TERM_ATOM) {
        target->name = term;
        return true;
    }
    if (!etf_read_tuple(&term, &arity) || arity != 2)
        return false;
    target->name = etf_take(&term);
    target->where = etf_take(&term);
    return etf_type(target->name) == TERM_ATOM && etf_type(target->where) == TERM_ATOM;
}

static void set_target(struct monitor *monitor, const struct target *target)
{
    if (target->name.size > 0)
        monitor->name = blob_new(target->name);
    else
        monitor->remote = target->pid;
    monitor->remote.node = slice_of(NULL, 0);
}

static struct process *find_local(struct node *node, const struct target *target)
{
    return target->name.size > 0 ? registry_find_atom(node, target->name)
                                 : process_find_pid(node, &target->pid);
}

/* True if the peer is told of that monitor of ours. One on a process that is being spawned it knows from the
 * request, and of its end it is told when its pid has come. */
static bool is_told(const struct monitor *monitor)
{
    if (monitor->spawning)
        return false;
    return monitor->name == NULL || peer_can(monitor->peer, DFLAG_DIST_MONITOR_NAME);
}

/* MONITOR_P or DEMONITOR_P for a monitor of ours on a remote process. */
static void tell_watched(const struct monitor *monitor, void (*control)(struct buf *out, struct slice from,
                                                                        struct slice to, struct slice ref))
{
    struct buf from = BUF_EMPTY, to = BUF_EMPTY, ref = BUF_EMPTY;
    if (!is_told(monitor))
        return;
    process_write_pid(monitor->watcher, &from);
    write_remote(monitor, &to);
    write_own_ref(monitor->watcher->node, &monitor->key, &ref);
    control(&monitor->peer->out, buf_slice(&from), buf_slice(&to), buf_slice(&ref));
    peer_wake(monitor->peer);
    buf_release(&from);
    buf_release(&to);
    buf_release(&ref);
}

/* The object of a DOWN for what was never watched. */
static void write_object(const struct target *target, struct slice term, struct buf *out)
{
    if (target->name.size == 0) {
        etf_write_term(out, term);
        return;
    }
    etf_write_tuple(out, 2);
    etf_write_term(out, target->name);
    etf_write_term(out, target->where);
}

static void not_watched(struct process *process, const struct ref *ref, const struct target *target,
                        struct slice term, const char *reason)
{
    struct monitor_key key = key_of(NULL, ref);
    struct buf object = BUF_EMPTY;
    write_object(target, term, &object);
    post_down_atom(process, &key, buf_slice(&object), reason);
    buf_release(&object);
}

void monitor_add(struct process *process, struct slice term, struct ref *ref)
{
    struct node *node = process->node;
    struct target target;
    struct process *watched = NULL;
    struct peer *peer = NULL;
    node_make_ref(node, ref);
    bool readable = read_target(node, term, &target);
    bool local = !readable || node_is_self(node, target.where);
    if (readable && local)
        watched = find_local(node, &target);
    else if (readable)
        peer = peer_reach(node, target.where);
    if (watched == NULL && peer == NULL) {
        not_watched(process, ref, &target, term, local ? "noproc" : "noconnection");
        return;
    }
    struct monitor *monitor = add(node, NULL, ref, watched, process, peer);
    set_target(monitor, &target);
    if (peer != NULL)
        tell_watched(monitor, control_monitor_p);
}

void monitor_add_spawning(struct process *process, struct peer *peer, struct ref *ref)
{
    node_make_ref(process->node, ref);
    add(process->node, NULL, ref, NULL, process, peer)->spawning = true;
}

void monitor_remove(struct process *process, const struct ref *ref)
{
    struct monitor *monitor = find(process->node, NULL, ref);
    if (monitor == NULL || monitor->watcher != process)
        return;
    if (monitor->watched == NULL)
        tell_watched(monitor, control_demonitor_p);
    drop(process->node, monitor);
}

void monitor_hold_request(struct process *watched, const struct ref *ref, struct message *message)
{
    struct node *node = watched->node;
    bool ours = node_is_self(node, ref->node);
    struct peer *peer = ours ? NULL : peer_known(node, ref->node);
    if (peer == NULL && !ours)
        return;
    struct monitor *monitor = find(node, peer, ref);
    if (monitor != NULL && monitor->watched == watched && monitor->request == NULL)
        message_hold(message, &monitor->request);
}

static void send_down(struct peer *peer, struct slice watched, struct slice watcher, struct slice ref,
                      struct slice reason)
{
    control_monitor_p_exit(&peer->out, (peer->flags & DFLAG_EXIT_PAYLOAD) != 0, watched, watcher, ref,
                           reason);
    peer_wake(peer);
}

static void send_noproc(struct peer *peer, struct slice watched, struct slice watcher, struct slice ref)
{
    struct buf reason = BUF_EMPTY;
    etf_write_atom(&reason, "noproc");
    send_down(peer, watched, watcher, ref, buf_slice(&reason));
    buf_release(&reason);
}

void monitor_p_in(struct peer *peer, const struct pid *from, struct slice from_term, struct slice to,
                  const struct ref *ref, struct slice ref_term)
{
    struct node *node = peer->node;
    struct slice cursor = to;
    struct pid target;
    bool by_pid = pid_read(&cursor, &target);
    struct process *watched = by_pid ? process_find_pid(node, &target) : registry_find_atom(node, to);
    if (by_pid && !node_is_self(node, target.node))
        watched = NULL;
    if (watched == NULL) {
        send_noproc(peer, to, from_term, ref_term);
        return;
    }
    if (find(node, peer, ref) != NULL)
        return; /* a reference that is in use already: the peer broke its own promise, the first one stands */
    struct monitor *monitor = add(node, peer, ref, watched, NULL, peer);
    monitor->remote = *from;
    monitor->remote.node = slice_of(NULL, 0);
    if (!by_pid)
        monitor->name = blob_new(to);
}

void demonitor_p_in(struct peer *peer, const struct ref *ref)
{
    struct monitor *monitor = find(peer->node, peer, ref);
    if (monitor != NULL)
        drop(peer->node, monitor);
}

void monitor_p_exit_in(struct peer *peer, const struct ref *ref, struct slice reason)
{
    struct monitor *monitor = find(peer->node, NULL, ref);
    if (monitor == NULL || monitor->peer != peer || monitor->watched != NULL || monitor->spawning)
        return;
    end_with_down(monitor, reason);
}

bool monitor_spawn_reply_in(struct peer *peer, const struct ref *ref, struct slice result)
{
    struct monitor *monitor = find(peer->node, NULL, ref);
    if (monitor == NULL || monitor->peer != peer || !monitor->spawning)
        return false;
    if (pid_read(&result, &monitor->remote)) {
        monitor->spawning = false;
        monitor->remote.node = slice_of(NULL, 0);
    } else {
        end_with_spawn_error(monitor, result);
    }
    return true;
}

/* Tells a remote watcher that its process ended. */
static void tell_remote(const struct monitor *monitor, struct slice reason)
{
    struct peer *peer = monitor->peer;
    struct pid watcher_pid = monitor->remote;
    struct ref ref = {
        .node = buf_slice(&peer->atom), .creation = peer->creation, .words = monitor->key.words};
    struct buf watched = BUF_EMPTY, watcher = BUF_EMPTY, ref_term = BUF_EMPTY;
    memcpy(ref.word, monitor->key.word, sizeof ref.word);
    watcher_pid.node = buf_slice(&peer->atom);
    if (monitor->name != NULL)
        buf_append_slice(&watched, blob_slice(monitor->name));
    else
        process_write_pid(monitor->watched, &watched);
    pid_write(&watcher, &watcher_pid);
    ref_write(&ref_term, &ref);
    send_down(peer, buf_slice(&watched), buf_slice(&watcher), buf_slice(&ref_term), reason);
    buf_release(&watched);
    buf_release(&watcher);
    buf_release(&ref_term);
}

void monitors_process_down(struct process *process, struct slice reason)
{
    while (process->watchers != NULL) {
        struct monitor *monitor = process->watchers;
        if (monitor->watcher != NULL && monitor->watcher != process) {
            end_with_down(monitor, reason);
            continue;
        }
        if (monitor->watcher == NULL)
            tell_remote(monitor, reason);
        drop(process->node, monitor);
    }
    while (process->watching != NULL) {
        struct monitor *monitor = process->watching;
        if (monitor->watched == NULL)
            tell_watched(monitor, control_demonitor_p);
        drop(process->node, monitor);
    }
}

void monitors_peer_down(struct peer *peer)
{
    while (peer->monitors != NULL)
        drop(peer->node, peer->monitors);
    struct buf reason = BUF_EMPTY;
    etf_write_atom(&reason, "noconnection");
    while (peer->watched != NULL) {
        if (peer->watched->spawning)
            end_with_spawn_error(peer->watched, buf_slice(&reason));
        else
            end_with_down(peer->watched, buf_slice(&reason));
    }
    buf_release(&reason);
}
