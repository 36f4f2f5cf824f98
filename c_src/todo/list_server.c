/* The stateless process Todo.List. Knows nothing of servers and stores. */
#include "todo/list_server.h"

#include "runtime/gen_server.h"
#include "todo/list_value.h"

static int init(struct gen_server *self, const void *argument)
{
    return 0;
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    list_call(request, gen_server_reply_begin(self, from));
    gen_server_reply_end(self);
}

static const struct gen_server_type type = {
    .process = GEN_SERVER_PROCESS("Elixir.Todo.List", struct gen_server),
    .init = init,
    .handle_call = handle_call,
};

int list_server_start(struct process *supervisor, void *argument, struct process **child)
{
    struct gen_server *server;
    int status = gen_server_start(supervisor->node, &type, supervisor, "Elixir.Todo.List", NULL, &server);
    if (status == 0)
        *child = &server->process;
    return status;
}
