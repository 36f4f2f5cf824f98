#include "fake_remote.h"

#include "base/log.h"
#include "runtime/gen_server.h"
#include "runtime/process_send.h"
#include "runtime/registry.h"
#include "unit.h"
#include "wire/control.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REMOTE_CREATION = 77, NUMBER_SIZE = 4 };

/* ---- the node */

static enum receive echo(struct process *self, struct slice message)
{
    struct local *local = (struct local *)((char *)self->node - offsetof(struct local, node));
    uint32_t arity;
    if (!etf_read_tuple(&message, &arity) || arity != 2)
        return RECEIVE_TAKEN;
    struct slice to = etf_take(&message);
    etf_write_term(process_send_begin(self->node, self, to), etf_take(&message));
    process_send_end(self->node);
    local->echoed++;
    return RECEIVE_TAKEN;
}

static const struct process_type echo_type = {
    .module = "echo", .size = sizeof(struct process), .receive = echo};

void local_start(struct local *local, const char *name, struct connections_config config)
{
    *local = (struct local){.echoed = 0};
    config.node = &local->node;
    if (config.cookie.size == 0)
        config.cookie = slice_of_text(REMOTE_COOKIE);
    if (config.tick_ms == 0)
        config.tick_ms = 3600000;
    if (config.handshake_ms == 0)
        config.handshake_ms = 10000;
    if (config.handshakes_max == 0)
        config.handshakes_max = 64;
    if (config.connections_max == 0)
        config.connections_max = 1000;
    if (config.frame_size_max == 0)
        config.frame_size_max = 1 << 24;
    if (config.output_size_max == 0)
        config.output_size_max = 1 << 24;
    log_set_level(LOG_NONE);
    assert_int_equal(uv_loop_init(&local->loop), 0);
    node_init(&local->node, &local->loop, name, 4);
    struct process *process = process_new(&local->node, &echo_type);
    assert_int_equal(registry_add(process, slice_of_text("echo")), 0);
    assert_int_equal(connections_start(&local->connections, &config, "127.0.0.1", 0), 0);
}

static void on_closed(void *ctx)
{
    struct local *local = ctx;
    local->closed = true;
}

static bool is_closed(struct local *local, const void *ctx)
{
    return local->closed;
}

void local_close(struct local *local)
{
    if (!local->closing)
        connections_close(local->connections, on_closed, local);
    local->closing = true;
}

void local_stop(struct local *local)
{
    local_close(local);
    local_await(local, is_closed, NULL);
    connections_free(local->connections);
    node_release(&local->node);
    uv_run(&local->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&local->loop), 0);
}

void local_turn(struct local *local, int fd)
{
    if (!uv_run(&local->loop, UV_RUN_NOWAIT))
        return;
    int wait_ms = uv_backend_timeout(&local->loop);
    struct pollfd fds[2] = {{.fd = uv_backend_fd(&local->loop), .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};
    if (wait_ms < 0 || wait_ms > 5)
        wait_ms = 5;
    poll(fds, 2, wait_ms);
}

void local_await(struct local *local, bool (*reached)(struct local *local, const void *ctx), const void *ctx)
{
    uint64_t deadline_ms = uv_hrtime() / 1000000 + DEADLINE_MS;
    while (!reached(local, ctx)) {
        assert_true(uv_hrtime() / 1000000 < deadline_ms);
        local_turn(local, -1);
    }
}

static bool has_count(struct local *local, const void *ctx)
{
    return connections_count(local->connections) == *(const unsigned *)ctx;
}

void local_await_count(struct local *local, unsigned connections)
{
    local_await(local, has_count, &connections);
}

static bool has_peer(struct local *local, const void *name)
{
    return peer_find(&local->node, slice_of_text(name)) != NULL;
}

static bool has_no_peer(struct local *local, const void *name)
{
    return !has_peer(local, name);
}

void local_await_peer(struct local *local, const char *name, bool up)
{
    local_await(local, up ? has_peer : has_no_peer, name);
}

/* ---- the remote */

void remote_connect(struct remote *remote, struct local *local, const char *name)
{
    *remote = (struct remote){.local = local};
    strcpy(remote->name, name);
    frame_reader_init(&remote->reader, 2, 65535);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(connections_port(local->connections)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    remote->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(remote->fd >= 0);
    assert_int_equal(connect(remote->fd, (struct sockaddr *)&address, sizeof address), 0);
}

void remote_disconnect(struct remote *remote)
{
    close(remote->fd);
    handshake_free(remote->handshake);
    frame_reader_release(&remote->reader);
    buf_release(&remote->in);
}

void remote_send(struct remote *remote, struct slice bytes)
{
    uint64_t deadline_ms = uv_hrtime() / 1000000 + DEADLINE_MS;
    while (bytes.size > 0) {
        ssize_t n = send(remote->fd, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return; /* the test sees it when it receives */
        if (n < 0)
            local_turn(remote->local, -1);
        else
            bytes = slice_of(bytes.data + n, bytes.size - (size_t)n);
        assert_true(uv_hrtime() / 1000000 < deadline_ms);
    }
}

static bool read_more(struct remote *remote)
{
    uint64_t deadline_ms = uv_hrtime() / 1000000 + DEADLINE_MS;
    buf_clear(&remote->in);
    uint8_t *room = buf_reserve(&remote->in, 65536);
    for (;;) {
        ssize_t n = recv(remote->fd, room, 65536, MSG_DONTWAIT);
        if (n > 0) {
            remote->in.size = (size_t)n;
            frame_feed(&remote->reader, buf_slice(&remote->in));
            return true;
        }
        if (n == 0 || errno != EAGAIN)
            return false;
        assert_true(uv_hrtime() / 1000000 < deadline_ms);
        local_turn(remote->local, remote->fd);
    }
}

bool remote_receive(struct remote *remote, struct slice *packet)
{
    int status;
    while ((status = frame_next(&remote->reader, packet)) == 0) {
        if (!read_more(remote))
            return false;
    }
    assert_int_equal(status, 1);
    return true;
}

void remote_await_close(struct remote *remote)
{
    struct slice packet;
    while (remote_receive(remote, &packet))
        ;
}

bool remote_shake_hands(struct remote *remote, const char *cookie)
{
    const struct handshake_config config = {.node = slice_of_text(remote->name),
                                            .cookie = slice_of_text(cookie),
                                            .creation = REMOTE_CREATION,
                                            .flags = HANDSHAKE_FLAGS};
    struct buf out = BUF_EMPTY;
    struct slice packet;
    int status = 0;
    remote->handshake = handshake_connect_new(&config, slice_of_text(remote->local->node.name), &out);
    while (status == 0) {
        remote_send(remote, buf_slice(&out));
        buf_clear(&out);
        if (!remote_receive(remote, &packet))
            break;
        status = handshake_packet(remote->handshake, packet, &out);
    }
    buf_release(&out);
    handshake_free(remote->handshake);
    remote->handshake = NULL;
    if (status == 1)
        frame_reader_switch(&remote->reader, 4, UINT32_MAX);
    return status == 1;
}

void remote_join(struct remote *remote, struct local *local, const char *name)
{
    remote_connect(remote, local, name);
    assert_true(remote_shake_hands(remote, REMOTE_COOKIE));
    local_await_peer(local, name, true);
}

static void write_pid(struct remote *remote, struct buf *out)
{
    struct buf atom = BUF_EMPTY;
    etf_write_atom(&atom, remote->name);
    const struct pid pid = {.node = buf_slice(&atom), .id = 1, .serial = 2, .creation = REMOTE_CREATION};
    pid_write(out, &pid);
    buf_release(&atom);
}

void remote_write_echo(struct remote *remote, struct buf *out, uint32_t number, size_t size)
{
    struct buf pid = BUF_EMPTY, name = BUF_EMPTY, bytes = BUF_EMPTY;
    write_pid(remote, &pid);
    etf_write_atom(&name, "echo");
    buf_append_u32(&bytes, number);
    memset(buf_extend(&bytes, size), 'x', size);
    size_t mark = control_reg_send_begin(out, buf_slice(&pid), buf_slice(&name), slice_of(NULL, 0));
    etf_write_tuple(out, 2);
    etf_write_term(out, buf_slice(&pid));
    etf_write_binary(out, slice_of(bytes.data, size));
    frame_end(out, mark);
    buf_release(&pid);
    buf_release(&name);
    buf_release(&bytes);
}

void remote_expect_echo(struct remote *remote, uint32_t number, size_t size)
{
    struct slice frame, bytes;
    struct control control;
    do
        assert_true(remote_receive(remote, &frame));
    while (frame.size == 0);
    assert_int_equal(control_parse(frame, 100, &control), 0);
    assert_int_equal(control.op, CONTROL_SEND);
    assert_true(etf_read_binary(&control.message, &bytes));
    assert_int_equal(bytes.size, size);
    assert_true(size >= NUMBER_SIZE);
    assert_int_equal(bytes_u32(bytes.data), number);
}
