/* What a start finds in the journals that a crash has left: makes the changes in the value files and removes
 * the journals. Blocking; before the workers run. Journals of any number of workers.
 *
 * Which records count: store/replay.h. Per key all its changes of all journals are made by LSN: from the last
 * RECORD_PUT or RECORD_DELETE on, or on the value file. Made anew on a value that holds some of them already
 * they do no harm (ops.fold, todo/list_change.h) as long as all later ones follow, so it does not matter
 * whether the value file is older or newer than the journal; and so a key of which one may be missing is left
 * alone: its file stays as it is, and its records are set aside in
 *   %aside.<time>.<n>..records-<name of its file>   a segment (store/segment.h) of no journal
 * That is so for
 *   the key of a damaged record whose head is whole (its CRC tells), and any key with records in the journal
 *   if it is not; but for those with a later RECORD_PUT or RECORD_DELETE, which are whole without it;
 *   a key whose changes ops.fold refuses, whose value file cannot be read or is empty, or whose new value
 *   cannot be written for a reason of its own (too large, a folder of that name).
 * Segments with damage are not removed but renamed, %aside.<time>.<n>.<segment>. Everything else goes on.
 */
#ifndef STORE_RECOVERY_H
#define STORE_RECOVERY_H

#include "store/files.h"
#include "store/store.h"

#include <stdint.h>

struct recovery {
    uint64_t lsn;      /* out: the highest seen */
    uint64_t sequence; /* out: above all segments that are or were there */
    uint64_t records;  /* out: that counted */
    uint64_t bytes;    /* out: of segments read */
    uint64_t keys;     /* out: whose files were written or removed */
    uint64_t problems; /* out: damaged places, keys that were set aside; each was logged */
};

/* What is found is made durable first (syncfs), for a process that was killed may have left it in memory
 * only. Values are written as temporaries, made durable by one syncfs for many, renamed, the folder synced;
 * then the file .journal-done says that the journals are done with (store/replay.h), and they are removed:
 * interrupted anywhere, the next start does it again, or only the rest of the removal (lsn is then 0, for no
 * journal is left). Errors: ERR_VERSION (a segment of another format version; nothing was touched), negative
 * errno (nothing is lost: the journals are still there). Corruption is no error: it is logged, counted in
 * problems and contained. */
int recovery_run(struct files *files, const struct store_ops *ops, struct recovery *recovery);

#endif
