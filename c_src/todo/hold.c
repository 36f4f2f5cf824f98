/* Monitors the holder; does nothing else. */
#include "todo/hold.h"

#include "base/error.h"
#include "runtime/links.h"
#include "runtime/monitors.h"
#include "wire/etf_read.h"

struct hold {
    struct process process;
    struct database *database; /* borrowed */
};

static enum receive receive(struct process *self, struct slice message)
{
    if (etf_read_tagged(&message, "DOWN", 5))
        process_exit_atom(self, "normal");
    return RECEIVE_TAKEN;
}

static void release(struct process *self, struct slice reason)
{
    store_release_journals(((struct hold *)self)->database->store);
}

static const struct process_type type = {
    .module = "todo_hold", .size = sizeof(struct hold), .receive = receive, .release = release};

int hold_start(struct database *database, struct process *owner, struct slice holder)
{
    struct ref ref;
    if (etf_type(holder) != TERM_PID)
        return ERR_BADARG;
    struct hold *hold = (struct hold *)process_new(database->node, &type);
    hold->database = database;
    store_hold_journals(database->store);
    link_add(owner, &hold->process);
    monitor_add(&hold->process, holder, &ref);
    return 0;
}
