#include "runtime/fake_peer.h"

#include "base/error.h"
#include "runtime/net_kernel.h"
#include "runtime/registry.h"

static void start(struct fake *f)
{
    struct gen_server *server = NULL;
    assert_int_equal(net_kernel_start(&f->node, &server), 0);
    assert_ptr_equal(registry_find(&f->node, slice_of_text("net_kernel")), &server->process);
}

static void net_kernel__is_auth__answers_yes(void **state)
{
    struct fake *f = *state;
    start(f);
    /* the three frames of net_adm:ping/1 */
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,net_kernel,#a.7}", NULL);
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',net_kernel}",
            "{'$gen_call',{<a.5.0>,[alias|#a.7]},{is_auth,a@host}}");
    fake_in(&f->a, "{DEMONITOR_P,<a.5.0>,net_kernel,#a.7}", NULL);
    fake_expect_out(f, &f->a, "{ALIAS_SEND,<0.1.0>,#a.7} {[alias|#a.7],yes}");
}

static void net_kernel__other_calls__are_refused(void **state)
{
    struct fake *f = *state;
    start(f);
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',net_kernel}",
            "{'$gen_call',{<a.5.0>,#a.7},{connect,normal,z@host}}");
    fake_expect_out(f, &f->a,
                    "{SEND_SENDER,<0.1.0>,<a.5.0>} {#a.7,{error,{bad_request,{connect,normal,z@host}}}}");
}

static void net_kernel__other_messages__are_counted_and_dropped(void **state)
{
    struct fake *f = *state;
    start(f);
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',net_kernel}", "{is_auth,a@host}");
    fake_in(&f->a, "{REG_SEND,<a.5.0>,'',net_kernel}", "{'$gen_cast',hello}");
    fake_expect_out(f, &f->a, "");
    assert_int_equal(f->node.bad_messages, 2);
}

static void net_kernel_start__twice__exists(void **state)
{
    struct fake *f = *state;
    struct gen_server *second = NULL;
    start(f);
    assert_int_equal(net_kernel_start(&f->node, &second), ERR_EXISTS);
    assert_null(second);
    assert_int_equal(f->node.process_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(net_kernel__is_auth__answers_yes),
        FAKE_TEST(net_kernel__other_calls__are_refused),
        FAKE_TEST(net_kernel__other_messages__are_counted_and_dropped),
        FAKE_TEST(net_kernel_start__twice__exists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
