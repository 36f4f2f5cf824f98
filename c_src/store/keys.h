/* What the store knows of keys: which of them have changes that are not in their files yet, and where their
 * values are meanwhile; which are held in memory by somebody. Loop thread. Knows no journal and no files.
 *
 * A key that is clean, attached or not, has no struct key.
 */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include "base/buf.h"
#include "base/table.h"
#include "store/requests.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the value of a key is, as of all accepted changes. Who is attached has it in memory: then only
 * VALUE_NONE means something, that there is none. */
enum value_place {
    VALUE_IN_FILE,    /* clean */
    VALUE_HELD,       /* in key->value */
    VALUE_NONE,       /* deleted */
    VALUE_IN_JOURNAL, /* the file's, with what the journal has of it: to be scanned */
};

struct key {
    struct table_link link; /* in keys->all */
    struct key *prev;       /* utlist, in keys->dirty while first_lsn is not 0 */
    struct key *next;
    struct buf value;         /* VALUE_HELD */
    struct requests deferred; /* reads that wait for a scan or a setting aside */
    uint64_t first_lsn;       /* of its oldest change that is not in the file; 0: clean */
    uint64_t next_first_lsn;  /* of its oldest change since a checkpoint took its value; 0: none */
    uint64_t last_lsn;        /* of its newest change */
    uint64_t replaced_lsn;    /* of the first change since it is being set aside; 0: none */
    uint64_t carried_lsn;     /* of a record of its value on its way to the journal's end; 0: none */
    size_t carried_size;      /* of the last such record */
    uint64_t pass;            /* of the checkpoint that has tried it last */
    uint32_t version;         /* counts changes that were not its holder's own */
    uint32_t read_version;    /* version when the read was asked for whose done runs now */
    unsigned pins;            /* not freed meanwhile */
    unsigned worker;
    enum value_place place;
    struct key *failing_next; /* in store->failing.keys while failing; pinned */
    bool failing;
    bool in_round; /* a checkpoint has its value */
    bool stuck;    /* the last checkpoint could not write it, and it was not carried over since */
    bool setting_aside;
    bool rescanning; /* the journal is being scanned for it */
    size_t size;
    uint8_t bytes[];
};

struct keys {
    struct table all;
    struct table sources; /* attached ones by key */
    struct key *dirty;    /* utlist, oldest first_lsn first, more or less */
    unsigned dirty_count;
};

void keys_init(struct keys *keys);

/* Frees it with all keys. Precondition: no source is attached. */
void keys_release(struct keys *keys);

struct key *keys_find(struct keys *keys, struct slice bytes);

/* Found or made. worker: of a key always the same. */
struct key *keys_get(struct keys *keys, unsigned worker, struct slice bytes);

static inline struct slice key_bytes(const struct key *key)
{
    return slice_of(key->bytes, key->size);
}

/* A change of it was accepted. */
void keys_changed(struct keys *keys, struct key *key, uint64_t lsn);

/* Where its value is from now on; value: for VALUE_HELD, copied. */
void key_place(struct key *key, enum value_place place, struct slice value);

/* The value that a checkpoint took is in the file. */
void keys_written(struct keys *keys, struct key *key);

/* Its carried record is durable: the older ones are not needed any more. */
void keys_carried(struct keys *keys, struct key *key);

/* Changes after durable do not count any more. */
void keys_forget_after(struct keys *keys, struct key *key, uint64_t durable);

/* Frees it if nothing is left to be known of it. */
void keys_tidy(struct keys *keys, struct key *key);

struct store_source *keys_source(struct keys *keys, struct slice bytes);
/* Precondition: no other source has its key. */
void keys_attach(struct keys *keys, struct store_source *source);
void keys_detach(struct keys *keys, struct store_source *source);

#endif
