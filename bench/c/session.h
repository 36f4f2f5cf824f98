/* One connection of the client to the node that is measured, as a node of its own name, with callers that
 * each have at most one request in flight.
 */
#ifndef SESSION_H
#define SESSION_H

#include "base/slice.h"
#include "link.h"
#include "requests.h"
#include "runtime/host.h"

#include <stdbool.h>
#include <stdint.h>

/* A caller. */
struct slot {
    uint64_t sent_ns;  /* when its request was made */
    uint32_t sequence; /* of its last request */
    uint32_t list;     /* index of the list that is asked */
    bool busy;         /* the answer is owed */
};

struct session;

/* Borrowed for the life of a session. */
struct session_config {
    const char *node;    /* full name of whom to ask */
    struct slice cookie; /* ours and theirs */
    uint32_t window;     /* how many callers */
    /* Caller's request is answered: its slot is not busy any more. answer: all bytes that stand where the
     * answer stands. What is appended to link.out now is written together. False, with a line on stderr: ends
     * it all. */
    bool (*answered)(void *ctx, struct session *session, uint32_t caller, struct slice answer);
    void *ctx; /* of answered */
};

struct session {
    const struct session_config *config; /* as given */
    char self[HOST_NODE_NAME_MAX];       /* our full name */
    struct handshake_config handshake;   /* our side of it */
    struct link link;                    /* the connection */
    struct requests requests;            /* as this node makes them */
    struct slot *slots;                  /* config->window of them */
    uint32_t busy;                       /* how many are */
    uint64_t now_ns;                     /* when what is acted on was read */
    bool awaits_write;                   /* epoll waits for room in the socket as well */
};

/* Connects, shakes hands, and has epoll wait for it with the session as data. number: tells our names apart.
 * False: a line is on stderr; session_close also then. */
bool session_open(struct session *session, const struct session_config *config, unsigned number, int epoll);
void session_close(struct session *session);

/* Takes the next free sequence of a caller that is not busy. */
struct request_id session_begin(struct session *session, uint32_t caller, uint32_t list);

/* Writes what waits, reads once, acts on it, writes. False: a line is on stderr. */
bool session_serve(struct session *session, int epoll, uint8_t *buffer, size_t size);

#endif
