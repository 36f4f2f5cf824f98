/* The walk over children that have to end. Knows nothing of why they have to, or what comes afterwards. */
#include "runtime/supervisor_ending.h"

#include "runtime/links.h"
#include "runtime/node.h"
#include "runtime/supervisor_state.h"
#include "runtime/timers.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <assert.h>

bool exit_read(struct node *node, struct slice message, process_id *process, struct slice *reason)
{
    struct pid pid;
    if (!etf_read_tagged(&message, "EXIT", 3) || !pid_read(&message, &pid))
        return false;
    if (!node_is_self(node, pid.node) || pid.creation != node->creation)
        return false;
    *process = process_id_of(&pid);
    *reason = etf_take(&message);
    return true;
}

bool exit_is_orderly(struct slice reason)
{
    return etf_is_atom(reason, "normal") || etf_is_atom(reason, "shutdown") ||
           etf_read_tagged(&reason, "shutdown", 2);
}

static void send_exit(struct supervisor *self, const struct child *child, const char *reason)
{
    struct buf term = BUF_EMPTY;
    etf_write_atom(&term, reason);
    process_send_exit(&self->server.process, child->process, buf_slice(&term));
    buf_release(&term);
}

static struct child *current(struct supervisor *self)
{
    return &self->children[self->ending.left - 1];
}

static void on_timeout(struct process *process, void *argument)
{
    struct supervisor *self = argument;
    self->ending.timer = NULL;
    child_log(current(self), LOG_WARN, "child_killed");
    send_exit(self, current(self), "kill");
}

static void signal_child(struct supervisor *self, const struct child *child, struct process *process)
{
    /* A child that has unlinked itself would end unheard. */
    link_add(&self->server.process, process);
    if (child->spec.shutdown_ms == SHUTDOWN_BRUTAL_KILL) {
        send_exit(self, child, "kill");
        return;
    }
    send_exit(self, child, "shutdown");
    if (child->spec.shutdown_ms != SHUTDOWN_INFINITY)
        self->ending.timer =
            timer_start(&self->server.process, (uint64_t)child->spec.shutdown_ms, on_timeout, self);
}

/* Goes on to the next child that runs. True if there is none. One that ended without our hearing of it yet
 * counts as ended: its exit message, whenever it is read, is then that of an unknown process. */
static bool walk(struct supervisor *self)
{
    struct ending *ending = &self->ending;
    for (; ending->left > ending->first; ending->left--) {
        struct child *child = current(self);
        struct process *process = child_process(child, self->server.process.node);
        if (process != NULL) {
            signal_child(self, child, process);
            return false;
        }
        child_stopped(child);
    }
    return true;
}

bool ending_begin(struct supervisor *self, unsigned first, unsigned end,
                  void (*done)(struct supervisor *self))
{
    assert(!ending_active(self) && done != NULL);
    self->ending = (struct ending){.first = first, .left = end};
    if (walk(self))
        return true;
    self->ending.done = done;
    return false;
}

bool ending_active(const struct supervisor *self)
{
    return self->ending.done != NULL;
}

static void cancel_timer(struct supervisor *self)
{
    if (self->ending.timer != NULL)
        timer_cancel(self->ending.timer);
    self->ending.timer = NULL;
}

static void go_on(struct supervisor *self)
{
    cancel_timer(self);
    if (!walk(self))
        return;
    void (*done)(struct supervisor *) = self->ending.done;
    self->ending.done = NULL;
    process_rescan(&self->server.process);
    done(self);
}

/* Of the children still to be ended: the one with that process; NULL if none. */
static struct child *find_left(struct supervisor *self, process_id process)
{
    for (unsigned i = self->ending.first; i < self->ending.left; i++) {
        if (self->children[i].process == process)
            return &self->children[i];
    }
    return NULL;
}

enum receive ending_receive(struct supervisor *self, struct slice message)
{
    struct node *node = self->server.process.node;
    process_id process;
    struct slice reason;
    if (!exit_read(node, message, &process, &reason) || process == 0)
        return RECEIVE_LEFT;
    struct child *child = find_left(self, process);
    if (child == NULL)
        return RECEIVE_LEFT;
    /* exit/2 or a message made to look like a child's end: it still runs. */
    if (child_process(child, node) != NULL)
        return RECEIVE_TAKEN;
    if (!exit_is_orderly(reason) && !etf_is_atom(reason, "killed"))
        child_log(child, LOG_WARN, "child_terminated");
    if (child == current(self))
        go_on(self);
    return RECEIVE_TAKEN;
}

void ending_release(struct supervisor *self)
{
    cancel_timer(self);
}
