/* One system message, a monitor and a timeout. Knows no kind of server. */
#include "runtime/sys_functions.h"

#include "runtime/activity.h"
#include "runtime/blob.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/process_send.h"
#include "runtime/registry.h"
#include "runtime/timers.h"
#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

enum { DEFAULT_MS = 5000 };

/* exit({Reason, {sys, Function, Arguments}}); kept is Function and Arguments. */
static void fail(struct activity *self, struct slice reason)
{
    struct buf exit = BUF_EMPTY;
    etf_write_tuple(&exit, 2);
    etf_write_term(&exit, reason);
    etf_write_tuple(&exit, 3);
    etf_write_atom(&exit, "sys");
    etf_write_term(&exit, blob_slice(self->kept));
    activity_exit(self, buf_slice(&exit));
    buf_release(&exit);
}

static void fail_atom(struct activity *self, const char *reason)
{
    struct buf term = BUF_EMPTY;
    etf_write_atom(&term, reason);
    fail(self, buf_slice(&term));
    buf_release(&term);
}

static bool is_ours(const struct activity *self, struct slice *cursor)
{
    struct ref ref;
    return ref_read(cursor, &ref) && ref.creation == self->ref.creation && ref.words == self->ref.words &&
           memcmp(ref.word, self->ref.word, ref.words * sizeof *ref.word) == 0;
}

/* {Ref, Reply} or {'DOWN', Ref, process, Pid, Reason} */
static void on_message(struct activity *self, struct slice message)
{
    uint32_t arity;
    struct slice rest = message;
    if (etf_read_tagged(&rest, "DOWN", 5) && is_ours(self, &rest)) {
        etf_take(&rest);
        etf_take(&rest);
        fail(self, rest);
        return;
    }
    rest = message;
    if (etf_read_tuple(&rest, &arity) && arity == 2 && is_ours(self, &rest))
        activity_return(self, rest);
}

static void on_timeout(struct process *process, void *argument)
{
    struct activity *self = (struct activity *)process;
    self->timer = NULL;
    fail_atom(self, "timeout");
}

/* {system, {Self, Ref}, Command} */
static void ask(struct activity *self, struct slice pid, const char *command)
{
    struct node *node = self->process.node;
    monitor_add(&self->process, pid, &self->ref);
    struct buf *out = process_send_begin(node, &self->process, pid);
    etf_write_tuple(out, 3);
    etf_write_atom(out, "system");
    etf_write_tuple(out, 2);
    process_write_pid(&self->process, out);
    ref_write(out, &self->ref);
    etf_write_atom(out, command);
    process_send_end(node);
}

/* Function and Arguments, for the exit reason. */
static void keep(struct activity *self, const char *function, const struct slice *arguments, uint32_t count)
{
    struct buf terms = BUF_EMPTY;
    etf_write_atom(&terms, function);
    etf_write_list(&terms, count);
    for (uint32_t i = 0; i < count; i++)
        etf_write_term(&terms, arguments[i]);
    etf_write_nil(&terms);
    self->kept = blob_new(buf_slice(&terms));
    buf_release(&terms);
}

static bool read_timeout(struct slice term, uint64_t *ms)
{
    if (etf_is_atom(term, "infinity")) {
        *ms = 0;
        return true;
    }
    return etf_read_uint64(&term, ms) && *ms <= UINT32_MAX && *ms > 0;
}

/* A server by pid or by its name here. count: 2 with a timeout. */
static bool begin(struct activity *self, const char *command, const struct slice *arguments, uint32_t count)
{
    uint64_t ms = DEFAULT_MS;
    struct process *named = registry_find_atom(self->process.node, arguments[0]);
    enum term_type target = etf_type(arguments[0]);
    if ((target != TERM_PID && target != TERM_ATOM) || (count == 2 && !read_timeout(arguments[1], &ms)))
        return false;
    keep(self, command, arguments, count);
    self->receive = on_message;
    if (target == TERM_PID) {
        ask(self, arguments[0], command);
    } else if (named == NULL) {
        fail_atom(self, "noproc");
        return true;
    } else {
        struct buf pid = BUF_EMPTY;
        process_write_pid(named, &pid);
        ask(self, buf_slice(&pid), command);
        buf_release(&pid);
    }
    if (ms > 0)
        self->timer = timer_start(&self->process, ms, on_timeout, NULL);
    return true;
}

static bool get_state_1(struct activity *self, const struct slice *arguments)
{
    return begin(self, "get_state", arguments, 1);
}

static bool get_state_2(struct activity *self, const struct slice *arguments)
{
    return begin(self, "get_state", arguments, 2);
}

static bool get_status_1(struct activity *self, const struct slice *arguments)
{
    return begin(self, "get_status", arguments, 1);
}

static bool get_status_2(struct activity *self, const struct slice *arguments)
{
    return begin(self, "get_status", arguments, 2);
}

static bool suspend_1(struct activity *self, const struct slice *arguments)
{
    return begin(self, "suspend", arguments, 1);
}

static bool suspend_2(struct activity *self, const struct slice *arguments)
{
    return begin(self, "suspend", arguments, 2);
}

static bool resume_1(struct activity *self, const struct slice *arguments)
{
    return begin(self, "resume", arguments, 1);
}

static bool resume_2(struct activity *self, const struct slice *arguments)
{
    return begin(self, "resume", arguments, 2);
}

static const struct function functions[] = {
    FUNCTION_BEGUN("sys", "get_state", 1, get_state_1),
    FUNCTION_BEGUN("sys", "get_state", 2, get_state_2),
    FUNCTION_BEGUN("sys", "get_status", 1, get_status_1),
    FUNCTION_BEGUN("sys", "get_status", 2, get_status_2),
    FUNCTION_BEGUN("sys", "suspend", 1, suspend_1),
    FUNCTION_BEGUN("sys", "suspend", 2, suspend_2),
    FUNCTION_BEGUN("sys", "resume", 1, resume_1),
    FUNCTION_BEGUN("sys", "resume", 2, resume_2),
};

const struct function_table sys_functions = FUNCTION_TABLE(functions);
