/* Two nodes on one loop connect to each other by name. epmd is a table here. */
#include "runtime/connector.h"

#include "base/error.h"
#include "fake_remote.h"
#include "runtime/epmd.h"
#include "unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME_A "a@localhost"
#define NAME_B "b@localhost"

/* What epmd knows; written before a look-up starts. */
static struct {
    const char *name;
    uint16_t port;
} known[4];

int epmd_lookup(const char *node, char address[64], uint16_t *port)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].name != NULL && strcmp(known[i].name, node) == 0) {
            strcpy(address, "127.0.0.1");
            *port = known[i].port;
            return 0;
        }
    }
    return ERR_NOT_FOUND;
}

/* The answer to one connections_connect. */
struct answer {
    unsigned count;
    int status;
    struct peer *peer;
};

static void on_done(void *ctx, int status, struct peer *peer)
{
    struct answer *answer = ctx;
    answer->count++;
    answer->status = status;
    answer->peer = peer;
}

static bool is_answered(struct local *local, const void *ctx)
{
    const struct answer *answer = ctx;
    return answer->count > 0;
}

/* Two nodes: b on a's loop. */
struct pair {
    struct local a;
    struct node b;
    struct connections *connections_b;
    bool closed_b;
};

static void start_b(struct pair *pair, const char *cookie)
{
    struct connections_config config = {.node = &pair->b,
                                        .cookie = slice_of_text(cookie),
                                        .tick_ms = 100,
                                        .handshake_ms = 2000,
                                        .handshakes_max = 10,
                                        .connections_max = 10,
                                        .frame_size_max = 1000000,
                                        .output_size_max = 1000000};
    node_init(&pair->b, &pair->a.loop, NAME_B, 5);
    assert_int_equal(connections_start(&pair->connections_b, &config, "127.0.0.1", 0), 0);
    known[0].name = NAME_A;
    known[0].port = connections_port(pair->a.connections);
    known[1].name = NAME_B;
    known[1].port = connections_port(pair->connections_b);
}

static void pair_start(struct pair *pair, const char *cookie_b)
{
    *pair = (struct pair){.closed_b = false};
    local_start(&pair->a, NAME_A, (struct connections_config){.tick_ms = 100, .handshake_ms = 2000});
    start_b(pair, cookie_b);
}

static void on_b_closed(void *ctx)
{
    struct pair *pair = ctx;
    pair->closed_b = true;
}

static bool is_b_closed(struct local *local, const void *ctx)
{
    const struct pair *pair = ctx;
    return pair->closed_b;
}

static void pair_stop(struct pair *pair)
{
    connections_close(pair->connections_b, on_b_closed, pair);
    local_await(&pair->a, is_b_closed, pair);
    connections_free(pair->connections_b);
    node_release(&pair->b);
    local_stop(&pair->a);
}

static void connect__node_runs__up_on_both_sides(void **state)
{
    struct pair pair;
    struct answer first = {0}, second = {0};
    pair_start(&pair, REMOTE_COOKIE);
    connections_connect(pair.a.connections, NAME_B, on_done, &first);
    assert_int_equal(first.count, 0);
    local_await(&pair.a, is_answered, &first);
    assert_int_equal(first.status, 0);
    assert_string_equal(first.peer->name, NAME_B);
    connections_connect(pair.a.connections, NAME_B, on_done, &second);
    local_await(&pair.a, is_answered, &second);
    assert_ptr_equal(second.peer, first.peer);
    assert_non_null(peer_find(&pair.b, slice_of_text(NAME_A)));
    pair_stop(&pair);
}

static void connect__asked_twice_at_once__one_connection(void **state)
{
    struct pair pair;
    struct answer first = {0}, second = {0};
    pair_start(&pair, REMOTE_COOKIE);
    connections_connect(pair.a.connections, NAME_B, on_done, &first);
    connections_connect(pair.a.connections, NAME_B, on_done, &second);
    local_await(&pair.a, is_answered, &second);
    assert_int_equal(first.count, 1);
    assert_ptr_equal(first.peer, second.peer);
    assert_int_equal(connections_count(pair.a.connections), 1);
    pair_stop(&pair);
}

static void connect__cannot__error(void **state)
{
    static const struct {
        const char *name;
        int status;
    } cases[] = {{"unknown@localhost", ERR_NOT_FOUND},
                 {"nobody@localhost", -ECONNREFUSED},
                 {NAME_A, ERR_REFUSED},
                 {"no_host", ERR_BADARG}};
    struct pair pair;
    pair_start(&pair, REMOTE_COOKIE);
    known[2].name = "nobody@localhost";
    known[2].port = 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer answer = {0};
        connections_connect(pair.a.connections, cases[i].name, on_done, &answer);
        local_await(&pair.a, is_answered, &answer);
        assert_int_equal(answer.status, cases[i].status);
        assert_null(answer.peer);
    }
    pair_stop(&pair);
}

static void connect__other_cookie__error(void **state)
{
    struct pair pair;
    struct answer answer = {0};
    pair_start(&pair, "OTHER");
    connections_connect(pair.a.connections, NAME_B, on_done, &answer);
    local_await(&pair.a, is_answered, &answer);
    assert_true(answer.status < 0);
    assert_null(peer_find(&pair.b, slice_of_text(NAME_A)));
    pair_stop(&pair);
}

static void connect__both_at_once__one_connection(void **state)
{
    for (int i = 0; i < 50; i++) {
        struct pair pair;
        struct answer to_b = {0}, to_a = {0};
        pair_start(&pair, REMOTE_COOKIE);
        connections_connect(pair.a.connections, NAME_B, on_done, &to_b);
        for (int turn = 0; turn < i % 5; turn++)
            local_turn(&pair.a, -1);
        connections_connect(pair.connections_b, NAME_A, on_done, &to_a);
        local_await_peer(&pair.a, NAME_B, true);
        local_await(&pair.a, is_answered, &to_b);
        local_await(&pair.a, is_answered, &to_a);
        local_await_count(&pair.a, 1);
        assert_int_equal(connections_count(pair.connections_b), 1);
        assert_non_null(peer_find(&pair.b, slice_of_text(NAME_A)));
        assert_int_equal(to_b.count, 1);
        assert_int_equal(to_a.count, 1);
        assert_int_equal(to_a.status, 0);
        assert_int_equal(to_b.status, 0); /* if it was refused, it has waited for the other one */
        pair_stop(&pair);
    }
}

/* A node that is connected to by TCP, but says nothing. */
static int listen_silently(const char *name)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    known[0].name = name;
    known[0].port = ntohs(address.sin_port);
    return fd;
}

/* Offers the name, returns the status that is answered; the handshake ends there. */
static void expect_status(struct remote *remote, const char *expected)
{
    struct buf out = BUF_EMPTY;
    struct slice packet;
    const struct handshake_config config = {.node = slice_of_text(remote->name),
                                            .cookie = slice_of_text(REMOTE_COOKIE),
                                            .creation = 77,
                                            .flags = HANDSHAKE_FLAGS};
    remote->handshake = handshake_connect_new(&config, slice_of_text(remote->local->node.name), &out);
    remote_send(remote, buf_slice(&out));
    assert_true(remote_receive(remote, &packet));
    assert_true(slice_equal(packet, slice_of_text(expected)));
    buf_release(&out);
}

static void connect__greater_name_comes_meanwhile__ours_is_dropped(void **state)
{
    struct local local;
    struct remote remote;
    struct answer answer = {0};
    local_start(&local, "m@localhost", (struct connections_config){0});
    int fd = listen_silently("z@localhost");
    connections_connect(local.connections, "z@localhost", on_done, &answer);
    local_await_count(&local, 1);
    remote_connect(&remote, &local, "z@localhost");
    expect_status(&remote, "sok_simultaneous");
    local_await_count(&local, 1);
    assert_int_equal(answer.count, 0);
    remote_disconnect(&remote); /* who waits for ours waited for this one */
    local_await(&local, is_answered, &answer);
    assert_int_equal(answer.status, UV_EOF);
    close(fd);
    local_stop(&local);
}

static void connect__greater_name_joins_meanwhile__done(void **state)
{
    struct local local;
    struct remote remote;
    struct answer answer = {0};
    local_start(&local, "m@localhost", (struct connections_config){0});
    int fd = listen_silently("z@localhost");
    connections_connect(local.connections, "z@localhost", on_done, &answer);
    local_await_count(&local, 1);
    remote_join(&remote, &local, "z@localhost");
    local_await(&local, is_answered, &answer);
    assert_int_equal(answer.status, 0);
    assert_string_equal(answer.peer->name, "z@localhost");
    local_await_count(&local, 1);
    remote_disconnect(&remote);
    close(fd);
    local_stop(&local);
}

static void connect__smaller_name_comes_meanwhile__refused(void **state)
{
    struct local local;
    struct remote remote;
    struct answer answer = {0};
    local_start(&local, "m@localhost", (struct connections_config){.handshake_ms = 300});
    int fd = listen_silently("a@localhost");
    connections_connect(local.connections, "a@localhost", on_done, &answer);
    local_await_count(&local, 1);
    remote_connect(&remote, &local, "a@localhost");
    expect_status(&remote, "snok");
    assert_int_equal(answer.count, 0);
    remote_disconnect(&remote);
    local_await(&local, is_answered, &answer);
    assert_int_equal(answer.status, ERR_TIMEOUT);
    close(fd);
    local_stop(&local);
}

/* Takes the TCP connection and refuses it in favour of one that never comes. */
static void connect__refused_for_the_other_side_which_does_not_come__timeout(void **state)
{
    struct local local;
    struct answer answer = {0};
    local_start(&local, "a@localhost", (struct connections_config){.handshake_ms = 300, .tick_ms = 100});
    int fd = listen_silently("z@localhost");
    connections_connect(local.connections, "z@localhost", on_done, &answer);
    local_await_count(&local, 1);
    int accepted = accept(fd, NULL, NULL);
    assert_int_equal(send(accepted, "\0\4snok", 6, 0), 6);
    close(accepted);
    local_await_count(&local, 0);
    assert_int_equal(answer.count, 0);
    local_await(&local, is_answered, &answer);
    assert_int_equal(answer.status, ERR_TIMEOUT);
    close(fd);
    local_stop(&local);
}

static void connect__closed_meanwhile__stopped(void **state)
{
    struct pair pair;
    struct answer answer = {0};
    pair_start(&pair, REMOTE_COOKIE);
    connections_connect(pair.a.connections, NAME_B, on_done, &answer);
    local_close(&pair.a);
    local_await(&pair.a, is_answered, &answer);
    assert_int_equal(answer.status, ERR_STOPPED);
    pair_stop(&pair);
}

static void tick__two_idle_nodes__stay_connected(void **state)
{
    struct pair pair;
    struct answer answer = {0};
    pair_start(&pair, REMOTE_COOKIE);
    connections_connect(pair.a.connections, NAME_B, on_done, &answer);
    local_await(&pair.a, is_answered, &answer);
    uint64_t start_ms = uv_hrtime() / 1000000;
    while (uv_hrtime() / 1000000 - start_ms < 1200) /* twice what a silent peer is given */
        local_turn(&pair.a, -1);
    assert_ptr_equal(peer_find(&pair.a.node, slice_of_text(NAME_B)), answer.peer);
    pair_stop(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect__node_runs__up_on_both_sides),
        cmocka_unit_test(connect__asked_twice_at_once__one_connection),
        cmocka_unit_test(connect__cannot__error),
        cmocka_unit_test(connect__other_cookie__error),
        cmocka_unit_test(connect__both_at_once__one_connection),
        cmocka_unit_test(connect__greater_name_comes_meanwhile__ours_is_dropped),
        cmocka_unit_test(connect__greater_name_joins_meanwhile__done),
        cmocka_unit_test(connect__smaller_name_comes_meanwhile__refused),
        cmocka_unit_test(connect__refused_for_the_other_side_which_does_not_come__timeout),
        cmocka_unit_test(connect__closed_meanwhile__stopped),
        cmocka_unit_test(tick__two_idle_nodes__stay_connected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
