#include "unit.h"

#include "runtime/blob.h"

static void blob_new__bytes__copies_them(void **state)
{
    char bytes[] = "reason";
    struct blob *blob = blob_new(slice_of_text(bytes));
    bytes[0] = 'X';
    assert_true(slice_equal(blob_slice(blob), slice_of_text("reason")));
    assert_int_equal(blob->references, 1);
    blob_drop(blob);
}

static void blob_new__no_bytes__is_empty(void **state)
{
    struct blob *blob = blob_new(slice_of(NULL, 0));
    assert_int_equal(blob_slice(blob).size, 0);
    blob_drop(blob);
}

static void blob_drop__held_twice__lives_until_the_last(void **state)
{
    struct blob *blob = blob_new(slice_of_text("shared"));
    assert_ptr_equal(blob_hold(blob), blob);
    blob_drop(blob);
    assert_true(slice_equal(blob_slice(blob), slice_of_text("shared")));
    blob_drop(blob);
}

static void blob_drop__null__does_nothing(void **state)
{
    blob_drop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blob_new__bytes__copies_them),
        cmocka_unit_test(blob_new__no_bytes__is_empty),
        cmocka_unit_test(blob_drop__held_twice__lives_until_the_last),
        cmocka_unit_test(blob_drop__null__does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
