/* Workloads with calls that fail, and with crashes, compared with a model (fake_history.h): what was reported
 * done is there, what failed is not, nothing is half there, order is kept. */
#include "store/store.h"

#include "base/error.h"
#include "fake_history.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FAULT_FIRST =
        -200, /* the fault number i fails calls with FAULT_FIRST - i, which no call does by itself */
    FAULTS_MAX = 700,
    JOURNAL_LIMIT = 2048, /* small, so that segments end and checkpoints begin */
};

static void await_all(struct fake_store *f)
{
    fake_store_await_all(f);
}

static void hold(struct fake_store *f, struct holder *holders, unsigned key)
{
    holder_begin(&holders[key], f, history_keys[key]);
}

/* The holder may have gone with a fault. */
static void change(struct history *history, struct holder *holders, unsigned key)
{
    if (holders[key].attached)
        history_change(history, key, &holders[key]);
}

static void stop_holders(struct holder *holders)
{
    for (unsigned i = 0; i < HISTORY_KEYS; i++)
        holder_stop(&holders[i]);
}

/* ---- a workload of a few steps ---- */

static void run_holders(struct fake_store *f, struct history *history, struct holder *holders)
{
    hold(f, holders, 0);
    hold(f, holders, 1);
    await_all(f);
    change(history, holders, 0);
    change(history, holders, 1);
    change(history, holders, 0);
    history_put(f, history, 2);
    await_all(f);
    change(history, holders, 0);
    history_read(f, history, 0);
    history_delete(f, history, 1);
    history_delete(f, history, 3);
    await_all(f);
    fake_store_checkpoint(f);
    change(history, holders, 0);
    ask_names(f);
    change(history, holders, 0);
    history_put(f, history, 1);
    await_all(f);
}

static void run_others(struct fake_store *f, struct history *history, struct holder *holders)
{
    change(history, holders, 0);
    history_put(f, history, 0);
    history_put(f, history, 3);
    ask_sync(f);
    await_all(f);
    history_set_aside(f, history, 0);
    history_put(f, history, 4);
    await_all(f);
    hold(f, holders, 2);
    hold(f, holders, 4);
    await_all(f);
    change(history, holders, 2);
    change(history, holders, 4);
    fake_store_checkpoint(f);
    history_set_aside(f, history, 2);
    history_delete(f, history, 3);
    change(history, holders, 4);
    await_all(f);
    change(history, holders, 4);
    if (holders[4].attached)
        holder_detach(&holders[4]);
    await_all(f);
    history_set_aside(f, history, 4);
    history_put(f, history, 4);
    await_all(f);
}

static void run_script(struct fake_store *f, struct history *history)
{
    struct holder holders[HISTORY_KEYS] = {{.attached = false}};
    run_holders(f, history, holders);
    run_others(f, history, holders);
    stop_holders(holders);
}

static void start(struct fake_store *f, unsigned workers)
{
    fake_store_start_disk(f, workers);
    f->journal_limit = JOURNAL_LIMIT;
}

/* Everything as the answers say: in the store, in its files, in a store that is opened again. tidy: no
 * removal of a temporary has failed. */
static void finish(struct fake_store *f, struct history *history, bool tidy)
{
    history_put(f, history, 4); /* goes on working, whatever has been */
    history_put(f, history, 5);
    await_all(f);
    assert_int_equal(history->changes[history->count - 1].status, 0);
    assert_int_equal(history->changes[history->count - 2].status, 0);
    history_assert_store(f, history, NULL);
    assert_int_equal(fake_store_close(f), 0);
    history_assert_files(f, history, true);
    assert_int_equal(fake_disk_entries(&f->disk, tidy ? "." : ".journal"), 0);
    assert_int_equal(fake_store_open(f), 0);
    history_assert_store(f, history, NULL);
    fake_store_stop(f);
}

/* True if the nth call of the script has failed so. */
static bool run_with_fault(unsigned workers, unsigned n, unsigned times, int status)
{
    struct fake_store f;
    struct history *history = history_new();
    start(&f, workers);
    assert_int_equal(fake_store_open(&f), 0);
    fake_disk_fail(&f.disk, DISK_ANY, NULL, n, times, status);
    run_script(&f, history);
    bool fired = fake_disk_fired(&f.disk, NULL);
    fake_disk_heal(&f.disk);
    finish(&f, history, times == 1);
    history_free(history);
    return fired;
}

static void run_with_all_faults(unsigned workers, unsigned times, int status)
{
    unsigned n = 0;
    while (run_with_fault(workers, n, times, status))
        n++;
    print_message("%u calls\n", n);
    assert_true(n > 100);
}

static void script__any_call_fails__as_the_model(void **state)
{
    run_with_all_faults(1, 1, -EIO);
    run_with_all_faults(2, 1, FS_SHORT);
}

/* True if there was an nth of these calls; something happened to it that nobody notices. */
static bool run_undisturbed(unsigned n, enum fs_call call, int status)
{
    struct fake_store f;
    struct history *history = history_new();
    start(&f, 1);
    assert_int_equal(fake_store_open(&f), 0);
    fake_disk_fail(&f.disk, call, NULL, n, 1, status);
    run_script(&f, history);
    bool fired = fake_disk_fired(&f.disk, NULL);
    fake_disk_heal(&f.disk);
    for (unsigned i = 0; i < history->count; i++)
        assert_true(history->changes[i].status == 0 || history->changes[i].status == ERR_NOT_FOUND);
    finish(&f, history, true);
    history_free(history);
    return fired;
}

static void script__calls_interrupted_or_done_by_half__as_if_not(void **state)
{
    static const struct {
        enum fs_call call;
        int status;
    } cases[] = {{FS_WRITE, FS_PARTIAL}, {FS_READ, FS_PARTIAL}, {FS_WRITE, -EINTR}, {FS_FDATASYNC, -EINTR},
                 {FS_FSYNC, -EINTR},     {FS_OPEN, -EINTR},     {FS_READ, -EINTR},  {FS_FALLOCATE, -EINTR}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned n = 0;
        while (run_undisturbed(n, cases[i].call, cases[i].status))
            n++;
        assert_true(n > 0);
    }
}

static void script__any_two_calls_fail__as_the_model(void **state)
{
    run_with_all_faults(1, 2, -EDQUOT);
}

static void script__all_calls_fail_from_any_on__as_the_model(void **state)
{
    run_with_all_faults(2, DISK_FOREVER, -ENOSPC);
}

/* The close's own checkpoint, with the whole script in the journals. True if a call has failed. */
static bool run_with_fault_at_close(unsigned n, unsigned times)
{
    struct fake_store f;
    struct history *history = history_new();
    start(&f, 2);
    f.journal_limit = 1 << 20; /* no checkpoint but those of the script */
    assert_int_equal(fake_store_open(&f), 0);
    run_script(&f, history);
    fake_disk_fail(&f.disk, DISK_ANY, NULL, n, times, -ENOSPC);
    assert_int_equal(fake_store_close(&f), 0);
    bool fired = fake_disk_fired(&f.disk, NULL);
    fake_disk_heal(&f.disk);
    assert_int_equal(fake_store_open(&f), 0);
    finish(&f, history, true);
    history_free(history);
    return fired;
}

static void close__any_call_fails__the_next_open_has_everything(void **state)
{
    for (unsigned times = 1; times <= DISK_FOREVER; times += DISK_FOREVER - 1) {
        unsigned n = 0;
        while (run_with_fault_at_close(n, times))
            n++;
        print_message("%u calls\n", n);
        assert_true(n > 10);
    }
}

/* ---- crashes ---- */

/* Done by a child until it crashes. */
typedef void (*workload)(struct fake_store *f, struct history *history, uint64_t *seed);

static void run_to_crash(struct fake_store *f, struct history *history, workload run, uint64_t *seed)
{
    uv_loop_fork(&f->loop);
    if (fake_store_open(f) != 0)
        _exit(1);
    run(f, history, seed);
    fake_store_close(f);
    _exit(0);
}

/* True if it has crashed before that call. */
static bool run_child(struct fake_store *f, struct history *history, unsigned crash_at, workload run,
                      uint64_t *seed)
{
    int status;
    f->disk.crash_at = f->disk.calls + crash_at;
    pid_t pid = fork();
    if (pid == 0)
        run_to_crash(f, history, run, seed);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == DISK_CRASHED || WEXITSTATUS(status) == 0));
    f->disk.crash_at = 0;
    return WEXITSTATUS(status) == DISK_CRASHED;
}

static void assert_recovered(struct fake_store *f, const struct history *history)
{
    assert_int_equal(fake_store_open(f), 0);
    history_assert_files(f, history, false);
    assert_int_equal(fake_disk_entries(&f->disk, "."), 0);
}

/* True if there were so many calls. */
static bool crash(unsigned workers, unsigned crash_at, workload run, uint64_t seed)
{
    struct fake_store f;
    struct history *history = history_new();
    start(&f, workers);
    bool crashed = run_child(&f, history, crash_at, run, &seed);
    assert_recovered(&f, history);
    fake_store_stop(&f);
    history_free(history);
    return crashed;
}

static void run_script_to_crash(struct fake_store *f, struct history *history, uint64_t *seed)
{
    run_script(f, history);
}

static void script__crash_before_any_call__as_the_model(void **state)
{
    for (unsigned workers = 1; workers <= 2; workers++) {
        unsigned crash_at = 1;
        while (crash(workers, crash_at, run_script_to_crash, 0))
            crash_at++;
        print_message("%u calls\n", crash_at);
        assert_true(crash_at > 100);
    }
}

/* ---- power failures ---- */

enum { STUCK = 1 }; /* key whose file cannot be written */

static void open_only(struct fake_store *f, struct history *history, uint64_t *seed) {}

static bool cut_power_of_start(struct fake_store *f, struct history *history, unsigned crash_at,
                               uint64_t *power_seed)
{
    bool crashed = run_child(f, history, crash_at, open_only, NULL);
    fake_power_cut(f->disk.power, power_seed);
    return crashed;
}

/* The power fails before that call; fails of the starts after that are cut short so as well. True if there
 * were so many calls. */
static bool cut_power(unsigned workers, unsigned crash_at, workload run, unsigned fails, uint64_t seed)
{
    struct fake_store f;
    struct history *history = history_new();
    uint64_t power_seed = seed;
    start(&f, workers);
    fake_disk_watch_power(&f.disk);
    bool crashed = run_child(&f, history, crash_at, run, &seed);
    fake_power_cut(f.disk.power, &power_seed);
    rmdir(fake_disk_path(&f.disk, history_keys[STUCK])); /* if the workload has made one */
    for (unsigned i = 0; i < fails; i++)
        cut_power_of_start(&f, history, 1 + next_random(&power_seed) % 60, &power_seed);
    assert_recovered(&f, history);
    fake_store_stop(&f);
    history_free(history);
    return crashed;
}

/* ---- random workloads ---- */

static void random_holder(struct fake_store *f, struct holder *holders, unsigned key)
{
    if (holders[key].attached)
        holder_detach(&holders[key]);
    else if (holders[key].pending == NULL)
        hold(f, holders, key);
}

static void random_step(struct fake_store *f, struct history *history, struct holder *holders, uint64_t *seed)
{
    unsigned key = next_random(seed) % HISTORY_KEYS;
    switch (next_random(seed) % 24) {
    case 0:
        history_put(f, history, key);
        break;
    case 1:
        history_delete(f, history, key);
        break;
    case 2:
        history_set_aside(f, history, key);
        break;
    case 3:
        ask_sync(f);
        break;
    case 4:
        ask_sync_key(f, history_keys[key]);
        break;
    case 5:
        ask_names(f);
        break;
    case 6:
    case 7:
        random_holder(f, holders, key);
        break;
    case 8:
    case 9:
        history_read(f, history, key);
        break;
    case 10:
    case 11:
        fake_store_turn(f);
        break;
    case 12:
        if (next_random(seed) % 4 == 0)
            await_all(f);
        break;
    default:
        if (holders[key].attached)
            change(history, holders, key);
        else if (holders[key].pending == NULL)
            hold(f, holders, key);
    }
}

/* The fault that is armed has hit: arms the next. */
static void next_fault(struct fake_store *f, unsigned *faults, uint64_t *seed)
{
    if (*faults > 0 && !fake_disk_fired(&f->disk, NULL))
        return;
    assert_true(*faults < FAULTS_MAX);
    fake_disk_fail(&f->disk, DISK_ANY, NULL, 3 + next_random(seed) % 60, 1 + next_random(seed) % 2,
                   FAULT_FIRST - (int)*faults);
    ++*faults;
}

static void assert_holders(const struct holder *holders)
{
    for (unsigned i = 0; i < HISTORY_KEYS; i++) {
        assert_true(holders[i].failures <= 1);
        if (holders[i].failures > 0 && holders[i].failed_status != ERR_CONFLICT)
            assert_int_equal(holders[i].waiting_at_fail, 0);
    }
}

/* Returns how many faults were armed. */
static unsigned run_steps(struct fake_store *f, struct history *history, unsigned steps, bool with_faults,
                          uint64_t *seed)
{
    struct holder holders[HISTORY_KEYS] = {{.attached = false}};
    unsigned faults = 0;
    for (unsigned i = 0; i < steps; i++) {
        if (with_faults)
            next_fault(f, &faults, seed);
        random_step(f, history, holders, seed);
        assert_holders(holders);
    }
    await_all(f);
    fake_disk_heal(&f->disk);
    if (f->stuck != NULL)
        rmdir(fake_disk_path(&f->disk, f->stuck)); /* or it was set aside */
    history_assert_store(f, history, holders);
    stop_holders(holders);
    history_assert_store(f, history, NULL);
    return faults;
}

static unsigned run_random(uint64_t seed, unsigned steps, bool with_faults)
{
    struct fake_store f;
    struct history *history = history_new();
    start(&f, 1 + next_random(&seed) % 3);
    assert_int_equal(fake_store_open(&f), 0);
    unsigned faults = run_steps(&f, history, steps, with_faults, &seed);
    if (!with_faults)
        history_assert_reads(history);
    finish(&f, history, !with_faults);
    history_free(history);
    return faults;
}

enum { ROUNDS = 20, STEPS = 1000, CRASHES = 150 };

/* Another one each time; the one of a failure can be given again: STORE_SEED. */
static uint64_t first_seed(void)
{
    const char *given = getenv("STORE_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) << 8 | 1;
    print_message("seed %llu and so on by 2\n", (unsigned long long)seed);
    return seed;
}

static void random__nothing_fails__reads_and_files_as_the_model(void **state)
{
    uint64_t seed = first_seed();
    for (unsigned i = 0; i < ROUNDS; i++)
        assert_int_equal(run_random(seed + 2 * i, STEPS, false), 0);
}

/* A folder stands where the file of a key shall be: the trouble of that key alone. */
static void run_with_stuck_key(uint64_t seed, bool with_faults)
{
    struct fake_store f;
    struct history *history = history_new();
    start(&f, 1 + next_random(&seed) % 3);
    assert_int_equal(fake_store_open(&f), 0);
    f.stuck = history_keys[next_random(&seed) % HISTORY_KEYS];
    assert_int_equal(mkdir(fake_disk_path(&f.disk, f.stuck), 0700), 0);
    run_steps(&f, history, STEPS, with_faults, &seed);
    finish(&f, history, !with_faults);
    history_free(history);
}

static void random__a_key_cannot_be_written__as_the_model(void **state)
{
    uint64_t seed = first_seed();
    for (unsigned i = 0; i < ROUNDS; i++)
        run_with_stuck_key(seed + 2 * i, i % 2 == 1);
}

static void random__calls_fail__as_the_model(void **state)
{
    uint64_t seed = first_seed();
    unsigned faults = 0;
    for (unsigned i = 0; i < ROUNDS; i++)
        faults += run_random(seed + 2 * i, STEPS, true);
    print_message("%u faults\n", faults);
    assert_true(faults > ROUNDS);
}

static void run_good_steps(struct fake_store *f, struct history *history, uint64_t *seed)
{
    run_steps(f, history, STEPS, false, seed);
}

static void run_bad_steps(struct fake_store *f, struct history *history, uint64_t *seed)
{
    run_steps(f, history, STEPS, true, seed);
}

static void run_stuck_steps(struct fake_store *f, struct history *history, uint64_t *seed)
{
    f->stuck = history_keys[STUCK];
    mkdir(fake_disk_path(&f->disk, f->stuck), 0700);
    run_steps(f, history, STEPS, false, seed);
}

static void random__crash__as_the_model(void **state)
{
    uint64_t seed = first_seed();
    for (unsigned i = 0; i < CRASHES; i++, seed += 2) {
        uint64_t numbers = seed;
        unsigned workers = 1 + next_random(&numbers) % 3;
        unsigned crash_at = 1 + next_random(&numbers) % 400;
        crash(workers, crash_at, i % 2 == 0 ? run_good_steps : run_bad_steps, numbers);
    }
}

enum { CUTS = 2, POWER_FAILURES = 150, RECOVERIES = 6 };

static void script__power_fails_before_any_call__as_the_model(void **state)
{
    uint64_t seed = first_seed();
    for (unsigned workers = 1; workers <= 2; workers++) {
        bool crashed = true;
        for (unsigned crash_at = 1; crashed; crash_at++) {
            for (unsigned i = 0; i < CUTS; i++, seed += 2)
                crashed = cut_power(workers, crash_at, run_script_to_crash, i, seed);
        }
    }
}

static void random__power_fails__as_the_model(void **state)
{
    static const workload workloads[] = {run_good_steps, run_bad_steps, run_stuck_steps};
    uint64_t seed = first_seed();
    for (unsigned i = 0; i < POWER_FAILURES; i++, seed += 2) {
        uint64_t numbers = seed;
        unsigned workers = 1 + next_random(&numbers) % 3;
        unsigned crash_at = 1 + next_random(&numbers) % 400;
        cut_power(workers, crash_at, workloads[i % 3], i % 3, numbers);
    }
}

/* The process is killed, and the power fails before that call of the next start. True if there were so many.
 */
static bool cut_power_recovering(unsigned crash_at, unsigned start_crash_at, uint64_t seed)
{
    struct fake_store f;
    struct history *history = history_new();
    uint64_t power_seed = seed + start_crash_at;
    start(&f, 2);
    fake_disk_watch_power(&f.disk);
    run_child(&f, history, crash_at, run_good_steps, &seed);
    bool crashed = cut_power_of_start(&f, history, start_crash_at, &power_seed);
    assert_recovered(&f, history);
    fake_store_stop(&f);
    history_free(history);
    return crashed;
}

static void random__power_fails_before_any_call_of_a_start__as_the_model(void **state)
{
    uint64_t seed = first_seed();
    for (unsigned i = 0; i < RECOVERIES; i++, seed += 2) {
        uint64_t numbers = seed;
        unsigned crash_at = 200 + next_random(&numbers) % 200;
        unsigned start_crash_at = 1;
        while (cut_power_recovering(crash_at, start_crash_at, numbers))
            start_crash_at++;
        assert_true(start_crash_at > 10);
    }
}

enum { FOLDERS = 40, LIVES = 4 };

/* The process is killed, or the power fails, and perhaps again during the starts after that. */
static void live(struct fake_store *f, struct history *history, uint64_t *seed)
{
    f->workers = 1 + next_random(seed) % 3;
    unsigned crash_at = 1 + next_random(seed) % 300;
    unsigned fails = next_random(seed) % 3;
    run_child(f, history, crash_at, next_random(seed) % 2 == 0 ? run_good_steps : run_bad_steps, seed);
    if (next_random(seed) % 2 == 0)
        fake_power_cut(f->disk.power, seed);
    for (unsigned i = 0; i < fails; i++) {
        run_child(f, history, 1 + next_random(seed) % 60, open_only, NULL);
        if (next_random(seed) % 2 == 0)
            fake_power_cut(f->disk.power, seed);
    }
    assert_recovered(f, history);
    assert_int_equal(fake_store_close(f), 0);
    history_settle(f, history);
}

/* One folder, with another number of workers each time. */
static void random__killed_or_without_power_again_and_again__as_the_model(void **state)
{
    uint64_t seed = first_seed();
    for (unsigned i = 0; i < FOLDERS; i++, seed += 2) {
        struct fake_store f;
        struct history *history = history_new();
        uint64_t numbers = seed;
        start(&f, 1);
        fake_disk_watch_power(&f.disk);
        for (unsigned n = 0; n < LIVES; n++)
            live(&f, history, &numbers);
        fake_store_stop(&f);
        history_free(history);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(script__any_call_fails__as_the_model),
        cmocka_unit_test(script__calls_interrupted_or_done_by_half__as_if_not),
        cmocka_unit_test(script__any_two_calls_fail__as_the_model),
        cmocka_unit_test(script__all_calls_fail_from_any_on__as_the_model),
        cmocka_unit_test(close__any_call_fails__the_next_open_has_everything),
        cmocka_unit_test(script__crash_before_any_call__as_the_model),
        cmocka_unit_test(random__nothing_fails__reads_and_files_as_the_model),
        cmocka_unit_test(random__a_key_cannot_be_written__as_the_model),
        cmocka_unit_test(random__calls_fail__as_the_model),
        cmocka_unit_test(random__crash__as_the_model),
        cmocka_unit_test(script__power_fails_before_any_call__as_the_model),
        cmocka_unit_test(random__power_fails__as_the_model),
        cmocka_unit_test(random__power_fails_before_any_call_of_a_start__as_the_model),
        cmocka_unit_test(random__killed_or_without_power_again_and_again__as_the_model),
    };

    cmocka_set_test_filter(getenv("STORE_TEST")); /* a pattern; NULL: all */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
