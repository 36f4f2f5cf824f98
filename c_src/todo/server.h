/* Todo.Server: one to-do list with a pid of its own (messages: docs/protocol.md).
 *
 * Loads its list from the store in a continue, while its messages queue; every change goes to the store
 * before it is answered, and is answered when it is durable. A list that cannot be loaded answers each
 * request with the reason and tries again; one whose change could not be written exits with that reason.
 */
#ifndef TODO_SERVER_H
#define TODO_SERVER_H

#include "base/table.h"
#include "runtime/gen_server.h"
#include "store/store.h"
#include "todo/database.h"
#include "todo/list.h"
#include "todo/subscribers.h"

struct cache_config;

struct server {
    struct gen_server gen;
    struct cache_config *home;  /* where it belongs; borrowed */
    struct store_source source; /* attached while loaded */
    struct table_link link;     /* in cache, by key */
    struct todo_list list;      /* valid while loaded */
    uint64_t seq;               /* changes made since the process started, one for each entry */
    struct subscribers subscribers;
    uint64_t used_ms;  /* loop time of the last message */
    int load_error;    /* why it is not loaded; ERR_CORRUPT, -EACCES, ... */
    uint32_t key_size; /* bytes of key */
    uint8_t worker;    /* the database's, of its key */
    bool cached : 1;   /* the cache knows it by its key */
    bool loading : 1;  /* a read is under way */
    bool loaded : 1;
    bool stale : 1; /* messages before the mark in the mailbox are answered with load_error */
    uint8_t key[];  /* the list's name, canonical */
};

/* start_link under the cache. home: outlives it. key: canonical. Errors: none but those of gen_server_start.
 */
int server_start(struct cache_config *home, struct process *parent, struct slice key, struct server **server);

static inline struct slice server_key(const struct server *server)
{
    return slice_of(server->key, server->key_size);
}

/* Where its value is. */
struct store *server_store(const struct server *server);

#endif
