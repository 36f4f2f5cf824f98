/* The store: bytes under keys, durable. What was reported done is on disk.
 *
 * Knows keys and bytes, never what a value or a change means: the layer above gives it two pure functions,
 * fold (value, changes -> value) and file_name (key -> name of its file in the folder), and for a key whose
 * value it holds in memory a source that encodes the value on demand.
 *
 * A change becomes a record of its worker's journal (store/journal.h) and is reported done by the fdatasync
 * that covers it: one per batch, and a batch is whatever was accepted while the last one was written. Values
 * go to their files later, in checkpoints; then the journals that are not needed any more are removed. After
 * a crash store_open makes the journals' changes in the files.
 *
 * Threads: everything here is called on the loop thread, and every callback but ops.fold and a request's
 * prepare runs on the loop thread, from the loop, never from inside a call into the store (but for one case
 * of source.failed). Disk work happens on `workers` threads of the store's own, one journal each, and one for
 * value files; a key always goes to the same worker.
 *
 * Form of the data on disk: docs/disk-format.md.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/table.h"
#include "store/fs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct uv_loop_s;

struct store_ops {
    /* Appends to out the value that changes (one or more accepted ones, one after another) make of value
     * (size 0: the key has none). Changes that value holds already may come again, as long as all later ones
     * follow. Pure; runs on worker threads too. 0, or ERR_CORRUPT and the like: they cannot be made. */
    int (*fold)(void *ctx, struct slice value, struct slice changes, struct buf *out);
    /* Writes the name of the key's file, NUL-terminated, 1..255 bytes, no '/', no leading '.', one to one. */
    void (*file_name)(void *ctx, struct slice key, char name[256]);
    void *ctx;
};

struct store_config {
    const char *folder;       /* created (0700) when missing */
    unsigned workers;         /* threads, 1..64 */
    size_t value_size_max;    /* a larger value is ERR_TOO_LARGE, read or written */
    uint64_t stop_timeout_ms; /* of the last checkpoint; 0: as long as it takes */
    size_t journal_limit;     /* bytes of a worker's journal; half of it begins a checkpoint. 0: 64 MiB */
    /* True: more is accepted than the disk takes; false: it has caught up. Called when that changes: true
     * from anywhere, false from the loop. What is asked for meanwhile is accepted all the same. NULL: nobody
     * cares. */
    void (*pressure)(void *ctx, bool pressed);
    void *pressure_ctx;
    struct store_ops ops;
    struct uv_loop_s *loop; /* whose thread everything runs on */
    struct fs fs;           /* zero, but in tests that make calls fail */
};

/* Opens the folder: takes its lock, removes temporary files that a crash left, recovers what is in journals
 * (store/recovery.h), starts the workers. Errors: ERR_LOCKED (another node uses it), or a negative errno (not
 * a folder, no permission, read only ...: the folder is tried by writing to it). */
int store_open(struct store **store, const struct store_config *config);

/* Finishes everything that was accepted, writes a last checkpoint, then calls done (status 0, or the first
 * error that lost an accepted change, now or while a store_when_idle waited) from the loop. Afterwards the
 * folder holds value files only and the lock is released; only store_free may be called. Where the checkpoint
 * fails or takes longer than stop_timeout_ms the journals stay, and nothing is lost. */
void store_close(struct store *store, void (*done)(void *ctx, int status), void *ctx);

/* After done of store_close. */
void store_free(struct store *store);

/* Something asked of the store that is answered later; embedded in the asker's record, which must live until
 * done has been called. The store calls done exactly once. */
struct store_request {
    /* store_read only: with the same as done, before it and mostly on a worker's thread: what takes long and
     * needs nothing but the value and what belongs to the request. NULL: nothing. */
    void (*prepare)(struct store_request *request, int status, struct slice value);
    /* status 0 or an error; value: what was read (store_read, store_keys), borrowed until done returns. */
    void (*done)(struct store_request *request, int status, struct slice value);
    struct store_request *next; /* the store's */
    uint64_t lsn;               /* the store's: what has to be durable first */
};

/* Reads the value of key as of all changes asked for before. Errors: ERR_NOT_FOUND (no value), negative
 * errno, ERR_TOO_LARGE. */
void store_read(struct store *store, unsigned worker, struct slice key, struct store_request *request);

enum store_kind {
    STORE_PUT,    /* change is the whole new value */
    STORE_DELETE, /* change is empty; deleting what is not there succeeds */
    STORE_CHANGE  /* change is for ops.fold; by the holder of an attached key only */
};

/* Accepts one change of key (copied). request (or NULL where nobody waits): done with 0 once it is durable.
 * worker: 0..workers-1, always the same for a key. */
void store_change(struct store *store, unsigned worker, struct slice key, enum store_kind kind,
                  struct slice change, struct store_request *request);

/* A key whose value somebody holds in memory: the store asks it for the value instead of folding. At most one
 * per key; embedded in the holder. STORE_CHANGE of an attached key is the holder's own; STORE_PUT and
 * STORE_DELETE are somebody else's and make the holder's memory out of date. */
struct store_source;

struct store_source_ops {
    /* The key, borrowed from the holder; the same as long as the source is attached. */
    struct slice (*key)(const struct store_source *source);
    /* Appends the value to out as of all changes accepted up to now. */
    void (*encode)(struct store_source *source, struct buf *out);
    /* NULL, or as encode but by slices, so that a large value does not hold up the loop: appends one, of
     * which position (0 at first) says where it begins; out holds those before. False: that was the last one.
     * What is accepted between two slices may be in the value or not, as long as ops.fold makes of it, with
     * all changes accepted since the first slice, what it is. */
    bool (*encode_some)(struct store_source *source, uint64_t *position, struct buf *out);
    /* The source is detached already and its memory must be forgotten. status: a write of this key failed
     * with it, so changes accepted and not reported done are not on disk and never will be (their requests
     * have been answered); or ERR_CONFLICT: somebody else has put or deleted the key (called from inside that
     * store_change). */
    void (*failed)(struct store_source *source, int status);
};

/* In the holder's record. */
struct store_source {
    const struct store_source_ops *ops;
    struct table_link link; /* attached sources by key */
};

/* From now on source answers for its key. To be called in the done of the store_read that gave the value.
 * False, not attached: somebody has changed the key since that read was asked for, so what it gave is out of
 * date; read again. */
bool store_attach(struct store *store, struct store_source *source);

/* The source goes away (its memory too). If its file is older than its memory it is encoded now, before this
 * returns. */
void store_detach(struct store *store, struct store_source *source);

/* Done with 0 once all changes accepted before are durable (of every key); an error if one of them failed. */
void store_sync(struct store *store, struct store_request *request);

/* True if nothing that was asked for is under way. */
bool store_is_idle(const struct store *store);

/* Done with 0 when that is so. */
void store_when_idle(struct store *store, struct store_request *request);

/* Done once every change of this key accepted before is durable. */
void store_sync_key(struct store *store, unsigned worker, struct slice key, struct store_request *request);

/* Moves the key's file out of the way, as it is, after all changes asked for before: value is its new name in
 * the folder, with a NUL, which no key has. Its own name goes with the next checkpoint. Ends a source as a
 * STORE_DELETE does. Reads of the key that are asked for meanwhile wait for the end of it, but for those of a
 * change that came in between. Errors: ERR_NOT_FOUND, ERR_CONFLICT (it is being set aside already, or found
 * out after a failed write), negative errno: the key is as before. */
void store_set_aside(struct store *store, unsigned worker, struct slice key, struct store_request *request);

/* The names of the files of all keys that have a value, as of all changes accepted before, and of what else
 * is in the folder: value is a sequence of NUL-terminated names, in no order. Values go to their files first;
 * one that cannot be written is among them all the same. Errors: negative errno of the folder, or of what
 * keeps a value from being found out after a failed write. */
void store_names(struct store *store, struct store_request *request);

/* Reads a value by the name of its file as store_names gives it (in the order of no worker). */
void store_read_name(struct store *store, const char *name, struct store_request *request);

/* Journals keep all their segments until as many store_release_journals, or the close: who copies the value
 * files, and after them the journals, has everything that was durable when this returned. */
void store_hold_journals(struct store *store);
void store_release_journals(struct store *store);

/* Bytes accepted and not yet durable: what back-pressure looks at. */
size_t store_pending_bytes(const struct store *store);

#endif
