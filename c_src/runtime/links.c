/* Links. A local link is one record with two ends, or a child's place among its parent's children; a remote
 * one hangs in its process, its peer and a hash table. Knows nothing of what a process does with an exit
 * signal. */
#include "runtime/links.h"

#include "base/mem.h"
#include "runtime/blob.h"
#include "runtime/node.h"
#include "runtime/seq_trace.h"
#include "wire/control.h"
#include "wire/etf_compare.h"
#include "wire/etf_write.h"

#include <stddef.h>
#include <utlist.h>

static struct process *child_of_place(const struct ring *sibling)
{
    return (struct process *)((uintptr_t)sibling - offsetof(struct process, sibling));
}

static bool is_linked_child(const struct process *parent, const struct process *child)
{
    return child->parent == parent->id && ring_is_in(&child->sibling);
}

static void add_child(struct process *parent, struct process *child)
{
    ring_append(&process_ties_get(parent)->children, &child->sibling);
    parent->link_count++;
    child->link_count++;
}

static void remove_child(struct process *parent, struct process *child)
{
    ring_remove(&child->sibling);
    parent->link_count--;
    child->link_count--;
}

/* Which of the two ends the process is. */
static int side(const struct link *link, const struct process *process)
{
    return link->end[1] == process;
}

/* Searches in the shorter of the two lists: a process may have a million links, who links to it has one. */
static struct link *find_local(const struct process *a, const struct process *b)
{
    const struct process *shorter = a->link_count <= b->link_count ? a : b;
    const struct process *longer = shorter == a ? b : a;
    struct link *link = process_ties(shorter)->links;
    while (link != NULL && link->end[!side(link, shorter)] != longer)
        link = link->next[side(link, shorter)];
    return link;
}

static void attach(struct link *link, int i)
{
    struct process *owner = link->end[i];
    struct link **first = &process_ties_get(owner)->links;
    link->prev[i] = NULL;
    link->next[i] = *first;
    if (*first != NULL)
        (*first)->prev[side(*first, owner)] = link;
    *first = link;
    owner->link_count++;
}

static void detach(struct link *link, int i)
{
    struct process *owner = link->end[i];
    struct link *prev = link->prev[i], *next = link->next[i];
    if (prev != NULL)
        prev->next[side(prev, owner)] = next;
    else
        owner->ties->links = next;
    if (next != NULL)
        next->prev[side(next, owner)] = prev;
    owner->link_count--;
}

static void free_local(struct link *link)
{
    detach(link, 0);
    detach(link, 1);
    mem_free(link);
}

void link_add(struct process *a, struct process *b)
{
    if (a == b || a->dead || b->dead || link_exists(a, b))
        return;
    if (b->parent == a->id) {
        add_child(a, b);
    } else if (a->parent == b->id) {
        add_child(b, a);
    } else {
        struct link *link = mem_alloc(sizeof *link);
        link->end[0] = a;
        link->end[1] = b;
        attach(link, 0);
        attach(link, 1);
    }
}

void link_remove(struct process *a, struct process *b)
{
    struct link *link = find_local(a, b);
    if (is_linked_child(a, b))
        remove_child(a, b);
    else if (is_linked_child(b, a))
        remove_child(b, a);
    else if (link != NULL)
        free_local(link);
}

bool link_exists(const struct process *a, const struct process *b)
{
    return is_linked_child(a, b) || is_linked_child(b, a) || find_local(a, b) != NULL;
}

struct process *link_next_child(const struct process *parent, const struct process *child)
{
    if (parent->ties == NULL)
        return NULL;
    const struct ring *next = child == NULL ? parent->ties->children.next : child->sibling.next;
    return next == &parent->ties->children ? NULL : child_of_place(next);
}

void link_child_move_last(struct process *parent, struct process *child)
{
    if (child->sibling.next == &parent->ties->children)
        return;
    ring_remove(&child->sibling);
    ring_append(&parent->ties->children, &child->sibling);
}

/* NULL: none, or it is dead and has not come to this link yet. */
static struct process *linked_parent(const struct process *process)
{
    return ring_is_in(&process->sibling) ? process_find(process->node, process->parent) : NULL;
}

struct link_walk link_walk_begin(const struct process *process)
{
    return (struct link_walk){.process = process,
                              .parent = linked_parent(process),
                              .child = process_ties(process)->children.next,
                              .link = process_ties(process)->links};
}

struct process *link_walk_next(struct link_walk *walk)
{
    struct process *found = walk->parent;
    if (found != NULL) {
        walk->parent = NULL;
    } else if (walk->child != NULL && walk->child != &walk->process->ties->children) {
        found = child_of_place(walk->child);
        walk->child = walk->child->next;
    } else if (walk->link != NULL) {
        int i = side(walk->link, walk->process);
        found = walk->link->end[!i];
        walk->link = walk->link->next[i];
    }
    return found;
}

static struct slice table_key(const struct table_link *link)
{
    const struct remote_link *remote = (const struct remote_link *)link;
    return slice_of(&remote->key, sizeof remote->key);
}

void remote_links_init(struct table *links)
{
    table_init(links, table_key);
}

static struct remote_link_key key_of(const struct process *process, struct peer *peer, const struct pid *pid)
{
    struct remote_link_key key;
    memset(&key, 0, sizeof key); /* padding is hashed too */
    key.local = process->id;
    key.peer = peer;
    key.id = pid->id;
    key.serial = pid->serial;
    key.creation = pid->creation;
    return key;
}

static struct remote_link *find_remote(struct process *process, struct peer *peer, const struct pid *pid)
{
    struct remote_link_key key = key_of(process, peer, pid);
    struct table *links = &process->node->remote_links;
    return TABLE_RECORD(table_find(links, slice_of(&key, sizeof key)), struct remote_link, link);
}

static struct remote_link *new_remote(struct process *process, struct peer *peer, const struct pid *pid)
{
    struct remote_link *link = mem_zalloc(sizeof *link);
    link->key = key_of(process, peer, pid);
    link->process = process;
    DL_PREPEND(process_ties_get(process)->remote_links, link);
    DL_PREPEND2(peer->links, link, peer_prev, peer_next);
    peer->relations++;
    table_add(&process->node->remote_links, &link->link);
    return link;
}

static void free_remote(struct remote_link *link)
{
    struct process *process = link->process;
    DL_DELETE(process->ties->remote_links, link);
    DL_DELETE2(link->key.peer->links, link, peer_prev, peer_next);
    link->key.peer->relations--;
    table_remove(&process->node->remote_links, &link->link);
    mem_free(link);
}

/* The two pids of a remote link as terms; release both. */
static void write_pids(const struct remote_link *link, struct buf *local, struct buf *remote)
{
    const struct peer *peer = link->key.peer;
    struct pid pid = {.node = buf_slice(&peer->atom),
                      .id = link->key.id,
                      .serial = link->key.serial,
                      .creation = link->key.creation};
    buf_init(local);
    buf_init(remote);
    process_write_pid(link->process, local);
    pid_write(remote, &pid);
}

/* An exit signal to a local process on behalf of a remote one. */
static void signal_from(struct process *process, const struct pid *from, const char *reason)
{
    struct buf pid = BUF_EMPTY, term = BUF_EMPTY;
    pid_write(&pid, from);
    etf_write_atom(&term, reason);
    process_exit_signal(process, EXIT_BY_LINK, buf_slice(&pid), buf_slice(&term));
    buf_release(&pid);
    buf_release(&term);
}

void link_remote(struct process *process, const struct pid *pid)
{
    struct peer *peer = peer_reach(process->node, pid->node);
    if (peer == NULL) {
        signal_from(process, pid, "noconnection");
        return;
    }
    struct remote_link *link = find_remote(process, peer, pid);
    if (link != NULL && link->unlink_id == 0)
        return;
    if (link == NULL)
        link = new_remote(process, peer, pid);
    /* Linking again while an unlink is under way: the link is active again, and the acknowledgement of the
     * old id, which no longer matches, is ignored. */
    link->unlink_id = 0;
    struct buf local, remote;
    write_pids(link, &local, &remote);
    control_link(&peer->out, buf_slice(&local), buf_slice(&remote));
    peer_wake(peer);
    buf_release(&local);
    buf_release(&remote);
}

/* A connection that is lost, and the process has not been told yet: nothing more is to come of it. */
static void forget_lost(struct process *process, const struct pid *pid)
{
    struct peer *peer;
    LL_FOREACH2(process->node->leaving, peer, leaving_next)
    {
        struct remote_link *link =
            etf_equal(pid->node, buf_slice(&peer->atom)) ? find_remote(process, peer, pid) : NULL;
        if (link != NULL)
            free_remote(link);
    }
}

void unlink_remote(struct process *process, const struct pid *pid)
{
    forget_lost(process, pid);
    struct peer *peer = peer_known(process->node, pid->node);
    struct remote_link *link = peer == NULL ? NULL : find_remote(process, peer, pid);
    if (link == NULL || link->unlink_id != 0)
        return;
    link->unlink_id = ++process->node->unlink_counter;
    struct buf local, remote;
    write_pids(link, &local, &remote);
    control_unlink_id(&peer->out, link->unlink_id, buf_slice(&local), buf_slice(&remote));
    peer_wake(peer);
    buf_release(&local);
    buf_release(&remote);
}

static void send_exit(struct peer *peer, struct slice from, struct slice to, struct slice token,
                      struct slice reason)
{
    control_exit(&peer->out, (peer->flags & DFLAG_EXIT_PAYLOAD) != 0, from, to, token, reason);
    peer_wake(peer);
}

static struct process *local_process(struct node *node, struct slice term)
{
    struct pid pid;
    if (!pid_read(&term, &pid) || !node_is_self(node, pid.node))
        return NULL;
    return process_find_pid(node, &pid);
}

void link_in(struct peer *peer, const struct pid *from, struct slice from_term, struct slice to_term)
{
    struct process *process = local_process(peer->node, to_term);
    if (process == NULL) {
        struct buf reason = BUF_EMPTY;
        etf_write_atom(&reason, "noproc");
        send_exit(peer, to_term, from_term, slice_of(NULL, 0), buf_slice(&reason));
        buf_release(&reason);
        return;
    }
    struct remote_link *link = find_remote(process, peer, from);
    /* While our own unlink waits for its acknowledgement a link signal crossed it on the way and is void: the
     * peer will see our unlink after it. */
    if (link == NULL)
        new_remote(process, peer, from);
}

void unlink_id_in(struct peer *peer, const struct pid *from, struct slice from_term, struct slice to_term,
                  struct slice id)
{
    struct process *process = local_process(peer->node, to_term);
    struct remote_link *link = process == NULL ? NULL : find_remote(process, peer, from);
    if (link != NULL && link->unlink_id == 0)
        free_remote(link);
    control_unlink_id_ack(&peer->out, id, to_term, from_term);
    peer_wake(peer);
}

void unlink_id_ack_in(struct peer *peer, const struct pid *from, const struct pid *to, uint64_t id)
{
    struct process *process = process_find_pid(peer->node, to);
    struct remote_link *link = process == NULL ? NULL : find_remote(process, peer, from);
    if (link != NULL && link->unlink_id == id && id != 0)
        free_remote(link);
}

void exit_in(struct peer *peer, const struct pid *from, struct slice from_term, const struct pid *to,
             struct slice reason)
{
    struct process *process = process_find_pid(peer->node, to);
    struct remote_link *link = process == NULL ? NULL : find_remote(process, peer, from);
    if (link == NULL)
        return;
    bool active = link->unlink_id == 0;
    free_remote(link);
    if (active)
        process_exit_signal(process, EXIT_BY_LINK, from_term, reason);
}

static void tell_parent(struct process *process, struct blob *reason)
{
    struct process *parent = linked_parent(process);
    if (parent != NULL) {
        remove_child(parent, process);
        node_signal_exit(process->node, EXIT_BY_LINK, process, parent->id, reason);
    } else if (ring_is_in(&process->sibling)) {
        ring_remove(&process->sibling);
    }
}

static void tell_remote(struct process *process, const struct remote_link *link, struct blob *reason)
{
    struct buf local, remote, token = BUF_EMPTY;
    write_pids(link, &local, &remote);
    seq_trace_write(process, &token);
    send_exit(link->key.peer, buf_slice(&local), buf_slice(&remote), buf_slice(&token), blob_slice(reason));
    buf_release(&local);
    buf_release(&remote);
    buf_release(&token);
}

/* Tells one local process. False: all have been told. */
static bool tell_local(struct process *process, struct blob *reason)
{
    struct process *other = link_next_child(process, NULL);
    struct link *link = process_ties(process)->links;
    if (other != NULL) {
        remove_child(process, other);
    } else if (link != NULL) {
        other = link->end[!side(link, process)];
        free_local(link);
    } else {
        return false;
    }
    node_signal_exit(process->node, EXIT_BY_LINK, process, other->id, reason);
    return true;
}

bool links_process_down(struct process *process, struct blob *reason, unsigned *budget)
{
    while (tell_local(process, reason))
        if ((*budget)-- == 1)
            return false;
    tell_parent(process, reason);
    while (process_ties(process)->remote_links != NULL) {
        struct remote_link *link = process_ties(process)->remote_links;
        if ((*budget)-- == 1)
            return false;
        if (link->unlink_id == 0)
            tell_remote(process, link, reason);
        free_remote(link);
    }
    return true;
}

bool links_peer_down(struct peer *peer, unsigned *budget)
{
    while (peer->links != NULL) {
        if ((*budget)-- == 1)
            return false;
        struct remote_link *link = peer->links;
        struct process *process = link->process;
        struct pid from = {.node = buf_slice(&peer->atom),
                           .id = link->key.id,
                           .serial = link->key.serial,
                           .creation = link->key.creation};
        bool active = link->unlink_id == 0;
        free_remote(link);
        if (active)
            signal_from(process, &from, "noconnection");
    }
    return true;
}
