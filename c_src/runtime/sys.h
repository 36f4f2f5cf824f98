/* System messages of a gen_server: OTP's module sys, seen from the server's side. */
#ifndef RUNTIME_SYS_H
#define RUNTIME_SYS_H

#include "runtime/gen_server.h"

/* What can be installed and is shown by get_status. */
enum sys_debug { SYS_STATISTICS, SYS_TRACE, SYS_DEBUGS };

struct sys {
    bool suspended;            /* only system messages and the parent's exit are taken */
    bool statistics;           /* counting */
    bool terminating;          /* terminate was called and has not finished */
    uint8_t debug[SYS_DEBUGS]; /* enum sys_debug, in the order in which they were installed */
    uint8_t debug_count;
    int64_t statistics_start_s; /* Unix time */
    uint64_t messages_in;
    uint64_t messages_out;
    struct blob *stop_reason; /* while terminating */
};

/* The record, allocated when missing. */
struct sys *sys_get(struct gen_server *server);

static inline bool sys_suspended(const struct gen_server *server)
{
    return server->sys != NULL && server->sys->suspended;
}

/* Acts on {system, From, Command}; command is a term. */
void sys_handle(struct gen_server *server, const struct from *from, struct slice command);

void sys_free(struct gen_server *server);

#endif
