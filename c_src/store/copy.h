/* Copies the folder of a store that is in use. Blocking; for a thread of its own.
 *
 * Precondition: the store holds its journals (store_hold_journals) from before the start until after the end.
 * Then the copy is what a crash at some moment in between would have left (docs/disk-format.md): value files
 * are copied first, and the journals, listed after them, have every change that was made since.
 */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "store/fs.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct copy_config {
    struct fs fs;
    const char *from; /* the store's folder */
    const char *to;   /* created (0700) when missing; has to be empty, and neither from nor in it */
    /* Called after each file; total: files in all, as far as known. False: copying ends with ERR_STOPPED. */
    bool (*step)(void *ctx, uint64_t total);
    void *ctx;
};

struct copied {
    uint64_t values;           /* files */
    uint64_t segments;         /* of journals */
    uint64_t bytes;            /* of both */
    char failed[2 * PATH_MAX]; /* of what the copying failed; empty: it did not */
};

struct copy;

/* config: borrowed until copy_free. */
struct copy *copy_new(const struct copy_config *config);
void copy_free(struct copy *copy);

/* Once; everything is durable on return. Errors: -ENOTEMPTY (to), ERR_CONFLICT (it is in from), ERR_STOPPED,
 * negative errno. */
int copy_run(struct copy *copy);

/* What copy_run has done up to now. */
const struct copied *copy_done(const struct copy *copy);

/* Removes what copy_run has made, and `to` too if it was not there, as far as that is possible. */
void copy_undo(const struct copy *copy);

/* 0 if copy_run may be given that `to`: it is missing or an empty folder. Errors: -ENOTEMPTY, negative errno
 * (-ENOTDIR ...). */
int copy_check_target(const struct fs *fs, const char *to);

#endif
