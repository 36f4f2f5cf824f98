/* net_kernel of a C node: says yes to {is_auth, Node}. Everything else that a BEAM's net_kernel does, it does
 * for its own node only. */
#include "runtime/net_kernel.h"

#include "wire/etf_read.h"

static int init(struct gen_server *self, const void *argument)
{
    return 0;
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    struct slice rest = request;
    if (etf_read_tagged(&rest, "is_auth", 2))
        gen_server_reply_atom(self, from, "yes");
    else
        gen_server_reply_bad_request(self, from, request);
}

static const struct gen_server_type type = {
    .process = GEN_SERVER_PROCESS("net_kernel", struct gen_server),
    .init = init,
    .handle_call = handle_call,
};

int net_kernel_start(struct node *node, struct gen_server **server)
{
    return gen_server_start(node, &type, NULL, "net_kernel", NULL, server);
}
