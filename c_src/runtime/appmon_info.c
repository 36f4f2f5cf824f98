/* A gen_server with clients, each with tasks that are done again and again. Knows no application by name. */
#include "runtime/appmon_info.h"

#include "base/mem.h"
#include "runtime/blob.h"
#include "runtime/code_functions.h"
#include "runtime/gen_server.h"
#include "runtime/links.h"
#include "runtime/node.h"
#include "runtime/process_send.h"
#include "runtime/process_tree.h"
#include "runtime/registry.h"
#include "runtime/rpc.h"
#include "runtime/timers.h"
#include "wire/etf_compare.h"
#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <utlist.h>

enum {
    PARTS_MAX = 64, /* clients, and tasks: beyond that they are ignored */
    TASK_MS = 2000,
    TASK_MS_MIN = 100,
};

struct client {
    struct client *next; /* utlist */
    struct blob *pid;    /* linked to */
};

struct task {
    struct task *next; /* utlist */
    struct blob *key;  /* the terms From, Command and Aux one after another */
    uint64_t ms;       /* until it is done again; 0: it is not */
    struct timer *timer;
    struct buf last; /* the result that was sent; empty: none */
};

struct appmon {
    struct gen_server server;
    struct blob *starter; /* pid: ends with it */
    struct client *clients;
    struct task *tasks;
};

static struct appmon *appmon_of(struct gen_server *server)
{
    return (struct appmon *)server;
}

/* ---- clients */

static void signal_noproc(struct process *process, struct slice from)
{
    struct buf reason = BUF_EMPTY;
    etf_write_atom(&reason, "noproc");
    process_exit_signal(process, EXIT_BY_LINK, from, buf_slice(&reason));
    buf_release(&reason);
}

static void link_to(struct process *process, struct slice term)
{
    struct pid pid;
    struct slice cursor = term;
    pid_read(&cursor, &pid);
    struct process *local = process_find_pid(process->node, &pid);
    if (!node_is_self(process->node, pid.node))
        link_remote(process, &pid);
    else if (local != NULL)
        link_add(process, local);
    else
        signal_noproc(process, term);
}

/* False: too many. */
static bool add_client(struct appmon *self, struct slice pid)
{
    struct client *client;
    unsigned count = 0;
    LL_FOREACH(self->clients, client)
    {
        if (etf_equal(blob_slice(client->pid), pid))
            return true;
        count++;
    }
    if (count >= PARTS_MAX)
        return false;
    client = mem_alloc(sizeof *client);
    client->pid = blob_new(pid);
    LL_PREPEND(self->clients, client);
    link_to(&self->server.process, pid);
    return true;
}

static void free_client(struct appmon *self, struct client *client)
{
    LL_DELETE(self->clients, client);
    blob_drop(client->pid);
    mem_free(client);
}

static void remove_client(struct appmon *self, struct slice pid)
{
    struct client *client, *next;
    LL_FOREACH_SAFE(self->clients, client, next)
    {
        if (etf_equal(blob_slice(client->pid), pid))
            free_client(self, client);
    }
}

/* ---- what tasks find out */

/* The top of the application's tree; NULL: it does not run. */
static struct process *supervisor_of(struct node *node)
{
    const struct rpc_config *config = &node->rpc->config;
    return config->application.name == NULL
               ? NULL
               : registry_find(node, slice_of_text(config->application.supervisor));
}

static void write_app_ctrl(struct node *node, struct buf *out)
{
    struct process *supervisor = supervisor_of(node);
    if (supervisor != NULL) {
        etf_write_list(out, 1);
        etf_write_tuple(out, 3);
        process_write_pid(supervisor, out);
        etf_write_atom(out, node->rpc->config.application.name);
        code_write_application(node, out);
    }
    etf_write_nil(out);
}

static void write_app(struct node *node, struct slice name, struct buf *out)
{
    struct process *supervisor = supervisor_of(node);
    if (supervisor != NULL && etf_is_atom(name, node->rpc->config.application.name)) {
        process_tree_write(supervisor, out);
        return;
    }
    etf_write_tuple(out, 4);
    for (int i = 0; i < 4; i++)
        etf_write_nil(out);
}

/* ---- tasks */

static void free_task(struct appmon *self, struct task *task)
{
    LL_DELETE(self->tasks, task);
    if (task->timer != NULL)
        timer_cancel(task->timer);
    blob_drop(task->key);
    buf_release(&task->last);
    mem_free(task);
}

static struct task *find_task(struct appmon *self, struct slice key)
{
    struct task *task;
    LL_FOREACH(self->tasks, task)
    {
        if (slice_equal(blob_slice(task->key), key))
            return task;
    }
    return NULL;
}

static void remove_tasks_of(struct appmon *self, struct slice pid)
{
    struct task *task, *next;
    LL_FOREACH_SAFE(self->tasks, task, next)
    {
        struct slice cursor = blob_slice(task->key);
        if (etf_equal(etf_take(&cursor), pid))
            free_task(self, task);
    }
}

/* {delivery, Self, Command, Aux, Result}; key: the terms From, Command and Aux */
static void deliver(struct appmon *self, struct slice key, struct slice result)
{
    struct node *node = self->server.process.node;
    struct buf *out = process_send_begin(node, &self->server.process, etf_take(&key));
    etf_write_tuple(out, 5);
    etf_write_atom(out, "delivery");
    process_write_pid(&self->server.process, out);
    buf_append_slice(out, key);
    etf_write_term(out, result);
    process_send_end(node);
}

static void on_time(struct process *process, void *argument);

static void do_task(struct appmon *self, struct task *task)
{
    struct node *node = self->server.process.node;
    struct buf result = BUF_EMPTY;
    struct slice cursor = blob_slice(task->key);
    etf_take(&cursor);
    if (etf_is_atom(etf_take(&cursor), "app_ctrl"))
        write_app_ctrl(node, &result);
    else
        write_app(node, cursor, &result);
    if (!slice_equal(buf_slice(&result), buf_slice(&task->last)))
        deliver(self, blob_slice(task->key), buf_slice(&result));
    buf_release(&task->last);
    task->last = result;
    if (task->ms > 0)
        task->timer = timer_start(&self->server.process, task->ms, on_time, task);
}

static void on_time(struct process *process, void *argument)
{
    struct task *task = argument;
    task->timer = NULL;
    do_task((struct appmon *)process, task);
}

/* {timeout, Ms | at_most_once} among the options. */
static uint64_t read_period(struct slice options)
{
    struct etf_list list;
    struct slice option;
    uint64_t ms = TASK_MS;
    etf_list_begin(&list, options);
    while (etf_list_next(&list, &option)) {
        if (!etf_read_tagged(&option, "timeout", 2))
            continue;
        if (etf_is_atom(option, "at_most_once"))
            return 0;
        if (etf_read_uint64(&option, &ms) && (ms < TASK_MS_MIN || ms > UINT32_MAX))
            ms = TASK_MS;
    }
    return ms;
}

static void start_task(struct appmon *self, struct slice key, struct slice options)
{
    struct task *task;
    unsigned count = 0;
    LL_COUNT(self->tasks, task, count);
    if (count >= PARTS_MAX)
        return;
    task = mem_zalloc(sizeof *task);
    task->key = blob_new(key);
    task->ms = read_period(options);
    LL_PREPEND(self->tasks, task);
    do_task(self, task);
    if (task->ms == 0)
        free_task(self, task);
}

/* ---- the server */

/* Argument of init: {Starter, Client}, two terms one after another. */
static int init(struct gen_server *server, const void *argument)
{
    struct slice cursor = *(const struct slice *)argument;
    struct appmon *self = appmon_of(server);
    self->starter = blob_new(etf_take(&cursor));
    add_client(self, cursor);
    return 0;
}

/* {register_client, Pid}; the answer is ok, whatever it was. */
static void handle_call(struct gen_server *server, const struct from *from, struct slice request)
{
    if (etf_read_tagged(&request, "register_client", 2) && etf_type(request) == TERM_PID)
        add_client(appmon_of(server), request);
    gen_server_reply_atom(server, from, "ok");
}

/* {From, app_ctrl | app, Aux, OnOff, Options} */
static void handle_cast(struct gen_server *server, struct slice request)
{
    struct appmon *self = appmon_of(server);
    struct slice cursor = request;
    uint32_t arity;
    if (!etf_read_tuple(&cursor, &arity) || arity != 5 || etf_type(cursor) != TERM_PID)
        return;
    const uint8_t *begin = cursor.data;
    struct slice from = etf_take(&cursor), command = etf_take(&cursor);
    etf_take(&cursor);
    struct slice key = slice_of(begin, (size_t)(cursor.data - begin));
    struct slice on = etf_take(&cursor);
    struct task *old = find_task(self, key);
    if (old != NULL)
        free_task(self, old);
    if (!etf_is_atom(command, "app_ctrl") && !etf_is_atom(command, "app"))
        return;
    if (etf_is_atom(on, "true") && add_client(self, from))
        start_task(self, key, cursor);
}

/* {'EXIT', Pid, Reason} */
static void handle_info(struct gen_server *server, struct slice message)
{
    struct appmon *self = appmon_of(server);
    if (!etf_read_tagged(&message, "EXIT", 3))
        return;
    struct slice pid = etf_take(&message);
    if (etf_equal(pid, blob_slice(self->starter))) {
        gen_server_stop(server, message);
        return;
    }
    remove_tasks_of(self, pid);
    remove_client(self, pid);
    if (self->clients == NULL)
        gen_server_stop_atom(server, "normal");
}

static void write_state(struct gen_server *server, struct buf *out)
{
    struct client *client;
    uint32_t count = 0;
    size_t mark = etf_list_open(out);
    LL_FOREACH(appmon_of(server)->clients, client)
    {
        etf_write_term(out, blob_slice(client->pid));
        count++;
    }
    etf_list_close(out, mark, count);
}

static void release(struct gen_server *server)
{
    struct appmon *self = appmon_of(server);
    while (self->tasks != NULL)
        free_task(self, self->tasks);
    while (self->clients != NULL)
        free_client(self, self->clients);
    blob_drop(self->starter);
}

static const struct gen_server_type type = {
    .process = GEN_SERVER_PROCESS(APPMON_NAME, struct appmon),
    .init = init,
    .handle_call = handle_call,
    .handle_cast = handle_cast,
    .handle_info = handle_info,
    .write_state = write_state,
    .release = release,
    .trap_exit = true,
};

/* ---- the function */

static struct process *start(struct node *node, const struct slice *arguments)
{
    struct buf both = BUF_EMPTY;
    struct gen_server *server = NULL;
    etf_write_term(&both, arguments[0]);
    etf_write_term(&both, arguments[1]);
    struct slice argument = buf_slice(&both);
    gen_server_start(node, &type, NULL, APPMON_NAME, &argument, &server);
    buf_release(&both);
    return server == NULL ? NULL : &server->process;
}

/* start_link2(Starter, Client, Options): {ok, Pid}, of the one that is there if there is one */
static bool start_link2(struct process *self, const struct slice *arguments, struct buf *out)
{
    struct process *process = registry_find(self->node, slice_of_text(APPMON_NAME));
    if (etf_type(arguments[0]) != TERM_PID || etf_type(arguments[1]) != TERM_PID)
        return false;
    if (process != NULL)
        add_client((struct appmon *)process, arguments[1]);
    else
        process = start(self->node, arguments);
    if (process == NULL)
        return false;
    etf_write_tuple(out, 2);
    etf_write_atom(out, "ok");
    process_write_pid(process, out);
    return true;
}

static const struct function functions[] = {
    FUNCTION("appmon_info", "start_link2", 3, start_link2),
};

const struct function_table appmon_functions = FUNCTION_TABLE(functions);
