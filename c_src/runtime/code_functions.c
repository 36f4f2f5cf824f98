/* Modules, exports and applications of a node whose code is C. Knows no module by name but supervisor,
 * whose own module_info is asked for, as it stands in the initial call of supervisors. */
#include "runtime/code_functions.h"

#include "runtime/gen_server.h"
#include "runtime/node.h"
#include "runtime/rpc.h"
#include "runtime/rpc_functions.h"
#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

/* ---- modules */

static bool has_functions(struct slice module)
{
    const struct function *function;
    for (uint32_t index = 0; (function = function_next(&index)) != NULL;) {
        if (etf_is_atom(module, function->module))
            return true;
    }
    return false;
}

static bool is_gen_server(const struct process *process)
{
    return process->type->release == gen_server_release;
}

/* A process whose module it is; NULL: none now. */
static const struct process *process_of(const struct node *node, struct slice module)
{
    for (uint32_t slot = 1; slot < node->slot_used; slot++) {
        const struct process *process = node->slots[slot].process;
        if (process != NULL && etf_is_atom(module, process->type->module))
            return process;
    }
    return NULL;
}

/* Whose callback module it is, NULL: nobody's. process: one whose module it is, or NULL. */
static const char *behaviour_of(struct slice module, const struct process *process)
{
    if (etf_is_atom(module, "supervisor"))
        return "gen_server";
    if (process == NULL || !is_gen_server(process))
        return NULL;
    return ((const struct gen_server_type *)process->type)->supervisor ? "supervisor" : "gen_server";
}

/* [{behaviour, [gen_server]}] */
static void write_attributes(const char *behaviour, struct buf *out)
{
    if (behaviour != NULL) {
        etf_write_list(out, 1);
        etf_write_tuple(out, 2);
        etf_write_atom(out, "behaviour");
        etf_write_list(out, 1);
        etf_write_atom(out, behaviour);
        etf_write_nil(out);
    }
    etf_write_nil(out);
}

/* [{Function, Arity}] */
static void write_exports(struct slice module, struct buf *out)
{
    const struct function *function;
    uint32_t count = 0;
    size_t mark = etf_list_open(out);
    for (uint32_t index = 0; (function = function_next(&index)) != NULL;) {
        if (!etf_is_atom(module, function->module))
            continue;
        etf_write_tuple(out, 2);
        etf_write_atom(out, function->name);
        etf_write_uint64(out, function->arity);
        count++;
    }
    etf_list_close(out, mark, count);
}

bool code_module_info(struct node *node, struct slice module, struct slice item, struct buf *out)
{
    const struct process *process = process_of(node, module);
    const char *behaviour = behaviour_of(module, process);
    if (process == NULL && behaviour == NULL && !has_functions(module))
        return false;
    if (etf_is_atom(item, "module"))
        etf_write_term(out, module);
    else if (etf_is_atom(item, "attributes"))
        write_attributes(behaviour, out);
    else if (etf_is_atom(item, "exports") || etf_is_atom(item, "functions"))
        write_exports(module, out);
    else if (etf_is_atom(item, "compile"))
        etf_write_nil(out);
    else
        return false;
    return true;
}

static bool function_exported(struct process *self, const struct slice *arguments, struct buf *out)
{
    struct slice arity = arguments[2];
    uint64_t number;
    if (etf_type(arguments[0]) != TERM_ATOM || etf_type(arguments[1]) != TERM_ATOM ||
        etf_type(arity) != TERM_INTEGER)
        return false;
    etf_write_bool(out, etf_read_uint64(&arity, &number) && number <= FUNCTION_ARITY_MAX &&
                            function_find(arguments[0], arguments[1], (unsigned)number) != NULL);
    return true;
}

/* {module, Module} or {error, nofile} */
static bool ensure_loaded(struct process *self, const struct slice *arguments, struct buf *out)
{
    bool loaded = has_functions(arguments[0]);
    if (etf_type(arguments[0]) != TERM_ATOM)
        return false;
    etf_write_tuple(out, 2);
    etf_write_atom(out, loaded ? "module" : "error");
    if (loaded)
        etf_write_term(out, arguments[0]);
    else
        etf_write_atom(out, "nofile");
    return true;
}

static bool which(struct process *self, const struct slice *arguments, struct buf *out)
{
    if (etf_type(arguments[0]) != TERM_ATOM)
        return false;
    etf_write_atom(out, has_functions(arguments[0]) ? "preloaded" : "non_existing");
    return true;
}

/* {file, preloaded} or false */
static bool is_loaded(struct process *self, const struct slice *arguments, struct buf *out)
{
    if (etf_type(arguments[0]) != TERM_ATOM)
        return false;
    if (!has_functions(arguments[0])) {
        etf_write_bool(out, false);
        return true;
    }
    etf_write_tuple(out, 2);
    etf_write_atom(out, "file");
    etf_write_atom(out, "preloaded");
    return true;
}

/* True if no function before that index is of the same module. */
static bool is_first(const struct function *function, uint32_t index)
{
    const struct function *earlier;
    for (uint32_t i = 0; i + 1 < index;) {
        earlier = function_next(&i);
        if (strcmp(earlier->module, function->module) == 0)
            return false;
    }
    return true;
}

/* [{Module, preloaded}] */
static bool all_loaded(struct process *self, const struct slice *arguments, struct buf *out)
{
    const struct function *function;
    uint32_t count = 0;
    size_t mark = etf_list_open(out);
    for (uint32_t index = 0; (function = function_next(&index)) != NULL;) {
        if (!is_first(function, index))
            continue;
        etf_write_tuple(out, 2);
        etf_write_atom(out, function->module);
        etf_write_atom(out, "preloaded");
        count++;
    }
    etf_list_close(out, mark, count);
    return true;
}

/* ---- applications */

void code_write_application(const struct node *node, struct buf *out)
{
    const struct rpc_config *config = &node->rpc->config;
    etf_write_tuple(out, 3);
    etf_write_atom(out, config->application.name);
    etf_write_charlist(out, slice_of_text(config->application.description));
    etf_write_charlist(out, slice_of_text(config->version));
}

/* Also with a timeout: it is never waited for. */
static bool which_applications(struct process *self, const struct slice *arguments, struct buf *out)
{
    if (self->node->rpc->config.application.name != NULL) {
        etf_write_list(out, 1);
        code_write_application(self->node, out);
    }
    etf_write_nil(out);
    return true;
}

/* ---- labels */

/* OTP 27 asks; nobody has one. */
static bool get_label(struct process *self, const struct slice *arguments, struct buf *out)
{
    struct process *process;
    if (!function_read_local(self, arguments[0], &process))
        return false;
    etf_write_atom(out, "undefined");
    return true;
}

static const struct function functions[] = {
    FUNCTION("erlang", "function_exported", 3, function_exported),
    FUNCTION("code", "ensure_loaded", 1, ensure_loaded),
    FUNCTION("code", "which", 1, which),
    FUNCTION("code", "is_loaded", 1, is_loaded),
    FUNCTION("code", "all_loaded", 0, all_loaded),
    FUNCTION("application", "which_applications", 0, which_applications),
    FUNCTION("application", "which_applications", 1, which_applications),
    FUNCTION("proc_lib", "get_label", 1, get_label),
};

const struct function_table code_functions = FUNCTION_TABLE(functions);
