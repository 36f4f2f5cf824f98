/* Attempts that a signal has caused. Knows no sockets and no signals: the connector connects, what waits for
 * the connection is the pending peer's. */
#include "runtime/auto_connect.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/node_name.h"

#include <assert.h>
#include <uthash.h>

enum {
    ATTEMPTS_MAX = 64,
    FAILURES_MAX = 1024,
    RETRY_MS = 1000, /* a node that could not be reached is let alone for so long */
};

struct auto_connect_failure {
    uint64_t at_ms; /* loop time */
    UT_hash_handle hh;
    char name[];
};

/* What an attempt's done gets. */
struct dialled {
    struct auto_connect *auto_connect;
    char name[];
};

static struct node *node_of(const struct auto_connect *auto_connect)
{
    return auto_connect->connector->channels->config.node;
}

static void drop_first_failure(struct auto_connect *auto_connect)
{
    struct auto_connect_failure *first = auto_connect->failures;
    HASH_DEL(auto_connect->failures, first);
    mem_free(first);
}

static void forget_old_failures(struct auto_connect *auto_connect)
{
    uint64_t now_ms = node_now_ms(node_of(auto_connect));
    while (auto_connect->failures != NULL && now_ms - auto_connect->failures->at_ms >= RETRY_MS)
        drop_first_failure(auto_connect);
}

static bool has_failed(const struct auto_connect *auto_connect, const char *name)
{
    struct auto_connect_failure *failure;
    HASH_FIND_STR(auto_connect->failures, name, failure);
    return failure != NULL;
}

static void note_failure(struct auto_connect *auto_connect, const char *name)
{
    size_t size = strlen(name) + 1;
    if (has_failed(auto_connect, name))
        return; /* it yielded, and the other side's attempt failed too */
    struct auto_connect_failure *failure = mem_zalloc(sizeof *failure + size);
    failure->at_ms = node_now_ms(node_of(auto_connect));
    memcpy(failure->name, name, size);
    HASH_ADD_STR(auto_connect->failures, name, failure);
}

static void failed(struct auto_connect *auto_connect, const char *name, int status)
{
    struct slice text = slice_of_text(name);
    struct peer *pending = peer_find_pending(node_of(auto_connect), text);
    log_write(LOG_DEBUG, "auto_connect", "failed", "peer=%s status=%d", name, status);
    note_failure(auto_connect, name);
    /* It was up and is lost again, and somebody has sent something since: the next attempt counts. */
    if (pending != NULL && !connector_is_connecting(auto_connect->connector, text))
        peer_down(pending);
}

static void on_done(void *ctx, int status, struct peer *peer)
{
    struct dialled *dialled = ctx;
    dialled->auto_connect->attempts--;
    if (status != 0)
        failed(dialled->auto_connect, dialled->name, status);
    mem_free(dialled);
}

static bool connect_to(void *ctx, const char *name)
{
    struct auto_connect *auto_connect = ctx;
    size_t size = strlen(name) + 1;
    if (!node_name_ok(slice_of_text(name)) || auto_connect->attempts >= ATTEMPTS_MAX ||
        channels_are_enough(auto_connect->connector->channels))
        return false;
    forget_old_failures(auto_connect);
    if (has_failed(auto_connect, name) || HASH_COUNT(auto_connect->failures) >= FAILURES_MAX)
        return false;
    struct dialled *dialled = mem_alloc(sizeof *dialled + size);
    dialled->auto_connect = auto_connect;
    memcpy(dialled->name, name, size);
    auto_connect->attempts++;
    connector_connect(auto_connect->connector, name, on_done, dialled);
    return true;
}

void auto_connect_start(struct auto_connect *auto_connect, struct connector *connector,
                        size_t waiting_size_max)
{
    struct node *node = connector->channels->config.node;
    *auto_connect = (struct auto_connect){.connector = connector};
    node->dial.connect = connect_to;
    node->dial.ctx = auto_connect;
    node->dial.waiting_size_max = waiting_size_max;
}

void auto_connect_stop(struct auto_connect *auto_connect)
{
    node_of(auto_connect)->dial.connect = NULL;
}

void auto_connect_release(struct auto_connect *auto_connect)
{
    assert(auto_connect->attempts == 0);
    while (auto_connect->failures != NULL)
        drop_first_failure(auto_connect);
}
