/* What an import is about: values by the names of their files. */
#ifndef TOOLS_ITEMS_H
#define TOOLS_ITEMS_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

/* A place in the text of a dump. */
struct item_place {
    struct slice text; /* from the beginning of a term on */
    unsigned long line;
    uint64_t lsn; /* of a record; 0: a value */
};

struct item {
    UT_hash_handle hh;
    struct item_place *places; /* a value at most, and records: by LSN, from items_read_dump on */
    size_t count;              /* of them */
    bool has_value;            /* one of them is */
    struct buf content;        /* of the file if there are no places: it was made already */
    char name[];               /* of the file */
};

struct items {
    struct item *all; /* uthash by name */
};

void items_release(struct items *items);

/* Adds one whose content is known; taken. There must be none of that name. */
void items_add(struct items *items, const char *name, struct buf *content);

/* Reads a dump: text must stay. Errors: ERR_BADARG; line, error as in csv_read. */
int items_read_dump(struct items *items, struct slice text, unsigned long *line, const char **error);

/* Appends the content of the item's file; nothing if the item ends deleted. Errors: ERR_BADARG (records
 * cannot be made of the value, or the value is none); line, error as above. */
int item_content(const struct item *item, struct buf *content, unsigned long *line, const char **error);

#endif
