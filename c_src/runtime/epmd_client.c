/* One question, one answer, over a socket of its own. Knows nothing of our own name. */
#include "runtime/epmd_client.h"

#include "base/buf.h"
#include "base/error.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    EPMD_PORT = 4369,
    ALIVE_MAX = 255,
    PORT_PLEASE2_REQ = 122,
    PORT2_RESP = 119,
    RESPONSE_HEAD = 4, /* tag, result, port: all that is wanted of it */
};

uint16_t epmd_client_port(void)
{
    const char *text = getenv("ERL_EPMD_PORT");
    long port = text != NULL ? strtol(text, NULL, 10) : 0;
    return port > 0 && port <= UINT16_MAX ? (uint16_t)port : EPMD_PORT;
}

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int await(int fd, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left_ms = deadline_ms - clock_ms();
        struct pollfd entry = {.fd = fd, .events = events};
        int n = poll(&entry, 1, left_ms > 0 ? (int)left_ms : 0);
        if (n > 0)
            return 0;
        if (n == 0)
            return ERR_TIMEOUT;
        if (errno != EINTR)
            return -errno;
    }
}

static socklen_t set_address(const struct sockaddr_storage *host, struct sockaddr_storage *address)
{
    if (host != NULL && host->ss_family == AF_INET6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
        *address = *host;
        in6->sin6_port = htons(epmd_client_port());
        return sizeof *in6;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)address;
    if (host != NULL)
        *address = *host;
    else
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in->sin_family = AF_INET;
    in->sin_port = htons(epmd_client_port());
    return sizeof *in;
}

static int connect_to(int fd, const struct sockaddr_storage *host, int64_t deadline_ms)
{
    struct sockaddr_storage address = {0};
    socklen_t size = set_address(host, &address);
    if (connect(fd, (const struct sockaddr *)&address, size) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return -errno;
    int status = await(fd, POLLOUT, deadline_ms);
    if (status != 0)
        return status;
    int error = 0;
    socklen_t error_size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
    return -error;
}

static int send_request(int fd, const char *alive)
{
    uint8_t request[3 + ALIVE_MAX];
    size_t size = strlen(alive);
    bytes_put_u16(request, (uint16_t)(1 + size));
    request[2] = PORT_PLEASE2_REQ;
    memcpy(request + 3, alive, size);
    /* So few bytes fit into the buffer of a fresh socket. */
    ssize_t n = send(fd, request, 3 + size, MSG_NOSIGNAL);
    if (n < 0)
        return -errno;
    return (size_t)n == 3 + size ? 0 : -EIO;
}

static int receive_port(int fd, int64_t deadline_ms, uint16_t *port)
{
    uint8_t response[RESPONSE_HEAD];
    size_t size = 0;
    while (size < RESPONSE_HEAD) {
        int status = await(fd, POLLIN, deadline_ms);
        if (status != 0)
            return status;
        ssize_t n = recv(fd, response + size, RESPONSE_HEAD - size, 0);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        if (n == 0)
            break;
        size += n > 0 ? (size_t)n : 0;
    }
    if (size >= 1 && response[0] != PORT2_RESP)
        return ERR_PROTOCOL;
    if (size >= 2 && response[1] != 0)
        return ERR_NOT_FOUND;
    if (size < RESPONSE_HEAD)
        return ERR_PROTOCOL;
    *port = bytes_u16(response + 2);
    return 0;
}

int epmd_client_ask(const struct sockaddr_storage *host, const char *alive, int timeout_ms, uint16_t *port)
{
    if (alive[0] == '\0' || strlen(alive) > ALIVE_MAX)
        return ERR_BADARG;
    int64_t deadline_ms = clock_ms() + timeout_ms;
    int fd = socket(host != NULL ? host->ss_family : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int status = connect_to(fd, host, deadline_ms);
    if (status == 0)
        status = send_request(fd, alive);
    if (status == 0)
        status = receive_port(fd, deadline_ms, port);
    close(fd);
    return status;
}
