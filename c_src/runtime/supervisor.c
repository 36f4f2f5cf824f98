/* Starts children, starts them again by strategy and restart type, gives up beyond the intensity. Knows
 * nothing of what its children do; how they are ended is supervisor_ending's, what clients ask is
 * supervisor_calls'. */
#include "runtime/supervisor.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/links.h"
#include "runtime/node.h"
#include "runtime/registry.h"
#include "runtime/supervisor_calls.h"
#include "runtime/supervisor_record.h"
#include "runtime/supervisor_state.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <assert.h>
#include <uv.h>

static struct supervisor *supervisor_of(struct gen_server *server)
{
    return (struct supervisor *)server;
}

static bool stop_if_wanted(struct supervisor *self)
{
    if (self->shutdown_wanted)
        gen_server_stop_atom(&self->server, "shutdown");
    return self->shutdown_wanted;
}

/* Notes a restart; false if it is one too many. */
static bool add_restart(struct supervisor *self)
{
    unsigned intensity = self->spec.intensity;
    uint64_t now = uv_now(self->server.process.node->loop);
    if (intensity == 0)
        return false;
    bool full = self->restart_count == intensity;
    if (full && now - self->restart_ms[self->restart_oldest] <= (uint64_t)self->spec.period_s * 1000)
        return false;
    if (!full)
        self->restart_count++;
    self->restart_ms[self->restart_oldest] = now;
    self->restart_oldest = (self->restart_oldest + 1) % intensity;
    return true;
}

/* {'$gen_cast', {try_again_restart, Id}} to itself, so that whatever else has come, a shutdown above all, has
 * its turn between two tries. */
static void try_again_later(struct supervisor *self, struct child *child)
{
    struct buf message = BUF_EMPTY;
    child->process = 0;
    child->restarting = true;
    child_log(child, LOG_WARN, "start_error");
    etf_write_tuple(&message, 2);
    etf_write_atom(&message, "$gen_cast");
    etf_write_tuple(&message, 2);
    etf_write_atom(&message, "try_again_restart");
    child_write_id(child, &message);
    process_post(&self->server.process, buf_slice(&message));
    buf_release(&message);
}

/* The end of the children that go down with one: start them again, those too that had ended before. */
static void start_again(struct supervisor *self)
{
    if (stop_if_wanted(self))
        return;
    for (unsigned i = self->restart_from; i < self->spec.child_count; i++) {
        struct child *child = &self->children[i];
        if (!child->removed && child_start(child, &self->server.process) != 0) {
            try_again_later(self, child);
            return;
        }
    }
}

static void restart_several(struct supervisor *self, unsigned from)
{
    self->restart_from = from;
    if (ending_begin(self, from, self->spec.child_count, start_again))
        start_again(self);
}

/* Precondition: the child does not run. */
static void restart(struct supervisor *self, struct child *child)
{
    if (!add_restart(self)) {
        child_log(child, LOG_ERROR, "reached_max_restart_intensity");
        child_stopped(child);
        gen_server_stop_atom(&self->server, "shutdown");
        return;
    }
    switch (self->spec.strategy) {
    case ONE_FOR_ONE:
        if (child_start(child, &self->server.process) != 0)
            try_again_later(self, child);
        break;
    case ONE_FOR_ALL:
        restart_several(self, 0);
        break;
    case REST_FOR_ONE:
        restart_several(self, (unsigned)(child - self->children));
        break;
    }
}

static void child_exited(struct supervisor *self, struct child *child, struct slice reason)
{
    bool orderly = exit_is_orderly(reason);
    bool permanent = child->spec.restart == PERMANENT;
    if (permanent || !orderly)
        child_log(child, LOG_WARN, "child_terminated");
    child_stopped(child);
    if (permanent || (!orderly && child->spec.restart == TRANSIENT))
        restart(self, child);
}

static struct child *find_process(struct supervisor *self, process_id process)
{
    for (unsigned i = 0; process != 0 && i < self->spec.child_count; i++) {
        if (self->children[i].process == process)
            return &self->children[i];
    }
    return NULL;
}

static void handle_exit(struct supervisor *self, struct slice message)
{
    struct node *node = self->server.process.node;
    process_id process;
    struct slice reason;
    struct child *child = NULL;
    if (exit_read(node, message, &process, &reason))
        child = find_process(self, process);
    /* A child that still runs has not ended, whatever the message says (exit/2, or somebody's own making). */
    if (child != NULL && child_process(child, node) == NULL)
        child_exited(self, child, reason);
    else
        log_write(LOG_DEBUG, "supervisor", "exit_ignored", "module=%s", self->type.process.module);
}

static void handle_info(struct gen_server *server, struct slice message)
{
    struct slice rest = message;
    if (etf_read_tagged(&rest, "EXIT", 3))
        handle_exit(supervisor_of(server), message);
    else
        node_bad_message(server->process.node, server->process.type->module);
}

static void handle_cast(struct gen_server *server, struct slice request)
{
    struct supervisor *self = supervisor_of(server);
    struct slice id = request;
    if (etf_read_tagged(&id, "try_again_restart", 2)) {
        /* Meanwhile it may have been started, terminated or deleted. */
        struct child *child = supervisor_calls_find(self, id);
        if (child != NULL && child->restarting)
            restart(self, child);
    } else if (self->spec.handle_cast != NULL) {
        self->spec.handle_cast(server, self->spec.ctx, request);
    } else {
        node_bad_message(server->process.node, server->process.type->module);
    }
}

static void handle_call(struct gen_server *server, const struct from *from, struct slice request)
{
    struct supervisor *self = supervisor_of(server);
    if (supervisor_calls_handle(self, from, request))
        return;
    if (self->spec.handle_call != NULL)
        self->spec.handle_call(server, self->spec.ctx, from, request);
    else
        gen_server_reply_bad_request(server, from, request);
}

static void child_terminated(struct supervisor *self)
{
    struct from from = gen_server_owed_from(self->terminate_owed);
    gen_server_reply_atom(&self->server, &from, "ok");
    gen_server_owed_free(self->terminate_owed);
    self->terminate_owed = NULL;
    stop_if_wanted(self);
}

void supervisor_terminate_child(struct supervisor *self, struct child *child, const struct from *from)
{
    unsigned place = (unsigned)(child - self->children);
    if (ending_begin(self, place, place + 1, child_terminated))
        gen_server_reply_atom(&self->server, from, "ok");
    else
        self->terminate_owed = gen_server_defer(&self->server, from);
}

static void all_terminated(struct supervisor *self)
{
    gen_server_terminated(&self->server);
}

static bool terminate(struct gen_server *server, struct slice reason)
{
    struct supervisor *self = supervisor_of(server);
    return ending_begin(self, 0, self->spec.child_count, all_terminated);
}

static void write_state(struct gen_server *server, struct buf *out)
{
    supervisor_write_record(supervisor_of(server), out);
}

static void release(struct gen_server *server)
{
    struct supervisor *self = supervisor_of(server);
    ending_release(self);
    mem_free(self->children);
    mem_free(self->restart_ms);
}

static enum receive receive(struct process *process, struct slice message)
{
    struct supervisor *self = (struct supervisor *)process;
    return ending_active(self) ? ending_receive(self, message) : gen_server_receive(process, message);
}

static void copy_spec(struct supervisor *self, const struct supervisor_spec *spec)
{
    self->spec = *spec;
    self->spec.children = NULL;
    self->children = mem_zalloc(spec->child_count * sizeof *self->children);
    self->restart_ms = mem_zalloc(spec->intensity * sizeof *self->restart_ms);
    for (unsigned i = 0; i < spec->child_count; i++)
        self->children[i].spec = spec->children[i];
}

/* Succeeds even if a child cannot start: those that run have to be ended in order, which takes this process.
 */
static int init(struct gen_server *server, const void *argument)
{
    struct supervisor *self = supervisor_of(server);
    copy_spec(self, argument);
    self->type = *(const struct gen_server_type *)server->process.type;
    if (self->spec.module != NULL)
        self->type.process.module = self->spec.module;
    server->process.type = &self->type.process;
    for (unsigned i = 0; i < self->spec.child_count && self->start_failed == NULL; i++) {
        self->start_error = child_start(&self->children[i], &server->process);
        if (self->start_error != 0)
            self->start_failed = &self->children[i];
    }
    return 0;
}

static const struct gen_server_type supervisor_type = {
    .process = {.module = "supervisor",
                .size = sizeof(struct supervisor),
                .receive = receive,
                .release = gen_server_release},
    .init = init,
    .handle_call = handle_call,
    .handle_cast = handle_cast,
    .handle_info = handle_info,
    .terminate = terminate,
    .write_state = write_state,
    .release = release,
    .trap_exit = true,
    .supervisor = true,
};

/* {shutdown, {failed_to_start_child, Id, Reason}} */
static void write_start_failure(const struct supervisor *self, struct buf *out)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, "shutdown");
    etf_write_tuple(out, 3);
    etf_write_atom(out, "failed_to_start_child");
    child_write_id(self->start_failed, out);
    etf_write_atom(out, error_atom(self->start_error));
}

/* The starter is told at once; the supervisor itself, nameless and unlinked, lives on until its children are
 * gone. */
static int give_up_start(struct supervisor *self, struct process *parent)
{
    struct process *process = &self->server.process;
    struct buf reason = BUF_EMPTY;
    int error = self->start_error;
    child_log(self->start_failed, LOG_WARN, "start_error");
    write_start_failure(self, &reason);
    registry_remove(process);
    if (parent != NULL)
        link_remove(parent, process);
    process_enter(process);
    gen_server_stop(&self->server, buf_slice(&reason));
    process_leave(process);
    buf_release(&reason);
    return error;
}

int supervisor_start(struct node *node, const struct supervisor_spec *spec, struct process *parent,
                     const char *name, struct gen_server **supervisor)
{
    struct gen_server *server;
    int status = gen_server_start(node, &supervisor_type, parent, name, spec, &server);
    if (status != 0)
        return status;
    if (supervisor_of(server)->start_failed != NULL)
        return give_up_start(supervisor_of(server), parent);
    *supervisor = server;
    return 0;
}

struct process *supervisor_child(struct gen_server *supervisor, unsigned index)
{
    const struct supervisor *self = supervisor_of(supervisor);
    assert(index < self->spec.child_count);
    return child_process(&self->children[index], supervisor->process.node);
}

void supervisor_shutdown(struct gen_server *supervisor)
{
    struct supervisor *self = supervisor_of(supervisor);
    if (ending_active(self)) {
        self->shutdown_wanted = true;
        return;
    }
    process_enter(&supervisor->process);
    gen_server_stop_atom(supervisor, "shutdown");
    process_leave(&supervisor->process);
}
