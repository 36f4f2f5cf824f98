/* A node for one errand: it joins another node, asks a process there for something, works as long as that
 * lasts, and is gone.
 *
 * Hidden, in no epmd, with a random name and one process: what the other node does for that process (a
 * monitor, a link) ends with the errand, however that ends.
 */
#ifndef RUNTIME_GUEST_H
#define RUNTIME_GUEST_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct tls;

enum guest_outcome {
    GUEST_DONE,        /* work has been done, and the connection was there all the time */
    GUEST_UNREACHED,   /* no connection: error says why (ERR_NOT_FOUND: no such node; ERR_BAD_COOKIE) */
    GUEST_NO_SERVER,   /* nobody has that name there */
    GUEST_NO_ANSWER,   /* not in time */
    GUEST_NOT_WANTED,  /* answered said so */
    GUEST_LOST,        /* the connection or the process asked went before the end */
    GUEST_INTERRUPTED, /* SIGINT, SIGTERM or SIGHUP */
    GUEST_FAILED       /* it could not even start: error */
};

/* Everything borrowed until guest_run returns. */
struct guest_config {
    const char *node;   /* alive@host */
    const char *prefix; /* of the own name: letters and '_' */
    struct slice cookie;
    struct tls *tls; /* as connections_config's */
    uint32_t net_ticktime_s;
    uint32_t answer_ms; /* waited for an answer */
    const char *server; /* registered name of the process that is asked */
    /* Appends the request. self: the own process's pid, a term. Asked again when work is done: whether the
     * answer comes then, the same way, tells that the connection was there all the time. */
    void (*write_request)(void *ctx, struct slice self, struct buf *out);
    /* The first answer, a term. True: work. */
    bool (*answered)(void *ctx, struct slice term);
    /* On a thread of its own, while the connection is kept. */
    void (*work)(void *ctx);
    /* work is to return soon, its result is of no use. Called while it runs, from the other thread. */
    void (*stop)(void *ctx);
    void *ctx;
};

/* Blocks. error: set where the outcome says so. SIGPIPE is ignored from then on. */
enum guest_outcome guest_run(const struct guest_config *config, int *error);

#endif
