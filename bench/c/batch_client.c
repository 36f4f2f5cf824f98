/* The batching client: keeps a window of calls in flight on one thread, all that one read makes possible
 * written at once, checks every answer and tells rate and latency.
 *
 * One phase after another, all of them made of calls: the cache is asked for the lists; monitors are taken,
 * some of them and one call at a time, that the node keeps up; what is measured.
 */
#include "base/mem.h"
#include "client_options.h"
#include "histogram.h"
#include "numbers.h"
#include "requests.h"
#include "runtime/cookie.h"
#include "session.h"
#include "wire/etf.h"
#include "wire/etf_check.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

enum {
    READ_SIZE = 256 * 1024,
    EVENTS = 64,
    SILENCE_MS = 60000, /* who does not answer for so long never will */
    MONITORS_AT_ONCE = 1000,
    HELD_SEQUENCE = 1u << 31 /* from here on those of monitors that are held */
};

struct client;

struct phase {
    /* Appends the phase's n-th request, by that caller. */
    void (*begin)(struct client *client, struct session *session, uint32_t caller, uint64_t n);
    /* Looks at its answer, ends it. False: a wrong one. */
    bool (*end)(struct client *client, struct session *session, uint32_t caller, struct slice answer);
};

struct client {
    struct client_options options; /* the command line */
    struct buf cookie;             /* secret of both sides */
    struct session_config config;  /* of all sessions */
    struct session *sessions;      /* options.connections of them */
    struct target *targets;        /* pids of the lists */
    struct buf node;               /* of these, an atom term; empty: not known yet */
    uint32_t creation;             /* of these */
    struct buf request;            /* term that is asked in the phase that is measured */
    const struct phase *phase;     /* that runs */
    uint64_t begun;                /* requests of this phase */
    uint64_t wanted;               /* how many there are to be */
    uint64_t deadline_ns;          /* when no more are begun; 0: none */
    uint64_t answers;              /* of this phase */
    int epoll;                     /* of all sessions */
    struct histogram latencies;    /* ns, of the phase that is measured */
    uint8_t buffer[READ_SIZE];     /* where every socket is read to */
};

static bool fail(const char *subject, const char *text)
{
    fprintf(stderr, "batch_client: %s: %s\n", subject, text);
    return false;
}

static bool wrong_answer(const struct client *client, const char *what, struct slice answer)
{
    fprintf(stderr, "batch_client: %s: wrong answer to %s:", client->options.node, what);
    for (size_t i = 0; i < answer.size && i < 64; i++)
        fprintf(stderr, " %u", answer.data[i]);
    fputc('\n', stderr);
    return false;
}

/* ---- phase: the lists */

static void begin_lookup(struct client *client, struct session *session, uint32_t caller, uint64_t n)
{
    char name[32];
    snprintf(name, sizeof name, "bench-%" PRIu64, n + 1);
    client->request.size = 0;
    etf_write_tuple(&client->request, 2);
    etf_write_atom(&client->request, "server_process");
    etf_write_binary_text(&client->request, name);
    struct request_id id = session_begin(session, caller, (uint32_t)n);
    requests_call_name(&session->requests, &session->link.out, id, client->options.cache,
                       buf_slice(&client->request));
}

static bool end_lookup(struct client *client, struct session *session, uint32_t caller, struct slice answer)
{
    const struct slot *slot = &session->slots[caller];
    const struct request_id id = {.caller = caller, .sequence = slot->sequence};
    struct slice term;
    struct pid pid;
    requests_demonitor_name(&session->requests, &session->link.out, id, client->options.cache);
    if (etf_check(answer, ETF_DEPTH_MAX_DEFAULT, &term) != 0 || !pid_read(&term, &pid))
        return wrong_answer(client, "server_process", answer);
    if (client->node.size == 0) {
        etf_write_term(&client->node, pid.node);
        client->creation = pid.creation;
    }
    client->targets[slot->list] = (struct target){.id = pid.id, .serial = pid.serial};
    return slice_equal(pid.node, buf_slice(&client->node)) && pid.creation == client->creation
               ? true
               : wrong_answer(client, "server_process", answer);
}

static const struct phase lookups = {begin_lookup, end_lookup};

/* ---- phase: what is measured */

static void begin_call(struct client *client, struct session *session, uint32_t caller, uint64_t n)
{
    uint32_t list = (uint32_t)(n % client->options.lists);
    struct request_id id = session_begin(session, caller, list);
    requests_call(&session->requests, &session->link.out, id, client->targets[list]);
}

/* {ok, Id} in any form. */
static bool is_ok_id(struct slice answer)
{
    struct slice term;
    uint64_t id;
    return etf_check(answer, ETF_DEPTH_MAX_DEFAULT, &term) == 0 && etf_read_tagged(&term, "ok", 2) &&
           etf_read_uint64(&term, &id);
}

static bool is_right(const struct client *client, struct slice answer)
{
    if (client->options.work == WORK_ADDS)
        return is_ok_id(answer);
    return answer.size > 0 && (answer.data[0] == ETF_NIL || answer.data[0] == ETF_LIST);
}

static bool end_call(struct client *client, struct session *session, uint32_t caller, struct slice answer)
{
    const struct slot *slot = &session->slots[caller];
    const struct request_id id = {.caller = caller, .sequence = slot->sequence};
    requests_demonitor(&session->requests, &session->link.out, id, client->targets[slot->list]);
    histogram_add(&client->latencies, session->now_ns - slot->sent_ns);
    return is_right(client, answer) ? true
                                    : wrong_answer(client, client_work_name(client->options.work), answer);
}

static const struct phase calls = {begin_call, end_call};

/* ---- phase: monitors on the first list, by many processes */

static void begin_monitors(struct client *client, struct session *session, uint32_t caller, uint64_t n)
{
    uint64_t first = n * MONITORS_AT_ONCE, end = first + MONITORS_AT_ONCE;
    for (uint64_t i = first; i < end && i < client->options.count; i++) {
        struct request_id id = {.caller = (uint32_t)(i % REQUESTS_CALLERS_MAX),
                                .sequence = HELD_SEQUENCE + (uint32_t)(i / REQUESTS_CALLERS_MAX)};
        requests_monitor(&session->requests, &session->link.out, id, client->targets[0]);
    }
    begin_call(client, session, caller, 0);
}

static const struct phase monitors = {begin_monitors, end_call};

/* ---- the loop */

static void begin_next(struct client *client, struct session *session, uint32_t caller)
{
    if (client->begun == client->wanted ||
        (client->deadline_ns != 0 && session->now_ns >= client->deadline_ns))
        return;
    client->phase->begin(client, session, caller, client->begun++);
}

static bool answered(void *ctx, struct session *session, uint32_t caller, struct slice answer)
{
    struct client *client = ctx;
    client->answers++;
    if (!client->phase->end(client, session, caller, answer))
        return false;
    begin_next(client, session, caller);
    return true;
}

static bool begin_all(struct client *client, unsigned sessions)
{
    for (unsigned i = 0; i < sessions; i++) {
        struct session *session = &client->sessions[i];
        session->now_ns = clock_ns();
        for (uint32_t caller = 0; caller < client->config.window; caller++)
            begin_next(client, session, caller);
        if (!session_serve(session, client->epoll, client->buffer, READ_SIZE))
            return false;
    }
    return true;
}

static bool any_busy(const struct client *client, unsigned sessions)
{
    for (unsigned i = 0; i < sessions; i++) {
        if (client->sessions[i].busy > 0)
            return true;
    }
    return false;
}

static bool turn(struct client *client)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(client->epoll, events, EVENTS, SILENCE_MS);
    if (count == 0)
        return fail(client->options.node, "does not answer");
    for (int i = 0; i < count; i++) {
        if (!session_serve(events[i].data.ptr, client->epoll, client->buffer, READ_SIZE))
            return false;
    }
    return true;
}

/* Runs a phase on the first so many sessions until all its requests are answered. */
static bool run_phase(struct client *client, const struct phase *phase, uint64_t wanted, unsigned sessions)
{
    client->phase = phase;
    client->wanted = wanted;
    client->begun = client->answers = 0;
    bool ok = begin_all(client, sessions);
    while (ok && any_busy(client, sessions))
        ok = turn(client);
    return ok;
}

/* ---- the whole */

static bool open_sessions(struct client *client)
{
    client->config = (struct session_config){.node = client->options.node,
                                             .cookie = buf_slice(&client->cookie),
                                             .window = (uint32_t)client->options.window,
                                             .answered = answered,
                                             .ctx = client};
    client->sessions = mem_zalloc(client->options.connections * sizeof *client->sessions);
    for (unsigned i = 0; i < client->options.connections; i++)
        client->sessions[i].link.fd = -1;
    for (unsigned i = 0; i < client->options.connections; i++) {
        if (!session_open(&client->sessions[i], &client->config, i, client->epoll))
            return false;
    }
    return true;
}

/* {entries, Date} or {add_entry, Entry} */
static void write_request(struct client *client)
{
    struct buf *out = &client->request;
    bool adds = client->options.work == WORK_ADDS;
    buf_clear(out);
    etf_write_tuple(out, 2);
    etf_write_atom(out, adds ? "add_entry" : "entries");
    if (adds) {
        etf_write_map(out, 2);
        etf_write_atom(out, "date");
    }
    etf_write_tuple(out, 3);
    for (unsigned i = 0; i < 3; i++)
        etf_write_uint64(out, client->options.date[i]);
    if (adds) {
        etf_write_atom(out, "title");
        etf_write_binary_text(out, "Buy milk and bread");
    }
}

static bool find_lists(struct client *client)
{
    client->targets = mem_alloc(client->options.lists * sizeof *client->targets);
    if (!run_phase(client, &lookups, client->options.lists, 1))
        return false;
    write_request(client);
    const struct pid any = {.node = buf_slice(&client->node), .creation = client->creation};
    for (unsigned i = 0; i < client->options.connections; i++)
        requests_prepare(&client->sessions[i].requests, &any, buf_slice(&client->request));
    return true;
}

static uint64_t cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double percentile_us(const struct client *client, double share)
{
    return (double)histogram_at(&client->latencies, share) / 1000.0;
}

static void report(const struct client *client, uint64_t elapsed_ns, uint64_t cpu)
{
    double seconds = (double)elapsed_ns / 1e9, operations = (double)client->answers;
    printf("work=%s window=%" PRIu64 " seconds=%.2f operations=%" PRIu64 " rate=%.0f p50_us=%.1f p99_us=%.1f "
           "p999_us=%.1f client_cpu_us=%.3f connections=%" PRIu64 "\n",
           client_work_name(client->options.work), client->options.window, seconds, client->answers,
           operations / seconds, percentile_us(client, 0.5), percentile_us(client, 0.99),
           percentile_us(client, 0.999), (double)cpu / operations, client->options.connections);
}

static bool measure(struct client *client)
{
    uint64_t wanted = client->options.operations > 0 ? client->options.operations : UINT64_MAX;
    histogram_init(&client->latencies);
    uint64_t begin_ns = clock_ns(), begin_us = cpu_us();
    if (client->options.duration_ns > 0)
        client->deadline_ns = begin_ns + client->options.duration_ns;
    if (!run_phase(client, &calls, wanted, (unsigned)client->options.connections))
        return false;
    report(client, clock_ns() - begin_ns, cpu_us() - begin_us);
    return true;
}

static bool run(struct client *client)
{
    char message[512];
    uint64_t portions = (client->options.count + MONITORS_AT_ONCE - 1) / MONITORS_AT_ONCE;
    if (cookie_read(client->options.cookie_file, &client->cookie, message) != 0)
        return fail("cookie", message);
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    return open_sessions(client) && find_lists(client) && run_phase(client, &monitors, portions, 1) &&
           measure(client);
}

static void release(struct client *client)
{
    for (unsigned i = 0; client->sessions != NULL && i < client->options.connections; i++)
        session_close(&client->sessions[i]);
    mem_free(client->sessions);
    mem_free(client->targets);
    buf_release(&client->node);
    buf_release(&client->request);
    buf_release(&client->cookie);
    mem_free(client);
}

int main(int argc, char **argv)
{
    struct client *client = mem_zalloc(sizeof *client);
    if (!client_options_parse(argc, argv, &client->options)) {
        mem_free(client);
        return 2;
    }
    bool ok = run(client);
    release(client);
    return ok ? 0 : 1;
}
