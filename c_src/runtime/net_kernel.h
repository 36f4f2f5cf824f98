/* The registered process net_kernel: answers {is_auth, Node} with yes, so that net_adm:ping/1 gives pong. */
#ifndef RUNTIME_NET_KERNEL_H
#define RUNTIME_NET_KERNEL_H

#include "runtime/gen_server.h"

/* Errors: as gen_server_start. */
int net_kernel_start(struct node *node, struct gen_server **server);

#endif
