/* A worker of the database: a process in front of the store. Knows no lists. */
#include "todo/database_worker.h"

#include "runtime/gen_server.h"
#include "runtime/node.h"
#include "todo/database_call.h"
#include "wire/etf_write.h"

struct database_worker {
    struct gen_server server;
    struct database *database; /* borrowed */
};

static int init(struct gen_server *self, const void *argument)
{
    ((struct database_worker *)self)->database = *(struct database *const *)argument;
    return 0;
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    if (!database_call(self, ((struct database_worker *)self)->database, from, request))
        gen_server_reply_bad_request(self, from, request);
}

static void handle_cast(struct gen_server *self, struct slice request)
{
    if (!database_cast(((struct database_worker *)self)->database, request))
        node_bad_message(self->process.node, self->process.type->module);
}

static const struct gen_server_type type = {
    .process = GEN_SERVER_PROCESS("Elixir.Todo.DatabaseWorker", struct database_worker),
    .init = init,
    .handle_call = handle_call,
    .handle_cast = handle_cast,
};

int database_worker_start(struct process *supervisor, void *argument, struct process **child)
{
    struct gen_server *server;
    int status = gen_server_start(supervisor->node, &type, supervisor, NULL, &argument, &server);
    if (status == 0)
        *child = &server->process;
    return status;
}
