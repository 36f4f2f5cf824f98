/* System messages of a gen_server: OTP's module sys, seen from the server's side. */
#ifndef RUNTIME_SYS_H
#define RUNTIME_SYS_H

#include "runtime/gen_server.h"

/* What can be installed and is shown by get_status. */
enum sys_debug { SYS_STATISTICS, SYS_TRACE, SYS_LOG, SYS_DEBUGS };

struct sys_log;

struct sys {
    bool suspended;            /* only system messages and the parent's exit are taken */
    bool statistics;           /* counting */
    bool trace;                /* each event is a line in the node's log */
    bool terminating;          /* terminate was called and has not finished */
    uint8_t debug[SYS_DEBUGS]; /* enum sys_debug, in the order in which they were installed */
    uint8_t debug_count;
    int64_t statistics_start_s; /* Unix time */
    uint64_t messages_in;
    uint64_t messages_out;
    struct blob *stop_reason;  /* while terminating */
    struct sys_log *log;       /* the last events; NULL: not kept */
    struct buf *reply;         /* where the answer goes that is being written, for the log; NULL: none is */
    size_t reply_mark;         /* where it begins there */
    struct buf reply_from;     /* its From, a term */
    struct owed *replace_owed; /* replace_state: the call while another node runs its fun; NULL: none does */
    struct blob *replacing;    /* replace_state: the state that the fun was given */
};

/* The record, allocated when missing. */
struct sys *sys_get(struct gen_server *server);

static inline bool sys_suspended(const struct gen_server *server)
{
    return server->sys != NULL && server->sys->suspended;
}

/* Acts on {system, From, Command}; command is a term. */
void sys_handle(struct gen_server *server, const struct from *from, struct slice command);

/* Answers a system message: neither counted nor logged. */
void sys_reply(struct gen_server *server, const struct from *from, struct slice term);

/* Answers get_state or replace_state with a state, in the form that the caller's release understands. */
void sys_reply_state(struct gen_server *server, const struct from *from, struct slice state);

void sys_free(struct gen_server *server);

#endif
