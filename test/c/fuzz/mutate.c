/* Mutations of the whole node's inputs: libFuzzer's own of the bytes break a frame in most cases, these
 * change a step, or one term in a step for another one of the input or of a list, and keep the rest. Linked
 * into build/fuzz only. */
#include "fuzz_steps.h"

#include "base/mem.h"
#include "wire/etf_check.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"
#include "wire/pid.h"

enum { STEPS_MAX = 64, TERMS_MAX = 512, DEPTH_MAX = 1000, FRAME_TERMS_MAX = 2 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_size, const uint8_t *second,
                                 size_t second_size, uint8_t *out, size_t out_max, unsigned seed);

struct mutation {
    uint32_t random;                   /* xorshift, never 0 */
    struct fuzz_step steps[STEPS_MAX]; /* of the input */
    size_t count;                      /* of them */
    struct slice terms[TERMS_MAX];     /* all terms of all frames, inner ones too */
    size_t term_count;
};

static uint32_t below(struct mutation *mutation, size_t limit)
{
    uint32_t x = mutation->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    mutation->random = x;
    return x % (uint32_t)limit;
}

/* ---- terms ---- */

/* The children of a tuple, list or map stand behind its head; 0 for a leaf. */
static size_t head_size(struct slice term)
{
    switch (term.data[0]) {
    case ETF_SMALL_TUPLE:
        return 2;
    case ETF_LARGE_TUPLE:
    case ETF_LIST:
    case ETF_MAP:
        return 5;
    default:
        return 0;
    }
}

/* All terms of the bytes of a validated one, in the order they begin: a head is followed by its children. */
static void add_terms(struct mutation *mutation, struct slice term)
{
    for (size_t at = 0; at < term.size && mutation->term_count < TERMS_MAX;) {
        struct slice cursor = slice_of(term.data + at, term.size - at);
        struct slice found = etf_take(&cursor);
        size_t head = head_size(found);
        mutation->terms[mutation->term_count++] = found;
        at += head == 0 ? found.size : head;
    }
}

/* A frame is 'p', 131, term, and perhaps 131, term. */
static void add_frame(struct mutation *mutation, struct slice frame)
{
    fuzz_take(&frame, 1);
    for (unsigned i = 0; i < FRAME_TERMS_MAX && frame.size > 1; i++) {
        struct slice term;
        fuzz_take(&frame, 1);
        if (etf_check(frame, DEPTH_MAX, &term) != 0)
            return;
        add_terms(mutation, term);
        fuzz_take(&frame, term.size);
    }
}

/* ---- new terms ---- */

static void write_pid(struct mutation *mutation, struct buf *out)
{
    static const char *const nodes[] = {"us@host", "a@host", "b@host", "c@host"};
    struct buf node = BUF_EMPTY;
    unsigned which = below(mutation, 4);
    etf_write_atom(&node, nodes[which]);
    const struct pid pid = {
        .node = buf_slice(&node), .id = 1 + below(mutation, 16), .creation = which == 0 ? 5 : 7};
    pid_write(out, &pid);
    buf_release(&node);
}

static void write_ref(struct mutation *mutation, struct buf *out)
{
    struct buf node = BUF_EMPTY;
    bool ours = below(mutation, 2) == 0;
    etf_write_atom(&node, ours ? "us@host" : "a@host");
    const struct ref ref = {
        .node = buf_slice(&node), .creation = ours ? 5 : 7, .words = 3, .word = {1 + below(mutation, 12)}};
    ref_write(out, &ref);
    buf_release(&node);
}

static void write_atom(struct mutation *mutation, struct buf *out)
{
    static const char *const atoms[] = {"",
                                        "true",
                                        "false",
                                        "kill",
                                        "normal",
                                        "shutdown",
                                        "noconnection",
                                        "alias",
                                        "link",
                                        "monitor",
                                        "infinity",
                                        "rex",
                                        "net_kernel",
                                        "appmon_info",
                                        "Elixir.Todo.System",
                                        "Elixir.Todo.List",
                                        "Elixir.Todo.Database",
                                        "Elixir.Todo.Cache",
                                        "$gen_call",
                                        "$gen_cast",
                                        "$todo_call",
                                        "system",
                                        "DOWN",
                                        "EXIT",
                                        "process",
                                        "suspend",
                                        "resume",
                                        "get_state",
                                        "get_status",
                                        "replace_state",
                                        "debug",
                                        "log",
                                        "trace",
                                        "statistics",
                                        "install",
                                        "remove",
                                        "no_debug",
                                        "change_code",
                                        "terminate",
                                        "which_children",
                                        "count_children",
                                        "start_child",
                                        "terminate_child",
                                        "restart_child",
                                        "delete_child",
                                        "get_childspec",
                                        "server_process",
                                        "whereis",
                                        "subscribe",
                                        "unsubscribe",
                                        "ack",
                                        "date",
                                        "id",
                                        "entries",
                                        "store",
                                        "get",
                                        "delete",
                                        "sync",
                                        "keys",
                                        "set_aside",
                                        "hold_journals",
                                        "process_info",
                                        "links",
                                        "monitors",
                                        "messages",
                                        "dictionary",
                                        "user",
                                        "fetch_stats",
                                        "etop_collect",
                                        "procs_info"};
    etf_write_atom(out, atoms[below(mutation, sizeof atoms / sizeof *atoms)]);
}

static void write_number(struct mutation *mutation, struct buf *out)
{
    static const uint64_t numbers[] = {0,         1,         2, 255, 256, 1000, INT32_MAX, INT64_MAX - 1,
                                       INT64_MAX, UINT64_MAX};
    if (below(mutation, 2) == 0)
        etf_write_uint64(out, below(mutation, 40));
    else
        etf_write_uint64(out, numbers[below(mutation, sizeof numbers / sizeof *numbers)]);
}

/* Another term: of the input, or a new one. */
static void write_other(struct mutation *mutation, struct buf *out)
{
    unsigned choice = below(mutation, 8);
    if (choice < 3 && mutation->term_count > 0)
        etf_write_term(out, mutation->terms[below(mutation, mutation->term_count)]);
    else if (choice == 3)
        write_pid(mutation, out);
    else if (choice == 4)
        write_ref(mutation, out);
    else if (choice < 7)
        write_atom(mutation, out);
    else
        write_number(mutation, out);
}

/* ---- mutations of a step ---- */

/* The bytes with one of their terms replaced. */
static void replace_term(struct mutation *mutation, struct slice bytes, struct buf *out)
{
    struct mutation own = {.random = mutation->random};
    add_frame(&own, bytes);
    if (own.term_count == 0) {
        buf_append_slice(out, bytes);
        return;
    }
    struct slice old = own.terms[below(mutation, own.term_count)];
    buf_append(out, bytes.data, (size_t)(old.data - bytes.data));
    write_other(mutation, out);
    buf_append(out, old.data + old.size, (size_t)(bytes.data + bytes.size - old.data - old.size));
}

static void mutate_bytes(struct slice bytes, struct buf *out)
{
    size_t room = bytes.size + 32;
    uint8_t *copy = mem_zalloc(room);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    buf_append(out, copy, LLVMFuzzerMutate(copy, bytes.size, room));
    mem_free(copy);
}

static void append_changed(struct mutation *mutation, struct fuzz_step step, struct buf *out)
{
    struct buf bytes = BUF_EMPTY;
    if (step.kind <= FUZZ_FRAME_B && below(mutation, 8) != 0)
        replace_term(mutation, step.bytes, &bytes);
    else
        mutate_bytes(step.bytes, &bytes);
    if (bytes.size > UINT16_MAX)
        bytes.size = UINT16_MAX;
    fuzz_step_append(out, (struct fuzz_step){step.kind, buf_slice(&bytes)});
    buf_release(&bytes);
}

static void append_new(struct mutation *mutation, struct buf *out)
{
    struct fuzz_step step = {.kind =
                                 (enum fuzz_step_kind)(FUZZ_AGAIN_A + below(mutation, FUZZ_STEP_KINDS - 2))};
    if (step.kind == FUZZ_REACH && below(mutation, 2) == 0)
        step.bytes = slice_of_text("x");
    if (step.kind == FUZZ_TIME && below(mutation, 2) == 0)
        step.bytes = slice_of_text("\xff");
    fuzz_step_append(out, step);
}

/* ---- the whole ---- */

static void read_steps(struct mutation *mutation, struct slice input)
{
    while (mutation->count < STEPS_MAX && fuzz_step_take(&input, &mutation->steps[mutation->count])) {
        if (mutation->steps[mutation->count].kind <= FUZZ_FRAME_B)
            add_frame(mutation, mutation->steps[mutation->count].bytes);
        mutation->count++;
    }
}

static void append_step(struct mutation *mutation, size_t at, struct buf *out)
{
    if (at < mutation->count)
        fuzz_step_append(out, mutation->steps[at]);
}

/* One step is changed, doubled, left out, or has another one in front of it. */
static void write_mutated(struct mutation *mutation, struct buf *out)
{
    size_t chosen = mutation->count == 0 ? 0 : below(mutation, mutation->count);
    unsigned how = mutation->count == 0 ? 7 : below(mutation, 10);
    for (size_t i = 0; i < mutation->count || i == 0; i++) {
        bool here = i == chosen;
        if (here && how == 8)
            append_new(mutation, out);
        if (here && how == 7)
            append_step(mutation, mutation->count == 0 ? 0 : below(mutation, mutation->count), out);
        if (here && how < 7)
            append_changed(mutation, mutation->steps[i], out);
        else if (!here || how != 9)
            append_step(mutation, i, out);
    }
}

static size_t take_result(struct buf *made, uint8_t *out, size_t out_max)
{
    size_t size = made->size < out_max ? made->size : out_max;
    if (size > 0)
        memcpy(out, made->data, size);
    buf_release(made);
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    struct mutation mutation = {.random = seed | 1};
    struct buf made = BUF_EMPTY;
    read_steps(&mutation, slice_of(data, size));
    write_mutated(&mutation, &made);
    if (made.size == 0)
        append_new(&mutation, &made);
    return take_result(&made, data, size_max);
}

/* The front of one and the back of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_size, const uint8_t *second,
                                 size_t second_size, uint8_t *out, size_t out_max, unsigned seed)
{
    struct mutation front = {.random = seed | 1}, back = {.random = seed | 1};
    struct buf made = BUF_EMPTY;
    read_steps(&front, slice_of(first, first_size));
    read_steps(&back, slice_of(second, second_size));
    size_t until = front.count == 0 ? 0 : below(&front, front.count + 1);
    for (size_t i = 0; i < until; i++)
        append_step(&front, i, &made);
    for (size_t i = back.count == 0 ? 0 : below(&front, back.count); i < back.count; i++)
        append_step(&back, i, &made);
    return take_result(&made, out, out_max);
}
