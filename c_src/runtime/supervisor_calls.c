/* The requests of a supervisor's clients. Knows nothing of strategies. */
#include "runtime/supervisor_calls.h"

#include "base/error.h"
#include "runtime/node.h"
#include "runtime/supervisor_childspec.h"
#include "runtime/supervisor_state.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

struct child *supervisor_calls_find(struct supervisor *self, struct slice id)
{
    for (unsigned i = 0; i < self->spec.child_count; i++) {
        struct child *child = &self->children[i];
        if (!child->removed && child_has_id(child, id))
            return child;
    }
    return NULL;
}

static uint32_t count_present(const struct supervisor *self)
{
    uint32_t present = 0;
    for (unsigned i = 0; i < self->spec.child_count; i++)
        present += !self->children[i].removed;
    return present;
}

static void write_children(struct supervisor *self, struct buf *out)
{
    uint32_t present = count_present(self);
    if (present > 0)
        etf_write_list(out, present);
    /* Most recently started first, as OTP keeps them. */
    for (unsigned i = self->spec.child_count; i-- > 0;) {
        if (!self->children[i].removed)
            child_write_info(&self->children[i], self->server.process.node, out);
    }
    etf_write_nil(out);
}

static void which_children(struct supervisor *self, const struct from *from)
{
    write_children(self, gen_server_reply_begin(&self->server, from));
    gen_server_reply_end(&self->server);
}

static void write_count(struct buf *out, const char *what, uint32_t count)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, what);
    etf_write_uint64(out, count);
}

static void count_children(struct supervisor *self, const struct from *from)
{
    uint32_t active = 0, supervisors = 0, specs = count_present(self);
    for (unsigned i = 0; i < self->spec.child_count; i++) {
        const struct child *child = &self->children[i];
        active += child_process(child, self->server.process.node) != NULL;
        supervisors += !child->removed && child->spec.type == CHILD_SUPERVISOR;
    }
    struct buf *out = gen_server_reply_begin(&self->server, from);
    etf_write_list(out, 4);
    write_count(out, "specs", specs);
    write_count(out, "active", active);
    write_count(out, "supervisors", supervisors);
    write_count(out, "workers", specs - supervisors);
    etf_write_nil(out);
    gen_server_reply_end(&self->server);
}

static void reply_error(struct supervisor *self, const struct from *from, const char *reason)
{
    struct buf *out = gen_server_reply_begin(&self->server, from);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "error");
    etf_write_atom(out, reason);
    gen_server_reply_end(&self->server);
}

/* Tells why a child cannot be started or deleted. False: it can, it neither runs nor is about to. */
static bool refuse(struct supervisor *self, const struct from *from, const struct child *child)
{
    if (child == NULL)
        reply_error(self, from, "not_found");
    else if (child->restarting)
        reply_error(self, from, "restarting");
    else if (child->process != 0)
        reply_error(self, from, "running");
    else
        return false;
    return true;
}

static void restart_child(struct supervisor *self, const struct from *from, struct slice id)
{
    struct child *child = supervisor_calls_find(self, id);
    if (refuse(self, from, child))
        return;
    int status = child_start(child, &self->server.process);
    if (status != 0) {
        gen_server_reply_error(&self->server, from, status);
        return;
    }
    struct buf *out = gen_server_reply_begin(&self->server, from);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "ok");
    child_write_pid(child, self->server.process.node, out);
    gen_server_reply_end(&self->server);
}

static void delete_child(struct supervisor *self, const struct from *from, struct slice id)
{
    struct child *child = supervisor_calls_find(self, id);
    if (refuse(self, from, child))
        return;
    child->removed = true;
    gen_server_reply_atom(&self->server, from, "ok");
}

static void terminate_child(struct supervisor *self, const struct from *from, struct slice id)
{
    struct child *child = supervisor_calls_find(self, id);
    if (child == NULL)
        reply_error(self, from, "not_found");
    else
        supervisor_terminate_child(self, child, from);
}

/* By id only: OTP takes a pid for dynamic children alone (simple_one_for_one). */
static void get_childspec(struct supervisor *self, const struct from *from, struct slice id)
{
    struct child *child = supervisor_calls_find(self, id);
    if (child == NULL) {
        reply_error(self, from, "not_found");
        return;
    }
    struct buf *out = gen_server_reply_begin(&self->server, from);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "ok");
    child_write_spec(child, out);
    gen_server_reply_end(&self->server);
}

/* {error, Reason}: why a specification that holds water cannot be started. child: of that id, NULL: none. */
static void write_start_error(struct supervisor *self, const struct child *child,
                              const struct child_term *wanted, struct buf *out)
{
    if (child == NULL) {
        child_term_write_undef(wanted, out);
    } else if (child->process == 0) {
        etf_write_atom(out, "already_present");
    } else {
        etf_write_tuple(out, 2);
        etf_write_atom(out, "already_started");
        child_write_pid(child, self->server.process.node, out);
    }
}

/* A child is started by a C function; a specification that came as a term names an Erlang one, which this
 * node has not. So it is refused as by a supervisor of OTP that finds no such module. */
static void start_child(struct supervisor *self, const struct from *from, struct slice spec)
{
    struct child_term wanted;
    struct buf *out = gen_server_reply_begin(&self->server, from);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "error");
    if (child_term_read(spec, &wanted, out))
        write_start_error(self, supervisor_calls_find(self, wanted.id), &wanted, out);
    gen_server_reply_end(&self->server);
}

bool supervisor_calls_handle(struct supervisor *self, const struct from *from, struct slice request)
{
    static const struct {
        const char *tag;
        void (*handle)(struct supervisor *self, const struct from *from, struct slice argument);
    } calls[] = {
        {"restart_child", restart_child}, {"terminate_child", terminate_child},
        {"delete_child", delete_child},   {"get_childspec", get_childspec},
        {"start_child", start_child},
    };
    if (etf_is_atom(request, "which_children")) {
        which_children(self, from);
        return true;
    }
    if (etf_is_atom(request, "count_children")) {
        count_children(self, from);
        return true;
    }
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (etf_read_tagged(&request, calls[i].tag, 2)) {
            calls[i].handle(self, from, request);
            return true;
        }
    }
    return false;
}
