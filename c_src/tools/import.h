/* todo_node import DIR FILE: puts what dump has printed, or the entries of a CSV file, into a folder.
 *
 * All of FILE is read and checked before anything is written. A key that is in the folder already is refused
 * (all of them are named and nothing is written) unless it shall be replaced. Each key is replaced wholly or
 * not at all, and when the command says how many values were imported they are durable.
 */
#ifndef TOOLS_IMPORT_H
#define TOOLS_IMPORT_H

#include "tools/status.h"

#include <stdbool.h>

struct import_config {
    const char *folder; /* path */
    const char *file;   /* path */
    const char *list;   /* name of the list of a CSV file; NULL: the file's, without folders and extension */
    bool replace;       /* what is there already */
};

/* A CSV file is one whose name ends in .csv, or any with list given. */
enum tool_status import_run(const struct import_config *config);

#endif
