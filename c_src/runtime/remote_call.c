/* The process that asks another node to run a function and waits for its end. Knows what erpc's
 * execute_call exits with (module erpc of OTP's kernel), not what the function is for. */
#include "runtime/remote_call.h"

#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/process_send.h"
#include "wire/control.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"
#include "wire/frame.h"

struct remote_call {
    struct process process;
    process_id caller;      /* for whom; watched */
    remote_call_done *done; /* how it is told */
    struct ref caller_ref;  /* of the monitor on it */
    struct ref ref;         /* of the request, the monitor on what is spawned, and the result */
    bool finished;          /* the caller was told, or has ended */
};

static bool is_ref(struct slice term, const struct ref *ref)
{
    struct ref other;
    return ref_read(&term, &other) && other.words == ref->words &&
           memcmp(other.word, ref->word, sizeof ref->word) == 0;
}

static void tell(struct remote_call *call, enum apply_class class, struct slice value)
{
    struct process *caller = process_find(call->process.node, call->caller);
    call->finished = true;
    if (caller == NULL || caller->exit_reason != NULL)
        return;
    process_enter(caller);
    call->done(caller, class, value);
    process_leave(caller);
}

/* Tells of {Tag, Reason}. */
static void tell_tagged(struct remote_call *call, enum apply_class class, const char *tag,
                        struct slice reason)
{
    struct buf value = BUF_EMPTY;
    etf_write_tuple(&value, 2);
    etf_write_atom(&value, tag);
    etf_write_term(&value, reason);
    tell(call, class, buf_slice(&value));
    buf_release(&value);
}

/* {Ref, return | throw | exit, Value} or {Ref, error, Reason, Stack}; of an error that is erpc's own without
 * the stack. False: the process has ended otherwise. */
static bool read_result(const struct remote_call *call, struct slice reason, enum apply_class *class,
                        struct slice *value)
{
    static const char *const classes[] = {
        [APPLY_RETURN] = "return", [APPLY_THROW] = "throw", [APPLY_EXIT] = "exit", [APPLY_ERROR] = "error"};
    uint32_t arity;
    if (!etf_read_tuple(&reason, &arity) || arity < 3 || arity > 4 || !is_ref(etf_take(&reason), &call->ref))
        return false;
    struct slice name = etf_take(&reason);
    for (unsigned i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (!etf_is_atom(name, classes[i]))
            continue;
        *class = (enum apply_class)i;
        *value = etf_take(&reason);
        return true;
    }
    return false;
}

static void ended(struct remote_call *call, struct slice reason)
{
    enum apply_class class;
    struct slice value;
    if (read_result(call, reason, &class, &value))
        tell(call, class, value);
    else if (etf_is_atom(reason, "noconnection"))
        tell_tagged(call, APPLY_ERROR, "erpc", reason);
    else
        tell_tagged(call, APPLY_EXIT, "signal", reason);
    process_exit_atom(&call->process, "normal");
}

/* exit(Pid, kill) */
static void send_kill(struct process *self, const struct monitor *monitor)
{
    struct peer *peer = monitor->watched.peer;
    struct pid pid = monitor_remote_pid(monitor);
    struct buf from = BUF_EMPTY, to = BUF_EMPTY, reason = BUF_EMPTY;
    process_write_pid(self, &from);
    pid_write(&to, &pid);
    etf_write_atom(&reason, "kill");
    control_exit2(&peer->out, (peer->flags & DFLAG_EXIT_PAYLOAD) != 0, buf_slice(&from), buf_slice(&to),
                  buf_slice(&reason));
    peer_wake(peer);
    buf_release(&from);
    buf_release(&to);
    buf_release(&reason);
}

/* One whose pid is not known yet runs on, for nobody. */
static void caller_ended(struct remote_call *call)
{
    struct process *self = &call->process;
    call->finished = true;
    for (struct monitor *monitor = process_ties(self)->watching; monitor != NULL;
         monitor = monitor->watcher_next) {
        if (monitor->watched_remote && !monitor->spawning)
            send_kill(self, monitor);
    }
    process_exit_atom(self, "normal");
}

/* Ref, process, Pid, Reason */
static void down(struct remote_call *call, struct slice rest)
{
    struct slice ref = etf_take(&rest);
    etf_take(&rest);
    etf_take(&rest);
    if (is_ref(ref, &call->ref))
        ended(call, rest);
    else if (is_ref(ref, &call->caller_ref))
        caller_ended(call);
}

/* Ref, error, Reason */
static void not_spawned(struct remote_call *call, struct slice rest)
{
    if (!is_ref(etf_take(&rest), &call->ref))
        return;
    etf_take(&rest);
    tell_tagged(call, APPLY_ERROR, "erpc", rest);
    process_exit_atom(&call->process, "normal");
}

/* From, ReplyAs, Request (stdlib User's Guide, "The Erlang I/O Protocol"): output succeeds, nothing else. */
static void io_request(struct process *self, struct slice rest)
{
    struct slice from = etf_take(&rest);
    struct slice reply_as = etf_take(&rest);
    uint32_t arity;
    bool output = etf_read_tuple(&rest, &arity) && arity > 1 && etf_is_atom(etf_take(&rest), "put_chars");
    struct buf *out = process_send_any_begin(self->node, self, from);
    etf_write_tuple(out, 3);
    etf_write_atom(out, "io_reply");
    etf_write_term(out, reply_as);
    if (!output) {
        etf_write_tuple(out, 2);
        etf_write_atom(out, "error");
    }
    etf_write_atom(out, output ? "ok" : "request");
    process_send_end(self->node);
}

static enum receive receive(struct process *self, struct slice message)
{
    struct slice rest = message;
    if (etf_read_tagged(&rest, "DOWN", 5))
        down((struct remote_call *)self, rest);
    else if (etf_read_tagged(&rest, "spawn_reply", 4))
        not_spawned((struct remote_call *)self, rest);
    else if (etf_read_tagged(&rest, "io_request", 4))
        io_request(self, rest);
    return RECEIVE_TAKEN;
}

/* Killed by somebody: a caller that waits must not wait for ever. It is the caller who sends, in its own
 * name. */
static void release(struct process *self, struct slice reason)
{
    struct remote_call *call = (struct remote_call *)self;
    if (!call->finished)
        tell_tagged(call, APPLY_EXIT, "signal", reason);
}

static const struct process_type type = {
    .module = "erpc", .size = sizeof(struct remote_call), .receive = receive, .release = release};

/* ---- the request */

/* {erpc, execute_call, 4} */
static void write_entry(struct buf *out)
{
    etf_write_tuple(out, 3);
    etf_write_atom(out, "erpc");
    etf_write_atom(out, "execute_call");
    etf_write_uint64(out, 4);
}

static void write_options(struct buf *out)
{
    etf_write_list(out, 1);
    etf_write_atom(out, "monitor");
    etf_write_nil(out);
}

static void request(struct remote_call *call, struct peer *peer, const char *module, const char *function,
                    struct slice arguments)
{
    struct buf ref = BUF_EMPTY, self = BUF_EMPTY, entry = BUF_EMPTY, options = BUF_EMPTY;
    monitor_add_spawning(&call->process, peer, &call->ref);
    ref_write(&ref, &call->ref);
    process_write_pid(&call->process, &self);
    write_entry(&entry);
    write_options(&options);
    size_t mark = control_spawn_request_begin(&peer->out, buf_slice(&ref), buf_slice(&self), buf_slice(&self),
                                              buf_slice(&entry), buf_slice(&options));
    etf_write_list(&peer->out, 4);
    etf_write_term(&peer->out, buf_slice(&ref));
    etf_write_atom(&peer->out, module);
    etf_write_atom(&peer->out, function);
    etf_write_term(&peer->out, arguments);
    etf_write_nil(&peer->out);
    frame_end(&peer->out, mark);
    peer_wake(peer);
    buf_release(&ref);
    buf_release(&self);
    buf_release(&entry);
    buf_release(&options);
}

bool remote_call_start(struct process *caller, struct slice on, const char *module, const char *function,
                       struct slice arguments, remote_call_done *done)
{
    struct pid pid;
    struct peer *peer = pid_read(&on, &pid) ? peer_known(caller->node, pid.node) : NULL;
    if (peer == NULL || peer->pending || peer->creation != pid.creation || !(peer->flags & DFLAG_SPAWN))
        return false;
    struct remote_call *call = (struct remote_call *)process_new(caller->node, &type);
    struct buf watched = BUF_EMPTY;
    call->caller = caller->id;
    call->done = done;
    process_write_pid(caller, &watched);
    monitor_add(&call->process, buf_slice(&watched), &call->caller_ref);
    buf_release(&watched);
    request(call, peer, module, function, arguments);
    return true;
}
