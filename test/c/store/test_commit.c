/* Batches of one worker on a real loop, thread and journal. */
#include "store/commit.h"

#include "base/error.h"
#include "fake_disk.h"
#include "store/files.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

enum { WAITS_MAX = 300, TICK_MS = 100 };

/* Somebody who waits. */
struct wait {
    struct store_request request; /* first */
    struct fixture *f;
    int status;
    unsigned order; /* of the answer, from 1; 0: none */
    bool more;      /* adds and waits again when it is answered */
};

struct fixture {
    uv_loop_t loop;
    uv_timer_t tick; /* wakes the loop, so that a wait can end in a failure */
    struct fake_disk disk;
    struct files files;
    struct journal *journal;
    struct worker *worker;
    struct commit commit;
    struct wait waits[WAITS_MAX];
    unsigned wait_count;
    unsigned answered;
    uint64_t lsn;       /* of the last record */
    unsigned durable;   /* events */
    unsigned failed;    /* the same */
    bool stopped;       /* the worker */
    bool added_refused; /* commit.failing was seen in an answer */
};

static void work(void *ctx, struct job **jobs, unsigned count)
{
    struct fixture *f = ctx;
    int folder = files_check(&f->files);
    for (unsigned i = 0; i < count; i++) {
        struct task *task = (struct task *)jobs[i];
        task->work(task, folder);
    }
}

static void done(void *ctx, struct job *job)
{
    struct task *task = (struct task *)job;
    task->done(task);
}

static void on_durable(void *ctx, struct commit *commit)
{
    struct fixture *f = ctx;
    assert_int_equal(f->wait_count == 0 ? 0 : f->waits[0].order, f->wait_count == 0 ? 0 : 1);
    f->durable++;
}

static void on_failed(void *ctx, struct commit *commit, int status, struct requests *waiting)
{
    struct fixture *f = ctx;
    f->failed++;
    assert_false(commit_pending(commit));
    assert_int_equal(commit_pending_bytes(commit), 0);
    requests_answer(waiting, status, slice_of(NULL, 0));
}

static void on_tick(uv_timer_t *tick) {}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct commit_events events = {on_durable, on_failed, f};
    fake_disk_start(&f->disk);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->tick);
    uv_timer_start(&f->tick, on_tick, TICK_MS, TICK_MS);
    assert_int_equal(files_open(&f->files, f->disk.folder, 1000, f->disk.fs), 0);
    f->journal = journal_new(
        &(struct journal_config){.files = &f->files, .worker = 3, .sequence = 1, .segment_size = 1 << 20});
    f->worker = worker_start(&(struct worker_config){&f->loop, work, done, f});
    commit_init(&f->commit, f->worker, f->journal, 0, &events);
    *state = f;
    return 0;
}

static void on_stopped(void *ctx)
{
    struct fixture *f = ctx;
    f->stopped = true;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    worker_stop(f->worker, on_stopped, f);
    while (!f->stopped)
        uv_run(&f->loop, UV_RUN_ONCE);
    commit_release(&f->commit);
    journal_free(f->journal);
    files_close(&f->files);
    uv_close((uv_handle_t *)&f->tick, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    fake_disk_stop(&f->disk);
    free(f);
    return 0;
}

static void add(struct fixture *f)
{
    struct record record = {
        .lsn = ++f->lsn, .kind = RECORD_PUT, .key = slice_of_text("bob"), .change = slice_of_text("1")};
    commit_add(&f->commit, &record);
}

static struct wait *wait_for(struct fixture *f);

static void on_answer(struct store_request *request, int status, struct slice value)
{
    struct wait *wait = (struct wait *)request;
    struct fixture *f = wait->f;
    assert_int_equal(wait->order, 0);
    wait->order = ++f->answered;
    wait->status = status;
    f->added_refused |= f->commit.failing;
    fake_disk_note(&f->disk, "answer");
    if (!wait->more)
        return;
    add(f);
    wait_for(f);
    commit_flush(&f->commit);
}

static struct wait *wait_for(struct fixture *f)
{
    assert_true(f->wait_count < WAITS_MAX);
    struct wait *wait = &f->waits[f->wait_count++];
    *wait = (struct wait){.request = {.done = on_answer}, .f = f};
    commit_wait(&f->commit, &wait->request);
    return wait;
}

static struct wait *add_and_wait(struct fixture *f)
{
    add(f);
    return wait_for(f);
}

static void await(struct fixture *f, const struct wait *wait)
{
    uint64_t deadline_ns = uv_hrtime() + (uint64_t)DISK_DEADLINE_MS * 1000000;
    while (wait->order == 0) {
        assert_true(uv_hrtime() < deadline_ns);
        uv_run(&f->loop, UV_RUN_ONCE);
    }
}

/* A batch of one record is with the thread, which waits in its sync. */
static struct wait *begin_batch(struct fixture *f)
{
    fake_disk_hold(&f->disk, FS_FDATASYNC, ".journal-3-");
    struct wait *wait = add_and_wait(f);
    commit_flush(&f->commit);
    fake_disk_await_held(&f->disk);
    return wait;
}

static void flush__one_record__written_synced_answered(void **state)
{
    static const char *const words[] = {"write .journal-3-1", "fdatasync", "fsync persist", "answer", ""};
    struct fixture *f = *state;
    struct buf lines = BUF_EMPTY;
    fake_disk_forget(&f->disk);
    struct wait *wait = add_and_wait(f);
    assert_true(commit_pending(&f->commit));
    assert_int_equal(commit_pending_bytes(&f->commit), f->commit.filling.size);
    commit_flush(&f->commit);
    assert_int_equal(wait->order, 0); /* never from inside */
    assert_int_not_equal(commit_pending_bytes(&f->commit), 0);
    await(f, wait);
    assert_int_equal(wait->status, 0);
    fake_disk_lines(&f->disk, words, &lines);
    const char *ends = "|fdatasync .journal-3-1|fsync persist|answer |";
    assert_true(lines.size > strlen(ends));
    assert_bytes(buf_slice_from(&lines, lines.size - strlen(ends)), ends);
    assert_false(commit_pending(&f->commit));
    assert_int_equal(commit_pending_bytes(&f->commit), 0);
    assert_int_equal(f->commit.durable, 1);
    assert_int_not_equal(f->commit.journal_size, 0);
    assert_int_equal(f->durable, 1);
    buf_release(&lines);
}

static void flush__nothing_or_busy__nothing_given(void **state)
{
    struct fixture *f = *state;
    commit_flush(&f->commit);
    assert_false(f->commit.batch_given);
    struct wait *first = begin_batch(f), *second = add_and_wait(f);
    commit_flush(&f->commit);
    commit_flush(&f->commit);
    assert_int_not_equal(f->commit.filling.size, 0);
    fake_disk_release(&f->disk);
    await(f, second);
    assert_int_equal(first->order, 1);
    assert_int_equal(second->order, 2);
}

static void flush__many_while_one_is_written__one_batch_more_answered_in_order(void **state)
{
    struct fixture *f = *state;
    begin_batch(f);
    unsigned writes = fake_disk_count(&f->disk, "write .journal-");
    for (unsigned i = 1; i < 200; i++)
        add_and_wait(f);
    fake_disk_release(&f->disk);
    await(f, &f->waits[199]);
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(f->waits[i].order, i + 1);
        assert_int_equal(f->waits[i].status, 0);
    }
    assert_int_equal(fake_disk_count(&f->disk, "fdatasync"), 2);
    assert_in_range(fake_disk_count(&f->disk, "write .journal-") - writes, 1, 2);
    assert_int_equal(f->commit.durable, 200);
}

static void wait__later_records_not_durable__answered_by_its_own_batch(void **state)
{
    struct fixture *f = *state;
    struct wait *first = begin_batch(f);
    struct wait *second = add_and_wait(f), *same = wait_for(f);
    fake_disk_hold(&f->disk, FS_WRITE, ".journal-3-");
    await(f, first);
    assert_int_equal(second->order, 0);
    fake_disk_release(&f->disk);
    await(f, same);
    assert_int_equal(second->order, 2);
    assert_int_equal(same->order, 3);
}

static void answer__asks_for_more__the_next_batch(void **state)
{
    struct fixture *f = *state;
    struct wait *first = add_and_wait(f);
    first->more = true;
    commit_flush(&f->commit);
    await(f, first);
    await(f, &f->waits[1]);
    assert_int_equal(f->waits[1].status, 0);
    assert_int_equal(f->commit.durable, 2);
    assert_int_equal(f->durable, 2);
}

static void batch__fails__all_answered_with_it_and_the_next_works(void **state)
{
    static const struct {
        enum fs_call call;
        const char *name;
        int status, expected;
    } cases[] = {
        {FS_STAT, "persist", -EIO, -EIO},
        {FS_OPEN, ".journal-", -EMFILE, -EMFILE},
        {FS_WRITE, ".journal-", -ENOSPC, -ENOSPC},
        {FS_WRITE, ".journal-", FS_SHORT, -EIO},
        {FS_FDATASYNC, ".journal-", -EDQUOT, -EDQUOT},
        {FS_FSYNC, "persist", -EIO, -EIO},
    };
    struct fixture *f = *state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_disk_hold(&f->disk, FS_STAT, "persist"); /* the batch's first call */
        journal_remove_below(f->journal, UINT64_MAX); /* so that it has to make them all */
        struct wait *waits[3] = {add_and_wait(f), NULL, NULL};
        commit_flush(&f->commit);
        fake_disk_await_held(&f->disk);
        waits[1] = add_and_wait(f);
        waits[2] = wait_for(f);
        fake_disk_fail(&f->disk, cases[i].call, cases[i].name, 0, 1, cases[i].status);
        fake_disk_release(&f->disk);
        await(f, waits[2]);
        assert_int_equal(f->failed, i + 1);
        for (unsigned j = 0; j < 3; j++) {
            assert_int_equal(waits[j]->status, cases[i].expected);
            assert_int_equal(waits[j]->order, 4 * i + j + 1);
        }
        assert_int_equal(f->commit.accepted, f->commit.durable);
        struct wait *next = add_and_wait(f);
        commit_flush(&f->commit);
        await(f, next);
        assert_int_equal(next->status, 0);
        assert_int_equal(f->commit.durable, f->lsn);
    }
    assert_true(f->added_refused);
}

static void batch__segment_of_a_failed_one_stays__counts_as_something(void **state)
{
    struct fixture *f = *state;
    fake_disk_fail(&f->disk, DISK_ANY, ".journal-", 2, DISK_FOREVER, -EIO);
    struct wait *wait = add_and_wait(f);
    commit_flush(&f->commit);
    await(f, wait);
    fake_disk_heal(&f->disk);
    assert_int_equal(wait->status, -EIO);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal-"), 1);
    assert_int_not_equal(f->commit.journal_size, 0); /* or nobody would remove it */
}

static void batch__refused__fails_and_nothing_is_written(void **state)
{
    struct fixture *f = *state;
    f->commit.refused = -ENOSPC;
    fake_disk_forget(&f->disk);
    struct wait *wait = add_and_wait(f);
    commit_flush(&f->commit);
    await(f, wait);
    assert_int_equal(wait->status, -ENOSPC);
    assert_int_equal(fake_disk_count(&f->disk, "write"), 0);
    f->commit.refused = 0;
    wait = add_and_wait(f);
    commit_flush(&f->commit);
    await(f, wait);
    assert_int_equal(wait->status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flush__one_record__written_synced_answered),
        TEST(flush__nothing_or_busy__nothing_given),
        TEST(flush__many_while_one_is_written__one_batch_more_answered_in_order),
        TEST(wait__later_records_not_durable__answered_by_its_own_batch),
        TEST(answer__asks_for_more__the_next_batch),
        TEST(batch__fails__all_answered_with_it_and_the_next_works),
        TEST(batch__segment_of_a_failed_one_stays__counts_as_something),
        TEST(batch__refused__fails_and_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
