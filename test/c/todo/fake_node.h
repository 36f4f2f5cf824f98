/* A node on a loop of its own, a folder of its own, and a probe: the process that asks everybody. For faults
 * the disk can be stopped at a system call, or made to fail there. */
#ifndef TEST_C_TODO_FAKE_NODE_H
#define TEST_C_TODO_FAKE_NODE_H

#include "base/slice.h"
#include "runtime/node.h"
#include "todo/cache.h"
#include "todo/database.h"

#include <stdbool.h>
#include <uv.h>

/* What the store's threads find when they ask before a system call. */
struct fake_disk {
    uv_mutex_t lock;
    uv_cond_t changed;
    bool held[FS_CALLS];      /* whoever comes there waits */
    int status[FS_CALLS];     /* what it fails with; 0: nothing */
    unsigned count[FS_CALLS]; /* calls so far */
    unsigned waiting;         /* threads */
};

struct fake {
    uv_loop_t loop;
    uv_timer_t deadline;
    bool late; /* the deadline has passed */
    struct node node;
    char folder[32];
    struct fake_disk disk;
    struct database database;  /* its store is NULL until fake_open_store */
    struct cache_config alone; /* of lists without a cache */
    struct process *probe;     /* traps exits */
    struct buf *answers;       /* by tag; empty: not there yet */
    unsigned tags;             /* given so far */
    unsigned room;             /* of answers */
    struct fake_watch *watches;
    unsigned exits;    /* {'EXIT', _, _} that the probe got */
    unsigned answered; /* answers that came, each gets the next number */
    unsigned *order;   /* that number, by tag */
};

/* Node, probe, folder. */
void fake_open(struct fake *f);
/* A store in the folder, in f->database. */
void fake_open_store(struct fake *f, unsigned workers);
/* Ends every process, closes the store, expects that nothing is left on the loop, removes the folder. */
void fake_close(struct fake *f);

/* Runs the loop until done(f, argument); what: for the message if it takes too long. */
void fake_until(struct fake *f, bool (*done)(struct fake *f, void *argument), void *argument,
                const char *what);
/* Some turns of the loop, without waiting for anything. */
void fake_turns(struct fake *f);

/* Sends {'$gen_call', {Probe, Tag}, Request}, ... ; the tag is that of fake_reply. request: fake_term's text.
 */
unsigned fake_call(struct fake *f, struct process *process, const char *request);
unsigned fake_call_term(struct fake *f, struct process *process, struct slice request);
unsigned fake_system(struct fake *f, struct process *process, const char *command);
/* A tag without a request: somebody else makes it the probe's. */
unsigned fake_tag(struct fake *f);
void fake_cast(struct fake *f, struct process *process, const char *request);
void fake_send(struct fake *f, struct process *process, const char *message);
/* Its answer is the reason of the DOWN. */
unsigned fake_watch(struct fake *f, struct process *process);
/* exit/2 from the probe. */
void fake_exit(struct fake *f, struct process *process, const char *reason);

bool fake_replied(struct fake *f, unsigned tag);
/* Waits for it; borrowed. */
struct slice fake_reply(struct fake *f, unsigned tag);
void fake_expect(struct fake *f, unsigned tag, const char *expected);
/* Call and answer. */
void fake_ask(struct fake *f, struct process *process, const char *request, const char *expected);
/* The process whose pid was answered. */
struct process *fake_process(struct fake *f, unsigned tag);
struct process *fake_named(struct fake *f, const char *name);

/* Expects one term to be =:= the text's. */
void fake_same(struct slice term, const char *expected);

void fake_write_file(struct fake *f, const char *name, struct slice bytes);
void fake_remove_file(struct fake *f, const char *name);
bool fake_has_file(struct fake *f, const char *name);
/* The file holds term_to_binary of the text's term, once every value is in its file, or now. */
void fake_file_as_it_is(struct fake *f, const char *name, const char *expected);
void fake_file(struct fake *f, const char *name, const char *expected);
/* Every value is in its file afterwards. */
void fake_checkpoint(struct fake *f);
/* Makes it so. */
void fake_put_file(struct fake *f, const char *name, const char *term);
/* Files in the folder whose name begins with a dot. */
unsigned fake_dot_files(struct fake *f);

/* The store's threads wait before that call until fake_disk_go; fake_disk_await: until one does. */
void fake_disk_hold(struct fake *f, enum fs_call call);
void fake_disk_await(struct fake *f);
void fake_disk_go(struct fake *f);
/* From now on it fails so (0: no more). */
void fake_disk_fail(struct fake *f, enum fs_call call, int status);
unsigned fake_disk_count(struct fake *f, enum fs_call call);

#endif
