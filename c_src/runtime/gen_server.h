/* OTP's gen_server: init, continue, call, cast, info, terminate, deferred replies, sys messages.
 *
 * A server is a struct whose first member is struct gen_server; its kind a const struct gen_server_type made
 * with GEN_SERVER_TYPE. Message shapes: {'$gen_call', {Pid, Tag}, Request}, {'$gen_cast', Request},
 * {system, {Pid, Tag}, Command} (module gen, gen_server and sys of OTP's stdlib), {'$todo_call', {Pid, Tag},
 * Request} (fast_call.h): the same calls for whoever handles them.
 */
#ifndef RUNTIME_GEN_SERVER_H
#define RUNTIME_GEN_SERVER_H

#include "runtime/from.h"
#include "runtime/process.h"

struct gen_server {
    struct process process;
    struct owed *owed; /* calls that are answered later */
    struct sys *sys;   /* suspended, statistics (sys.h); NULL: neither */
};

struct gen_server_type {
    struct process_type process;
    /* How many bytes its struct is larger for that argument of gen_server_start. NULL: 0. */
    size_t (*extra)(const void *argument);
    /* Starts it; argument as given to gen_server_start. 0, or an error: the server ends with that reason
     * (the atom of the code) and the start fails. Must not wait: what takes long begins in handle_continue.
     */
    int (*init)(struct gen_server *self, const void *argument);
    /* Runs right after init, unless that stopped the server, and before any message: begins what takes long
     * (process_pause until it is done, so that messages queue). May be NULL. */
    void (*handle_continue)(struct gen_server *self);
    /* Answers by gen_server_reply*, now, or later with gen_server_defer. */
    void (*handle_call)(struct gen_server *self, const struct from *from, struct slice request);
    /* May be NULL: counted as bad. */
    void (*handle_cast)(struct gen_server *self, struct slice request);
    void (*handle_info)(struct gen_server *self, struct slice message);
    /* Before an orderly exit (stop, exit signal of the parent, process_exit is not one); not when killed.
     * True: finished. False: not yet; the server calls gen_server_terminated when it is; meanwhile only
     * {'EXIT', ...} messages reach it (handle_info), all others stay unread. NULL: nothing to do. reason: a
     * term, borrowed. */
    bool (*terminate)(struct gen_server *self, struct slice reason);
    /* Appends the state as a term, as sys:get_state shows it. */
    void (*write_state)(struct gen_server *self, struct buf *out);
    /* sys:replace_state: value (a term) is to become the state. True: it is; the state as it is then is
     * answered with sys_reply_state, now or later (gen_server_defer), when it survives what was answered.
     * False: it cannot be; why is appended, a term. NULL: no other state can be given. */
    bool (*replace_state)(struct gen_server *self, const struct from *from, struct slice value,
                          struct buf *why);
    /* Bytes that the state holds beside its struct, for process_info. At once; NULL: 0. */
    size_t (*state_bytes)(const struct gen_server *self);
    /* The struct ends: frees what it owns; NULL: nothing. (process_type.release is gen_server's own.) */
    void (*release)(struct gen_server *self);
    bool trap_exit;  /* process_flag(trap_exit, true) from the start */
    bool supervisor; /* sys shows it as one, with its module as the callback */
};

enum receive gen_server_receive(struct process *self, struct slice message);
bool gen_server_awaited_by(struct slice message, struct ref *ref);
void gen_server_release(struct process *self, struct slice reason);

/* First member of a gen_server_type initializer. */
#define GEN_SERVER_PROCESS(module_text, struct_type)                                                         \
    {                                                                                                        \
        .module = (module_text), .size = sizeof(struct_type), .receive = gen_server_receive,                 \
        .release = gen_server_release, .awaited_by = gen_server_awaited_by                                   \
    }

/* start_link (parent not NULL: linked to it) or start. name: registered before init, or NULL.
 * server: out; untouched on failure. Errors: ERR_EXISTS (name taken; init did not run, release does), what
 * init returned, ERR_STOPPED (it stopped itself in init or handle_continue). */
int gen_server_start(struct node *node, const struct gen_server_type *type, struct process *parent,
                     const char *name, const void *argument, struct gen_server **server);

/* Answer now: a whole term, or open the reply, append one term to the buffer, close it. */
void gen_server_reply(struct gen_server *self, const struct from *from, struct slice term);
void gen_server_reply_atom(struct gen_server *self, const struct from *from, const char *atom);
/* {error, Reason} of base/error.h */
void gen_server_reply_error(struct gen_server *self, const struct from *from, int code);
/* {error, {bad_request, Request}} */
void gen_server_reply_bad_request(struct gen_server *self, const struct from *from, struct slice request);
struct buf *gen_server_reply_begin(struct gen_server *self, const struct from *from);
void gen_server_reply_end(struct gen_server *self);
/* The same for sys: neither counted nor logged. Closed by process_send_end. */
struct buf *gen_server_system_reply_begin(struct gen_server *self, const struct from *from);

/* A call that is owed its answer: keeps a copy of From. Owned by the server until answered or dropped; all
 * that are left when the server ends are freed (callers hear of it by their monitors; those without are
 * told). */
struct owed {
    struct owed *prev; /* utlist, in server->owed */
    struct owed *next;
    struct gen_server *server;
    uint32_t pid_size;   /* bytes of the pid; the tag's follow */
    uint32_t size;       /* of both; the request's seq_trace token follows */
    uint32_t token_size; /* of that; 0: none */
    bool fast;           /* as in From */
    uint8_t bytes[];
};

struct owed *gen_server_defer(struct gen_server *self, const struct from *from);
/* From, borrowed from owed. Reply with it, then gen_server_owed_free. The server stands to seq_trace as it
 * did when the request came. */
struct from gen_server_owed_from(const struct owed *owed);
void gen_server_owed_free(struct owed *owed);

/* From a handler: the message that is being handled stays in the mailbox, at its place, and is offered again
 * after process_rescan. */
void gen_server_postpone(struct gen_server *self);

/* gen_server:stop from inside: terminate, then exit with reason (a term). */
void gen_server_stop(struct gen_server *self, struct slice reason);
void gen_server_stop_atom(struct gen_server *self, const char *reason);

/* The end of a terminate that returned false. */
void gen_server_terminated(struct gen_server *self);

#endif
