/* A process that subscribes to lists and keeps the events. */
#ifndef TEST_C_TODO_FAKE_LISTENER_H
#define TEST_C_TODO_FAKE_LISTENER_H

#include "fake_node.h"

#include <stdbool.h>

/* What it got from one list since the last look. */
struct fake_events {
    struct process *list;     /* which */
    struct process *listener; /* who got them */
    struct buf events; /* {Seq, Change} one after another; a todo_unsubscribed is {Seq, {ended, Reason}} */
    unsigned count;    /* of them */
    struct buf calls;  /* From of events that were calls and are not answered */
    bool answers;      /* answers calls at once */
};

/* A process whose events go to *events. */
struct process *fake_listener(struct fake *f, struct process *list, struct fake_events *events);
void fake_events_release(struct fake_events *events);

/* Calls the list with {Tag, Pid} or {Tag, Pid, Options}; the tag of the answer. */
unsigned fake_subscription(struct fake *f, const char *tag, const struct fake_events *events,
                           struct slice pid, const char *options);
/* The same of a process, and the answer. */
void fake_subscribe(struct fake *f, const struct fake_events *events, struct process *listener,
                    const char *expected);

/* Waits for so many events, and expects exactly them: "[{1, {add_entry, ...}}, ...]". */
void fake_expect_events(struct fake *f, struct fake_events *events, unsigned count, const char *expected);

/* Answers the call that came first and was not answered yet. */
void fake_answer(struct fake *f, struct fake_events *events);

#endif
