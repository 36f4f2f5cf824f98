/* Frames as BEAMs write nearly all of them, taken apart without the general parser (wire/control), and the
 * answer to a call. Whatever is not usual is not recognised, which says nothing of it. The terms found are
 * inside the frame, but not validated beyond what finding them took.
 *
 * The usual pid is a NEW_PID_EXT, the usual reference a NEWER_REFERENCE_EXT, both with the node as
 * SMALL_ATOM_UTF8_EXT.
 */
#ifndef USUAL_H
#define USUAL_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

/* A gen_server's call. */
struct call {
    struct slice to;      /* pid or name that it was sent to */
    struct slice from;    /* pid of the caller */
    struct slice tag;     /* what the answer is tagged with */
    struct slice alias;   /* the reference where the tag is [alias | Ref]; else empty */
    struct slice request; /* all bytes that follow; a term in a frame that is in order */
};

struct monitor {
    bool ends;            /* DEMONITOR_P */
    struct slice watcher; /* pid */
    struct slice watched; /* pid or name */
    struct slice ref;     /* the monitor */
};

/* An answer to an alias: ALIAS_SEND of {Tag, Answer}. */
struct answer {
    struct slice alias; /* reference that it is sent to */
    struct slice tag;   /* as the call had it */
    struct slice term;  /* all bytes that follow */
};

/* Bytes of the usual pid, reference or atom (SMALL_ATOM_UTF8_EXT) at the start of bytes; 0 for everything
 * else. */
size_t usual_pid_size(struct slice bytes);
size_t usual_ref_size(struct slice bytes);
size_t usual_atom_size(struct slice bytes);

/* SEND_SENDER to a pid of {'$gen_call', {Pid, Tag}, Request}, Tag a reference or [alias | Ref]; also of
 * '$todo_call'. */
bool usual_call(struct slice frame, struct call *call);
bool usual_monitor(struct slice frame, struct monitor *monitor);
bool usual_answer(struct slice frame, struct answer *answer);

/* Appends the frame that answers a call: ALIAS_SEND if aliases (the peer knows them) and call has one, else
 * SEND. from: the pid that answers. answer: a term. The other terms are copied as they are. */
void usual_answer_append(struct buf *out, const struct call *call, bool aliases, struct slice from,
                         struct slice answer);

#endif
