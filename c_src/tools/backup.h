/* todo_node backup NODE DIR: copies the folder of a running node on this machine. */
#ifndef TOOLS_BACKUP_H
#define TOOLS_BACKUP_H

#include "runtime/tls.h"
#include "tools/status.h"

#include <stdint.h>

struct backup_config {
    const char *node;        /* NAME or NAME@HOST */
    const char *folder;      /* is made, or empty */
    const char *cookie_file; /* NULL: not given */
    struct tls_files tls;    /* all NULL: not given */
    uint32_t net_ticktime_s; /* the node's */
};

/* One line on stdout when everything is done; what went wrong on stderr, and the folder is as before. */
enum tool_status backup_run(const struct backup_config *config);

#endif
