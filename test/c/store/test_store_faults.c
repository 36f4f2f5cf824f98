/* Workloads with calls that fail, and with crashes, compared with a model: what was reported done is in the
 * file, what failed is not half there. */
#include "store/store.h"

#include "base/error.h"
#include "fake_store.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    KEYS = 6,
    CHANGES_MAX = 4000,
    READS_MAX = 2000,
    TEXT_ROOM = 12,
    VALUE_ROOM = 16000,
    NOT_ANSWERED = 1,
    FAULT_FIRST = -2000, /* the fault number i fails calls with FAULT_FIRST - i */
    FAULTS_MAX = 1000
};

static const char *const keys[KEYS] = {"a", "b", "c", "d", "e", "f"};

/* A change that was asked for, in the order of its key. */
struct change {
    unsigned key;
    enum store_kind kind;
    char text[TEXT_ROOM];
    int status; /* NOT_ANSWERED, or the answer */
};

struct read {
    unsigned key;
    unsigned after; /* so many changes of all keys had been asked for */
    struct asked *asked;
};

/* What was asked for; in memory that outlives a crash. */
struct history {
    struct change changes[CHANGES_MAX];
    unsigned count;
    struct read reads[READS_MAX];
    unsigned read_count;
    bool held[KEYS];          /* somebody has held it in memory: a read may see more than was asked before */
    bool at_sync[FAULTS_MAX]; /* of the fault of that number: see fake_disk.fired_at_sync */
    bool any_at_sync;         /* of a fault without a number */
};

static struct history *history_new(void)
{
    struct history *history =
        mmap(NULL, sizeof *history, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(history, MAP_FAILED);
    return history;
}

static void history_free(struct history *history)
{
    munmap(history, sizeof *history);
}

/* ---- asking ---- */

/* The next change's place; its text is of no other change. */
static struct change *next_change(struct history *history, unsigned key, enum store_kind kind)
{
    assert_true(history->count < CHANGES_MAX);
    struct change *change = &history->changes[history->count];
    change->key = key;
    change->kind = kind;
    change->status = NOT_ANSWERED;
    snprintf(change->text, sizeof change->text, "[%u]", history->count);
    history->count++;
    return change;
}

static void put(struct fake_store *f, struct history *history, unsigned key)
{
    struct change *change = next_change(history, key, STORE_PUT);
    ask_put(f, keys[key], change->text)->status_copy = &change->status;
}

static void delete (struct fake_store *f, struct history *history, unsigned key)
{
    struct change *change = next_change(history, key, STORE_DELETE);
    ask_delete(f, keys[key])->status_copy = &change->status;
}

/* By the holder, if there is one. */
static void add(struct fake_store *f, struct history *history, unsigned key, struct holder *holder)
{
    struct change *change = next_change(history, key, STORE_CHANGE);
    struct asked *asked = holder != NULL && holder->attached ? holder_change(holder, change->text)
                                                             : ask_change(f, keys[key], change->text);
    asked->status_copy = &change->status;
}

static void look(struct fake_store *f, struct history *history, unsigned key)
{
    assert_true(history->read_count < READS_MAX);
    history->reads[history->read_count++] = (struct read){key, history->count, ask_read(f, keys[key])};
}

static void hold(struct fake_store *f, struct history *history, unsigned key, struct holder *holder)
{
    history->held[key] = true;
    holder_begin(holder, f, keys[key]);
}

/* ---- the model: which values a key's file may have ---- */

enum { VALUES_MAX = 2048 };

struct values {
    char *texts[VALUES_MAX]; /* all different; "": there is no file */
    unsigned count;
};

static void values_add(struct values *values, const char *text)
{
    for (unsigned i = 0; i < values->count; i++) {
        if (strcmp(values->texts[i], text) == 0)
            return;
    }
    assert_true(values->count < VALUES_MAX);
    values->texts[values->count++] = strdup(text);
}

static void values_add_all(struct values *values, const struct values *more)
{
    for (unsigned i = 0; i < more->count; i++)
        values_add(values, more->texts[i]);
}

static void values_clear(struct values *values)
{
    while (values->count > 0)
        free(values->texts[--values->count]);
}

static bool values_have(const struct values *values, struct slice text)
{
    for (unsigned i = 0; i < values->count; i++) {
        if (slice_equal(slice_of_text(values->texts[i]), text))
            return true;
    }
    return false;
}

static void apply(struct values *values, const struct change *change)
{
    struct values before = *values;
    char text[VALUE_ROOM];
    values->count = 0;
    for (unsigned i = 0; i < before.count; i++) {
        snprintf(text, sizeof text, "%s%s", change->kind == STORE_CHANGE ? before.texts[i] : "",
                 change->kind == STORE_DELETE ? "" : change->text);
        values_add(values, text);
    }
    values_clear(&before);
}

/* Changes of one key that failed with the same write: those of a write whose rename was done, and only the
 * folder's sync failed, are there or not, but never in another order or with gaps. */
struct failing {
    int status; /* 0: none */
    struct values values;
};

/* True if what failed so may be there all the same. */
static bool is_perhaps_there(const struct history *history, int status)
{
    if (status == NOT_ANSWERED)
        return true;
    int number = FAULT_FIRST - status;
    return number >= 0 && number < FAULTS_MAX ? history->at_sync[number] : history->any_at_sync;
}

static void apply_failed(const struct history *history, struct values *values, struct failing *failing,
                         const struct change *change)
{
    if (failing->status != change->status) {
        failing->status = change->status;
        values_clear(&failing->values);
        values_add_all(&failing->values, values);
    }
    apply(&failing->values, change);
    if (is_perhaps_there(history, change->status))
        values_add_all(values, &failing->values);
}

/* From the answers. crashed: those that nobody was told of are there up to any one. */
static void model(const struct history *history, unsigned key, bool crashed, struct values *values)
{
    struct failing failing = {.status = 0};
    values_add(values, "");
    for (unsigned i = 0; i < history->count; i++) {
        const struct change *change = &history->changes[i];
        if (change->key != key)
            continue;
        assert_true(crashed || change->status != NOT_ANSWERED);
        if (change->status == 0) {
            apply(values, change);
            failing.status = 0;
        } else {
            apply_failed(history, values, &failing, change);
        }
    }
    values_clear(&failing.values);
}

static void assert_model(struct fake_store *f, const struct history *history, bool crashed)
{
    for (unsigned key = 0; key < KEYS; key++) {
        struct values values = {.count = 0};
        struct buf content = BUF_EMPTY;
        bool there = fake_disk_get(&f->disk, keys[key], &content);
        model(history, key, crashed, &values);
        if (!values_have(&values, buf_slice(&content)))
            fail_msg("key %s is %.*s, not %s (%u)", keys[key], (int)content.size, (const char *)content.data,
                     values.texts[0], values.count);
        assert_int_equal(there, content.size > 0);
        values_clear(&values);
        buf_release(&content);
    }
    assert_int_equal(fake_disk_entries(&f->disk, "."), 0);
}

/* Nothing has failed: what a read gives is the value after the changes asked for before, or, where somebody
 * holds it, after some more. */
static void assert_read(const struct history *history, const struct read *read)
{
    struct values value = {.count = 0};
    bool found = false;
    values_add(&value, "");
    for (unsigned i = 0; i <= history->count && !found; i++) {
        if (i == read->after || (i > read->after && history->held[read->key]))
            found = values_have(&value, buf_slice(&read->asked->value));
        if (i < history->count && history->changes[i].key == read->key)
            apply(&value, &history->changes[i]);
    }
    assert_int_equal(read->asked->status, read->asked->value.size == 0 ? ERR_NOT_FOUND : 0);
    assert_true(found);
    values_clear(&value);
}

/* ---- a workload of a few steps ---- */

static void run_script(struct fake_store *f, struct history *history)
{
    struct holder holder = {.attached = false};
    add(f, history, 0, NULL);
    add(f, history, 1, NULL);
    add(f, history, 0, NULL);
    put(f, history, 2);
    fake_store_await_all(f);
    add(f, history, 0, NULL);
    look(f, history, 0);
    add(f, history, 0, NULL);
    delete (f, history, 1);
    add(f, history, 2, NULL);
    delete (f, history, 3);
    fake_store_await_all(f);
    hold(f, history, 0, &holder);
    fake_store_await_all(f);
    add(f, history, 0, &holder);
    add(f, history, 0, &holder);
    look(f, history, 0);
    add(f, history, 0, &holder);
    add(f, history, 1, NULL);
    fake_store_await_all(f);
    add(f, history, 0, &holder);
    put(f, history, 0);
    add(f, history, 0, &holder);
    delete (f, history, 2);
    add(f, history, 2, NULL);
    ask_sync(f);
    fake_store_await_all(f);
    hold(f, history, 2, &holder);
    fake_store_await_all(f);
    add(f, history, 2, &holder);
    add(f, history, 2, &holder);
    holder_stop(&holder);
    fake_store_await_all(f);
}

/* True if the nth call of the script has failed so. */
static bool run_with_fault(unsigned workers, unsigned n, unsigned times, int status)
{
    struct fake_store f;
    struct history *history = history_new();
    fake_store_start(&f, workers);
    fake_disk_fail(&f.disk, DISK_ANY, NULL, n, times, status);
    run_script(&f, history);
    bool fired = fake_disk_fired(&f.disk, &history->any_at_sync);
    fake_disk_heal(&f.disk);
    add(&f, history, 5, NULL); /* goes on working */
    put(&f, history, 4);
    fake_store_await_all(&f);
    assert_int_equal(history->changes[history->count - 1].status, 0);
    assert_int_equal(history->changes[history->count - 2].status, 0);
    assert_int_equal(fake_store_close(&f), 0);
    if (times == 1) /* or temporaries may be left, of whose removal failed too */
        assert_model(&f, history, false);
    assert_int_equal(fake_store_open(&f), 0);
    assert_model(&f, history, false);
    fake_store_stop(&f);
    history_free(history);
    return fired;
}

static void script__any_call_fails__as_the_model(void **state)
{
    static const int statuses[] = {-EIO, FS_SHORT};
    for (unsigned i = 0; i < 2; i++) {
        unsigned n = 0;
        while (run_with_fault(1 + i, n, 1, statuses[i]))
            n++;
        print_message("%u calls\n", n);
        assert_true(n > 80);
    }
}

static void script__all_calls_fail_from_any_on__as_the_model(void **state)
{
    unsigned n = 0;
    while (run_with_fault(2, n, DISK_FOREVER, -ENOSPC))
        n++;
    assert_true(n > 80);
}

/* In the child. */
static void run_to_crash(struct fake_store *f, struct history *history, unsigned crash_at)
{
    uv_loop_fork(&f->loop);
    f->disk.crash_at = crash_at;
    if (fake_store_open(f) != 0)
        _exit(1);
    run_script(f, history);
    fake_store_close(f);
    _exit(0);
}

static bool crash(unsigned crash_at)
{
    struct fake_store f;
    struct history *history = history_new();
    int status;
    fake_store_start_disk(&f, 2);
    pid_t pid = fork();
    if (pid == 0)
        run_to_crash(&f, history, crash_at);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == DISK_CRASHED || WEXITSTATUS(status) == 0));
    assert_int_equal(fake_store_open(&f), 0);
    assert_model(&f, history, true);
    add(&f, history, 5, NULL);
    fake_store_await_all(&f);
    fake_store_stop(&f);
    history_free(history);
    return WEXITSTATUS(status) == DISK_CRASHED;
}

static void script__crash_before_any_call__as_the_model(void **state)
{
    unsigned crash_at = 1;
    while (crash(crash_at))
        crash_at++;
    assert_true(crash_at > 80);
}

/* ---- random workloads ---- */

static unsigned next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (unsigned)(*seed >> 20);
}

static void random_step(struct fake_store *f, struct history *history, struct holder *holders, uint64_t *seed)
{
    unsigned key = next_random(seed) % KEYS;
    struct holder *holder = &holders[key];
    switch (next_random(seed) % 16) {
    case 0:
        put(f, history, key);
        break;
    case 1:
        delete (f, history, key);
        break;
    case 2:
        ask_sync(f);
        break;
    case 3:
        ask_names(f);
        break;
    case 4:
        if (holder->attached)
            holder_detach(holder);
        else if (holder->pending == NULL && key % 2 == 0)
            hold(f, history, key, holder);
        break;
    case 5:
    case 6:
        look(f, history, key);
        break;
    case 7:
        fake_store_turn(f);
        break;
    case 8:
        if (next_random(seed) % 8 == 0)
            fake_store_await_all(f);
        break;
    default:
        add(f, history, key, holder);
    }
}

/* The fault that is armed has hit: remembers where, arms the next. */
static void next_fault(struct fake_store *f, struct history *history, unsigned *faults, uint64_t *seed)
{
    bool at_sync;
    if (*faults > 0 && !fake_disk_fired(&f->disk, &at_sync))
        return;
    if (*faults > 0)
        history->at_sync[*faults - 1] = at_sync;
    assert_true(*faults < FAULTS_MAX);
    fake_disk_fail(&f->disk, DISK_ANY, NULL, 3 + next_random(seed) % 60, 1, FAULT_FIRST - (int)*faults);
    ++*faults;
}

static void assert_holders(const struct holder *holders)
{
    for (unsigned i = 0; i < KEYS; i++) {
        assert_true(holders[i].failures <= 1);
        if (holders[i].failures > 0 && holders[i].failed_status != ERR_CONFLICT)
            assert_int_equal(holders[i].waiting_at_fail, 0);
    }
}

/* Returns how many faults hit. */
static unsigned run_random(uint64_t seed, unsigned steps, bool with_faults)
{
    struct fake_store f;
    struct history *history = history_new();
    struct holder holders[KEYS] = {{.attached = false}};
    unsigned faults = 0;
    bool at_sync = false;
    fake_store_start(&f, 1 + next_random(&seed) % 3);
    for (unsigned i = 0; i < steps; i++) {
        if (with_faults)
            next_fault(&f, history, &faults, &seed);
        random_step(&f, history, holders, &seed);
        assert_holders(holders);
    }
    fake_store_await_all(&f);
    if (faults > 0 && fake_disk_fired(&f.disk, &at_sync))
        history->at_sync[faults - 1] = at_sync;
    fake_disk_heal(&f.disk);
    for (unsigned i = 0; i < KEYS; i++)
        holder_stop(&holders[i]);
    for (unsigned i = 0; i < history->read_count && !with_faults; i++)
        assert_read(history, &history->reads[i]);
    assert_int_equal(fake_store_close(&f), 0);
    assert_model(&f, history, false);
    fake_store_stop(&f);
    history_free(history);
    return faults;
}

enum { ROUNDS = 20, STEPS = 1000 };

static void random__nothing_fails__reads_and_files_as_the_model(void **state)
{
    uint64_t seed = (uint64_t)time(NULL) << 8 | 1;
    for (unsigned i = 0; i < ROUNDS; i++, seed += 2) {
        print_message("seed %llu\n", (unsigned long long)seed);
        assert_int_equal(run_random(seed, STEPS, false), 0);
    }
}

static void random__calls_fail__files_as_the_model(void **state)
{
    uint64_t seed = (uint64_t)time(NULL) << 8 | 1;
    unsigned faults = 0;
    for (unsigned i = 0; i < ROUNDS; i++, seed += 2) {
        print_message("seed %llu\n", (unsigned long long)seed);
        faults += run_random(seed, STEPS, true);
    }
    print_message("%u faults\n", faults);
    assert_true(faults > ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(script__any_call_fails__as_the_model),
        cmocka_unit_test(script__all_calls_fail_from_any_on__as_the_model),
        cmocka_unit_test(script__crash_before_any_call__as_the_model),
        cmocka_unit_test(random__nothing_fails__reads_and_files_as_the_model),
        cmocka_unit_test(random__calls_fail__files_as_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
