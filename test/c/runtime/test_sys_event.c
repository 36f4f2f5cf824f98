/* The lines of trace and print, caught from stderr by a pipe. What log and statistics keep of events is in
 * test_sys. */
#include "runtime/sys_event.h"

#include "base/log.h"
#include "runtime/fake_peer.h"
#include "runtime/sys.h"
#include "runtime/sys_log.h"

#include <unistd.h>

static int init(struct gen_server *self, const void *argument)
{
    return 0;
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    gen_server_reply(self, from, request);
}

static const struct gen_server_type type = {
    .process = GEN_SERVER_PROCESS("secretary", struct gen_server), .init = init, .handle_call = handle_call};

static int stderr_kept;
static int pipe_ends[2];

static void catch_start(void)
{
    log_set_level(LOG_INFO);
    stderr_kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipe_ends), 0);
    assert_true(dup2(pipe_ends[1], STDERR_FILENO) >= 0);
    close(pipe_ends[1]);
}

static void catch_end(const char *expected)
{
    char caught[4096];
    size_t size = 0;
    ssize_t n;
    dup2(stderr_kept, STDERR_FILENO);
    close(stderr_kept);
    while ((n = read(pipe_ends[0], caught + size, sizeof caught - 1 - size)) > 0)
        size += (size_t)n;
    close(pipe_ends[0]);
    caught[size] = '\0';
    assert_string_equal(caught, expected);
}

static struct gen_server *start(struct fake *f)
{
    struct gen_server *server;
    assert_int_equal(gen_server_start(&f->node, &type, NULL, NULL, NULL, &server), 0);
    return server;
}

static void in(struct fake *f, const char *message)
{
    fake_in(&f->a, "{SEND,'',<0.1.0>}", message);
    fake_run(f);
}

#define LINE(what, message)                                                                                  \
    "level=info mod=sys event=trace process=<0.1.0> module=secretary what=" what " message=" message "\n"

static void sys_event__trace_on__each_is_a_line_without_what_users_wrote(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f);
    f->node.bad_messages = 1; /* the line about such messages has been written */
    f->node.bad_logged_ms = node_now_ms(&f->node);
    in(f, "secret");
    in(f, "{system,{<a.5.0>,x},{debug,{trace,true}}}");
    catch_start();
    in(f, "{'$gen_call',{<a.5.0>,x},secret}");
    in(f, "{'$gen_cast',secret}");
    in(f, "secret");
    in(f, "{system,{<a.5.0>,x},get_state}");
    catch_end(LINE("in", "call") LINE("out", "-") LINE("in", "cast") LINE("noreply", "-") LINE("in", "info")
                  LINE("noreply", "-"));
    assert_null(server->sys->log);
    in(f, "{system,{<a.5.0>,x},{debug,{trace,false}}}");
    catch_start();
    in(f, "secret");
    catch_end("");
}

static void sys_event_print__log__shows_its_events_again(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = start(f);
    catch_start();
    sys_event_print(server);
    in(f, "{system,{<a.5.0>,x},{debug,{log,true}}}");
    in(f, "{'$gen_call',{<a.5.0>,x},secret}");
    catch_end("");
    catch_start();
    in(f, "{system,{<a.5.0>,x},{debug,{log,print}}}");
    catch_end(LINE("in", "call") LINE("out", "-"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(sys_event__trace_on__each_is_a_line_without_what_users_wrote),
        FAKE_TEST(sys_event_print__log__shows_its_events_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
