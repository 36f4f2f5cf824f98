/* One line of text on stderr per event: level=warn mod=journal event=torn_tail file=... offset=...
 *
 * Thread-safe: each line is one write(2). Never a cookie, never what users wrote.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_NONE };

/* Lines below this level are not written. Default LOG_INFO. */
void log_set_level(enum log_level level);

/* "debug", "info", "warn", "error", "none". False, level untouched, for anything else. */
bool log_level_parse(const char *text, enum log_level *level);

/* mod: the file's noun; event: snake_case. format: printf-style "key=value key=value", may be "". Bytes
 * below 0x20 in the formatted text become '?', the line is cut at 1 000 bytes. */
__attribute__((format(printf, 4, 5))) void log_write(enum log_level level, const char *mod, const char *event,
                                                     const char *format, ...);

#endif
