/* What is done for one request: by a thread, or, where memory has the answer, by the next turn of the loop.
 */
#ifndef STORE_ERRAND_H
#define STORE_ERRAND_H

#include "store/store_state.h"

#include <stdint.h>

struct errand {
    struct task task;    /* first */
    struct errand *prev; /* utlist, in store->ready */
    struct errand *next;
    struct store *store;
    struct key *key; /* pinned; NULL: of no key */
    struct store_request *request;
    struct store_request waiting; /* the store's own, before the work can begin */
    struct buf value;             /* the answer */
    uint32_t version;             /* of the key when it was asked for */
    int status;                   /* of the answer */
    bool prepared;                /* request->prepare was called */
    int checkpoint_status;        /* of the one that went before (names) */
    char name[STORE_NAME_ROOM];   /* of the key's file */
    struct {
        uint64_t number;    /* of the new name */
        uint64_t temporary; /* number of it, if the file has to be written first */
        bool writes;        /* the file is older than the value */
        bool removes;       /* there is no value, whatever is in the file */
        int value_status;   /* result where it has failed: of the value, which stays in errand->value */
    } aside;                /* of setting aside */
};

/* Somebody waits for it from now on. key: NULL for an errand of no key. */
struct errand *errand_new(struct store *store, struct key *key, struct store_request *request);

/* To a thread: work there, then done on the loop thread. */
void errand_give(struct errand *errand, struct worker *worker, void (*work)(struct task *task, int folder),
                 void (*done)(struct task *task));

/* The same for work that need not wait for what the thread was given before. */
void errand_give_first(struct errand *errand, struct worker *worker,
                       void (*work)(struct task *task, int folder), void (*done)(struct task *task));

/* Work: reads the file name. */
void errand_work_read(struct task *task, int folder);

/* Answers, and frees it. errand_answered: the done of a task. */
void errand_answer(struct errand *errand);
void errand_answered(struct task *task);

/* Answered by the next turn of the loop: until then value may be filled. */
struct errand *errand_ready(struct store *store, struct key *key, struct store_request *request, int status);
void errand_answer_ready(struct store *store);

/* The errand whose request waiting is. */
struct errand *errand_of_waiting(struct store_request *waiting);

#endif
