/* Journals for tests: batches of records, and what a start would find. */
#ifndef TEST_C_STORE_FAKE_JOURNAL_H
#define TEST_C_STORE_FAKE_JOURNAL_H

#include "base/buf.h"
#include "store/files.h"
#include "store/record.h"

#include <stdint.h>

void batch_add(struct buf *batch, uint64_t lsn, enum record_kind kind, const char *key, const char *change);

/* What replay.h says of the folder. */
struct found {
    struct buf lsns; /* text: the LSNs that count, each followed by a blank, a '|' behind each journal's */
    unsigned damages;
    unsigned bad_heads;
    unsigned torn; /* journals with a torn end */
};

/* Releases what found held before; zero it at first. */
void find_all(const struct files *files, struct found *found);
void found_release(struct found *found);

void add_lsn(struct buf *lsns, uint64_t lsn);

/* Writes bytes over a file of the folder, or cuts it. */
struct fake_disk;
void overwrite(struct fake_disk *disk, const char *name, size_t offset, const void *bytes, size_t size);
void flip(struct fake_disk *disk, const char *name, size_t offset, uint8_t bits);
void cut(struct fake_disk *disk, const char *name, size_t size);
size_t size_of_file(struct fake_disk *disk, const char *name);

#endif
