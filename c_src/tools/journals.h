/* The journals of a folder, for check and dump. Changes nothing. */
#ifndef TOOLS_JOURNALS_H
#define TOOLS_JOURNALS_H

#include "base/slice.h"
#include "store/files.h"
#include "tools/problems.h"

#include <stdbool.h>
#include <stdint.h>

/* One that counts (store/replay.h). Slices borrowed until each returns. */
struct journal_entry {
    uint64_t lsn;
    struct slice key;    /* canonical */
    struct slice change; /* a term: the change, a binary with the whole new value, or [] for a deletion */
};

struct journals_found {
    uint64_t segments; /* files */
    uint64_t records;  /* that count */
    uint64_t torn;     /* journals whose last batch is not whole: what a crash leaves, no problem */
};

/* Reads all journals, tells what is wrong in them, and calls each (may be NULL) with their records, journal
 * by journal. */
void journals_read(const struct files *files, struct problems *problems, struct journals_found *found,
                   void (*each)(void *ctx, const struct journal_entry *entry), void *ctx);

/* True if there is any. */
bool journals_exist(const struct files *files);

#endif
