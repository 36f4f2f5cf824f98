/* Signals to nodes that are not connected. epmd is a table here. */
#include "runtime/auto_connect.h"

#include "base/error.h"
#include "fake_remote.h"
#include "runtime/epmd.h"
#include "runtime/monitors.h"
#include "runtime/process_send.h"
#include "unit.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define NAME_A    "m@localhost"
#define NAME_B    "z@localhost"
#define NAME_SLOW "a@localhost" /* a look-up of it ends when the test says so */

/* What epmd knows and was asked; the ports are written before a look-up starts. */
static struct {
    atomic_uint lookups;
    uint16_t a_port; /* 0: unknown */
    uint16_t b_port;
    uv_sem_t slow; /* posted once for each slow look-up that may end */
} fake_epmd;

int epmd_lookup(const char *node, char address[64], uint16_t *port)
{
    atomic_fetch_add(&fake_epmd.lookups, 1);
    if (strcmp(node, NAME_SLOW) == 0)
        uv_sem_wait(&fake_epmd.slow);
    strcpy(address, "127.0.0.1");
    *port = 0;
    if (strcmp(node, NAME_A) == 0)
        *port = fake_epmd.a_port;
    else if (strcmp(node, NAME_B) == 0)
        *port = fake_epmd.b_port;
    return *port == 0 ? ERR_NOT_FOUND : 0;
}

/* A process that writes down what it gets: numbers, and the reasons of DOWNs. */
struct witness {
    struct process process;
    struct buf *text;
};

static enum receive witness_receive(struct process *self, struct slice message)
{
    struct buf *text = ((struct witness *)self)->text;
    uint64_t number;
    uint8_t reason[ATOM_BYTES_MAX];
    size_t size = 0;
    if (etf_read_uint64(&message, &number)) {
        char digits[32];
        snprintf(digits, sizeof digits, "%llu ", (unsigned long long)number);
        buf_append_slice(text, slice_of_text(digits));
        return RECEIVE_TAKEN;
    }
    assert_true(etf_read_tagged(&message, "DOWN", 5));
    for (int i = 0; i < 3; i++)
        etf_take(&message);
    assert_true(etf_read_atom(&message, reason, &size));
    buf_append_slice(text, slice_of(reason, size));
    buf_append_u8(text, ' ');
    return RECEIVE_TAKEN;
}

static const struct process_type witness_type = {
    .module = "witness", .size = sizeof(struct witness), .receive = witness_receive};

/* Two nodes on one loop, each with a witness; b runs only after start_b. */
struct pair {
    struct local a;
    struct node b;
    struct connections *connections_b; /* NULL: not started */
    struct process *on_a, *on_b;
    struct buf seen_a, seen_b;
    bool closed_b;
};

static struct process *witness(struct node *node, struct buf *text)
{
    struct process *process = process_new(node, &witness_type);
    ((struct witness *)process)->text = text;
    return process;
}

static void pair_start(struct pair *pair)
{
    *pair = (struct pair){.closed_b = false};
    atomic_store(&fake_epmd.lookups, 0);
    fake_epmd.a_port = fake_epmd.b_port = 0;
    local_start(&pair->a, NAME_A, (struct connections_config){.tick_ms = 100, .handshake_ms = 2000});
    pair->on_a = witness(&pair->a.node, &pair->seen_a);
    node_init(&pair->b, &pair->a.loop, NAME_B, 5);
    pair->on_b = witness(&pair->b, &pair->seen_b);
}

static void start_b(struct pair *pair)
{
    struct connections_config config = {.node = &pair->b,
                                        .cookie = slice_of_text(REMOTE_COOKIE),
                                        .tick_ms = 100,
                                        .handshake_ms = 2000,
                                        .handshakes_max = 10,
                                        .connections_max = 10,
                                        .frame_size_max = 1000000,
                                        .output_size_max = 1000000};
    assert_int_equal(connections_start(&pair->connections_b, &config, "127.0.0.1", 0), 0);
    fake_epmd.a_port = connections_port(pair->a.connections);
    fake_epmd.b_port = connections_port(pair->connections_b);
}

static void on_b_closed(void *ctx)
{
    ((struct pair *)ctx)->closed_b = true;
}

static bool is_b_closed(struct local *local, const void *ctx)
{
    return ((const struct pair *)ctx)->closed_b;
}

static void pair_stop(struct pair *pair)
{
    if (pair->connections_b != NULL) {
        connections_close(pair->connections_b, on_b_closed, pair);
        local_await(&pair->a, is_b_closed, pair);
        connections_free(pair->connections_b);
    }
    node_release(&pair->b);
    local_stop(&pair->a);
    buf_release(&pair->seen_a);
    buf_release(&pair->seen_b);
}

struct expectation {
    struct buf *seen;
    const char *text;
};

static bool is_seen(struct local *local, const void *ctx)
{
    const struct expectation *expectation = ctx;
    return expectation->seen->size >= strlen(expectation->text);
}

/* The witness gets these messages and no others meanwhile. */
static void expect(struct pair *pair, struct buf *seen, const char *text)
{
    const struct expectation expectation = {seen, text};
    local_await(&pair->a, is_seen, &expectation);
    buf_append_u8(seen, '\0');
    assert_string_equal((const char *)seen->data, text);
    buf_clear(seen);
}

static void send_to(struct node *node, struct process *from, struct process *to, uint64_t number)
{
    struct buf pid = BUF_EMPTY;
    process_write_pid(to, &pid);
    etf_write_uint64(process_send_begin(node, from, buf_slice(&pid)), number);
    process_send_end(node);
    buf_release(&pid);
}

/* {x, Node} */
static void watch_node(struct process *process, const char *node)
{
    struct buf term = BUF_EMPTY;
    struct ref ref;
    etf_write_tuple(&term, 2);
    etf_write_atom(&term, "x");
    etf_write_atom(&term, node);
    monitor_add(process, buf_slice(&term), &ref);
    buf_release(&term);
}

static void send__node_runs__arrives_in_order(void **state)
{
    struct pair pair;
    pair_start(&pair);
    start_b(&pair);
    for (uint64_t i = 1; i <= 3; i++)
        send_to(&pair.a.node, pair.on_a, pair.on_b, i);
    expect(&pair, &pair.seen_b, "1 2 3 ");
    assert_int_equal(fake_epmd.lookups, 1);
    assert_non_null(peer_find(&pair.a.node, slice_of_text(NAME_B)));
    assert_null(pair.a.node.pending);
    send_to(&pair.b, pair.on_b, pair.on_a, 4);
    expect(&pair, &pair.seen_a, "4 ");
    pair_stop(&pair);
}

static void send__both_at_once__all_arrive(void **state)
{
    for (int i = 0; i < 20; i++) {
        struct pair pair;
        pair_start(&pair);
        start_b(&pair);
        send_to(&pair.a.node, pair.on_a, pair.on_b, 1);
        for (int turn = 0; turn < i % 4; turn++)
            local_turn(&pair.a, -1);
        send_to(&pair.b, pair.on_b, pair.on_a, 2);
        expect(&pair, &pair.seen_b, "1 ");
        expect(&pair, &pair.seen_a, "2 ");
        local_await_count(&pair.a, 1);
        pair_stop(&pair);
    }
}

static void monitor__no_such_node__noconnection_and_not_tried_again_at_once(void **state)
{
    struct pair pair;
    pair_start(&pair);
    watch_node(pair.on_a, NAME_B);
    assert_non_null(pair.a.node.pending);
    assert_int_equal(pair.seen_a.size, 0);
    expect(&pair, &pair.seen_a, "noconnection ");
    for (int i = 0; i < 100; i++)
        send_to(&pair.a.node, pair.on_a, pair.on_b, 1);
    watch_node(pair.on_a, NAME_B);
    assert_null(pair.a.node.pending);
    expect(&pair, &pair.seen_a, "noconnection ");
    assert_int_equal(fake_epmd.lookups, 1);
    pair_stop(&pair);
}

static bool is_connected_when_tried_again(struct local *local, const void *ctx)
{
    const struct pair *pair = ctx;
    send_to(&local->node, pair->on_a, pair->on_b, 1);
    return peer_find(&local->node, slice_of_text(NAME_B)) != NULL;
}

static void send__node_comes_back__is_tried_again(void **state)
{
    struct pair pair;
    pair_start(&pair);
    watch_node(pair.on_a, NAME_B);
    expect(&pair, &pair.seen_a, "noconnection ");
    start_b(&pair);
    local_await(&pair.a, is_connected_when_tried_again, &pair);
    assert_int_equal(fake_epmd.lookups, 2);
    pair_stop(&pair);
}

static void monitor__no_node_name__no_attempt(void **state)
{
    static const char *const names[] = {"nonode", "a@", "@b", "a@b@c", "a b@c", "", "nonode@nohost\n"};
    struct pair pair;
    pair_start(&pair);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        watch_node(pair.on_a, names[i]);
        assert_null(pair.a.node.pending);
        expect(&pair, &pair.seen_a, "noconnection ");
    }
    assert_int_equal(fake_epmd.lookups, 0);
    pair_stop(&pair);
}

static void monitor__many_nodes_at_once__only_some_are_tried(void **state)
{
    enum { NODES = 200, AT_ONCE = 64 };
    struct pair pair;
    pair_start(&pair);
    for (int i = 0; i < NODES; i++) {
        char name[32];
        snprintf(name, sizeof name, "n%d@localhost", i);
        watch_node(pair.on_a, name);
    }
    assert_int_equal(HASH_COUNT(pair.a.node.pending), AT_ONCE);
    while (pair.a.node.monitors.count > 0) /* of those that are looked up */
        local_turn(&pair.a, -1);
    assert_int_equal(fake_epmd.lookups, AT_ONCE);
    pair_stop(&pair);
}

static void send__the_other_side_connects_meanwhile__takes_its_connection(void **state)
{
    struct pair pair;
    struct remote remote;
    struct slice packet;
    assert_int_equal(uv_sem_init(&fake_epmd.slow, 0), 0);
    pair_start(&pair);
    watch_node(pair.on_a, NAME_SLOW);
    remote_join(&remote, &pair.a, NAME_SLOW);
    assert_null(pair.a.node.pending);
    assert_true(remote_receive(&remote, &packet));
    assert_true(packet.size > 0);
    uv_sem_post(&fake_epmd.slow);
    remote_disconnect(&remote);
    expect(&pair, &pair.seen_a, "noconnection ");
    pair_stop(&pair);
    uv_sem_destroy(&fake_epmd.slow);
}

static void monitor__stopped_meanwhile__noconnection(void **state)
{
    struct pair pair;
    pair_start(&pair);
    start_b(&pair);
    watch_node(pair.on_a, NAME_B);
    connections_stop_accepting(pair.a.connections);
    watch_node(pair.on_a, "other@localhost");
    local_close(&pair.a);
    expect(&pair, &pair.seen_a, "noconnection noconnection ");
    assert_null(pair.a.node.pending);
    pair_stop(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(send__node_runs__arrives_in_order),
        cmocka_unit_test(send__both_at_once__all_arrive),
        cmocka_unit_test(monitor__no_such_node__noconnection_and_not_tried_again_at_once),
        cmocka_unit_test(send__node_comes_back__is_tried_again),
        cmocka_unit_test(monitor__no_node_name__no_attempt),
        cmocka_unit_test(monitor__many_nodes_at_once__only_some_are_tried),
        cmocka_unit_test(send__the_other_side_connects_meanwhile__takes_its_connection),
        cmocka_unit_test(monitor__stopped_meanwhile__noconnection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
