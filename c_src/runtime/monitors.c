/* Monitors. Each hangs in up to two lists and in one hash table by its reference. Knows nothing of what a
 * watcher does with a DOWN. */
#include "runtime/monitors.h"

#include "base/mem.h"
#include "runtime/mailbox.h"
#include "runtime/node.h"
#include "runtime/registry.h"
#include "wire/control.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <stddef.h>
#include <utlist.h>

static size_t key_size(uint32_t words)
{
    return offsetof(struct monitor_key, word) + words * sizeof(uint32_t);
}

static struct slice table_key(const struct table_link *link)
{
    const struct monitor *monitor = (const struct monitor *)link;
    return slice_of(&monitor->key, key_size(monitor->words));
}

void monitors_init(struct table *monitors)
{
    table_init(monitors, table_key);
}

/* maker: NULL: the reference is ours. */
static struct monitor_key key_of(const struct peer *maker, const struct ref *ref)
{
    struct monitor_key key = {.maker = maker == NULL ? 0 : maker->number};
    memcpy(key.word, ref->word, sizeof key.word);
    return key;
}

static struct monitor *find(struct node *node, const struct peer *maker, const struct ref *ref)
{
    struct monitor_key key = key_of(maker, ref);
    struct table_link *link = table_find(&node->monitors, slice_of(&key, key_size(ref->words)));
    return TABLE_RECORD(link, struct monitor, link);
}

static uint8_t *name_place(const struct monitor *monitor)
{
    return (uint8_t *)(uintptr_t)&monitor->key + key_size(monitor->words);
}

/* The atom under which the watched one was named. */
static struct slice name_of(const struct monitor *monitor)
{
    return slice_of(name_place(monitor), monitor->name_size);
}

struct pid monitor_remote_pid(const struct monitor *monitor)
{
    return (struct pid){.node = buf_slice(&monitor_peer(monitor)->atom),
                        .id = monitor->remote_id,
                        .serial = monitor->remote_serial,
                        .creation = monitor->remote_creation};
}

static void set_remote_pid(struct monitor *monitor, const struct pid *pid)
{
    monitor->remote_id = pid->id;
    monitor->remote_serial = pid->serial;
    monitor->remote_creation = pid->creation;
}

static struct monitor **watched_list(const struct monitor *monitor)
{
    return monitor->watched_remote ? &monitor->watched.peer->watched : &monitor->watched.process->watchers;
}

static struct monitor **watcher_list(const struct monitor *monitor)
{
    return monitor->watcher_remote ? &monitor->watcher.peer->monitors
                                   : &process_ties_get(monitor->watcher.process)->watching;
}

/* Frees what is in no table any more, and removes it from wherever else it hangs. */
static void drop_taken(struct node *node, struct monitor *monitor)
{
    if (monitor->request != NULL) {
        mailbox_cancel(&monitor->watched.process->mailbox, monitor->request);
        node->cancelled++;
    }
    struct peer *peer = monitor_peer(monitor);
    if (peer != NULL)
        peer->relations--;
    DL_DELETE2(*watched_list(monitor), monitor, watched_prev, watched_next);
    DL_DELETE2(*watcher_list(monitor), monitor, watcher_prev, watcher_next);
    mem_free(monitor);
}

/* Removes it from wherever it hangs and frees it. */
static void drop(struct node *node, struct monitor *monitor)
{
    table_remove(&node->monitors, &monitor->link);
    drop_taken(node, monitor);
}

/* The record of a monitor of ours on a remote process, of a remote process on ours, or between two of ours:
 * who is NULL lives at the peer. name: of the watched one, an atom; empty: by pid. It hangs nowhere yet. */
static struct monitor *make(const struct ref *ref, struct process *watched, struct process *watcher,
                            struct peer *peer, struct slice name)
{
    struct monitor *monitor = mem_zalloc(offsetof(struct monitor, key) + key_size(ref->words) + name.size);
    monitor->words = (uint8_t)ref->words;
    monitor->key.maker = watcher == NULL ? peer->number : 0;
    memcpy(monitor->key.word, ref->word, ref->words * sizeof ref->word[0]);
    monitor->name_size = (uint16_t)name.size;
    if (name.size > 0)
        memcpy(name_place(monitor), name.data, name.size);
    monitor->watched_remote = watched == NULL;
    monitor->watcher_remote = watcher == NULL;
    if (watched == NULL)
        monitor->watched.peer = peer;
    else
        monitor->watched.process = watched;
    if (watcher == NULL)
        monitor->watcher.peer = peer;
    else
        monitor->watcher.process = watcher;
    return monitor;
}

static void hang(struct monitor *monitor)
{
    struct peer *peer = monitor_peer(monitor);
    if (peer != NULL)
        peer->relations++;
    DL_PREPEND2(*watched_list(monitor), monitor, watched_prev, watched_next);
    DL_PREPEND2(*watcher_list(monitor), monitor, watcher_prev, watcher_next);
}

/* One with a reference of ours. */
static struct monitor *add(struct node *node, const struct ref *ref, struct process *watched,
                           struct process *watcher, struct peer *peer, struct slice name)
{
    struct monitor *monitor = make(ref, watched, watcher, peer, name);
    table_add(&node->monitors, &monitor->link);
    hang(monitor);
    return monitor;
}

/* Our reference of a monitor of ours. */
static struct ref own_ref(const struct monitor *monitor)
{
    const struct node *node = monitor->watcher.process->node;
    struct ref ref = {.node = buf_slice(&node->atom), .creation = node->creation, .words = monitor->words};
    memcpy(ref.word, monitor->key.word, ref.words * sizeof ref.word[0]);
    return ref;
}

/* {'DOWN', Ref, process, Object, Reason} */
static void post_down(struct process *watcher, const struct ref *ref, struct slice object,
                      struct slice reason)
{
    struct buf message = BUF_EMPTY;
    etf_write_tuple(&message, 5);
    etf_write_atom(&message, "DOWN");
    ref_write(&message, ref);
    etf_write_atom(&message, "process");
    etf_write_term(&message, object);
    etf_write_term(&message, reason);
    process_post(watcher, buf_slice(&message));
    buf_release(&message);
}

/* The remote watched process as MONITOR_P and DEMONITOR_P name it. */
static void write_remote(const struct monitor *monitor, struct buf *out)
{
    struct pid pid = monitor_remote_pid(monitor);
    if (monitor->name_size > 0)
        etf_write_term(out, name_of(monitor));
    else
        pid_write(out, &pid);
}

void monitor_write_object(const struct monitor *monitor, struct buf *out)
{
    if (monitor->name_size > 0) {
        const struct node *node = monitor->watcher.process->node;
        etf_write_tuple(out, 2);
        etf_write_term(out, name_of(monitor));
        etf_write_term(out, buf_slice(monitor->watched_remote ? &monitor->watched.peer->atom : &node->atom));
    } else if (monitor->watched_remote) {
        write_remote(monitor, out);
    } else {
        process_write_pid(monitor->watched.process, out);
    }
}

/* The watcher of a monitor of ours is told, the monitor is gone. */
static void end_with_down(struct monitor *monitor, struct slice reason)
{
    struct process *watcher = monitor->watcher.process;
    struct ref ref = own_ref(monitor);
    struct buf object = BUF_EMPTY;
    monitor_write_object(monitor, &object);
    drop(watcher->node, monitor);
    post_down(watcher, &ref, buf_slice(&object), reason);
    buf_release(&object);
}

/* The same for one on a process that was never spawned: {spawn_reply, Ref, error, Reason} */
static void end_with_spawn_error(struct monitor *monitor, struct slice reason)
{
    struct process *watcher = monitor->watcher.process;
    struct ref ref = own_ref(monitor);
    struct buf message = BUF_EMPTY;
    etf_write_tuple(&message, 4);
    etf_write_atom(&message, "spawn_reply");
    ref_write(&message, &ref);
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
    return monitor->name_size == 0 || peer_can(monitor->watched.peer, DFLAG_DIST_MONITOR_NAME);
}

/* MONITOR_P or DEMONITOR_P for a monitor of ours on a remote process. */
static void tell_watched(const struct monitor *monitor, void (*control)(struct buf *out, struct slice from,
                                                                        struct slice to, struct slice ref))
{
    struct buf from = BUF_EMPTY, to = BUF_EMPTY, ref = BUF_EMPTY;
    struct ref own = own_ref(monitor);
    if (!is_told(monitor))
        return;
    process_write_pid(monitor->watcher.process, &from);
    write_remote(monitor, &to);
    ref_write(&ref, &own);
    control(&monitor->watched.peer->out, buf_slice(&from), buf_slice(&to), buf_slice(&ref));
    peer_wake(monitor->watched.peer);
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
    struct buf object = BUF_EMPTY, why = BUF_EMPTY;
    write_object(target, term, &object);
    etf_write_atom(&why, reason);
    post_down(process, ref, buf_slice(&object), buf_slice(&why));
    buf_release(&object);
    buf_release(&why);
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
    struct monitor *monitor = add(node, ref, watched, process, peer, target.name);
    if (peer != NULL && target.name.size == 0)
        set_remote_pid(monitor, &target.pid);
    if (peer != NULL)
        tell_watched(monitor, control_monitor_p);
}

void monitor_add_spawning(struct process *process, struct peer *peer, struct ref *ref)
{
    node_make_ref(process->node, ref);
    add(process->node, ref, NULL, process, peer, slice_of(NULL, 0))->spawning = true;
}

void monitor_remove(struct process *process, const struct ref *ref)
{
    struct monitor *monitor = find(process->node, NULL, ref);
    if (monitor == NULL || monitor->watcher.process != process)
        return;
    if (monitor->watched_remote)
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
    if (monitor != NULL && monitor_watched(monitor) == watched && monitor->request == NULL)
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
    struct slice name = by_pid ? slice_of(NULL, 0) : to;
    struct monitor *monitor = make(ref, watched, NULL, peer, name);
    set_remote_pid(monitor, from);
    if (table_add_new(&node->monitors, &monitor->link) == NULL)
        hang(monitor);
    else
        mem_free(
            monitor); /* a reference that is in use: the peer broke its own promise, the first one stands */
}

void demonitor_p_in(struct peer *peer, const struct ref *ref)
{
    struct monitor_key key = key_of(peer, ref);
    struct table_link *link = table_take(&peer->node->monitors, slice_of(&key, key_size(ref->words)));
    if (link != NULL)
        drop_taken(peer->node, TABLE_RECORD(link, struct monitor, link));
}

/* True if it is on a process of that peer. */
static bool is_on(const struct monitor *monitor, const struct peer *peer)
{
    return monitor->watched_remote && monitor->watched.peer == peer;
}

void monitor_p_exit_in(struct peer *peer, const struct ref *ref, struct slice reason)
{
    struct monitor *monitor = find(peer->node, NULL, ref);
    if (monitor == NULL || !is_on(monitor, peer) || monitor->spawning)
        return;
    end_with_down(monitor, reason);
}

bool monitor_spawn_reply_in(struct peer *peer, const struct ref *ref, struct slice result)
{
    struct monitor *monitor = find(peer->node, NULL, ref);
    if (monitor == NULL || !is_on(monitor, peer) || !monitor->spawning)
        return false;
    struct pid pid;
    if (pid_read(&result, &pid)) {
        monitor->spawning = false;
        set_remote_pid(monitor, &pid);
    } else {
        end_with_spawn_error(monitor, result);
    }
    return true;
}

/* Tells a remote watcher that its process ended. */
static void tell_remote(const struct monitor *monitor, struct slice reason)
{
    struct peer *peer = monitor->watcher.peer;
    struct pid watcher_pid = monitor_remote_pid(monitor);
    struct ref ref = {.node = buf_slice(&peer->atom), .creation = peer->creation, .words = monitor->words};
    struct buf watched = BUF_EMPTY, watcher = BUF_EMPTY, ref_term = BUF_EMPTY;
    memcpy(ref.word, monitor->key.word, ref.words * sizeof ref.word[0]);
    if (monitor->name_size > 0)
        buf_append_slice(&watched, name_of(monitor));
    else
        process_write_pid(monitor->watched.process, &watched);
    pid_write(&watcher, &watcher_pid);
    ref_write(&ref_term, &ref);
    send_down(peer, buf_slice(&watched), buf_slice(&watcher), buf_slice(&ref_term), reason);
    buf_release(&watched);
    buf_release(&watcher);
    buf_release(&ref_term);
}

bool monitors_process_down(struct process *process, struct slice reason, unsigned *budget)
{
    while (process->watchers != NULL) {
        struct monitor *monitor = process->watchers;
        if ((*budget)-- == 1)
            return false;
        if (!monitor->watcher_remote && monitor->watcher.process != process) {
            end_with_down(monitor, reason);
            continue;
        }
        if (monitor->watcher_remote)
            tell_remote(monitor, reason);
        drop(process->node, monitor);
    }
    while (process_ties(process)->watching != NULL) {
        struct monitor *monitor = process->ties->watching;
        if ((*budget)-- == 1)
            return false;
        if (monitor->watched_remote)
            tell_watched(monitor, control_demonitor_p);
        drop(process->node, monitor);
    }
    return true;
}

static void end_all_watched(struct peer *peer, unsigned *budget)
{
    struct buf reason = BUF_EMPTY;
    etf_write_atom(&reason, "noconnection");
    while (peer->watched != NULL && (*budget)-- != 1) {
        if (peer->watched->spawning)
            end_with_spawn_error(peer->watched, buf_slice(&reason));
        else
            end_with_down(peer->watched, buf_slice(&reason));
    }
    buf_release(&reason);
}

bool monitors_peer_down(struct peer *peer, unsigned *budget)
{
    end_all_watched(peer, budget);
    while (*budget > 0 && peer->monitors != NULL && (*budget)-- != 1)
        drop(peer->node, peer->monitors);
    return *budget > 0;
}
