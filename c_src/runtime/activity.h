/* A process that another node spawned here: it runs one function of rpc_functions.h and ends with what came
 * of it as its exit reason, in the form of the entry point that was asked for (the function itself, or
 * erpc:execute_call/4 or erpc:execute_cast/3 around it).
 *
 * Most functions are done at once. One that takes longer (struct function, begin) sets the callbacks below
 * and goes on in them; its process then lives, with links, monitors and a mailbox, like any other.
 */
#ifndef RUNTIME_ACTIVITY_H
#define RUNTIME_ACTIVITY_H

#include "base/slice.h"
#include "runtime/function.h"
#include "runtime/process.h"

struct control;
struct entry;

struct activity {
    struct process process;
    const struct entry *entry; /* what was asked for, while the request is there; else NULL */
    struct blob *request;      /* the same, remembered for a function that takes longer; NULL: it does not */
    /* A message for the function; NULL: it wants none. */
    void (*receive)(struct activity *self, struct slice message);
    /* The process ends, however that comes about: frees what the function owns besides the next ones; must
     * not send. NULL: nothing. */
    void (*release)(struct activity *self);
    struct timer *timer; /* the function's; set to NULL when it fires; cancelled at the end */
    struct blob *kept;   /* the function's: terms, one after another; dropped at the end */
    struct ref ref;      /* the function's */
    uint64_t number;     /* the function's */
};

/* A process that runs nothing yet. */
struct activity *activity_new(struct node *node);

/* Runs what a spawn request asks for; from inside process_enter and process_leave of it. */
void activity_run(struct activity *self, const struct control *request);

/* The end of a function that was begun: it returns the term, or exits with it. */
void activity_return(struct activity *self, struct slice term);
void activity_exit(struct activity *self, struct slice reason);

/* True if the process is one, so that functions which are not done at once can run in it. */
bool activity_is(const struct process *process);

#endif
