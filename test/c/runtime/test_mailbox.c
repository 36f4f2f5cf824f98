#include "unit.h"

#include "runtime/mailbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const struct slice none;

static void push(struct mailbox **mailbox, const char *message)
{
    mailbox_push(mailbox, slice_of_text(message), none, NULL);
}

static void expect_next(struct mailbox *mailbox, const char *message)
{
    struct slice next, token;
    assert_true(mailbox_peek(mailbox, &next, &token));
    assert_true(slice_equal(next, slice_of_text(message)));
}

static void expect_none(struct mailbox *mailbox)
{
    struct slice next, token;
    assert_false(mailbox_has_next(mailbox));
    assert_false(mailbox_peek(mailbox, &next, &token));
}

static void take(struct mailbox **mailbox, const char *message)
{
    expect_next(*mailbox, message);
    mailbox_take(mailbox);
}

static void leave(struct mailbox *mailbox, const char *message)
{
    expect_next(mailbox, message);
    mailbox_leave(mailbox);
}

static void mailbox__null__is_empty(void **state)
{
    struct mailbox *mailbox = NULL;
    expect_none(mailbox);
    assert_int_equal(mailbox_length(mailbox), 0);
    assert_int_equal(mailbox_bytes(mailbox), 0);
    mailbox_rescan(mailbox);
    mailbox_free(&mailbox);
}

static void mailbox_take__several__gives_them_in_order(void **state)
{
    struct mailbox *mailbox = NULL;
    push(&mailbox, "a");
    push(&mailbox, "bb");
    push(&mailbox, "ccc");
    assert_int_equal(mailbox_length(mailbox), 3);
    assert_int_equal(mailbox_bytes(mailbox), 6);
    take(&mailbox, "a");
    take(&mailbox, "bb");
    assert_int_equal(mailbox_length(mailbox), 1);
    assert_int_equal(mailbox_bytes(mailbox), 3);
    push(&mailbox, "d");
    take(&mailbox, "ccc");
    take(&mailbox, "d");
    assert_null(mailbox);
}

static void mailbox_leave__then_push__offers_only_what_is_new(void **state)
{
    struct mailbox *mailbox = NULL;
    push(&mailbox, "left");
    leave(mailbox, "left");
    expect_none(mailbox);
    push(&mailbox, "new");
    take(&mailbox, "new");
    expect_none(mailbox);
    assert_int_equal(mailbox_length(mailbox), 1);
    mailbox_free(&mailbox);
    assert_null(mailbox);
}

static void mailbox_rescan__left_messages__come_first_again(void **state)
{
    struct mailbox *mailbox = NULL;
    push(&mailbox, "a");
    push(&mailbox, "b");
    push(&mailbox, "c");
    leave(mailbox, "a");
    take(&mailbox, "b");
    mailbox_rescan(mailbox);
    take(&mailbox, "a");
    take(&mailbox, "c");
    assert_null(mailbox);
}

static void mailbox_take__last_behind_left_ones__push_still_appends(void **state)
{
    struct mailbox *mailbox = NULL;
    push(&mailbox, "a");
    push(&mailbox, "b");
    push(&mailbox, "c");
    leave(mailbox, "a");
    leave(mailbox, "b");
    take(&mailbox, "c");
    push(&mailbox, "d");
    mailbox_rescan(mailbox);
    leave(mailbox, "a");
    leave(mailbox, "b");
    leave(mailbox, "d");
    expect_none(mailbox);
    mailbox_free(&mailbox);
}

static void mailbox_keep__empty__is_left(void **state)
{
    struct mailbox *mailbox = NULL;
    mailbox_keep(&mailbox, slice_of_text("kept"), none, NULL);
    expect_none(mailbox);
    assert_int_equal(mailbox_length(mailbox), 1);
    push(&mailbox, "new");
    expect_next(mailbox, "new");
    mailbox_rescan(mailbox);
    take(&mailbox, "kept");
    take(&mailbox, "new");
    assert_null(mailbox);
}

static void mailbox_keep__between_left_and_new__stands_there(void **state)
{
    struct mailbox *mailbox = NULL;
    push(&mailbox, "left");
    leave(mailbox, "left");
    push(&mailbox, "new");
    mailbox_keep(&mailbox, slice_of_text("kept"), none, NULL);
    expect_next(mailbox, "new");
    mailbox_rescan(mailbox);
    take(&mailbox, "left");
    take(&mailbox, "kept");
    take(&mailbox, "new");
    assert_null(mailbox);
}

static void mailbox_peek__with_a_token__gives_both(void **state)
{
    struct mailbox *mailbox = NULL;
    struct slice next, token;
    mailbox_push(&mailbox, slice_of_text("message"), slice_of_text("token"), NULL);
    mailbox_push(&mailbox, slice_of_text("plain"), none, NULL);
    assert_true(mailbox_peek(mailbox, &next, &token));
    assert_true(slice_equal(next, slice_of_text("message")));
    assert_true(slice_equal(token, slice_of_text("token")));
    assert_int_equal(mailbox_bytes(mailbox), 12);
    mailbox_take(&mailbox);
    assert_true(mailbox_peek(mailbox, &next, &token));
    assert_int_equal(token.size, 0);
    mailbox_free(&mailbox);
}

static void mailbox_cancel__before_behind_and_at_the_cursor__others_stay(void **state)
{
    struct mailbox *mailbox = NULL;
    struct message *left = NULL, *next = NULL, *last = NULL;
    push(&mailbox, "left");
    expect_next(mailbox, "left");
    message_hold(mailbox_leave(mailbox), &left);
    message_hold(mailbox_push(&mailbox, slice_of_text("next"), none, NULL), &next);
    push(&mailbox, "stays");
    message_hold(mailbox_push(&mailbox, slice_of_text("last"), none, NULL), &last);
    mailbox_cancel(&mailbox, left);
    mailbox_cancel(&mailbox, next);
    mailbox_cancel(&mailbox, last);
    assert_null(left);
    assert_null(next);
    assert_null(last);
    push(&mailbox, "new");
    take(&mailbox, "stays");
    take(&mailbox, "new");
    assert_null(mailbox);
}

static void message_hold__ends__when_it_is_offered_or_goes(void **state)
{
    struct mailbox *mailbox = NULL;
    struct message *offered = NULL, *freed = NULL;
    message_hold(mailbox_push(&mailbox, slice_of_text("a"), none, NULL), &offered);
    message_hold(mailbox_push(&mailbox, slice_of_text("b"), none, NULL), &freed);
    expect_next(mailbox, "a");
    assert_null(offered);
    assert_non_null(freed);
    mailbox_free(&mailbox);
    assert_null(freed);
}

static void mailbox_cancel__the_only_one__frees_it(void **state)
{
    struct mailbox *mailbox = NULL;
    struct message *held = NULL;
    message_hold(mailbox_push(&mailbox, slice_of_text("a"), none, NULL), &held);
    mailbox_cancel(&mailbox, held);
    assert_null(mailbox);
}

/* The same operations on an array that is obviously right. */
struct model {
    unsigned items[512];
    unsigned length;
    unsigned cursor;
};

static void model_insert(struct model *model, unsigned at, unsigned item)
{
    memmove(&model->items[at + 1], &model->items[at], (model->length - at) * sizeof *model->items);
    model->items[at] = item;
    model->length++;
}

static void model_remove(struct model *model, unsigned at)
{
    model->length--;
    memmove(&model->items[at], &model->items[at + 1], (model->length - at) * sizeof *model->items);
}

enum { HOLDERS = 32768 };

static void random_step(struct mailbox **mailbox, struct model *model, struct message **holders,
                        unsigned item)
{
    struct slice next, token;
    unsigned choice = (unsigned)rand() % 9;
    if (choice < 3 && item / 256 % 2 == 0)
        choice = 6; /* filled and emptied in turn */
    if (choice == 4 && rand() % 16 > 0)
        choice = 5; /* so that the cursor comes to the end */
    bool unread = mailbox_peek(*mailbox, &next, &token);
    assert_int_equal(unread, model->cursor < model->length);
    if (unread) {
        assert_memory_equal(next.data, &model->items[model->cursor], sizeof item);
        assert_null(holders[model->items[model->cursor]]);
    }
    if (choice < 3 && model->length < 500) {
        message_hold(mailbox_push(mailbox, slice_of(&item, sizeof item), none, NULL), &holders[item]);
        model_insert(model, model->length, item);
    } else if (choice == 3 && model->length < 500) {
        message_hold(mailbox_keep(mailbox, slice_of(&item, sizeof item), none, NULL), &holders[item]);
        model_insert(model, model->cursor++, item);
    } else if (choice == 4) {
        mailbox_rescan(*mailbox);
        model->cursor = 0;
    } else if (choice == 5 && unread) {
        mailbox_leave(*mailbox);
        model->cursor++;
    } else if (choice == 8 && model->length > 0) {
        unsigned at = (unsigned)rand() % model->length;
        struct message *held = holders[model->items[at]];
        if (held == NULL)
            return;
        mailbox_cancel(mailbox, held);
        model_remove(model, at);
        model->cursor -= at < model->cursor;
    } else if (unread) {
        mailbox_take(mailbox);
        model_remove(model, model->cursor);
    }
    assert_int_equal(mailbox_length(*mailbox), model->length);
    assert_int_equal(mailbox_bytes(*mailbox), model->length * sizeof item);
}

static void mailbox__random_operations__as_a_plain_array(void **state)
{
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    struct mailbox *mailbox = NULL;
    struct model model = {.length = 0};
    struct message **holders = calloc(HOLDERS, sizeof *holders);
    for (unsigned i = 0; i < HOLDERS; i++)
        random_step(&mailbox, &model, holders, i);
    mailbox_free(&mailbox);
    free(holders);
}

/* ---- what messages cost */

static void cost__each_operation__unread_and_left_add_up(void **state)
{
    struct mailbox *mailbox = NULL;
    size_t sum = 0;
    struct message *held = NULL;
    mailbox_push(&mailbox, slice_of_text("a"), none, &sum);
    size_t of_a = sum;
    assert_true(of_a > 1);
    message_hold(mailbox_push(&mailbox, slice_of_text("bb"), slice_of_text("ttt"), &sum), &held);
    assert_int_equal(sum, 2 * of_a + 4);
    assert_int_equal(mailbox_unread(mailbox), sum);
    leave(mailbox, "a");
    assert_int_equal(sum, of_a + 4);
    assert_int_equal(mailbox_left(mailbox), of_a);
    mailbox_keep(&mailbox, slice_of_text("k"), none, &sum);
    assert_int_equal(mailbox_left(mailbox), 2 * of_a);
    assert_int_equal(mailbox_unread(mailbox), sum);
    mailbox_rescan(mailbox);
    assert_int_equal(mailbox_left(mailbox), 0);
    assert_int_equal(sum, 3 * of_a + 4);
    take(&mailbox, "a");
    assert_int_equal(sum, 2 * of_a + 4);
    mailbox_cancel(&mailbox, held);
    assert_int_equal(sum, of_a);
    leave(mailbox, "k");
    assert_int_equal(sum, 0);
    mailbox_push(&mailbox, slice_of_text("z"), none, &sum);
    mailbox_free(&mailbox);
    assert_int_equal(sum, 0);
    assert_int_equal(mailbox_unread(NULL) + mailbox_left(NULL), 0);
}

static void cost__left_is_cancelled__is_not_left_any_more(void **state)
{
    struct mailbox *mailbox = NULL;
    struct message *held = NULL;
    size_t sum = 0;
    mailbox_push(&mailbox, slice_of_text("a"), none, &sum);
    message_hold(mailbox_keep(&mailbox, slice_of_text("kept"), none, &sum), &held);
    mailbox_cancel(&mailbox, held);
    assert_int_equal(mailbox_left(mailbox), 0);
    assert_int_equal(mailbox_unread(mailbox), sum);
    mailbox_free(&mailbox);
}

static void next_sender__each_message__is_who_was_set(void **state)
{
    struct mailbox *mailbox = NULL;
    struct slice term = slice_of_text("m"), token;
    assert_int_equal(mailbox_next_sender(NULL), 0);
    struct message *message = mailbox_push(&mailbox, term, slice_of(NULL, 0), NULL);
    mailbox_set_sender(mailbox, message, 7);
    mailbox_push(&mailbox, term, slice_of(NULL, 0), NULL);
    assert_int_equal(mailbox_next_sender(mailbox), 7);
    assert_true(mailbox_peek(mailbox, &term, &token));
    mailbox_leave(mailbox);
    assert_int_equal(mailbox_next_sender(mailbox), 0);
    assert_true(mailbox_peek(mailbox, &term, &token));
    mailbox_leave(mailbox);
    assert_int_equal(mailbox_next_sender(mailbox), 0);
    mailbox_rescan(mailbox);
    assert_int_equal(mailbox_next_sender(mailbox), 7);
    mailbox_free(&mailbox);
}

static void mostly_of__some_taken_and_some_cancelled__who_has_most_of_the_rest(void **state)
{
    struct mailbox *mailbox = NULL;
    struct message *held = NULL;
    struct slice term = slice_of_text("m"), token;
    const uint32_t senders[] = {1, 2, 2, 3, 0};
    for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++) {
        struct message *message = mailbox_push(&mailbox, term, slice_of(NULL, 0), NULL);
        mailbox_set_sender(mailbox, message, senders[i]);
        if (senders[i] == 3)
            message_hold(message, &held);
    }
    assert_true(mailbox_is_mostly_of(mailbox, 2));
    assert_false(mailbox_is_mostly_of(mailbox, 1));
    assert_false(mailbox_is_mostly_of(mailbox, 4));
    for (int i = 0; i < 2; i++) {
        assert_true(mailbox_peek(mailbox, &term, &token));
        mailbox_take(&mailbox);
    }
    assert_true(mailbox_is_mostly_of(mailbox, 3)); /* as much as 2 and 0 */
    assert_false(mailbox_is_mostly_of(mailbox, 1));
    mailbox_cancel(&mailbox, held);
    assert_false(mailbox_is_mostly_of(mailbox, 3));
    assert_true(mailbox_is_mostly_of(mailbox, 2));
    mailbox_free(&mailbox);
}

static void sum__changed__has_what_is_unread(void **state)
{
    struct mailbox *mailbox = NULL;
    size_t one = 100, two = 0;
    mailbox_sum(mailbox, &one);
    mailbox_push(&mailbox, slice_of_text("a"), none, NULL);
    mailbox_sum(mailbox, &one);
    assert_int_equal(one, 100 + mailbox_unread(mailbox));
    mailbox_sum(mailbox, &two);
    assert_int_equal(one, 100);
    assert_int_equal(two, mailbox_unread(mailbox));
    mailbox_sum(mailbox, NULL);
    assert_int_equal(two, 0);
    take(&mailbox, "a");
    assert_int_equal(two, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mailbox__null__is_empty),
        cmocka_unit_test(mailbox_take__several__gives_them_in_order),
        cmocka_unit_test(mailbox_leave__then_push__offers_only_what_is_new),
        cmocka_unit_test(mailbox_rescan__left_messages__come_first_again),
        cmocka_unit_test(mailbox_take__last_behind_left_ones__push_still_appends),
        cmocka_unit_test(mailbox_keep__empty__is_left),
        cmocka_unit_test(mailbox_keep__between_left_and_new__stands_there),
        cmocka_unit_test(mailbox_peek__with_a_token__gives_both),
        cmocka_unit_test(mailbox_cancel__before_behind_and_at_the_cursor__others_stay),
        cmocka_unit_test(message_hold__ends__when_it_is_offered_or_goes),
        cmocka_unit_test(mailbox_cancel__the_only_one__frees_it),
        cmocka_unit_test(mailbox__random_operations__as_a_plain_array),
        cmocka_unit_test(cost__each_operation__unread_and_left_add_up),
        cmocka_unit_test(cost__left_is_cancelled__is_not_left_any_more),
        cmocka_unit_test(next_sender__each_message__is_who_was_set),
        cmocka_unit_test(mostly_of__some_taken_and_some_cancelled__who_has_most_of_the_rest),
        cmocka_unit_test(sum__changed__has_what_is_unread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
