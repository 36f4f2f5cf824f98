/* What was asked of a fake store and how it was answered, and what has to be in the files after that: the
 * model that stores are compared with. In memory that outlives the crash of a child. */
#ifndef TEST_C_STORE_FAKE_HISTORY_H
#define TEST_C_STORE_FAKE_HISTORY_H

#include "fake_store.h"

enum {
    HISTORY_KEYS = 6,
    HISTORY_CHANGES = 6000,
    HISTORY_READS = 2000,
    HISTORY_VALUE_ROOM = 16384,
    HISTORY_NOT_ANSWERED = 1,
    HISTORY_ASIDE = STORE_CHANGE + 1 /* as an enum store_kind */
};

extern const char *const history_keys[HISTORY_KEYS];

/* The number of a change, in the order they were asked for, is in its text: "(7)" is a value, "8." a change
 * of one. */
struct history_change {
    unsigned key;
    unsigned kind;   /* enum store_kind, HISTORY_ASIDE */
    int status;      /* HISTORY_NOT_ANSWERED, or the answer */
    char aside[256]; /* HISTORY_ASIDE: the answer */
};

struct history_read {
    unsigned key;
    unsigned after; /* so many changes of all keys had been asked for */
    struct asked *asked;
};

struct history {
    char before[HISTORY_KEYS][HISTORY_VALUE_ROOM]; /* values at its beginning; "": none */
    unsigned offset;                               /* of the changes' numbers, above those in before */
    struct history_change changes[HISTORY_CHANGES];
    unsigned count;
    struct history_read reads[HISTORY_READS];
    unsigned read_count;
};

struct history *history_new(void);
void history_free(struct history *history);

/* Asks the store, and remembers. */
struct asked *history_put(struct fake_store *f, struct history *history, unsigned key);
struct asked *history_delete(struct fake_store *f, struct history *history, unsigned key);
struct asked *history_set_aside(struct fake_store *f, struct history *history, unsigned key);
/* By the holder, who is attached to the key of that number. */
struct asked *history_change(struct history *history, unsigned key, struct holder *holder);
void history_read(struct fake_store *f, struct history *history, unsigned key);

/* Everything is answered: the store's answers, the holders' memories and what was set aside are as the
 * answers to the changes say. holders: of all keys; NULL: nobody holds anything. */
void history_assert_store(struct fake_store *f, const struct history *history, const struct holder *holders);

/* Nothing has failed: each read gave what was there when it was asked for. */
void history_assert_reads(const struct history *history);

/* The store is closed. was_clean: it did all it had to, so that the files are as the answers say. Or else:
 * the changes of a worker that were not answered are there up to any one, or those that failed together with
 * nothing done after them; nothing else. */
void history_assert_files(struct fake_store *f, const struct history *history, bool was_clean);

/* A new history begins, with what is in the files. The store is closed. */
void history_settle(struct fake_store *f, struct history *history);

#endif
