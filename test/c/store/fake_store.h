/* A store on a fake disk, with keys and values that are texts: a change is appended to the value. */
#ifndef TEST_C_STORE_FAKE_STORE_H
#define TEST_C_STORE_FAKE_STORE_H

#include "fake_disk.h"
#include "store/store.h"

enum { TOY_VALUE_MAX = 100000 };

/* Appends changes to value; '!' among them is ERR_BADARG. The file's name is the key. */
struct store_ops toy_ops(void);

struct fake_store {
    uv_loop_t loop;
    uv_timer_t tick; /* wakes the loop, so that a wait can end in a failure */
    struct fake_disk disk;
    struct store *store;
    unsigned workers;
    struct asked *asked; /* all, newest first */
    unsigned answered;   /* so far */
    bool closed;
    int closed_status;
};

/* Something asked of the store, freed by fake_store_stop. */
struct asked {
    struct store_request request; /* first */
    struct fake_store *owner;
    struct asked *older; /* in owner->asked */
    unsigned count;      /* of answers */
    unsigned order;      /* of the answer among all of owner, from 1 */
    int status;
    int *status_copy;             /* NULL, or set when it is answered */
    struct buf value;             /* copied */
    const char *note;             /* NULL, or a line for the disk's record when it is answered */
    void (*then)(struct asked *); /* NULL, or called in done */
    void *ctx;                    /* of then */
};

/* Loop, disk and an open store. */
void fake_store_start(struct fake_store *f, unsigned workers);
/* The parts of it. close: waits for the end; its status. */
void fake_store_start_disk(struct fake_store *f, unsigned workers);
int fake_store_open(struct fake_store *f);
void fake_store_begin_close(struct fake_store *f);
int fake_store_await_closed(struct fake_store *f);
int fake_store_close(struct fake_store *f);
/* Closes the store, if it is open, and removes everything. */
void fake_store_stop(struct fake_store *f);

/* One turn of the loop, which waits for something to happen. */
void fake_store_turn(struct fake_store *f);
void fake_store_await(struct asked *asked);
/* Until everything asked so far, and by answers to it, is answered. */
void fake_store_await_all(struct fake_store *f);

unsigned worker_of(const struct fake_store *f, const char *key);
struct asked *asked_new(struct fake_store *f);
struct asked *ask_read(struct fake_store *f, const char *key);
struct asked *ask_change(struct fake_store *f, const char *key, const char *text);
struct asked *ask_put(struct fake_store *f, const char *key, const char *text);
struct asked *ask_delete(struct fake_store *f, const char *key);
struct asked *ask_set_aside(struct fake_store *f, const char *key);
struct asked *ask_sync(struct fake_store *f);
struct asked *ask_sync_key(struct fake_store *f, const char *key);
struct asked *ask_names(struct fake_store *f);
struct asked *ask_read_name(struct fake_store *f, const char *name);
struct asked *ask_idle(struct fake_store *f);

/* Waits for it and compares; text NULL: no matter. */
void assert_answer(struct asked *asked, int status, const char *text);

/* Somebody who holds a value in memory. */
struct holder {
    struct store_source source; /* first */
    struct fake_store *owner;
    const char *key;
    struct buf memory; /* the value */
    bool attached;
    bool refused;     /* the last attach */
    unsigned encodes; /* so far */
    unsigned failures;
    int failed_status;
    unsigned waiting;         /* own changes not answered yet */
    unsigned waiting_at_fail; /* waiting when failed was called */
    struct asked *pending;    /* of the read before attaching */
};

/* Reads the key, attaches in done (see refused). */
void holder_begin(struct holder *holder, struct fake_store *f, const char *key);
/* The same, waits for it, must succeed. */
void holder_start(struct holder *holder, struct fake_store *f, const char *key);
struct asked *holder_change(struct holder *holder, const char *text);
void holder_detach(struct holder *holder);
/* Detaches if need be. */
void holder_stop(struct holder *holder);

#endif
