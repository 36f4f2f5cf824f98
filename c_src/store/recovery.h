/* What a start finds in the journals that a crash has left: makes the changes in the value files and removes
 * the journals. Blocking; before the workers run. Journals of any number of workers, of this format version
 * and older ones.
 *
 * Per journal (worker number in the names): segments by sequence; records above a later segment's void_above
 * do not count; a record that cannot be read and was never durable (no later record's durable reaches its
 * LSN), and all behind it, is the torn end of the last batch and is cut; one that was durable is corruption:
 * it is logged with file and offset, the keys that it may concern (by key_crc where the head is whole) are
 * not touched any further: what is known of them is set aside with the segments concerned (renamed to
 * %aside.<time>.<n>.<segment>), all others go on. Per key: all its changes of all journals by LSN. Made anew
 * on a value that holds some of them already they do no harm (ops.fold, todo/list_change.h), so it does not
 * matter whether the value file is older or newer than the journal.
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
    uint64_t problems; /* out: damaged places, keys that could not be made whole; each was logged */
};

/* Values are written as temporaries, made durable by one syncfs for many, renamed, the folder synced, and
 * then the journals are removed: interrupted anywhere, the next start does it again. Errors: negative errno
 * (nothing is lost: the journals are still there). Corruption is no error: it is logged, counted in problems
 * and contained. */
int recovery_run(struct files *files, const struct store_ops *ops, struct recovery *recovery);

#endif
