/* The program: puts the node, its connections, its name and the to-do system together, in this order, and
 * takes them apart in the reverse one; or hands the command line of a command on. Knows no messages.
 */
#include "base/error.h"
#include "base/log.h"
#include "options.h"
#include "runtime/connection.h"
#include "runtime/cookie.h"
#include "runtime/epmd.h"
#include "runtime/gen_server.h"
#include "runtime/host.h"
#include "runtime/net_kernel.h"
#include "runtime/node.h"
#include "runtime/rpc.h"
#include "runtime/tls.h"
#include "stdin_watch.h"
#include "todo/database.h"
#include "todo/system.h"
#include "tools/tools.h"
#include "wire/challenge.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

enum {
    CREATION_MIN = 4, /* smaller ones are of nodes that know only 2 bits of it */
    TICKS = 4,        /* within the tick time */
    UNREAD_SIZE_MAX = 32 * 1024 * 1024,
    FRAME_HEAD_MAX = 64 * 1024, /* what surrounds a value */
    STOP_MORE_S = 5,            /* a stop that takes so much longer than it may does not end by itself */
    STOP_SIGNALS = 3,
    FILES_RESERVED = 256, /* descriptors for all but the sockets of nodes */
};

struct app {
    struct options options;
    char name[HOST_NODE_NAME_MAX]; /* full */
    struct buf cookie;
    struct tls *tls; /* NULL: connections are not encrypted */
    uv_loop_t *loop; /* never closed: the signal handles and stdin's thread stay until the program ends */
    struct node node;
    struct rpc rpc;
    struct connections *connections; /* this and the next two: NULL while not started */
    struct todo_system *todo;
    struct epmd *epmd;
    uv_signal_t signals[STOP_SIGNALS];
    uv_timer_t stop_timer; /* ends the program when stopping does not */
    struct stdin_watch stdin_watch;
    bool stopping;
    enum exit_status status;
};

/* ---- stopping */

static void on_epmd_stopped(void *ctx)
{
    struct app *app = ctx;
    uv_timer_stop(&app->stop_timer);
}

static void on_connections_closed(void *ctx)
{
    struct app *app = ctx;
    if (app->epmd != NULL)
        epmd_stop(app->epmd, on_epmd_stopped, app);
    else
        on_epmd_stopped(app);
}

static void on_todo_stopped(void *ctx, int status)
{
    struct app *app = ctx;
    if (status != 0) {
        log_write(LOG_ERROR, "main", "not_written", "folder=%s reason=%s", app->options.persist,
                  error_text(status));
        app->status = EXIT_STATUS_FAILURE;
    }
    rpc_stop(&app->rpc, &app->node);
    if (app->connections != NULL)
        connections_close(app->connections, on_connections_closed, app);
    else
        on_connections_closed(app);
}

static void on_stop_timeout(uv_timer_t *timer)
{
    log_write(LOG_ERROR, "main", "stop_timeout", "the journals have what is not in files yet");
    _exit(EXIT_STATUS_FAILURE);
}

static void stop(struct app *app)
{
    if (app->stopping)
        return;
    app->stopping = true;
    uv_timer_start(&app->stop_timer, on_stop_timeout,
                   ((uint64_t)app->options.stop_timeout_s + STOP_MORE_S) * 1000, 0);
    if (app->connections != NULL)
        connections_stop_accepting(app->connections);
    if (app->todo != NULL)
        todo_stop(app->todo, on_todo_stopped, app);
    else
        on_todo_stopped(app, 0);
}

static void reload_tls(struct app *app)
{
    char message[TLS_MESSAGE_MAX];
    if (tls_reload(app->tls, message) == 0)
        log_write(LOG_INFO, "tls", "reloaded", "cert=%s", app->options.tls.cert);
    else
        log_write(LOG_ERROR, "tls", "not_reloaded", "%s: the old certificate stays", message);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct app *app = signal->data;
    if (number == SIGHUP && app->tls != NULL) {
        reload_tls(app);
        return;
    }
    log_write(LOG_INFO, "main", "stopping", "signal=%d", number);
    stop(app);
}

static void on_stdin_ended(void *ctx)
{
    log_write(LOG_INFO, "main", "stopping", "stdin=ended");
    stop(ctx);
}

static void on_todo_failed(void *ctx)
{
    struct app *app = ctx;
    log_write(LOG_ERROR, "main", "stopping", "system=ended");
    app->status = EXIT_STATUS_FAILURE;
    stop(app);
}

/* ---- starting */

/* The one line that tells why the program does not start. */
static enum exit_status fail(enum exit_status status, const char *event, const char *subject,
                             const char *reason)
{
    log_write(LOG_ERROR, "main", event, "%s: %s", subject, reason);
    return status;
}

static enum exit_status set_name(struct app *app)
{
    const char *given = app->options.name;
    int status = host_node_name(given, app->options.long_name, app->name);
    if (status == ERR_BADARG)
        return fail(EXIT_STATUS_USAGE, "bad_name", given,
                    app->options.long_name ? "not a node name (NAME@HOST)"
                                           : "not a short node name (NAME, or NAME@HOST without a dot)");
    if (status != 0)
        return fail(EXIT_STATUS_USAGE, "bad_name", given,
                    "this machine has no such host name, give NAME@HOST");
    return EXIT_STATUS_OK;
}

static enum exit_status read_cookie(struct app *app)
{
    char message[512];
    if (cookie_read(app->options.cookie_file, &app->cookie, message) == 0)
        return EXIT_STATUS_OK;
    log_write(LOG_ERROR, "main", "bad_cookie", "%s", message);
    return EXIT_STATUS_COOKIE;
}

static enum exit_status read_tls(struct app *app)
{
    char message[TLS_MESSAGE_MAX];
    if (tls_new(&app->tls, &app->options.tls, message) == 0)
        return EXIT_STATUS_OK;
    log_write(LOG_ERROR, "main", "bad_tls", "%s", message);
    return EXIT_STATUS_TLS;
}

/* Never closed: in between a second signal would kill. A hang-up stops unless we were told to ignore it
 * (nohup); with TLS it only has the certificates read again. */
static void watch_signals(struct app *app)
{
    static const int numbers[STOP_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction hangup;
    sigaction(SIGHUP, NULL, &hangup);
    for (int i = 0; i < STOP_SIGNALS; i++) {
        uv_signal_init(app->loop, &app->signals[i]);
        app->signals[i].data = app;
        if (numbers[i] != SIGHUP || hangup.sa_handler != SIG_IGN || app->tls != NULL)
            uv_signal_start(&app->signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&app->signals[i]);
    }
}

static void start_node(struct app *app)
{
    uint32_t creation;
    do
        challenge_random(&creation, sizeof creation);
    while (creation < CREATION_MIN);
    node_init(&app->node, app->loop, app->name, creation);
    app->node.limits.mailbox_max = app->options.mailbox_limit;
    app->node.limits.unread_max = UNREAD_SIZE_MAX;
    app->node.limits.relations_max = app->options.monitors_max;
    app->node.depth_max = app->options.depth_max;
}

static enum exit_status start_servers(struct app *app)
{
    const struct rpc_config config = {.program = "todo_node",
                                      .version = TODO_VERSION,
                                      .net_ticktime_s = app->options.net_ticktime_s,
                                      .output_size_max = app->options.output_limit,
                                      .application = {.name = "todo",
                                                      .description = "To-do lists, in C",
                                                      .supervisor = "Elixir.Todo.System"}};
    struct gen_server *net_kernel;
    if (net_kernel_start(&app->node, &net_kernel) != 0)
        return fail(EXIT_STATUS_FAILURE, "not_started", "net_kernel", "cannot be started");
    if (rpc_start(&app->rpc, &app->node, &config) != 0)
        return fail(EXIT_STATUS_FAILURE, "not_started", "rex", "cannot be started");
    return EXIT_STATUS_OK;
}

static enum exit_status start_connections(struct app *app)
{
    const struct connections_config config = {
        .node = &app->node,
        .cookie = buf_slice(&app->cookie),
        .tls = app->tls,
        .tick_ms = app->options.net_ticktime_s * 1000 / TICKS,
        .handshake_ms = app->options.handshake_s * 1000,
        .handshakes_max = app->options.handshakes_max,
        .connections_max = app->options.connections_max,
        .frame_size_max = app->options.frame_limit + FRAME_HEAD_MAX,
        .output_size_max = app->options.output_limit,
        .allowed = {.entries = app->options.allow, .count = app->options.allow_count},
        .pacing_us = app->options.pacing_us};
    char subject[128];
    snprintf(subject, sizeof subject, "address %.64s port %u", app->options.listen, app->options.port);
    int status =
        connections_start(&app->connections, &config, app->options.listen, (uint16_t)app->options.port);
    if (status == ERR_BADARG)
        return fail(EXIT_STATUS_USAGE, "bad_address", app->options.listen, "not a numeric address");
    return status == 0 ? EXIT_STATUS_OK
                       : fail(EXIT_STATUS_LISTEN, "cannot_listen", subject, error_text(status));
}

/* More changes than the disk takes: whoever sends them waits. */
static void on_pressure(void *ctx, bool pressed)
{
    struct app *app = ctx;
    if (app->connections != NULL)
        connections_hold_back(app->connections, pressed);
}

static enum exit_status start_todo(struct app *app)
{
    const struct todo_config config = {.node = &app->node,
                                       .persist = app->options.persist,
                                       .workers = app->options.workers,
                                       .journal_limit = app->options.journal_limit,
                                       .stop_timeout_ms = (uint64_t)app->options.stop_timeout_s * 1000,
                                       .lists_max = app->options.lists_max,
                                       .expire_s = app->options.expire_s,
                                       .pressure = on_pressure,
                                       .failed = on_todo_failed,
                                       .ctx = app};
    int status = todo_start(&app->todo, &config);
    return status == 0
               ? EXIT_STATUS_OK
               : fail(EXIT_STATUS_FOLDER, "folder_unusable", app->options.persist, error_text(status));
}

static enum exit_status start_epmd(struct app *app)
{
    uint16_t port = connections_port(app->connections);
    int status = epmd_start(&app->epmd, app->loop, app->name, app->node.creation, port);
    if (status == 0)
        return EXIT_STATUS_OK;
    if (status == ERR_EXISTS)
        return fail(EXIT_STATUS_NAME, "name_taken", app->name, "another node has this name");
    return fail(EXIT_STATUS_EPMD, "no_epmd", app->name,
                status == ERR_TIMEOUT ? "no epmd answers and none could be started" : error_text(status));
}

static enum exit_status start(struct app *app)
{
    start_node(app);
    enum exit_status status = start_servers(app);
    if (status == EXIT_STATUS_OK)
        status = start_connections(app);
    if (status == EXIT_STATUS_OK)
        status = start_todo(app);
    if (status == EXIT_STATUS_OK)
        status = start_epmd(app);
    int error = 0;
    if (status == EXIT_STATUS_OK && app->options.exit_on_eof)
        error = stdin_watch_start(&app->stdin_watch, app->loop, on_stdin_ended, app);
    return error == 0 ? status : fail(EXIT_STATUS_FAILURE, "not_started", "stdin", error_text(error));
}

static void announce(const struct app *app)
{
    log_write(LOG_INFO, "main", "started", "node=%s port=%u folder=%s version=%s", app->name,
              connections_port(app->connections), app->options.persist, TODO_VERSION);
    printf("ready %s\n", app->name);
    fflush(stdout);
}

static void release(struct app *app)
{
    if (app->todo != NULL)
        todo_free(app->todo);
    if (app->connections != NULL)
        connections_free(app->connections);
    if (app->epmd != NULL)
        epmd_free(app->epmd);
    node_release(&app->node);
    tls_free(app->tls);
    explicit_bzero(app->cookie.data, app->cookie.size);
    buf_release(&app->cookie);
}

static enum exit_status run(struct app *app)
{
    app->loop = uv_default_loop();
    uv_timer_init(app->loop, &app->stop_timer);
    uv_unref((uv_handle_t *)&app->stop_timer);
    watch_signals(app);
    app->status = start(app);
    if (app->status == EXIT_STATUS_OK)
        announce(app);
    else
        stop(app);
    uv_run(app->loop, UV_RUN_DEFAULT);
    release(app);
    return app->status;
}

/* What is in memory is nobody else's: no core dumps, and other processes of the same user can neither trace
 * us nor read /proc/PID/mem. LeakSanitizer has to trace us. */
static void guard_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* As many sockets as the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit); /* if not, then as many as it is */
    }
}

static void lower(unsigned *number, rlim_t max)
{
    if (*number > max)
        *number = (unsigned)max;
}

/* Sockets may take as many descriptors as leave enough for files, whoever connects: half of a few. */
static void fit_to_descriptors(struct options *options)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t sockets =
        limit.rlim_cur > 2 * FILES_RESERVED ? limit.rlim_cur - FILES_RESERVED : limit.rlim_cur / 2;
    lower(&options->handshakes_max, sockets / 2 > 0 ? sockets / 2 : 1);
    lower(&options->connections_max, sockets - options->handshakes_max);
}

/* Where a standard stream is closed, the next file opened would take its place and get our log lines. */
static void open_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    close(fd);
}

int main(int argc, char **argv)
{
    static struct app app; /* stdin's thread may outlive main */
    char message[256];
    open_standard_streams();
    guard_memory(); /* before any secret is read, by a command as well */
    if (argc > 1 && argv[1][0] != '-')
        return tools_run(argc - 1, argv + 1);
    switch (options_parse(argc, argv, &app.options, message)) {
    case OPTIONS_HELP:
        options_print_help(stdout);
        return EXIT_STATUS_OK;
    case OPTIONS_VERSION:
        options_print_version(stdout);
        return EXIT_STATUS_OK;
    case OPTIONS_BAD:
        log_write(LOG_ERROR, "main", "bad_option", "%s (see --help)", message);
        return EXIT_STATUS_USAGE;
    case OPTIONS_RUN:
        break;
    }
    log_set_level(app.options.log_level);
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    fit_to_descriptors(&app.options);
    enum exit_status status = set_name(&app);
    if (status == EXIT_STATUS_OK)
        status = read_cookie(&app);
    if (status == EXIT_STATUS_OK)
        status = read_tls(&app);
    return status == EXIT_STATUS_OK ? (int)run(&app) : (int)status;
}
