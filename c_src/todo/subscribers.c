/* Subscriptions: who they are, and what a change says to them. Knows no requests and no store. */
#include "todo/subscribers.h"

#include "base/error.h"
#include "runtime/blob.h"
#include "runtime/node.h"
#include "todo/list_change.h"
#include "todo/subscriber.h"
#include "wire/etf_canonical.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <utlist.h>

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

unsigned subscribers_count(const struct subscribers *subscribers)
{
    const struct subscriber *subscriber;
    unsigned number;
    DL_COUNT(subscribers->first, subscriber, number);
    return number;
}

int subscribers_add(struct subscribers *subscribers, struct gen_server *list, struct slice term, uint64_t seq,
                    uint32_t ack_ms)
{
    struct buf pid = BUF_EMPTY;
    if (!read_pid(term, &pid))
        return ERR_BADARG;
    struct subscriber *subscriber = find(subscribers, buf_slice(&pid));
    if (subscriber == NULL && subscribers_count(subscribers) < SUBSCRIBERS_MAX)
        subscriber = subscriber_new(subscribers, list, &pid, seq);
    buf_release(&pid);
    if (subscriber == NULL)
        return ERR_SYSTEM_LIMIT;
    subscriber_set_ack(subscriber, ack_ms);
    return 0;
}

int subscribers_remove(struct subscribers *subscribers, struct slice term)
{
    struct buf pid = BUF_EMPTY;
    if (!read_pid(term, &pid))
        return ERR_BADARG;
    struct subscriber *subscriber = find(subscribers, buf_slice(&pid));
    if (subscriber != NULL)
        subscriber_drop(subscriber);
    buf_release(&pid);
    return 0;
}

/* {Tag, Value} */
static struct blob *event_change(const struct list_event *event)
{
    struct buf term = BUF_EMPTY;
    etf_write_tuple(&term, 2);
    etf_write_atom(&term, event->tag);
    etf_write_term(&term, event->value);
    struct blob *change = blob_new(buf_slice(&term));
    buf_release(&term);
    return change;
}

void subscribers_tell(struct subscribers *subscribers, uint64_t seq, struct slice bytes)
{
    struct list_event event;
    list_event_begin(&event, bytes);
    for (; list_event_next(&event); seq++) {
        struct subscriber *subscriber, *next;
        struct blob *change = event_change(&event);
        DL_FOREACH_SAFE(subscribers->first, subscriber, next)
        {
            if (subscriber->since < seq)
                subscriber_tell(subscriber, seq, change);
        }
        blob_drop(change);
    }
}

bool subscribers_down(struct subscribers *subscribers, const struct gen_server *list, struct slice message)
{
    struct ref ref;
    if (!etf_read_tagged(&message, "DOWN", 5) || !ref_read(&message, &ref) ||
        !node_is_self(list->process.node, ref.node))
        return false;
    etf_take(&message);
    etf_take(&message);
    struct subscriber *subscriber = find_monitor(subscribers, &ref);
    if (subscriber != NULL)
        subscriber_down(subscriber, etf_take(&message));
    return true;
}

void subscribers_release(struct subscribers *subscribers)
{
    while (subscribers->first != NULL)
        subscriber_free(subscribers->first);
}
