/* A child's record and its terms. Knows no strategy and does not decide when a child starts or ends. */
#include "runtime/supervisor_child.h"

#include "runtime/node.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

int child_start(struct child *child, struct process *supervisor)
{
    struct process *started = NULL;
    int status = child->spec.start(supervisor, child->spec.argument, &started);
    if (status != 0)
        return status;
    assert(started != NULL);
    child->process = started->id;
    child->restarting = false;
    return 0;
}

void child_stopped(struct child *child)
{
    child->process = 0;
    child->restarting = false;
    child->removed = child->removed || child->spec.restart == TEMPORARY;
}

struct process *child_process(const struct child *child, struct node *node)
{
    return process_find(node, child->process);
}

bool child_has_id(const struct child *child, struct slice id)
{
    int64_t number;
    if (child->spec.id != NULL)
        return etf_is_atom(id, child->spec.id);
    return etf_read_int64(&id, &number) && number == child->spec.number;
}

void child_write_id(const struct child *child, struct buf *out)
{
    if (child->spec.id != NULL)
        etf_write_atom(out, child->spec.id);
    else
        etf_write_int64(out, child->spec.number);
}

void child_write_pid(const struct child *child, struct node *node, struct buf *out)
{
    if (child->process == 0) {
        etf_write_atom(out, child->restarting ? "restarting" : "undefined");
        return;
    }
    /* Not from the process: it may have ended, its exit message still waiting. */
    struct pid pid = {.node = buf_slice(&node->atom),
                      .id = (uint32_t)child->process,
                      .serial = (uint32_t)(child->process >> 32),
                      .creation = node->creation};
    pid_write(out, &pid);
}

static void write_modules(const struct child *child, struct buf *out)
{
    etf_write_list(out, 1);
    etf_write_atom(out, child->spec.module);
    etf_write_nil(out);
}

static const char *type_text(const struct child *child)
{
    return child->spec.type == CHILD_SUPERVISOR ? "supervisor" : "worker";
}

static const char *restart_text(const struct child *child)
{
    static const char *const texts[] = {
        [PERMANENT] = "permanent", [TRANSIENT] = "transient", [TEMPORARY] = "temporary"};
    return texts[child->spec.restart];
}

void child_write_info(const struct child *child, struct node *node, struct buf *out)
{
    etf_write_tuple(out, 4);
    child_write_id(child, out);
    child_write_pid(child, node, out);
    etf_write_atom(out, type_text(child));
    write_modules(child, out);
}

static void write_shutdown(const struct child *child, struct buf *out)
{
    if (child->spec.shutdown_ms == SHUTDOWN_BRUTAL_KILL)
        etf_write_atom(out, "brutal_kill");
    else if (child->spec.shutdown_ms == SHUTDOWN_INFINITY)
        etf_write_atom(out, "infinity");
    else
        etf_write_int64(out, child->spec.shutdown_ms);
}

/* {Module, start_link, []}: the arguments are C's and have no terms. */
static void write_start(const struct child *child, struct buf *out)
{
    etf_write_tuple(out, 3);
    etf_write_atom(out, child->spec.module);
    etf_write_atom(out, "start_link");
    etf_write_nil(out);
}

void child_write_spec(const struct child *child, struct buf *out)
{
    etf_write_map(out, 7);
    etf_write_atom(out, "id");
    child_write_id(child, out);
    etf_write_atom(out, "modules");
    write_modules(child, out);
    etf_write_atom(out, "restart");
    etf_write_atom(out, restart_text(child));
    etf_write_atom(out, "shutdown");
    write_shutdown(child, out);
    etf_write_atom(out, "significant");
    etf_write_bool(out, false);
    etf_write_atom(out, "start");
    write_start(child, out);
    etf_write_atom(out, "type");
    etf_write_atom(out, type_text(child));
}

void child_write_record(const struct child *child, struct node *node, struct buf *out)
{
    etf_write_tuple(out, 9);
    etf_write_atom(out, "child");
    if (child->restarting) {
        etf_write_tuple(out, 2);
        etf_write_atom(out, "restarting");
        etf_write_atom(out, "undefined");
    } else {
        child_write_pid(child, node, out);
    }
    child_write_id(child, out);
    write_start(child, out);
    etf_write_atom(out, restart_text(child));
    etf_write_bool(out, false);
    write_shutdown(child, out);
    etf_write_atom(out, type_text(child));
    write_modules(child, out);
}

void child_log(const struct child *child, enum log_level level, const char *event)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, child->spec.number);
    const char *id = child->spec.id != NULL ? child->spec.id : number;
    log_write(level, "supervisor", event, "id=%s restart=%s", id, restart_text(child));
}
