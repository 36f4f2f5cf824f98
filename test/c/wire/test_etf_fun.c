/* What can be known of a fun without its code. */
#include "wire/etf_fun.h"

#include "terms.h"
#include "terms_corpus.h"

#define UNIQ  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
#define LOCAL 119, 1, 'm', 97, 0, 97, 0, 106

static struct etf_fun read_fun(struct slice term)
{
    struct etf_fun fun;
    assert_true(etf_read_fun(terms_valid(term), &fun));
    return fun;
}

static void read_fun__export__module_function_and_arity(void **state)
{
    struct slice term = TERM(113, 119, 2, 'm', 'o', 119, 1, 'f', 97, 3);
    struct etf_fun fun = read_fun(term);
    assert_true(fun.exported);
    assert_bytes_equal(fun.module, TERM(119, 2, 'm', 'o'));
    assert_bytes_equal(fun.function, TERM(119, 1, 'f'));
    assert_ptr_equal(fun.module.data, term.data + 1); /* borrowed */
    assert_int_equal(fun.arity, 3);
}

static void read_fun__export_in_old_forms__its_atoms_as_they_stand(void **state)
{
    struct etf_fun fun = read_fun(TERM(113, 100, 0, 1, 0xe4, 115, 0, 108, 0, 0, 0, 0, 110, 2, 0, 255, 0));
    assert_true(fun.exported);
    assert_bytes_equal(fun.module, TERM(100, 0, 1, 0xe4));
    assert_bytes_equal(fun.function, TERM(115, 0));
    assert_int_equal(fun.arity, 255);
}

/* No function has so many arguments; but it must not be taken for one of fewer. */
static void read_fun__export_of_an_arity_beyond_32_bits__the_largest(void **state)
{
    const struct slice terms[] = {
        TERM(113, 119, 1, 'm', 119, 1, 'f', 110, 4, 0, 255, 255, 255, 255),
        TERM(113, 119, 1, 'm', 119, 1, 'f', 110, 5, 0, 0, 0, 0, 0, 1),
        TERM(113, 119, 1, 'm', 119, 1, 'f', 110, 5, 0, 1, 0, 0, 0, 1),
        TERM(113, 119, 1, 'm', 119, 1, 'f', 110, 8, 0, 1, 0, 0, 0, 255, 255, 255, 7),
    };
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++)
        assert_int_equal(read_fun(terms[i]).arity, UINT32_MAX);
}

static void read_fun__local__arity_of_its_byte_alone(void **state)
{
    struct etf_fun fun = read_fun(TERM(112, 0, 0, 0, 0, 255, UNIQ, 0, 0, 0, 3, 0, 0, 0, 0, LOCAL));
    assert_false(fun.exported);
    assert_int_equal(fun.arity, 255);
    fun = read_fun(TERM(112, 0, 0, 0, 0, 0, UNIQ, 0, 0, 0, 3, 0, 0, 0, 1, LOCAL, 97, 9));
    assert_int_equal(fun.arity, 0); /* the environment does not count */
}

static void read_fun__behind_lists_of_no_elements__the_same(void **state)
{
    struct etf_fun fun =
        read_fun(TERM(108, 0, 0, 0, 0, 108, 0, 0, 0, 0, 113, 119, 1, 'm', 119, 1, 'f', 97, 2));
    assert_true(fun.exported);
    assert_bytes_equal(fun.module, TERM(119, 1, 'm'));
    assert_int_equal(fun.arity, 2);
    fun = read_fun(TERM(108, 0, 0, 0, 0, 112, 0, 0, 0, 0, 7, UNIQ, 0, 0, 0, 3, 0, 0, 0, 0, LOCAL));
    assert_false(fun.exported);
    assert_int_equal(fun.arity, 7);
}

static void read_fun__other_terms__false(void **state)
{
    size_t funs = 0;
    for (size_t i = 0; i < CORPUS_COUNT; i++) {
        struct etf_fun fun;
        if (etf_read_fun(corpus[i].bytes, &fun))
            funs++;
    }
    assert_int_equal(funs, 4); /* three exports and a local one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_fun__export__module_function_and_arity),
        cmocka_unit_test(read_fun__export_in_old_forms__its_atoms_as_they_stand),
        cmocka_unit_test(read_fun__export_of_an_arity_beyond_32_bits__the_largest),
        cmocka_unit_test(read_fun__local__arity_of_its_byte_alone),
        cmocka_unit_test(read_fun__behind_lists_of_no_elements__the_same),
        cmocka_unit_test(read_fun__other_terms__false),
    };
    return cmocka_run_group_tests_name("etf_fun", tests, NULL, NULL);
}
