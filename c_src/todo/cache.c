/* The cache of list servers. Knows their names and pids, not their lists. */
#include "todo/cache.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/blob.h"
#include "runtime/links.h"
#include "runtime/mailbox.h"
#include "runtime/node.h"
#include "runtime/sys.h"
#include "runtime/timers.h"
#include "todo/key.h"
#include "todo/server.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

struct cache {
    struct gen_server gen;
    struct cache_config *config; /* borrowed */
    struct table by_key;         /* servers */
    struct timer *sweep;         /* NULL: lists never expire */
    bool ending;                 /* its lists are being ended, one after the other */
};

static void start_sweep(struct cache *cache, uint64_t ms);

/* The list behind that one (NULL: the first) in the order of their use: the order of the cache's children, if
 * lists expire. NULL: that was the last. Lists that have ended may still stand there for a moment. */
static struct server *next_list(const struct cache *cache, const struct server *server)
{
    const struct process *child = server == NULL ? NULL : &server->gen.process;
    do
        child = link_next_child(&cache->gen.process, child);
    while (child != NULL && !((const struct server *)child)->cached);
    return (struct server *)(uintptr_t)child;
}

/* Not while it waits for a slow disk, nor while messages wait for it (suspended, or put off for a peer that
 * reads slowly): what has been accepted is not lost. */
static bool may_expire(const struct server *server)
{
    return !server->loading && server->gen.owed == NULL && mailbox_length(server->gen.process.mailbox) == 0;
}

static void sweep(struct process *self, void *argument)
{
    struct cache *cache = (struct cache *)self;
    uint64_t idle_ms = (uint64_t)cache->config->expire_s * 1000;
    uint64_t now = node_now_ms(self->node);
    struct server *server, *next;
    uint64_t wait = idle_ms;
    for (server = next_list(cache, NULL); server != NULL; server = next) {
        next = next_list(cache, server);
        if (now - server->used_ms < idle_ms) {
            wait = idle_ms - (now - server->used_ms);
            break;
        }
        if (may_expire(server))
            process_exit_atom(&server->gen.process, "normal");
    }
    start_sweep(cache, wait);
}

static void start_sweep(struct cache *cache, uint64_t ms)
{
    cache->sweep = timer_start(&cache->gen.process, ms, sweep, NULL);
}

/* NULL: it has ended. */
static struct cache *cache_of(const struct server *server)
{
    struct cache *cache = server->home->cache;
    return cache != NULL && cache->gen.process.id == server->gen.process.parent ? cache : NULL;
}

void cache_touch(struct server *server)
{
    struct cache *cache = cache_of(server);
    if (cache == NULL)
        return;
    server->used_ms = node_now_ms(cache->gen.process.node);
    if (cache->sweep != NULL)
        link_child_move_last(&cache->gen.process, &server->gen.process);
}

void cache_forget(struct server *server)
{
    struct cache *cache = cache_of(server);
    if (cache != NULL)
        table_remove(&cache->by_key, &server->link);
    server->cached = false;
}

static struct slice key_of(const struct table_link *link)
{
    return server_key((const struct server *)((const char *)link - offsetof(struct server, link)));
}

static int init(struct gen_server *self, const void *argument)
{
    struct cache *cache = (struct cache *)self;
    cache->config = *(struct cache_config *const *)argument;
    cache->config->cache = cache;
    table_init(&cache->by_key, key_of);
    if (cache->config->expire_s > 0)
        start_sweep(cache, (uint64_t)cache->config->expire_s * 1000);
    return 0;
}

/* An orderly end would not end a list: it is told that the cache is shut down. */
static void end_list(struct server *server, struct slice reason)
{
    if (etf_is_atom(reason, "normal"))
        process_exit_atom(&server->gen.process, "shutdown");
    else
        process_exit(&server->gen.process, reason);
}

/* Ends one list. False: there is none. */
static bool end_one(struct cache *cache, struct slice reason)
{
    struct server *server = next_list(cache, NULL);
    if (server != NULL)
        end_list(server, reason);
    return server != NULL;
}

/* A million lists are not ended in one go: of each comes an exit message, and then it is the next one's turn.
 */
static bool terminate(struct gen_server *self, struct slice reason)
{
    struct cache *cache = (struct cache *)self;
    cache->ending = end_one(cache, reason);
    return !cache->ending;
}

static void go_on_ending(struct cache *cache)
{
    if (end_one(cache, blob_slice(cache->gen.sys->stop_reason)))
        return;
    cache->ending = false;
    gen_server_terminated(&cache->gen);
}

/* No list outlives the cache: the next one would start a second server for the same name. Those that are left
 * when it was killed hear of it by their links, before its supervisor does. */
static void release(struct gen_server *self)
{
    struct cache *cache = (struct cache *)self;
    cache->config->cache = NULL;
    table_release(&cache->by_key);
    if (cache->sweep != NULL)
        timer_cancel(cache->sweep);
}

static struct server *find(struct cache *cache, struct slice key)
{
    return TABLE_RECORD(table_find(&cache->by_key, key), struct server, link);
}

static int find_or_start(struct cache *cache, struct slice key, struct server **found)
{
    *found = find(cache, key);
    if (*found != NULL) {
        cache_touch(*found);
        return 0;
    }
    if (cache->by_key.count >= cache->config->lists_max)
        return ERR_SYSTEM_LIMIT;
    int status = server_start(cache->config, &cache->gen.process, key, found);
    if (status != 0)
        return status;
    struct server *server = *found;
    table_add(&cache->by_key, &server->link);
    server->cached = true;
    server->used_ms = node_now_ms(cache->gen.process.node);
    return 0;
}

static void reply_pid(struct cache *cache, const struct from *from, const struct server *server)
{
    process_write_pid(&server->gen.process, gen_server_reply_begin(&cache->gen, from));
    gen_server_reply_end(&cache->gen);
}

static void server_process(struct cache *cache, const struct from *from, struct slice name)
{
    struct buf key = BUF_EMPTY;
    struct server *server;
    int status = key_canonical(name, &key);
    if (status == 0)
        status = find_or_start(cache, buf_slice(&key), &server);
    if (status == 0)
        reply_pid(cache, from, server);
    else
        gen_server_reply_error(&cache->gen, from, status);
    buf_release(&key);
}

static void whereis(struct cache *cache, const struct from *from, struct slice name)
{
    struct buf key = BUF_EMPTY;
    int status = key_canonical(name, &key);
    struct server *server = status == 0 ? find(cache, buf_slice(&key)) : NULL;
    if (server != NULL)
        reply_pid(cache, from, server);
    else if (status == 0)
        gen_server_reply_atom(&cache->gen, from, "nil");
    else
        gen_server_reply_error(&cache->gen, from, status);
    buf_release(&key);
}

/* A list of one term per live server. */
static void reply_each(struct cache *cache, const struct from *from,
                       void (*write)(const struct server *server, struct buf *out))
{
    struct buf *out = gen_server_reply_begin(&cache->gen, from);
    const struct server *server;
    if (cache->by_key.count > 0)
        etf_write_list(out, cache->by_key.count);
    for (server = next_list(cache, NULL); server != NULL; server = next_list(cache, server))
        write(server, out);
    etf_write_nil(out);
    gen_server_reply_end(&cache->gen);
}

static void write_name(const struct server *server, struct buf *out)
{
    etf_write_term(out, server_key(server));
}

/* {undefined, Pid, worker, [Module]} as DynamicSupervisor shows a child */
static void write_child(const struct server *server, struct buf *out)
{
    etf_write_tuple(out, 4);
    etf_write_atom(out, "undefined");
    process_write_pid(&server->gen.process, out);
    etf_write_atom(out, "worker");
    etf_write_list(out, 1);
    etf_write_atom(out, server->gen.process.type->module);
    etf_write_nil(out);
}

static void write_count(struct buf *out, const char *what, unsigned count)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, what);
    etf_write_uint64(out, count);
}

static void count_children(struct cache *cache, const struct from *from)
{
    unsigned count = cache->by_key.count;
    struct buf *out = gen_server_reply_begin(&cache->gen, from);
    etf_write_list(out, 4);
    write_count(out, "specs", count);
    write_count(out, "active", count);
    write_count(out, "supervisors", 0);
    write_count(out, "workers", count);
    etf_write_nil(out);
    gen_server_reply_end(&cache->gen);
}

static void reply_count(struct cache *cache, const struct from *from)
{
    etf_write_uint64(gen_server_reply_begin(&cache->gen, from), cache->by_key.count);
    gen_server_reply_end(&cache->gen);
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    struct cache *cache = (struct cache *)self;
    struct slice rest = request;
    if (etf_read_tagged(&rest, "server_process", 2))
        server_process(cache, from, rest);
    else if (etf_read_tagged(&rest, "whereis", 2))
        whereis(cache, from, rest);
    else if (etf_is_atom(request, "names"))
        reply_each(cache, from, write_name);
    else if (etf_is_atom(request, "count"))
        reply_count(cache, from);
    else if (etf_is_atom(request, "which_children"))
        reply_each(cache, from, write_child);
    else if (etf_is_atom(request, "count_children"))
        count_children(cache, from);
    else
        gen_server_reply_bad_request(self, from, request);
}

/* The exits of list servers: their own release has told the cache already. */
static void handle_info(struct gen_server *self, struct slice message)
{
    struct cache *cache = (struct cache *)self;
    if (!etf_read_tagged(&message, "EXIT", 3))
        node_bad_message(self->process.node, self->process.type->module);
    else if (cache->ending)
        go_on_ending(cache);
}

/* The state: the number of lists, as a map may be too large to look at. */
static void write_state(struct gen_server *self, struct buf *out)
{
    etf_write_map(out, 1);
    etf_write_atom(out, "count");
    etf_write_uint64(out, ((struct cache *)self)->by_key.count);
}

static const struct gen_server_type type = {
    .process = GEN_SERVER_PROCESS("Elixir.Todo.Cache", struct cache),
    .init = init,
    .handle_call = handle_call,
    .handle_info = handle_info,
    .terminate = terminate,
    .write_state = write_state,
    .release = release,
    .trap_exit = true,
};

int cache_start(struct process *supervisor, void *argument, struct process **child)
{
    struct gen_server *server;
    int status =
        gen_server_start(supervisor->node, &type, supervisor, "Elixir.Todo.Cache", &argument, &server);
    if (status == 0)
        *child = &server->process;
    return status;
}
