/* Finds out what is to be applied, applies it, and writes stack traces as the BEAM writes them. Knows no
 * function by name but those that only lead to another or raise. */
#include "runtime/apply.h"

#include "runtime/activity.h"
#include "runtime/code_functions.h"
#include "runtime/rpc_functions.h"
#include "wire/etf_compare.h"
#include "wire/etf_fun.h"
#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

enum { STEPS_MAX = 64 }; /* each looks through all that those behind it will look through again */

/* One attempt: what is applied now, which may lead to another. */
struct attempt {
    struct mfa mfa;
    struct slice arguments[FUNCTION_ARITY_MAX]; /* the first of them */
    uint32_t arity;                             /* all of them */
};

/* ---- stack traces */

/* {Module, Function, Arguments or Arity, Location}: the first three are appended by the caller. */
static struct buf *open_frame(struct applied *applied)
{
    applied->frame_last = applied->frames.size;
    applied->frame_count++;
    etf_write_tuple(&applied->frames, 4);
    return &applied->frames;
}

/* The location that BIFs leave for the formatting of errors. */
static void close_frame_of_bif(struct buf *out)
{
    etf_write_list(out, 1);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "error_info");
    etf_write_map(out, 1);
    etf_write_atom(out, "module");
    etf_write_atom(out, "erl_erts_errors");
    etf_write_nil(out);
}

void applied_add_frame(struct applied *applied, const char *module, const char *function, unsigned arity)
{
    struct buf *out = open_frame(applied);
    etf_write_atom(out, module);
    etf_write_atom(out, function);
    etf_write_uint64(out, arity);
    etf_write_nil(out);
}

static void write_mfa(struct buf *out, const struct mfa *mfa)
{
    etf_write_term(out, mfa->module);
    etf_write_term(out, mfa->function);
    etf_write_term(out, mfa->arguments);
}

static void add_frame_of_call(struct applied *applied, const struct mfa *mfa)
{
    struct buf *out = open_frame(applied);
    write_mfa(out, mfa);
    etf_write_nil(out);
}

/* True if the last frame is that of mfa: with its arity, or, as the only one, with its arguments. */
static bool ends_with(const struct applied *applied, const struct mfa *mfa, uint32_t arity)
{
    struct slice frame = buf_slice_from(&applied->frames, applied->frame_last);
    uint32_t elements;
    uint64_t number;
    etf_read_tuple(&frame, &elements);
    if (!etf_equal(etf_take(&frame), mfa->module) || !etf_equal(etf_take(&frame), mfa->function))
        return false;
    struct slice third = etf_take(&frame);
    if (etf_read_uint64(&third, &number))
        return number == arity;
    return applied->frame_count == 1 && etf_equal(third, mfa->arguments);
}

void applied_trim(struct applied *applied, const struct mfa *mfa)
{
    uint32_t arity = 0;
    if (applied->frame_count == 0) {
        add_frame_of_call(applied, mfa);
        return;
    }
    if (!etf_list_length(mfa->arguments, &arity) || ends_with(applied, mfa, arity))
        return;
    struct buf *out = open_frame(applied);
    etf_write_term(out, mfa->module);
    etf_write_term(out, mfa->function);
    etf_write_uint64(out, arity);
    etf_write_nil(out);
}

void applied_write_stack(const struct applied *applied, struct buf *out)
{
    if (applied->frame_count > 0) {
        etf_write_list(out, applied->frame_count);
        buf_append_slice(out, buf_slice(&applied->frames));
    }
    etf_write_nil(out);
}

void applied_release(struct applied *applied)
{
    buf_release(&applied->value);
    buf_release(&applied->frames);
}

/* ---- what can go wrong. Each returns false: nothing more is to be applied. */

static bool fail(struct applied *applied, const char *reason)
{
    applied->class = APPLY_ERROR;
    etf_write_atom(&applied->value, reason);
    return false;
}

static bool fail_undef(struct applied *applied, const struct mfa *mfa)
{
    add_frame_of_call(applied, mfa);
    return fail(applied, "undef");
}

/* M or F is no atom, or A no proper list. */
static bool fail_not_applicable(struct applied *applied, const struct mfa *mfa)
{
    struct buf *out = open_frame(applied);
    etf_write_atom(out, "erlang");
    etf_write_atom(out, "apply");
    etf_write_list(out, 3);
    write_mfa(out, mfa);
    etf_write_nil(out);
    close_frame_of_bif(out);
    applied->by_caller = true;
    return fail(applied, "badarg");
}

/* {badfun, Term} or {badarity, {Fun, Arguments}}: reason is open for its last element. */
static bool fail_fun(struct applied *applied, const struct attempt *attempt, const char *tag)
{
    struct buf *out = &applied->value;
    applied->class = APPLY_ERROR;
    etf_write_tuple(out, 2);
    etf_write_atom(out, tag);
    if (strcmp(tag, "badarity") == 0)
        etf_write_tuple(out, 2);
    etf_write_term(out, attempt->arguments[0]);
    if (strcmp(tag, "badarity") == 0)
        etf_write_term(out, attempt->arguments[1]);
    applied_add_frame(applied, "erlang", "apply", 2);
    return false;
}

static bool fail_fun_arguments(struct applied *applied, const struct attempt *attempt)
{
    struct buf *out = open_frame(applied);
    write_mfa(out, &attempt->mfa);
    close_frame_of_bif(out);
    applied_add_frame(applied, "erlang", "apply", 2);
    return fail(applied, "badarg");
}

/* A fun whose module is not here. */
static bool fail_lambda(struct applied *applied, const struct attempt *attempt)
{
    applied->frame_last = applied->frames.size;
    applied->frame_count++;
    etf_write_tuple(&applied->frames, 3);
    etf_write_term(&applied->frames, attempt->arguments[0]);
    etf_write_term(&applied->frames, attempt->arguments[1]);
    etf_write_nil(&applied->frames);
    return fail(applied, "undef");
}

/* A function of ours did not like its arguments. */
static bool fail_function(struct applied *applied, const struct attempt *attempt,
                          const struct function *function)
{
    struct buf *out = open_frame(applied);
    etf_write_atom(out, function->bif != NULL ? "erlang" : function->module);
    etf_write_atom(out, function->bif != NULL ? function->bif : function->name);
    etf_write_term(out, attempt->mfa.arguments);
    close_frame_of_bif(out);
    if (function->bif != NULL)
        applied_add_frame(applied, function->module, function->name, function->arity);
    buf_clear(&applied->value);
    return fail(applied, "badarg");
}

/* ---- applying */

static bool raise_class(struct applied *applied, enum apply_class class, struct slice term)
{
    applied->class = class;
    applied->by_caller = true;
    etf_write_term(&applied->value, term);
    return false;
}

/* apply(Fun, Arguments) */
static bool apply_fun(struct attempt *attempt, struct applied *applied)
{
    struct etf_fun fun;
    uint32_t arity = 0;
    if (!etf_list_length(attempt->arguments[1], &arity))
        return fail_fun_arguments(applied, attempt);
    if (!etf_read_fun(attempt->arguments[0], &fun))
        return fail_fun(applied, attempt, "badfun");
    if (fun.arity != arity)
        return fail_fun(applied, attempt, "badarity");
    if (!fun.exported)
        return fail_lambda(applied, attempt);
    attempt->mfa = (struct mfa){fun.module, fun.function, attempt->arguments[1]};
    return true;
}

static bool begin(struct process *self, struct attempt *attempt, struct applied *applied,
                  const struct function *function)
{
    if (!function->begin((struct activity *)self, attempt->arguments))
        return fail_function(applied, attempt, function);
    applied->class = APPLY_BEGUN;
    return false;
}

/* M:module_info(Item): the one function that every module has. */
static bool module_info(struct process *self, const struct attempt *attempt, struct applied *applied)
{
    return attempt->arity == 1 && etf_is_atom(attempt->mfa.function, "module_info") &&
           code_module_info(self->node, attempt->mfa.module, attempt->arguments[0], &applied->value);
}

static bool apply_function(struct process *self, struct attempt *attempt, struct applied *applied)
{
    const struct function *function =
        function_find(attempt->mfa.module, attempt->mfa.function, attempt->arity);
    if (function == NULL || (function->begin != NULL && !activity_is(self)))
        return module_info(self, attempt, applied) ? false : fail_undef(applied, &attempt->mfa);
    if (function->begin != NULL)
        return begin(self, attempt, applied, function);
    if (!function->call(self, attempt->arguments, &applied->value))
        return fail_function(applied, attempt, function);
    applied->class = APPLY_RETURN;
    return false;
}

/* Functions that lead to another one or raise. */
static bool apply_erlang(struct process *self, struct attempt *attempt, struct applied *applied)
{
    const struct slice *arguments = attempt->arguments;
    struct slice function = attempt->mfa.function;
    if (attempt->arity == 3 && etf_is_atom(function, "apply")) {
        attempt->mfa = (struct mfa){arguments[0], arguments[1], arguments[2]};
        return true;
    }
    if (attempt->arity == 2 && etf_is_atom(function, "apply"))
        return apply_fun(attempt, applied);
    if ((attempt->arity == 1 || attempt->arity == 2) && etf_is_atom(function, "error"))
        return raise_class(applied, APPLY_ERROR, arguments[0]);
    if (attempt->arity == 1 && etf_is_atom(function, "exit"))
        return raise_class(applied, APPLY_EXIT, arguments[0]);
    if (attempt->arity == 1 && etf_is_atom(function, "throw"))
        return raise_class(applied, APPLY_THROW, arguments[0]);
    return apply_function(self, attempt, applied);
}

static bool read_arguments(struct attempt *attempt)
{
    struct etf_list list;
    struct slice argument;
    attempt->arity = 0;
    etf_list_begin(&list, attempt->mfa.arguments);
    while (etf_list_next(&list, &argument)) {
        if (attempt->arity < FUNCTION_ARITY_MAX)
            attempt->arguments[attempt->arity] = argument;
        attempt->arity++;
    }
    return list.proper;
}

/* True if mfa is another one now. */
static bool step(struct process *self, struct attempt *attempt, struct applied *applied)
{
    const struct mfa *mfa = &attempt->mfa;
    bool proper = read_arguments(attempt);
    if (!proper || etf_type(mfa->module) != TERM_ATOM || etf_type(mfa->function) != TERM_ATOM)
        return fail_not_applicable(applied, mfa);
    if (etf_is_atom(mfa->module, "erlang"))
        return apply_erlang(self, attempt, applied);
    return apply_function(self, attempt, applied);
}

void apply_mfa(struct process *self, const struct mfa *mfa, struct applied *applied)
{
    struct attempt attempt = {.mfa = *mfa};
    *applied = (struct applied){.class = APPLY_RETURN};
    unsigned steps = 0;
    while (step(self, &attempt, applied)) {
        if (++steps == STEPS_MAX) {
            fail(applied, "system_limit");
            return;
        }
    }
}
