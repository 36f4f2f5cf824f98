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
#include <stdlib.h>
#include <string.h>

struct todo_system {
    struct store_request idle; /* first: of todo_stop */
    struct todo_config config;
    void (*stopped)(void *ctx, int status); /* NULL: not stopping */
    void *stopped_ctx;
    struct database database;
    struct cache_config cache;
    process_id supervisor; /* Todo.System; may have ended (restart intensity) */
};

/* Watches Todo.System from outside of the tree: its end is the end of the program, asked for or not. Other
 * nodes see it and may kill it or tell it anything: what counts is whether Todo.System is there. */
struct guardian {
    struct process process;
    struct todo_system *system;
    bool told; /* of the end */
};

static struct process *supervisor_of(const struct todo_system *system)
{
    return process_find(system->database.node, system->supervisor);
}

static enum receive guardian_receive(struct process *self, struct slice message)
{
    struct todo_system *system = ((struct guardian *)self)->system;
    if (!etf_read_tagged(&message, "DOWN", 5) || supervisor_of(system) != NULL)
        return RECEIVE_TAKEN;
    ((struct guardian *)self)->told = true;
    process_exit_atom(self, "normal");
    if (system->stopped != NULL)
        store_close(system->database.store, system->stopped, system->stopped_ctx);
    else
        system->config.failed(system->config.ctx);
    return RECEIVE_TAKEN;
}

static void guardian_release(struct process *self, struct slice reason);

static const struct process_type guardian_type = {.module = "todo_guardian",
                                                  .size = sizeof(struct guardian),
                                                  .receive = guardian_receive,
                                                  .release = guardian_release};

/* If Todo.System has ended already, it is told so at once. */
static void start_guardian(struct todo_system *system)
{
    const struct node *node = system->database.node;
    struct guardian *guardian = (struct guardian *)process_new(system->database.node, &guardian_type);
    const struct pid watched = {.node = buf_slice(&node->atom),
                                .id = (uint32_t)system->supervisor,
                                .serial = (uint32_t)(system->supervisor >> 32),
                                .creation = node->creation};
    struct buf pid = BUF_EMPTY;
    struct ref ref;
    guardian->system = system;
    pid_write(&pid, &watched);
    monitor_add(&guardian->process, buf_slice(&pid), &ref);
    buf_release(&pid);
}

/* Another takes its place until the end is known. */
static void guardian_release(struct process *self, struct slice reason)
{
    const struct guardian *guardian = (const struct guardian *)self;
    if (!guardian->told)
        start_guardian(guardian->system);
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
    start_guardian(system);
}

int todo_start(struct todo_system **out, const struct todo_config *config)
{
    if (config->workers < 1 || config->workers > DATABASE_WORKERS_MAX)
        return ERR_BADARG;
    struct todo_system *system = mem_zalloc(sizeof *system);
    struct store_config store = {.folder = config->persist,
                                 .workers = config->workers,
                                 .value_size_max = DATABASE_VALUE_MAX,
                                 .journal_limit = config->journal_limit,
                                 .stop_timeout_ms = config->stop_timeout_ms,
                                 .pressure = config->pressure,
                                 .pressure_ctx = config->ctx,
                                 .ops = database_store_ops(),
                                 .loop = config->node->loop};
    system->database.node = config->node;
    system->database.workers = config->workers;
    system->database.reading.size = DATABASE_VALUE_MAX; /* until we know */
    system->cache.database = &system->database;
    system->cache.lists_max = config->lists_max;
    system->cache.expire_s = config->expire_s;
    system->config = *config;
    int status = store_open(&system->database.store, &store);
    if (status != 0) {
        mem_free(system);
        return status;
    }
    system->database.folder = realpath(config->persist, NULL);
    if (system->database.folder == NULL) /* gone since it was opened */
        system->database.folder = strdup(config->persist);
    start_tree(system, config->node);
    *out = system;
    return 0;
}

/* No process has anything to do. If nothing of what they did is under way on disk, everybody who waited has
 * been answered, and they may go. */
static void on_processes_idle(void *ctx)
{
    struct todo_system *system = ctx;
    struct process *supervisor = supervisor_of(system);
    if (!store_is_idle(system->database.store))
        store_when_idle(system->database.store, &system->idle);
    else if (supervisor != NULL)
        supervisor_shutdown((struct gen_server *)supervisor); /* the guardian goes on from here */
    else
        store_close(system->database.store, system->stopped, system->stopped_ctx);
}

/* Nothing is under way on disk. What that has set free (messages that waited for a list to be loaded) may ask
 * for more. */
static void on_idle(struct store_request *request, int status, struct slice value)
{
    struct todo_system *system = (struct todo_system *)request;
    node_when_idle(system->database.node, on_processes_idle, system);
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
    free(system->database.folder);
    buf_release(&system->database.reading.doors);
    buf_release(&system->database.change);
    mem_free(system);
}
