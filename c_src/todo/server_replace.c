/* Puts another value in the place of a list's. Knows nothing of how the value was made. */
#include "todo/server_replace.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/blob.h"
#include "runtime/node.h"
#include "runtime/sys.h"
#include "todo/list_change.h"
#include "todo/list_term.h"
#include "todo/server.h"
#include "wire/etf_write.h"

/* A value on its way to the disk; outlives its server if need be. */
struct replacement {
    struct store_request request; /* first: the store's hook */
    struct node *node;
    process_id server;
    struct owed *owed;  /* the call to be answered; valid while server lives */
    struct blob *value; /* the answer */
    uint64_t seq;       /* of the event */
    struct buf told;    /* the change's bytes, if there were subscribers */
};

static void answer(const struct replacement *replacement, struct gen_server *gen, int status)
{
    struct from from = gen_server_owed_from(replacement->owed);
    struct buf error = BUF_EMPTY;
    if (status != 0)
        etf_write_error(&error, status);
    if (status == 0)
        sys_reply_state(gen, &from, blob_slice(replacement->value));
    else
        sys_reply(gen, &from, buf_slice(&error));
    gen_server_owed_free(replacement->owed);
    buf_release(&error);
}

static void on_durable(struct store_request *request, int status, struct slice unused)
{
    struct replacement *replacement = (struct replacement *)request;
    struct process *process = process_find(replacement->node, replacement->server);
    if (process != NULL) {
        process_enter(process);
        if (status == 0 && replacement->told.size > 0)
            subscribers_tell(&((struct server *)process)->subscribers, replacement->seq,
                             buf_slice(&replacement->told));
        answer(replacement, (struct gen_server *)process, status);
        process_leave(process);
    }
    blob_drop(replacement->value);
    buf_release(&replacement->told);
    mem_free(replacement);
}

/* value: the list's, canonical. */
static void commit(struct server *server, const struct from *from, struct slice value)
{
    struct buf change = BUF_EMPTY;
    struct replacement *replacement = mem_zalloc(sizeof *replacement);
    replacement->request.done = on_durable;
    replacement->node = server->gen.process.node;
    replacement->server = server->gen.process.id;
    replacement->owed = gen_server_defer(&server->gen, from);
    replacement->value = blob_new(value);
    replacement->seq = ++server->seq;
    list_change_begin(server_key(server), &change);
    list_change_replace(&server->list, &change);
    store_change(server_store(server), server->worker, server_key(server), STORE_CHANGE, buf_slice(&change),
                 &replacement->request);
    if (subscribers_any(&server->subscribers))
        replacement->told = change;
    else
        buf_release(&change);
}

static void write_why(struct buf *why, int status)
{
    if (status == ERR_CORRUPT) {
        etf_write_tuple(why, 2);
        etf_write_atom(why, "badarg");
        etf_write_atom(why, "not_a_list");
    } else {
        etf_write_atom(why, error_atom(status));
    }
}

/* list: the new value, the caller's on failure. */
static int replace(struct server *server, const struct from *from, struct todo_list *list)
{
    struct buf value = BUF_EMPTY;
    int status = 0;
    list_write(list, &value);
    if (value.size > DATABASE_VALUE_MAX) {
        status = ERR_TOO_LARGE;
    } else {
        list_release(&server->list);
        server->list = *list;
        commit(server, from, buf_slice(&value));
    }
    buf_release(&value);
    return status;
}

bool server_replace_state(struct gen_server *self, const struct from *from, struct slice value,
                          struct buf *why)
{
    struct server *server = (struct server *)self;
    struct todo_list list;
    if (!server->loaded) {
        etf_write_atom(why, error_atom(server->load_error)); /* what is on disk must not be lost unseen */
        return false;
    }
    int status = list_from_term(value, &list);
    if (status == 0) {
        status = replace(server, from, &list);
        if (status != 0)
            list_release(&list);
    }
    if (status != 0)
        write_why(why, status);
    return status == 0;
}
