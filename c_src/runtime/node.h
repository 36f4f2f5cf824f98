/* The node: all processes, names, monitors and peers, and the one queue that runs them. */
#ifndef RUNTIME_NODE_H
#define RUNTIME_NODE_H

#include "base/buf.h"
#include "base/pool.h"
#include "base/slice.h"
#include "base/table.h"
#include "runtime/pacing.h"
#include "runtime/peer.h"
#include "runtime/process.h"

#include <stdbool.h>
#include <stdint.h>

struct uv_loop_s;

struct process_slot {
    struct process *process; /* NULL: free */
    uint32_t serial;         /* of the pid that uses or used it last */
    uint32_t next_free;      /* while free: the next free slot, 0 ends the list */
};

/* What a node may hold in memory for others. Until they are set: anything. */
struct node_limits {
    size_t output_max;  /* bytes that wait for a peer; beyond it, who answers it from a mailbox is put off */
    size_t mailbox_max; /* bytes in one mailbox that wait for somebody else, not for their turn */
    size_t unread_max; /* bytes in all mailboxes that wait for their turn; beyond it no peer should be read */
    size_t relations_max; /* monitors and links over one connection; whose signals make more is cut off */
};

/* An exit signal between local processes that waits to be delivered (it was not trapped when it was sent). */
struct exit_signal;

struct node {
    struct uv_loop_s *loop;     /* timers run on it */
    struct buf atom;            /* its name as an atom term */
    char *name;                 /* the same as text */
    uint32_t creation;          /* of this start */
    struct pool pool;           /* memory of processes */
    struct process_slot *slots; /* by the ID of a pid; slot 0 is never used */
    uint32_t slot_count;        /* allocated */
    uint32_t slot_used;         /* slots ever used, slot 0 included */
    uint32_t free_first;        /* oldest free slot: freed slots are used again as late as possible */
    uint32_t free_last;
    uint32_t process_count;    /* live processes */
    uint32_t depth;            /* callbacks of processes on the stack (process_enter) */
    struct process *run_first; /* run queue */
    struct process *run_last;
    struct exit_signal *signal_first; /* queue of exit signals */
    struct exit_signal *signal_last;
    struct table registry; /* struct registered */
    struct table monitors; /* struct monitor */
    struct table remote_links;
    struct table aliases; /* struct alias */
    struct table calls;   /* struct gen_call */
    struct peer *peers;
    struct peer *recent; /* one of peers, the last that sent something: mostly who is answered; NULL: none */
    uint32_t peer_counter; /* number of the last peer made */
    struct peer *leaving;  /* lost ones of which not everybody has been told yet */
    unsigned down_left;    /* what peer_down may tell before the next node_run */
    struct peer *pending;  /* nodes that are being connected to because somebody has sent them something */
    struct {
        /* Begins to connect to the node of that name: peer_up, or peer_down of the pending peer, will follow.
         * Called from inside processes. False: not now. NULL: never. */
        bool (*connect)(void *ctx, const char *name);
        void *ctx;
        size_t waiting_size_max; /* bytes that may wait for one node meanwhile */
    } dial;
    struct {
        struct buf *buf;    /* where the open message goes; NULL: none is open */
        struct peer *peer;  /* to whom; NULL: local or nobody */
        struct process *to; /* local receiver; NULL: remote or nobody */
        size_t mark;        /* of frame_begin */
        struct buf local;   /* memory for local and undeliverable messages */
        struct buf pid;     /* memory for the sender's pid */
        struct buf token;   /* the sender's token; empty: none */
    } sending;
    struct pacing pacing; /* who asks how often */
    const uint8_t
        *unanswered; /* the tag of the fast call that a server handles (fast_call.h); NULL: answered */
    struct node_limits limits;  /* of memory */
    size_t unread;              /* bytes not offered yet, of processes that will take them by themselves */
    uint32_t put_off;           /* processes that are (process_put_off) */
    struct peer *full;          /* those that are (peer.h), utlist */
    struct peer *filled;        /* the callback that runs has taken its output beyond output_max; or NULL */
    uint64_t appended;          /* bytes ever appended to the output of peers */
    uint64_t run_until;         /* when appended reaches it, this node_run ends */
    void (*on_idle)(void *ctx); /* of node_when_idle; NULL: nobody waits */
    void *on_idle_ctx;          /* for it */
    uint32_t ref_counter[3];    /* words of the last reference made */
    uint64_t unlink_counter;    /* last id sent in an UNLINK_ID */
    uint32_t depth_max;         /* for etf_check of frames */
    uint64_t started_ms;        /* uv_now at start */
    uint64_t messages;          /* delivered to processes, for statistics */
    uint64_t bytes_in;          /* of all frames from peers, for statistics */
    uint64_t bytes_out;         /* handed to the sockets of peers */
    uint64_t cancelled;         /* requests dropped because their caller had given up */
    uint64_t refused;           /* messages for which a mailbox had no room, dropped */
    uint64_t refused_logged_ms; /* when the last line about them was written */
    uint64_t bad_messages;      /* unknown or malformed, dropped */
    uint64_t bad_logged_ms;     /* when the last line about them was written */
    /* SPAWN_REQUEST that nobody here serves is answered notsup; NULL until rpc is there. Returns true if it
     * has answered. */
    bool (*spawn_request)(struct peer *peer, const void *control);
    struct rpc *rpc; /* what rpc.c keeps; NULL until rpc is there */
};

/* name: alive@host. creation: >= 4, fresh at each start. */
void node_init(struct node *node, struct uv_loop_s *loop, const char *name, uint32_t creation);

/* Ends all processes without a word and frees everything. Peers must be down. */
void node_release(struct node *node);

/* Delivers exit signals and runs processes that have messages, until nothing is left or the budget (of
 * messages, and of bytes appended for peers) is used up. Returns true if something is left. Not from inside a
 * process. Whoever drives the loop calls it in every turn (from a prepare handle, before output is flushed):
 * timers and completions queue work without calling it. */
bool node_run(struct node *node);

/* Calls done once, from a node_run after which no process has a message to take, nor one that it will take
 * when a peer has read what waits for it. One at a time. */
void node_when_idle(struct node *node, void (*done)(void *ctx), void *ctx);

/* True if the atom term is this node's name. */
bool node_is_self(const struct node *node, struct slice atom);

/* For process.c: the table, the run queue, the signal queue. */
process_id node_slot_take(struct node *node, struct process *process);
void node_slot_free(struct node *node, uint32_t slot);
void node_run_later(struct node *node, struct process *process);

/* Sends an exit signal from a local process to another: one that is trapped is in its mailbox on return, any
 * other is queued. Holds reason. */
void node_signal_exit(struct node *node, enum exit_kind kind, const struct process *from, process_id to,
                      struct blob *reason);

/* The loop's clock, monotonic, in milliseconds. */
uint64_t node_now_ms(const struct node *node);

/* A fresh reference of this node. */
void node_make_ref(struct node *node, struct ref *ref);

/* A message or request that no one understands: counted, logged once a second at most. */
void node_bad_message(struct node *node, const char *module);

#endif
