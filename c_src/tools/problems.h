/* Problems that a command finds: one line each.
 *
 *   FILE: what is wrong
 *   FILE: offset N: what is wrong
 */
#ifndef TOOLS_PROBLEMS_H
#define TOOLS_PROBLEMS_H

#include "tools/progress.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct problems {
    FILE *out;                 /* where the lines go; borrowed */
    struct progress *progress; /* erased before each line; may be NULL */
    uint64_t count;            /* lines so far */
};

/* format: printf-style, no line break. Control characters in file become '?'. */
__attribute__((format(printf, 3, 4))) void problems_tell(struct problems *problems, const char *file,
                                                         const char *format, ...);

/* offset: bytes from the start of the file. */
void problems_tell_at(struct problems *problems, const char *file, size_t offset, const char *text);

#endif
