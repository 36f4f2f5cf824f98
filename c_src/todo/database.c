/* The database's supervisor and what the store has to know of keys and values. Knows lists only as something
 * that can be folded. */
#include "todo/database.h"

#include "base/error.h"
#include "runtime/gen_server.h"
#include "runtime/node.h"
#include "runtime/supervisor.h"
#include "todo/database_call.h"
#include "todo/database_worker.h"
#include "todo/hold.h"
#include "todo/key.h"
#include "todo/list_change.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"
#include "wire/phash2.h"

static int fold(void *ctx, struct slice value, struct slice change, struct buf *out)
{
    return list_fold(value, change, DATABASE_VALUE_MAX, out);
}

static void file_name(void *ctx, struct slice key, char name[256])
{
    key_file_name(key, name);
}

struct store_ops database_store_ops(void)
{
    return (struct store_ops){.fold = fold, .file_name = file_name};
}

unsigned database_worker_index(const struct database *database, struct slice key)
{
    return phash2(key, database->workers);
}

static void choose_worker(struct gen_server *self, struct database *database, const struct from *from,
                          struct slice term)
{
    struct buf key = BUF_EMPTY;
    int status = key_canonical(term, &key);
    struct process *worker = NULL;
    if (status == 0)
        worker = supervisor_child(self, database_worker_index(database, buf_slice(&key)));
    buf_release(&key);
    if (worker == NULL) {
        gen_server_reply_error(self, from, status != 0 ? status : ERR_NOT_FOUND);
        return;
    }
    process_write_pid(worker, gen_server_reply_begin(self, from));
    gen_server_reply_end(self);
}

/* {ok, Folder} */
static void hold_journals(struct gen_server *self, struct database *database, const struct from *from,
                          struct slice holder)
{
    int status = hold_start(database, &self->process, holder);
    if (status != 0) {
        gen_server_reply_error(self, from, status);
        return;
    }
    struct buf *out = gen_server_reply_begin(self, from);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "ok");
    etf_write_binary_text(out, database->folder);
    gen_server_reply_end(self);
}

static void handle_call(struct gen_server *self, void *ctx, const struct from *from, struct slice request)
{
    struct slice rest = request;
    if (etf_read_tagged(&rest, "choose_worker", 2))
        choose_worker(self, ctx, from, rest);
    else if (etf_read_tagged(&rest, "hold_journals", 2))
        hold_journals(self, ctx, from, rest);
    else if (!database_call(self, ctx, from, request))
        gen_server_reply_bad_request(self, from, request);
}

static void handle_cast(struct gen_server *self, void *ctx, struct slice request)
{
    if (!database_cast(ctx, request))
        node_bad_message(self->process.node, self->process.type->module);
}

int database_start(struct process *supervisor, void *argument, struct process **child)
{
    struct database *database = argument;
    struct child_spec workers[DATABASE_WORKERS_MAX];
    for (unsigned i = 0; i < database->workers; i++) {
        workers[i] = (struct child_spec){.number = i,
                                         .start = database_worker_start,
                                         .argument = database,
                                         .restart = PERMANENT,
                                         .shutdown_ms = 5000,
                                         .type = CHILD_WORKER,
                                         .module = "Elixir.Todo.DatabaseWorker"};
    }
    struct supervisor_spec spec = {.strategy = ONE_FOR_ONE,
                                   .intensity = 3,
                                   .period_s = 5,
                                   .children = workers,
                                   .child_count = database->workers,
                                   .handle_call = handle_call,
                                   .handle_cast = handle_cast,
                                   .ctx = database,
                                   .module = "Elixir.Todo.Database"};
    struct gen_server *server;
    int status = supervisor_start(supervisor->node, &spec, supervisor, "Elixir.Todo.Database", &server);
    if (status == 0)
        *child = &server->process;
    return status;
}
