/* A list's process: requests in, changes to the store, answers when they are durable. Knows the pure list
 * (todo/list.h) and the store's contract, no files. */
#include "todo/server.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/node.h"
#include "todo/cache.h"
#include "todo/entry.h"
#include "todo/key.h"
#include "todo/list_change.h"
#include "todo/list_term.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <assert.h>

/* A read of the list's value that is under way; outlives its server if need be. */
struct load {
    struct store_request request; /* first: the store's hook */
    struct node *node;
    process_id server;
};

/* What a durable change is answered with. */
enum answer { ANSWER_OK, ANSWER_ID, ANSWER_IDS };

/* A change that the store has accepted; outlives its server if need be. */
struct change {
    struct store_request request; /* first: the store's hook */
    struct node *node;
    process_id server;
    struct owed *owed; /* the call to be answered; valid while server lives */
    enum answer answer;
    uint64_t first_id; /* ANSWER_ID, ANSWER_IDS */
    uint32_t count;    /* ANSWER_IDS */
};

/* Posted to itself after a failed load. */
#define MARK "$todo_load_failed"

static void begin_load(struct server *server);

static struct server *server_of(struct gen_server *self)
{
    return (struct server *)self;
}

static struct server *server_of_source(struct store_source *source)
{
    return (struct server *)((char *)source - offsetof(struct server, source));
}

static unsigned worker_of(const struct server *server)
{
    return database_worker_index(server->database, server_key(server));
}

/* ---- the value in memory, as the store sees it ---- */

static void encode(struct store_source *source, struct buf *out)
{
    struct server *server = server_of_source(source);
    list_write_value(&server->list, server_key(server), out);
}

/* A write failed: what is in memory has run ahead of the disk. Whoever asks next reads what is durable. */
static void failed(struct store_source *source, int status)
{
    struct server *server = server_of_source(source);
    server->loaded = false;
    list_release(&server->list);
    server->load_error = status;
    process_exit_atom(&server->gen.process, status == ERR_CONFLICT ? "normal" : error_atom(status));
}

/* ---- loading ---- */

static int take_value(struct server *server, int status, struct slice value)
{
    if (status == ERR_NOT_FOUND) {
        list_init(&server->list);
        return 0;
    }
    if (status != 0)
        return status;
    if (value.size == 0)
        return ERR_CORRUPT; /* a file that was cut to nothing, not an empty list */
    struct slice rest;
    return list_from_value(value, DATABASE_VALUE_MAX, &server->list, &rest);
}

/* The mark tells the messages that have waited for a read that failed from those that came later. If somebody
 * else sends it, the list is only read once more. */
static void post_mark(struct server *server)
{
    struct buf mark = BUF_EMPTY;
    etf_write_atom(&mark, MARK);
    process_post(&server->gen.process, buf_slice(&mark));
    buf_release(&mark);
}

/* False if the value is out of date already. */
static bool attach(struct server *server)
{
    server->source = (struct store_source){.encode = encode, .failed = failed};
    server->loaded =
        store_attach(server->database->store, worker_of(server), server_key(server), &server->source);
    if (!server->loaded)
        list_release(&server->list);
    return server->loaded;
}

static void loaded(struct server *server, int status, struct slice value)
{
    server->load = NULL;
    server->load_error = take_value(server, status, value);
    if (server->load_error == 0 && !attach(server)) {
        begin_load(server);
        return;
    }
    if (server->load_error != 0) {
        server->stale = true;
        post_mark(server);
        log_write(LOG_WARN, "server", "load_failed", "reason=%s", error_atom(server->load_error));
    }
    process_resume(&server->gen.process);
    process_rescan(&server->gen.process);
}

static void on_loaded(struct store_request *request, int status, struct slice value)
{
    struct load *load = (struct load *)request;
    struct process *process = process_find(load->node, load->server);
    if (process != NULL) {
        process_enter(process);
        loaded((struct server *)process, status, value);
        process_leave(process);
    }
    mem_free(load);
}

static void begin_load(struct server *server)
{
    struct load *load = mem_zalloc(sizeof *load);
    load->request.done = on_loaded;
    load->node = server->gen.process.node;
    load->server = server->gen.process.id;
    server->load = load;
    process_pause(&server->gen.process);
    store_read(server->database->store, worker_of(server), server_key(server), &load->request);
}

/* {error, {corrupt, FileName}}, or {error, Reason} of the system. */
static void reply_load_error(struct server *server, const struct from *from)
{
    struct buf *out = gen_server_reply_begin(&server->gen, from);
    if (server->load_error == ERR_CORRUPT) {
        char name[KEY_NAME_ROOM];
        key_file_name(server_key(server), name);
        etf_write_tuple(out, 2);
        etf_write_atom(out, "error");
        etf_write_tuple(out, 2);
        etf_write_atom(out, "corrupt");
        etf_write_binary_text(out, name);
    } else {
        etf_write_error(out, server->load_error);
    }
    gen_server_reply_end(&server->gen);
}

/* True if the list is there. Otherwise the request is answered with the reason (from may be NULL), or put
 * back while the list is read again: messages that waited for the failed read get its answer, later ones a
 * new try. */
static bool ready(struct server *server, const struct from *from)
{
    if (server->loaded)
        return true;
    if (!server->stale) {
        gen_server_postpone(&server->gen);
        begin_load(server);
    } else if (from != NULL) {
        reply_load_error(server, from);
    } else {
        node_bad_message(server->gen.process.node, server->gen.process.type->module);
    }
    return false;
}

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
    if (change->answer == ANSWER_ID)
        etf_write_uint64(out, change->first_id);
    else
        write_ids(change, out);
}

static void on_durable(struct store_request *request, int status, struct slice value)
{
    struct change *change = (struct change *)request;
    struct process *process = process_find(change->node, change->server);
    if (process != NULL) {
        struct gen_server *gen = (struct gen_server *)process;
        struct from from = gen_server_owed_from(change->owed);
        process_enter(process);
        struct buf *out = gen_server_reply_begin(gen, &from);
        if (status == 0)
            write_answer(change, out);
        else
            etf_write_error(out, status);
        gen_server_reply_end(gen);
        gen_server_owed_free(change->owed);
        process_leave(process);
    }
    mem_free(change);
}

static struct change *change_new(struct server *server, const struct from *from, enum answer answer)
{
    struct change *change = mem_zalloc(sizeof *change);
    change->request.done = on_durable;
    change->node = server->gen.process.node;
    change->server = server->gen.process.id;
    change->owed = gen_server_defer(&server->gen, from);
    change->answer = answer;
    return change;
}

/* Hands the bytes of a change that was made to the store; releases them. change: NULL for a cast. */
static void commit(struct server *server, struct buf *bytes, struct change *change)
{
    store_change(server->database->store, worker_of(server), server_key(server), STORE_CHANGE,
                 buf_slice(bytes), change == NULL ? NULL : &change->request);
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
    struct buf bytes = BUF_EMPTY;
    struct change *change = NULL;
    list_change_begin(server_key(server), &bytes);
    list_change_add(&server->list, first_id, count, &bytes);
    if (from != NULL) {
        change = change_new(server, from, answer);
        change->first_id = first_id;
        change->count = count;
    }
    commit(server, &bytes, change);
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
    struct buf bytes = BUF_EMPTY;
    list_change_begin(server_key(server), &bytes);
    list_change_update(&server->list, id, &bytes);
    commit(server, &bytes, from == NULL ? NULL : change_new(server, from, ANSWER_OK));
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
    store_sync_key(server->database->store, worker_of(server), server_key(server), &change->request);
}

static void delete_entry(struct server *server, const struct from *from, struct slice argument)
{
    uint64_t id = take_id(&argument);
    if (!list_delete(&server->list, id)) {
        if (from != NULL)
            sync_list(server, from); /* what has deleted it may still be on its way to the disk */
        return;
    }
    struct buf bytes = BUF_EMPTY;
    list_change_begin(server_key(server), &bytes);
    list_change_delete(id, &bytes);
    commit(server, &bytes, from == NULL ? NULL : change_new(server, from, ANSWER_OK));
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

/* ---- messages ---- */

static void touch(struct server *server)
{
    if (server->cache != NULL)
        cache_touch(server->cache, server);
}

/* What may be cast and called. False: none of these. */
static bool change_request(struct server *server, const struct from *from, struct slice request)
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

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    struct server *server = server_of(self);
    struct slice rest = request;
    touch(server);
    if (!ready(server, from))
        return;
    if (etf_read_tagged(&rest, "entries", 2))
        entries(server, from, &rest);
    else if (change_request(server, from, request))
        return;
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
    else
        gen_server_reply_bad_request(self, from, request);
}

static void handle_cast(struct gen_server *self, struct slice request)
{
    struct server *server = server_of(self);
    touch(server);
    if (ready(server, NULL) && !change_request(server, NULL, request))
        node_bad_message(self->process.node, self->process.type->module);
}

static void handle_info(struct gen_server *self, struct slice message)
{
    struct server *server = server_of(self);
    if (server->stale && etf_is_atom(message, MARK))
        server->stale = false;
    else
        node_bad_message(self->process.node, self->process.type->module);
}

/* ---- start and end ---- */

struct arguments {
    struct cache *cache;
    struct database *database;
    struct slice key;
};

static int init(struct gen_server *self, const void *argument)
{
    const struct arguments *arguments = argument;
    struct server *server = server_of(self);
    server->cache = arguments->cache;
    server->database = arguments->database;
    server->key = mem_dup(arguments->key.data, arguments->key.size);
    server->key_size = arguments->key.size;
    return 0;
}

static void handle_continue(struct gen_server *self)
{
    begin_load(server_of(self));
}

static void write_state(struct gen_server *self, struct buf *out)
{
    struct server *server = server_of(self);
    if (server->loaded)
        list_write(&server->list, out);
    else
        etf_write_atom(out, "nil");
}

static void release(struct gen_server *self)
{
    struct server *server = server_of(self);
    if (server->cache != NULL)
        cache_forget(server->cache, server);
    if (server->loaded) {
        store_detach(server->database->store, &server->source);
        list_release(&server->list);
    }
    mem_free(server->key);
}

static const struct gen_server_type type = {
    .process = GEN_SERVER_PROCESS("Elixir.Todo.Server", struct server),
    .init = init,
    .handle_continue = handle_continue,
    .handle_call = handle_call,
    .handle_cast = handle_cast,
    .handle_info = handle_info,
    .write_state = write_state,
    .release = release,
};

int server_start(struct cache *cache, struct process *parent, struct database *database, struct slice key,
                 struct server **server)
{
    struct arguments arguments = {.cache = cache, .database = database, .key = key};
    struct gen_server *gen;
    int status = gen_server_start(parent->node, &type, parent, NULL, &arguments, &gen);
    if (status == 0)
        *server = server_of(gen);
    return status;
}
