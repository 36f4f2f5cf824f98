/* Requests of other nodes to spawn a process here. Knows options, links and monitors, no
 * function. */
#include "runtime/rpc.h"

#include "runtime/activity.h"
#include "runtime/appmon_info.h"
#include "runtime/links.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/registry.h"
#include "runtime/rex.h"
#include "runtime/spawn_options.h"
#include "wire/control.h"
#include "wire/etf_write.h"

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
    struct activity *activity = activity_new(peer->node);
    introduce(peer, control, &from, &ref, &options, &activity->process);
    process_enter(&activity->process);
    activity_run(activity, control);
    process_leave(&activity->process);
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

void rpc_stop(struct rpc *rpc, struct node *node)
{
    struct process *appmon = registry_find(node, slice_of_text(APPMON_NAME));
    node->spawn_request = NULL;
    if (appmon != NULL)
        process_exit_atom(appmon, "shutdown");
    for (uint32_t slot = 1; slot < node->slot_used; slot++) {
        struct process *process = node->slots[slot].process;
        if (process != NULL && activity_is(process))
            process_exit_atom(process, "shutdown");
    }
}
