/* Runs functions as processes. Knows the entry points of erpc, not which functions there are. */
#include "runtime/activity.h"

#include "runtime/apply.h"
#include "runtime/blob.h"
#include "runtime/timers.h"
#include "wire/control.h"
#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

/* How the function was asked for. */
struct entry {
    enum { ENTRY_FUNCTION, ENTRY_CALL, ENTRY_CAST } kind;
    struct slice ref; /* of ENTRY_CALL: any term, echoed */
    struct mfa mfa;   /* the function itself */
};

static enum receive receive(struct process *process, struct slice message)
{
    struct activity *self = (struct activity *)process;
    if (self->receive != NULL)
        self->receive(self, message);
    return RECEIVE_TAKEN;
}

static void release(struct process *process, struct slice reason)
{
    struct activity *self = (struct activity *)process;
    if (self->release != NULL)
        self->release(self);
    if (self->timer != NULL)
        timer_cancel(self->timer);
    blob_drop(self->kept);
    blob_drop(self->request);
}

static const struct process_type type = {
    .module = "erpc", .size = sizeof(struct activity), .receive = receive, .release = release};

bool activity_is(const struct process *process)
{
    return process->type == &type;
}

struct activity *activity_new(struct node *node)
{
    return (struct activity *)process_new(node, &type);
}

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
static void end_function(struct applied *applied, struct buf *reason)
{
    if (applied->by_caller)
        applied_add_frame(applied, "erts_internal", "dist_spawn_init", 1);
    if (applied->class == APPLY_RETURN)
        etf_write_atom(reason, "normal");
    else if (applied->class == APPLY_EXIT)
        etf_write_term(reason, buf_slice(&applied->value));
    else
        write_crash(applied, reason);
}

/* erpc:execute_call(Ref, M, F, A): {Ref, return | throw | exit, Term}, {Ref, error, Reason, Stack} */
static void end_call(const struct entry *entry, struct applied *applied, struct buf *reason)
{
    static const char *const classes[] = {
        [APPLY_RETURN] = "return", [APPLY_THROW] = "throw", [APPLY_EXIT] = "exit", [APPLY_ERROR] = "error"};
    etf_write_tuple(reason, applied->class == APPLY_ERROR ? 4 : 3);
    etf_write_term(reason, entry->ref);
    etf_write_atom(reason, classes[applied->class]);
    etf_write_term(reason, buf_slice(&applied->value));
    if (applied->class == APPLY_ERROR) {
        applied_trim(applied, &entry->mfa);
        applied_write_stack(applied, reason);
    }
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
static void end_cast(const struct entry *entry, struct applied *applied, struct buf *reason)
{
    if (applied->class == APPLY_RETURN) {
        etf_write_atom(reason, "normal");
    } else if (applied->class == APPLY_EXIT) {
        etf_write_term(reason, buf_slice(&applied->value));
    } else if (applied->class == APPLY_THROW) {
        applied_add_frame(applied, "erpc", "execute_cast", 3);
        write_crash(applied, reason);
    } else {
        applied_trim(applied, &entry->mfa);
        write_cast_error(applied, reason);
    }
}

/* applied is released. */
static void end(struct activity *self, const struct entry *entry, struct applied *applied)
{
    struct buf reason = BUF_EMPTY;
    if (entry->kind == ENTRY_CALL)
        end_call(entry, applied, &reason);
    else if (entry->kind == ENTRY_CAST)
        end_cast(entry, applied, &reason);
    else
        end_function(applied, &reason);
    process_exit(&self->process, buf_slice(&reason));
    buf_release(&reason);
    applied_release(applied);
}

/* ---- the request */

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

static struct entry entry_of(const struct mfa *mfa)
{
    struct slice a[4];
    bool erpc = etf_is_atom(mfa->module, "erpc");
    if (erpc && etf_is_atom(mfa->function, "execute_call") && read_elements(mfa->arguments, a, 4))
        return (struct entry){ENTRY_CALL, a[0], {a[1], a[2], a[3]}};
    if (erpc && etf_is_atom(mfa->function, "execute_cast") && read_elements(mfa->arguments, a, 3))
        return (struct entry){ENTRY_CAST, {NULL, 0}, {a[0], a[1], a[2]}};
    return (struct entry){ENTRY_FUNCTION, {NULL, 0}, *mfa};
}

static void remember(struct activity *self, const struct mfa *mfa)
{
    struct buf copy = BUF_EMPTY;
    etf_write_term(&copy, mfa->module);
    etf_write_term(&copy, mfa->function);
    etf_write_term(&copy, mfa->arguments);
    self->request = blob_new(buf_slice(&copy));
    buf_release(&copy);
}

static struct entry remembered(const struct activity *self)
{
    struct slice cursor = blob_slice(self->request);
    struct mfa mfa;
    mfa.module = etf_take(&cursor);
    mfa.function = etf_take(&cursor);
    mfa.arguments = etf_take(&cursor);
    return entry_of(&mfa);
}

void activity_run(struct activity *self, const struct control *control)
{
    struct slice cursor = control->mfa;
    uint32_t arity;
    struct mfa mfa = {.arguments = control->arguments};
    struct applied applied;
    etf_read_tuple(&cursor, &arity);
    mfa.module = etf_take(&cursor);
    mfa.function = etf_take(&cursor);
    struct entry entry = entry_of(&mfa);
    self->entry = &entry;
    apply_mfa(&self->process, &entry.mfa, &applied);
    if (applied.class != APPLY_BEGUN)
        end(self, &entry, &applied);
    else if (self->process.exit_reason == NULL)
        remember(self, &mfa);
    self->entry = NULL;
}

/* ---- the end of what was begun */

static void end_begun(struct activity *self, enum apply_class class, struct slice term)
{
    struct entry entry = {.kind = ENTRY_FUNCTION}; /* of whom no request asked for */
    struct applied applied = {.class = class};
    if (self->entry != NULL)
        entry = *self->entry;
    else if (self->request != NULL)
        entry = remembered(self);
    etf_write_term(&applied.value, term);
    end(self, &entry, &applied);
}

void activity_return(struct activity *self, struct slice term)
{
    end_begun(self, APPLY_RETURN, term);
}

void activity_exit(struct activity *self, struct slice reason)
{
    end_begun(self, APPLY_EXIT, reason);
}
