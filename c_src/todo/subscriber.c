/* What one subscriber is sent: messages, or calls one by one. Knows nothing of the list but its process. */
#include "todo/subscriber.h"

#include "base/mem.h"
#include "runtime/blob.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "runtime/process_send.h"
#include "todo/subscribers.h"
#include "wire/etf_write.h"

#include <stddef.h>
#include <utlist.h>

/* An event that waits until the one before it is answered. */
struct waiting {
    struct waiting *prev; /* in subscriber->waiting */
    struct waiting *next;
    uint64_t seq;
    struct blob *change; /* {Tag, Value} */
};

static void drop_waiting(struct subscriber *subscriber)
{
    struct waiting *first = subscriber->waiting;
    DL_DELETE(subscriber->waiting, first);
    subscriber->waiting_count--;
    subscriber->waiting_size -= first->change->size;
    blob_drop(first->change);
    mem_free(first);
}

void subscriber_free(struct subscriber *subscriber)
{
    while (subscriber->waiting != NULL)
        drop_waiting(subscriber);
    DL_DELETE(subscriber->subscribers->first, subscriber);
    buf_release(&subscriber->pid);
    mem_free(subscriber);
}

void subscriber_drop(struct subscriber *subscriber)
{
    const struct node *node = subscriber->list->process.node;
    struct ref ref = {.node = buf_slice(&node->atom), .creation = node->creation, .words = 3};
    memcpy(ref.word, subscriber->monitor, sizeof ref.word);
    monitor_remove(&subscriber->list->process, &ref);
    if (subscriber->calling)
        gen_call_cancel(&subscriber->call);
    subscriber_free(subscriber);
}

struct subscriber *subscriber_new(struct subscribers *subscribers, struct gen_server *list, struct buf *pid,
                                  uint64_t seq)
{
    struct subscriber *subscriber = mem_zalloc(sizeof *subscriber);
    struct ref ref;
    monitor_add(&list->process, buf_slice(pid), &ref);
    memcpy(subscriber->monitor, ref.word, sizeof ref.word);
    subscriber->subscribers = subscribers;
    subscriber->list = list;
    subscriber->since = subscriber->told = seq;
    subscriber->pid = *pid;
    *pid = BUF_EMPTY;
    DL_APPEND(subscribers->first, subscriber);
    return subscriber;
}

static void write_event(struct gen_server *list, uint64_t seq, struct slice change, struct buf *out)
{
    etf_write_tuple(out, 4);
    etf_write_atom(out, "todo_event");
    process_write_pid(&list->process, out);
    etf_write_uint64(out, seq);
    etf_write_term(out, change);
}

static void send_event(struct subscriber *subscriber, uint64_t seq, struct slice change)
{
    struct process *list = &subscriber->list->process;
    write_event(subscriber->list, seq, change,
                process_send_begin(list->node, list, buf_slice(&subscriber->pid)));
    process_send_end(list->node);
    subscriber->told = seq;
}

/* {todo_unsubscribed, ListPid, Seq, Reason}, and the end. */
static void give_up(struct subscriber *subscriber, struct slice reason)
{
    struct process *list = &subscriber->list->process;
    struct buf *out = process_send_begin(list->node, list, buf_slice(&subscriber->pid));
    etf_write_tuple(out, 4);
    etf_write_atom(out, "todo_unsubscribed");
    process_write_pid(list, out);
    etf_write_uint64(out, subscriber->told);
    etf_write_term(out, reason);
    process_send_end(list->node);
    subscriber_drop(subscriber);
}

static void give_up_atom(struct subscriber *subscriber, const char *reason)
{
    struct buf term = BUF_EMPTY;
    etf_write_atom(&term, reason);
    give_up(subscriber, buf_slice(&term));
    buf_release(&term);
}

static void on_call_done(struct gen_call *call, enum gen_call_outcome outcome, struct slice term);

static void call_event(struct subscriber *subscriber, uint64_t seq, struct slice change)
{
    subscriber->calling = true;
    subscriber->call_seq = seq;
    subscriber->call.done = on_call_done;
    write_event(
        subscriber->list, seq, change,
        gen_call_begin(subscriber->list, &subscriber->call, buf_slice(&subscriber->pid), subscriber->ack_ms));
    gen_call_end(subscriber->list);
}

static void on_call_done(struct gen_call *call, enum gen_call_outcome outcome, struct slice term)
{
    struct subscriber *subscriber = (struct subscriber *)((char *)call - offsetof(struct subscriber, call));
    subscriber->calling = false;
    if (outcome == GEN_CALL_TIMEOUT) {
        give_up_atom(subscriber, "timeout");
    } else if (outcome == GEN_CALL_DOWN) {
        give_up(subscriber, term);
    } else {
        subscriber->told = subscriber->call_seq;
        if (subscriber->waiting == NULL)
            return;
        call_event(subscriber, subscriber->waiting->seq, blob_slice(subscriber->waiting->change));
        drop_waiting(subscriber);
    }
}

static void let_wait(struct subscriber *subscriber, uint64_t seq, struct blob *change)
{
    if (subscriber->waiting_count == SUBSCRIBER_EVENTS_MAX ||
        subscriber->waiting_size + change->size > SUBSCRIBER_SIZE_MAX) {
        give_up_atom(subscriber, "overflow");
        return;
    }
    struct waiting *waiting = mem_zalloc(sizeof *waiting);
    waiting->seq = seq;
    waiting->change = blob_hold(change);
    DL_APPEND(subscriber->waiting, waiting);
    subscriber->waiting_count++;
    subscriber->waiting_size += change->size;
}

void subscriber_tell(struct subscriber *subscriber, uint64_t seq, struct blob *change)
{
    if (subscriber->ack_ms == 0)
        send_event(subscriber, seq, blob_slice(change));
    else if (subscriber->calling)
        let_wait(subscriber, seq, change);
    else
        call_event(subscriber, seq, blob_slice(change));
}

/* From now on no answer is waited for. */
static void send_waiting(struct subscriber *subscriber)
{
    if (subscriber->calling) {
        gen_call_cancel(&subscriber->call);
        subscriber->calling = false;
        subscriber->told = subscriber->call_seq;
    }
    while (subscriber->waiting != NULL) {
        send_event(subscriber, subscriber->waiting->seq, blob_slice(subscriber->waiting->change));
        drop_waiting(subscriber);
    }
}

void subscriber_set_ack(struct subscriber *subscriber, uint32_t ack_ms)
{
    subscriber->ack_ms = ack_ms;
    if (ack_ms == 0)
        send_waiting(subscriber);
}

void subscriber_down(struct subscriber *subscriber, struct slice reason)
{
    if (subscriber->ack_ms == 0)
        subscriber_drop(subscriber);
    else
        give_up(subscriber, reason);
}
