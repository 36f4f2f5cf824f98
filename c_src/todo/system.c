/* Puts the parts together. Knows no messages. */
#include "todo/system.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/node.h"
#include "runtime/supervisor.h"
#include "todo/cache.h"
#include "todo/database.h"
#include "todo/list_server.h"

struct todo_system {
    struct store_request sync; /* first: of todo_stop */
    void (*stopped)(void *ctx, int status);
    void *stopped_ctx;
    struct database database;
    struct cache_config cache;
    process_id supervisor; /* Todo.System; may have ended (restart intensity) */
};

static int start_tree(struct todo_system *system, struct node *node)
{
    const struct child_spec children[] = {
        {.id = "Elixir.Todo.List",
         .start = list_server_start,
         .restart = PERMANENT,
         .shutdown_ms = 5000,
         .type = CHILD_WORKER,
         .module = "Elixir.Todo.List"},
        {.id = "Elixir.Todo.Database",
         .start = database_start,
         .argument = &system->database,
         .restart = PERMANENT,
         .shutdown_ms = SHUTDOWN_INFINITY,
         .type = CHILD_SUPERVISOR,
         .module = "Elixir.Todo.Database"},
        {.id = "Elixir.Todo.Cache",
         .start = cache_start,
         .argument = &system->cache,
         .restart = PERMANENT,
         .shutdown_ms = SHUTDOWN_INFINITY,
         .type = CHILD_SUPERVISOR,
         .module = "Elixir.Todo.Cache"},
    };
    const struct supervisor_spec spec = {.strategy = REST_FOR_ONE,
                                         .intensity = 3,
                                         .period_s = 5,
                                         .children = children,
                                         .child_count = sizeof children / sizeof *children,
                                         .module = "Elixir.Todo.System"};
    struct gen_server *supervisor;
    int status = supervisor_start(node, &spec, NULL, "Elixir.Todo.System", &supervisor);
    if (status == 0)
        system->supervisor = supervisor->process.id;
    return status;
}

int todo_start(struct todo_system **out, const struct todo_config *config)
{
    if (config->workers < 1 || config->workers > DATABASE_WORKERS_MAX)
        return ERR_BADARG;
    struct todo_system *system = mem_zalloc(sizeof *system);
    struct store_config store = {.folder = config->persist,
                                 .workers = config->workers,
                                 .value_size_max = DATABASE_VALUE_MAX,
                                 .ops = database_store_ops(),
                                 .loop = config->node->loop};
    system->database.node = config->node;
    system->database.workers = config->workers;
    system->cache.database = &system->database;
    system->cache.expire_s = config->expire_s;
    int status = store_open(&system->database.store, &store);
    if (status == 0)
        status = start_tree(system, config->node);
    if (status != 0) {
        mem_free(system);
        return status;
    }
    *out = system;
    return 0;
}

/* Everybody who waits for a durable change has been answered: now the processes may go. */
static void on_synced(struct store_request *request, int status, struct slice value)
{
    struct todo_system *system = (struct todo_system *)request;
    struct node *node = system->database.node;
    struct process *supervisor = process_find(node, system->supervisor);
    if (supervisor != NULL)
        supervisor_shutdown((struct gen_server *)supervisor);
    while (node_run(node))
        ;
    store_close(system->database.store, system->stopped, system->stopped_ctx);
}

void todo_stop(struct todo_system *system, void (*done)(void *ctx, int status), void *ctx)
{
    system->stopped = done;
    system->stopped_ctx = ctx;
    system->sync.done = on_synced;
    store_sync(system->database.store, &system->sync);
}

void todo_free(struct todo_system *system)
{
    store_free(system->database.store);
    mem_free(system);
}
