/* Frames to answers. Knows no lists and no phases. */
#include "session.h"

#include "base/error.h"
#include "base/mem.h"
#include "numbers.h"
#include "wire/challenge.h"
#include "wire/control.h"

#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { HANDSHAKE_MS = 7000, CREATION_MIN = 4 };

/* What OTP 25 announces of what we know, but for spawning. */
#define FLAGS (HANDSHAKE_FLAGS & ~(DFLAG_SPAWN | DFLAG_ALTACT_SIG))

static bool fail(const struct session *session, const char *text)
{
    fprintf(stderr, "batch_client: %s: %s\n", session->config->node, text);
    return false;
}

static bool fail_with(const struct session *session, int error)
{
    return fail(session, error_text(error));
}

static bool set_names(struct session *session, unsigned number)
{
    char alive[64];
    uint32_t creation;
    snprintf(alive, sizeof alive, "bench_%ld_%u", (long)getpid(), number);
    if (host_node_name(alive, false, session->self) != 0)
        return fail(session, "this machine has no name for nodes");
    do
        challenge_random(&creation, sizeof creation);
    while (creation < CREATION_MIN);
    session->handshake = (struct handshake_config){.node = slice_of_text(session->self),
                                                   .cookie = session->config->cookie,
                                                   .creation = creation,
                                                   .flags = FLAGS};
    requests_init(&session->requests, session->self, creation);
    return true;
}

/* The other side says nothing of its own accord until it has heard from us. */
static bool shake_hands(struct session *session)
{
    uint8_t buffer[1024];
    struct slice frame;
    struct pollfd readable = {.fd = session->link.fd, .events = POLLIN};
    int status = link_flush(&session->link);
    while (status >= 0 && session->link.handshake != NULL) {
        if (poll(&readable, 1, HANDSHAKE_MS) <= 0)
            return fail_with(session, ERR_TIMEOUT);
        status = link_read(&session->link, buffer, sizeof buffer);
        if (status == 1)
            status = link_next(&session->link, &frame);
        if (status >= 0)
            status = link_flush(&session->link);
    }
    return status >= 0 ? true : fail_with(session, status);
}

bool session_open(struct session *session, const struct session_config *config, unsigned number, int epoll)
{
    *session = (struct session){.config = config, .link.fd = -1};
    session->slots = mem_zalloc(config->window * sizeof *session->slots);
    if (!set_names(session, number))
        return false;
    int status = link_connect(&session->link, config->node, &session->handshake);
    if (status != 0)
        return fail_with(session, status);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};
    if (!shake_hands(session))
        return false;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, session->link.fd, &event) == 0 ? true : fail(session, "epoll");
}

void session_close(struct session *session)
{
    link_close(&session->link);
    requests_release(&session->requests);
    mem_free(session->slots);
    session->slots = NULL;
}

struct request_id session_begin(struct session *session, uint32_t caller, uint32_t list)
{
    struct slot *slot = &session->slots[caller];
    slot->sent_ns = session->now_ns;
    slot->list = list;
    slot->busy = true;
    session->busy++;
    return (struct request_id){.caller = caller, .sequence = ++slot->sequence};
}

static bool answer(struct session *session, struct request_id id, struct slice answer)
{
    if (id.caller >= session->config->window || !session->slots[id.caller].busy ||
        session->slots[id.caller].sequence != id.sequence)
        return fail(session, "an answer to no request that is open");
    session->slots[id.caller].busy = false;
    session->busy--;
    return session->config->answered(session->config->ctx, session, id.caller, answer);
}

static bool take_frame(struct session *session, struct slice frame)
{
    struct request_id id;
    struct slice term;
    if (frame.size == 0) {
        if (session->link.out.size == 0)
            control_tick(&session->link.out);
        return true;
    }
    switch (requests_frame(&session->requests, frame, &id, &term)) {
    case REQUEST_ANSWER:
        return answer(session, id, term);
    case REQUEST_DOWN:
        return fail(session, "a process that was asked has ended");
    case REQUEST_FOREIGN:
        return fail(session, "a frame that is not in order, or the wrong tag");
    case REQUEST_OTHER:
        break;
    }
    return true;
}

static bool take_frames(struct session *session)
{
    struct slice frame;
    int status;
    session->now_ns = clock_ns();
    while ((status = link_next(&session->link, &frame)) == 1) {
        if (!take_frame(session, frame))
            return false;
    }
    return status == 0 ? true : fail_with(session, status);
}

static bool await(struct session *session, int epoll)
{
    bool wanted = link_waits(&session->link);
    struct epoll_event event = {.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = session};
    if (wanted != session->awaits_write && epoll_ctl(epoll, EPOLL_CTL_MOD, session->link.fd, &event) != 0)
        return fail(session, "epoll");
    session->awaits_write = wanted;
    return true;
}

bool session_serve(struct session *session, int epoll, uint8_t *buffer, size_t size)
{
    int status = link_read(&session->link, buffer, size);
    if (status == 1 && !take_frames(session))
        return false;
    if (status >= 0)
        status = link_flush(&session->link);
    return status >= 0 ? await(session, epoll) : fail_with(session, status);
}
