/* The node under test, its fake peers and its probes. Knows no file of the runtime but by its header. */
#include "runtime/fake_peer.h"

#include "base/log.h"
#include "base/mem.h"
#include "runtime/peer_release.h"
#include "runtime/process_send.h"
#include "wire/control.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <ctype.h>

enum { FRAME_SIZE_MAX = 1 << 26, PASS_THROUGH = 112, RUNS_MAX = 100000 };

struct probe {
    struct process process;
    struct fake *f;
    unsigned number; /* in f->probes */
};

/* ---- the node */

int fake_set_up(void **state)
{
    struct fake *f = mem_zalloc(sizeof *f);
    log_set_level(LOG_NONE);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    node_init(&f->node, &f->loop, FAKE_NODE, fake_creation('0'));
    memset(f->node.ref_counter, 0, sizeof f->node.ref_counter);
    fake_up(f, &f->a, 'a', FAKE_FLAGS);
    fake_up(f, &f->b, 'b', FAKE_FLAGS);
    *state = f;
    return 0;
}

int fake_tear_down(void **state)
{
    struct fake *f = *state;
    fake_down(&f->a);
    fake_down(&f->b);
    node_release(&f->node);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    for (unsigned i = 1; i <= f->probe_count; i++)
        buf_release(&f->probes[i].messages);
    buf_release(&f->events);
    mem_free(f);
    return 0;
}

void fake_run(struct fake *f)
{
    unsigned runs = 0;
    while (node_run(&f->node))
        assert_in_range(runs++, 0, RUNS_MAX);
}

/* ---- probes */

static void record(struct buf *text, struct slice term)
{
    if (text->size > 0)
        buf_append_u8(text, ' ');
    fake_render(text, term);
}

static enum receive probe_receive(struct process *self, struct slice message)
{
    struct probe *probe = (struct probe *)self;
    struct fake *f = probe->f;
    unsigned number = probe->number;
    record(&f->probes[number].messages, message);
    return f->probes[number].hook == NULL ? RECEIVE_TAKEN : f->probes[number].hook(f, self, message);
}

void fake_event(struct fake *f, const char *what, struct slice term)
{
    if (f->events.size > 0)
        buf_append_u8(&f->events, ' ');
    buf_append_slice(&f->events, slice_of_text(what));
    if (term.size > 0) {
        buf_append_u8(&f->events, ':');
        fake_render(&f->events, term);
    }
}

static void probe_release(struct process *self, struct slice reason)
{
    struct buf pid = BUF_EMPTY, text = BUF_EMPTY;
    process_write_pid(self, &pid);
    fake_render(&text, buf_slice(&pid));
    buf_append_u8(&text, '\0');
    fake_event(((struct probe *)self)->f, (const char *)text.data, reason);
    buf_release(&pid);
    buf_release(&text);
}

static const struct process_type probe_type = {
    .module = "probe", .size = sizeof(struct probe), .receive = probe_receive, .release = probe_release};

struct process *fake_probe_hooked(struct fake *f, fake_hook hook)
{
    struct probe *probe = (struct probe *)process_new(&f->node, &probe_type);
    probe->f = f;
    probe->number = ++f->probe_count;
    assert_in_range(probe->number, 1, FAKE_PROBES_MAX - 1);
    f->probes[probe->number] = (struct fake_probe){.id = probe->process.id, .hook = hook};
    return &probe->process;
}

struct process *fake_probe(struct fake *f)
{
    return fake_probe_hooked(f, NULL);
}

struct process *fake_process(struct fake *f, unsigned probe)
{
    return process_find(&f->node, f->probes[probe].id);
}

/* Writes a % over each run of digits where the expected text has one. */
static void mask(struct buf *text, const char *expected)
{
    const uint8_t *from = text->data;
    uint8_t *to = text->data;
    for (; *from != '\0'; expected += *expected != '\0') {
        if (*expected != '%' || !isdigit(*from)) {
            *to++ = *from++;
            continue;
        }
        while (isdigit(*from))
            from++;
        *to++ = '%';
    }
    *to = '\0';
}

void fake_expect_text(struct buf *text, const char *expected)
{
    buf_append_u8(text, '\0');
    mask(text, expected);
    assert_string_equal((const char *)text->data, expected);
    buf_clear(text);
}

void fake_expect(struct fake *f, unsigned probe, const char *messages)
{
    fake_run(f);
    fake_expect_text(&f->probes[probe].messages, messages);
}

void fake_expect_events(struct fake *f, const char *events)
{
    fake_run(f);
    fake_expect_text(&f->events, events);
}

void fake_deliver(struct process *process, const char *message)
{
    struct buf term = BUF_EMPTY;
    fake_write(&term, message);
    process_deliver(process, 0, buf_slice(&term), slice_of(NULL, 0));
    buf_release(&term);
}

void fake_post(struct process *process, const char *message)
{
    struct buf term = BUF_EMPTY;
    fake_write(&term, message);
    process_post(process, buf_slice(&term));
    buf_release(&term);
}

void fake_exit(struct process *process, const char *reason)
{
    struct buf term = BUF_EMPTY;
    fake_write(&term, reason);
    process_exit(process, buf_slice(&term));
    buf_release(&term);
}

void fake_send(struct fake *f, struct process *from, const char *to, const char *message)
{
    struct buf pid = BUF_EMPTY;
    fake_write(&pid, to);
    fake_write(process_send_begin(&f->node, from, buf_slice(&pid)), message);
    process_send_end(&f->node);
    buf_release(&pid);
}

struct pid fake_pid(struct buf *memory, const char *text)
{
    struct pid pid;
    fake_write(memory, text);
    struct slice cursor = buf_slice(memory);
    assert_true(pid_read(&cursor, &pid));
    return pid;
}

struct ref fake_ref(struct buf *memory, const char *text)
{
    struct ref ref;
    fake_write(memory, text);
    struct slice cursor = buf_slice(memory);
    assert_true(ref_read(&cursor, &ref));
    return ref;
}

/* ---- peers */

static void count_wake(void *ctx)
{
    ((struct fake_peer *)ctx)->wakes++;
}

static void count_close(void *ctx, int error)
{
    ((struct fake_peer *)ctx)->closes++;
}

void fake_up(struct fake *f, struct fake_peer *peer, char letter, uint64_t flags)
{
    struct handshake_peer known = {.node = "?@host", .flags = flags, .creation = fake_creation(letter)};
    const struct peer_transport transport = {.wake = count_wake, .close = count_close, .ctx = peer};
    known.node[0] = letter;
    *peer = (struct fake_peer){.peer = peer_up(&f->node, &known, &transport)};
    peer->peer->release = RELEASE_OURS;
    frame_reader_init(&peer->reader, 4, FRAME_SIZE_MAX);
}

void fake_down(struct fake_peer *peer)
{
    if (peer->peer == NULL)
        return;
    peer_down(peer->peer);
    peer->peer = NULL;
    frame_reader_release(&peer->reader);
    buf_release(&peer->bytes);
}

/* Exactly as much memory as the frame has bytes: a sanitizer sees who reads on. */
static int give(struct peer *peer, struct slice frame)
{
    uint8_t *copy = mem_dup(frame.data, frame.size);
    int status = peer_frame(peer, slice_of(copy, frame.size));
    mem_free(copy);
    return status;
}

int fake_in_status(struct fake_peer *peer, const char *control, const char *payload)
{
    struct buf frame = BUF_EMPTY;
    buf_append_u8(&frame, PASS_THROUGH);
    etf_write_version(&frame);
    fake_write(&frame, control);
    if (payload != NULL) {
        etf_write_version(&frame);
        fake_write(&frame, payload);
    }
    int status = give(peer->peer, buf_slice(&frame));
    buf_release(&frame);
    return status;
}

void fake_in(struct fake_peer *peer, const char *control, const char *payload)
{
    assert_int_equal(fake_in_status(peer, control, payload), 0);
}

/* The tuple with the operation by its name. */
static void render_control(struct buf *text, struct slice tuple)
{
    uint32_t arity;
    uint64_t op;
    assert_true(etf_read_tuple(&tuple, &arity));
    assert_true(etf_read_uint64(&tuple, &op));
    buf_append_u8(text, '{');
    buf_append_slice(text, slice_of_text(fake_operation((unsigned)op)));
    for (uint32_t i = 1; i < arity; i++) {
        buf_append_u8(text, ',');
        fake_render(text, etf_take(&tuple));
    }
    buf_append_u8(text, '}');
}

/* The bytes behind a 131, up to the end of the term. */
static struct slice take_external(struct slice *bytes)
{
    assert_int_equal(bytes->data[0], 131);
    *bytes = slice_of(bytes->data + 1, bytes->size - 1);
    return etf_take(bytes);
}

static void render_frame(struct buf *text, struct slice frame)
{
    struct control control;
    assert_int_equal(control_parse(frame, 1000000, &control), 0);
    struct slice rest = slice_of(frame.data + 1, frame.size - 1);
    render_control(text, take_external(&rest));
    if (rest.size > 0) {
        buf_append_u8(text, ' ');
        fake_render(text, take_external(&rest));
    }
}

void fake_expect_out(struct fake *f, struct fake_peer *peer, const char *frames)
{
    struct buf text = BUF_EMPTY;
    struct slice frame;
    fake_run(f);
    buf_clear(&peer->bytes);
    buf_append_slice(&peer->bytes, buf_slice(&peer->peer->out));
    buf_clear(&peer->peer->out);
    peer_flushed(peer->peer, 0);
    frame_feed(&peer->reader, buf_slice(&peer->bytes));
    int status;
    while ((status = frame_next(&peer->reader, &frame)) == 1) {
        if (text.size > 0)
            buf_append(&text, "; ", 2);
        render_frame(&text, frame);
    }
    assert_int_equal(status, 0);
    assert_int_equal(peer->reader.partial.size, 0);
    fake_expect_text(&text, frames);
    buf_release(&text);
}
