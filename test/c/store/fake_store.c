#include "fake_store.h"

#include "base/error.h"
#include "store/store_state.h"
#include "unit.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* The word at the end of text: size 0 if it does not end with one. */
static struct slice last_word(struct slice text)
{
    size_t start = text.size;
    if (start < 2 || text.data[start - 1] != '.')
        return slice_of(text.data, 0);
    start--;
    while (start > 0 && text.data[start - 1] >= '0' && text.data[start - 1] <= '9')
        start--;
    return slice_of(text.data + start, text.size - start);
}

static unsigned long number_of(struct slice word)
{
    unsigned long number = 0;
    for (size_t i = 0; i + 1 < word.size; i++)
        number = number * 10 + (unsigned long)(word.data[i] - '0');
    return number;
}

/* False: it has later ones, and not this one. */
static bool add_word(struct buf *value, struct slice word)
{
    struct slice rest = buf_slice(value);
    struct slice last = last_word(rest);
    if (last.size == 0 || number_of(last) < number_of(word)) {
        buf_append_slice(value, word);
        return true;
    }
    while (last.size > 0 && !slice_equal(last, word)) {
        rest.size -= last.size;
        last = last_word(rest);
    }
    return last.size > 0;
}

static int fold(void *ctx, struct slice value, struct slice changes, struct buf *out)
{
    struct buf words = BUF_EMPTY;
    int status = 0;
    if (memchr(changes.data, '!', changes.size) != NULL)
        return ERR_BADARG;
    buf_append_slice(&words, value);
    while (status == 0 && changes.size > 0) {
        const uint8_t *end = memchr(changes.data, '.', changes.size);
        struct slice word = slice_of(changes.data, (size_t)(end + 1 - changes.data));
        changes = slice_of(end + 1, changes.size - word.size);
        status = add_word(&words, word) ? 0 : ERR_CORRUPT;
    }
    if (status == 0)
        buf_append_slice(out, buf_slice(&words));
    buf_release(&words);
    return status;
}

static void file_name(void *ctx, struct slice key, char name[256])
{
    memcpy(name, key.data, key.size);
    name[key.size] = '\0';
}

struct store_ops toy_ops(void)
{
    return (struct store_ops){.fold = fold, .file_name = file_name};
}

enum { TICK_MS = 5 };

static void on_tick(uv_timer_t *tick) {}

void fake_store_start_disk(struct fake_store *f, unsigned workers)
{
    *f = (struct fake_store){.workers = workers, .closed = true};
    fake_disk_start(&f->disk);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->tick);
    uv_timer_start(&f->tick, on_tick, TICK_MS, TICK_MS);
}

static void on_pressure(void *ctx, bool pressed)
{
    struct fake_store *f = ctx;
    assert_int_not_equal(pressed, f->pressed);
    f->pressed = pressed;
    f->presses++;
}

/* The store's timer waits for ever from now on. */
static void stop_timer(struct fake_store *f)
{
    uv_timer_t *timer = &f->store->checkpoint.timer;
    uv_timer_set_repeat(timer, UINT32_MAX);
    uv_timer_again(timer);
}

int fake_store_open(struct fake_store *f)
{
    const struct store_config config = {.folder = f->disk.folder,
                                        .workers = f->workers,
                                        .value_size_max = TOY_VALUE_MAX,
                                        .stop_timeout_ms = f->stop_timeout_ms,
                                        .journal_limit = f->journal_limit,
                                        .pressure = on_pressure,
                                        .pressure_ctx = f,
                                        .ops = toy_ops(),
                                        .loop = &f->loop,
                                        .fs = f->disk.fs};
    int status = store_open(&f->store, &config);
    f->closed = status != 0;
    f->pressed = false;
    if (status == 0)
        stop_timer(f);
    return status;
}

void fake_store_start(struct fake_store *f, unsigned workers)
{
    fake_store_start_disk(f, workers);
    assert_int_equal(fake_store_open(f), 0);
}

static void on_closed(void *ctx, int status)
{
    struct fake_store *f = ctx;
    assert_false(f->closed);
    f->closed = true;
    f->closed_status = status;
}

void fake_store_begin_close(struct fake_store *f)
{
    store_close(f->store, on_closed, f);
}

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

void fake_store_turn(struct fake_store *f)
{
    uv_run(&f->loop, UV_RUN_ONCE);
}

void fake_store_await_held(struct fake_store *f)
{
    uint64_t deadline_ms = now_ms() + DISK_DEADLINE_MS;
    while (!fake_disk_is_held(&f->disk)) {
        assert_true(now_ms() < deadline_ms);
        uv_run(&f->loop, UV_RUN_NOWAIT);
        sched_yield();
    }
}

static void on_second_over(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* Timers of one time are called in the order they were started, and each once in a turn. */
void fake_store_tick(struct fake_store *f)
{
    uv_timer_t *timer = &f->store->checkpoint.timer;
    uv_timer_t second;
    bool over = false;
    uv_timer_init(&f->loop, &second);
    second.data = &over;
    uv_timer_set_repeat(timer, 1);
    uv_timer_again(timer);
    uv_timer_start(&second, on_second_over, 1, 0);
    while (!over)
        fake_store_turn(f);
    stop_timer(f);
    uv_close((uv_handle_t *)&second, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT); /* second is on the stack */
}

int fake_store_checkpoint(struct fake_store *f)
{
    struct asked *asked = asked_new(f);
    uint64_t deadline_ms = now_ms() + DISK_DEADLINE_MS;
    checkpoint_begin(&f->store->checkpoint, &asked->request);
    fake_store_await(asked);
    while (!checkpoint_is_idle(&f->store->checkpoint)) {
        assert_true(now_ms() < deadline_ms);
        fake_store_turn(f);
    }
    return asked->status;
}

int fake_store_await_closed(struct fake_store *f)
{
    uint64_t deadline_ms = now_ms() + DISK_DEADLINE_MS;
    while (!f->closed) {
        assert_true(now_ms() < deadline_ms);
        fake_store_turn(f);
    }
    store_free(f->store);
    f->store = NULL;
    return f->closed_status;
}

int fake_store_close(struct fake_store *f)
{
    fake_store_begin_close(f);
    return fake_store_await_closed(f);
}

static void free_asked(struct fake_store *f)
{
    while (f->asked != NULL) {
        struct asked *asked = f->asked;
        f->asked = asked->older;
        assert_int_equal(asked->count, 1);
        buf_release(&asked->value);
        free(asked);
    }
}

void fake_store_stop(struct fake_store *f)
{
    if (!f->closed)
        fake_store_close(f);
    free_asked(f);
    uv_close((uv_handle_t *)&f->tick, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    fake_disk_stop(&f->disk);
}

void fake_store_await(struct asked *asked)
{
    uint64_t deadline_ms = now_ms() + DISK_DEADLINE_MS;
    while (asked->count == 0) {
        assert_true(now_ms() < deadline_ms);
        fake_store_turn(asked->owner);
    }
}

void fake_store_await_all(struct fake_store *f)
{
    struct asked *newest;
    do {
        newest = f->asked;
        for (struct asked *asked = newest; asked != NULL; asked = asked->older)
            fake_store_await(asked);
    } while (f->asked != newest);
}

unsigned worker_of(const struct fake_store *f, const char *key)
{
    return (unsigned char)key[0] % f->workers;
}

static void on_done(struct store_request *request, int status, struct slice value)
{
    struct asked *asked = (struct asked *)request;
    assert_int_equal(asked->count, 0);
    asked->count++;
    asked->order = ++asked->owner->answered;
    asked->status = status;
    if (asked->status_copy != NULL)
        *asked->status_copy = status;
    buf_append_slice(&asked->value, value);
    if (asked->note != NULL)
        fake_disk_note(&asked->owner->disk, asked->note);
    if (asked->then != NULL)
        asked->then(asked);
    assert_int_equal(asked->count, 1);
}

struct asked *asked_new(struct fake_store *f)
{
    struct asked *asked = calloc(1, sizeof *asked);
    assert_non_null(asked);
    asked->request.done = on_done;
    asked->owner = f;
    asked->older = f->asked;
    f->asked = asked;
    return asked;
}

struct asked *ask_read(struct fake_store *f, const char *key)
{
    struct asked *asked = asked_new(f);
    store_read(f->store, worker_of(f, key), slice_of_text(key), &asked->request);
    return asked;
}

static struct asked *change(struct fake_store *f, const char *key, enum store_kind kind, const char *text)
{
    struct asked *asked = asked_new(f);
    store_change(f->store, worker_of(f, key), slice_of_text(key), kind, slice_of_text(text), &asked->request);
    return asked;
}

struct asked *ask_put(struct fake_store *f, const char *key, const char *text)
{
    return change(f, key, STORE_PUT, text);
}

struct asked *ask_delete(struct fake_store *f, const char *key)
{
    return change(f, key, STORE_DELETE, "");
}

struct asked *ask_set_aside(struct fake_store *f, const char *key)
{
    struct asked *asked = asked_new(f);
    store_set_aside(f->store, worker_of(f, key), slice_of_text(key), &asked->request);
    return asked;
}

struct asked *ask_sync(struct fake_store *f)
{
    struct asked *asked = asked_new(f);
    store_sync(f->store, &asked->request);
    return asked;
}

struct asked *ask_sync_key(struct fake_store *f, const char *key)
{
    struct asked *asked = asked_new(f);
    store_sync_key(f->store, worker_of(f, key), slice_of_text(key), &asked->request);
    return asked;
}

struct asked *ask_names(struct fake_store *f)
{
    struct asked *asked = asked_new(f);
    store_names(f->store, &asked->request);
    return asked;
}

struct asked *ask_read_name(struct fake_store *f, const char *name)
{
    struct asked *asked = asked_new(f);
    store_read_name(f->store, name, &asked->request);
    return asked;
}

struct asked *ask_idle(struct fake_store *f)
{
    struct asked *asked = asked_new(f);
    store_when_idle(f->store, &asked->request);
    return asked;
}

void assert_answer(struct asked *asked, int status, const char *text)
{
    fake_store_await(asked);
    assert_int_equal(asked->status, status);
    if (text != NULL)
        assert_bytes(buf_slice(&asked->value), text);
}

/* ---- holders ---- */

static void encode(struct store_source *source, struct buf *out)
{
    struct holder *holder = (struct holder *)source;
    assert_true(holder->attached);
    holder->encodes++;
    buf_append_slice(out, buf_slice(&holder->memory));
}

/* A word at a time. */
static bool encode_some(struct store_source *source, uint64_t *position, struct buf *out)
{
    struct holder *holder = (struct holder *)source;
    const struct buf *memory = &holder->memory;
    assert_true(holder->attached);
    assert_int_equal(out->size, *position);
    holder->slices++;
    size_t end = *position;
    while (end < memory->size && memory->data[end++] != '.')
        ;
    buf_append(out, memory->data + *position, end - *position);
    *position = end;
    holder->encodes += end == memory->size;
    return end < memory->size;
}

static void failed(struct store_source *source, int status)
{
    struct holder *holder = (struct holder *)source;
    assert_true(holder->attached);
    holder->attached = false;
    holder->failures++;
    holder->failed_status = status;
    holder->waiting_at_fail = holder->waiting;
    buf_clear(&holder->memory);
}

static struct slice holder_key(const struct store_source *source)
{
    return slice_of_text(((const struct holder *)source)->key);
}

static const struct store_source_ops holder_ops = {
    .key = holder_key, .encode = encode, .encode_some = encode_some, .failed = failed};

static void on_loaded(struct asked *asked)
{
    struct holder *holder = asked->ctx;
    struct fake_store *f = asked->owner;
    holder->pending = NULL;
    if (asked->status != 0 && asked->status != ERR_NOT_FOUND)
        return;
    holder->source = (struct store_source){.ops = &holder_ops};
    holder->attached = store_attach(f->store, &holder->source);
    holder->refused = !holder->attached;
    buf_clear(&holder->memory);
    if (holder->attached)
        buf_append_slice(&holder->memory, buf_slice(&asked->value));
}

void holder_begin(struct holder *holder, struct fake_store *f, const char *key)
{
    *holder = (struct holder){.owner = f, .key = key, .memory = holder->memory, .waiting = holder->waiting};
    holder->pending = ask_read(f, key);
    holder->pending->then = on_loaded;
    holder->pending->ctx = holder;
}

void holder_start(struct holder *holder, struct fake_store *f, const char *key)
{
    *holder = (struct holder){0};
    holder_begin(holder, f, key);
    fake_store_await(holder->pending);
    assert_true(holder->attached);
}

static void on_changed(struct asked *asked)
{
    struct holder *holder = asked->ctx;
    holder->waiting--;
}

struct asked *holder_change(struct holder *holder, const char *text)
{
    buf_append(&holder->memory, text, strlen(text));
    holder->waiting++;
    struct asked *asked = change(holder->owner, holder->key, STORE_CHANGE, text);
    asked->then = on_changed;
    asked->ctx = holder;
    return asked;
}

void holder_detach(struct holder *holder)
{
    store_detach(holder->owner->store, &holder->source);
    holder->attached = false;
    buf_release(&holder->memory);
}

void holder_stop(struct holder *holder)
{
    if (holder->attached)
        holder_detach(holder);
    buf_release(&holder->memory);
}
