/* Full node names out of what a user gives. */
#include "runtime/host.h"

#include "base/error.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

static void expect_name(const char *name, bool long_name, const char *expected)
{
    char node[HOST_NODE_NAME_MAX];
    assert_int_equal(host_node_name(name, long_name, node), 0);
    assert_string_equal(node, expected);
}

static void name__host_given__taken(void **state)
{
    expect_name("todo@box", false, "todo@box");
    expect_name("a-B_9@box", false, "a-B_9@box");
    expect_name("todo@box.example.org", true, "todo@box.example.org");
    expect_name("todo@127.0.0.1", true, "todo@127.0.0.1");
    expect_name("todo@localhost", true, "todo@localhost");
}

static void name__short_without_host__machines_up_to_the_dot(void **state)
{
    char host[256] = "", expected[300];
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    host[strcspn(host, ".")] = '\0';
    strcpy(expected, "todo@");
    strcat(expected, host);
    expect_name("todo", false, expected);
}

static void name__long_without_host__fully_qualified_or_error(void **state)
{
    char node[HOST_NODE_NAME_MAX];
    int status = host_node_name("todo", true, node);
    if (status == 0)
        assert_non_null(strchr(node, '.'));
    else
        assert_int_equal(status, ERR_NOT_FOUND);
}

static void name__not_one__badarg(void **state)
{
    static const char *const names[] = {"",          "@box",      "todo@",
                                        "to do@box", "todo@a@b",  "t\303\266do@box",
                                        "todo@b ox", "to.do@box", "todo@box.org"};
    char node[HOST_NODE_NAME_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(host_node_name(names[i], false, node), ERR_BADARG);
}

static void name__too_long__badarg(void **state)
{
    char node[HOST_NODE_NAME_MAX], name[400];
    memset(name, 'a', sizeof name);
    strcpy(name + 63, "@box");
    assert_int_equal(host_node_name(name, false, node), 0);
    memset(name, 'a', sizeof name);
    strcpy(name + 64, "@box");
    assert_int_equal(host_node_name(name, false, node), ERR_BADARG);
    memset(name, 'a', sizeof name);
    name[1] = '@';
    name[399] = '\0';
    assert_int_equal(host_node_name(name, false, node), ERR_BADARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name__host_given__taken),
        cmocka_unit_test(name__short_without_host__machines_up_to_the_dot),
        cmocka_unit_test(name__long_without_host__fully_qualified_or_error),
        cmocka_unit_test(name__not_one__badarg),
        cmocka_unit_test(name__too_long__badarg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
