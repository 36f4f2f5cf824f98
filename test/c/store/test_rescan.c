/* A batch of the journal has failed: who is told what when, and what the values are then. */
#include "store/store.h"

#include "base/error.h"
#include "fake_store.h"
#include "store/store_state.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

static int setup(void **state)
{
    struct fake_store *f = malloc(sizeof *f);
    fake_store_start(f, 1);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fake_store *f = *state;
    fake_store_stop(f);
    free(f);
    return 0;
}

/* The next batch waits in its sync; what is asked for from now on is in it or behind it. */
static void hold_batch(struct fake_store *f)
{
    fake_disk_hold(&f->disk, FS_FDATASYNC, ".journal-");
}

/* It fails. */
static void fail_batch(struct fake_store *f, int status)
{
    fake_store_await_held(f);
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, status);
    fake_disk_release(&f->disk);
}

/* ---- who is told ---- */

static void holder__its_changes_fail__requests_answered_then_told_once(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    assert_answer(ask_put(f, "bob", "old"), 0, "");
    holder_start(&holder, f, "bob");
    assert_answer(holder_change(&holder, "1."), 0, "");
    hold_batch(f);
    struct asked *first = holder_change(&holder, "2.");
    fake_store_await_held(f);
    struct asked *second = holder_change(&holder, "3."), *sync = ask_sync(f),
                 *sync_key = ask_sync_key(f, "bob");
    fail_batch(f, -EIO);
    assert_answer(first, -EIO, "");
    assert_answer(second, -EIO, "");
    assert_answer(sync, -EIO, "");
    assert_answer(sync_key, -EIO, "");
    assert_int_equal(holder.failures, 1);
    assert_int_equal(holder.failed_status, -EIO);
    assert_int_equal(holder.waiting_at_fail, 0);
    assert_answer(ask_read(f, "bob"), 0, "old1.");
    holder_stop(&holder);
    holder_start(&holder, f, "bob");
    assert_answer(holder_change(&holder, "4."), 0, "");
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", "old1.4.");
    holder_stop(&holder);
}

static void holder__nothing_of_it_in_the_batch__not_told(void **state)
{
    struct fake_store *f = *state;
    struct holder clean, dirty;
    holder_start(&clean, f, "bob");
    holder_start(&dirty, f, "eve");
    assert_answer(holder_change(&dirty, "1."), 0, "");
    hold_batch(f);
    struct asked *put = ask_put(f, "mia", "1");
    fail_batch(f, -EIO);
    assert_answer(put, -EIO, "");
    assert_int_equal(clean.failures + dirty.failures, 0);
    assert_answer(ask_read(f, "eve"), 0, "1.");
    holder_stop(&clean);
    holder_stop(&dirty);
}

static void holder__of_another_worker__not_told(void **state)
{
    struct fake_store f;
    struct holder holder;
    fake_store_start(&f, 2);
    holder_start(&holder, &f, "a");
    fake_disk_hold(&f.disk, FS_FDATASYNC, ".journal-");
    struct asked *change = holder_change(&holder, "1."), *put = ask_put(&f, "b", "1");
    fake_store_await_held(&f);
    fake_disk_fail(&f.disk, FS_FDATASYNC, ".journal-0", 0, 1, -EIO);
    fake_disk_release(&f.disk);
    assert_answer(put, -EIO, "");
    assert_answer(change, 0, "");
    assert_int_equal(holder.failures, 0);
    holder_stop(&holder);
    fake_store_stop(&f);
}

static void change_again(struct asked *asked)
{
    struct holder *holder = asked->ctx;
    holder->waiting--;
    if (holder->attached)
        holder_change(holder, "9.");
}

static void holder__changes_in_done__fails_too(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    for (int i = 0; i < 2; i++) { /* in the done of the batch that fails, and of what waits behind it */
        assert_answer(ask_put(f, "bob", "old"), 0, "");
        holder_start(&holder, f, "bob");
        hold_batch(f);
        struct asked *asked[2] = {holder_change(&holder, "1."), NULL};
        fake_store_await_held(f);
        asked[1] = holder_change(&holder, "2.");
        asked[i]->then = change_again;
        fail_batch(f, -EIO);
        fake_store_await_all(f);
        assert_int_equal(f->asked->status, -EIO);
        assert_int_equal(holder.failures, 1);
        assert_int_equal(holder.waiting_at_fail, 0);
        assert_answer(ask_read(f, "bob"), 0, "old");
        holder_stop(&holder);
    }
}

struct others {
    struct holder *holder;
    struct asked *change;
    struct asked *put;
    struct asked *read;
    struct asked *sync;
};

static void ask_others(struct asked *asked)
{
    struct others *others = asked->ctx;
    others->change = holder_change(others->holder, "9.");
    others->put = ask_put(asked->owner, "mia", "9");
    others->read = ask_read(asked->owner, others->holder->key);
    others->sync = ask_sync(asked->owner);
}

/* Whose memory has nothing of the batch, but of a change that was made in the failure's answers. */
static void holder__changes_in_done_of_another_key__keeps_what_is_durable(void **state)
{
    struct fake_store *f = *state;
    for (int clean = 0; clean < 2; clean++) {
        struct holder holder;
        struct others others = {.holder = &holder};
        assert_answer(ask_put(f, "bob", "old"), 0, "");
        holder_start(&holder, f, "bob");
        assert_answer(holder_change(&holder, "1."), 0, "");
        if (clean)
            assert_int_equal(fake_store_checkpoint(f), 0);
        hold_batch(f);
        struct asked *bad = ask_put(f, "eve", "1");
        bad->then = ask_others;
        bad->ctx = &others;
        fail_batch(f, -EIO);
        assert_answer(bad, -EIO, "");
        assert_answer(others.change, -EIO, "");
        assert_answer(others.put, -EIO, "");
        assert_answer(others.sync, -EIO, "");
        assert_answer(others.read, 0, "old1."); /* nothing that has failed */
        assert_int_equal(holder.failures, 1);
        assert_answer(ask_read(f, "bob"), 0, "old1.");
        assert_answer(ask_read(f, "mia"), ERR_NOT_FOUND, "");
        assert_int_equal(fake_store_checkpoint(f), 0);
        fake_disk_assert(&f->disk, "bob", "old1.");
        holder_stop(&holder);
    }
}

static void read_in_done(struct asked *asked)
{
    struct asked **read = asked->ctx;
    *read = ask_read(asked->owner, "bob");
}

static void read__in_done__what_is_durable(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    struct asked *read = NULL;
    holder_start(&holder, f, "bob");
    assert_answer(holder_change(&holder, "1."), 0, "");
    hold_batch(f);
    struct asked *bad = holder_change(&holder, "2.");
    bad->then = read_in_done;
    bad->ctx = &read;
    fail_batch(f, -EIO);
    assert_answer(bad, -EIO, "");
    assert_answer(read, 0, "1.");
    assert_int_equal(holder.failures, 1);
    holder_stop(&holder);
}

static void detach_in_done(struct asked *asked)
{
    struct holder *holder = asked->ctx;
    holder->waiting--;
    if (holder->attached)
        holder_detach(holder);
}

static void holder__detaches_in_done__what_failed_is_forgotten(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    assert_answer(holder_change(&holder, "1."), 0, "");
    hold_batch(f);
    struct asked *bad = holder_change(&holder, "2.");
    bad->then = detach_in_done;
    fail_batch(f, -EIO);
    assert_answer(bad, -EIO, "");
    assert_int_equal(holder.failures, 0);
    assert_answer(ask_read(f, "bob"), 0, "1.");
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", "1.");
    holder_stop(&holder);
}

static void put__conflict_then_the_batch_fails__told_once(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    assert_answer(holder_change(&holder, "1."), 0, "");
    hold_batch(f);
    holder_change(&holder, "2.");
    struct asked *put = ask_put(f, "bob", "new");
    fail_batch(f, -EIO);
    assert_answer(put, -EIO, "");
    assert_int_equal(holder.failures, 1);
    assert_int_equal(holder.failed_status, ERR_CONFLICT);
    assert_answer(ask_read(f, "bob"), 0, "1.");
    fake_store_await_all(f);
    holder_stop(&holder);
}

/* ---- what the value is ---- */

static void value__in_the_file_and_the_journal__both(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    assert_answer(ask_put(f, "bob", "old"), 0, "");
    holder_start(&holder, f, "bob");
    assert_answer(holder_change(&holder, "1."), 0, "");
    assert_int_equal(fake_store_checkpoint(f), 0);
    assert_answer(holder_change(&holder, "2."), 0, "");
    assert_answer(holder_change(&holder, "3."), 0, "");
    hold_batch(f);
    holder_change(&holder, "4.");
    fail_batch(f, -EIO);
    fake_store_await_all(f);
    assert_answer(ask_read(f, "bob"), 0, "old1.2.3.");
    holder_stop(&holder);
}

static void value__file_newer_than_the_journal__made_on_it_again(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    assert_answer(holder_change(&holder, "1."), 0, "");
    assert_answer(ask_put(f, "eve", "1"), 0, "");
    fake_disk_fail(&f->disk, FS_RENAME, "eve", 0, 1, -EIO); /* keeps the segment */
    assert_int_equal(fake_store_checkpoint(f), -EIO);
    fake_disk_assert(&f->disk, "bob", "1.");
    assert_answer(holder_change(&holder, "2."), 0, "");
    hold_batch(f);
    holder_change(&holder, "3.");
    fail_batch(f, -EIO);
    fake_store_await_all(f);
    assert_answer(ask_read(f, "bob"), 0, "1.2.");
    holder_stop(&holder);
}

static void value__put_deleted_or_none_before__as_it_was(void **state)
{
    struct fake_store *f = *state;
    fake_disk_put(&f->disk, "mia", "file");
    fake_disk_put(&f->disk, "ann", "file");
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    assert_answer(ask_put(f, "eve", "1"), 0, "");
    assert_answer(ask_delete(f, "eve"), 0, "");
    assert_answer(ask_delete(f, "ann"), 0, "");
    hold_batch(f);
    ask_put(f, "bob", "2");
    ask_delete(f, "bob");
    ask_put(f, "eve", "2");
    ask_put(f, "mia", "2");
    ask_put(f, "new", "2");
    ask_put(f, "ann", "2");
    fail_batch(f, -EIO);
    fake_store_await_all(f);
    assert_answer(ask_read(f, "bob"), 0, "1");
    assert_answer(ask_read(f, "eve"), ERR_NOT_FOUND, "");
    assert_answer(ask_read(f, "mia"), 0, "file");
    assert_answer(ask_read(f, "new"), ERR_NOT_FOUND, "");
    assert_answer(ask_read(f, "ann"), ERR_NOT_FOUND, "");
    assert_int_equal(fake_store_close(f), 0);
    fake_disk_assert(&f->disk, "bob", "1");
    fake_disk_assert(&f->disk, "mia", "file");
    assert_int_equal(fake_disk_entries(&f->disk, ""), 2);
}

/* "bob" has "1" in the journal and nowhere else, and the scan for it waits in its first read. */
static void begin_scan(struct fake_store *f)
{
    assert_answer(ask_put(f, "bob", "1"), 0, "");
    hold_batch(f);
    struct asked *bad = ask_put(f, "bob", "2");
    fake_store_await_held(f);
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -EIO);
    fake_disk_hold(&f->disk, FS_READ, ".journal-");
    assert_answer(bad, -EIO, "");
    fake_store_await_held(f);
}

static void scan__read_meanwhile__waits_for_it(void **state)
{
    struct fake_store *f = *state;
    begin_scan(f);
    struct asked *read = ask_read(f, "bob");
    struct asked *idle = ask_idle(f);
    fake_store_turn(f);
    assert_int_equal(read->count, 0);
    assert_false(store_is_idle(f->store));
    fake_disk_release(&f->disk);
    assert_answer(read, 0, "1");
    assert_answer(idle, 0, "");
}

static void scan__put_meanwhile__counts(void **state)
{
    struct fake_store *f = *state;
    begin_scan(f);
    struct asked *before = ask_read(f, "bob");
    struct asked *put = ask_put(f, "bob", "3");
    struct asked *read = ask_read(f, "bob");
    assert_answer(read, 0, "3");
    fake_disk_release(&f->disk);
    assert_answer(put, 0, "");
    fake_store_await(before); /* of the one or the other: the scan's time is over */
    assert_answer(ask_read(f, "bob"), 0, "3");
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", "3");
}

static void scan__another_batch_fails_meanwhile__scanned_again(void **state)
{
    struct fake_store *f = *state;
    begin_scan(f);
    struct asked *put = ask_put(f, "bob", "3");
    struct asked *read = ask_read(f, "bob");
    fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -EDQUOT);
    fake_disk_release(&f->disk);
    assert_answer(put, -EDQUOT, "");
    assert_answer(read, 0, "3"); /* had been given before */
    assert_answer(ask_read(f, "bob"), 0, "1");
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", "1");
}

static void scan__checkpoint_meanwhile__waits_for_it(void **state)
{
    struct fake_store *f = *state;
    begin_scan(f);
    struct asked *names = ask_names(f);
    fake_store_turn(f);
    assert_int_equal(names->count, 0);
    fake_disk_release(&f->disk);
    assert_answer(names, 0, NULL);
    assert_int_equal(names->value.size, 4);
    fake_disk_assert(&f->disk, "bob", "1");
}

static void scan__fails__error_until_it_can_be_done(void **state)
{
    static const struct {
        enum fs_call call;
        const char *name;
    } cases[] = {{FS_STAT, "persist"}, {FS_OPEN, ".journal-"}, {FS_READ, ".journal-"}};
    struct fake_store *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_answer(ask_put(f, "bob", "1"), 0, "");
        hold_batch(f);
        struct asked *bad = ask_put(f, "bob", "2");
        fake_store_await_held(f);
        fake_disk_fail(&f->disk, FS_FDATASYNC, ".journal-", 0, 1, -EIO);
        fake_disk_hold(&f->disk, cases[i].call, cases[i].name);
        assert_answer(bad, -EIO, "");
        fake_store_await_held(f);
        struct asked *read = ask_read(f, "bob");
        fake_disk_fail(&f->disk, cases[i].call, cases[i].name, 0, 2, -ENOSPC);
        fake_disk_release(&f->disk);
        assert_answer(read, -ENOSPC, "");
        assert_answer(ask_read(f, "bob"), -ENOSPC, "");
        fake_disk_heal(&f->disk);
        assert_answer(ask_read(f, "bob"), 0, "1");
        assert_int_equal(fake_store_checkpoint(f), 0);
        fake_disk_assert(&f->disk, "bob", "1");
    }
}

/* Nobody reads it: a checkpoint finds it out. */
static void scan__fails__the_next_checkpoint_tries_again(void **state)
{
    struct fake_store *f = *state;
    begin_scan(f);
    fake_disk_fail(&f->disk, FS_READ, ".journal-", 0, 2, -ENOSPC);
    fake_disk_release(&f->disk);
    assert_answer(ask_idle(f), 0, "");
    assert_int_equal(fake_store_checkpoint(f), -ENOSPC);
    assert_int_equal(fake_disk_entries(&f->disk, ".journal-"), 1);
    assert_int_equal(fake_store_checkpoint(f), 0);
    fake_disk_assert(&f->disk, "bob", "1");
    assert_int_equal(fake_disk_entries(&f->disk, ".journal-"), 0);
}

static void scan__value_in_the_file_unreadable__error_and_left_alone(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    fake_disk_put(&f->disk, "bob", "old");
    holder_start(&holder, f, "bob");
    assert_answer(holder_change(&holder, "1."), 0, "");
    fake_disk_put(&f->disk, "bob", ""); /* somebody has emptied it */
    hold_batch(f);
    holder_change(&holder, "2.");
    fail_batch(f, -EIO);
    fake_store_await_all(f);
    assert_answer(ask_read(f, "bob"), ERR_CORRUPT, "");
    fake_disk_put(&f->disk, "bob", "old");
    assert_answer(ask_read(f, "bob"), 0, "old1.");
    holder_stop(&holder);
}

static void scan__fold_fails__its_error(void **state)
{
    struct fake_store *f = *state;
    struct holder holder;
    holder_start(&holder, f, "bob");
    assert_answer(holder_change(&holder, "1."), 0, "");
    assert_answer(holder_change(&holder, "!"), 0, "");
    hold_batch(f);
    holder_change(&holder, "2.");
    fail_batch(f, -EIO);
    fake_store_await_all(f);
    assert_answer(ask_read(f, "bob"), ERR_BADARG, "");
    assert_answer(ask_put(f, "bob", "new"), 0, "");
    assert_answer(ask_read(f, "bob"), 0, "new");
    holder_stop(&holder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(holder__its_changes_fail__requests_answered_then_told_once),
        TEST(holder__nothing_of_it_in_the_batch__not_told),
        cmocka_unit_test(holder__of_another_worker__not_told),
        TEST(holder__changes_in_done__fails_too),
        TEST(holder__changes_in_done_of_another_key__keeps_what_is_durable),
        TEST(read__in_done__what_is_durable),
        TEST(holder__detaches_in_done__what_failed_is_forgotten),
        TEST(put__conflict_then_the_batch_fails__told_once),
        TEST(value__in_the_file_and_the_journal__both),
        TEST(value__file_newer_than_the_journal__made_on_it_again),
        TEST(value__put_deleted_or_none_before__as_it_was),
        TEST(scan__read_meanwhile__waits_for_it),
        TEST(scan__put_meanwhile__counts),
        TEST(scan__another_batch_fails_meanwhile__scanned_again),
        TEST(scan__checkpoint_meanwhile__waits_for_it),
        TEST(scan__fails__error_until_it_can_be_done),
        TEST(scan__fails__the_next_checkpoint_tries_again),
        TEST(scan__value_in_the_file_unreadable__error_and_left_alone),
        TEST(scan__fold_fails__its_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
