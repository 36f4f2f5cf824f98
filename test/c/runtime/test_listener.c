/* A listening socket: who waits is accepted once, in whatever state the listener was meanwhile. */
#include "runtime/listener.h"

#include "base/error.h"
#include "base/log.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_MAX = 200, DEADLINE_MS = 10000 };

struct fixture {
    uv_loop_t loop;
    struct listener listener;
    int clients[CLIENTS_MAX];
    unsigned client_count;
    int accepted[CLIENTS_MAX];
    unsigned accepted_count;
    unsigned hold_at;  /* holds the listener when so many were accepted; 0: never */
    unsigned close_at; /* the same */
};

static void on_accepted(void *ctx, int fd)
{
    struct fixture *f = ctx;
    assert_true(f->accepted_count < CLIENTS_MAX);
    f->accepted[f->accepted_count++] = fd;
    if (f->accepted_count == f->hold_at)
        listener_hold(&f->listener, true);
    if (f->accepted_count == f->close_at)
        listener_close(&f->listener);
}

static void set_up(struct fixture *f)
{
    *f = (struct fixture){.client_count = 0};
    log_set_level(LOG_NONE);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(listener_start(&f->listener, &f->loop, "127.0.0.1", 0, on_accepted, f), 0);
}

static void tear_down(struct fixture *f)
{
    listener_close(&f->listener);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(listener_closed(&f->listener));
    assert_int_equal(uv_loop_close(&f->loop), 0);
    for (unsigned i = 0; i < f->client_count; i++)
        close(f->clients[i]);
    for (unsigned i = 0; i < f->accepted_count; i++)
        close(f->accepted[i]);
}

/* So many more connect; the kernel has them when this returns. */
static void knock(struct fixture *f, unsigned count)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(listener_port(&f->listener)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (unsigned i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        f->clients[f->client_count++] = fd;
    }
}

static void await_accepted(struct fixture *f, unsigned count)
{
    uint64_t deadline_ms = uv_hrtime() / 1000000 + DEADLINE_MS;
    while (f->accepted_count < count) {
        struct pollfd fd = {.fd = uv_backend_fd(&f->loop), .events = POLLIN};
        assert_true(uv_hrtime() / 1000000 < deadline_ms);
        poll(&fd, 1, uv_backend_timeout(&f->loop));
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(f->accepted_count, count);
}

static void turn(struct fixture *f)
{
    for (int i = 0; i < 5; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* ---- starting */

static void start__any_port__told_and_ready_before_the_loop_runs(void **state)
{
    struct fixture f;
    set_up(&f);
    assert_in_range(listener_port(&f.listener), 1, UINT16_MAX);
    knock(&f, 1); /* needs no turn of the loop */
    await_accepted(&f, 1);
    tear_down(&f);
}

static void start__accepted_socket__does_not_block_and_closes_on_exec(void **state)
{
    struct fixture f;
    char byte;
    set_up(&f);
    knock(&f, 1);
    await_accepted(&f, 1);
    assert_int_equal(recv(f.accepted[0], &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    assert_true(fcntl(f.accepted[0], F_GETFD) & FD_CLOEXEC);
    tear_down(&f);
}

static void start__no_address__badarg(void **state)
{
    static const char *const texts[] = {"",          "localhost", "1.2.3",       "1.2.3.4.5",
                                        "256.0.0.1", "::1::",     "127.0.0.1:80"};
    uv_loop_t loop;
    struct listener listener;
    uv_loop_init(&loop);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(listener_start(&listener, &loop, texts[i], 0, on_accepted, NULL), ERR_BADARG);
    assert_int_equal(uv_loop_close(&loop), 0); /* nothing was left on it */
}

static void start__taken_or_foreign_address__its_errno_and_no_socket_left(void **state)
{
    struct fixture f;
    struct listener other;
    set_up(&f);
    int next = dup(0);
    close(next);
    uint16_t port = listener_port(&f.listener);
    assert_int_equal(listener_start(&other, &f.loop, "127.0.0.1", port, on_accepted, NULL), -EADDRINUSE);
    assert_int_equal(listener_start(&other, &f.loop, "192.0.2.1", 0, on_accepted, NULL), -EADDRNOTAVAIL);
    assert_int_equal(fcntl(next, F_GETFD), -1);
    tear_down(&f);
}

static void start__ipv6__port_is_told_too(void **state)
{
    uv_loop_t loop;
    struct listener listener;
    uv_loop_init(&loop);
    int status = listener_start(&listener, &loop, "::1", 0, on_accepted, NULL);
    if (status == -EAFNOSUPPORT || status == -EADDRNOTAVAIL)
        skip(); /* a machine without IPv6 */
    assert_int_equal(status, 0);
    assert_true(listener_port(&listener) > 0);
    listener_close(&listener);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- accepting */

static void accept__more_than_one_turn_takes__all(void **state)
{
    struct fixture f;
    set_up(&f);
    knock(&f, CLIENTS_MAX);
    uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_in_range(f.accepted_count, 1, CLIENTS_MAX - 1); /* others of the loop have their turn */
    await_accepted(&f, CLIENTS_MAX);
    tear_down(&f);
}

static void accept__gone_before_it_was_accepted__others_are(void **state)
{
    struct fixture f;
    const struct linger reset = {.l_onoff = 1};
    set_up(&f);
    knock(&f, 3);
    setsockopt(f.clients[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(f.clients[1]);
    f.clients[1] = dup(f.clients[0]);
    knock(&f, 1);
    turn(&f);
    assert_in_range(f.accepted_count, 3, 4); /* Linux hands out the reset one as well */
    assert_int_equal(send(f.clients[3], "x", 1, 0), 1);
    char byte = 0;
    assert_int_equal(recv(f.accepted[f.accepted_count - 1], &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    tear_down(&f);
}

/* ---- holding */

static void hold__from_inside__not_one_more(void **state)
{
    struct fixture f;
    set_up(&f);
    f.hold_at = 3;
    knock(&f, 10);
    turn(&f);
    assert_int_equal(f.accepted_count, 3);
    listener_hold(&f.listener, false);
    await_accepted(&f, 10);
    tear_down(&f);
}

static void hold__before_anybody_came__waits_and_loses_nobody(void **state)
{
    struct fixture f;
    set_up(&f);
    listener_hold(&f.listener, true);
    listener_hold(&f.listener, true); /* does not count */
    knock(&f, 5);
    turn(&f);
    assert_int_equal(f.accepted_count, 0);
    listener_hold(&f.listener, false);
    await_accepted(&f, 5);
    tear_down(&f);
}

/* ---- no descriptors */

/* No more descriptors than there are; returns the limit to be set again. */
static struct rlimit use_up(void)
{
    struct rlimit limit, low;
    int next = dup(0);
    close(next);
    getrlimit(RLIMIT_NOFILE, &limit);
    low = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    return limit;
}

static void pause__descriptors_are_back__goes_on_by_itself(void **state)
{
    struct fixture f;
    set_up(&f);
    knock(&f, 3);
    struct rlimit limit = use_up();
    turn(&f);
    assert_int_equal(f.accepted_count, 0);
    assert_true(uv_backend_timeout(&f.loop) > 0); /* does not spin, and is not for ever */
    assert_true(uv_is_active((uv_handle_t *)&f.listener.timer));
    setrlimit(RLIMIT_NOFILE, &limit);
    await_accepted(&f, 3);
    tear_down(&f);
}

static void pause__held_meanwhile__goes_on_only_when_both_are_over(void **state)
{
    struct fixture f;
    set_up(&f);
    knock(&f, 3);
    struct rlimit limit = use_up();
    turn(&f);
    setrlimit(RLIMIT_NOFILE, &limit);
    listener_hold(&f.listener, true);
    listener_hold(&f.listener, false);
    turn(&f);
    assert_int_equal(f.accepted_count, 0); /* the pause is not over */
    listener_hold(&f.listener, true);
    uv_run(&f.loop, UV_RUN_ONCE); /* now it is: nothing else is left on the loop */
    assert_false(uv_is_active((uv_handle_t *)&f.listener.timer));
    assert_false(uv_is_active((uv_handle_t *)&f.listener.poll)); /* would spin: somebody waits */
    turn(&f);
    assert_int_equal(f.accepted_count, 0);
    listener_hold(&f.listener, false);
    await_accepted(&f, 3);
    tear_down(&f);
}

/* ---- closing */

static void close__from_inside__not_one_more_and_the_port_is_free(void **state)
{
    struct fixture f;
    struct listener again;
    set_up(&f);
    uint16_t port = listener_port(&f.listener);
    f.close_at = 2;
    knock(&f, 5);
    turn(&f);
    assert_int_equal(f.accepted_count, 2);
    assert_true(listener_closed(&f.listener));
    assert_int_equal(listener_start(&again, &f.loop, "127.0.0.1", port, on_accepted, &f), 0);
    listener_close(&again);
    assert_false(listener_closed(&again)); /* before the loop has run, its memory is needed */
    tear_down(&f);
    assert_true(listener_closed(&again));
}

static void close__twice_paused_and_held__nothing_left(void **state)
{
    struct fixture f;
    set_up(&f);
    knock(&f, 1);
    struct rlimit limit = use_up();
    turn(&f);
    setrlimit(RLIMIT_NOFILE, &limit);
    listener_hold(&f.listener, true);
    listener_close(&f.listener);
    listener_close(&f.listener);
    listener_hold(&f.listener, false); /* of a closed one: nothing */
    turn(&f);
    assert_int_equal(f.accepted_count, 0);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start__any_port__told_and_ready_before_the_loop_runs),
        cmocka_unit_test(start__accepted_socket__does_not_block_and_closes_on_exec),
        cmocka_unit_test(start__no_address__badarg),
        cmocka_unit_test(start__taken_or_foreign_address__its_errno_and_no_socket_left),
        cmocka_unit_test(start__ipv6__port_is_told_too),
        cmocka_unit_test(accept__more_than_one_turn_takes__all),
        cmocka_unit_test(accept__gone_before_it_was_accepted__others_are),
        cmocka_unit_test(hold__from_inside__not_one_more),
        cmocka_unit_test(hold__before_anybody_came__waits_and_loses_nobody),
        cmocka_unit_test(pause__descriptors_are_back__goes_on_by_itself),
        cmocka_unit_test(pause__held_meanwhile__goes_on_only_when_both_are_over),
        cmocka_unit_test(close__from_inside__not_one_more_and_the_port_is_free),
        cmocka_unit_test(close__twice_paused_and_held__nothing_left),
    };
    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
