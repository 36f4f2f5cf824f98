/* Monitors in all directions: by remote processes on ours (every GenServer.call), by ours on ours and on
 * remote ones. A monitor is found by its reference and who made it. */
#ifndef RUNTIME_MONITORS_H
#define RUNTIME_MONITORS_H

#include "base/slice.h"
#include "base/table.h"
#include "runtime/process.h"

/* One of the two parties: a process of ours, or the node of another. */
union monitor_party {
    struct process *process;
    struct peer *peer;
};

struct monitor_key {
    uint32_t maker;               /* number of the peer whose reference it is; 0: ours */
    uint32_t word[REF_WORDS_MAX]; /* only those that the reference has are hashed, and kept in memory */
};

struct monitor {
    struct table_link link;       /* in node->monitors, by key */
    struct monitor *watched_prev; /* in watched's process->watchers or peer->watched */
    struct monitor *watched_next;
    struct monitor *watcher_prev; /* in watcher's process->ties->watching or peer->monitors */
    struct monitor *watcher_next;
    union monitor_party watched;
    union monitor_party watcher;
    struct message *request; /* waits in watched's mailbox, asked by the watcher; NULL: none */
    uint32_t remote_id;      /* numbers of the pid of the remote party; 0 if watched by name */
    uint32_t remote_serial;
    uint32_t remote_creation;
    bool watched_remote : 1; /* watched is a peer; never both */
    bool watcher_remote : 1;
    bool spawning : 1;      /* on the process that a SPAWN_REQUEST asks for: its pid is not known yet */
    uint8_t words;          /* of key.word, 1..REF_WORDS_MAX */
    uint16_t name_size;     /* bytes of the atom (a term) under which watched was named; 0: by pid */
    struct monitor_key key; /* last, and cut behind its words; the name stands there */
};

/* NULL: of another node. */
static inline struct process *monitor_watched(const struct monitor *monitor)
{
    return monitor->watched_remote ? NULL : monitor->watched.process;
}

/* The node of the remote party; NULL: both are ours. */
static inline struct peer *monitor_peer(const struct monitor *monitor)
{
    if (monitor->watched_remote)
        return monitor->watched.peer;
    return monitor->watcher_remote ? monitor->watcher.peer : NULL;
}

/* The pid of the remote party. Precondition: there is one, and it is not watched by name. */
struct pid monitor_remote_pid(const struct monitor *monitor);

/* The table of the node that node_init makes. */
void monitors_init(struct table *monitors);

/* process starts to watch a process of any node: a pid, {Name, Node}, or a name of this node (a term). The
 * reference is written to *ref (its node borrowed from the node).
 * {'DOWN', Ref, process, Object, Reason} comes once, at once with noproc or noconnection where that is so.
 * Object: the pid; {Name, Node} for both forms of a name. Of a peer that does not know monitors by name only
 * the connection is watched. */
void monitor_add(struct process *process, struct slice target, struct ref *ref);

/* Nothing comes any more (a DOWN that is in the mailbox already stays). */
void monitor_remove(struct process *process, const struct ref *ref);

/* message waits in watched's mailbox and its sender waits for the answer by that monitor (nothing if there is
 * no such monitor on watched): it is cancelled when the monitor goes. */
void monitor_hold_request(struct process *watched, const struct ref *ref, struct message *message);

/* As spawn_request with the option monitor: *ref is the id of the request and becomes the monitor's. The
 * caller sends the request at once. {spawn_reply, Ref, error, Reason} comes if nothing is spawned,
 * noconnection too; otherwise a DOWN. */
void monitor_add_spawning(struct process *process, struct peer *peer, struct ref *ref);

/* Appends what a monitor of ours watches, as DOWN names it. */
void monitor_write_object(const struct monitor *monitor, struct buf *out);

/* Signals from a peer. to: pid or name, as terms. */
void monitor_p_in(struct peer *peer, const struct pid *from, struct slice from_term, struct slice to,
                  const struct ref *ref, struct slice ref_term);
void demonitor_p_in(struct peer *peer, const struct ref *ref);
void monitor_p_exit_in(struct peer *peer, const struct ref *ref, struct slice reason);

/* SPAWN_REPLY. result: the pid of a process of the peer, as a term, or an atom, why there is none. False:
 * nobody waits for it any more. */
bool monitor_spawn_reply_in(struct peer *peer, const struct ref *ref, struct slice result);

/* The process ended: tells its watchers, drops what it watched. Each costs one of the budget (not 0 on
 * entry). False: it was used up. */
bool monitors_process_down(struct process *process, struct slice reason, unsigned *budget);

/* The peer is gone: noconnection to every process that watched one of its. Each monitor costs one of the
 * budget (not 0 on entry). False: it was used up. */
bool monitors_peer_down(struct peer *peer, unsigned *budget);

#endif
