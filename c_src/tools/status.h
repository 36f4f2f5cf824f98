/* What the exit status of a command means; the same numbers as the node's (options.h). */
#ifndef TOOLS_STATUS_H
#define TOOLS_STATUS_H

enum tool_status {
    TOOL_OK = 0,
    TOOL_PROBLEMS = 1, /* problems were found, or not everything could be done: each was told */
    TOOL_USAGE = 2,    /* the command line is wrong */
    TOOL_COOKIE = 3,   /* no usable cookie */
    TOOL_FOLDER = 4,   /* the folder is unusable, or somebody uses it */
    TOOL_TLS = 8       /* certificate, key or authorities cannot be used */
};

#endif
