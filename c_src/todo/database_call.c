/* Answers get, store, delete, keys and sync, mostly later: each has a record that the store completes. The
 * process that was asked may have ended by then; its id tells. */
#include "todo/database_call.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/node.h"
#include "todo/key.h"
#include "wire/etf_canonical.h"
#include "wire/etf_check.h"
#include "wire/etf_external.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <errno.h>

struct pending {
    struct store_request request; /* first: the store's hook */
    struct database *database;
    process_id server; /* who was asked; may be gone */
    struct owed *owed; /* valid while server lives */
    struct buf key;    /* canonical; of get */
};

static struct pending *pending_new(struct gen_server *self, struct database *database,
                                   const struct from *from,
                                   void (*done)(struct store_request *, int, struct slice))
{
    struct pending *pending = mem_zalloc(sizeof *pending);
    pending->request.done = done;
    pending->database = database;
    pending->server = self->process.id;
    pending->owed = gen_server_defer(self, from);
    return pending;
}

/* As many values at a time as are expected to fill no output: they come in faster than they are written. A
 * process that has asked for that many takes no messages until half of them are there; what it was asked for
 * later is not done earlier. */
enum { READ_SIZE = 4 << 20, READS_MAX = 64 };

static unsigned reads_max(const struct database *database)
{
    size_t max = READ_SIZE / (database->reading.size + 1);
    return max < 1 ? 1 : max > READS_MAX ? READS_MAX : (unsigned)max;
}

static void reading(struct database *database, struct process *door)
{
    if (++database->reading.count < reads_max(database))
        return;
    buf_append(&database->reading.doors, &door->id, sizeof door->id);
    process_pause(door);
}

/* value: what was read. */
static void has_read(struct database *database, struct slice value)
{
    size_t half = database->reading.size / 2;
    database->reading.size = value.size > half ? value.size : half;
    if (--database->reading.count > reads_max(database) / 2)
        return;
    struct buf doors = database->reading.doors;
    database->reading.doors = BUF_EMPTY;
    for (size_t i = 0; i < doors.size; i += sizeof(process_id)) {
        process_id id;
        memcpy(&id, doors.data + i, sizeof id);
        struct process *door = process_find(database->node, id);
        if (door != NULL)
            process_resume(door);
    }
    buf_release(&doors);
}

/* The server, entered, with the call that is owed; NULL (and nothing owed any more) if it has ended. */
static struct gen_server *enter(struct pending *pending, struct from *from)
{
    struct process *process = process_find(pending->database->node, pending->server);
    if (process == NULL)
        return NULL;
    process_enter(process);
    *from = gen_server_owed_from(pending->owed);
    return (struct gen_server *)process;
}

static void leave(struct gen_server *server, struct pending *pending)
{
    gen_server_owed_free(pending->owed);
    process_leave(&server->process);
}

static void pending_free(struct pending *pending)
{
    buf_release(&pending->key);
    mem_free(pending);
}

static void answer_status(struct store_request *request, int status, struct slice value)
{
    struct pending *pending = (struct pending *)request;
    struct from from;
    struct gen_server *server = enter(pending, &from);
    if (server != NULL) {
        if (status == 0)
            gen_server_reply_atom(server, &from, "ok");
        else
            gen_server_reply_error(server, &from, status);
        leave(server, pending);
    }
    pending_free(pending);
}

/* {error, {corrupt, FileName}} */
static void reply_corrupt(struct gen_server *server, const struct from *from, struct slice key)
{
    char name[KEY_NAME_ROOM];
    key_file_name(key, name);
    struct buf *out = gen_server_reply_begin(server, from);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "error");
    etf_write_tuple(out, 2);
    etf_write_atom(out, "corrupt");
    etf_write_binary_text(out, name);
    gen_server_reply_end(server);
}

static void reply_value(struct gen_server *server, const struct from *from, const struct pending *pending,
                        struct slice value)
{
    struct buf scratch = BUF_EMPTY;
    struct slice term, rest;
    int status = -ENOMEM;
    if (mem_has_room_for(value.size))
        status = etf_external_read(value, ETF_DEPTH_MAX_DEFAULT, DATABASE_VALUE_MAX, &scratch, &term, &rest);
    if (status == 0)
        gen_server_reply(server, from, term);
    else if (status == -ENOMEM)
        gen_server_reply_error(server, from, status);
    else
        reply_corrupt(server, from, buf_slice(&pending->key));
    buf_release(&scratch);
}

static void answer_value(struct store_request *request, int status, struct slice value)
{
    struct pending *pending = (struct pending *)request;
    struct from from;
    struct gen_server *server = enter(pending, &from);
    if (server != NULL) {
        if (status == 0)
            reply_value(server, &from, pending, value);
        else if (status == ERR_NOT_FOUND)
            gen_server_reply_atom(server, &from, "nil");
        else
            gen_server_reply_error(server, &from, status);
        process_heed_output(&server->process);
        leave(server, pending);
    }
    has_read(pending->database, value);
    pending_free(pending);
}

static void get(struct gen_server *self, struct database *database, const struct from *from,
                struct slice term)
{
    struct buf key = BUF_EMPTY;
    int status = key_canonical(term, &key);
    if (status != 0) {
        gen_server_reply_error(self, from, status);
        buf_release(&key);
        return;
    }
    struct pending *pending = pending_new(self, database, from, answer_value);
    pending->key = key;
    reading(database, &self->process);
    store_read(database->store, database_worker_index(database, buf_slice(&key)), buf_slice(&key),
               &pending->request);
}

/* Accepts {store, Key, Term}: key and term stand at the cursor. pending may be NULL. */
static int store_term(struct database *database, struct slice cursor, struct store_request *request)
{
    struct buf key = BUF_EMPTY, value = BUF_EMPTY;
    int status = key_canonical(etf_take(&cursor), &key);
    if (status == 0) {
        etf_write_version(&value);
        status = etf_canonical(etf_take(&cursor), &value) == 0 ? 0 : ERR_BADARG;
    }
    if (status == 0) {
        key_trailer_append(buf_slice(&key), &value);
        store_change(database->store, database_worker_index(database, buf_slice(&key)), buf_slice(&key),
                     STORE_PUT, buf_slice(&value), request);
    }
    buf_release(&key);
    buf_release(&value);
    return status;
}

static int delete_key(struct database *database, struct slice cursor, struct store_request *request)
{
    struct buf key = BUF_EMPTY;
    int status = key_canonical(cursor, &key);
    if (status == 0)
        store_change(database->store, database_worker_index(database, buf_slice(&key)), buf_slice(&key),
                     STORE_DELETE, slice_of(NULL, 0), request);
    buf_release(&key);
    return status;
}

/* Runs a change that is answered when it is durable. */
static void change(struct gen_server *self, struct database *database, const struct from *from,
                   struct slice cursor,
                   int (*accept)(struct database *, struct slice, struct store_request *))
{
    struct pending *pending = pending_new(self, database, from, answer_status);
    int status = accept(database, cursor, &pending->request);
    if (status != 0)
        answer_status(&pending->request, status, slice_of(NULL, 0));
}

/* {ok, FileName} */
static void answer_name(struct store_request *request, int status, struct slice value)
{
    struct pending *pending = (struct pending *)request;
    struct from from;
    struct gen_server *server = enter(pending, &from);
    if (server != NULL) {
        if (status == 0) {
            struct buf *out = gen_server_reply_begin(server, &from);
            etf_write_tuple(out, 2);
            etf_write_atom(out, "ok");
            etf_write_binary_text(out, (const char *)value.data);
            gen_server_reply_end(server);
        } else {
            gen_server_reply_error(server, &from, status);
        }
        leave(server, pending);
    }
    pending_free(pending);
}

static void set_aside(struct gen_server *self, struct database *database, const struct from *from,
                      struct slice term)
{
    struct buf key = BUF_EMPTY;
    int status = key_canonical(term, &key);
    if (status == 0)
        store_set_aside(database->store, database_worker_index(database, buf_slice(&key)), buf_slice(&key),
                        &pending_new(self, database, from, answer_name)->request);
    else
        gen_server_reply_error(self, from, status);
    buf_release(&key);
}

/* keys: the names are read first, then, one after the other, the files whose name does not tell the key. */
struct listing {
    struct pending pending;
    struct buf names; /* NUL-terminated names */
    size_t position;  /* of the next name in names */
    struct buf keys;  /* canonical keys, one after another */
    uint32_t count;   /* of keys */
};

static void listing_step(struct listing *listing);

static void listing_finish(struct listing *listing, int status)
{
    struct from from;
    struct gen_server *server = enter(&listing->pending, &from);
    if (server != NULL) {
        if (status != 0) {
            gen_server_reply_error(server, &from, status);
        } else {
            struct buf *out = gen_server_reply_begin(server, &from);
            if (listing->count > 0)
                etf_write_list(out, listing->count);
            buf_append_slice(out, buf_slice(&listing->keys));
            etf_write_nil(out);
            gen_server_reply_end(server);
        }
        process_heed_output(&server->process);
        leave(server, &listing->pending);
    }
    has_read(listing->pending.database, buf_slice(&listing->keys));
    buf_release(&listing->names);
    buf_release(&listing->keys);
    mem_free(listing);
}

static const char *current_name(const struct listing *listing)
{
    return (const char *)listing->names.data + listing->position;
}

static void next_name(struct listing *listing, bool counted)
{
    listing->count += counted;
    listing->position += strlen(current_name(listing)) + 1;
}

static void on_long_file(struct store_request *request, int status, struct slice value)
{
    struct listing *listing = (struct listing *)request;
    if (status == 0)
        status = key_from_file(current_name(listing), value, DATABASE_VALUE_MAX, &listing->keys);
    next_name(listing, status == 0); /* a file that vanished or tells no key is nobody's */
    listing_step(listing);
}

static void listing_step(struct listing *listing)
{
    while (listing->position < listing->names.size) {
        int status = key_of_file_name(current_name(listing), &listing->keys);
        if (status == ERR_TOO_LARGE) {
            listing->pending.request.done = on_long_file;
            store_read_name(listing->pending.database->store, current_name(listing),
                            &listing->pending.request);
            return;
        }
        next_name(listing, status == 0);
    }
    listing_finish(listing, 0);
}

static void on_names(struct store_request *request, int status, struct slice value)
{
    struct listing *listing = (struct listing *)request;
    if (status != 0) {
        listing_finish(listing, status);
        return;
    }
    buf_append_slice(&listing->names, value);
    listing_step(listing);
}

static void keys(struct gen_server *self, struct database *database, const struct from *from)
{
    struct listing *listing = mem_zalloc(sizeof *listing);
    listing->pending.request.done = on_names;
    listing->pending.database = database;
    listing->pending.server = self->process.id;
    listing->pending.owed = gen_server_defer(self, from);
    reading(database, &self->process);
    store_names(database->store, &listing->pending.request);
}

bool database_call(struct gen_server *self, struct database *database, const struct from *from,
                   struct slice request)
{
    struct slice rest = request;
    if (etf_read_tagged(&rest, "get", 2))
        get(self, database, from, rest);
    else if (etf_read_tagged(&rest, "store", 3))
        change(self, database, from, rest, store_term);
    else if (etf_read_tagged(&rest, "delete", 2))
        change(self, database, from, rest, delete_key);
    else if (etf_read_tagged(&rest, "set_aside", 2))
        set_aside(self, database, from, rest);
    else if (etf_is_atom(request, "keys"))
        keys(self, database, from);
    else if (etf_is_atom(request, "sync"))
        store_sync(database->store, &pending_new(self, database, from, answer_status)->request);
    else
        return false;
    return true;
}

bool database_cast(struct database *database, struct slice request)
{
    struct slice rest = request;
    if (etf_read_tagged(&rest, "store", 3))
        return store_term(database, rest, NULL) == 0;
    if (etf_read_tagged(&rest, "delete", 2))
        return delete_key(database, rest, NULL) == 0;
    return false;
}
