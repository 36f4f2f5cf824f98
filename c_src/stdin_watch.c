/* A thread that reads stdin. Polling would not do: files cannot be polled, and what is ready may have been
 * read by another process before we read, which then blocks the loop; non-blocking mode would be forced on
 * all who share a terminal.
 */
#include "stdin_watch.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

static void read_until_end(void *argument)
{
    struct stdin_watch *watch = argument;
    char ignored[4096];
    ssize_t n;
    do
        n = read(STDIN_FILENO, ignored, sizeof ignored);
    while (n > 0 || (n < 0 && errno == EINTR));
    uv_async_send(&watch->async);
}

static void on_async(uv_async_t *async)
{
    struct stdin_watch *watch = async->data;
    watch->ended(watch->ctx);
}

int stdin_watch_start(struct stdin_watch *watch, uv_loop_t *loop, void (*ended)(void *ctx), void *ctx)
{
    *watch = (struct stdin_watch){.ended = ended, .ctx = ctx};
    int status = uv_async_init(loop, &watch->async, on_async);
    if (status != 0)
        return status;
    watch->async.data = watch;
    uv_unref((uv_handle_t *)&watch->async);
    status = uv_thread_create(&watch->thread, read_until_end, watch);
    if (status == 0)
        pthread_detach(watch->thread); /* nobody can wait for it: reading may never end */
    return status;
}
