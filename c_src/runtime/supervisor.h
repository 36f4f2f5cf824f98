/* OTP's supervisor: one_for_one, one_for_all, rest_for_one over children of this node (module supervisor of
 * OTP's stdlib; Design Principles, "Supervisor Behaviour"). It is a gen_server and answers which_children,
 * count_children, restart_child, terminate_child, delete_child, get_childspec. start_child is refused: a
 * child is started by a C function.
 *
 * While children are being ended every other message waits in its mailbox, as with OTP.
 */
#ifndef RUNTIME_SUPERVISOR_H
#define RUNTIME_SUPERVISOR_H

#include "runtime/gen_server.h"

enum strategy { ONE_FOR_ONE, ONE_FOR_ALL, REST_FOR_ONE };
enum restart { PERMANENT, TRANSIENT, TEMPORARY };
enum child_type { CHILD_WORKER, CHILD_SUPERVISOR };

enum {
    SHUTDOWN_BRUTAL_KILL = 0,
    SHUTDOWN_INFINITY = -1,
};

struct child_spec {
    const char *id; /* UTF-8 text of its id, an atom (which_children shows it); or an integer id: */
    int64_t number; /* used where id is NULL */
    /* Starts the child linked to supervisor. 0 and *child, or an error. */
    int (*start)(struct process *supervisor, void *argument, struct process **child);
    void *argument; /* passed to start; lives as long as the supervisor */
    enum restart restart;
    int shutdown_ms; /* or SHUTDOWN_BRUTAL_KILL, SHUTDOWN_INFINITY */
    enum child_type type;
    const char *module; /* for which_children's Modules and get_childspec's start */
};

struct supervisor_spec {
    enum strategy strategy;
    unsigned intensity;                /* restarts allowed ... */
    unsigned period_s;                 /* ... within that many seconds */
    const struct child_spec *children; /* started in this order, ids differ; copied but for texts and
                                          arguments, which live as long as the supervisor */
    unsigned child_count;
    /* Requests that are not the supervisor's own come here (may be NULL: bad_request). Todo.Database answers
     * its get and store this way. ctx: the context below. */
    void (*handle_call)(struct gen_server *self, void *ctx, const struct from *from, struct slice request);
    void (*handle_cast)(struct gen_server *self, void *ctx, struct slice request);
    void *ctx;
    const char *module; /* NULL: "supervisor"; shown by sys */
};

/* start_link. name: registered, or NULL. Starts all children in order; if one cannot start, those that run
 * are ended in reverse order; that goes on after this has returned (their arguments are still in use), until
 * each has ended or was killed. Errors: the failing child's, ERR_EXISTS. */
int supervisor_start(struct node *node, const struct supervisor_spec *spec, struct process *parent,
                     const char *name, struct gen_server **supervisor);

/* The running child at that place of the specification; NULL while it does not run. */
struct process *supervisor_child(struct gen_server *supervisor, unsigned index);

/* Orderly shutdown from outside (the program stops): as an exit signal shutdown from the parent would. The
 * only way to stop it from outside; not gen_server_stop. */
void supervisor_shutdown(struct gen_server *supervisor);

#endif
