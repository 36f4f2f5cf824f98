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
    const char *program; /* what system_info calls the machine; this and the next live as long as the node */
    const char *version; /* of the program */
    unsigned net_ticktime_s; /* after which a silent node is held for dead */
};

struct rpc {
    struct rpc_config config;    /* as given */
    struct statistics_seen seen; /* by statistics/1 */
};

/* From now on spawn requests are served, and a process rex is there. rpc: lives as long as the node.
 * Errors: as gen_server_start. */
int rpc_start(struct rpc *rpc, struct node *node, const struct rpc_config *config);

#endif
