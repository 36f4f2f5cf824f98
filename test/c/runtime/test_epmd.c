/* Registration at a real epmd of the test's own, on a port that nobody else uses. */
#include "runtime/epmd.h"

#include "base/error.h"
#include "base/log.h"
#include "runtime/epmd_client.h"
#include "runtime/epmd_daemon.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEADLINE_MS = 20000, CREATION = 12345 };

/* A port that is free now. */
static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static int ask(const char *alive, uint16_t *port)
{
    return epmd_client_ask(NULL, alive, 2000, port);
}

/* Waits until epmd answers so for that name. */
static void await_answer(uv_loop_t *loop, const char *alive, int status)
{
    uint64_t deadline_ms = uv_hrtime() / 1000000 + DEADLINE_MS;
    uint16_t port;
    while (ask(alive, &port) != status) {
        struct pollfd fd = {.fd = loop != NULL ? uv_backend_fd(loop) : -1, .events = POLLIN};
        assert_true(uv_hrtime() / 1000000 < deadline_ms);
        poll(&fd, 1, 10);
        if (loop != NULL)
            uv_run(loop, UV_RUN_NOWAIT);
    }
}

static void kill_epmd(void)
{
    static const uint8_t request[] = {0, 1, 'k'};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(epmd_client_port()),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char answer[16];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        assert_int_equal(write(fd, request, sizeof request), sizeof request);
        while (read(fd, answer, sizeof answer) > 0)
            ;
    }
    close(fd);
}

static int setup(void **state)
{
    char port[8];
    log_set_level(LOG_NONE);
    snprintf(port, sizeof port, "%u", free_port());
    setenv("ERL_EPMD_PORT", port, 1);
    setenv("ERL_EPMD_RELAXED_COMMAND_CHECK", "1", 1); /* so that the test can kill it in spite of names */
    return 0;
}

static int teardown(void **state)
{
    kill_epmd();
    return 0;
}

static void on_stopped(void *ctx)
{
    *(bool *)ctx = true;
}

static void stop(struct epmd *epmd, uv_loop_t *loop)
{
    bool stopped = false;
    epmd_stop(epmd, on_stopped, &stopped);
    uv_run(loop, UV_RUN_DEFAULT);
    assert_true(stopped);
    epmd_free(epmd);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void start__no_epmd__started_and_registered(void **state)
{
    uv_loop_t loop;
    struct epmd *epmd;
    uint16_t port = 0;
    uv_loop_init(&loop);
    kill_epmd();
    int status = epmd_start(&epmd, &loop, "one@some.very.long.host.name", CREATION, 4321);
    if (status == ERR_TIMEOUT)
        skip(); /* no epmd is installed */
    assert_int_equal(status, 0);
    assert_int_equal(ask("one", &port), 0);
    assert_int_equal(port, 4321);
    stop(epmd, &loop);
    await_answer(NULL, "one", ERR_NOT_FOUND);
}

static void start__name_taken__error(void **state)
{
    uv_loop_t loop;
    struct epmd *first, *second;
    uv_loop_init(&loop);
    assert_int_equal(epmd_start(&first, &loop, "two@localhost", CREATION, 1000), 0);
    assert_int_equal(epmd_start(&second, &loop, "two@localhost", CREATION, 1001), ERR_EXISTS);
    stop(first, &loop);
}

static void start__epmd_cannot_be_found__timeout(void **state)
{
    uv_loop_t loop;
    struct epmd *epmd;
    char *path = strdup(getenv("PATH"));
    uv_loop_init(&loop);
    kill_epmd();
    setenv("PATH", "/nonexistent", 1);
    int status = epmd_start(&epmd, &loop, "three@localhost", CREATION, 1000);
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(status, ERR_TIMEOUT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void watch__epmd_restarted__registered_again(void **state)
{
    uv_loop_t loop;
    struct epmd *epmd;
    uint16_t port = 0;
    uv_loop_init(&loop);
    assert_int_equal(epmd_start(&epmd, &loop, "four@localhost", CREATION, 1000), 0);
    uv_run(&loop, UV_RUN_NOWAIT);
    kill_epmd();
    assert_int_equal(epmd_daemon_start(), 0);
    await_answer(&loop, "four", 0);
    assert_int_equal(ask("four", &port), 0);
    assert_int_equal(port, 1000);
    stop(epmd, &loop);
}

static void watch__epmd_gone__started_and_registered_again(void **state)
{
    uv_loop_t loop;
    struct epmd *epmd;
    uv_loop_init(&loop);
    assert_int_equal(epmd_start(&epmd, &loop, "five@localhost", CREATION, 1000), 0);
    kill_epmd();
    await_answer(&loop, "five", 0);
    stop(epmd, &loop);
}

static void watch__descriptor_beyond_1024__registered_again(void **state)
{
    uv_loop_t loop;
    struct epmd *epmd;
    struct rlimit limit;
    int filler[1100], count = 0;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < 1200)
        skip();
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    uv_loop_init(&loop);
    while (count < 1100 && (filler[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    assert_int_equal(epmd_start(&epmd, &loop, "six@localhost", CREATION, 1000), 0);
    uv_run(&loop, UV_RUN_NOWAIT);
    kill_epmd();
    assert_int_equal(epmd_daemon_start(), 0);
    await_answer(&loop, "six", 0);
    stop(epmd, &loop);
    while (count > 0)
        close(filler[--count]);
}

static void stop__while_epmd_is_gone__done(void **state)
{
    uv_loop_t loop;
    struct epmd *epmd;
    uv_loop_init(&loop);
    assert_int_equal(epmd_start(&epmd, &loop, "seven@localhost", CREATION, 1000), 0);
    kill_epmd();
    uv_run(&loop, UV_RUN_ONCE);
    stop(epmd, &loop);
}

static void lookup__registered__port_and_address(void **state)
{
    uv_loop_t loop;
    struct epmd *epmd;
    char address[64] = "";
    uint16_t port = 0;
    uv_loop_init(&loop);
    assert_int_equal(epmd_start(&epmd, &loop, "eight@localhost", CREATION, 4444), 0);
    assert_int_equal(epmd_lookup("eight@127.0.0.1", address, &port), 0);
    assert_string_equal(address, "127.0.0.1");
    assert_int_equal(port, 4444);
    assert_int_equal(epmd_lookup("nobody@127.0.0.1", address, &port), ERR_NOT_FOUND);
    assert_int_equal(epmd_lookup("eight", address, &port), ERR_BADARG);
    assert_int_equal(epmd_lookup("@127.0.0.1", address, &port), ERR_BADARG);
    stop(epmd, &loop);
}

static void ask__epmd_that_says_nothing__timeout(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[8], *before = strdup(getenv("ERL_EPMD_PORT"));
    uint16_t port = free_port();
    address.sin_port = htons(port);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    snprintf(text, sizeof text, "%u", port);
    setenv("ERL_EPMD_PORT", text, 1);
    assert_int_equal(epmd_client_ask(NULL, "x", 50, &port), ERR_TIMEOUT);
    setenv("ERL_EPMD_PORT", before, 1);
    free(before);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start__no_epmd__started_and_registered),
        cmocka_unit_test(start__name_taken__error),
        cmocka_unit_test(start__epmd_cannot_be_found__timeout),
        cmocka_unit_test(watch__epmd_restarted__registered_again),
        cmocka_unit_test(watch__epmd_gone__started_and_registered_again),
        cmocka_unit_test(watch__descriptor_beyond_1024__registered_again),
        cmocka_unit_test(stop__while_epmd_is_gone__done),
        cmocka_unit_test(lookup__registered__port_and_address),
        cmocka_unit_test(ask__epmd_that_says_nothing__timeout),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
