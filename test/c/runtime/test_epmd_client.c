/* Asking an epmd, which is the test's own here and may answer anything: in pieces, too little, another's
 * protocol, nothing. A real one answers in test_epmd. */
#include "runtime/epmd_client.h"

#include "base/error.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 /* no answer here takes so long */, PIECES_MAX = 8 };

/* An epmd of one question. */
struct epmd {
    int listening;
    pthread_t thread;
    struct {
        const void *bytes;
        size_t size;
    } pieces[PIECES_MAX]; /* sent one after another, each by itself; ends with one of no bytes */
    bool mute;            /* neither answers nor closes until the client has gone */
    bool reset;           /* closes with what it was asked unread */
    uint8_t question[300];
    size_t question_size;
};

static void read_question(struct epmd *epmd, int fd)
{
    size_t size = 2;
    while (epmd->question_size < size) {
        ssize_t n = read(fd, epmd->question + epmd->question_size, size - epmd->question_size);
        if (n <= 0)
            return;
        epmd->question_size += (size_t)n;
        size = 2u + ((size_t)epmd->question[0] << 8 | epmd->question[1]);
    }
}

static void *serve(void *ctx)
{
    struct epmd *epmd = ctx;
    int on = 1, fd = accept(epmd->listening, NULL, NULL);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    char byte;
    if (epmd->reset)
        recv(fd, &byte, 1, MSG_PEEK); /* waits for the question */
    else
        read_question(epmd, fd);
    for (int i = 0; i < PIECES_MAX && epmd->pieces[i].size > 0; i++) {
        if (send(fd, epmd->pieces[i].bytes, epmd->pieces[i].size, MSG_NOSIGNAL) < 0)
            break;
    }
    while (epmd->mute && read(fd, &byte, 1) > 0)
        ;
    close(fd);
    return NULL;
}

/* address: IPv4 or IPv6 loopback, with any port; that of the socket afterwards. */
static int listen_at(struct sockaddr_storage *address)
{
    socklen_t size = sizeof *address;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)address, size) != 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

static void use_port(in_port_t port)
{
    char text[8];
    snprintf(text, sizeof text, "%u", ntohs(port));
    setenv("ERL_EPMD_PORT", text, 1);
}

static struct sockaddr_storage loopback4(void)
{
    struct sockaddr_storage address = {0};
    *(struct sockaddr_in *)&address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return address;
}

static void epmd_start_at(struct epmd *epmd, struct sockaddr_storage *address)
{
    epmd->listening = listen_at(address);
    assert_true(epmd->listening >= 0);
    assert_int_equal(listen(epmd->listening, 1), 0);
    use_port(((struct sockaddr_in *)address)->sin_port);
    assert_int_equal(pthread_create(&epmd->thread, NULL, serve, epmd), 0);
}

static void epmd_stop(struct epmd *epmd)
{
    assert_int_equal(pthread_join(epmd->thread, NULL), 0);
    close(epmd->listening);
}

/* Asks that epmd about the name; port untouched is 1. */
static int ask_with(struct epmd *epmd, const char *alive, int timeout_ms, uint16_t *port)
{
    struct sockaddr_storage address = loopback4();
    *port = 1;
    epmd_start_at(epmd, &address);
    int status = epmd_client_ask(NULL, alive, timeout_ms, port);
    epmd_stop(epmd);
    return status;
}

#define ANSWER(text)                                                                                         \
    {                                                                                                        \
        {                                                                                                    \
            text, sizeof(text) - 1                                                                           \
        }                                                                                                    \
    }

static int ask(struct epmd epmd)
{
    uint16_t port;
    int status = ask_with(&epmd, "bob", PATIENCE_MS, &port);
    assert_int_equal(port, status == 0 ? 0x1234 : 1);
    return status;
}

/* ---- questions */

static void ask__name__is_the_whole_question(void **state)
{
    char name[256];
    uint16_t port;
    for (size_t size = 1; size <= 255; size += 127) {
        struct epmd epmd = {.pieces = ANSWER("w\0\x12\x34")};
        memset(name, 'n', size);
        name[size] = '\0';
        assert_int_equal(ask_with(&epmd, name, PATIENCE_MS, &port), 0);
        assert_int_equal(epmd.question_size, 3 + size);
        assert_int_equal(epmd.question[0] << 8 | epmd.question[1], 1 + size);
        assert_int_equal(epmd.question[2], 'z');
        assert_memory_equal(epmd.question + 3, name, size);
    }
}

static void ask__name_too_short_or_too_long__badarg_and_nobody_is_asked(void **state)
{
    char name[257];
    uint16_t port = 1;
    memset(name, 'n', 256);
    name[256] = '\0';
    setenv("ERL_EPMD_PORT", "1", 1);
    assert_int_equal(epmd_client_ask(NULL, "", PATIENCE_MS, &port), ERR_BADARG);
    assert_int_equal(epmd_client_ask(NULL, name, PATIENCE_MS, &port), ERR_BADARG);
    assert_int_equal(port, 1);
}

/* ---- answers */

static void ask__answer_in_any_pieces__the_port(void **state)
{
    assert_int_equal(ask((struct epmd){.pieces = ANSWER("w\0\x12\x34")}), 0);
    assert_int_equal(ask((struct epmd){.pieces = {{"w", 1}, {"\0", 1}, {"\x12", 1}, {"\x34", 1}}}), 0);
    assert_int_equal(ask((struct epmd){.pieces = {{"w\0\x12", 3}, {"\x34M\0\0\6\0\5\0\3bob\0\0", 15}}}), 0);
    /* and need not end to be taken */
    assert_int_equal(ask((struct epmd){.pieces = ANSWER("w\0\x12\x34"), .mute = true}), 0);
}

static void ask__answer_cut_at_every_byte__no_epmd(void **state)
{
    assert_int_equal(ask((struct epmd){.mute = false}), ERR_PROTOCOL);
    assert_int_equal(ask((struct epmd){.pieces = ANSWER("w")}), ERR_PROTOCOL);
    assert_int_equal(ask((struct epmd){.pieces = ANSWER("w\0")}), ERR_PROTOCOL);
    assert_int_equal(ask((struct epmd){.pieces = ANSWER("w\0\x12")}), ERR_PROTOCOL);
}

/* epmd ends a refusal after two bytes. */
static void ask__result_that_is_not_0__not_found(void **state)
{
    assert_int_equal(ask((struct epmd){.pieces = ANSWER("w\1")}), ERR_NOT_FOUND);
    assert_int_equal(ask((struct epmd){.pieces = ANSWER("w\xff")}), ERR_NOT_FOUND);
    assert_int_equal(ask((struct epmd){.pieces = ANSWER("w\1\x12\x34")}), ERR_NOT_FOUND);
}

static void ask__another_protocol__no_epmd(void **state)
{
    assert_int_equal(ask((struct epmd){.pieces = ANSWER("HTTP/1.1 400 Bad Request\r\n")}), ERR_PROTOCOL);
    assert_int_equal(ask((struct epmd){.pieces = ANSWER("x\0\x12\x34")}), ERR_PROTOCOL);
    assert_int_equal(ask((struct epmd){.pieces = ANSWER("\0")}), ERR_PROTOCOL);
}

static void ask__reset__its_errno(void **state)
{
    assert_int_equal(ask((struct epmd){.reset = true}), -ECONNRESET);
}

static void ask__begins_to_answer_and_stops__timeout(void **state)
{
    struct epmd epmd = {.pieces = ANSWER("w\0\x12"), .mute = true};
    uint16_t port;
    assert_int_equal(ask_with(&epmd, "bob", 30, &port), ERR_TIMEOUT);
    assert_int_equal(port, 1);
}

static void ask__no_time__timeout_not_for_ever(void **state)
{
    struct epmd epmd = {.mute = true};
    uint16_t port;
    assert_int_equal(ask_with(&epmd, "bob", 0, &port), ERR_TIMEOUT);
    struct epmd other = {.mute = true};
    assert_int_equal(ask_with(&other, "bob", -1, &port), ERR_TIMEOUT);
}

/* ---- where */

static void ask__nobody_listens__refused(void **state)
{
    struct sockaddr_storage address = loopback4();
    uint16_t port = 1;
    int fd = listen_at(&address); /* bound only: nobody else gets the port */
    use_port(((struct sockaddr_in *)&address)->sin_port);
    assert_int_equal(epmd_client_ask(NULL, "bob", PATIENCE_MS, &port), -ECONNREFUSED);
    assert_int_equal(port, 1);
    close(fd);
}

/* The port in the address is the node's or nobody's, not epmd's. */
static void ask__address_given__its_host_and_epmds_port(void **state)
{
    struct epmd epmd = {.pieces = ANSWER("w\0\x12\x34")};
    struct sockaddr_storage address = loopback4(), host = loopback4();
    uint16_t port;
    ((struct sockaddr_in *)&host)->sin_port = htons(9);
    epmd_start_at(&epmd, &address);
    assert_int_equal(epmd_client_ask(&host, "bob", PATIENCE_MS, &port), 0);
    assert_int_equal(port, 0x1234);
    assert_int_equal(((struct sockaddr_in *)&host)->sin_port, htons(9));
    epmd_stop(&epmd);
}

static void ask__ipv6_address__the_same(void **state)
{
    struct epmd epmd = {.pieces = ANSWER("w\0\x12\x34")};
    struct sockaddr_storage address = {0};
    uint16_t port;
    *(struct sockaddr_in6 *)&address =
        (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_storage host = address, probe = address;
    int fd = listen_at(&probe);
    if (fd < 0)
        skip(); /* a machine without IPv6 */
    close(fd);
    epmd_start_at(&epmd, &address);
    assert_int_equal(epmd_client_ask(&host, "bob", PATIENCE_MS, &port), 0);
    assert_int_equal(port, 0x1234);
    epmd_stop(&epmd);
}

static void port__environment__a_port_or_the_default(void **state)
{
    static const struct {
        const char *text;
        uint16_t port;
    } values[] = {{"1", 1},      {"65535", 65535}, {"5000", 5000},  {"0", 4369},
                  {"", 4369},    {"-1", 4369},     {"65536", 4369}, {"99999999999999999999", 4369},
                  {"abc", 4369}, {" 77", 77}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        setenv("ERL_EPMD_PORT", values[i].text, 1);
        assert_int_equal(epmd_client_port(), values[i].port);
    }
    unsetenv("ERL_EPMD_PORT");
    assert_int_equal(epmd_client_port(), 4369);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ask__name__is_the_whole_question),
        cmocka_unit_test(ask__name_too_short_or_too_long__badarg_and_nobody_is_asked),
        cmocka_unit_test(ask__answer_in_any_pieces__the_port),
        cmocka_unit_test(ask__answer_cut_at_every_byte__no_epmd),
        cmocka_unit_test(ask__result_that_is_not_0__not_found),
        cmocka_unit_test(ask__another_protocol__no_epmd),
        cmocka_unit_test(ask__reset__its_errno),
        cmocka_unit_test(ask__begins_to_answer_and_stops__timeout),
        cmocka_unit_test(ask__no_time__timeout_not_for_ever),
        cmocka_unit_test(ask__nobody_listens__refused),
        cmocka_unit_test(ask__address_given__its_host_and_epmds_port),
        cmocka_unit_test(ask__ipv6_address__the_same),
        cmocka_unit_test(port__environment__a_port_or_the_default),
    };
    return cmocka_run_group_tests_name("epmd_client", tests, NULL, NULL);
}
