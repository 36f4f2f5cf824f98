/* Structured log lines on stderr. Knows nothing of who logs. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1000 };

static const char *const level_names[] = {"debug", "info", "warn", "error", "none"};

/* The one setting that every thread reads: written before threads start. */
static atomic_int threshold = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&threshold, (int)level);
}

bool log_level_parse(const char *text, enum log_level *level)
{
    for (int i = LOG_DEBUG; i <= LOG_NONE; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void write_all(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(STDERR_FILENO, bytes, size);
        if (n <= 0)
            return; /* nobody reads stderr: there is nowhere left to say so */
        bytes += n;
        size -= (size_t)n;
    }
}

void log_write(enum log_level level, const char *mod, const char *event, const char *format, ...)
{
    if ((int)level < atomic_load(&threshold))
        return;
    char line[LINE_MAX_BYTES + 2];
    int head = snprintf(line, LINE_MAX_BYTES, "level=%s mod=%s event=%s ", level_names[level], mod, event);
    size_t size = head < 0 ? 0 : (size_t)head;
    va_list arguments;
    va_start(arguments, format);
    int tail = vsnprintf(line + size, LINE_MAX_BYTES - size, format, arguments);
    va_end(arguments);
    if (tail > 0)
        size += (size_t)tail < LINE_MAX_BYTES - size ? (size_t)tail : LINE_MAX_BYTES - size - 1;
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)line[i] < 0x20)
            line[i] = '?';
    }
    while (size > 0 && line[size - 1] == ' ')
        size--;
    line[size++] = '\n';
    write_all(line, size);
}
