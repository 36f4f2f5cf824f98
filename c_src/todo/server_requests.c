/* The requests of a list: what each changes, hands to the store and is answered with. Knows nothing of
 * loading and of the life of the server. */
#include "todo/server_requests.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/node.h"
#include "todo/cache.h"
#include "todo/entry.h"
#include "todo/list_change.h"
#include "wire/etf_list.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <assert.h>

enum { CHANGE_ROOM_KEPT = 64 * 1024 }; /* bytes: what one large change needed goes */

/* What a durable change is answered with. */
enum answer { ANSWER_OK, ANSWER_ID, ANSWER_IDS, ANSWER_SEQ };

/* A change that the store has accepted; outlives its server if need be. */
struct change {
    struct store_request request; /* first: the store's hook */
    struct node *node;
    process_id server;
    struct owed *owed; /* the call to be answered; valid while server lives; NULL: a cast */
    enum answer answer;
    uint64_t first_id; /* ANSWER_ID, ANSWER_IDS */
    uint32_t count;    /* ANSWER_IDS */
    uint64_t seq;      /* ANSWER_SEQ; else of the first event in told */
    struct buf told;   /* the change's bytes, if there were subscribers */
};

/* ---- changes ---- */

static void write_ids(const struct change *change, struct buf *out)
{
    if (change->count > 0)
        etf_write_list(out, change->count);
    for (uint32_t i = 0; i < change->count; i++)
        etf_write_uint64(out, change->first_id + i);
    etf_write_nil(out);
}

static void write_answer(const struct change *change, struct buf *out)
{
    if (change->answer == ANSWER_OK) {
        etf_write_atom(out, "ok");
        return;
    }
    etf_write_tuple(out, 2);
    etf_write_atom(out, "ok");
    if (change->answer == ANSWER_IDS)
        write_ids(change, out);
    else
        etf_write_uint64(out, change->answer == ANSWER_ID ? change->first_id : change->seq);
}

static void answer(struct gen_server *gen, const struct change *change, int status)
{
    struct from from = gen_server_owed_from(change->owed);
    struct buf *out = gen_server_reply_begin(gen, &from);
    if (status == 0)
        write_answer(change, out);
    else
        etf_write_error(out, status);
    gen_server_reply_end(gen);
    gen_server_owed_free(change->owed);
}

static void on_durable(struct store_request *request, int status, struct slice value)
{
    struct change *change = (struct change *)request;
    struct process *process = process_find(change->node, change->server);
    if (process != NULL) {
        struct server *server = (struct server *)process;
        process_enter(process);
        if (status == 0 && change->told.size > 0)
            subscribers_tell(&server->subscribers, change->seq, buf_slice(&change->told));
        if (change->owed != NULL)
            answer(&server->gen, change, status);
        process_leave(process);
    }
    buf_release(&change->told);
    mem_free(change);
}

/* from: NULL for a cast. */
static struct change *change_new(struct server *server, const struct from *from, enum answer answer)
{
    struct change *change = mem_zalloc(sizeof *change);
    change->request.done = on_durable;
    change->node = server->gen.process.node;
    change->server = server->gen.process.id;
    change->owed = from == NULL ? NULL : gen_server_defer(&server->gen, from);
    change->answer = answer;
    return change;
}

/* The record of a change of which somebody hears when it is durable; NULL if nobody does. */
static struct change *change_for(struct server *server, const struct from *from, enum answer answer)
{
    return from == NULL && !subscribers_any(&server->subscribers) ? NULL : change_new(server, from, answer);
}

/* Memory for the bytes of one change, begun; commit is done with it. */
static struct buf *change_bytes(struct server *server)
{
    struct buf *bytes = &server->home->database->change;
    buf_clear(bytes);
    list_change_begin(server_key(server), bytes);
    return bytes;
}

/* Hands the bytes of a change that was made to the store. events: it makes. change: change_for's. */
static void commit(struct server *server, struct buf *bytes, uint32_t events, struct change *change)
{
    store_change(server_store(server), server->worker, server_key(server), STORE_CHANGE, buf_slice(bytes),
                 change == NULL ? NULL : &change->request);
    if (subscribers_any(&server->subscribers)) {
        assert(change != NULL);
        change->seq = server->seq + 1;
        buf_append_slice(&change->told, buf_slice(bytes));
    }
    server->seq += events;
    if (bytes->room > CHANGE_ROOM_KEPT)
        buf_release(bytes);
}

/* Answers a request that changed nothing; a cast that failed is counted. */
static void answer_error(struct server *server, const struct from *from, int status)
{
    if (from == NULL) {
        node_bad_message(server->gen.process.node, server->gen.process.type->module);
        return;
    }
    entry_write_error(gen_server_reply_begin(&server->gen, from), status);
    gen_server_reply_end(&server->gen);
}

static void commit_added(struct server *server, const struct from *from, enum answer answer,
                         uint64_t first_id, uint32_t count)
{
    struct buf *bytes = change_bytes(server);
    struct change *change = change_for(server, from, answer);
    list_change_add(&server->list, first_id, count, bytes);
    if (change != NULL) {
        change->first_id = first_id;
        change->count = count;
    }
    commit(server, bytes, count, change);
}

static void add_entry(struct server *server, const struct from *from, struct slice entry)
{
    uint64_t id;
    int status = list_add(&server->list, entry, &id);
    if (status != 0)
        answer_error(server, from, status);
    else
        commit_added(server, from, ANSWER_ID, id, 1);
}

static void add_entries(struct server *server, const struct from *from, struct slice entries)
{
    uint64_t first_id;
    uint32_t count;
    int status = list_add_all(&server->list, entries, &first_id, &count);
    if (status != 0)
        answer_error(server, from, status);
    else
        commit_added(server, from, ANSWER_IDS, first_id, count);
}

static void commit_update(struct server *server, const struct from *from, uint64_t id)
{
    struct buf *bytes = change_bytes(server);
    list_change_update(&server->list, id, bytes);
    commit(server, bytes, 1, change_for(server, from, ANSWER_OK));
}

/* An id at the cursor; what is no id is the id of no entry. */
static uint64_t take_id(struct slice *cursor)
{
    uint64_t id = 0;
    if (!etf_read_uint64(cursor, &id))
        etf_take(cursor);
    return id;
}

/* Id, Entry */
static void update_entry(struct server *server, const struct from *from, struct slice arguments)
{
    uint64_t id = take_id(&arguments);
    int status = list_update(&server->list, id, arguments);
    if (status == 0)
        commit_update(server, from, id);
    else
        answer_error(server, from, status);
}

/* Id, Old, New */
static void replace_entry(struct server *server, const struct from *from, struct slice arguments)
{
    uint64_t id = take_id(&arguments);
    struct slice old = etf_take(&arguments);
    int status = list_replace(&server->list, id, old, arguments);
    if (status == 0)
        commit_update(server, from, id);
    else
        answer_error(server, from, status);
}

/* Answers ok when everything accepted before is durable. */
static void sync_list(struct server *server, const struct from *from)
{
    struct change *change = change_new(server, from, ANSWER_OK);
    store_sync_key(server_store(server), server->worker, server_key(server), &change->request);
}

static void delete_entry(struct server *server, const struct from *from, struct slice argument)
{
    uint64_t id = take_id(&argument);
    if (!list_delete(&server->list, id)) {
        if (from != NULL)
            sync_list(server, from); /* what has deleted it may still be on its way to the disk */
        return;
    }
    struct buf *bytes = change_bytes(server);
    list_change_delete(id, bytes);
    commit(server, bytes, 1, change_for(server, from, ANSWER_OK));
}

/* ---- subscribers ---- */

static void answer_status(struct server *server, const struct from *from, int status)
{
    if (status == 0)
        gen_server_reply_atom(&server->gen, from, "ok");
    else
        gen_server_reply_error(&server->gen, from, status);
}

/* Changes that are on their way to the disk are behind the subscriber: it is answered when they are there. */
static void subscribe(struct server *server, const struct from *from, struct slice pid, uint32_t ack_ms)
{
    int status = subscribers_add(&server->subscribers, &server->gen, pid, server->seq, ack_ms);
    if (status != 0) {
        answer_status(server, from, status);
        return;
    }
    struct change *change = change_new(server, from, ANSWER_SEQ);
    change->seq = server->seq;
    store_sync_key(server_store(server), server->worker, server_key(server), &change->request);
}

/* [{ack, Milliseconds}] or [] */
static bool read_options(struct slice options, uint32_t *ack_ms)
{
    struct etf_list list;
    struct slice option;
    uint64_t ms;
    *ack_ms = 0;
    etf_list_begin(&list, options);
    while (etf_list_next(&list, &option)) {
        if (!etf_read_tagged(&option, "ack", 2) || !etf_read_uint64(&option, &ms) || ms == 0 ||
            ms > UINT32_MAX)
            return false;
        *ack_ms = (uint32_t)ms;
    }
    return list.proper;
}

/* Pid, Options */
static void subscribe_with(struct server *server, const struct from *from, struct slice arguments)
{
    uint32_t ack_ms;
    struct slice pid = etf_take(&arguments);
    if (read_options(arguments, &ack_ms))
        subscribe(server, from, pid, ack_ms);
    else
        answer_status(server, from, ERR_BADARG);
}

/* ---- questions ---- */

static void entries(struct server *server, const struct from *from, const struct slice *date)
{
    struct buf *out = gen_server_reply_begin(&server->gen, from);
    int status = list_write_entries(&server->list, date, out);
    if (status != 0)
        etf_write_error(out, status);
    gen_server_reply_end(&server->gen);
}

static void entry(struct server *server, const struct from *from, struct slice argument)
{
    struct slice found;
    struct buf *out = gen_server_reply_begin(&server->gen, from);
    if (list_get(&server->list, take_id(&argument), &found))
        etf_write_term(out, found);
    else
        etf_write_atom(out, "nil");
    gen_server_reply_end(&server->gen);
}

static void size(struct server *server, const struct from *from)
{
    etf_write_uint64(gen_server_reply_begin(&server->gen, from), list_size(&server->list));
    gen_server_reply_end(&server->gen);
}

/* ---- which request is it ---- */

bool server_change_request(struct server *server, const struct from *from, struct slice request)
{
    struct slice rest = request;
    if (etf_read_tagged(&rest, "add_entry", 2))
        add_entry(server, from, rest);
    else if (etf_read_tagged(&rest, "update_entry", 3))
        update_entry(server, from, rest);
    else if (etf_read_tagged(&rest, "delete_entry", 2))
        delete_entry(server, from, rest);
    else
        return false;
    return true;
}

bool server_call_request(struct server *server, const struct from *from, struct slice request)
{
    struct slice rest = request;
    if (etf_read_tagged(&rest, "entries", 2))
        entries(server, from, &rest);
    else if (server_change_request(server, from, request))
        return true;
    else if (etf_is_atom(request, "entries"))
        entries(server, from, NULL);
    else if (etf_read_tagged(&rest, "entry", 2))
        entry(server, from, rest);
    else if (etf_is_atom(request, "size"))
        size(server, from);
    else if (etf_read_tagged(&rest, "add_entries", 2))
        add_entries(server, from, rest);
    else if (etf_read_tagged(&rest, "replace_entry", 4))
        replace_entry(server, from, rest);
    else if (etf_is_atom(request, "sync"))
        sync_list(server, from);
    else if (etf_read_tagged(&rest, "subscribe", 2))
        subscribe(server, from, rest, 0);
    else if (etf_read_tagged(&rest, "subscribe", 3))
        subscribe_with(server, from, rest);
    else if (etf_read_tagged(&rest, "unsubscribe", 2))
        answer_status(server, from, subscribers_remove(&server->subscribers, rest));
    else
        return false;
    return true;
}
