/* Spawn requests of other nodes (erts User's Guide, "Distribution Protocol", SPAWN_REQUEST), and with them
 * erpc and rpc: the functions of rpc_functions.h run in C, everything else ends as on a BEAM that has no such
 * code. The process exists, is linked and monitored as asked for, runs to its end at once, and its result
 * travels as its exit reason.
 */
#ifndef RUNTIME_RPC_H
#define RUNTIME_RPC_H

#include "runtime/statistics.h"

struct node;

struct rpc_config {
    const char *program; /* what system_info calls the machine; this and all texts live as long as the node */
    const char *version; /* of the program */
    unsigned net_ticktime_s; /* after which a silent node is held for dead */
    size_t output_size_max;  /* bytes waiting for a peer above which it is not read from */
    /* What which_applications shows; name NULL: nothing runs that is like an application. */
    struct {
        const char *name;
        const char *description;
        const char *supervisor; /* registered name of the top of its tree */
    } application;
};

struct rpc {
    struct rpc_config config;    /* as given */
    struct statistics_seen seen; /* by statistics/1 */
    uint32_t wall_time_holders;  /* processes that want scheduler_wall_time to be counted */
};

/* From now on spawn requests are served, and a process rex is there. rpc: lives as long as the node.
 * Errors: as gen_server_start. */
int rpc_start(struct rpc *rpc, struct node *node, const struct rpc_config *config);

/* No process that was spawned from outside is there any more, and none comes: nothing of rpc is left on the
 * loop. */
void rpc_stop(struct rpc *rpc, struct node *node);

#endif
