/* A list's process: its life, its load, its value for the store. What a request does is in
 * todo/server_requests. Knows the store's contract, no files. */
#include "todo/server.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/node.h"
#include "todo/cache.h"
#include "todo/key.h"
#include "todo/list_term.h"
#include "todo/server_replace.h"
#include "todo/server_requests.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

/* A read of the list's value that is under way; outlives its server if need be. */
struct load {
    struct store_request request; /* first: the store's hook */
    struct node *node;
    process_id server;
    struct todo_list list; /* what was read, if result is 0 */
    int result;            /* 0 or an error */
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

struct store *server_store(const struct server *server)
{
    return server->home->database->store;
}

/* ---- the value in memory, as the store sees it ---- */

static struct slice source_key(const struct store_source *source)
{
    size_t offset = offsetof(struct server, source);
    return server_key((const struct server *)((const char *)source - offset));
}

static void encode(struct store_source *source, struct buf *out)
{
    struct server *server = server_of_source(source);
    list_write_value(&server->list, server_key(server), out);
}

static bool encode_some(struct store_source *source, uint64_t *position, struct buf *out)
{
    struct server *server = server_of_source(source);
    return list_write_some(&server->list, server_key(server), position, out);
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

static const struct store_source_ops source_ops = {
    .key = source_key, .encode = encode, .encode_some = encode_some, .failed = failed};

/* ---- loading ---- */

static int read_value(struct todo_list *list, int status, struct slice value)
{
    if (status == ERR_NOT_FOUND) {
        list_init(list);
        return 0;
    }
    if (status != 0)
        return status;
    if (value.size == 0)
        return ERR_CORRUPT; /* a file that was cut to nothing, not an empty list */
    struct slice rest;
    return list_from_value(value, DATABASE_VALUE_MAX, list, &rest);
}

/* On a thread of the store's: a large list takes a while. */
static void prepare(struct store_request *request, int status, struct slice value)
{
    struct load *load = (struct load *)request;
    load->result = read_value(&load->list, status, value);
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
    server->source = (struct store_source){.ops = &source_ops};
    server->loaded = store_attach(server_store(server), &server->source);
    if (!server->loaded)
        list_release(&server->list);
    return server->loaded;
}

static void loaded(struct server *server, struct load *load)
{
    server->loading = false;
    server->load_error = load->result;
    if (load->result == 0) {
        server->list = load->list;
        list_init(&load->list);
    }
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
        loaded((struct server *)process, load);
        process_leave(process);
    }
    if (load->result == 0)
        list_release(&load->list);
    mem_free(load);
}

static void begin_load(struct server *server)
{
    struct load *load = mem_zalloc(sizeof *load);
    load->request.prepare = prepare;
    load->request.done = on_loaded;
    load->node = server->gen.process.node;
    load->server = server->gen.process.id;
    server->loading = true;
    process_pause(&server->gen.process);
    store_read(server_store(server), server->worker, server_key(server), &load->request);
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

/* ---- messages ---- */

static void touch(struct server *server)
{
    if (server->cached)
        cache_touch(server);
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    struct server *server = server_of(self);
    touch(server);
    if (ready(server, from) && !server_call_request(server, from, request))
        gen_server_reply_bad_request(self, from, request);
}

static void handle_cast(struct gen_server *self, struct slice request)
{
    struct server *server = server_of(self);
    touch(server);
    if (ready(server, NULL) && !server_change_request(server, NULL, request))
        node_bad_message(self->process.node, self->process.type->module);
}

static void handle_info(struct gen_server *self, struct slice message)
{
    struct server *server = server_of(self);
    if (server->stale && etf_is_atom(message, MARK))
        server->stale = false;
    else if (!subscribers_down(&server->subscribers, self, message))
        node_bad_message(self->process.node, self->process.type->module);
}

/* ---- start and end ---- */

struct arguments {
    struct cache_config *home;
    struct slice key;
};

static size_t extra(const void *argument)
{
    const struct arguments *arguments = argument;
    return arguments->key.size;
}

static int init(struct gen_server *self, const void *argument)
{
    const struct arguments *arguments = argument;
    struct server *server = server_of(self);
    server->home = arguments->home;
    memcpy(server->key, arguments->key.data, arguments->key.size);
    server->key_size = (uint32_t)arguments->key.size;
    server->worker = (uint8_t)database_worker_index(server->home->database, arguments->key);
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

static size_t state_bytes(const struct gen_server *self)
{
    const struct server *server = (const struct server *)self;
    return server->key_size + (server->loaded ? list_bytes(&server->list) : 0);
}

static void release(struct gen_server *self)
{
    struct server *server = server_of(self);
    if (server->cached)
        cache_forget(server);
    if (server->loaded) {
        store_detach(server_store(server), &server->source);
        list_release(&server->list);
    }
    subscribers_release(&server->subscribers);
}

static const struct gen_server_type type = {
    .process = GEN_SERVER_PROCESS("Elixir.Todo.Server", struct server),
    .extra = extra,
    .init = init,
    .handle_continue = handle_continue,
    .handle_call = handle_call,
    .handle_cast = handle_cast,
    .handle_info = handle_info,
    .write_state = write_state,
    .replace_state = server_replace_state,
    .state_bytes = state_bytes,
    .release = release,
};

int server_start(struct cache_config *home, struct process *parent, struct slice key, struct server **server)
{
    struct arguments arguments = {.home = home, .key = key};
    struct gen_server *gen;
    int status = gen_server_start(parent->node, &type, parent, NULL, &arguments, &gen);
    if (status == 0)
        *server = server_of(gen);
    return status;
}
