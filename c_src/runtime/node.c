/* The process table, the run queue and the queue of exit signals. Knows no sockets: peers are handed in. */
#include "runtime/node.h"

#include "base/log.h"
#include "base/mem.h"
#include "runtime/aliases.h"
#include "runtime/blob.h"
#include "runtime/gen_call.h"
#include "runtime/links.h"
#include "runtime/mailbox.h"
#include "runtime/monitors.h"
#include "runtime/registry.h"
#include "wire/etf_check.h"
#include "wire/etf_compare.h"
#include "wire/etf_write.h"

#include <assert.h>
#include <sys/random.h>
#include <uv.h>

enum {
    RUN_BUDGET = 2000,         /* messages and signals of one node_run */
    RUN_BUDGET_PROCESS = 1000, /* messages of one process in a row */
    RUN_BUDGET_SIZE = 1 << 20, /* bytes appended for peers in one node_run, and the message that passes it */
    SLOTS_FIRST = 64,
    REF_FIRST_WORD_MAX = 0x3ffff, /* 18 bits count in the first word of a reference */
};

struct exit_signal {
    struct exit_signal *next;
    enum exit_kind kind;
    process_id to;
    struct blob *reason;
    size_t from_size; /* bytes of the sender's pid, a term */
    uint8_t from[];
};

void node_init(struct node *node, struct uv_loop_s *loop, const char *name, uint32_t creation)
{
    *node = (struct node){.loop = loop, .creation = creation, .depth_max = ETF_DEPTH_MAX_DEFAULT};
    node->name = mem_dup(name, strlen(name) + 1);
    etf_write_atom(&node->atom, name);
    node->limits = (struct node_limits){SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX};
    node->slot_count = SLOTS_FIRST;
    node->slots = mem_zalloc(SLOTS_FIRST * sizeof *node->slots);
    node->slot_used = 1;
    if (getrandom(node->ref_counter, sizeof node->ref_counter, 0) != sizeof node->ref_counter)
        abort(); /* a system without random numbers cannot run a node */
    node->down_left = PEER_DOWN_BUDGET;
    node->ref_counter[0] &= REF_FIRST_WORD_MAX;
    node->started_ms = uv_now(loop);
    registry_init(&node->registry);
    monitors_init(&node->monitors);
    remote_links_init(&node->remote_links);
    aliases_init(&node->aliases);
    gen_calls_init(&node->calls);
}

static void drop_signal(struct node *node)
{
    struct exit_signal *signal = node->signal_first;
    node->signal_first = signal->next;
    if (node->signal_first == NULL)
        node->signal_last = NULL;
    blob_drop(signal->reason);
    mem_free(signal);
}

static unsigned run_first(struct node *node, unsigned budget)
{
    struct process *process = node->run_first;
    node->run_first = process->run_next;
    if (node->run_first == NULL)
        node->run_last = NULL;
    process->queued = false;
    if (process->dead)
        return process_bury(process);
    return 1 + process_run(process, budget < RUN_BUDGET_PROCESS ? budget : RUN_BUDGET_PROCESS);
}

static void end_all_processes(struct node *node)
{
    for (uint32_t i = 1; i < node->slot_used; i++) {
        if (node->slots[i].process != NULL)
            process_exit_atom(node->slots[i].process, "shutdown");
    }
}

void node_release(struct node *node)
{
    assert(node->peers == NULL && node->pending == NULL);
    while (node->leaving != NULL)
        peer_leave(node);
    end_all_processes(node);
    while (node->signal_first != NULL)
        drop_signal(node);
    while (node->run_first != NULL) {
        assert(node->run_first->dead);
        run_first(node, 0);
    }
    pool_release(&node->pool);
    mem_free(node->slots);
    mem_free(node->name);
    table_release(&node->registry);
    table_release(&node->monitors);
    table_release(&node->remote_links);
    table_release(&node->aliases);
    table_release(&node->calls);
    buf_release(&node->atom);
    buf_release(&node->sending.local);
    buf_release(&node->sending.pid);
    buf_release(&node->sending.token);
}

process_id node_slot_take(struct node *node, struct process *process)
{
    uint32_t slot = node->free_first;
    if (slot != 0) {
        node->free_first = node->slots[slot].next_free;
        if (node->free_first == 0)
            node->free_last = 0;
    } else {
        if (node->slot_used == node->slot_count) {
            node->slot_count *= 2;
            node->slots = mem_realloc(node->slots, node->slot_count * sizeof *node->slots);
        }
        slot = node->slot_used++;
        node->slots[slot].serial = UINT32_MAX; /* the first use makes it 0 */
    }
    node->slots[slot].process = process;
    node->slots[slot].next_free = 0;
    node->slots[slot].serial++;
    return ((uint64_t)node->slots[slot].serial << 32) | slot;
}

void node_slot_free(struct node *node, uint32_t slot)
{
    node->slots[slot].process = NULL;
    if (node->slots[slot].serial == UINT32_MAX - 1)
        return; /* all its pids are used up */
    if (node->free_last != 0)
        node->slots[node->free_last].next_free = slot;
    else
        node->free_first = slot;
    node->free_last = slot;
}

bool node_is_self(const struct node *node, struct slice atom)
{
    return slice_equal(atom, buf_slice(&node->atom)) || etf_equal(atom, buf_slice(&node->atom));
}

void node_run_later(struct node *node, struct process *process)
{
    if (process->queued || (process->dead && process->exit_reason == NULL))
        return;
    process->queued = true;
    process->run_next = NULL;
    if (node->run_last != NULL)
        node->run_last->run_next = process;
    else
        node->run_first = process;
    node->run_last = process;
}

static void queue_signal(struct node *node, enum exit_kind kind, struct slice from, process_id to,
                         struct blob *reason)
{
    struct exit_signal *signal = mem_alloc(sizeof *signal + from.size);
    *signal =
        (struct exit_signal){.kind = kind, .to = to, .reason = blob_hold(reason), .from_size = from.size};
    memcpy(signal->from, from.data, from.size);
    if (node->signal_last != NULL)
        node->signal_last->next = signal;
    else
        node->signal_first = signal;
    node->signal_last = signal;
}

void node_signal_exit(struct node *node, enum exit_kind kind, const struct process *from, process_id to,
                      struct blob *reason)
{
    struct process *process = process_find(node, to);
    struct buf pid = BUF_EMPTY;
    process_write_pid(from, &pid);
    /* A trapped signal is a message, and what its sender sends next must not overtake it. One that ends the
     * receiver waits: its end may bring the next, and so on. */
    if (process != NULL && process_traps(process, kind, blob_slice(reason)))
        process_exit_signal(process, kind, buf_slice(&pid), blob_slice(reason));
    else if (process != NULL)
        queue_signal(node, kind, buf_slice(&pid), to, reason);
    buf_release(&pid);
}

static void deliver_signal(struct node *node)
{
    struct exit_signal *signal = node->signal_first;
    struct process *process = process_find(node, signal->to);
    if (process != NULL)
        process_exit_signal(process, signal->kind, slice_of(signal->from, signal->from_size),
                            blob_slice(signal->reason));
    drop_signal(node);
}

static void tell_idle(struct node *node)
{
    void (*done)(void *ctx) = node->on_idle;
    if (done == NULL || node->put_off > 0)
        return;
    node->on_idle = NULL;
    done(node->on_idle_ctx);
}

void node_when_idle(struct node *node, void (*done)(void *ctx), void *ctx)
{
    assert(node->on_idle == NULL);
    node->on_idle = done;
    node->on_idle_ctx = ctx;
}

bool node_run(struct node *node)
{
    assert(node->depth == 0);
    unsigned used = node->leaving == NULL ? 0 : peer_leave(node); /* a part in each turn: others run too */
    node->down_left = PEER_DOWN_BUDGET;
    node->run_until = node->appended + RUN_BUDGET_SIZE;
    while (used < RUN_BUDGET && node->appended < node->run_until) {
        if (node->signal_first != NULL) {
            deliver_signal(node);
            used++;
        } else if (node->run_first != NULL) {
            used += run_first(node, RUN_BUDGET - used);
        } else {
            break;
        }
    }
    if (node->signal_first != NULL || node->leaving != NULL || node->run_first != NULL)
        return true;
    tell_idle(node);
    return false;
}

uint64_t node_now_ms(const struct node *node)
{
    return uv_now(node->loop);
}

void node_make_ref(struct node *node, struct ref *ref)
{
    if (++node->ref_counter[0] > REF_FIRST_WORD_MAX) {
        node->ref_counter[0] = 0;
        if (++node->ref_counter[1] == 0)
            node->ref_counter[2]++;
    }
    *ref = (struct ref){.node = buf_slice(&node->atom),
                        .creation = node->creation,
                        .words = 3,
                        .word = {node->ref_counter[0], node->ref_counter[1], node->ref_counter[2]}};
}

void node_bad_message(struct node *node, const char *module)
{
    node->bad_messages++;
    uint64_t now = node_now_ms(node);
    if (node->bad_messages > 1 && now - node->bad_logged_ms < 1000)
        return;
    node->bad_logged_ms = now;
    log_write(LOG_WARN, "node", "bad_message", "process=%s total=%llu", module,
              (unsigned long long)node->bad_messages);
}
