/* The seq_trace token of a process: it comes with a message, goes along with what the process sends while
 * that message is the last one it received, and lets a BEAM follow a request through our processes (module
 * seq_trace of OTP's kernel). Nothing is traced here.
 *
 * A token is {Flags, Label, Serial, From, LastCnt}: integers, any label, the pid of who sent it on.
 */
#ifndef RUNTIME_SEQ_TRACE_H
#define RUNTIME_SEQ_TRACE_H

#include "base/buf.h"
#include "base/slice.h"
#include "runtime/process.h"

struct seq_trace {
    struct blob *token; /* as it was received */
    uint64_t clock;     /* the highest serial sent or received */
    uint64_t last;      /* serial of the message received last */
};

/* The process receives a message with that token (a term, copied); empty or no token at all: without. */
void seq_trace_receive(struct process *process, struct slice token);

/* Appends the token that what process sends now carries, with its serial counted up; nothing if it has none.
 * process may be NULL. */
void seq_trace_write(struct process *process, struct buf *out);

/* The token it has, as received and borrowed: for who answers later and then receives it anew. Empty: none.
 */
struct slice seq_trace_token(const struct process *process);

void seq_trace_free(struct process *process);

#endif
