/* Takes a token in and gives it on with the serial and the sender that a BEAM would put there. Knows no
 * messages. */
#include "runtime/seq_trace.h"

#include "base/mem.h"
#include "runtime/blob.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

/* What is used of a token. */
struct parts {
    struct slice flags; /* terms, borrowed */
    struct slice label;
    uint64_t serial;
};

static bool read_token(struct slice token, struct parts *parts)
{
    uint32_t arity;
    uint64_t last;
    if (token.size == 0 || !etf_read_tuple(&token, &arity) || arity != 5)
        return false;
    parts->flags = etf_take(&token);
    parts->label = etf_take(&token);
    if (etf_type(parts->flags) != TERM_INTEGER || !etf_read_uint64(&token, &parts->serial))
        return false;
    etf_take(&token);
    return etf_read_uint64(&token, &last);
}

void seq_trace_free(struct process *process)
{
    struct seq_trace *trace = process_ties(process)->seq_trace;
    if (trace == NULL)
        return;
    blob_drop(trace->token);
    mem_free(trace);
    process->ties->seq_trace = NULL;
}

static struct seq_trace *get(struct process *process)
{
    struct process_ties *ties = process_ties_get(process);
    if (ties->seq_trace == NULL)
        ties->seq_trace = mem_zalloc(sizeof *ties->seq_trace);
    return ties->seq_trace;
}

void seq_trace_receive(struct process *process, struct slice token)
{
    struct parts parts;
    if (!read_token(token, &parts)) {
        seq_trace_free(process);
        return;
    }
    struct seq_trace *trace = get(process);
    struct blob *received = blob_new(token);
    blob_drop(trace->token);
    trace->token = received;
    trace->last = parts.serial;
    if (trace->clock < parts.serial)
        trace->clock = parts.serial;
}

struct slice seq_trace_token(const struct process *process)
{
    const struct seq_trace *trace = process_ties(process)->seq_trace;
    return trace == NULL ? slice_of(NULL, 0) : blob_slice(trace->token);
}

void seq_trace_write(struct process *process, struct buf *out)
{
    struct parts parts;
    struct seq_trace *trace = process == NULL ? NULL : process_ties(process)->seq_trace;
    if (trace == NULL || !read_token(blob_slice(trace->token), &parts))
        return;
    etf_write_tuple(out, 5);
    etf_write_term(out, parts.flags);
    etf_write_term(out, parts.label);
    etf_write_uint64(out, ++trace->clock);
    process_write_pid(process, out);
    etf_write_uint64(out, trace->last);
}
