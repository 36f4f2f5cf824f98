/* One child of a supervisor: its specification, its process if it runs, and both as terms (module supervisor
 * of OTP's stdlib, child_spec() and which_children/1). Private to the supervisor.
 */
#ifndef RUNTIME_SUPERVISOR_CHILD_H
#define RUNTIME_SUPERVISOR_CHILD_H

#include "base/log.h"
#include "runtime/supervisor.h"

struct child {
    struct child_spec spec; /* as given */
    process_id process;     /* its process, which may have ended already; 0: none */
    bool restarting;        /* its last start failed, the next try is on its way */
    bool removed;           /* deleted, or temporary and ended; its place stays so that others keep theirs */
};

/* Starts it. Afterwards it runs. Errors: its start function's; then it is as before. */
int child_start(struct child *child, struct process *supervisor);

/* It does not run and nothing tries to start it; a temporary one is removed. */
void child_stopped(struct child *child);

/* Its live process; NULL if none. */
struct process *child_process(const struct child *child, struct node *node);

/* True if that term is its id. */
bool child_has_id(const struct child *child, struct slice id);

/* Each appends one term: its id; its pid, restarting or undefined; {Id, Child, Type, Modules};
 * its specification as a map; OTP's record #child{}. */
void child_write_id(const struct child *child, struct buf *out);
void child_write_pid(const struct child *child, struct node *node, struct buf *out);
void child_write_info(const struct child *child, struct node *node, struct buf *out);
void child_write_spec(const struct child *child, struct buf *out);
void child_write_record(const struct child *child, struct node *node, struct buf *out);

/* One line about it. */
void child_log(const struct child *child, enum log_level level, const char *event);

#endif
