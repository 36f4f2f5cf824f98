/* A round of a checkpoint: some values on their way to their files. Taken on the loop thread, written by the
 * file thread: temporaries, made durable together (a few by an fsync each, many by one syncfs), renamed, the
 * folder synced.
 */
#ifndef STORE_ROUND_H
#define STORE_ROUND_H

#include "store/store_state.h"

#include <stdbool.h>
#include <stdint.h>

/* The value of a key, on its way to its file. */
struct item {
    struct key *key; /* loop thread only */
    struct buf value;
    uint64_t number;   /* of its temporary */
    int status;        /* result */
    bool own;          /* it has failed for a reason of this key alone */
    bool removes;      /* there shall be no file */
    bool partial;      /* slices of the value are missing */
    uint64_t position; /* of the next one */
    uint32_t version;  /* of the key when the first one was taken */
    char name[STORE_NAME_ROOM];
};

struct round {
    struct task task; /* first */
    struct store *store;
    struct item *items;
    unsigned count;
    unsigned room;                       /* items allocated */
    size_t bytes;                        /* of values */
    uint64_t durable[STORE_WORKERS_MAX]; /* what is to be durable first, by worker */
    bool given;                          /* to the file thread */
    bool is_void;                        /* not to be given: a batch has failed */
};

/* done: on the loop thread, when it is written. */
struct round *round_new(struct store *store, void (*done)(struct task *task));
void round_free(struct round *round);

/* The key's value as it is now becomes part of the round, or the first slice of it. */
void round_take(struct round *round, struct key *key);

/* Takes slices of the value that was taken last until all are there, or *slices have been taken, which counts
 * down. False: some are missing. */
bool round_take_slices(struct round *round, unsigned *slices);

/* True if what it has taken is durable in the journals. */
bool round_is_durable(const struct round *round);

#endif
