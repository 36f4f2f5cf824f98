/* A disk for tests: a fresh folder, whose calls are recorded and can be made to fail or to wait. */
#ifndef TEST_C_STORE_FAKE_DISK_H
#define TEST_C_STORE_FAKE_DISK_H

#include "base/buf.h"
#include "fake_power.h"
#include "store/fs.h"

#include <stdbool.h>
#include <uv.h>

enum { DISK_ANY = -1, DISK_FOREVER = 1 << 30, DISK_DEADLINE_MS = 60000, DISK_CRASHED = 7 };

/* Which calls a rule is about. */
struct disk_match {
    int call;         /* enum fs_call or DISK_ANY */
    const char *name; /* what the last part of the path begins with; NULL: any */
};

struct fake_disk {
    struct fs fs;    /* for what is tested */
    char root[64];   /* made by fake_disk_start, removed with all that is in it by fake_disk_stop */
    char folder[80]; /* in root; not made yet */
    uv_mutex_t lock; /* protects what follows */
    uv_cond_t changed;
    struct buf record; /* a line per call: "write .tmp-0\n" */
    unsigned calls;    /* so far */
    struct disk_match fail;
    unsigned fail_after; /* matching calls that succeed first */
    unsigned fail_times; /* then so many fail */
    int fail_status;     /* negative errno, FS_SHORT (other calls than a write: -EIO), or FS_PARTIAL */
    bool fired;          /* a call has failed since fake_disk_fail */
    bool fired_at_sync;  /* it was of the folder's sync: what was renamed is there, but perhaps not durable */
    struct fake_power *power; /* NULL: a crash leaves everything */
    unsigned crash_at;        /* the process ends before this call, with DISK_CRASHED; 0: never */
    struct disk_match hold;
    bool holding; /* matching calls wait */
    unsigned held;
    unsigned holds; /* changes of hold so far */
};

void fake_disk_start(struct fake_disk *disk);
void fake_disk_stop(struct fake_disk *disk);

/* After `after` matching calls, the next `times` fail with status. Replaces the rule before. */
void fake_disk_fail(struct fake_disk *disk, int call, const char *name, unsigned after, unsigned times,
                    int status);
void fake_disk_heal(struct fake_disk *disk);
/* True if a call has failed since fake_disk_fail. at_sync: see fired_at_sync; may be NULL. */
bool fake_disk_fired(struct fake_disk *disk, bool *at_sync);

/* Matching calls wait from now on, those that wait already go on; await: until one does. */
void fake_disk_hold(struct fake_disk *disk, int call, const char *name);
void fake_disk_await_held(struct fake_disk *disk);
bool fake_disk_is_held(struct fake_disk *disk);
void fake_disk_release(struct fake_disk *disk);

/* A line of the test's own in the record. */
void fake_disk_note(struct fake_disk *disk, const char *line);
void fake_disk_forget(struct fake_disk *disk);
/* Lines that begin so. */
unsigned fake_disk_count(struct fake_disk *disk, const char *line);
/* The record's lines that begin with one of these words, "" for none, each followed by a blank. */
void fake_disk_lines(struct fake_disk *disk, const char *const words[], struct buf *out);

/* From now on the folder is as a power failure may leave it, after fake_power_cut(disk->power). */
void fake_disk_watch_power(struct fake_disk *disk);

/* Files in the folder, past the hook. A path is borrowed until the next call. */
const char *fake_disk_path(struct fake_disk *disk, const char *name);
void fake_disk_put(struct fake_disk *disk, const char *name, const char *text);
/* Appends the content; false if there is none. */
bool fake_disk_get(struct fake_disk *disk, const char *name, struct buf *out);
/* text NULL: there is no such file. */
void fake_disk_assert(struct fake_disk *disk, const char *name, const char *text);
/* Entries of the folder whose name begins so. */
unsigned fake_disk_entries(struct fake_disk *disk, const char *prefix);
void fake_disk_rename(struct fake_disk *disk, const char *from, const char *to); /* in root */

/* Permissions mean nothing to root: what follows is done as somebody else, who owns folder. */
void fake_disk_begin_nobody(struct fake_disk *disk);
void fake_disk_end_nobody(void);

/* Fails the test if bytes are not text. */
void assert_bytes(struct slice bytes, const char *text);

#endif
