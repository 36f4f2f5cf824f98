/* Accepts connections. Knows nothing of what is said on them.
 *
 * Not uv_listen: libuv's own loop around accept drops everybody who waits when descriptors run out, or spins.
 */
#include "runtime/listener.h"

#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    ACCEPT_BATCH = 64, /* so many at a time, then the others of the loop have their turn */
    PAUSE_MS = 100,
    LOG_INTERVAL_MS = 10000,
};

static int parse_address(const char *text, uint16_t port, struct sockaddr_storage *address, socklen_t *size)
{
    if (uv_ip4_addr(text, port, (struct sockaddr_in *)address) == 0) {
        *size = sizeof(struct sockaddr_in);
        return 0;
    }
    if (uv_ip6_addr(text, port, (struct sockaddr_in6 *)address) == 0) {
        *size = sizeof(struct sockaddr_in6);
        return 0;
    }
    return ERR_BADARG;
}

static int open_socket(const struct sockaddr_storage *address, socklen_t size)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)address, size) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void listen_on(struct listener *listener)
{
    if (listener->fd >= 0 && !listener->held && !uv_is_active((uv_handle_t *)&listener->timer))
        uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

static void on_pause_over(uv_timer_t *timer)
{
    listen_on(timer->data);
}

static void pause_accepting(struct listener *listener, int error)
{
    uint64_t now = uv_now(listener->poll.loop);
    if (listener->logged_ms == 0 || now - listener->logged_ms >= LOG_INTERVAL_MS) {
        listener->logged_ms = now;
        log_write(LOG_WARN, "listener", "accept_paused", "reason=%s", uv_err_name(error));
    }
    uv_poll_stop(&listener->poll);
    uv_timer_start(&listener->timer, on_pause_over, PAUSE_MS, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    for (int i = 0; i < ACCEPT_BATCH && listener->fd >= 0 && !listener->held; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            listener->accepted(listener->ctx, fd);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            pause_accepting(listener, -errno);
            return;
        }
    }
}

int listener_start(struct listener *listener, uv_loop_t *loop, const char *address, uint16_t port,
                   void (*accepted)(void *ctx, int fd), void *ctx)
{
    struct sockaddr_storage bound = {0};
    socklen_t size;
    int status = parse_address(address, port, &bound, &size);
    if (status != 0)
        return status;
    int fd = open_socket(&bound, size);
    if (fd < 0)
        return fd;
    *listener = (struct listener){.fd = fd, .handles = 2, .accepted = accepted, .ctx = ctx};
    status = uv_poll_init(loop, &listener->poll, fd);
    if (status != 0) {
        close(fd);
        return status;
    }
    uv_timer_init(loop, &listener->timer);
    listener->poll.data = listener;
    listener->timer.data = listener;
    listen_on(listener);
    return 0;
}

uint16_t listener_port(const struct listener *listener)
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof bound;
    if (getsockname(listener->fd, (struct sockaddr *)&bound, &size) != 0)
        return 0;
    const struct sockaddr_in *address =
        (const struct sockaddr_in *)&bound; /* the port is there in IPv6 too */
    return ntohs(address->sin_port);        /* set: NOLINT(clang-analyzer-core.CallAndMessage) */
}

void listener_hold(struct listener *listener, bool held)
{
    if (listener->held == held || listener->fd < 0)
        return;
    listener->held = held;
    if (held)
        uv_poll_stop(&listener->poll);
    else
        listen_on(listener);
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    listener->handles--;
}

void listener_close(struct listener *listener)
{
    if (listener->fd < 0)
        return;
    uv_close((uv_handle_t *)&listener->poll, on_closed);
    uv_close((uv_handle_t *)&listener->timer, on_closed);
    close(listener->fd);
    listener->fd = -1;
}

bool listener_closed(const struct listener *listener)
{
    return listener->handles == 0;
}
