/* One request, one response, over a socket that stays open. */
#include "epmd_name.h"

#include "base/buf.h"
#include "base/error.h"
#include "runtime/epmd_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ALIVE2_REQ = 120,
    ALIVE2_X_RESP = 118,
    ALIVE2_RESP = 121,
    NODE_HIDDEN = 72,
    PROTOCOL_TCP = 0,
    VERSION_HANDSHAKE = 6 /* highest and lowest */
};

static void write_request(struct buf *out, const char *node, uint16_t port)
{
    size_t alive_size = strcspn(node, "@");
    buf_append_u16(out, (uint16_t)(13 + alive_size));
    buf_append_u8(out, ALIVE2_REQ);
    buf_append_u16(out, port);
    buf_append_u8(out, NODE_HIDDEN);
    buf_append_u8(out, PROTOCOL_TCP);
    buf_append_u16(out, VERSION_HANDSHAKE);
    buf_append_u16(out, VERSION_HANDSHAKE);
    buf_append_u16(out, (uint16_t)alive_size);
    buf_append(out, node, alive_size);
    buf_append_u16(out, 0); /* extra */
}

static int ask(int fd, struct slice request)
{
    const struct sockaddr_in epmd = {.sin_family = AF_INET,
                                     .sin_port = htons(epmd_client_port()),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint8_t response[2]; /* tag and result */
    if (connect(fd, (const struct sockaddr *)&epmd, sizeof epmd) != 0 ||
        send(fd, request.data, request.size, MSG_NOSIGNAL) < 0)
        return -errno;
    if (recv(fd, response, sizeof response, MSG_WAITALL) != sizeof response ||
        (response[0] != ALIVE2_X_RESP && response[0] != ALIVE2_RESP))
        return ERR_PROTOCOL;
    return response[1] == 0 ? 0 : ERR_EXISTS;
}

int epmd_name_register(const char *node, uint16_t port, int *fd)
{
    struct buf request = BUF_EMPTY;
    write_request(&request, node, port);
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int status = connection < 0 ? -errno : ask(connection, buf_slice(&request));
    buf_release(&request);
    if (status == 0)
        *fd = connection;
    else if (connection >= 0)
        close(connection);
    return status;
}
