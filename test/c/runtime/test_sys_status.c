/* What is shown of servers of several kinds; the whole of get_status is in test_sys. */
#include "runtime/sys_status.h"

#include "runtime/fake_peer.h"
#include "runtime/sys.h"
#include "wire/etf_write.h"

#include <stdlib.h>
#include <time.h>

static int init(struct gen_server *self, const void *argument)
{
    return 0;
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    gen_server_reply(self, from, request);
}

static void write_state(struct gen_server *self, struct buf *out)
{
    etf_write_atom(out, "state");
}

static const struct gen_server_type plain = {.process = GEN_SERVER_PROCESS("Elixir.Plain", struct gen_server),
                                             .init = init,
                                             .handle_call = handle_call};

static const struct gen_server_type supervisor = {
    .process = GEN_SERVER_PROCESS("Elixir.Sup", struct gen_server),
    .init = init,
    .handle_call = handle_call,
    .write_state = write_state,
    .supervisor = true,
};

static struct gen_server *start(struct fake *f, const struct gen_server_type *type, struct gen_server *parent,
                                const char *name)
{
    struct gen_server *server;
    struct process *process = parent == NULL ? NULL : &parent->process;
    assert_int_equal(gen_server_start(&f->node, type, process, name, NULL, &server), 0);
    return server;
}

static void expect_term(struct buf *term, const char *expected)
{
    struct buf text = BUF_EMPTY;
    fake_render(&text, buf_slice(term));
    buf_append_u8(&text, '\0');
    assert_string_equal((const char *)text.data, expected);
    buf_release(&text);
    buf_release(term);
}

static void expect_dictionary(const struct gen_server *server, const char *expected)
{
    struct buf term = BUF_EMPTY;
    sys_write_dictionary(server, &term);
    expect_term(&term, expected);
}

static void sys_write_dictionary__in_a_tree__names_ancestors_from_the_nearest_on(void **state)
{
    struct fake *f = *state;
    struct gen_server *top = start(f, &supervisor, NULL, "top");
    struct gen_server *middle = start(f, &supervisor, top, NULL);
    struct gen_server *leaf = start(f, &plain, middle, "leaf");
    expect_dictionary(top, "[{'$ancestors',[]},{'$initial_call',{supervisor,'Elixir.Sup',1}}]");
    expect_dictionary(leaf, "[{'$ancestors',[<0.2.0>,top]},{'$initial_call',{'Elixir.Plain',init,1}}]");
    leaf->process.parent = fake_probe(f)->id; /* no server, so nothing is known of its own parent */
    expect_dictionary(leaf, "[{'$ancestors',[<0.4.0>]},{'$initial_call',{'Elixir.Plain',init,1}}]");
}

static void sys_write_initial_call__named__has_the_argument(void **state)
{
    struct fake *f = *state;
    struct buf term = BUF_EMPTY;
    sys_write_initial_call(start(f, &plain, NULL, NULL), true, &term);
    expect_term(&term, "{'Elixir.Plain',init,['Argument__1']}");
    sys_write_initial_call(start(f, &supervisor, NULL, NULL), true, &term);
    expect_term(&term, "{supervisor,'Elixir.Sup',['Argument__1']}");
}

static void sys_write_state__without_a_writer__is_empty(void **state)
{
    struct fake *f = *state;
    struct buf term = BUF_EMPTY;
    sys_write_state(start(f, &plain, NULL, NULL), &term);
    expect_term(&term, "[]");
    sys_write_state(start(f, &supervisor, NULL, NULL), &term);
    expect_term(&term, "state");
}

static void sys_write_status__supervisor__names_its_callback(void **state)
{
    struct fake *f = *state;
    struct buf term = BUF_EMPTY;
    sys_write_status(start(f, &supervisor, NULL, "top"), &term);
    expect_term(&term,
                "{status,<0.1.0>,{module,gen_server},"
                "[[{'$ancestors',[]},{'$initial_call',{supervisor,'Elixir.Sup',1}}],running,<0.1.0>,[],"
                "[{header,\"Status for generic server top\"},"
                "{data,[{\"Status\",running},{\"Parent\",<0.1.0>},{\"Logged events\",[]}]},"
                "{data,[{\"State\",state}]},{supervisor,[{\"Callback\",'Elixir.Sup'}]}]]}");
}

static void in(struct fake *f, const char *message)
{
    fake_in(&f->a, "{SEND,'',<0.1.0>}", message);
    fake_run(f);
}

static void sys_write_status__debugged__shows_what_is_installed_newest_first(void **state)
{
    struct fake *f = *state;
    struct buf term = BUF_EMPTY;
    struct gen_server *server = start(f, &plain, NULL, NULL);
    in(f, "{system,{<0.9.0>,x},{debug,{log,{true,3}}}}");
    in(f, "{system,{<0.9.0>,x},{debug,{trace,true}}}");
    in(f, "{system,{<0.9.0>,x},{debug,{statistics,true}}}");
    server->sys->trace = false; /* its lines are not what this looks at */
    server->sys->statistics_start_s = 0;
    in(f, "hello");
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    sys_write_status(server, &term);
    expect_term(&term, "{status,<0.1.0>,{module,gen_server},"
                       "[[{'$ancestors',[]},{'$initial_call',{'Elixir.Plain',init,1}}],running,<0.1.0>,"
                       "[{statistics,{{{1970,1,1},{0,0,0}},{reductions,0},1,0}},{trace,true},"
                       "{log,[1,{{noreply,[]},<0.1.0>,fun gen_server:print_event/3},"
                       "{{in,hello},<0.1.0>,fun gen_server:print_event/3}]}],"
                       "[{header,\"Status for generic server <0.1.0>\"},"
                       "{data,[{\"Status\",running},{\"Parent\",<0.1.0>},"
                       "{\"Logged events\",[{in,hello},{noreply,[]}]}]},"
                       "{data,[{\"State\",[]}]}]]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(sys_write_dictionary__in_a_tree__names_ancestors_from_the_nearest_on),
        FAKE_TEST(sys_write_initial_call__named__has_the_argument),
        FAKE_TEST(sys_write_state__without_a_writer__is_empty),
        FAKE_TEST(sys_write_status__supervisor__names_its_callback),
        FAKE_TEST(sys_write_status__debugged__shows_what_is_installed_newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
