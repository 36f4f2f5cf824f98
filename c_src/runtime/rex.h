/* The registered process rex of OTP's module rpc: rpc:block_call, rpc:sbcast, rpc:multi_server_call, calls of
 * releases that do not know erpc, and their question whether we do.
 */
#ifndef RUNTIME_REX_H
#define RUNTIME_REX_H

#include "runtime/gen_server.h"

/* Errors: as gen_server_start. */
int rex_start(struct node *node, struct gen_server **server);

#endif
