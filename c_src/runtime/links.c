/* Links. A local link is one record with two ends; a remote one hangs in its process, its peer and a hash
 * table. Knows nothing of what a process does with an exit signal. */
#include "runtime/links.h"

#include "base/mem.h"
#include "runtime/blob.h"
#include "runtime/node.h"
#include "runtime/seq_trace.h"
#include "wire/control.h"
#include "wire/etf_write.h"

#include <utlist.h>

static struct link_end *other_end(struct link_end *end)
{
    return &end->link->end[end == &end->link->end[0]];
}

/* Searches in the shorter of the two lists: a supervisor may have a million links, its child has one. */
static struct link_end *find_local(const struct process *a, const struct process *b)
{
    const struct process *shorter = a->link_count <= b->link_count ? a : b;
    const struct process *longer = shorter == a ? b : a;
    struct link_end *end;
    DL_FOREACH(shorter->links, end)
    {
        if (other_end(end)->owner == longer)
            return end;
    }
    return NULL;
}

static void attach(struct link *link, int i, struct process *owner)
{
    link->end[i].owner = owner;
    link->end[i].link = link;
    DL_PREPEND(owner->links, &link->end[i]);
    owner->link_count++;
}

static void free_local(struct link_end *end)
{
    struct link *link = end->link;
    for (int i = 0; i < 2; i++) {
        struct process *owner = link->end[i].owner;
        DL_DELETE(owner->links, &link->end[i]);
        owner->link_count--;
    }
    mem_free(link);
}

void link_add(struct process *a, struct process *b)
{
    if (a == b || a->dead || b->dead || find_local(a, b) != NULL)
        return;
    struct link *link = mem_alloc(sizeof *link);
    attach(link, 0, a);
    attach(link, 1, b);
}

void link_remove(struct process *a, struct process *b)
{
    struct link_end *end = find_local(a, b);
    if (end != NULL)
        free_local(end);
}

bool link_exists(const struct process *a, const struct process *b)
{
    return find_local(a, b) != NULL;
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
    DL_PREPEND(process->remote_links, link);
    DL_PREPEND2(peer->links, link, peer_prev, peer_next);
    table_add(&process->node->remote_links, &link->link);
    return link;
}

static void free_remote(struct remote_link *link)
{
    struct process *process = link->process;
    DL_DELETE(process->remote_links, link);
    DL_DELETE2(link->key.peer->links, link, peer_prev, peer_next);
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

void unlink_remote(struct process *process, const struct pid *pid)
{
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

void links_process_down(struct process *process, struct blob *reason)
{
    while (process->links != NULL) {
        struct process *other = other_end(process->links)->owner;
        free_local(process->links);
        node_signal_exit(process->node, EXIT_BY_LINK, process, other->id, reason);
    }
    while (process->remote_links != NULL) {
        struct remote_link *link = process->remote_links;
        if (link->unlink_id == 0) {
            struct buf local, remote, token = BUF_EMPTY;
            write_pids(link, &local, &remote);
            seq_trace_write(process, &token);
            send_exit(link->key.peer, buf_slice(&local), buf_slice(&remote), buf_slice(&token),
                      blob_slice(reason));
            buf_release(&local);
            buf_release(&remote);
            buf_release(&token);
        }
        free_remote(link);
    }
}

void links_peer_down(struct peer *peer)
{
    while (peer->links != NULL) {
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
}
