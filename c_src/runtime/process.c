/* Life, messages and death of processes, and sending. Knows no disk and no sockets; what links and monitors
 * do at a death is theirs. */
#include "runtime/process.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "runtime/aliases.h"
#include "runtime/blob.h"
#include "runtime/fast_call.h"
#include "runtime/links.h"
#include "runtime/mailbox.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/peer.h"
#include "runtime/registry.h"
#include "runtime/seq_trace.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <assert.h>

enum { TIMES_QUEUED = 2 /* limits.mailbox_max, for what is queued whatever it is */ };

/* Links, monitors and aliases that an end is told to, or that it takes along, in one go: what comes after
 * waits for its turn. */
enum { DEATH_BUDGET = 1000 };

/* The sanitizer shall see who uses a process that is gone. */
#ifdef __SANITIZE_ADDRESS__
enum { POOLED_SIZE_MAX = 0 };
#else
enum { POOLED_SIZE_MAX = POOL_SIZE_MAX };
#endif

struct process *process_new(struct node *node, const struct process_type *type)
{
    return process_new_larger(node, type, 0);
}

struct process *process_new_larger(struct node *node, const struct process_type *type, size_t extra)
{
    size_t size = type->size + extra;
    bool pooled = size <= POOLED_SIZE_MAX;
    struct process *process = pooled ? pool_zalloc(&node->pool, size) : mem_zalloc(size);
    process->pooled = pooled;
    process->type = type;
    process->node = node;
    process->id = node_slot_take(node, process);
    node->process_count++;
    return process;
}

struct process *process_find(struct node *node, process_id id)
{
    uint32_t slot = (uint32_t)id;
    if (slot == 0 || slot >= node->slot_used || node->slots[slot].serial != (uint32_t)(id >> 32))
        return NULL;
    return node->slots[slot].process;
}

struct process *process_find_pid(struct node *node, const struct pid *pid)
{
    if (pid->creation != node->creation)
        return NULL;
    return process_find(node, process_id_of(pid));
}

struct pid process_pid(const struct process *process)
{
    return (struct pid){.node = buf_slice(&process->node->atom),
                        .id = (uint32_t)process->id,
                        .serial = (uint32_t)(process->id >> 32),
                        .creation = process->node->creation};
}

void process_write_pid(const struct process *process, struct buf *out)
{
    struct pid pid = process_pid(process);
    pid_write(out, &pid);
}

const struct process_ties process_no_ties;

struct process_ties *process_ties_get(struct process *process)
{
    if (process->ties == NULL) {
        process->ties = mem_zalloc(sizeof *process->ties);
        ring_init(&process->ties->children);
    }
    return process->ties;
}

/* All are told: the rest of what it owned. */
static void clear(struct process *process)
{
    struct blob *reason = process->exit_reason;
    if (process->offered)
        mailbox_take(&process->mailbox); /* whoever was given it answers for it */
    fast_calls_process_down(process, blob_slice(reason));
    seq_trace_free(process);
    mem_free(process->ties);
    process->ties = NULL;
    process->exit_reason = NULL;
    blob_drop(reason);
}

static void free_memory(struct process *process)
{
    if (process->pooled)
        pool_free(&process->node->pool, process);
    else
        mem_free(process);
}

unsigned process_bury(struct process *process)
{
    unsigned left = DEATH_BUDGET;
    if (process->exit_reason != NULL) {
        if (!links_process_down(process, process->exit_reason, &left) ||
            !monitors_process_down(process, blob_slice(process->exit_reason), &left) ||
            !aliases_process_down(process, &left)) {
            node_run_later(process->node, process);
            return DEATH_BUDGET;
        }
        clear(process);
    }
    if (!process->queued)
        free_memory(process);
    return DEATH_BUDGET - left + 1;
}

/* The end: everyone who has to know is told, a part of them later if they are many, the pid is free, the
 * memory goes. */
static void process_die(struct process *process)
{
    struct node *node = process->node;
    process->dead = true;
    node->put_off -= process->put_off;
    node_slot_free(node, (uint32_t)process->id);
    node->process_count--;
    registry_remove(process);
    if (process->type->release != NULL)
        process->type->release(process, blob_slice(process->exit_reason));
    process_bury(process);
}

void process_enter(struct process *process)
{
    if (process->node->depth == 0)
        process->node->filled = NULL;
    process->running++;
    process->node->depth++;
}

/* False if the process has ended by it. */
static bool leave(struct process *process)
{
    assert(process->running > 0);
    process->node->depth--;
    process->running--;
    if (process->running > 0 || process->exit_reason == NULL)
        return true;
    process_die(process);
    return false;
}

static void apply_rescan(struct process *process)
{
    if (!process->rescan)
        return;
    process->rescan = false;
    mailbox_rescan(process->mailbox);
    node_run_later(process->node, process);
}

void process_leave(struct process *process)
{
    if (leave(process) && process->running == 0)
        apply_rescan(process);
}

static bool can_run(const struct process *process)
{
    return !process->paused && !process->put_off && process->exit_reason == NULL && !process->dead;
}

/* Offers one message; false if the process ended. */
static bool offer(struct process *process, struct slice message, struct slice token, enum receive *verdict)
{
    process->node->messages++;
    process->messages++;
    if (token.size > 0 || process_ties(process)->seq_trace != NULL)
        seq_trace_receive(process, token);
    process_enter(process);
    *verdict = process->type->receive(process, message);
    return leave(process);
}

/* A message has to wait: from now on it goes when who waits for its answer gives up. */
static void may_be_cancelled(struct process *process, struct message *waiting, struct slice message)
{
    struct ref ref;
    if (process->type->awaited_by != NULL && process->type->awaited_by(message, &ref))
        monitor_hold_request(process, &ref, waiting);
    else
        fast_call_wait(process, message, waiting);
}

/* Where what its mailbox has not offered is summed up. */
static size_t *unread(const struct process *process)
{
    return process->waits_for_peer ? NULL : &process->node->unread;
}

unsigned process_run(struct process *process, unsigned budget)
{
    struct node *node = process->node;
    struct slice message, token;
    unsigned used = 0;
    while (used < budget && node->appended < node->run_until && can_run(process) &&
           mailbox_peek(process->mailbox, &message, &token)) {
        enum receive verdict;
        used++;
        process->offered = true;
        if (!offer(process, message, token, &verdict))
            return used;
        process->offered = false;
        if (verdict == RECEIVE_TAKEN)
            mailbox_take(&process->mailbox);
        else
            may_be_cancelled(process, mailbox_leave(process->mailbox), message);
        process_heed_output(process);
        apply_rescan(process);
    }
    if (can_run(process) && mailbox_has_next(process->mailbox))
        node_run_later(node, process);
    return used;
}

/* More than so many times limits.mailbox_max is in it, of messages that wait for something else than their
 * turn. */
static bool is_full(const struct process *process, unsigned times)
{
    size_t size = mailbox_left(process->mailbox);
    if (process->waits_for_peer)
        size += mailbox_unread(process->mailbox);
    return size / times > process->node->limits.mailbox_max;
}

static void post(struct process *process, struct slice message, struct slice token)
{
    may_be_cancelled(process, mailbox_push(&process->mailbox, message, token, unread(process)), message);
    if (!process->paused && !process->put_off)
        node_run_later(process->node, process);
}

static void kill_overfull(struct process *process)
{
    struct buf reason = BUF_EMPTY;
    etf_write_atom(&reason, "kill");
    process->overfull = true;
    log_write(LOG_WARN, "process", "mailbox_full", "process=<0.%u.%u> killed=true", (uint32_t)process->id,
              (uint32_t)(process->id >> 32));
    process_send_exit(process, process->id, buf_slice(&reason));
    buf_release(&reason);
}

void process_post_traced(struct process *process, struct slice message, struct slice token)
{
    if (process->dead || process->exit_reason != NULL || process->overfull)
        return;
    if (is_full(process, TIMES_QUEUED))
        kill_overfull(process);
    else
        post(process, message, token);
}

/* Offers a message that is not in the mailbox. False: it was left, and there is no room for it. */
static bool offer_at_once(struct process *process, struct slice message, struct slice token)
{
    enum receive verdict;
    if (!offer(process, message, token, &verdict))
        return true;
    bool fits = verdict == RECEIVE_TAKEN || !is_full(process, 1);
    if (verdict == RECEIVE_LEFT && fits)
        may_be_cancelled(process, mailbox_keep(&process->mailbox, message, token, unread(process)), message);
    apply_rescan(process);
    return fits;
}

/* What has to wait behind others may be what makes the process take them: for that there is room once more.
 */
bool process_deliver(struct process *process, struct slice message, struct slice token)
{
    if (process->node->depth == 0 && !process->queued && can_run(process) &&
        !mailbox_has_next(process->mailbox))
        return offer_at_once(process, message, token);
    if (process->dead || process->exit_reason != NULL)
        return true;
    if (is_full(process, TIMES_QUEUED))
        return false;
    post(process, message, token);
    return true;
}

void process_post(struct process *process, struct slice message)
{
    process_post_traced(process, message, slice_of(NULL, 0));
}

void process_pause(struct process *process)
{
    process->paused = true;
}

void process_await(struct process *process)
{
    process->paused = process->waits_for_peer = true;
    mailbox_sum(process->mailbox, unread(process));
}

void process_resume(struct process *process)
{
    process->paused = process->waits_for_peer = false;
    mailbox_sum(process->mailbox, unread(process));
    if (process->mailbox != NULL)
        node_run_later(process->node, process);
}

void process_put_off(struct process *process)
{
    assert(!process->put_off && !process->dead);
    process->put_off = true;
    process->node->put_off++;
}

void process_heed_output(struct process *process)
{
    struct peer *filled = process->node->filled;
    if (filled != NULL && !process->put_off && process->exit_reason == NULL)
        peer_put_off(filled, process);
}

void process_go_on(struct process *process)
{
    process->put_off = false;
    process->node->put_off--;
    if (process->mailbox != NULL)
        node_run_later(process->node, process);
}

void process_rescan(struct process *process)
{
    if (process->running > 0) {
        process->rescan = true;
        return;
    }
    mailbox_rescan(process->mailbox);
    node_run_later(process->node, process);
}

void process_exit(struct process *process, struct slice reason)
{
    if (process->dead || process->exit_reason != NULL)
        return;
    process->exit_reason = blob_new(reason);
    if (process->running == 0)
        process_die(process);
}

void process_exit_atom(struct process *process, const char *reason)
{
    struct buf term = BUF_EMPTY;
    etf_write_atom(&term, reason);
    process_exit(process, buf_slice(&term));
    buf_release(&term);
}

void process_send_exit(struct process *from, process_id to, struct slice reason)
{
    struct blob *blob = blob_new(reason);
    node_signal_exit(from->node, EXIT_BY_CALL, from, to, blob);
    blob_drop(blob);
}

/* {'EXIT', From, Reason} */
static void post_exit_message(struct process *process, struct slice from, struct slice reason)
{
    struct buf message = BUF_EMPTY;
    etf_write_tuple(&message, 3);
    etf_write_atom(&message, "EXIT");
    etf_write_term(&message, from);
    etf_write_term(&message, reason);
    process_post(process, buf_slice(&message));
    buf_release(&message);
}

bool process_traps(const struct process *process, enum exit_kind kind, struct slice reason)
{
    return process->trap_exit && !(kind == EXIT_BY_CALL && etf_is_atom(reason, "kill"));
}

void process_exit_signal(struct process *process, enum exit_kind kind, struct slice from, struct slice reason)
{
    if (kind == EXIT_BY_CALL && etf_is_atom(reason, "kill"))
        process_exit_atom(process, "killed");
    else if (process->trap_exit)
        post_exit_message(process, from, reason);
    else if (!etf_is_atom(reason, "normal"))
        process_exit(process, reason);
}
