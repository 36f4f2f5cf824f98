#include "runtime/fake_peer.h"

#include "base/error.h"
#include "runtime/registry.h"

#include <stdio.h>

static int add(struct process *process, const char *name)
{
    return registry_add(process, slice_of_text(name));
}

static struct process *find(struct fake *f, const char *name)
{
    return registry_find(&f->node, slice_of_text(name));
}

static void registry_add__free_name__is_found(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    assert_int_equal(add(process, "todo_cache"), 0);
    assert_ptr_equal(find(f, "todo_cache"), process);
    assert_null(find(f, "todo_cach"));
    assert_null(find(f, ""));
    assert_true(slice_equal(registry_name(process), slice_of_text("todo_cache")));
}

static void registry_add__taken_or_named__exists(void **state)
{
    struct fake *f = *state;
    struct process *first = fake_probe(f), *second = fake_probe(f);
    assert_int_equal(add(first, "name"), 0);
    assert_int_equal(add(second, "name"), ERR_EXISTS);
    assert_int_equal(add(first, "other"), ERR_EXISTS);
    assert_null(find(f, "other"));
    assert_int_equal(registry_name(second).size, 0);
    assert_ptr_equal(find(f, "name"), first);
}

static void registry_remove__named__name_is_free(void **state)
{
    struct fake *f = *state;
    struct process *first = fake_probe(f), *second = fake_probe(f);
    registry_remove(first);
    assert_int_equal(add(first, "name"), 0);
    registry_remove(second);
    registry_remove(first);
    registry_remove(first);
    assert_null(find(f, "name"));
    assert_int_equal(add(second, "name"), 0);
    assert_int_equal(add(first, "other"), 0);
}

static void registry__process_ends__name_is_free(void **state)
{
    struct fake *f = *state;
    assert_int_equal(add(fake_probe(f), "name"), 0);
    fake_exit(fake_process(f, 1), "over");
    assert_null(find(f, "name"));
    assert_int_equal(add(fake_probe(f), "name"), 0);
}

static struct process *find_atom(struct fake *f, const char *bytes, size_t size)
{
    return registry_find_atom(&f->node, slice_of(bytes, size));
}

static void registry_find_atom__each_form_of_an_atom__finds_the_name(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    assert_int_equal(add(process, "\xc3\xa9t\xc3\xa9"), 0); /* ete with accents, in UTF-8 */
    assert_ptr_equal(find_atom(f, "w\x05\xc3\xa9t\xc3\xa9", 7), process);
    assert_ptr_equal(find_atom(f, "v\x00\x05\xc3\xa9t\xc3\xa9", 8), process);
    assert_ptr_equal(find_atom(f, "s\x03\xe9t\xe9", 5), process);
    assert_ptr_equal(find_atom(f, "d\x00\x03\xe9t\xe9", 6), process);
    assert_null(find_atom(f,
                          "w\x03"
                          "abc",
                          5));
    assert_null(find_atom(f, "a\x07", 2));
}

static void registry_add__too_many__is_refused(void **state)
{
    static const struct process_type type = {.module = "named", .size = sizeof(struct process)};
    struct fake *f = *state;
    char name[32];
    for (int i = 0; i < REGISTRY_NAMES_MAX; i++) {
        snprintf(name, sizeof name, "name_%d", i);
        assert_int_equal(add(process_new(&f->node, &type), name), 0);
    }
    assert_int_equal(add(fake_probe(f), "one_more"), ERR_TOO_LARGE);
    registry_remove(find(f, "name_0"));
    assert_int_equal(add(fake_process(f, 1), "one_more"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(registry_add__free_name__is_found),
        FAKE_TEST(registry_add__taken_or_named__exists),
        FAKE_TEST(registry_remove__named__name_is_free),
        FAKE_TEST(registry__process_ends__name_is_free),
        FAKE_TEST(registry_find_atom__each_form_of_an_atom__finds_the_name),
        FAKE_TEST(registry_add__too_many__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
