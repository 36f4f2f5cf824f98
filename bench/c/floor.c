/* The floor: a node in C that does nothing, to show what any node in C can do at best. It has the handshake,
 * frames, monitors and pacing of a node that is of use, and answers every call with one and the same term.
 *
 *   epoll: a peer is waited for to read, or to write where its socket was full, or not at all where it
 * pauses. Pacing: after a batch of PACED_BATCH calls a peer is not read for a while, so that what its BEAM
 * writes frame by frame is read together.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "epmd_name.h"
#include "floor_messages.h"
#include "floor_options.h"
#include "link.h"
#include "numbers.h"
#include "runtime/cookie.h"
#include "runtime/host.h"
#include "wire/challenge.h"
#include "wire/control.h"
#include "wire/etf_check.h"
#include "wire/etf_external.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utlist.h>

enum {
    READ_SIZE = 256 * 1024,
    PACED_BATCH = 8,
    EVENTS = 64,
    BACKLOG = 512,
    CREATION_MIN = 4,
    REPLY_MAX = 1 << 28,
    OUTPUT_ROOM_KEPT = 4 * 1024 * 1024
};

/* Spawning is not among what the floor can do. */
#define FLAGS (HANDSHAKE_FLAGS & ~DFLAG_SPAWN)

struct peer {
    struct link link;         /* the connection */
    struct held held;         /* monitors of its processes */
    uint32_t events;          /* that epoll waits for */
    bool paused;              /* stands in floor->paused */
    uint64_t resume_ns;       /* until when */
    struct peer *prev;        /* in floor->peers */
    struct peer *next;        /* in floor->peers */
    struct peer *paused_prev; /* in floor->paused */
    struct peer *paused_next; /* likewise */
};

struct floor {
    struct floor_options options;      /* the command line */
    char node[HOST_NODE_NAME_MAX];     /* full name */
    struct buf cookie;                 /* secret of all nodes */
    struct handshake_config handshake; /* our side of it */
    struct floor_messages messages;    /* what is answered */
    int epoll;                         /* of all sockets */
    int listening;                     /* socket */
    int signals;                       /* signalfd of those that stop us */
    int name;                          /* keeps our name at epmd */
    struct peer *peers;                /* all, utlist */
    struct peer *paused;               /* those that pause, in the order in which they go on; utlist */
    uint8_t buffer[READ_SIZE];         /* where every socket is read to */
};

static int fail(const char *subject, const char *text)
{
    fprintf(stderr, "floor: %s: %s\n", subject, text);
    return -1;
}

/* ---- peers */

static void await(struct floor *floor, struct peer *peer, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = peer};
    if (events != peer->events)
        epoll_ctl(floor->epoll, EPOLL_CTL_MOD, peer->link.fd, &event);
    peer->events = events;
}

static void end(struct floor *floor, struct peer *peer)
{
    if (peer->paused)
        DL_DELETE2(floor->paused, peer, paused_prev, paused_next);
    DL_DELETE(floor->peers, peer);
    link_close(&peer->link);
    held_release(&peer->held);
    mem_free(peer);
}

static void pause_reading(struct floor *floor, struct peer *peer)
{
    await(floor, peer, 0);
    peer->resume_ns = clock_ns() + floor->options.pacing_us * 1000u;
    peer->paused = true;
    DL_APPEND2(floor->paused, peer, paused_prev, paused_next);
}

/* Acts on all that was read; the calls among it are counted. */
static int take_frames(struct floor *floor, struct peer *peer, unsigned *calls)
{
    struct link *link = &peer->link;
    struct slice frame;
    int status, error = 0;
    while ((status = link_next(link, &frame)) == 1 && error == 0) {
        if (frame.size == 0 && link->out.size == 0)
            control_tick(&link->out);
        else if (frame.size > 0)
            *calls += floor_messages_frame(&floor->messages, frame, (link->flags & DFLAG_ALIAS) != 0,
                                           &peer->held, &link->out, &error);
    }
    return error != 0 ? error : status;
}

/* One read, one write. */
static void serve(struct floor *floor, struct peer *peer)
{
    unsigned calls = 0;
    int status = link_read(&peer->link, floor->buffer, READ_SIZE);
    if (status > 0)
        status = take_frames(floor, peer, &calls);
    if (status >= 0)
        status = link_flush(&peer->link);
    if (status < 0)
        end(floor, peer);
    else if (link_waits(&peer->link))
        await(floor, peer, EPOLLOUT);
    else if (calls >= PACED_BATCH && floor->options.pacing_us > 0)
        pause_reading(floor, peer);
    else
        await(floor, peer, EPOLLIN);
}

static void go_on_writing(struct floor *floor, struct peer *peer)
{
    if (link_flush(&peer->link) < 0) {
        end(floor, peer);
        return;
    }
    if (link_waits(&peer->link))
        return;
    if (peer->link.out.room > OUTPUT_ROOM_KEPT)
        buf_release(&peer->link.out);
    await(floor, peer, EPOLLIN);
}

static void accept_peer(struct floor *floor)
{
    int fd = accept4(floor->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct peer *peer = mem_zalloc(sizeof *peer);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    link_accept(&peer->link, fd, &floor->handshake);
    peer->events = EPOLLIN;
    DL_APPEND(floor->peers, peer);
    if (epoll_ctl(floor->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        end(floor, peer);
}

/* ---- the loop */

static void go_on_reading(struct floor *floor)
{
    uint64_t now_ns = floor->paused != NULL ? clock_ns() : 0;
    while (floor->paused != NULL && floor->paused->resume_ns <= now_ns) {
        struct peer *peer = floor->paused;
        DL_DELETE2(floor->paused, peer, paused_prev, paused_next);
        peer->paused = false;
        serve(floor, peer);
    }
}

static int wait_events(const struct floor *floor, struct epoll_event events[EVENTS])
{
    if (floor->paused == NULL)
        return epoll_wait(floor->epoll, events, EVENTS, -1);
    uint64_t now_ns = clock_ns();
    struct timespec timeout = {0};
    if (floor->paused->resume_ns > now_ns)
        timeout.tv_nsec = (long)((floor->paused->resume_ns - now_ns) % 1000000000u);
    return epoll_pwait2(floor->epoll, events, EVENTS, &timeout, NULL);
}

/* A peer that pauses is waited for as well where its socket has failed. */
static void on_event(struct floor *floor, const struct epoll_event *event)
{
    struct peer *peer = event->data.ptr;
    if (event->data.ptr == &floor->listening)
        accept_peer(floor);
    else if (peer->events == 0)
        end(floor, peer);
    else if (peer->events == EPOLLOUT)
        go_on_writing(floor, peer);
    else
        serve(floor, peer);
}

/* Until a signal stops us. */
static int run(struct floor *floor)
{
    struct epoll_event events[EVENTS];
    for (;;) {
        int count = wait_events(floor, events);
        if (count < 0 && errno != EINTR)
            return fail("epoll", strerror(errno));
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &floor->signals)
                return 0;
            on_event(floor, &events[i]);
        }
        go_on_reading(floor);
    }
}

/* ---- beginning and end */

static enum handshake_status check_name(void *ctx, struct slice peer_node)
{
    return HANDSHAKE_OK;
}

static int read_file(const char *path, struct buf *bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -errno;
    size_t n;
    while (bytes->size < REPLY_MAX && (n = fread(buf_reserve(bytes, READ_SIZE), 1, READ_SIZE, file)) > 0)
        bytes->size += n;
    int status = ferror(file) ? -EIO : feof(file) ? 0 : ERR_TOO_LARGE;
    fclose(file);
    return status;
}

static int init_messages(struct floor *floor)
{
    struct buf bytes = BUF_EMPTY, scratch = BUF_EMPTY;
    struct slice answer;
    int status = read_file(floor->options.reply_file, &bytes);
    if (status == 0)
        status =
            etf_external_read(buf_slice(&bytes), ETF_DEPTH_MAX_DEFAULT, REPLY_MAX, &scratch, &answer, NULL);
    if (status == 0)
        floor_messages_init(&floor->messages, floor->node, floor->handshake.creation, answer);
    buf_release(&bytes);
    buf_release(&scratch);
    return status == 0 ? 0 : fail(floor->options.reply_file, error_text(status));
}

static int init_node(struct floor *floor)
{
    char message[512];
    uint32_t creation;
    if (host_node_name(floor->options.sname, false, floor->node) != 0)
        return fail(floor->options.sname, "not a node name");
    if (cookie_read(floor->options.cookie_file, &floor->cookie, message) != 0)
        return fail("cookie", message);
    do
        challenge_random(&creation, sizeof creation);
    while (creation < CREATION_MIN);
    floor->handshake = (struct handshake_config){.node = slice_of_text(floor->node),
                                                 .cookie = buf_slice(&floor->cookie),
                                                 .creation = creation,
                                                 .flags = FLAGS,
                                                 .check_name = check_name};
    return 0;
}

static int listen_on_any(struct floor *floor)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    floor->listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (floor->listening < 0 || listen(floor->listening, BACKLOG) != 0 ||
        getsockname(floor->listening, (struct sockaddr *)&address, &size) != 0)
        return fail("listen", strerror(errno));
    int status = epmd_name_register(floor->node, ntohs(address.sin_port), &floor->name);
    return status == 0 ? 0 : fail(floor->node, error_text(status));
}

static int watch(struct floor *floor, int *fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = fd};
    return epoll_ctl(floor->epoll, EPOLL_CTL_ADD, *fd, &event);
}

static int init_loop(struct floor *floor)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    floor->signals = signalfd(-1, &stop, SFD_CLOEXEC);
    floor->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (floor->signals < 0 || floor->epoll < 0 || watch(floor, &floor->listening) != 0 ||
        watch(floor, &floor->signals) != 0)
        return fail("epoll", strerror(errno));
    prctl(PR_SET_TIMERSLACK, 1UL); /* else 50 us, half of what pacing waits */
    return 0;
}

static void release(struct floor *floor)
{
    struct peer *peer, *next;
    DL_FOREACH_SAFE(floor->peers, peer, next)
    end(floor, peer);
    floor_messages_release(&floor->messages);
    buf_release(&floor->cookie);
}

int main(int argc, char **argv)
{
    struct floor *floor = mem_zalloc(sizeof *floor);
    if (!floor_options_parse(argc, argv, &floor->options)) {
        mem_free(floor);
        return 2;
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit); /* if not, then as many as it is */
    }
    int status = init_node(floor);
    if (status == 0)
        status = init_messages(floor);
    if (status == 0)
        status = listen_on_any(floor);
    if (status == 0)
        status = init_loop(floor);
    if (status == 0) {
        printf("ready %s\n", floor->node);
        fflush(stdout);
        status = run(floor);
    }
    release(floor);
    mem_free(floor);
    return status == 0 ? 0 : 1;
}
