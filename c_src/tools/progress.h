/* A progress bar on stderr, where that is a terminal; nothing otherwise.
 *
 *   check [==========          ]  50% 512/1024
 */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROGRESS_ROOM = 128 };

struct progress {
    const char *what; /* in front of the bar; borrowed */
    uint64_t total;   /* steps in all */
    uint64_t done;    /* steps so far */
    uint64_t next_ms; /* not drawn again before then */
    bool terminal;    /* stderr is one */
    bool drawn;       /* the line stands there */
};

void progress_begin(struct progress *progress, const char *what, uint64_t total);

/* One step more is done; drawn at most ten times a second. */
void progress_step(struct progress *progress);

/* Takes the line away: at the end, and before something else is written. */
void progress_erase(struct progress *progress);

/* The line. */
void progress_text(const struct progress *progress, char text[PROGRESS_ROOM]);

#endif
