/* Signs of life. Knows no frames. */
#include "runtime/channel_ticks.h"

#include "base/error.h"
#include "runtime/channel_input.h"
#include "runtime/channel_output.h"
#include "runtime/channel_tls.h"
#include "wire/control.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <utlist.h>

enum {
    TICK_CHECK_MS_MAX = 1000,
    TICKS_SILENT_MAX = 5, /* 1.25 tick times */
    TICK_UNANSWERED_MS = 1000,
    ABSENCE = 4,             /* times channels_tick_ms */
    DOES_NOT_READ_MS = 5000, /* so far a peer that keeps processes from others may be behind ... */
    MUST_READ_PER_MS = 1048, /* ... with reading so many bytes: a MiB a second */
    STOP_MS = 5000           /* and so long it may, however fast it reads, when we are to stop */
};

void channel_send_tick(struct channel *channel)
{
    control_tick(channel_output(channel));
    channel_wake(channel);
}

uint64_t channels_tick_ms(const struct channels *channels)
{
    uint64_t ms = channels->config.tick_ms / 4;
    if (ms == 0)
        return 1;
    return ms < TICK_CHECK_MS_MAX ? ms : TICK_CHECK_MS_MAX;
}

static bool tick_due(struct channel *channel)
{
    uint64_t idle_ms = channel_now_ms(channel) - channel->written_ms;
    if (channel_waiting(channel) > 0)
        return false;
    /* A peer that sends all the time sends no tick to be answered, but waits for a sign of life; how soon,
     * only its own tick time tells. */
    return idle_ms + channels_tick_ms(channel->channels) > channel->channels->config.tick_ms ||
           (channel->unanswered && idle_ms >= TICK_UNANSWERED_MS);
}

/* Bytes on their way to the peer: libuv's, and the kernel's. */
static size_t in_flight(struct channel *channel)
{
    uv_os_fd_t fd;
    int kernel = 0;
    if (uv_fileno((uv_handle_t *)&channel->tcp, &fd) != 0 || ioctl(fd, TIOCOUTQ, &kernel) != 0)
        kernel = 0;
    return uv_stream_get_write_queue_size(channel_stream(channel)) + (size_t)kernel;
}

/* What the other side has read since this was asked last. */
static uint64_t has_read(struct channel *channel)
{
    uint64_t before = channel->read;
    size_t waiting = in_flight(channel); /* some sockets count what bytes cost: it may be more */
    if (channel->handed > before + waiting)
        channel->read = channel->handed - waiting;
    return channel->read - before;
}

/* A peer that is not read because it does not read fast enough is alive as long as it reads. One that others
 * wait for has to read at some speed besides; having been faster is of no use. */
static void note_progress(struct channel *channel)
{
    uint64_t now = channel_now_ms(channel);
    uint64_t size = has_read(channel);
    uint64_t paid = peer_puts_off(channel->peer) ? size / MUST_READ_PER_MS : UINT64_MAX;
    bool is_busy = channel->writing_now || (channel->tls != NULL && channel_tls_awaits(channel));
    if (is_busy && size > 0)
        channel->alive_ms = now;
    if (!is_busy || (size > 0 && paid >= now - channel->progress_ms))
        channel->progress_ms = now;
    else if (size > 0)
        channel->progress_ms += paid;
}

/* The others, or the end: what we do before we stop is not done as long as processes are put off. */
static bool starves_others(const struct channel *channel)
{
    uint64_t now = channel_now_ms(channel);
    bool puts_off = peer_puts_off(channel->peer);
    bool is_burden = puts_off || (channel->channels->crowded && channel->writing_now);
    return (is_burden && now - channel->progress_ms > DOES_NOT_READ_MS) ||
           (puts_off && channel->ignored && now - channel->ignored_ms > STOP_MS);
}

static void tick(struct channel *channel)
{
    note_progress(channel);
    if (channel->channels->held_back || channel->channels->full)
        channel->alive_ms = channel_now_ms(channel); /* what it sends is not looked at: it counts as alive */
    if (channel_now_ms(channel) - channel->alive_ms >
        (uint64_t)TICKS_SILENT_MAX * channel->channels->config.tick_ms)
        channel_close(channel, ERR_TIMEOUT, "tick_timeout");
    else if (starves_others(channel))
        channel_close(channel, -ENOBUFS, "does_not_read");
    else if (tick_due(channel))
        channel_send_tick(channel);
}

static uint64_t later(uint64_t ms, uint64_t by, uint64_t now)
{
    return now - ms < by ? now : ms + by;
}

/* While we did not run (SIGSTOP, a machine that slept) nobody was read: what they have sent meanwhile is
 * still to come, and we were the silent ones. */
static void excuse_absence(struct channels *channels)
{
    uint64_t now = uv_now(channels->config.node->loop);
    uint64_t since = channels->ticked_ms, every = channels_tick_ms(channels);
    struct channel *channel;
    channels->ticked_ms = now;
    if (since == 0 || now - since <= ABSENCE * every)
        return;
    DL_FOREACH(channels->all, channel)
    {
        channel->alive_ms = later(channel->alive_ms, now - since - every, now);
        channel->progress_ms = later(channel->progress_ms, now - since - every, now);
    }
}

void channels_tick(struct channels *channels)
{
    struct channel *channel;
    excuse_absence(channels);
    if (channels->crowded)
        channels_weigh(channels);
    /* None is freed meanwhile: closing takes a turn of the loop. */
    DL_FOREACH(channels->all, channel)
    {
        if (channel->state == CHANNEL_UP)
            tick(channel);
    }
}
