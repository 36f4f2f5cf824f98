/* The inside of a store, for the files that make it up: store.c (what may be asked), checkpoint.c (values to
 * files), rescan.c (values from the journal). */
#ifndef STORE_STORE_STATE_H
#define STORE_STORE_STATE_H

#include "store/checkpoint.h"
#include "store/commit.h"
#include "store/files.h"
#include "store/keys.h"
#include "store/store.h"
#include "store/task.h"

enum { STORE_NAME_ROOM = 256 };

struct store {
    struct store_config config;
    struct files files;
    struct worker *workers[STORE_WORKERS_MAX];   /* journals, reads */
    struct journal *journals[STORE_WORKERS_MAX]; /* the workers' */
    struct commit commits[STORE_WORKERS_MAX];
    struct worker *file_worker; /* value files: checkpoints, setting aside, names */
    struct keys keys;
    struct checkpoint checkpoint;
    struct errand *ready;      /* utlist: answers that need no disk */
    struct requests when_idle; /* answered 0 when nothing is under way */
    uv_async_t wake;           /* the turn after something was accepted */
    uint64_t lsn;              /* of the last record */
    uint64_t numbers;   /* of temporaries and files set aside: none twice, in no store of this folder */
    unsigned under_way; /* tasks that somebody waits for */
    int lost;           /* first error of a batch while closing, or while somebody waited for it to be idle */
    struct {
        int status;               /* why */
        struct key *keys;         /* whose holders are to be told */
        struct requests requests; /* to be answered before that */
    } failing;                    /* while a batch's failure is dealt with */
    unsigned holds;               /* who wants the journals' segments to stay */
    bool pressed;                 /* as told to config.pressure */
    bool closing;
    uint64_t closing_ms;  /* loop time of store_close */
    bool last_checkpoint; /* of closing: begun */
    bool stopping_workers;
    unsigned workers_running;
    void (*closed)(void *ctx, int status);
    void *closed_ctx;
};

/* The turn of the loop that comes next flushes, answers and goes on. */
void store_wake(struct store *store);

/* Answers a request later, from the loop. */
void store_answer_later(struct store *store, struct store_request *request, int status);

/* Keys whose values are in their worker's journal only: finds them out, on the worker's thread, and holds
 * them. */
void store_rescan(struct store *store, unsigned worker);

/* Begins the reads that waited for a key. */
void store_go_on(struct store *store, struct key *key);

/* The same, but those that were asked for when the key had this version are answered so. */
void store_answer_deferred(struct store *store, struct key *key, uint32_t version, int status,
                           struct slice value);

/* Accepts a change as the newest record of its key's worker. */
void store_record(struct store *store, struct key *key, enum store_kind kind, struct slice change);

/* Appends the key's value as of all accepted changes; false: it has none. Not while it is
 * VALUE_IN_JOURNAL or VALUE_IN_FILE, unless somebody holds it. */
bool store_value_now(struct store *store, const struct key *key, struct buf *out);

/* Whoever holds the key's value, if somebody does, is told that it is void and holds it no more. */
void store_fail_source(struct store *store, struct slice bytes, int status);

/* Tells whoever feeds the store, if it has become too much, or little enough again. */
void store_press(struct store *store);

/* Some file is older than what was accepted, or some journal is not empty. */
bool store_is_dirty(const struct store *store);

/* After anything that may have been the last. */
void store_check_idle(struct store *store);

#endif
