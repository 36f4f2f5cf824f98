/* A store on a fake disk, with keys and values that are texts. A change is a sequence of words, "3.7.": each
 * is a number, greater than those of the words that the value ends with, and is appended to it. */
#ifndef TEST_C_STORE_FAKE_STORE_H
#define TEST_C_STORE_FAKE_STORE_H

#include "fake_disk.h"
#include "store/store.h"

enum { TOY_VALUE_MAX = 100000 };

/* The file's name is the key. fold passes over words that value has already; it fails with ERR_CORRUPT where
 * a word is missing before them, and with ERR_BADARG where there is a '!' among the changes. */
struct store_ops toy_ops(void);

struct fake_store {
    uv_loop_t loop;
    uv_timer_t tick; /* wakes the loop, so that a wait can end in a failure */
    struct fake_disk disk;
    struct store *store;
    unsigned workers;
    size_t journal_limit;     /* for the next open */
    uint64_t stop_timeout_ms; /* the same */
    const char *stuck;        /* key whose file is a folder; NULL: none */
    struct asked *asked;      /* all, newest first */
    unsigned answered;        /* so far */
    unsigned presses;         /* calls of config.pressure */
    bool pressed;             /* as the last one said */
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
/* Turns until a call of the disk is held. */
void fake_store_await_held(struct fake_store *f);
/* What the store does every second, now; by itself it never does. */
void fake_store_tick(struct fake_store *f);
/* A checkpoint, and the removal of journals behind it, from begin to end. Its status. */
int fake_store_checkpoint(struct fake_store *f);
void fake_store_await(struct asked *asked);
/* Until everything asked so far, and by answers to it, is answered. */
void fake_store_await_all(struct fake_store *f);

unsigned worker_of(const struct fake_store *f, const char *key);
struct asked *asked_new(struct fake_store *f);
struct asked *ask_read(struct fake_store *f, const char *key);
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
    unsigned slices;  /* of them, so far */
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
