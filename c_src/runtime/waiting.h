/* Calls without a monitor (fast_call.h) that wait in mailboxes: each goes when its caller says that it has
 * given up, or its node is lost, as a call with a monitor goes with that. */
#ifndef RUNTIME_WAITING_H
#define RUNTIME_WAITING_H

#include "runtime/peer.h"
#include "runtime/process.h"

struct message;

struct waiting_key {
    uint32_t words; /* of word[] */
    uint32_t word[REF_WORDS_MAX];
};

struct waiting {
    struct table_link link; /* in peer->waiting_by_alias */
    struct waiting *prev;   /* in peer->waiting, in the order in which they are looked at */
    struct waiting *next;
    struct waiting_key key;  /* the alias of the call */
    struct process *process; /* in whose mailbox it is */
    struct message *message; /* the call; NULL: it was offered, or has gone */
};

/* A peer begins; ends, when all have gone. */
void waiting_init(struct peer *peer);
void waiting_release(struct peer *peer);

/* message, a call of a process of peer with that alias, waits in process's mailbox (pushed, kept or left).
 * One at a time for an alias: others are not held. */
void waiting_hold(struct peer *peer, const struct ref *alias, struct process *process,
                  struct message *message);

/* The call goes, if it still waits. */
void waiting_cancel(struct peer *peer, const struct ref *alias);

/* The connection is lost: all of its calls that wait go. Each costs one of the budget (not 0 on entry).
 * False: it was used up. */
bool waiting_peer_down(struct peer *peer, unsigned *budget);

#endif
