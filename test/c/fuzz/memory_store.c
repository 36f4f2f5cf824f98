/* What store/store.h promises, in memory. Checks at each change of a list that the journal's change, made in
 * the stored value, gives what the list has in memory. */
#include "memory_store.h"

#include "base/error.h"
#include "base/mem.h"
#include "fuzz.h"

#include <utlist.h>

struct entry {
    struct entry *next; /* utlist, in store->entries */
    struct buf key;
    struct buf value;            /* as of all changes; empty: none */
    struct buf durable;          /* as of those that were answered */
    unsigned version;            /* counts changes that were not the holder's own */
    struct store_source *source; /* attached; NULL: none */
};

enum kind { ANSWER, CHANGE, IDLE };

/* Something to be answered, in the order it was asked for. */
struct item {
    struct item *prev; /* utlist, in store->items */
    struct item *next;
    enum kind kind;
    struct store_request *request; /* NULL: nobody waits */
    int status;
    struct buf value;
    struct entry *entry; /* of a read; may be NULL */
    unsigned version;    /* of entry when it was asked for */
};

struct store {
    struct store_config config;
    struct entry *entries;
    struct item *items;
    struct item *answering; /* whose done runs now; NULL: none */
    unsigned holds;
    void (*closed)(void *ctx, int status); /* NULL: not closing */
    void *closed_ctx;
    bool is_closed;
};

static struct store *the_store;

struct store *memory_store(void)
{
    return the_store;
}

static struct entry *find(struct store *store, struct slice key)
{
    struct entry *entry;
    LL_FOREACH(store->entries, entry)
    {
        if (slice_equal(buf_slice(&entry->key), key))
            return entry;
    }
    return NULL;
}

static struct entry *get(struct store *store, struct slice key)
{
    struct entry *entry = find(store, key);
    if (entry == NULL) {
        entry = mem_zalloc(sizeof *entry);
        buf_append_slice(&entry->key, key);
        LL_PREPEND(store->entries, entry);
    }
    return entry;
}

static void fail_source(struct entry *entry, int status)
{
    struct store_source *source = entry->source;
    entry->source = NULL;
    if (source != NULL)
        source->ops->failed(source, status);
}

static struct item *queue(struct store *store, enum kind kind, struct store_request *request, int status)
{
    struct item *item = mem_zalloc(sizeof *item);
    FUZZ_CHECK(!store->is_closed);
    item->kind = kind;
    item->request = request;
    item->status = status;
    DL_APPEND(store->items, item);
    return item;
}

static void set(struct buf *to, struct slice value)
{
    struct buf copy = BUF_EMPTY;
    buf_append_slice(&copy, value);
    buf_release(to);
    *to = copy;
}

/* ---- the turn ---- */

static void answer(struct store *store, struct item *item, int status)
{
    struct store_request *request = item->request;
    struct slice value = status == 0 ? buf_slice(&item->value) : slice_of(NULL, 0);
    store->answering = item;
    if (request != NULL && request->prepare != NULL)
        request->prepare(request, status, value);
    if (request != NULL)
        request->done(request, status, value);
    store->answering = NULL;
    buf_release(&item->value);
    mem_free(item);
}

static void settle(struct store *store, int status)
{
    struct entry *entry;
    LL_FOREACH(store->entries, entry)
    {
        bool is_dirty = !slice_equal(buf_slice(&entry->value), buf_slice(&entry->durable));
        set(status == 0 ? &entry->durable : &entry->value,
            buf_slice(status == 0 ? &entry->value : &entry->durable));
        if (status == 0 || !is_dirty)
            continue;
        entry->version++;
        fail_source(entry, status);
    }
}

bool memory_store_turn(struct store *store, int status)
{
    struct item *items = store->items, *item, *next;
    store->items = NULL;
    bool any = items != NULL;
    settle(store, status);
    DL_FOREACH_SAFE(items, item, next)
    {
        DL_DELETE(items, item);
        if (item->kind == IDLE && !store_is_idle(store))
            DL_APPEND(store->items, item);
        else
            answer(store, item, item->kind == CHANGE && item->status == 0 ? status : item->status);
    }
    if (store->closed != NULL && !store->is_closed && store->items == NULL) {
        store->is_closed = true;
        store->closed(store->closed_ctx, 0);
        return true;
    }
    return any;
}

/* ---- what store.h promises ---- */

int store_open(struct store **out, const struct store_config *config)
{
    struct store *store = mem_zalloc(sizeof *store);
    store->config = *config;
    *out = the_store = store;
    return 0;
}

void store_close(struct store *store, void (*done)(void *ctx, int status), void *ctx)
{
    FUZZ_CHECK(store->closed == NULL);
    store->closed = done;
    store->closed_ctx = ctx;
}

void store_free(struct store *store)
{
    struct entry *entry, *next;
    FUZZ_CHECK(store->items == NULL && store->is_closed);
    LL_FOREACH_SAFE(store->entries, entry, next)
    {
        FUZZ_CHECK(entry->source == NULL);
        buf_release(&entry->key);
        buf_release(&entry->value);
        buf_release(&entry->durable);
        mem_free(entry);
    }
    mem_free(store);
    the_store = NULL;
}

static void queue_value(struct store *store, struct entry *entry, struct store_request *request)
{
    bool there = entry != NULL && entry->value.size > 0;
    struct item *item = queue(store, ANSWER, request, there ? 0 : ERR_NOT_FOUND);
    item->entry = entry;
    if (entry != NULL)
        item->version = entry->version;
    if (there)
        buf_append_slice(&item->value, buf_slice(&entry->value));
}

void store_read(struct store *store, unsigned worker, struct slice key, struct store_request *request)
{
    FUZZ_CHECK(worker < store->config.workers);
    queue_value(store, get(store, key), request);
}

/* The change, made in the value that is stored, gives what is in memory. */
static void fold_change(struct store *store, struct entry *entry, struct slice change)
{
    struct store_source *source = entry->source;
    struct buf folded = BUF_EMPTY, memory = BUF_EMPTY;
    FUZZ_CHECK(source != NULL);
    FUZZ_CHECK(store->config.ops.fold(store->config.ops.ctx, buf_slice(&entry->value), change, &folded) == 0);
    source->ops->encode(source, &memory);
    FUZZ_CHECK(slice_equal(buf_slice(&folded), buf_slice(&memory)));
    buf_release(&entry->value);
    buf_release(&memory);
    entry->value = folded;
}

void store_change(struct store *store, unsigned worker, struct slice key, enum store_kind kind,
                  struct slice change, struct store_request *request)
{
    struct entry *entry = get(store, key);
    FUZZ_CHECK(worker < store->config.workers);
    if (kind == STORE_CHANGE) {
        fold_change(store, entry, change);
    } else {
        set(&entry->value, change);
        entry->version++;
        fail_source(entry, ERR_CONFLICT);
    }
    queue(store, CHANGE, request, 0);
}

bool store_attach(struct store *store, struct store_source *source)
{
    const struct item *item = store->answering;
    FUZZ_CHECK(item != NULL && item->entry != NULL && item->entry->source == NULL);
    FUZZ_CHECK(slice_equal(buf_slice(&item->entry->key), source->ops->key(source)));
    if (item->version != item->entry->version)
        return false;
    item->entry->source = source;
    return true;
}

void store_detach(struct store *store, struct store_source *source)
{
    struct entry *entry = find(store, source->ops->key(source));
    FUZZ_CHECK(entry != NULL && entry->source == source);
    entry->source = NULL;
}

void store_sync(struct store *store, struct store_request *request)
{
    queue(store, CHANGE, request, 0);
}

void store_sync_key(struct store *store, unsigned worker, struct slice key, struct store_request *request)
{
    queue(store, CHANGE, request, 0);
}

bool store_is_idle(const struct store *store)
{
    const struct item *item;
    DL_FOREACH(store->items, item)
    {
        if (item->kind != IDLE)
            return false;
    }
    return true;
}

void store_when_idle(struct store *store, struct store_request *request)
{
    queue(store, IDLE, request, 0);
}

void store_set_aside(struct store *store, unsigned worker, struct slice key, struct store_request *request)
{
    struct entry *entry = get(store, key);
    if (entry->value.size == 0) {
        queue(store, ANSWER, request, ERR_NOT_FOUND);
        return;
    }
    set(&entry->value, slice_of(NULL, 0));
    entry->version++;
    fail_source(entry, ERR_CONFLICT);
    buf_append(&queue(store, CHANGE, request, 0)->value, "%aside.1.1.x", sizeof "%aside.1.1.x");
}

void store_names(struct store *store, struct store_request *request)
{
    struct item *item = queue(store, ANSWER, request, 0);
    struct entry *entry;
    char name[256];
    LL_FOREACH(store->entries, entry)
    {
        if (entry->value.size == 0)
            continue;
        store->config.ops.file_name(store->config.ops.ctx, buf_slice(&entry->key), name);
        buf_append(&item->value, name, strlen(name) + 1);
    }
}

void store_read_name(struct store *store, const char *wanted, struct store_request *request)
{
    struct entry *entry;
    char name[256];
    LL_FOREACH(store->entries, entry)
    {
        store->config.ops.file_name(store->config.ops.ctx, buf_slice(&entry->key), name);
        if (strcmp(name, wanted) == 0)
            break;
    }
    queue_value(store, entry, request);
}

void store_hold_journals(struct store *store)
{
    store->holds++;
}

void store_release_journals(struct store *store)
{
    FUZZ_CHECK(store->holds-- > 0);
}
