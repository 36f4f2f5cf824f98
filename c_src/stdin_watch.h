/* Tells when stdin has ended, whatever it is: pipe, socket, terminal, file or /dev/null. */
#ifndef STDIN_WATCH_H
#define STDIN_WATCH_H

#include <uv.h>

struct stdin_watch {
    uv_async_t async; /* from the thread to the loop; does not keep the loop alive */
    uv_thread_t thread;
    void (*ended)(void *ctx);
    void *ctx; /* of ended */
};

/* Reads stdin and forgets it, on a thread; calls ended from the loop, once, when it has ended or cannot be
 * read. There is no stop: nobody can end a thread that waits for input. watch and loop must exist until the
 * program ends. 0 or a negative errno. */
int stdin_watch_start(struct stdin_watch *watch, uv_loop_t *loop, void (*ended)(void *ctx), void *ctx);

#endif
