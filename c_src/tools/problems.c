/* Lines about problems. Knows nothing of what is wrong. */
#include "tools/problems.h"

#include <stdarg.h>

/* A foreign file may have any name: a line stays one line, and a terminal is not told anything. */
static void print_name(FILE *out, const char *name)
{
    for (; *name != '\0'; name++)
        fputc((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name, out);
}

void problems_tell(struct problems *problems, const char *file, const char *format, ...)
{
    va_list arguments;
    if (problems->progress != NULL)
        progress_erase(problems->progress);
    problems->count++;
    print_name(problems->out, file);
    fputs(": ", problems->out);
    va_start(arguments, format);
    vfprintf(problems->out, format, arguments);
    va_end(arguments);
    fputc('\n', problems->out);
}

void problems_tell_at(struct problems *problems, const char *file, size_t offset, const char *text)
{
    problems_tell(problems, file, "offset %zu: %s", offset, text);
}
