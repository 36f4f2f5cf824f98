/* A process: something with a pid, a mailbox, links and monitors, run by the node's one thread.
 *
 * A kind of process is a struct process_type; a process is a struct whose first member is struct process.
 * Nothing here blocks and nothing is locked: a callback runs to completion. What it does to itself (exit)
 * takes effect when it returns; what it does to others is queued or, where that cannot be told apart, done at
 * once.
 *
 * Semantics of messages, links, monitors and exit signals: Erlang Reference Manual, "Processes".
 */
#ifndef RUNTIME_PROCESS_H
#define RUNTIME_PROCESS_H

#include "base/buf.h"
#include "base/ring.h"
#include "base/slice.h"
#include "wire/pid.h"

#include <stdbool.h>
#include <stdint.h>

struct node;
struct process;
struct peer;

/* What became of a message that was offered to a process. */
enum receive {
    RECEIVE_TAKEN, /* done with it */
    RECEIVE_LEFT   /* leave it in the mailbox (selective receive); process_rescan offers it again */
};

struct process_type {
    const char *module; /* its module's name, UTF-8 ("Elixir.Todo.Server"): what process_info and sys show */
    size_t size;        /* of the struct that begins with struct process, zeroed at start */
    /* Handles one message (a term, borrowed until return). */
    enum receive (*receive)(struct process *self, struct slice message);
    /* The process has ended, killed or not, and cannot be found any more: frees what the struct owns, but not
     * the struct. Must not send as the process. May be NULL. */
    void (*release)(struct process *self, struct slice reason);
    /* The reference by whose monitor the sender of this message waits for the answer: when that monitor goes
     * (a timeout, the sender's death, a lost connection) before the message was offered, it is dropped.
     * False: nobody waits. May be NULL. */
    bool (*awaited_by)(struct slice message, struct ref *ref);
};

/* A local process as a number that never comes again: slot and how often it was used. 0 is no process. */
typedef uint64_t process_id;

/* What few processes have. Made when it is needed first, kept until the end. */
struct process_ties {
    struct ring children;             /* linked processes that it is the parent of, by process.sibling */
    struct link *links;               /* to other local processes (links.h) */
    struct remote_link *remote_links; /* to processes of other nodes */
    struct monitor *watching;         /* monitors it holds (monitors.h) */
    struct alias *aliases;            /* active ones (aliases.h) */
    struct seq_trace *seq_trace; /* the token of the message it received last; NULL: none (seq_trace.h) */
    struct gen_call *calls;      /* gen_server's: made and not over (gen_call.h); utlist */
    struct registered *name;     /* its place in the registry; NULL: none */
};

struct process {
    const struct process_type *type; /* its kind */
    struct node *node;               /* where it lives */
    process_id id;                   /* serial << 32 | id, of its pid */
    process_id parent;               /* who started it with a link; 0: none */
    struct ring sibling;             /* in the parent's children, while they are linked (links.h) */
    struct mailbox *mailbox;         /* messages waiting; NULL: none */
    struct monitor *watchers;        /* monitors on it (monitors.h) */
    struct process_ties *ties;       /* NULL: none so far */
    struct blob *exit_reason; /* why it ends as soon as its callback returns, or has; NULL: it goes on */
    struct process *run_next; /* next in the node's run queue */
    uint64_t messages;        /* offered to it, for process_info */
    uint32_t link_count;      /* of all links to local processes */
    uint16_t running;         /* how many of its callbacks are on the stack */
    bool trap_exit : 1;       /* exit signals become {'EXIT', From, Reason} messages */
    bool paused : 1;          /* messages wait, whatever they are (loading) */
    bool waits_for_peer : 1;  /* paused, and the end of that does not depend on us alone */
    bool put_off : 1;         /* messages wait until a peer has taken what waits for it */
    bool overfull : 1;        /* its mailbox is beyond all limits: it is about to be killed */
    bool queued : 1;          /* stands in the run queue */
    bool dead : 1;            /* ended; memory goes when all are told and nothing points to it any more */
    bool registered : 1;      /* has a name in the registry */
    bool rescan : 1;          /* offer left messages again after this callback */
    bool offered : 1;         /* the mailbox's next message is in the hands of this callback */
    bool pooled : 1;          /* its memory is of the node's pool */
    bool postponed : 1;       /* gen_server's: the message that is being handled stays unread */
    bool has_called : 1;      /* gen_server's: it has made a call, late answers may come */
};

/* For those who change them. */
struct process_ties *process_ties_get(struct process *process);

/* For those who look. */
extern const struct process_ties process_no_ties;

static inline const struct process_ties *process_ties(const struct process *process)
{
    return process->ties == NULL ? &process_no_ties : process->ties;
}

/* Makes a process of that type; its memory is zeroed but for struct process. It exists at once: register,
 * link and start it as needed. Owned by the node. Never NULL (the number of processes is bounded by callers).
 */
struct process *process_new(struct node *node, const struct process_type *type);
/* The same with that many bytes, zeroed, behind its struct. */
struct process *process_new_larger(struct node *node, const struct process_type *type, size_t extra);

/* The live process of that id / pid; NULL if none. A pid of another creation of this node is nobody. */
struct process *process_find(struct node *node, process_id id);
struct process *process_find_pid(struct node *node, const struct pid *pid);

/* Its pid: as numbers (the node slice borrowed from the node) and as a term appended to out. */
struct pid process_pid(const struct process *process);
void process_write_pid(const struct process *process, struct buf *out);

/* The process_id of a local pid's numbers. */
static inline process_id process_id_of(const struct pid *pid)
{
    return ((uint64_t)pid->serial << 32) | pid->id;
}

/* Gives a message (a term, borrowed) to the process: runs it at once if the process is idle and nothing else
 * is running, else queues a copy, which waits as long as too much waits for that peer (number; 0: no peer),
 * whose it is. token: the sender's seq_trace token, a term; empty: none. False: it was not
 * taken, the mailbox has limits.mailbox_max of messages that wait for something else than their turn (the
 * process is suspended, waits for another, or is put off). It may have that again of messages that came in
 * before. The process lives then, and has a mailbox. */
bool process_deliver(struct process *process, uint32_t peer, struct slice message, struct slice token);

/* Queues a copy in any case: the sender is one of ours, and cannot be told to wait. A receiver for which far
 * too much waits is killed (limits.mailbox_max). token: as above. */
void process_post_traced(struct process *process, struct slice message, struct slice token);
/* The same without a token. */
void process_post(struct process *process, struct slice message);

/* For node.c: goes on telling that a dead process has ended, and frees it once all are told. Returns what it
 * took of a budget. It stands in no queue; if not all are told it does again afterwards. */
unsigned process_bury(struct process *process);

/* For node.c: runs messages from its mailbox, at most budget; returns how many. */
unsigned process_run(struct process *process, unsigned budget);

/* No messages until process_resume, which must not depend on what a peer sends: it may not be read until the
 * messages are taken. process_await: it does. */
void process_pause(struct process *process);
void process_await(struct process *process);
void process_resume(struct process *process);

/* Puts the process off if the callback that runs, or has just returned, has filled the output of a peer
 * (peer.h): for what a process does later for a message that has been waiting. */
void process_heed_output(struct process *process);

/* For peer.c: no messages as long as too much waits for a peer. */
void process_put_off(struct process *process);
void process_go_on(struct process *process);

/* Offers messages left unread again. */
void process_rescan(struct process *process);

/* Ends it with that reason (a term, copied) when its callback returns, or at once when none is running. The
 * first reason wins. No exit signal: cannot be trapped. */
void process_exit(struct process *process, struct slice reason);
void process_exit_atom(struct process *process, const char *reason);

/* exit/2 from a local process: queued as a signal. */
void process_send_exit(struct process *from, process_id to, struct slice reason);

enum exit_kind {
    EXIT_BY_LINK, /* from a linked process that ended */
    EXIT_BY_CALL  /* exit/2: kill cannot be trapped and becomes killed */
};

/* True if such an exit signal becomes a message to it. */
bool process_traps(const struct process *process, enum exit_kind kind, struct slice reason);

/* An exit signal arrives. from: the sender's pid as a term. Runs no code of the process: what it traps is
 * queued. */
void process_exit_signal(struct process *process, enum exit_kind kind, struct slice from,
                         struct slice reason);

/* Code that acts for a process outside of its receive callback (a timer, a completion) stands between these
 * two, so that an exit in it takes effect afterwards. Nests. After process_leave the process may be gone. */
void process_enter(struct process *process);
void process_leave(struct process *process);

#endif
