/* Pids and references: every form is read, the newest is written. */
#include "wire/pid.h"

#include "terms.h"
#include "terms_corpus.h"

static void pid_read__new_pid__all_parts(void **state)
{
    struct pid pid;
    struct slice cursor = TERM(88, NODE, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0, 3, 106);
    assert_true(pid_read(&cursor, &pid));
    assert_bytes_equal(pid.node, TERM(NODE));
    assert_int_equal(pid.id, 1);
    assert_int_equal(pid.serial, 2);
    assert_int_equal(pid.creation, 0x1000003);
    assert_bytes_equal(cursor, TERM(106));
}

static void pid_read__old_pid__creation_of_one_byte(void **state)
{
    struct pid pid;
    struct slice cursor = terms_valid(TERM(103, 100, 0, 1, 'n', 0, 0, 0, 1, 0, 0, 0, 2, 3));
    assert_true(pid_read(&cursor, &pid));
    assert_bytes_equal(pid.node, TERM(100, 0, 1, 'n'));
    assert_int_equal(pid.serial, 2);
    assert_int_equal(pid.creation, 3);
    assert_int_equal(cursor.size, 0);
}

static void pid_read__something_else__false_and_nothing_moves(void **state)
{
    struct pid pid;
    struct ref ref;
    const struct slice reference = TERM(90, 0, 1, NODE, 0, 0, 0, 2, 0, 0, 0, 1);
    struct slice cursor = reference;
    assert_false(pid_read(&cursor, &pid));
    assert_ptr_equal(cursor.data, reference.data);
    cursor = TERM(88, NODE, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3);
    assert_false(ref_read(&cursor, &ref));
    cursor = slice_of(NULL, 0);
    assert_false(pid_read(&cursor, &pid) || ref_read(&cursor, &ref));
}

static void ref_read__newer_reference__words_in_wire_order(void **state)
{
    struct ref ref;
    struct slice cursor =
        TERM(90, 0, 5, NODE, 1, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 106);
    assert_true(ref_read(&cursor, &ref));
    assert_bytes_equal(ref.node, TERM(NODE));
    assert_int_equal(ref.creation, 0x1000002);
    assert_int_equal(ref.words, 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(ref.word[i], i + 1);
    assert_bytes_equal(cursor, TERM(106));
}

static void ref_read__older_forms__rest_of_the_words_0(void **state)
{
    struct ref ref;
    struct slice cursor = terms_valid(TERM(114, 0, 2, NODE, 3, 0, 3, 255, 255, 9, 9, 9, 9));
    assert_true(ref_read(&cursor, &ref));
    assert_int_equal(ref.creation, 3);
    assert_int_equal(ref.words, 2);
    assert_int_equal(ref.word[0], 0x3ffff);
    assert_int_equal(ref.word[1], 0x09090909);
    assert_int_equal(ref.word[2], 0);
    assert_int_equal(cursor.size, 0);
    cursor = terms_valid(TERM(101, NODE, 0, 0, 1, 2, 1));
    assert_true(ref_read(&cursor, &ref));
    assert_int_equal(ref.creation, 1);
    assert_int_equal(ref.words, 1);
    assert_int_equal(ref.word[0], 0x102);
    assert_int_equal(cursor.size, 0);
}

static void write__what_was_read__same_bytes(void **state)
{
    const struct slice pid_bytes = TERM(88, NODE, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0, 3);
    const struct slice ref_bytes = TERM(90, 0, 2, NODE, 1, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2);
    struct pid pid;
    struct ref ref;
    struct buf out = BUF_EMPTY;
    struct slice cursor = pid_bytes;
    assert_true(pid_read(&cursor, &pid));
    pid_write(&out, &pid);
    assert_bytes_equal(buf_slice(&out), pid_bytes);
    buf_clear(&out);
    cursor = ref_bytes;
    assert_true(ref_read(&cursor, &ref));
    ref_write(&out, &ref);
    assert_bytes_equal(buf_slice(&out), ref_bytes);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pid_read__new_pid__all_parts),
        cmocka_unit_test(pid_read__old_pid__creation_of_one_byte),
        cmocka_unit_test(pid_read__something_else__false_and_nothing_moves),
        cmocka_unit_test(ref_read__newer_reference__words_in_wire_order),
        cmocka_unit_test(ref_read__older_forms__rest_of_the_words_0),
        cmocka_unit_test(write__what_was_read__same_bytes),
    };
    return cmocka_run_group_tests_name("pid", tests, NULL, NULL);
}
