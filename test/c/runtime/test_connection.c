/* Accepted connections over real sockets: handshake, frames, ticks, back-pressure, closing. */
#include "runtime/connection.h"

#include "base/error.h"
#include "fake_remote.h"
#include "unit.h"
#include "wire/control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LOCAL_NODE "todo@localhost"

static void shake_hands__right_cookie__peer_is_up(void **state)
{
    struct local local;
    struct remote remote;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_join(&remote, &local, "a@localhost");
    assert_int_equal(connections_count(local.connections), 1);
    assert_int_equal(peer_find(&local.node, slice_of_text("a@localhost"))->flags, HANDSHAKE_FLAGS);
    remote_disconnect(&remote);
    local_await_peer(&local, "a@localhost", false);
    local_await_count(&local, 0);
    local_stop(&local);
}

static void shake_hands__wrong_cookie__closed(void **state)
{
    struct local local;
    struct remote remote;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_connect(&remote, &local, "a@localhost");
    assert_false(remote_shake_hands(&remote, "WRONG"));
    assert_null(peer_find(&local.node, slice_of_text("a@localhost")));
    remote_disconnect(&remote);
    local_await_count(&local, 0);
    local_stop(&local);
}

static void shake_hands__our_own_name__not_allowed(void **state)
{
    struct local local;
    struct remote remote;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_connect(&remote, &local, LOCAL_NODE);
    assert_false(remote_shake_hands(&remote, REMOTE_COOKIE));
    remote_disconnect(&remote);
    local_await_count(&local, 0);
    local_stop(&local);
}

static void shake_hands__silence__closed_at_the_deadline(void **state)
{
    struct local local;
    struct remote remote;
    local_start(&local, LOCAL_NODE, (struct connections_config){.handshake_ms = 50});
    remote_connect(&remote, &local, "a@localhost");
    remote_await_close(&remote);
    remote_disconnect(&remote);
    local_await_count(&local, 0);
    local_stop(&local);
}

static void shake_hands__bytes_that_trickle__closed_at_the_deadline(void **state)
{
    struct local local;
    struct remote remote;
    char byte;
    local_start(&local, LOCAL_NODE, (struct connections_config){.handshake_ms = 50});
    remote_connect(&remote, &local, "a@localhost");
    do { /* the start of a long packet, more and more of it */
        remote_send(&remote, slice_of("\1", 1));
        local_turn(&local, remote.fd);
    } while (recv(remote.fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
    remote_disconnect(&remote);
    local_await_count(&local, 0);
    local_stop(&local);
}

static void shake_hands__packet_too_long__closed(void **state)
{
    struct local local;
    struct remote remote;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_connect(&remote, &local, "a@localhost");
    remote_send(&remote, slice_of("\10\1N", 3)); /* 2049 bytes are announced */
    remote_await_close(&remote);
    remote_disconnect(&remote);
    local_await_count(&local, 0);
    local_stop(&local);
}

static void shake_hands__frames_right_behind__acted_on(void **state)
{
    struct local local;
    struct remote remote;
    struct slice packet;
    struct buf out = BUF_EMPTY;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_connect(&remote, &local, "a@localhost");
    const struct handshake_config config = {.node = slice_of_text(remote.name),
                                            .cookie = slice_of_text(REMOTE_COOKIE),
                                            .creation = 77,
                                            .flags = HANDSHAKE_FLAGS};
    remote.handshake = handshake_connect_new(&config, slice_of_text(LOCAL_NODE), &out);
    remote_send(&remote, buf_slice(&out));
    buf_clear(&out);
    for (int i = 0; i < 2; i++) { /* status, challenge */
        assert_true(remote_receive(&remote, &packet));
        assert_int_equal(handshake_packet(remote.handshake, packet, &out), 0);
    }
    remote_write_echo(&remote, &out, 1, 100);
    remote_write_echo(&remote, &out, 2, 100);
    remote_send(&remote, buf_slice(&out));
    assert_true(remote_receive(&remote, &packet));
    assert_int_equal(handshake_packet(remote.handshake, packet, &out), 1);
    frame_reader_switch(&remote.reader, 4, UINT32_MAX);
    remote_expect_echo(&remote, 1, 100);
    remote_expect_echo(&remote, 2, 100);
    buf_release(&out);
    remote_disconnect(&remote);
    local_stop(&local);
}

static void send__many_frames__answered_in_order(void **state)
{
    struct local local;
    struct remote remote;
    struct buf out = BUF_EMPTY;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_join(&remote, &local, "a@localhost");
    for (uint32_t i = 0; i < 10000; i++)
        remote_write_echo(&remote, &out, i, 4 + i % 300);
    remote_send(&remote, buf_slice(&out));
    for (uint32_t i = 0; i < 10000; i++)
        remote_expect_echo(&remote, i, 4 + i % 300);
    buf_release(&out);
    remote_disconnect(&remote);
    local_stop(&local);
}

static void send__frame_byte_by_byte__answered(void **state)
{
    struct local local;
    struct remote remote;
    struct buf out = BUF_EMPTY;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_join(&remote, &local, "a@localhost");
    remote_write_echo(&remote, &out, 7, 10);
    for (size_t i = 0; i < out.size; i++) {
        remote_send(&remote, slice_of(out.data + i, 1));
        local_turn(&local, -1);
    }
    remote_expect_echo(&remote, 7, 10);
    buf_release(&out);
    remote_disconnect(&remote);
    local_stop(&local);
}

static void send__frame_of_some_megabytes__answered(void **state)
{
    struct local local;
    struct remote remote;
    struct buf out = BUF_EMPTY;
    local_start(&local, LOCAL_NODE, (struct connections_config){.output_size_max = 1000});
    remote_join(&remote, &local, "a@localhost");
    remote_write_echo(&remote, &out, 1, 12000000);
    remote_write_echo(&remote, &out, 2, 4);
    remote_send(&remote, buf_slice(&out));
    remote_expect_echo(&remote, 1, 12000000);
    remote_expect_echo(&remote, 2, 4);
    buf_release(&out);
    remote_disconnect(&remote);
    local_stop(&local);
}

static void send__frame_beyond_the_limit__closed(void **state)
{
    struct local local;
    struct remote remote;
    local_start(&local, LOCAL_NODE, (struct connections_config){.frame_size_max = 1000});
    remote_join(&remote, &local, "a@localhost");
    remote_send(&remote, slice_of("\0\0\3\351", 4));
    remote_await_close(&remote);
    assert_null(peer_find(&local.node, slice_of_text("a@localhost")));
    remote_disconnect(&remote);
    local_stop(&local);
}

static void send__frame_of_garbage__closed_and_others_stay(void **state)
{
    struct local local;
    struct remote bad, good;
    struct buf out = BUF_EMPTY;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_join(&bad, &local, "bad@localhost");
    remote_join(&good, &local, "good@localhost");
    remote_send(&bad, slice_of("\0\0\0\3abc", 7));
    remote_await_close(&bad);
    remote_write_echo(&good, &out, 1, 4);
    remote_send(&good, buf_slice(&out));
    remote_expect_echo(&good, 1, 4);
    buf_release(&out);
    remote_disconnect(&bad);
    remote_disconnect(&good);
    local_stop(&local);
}

static void reconnect__name_is_connected__newer_replaces_older(void **state)
{
    struct local local;
    struct remote older, newer;
    struct buf out = BUF_EMPTY;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_join(&older, &local, "a@localhost");
    remote_connect(&newer, &local, "a@localhost");
    assert_true(remote_shake_hands(&newer, REMOTE_COOKIE));
    remote_await_close(&older);
    remote_write_echo(&newer, &out, 1, 4);
    remote_send(&newer, buf_slice(&out));
    remote_expect_echo(&newer, 1, 4);
    local_await_count(&local, 1);
    buf_release(&out);
    remote_disconnect(&older);
    remote_disconnect(&newer);
    local_stop(&local);
}

static void reconnect__wrong_cookie__older_stays(void **state)
{
    struct local local;
    struct remote older, newer;
    struct buf out = BUF_EMPTY;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_join(&older, &local, "a@localhost");
    remote_connect(&newer, &local, "a@localhost");
    assert_false(remote_shake_hands(&newer, "WRONG"));
    remote_write_echo(&older, &out, 1, 4);
    remote_send(&older, buf_slice(&out));
    remote_expect_echo(&older, 1, 4);
    buf_release(&out);
    remote_disconnect(&older);
    remote_disconnect(&newer);
    local_stop(&local);
}

/* ---- ticks */

static void tick__nothing_to_write__sent_and_silent_peer_closed(void **state)
{
    struct local local;
    struct remote remote;
    struct slice frame;
    unsigned ticks = 0;
    local_start(&local, LOCAL_NODE, (struct connections_config){.tick_ms = 40});
    remote_join(&remote, &local, "a@localhost");
    uint64_t start_ms = uv_hrtime() / 1000000;
    while (remote_receive(&remote, &frame)) {
        assert_int_equal(frame.size, 0);
        ticks++;
    }
    uint64_t life_ms = uv_hrtime() / 1000000 - start_ms;
    assert_true(life_ms >= 190); /* five ticks of silence, within a clock's grain */
    assert_in_range(ticks, 2, 12);
    assert_null(peer_find(&local.node, slice_of_text("a@localhost")));
    remote_disconnect(&remote);
    local_stop(&local);
}

static void tick__received_while_idle__answered(void **state)
{
    struct local local;
    struct remote remote;
    struct slice frame;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_join(&remote, &local, "a@localhost");
    uint64_t written_ms = uv_hrtime() / 1000000;
    for (;;) { /* not while the handshake's last packet is fresh */
        remote_send(&remote, slice_of("\0\0\0\0", 4));
        if (uv_hrtime() / 1000000 - written_ms > 250)
            break;
        local_turn(&local, remote.fd);
    }
    assert_true(remote_receive(&remote, &frame));
    assert_int_equal(frame.size, 0);
    remote_disconnect(&remote);
    local_stop(&local);
}

static void tick__received_just_after_writing__not_answered(void **state)
{
    struct local local;
    struct remote remote;
    struct buf out = BUF_EMPTY;
    struct slice frame;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_join(&remote, &local, "a@localhost");
    remote_write_echo(&remote, &out, 1, 4);
    remote_send(&remote, buf_slice(&out));
    remote_expect_echo(&remote, 1, 4);
    buf_clear(&out);
    control_tick(&out);
    remote_write_echo(&remote, &out, 2, 4);
    remote_send(&remote, buf_slice(&out));
    assert_true(remote_receive(&remote, &frame));
    assert_true(frame.size > 0);
    buf_release(&out);
    remote_disconnect(&remote);
    local_stop(&local);
}

/* ---- limits */

static void accept__too_many_handshakes__next_one_waits(void **state)
{
    struct local local;
    struct remote silent[2], remote;
    local_start(&local, LOCAL_NODE, (struct connections_config){.handshakes_max = 2});
    for (int i = 0; i < 2; i++)
        remote_connect(&silent[i], &local, "silent@localhost");
    remote_connect(&remote, &local, "a@localhost");
    local_await_count(&local, 2);
    for (int i = 0; i < 20; i++) {
        local_turn(&local, -1);
        assert_int_equal(connections_count(local.connections), 2);
    }
    remote_disconnect(&silent[0]);
    assert_true(remote_shake_hands(&remote, REMOTE_COOKIE));
    local_await_peer(&local, "a@localhost", true);
    remote_disconnect(&silent[1]);
    remote_disconnect(&remote);
    local_await_count(&local, 0);
    local_stop(&local);
}

static void accept__as_many_connections_as_may_be__others_are_refused(void **state)
{
    struct local local;
    struct remote one, other, again;
    local_start(&local, LOCAL_NODE, (struct connections_config){.connections_max = 1});
    remote_join(&one, &local, "a@localhost");
    remote_connect(&other, &local, "b@localhost");
    assert_false(remote_shake_hands(&other, REMOTE_COOKIE));
    remote_disconnect(&other);
    local_await_count(&local, 1);
    local_await_peer(&local, "a@localhost", true);
    remote_connect(&again, &local, "a@localhost"); /* takes the place of the one before */
    assert_true(remote_shake_hands(&again, REMOTE_COOKIE));
    remote_disconnect(&one);
    remote_disconnect(&again);
    local_await_count(&local, 0);
    remote_join(&other, &local, "b@localhost");
    remote_disconnect(&other);
    local_await_count(&local, 0);
    local_stop(&local);
}

static uint64_t cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void accept__no_descriptors__pauses_and_goes_on(void **state)
{
    struct local local;
    struct remote connected, waiting;
    struct buf out = BUF_EMPTY;
    struct rlimit limit, low;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_join(&connected, &local, "a@localhost");
    remote_connect(&waiting, &local, "b@localhost");
    getrlimit(RLIMIT_NOFILE, &limit);
    low = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    uint64_t start_ms = uv_hrtime() / 1000000, start_us = cpu_us();
    while (uv_hrtime() / 1000000 - start_ms < 250)
        local_turn(&local, -1);
    assert_true(cpu_us() - start_us < 125000);
    assert_int_equal(connections_count(local.connections), 1);
    remote_write_echo(&connected, &out, 1, 4);
    remote_send(&connected, buf_slice(&out));
    remote_expect_echo(&connected, 1, 4);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(remote_shake_hands(&waiting, REMOTE_COOKIE));
    buf_release(&out);
    remote_disconnect(&connected);
    remote_disconnect(&waiting);
    local_stop(&local);
}

static void accept__descriptor_beyond_1024__served(void **state)
{
    struct local local;
    struct remote remote;
    struct buf out = BUF_EMPTY;
    struct rlimit limit;
    int filler[1100], count = 0;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < 1200)
        skip();
    struct rlimit high = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &high), 0);
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    while (count < 1100 && (filler[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    assert_int_equal(count, 1100);
    remote_join(&remote, &local, "a@localhost");
    remote_write_echo(&remote, &out, 1, 4);
    remote_send(&remote, buf_slice(&out));
    remote_expect_echo(&remote, 1, 4);
    buf_release(&out);
    remote_disconnect(&remote);
    while (count > 0)
        close(filler[--count]);
    local_stop(&local);
}

enum { SLOW_REQUESTS = 3000, SLOW_SIZE = 10000 };

/* Sends until the socket takes no more, for a while, or everything is sent; returns how much was. */
static size_t send_until_stuck(struct remote *remote, const struct buf *out)
{
    size_t sent = 0;
    unsigned stuck = 0;
    while (sent < out->size && stuck < 50) {
        ssize_t n = send(remote->fd, out->data + sent, out->size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        stuck = n < 0 ? stuck + 1 : 0;
        sent += n < 0 ? 0 : (size_t)n;
        local_turn(remote->local, -1);
    }
    return sent;
}

static void send__peer_that_does_not_read__not_read_until_it_does(void **state)
{
    struct local local;
    struct remote remote;
    struct buf out = BUF_EMPTY;
    const size_t max = 100000;
    local_start(&local, LOCAL_NODE, (struct connections_config){.output_size_max = max});
    remote_join(&remote, &local, "a@localhost");
    for (uint32_t i = 0; i < SLOW_REQUESTS; i++)
        remote_write_echo(&remote, &out, i, SLOW_SIZE);
    size_t sent = send_until_stuck(&remote, &out);
    assert_true(sent < out.size);
    assert_true(local.echoed < SLOW_REQUESTS);
    const struct peer *peer = peer_find(&local.node, slice_of_text("a@localhost"));
    assert_true(peer->out.size <= max + 2 * SLOW_SIZE);
    unsigned answered = 0;
    while (sent < out.size) { /* reads as fast as it sends from now on */
        ssize_t n = send(remote.fd, out.data + sent, out.size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n < 0 ? 0 : (size_t)n;
        remote_expect_echo(&remote, answered++, SLOW_SIZE);
    }
    while (answered < SLOW_REQUESTS)
        remote_expect_echo(&remote, answered++, SLOW_SIZE);
    assert_int_equal(local.echoed, SLOW_REQUESTS);
    buf_release(&out);
    remote_disconnect(&remote);
    local_stop(&local);
}

static void tick__peer_that_reads_slowly__stays(void **state)
{
    struct local local;
    struct remote remote;
    struct buf out = BUF_EMPTY;
    local_start(&local, LOCAL_NODE, (struct connections_config){.output_size_max = 100000, .tick_ms = 500});
    remote_join(&remote, &local, "a@localhost");
    for (uint32_t i = 0; i < 1000; i++)
        remote_write_echo(&remote, &out, i, SLOW_SIZE);
    size_t sent = send_until_stuck(&remote, &out);
    uint64_t start_ms = uv_hrtime() / 1000000;
    for (uint32_t i = 0; uv_hrtime() / 1000000 - start_ms < 3000; i++) {
        assert_true(i < local.echoed);
        remote_expect_echo(&remote, i, SLOW_SIZE);
        for (int turn = 0; turn < 4; turn++)
            local_turn(&local, -1);
    }
    assert_non_null(peer_find(&local.node, slice_of_text("a@localhost")));
    assert_true(sent > 0);
    buf_release(&out);
    remote_disconnect(&remote);
    local_stop(&local);
}

static void tick__peer_that_does_not_read__closed(void **state)
{
    struct local local;
    struct remote remote;
    struct buf out = BUF_EMPTY;
    local_start(&local, LOCAL_NODE, (struct connections_config){.output_size_max = 100000, .tick_ms = 20});
    remote_join(&remote, &local, "a@localhost");
    for (uint32_t i = 0; i < SLOW_REQUESTS; i++)
        remote_write_echo(&remote, &out, i, SLOW_SIZE);
    send_until_stuck(&remote, &out);
    local_await_peer(&local, "a@localhost", false);
    buf_release(&out);
    remote_disconnect(&remote);
    local_stop(&local);
}

/* Two peers and the time of a dozen ticks, in which nobody is read and nobody is lost. */
static void hold_back__then_not__nothing_is_read_meanwhile_and_all_afterwards(void **state)
{
    enum { REQUESTS = 100 };
    struct local local;
    struct remote first, second;
    struct buf out = BUF_EMPTY, more = BUF_EMPTY;
    local_start(&local, LOCAL_NODE, (struct connections_config){.tick_ms = 20});
    remote_join(&first, &local, "a@localhost");
    remote_join(&second, &local, "b@localhost");
    connections_hold_back(local.connections, true);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        remote_write_echo(&first, &out, i, 1000);
        remote_write_echo(&second, &more, i, 1000);
    }
    remote_send(&first, buf_slice(&out));
    remote_send(&second, buf_slice(&more));
    uint64_t start_ms = uv_hrtime() / 1000000;
    while (uv_hrtime() / 1000000 - start_ms < 250)
        local_turn(&local, -1);
    assert_true(local.echoed <= 2); /* a frame of each, with which it was seen */
    assert_non_null(peer_find(&local.node, slice_of_text("a@localhost")));
    connections_hold_back(local.connections, false);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        remote_expect_echo(&first, i, 1000);
        remote_expect_echo(&second, i, 1000);
    }
    buf_release(&out);
    buf_release(&more);
    remote_disconnect(&first);
    remote_disconnect(&second);
    local_stop(&local);
}

static void hold_back__handshake_meanwhile__is_done(void **state)
{
    struct local local;
    struct remote remote;
    struct buf out = BUF_EMPTY;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    connections_hold_back(local.connections, true);
    remote_join(&remote, &local, "a@localhost");
    remote_write_echo(&remote, &out, 1, 4);
    remote_send(&remote, buf_slice(&out));
    connections_hold_back(local.connections, false);
    remote_expect_echo(&remote, 1, 4);
    buf_release(&out);
    remote_disconnect(&remote);
    local_stop(&local);
}

/* ---- the end */

static void close__answers_waiting__all_arrive(void **state)
{
    struct local local;
    struct remote remote;
    struct buf out = BUF_EMPTY;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_join(&remote, &local, "a@localhost");
    for (uint32_t i = 0; i < 1000; i++)
        remote_write_echo(&remote, &out, i, SLOW_SIZE);
    send_until_stuck(&remote, &out);
    unsigned echoed = local.echoed;
    assert_true(echoed > 0);
    local_close(&local);
    assert_null(peer_find(&local.node, slice_of_text("a@localhost")));
    for (uint32_t i = 0; i < echoed; i++)
        remote_expect_echo(&remote, i, SLOW_SIZE);
    remote_await_close(&remote);
    buf_release(&out);
    remote_disconnect(&remote);
    local_stop(&local);
}

static void close__handshakes_in_flight__all_closed(void **state)
{
    struct local local;
    struct remote remotes[10];
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    for (int i = 0; i < 10; i++)
        remote_connect(&remotes[i], &local, "a@localhost");
    local_await_count(&local, 10);
    local_close(&local);
    for (int i = 0; i < 10; i++) {
        remote_await_close(&remotes[i]);
        remote_disconnect(&remotes[i]);
    }
    local_stop(&local);
}

static void stop_accepting__what_had_arrived__is_answered(void **state)
{
    struct local local;
    struct remote remote;
    struct buf out = BUF_EMPTY;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    remote_join(&remote, &local, "a@localhost");
    remote_write_echo(&remote, &out, 1, 4);
    remote_send(&remote, buf_slice(&out)); /* is in our socket when it returns */
    connections_stop_accepting(local.connections);
    remote_expect_echo(&remote, 1, 4);
    buf_release(&out);
    remote_disconnect(&remote);
    local_stop(&local);
}

/* Ends at a different point of its life each time. */
static void live_shortly(struct local *local, unsigned turn)
{
    struct remote remote;
    struct buf out = BUF_EMPTY;
    remote_connect(&remote, local, turn % 2 == 0 ? "a@localhost" : "b@localhost");
    if (turn % 4 == 1) {
        remote_send(&remote, slice_of("\0", 1));
    } else if (turn % 4 == 2) {
        assert_true(remote_shake_hands(&remote, REMOTE_COOKIE));
    } else if (turn % 4 == 3) {
        assert_true(remote_shake_hands(&remote, REMOTE_COOKIE));
        remote_write_echo(&remote, &out, turn, 100);
        remote_send(&remote, buf_slice(&out));
    }
    buf_release(&out);
    remote_disconnect(&remote);
}

static void disconnect__ten_thousand_times__nothing_left(void **state)
{
    struct local local;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    for (unsigned i = 0; i < 10000; i++)
        live_shortly(&local, i);
    local_await_count(&local, 0);
    local_stop(&local);
}

static void start__port_in_use__error(void **state)
{
    struct local local;
    struct connections *second;
    local_start(&local, LOCAL_NODE, (struct connections_config){0});
    const struct connections_config config = {.node = &local.node};
    uint16_t port = connections_port(local.connections);
    assert_int_equal(connections_start(&second, &config, "127.0.0.1", port), -EADDRINUSE);
    assert_int_equal(connections_start(&second, &config, "localhost", 0), ERR_BADARG);
    local_stop(&local);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shake_hands__right_cookie__peer_is_up),
        cmocka_unit_test(shake_hands__wrong_cookie__closed),
        cmocka_unit_test(shake_hands__our_own_name__not_allowed),
        cmocka_unit_test(shake_hands__silence__closed_at_the_deadline),
        cmocka_unit_test(shake_hands__bytes_that_trickle__closed_at_the_deadline),
        cmocka_unit_test(shake_hands__packet_too_long__closed),
        cmocka_unit_test(shake_hands__frames_right_behind__acted_on),
        cmocka_unit_test(send__many_frames__answered_in_order),
        cmocka_unit_test(send__frame_byte_by_byte__answered),
        cmocka_unit_test(send__frame_of_some_megabytes__answered),
        cmocka_unit_test(send__frame_beyond_the_limit__closed),
        cmocka_unit_test(send__frame_of_garbage__closed_and_others_stay),
        cmocka_unit_test(reconnect__name_is_connected__newer_replaces_older),
        cmocka_unit_test(reconnect__wrong_cookie__older_stays),
        cmocka_unit_test(tick__nothing_to_write__sent_and_silent_peer_closed),
        cmocka_unit_test(tick__received_while_idle__answered),
        cmocka_unit_test(tick__received_just_after_writing__not_answered),
        cmocka_unit_test(accept__too_many_handshakes__next_one_waits),
        cmocka_unit_test(accept__as_many_connections_as_may_be__others_are_refused),
        cmocka_unit_test(accept__no_descriptors__pauses_and_goes_on),
        cmocka_unit_test(accept__descriptor_beyond_1024__served),
        cmocka_unit_test(send__peer_that_does_not_read__not_read_until_it_does),
        cmocka_unit_test(tick__peer_that_reads_slowly__stays),
        cmocka_unit_test(hold_back__then_not__nothing_is_read_meanwhile_and_all_afterwards),
        cmocka_unit_test(hold_back__handshake_meanwhile__is_done),
        cmocka_unit_test(tick__peer_that_does_not_read__closed),
        cmocka_unit_test(close__answers_waiting__all_arrive),
        cmocka_unit_test(close__handshakes_in_flight__all_closed),
        cmocka_unit_test(stop_accepting__what_had_arrived__is_answered),
        cmocka_unit_test(disconnect__ten_thousand_times__nothing_left),
        cmocka_unit_test(start__port_in_use__error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
