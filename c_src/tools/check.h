/* todo_node check DIR: reads every value file and every journal and changes nothing. */
#ifndef TOOLS_CHECK_H
#define TOOLS_CHECK_H

#include "tools/status.h"

/* Problems on stdout, one line each; a summary on stderr. */
enum tool_status check_run(const char *path);

#endif
