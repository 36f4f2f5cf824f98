/* Which change of which key goes to disk when, and who is told. Runs on the loop thread, but for the part
 * between "on the worker's thread" marks, which sees one batch of operations and the files only. Knows no
 * terms. */
#include "store/store.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/files.h"
#include "store/worker.h"

#include <assert.h>
#include <utlist.h>
#include <uv.h>

enum { WORKERS_MAX = 64, NAME_ROOM = 256 };

enum operation_type { OPERATION_READ, OPERATION_WRITE, OPERATION_SET_ASIDE, OPERATION_NAMES };

/* What the kept changes of a write are made on. */
enum base {
    BASE_FILE,   /* the value in the file */
    BASE_VALUE,  /* operation->value: a PUT, or what a source encoded */
    BASE_NOTHING /* a DELETE */
};

/* Requests in the order they came. */
struct requests {
    struct store_request *first;
    struct store_request *last;
};

/* One thing to be done on disk; while it waits in its key's queue, changes are added to a write. */
struct operation {
    struct job job;         /* first */
    struct operation *prev; /* utlist, in key->operations */
    struct operation *next;
    struct key *key; /* NULL: of no key (names, reading by name) */
    uint64_t number; /* of no other operation */
    enum operation_type type;
    enum base base;           /* of a write */
    bool given;               /* to the worker */
    struct buf value;         /* write: see base; read: the result */
    struct buf changes;       /* write: one after another, for ops.fold */
    size_t accepted;          /* bytes of changes that this write holds, for pending_bytes */
    struct requests requests; /* waiting */
    int status;               /* result */
    char name[NAME_ROOM];     /* of the file */
};

/* A key that has something to be done; the first operation is with the worker. */
struct key {
    UT_hash_handle hh;
    struct operation *operations; /* utlist, in the order they were asked for */
    unsigned worker;
    unsigned pins; /* callbacks of it on the stack: not freed meanwhile */
    size_t size;
    uint8_t bytes[];
};

struct store {
    struct store_config config;
    struct files files;
    struct worker *workers[WORKERS_MAX];
    struct key *keys;             /* uthash */
    struct store_source *sources; /* uthash, attached ones by key */
    struct requests ready;        /* to be answered 0 without any disk work */
    struct requests when_idle;    /* to be answered 0 when nothing is under way */
    uv_async_t wake;              /* calls answer_ready */
    unsigned given;               /* operations with workers */
    size_t pending_bytes;
    uint64_t operations; /* made so far */
    bool closing;
    bool stopping_workers;
    unsigned workers_running;
    int lost; /* first error of a write while closing, or while somebody waited for it to be idle */
    void (*closed)(void *ctx, int status);
    void *closed_ctx;
};

/* ---- on the worker's thread ---- */

/* Makes the value that a write is to put in place; false: there shall be none. */
static bool make_value(struct store *store, struct operation *operation)
{
    if (operation->base == BASE_NOTHING && operation->changes.size == 0)
        return false;
    if (operation->base == BASE_FILE) {
        operation->status = files_read(&store->files, operation->name, &operation->value);
        if (operation->status == ERR_NOT_FOUND)
            operation->status = 0;
        else if (operation->status == 0 && operation->value.size == 0)
            operation->status = ERR_CORRUPT; /* an emptied file is no value to build on */
    }
    if (operation->status == 0 && operation->changes.size > 0) {
        struct buf folded = BUF_EMPTY;
        operation->status = store->config.ops.fold(store->config.ops.ctx, buf_slice(&operation->value),
                                                   buf_slice(&operation->changes), &folded);
        buf_release(&operation->value);
        operation->value = folded;
    }
    return true;
}

static void prepare_write(struct store *store, struct operation *operation, int folder)
{
    operation->status = folder;
    if (folder != 0)
        return;
    if (!make_value(store, operation)) {
        operation->status = files_remove(&store->files, operation->name);
        return;
    }
    if (operation->status == 0)
        operation->status = files_prepare(&store->files, operation->number, buf_slice(&operation->value));
    if (operation->status == 0)
        operation->status = files_publish(&store->files, operation->number, operation->name);
}

static void sync_changes(struct store *store, struct job **jobs, unsigned count)
{
    int status = files_sync(&store->files);
    for (unsigned i = 0; i < count && status != 0; i++) {
        struct operation *operation = (struct operation *)jobs[i];
        if ((operation->type == OPERATION_WRITE || operation->type == OPERATION_SET_ASIDE) &&
            operation->status == 0)
            operation->status = status;
    }
}

/* One batch: no two operations are of the same key, so their order among each other does not matter. */
static void work(void *ctx, struct job **jobs, unsigned count)
{
    struct store *store = ctx;
    int folder = files_check(&store->files);
    unsigned changed = 0;
    for (unsigned i = 0; i < count; i++) {
        struct operation *operation = (struct operation *)jobs[i];
        if (operation->type == OPERATION_READ) {
            operation->status = files_read(&store->files, operation->name, &operation->value);
            if (operation->status == ERR_NOT_FOUND && folder != 0)
                operation->status = folder; /* no file is no value, but no folder is an error */
        } else if (operation->type == OPERATION_NAMES) {
            operation->status = files_names(&store->files, &operation->value);
        } else if (operation->type == OPERATION_SET_ASIDE && folder != 0) {
            operation->status = folder;
        } else if (operation->type == OPERATION_SET_ASIDE) {
            operation->status =
                files_set_aside(&store->files, operation->number, operation->name, &operation->value);
            changed += operation->status == 0;
        } else {
            prepare_write(store, operation, folder);
            changed += operation->status == 0;
        }
    }
    if (changed > 0)
        sync_changes(store, jobs, count);
}

/* ---- on the loop thread: keys and their queues ---- */

static struct key *find_key(struct store *store, struct slice bytes)
{
    struct key *key;
    HASH_FIND(hh, store->keys, bytes.data, bytes.size, key);
    return key;
}

static struct key *get_key(struct store *store, unsigned worker, struct slice bytes)
{
    struct key *key = find_key(store, bytes);
    assert(worker < store->config.workers && (key == NULL || key->worker == worker));
    if (key == NULL) {
        key = mem_zalloc(sizeof *key + bytes.size);
        key->worker = worker;
        key->size = bytes.size;
        memcpy(key->bytes, bytes.data, bytes.size);
        HASH_ADD_KEYPTR(hh, store->keys, key->bytes, key->size, key);
    }
    return key;
}

static struct slice key_bytes(const struct key *key)
{
    return slice_of(key->bytes, key->size);
}

static struct store_source *find_source(struct store *store, struct slice key)
{
    struct store_source *source;
    HASH_FIND(hh, store->sources, key.data, key.size, source);
    return source;
}

static void requests_add(struct requests *requests, struct store_request *request)
{
    if (request == NULL)
        return;
    request->next = NULL;
    if (requests->last != NULL)
        requests->last->next = request;
    else
        requests->first = request;
    requests->last = request;
}

/* Appends all of more. */
static void requests_join(struct requests *requests, struct requests more)
{
    if (more.first == NULL)
        return;
    if (requests->last != NULL)
        requests->last->next = more.first;
    else
        requests->first = more.first;
    requests->last = more.last;
}

static void append_request(struct operation *operation, struct store_request *request)
{
    requests_add(&operation->requests, request);
}

static struct operation *operation_new(struct store *store, struct key *key, enum operation_type type)
{
    struct operation *operation = mem_zalloc(sizeof *operation);
    operation->number = store->operations++;
    operation->type = type;
    operation->key = key;
    if (key != NULL) {
        store->config.ops.file_name(store->config.ops.ctx, key_bytes(key), operation->name);
        DL_APPEND(key->operations, operation);
    }
    return operation;
}

static void operation_free(struct store *store, struct operation *operation)
{
    store->pending_bytes -= operation->accepted;
    buf_release(&operation->value);
    buf_release(&operation->changes);
    mem_free(operation);
}

/* The memory of a source holds the changes of the key's later writes as well: those waiting for them get the
 * answer of this one. */
static void take_later_writes(struct store *store, struct operation *operation)
{
    struct operation *later, *next;
    for (later = operation->next; later != NULL; later = next) {
        next = later->next;
        if (later->type != OPERATION_WRITE)
            continue;
        requests_join(&operation->requests, later->requests);
        operation->accepted += later->accepted;
        later->accepted = 0;
        DL_DELETE(operation->key->operations, later);
        operation_free(store, later);
    }
}

/* The value of an attached key is taken from memory instead of being folded from the file. */
static void encode_from(struct store *store, struct store_source *source, struct operation *operation)
{
    buf_release(&operation->changes);
    buf_clear(&operation->value);
    source->encode(source, &operation->value);
    operation->base = BASE_VALUE;
    take_later_writes(store, operation);
}

static void give(struct store *store, unsigned worker, struct operation *operation)
{
    operation->given = true;
    store->given++;
    worker_give(store->workers[worker], &operation->job);
}

/* Hands the key's next operation to its worker, or forgets the key when there is none. */
static void go_on(struct store *store, struct key *key)
{
    struct operation *operation = key->operations;
    if (operation == NULL) {
        if (key->pins == 0) {
            HASH_DEL(store->keys, key);
            mem_free(key);
        }
        return;
    }
    if (operation->given || key->pins > 0)
        return;
    struct store_source *source = find_source(store, key_bytes(key));
    if (operation->type == OPERATION_WRITE && operation->base == BASE_FILE && source != NULL)
        encode_from(store, source, operation);
    give(store, key->worker, operation);
}

/* The write that changes of the key are added to: the last of its queue, if the worker does not have it. */
static struct operation *open_write(struct store *store, struct key *key)
{
    struct operation *last = key->operations == NULL ? NULL : key->operations->prev;
    if (last != NULL && last->type == OPERATION_WRITE && !last->given)
        return last;
    return operation_new(store, key, OPERATION_WRITE);
}

/* The key's last operation that changes the folder and is not durable yet; NULL: none. */
static struct operation *last_change(struct key *key)
{
    struct operation *operation, *last = NULL;
    DL_FOREACH(key->operations, operation)
    {
        if (operation->type != OPERATION_READ)
            last = operation;
    }
    return last;
}

/* ---- answers ---- */

static void answer(struct requests requests, int status, struct slice value)
{
    while (requests.first != NULL) {
        struct store_request *request = requests.first;
        requests.first = request->next;
        request->done(request, status, value);
    }
}

static void answer_later(struct store *store, struct store_request *request)
{
    requests_add(&store->ready, request);
    uv_async_send(&store->wake);
}

/* A write failed: what was accepted after it builds on it and fails with it. */
static struct requests drop_writes(struct store *store, struct key *key)
{
    struct operation *operation, *next;
    struct requests dropped = {0};
    DL_FOREACH_SAFE(key->operations, operation, next)
    {
        if (operation->type != OPERATION_WRITE)
            continue;
        DL_DELETE(key->operations, operation);
        requests_join(&dropped, operation->requests);
        operation_free(store, operation);
    }
    return dropped;
}

static void fail_source(struct store *store, struct slice key, int status)
{
    struct store_source *source = find_source(store, key);
    if (source == NULL)
        return;
    HASH_DEL(store->sources, source);
    source->failed(source, status);
}

static void write_failed(struct store *store, struct key *key, struct operation *operation)
{
    int status = operation->status;
    assert(key != NULL); /* only keys are written */
    log_write(LOG_ERROR, "store", "write_failed", "reason=%s", error_atom(status));
    if ((store->closing || store->when_idle.first != NULL) && store->lost == 0)
        store->lost = status;
    requests_join(&operation->requests, drop_writes(store, key));
    answer(operation->requests, status, slice_of(NULL, 0));
    /* What a source has changed while it was told comes from the same memory. */
    while (find_source(store, key_bytes(key)) != NULL && last_change(key) != NULL)
        answer(drop_writes(store, key), status, slice_of(NULL, 0));
    fail_source(store, key_bytes(key), status);
}

static void check_idle(struct store *store);

/* An operation is back from its worker. */
static void finish(void *ctx, struct job *job)
{
    struct store *store = ctx;
    struct operation *operation = (struct operation *)job;
    struct key *key = operation->key;
    store->given--;
    if (key != NULL) {
        DL_DELETE(key->operations, operation);
        key->pins++;
    }
    bool reads = operation->type != OPERATION_WRITE;
    if (!reads && operation->status != 0)
        write_failed(store, key, operation);
    else
        answer(operation->requests, operation->status,
               reads ? buf_slice(&operation->value) : slice_of(NULL, 0));
    operation_free(store, operation);
    if (key != NULL) {
        key->pins--;
        go_on(store, key);
    }
    check_idle(store);
}

static void answer_ready(uv_async_t *wake)
{
    struct store *store = wake->data;
    struct requests ready = store->ready;
    store->ready = (struct requests){0};
    answer(ready, 0, slice_of(NULL, 0));
    check_idle(store);
}

/* ---- what may be asked ---- */

void store_read(struct store *store, unsigned worker, struct slice bytes, struct store_request *request)
{
    struct key *key = get_key(store, worker, bytes);
    append_request(operation_new(store, key, OPERATION_READ), request);
    go_on(store, key);
}

void store_set_aside(struct store *store, unsigned worker, struct slice bytes, struct store_request *request)
{
    struct key *key = get_key(store, worker, bytes);
    key->pins++;
    fail_source(store, bytes, ERR_CONFLICT);
    append_request(operation_new(store, key, OPERATION_SET_ASIDE), request);
    key->pins--;
    go_on(store, key);
}

static void put(struct operation *write, enum store_kind kind, struct slice change)
{
    buf_clear(&write->changes);
    buf_clear(&write->value);
    write->base = kind == STORE_PUT ? BASE_VALUE : BASE_NOTHING;
    buf_append_slice(&write->value, change);
}

void store_change(struct store *store, unsigned worker, struct slice bytes, enum store_kind kind,
                  struct slice change, struct store_request *request)
{
    struct key *key = get_key(store, worker, bytes);
    key->pins++;
    if (kind != STORE_CHANGE)
        fail_source(store, bytes, ERR_CONFLICT);
    struct operation *write = open_write(store, key);
    if (kind == STORE_CHANGE)
        buf_append_slice(&write->changes, change);
    else
        put(write, kind, change);
    write->accepted += change.size;
    store->pending_bytes += change.size;
    append_request(write, request);
    key->pins--;
    go_on(store, key);
}

void store_detach(struct store *store, struct store_source *source)
{
    struct key *key = find_key(store, source->key);
    struct operation *operation;
    HASH_DEL(store->sources, source);
    if (key == NULL)
        return;
    DL_FOREACH(key->operations, operation)
    {
        if (operation->type == OPERATION_WRITE && !operation->given && operation->base == BASE_FILE)
            encode_from(store, source, operation); /* and takes all that follow */
    }
}

bool store_attach(struct store *store, unsigned worker, struct slice bytes, struct store_source *source)
{
    struct key *key = find_key(store, bytes);
    assert(find_source(store, bytes) == NULL);
    if (key != NULL && last_change(key) != NULL)
        return false;
    source->key = bytes;
    HASH_ADD_KEYPTR(hh, store->sources, source->key.data, source->key.size, source);
    return true;
}

void store_sync_key(struct store *store, unsigned worker, struct slice bytes, struct store_request *request)
{
    struct key *key = find_key(store, bytes);
    struct operation *write = key == NULL ? NULL : last_change(key);
    if (write != NULL)
        append_request(write, request);
    else
        answer_later(store, request);
}

/* A store_sync: as many parts as keys had a write. */
struct sync {
    struct store_request *request; /* the asker's */
    unsigned parts;                /* not reported yet */
    int status;                    /* first error */
};

struct sync_part {
    struct store_request request; /* first */
    struct sync *sync;
};

static void sync_part_done(struct store_request *request, int status, struct slice value)
{
    struct sync *sync = ((struct sync_part *)request)->sync;
    mem_free(request);
    if (sync->status == 0)
        sync->status = status;
    if (--sync->parts > 0)
        return;
    sync->request->done(sync->request, sync->status, slice_of(NULL, 0));
    mem_free(sync);
}

void store_sync(struct store *store, struct store_request *request)
{
    struct sync *sync = mem_zalloc(sizeof *sync);
    struct key *key, *next;
    sync->request = request;
    HASH_ITER(hh, store->keys, key, next)
    {
        struct operation *write = last_change(key);
        if (write == NULL)
            continue;
        struct sync_part *part = mem_zalloc(sizeof *part);
        part->request.done = sync_part_done;
        part->sync = sync;
        sync->parts++;
        append_request(write, &part->request);
    }
    if (sync->parts == 0) {
        mem_free(sync);
        answer_later(store, request);
    }
}

/* store_names: first everything that was asked for, then the folder. */
struct names {
    struct store_request request; /* first */
    struct store *store;
    struct store_request *asker;
};

static void names_synced(struct store_request *request, int status, struct slice value)
{
    struct names *names = (struct names *)request;
    struct operation *operation = operation_new(names->store, NULL, OPERATION_NAMES);
    append_request(operation, names->asker);
    give(names->store, 0, operation);
    mem_free(names);
}

void store_names(struct store *store, struct store_request *request)
{
    struct names *names = mem_zalloc(sizeof *names);
    names->request.done = names_synced;
    names->store = store;
    names->asker = request;
    store_sync(store, &names->request);
}

void store_read_name(struct store *store, const char *name, struct store_request *request)
{
    struct operation *operation = operation_new(store, NULL, OPERATION_READ);
    assert(strlen(name) < NAME_ROOM);
    memcpy(operation->name, name, strlen(name) + 1);
    append_request(operation, request);
    give(store, 0, operation);
}

size_t store_pending_bytes(const struct store *store)
{
    return store->pending_bytes;
}

/* ---- opening and closing ---- */

int store_open(struct store **out, const struct store_config *config)
{
    assert(config->workers >= 1 && config->workers <= WORKERS_MAX);
    struct store *store = mem_zalloc(sizeof *store);
    int status = files_open(&store->files, config->folder, config->value_size_max, config->fs);
    if (status != 0) {
        mem_free(store);
        return status;
    }
    store->config = *config;
    store->wake.data = store;
    uv_async_init(config->loop, &store->wake, answer_ready);
    const struct worker_config worker = {.loop = config->loop, .work = work, .done = finish, .ctx = store};
    for (unsigned i = 0; i < config->workers; i++)
        store->workers[i] = worker_start(&worker);
    store->workers_running = config->workers;
    *out = store;
    return 0;
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct store *store = handle->data;
    files_close(&store->files);
    store->closed(store->closed_ctx, store->lost);
}

static void worker_stopped(void *ctx)
{
    struct store *store = ctx;
    if (--store->workers_running == 0)
        uv_close((uv_handle_t *)&store->wake, on_wake_closed);
}

bool store_is_idle(const struct store *store)
{
    return store->keys == NULL && store->given == 0 && store->ready.first == NULL;
}

void store_when_idle(struct store *store, struct store_request *request)
{
    requests_add(&store->when_idle, request);
    uv_async_send(&store->wake);
}

/* After every answer: is there nothing left to do? */
static void check_idle(struct store *store)
{
    if (!store_is_idle(store))
        return;
    struct requests waiting = store->when_idle;
    store->when_idle = (struct requests){0};
    answer(waiting, 0, slice_of(NULL, 0));
    if (!store->closing || store->stopping_workers || !store_is_idle(store))
        return;
    store->stopping_workers = true;
    for (unsigned i = 0; i < store->config.workers; i++)
        worker_stop(store->workers[i], worker_stopped, store);
}

void store_close(struct store *store, void (*done)(void *ctx, int status), void *ctx)
{
    store->closing = true;
    store->closed = done;
    store->closed_ctx = ctx;
    uv_async_send(&store->wake);
}

void store_free(struct store *store)
{
    assert(HASH_COUNT(store->sources) == 0);
    mem_free(store);
}
