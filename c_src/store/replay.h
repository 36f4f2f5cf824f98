/* What the journals of a folder hold, and which of their records count. Reads, changes nothing.
 *
 * A journal is the segments of one worker by their sequence. A record does not count
 *   if a later segment's void_above is less than its LSN (its append failed), or
 *   if it is, or stands behind, the torn end: a place that cannot be read and was never durable, because no
 *   later record says so (its durable is less than what is missing) and no later segment (its void_above).
 * A place that cannot be read and was durable is damage: acknowledged records are missing there.
 */
#ifndef STORE_REPLAY_H
#define STORE_REPLAY_H

#include "base/buf.h"
#include "store/files.h"
#include "store/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replay_segment {
    char name[SEGMENT_NAME_ROOM]; /* of its file */
    uint32_t worker;              /* by its name */
    uint64_t sequence;            /* by its name */
    struct buf bytes;             /* its content */
    bool head_is_whole;
    struct segment_head head; /* if head_is_whole */
    bool damaged;             /* records of it are missing, or its head; known after replay_journal */
};

struct replay {
    struct replay_segment *segments; /* by worker, then sequence */
    size_t count;
    bool is_done; /* nothing of it is needed any more, but to set aside what done names */
    struct buf done;
};

/* The name of the file that says so: the names of segments, each with a NUL, that hold damage. */
#define REPLAY_DONE ".journal-done"

/* Reads them all. Errors: ERR_VERSION (one is of another format version), negative errno. replay is to be
 * closed only after 0. */
int replay_open(struct replay *replay, const struct files *files);
void replay_close(struct replay *replay);

/* Records that are missing. */
struct replay_damage {
    struct segment_damage place;
    struct replay_segment *segment;
    size_t records; /* of the journal that count and stand before it */
    uint64_t below; /* their LSNs are less than that */
};

/* The journal that begins with segments[first]. */
struct replay_journal {
    struct record *records; /* that count, oldest first; they borrow from the segments */
    size_t count;
    struct replay_damage *damages; /* in their order */
    size_t damage_count;
    unsigned bad_heads;                /* segments with records whose head is damaged */
    const struct replay_segment *torn; /* where the torn end begins; NULL: there is none */
    size_t torn_offset;
    uint64_t lsn; /* the highest seen, whether it counts or not */
    size_t next;  /* of the next journal's first segment */
};

void replay_journal(const struct replay *replay, size_t first, struct replay_journal *journal);
void replay_journal_release(struct replay_journal *journal);

#endif
