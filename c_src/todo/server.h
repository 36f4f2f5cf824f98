/* Todo.Server: one to-do list with a pid of its own (messages: docs/protocol.md).
 *
 * Loads its list from the store in a continue, while its messages queue; every change goes to the store
 * before it is answered, and is answered when it is durable. A list that cannot be loaded answers each
 * request with the reason and tries again; one whose change could not be written exits with that reason.
 */
#ifndef TODO_SERVER_H
#define TODO_SERVER_H

#include "runtime/gen_server.h"
#include "store/store.h"
#include "todo/database.h"
#include "todo/list.h"
#include "todo/subscribers.h"

#include <uthash.h>

struct cache;

struct server {
    struct gen_server gen;
    struct cache *cache;        /* knows it by its key; NULL once the cache is gone */
    struct database *database;  /* borrowed */
    struct store_source source; /* attached while loaded */
    struct load *load;          /* the read under way; NULL: none */
    struct todo_list list;      /* valid while loaded */
    uint64_t seq;               /* changes made since the process started, one for each entry */
    struct subscribers subscribers;
    bool loaded;
    int load_error;      /* why it is not loaded; ERR_CORRUPT, -EACCES, ... */
    bool stale;          /* messages before the mark in the mailbox are answered with load_error */
    uint64_t used_ms;    /* loop time of the last message */
    struct server *prev; /* in cache: least recently used first */
    struct server *next;
    UT_hash_handle hh; /* in cache, by key */
    size_t key_size;   /* bytes of key */
    uint8_t *key;      /* the list's name, canonical; owned */
};

/* start_link under the cache. key: canonical. Errors: none but those of gen_server_start. */
int server_start(struct cache *cache, struct process *parent, struct database *database, struct slice key,
                 struct server **server);

static inline struct slice server_key(const struct server *server)
{
    return slice_of(server->key, server->key_size);
}

/* The database worker of its key. */
static inline unsigned server_worker(const struct server *server)
{
    return database_worker_index(server->database, server_key(server));
}

#endif
