/* A supervisor over three fake children a, b and c, and a client that calls it. What the client is answered
 * is compared as Erlang text, in which the pid of the n-th process of child a reads <a.n>; what the children
 * live through is a text of events: "+a" started, "!a" could not start, "-a:Reason" ended, "?a" was
 * told again to shut down. */
#ifndef TEST_C_RUNTIME_FAKE_CHILDREN_H
#define TEST_C_RUNTIME_FAKE_CHILDREN_H

#include "unit.h"

#include "runtime/gen_server.h"
#include "runtime/node.h"
#include "runtime/supervisor.h"

#include <uv.h>

enum {
    KIDS = 3,
    STARTS_MAX = 64,
    DEADLINE_MS = 10000,
    LONG_MS = 60000, /* a shutdown time that no test lives to see */
};

struct fixture;

/* How one child behaves, over all its processes. */
struct kid {
    struct fixture *f;
    const char *name;
    unsigned fail_from, fail_until;   /* tries to start with these numbers (from 1) fail */
    bool trap;                        /* a gen_server that traps exits ... */
    bool slow;                        /* ... and does not finish to terminate by itself */
    unsigned tries;                   /* to start */
    unsigned starts;                  /* processes so far */
    process_id processes[STARTS_MAX]; /* all that ever were */
};

struct fixture {
    uv_loop_t loop;
    struct node node;
    struct kid kids[KIDS];
    struct child_spec children[KIDS]; /* permanent workers that may take LONG_MS to shut down */
    struct supervisor_spec spec;      /* one_for_one, 5 restarts in 60 s */
    struct gen_server *supervisor;    /* of these children */
    process_id supervisor_id;         /* whom the client calls */
    process_id probe;                 /* the client */
    char events[4096];                /* separated by spaces */
    char answers[65536];              /* to the client, one line each; "exit:Reason" if it is linked */
    unsigned custom;                  /* free for the test */
};

int kids_set_up(void **state);
int kids_tear_down(void **state);
#define KIDS_TEST(function) cmocka_unit_test_setup_teardown(function, kids_set_up, kids_tear_down)

/* Runs the node until it is idle; or the loop until the condition holds. */
void kids_run(struct fixture *f);
void kids_wait_until(struct fixture *f, bool (*condition)(struct fixture *f));

/* Starts the supervisor, named sup; the events are empty afterwards. */
void kids_start(struct fixture *f);
bool kids_supervisor_alive(struct fixture *f);
bool kids_supervisor_gone(struct fixture *f);

/* The client hears of the supervisor's end. */
void kids_watch(struct fixture *f, process_id supervisor);

/* The running process of a child; NULL if none. */
struct process *kids_process(struct fixture *f, int i);

/* It ends with that reason, an atom or "{shutdown,why}"; quietly: the node does not run. */
void kids_end(struct fixture *f, int i, const char *reason);
void kids_end_quietly(struct fixture *f, int i, const char *reason);

/* A slow child has cleaned up. */
void kids_finish(struct fixture *f, int i);

/* These have happened since the last look. */
void kids_expect_events(struct fixture *f, const char *events);
void kids_expect_answers(struct fixture *f, const char *answers);

/* which_children answers these pids. */
void kids_expect_pids(struct fixture *f, const char *a, const char *b, const char *c);

/* The client sends a message, or a call: an atom, {Request, Id}; or writes the start of a call, its request
 * follows. The message is released. */
void kids_deliver(struct fixture *f, struct buf *message);
void kids_call(struct fixture *f, const char *request);
void kids_call_id(struct fixture *f, const char *request, const char *id);
void kids_write_call(struct fixture *f, struct buf *message);

/* {system, From, ...}: the command follows. */
void kids_write_system(struct fixture *f, struct buf *message);

#endif
