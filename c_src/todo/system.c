/* Puts the parts together. Knows no messages. */
#include "todo/system.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/supervisor.h"
#include "todo/cache.h"
#include "todo/database.h"
#include "todo/list_server.h"
#include "wire/etf_read.h"

#include <assert.h>

struct todo_system {
    struct store_request idle; /* first: of todo_stop */
    struct todo_config config;
    void (*stopped)(void *ctx, int status); /* NULL: not stopping */
    void *stopped_ctx;
    struct database database;
    struct cache_config cache;
    process_id supervisor; /* Todo.System; may have ended (restart intensity) */
};

/* Watches Todo.System from outside of the tree: its end is the end of the program, asked for or not. */
struct guardian {
    struct process process;
    struct todo_system *system;
};

static enum receive guardian_receive(struct process *self, struct slice message)
{
    struct todo_system *system = ((struct guardian *)self)->system;
    if (!etf_read_tagged(&message, "DOWN", 5))
        return RECEIVE_TAKEN;
    if (system->stopped != NULL)
        store_close(system->database.store, system->stopped, system->stopped_ctx);
    else
        system->config.failed(system->config.ctx);
    return RECEIVE_TAKEN;
}

static const struct process_type guardian_type = {
    .module = "todo_guardian", .size = sizeof(struct guardian), .receive = guardian_receive};

static void start_guardian(struct todo_system *system, struct process *supervisor)
{
    struct guardian *guardian = (struct guardian *)process_new(system->database.node, &guardian_type);
    struct buf pid = BUF_EMPTY;
    struct ref ref;
    guardian->system = system;
    process_write_pid(supervisor, &pid);
    monitor_add(&guardian->process, buf_slice(&pid), &ref);
    buf_release(&pid);
}

static void start_tree(struct todo_system *system, struct node *node)
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
    assert(status == 0); /* the tree is ours: nothing in it depends on the world outside */
    system->supervisor = supervisor->process.id;
    start_guardian(system, &supervisor->process);
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
    system->config = *config;
    int status = store_open(&system->database.store, &store);
    if (status != 0) {
        mem_free(system);
        return status;
    }
    start_tree(system, config->node);
    *out = system;
    return 0;
}

/* Nothing is under way on disk. What that has set free (messages that waited for a list to be loaded) may ask
 * for more; when it has not, everybody who waited has been answered, and the processes may go. */
static void on_idle(struct store_request *request, int status, struct slice value)
{
    struct todo_system *system = (struct todo_system *)request;
    struct node *node = system->database.node;
    while (node_run(node))
        ;
    struct process *supervisor = process_find(node, system->supervisor);
    if (!store_is_idle(system->database.store))
        store_when_idle(system->database.store, &system->idle);
    else if (supervisor != NULL)
        supervisor_shutdown((struct gen_server *)supervisor); /* the guardian goes on from here */
    else
        store_close(system->database.store, system->stopped, system->stopped_ctx);
}

void todo_stop(struct todo_system *system, void (*done)(void *ctx, int status), void *ctx)
{
    system->stopped = done;
    system->stopped_ctx = ctx;
    system->idle.done = on_idle;
    store_when_idle(system->database.store, &system->idle);
}

void todo_free(struct todo_system *system)
{
    store_free(system->database.store);
    mem_free(system);
}
