/* Links between local processes, and between local and remote ones (erts User's Guide, "Distribution
 * Protocol", "Link Protocol": UNLINK_ID and its acknowledgement). */
#ifndef RUNTIME_LINKS_H
#define RUNTIME_LINKS_H

#include "base/slice.h"
#include "base/table.h"
#include "runtime/process.h"

/* A link between two local processes. One of a parent and its child (process.parent) has no record of its
 * own: the child stands in the ring of the parent's children. */
struct link {
    struct process *end[2];
    struct link *prev[2]; /* in end[i]'s ties->links; NULL: first */
    struct link *next[2];
};

/* Finds a remote link: local process, and pid of the remote one on its node. */
struct remote_link_key {
    process_id local;
    struct peer *peer;
    uint32_t id;
    uint32_t serial;
    uint32_t creation; /* of whatever incarnation of that node */
};

struct remote_link {
    struct table_link link; /* in node->remote_links, by key */
    struct remote_link_key key;
    struct process *process; /* the local end */
    uint64_t unlink_id; /* not 0: we sent UNLINK_ID with it and wait for its acknowledgement; not active */
    struct remote_link *prev; /* in process->ties->remote_links */
    struct remote_link *next;
    struct remote_link *peer_prev; /* in peer->links */
    struct remote_link *peer_next;
};

/* The table of the node that node_init makes. */
void remote_links_init(struct table *links);

/* Links two local processes; nothing if they are linked or the same. */
void link_add(struct process *a, struct process *b);

/* Removes it; nothing if there is none. */
void link_remove(struct process *a, struct process *b);
bool link_exists(const struct process *a, const struct process *b);

/* A walk over the local processes that process is linked to. Nothing may be linked or unlinked meanwhile. */
struct link_walk {
    const struct process *process;
    struct process *parent;   /* NULL: none, or told already */
    const struct ring *child; /* the next; NULL: there were none */
    const struct link *link;  /* the next; NULL: told all */
};
struct link_walk link_walk_begin(const struct process *process);
struct process *link_walk_next(struct link_walk *walk);

/* The child behind that one (NULL: the first) among those that are linked to their parent, in the order in
 * which they were linked; NULL: that was the last. */
struct process *link_next_child(const struct process *parent, const struct process *child);
/* A linked child becomes the last. */
void link_child_move_last(struct process *parent, struct process *child);

/* Links a local process to a pid of another node, telling the peer; noconnection comes back as an exit signal
 * if that node cannot be reached. */
void link_remote(struct process *process, const struct pid *pid);
void unlink_remote(struct process *process, const struct pid *pid);

/* Signals from a peer. from: pid of the peer's node. */
void link_in(struct peer *peer, const struct pid *from, struct slice from_term, struct slice to_term);
void unlink_id_in(struct peer *peer, const struct pid *from, struct slice from_term, struct slice to_term,
                  struct slice id);
void unlink_id_ack_in(struct peer *peer, const struct pid *from, const struct pid *to, uint64_t id);
/* EXIT: counts only where an active link stands. */
void exit_in(struct peer *peer, const struct pid *from, struct slice from_term, const struct pid *to,
             struct slice reason);

/* The process ended: tells every linked one, its parent behind its children: what has ended is not started
 * again while a child that does not trap exits lives. Each costs one of the budget (not 0 on entry). False:
 * it was used up. */
bool links_process_down(struct process *process, struct blob *reason, unsigned *budget);

/* The peer is gone: noconnection to every process linked over it. Each costs one of the budget (not 0 on
 * entry). False: it was used up. */
bool links_peer_down(struct peer *peer, unsigned *budget);

#endif
