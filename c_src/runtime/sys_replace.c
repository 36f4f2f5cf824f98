/* Has a fun run elsewhere and takes over what it returns. Knows no state. */
#include "runtime/sys_replace.h"

#include "runtime/blob.h"
#include "runtime/remote_call.h"
#include "runtime/sys.h"
#include "runtime/sys_status.h"
#include "wire/etf_compare.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

static const struct gen_server_type *type_of(const struct gen_server *server)
{
    return (const struct gen_server_type *)server->process.type;
}

static void refuse(struct gen_server *server, const struct from *from, enum apply_class class,
                   struct slice reason)
{
    static const char *const classes[] = {
        [APPLY_THROW] = "throw", [APPLY_EXIT] = "exit", [APPLY_ERROR] = "error"};
    struct buf answer = BUF_EMPTY;
    etf_write_tuple(&answer, 2);
    etf_write_atom(&answer, "error");
    etf_write_tuple(&answer, 3);
    etf_write_atom(&answer, "callback_failed");
    etf_write_tuple(&answer, 2);
    etf_write_atom(&answer, "gen_server");
    etf_write_atom(&answer, "system_replace_state");
    etf_write_tuple(&answer, 2);
    etf_write_atom(&answer, classes[class]);
    etf_write_term(&answer, reason);
    sys_reply(server, from, buf_slice(&answer));
    buf_release(&answer);
}

/* The error {Tag, Reason}. */
static void refuse_tagged(struct gen_server *server, const struct from *from, const char *tag,
                          const char *reason)
{
    struct buf term = BUF_EMPTY;
    etf_write_tuple(&term, 2);
    etf_write_atom(&term, tag);
    etf_write_atom(&term, reason);
    refuse(server, from, APPLY_ERROR, buf_slice(&term));
    buf_release(&term);
}

/* value differs from the state that there was. */
static void replace(struct gen_server *server, const struct from *from, struct slice value)
{
    struct buf why = BUF_EMPTY;
    if (type_of(server)->replace_state == NULL)
        refuse_tagged(server, from, "badarg", "read_only");
    else if (!type_of(server)->replace_state(server, from, value, &why))
        refuse(server, from, APPLY_ERROR, buf_slice(&why));
    buf_release(&why);
}

/* A server that has begun to end meanwhile answers nobody. */
static void fun_ended(struct process *process, enum apply_class class, struct slice value)
{
    struct gen_server *server = (struct gen_server *)process;
    struct sys *sys = server->sys;
    struct owed *owed = sys->replace_owed;
    struct blob *before = sys->replacing;
    struct from from = gen_server_owed_from(owed);
    sys->replace_owed = NULL;
    sys->replacing = NULL;
    if (!sys->terminating) {
        process_resume(process);
        if (class != APPLY_RETURN)
            refuse(server, &from, class, value);
        else if (etf_equal(value, blob_slice(before)))
            sys_reply_state(server, &from, value);
        else
            replace(server, &from, value);
    }
    gen_server_owed_free(owed);
    blob_drop(before);
}

void sys_replace_state(struct gen_server *server, const struct from *from, struct slice fun)
{
    struct buf state = BUF_EMPTY, arguments = BUF_EMPTY;
    sys_write_state(server, &state);
    etf_write_list(&arguments, 2);
    etf_write_term(&arguments, fun);
    etf_write_list(&arguments, 1);
    etf_write_term(&arguments, buf_slice(&state));
    etf_write_nil(&arguments);
    etf_write_nil(&arguments);
    if (remote_call_start(&server->process, from->pid, "erlang", "apply", buf_slice(&arguments), fun_ended)) {
        struct sys *sys = sys_get(server);
        sys->replace_owed = gen_server_defer(server, from);
        sys->replacing = blob_new(buf_slice(&state));
        process_await(&server->process);
    } else {
        refuse_tagged(server, from, "erpc", "noconnection");
    }
    buf_release(&state);
    buf_release(&arguments);
}
