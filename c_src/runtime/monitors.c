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

/* {'DOWN', Ref, process, Pid, Reason} */
static void post_down(struct process *watcher, const struct monitor_key *key, struct slice pid,
                      struct slice reason)
{
    struct buf message = BUF_EMPTY;
    etf_write_tuple(&message, 5);
    etf_write_atom(&message, "DOWN");
    write_own_ref(watcher->node, key, &message);
    etf_write_atom(&message, "process");
    etf_write_term(&message, pid);
    etf_write_term(&message, reason);
    process_post(watcher, buf_slice(&message));
    buf_release(&message);
}

static void post_down_atom(struct process *watcher, const struct monitor_key *key, struct slice pid,
                           const char *reason)
{
    struct buf term = BUF_EMPTY;
    etf_write_atom(&term, reason);
    post_down(watcher, key, pid, buf_slice(&term));
    buf_release(&term);
}

/* The remote watched process as MONITOR_P and DEMONITOR_P name it. */
static void write_remote(const struct monitor *monitor, struct buf *out)
{
    struct pid pid = monitor->remote;
    pid.node = buf_slice(&monitor->peer->atom);
    pid_write(out, &pid);
}

static void watch_remote(struct process *process, struct peer *peer, const struct pid *target,
                         const struct ref *ref)
{
    struct monitor *monitor = add(process->node, NULL, ref, NULL, process, peer);
    struct buf from = BUF_EMPTY, to = BUF_EMPTY, ref_term = BUF_EMPTY;
    monitor->remote = *target;
    monitor->remote.node = slice_of(NULL, 0);
    process_write_pid(process, &from);
    write_remote(monitor, &to);
    ref_write(&ref_term, ref);
    control_monitor_p(&peer->out, buf_slice(&from), buf_slice(&to), buf_slice(&ref_term));
    peer_wake(peer);
    buf_release(&from);
    buf_release(&to);
    buf_release(&ref_term);
}

void monitor_add(struct process *process, struct slice pid, struct ref *ref)
{
    struct node *node = process->node;
    struct slice cursor = pid;
    struct pid target;
    node_make_ref(node, ref);
    struct monitor_key key = key_of(NULL, ref);
    if (!pid_read(&cursor, &target)) {
        post_down_atom(process, &key, pid, "noproc");
    } else if (node_is_self(node, target.node)) {
        struct process *watched = process_find_pid(node, &target);
        if (watched != NULL)
            add(node, NULL, ref, watched, process, NULL);
        else
            post_down_atom(process, &key, pid, "noproc");
    } else {
        struct peer *peer = peer_of_pid(node, &target);
        if (peer != NULL)
            watch_remote(process, peer, &target, ref);
        else
            post_down_atom(process, &key, pid, "noconnection");
    }
}

/* DEMONITOR_P for a monitor of ours on a remote process. */
static void send_demonitor(const struct monitor *monitor)
{
    struct buf from = BUF_EMPTY, to = BUF_EMPTY, ref = BUF_EMPTY;
    process_write_pid(monitor->watcher, &from);
    write_remote(monitor, &to);
    write_own_ref(monitor->watcher->node, &monitor->key, &ref);
    control_demonitor_p(&monitor->peer->out, buf_slice(&from), buf_slice(&to), buf_slice(&ref));
    peer_wake(monitor->peer);
    buf_release(&from);
    buf_release(&to);
    buf_release(&ref);
}

void monitor_remove(struct process *process, const struct ref *ref)
{
    struct monitor *monitor = find(process->node, NULL, ref);
    if (monitor == NULL || monitor->watcher != process)
        return;
    if (monitor->watched == NULL)
        send_demonitor(monitor);
    drop(process->node, monitor);
}

void monitor_hold_request(struct process *watched, const struct ref *ref, struct message *message)
{
    struct node *node = watched->node;
    struct pid maker = {.node = ref->node, .creation = ref->creation};
    struct peer *peer = node_is_self(node, ref->node) ? NULL : peer_of_pid(node, &maker);
    if (peer == NULL && !node_is_self(node, ref->node))
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
    if (monitor == NULL || monitor->peer != peer || monitor->watched != NULL)
        return;
    struct process *watcher = monitor->watcher;
    struct monitor_key key = monitor->key;
    struct buf pid = BUF_EMPTY;
    write_remote(monitor, &pid);
    drop(peer->node, monitor);
    post_down(watcher, &key, buf_slice(&pid), reason);
    buf_release(&pid);
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

static void tell_local(const struct monitor *monitor, struct slice reason)
{
    struct buf pid = BUF_EMPTY;
    process_write_pid(monitor->watched, &pid);
    post_down(monitor->watcher, &monitor->key, buf_slice(&pid), reason);
    buf_release(&pid);
}

void monitors_process_down(struct process *process, struct slice reason)
{
    while (process->watchers != NULL) {
        struct monitor *monitor = process->watchers;
        if (monitor->watcher == NULL)
            tell_remote(monitor, reason);
        else if (monitor->watcher != process)
            tell_local(monitor, reason);
        drop(process->node, monitor);
    }
    while (process->watching != NULL) {
        struct monitor *monitor = process->watching;
        if (monitor->watched == NULL)
            send_demonitor(monitor);
        drop(process->node, monitor);
    }
}

void monitors_peer_down(struct peer *peer)
{
    while (peer->monitors != NULL)
        drop(peer->node, peer->monitors);
    while (peer->watched != NULL) {
        struct monitor *monitor = peer->watched;
        struct process *watcher = monitor->watcher;
        struct monitor_key key = monitor->key;
        struct buf pid = BUF_EMPTY;
        write_remote(monitor, &pid);
        drop(peer->node, monitor);
        post_down_atom(watcher, &key, buf_slice(&pid), "noconnection");
        buf_release(&pid);
    }
}
