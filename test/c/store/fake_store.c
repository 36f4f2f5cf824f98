#include "fake_store.h"

#include "base/error.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static int fold(void *ctx, struct slice value, struct slice changes, struct buf *out)
{
    if (memchr(changes.data, '!', changes.size) != NULL)
        return ERR_BADARG;
    buf_append_slice(out, value);
    buf_append_slice(out, changes);
    return 0;
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

static void on_tick(uv_timer_t *tick) {}

void fake_store_start_disk(struct fake_store *f, unsigned workers)
{
    *f = (struct fake_store){.workers = workers, .closed = true};
    fake_disk_start(&f->disk);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->tick);
    uv_timer_start(&f->tick, on_tick, 100, 100);
}

int fake_store_open(struct fake_store *f)
{
    const struct store_config config = {.folder = f->disk.folder,
                                        .workers = f->workers,
                                        .value_size_max = TOY_VALUE_MAX,
                                        .ops = toy_ops(),
                                        .loop = &f->loop,
                                        .fs = f->disk.fs};
    int status = store_open(&f->store, &config);
    f->closed = status != 0;
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

struct asked *ask_change(struct fake_store *f, const char *key, const char *text)
{
    return change(f, key, STORE_CHANGE, text);
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

static void on_loaded(struct asked *asked)
{
    struct holder *holder = asked->ctx;
    struct fake_store *f = asked->owner;
    holder->pending = NULL;
    if (asked->status != 0 && asked->status != ERR_NOT_FOUND)
        return;
    holder->source = (struct store_source){.encode = encode, .failed = failed};
    holder->attached =
        store_attach(f->store, worker_of(f, holder->key), slice_of_text(holder->key), &holder->source);
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
    struct asked *asked = ask_change(holder->owner, holder->key, text);
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
