/* Calls that wait in mailboxes, found by their alias. */
#include "runtime/fake_peer.h"

#include "runtime/mailbox.h"
#include "runtime/waiting.h"

/* A message that waits for a paused process, and can be cancelled by that alias. */
static struct message *wait_for(struct fake *f, struct process *process, const char *alias, const char *text)
{
    struct buf term = BUF_EMPTY, memory = BUF_EMPTY;
    struct ref ref = fake_ref(&memory, alias);
    fake_write(&term, text);
    struct message *message = mailbox_push(&process->mailbox, buf_slice(&term), slice_of(NULL, 0), NULL);
    waiting_hold(f->a.peer, &ref, process, message);
    buf_release(&term);
    buf_release(&memory);
    return message;
}

static void cancel(struct fake *f, const char *alias)
{
    struct buf memory = BUF_EMPTY;
    struct ref ref = fake_ref(&memory, alias);
    waiting_cancel(f->a.peer, &ref);
    buf_release(&memory);
}

static struct process *paused(struct fake *f)
{
    struct process *process = fake_probe(f);
    process_pause(process);
    return process;
}

static void offer_all(struct fake *f, struct process *process, const char *messages)
{
    process_resume(process);
    fake_expect(f, 1, messages);
    process_pause(process);
}

static unsigned records(struct fake *f)
{
    return f->a.peer->waiting_by_alias.count;
}

static void waiting_cancel__waits__goes(void **state)
{
    struct fake *f = *state;
    struct process *process = paused(f);
    wait_for(f, process, "#a.1", "one");
    wait_for(f, process, "#a.2", "two");
    wait_for(f, process, "#a.3", "three");
    cancel(f, "#a.2");
    assert_int_equal(f->node.cancelled, 1);
    offer_all(f, process, "one three");
    cancel(f, "#a.1");
    cancel(f, "#a.2");
    cancel(f, "#a.9");
    assert_int_equal(f->node.cancelled, 1);
}

static void waiting_cancel__last_message__mailbox_is_empty(void **state)
{
    struct fake *f = *state;
    struct process *process = paused(f);
    wait_for(f, process, "#a.1", "one");
    cancel(f, "#a.1");
    assert_null(process->mailbox);
    assert_int_equal(records(f), 0);
}

static void waiting_hold__alias_in_use__the_first_is_held(void **state)
{
    struct fake *f = *state;
    struct process *process = paused(f);
    wait_for(f, process, "#a.1", "one");
    wait_for(f, process, "#a.1", "two");
    cancel(f, "#a.1");
    cancel(f, "#a.1");
    offer_all(f, process, "two");
}

static void waiting_hold__same_alias_after_the_offer__can_be_cancelled_again(void **state)
{
    struct fake *f = *state;
    struct process *process = paused(f);
    wait_for(f, process, "#a.1", "one");
    offer_all(f, process, "one");
    wait_for(f, process, "#a.1", "two");
    cancel(f, "#a.1");
    offer_all(f, process, "");
}

static void waiting_hold__many_were_offered__few_records_stay(void **state)
{
    struct fake *f = *state;
    struct process *process = paused(f);
    struct process *stuck = paused(f);
    wait_for(f, stuck, "#a.1.1", "stuck");
    for (unsigned i = 0; i < 10000; i++) {
        char alias[32];
        snprintf(alias, sizeof alias, "#a.%u", i);
        wait_for(f, process, alias, "m");
        if (i % 10 == 9) {
            mailbox_free(&process->mailbox);
            assert_true(records(f) < 32);
        }
    }
    cancel(f, "#a.1.1");
    assert_null(stuck->mailbox);
}

static void waiting_peer_down__all_of_that_peer_go(void **state)
{
    struct fake *f = *state;
    struct process *process = paused(f);
    wait_for(f, process, "#a.1", "one");
    wait_for(f, process, "#a.2", "two");
    fake_post(process, "three");
    fake_down(&f->a);
    assert_int_equal(f->node.cancelled, 2);
    offer_all(f, process, "three");
}

static void waiting_peer_down__process_has_ended__nothing_happens(void **state)
{
    struct fake *f = *state;
    struct process *process = paused(f);
    wait_for(f, process, "#a.1", "one");
    fake_exit(process, "over");
    cancel(f, "#a.1");
    fake_down(&f->a);
    assert_int_equal(f->node.cancelled, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(waiting_cancel__waits__goes),
        FAKE_TEST(waiting_cancel__last_message__mailbox_is_empty),
        FAKE_TEST(waiting_hold__alias_in_use__the_first_is_held),
        FAKE_TEST(waiting_hold__same_alias_after_the_offer__can_be_cancelled_again),
        FAKE_TEST(waiting_hold__many_were_offered__few_records_stay),
        FAKE_TEST(waiting_peer_down__all_of_that_peer_go),
        FAKE_TEST(waiting_peer_down__process_has_ended__nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
