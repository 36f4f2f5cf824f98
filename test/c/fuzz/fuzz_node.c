/* The whole node with two peers that say anything, and a third one whose calls must be answered after it all.
 * No sockets: frames go to peer_frame; no disk: memory_store.c. The input is a list of steps, each a byte
 * that says what, two bytes of size, and so many bytes:
 *
 *   0 1   a frame of the peer a, b           2 3   the peer a, b goes and comes again
 *   4     the store answers                  5     the store fails
 *   6     nodes that we wanted to reach are there (a byte: or not)
 *   7     time passes: a second, or as many as the first byte says, in tenths
 *
 * The node is us@host with the creation 5, its first processes net_kernel <0.1.0> and rex <0.2.0>. */
#include "fuzz.h"

#include "base/error.h"
#include "fake_clock.h"
#include "fuzz_steps.h"
#include "memory_store.h"
#include "runtime/net_kernel.h"
#include "runtime/node.h"
#include "runtime/peer_release.h"
#include "runtime/registry.h"
#include "runtime/rpc.h"
#include "todo/system.h"
#include "wire/control.h"
#include "wire/etf_check.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"
#include "wire/frame.h"

#include <errno.h>
#include <stdio.h>
#include <uv.h>

enum {
    PEERS = 3,
    ASKED = 1 /* for its release */,
    GOOD = 2,
    RUNS_MAX = 1000,
    TURNS_MAX = 1000,
    FRAME_SIZE_MAX = 1 << 26,
    DIALS_MAX = 64
};

struct test;

struct fake_peer {
    struct test *test;
    struct peer *peer; /* NULL: not connected */
    bool woken;
};

struct test {
    uv_loop_t loop;
    struct node node;
    struct rpc rpc;
    struct todo_system *system;
    struct fake_peer peers[PEERS];
    bool failed;       /* the system has ended by itself: the program would end */
    bool alone;        /* the good client: the others are gone */
    bool stopped;      /* todo_stop is done */
    unsigned answers;  /* to the good client */
    struct buf answer; /* the last one */
};

/* ---- peers ---- */

static void on_wake(void *ctx)
{
    ((struct fake_peer *)ctx)->woken = true;
}

static void on_close(void *ctx, int error)
{
    ((struct fake_peer *)ctx)->peer = NULL;
}

static void connect_peer(struct test *test, unsigned i)
{
    static const char *const names[PEERS] = {"a@host", "b@host", "good@host"};
    static const uint64_t flags[PEERS] = {
        HANDSHAKE_FLAGS, HANDSHAKE_FLAGS & ~(DFLAG_ALTACT_SIG | DFLAG_ALIAS), HANDSHAKE_FLAGS};
    struct fake_peer *peer = &test->peers[i];
    const struct peer_transport transport = {.wake = on_wake, .close = on_close, .ctx = peer};
    struct handshake_peer known = {.flags = flags[i], .creation = 7};
    strcpy(known.node, names[i]);
    *peer = (struct fake_peer){.test = test};
    peer->peer = peer_up(&test->node, &known, &transport);
    if (i != ASKED)
        peer->peer->release = RELEASE_OURS;
}

static void disconnect(struct fake_peer *peer)
{
    if (peer->peer != NULL)
        peer_down(peer->peer);
    peer->peer = NULL;
}

/* A message for the good client is what it waits for. */
static void take_frame(struct fake_peer *peer, struct slice frame)
{
    struct test *test = peer->test;
    struct control control;
    if (frame.size == 0)
        return;
    FUZZ_CHECK(control_parse(frame, ETF_DEPTH_MAX_DEFAULT + 100, &control) == 0);
    if (peer != &test->peers[GOOD] || control.op != CONTROL_SEND)
        return;
    test->answers++;
    buf_clear(&test->answer);
    buf_append_slice(&test->answer, control.message);
}

static void take_output(struct fake_peer *peer)
{
    struct frame_reader reader;
    struct slice frame;
    if (peer->peer == NULL)
        return;
    FUZZ_CHECK(peer->woken || peer->peer->out.size == 0);
    frame_reader_init(&reader, 4, FRAME_SIZE_MAX);
    frame_feed(&reader, buf_slice(&peer->peer->out));
    while (frame_next(&reader, &frame) == 1)
        take_frame(peer, frame);
    FUZZ_CHECK(reader.partial.size == 0);
    frame_reader_release(&reader);
    buf_clear(&peer->peer->out);
    peer->woken = false;
    peer_flushed(peer->peer, 0);
}

static void run(struct test *test)
{
    unsigned runs = 0;
    while (node_run(&test->node))
        FUZZ_CHECK(runs++ < RUNS_MAX);
    for (unsigned i = 0; i < PEERS; i++)
        take_output(&test->peers[i]);
}

static void give_frame(struct test *test, unsigned i, struct slice bytes)
{
    struct slice copy = fuzz_copy(bytes);
    if (test->peers[i].peer == NULL)
        connect_peer(test, i);
    if (bytes.size > 0 && peer_frame(test->peers[i].peer, copy) != 0)
        disconnect(&test->peers[i]);
    fuzz_free(copy);
    run(test);
}

/* ---- nodes to be reached ---- */

static bool on_dial(void *ctx, const char *name)
{
    struct test *test = ctx;
    return HASH_COUNT(test->node.pending) < DIALS_MAX;
}

static void come_up(struct test *test, struct peer *pending)
{
    static const struct peer_transport transport = {.wake = NULL};
    struct handshake_peer known = {.flags = HANDSHAKE_FLAGS, .creation = 9};
    snprintf(known.node, sizeof known.node, "%s", pending->name);
    struct fake_peer fake = {.test = test};
    struct peer_transport there = transport;
    there.wake = on_wake;
    there.close = on_close;
    there.ctx = &fake;
    fake.woken = true; /* it may have something already */
    fake.peer = peer_up(&test->node, &known, &there);
    run(test);
    take_output(&fake);
    disconnect(&fake);
}

static void reach(struct test *test, bool there)
{
    for (unsigned i = 0; test->node.pending != NULL && i < DIALS_MAX; i++) {
        if (there && peer_find(&test->node, slice_of_text(test->node.pending->name)) == NULL)
            come_up(test, test->node.pending);
        else
            peer_down(test->node.pending);
        run(test);
    }
}

/* ---- steps ---- */

static void run_all(void *ctx)
{
    run(ctx);
}

static void let_pass(struct test *test, uint64_t ms)
{
    fake_clock_pass(ms, run_all, test);
    uv_run(&test->loop, UV_RUN_NOWAIT); /* closed timers are freed */
    run(test);
}

static void store_turn(struct test *test, int status)
{
    memory_store_turn(memory_store(), status);
    run(test);
}

static void make_step(struct test *test, struct fuzz_step step)
{
    switch (step.kind) {
    case FUZZ_FRAME_A:
    case FUZZ_FRAME_B:
        give_frame(test, step.kind - FUZZ_FRAME_A, step.bytes);
        break;
    case FUZZ_AGAIN_A:
    case FUZZ_AGAIN_B:
        disconnect(&test->peers[step.kind - FUZZ_AGAIN_A]);
        run(test);
        break;
    case FUZZ_STORE:
    case FUZZ_STORE_FAILS:
        store_turn(test, step.kind == FUZZ_STORE ? 0 : -ENOSPC);
        break;
    case FUZZ_REACH:
        reach(test, step.bytes.size > 0);
        break;
    default:
        let_pass(test, step.bytes.size > 0 ? (uint64_t)step.bytes.data[0] * 100 : 1000);
    }
}

/* ---- the good client ---- */

static void write_good_pid(struct buf *out)
{
    struct buf node = BUF_EMPTY;
    etf_write_atom(&node, "good@host");
    const struct pid pid = {.node = buf_slice(&node), .id = 11, .creation = 7};
    pid_write(out, &pid);
    buf_release(&node);
}

/* {What, {Pid, Tag}, Request} to whom the name or the pid tells. */
static void ask(struct test *test, const char *name, struct slice pid, const char *what, struct slice request)
{
    struct buf frame = BUF_EMPTY, from = BUF_EMPTY, to = BUF_EMPTY;
    size_t mark;
    write_good_pid(&from);
    if (name != NULL) {
        etf_write_atom(&to, name);
        mark = control_reg_send_begin(&frame, buf_slice(&from), buf_slice(&to), slice_of(NULL, 0));
    } else {
        mark = control_send_begin(&frame, pid, slice_of(NULL, 0));
    }
    etf_write_tuple(&frame, 3);
    etf_write_atom(&frame, what);
    etf_write_tuple(&frame, 2);
    etf_write_term(&frame, buf_slice(&from));
    etf_write_int64(&frame, 42);
    etf_write_term(&frame, request);
    frame_end(&frame, mark);
    give_frame(test, GOOD, buf_slice_from(&frame, 4));
    buf_release(&frame);
    buf_release(&from);
    buf_release(&to);
}

/* Until it is answered. False: it has not been, though all that was under way has ended. */
static bool is_answered(struct test *test, unsigned before)
{
    for (unsigned turns = 0; test->answers == before && turns < 20; turns++) {
        store_turn(test, 0);
        let_pass(test, 1000);
    }
    return test->answers > before;
}

/* {'$todo_call', {Pid, Tag}, Request}: is answered even if there is nobody. */
static void check_fast_call(struct test *test, const char *name, struct slice request)
{
    unsigned before = test->answers;
    ask(test, name, slice_of(NULL, 0), "$todo_call", request);
    FUZZ_CHECK(is_answered(test, before) || test->failed);
}

static bool call(struct test *test, const char *name, struct slice pid, struct slice request)
{
    struct buf resume = BUF_EMPTY;
    etf_write_atom(&resume, "resume");
    ask(test, name, pid, "system", buf_slice(&resume)); /* somebody may have suspended it */
    is_answered(test, test->answers);
    unsigned before = test->answers;
    ask(test, name, pid, "$gen_call", request);
    buf_release(&resume);
    return is_answered(test, before);
}

/* Somebody may have ended it, or replaces its state: it waits for that node's fun, as on a BEAM. */
static bool must_answer(struct test *test, const char *name)
{
    const struct process *process = registry_find(&test->node, slice_of_text(name));
    return process != NULL && (test->alone || !process->paused);
}

static void expect_answer(struct test *test, const char *name, struct slice request)
{
    if (!must_answer(test, name))
        return;
    FUZZ_CHECK(call(test, name, slice_of(NULL, 0), request) || test->failed ||
               registry_find(&test->node, slice_of_text(name)) == NULL);
}

/* {call, erlang, node, [], user} */
static void write_node_call(struct buf *out)
{
    etf_write_tuple(out, 5);
    etf_write_atom(out, "call");
    etf_write_atom(out, "erlang");
    etf_write_atom(out, "node");
    etf_write_nil(out);
    etf_write_atom(out, "user");
}

static void check_good_client(struct test *test)
{
    static const char *const names[] = {"net_kernel", "Elixir.Todo.List", "Elixir.Todo.Database",
                                        "Elixir.Todo.Cache", "Elixir.Todo.System"};
    struct buf request = BUF_EMPTY;
    FUZZ_CHECK(test->peers[GOOD].peer != NULL);
    etf_write_atom(&request, "count_children");
    for (unsigned i = 0; i < sizeof names / sizeof *names && !test->failed; i++)
        expect_answer(test, names[i], buf_slice(&request));
    for (unsigned i = 0; i < sizeof names / sizeof *names && !test->failed; i++) {
        if (test->alone)
            check_fast_call(test, names[i], buf_slice(&request));
    }
    if (!test->failed)
        check_fast_call(test, "nobody", buf_slice(&request));
    buf_clear(&request);
    write_node_call(&request);
    expect_answer(test, "rex", buf_slice(&request));
    buf_release(&request);
}

/* Whoever waited for the others goes on. */
static void leave_alone(struct test *test)
{
    test->alone = true;
    disconnect(&test->peers[0]);
    disconnect(&test->peers[1]);
    reach(test, false);
    run(test);
}

/* ---- start and end ---- */

static void on_failed(void *ctx)
{
    ((struct test *)ctx)->failed = true;
}

static void on_stopped(void *ctx, int status)
{
    ((struct test *)ctx)->stopped = true;
}

static void start(struct test *test)
{
    const struct rpc_config rpc = {
        .program = "fuzz",
        .version = "1",
        .net_ticktime_s = 60,
        .output_size_max = 1 << 20,
        .application = {.name = "todo", .description = "", .supervisor = "Elixir.Todo.System"}};
    const struct todo_config todo = {.node = &test->node,
                                     .persist = "persist",
                                     .workers = 2,
                                     .lists_max = UINT32_MAX,
                                     .expire_s = 10,
                                     .failed = on_failed,
                                     .ctx = test};
    struct gen_server *net_kernel;
    fake_clock_reset();
    FUZZ_CHECK(uv_loop_init(&test->loop) == 0);
    node_init(&test->node, &test->loop, "us@host", 5);
    memset(test->node.ref_counter, 0, sizeof test->node.ref_counter);
    test->node.depth_max = 2000;
    test->node.dial.connect = on_dial;
    test->node.dial.ctx = test;
    test->node.dial.waiting_size_max = 10000;
    FUZZ_CHECK(net_kernel_start(&test->node, &net_kernel) == 0);
    FUZZ_CHECK(rpc_start(&test->rpc, &test->node, &rpc) == 0);
    FUZZ_CHECK(todo_start(&test->system, &todo) == 0);
    for (unsigned i = 0; i < PEERS; i++)
        connect_peer(test, i);
    run(test);
}

/* As main.c does it. */
static void stop(struct test *test)
{
    todo_stop(test->system, on_stopped, test);
    for (unsigned turns = 0; !test->stopped; turns++) {
        FUZZ_CHECK(turns < TURNS_MAX);
        run(test);
        store_turn(test, 0);
        let_pass(test, 1000);
    }
    rpc_stop(&test->rpc, &test->node);
    run(test);
    for (unsigned i = 0; i < PEERS; i++)
        disconnect(&test->peers[i]);
    reach(test, false);
    run(test);
    todo_free(test->system);
    FUZZ_CHECK(test->node.process_count <= 2); /* net_kernel and rex */
    node_release(&test->node);
    uv_run(&test->loop, UV_RUN_NOWAIT);
    FUZZ_CHECK(uv_loop_close(&test->loop) == 0);
    buf_release(&test->answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct test none;
    struct slice input = slice_of(data, size);
    struct fuzz_step step;
    struct test test = none;
    start(&test);
    while (!test.failed && fuzz_step_take(&input, &step))
        make_step(&test, step);
    if (!test.failed)
        check_good_client(&test);
    leave_alone(&test);
    if (!test.failed)
        check_good_client(&test);
    stop(&test);
    return 0;
}
