/* A hash table of records that carry their link in themselves, found by a key of bytes.
 *
 * Linear hashing: there are as many buckets as records, and each record that is added or removed splits or
 * merges one bucket or two. So no operation ever moves the whole table, a million records cost 16 bytes each
 * (the link and a bucket), and the memory goes back as they go. The hash is keyed anew for each table.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/hash.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

/* In the record. */
struct table_link {
    struct table_link *next; /* of its bucket */
};

/* The key of a record, borrowed; may not change while the record is in a table. No two have the same. */
typedef struct slice table_key_of(const struct table_link *link);

enum {
    TABLE_BUCKETS_MIN = 64, /* as soon as there was a record; a power of two */
    TABLE_SEGMENTS = 26     /* the first has TABLE_BUCKETS_MIN buckets, each other as many as all before it */
};

struct table {
    table_key_of *key;    /* of its records */
    struct hash_key seed; /* of its hash */
    uint32_t count;       /* records */
    uint32_t used;        /* buckets in use; 0: no memory is owned */
    uint64_t moved;       /* records that changed their bucket since table_init, for tests */
    struct table_link **segment[TABLE_SEGMENTS]; /* buckets */
};

/* The record of type that link is in, under that member's name; NULL for NULL. */
#define TABLE_RECORD(link, type, member)                                                                     \
    ((type *)table_record((link), offsetof(type, member))) /* NOLINT(bugprone-macro-parentheses) */

static inline void *table_record(struct table_link *link, size_t offset)
{
    return link == NULL ? NULL : (char *)link - offset;
}

void table_init(struct table *table, table_key_of *key);

/* The records stay as they are and are in no table. */
void table_release(struct table *table);

/* NULL: there is none. */
struct table_link *table_find(const struct table *table, struct slice key);

/* Precondition: none with its key is in the table. */
void table_add(struct table *table, struct table_link *link);

/* The same without the precondition: the record that has its key already, nothing is added; or NULL. */
struct table_link *table_add_new(struct table *table, struct table_link *link);

/* Precondition: it is in the table. */
void table_remove(struct table *table, struct table_link *link);

/* Finds a record and removes it. NULL: there is none. */
struct table_link *table_take(struct table *table, struct slice key);

/* A walk over all records, in no order. The table may not change meanwhile. */
struct table_walk {
    uint32_t bucket;         /* the next one */
    struct table_link *next; /* the next record of the one before; NULL: none */
};

/* walk: begins as all zero. NULL: that was all. */
struct table_link *table_next(const struct table *table, struct table_walk *walk);

#endif
