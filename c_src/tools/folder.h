/* A folder of values that no node uses meanwhile, and what is in it. */
#ifndef TOOLS_FOLDER_H
#define TOOLS_FOLDER_H

#include "base/buf.h"
#include "store/files.h"

#include <stdbool.h>
#include <stddef.h>

struct folder {
    struct files files;
    struct buf names;    /* of the value files, each with a NUL */
    const char **sorted; /* the same in the order of their bytes */
    size_t count;        /* of them */
};

/* Locks a folder that is there and changes nothing in it. False: why not was told on stderr, and the exit
 * status is TOOL_FOLDER. */
bool folder_open_to_read(struct folder *folder, const char *path);

/* Creates it if need be, removes temporary files that a crash left. */
bool folder_open_to_write(struct folder *folder, const char *path);

void folder_close(struct folder *folder);

/* True if there is a value file of that name. */
bool folder_has(const struct folder *folder, const char *name);

/* True for the name of a file that was set aside: no key has it, and nobody reads it. */
bool folder_name_is_aside(const char *name);

#endif
