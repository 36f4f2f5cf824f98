/* One errand as a node of its own. Knows no request and no answer. */
#include "runtime/guest.h"

#include "base/error.h"
#include "runtime/connection.h"
#include "runtime/gen_call.h"
#include "runtime/host.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "wire/challenge.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

enum {
    CREATION_MIN = 4, /* smaller ones are of nodes that know only 2 bits of it */
    TICKS = 4,        /* within the tick time */
    HANDSHAKE_MS = 7000,
    SIZE_LIMIT = 16 * 1024 * 1024, /* of frames and output: both are small */
    SIGNALS = 3,
};

struct guest {
    const struct guest_config *config; /* borrowed */
    uv_loop_t loop;
    struct node node;
    struct connections *connections;
    struct errand *errand; /* the process; NULL: not yet, or gone */
    uv_work_t work;
    uv_async_t ended; /* ending has become true, perhaps inside a process */
    uv_signal_t signals[SIGNALS];
    enum guest_outcome outcome; /* once ending */
    int error;
    bool working;
    bool ending; /* it ends as soon as nobody works */
    bool closing;
};

struct errand {
    struct gen_server gen;
    struct gen_call call;
    struct guest *guest; /* borrowed */
    bool worked;         /* the call is the second one */
};

/* ---- ending */

static void on_closed(void *ctx)
{
    struct guest *guest = ctx;
    for (int i = 0; i < SIGNALS; i++)
        uv_close((uv_handle_t *)&guest->signals[i], NULL);
    uv_close((uv_handle_t *)&guest->ended, NULL);
}

/* As soon as nobody works. Not from inside a process. */
static void end_if_due(struct guest *guest)
{
    if (!guest->ending || guest->working || guest->closing)
        return;
    guest->closing = true;
    if (guest->errand != NULL) {
        process_enter(&guest->errand->gen.process);
        process_exit_atom(&guest->errand->gen.process, "normal");
        process_leave(&guest->errand->gen.process);
    }
    connections_close(guest->connections, on_closed, guest);
}

static void on_ended(uv_async_t *async)
{
    end_if_due(async->data);
}

/* The first outcome is the one that counts. */
static void end(struct guest *guest, enum guest_outcome outcome, int error)
{
    if (guest->ending)
        return;
    guest->ending = true;
    guest->outcome = outcome;
    guest->error = error;
    if (guest->working)
        guest->config->stop(guest->config->ctx);
    uv_async_send(&guest->ended);
}

static void on_signal(uv_signal_t *signal, int number)
{
    end(signal->data, GUEST_INTERRUPTED, 0);
}

static void end_without(struct guest *guest, struct slice reason)
{
    end(guest, etf_is_atom(reason, "noproc") ? GUEST_NO_SERVER : GUEST_LOST, 0);
}

/* ---- the process */

static void ask(struct errand *errand);

static void do_work(uv_work_t *work)
{
    struct guest *guest = work->data;
    guest->config->work(guest->config->ctx);
}

static void on_worked(uv_work_t *work, int status)
{
    struct guest *guest = work->data;
    struct errand *errand = guest->errand;
    guest->working = false;
    if (!guest->ending) { /* so it has its process */
        process_enter(&errand->gen.process);
        errand->worked = true;
        ask(errand);
        process_leave(&errand->gen.process);
    }
    end_if_due(guest);
}

static void on_answer(struct guest *guest, struct slice term)
{
    if (guest->ending)
        return;
    if (guest->errand->worked) {
        end(guest, GUEST_DONE, 0);
    } else if (!guest->config->answered(guest->config->ctx, term)) {
        end(guest, GUEST_NOT_WANTED, 0);
    } else {
        guest->working = true;
        guest->work.data = guest;
        uv_queue_work(&guest->loop, &guest->work, do_work, on_worked);
    }
}

static void on_called(struct gen_call *call, enum gen_call_outcome outcome, struct slice term)
{
    struct guest *guest = ((struct errand *)call->caller)->guest;
    if (outcome == GEN_CALL_ANSWERED)
        on_answer(guest, term);
    else if (outcome == GEN_CALL_DOWN)
        end_without(guest, term);
    else
        end(guest, GUEST_NO_ANSWER, 0);
}

static void write_server(const struct errand *errand, struct buf *out)
{
    const struct guest_config *config = errand->guest->config;
    etf_write_tuple(out, 2);
    etf_write_atom(out, config->server);
    etf_write_atom(out, config->node);
}

static void ask(struct errand *errand)
{
    const struct guest_config *config = errand->guest->config;
    struct buf server = BUF_EMPTY;
    struct buf self = BUF_EMPTY;
    write_server(errand, &server);
    process_write_pid(&errand->gen.process, &self);
    errand->call.done = on_called;
    struct buf *out = gen_call_begin(&errand->gen, &errand->call, buf_slice(&server), config->answer_ms);
    config->write_request(config->ctx, buf_slice(&self), out);
    gen_call_end(&errand->gen);
    buf_release(&server);
    buf_release(&self);
}

static int init(struct gen_server *self, const void *argument)
{
    ((struct errand *)self)->guest = *(struct guest *const *)argument;
    return 0;
}

/* Watches before it asks: else the connection could be lost and made again unseen, with the request on the
 * one before. */
static void handle_continue(struct gen_server *self)
{
    struct errand *errand = (struct errand *)self;
    struct buf server = BUF_EMPTY;
    struct ref ref;
    errand->guest->errand = errand;
    write_server(errand, &server);
    monitor_add(&self->process, buf_slice(&server), &ref);
    buf_release(&server);
    ask(errand);
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    gen_server_reply_bad_request(self, from, request);
}

/* {'DOWN', Ref, process, Object, Reason} */
static void handle_info(struct gen_server *self, struct slice message)
{
    if (!etf_read_tagged(&message, "DOWN", 5)) {
        node_bad_message(self->process.node, self->process.type->module);
        return;
    }
    for (int i = 0; i < 3; i++)
        etf_take(&message);
    end_without(((struct errand *)self)->guest, message);
}

static void write_state(struct gen_server *self, struct buf *out)
{
    etf_write_atom(out, ((struct errand *)self)->guest->working ? "working" : "waiting");
}

/* Somebody may end it from outside. */
static void release(struct gen_server *self)
{
    struct guest *guest = ((struct errand *)self)->guest;
    guest->errand = NULL;
    end(guest, GUEST_LOST, 0);
}

static const struct gen_server_type type = {.process = GEN_SERVER_PROCESS("guest", struct errand),
                                            .init = init,
                                            .handle_continue = handle_continue,
                                            .handle_call = handle_call,
                                            .handle_info = handle_info,
                                            .write_state = write_state,
                                            .release = release};

static void on_connected(void *ctx, int status, struct peer *peer)
{
    struct guest *guest = ctx;
    struct gen_server *server;
    if (status != 0) /* whom our digest does not convince closes without a word */
        end(guest, GUEST_UNREACHED, status == UV_EOF ? ERR_BAD_COOKIE : status);
    else if (!guest->ending && gen_server_start(&guest->node, &type, NULL, NULL, &guest, &server) != 0)
        end(guest, GUEST_LOST, 0);
}

/* ---- the node */

/* A long or short name, as the other one's is. */
static void start_node(struct guest *guest)
{
    char name[HOST_NODE_NAME_MAX];
    uint64_t random;
    uint32_t creation;
    challenge_random(&random, sizeof random);
    do
        challenge_random(&creation, sizeof creation);
    while (creation < CREATION_MIN);
    snprintf(name, sizeof name, "%.32s_%016" PRIx64 "%s", guest->config->prefix, random,
             strchr(guest->config->node, '@'));
    node_init(&guest->node, &guest->loop, name, creation);
}

static int start_connections(struct guest *guest)
{
    const struct connections_config config = {.node = &guest->node,
                                              .cookie = guest->config->cookie,
                                              .tls = guest->config->tls,
                                              .tick_ms = guest->config->net_ticktime_s * 1000 / TICKS,
                                              .handshake_ms = HANDSHAKE_MS,
                                              .handshakes_max = 1,
                                              .connections_max = 1,
                                              .frame_size_max = SIZE_LIMIT,
                                              .output_size_max = SIZE_LIMIT};
    return connections_start(&guest->connections, &config, "127.0.0.1", 0);
}

static void watch_signals(struct guest *guest)
{
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&guest->loop, &guest->signals[i]);
        guest->signals[i].data = guest;
        uv_signal_start(&guest->signals[i], on_signal, numbers[i]);
    }
}

static void run(struct guest *guest)
{
    uv_async_init(&guest->loop, &guest->ended, on_ended);
    guest->ended.data = guest;
    watch_signals(guest);
    connections_connect(guest->connections, guest->config->node, on_connected, guest);
    uv_run(&guest->loop, UV_RUN_DEFAULT);
    connections_free(guest->connections);
}

enum guest_outcome guest_run(const struct guest_config *config, int *error)
{
    struct guest guest = {.config = config, .outcome = GUEST_FAILED};
    signal(SIGPIPE, SIG_IGN);
    int status = uv_loop_init(&guest.loop);
    if (status != 0) {
        *error = status;
        return GUEST_FAILED;
    }
    start_node(&guest);
    guest.error = start_connections(&guest);
    if (guest.error == 0)
        run(&guest);
    node_release(&guest.node);
    uv_loop_close(&guest.loop);
    *error = guest.error;
    return guest.outcome;
}
