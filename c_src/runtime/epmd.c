/* Our own entry at epmd, by libei, and a look-up of others. Knows nothing of what is served at the port. */
#include "runtime/epmd.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/epmd_client.h"
#include "runtime/epmd_daemon.h"

#include <arpa/inet.h>
#include <ei.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ASK_MS = 2000, /* for one question to epmd */
    LOOKUP_MS = 5000,
    DAEMON_STARTS = 5,    /* one that finds the port of a dying predecessor in use ends without a word */
    DAEMON_ATTEMPTS = 25, /* of DAEMON_STEP_MS, for a started epmd to answer */
    DAEMON_STEP_MS = 20,
    BACKOFF_FIRST_MS = 500,
    BACKOFF_MAX_MS = 10000,
    /* Whoever ended epmd may be about to start it: at first only look for it. */
    BACKOFF_DAEMON_MS = 4000,
};

struct epmd {
    uv_loop_t *loop;
    uv_poll_t poll;   /* of fd: nothing more is said on it, its end is the end of the registration */
    uv_timer_t timer; /* until the next attempt */
    uv_work_t work;   /* the attempt, on a thread */
    ei_cnode cnode;   /* libei's idea of our node */
    char *alive;      /* our name without the host */
    uint16_t port;    /* where we listen */
    int fd;           /* keeps the name; -1 */
    int status;       /* of the last attempt */
    int logged;       /* the last status that was logged */
    uint64_t backoff_ms;
    bool polling;            /* poll is not closed */
    bool working;            /* work is with a thread */
    bool timing;             /* timer is not closed */
    void (*done)(void *ctx); /* of epmd_stop; NULL before it */
    void *done_ctx;
};

static char *alive_of(const char *node)
{
    size_t size = strcspn(node, "@");
    char *alive = mem_alloc(size + 1);
    memcpy(alive, node, size);
    alive[size] = '\0';
    return alive;
}

/* ---- one attempt: blocks */

/* 0: epmd runs and the name is free. */
static int name_is_free(const struct epmd *epmd)
{
    uint16_t port;
    int status = epmd_client_ask(NULL, epmd->alive, ASK_MS, &port);
    if (status == 0)
        return ERR_EXISTS;
    return status == ERR_NOT_FOUND ? 0 : status;
}

/* Waits for the daemon just started. */
static int await_daemon(const struct epmd *epmd)
{
    const struct timespec step = {.tv_nsec = DAEMON_STEP_MS * 1000000L};
    for (int i = 0; i < DAEMON_ATTEMPTS; i++) {
        int status = name_is_free(epmd);
        if (status == 0 || status == ERR_EXISTS)
            return status;
        nanosleep(&step, NULL);
    }
    return ERR_TIMEOUT;
}

static int start_daemon(const struct epmd *epmd)
{
    int status = ERR_TIMEOUT;
    for (int i = 0; i < DAEMON_STARTS && status == ERR_TIMEOUT; i++) {
        int started = epmd_daemon_start();
        if (started != 0) {
            log_write(LOG_WARN, "epmd", "daemon_not_started", "reason=%s", error_atom(started));
            return ERR_TIMEOUT;
        }
        log_write(LOG_INFO, "epmd", "daemon_started", "port=%d", epmd_client_port());
        status = await_daemon(epmd);
    }
    return status;
}

/* ei_publish without its deadline: with one it uses select, which cannot take descriptors beyond 1023. That
 * epmd answers has been seen just before. */
static int publish(struct epmd *epmd)
{
    int fd = ei_publish(&epmd->cnode, epmd->port);
    if (fd < 0) {
        int status = name_is_free(epmd); /* libei does not tell a taken name from any other failure */
        return status != 0 ? status : -EIO;
    }
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    epmd->fd = fd;
    return 0;
}

static int attempt(struct epmd *epmd, bool may_start_daemon)
{
    int status = name_is_free(epmd);
    if (status != 0 && status != ERR_EXISTS && may_start_daemon)
        status = start_daemon(epmd);
    return status == 0 ? publish(epmd) : status;
}

/* ---- the registration on the loop */

static void end_when_stopped(struct epmd *epmd)
{
    if (epmd->done != NULL && !epmd->polling && !epmd->working && !epmd->timing)
        epmd->done(epmd->done_ctx);
}

static void on_timer(uv_timer_t *timer);

static void on_poll_closed(uv_handle_t *handle)
{
    struct epmd *epmd = handle->data;
    epmd->polling = false;
    if (epmd->done == NULL)
        uv_timer_start(&epmd->timer, on_timer, epmd->backoff_ms, 0);
    end_when_stopped(epmd);
}

static void let_go(struct epmd *epmd)
{
    if (epmd->fd < 0)
        return;
    uv_close((uv_handle_t *)&epmd->poll, on_poll_closed);
    close(epmd->fd);
    epmd->fd = -1;
}

/* What libei leaves unread of epmd's answer, then nothing until the end. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct epmd *epmd = poll->data;
    char rest[64];
    ssize_t n = read(epmd->fd, rest, sizeof rest);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    log_write(LOG_WARN, "epmd", "lost", "name=%s", epmd->alive);
    epmd->backoff_ms = BACKOFF_FIRST_MS;
    epmd->logged = 0;
    let_go(epmd);
}

static int watch(struct epmd *epmd)
{
    int status = uv_poll_init(epmd->loop, &epmd->poll, epmd->fd);
    if (status != 0) {
        close(epmd->fd);
        epmd->fd = -1;
        return status;
    }
    epmd->poll.data = epmd;
    epmd->polling = true;
    uv_poll_start(&epmd->poll, UV_READABLE, on_readable);
    return 0;
}

static void attempt_on_thread(uv_work_t *work)
{
    struct epmd *epmd = work->data;
    epmd->status = attempt(epmd, epmd->backoff_ms >= BACKOFF_DAEMON_MS);
}

static void try_later(struct epmd *epmd)
{
    if (epmd->status != epmd->logged)
        log_write(LOG_WARN, "epmd", "not_registered", "name=%s reason=%s", epmd->alive,
                  error_atom(epmd->status));
    epmd->logged = epmd->status;
    epmd->backoff_ms = epmd->backoff_ms * 2 < BACKOFF_MAX_MS ? epmd->backoff_ms * 2 : BACKOFF_MAX_MS;
    uv_timer_start(&epmd->timer, on_timer, epmd->backoff_ms, 0);
}

static void on_attempted(uv_work_t *work, int cancelled)
{
    struct epmd *epmd = work->data;
    epmd->working = false;
    if (cancelled == 0 && epmd->status == 0)
        epmd->status = watch(epmd);
    if (epmd->done != NULL) {
        let_go(epmd);
        end_when_stopped(epmd);
    } else if (epmd->status == 0) {
        log_write(LOG_INFO, "epmd", "registered", "name=%s", epmd->alive);
    } else {
        try_later(epmd);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct epmd *epmd = timer->data;
    epmd->working = true;
    epmd->work.data = epmd;
    uv_queue_work(epmd->loop, &epmd->work, attempt_on_thread, on_attempted);
}

/* ---- beginning and end */

/* To epmd only the part before the @ is told; libei's buffers are too short for some hosts' names. */
static int init_cnode(struct epmd *epmd, uint32_t creation)
{
    char node[EI_MAXALIVELEN + sizeof "@localhost"];
    struct in_addr address = {.s_addr = htonl(INADDR_LOOPBACK)};
    if (strlen(epmd->alive) > EI_MAXALIVELEN)
        return -ENAMETOOLONG;
    snprintf(node, sizeof node, "%.*s@localhost", EI_MAXALIVELEN, epmd->alive);
    if (ei_init() != 0)
        return -EIO;
    return ei_connect_xinit(&epmd->cnode, "localhost", epmd->alive, node, &address, "", creation) < 0 ? -EIO
                                                                                                      : 0;
}

int epmd_start(struct epmd **out, uv_loop_t *loop, const char *node, uint32_t creation, uint16_t port)
{
    struct epmd *epmd = mem_zalloc(sizeof *epmd);
    epmd->loop = loop;
    epmd->alive = alive_of(node);
    epmd->port = port;
    epmd->fd = -1;
    int status = init_cnode(epmd, creation);
    if (status == 0)
        status = attempt(epmd, true);
    if (status == 0)
        status = watch(epmd);
    if (status != 0) {
        epmd_free(epmd);
        return status;
    }
    uv_timer_init(loop, &epmd->timer);
    epmd->timer.data = epmd;
    epmd->timing = true;
    *out = epmd;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct epmd *epmd = handle->data;
    epmd->timing = false;
    end_when_stopped(epmd);
}

void epmd_stop(struct epmd *epmd, void (*done)(void *ctx), void *ctx)
{
    epmd->done = done;
    epmd->done_ctx = ctx;
    uv_close((uv_handle_t *)&epmd->timer, on_timer_closed);
    if (epmd->working)
        uv_cancel((uv_req_t *)&epmd->work);
    else
        let_go(epmd);
}

void epmd_free(struct epmd *epmd)
{
    mem_free(epmd->alive);
    mem_free(epmd);
}

/* ---- others */

static int ask_host(const char *alive, const struct addrinfo *info, char address[64], uint16_t *port)
{
    struct sockaddr_storage host = {0};
    memcpy(&host, info->ai_addr, info->ai_addrlen);
    int status = epmd_client_ask(&host, alive, LOOKUP_MS, port);
    if (status == 0 &&
        getnameinfo(info->ai_addr, info->ai_addrlen, address, 64, NULL, 0, NI_NUMERICHOST) != 0)
        return -EIO;
    return status;
}

int epmd_lookup(const char *node, char address[64], uint16_t *port)
{
    const char *at = strchr(node, '@');
    if (at == NULL)
        return ERR_BADARG;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(at + 1, NULL, &hints, &found) != 0)
        return ERR_NOT_FOUND;
    char *alive = alive_of(node);
    int status = ERR_NOT_FOUND;
    for (const struct addrinfo *info = found; info != NULL; info = info->ai_next) {
        status = ask_host(alive, info, address, port);
        if (status == 0 || status == ERR_NOT_FOUND)
            break;
    }
    mem_free(alive);
    freeaddrinfo(found);
    return status;
}
