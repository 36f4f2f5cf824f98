/* Draws a bar. Knows the terminal, not the work. */
#include "tools/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 30, REDRAW_MS = 100 };

void progress_text(const struct progress *progress, char text[PROGRESS_ROOM])
{
    static const char full[] = "==============================";
    uint64_t done = progress->done < progress->total ? progress->done : progress->total;
    double part = progress->total == 0 ? 1 : (double)done / (double)progress->total;
    int width = (int)(part * BAR_WIDTH);
    snprintf(text, PROGRESS_ROOM, "%.32s [%.*s%*s] %3d%% %" PRIu64 "/%" PRIu64, progress->what, width, full,
             BAR_WIDTH - width, "", (int)(part * 100), done, progress->total);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void draw(struct progress *progress)
{
    char text[PROGRESS_ROOM];
    uint64_t now = now_ms();
    if (!progress->terminal || now < progress->next_ms)
        return;
    progress_text(progress, text);
    fprintf(stderr, "\r%s", text);
    progress->next_ms = now + REDRAW_MS;
    progress->drawn = true;
}

void progress_begin(struct progress *progress, const char *what, uint64_t total)
{
    *progress = (struct progress){.what = what, .total = total, .terminal = isatty(STDERR_FILENO) == 1};
    draw(progress);
}

void progress_step(struct progress *progress)
{
    progress->done++;
    draw(progress);
}

void progress_erase(struct progress *progress)
{
    if (!progress->drawn)
        return;
    fputs("\r\033[K", stderr);
    progress->drawn = false;
    progress->next_ms = 0;
}
