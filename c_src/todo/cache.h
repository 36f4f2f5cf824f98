/* Todo.Cache: name -> list server; starts what is asked for, supervises it, ends what is idle.
 *
 *   {server_process, Name} -> pid     {whereis, Name} -> pid or nil     names -> [Name]     count -> N
 *   which_children, count_children as a dynamic supervisor answers them
 */
#ifndef TODO_CACHE_H
#define TODO_CACHE_H

#include "runtime/gen_server.h"
#include "todo/database.h"

struct server;
struct cache;

struct cache_config {
    struct database *database;
    unsigned lists_max;  /* in memory; beyond it no other is made or loaded */
    unsigned expire_s;   /* lists idle for so long end; 0: never */
    struct cache *cache; /* which runs with it: the cache's own; NULL: none does */
};

/* Start function of a child specification: argument is a struct cache_config that outlives it. */
int cache_start(struct process *supervisor, void *argument, struct process **child);

/* For a list server that is cached: it was used; it has ended. Nothing if its cache has ended. */
void cache_touch(struct server *server);
void cache_forget(struct server *server);

#endif
