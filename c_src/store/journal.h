/* The journal of one worker: changes in the order they were accepted, in segment files of the folder.
 *
 *   .journal-<worker>-<sequence>   store/segment.h; sequence grows by one and is never used again in a
 *                                  folder's life between two clean stops
 *
 * A new segment's void_above is the durable LSN: what a failed append may have left behind it does not count.
 * Segments go oldest first, each removal durable before the next one: what a crash brings back is never older
 * than something that is gone.
 *
 * Blocking; used by its worker's thread alone, and by the loop thread while that thread does not run.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "base/slice.h"
#include "store/files.h"
#include "store/segment.h"

#include <stdint.h>

struct journal;

struct journal_config {
    const struct files *files; /* the folder; borrowed */
    unsigned worker;           /* in the names of its segments */
    uint64_t sequence;         /* of its first segment: above all that are there */
    uint64_t lsn;              /* records so far have this LSN at most: durable, or void */
    size_t segment_size;       /* bytes preallocated for each segment; a larger batch gets a larger segment */
};

/* Touches no file until something is appended. */
struct journal *journal_new(const struct journal_config *config);

/* Closes, removes nothing. */
void journal_free(struct journal *journal);

/* Makes a batch of whole records durable: one write and one fdatasync, in a new segment if the current one is
 * full, or gone from the folder, or the last append has failed. last_lsn: of the last record in it. The first
 * record's durable is set here (the journal knows best), that of the others does not matter. 0, or a negative
 * errno: none of the records counts, and none of them will ever be recovered once a later append has
 * succeeded. After an error the next append begins a new segment, so that it works again when the disk does.
 */
int journal_append(struct journal *journal, struct slice records, uint64_t last_lsn);

/* LSN of the last record that is durable. */
uint64_t journal_durable(const struct journal *journal);

/* Bytes of records that count in all segments. */
size_t journal_size(const struct journal *journal);

/* Removes the segments in which every record's LSN is less than lsn, oldest first, the current one too (the
 * next append begins a new one). The last removal is not waited for to be durable: a segment that comes back
 * after a crash is replayed once more, which is harmless. Errors: negative errno; the segment is tried again
 * the next time. */
int journal_remove_below(struct journal *journal, uint64_t lsn);

/* Calls each with every record that counts, oldest first, from the files. Errors: negative errno, ERR_CORRUPT
 * when a record that was durable cannot be read, ERR_NOT_FOUND when a segment is gone (each has been called
 * for all others). */
int journal_scan(const struct journal *journal, void (*each)(void *ctx, const struct record *record),
                 void *ctx);

#endif
