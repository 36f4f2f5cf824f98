/* Values to files, some at once. Knows neither why these keys nor what comes after. */
#include "store/round.h"

#include "base/error.h"
#include "base/mem.h"

enum {
    SYNC_EACH_MAX = 8, /* files: for so few, syncfs would wait for what others write to the file system */
};

/* ---- on the file thread ---- */

static bool is_small(const struct round *round)
{
    return round->count <= SYNC_EACH_MAX;
}

static void prepare(const struct round *round, struct item *item)
{
    const struct files *files = &round->store->files;
    struct slice value = buf_slice(&item->value);
    item->status = is_small(round) ? files_prepare(files, item->number, value)
                                   : files_prepare_unsynced(files, item->number, value);
    item->own = item->status == ERR_TOO_LARGE;
}

static void write_temporaries(struct round *round, int folder)
{
    for (unsigned i = 0; i < round->count; i++) {
        struct item *item = &round->items[i];
        item->status = folder;
        if (folder == 0 && !item->removes)
            prepare(round, item);
    }
}

static void publish_one(const struct round *round, struct item *item)
{
    const struct files *files = &round->store->files;
    item->status =
        item->removes ? files_remove(files, item->name) : files_publish(files, item->number, item->name);
    item->own = files_is_of_the_name(item->status);
}

static void publish(struct round *round, int synced)
{
    for (unsigned i = 0; i < round->count; i++) {
        struct item *item = &round->items[i];
        if (item->status != 0)
            continue;
        if (synced == 0 || item->removes) {
            publish_one(round, item);
        } else {
            files_discard(&round->store->files, item->number);
            item->status = synced;
        }
    }
}

static void write_round(struct task *task, int folder)
{
    struct round *round = (struct round *)task;
    struct files *files = &round->store->files;
    int status = folder;
    write_temporaries(round, folder);
    if (status == 0 && !is_small(round))
        status = files_sync_all(files);
    publish(round, status);
    status = folder != 0 ? folder : files_sync(files);
    for (unsigned i = 0; i < round->count; i++) {
        if (round->items[i].status == 0)
            round->items[i].status = status;
    }
}

/* ---- on the loop thread ---- */

struct round *round_new(struct store *store, void (*done)(struct task *task))
{
    struct round *round = mem_zalloc(sizeof *round);
    round->task = (struct task){.work = write_round, .done = done};
    round->store = store;
    return round;
}

void round_free(struct round *round)
{
    for (unsigned i = 0; i < round->count; i++)
        buf_release(&round->items[i].value);
    mem_free(round->items);
    mem_free(round);
}

static struct item *add_item(struct round *round)
{
    if (round->count == round->room) {
        round->room = round->room == 0 ? 16 : 2 * round->room;
        round->items = mem_realloc(round->items, round->room * sizeof *round->items);
    }
    struct item *item = &round->items[round->count++];
    *item = (struct item){.value = BUF_EMPTY};
    return item;
}

/* What it holds has been accepted by now. */
static void whole(struct round *round, struct item *item)
{
    struct store *store = round->store;
    item->partial = false;
    round->bytes += item->value.size;
    for (unsigned i = 0; i < store->config.workers; i++)
        round->durable[i] = store->commits[i].accepted;
}

static void take_whole(struct round *round, struct item *item)
{
    buf_clear(&item->value);
    item->removes = !store_value_now(round->store, item->key, &item->value);
    whole(round, item);
}

void round_take(struct round *round, struct key *key)
{
    struct store *store = round->store;
    struct item *item = add_item(round);
    struct store_source *source = keys_source(&store->keys, key_bytes(key));
    item->key = key;
    item->number = store->numbers++;
    item->version = key->version;
    store->config.ops.file_name(store->config.ops.ctx, key_bytes(key), item->name);
    item->partial = source != NULL && source->ops->encode_some != NULL && key->place != VALUE_NONE;
    key->in_round = true;
    key->next_first_lsn = 0;
    if (!item->partial)
        take_whole(round, item);
}

bool round_take_slices(struct round *round, unsigned *slices)
{
    struct item *item = round->count > 0 ? &round->items[round->count - 1] : NULL;
    while (item != NULL && item->partial) {
        struct store_source *source = keys_source(&round->store->keys, key_bytes(item->key));
        if (*slices == 0)
            return false;
        --*slices;
        if (source == NULL || item->key->version != item->version || item->key->place == VALUE_NONE)
            take_whole(round, item); /* it is not what it was when the first slice was taken */
        else if (!source->ops->encode_some(source, &item->position, &item->value))
            whole(round, item);
    }
    return true;
}

bool round_is_durable(const struct round *round)
{
    for (unsigned i = 0; i < round->store->config.workers; i++) {
        if (round->store->commits[i].durable < round->durable[i])
            return false;
    }
    return true;
}
