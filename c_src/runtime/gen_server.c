/* The generic server: finds out what a message is, calls back, answers. Knows no module that is built on it.
 */
#include "runtime/gen_server.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/blob.h"
#include "runtime/fast_call.h"
#include "runtime/gen_call.h"
#include "runtime/links.h"
#include "runtime/node.h"
#include "runtime/process_send.h"
#include "runtime/registry.h"
#include "runtime/seq_trace.h"
#include "runtime/sys.h"
#include "runtime/sys_event.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <utlist.h>

static const struct gen_server_type *type_of(const struct gen_server *server)
{
    return (const struct gen_server_type *)server->process.type;
}

static bool terminating(const struct gen_server *server)
{
    return server->sys != NULL && server->sys->terminating;
}

static void init_failed(struct gen_server *server, struct process *parent, int status)
{
    if (parent != NULL)
        link_remove(parent, &server->process);
    process_exit_atom(&server->process, error_atom(status));
}

int gen_server_start(struct node *node, const struct gen_server_type *type, struct process *parent,
                     const char *name, const void *argument, struct gen_server **out)
{
    size_t extra = type->extra == NULL ? 0 : type->extra(argument);
    struct process *process = process_new_larger(node, &type->process, extra);
    struct gen_server *server = (struct gen_server *)process;
    process->trap_exit = type->trap_exit;
    process->parent = parent == NULL ? 0 : parent->id; /* whose exit ends it */
    process_enter(process);
    int status = name == NULL ? 0 : registry_add(process, slice_of_text(name));
    if (status == 0) {
        if (parent != NULL)
            link_add(parent, process);
        status = type->init(server, argument);
    }
    if (status != 0)
        init_failed(server, parent, status);
    else if (type->handle_continue != NULL && process->exit_reason == NULL && !terminating(server))
        type->handle_continue(server);
    if (status == 0 && process->exit_reason != NULL)
        status = ERR_STOPPED;
    if (status == 0)
        *out = server;
    process_leave(process);
    return status;
}

static struct from from_of(const struct owed *owed)
{
    return (struct from){.pid = slice_of(owed->bytes, owed->pid_size),
                         .tag = slice_of(owed->bytes + owed->pid_size, owed->size - owed->pid_size),
                         .fast = owed->fast};
}

static void fail_owed(struct gen_server *server, struct slice reason)
{
    struct owed *owed;
    DL_FOREACH(server->owed, owed)
    {
        struct from from = from_of(owed);
        if (owed->fast)
            fast_call_fail(server->process.node, &from, reason);
    }
}

void gen_server_release(struct process *self, struct slice reason)
{
    struct gen_server *server = (struct gen_server *)self;
    fail_owed(server, reason);
    gen_calls_forget(server);
    if (type_of(server)->release != NULL)
        type_of(server)->release(server);
    while (server->owed != NULL)
        gen_server_owed_free(server->owed);
    sys_free(server);
}

void gen_server_stop(struct gen_server *server, struct slice reason)
{
    if (terminating(server))
        return;
    if (type_of(server)->terminate == NULL) {
        process_exit(&server->process, reason);
        return;
    }
    struct sys *sys = sys_get(server);
    sys->terminating = true;
    sys->stop_reason = blob_new(reason);
    process_resume(&server->process);
    process_rescan(&server->process); /* exits that a suspended server had left unread */
    if (type_of(server)->terminate(server, reason))
        gen_server_terminated(server);
}

void gen_server_stop_atom(struct gen_server *server, const char *reason)
{
    struct buf term = BUF_EMPTY;
    etf_write_atom(&term, reason);
    gen_server_stop(server, buf_slice(&term));
    buf_release(&term);
}

void gen_server_terminated(struct gen_server *server)
{
    process_exit(&server->process, blob_slice(server->sys->stop_reason));
}

static bool is_parent(const struct gen_server *server, struct slice term)
{
    struct pid pid;
    return server->process.parent != 0 && pid_read(&term, &pid) &&
           process_id_of(&pid) == server->process.parent && pid.creation == server->process.node->creation &&
           node_is_self(server->process.node, pid.node);
}

static void bad(struct gen_server *server)
{
    node_bad_message(server->process.node, server->process.type->module);
}

static void info(struct gen_server *server, struct slice message)
{
    sys_event_in(server, message);
    if (type_of(server)->handle_info != NULL)
        type_of(server)->handle_info(server, message);
    else
        bad(server);
    sys_event_noreply(server);
}

/* {'EXIT', From, Reason}; rest stands behind the tag. */
static enum receive exit_message(struct gen_server *server, struct slice message, struct slice rest)
{
    struct slice from = etf_take(&rest);
    if (is_parent(server, from) && !terminating(server)) {
        gen_server_stop(server, etf_take(&rest));
        return RECEIVE_TAKEN;
    }
    if (sys_suspended(server) && !terminating(server))
        return RECEIVE_LEFT;
    info(server, message);
    return RECEIVE_TAKEN;
}

static void cast(struct gen_server *server, struct slice request)
{
    if (type_of(server)->handle_cast != NULL)
        type_of(server)->handle_cast(server, request);
    else
        bad(server);
    sys_event_noreply(server);
}

/* The call being handled is answered, or owed its answer. */
static void settle(struct gen_server *server, const struct from *from)
{
    struct node *node = server->process.node;
    if (node->unanswered == from->tag.data)
        node->unanswered = NULL;
}

/* A fast call that the handler has neither answered nor kept is owed its answer to the end of the server. */
static void call(struct gen_server *server, const struct from *from, struct slice request)
{
    struct node *node = server->process.node;
    node->unanswered = from->fast ? from->tag.data : NULL;
    type_of(server)->handle_call(server, from, request);
    if (node->unanswered != NULL && (!server->process.postponed || server->process.exit_reason != NULL))
        gen_server_defer(server, from);
    node->unanswered = NULL;
}

static bool read_call(struct slice *message, struct from *from)
{
    struct slice rest = *message;
    if (!etf_read_tagged(&rest, "$gen_call", 3) || !from_read(&rest, from))
        return fast_call_read(message, from);
    *message = rest;
    return true;
}

static enum receive receive(struct gen_server *server, struct slice message)
{
    struct from from;
    struct slice rest = message;
    if (etf_read_tagged(&rest, "EXIT", 3))
        return exit_message(server, message, rest);
    if (terminating(server))
        return RECEIVE_LEFT;
    if (etf_read_tagged(&rest, "system", 3) && from_read(&rest, &from)) {
        sys_handle(server, &from, rest);
        return RECEIVE_TAKEN;
    }
    if (server->process.has_called && gen_call_receive(server, message))
        return RECEIVE_TAKEN;
    if (sys_suspended(server))
        return RECEIVE_LEFT;
    rest = message;
    if (read_call(&rest, &from)) {
        sys_event_in(server, message);
        call(server, &from, rest);
    } else if (rest = message, etf_read_tagged(&rest, "$gen_cast", 2)) {
        sys_event_in(server, message);
        cast(server, rest);
    } else {
        info(server, message);
    }
    return RECEIVE_TAKEN;
}

enum receive gen_server_receive(struct process *self, struct slice message)
{
    struct gen_server *server = (struct gen_server *)self;
    enum receive verdict = receive(server, message);
    if (!server->process.postponed)
        return verdict;
    server->process.postponed = false;
    return RECEIVE_LEFT;
}

void gen_server_postpone(struct gen_server *server)
{
    server->process.postponed = true;
}

/* {'$gen_call', {_, Tag}, _}: gen.erl waits by the monitor that is also the alias in the tag, or (before OTP
 * 24) the tag itself. */
bool gen_server_awaited_by(struct slice message, struct ref *ref)
{
    struct from from;
    struct slice alias;
    if (!etf_read_tagged(&message, "$gen_call", 3) || !from_read(&message, &from))
        return false;
    return ref_read(from_alias(from.tag, &alias) ? &alias : &from.tag, ref);
}

struct buf *gen_server_system_reply_begin(struct gen_server *server, const struct from *from)
{
    settle(server, from);
    return from_answer_begin(server->process.node, &server->process, from);
}

struct buf *gen_server_reply_begin(struct gen_server *server, const struct from *from)
{
    struct buf *out = gen_server_system_reply_begin(server, from);
    sys_event_out_begin(server, from, out);
    return out;
}

void gen_server_reply_end(struct gen_server *server)
{
    sys_event_out_end(server);
    process_send_end(server->process.node);
}

void gen_server_reply(struct gen_server *server, const struct from *from, struct slice term)
{
    etf_write_term(gen_server_reply_begin(server, from), term);
    gen_server_reply_end(server);
}

void gen_server_reply_atom(struct gen_server *server, const struct from *from, const char *atom)
{
    etf_write_atom(gen_server_reply_begin(server, from), atom);
    gen_server_reply_end(server);
}

void gen_server_reply_error(struct gen_server *server, const struct from *from, int code)
{
    etf_write_error(gen_server_reply_begin(server, from), code);
    gen_server_reply_end(server);
}

void gen_server_reply_bad_request(struct gen_server *server, const struct from *from, struct slice request)
{
    struct buf *out = gen_server_reply_begin(server, from);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "error");
    etf_write_tuple(out, 2);
    etf_write_atom(out, "bad_request");
    etf_write_term(out, request);
    gen_server_reply_end(server);
    bad(server);
}

struct owed *gen_server_defer(struct gen_server *server, const struct from *from)
{
    struct slice token = seq_trace_token(&server->process);
    struct owed *owed = mem_alloc(sizeof *owed + from->pid.size + from->tag.size + token.size);
    settle(server, from);
    owed->server = server;
    owed->fast = from->fast;
    owed->pid_size = (uint32_t)from->pid.size;
    owed->size = (uint32_t)(from->pid.size + from->tag.size);
    memcpy(owed->bytes, from->pid.data, from->pid.size);
    memcpy(owed->bytes + from->pid.size, from->tag.data, from->tag.size);
    owed->token_size = (uint32_t)token.size;
    if (token.size > 0)
        memcpy(owed->bytes + owed->size, token.data, token.size);
    DL_APPEND(server->owed, owed);
    return owed;
}

struct from gen_server_owed_from(const struct owed *owed)
{
    seq_trace_receive(&owed->server->process, slice_of(owed->bytes + owed->size, owed->token_size));
    return from_of(owed);
}

void gen_server_owed_free(struct owed *owed)
{
    DL_DELETE(owed->server->owed, owed);
    mem_free(owed);
}
