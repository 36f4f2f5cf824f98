#include "fake_history.h"

#include "base/error.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

const char *const history_keys[HISTORY_KEYS] = {"a", "b", "c", "d", "e", "f"};

struct history *history_new(void)
{
    struct history *history =
        mmap(NULL, sizeof *history, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(history, MAP_FAILED);
    return history;
}

void history_free(struct history *history)
{
    munmap(history, sizeof *history);
}

/* ---- asking ---- */

static struct history_change *next_change(struct history *history, unsigned key, unsigned kind)
{
    assert_true(history->count < HISTORY_CHANGES);
    struct history_change *change = &history->changes[history->count];
    change->key = key;
    change->kind = kind;
    change->status = HISTORY_NOT_ANSWERED;
    /* Another thread may crash any time. */
    __atomic_store_n(&history->count, history->count + 1, __ATOMIC_RELEASE);
    return change;
}

static void make_text(const struct history *history, const struct history_change *change, char text[24])
{
    long number = change - history->changes + (long)history->offset;
    snprintf(text, 24, change->kind == STORE_PUT ? "(%ld)" : "%ld.", number);
}

struct asked *history_put(struct fake_store *f, struct history *history, unsigned key)
{
    struct history_change *change = next_change(history, key, STORE_PUT);
    char text[24];
    make_text(history, change, text);
    struct asked *asked = ask_put(f, history_keys[key], text);
    asked->status_copy = &change->status;
    return asked;
}

struct asked *history_delete(struct fake_store *f, struct history *history, unsigned key)
{
    struct history_change *change = next_change(history, key, STORE_DELETE);
    struct asked *asked = ask_delete(f, history_keys[key]);
    asked->status_copy = &change->status;
    return asked;
}

static void on_aside(struct asked *asked)
{
    struct history_change *change = asked->ctx;
    if (asked->status == 0)
        snprintf(change->aside, sizeof change->aside, "%s", (const char *)asked->value.data);
    __atomic_store_n(&change->status, asked->status, __ATOMIC_RELEASE);
}

struct asked *history_set_aside(struct fake_store *f, struct history *history, unsigned key)
{
    struct history_change *change = next_change(history, key, HISTORY_ASIDE);
    struct asked *asked = ask_set_aside(f, history_keys[key]);
    asked->then = on_aside;
    asked->ctx = change;
    return asked;
}

struct asked *history_change(struct history *history, unsigned key, struct holder *holder)
{
    struct history_change *change = next_change(history, key, STORE_CHANGE);
    char text[24];
    make_text(history, change, text);
    struct asked *asked = holder_change(holder, text);
    asked->status_copy = &change->status;
    return asked;
}

void history_read(struct fake_store *f, struct history *history, unsigned key)
{
    assert_true(history->read_count < HISTORY_READS);
    struct history_read *read = &history->reads[history->read_count++];
    *read = (struct history_read){.key = key, .after = history->count};
    read->asked = ask_read(f, history_keys[key]);
}

/* ---- the model ---- */

static void apply(const struct history *history, const struct history_change *change, struct buf *value)
{
    char text[24];
    if (change->kind != STORE_CHANGE)
        buf_clear(value);
    if (change->kind == STORE_DELETE || change->kind == HISTORY_ASIDE)
        return;
    make_text(history, change, text);
    buf_append(value, text, strlen(text));
}

/* What has come of the changes of a worker. */
struct outcome {
    unsigned from; /* the first number ... */
    unsigned to;   /* ... and behind the last, of those that count as if they had succeeded */
    int status;    /* if they have this status, or nobody had come to tell them so when all crashed */
    bool asides;   /* setting aside that was not reported done was done */
};

static bool counts(const struct history *history, unsigned number, const struct outcome *outcome)
{
    const struct history_change *change = &history->changes[number];
    if (change->status == 0)
        return true;
    if (change->kind == HISTORY_ASIDE)
        return outcome->asides && change->status != ERR_NOT_FOUND && change->status != ERR_CONFLICT;
    return (change->status == outcome->status || change->status == HISTORY_NOT_ANSWERED) &&
           number >= outcome->from && number < outcome->to;
}

/* The value of the key after the first changes; none: empty. */
static void make_value(const struct history *history, unsigned key, unsigned changes,
                       const struct outcome *outcome, struct buf *value)
{
    buf_clear(value);
    buf_append(value, history->before[key], strlen(history->before[key]));
    for (unsigned i = 0; i < changes; i++) {
        if (history->changes[i].key == key && counts(history, i, outcome))
            apply(history, &history->changes[i], value);
    }
}

static const struct outcome as_answered = {.status = 0};

static void print_key(const struct history *history, unsigned key)
{
    print_message("changes of %s:", history_keys[key]);
    for (unsigned i = 0; i < history->count; i++) {
        if (history->changes[i].key == key)
            print_message(" %u %c %d,", i + history->offset, "pdca"[history->changes[i].kind],
                          history -> changes[i].status);
    }
    print_message("\n");
}

static void assert_value(const struct history *history, unsigned key, struct slice is,
                         const struct buf *shall)
{
    if (slice_equal(is, buf_slice(shall)))
        return;
    print_key(history, key);
    fail_msg("%s is %.*s, not %.*s", history_keys[key], (int)is.size, (const char *)is.data, (int)shall->size,
             (const char *)shall->data);
}

static void assert_asides(struct fake_store *f, const struct history *history)
{
    struct buf shall = BUF_EMPTY, is = BUF_EMPTY;
    for (unsigned i = 0; i < history->count; i++) {
        const struct history_change *change = &history->changes[i];
        if (change->kind != HISTORY_ASIDE || change->status != 0)
            continue;
        make_value(history, change->key, i, &as_answered, &shall);
        buf_clear(&is);
        assert_true(fake_disk_get(&f->disk, change->aside, &is));
        assert_value(history, change->key, buf_slice(&is), &shall);
    }
    buf_release(&shall);
    buf_release(&is);
}

/* The disk works; what is under way may still end with what has failed before. */
static struct asked *read_well(struct fake_store *f, unsigned key)
{
    struct asked *read;
    unsigned tries = 0;
    do {
        read = ask_read(f, history_keys[key]);
        fake_store_await(read);
    } while (read->status != 0 && read->status != ERR_NOT_FOUND && ++tries < 3);
    return read;
}

void history_assert_store(struct fake_store *f, const struct history *history, const struct holder *holders)
{
    struct buf shall = BUF_EMPTY;
    for (unsigned key = 0; key < HISTORY_KEYS; key++) {
        struct asked *read = read_well(f, key);
        make_value(history, key, history->count, &as_answered, &shall);
        assert_value(history, key, buf_slice(&read->value), &shall);
        if (holders != NULL && holders[key].attached)
            assert_value(history, key, buf_slice(&holders[key].memory), &shall);
        else
            assert_int_equal(read->status, shall.size == 0 ? ERR_NOT_FOUND : 0);
    }
    buf_release(&shall);
    assert_asides(f, history);
}

static void assert_read(const struct history *history, const struct history_read *read)
{
    struct buf shall = BUF_EMPTY;
    assert_int_equal(read->asked->count, 1);
    make_value(history, read->key, read->after, &as_answered, &shall);
    assert_value(history, read->key, buf_slice(&read->asked->value), &shall);
    if (read->asked->status != 0)
        assert_int_equal(read->asked->status, ERR_NOT_FOUND);
    buf_release(&shall);
}

void history_assert_reads(const struct history *history)
{
    for (unsigned i = 0; i < history->read_count; i++)
        assert_read(history, &history->reads[i]);
}

/* ---- files ---- */

struct contents {
    struct buf values[HISTORY_KEYS]; /* no file: empty */
};

static bool is_so(const struct history *history, unsigned key, const struct outcome *outcome,
                  const struct contents *contents)
{
    struct buf shall = BUF_EMPTY;
    make_value(history, key, history->count, outcome, &shall);
    bool same = slice_equal(buf_slice(&shall), buf_slice(&contents->values[key]));
    buf_release(&shall);
    return same;
}

/* True if all keys of the worker are so. asides: each with what was not reported set aside, or without. */
static bool fits(const struct fake_store *f, const struct history *history, unsigned worker,
                 struct outcome outcome, bool asides, const struct contents *contents)
{
    for (unsigned key = 0; key < HISTORY_KEYS; key++) {
        if (worker_of(f, history_keys[key]) != worker)
            continue;
        outcome.asides = false;
        bool same = is_so(history, key, &outcome, contents);
        outcome.asides = asides;
        if (!same && !is_so(history, key, &outcome, contents))
            return false;
    }
    return true;
}

/* Behind the worker's last change that has succeeded. */
static unsigned first_uncertain(const struct fake_store *f, const struct history *history, unsigned worker)
{
    for (unsigned i = history->count; i > 0; i--) {
        const struct history_change *change = &history->changes[i - 1];
        if (change->status == 0 && change->kind != HISTORY_ASIDE &&
            worker_of(f, history_keys[change->key]) == worker)
            return i;
    }
    return 0;
}

/* With what failed, or is not known to have failed, with this status. */
static bool fits_with(const struct fake_store *f, const struct history *history, unsigned worker,
                      unsigned from, int status, const struct contents *contents)
{
    for (unsigned to = from + 1; to <= history->count; to++) {
        struct outcome outcome = {.from = from, .to = to, .status = status};
        if (worker_of(f, history_keys[history->changes[to - 1].key]) == worker &&
            fits(f, history, worker, outcome, true, contents))
            return true;
    }
    return false;
}

static bool fits_any(const struct fake_store *f, const struct history *history, unsigned worker,
                     const struct contents *contents)
{
    unsigned from = first_uncertain(f, history, worker);
    int tried = 0;
    if (fits(f, history, worker, as_answered, true, contents))
        return true;
    for (unsigned i = from; i < history->count; i++) {
        int status = history->changes[i].status;
        if (worker_of(f, history_keys[history->changes[i].key]) != worker || status == tried)
            continue;
        if (fits_with(f, history, worker, from, status, contents))
            return true;
        tried = status;
    }
    return false;
}

static void assert_worker(const struct fake_store *f, const struct history *history, unsigned worker,
                          bool was_clean, const struct contents *contents)
{
    bool good = was_clean ? fits(f, history, worker, as_answered, false, contents)
                          : fits_any(f, history, worker, contents);
    for (unsigned key = 0; key < HISTORY_KEYS && !good; key++) {
        if (worker_of(f, history_keys[key]) != worker)
            continue;
        print_key(history, key);
        print_message("%s is %.*s\n", history_keys[key], (int)contents->values[key].size,
                      (const char *)contents->values[key].data);
    }
    assert_true(good);
}

void history_assert_files(struct fake_store *f, const struct history *history, bool was_clean)
{
    struct contents contents = {0};
    for (unsigned key = 0; key < HISTORY_KEYS; key++) {
        bool there = fake_disk_get(&f->disk, history_keys[key], &contents.values[key]);
        if (there)
            assert_int_not_equal(contents.values[key].size, 0);
    }
    for (unsigned worker = 0; worker < f->workers; worker++)
        assert_worker(f, history, worker, was_clean, &contents);
    for (unsigned key = 0; key < HISTORY_KEYS; key++)
        buf_release(&contents.values[key]);
    assert_asides(f, history);
}

void history_settle(struct fake_store *f, struct history *history)
{
    for (unsigned key = 0; key < HISTORY_KEYS; key++) {
        struct buf value = BUF_EMPTY;
        fake_disk_get(&f->disk, history_keys[key], &value);
        assert_true(value.size < HISTORY_VALUE_ROOM);
        buf_append(&value, "", 1);
        memcpy(history->before[key], value.data, value.size);
        buf_release(&value);
    }
    history->offset += history->count;
    history->count = history->read_count = 0;
}
