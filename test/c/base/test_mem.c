/* Heap memory that is there or ends the program. */
#include "base/mem.h"

#include "unit.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void alloc__any_size_and_none__is_usable(void **state)
{
    for (size_t size = 0; size < 100; size++) {
        uint8_t *bytes = mem_alloc(size);
        assert_non_null(bytes);
        memset(bytes, 0xff, size);
        mem_free(bytes);
    }
    mem_free(NULL);
}

static void zalloc__is_zero(void **state)
{
    static const uint8_t zeroes[1000];
    uint8_t *bytes = mem_zalloc(sizeof zeroes);
    assert_memory_equal(bytes, zeroes, sizeof zeroes);
    mem_free(bytes);
    mem_free(mem_zalloc(0));
}

static void realloc__larger_and_smaller__keeps_the_bytes(void **state)
{
    uint8_t *bytes = mem_realloc(NULL, 3);
    memcpy(bytes, "abc", 3);
    bytes = mem_realloc(bytes, 10000);
    assert_memory_equal(bytes, "abc", 3);
    bytes = mem_realloc(bytes, 2);
    assert_memory_equal(bytes, "ab", 2);
    bytes = mem_realloc(bytes, 0);
    assert_non_null(bytes);
    mem_free(bytes);
}

static void dup__is_a_copy_of_its_own(void **state)
{
    char text[] = "abc";
    char *copy = mem_dup(text, sizeof text);
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    mem_free(copy);
    mem_free(mem_dup(NULL, 0));
}

static void alloc__more_than_there_is__ends_the_program(void **state)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(STDERR_FILENO);
        volatile size_t size = SIZE_MAX / 2;
        mem_free(mem_alloc(size));
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    /* A sanitizer's allocator may end it in its own way. */
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
}

/* Sanitizers need more address space than a limit could leave. */
#ifndef __SANITIZE_ADDRESS__

enum { SPARE = 64 << 20 };

/* From now on there is no memory for more than SPARE; the test program ends before it could matter. */
static void limit_memory(void)
{
    struct rlimit limit;
    unsigned long pages;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = pages * (size_t)sysconf(_SC_PAGESIZE) + SPARE;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
}

static void try_realloc__more_than_there_is__is_null_and_the_bytes_stay(void **state)
{
    uint8_t *bytes = mem_dup("abc", 3);
    limit_memory();
    assert_null(mem_try_realloc(bytes, 2 * (size_t)SPARE));
    assert_memory_equal(bytes, "abc", 3);
    bytes = mem_try_realloc(bytes, 10000);
    assert_memory_equal(bytes, "abc", 3);
    mem_free(bytes);
}

static void has_room_for__large_things__need_several_times_their_size(void **state)
{
    limit_memory();
    assert_true(mem_has_room_for(0));
    assert_true(mem_has_room_for(MEM_LARGE));
    assert_true(mem_has_room_for(SPARE / MEM_COPIES / 2));
    assert_false(mem_has_room_for(SPARE / 2));
    assert_false(mem_has_room_for(SIZE_MAX));
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alloc__any_size_and_none__is_usable),
        cmocka_unit_test(zalloc__is_zero),
        cmocka_unit_test(realloc__larger_and_smaller__keeps_the_bytes),
        cmocka_unit_test(dup__is_a_copy_of_its_own),
        cmocka_unit_test(alloc__more_than_there_is__ends_the_program),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(try_realloc__more_than_there_is__is_null_and_the_bytes_stay),
        cmocka_unit_test(has_room_for__large_things__need_several_times_their_size),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
