/* Bytes between a socket and a handshake or frames. Knows no messages. */
#include "link.h"

#include "base/error.h"
#include "runtime/epmd.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PACKET_MAX = UINT16_MAX, FRAME_MAX = 1 << 28 };

static void init(struct link *link, int fd)
{
    const int on = 1;
    *link = (struct link){.fd = fd};
    frame_reader_init(&link->reader, 2, PACKET_MAX);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
}

void link_accept(struct link *link, int fd, const struct handshake_config *config)
{
    init(link, fd);
    link->handshake = handshake_accept_new(config);
}

/* address: numeric. */
static int connect_to(const char *address, uint16_t port, int *fd)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *info;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(address, service, &hints, &info) != 0)
        return ERR_NOT_FOUND;
    int status = 0;
    *fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0 || connect(*fd, info->ai_addr, info->ai_addrlen) != 0)
        status = -errno;
    freeaddrinfo(info);
    return status;
}

int link_connect(struct link *link, const char *node, const struct handshake_config *config)
{
    char address[64];
    uint16_t port;
    int fd = -1, status = epmd_lookup(node, address, &port);
    if (status == 0)
        status = connect_to(address, port, &fd);
    init(link, fd);
    if (status == 0)
        link->handshake = handshake_connect_new(config, slice_of_text(node), &link->out);
    return status;
}

void link_close(struct link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    handshake_free(link->handshake);
    link->handshake = NULL;
    frame_reader_release(&link->reader);
    buf_release(&link->out);
    link->written = 0;
}

int link_read(struct link *link, uint8_t *buffer, size_t size)
{
    ssize_t n = recv(link->fd, buffer, size, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (n == 0)
        return -ECONNRESET;
    frame_feed(&link->reader, slice_of(buffer, (size_t)n));
    return 1;
}

static int shake_hands(struct link *link, struct slice packet)
{
    int status = handshake_packet(link->handshake, packet, &link->out);
    if (status != 1)
        return status;
    link->flags = handshake_peer(link->handshake)->flags;
    handshake_free(link->handshake);
    link->handshake = NULL;
    frame_reader_switch(&link->reader, 4, FRAME_MAX);
    return 0;
}

int link_next(struct link *link, struct slice *frame)
{
    int status;
    while ((status = frame_next(&link->reader, frame)) == 1) {
        if (link->handshake == NULL)
            return 1;
        status = shake_hands(link, *frame);
        if (status < 0)
            return status;
    }
    return status;
}

int link_flush(struct link *link)
{
    if (!link_waits(link))
        return 0;
    ssize_t n = send(link->fd, link->out.data + link->written, link->out.size - link->written, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    link->written += (size_t)n;
    if (link_waits(link))
        return 0;
    buf_clear(&link->out);
    link->written = 0;
    return 0;
}
