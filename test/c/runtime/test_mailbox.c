#include "unit.h"

#include "runtime/mailbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void push(struct mailbox **mailbox, const char *message)
{
    mailbox_push(mailbox, slice_of_text(message));
}

static void expect_next(struct mailbox *mailbox, const char *message)
{
    struct slice next;
    assert_true(mailbox_peek(mailbox, &next));
    assert_true(slice_equal(next, slice_of_text(message)));
}

static void expect_none(struct mailbox *mailbox)
{
    struct slice next;
    assert_false(mailbox_peek(mailbox, &next));
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
    mailbox_keep(&mailbox, slice_of_text("kept"));
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
    mailbox_keep(&mailbox, slice_of_text("kept"));
    expect_next(mailbox, "new");
    mailbox_rescan(mailbox);
    take(&mailbox, "left");
    take(&mailbox, "kept");
    take(&mailbox, "new");
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

static void random_step(struct mailbox **mailbox, struct model *model, unsigned item)
{
    struct slice next;
    unsigned choice = (unsigned)rand() % 8;
    if (choice < 3 && item / 256 % 2 == 0)
        choice = 6; /* filled and emptied in turn */
    if (choice == 4 && rand() % 16 > 0)
        choice = 5; /* so that the cursor comes to the end */
    bool unread = mailbox_peek(*mailbox, &next);
    assert_int_equal(unread, model->cursor < model->length);
    if (unread)
        assert_memory_equal(next.data, &model->items[model->cursor], sizeof item);
    if (choice < 3 && model->length < 500) {
        mailbox_push(mailbox, slice_of(&item, sizeof item));
        model_insert(model, model->length, item);
    } else if (choice == 3 && model->length < 500) {
        mailbox_keep(mailbox, slice_of(&item, sizeof item));
        model_insert(model, model->cursor++, item);
    } else if (choice == 4) {
        mailbox_rescan(*mailbox);
        model->cursor = 0;
    } else if (choice == 5 && unread) {
        mailbox_leave(*mailbox);
        model->cursor++;
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
    for (unsigned i = 0; i < 20000; i++)
        random_step(&mailbox, &model, i);
    mailbox_free(&mailbox);
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
        cmocka_unit_test(mailbox__random_operations__as_a_plain_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
