#include "fake_listener.h"

#include "fake_terms.h"
#include "runtime/process_send.h"
#include "unit.h"
#include "wire/etf_canonical.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <string.h>

struct listener {
    struct process process;
    struct fake_events *events;
};

/* rest stands behind the tag: ListPid, Seq, What. */
static void keep(struct fake_events *events, struct slice rest, bool ended)
{
    struct buf pid = BUF_EMPTY;
    process_write_pid(events->list, &pid);
    assert_true(slice_equal(etf_take(&rest), buf_slice(&pid)));
    buf_release(&pid);
    etf_write_tuple(&events->events, 2);
    etf_write_term(&events->events, etf_take(&rest));
    if (ended) {
        etf_write_tuple(&events->events, 2);
        etf_write_atom(&events->events, "ended");
    }
    etf_write_term(&events->events, etf_take(&rest));
    events->count++;
}

static void reply(struct process *self, struct slice from)
{
    uint32_t arity;
    assert_true(etf_read_tuple(&from, &arity) && arity == 2);
    struct slice pid = etf_take(&from), tag = etf_take(&from), alias = tag;
    struct buf *out;
    uint32_t length;
    assert_true(etf_read_list(&alias, &length)); /* [alias|Ref] */
    etf_take(&alias);
    out = process_alias_send_begin(self->node, self, pid, alias);
    etf_write_tuple(out, 2);
    etf_write_term(out, tag);
    etf_write_atom(out, "ok");
    process_send_end(self->node);
}

static enum receive receive(struct process *self, struct slice message)
{
    struct fake_events *events = ((struct listener *)self)->events;
    struct slice rest = message;
    if (etf_read_tagged(&rest, "todo_unsubscribed", 4)) {
        keep(events, rest, true);
        return RECEIVE_TAKEN;
    }
    if (etf_read_tagged(&rest, "$gen_call", 3)) {
        struct slice from = etf_take(&rest);
        if (events->answers)
            reply(self, from);
        else
            buf_append_slice(&events->calls, from);
    }
    assert_true(etf_read_tagged(&rest, "todo_event", 4));
    keep(events, rest, false);
    return RECEIVE_TAKEN;
}

static const struct process_type type = {
    .module = "listener", .size = sizeof(struct listener), .receive = receive};

struct process *fake_listener(struct fake *f, struct process *list, struct fake_events *events)
{
    struct process *process = process_new(&f->node, &type);
    *events = (struct fake_events){.list = list, .listener = process};
    ((struct listener *)process)->events = events;
    return process;
}

void fake_events_release(struct fake_events *events)
{
    buf_release(&events->events);
    buf_release(&events->calls);
}

unsigned fake_subscription(struct fake *f, const char *tag, const struct fake_events *events,
                           struct slice pid, const char *options)
{
    struct buf request = BUF_EMPTY;
    etf_write_tuple(&request, options == NULL ? 2 : 3);
    etf_write_atom(&request, tag);
    etf_write_term(&request, pid);
    if (options != NULL)
        fake_term_append(&request, options);
    unsigned answer = fake_call_term(f, events->list, buf_slice(&request));
    buf_release(&request);
    return answer;
}

void fake_subscribe(struct fake *f, const struct fake_events *events, struct process *listener,
                    const char *expected)
{
    struct buf pid = BUF_EMPTY;
    process_write_pid(listener, &pid);
    fake_expect(f, fake_subscription(f, "subscribe", events, buf_slice(&pid), NULL), expected);
    buf_release(&pid);
}

struct wanted {
    const struct fake_events *events;
    unsigned count;
};

static bool is_there(struct fake *f, void *argument)
{
    const struct wanted *wanted = argument;
    return wanted->events->count >= wanted->count;
}

void fake_expect_events(struct fake *f, struct fake_events *events, unsigned count, const char *expected)
{
    struct wanted wanted = {events, count};
    struct buf list = BUF_EMPTY;
    fake_until(f, is_there, &wanted, expected);
    assert_int_equal(events->count, count);
    if (count > 0)
        etf_write_list(&list, count);
    buf_append_slice(&list, buf_slice(&events->events));
    etf_write_nil(&list);
    fake_same(buf_slice(&list), expected);
    buf_release(&list);
    buf_clear(&events->events);
    events->count = 0;
}

void fake_answer(struct fake *f, struct fake_events *events)
{
    struct slice rest = buf_slice(&events->calls);
    assert_true(rest.size > 0);
    struct slice from = etf_take(&rest);
    process_enter(events->listener);
    reply(events->listener, from);
    process_leave(events->listener);
    memmove(events->calls.data, rest.data, rest.size);
    events->calls.size = rest.size;
}
