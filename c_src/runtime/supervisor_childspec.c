/* Reads and checks child specifications that come as terms. Knows no supervisor and no children that run. */
#include "runtime/supervisor_childspec.h"

#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <stddef.h>
#include <stdint.h>

static bool is_one_of(struct slice term, const char *const *atoms)
{
    for (; *atoms != NULL; atoms++) {
        if (etf_is_atom(term, *atoms))
            return true;
    }
    return false;
}

static bool is_mfa(struct slice term)
{
    uint32_t arity;
    if (!etf_read_tuple(&term, &arity) || arity != 3)
        return false;
    enum term_type module = etf_type(etf_take(&term));
    enum term_type function = etf_type(etf_take(&term));
    enum term_type arguments = etf_type(term);
    return module == TERM_ATOM && function == TERM_ATOM && (arguments == TERM_LIST || arguments == TERM_NIL);
}

static bool is_shutdown(struct slice term)
{
    static const char *const words[] = {"infinity", "brutal_kill", NULL};
    uint64_t ms;
    return is_one_of(term, words) || etf_read_uint64(&term, &ms);
}

/* {Word, Term}; false, for whoever returns it. */
static bool wrong(struct buf *why, const char *word, struct slice term)
{
    etf_write_tuple(why, 2);
    etf_write_atom(why, word);
    etf_write_term(why, term);
    return false;
}

static void write_setting(struct buf *out, const char *key, const char *value)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, key);
    etf_write_atom(out, value);
}

/* A significant child needs a supervisor that may end with it, which none here does. */
static bool significant_ok(struct slice term, struct buf *why)
{
    if (term.size == 0 || etf_is_atom(term, "false"))
        return true;
    if (!etf_is_atom(term, "true"))
        return wrong(why, "invalid_significant", term);
    etf_write_tuple(why, 2);
    etf_write_atom(why, "bad_combination");
    etf_write_list(why, 2);
    write_setting(why, "auto_shutdown", "never");
    write_setting(why, "significant", "true");
    etf_write_nil(why);
    return false;
}

static bool modules_ok(struct slice term, struct buf *why)
{
    struct etf_list list;
    struct slice module;
    if (term.size == 0 || etf_is_atom(term, "dynamic"))
        return true;
    etf_list_begin(&list, term);
    while (etf_list_next(&list, &module)) {
        if (etf_type(module) != TERM_ATOM)
            return wrong(why, "invalid_module", module);
    }
    return list.proper || wrong(why, "invalid_modules", term);
}

/* In OTP's order: the first thing that is wrong is what is told. */
static bool check(const struct child_term *child, struct buf *why)
{
    static const char *const restarts[] = {"permanent", "transient", "temporary", NULL};
    static const char *const types[] = {"worker", "supervisor", NULL};
    if (child->id.size == 0 || child->start.size == 0) {
        etf_write_atom(why, child->id.size == 0 ? "missing_id" : "missing_start");
        return false;
    }
    if (!is_mfa(child->start))
        return wrong(why, "invalid_mfa", child->start);
    if (child->restart.size > 0 && !is_one_of(child->restart, restarts))
        return wrong(why, "invalid_restart_type", child->restart);
    if (!significant_ok(child->significant, why))
        return false;
    if (child->type.size > 0 && !is_one_of(child->type, types))
        return wrong(why, "invalid_child_type", child->type);
    if (child->shutdown.size > 0 && !is_shutdown(child->shutdown))
        return wrong(why, "invalid_shutdown", child->shutdown);
    return modules_ok(child->modules, why);
}

static void read_map(struct slice map, struct child_term *child)
{
    etf_map_get(map, "id", &child->id);
    etf_map_get(map, "start", &child->start);
    etf_map_get(map, "restart", &child->restart);
    etf_map_get(map, "significant", &child->significant);
    etf_map_get(map, "shutdown", &child->shutdown);
    etf_map_get(map, "type", &child->type);
    etf_map_get(map, "modules", &child->modules);
}

bool child_term_read(struct slice spec, struct child_term *child, struct buf *why)
{
    uint32_t arity;
    struct slice rest = spec;
    *child = (struct child_term){0};
    if (etf_type(spec) == TERM_MAP) {
        read_map(spec, child);
    } else if (etf_read_tuple(&rest, &arity) && arity == 6) {
        child->id = etf_take(&rest);
        child->start = etf_take(&rest);
        child->restart = etf_take(&rest);
        child->shutdown = etf_take(&rest);
        child->type = etf_take(&rest);
        child->modules = etf_take(&rest);
    } else {
        return wrong(why, "invalid_child_spec", spec);
    }
    return check(child, why);
}

static void write_or_atom(struct buf *out, struct slice term, const char *otherwise)
{
    if (term.size > 0)
        etf_write_term(out, term);
    else
        etf_write_atom(out, otherwise);
}

static void write_shutdown(const struct child_term *child, struct buf *out)
{
    if (child->shutdown.size > 0)
        etf_write_term(out, child->shutdown);
    else if (etf_is_atom(child->type, "supervisor"))
        etf_write_atom(out, "infinity");
    else
        etf_write_int64(out, 5000);
}

static void write_modules(const struct child_term *child, struct slice module, struct buf *out)
{
    if (child->modules.size > 0) {
        etf_write_term(out, child->modules);
        return;
    }
    etf_write_list(out, 1);
    etf_write_term(out, module);
    etf_write_nil(out);
}

void child_term_write_undef(const struct child_term *child, struct buf *out)
{
    uint32_t arity;
    struct slice rest = child->start;
    etf_read_tuple(&rest, &arity);
    struct slice mfa = rest;
    struct slice module = etf_take(&rest);
    etf_write_tuple(out, 2);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "EXIT");
    etf_write_tuple(out, 2);
    etf_write_atom(out, "undef");
    etf_write_list(out, 1);
    etf_write_tuple(out, 4);
    etf_write_term(out, mfa); /* three terms */
    etf_write_nil(out);
    etf_write_nil(out);
    /* OTP's record #child{} */
    etf_write_tuple(out, 9);
    etf_write_atom(out, "child");
    etf_write_atom(out, "undefined");
    etf_write_term(out, child->id);
    etf_write_term(out, child->start);
    write_or_atom(out, child->restart, "permanent");
    write_or_atom(out, child->significant, "false");
    write_shutdown(child, out);
    write_or_atom(out, child->type, "worker");
    write_modules(child, module, out);
}
