/* Processes that other nodes spawn here. Knows which three entry points erpc uses (execute_call,
 * execute_cast, none), not which functions there are. */
#include "runtime/rpc.h"

#include "runtime/apply.h"
#include "runtime/links.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/rex.h"
#include "runtime/spawn_options.h"
#include "wire/control.h"
#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

static enum receive receive(struct process *self, struct slice message)
{
    return RECEIVE_TAKEN; /* it has ended before it could read one */
}

static const struct process_type type = {
    .module = "erpc", .size = sizeof(struct process), .receive = receive};

/* ---- exit reasons */

/* {Reason, Stack}; of a throw {{nocatch, Term}, Stack} */
static void write_crash(const struct applied *applied, struct buf *out)
{
    etf_write_tuple(out, 2);
    if (applied->class == APPLY_THROW) {
        etf_write_tuple(out, 2);
        etf_write_atom(out, "nocatch");
    }
    etf_write_term(out, buf_slice(&applied->value));
    applied_write_stack(applied, out);
}

/* A process whose first function is mfa itself. */
static void run_function(struct node *node, const struct mfa *mfa, struct buf *reason)
{
    struct applied applied;
    apply_mfa(node, mfa, &applied);
    if (applied.by_caller)
        applied_add_frame(&applied, "erts_internal", "dist_spawn_init", 1);
    if (applied.class == APPLY_RETURN)
        etf_write_atom(reason, "normal");
    else if (applied.class == APPLY_EXIT)
        etf_write_term(reason, buf_slice(&applied.value));
    else
        write_crash(&applied, reason);
    applied_release(&applied);
}

/* erpc:execute_call(Ref, M, F, A): {Ref, return | throw | exit, Term}, {Ref, error, Reason, Stack} */
static void run_call(struct node *node, struct slice ref, const struct mfa *mfa, struct buf *reason)
{
    static const char *const classes[] = {
        [APPLY_RETURN] = "return", [APPLY_THROW] = "throw", [APPLY_EXIT] = "exit", [APPLY_ERROR] = "error"};
    struct applied applied;
    apply_mfa(node, mfa, &applied);
    etf_write_tuple(reason, applied.class == APPLY_ERROR ? 4 : 3);
    etf_write_term(reason, ref);
    etf_write_atom(reason, classes[applied.class]);
    etf_write_term(reason, buf_slice(&applied.value));
    if (applied.class == APPLY_ERROR) {
        applied_trim(&applied, mfa);
        applied_write_stack(&applied, reason);
    }
    applied_release(&applied);
}

/* An error in execute_cast is raised again from there: {{exception, {Reason, Stack}}, [...]} */
static void write_cast_error(const struct applied *applied, struct buf *reason)
{
    struct applied outer = {.class = APPLY_ERROR};
    etf_write_tuple(&outer.value, 2);
    etf_write_atom(&outer.value, "exception");
    write_crash(applied, &outer.value);
    applied_add_frame(&outer, "erpc", "execute_cast", 3);
    write_crash(&outer, reason);
    applied_release(&outer);
}

/* erpc:execute_cast(M, F, A) */
static void run_cast(struct node *node, const struct mfa *mfa, struct buf *reason)
{
    struct applied applied;
    apply_mfa(node, mfa, &applied);
    if (applied.class == APPLY_RETURN) {
        etf_write_atom(reason, "normal");
    } else if (applied.class == APPLY_EXIT) {
        etf_write_term(reason, buf_slice(&applied.value));
    } else if (applied.class == APPLY_THROW) {
        applied_add_frame(&applied, "erpc", "execute_cast", 3);
        write_crash(&applied, reason);
    } else {
        applied_trim(&applied, mfa);
        write_cast_error(&applied, reason);
    }
    applied_release(&applied);
}

/* The elements of a list of that length. */
static bool read_elements(struct slice term, struct slice *elements, uint32_t count)
{
    struct etf_list list;
    struct slice element;
    uint32_t length = 0;
    etf_list_begin(&list, term);
    for (; etf_list_next(&list, &element); length++) {
        if (length < count)
            elements[length] = element;
    }
    return length == count;
}

/* Runs what was asked for; appends the reason with which the process ends. */
static void run(struct node *node, const struct control *control, struct buf *reason)
{
    struct slice cursor = control->mfa, a[4];
    uint32_t arity;
    etf_read_tuple(&cursor, &arity);
    struct mfa mfa = {.arguments = control->arguments};
    mfa.module = etf_take(&cursor);
    mfa.function = etf_take(&cursor);
    bool erpc = etf_is_atom(mfa.module, "erpc");
    if (erpc && etf_is_atom(mfa.function, "execute_call") && read_elements(mfa.arguments, a, 4))
        run_call(node, a[0], &(struct mfa){a[1], a[2], a[3]}, reason);
    else if (erpc && etf_is_atom(mfa.function, "execute_cast") && read_elements(mfa.arguments, a, 3))
        run_cast(node, &(struct mfa){a[0], a[1], a[2]}, reason);
    else
        run_function(node, &mfa, reason);
}

/* ---- requests */

static void reply_badopt(struct peer *peer, const struct control *control)
{
    struct buf error = BUF_EMPTY;
    etf_write_atom(&error, "badopt");
    control_spawn_reply(&peer->out, control->ref, control->from, 0, buf_slice(&error));
    peer_wake(peer);
    buf_release(&error);
}

/* The new process is there, linked and monitored, and told of: whatever it does next comes after that. */
static void introduce(struct peer *peer, const struct control *control, const struct pid *from,
                      const struct ref *ref, const struct spawn_options *options,
                      const struct process *process)
{
    unsigned flags = 0;
    struct buf pid = BUF_EMPTY;
    process_write_pid(process, &pid);
    if (options->link) {
        link_in(peer, from, control->from, buf_slice(&pid));
        flags |= SPAWN_FLAG_LINK;
    }
    if (options->monitor) {
        monitor_p_in(peer, from, control->from, buf_slice(&pid), ref, control->ref);
        flags |= SPAWN_FLAG_MONITOR;
    }
    control_spawn_reply(&peer->out, control->ref, control->from, flags, buf_slice(&pid));
    peer_wake(peer);
    buf_release(&pid);
}

static bool spawn_request(struct peer *peer, const void *request)
{
    const struct control *control = request;
    struct slice from_cursor = control->from, ref_cursor = control->ref;
    struct spawn_options options;
    struct pid from;
    struct ref ref;
    if (!pid_read(&from_cursor, &from) || !ref_read(&ref_cursor, &ref))
        return false;
    if (!spawn_options_read(control->options, &options)) {
        reply_badopt(peer, control);
        return true;
    }
    struct buf reason = BUF_EMPTY;
    struct process *process = process_new(peer->node, &type);
    introduce(peer, control, &from, &ref, &options, process);
    process_enter(process);
    run(peer->node, control, &reason);
    process_exit(process, buf_slice(&reason));
    process_leave(process);
    buf_release(&reason);
    return true;
}

int rpc_start(struct rpc *rpc, struct node *node, const struct rpc_config *config)
{
    struct gen_server *rex;
    int status = rex_start(node, &rex);
    if (status != 0)
        return status;
    *rpc = (struct rpc){.config = *config};
    node->rpc = rpc;
    node->spawn_request = spawn_request;
    return 0;
}
