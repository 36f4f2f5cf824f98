/* Monitors in all directions: by remote processes on ours (every GenServer.call), by ours on ours and on
 * remote ones. A monitor is found by its reference and who made it. */
#ifndef RUNTIME_MONITORS_H
#define RUNTIME_MONITORS_H

#include "base/slice.h"
#include "runtime/process.h"

#include <uthash.h>

struct monitor_key {
    struct peer *maker; /* whose reference it is; NULL: ours */
    uint32_t words;     /* of word[] */
    uint32_t word[REF_WORDS_MAX];
};

struct monitor {
    struct monitor_key key;
    struct process *watched;      /* NULL: on a remote process */
    struct process *watcher;      /* NULL: made by a remote process */
    struct peer *peer;            /* of the remote party; NULL: both local */
    struct pid remote;            /* its numbers (node unset); 0 if it is watched by name */
    bool spawning;                /* on the process that a SPAWN_REQUEST asks for: remote is not known yet */
    struct message *request;      /* waits in watched's mailbox, asked by the watcher; NULL: none */
    struct blob *name;            /* the atom under which the watched one was named; NULL: by pid */
    struct monitor *watched_prev; /* in watched->watchers */
    struct monitor *watched_next;
    struct monitor *watcher_prev; /* in watcher->watching, or peer->monitors if made by a remote one */
    struct monitor *watcher_next;
    struct monitor *peer_prev; /* in peer->watched, if on a remote process */
    struct monitor *peer_next;
    UT_hash_handle hh; /* node->monitors */
};

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

/* The process ended: tells its watchers, drops what it watched. */
void monitors_process_down(struct process *process, struct slice reason);

/* The peer is gone: noconnection to every process that watched one of its. */
void monitors_peer_down(struct peer *peer);

#endif
