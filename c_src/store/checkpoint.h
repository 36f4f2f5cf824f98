/* Checkpoints: the values of keys that have changed go to their files, in rounds, and the segments of the
 * journals that nobody needs any more are removed. In the background: when nothing changes for a second, when
 * a journal has grown, when somebody waits for it.
 *
 * A pass writes every key that has changes accepted before it began. A round of it takes some values (for two
 * milliseconds, some megabytes), waits until the changes in them are durable, and has the file thread write
 * temporaries, sync them, rename them and sync the folder (store/round.h). A value that cannot be written
 * stays dirty, its records stay in the journal, and the next pass tries again; where that is the trouble of
 * this key alone and the journal grows, they are carried over (store/carry.h). Loop thread.
 */
#ifndef STORE_CHECKPOINT_H
#define STORE_CHECKPOINT_H

#include "store/requests.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { STORE_WORKERS_MAX = 64 };

struct commit;
struct key;
struct store;

struct checkpoint {
    struct store *store;
    uv_timer_t timer;                        /* every second while something is dirty */
    uint64_t seen_lsn;                       /* store->lsn at its last tick */
    struct round *round;                     /* under way; NULL: none */
    struct requests waiting;                 /* for the end of the next pass */
    struct requests in_pass;                 /* for the end of this one */
    uint64_t pass_lsn;                       /* the pass is about changes up to it */
    uint64_t pass;                           /* number of the pass, from 1 */
    unsigned trims;                          /* removals of segments under way */
    int status;                              /* first error of the pass */
    int common_status;                       /* the same, but for errors of one key alone */
    int last_status;                         /* common_status of the pass before */
    size_t journal_sizes[STORE_WORKERS_MAX]; /* when the pass began */
    size_t carried[STORE_WORKERS_MAX]; /* bytes that its journals hold for keys that were carried over */
    bool passing;                      /* a pass is under way */
    bool filling;                      /* the round's last value is not whole yet */
    bool wanted;                       /* another one is to follow */
    bool given_up;                     /* no more rounds: the store closes and it has taken too long */
};

void checkpoint_init(struct checkpoint *checkpoint, struct store *store);

/* Begins a pass, now or after the one that is under way. request: NULL, or answered at its end (0 or its
 * first error). */
void checkpoint_begin(struct checkpoint *checkpoint, struct store_request *request);

/* Goes on: once per turn of the loop in which something was accepted or has become durable. */
void checkpoint_turn(struct checkpoint *checkpoint);

/* Begins a pass if a journal has grown too far. */
void checkpoint_grown(struct checkpoint *checkpoint);
/* True of a journal for which that is so: a pass can make it smaller, and shall. */
bool checkpoint_has_grown(const struct checkpoint *checkpoint, const struct commit *commit);

/* Of a dirty key: the pass is about it. Those stand first among the dirty ones. */
bool checkpoint_in_pass(const struct checkpoint *checkpoint, const struct key *key);

/* A batch of that worker has failed: what a round has taken but not given to the file thread is void. */
void checkpoint_void(struct checkpoint *checkpoint);

/* A value of the pass that is under way cannot be found out. */
void checkpoint_failed(struct checkpoint *checkpoint, int status);

/* Nothing of it is under way. */
bool checkpoint_is_idle(const struct checkpoint *checkpoint);

void checkpoint_close(struct checkpoint *checkpoint, uv_close_cb closed);

#endif
