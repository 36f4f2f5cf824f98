#include "runtime/observer_backend.h"

#include "runtime/fake_rpc.h"

static void sys_info__has_what_the_first_page_shows(void **state)
{
    struct fake *f = *state;
    f->node.bytes_in = 100;
    f->node.bytes_out = 20;
    struct buf text = BUF_EMPTY, out = BUF_EMPTY;
    struct process *self = fake_probe(f);
    const struct function *function = observer_functions.functions;
    while (strcmp(function->name, "sys_info") != 0)
        function++;
    assert_true(function->call(self, NULL, &out));
    fake_render(&text, buf_slice(&out));
    buf_append_u8(&text, '\0');
    const char *const shown[] = {"{uptime,",
                                 "{io_input,100},{io_output,20},",
                                 "{schedulers_available,1},{otp_release,\"25\"},{version,\"1.2.3\"},",
                                 "{wordsize_internal,",
                                 "{alloc_info,[{sys_alloc,",
                                 "{process_count,2},",
                                 "{dist_buf_busy_limit,1000}|[{total,",
                                 "{ets,0}]]"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        assert_non_null(strstr((const char *)text.data, shown[i]));
    buf_release(&text);
    buf_release(&out);
}

static void vsn__is_the_programs(void **state)
{
    fake_expect_apply(*state, "observer_backend", "vsn", "[]", "return {ok,\"1.2.3\"}");
}

static void ports_sockets_and_tables__there_are_none(void **state)
{
    struct fake *f = *state;
    fake_expect_apply(f, "observer_backend", "get_port_list", "[]", "return []");
    fake_expect_apply(f, "observer_backend", "get_socket_list", "[]", "return []");
    fake_expect_apply(f, "observer_backend", "get_table_list", "[ets,[{sys_hidden,true}]]", "return []");
    fake_expect_apply(f, "observer_backend", "get_table_list", "[mnesia,[]]",
                      "return {error,\"Mnesia is not running on: us@host\"}");
    fake_expect_apply(f, "observer_backend", "socket_info", "[]",
                      "return [{iov_max,%},{num_cnt_bits,64},{num_monitors,0},{num_dinet,0},{num_dinet6,0},"
                      "{num_dlocal,0},{num_pip,0},{num_psctp,0},{num_ptcp,0},{num_pudp,0},{num_sockets,0},"
                      "{num_tdgrams,0},{num_tseqpkgs,0},{num_tstreams,0}]");
}

static void trace__is_not_there(void **state)
{
    fake_expect_apply(*state, "observer_backend", "ttb_stop", "[x]",
                      "error undef [{observer_backend,ttb_stop,[x],[]}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(sys_info__has_what_the_first_page_shows),
        FAKE_RPC_TEST(vsn__is_the_programs),
        FAKE_RPC_TEST(ports_sockets_and_tables__there_are_none),
        FAKE_RPC_TEST(trace__is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
