/* Links between local processes, and between local and remote ones (erts User's Guide, "Distribution
 * Protocol", "Link Protocol": UNLINK_ID and its acknowledgement). */
#ifndef RUNTIME_LINKS_H
#define RUNTIME_LINKS_H

#include "base/slice.h"
#include "base/table.h"
#include "runtime/process.h"

/* One of the two ends of a local link, in the list of the process that owns it. */
struct link_end {
    struct process *owner; /* whose list it stands in */
    struct link_end *prev; /* utlist */
    struct link_end *next;
    struct link *link; /* both ends */
};

struct link {
    struct link_end end[2];
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
    struct remote_link *prev; /* in process->remote_links */
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

/* The process ended: tells every linked one. */
void links_process_down(struct process *process, struct blob *reason);

/* The peer is gone: noconnection to every process linked over it. */
void links_peer_down(struct peer *peer);

#endif
