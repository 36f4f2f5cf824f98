/* Subscriptions: who, since when, and what they are sent. Knows no requests and no store. */
#include "todo/subscribers.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/monitors.h"
#include "runtime/node.h"
#include "todo/list_change.h"
#include "wire/etf_canonical.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <utlist.h>

struct subscriber {
    struct subscriber *prev; /* in subscribers */
    struct subscriber *next;
    uint64_t since;                  /* Seq at which it subscribed */
    uint32_t monitor[REF_WORDS_MAX]; /* words of the monitor's reference */
    struct buf pid;                  /* canonical */
};

static bool read_pid(struct slice term, struct buf *pid)
{
    return etf_type(term) == TERM_PID && etf_canonical(term, pid) == 0;
}

static struct subscriber *find(const struct subscribers *subscribers, struct slice pid)
{
    struct subscriber *subscriber;
    DL_FOREACH(subscribers->first, subscriber)
    {
        if (slice_equal(buf_slice(&subscriber->pid), pid))
            return subscriber;
    }
    return NULL;
}

static struct subscriber *find_monitor(const struct subscribers *subscribers, const struct ref *ref)
{
    struct subscriber *subscriber;
    DL_FOREACH(subscribers->first, subscriber)
    {
        if (memcmp(subscriber->monitor, ref->word, sizeof ref->word) == 0)
            return subscriber;
    }
    return NULL;
}

static void drop(struct subscribers *subscribers, struct subscriber *subscriber)
{
    DL_DELETE(subscribers->first, subscriber);
    subscribers->count--;
    buf_release(&subscriber->pid);
    mem_free(subscriber);
}

/* pid: moved. */
static void subscribe(struct subscribers *subscribers, struct gen_server *list, struct buf *pid, uint64_t seq)
{
    struct subscriber *subscriber = mem_zalloc(sizeof *subscriber);
    struct ref ref;
    monitor_add(&list->process, buf_slice(pid), &ref);
    memcpy(subscriber->monitor, ref.word, sizeof ref.word);
    subscriber->since = seq;
    subscriber->pid = *pid;
    DL_APPEND(subscribers->first, subscriber);
    subscribers->count++;
}

int subscribers_add(struct subscribers *subscribers, struct gen_server *list, struct slice term, uint64_t seq)
{
    struct buf pid = BUF_EMPTY;
    int status = 0;
    if (!read_pid(term, &pid))
        return ERR_BADARG;
    if (find(subscribers, buf_slice(&pid)) == NULL) {
        if (subscribers->count < SUBSCRIBERS_MAX) {
            subscribe(subscribers, list, &pid, seq);
            return 0;
        }
        status = ERR_SYSTEM_LIMIT;
    }
    buf_release(&pid);
    return status;
}

static void demonitor(struct gen_server *list, const struct subscriber *subscriber)
{
    const struct node *node = list->process.node;
    struct ref ref = {.node = buf_slice(&node->atom), .creation = node->creation, .words = 3};
    memcpy(ref.word, subscriber->monitor, sizeof ref.word);
    monitor_remove(&list->process, &ref);
}

int subscribers_remove(struct subscribers *subscribers, struct gen_server *list, struct slice term)
{
    struct buf pid = BUF_EMPTY;
    if (!read_pid(term, &pid))
        return ERR_BADARG;
    struct subscriber *subscriber = find(subscribers, buf_slice(&pid));
    if (subscriber != NULL) {
        demonitor(list, subscriber);
        drop(subscribers, subscriber);
    }
    buf_release(&pid);
    return 0;
}

bool subscribers_down(struct subscribers *subscribers, struct gen_server *list, struct slice message)
{
    struct ref ref;
    if (!etf_read_tagged(&message, "DOWN", 5) || !ref_read(&message, &ref) ||
        !node_is_self(list->process.node, ref.node))
        return false;
    struct subscriber *subscriber = find_monitor(subscribers, &ref);
    if (subscriber != NULL)
        drop(subscribers, subscriber);
    return true;
}

/* {todo_event, ListPid, Seq, {Tag, Value}} */
static void send_event(struct gen_server *list, const struct subscriber *subscriber, uint64_t seq,
                       const struct list_event *event)
{
    struct node *node = list->process.node;
    struct buf *out = process_send_begin(node, &list->process, buf_slice(&subscriber->pid));
    etf_write_tuple(out, 4);
    etf_write_atom(out, "todo_event");
    process_write_pid(&list->process, out);
    etf_write_uint64(out, seq);
    etf_write_tuple(out, 2);
    etf_write_atom(out, event->tag);
    etf_write_term(out, event->value);
    process_send_end(node);
}

void subscribers_tell(struct subscribers *subscribers, struct gen_server *list, uint64_t seq,
                      struct slice change)
{
    struct list_event event;
    list_event_begin(&event, change);
    for (; list_event_next(&event); seq++) {
        struct subscriber *subscriber;
        DL_FOREACH(subscribers->first, subscriber)
        {
            if (subscriber->since < seq)
                send_event(list, subscriber, seq, &event);
        }
    }
}

void subscribers_release(struct subscribers *subscribers)
{
    while (subscribers->first != NULL)
        drop(subscribers, subscribers->first);
}
