/* Supervisors: what they answer, and what they ignore. */
#include "unit.h"

#include "runtime/fake_children.h"
#include "runtime/fake_text.h"
#include "wire/etf_write.h"

/* Calls. */

static void terminate_child__running__answers_when_it_has_ended(void **state)
{
    struct fixture *f = *state;
    f->kids[1].trap = f->kids[1].slow = true;
    kids_start(f);
    kids_call_id(f, "terminate_child", "b");
    kids_call_id(f, "restart_child", "b");
    kids_call_id(f, "restart_child", "b");
    kids_call_id(f, "terminate_child", "b");
    kids_expect_answers(f, "");
    kids_finish(f, 1);
    kids_expect_answers(f, "ok\n{ok,<b.2>}\n{error,running}\n");
    kids_expect_events(f, "-b:shutdown +b");
    kids_finish(f, 1);
    kids_expect_answers(f, "ok\n");
    kids_expect_pids(f, "<a.1>", "undefined", "<c.1>");
    kids_call_id(f, "terminate_child", "b");
    kids_call_id(f, "terminate_child", "x");
    kids_expect_answers(f, "ok\n{error,not_found}\n");
}

static void terminate_child__others_crash_meanwhile__are_restarted_afterwards(void **state)
{
    struct fixture *f = *state;
    f->kids[1].trap = f->kids[1].slow = true;
    kids_start(f);
    kids_call_id(f, "terminate_child", "b");
    kids_end(f, 0, "boom");
    kids_expect_events(f, "-a:boom");
    kids_finish(f, 1);
    kids_expect_events(f, "-b:shutdown +a");
    kids_expect_answers(f, "ok\n");
}

static void terminate_child__temporary__is_removed(void **state)
{
    struct fixture *f = *state;
    f->children[1].restart = TEMPORARY;
    kids_start(f);
    kids_call_id(f, "terminate_child", "b");
    kids_call_id(f, "restart_child", "b");
    kids_call_id(f, "delete_child", "b");
    kids_call_id(f, "get_childspec", "b");
    kids_call(f, "count_children");
    kids_expect_answers(f, "ok\n{error,not_found}\n{error,not_found}\n{error,not_found}\n"
                           "[{specs,2},{active,2},{supervisors,0},{workers,2}]\n");
    assert_null(kids_process(f, 1));
    assert_ptr_equal(kids_process(f, 2), process_find(&f->node, f->kids[2].processes[0]));
}

static void delete_child__by_state__as_otp(void **state)
{
    struct fixture *f = *state;
    kids_start(f);
    kids_call_id(f, "delete_child", "b");
    kids_call_id(f, "terminate_child", "b");
    kids_call_id(f, "delete_child", "b");
    kids_call_id(f, "delete_child", "b");
    kids_call_id(f, "restart_child", "b");
    kids_expect_answers(f, "{error,running}\nok\nok\n{error,not_found}\n{error,not_found}\n");
    kids_call(f, "which_children");
    kids_expect_answers(f, "[{c,<c.1>,worker,[fake]},{a,<a.1>,worker,[fake]}]\n");
}

static void restart_child__start_fails__answers_why_and_stays_undefined(void **state)
{
    struct fixture *f = *state;
    kids_start(f);
    f->kids[1].fail_from = f->kids[1].fail_until = 2;
    kids_call_id(f, "terminate_child", "b");
    kids_call_id(f, "restart_child", "b");
    kids_expect_answers(f, "ok\n{error,badarg}\n");
    kids_expect_pids(f, "<a.1>", "undefined", "<c.1>");
    kids_call_id(f, "restart_child", "b");
    kids_expect_answers(f, "{ok,<b.2>}\n");
}

static void get_childspec__each_kind__is_the_map_of_otp(void **state)
{
    struct fixture *f = *state;
    f->children[1].restart = TRANSIENT;
    f->children[1].shutdown_ms = SHUTDOWN_BRUTAL_KILL;
    f->children[2].restart = TEMPORARY;
    f->children[2].shutdown_ms = SHUTDOWN_INFINITY;
    f->children[2].type = CHILD_SUPERVISOR;
    kids_start(f);
    kids_call_id(f, "get_childspec", "a");
    kids_expect_answers(f,
                        "{ok,#{id=>a,modules=>[fake],restart=>permanent,shutdown=>60000,significant=>false,"
                        "start=>{fake,start_link,[]},type=>worker}}\n");
    kids_call_id(f, "get_childspec", "b");
    kids_expect_answers(f, "{ok,#{id=>b,modules=>[fake],restart=>transient,shutdown=>brutal_kill,"
                           "significant=>false,start=>{fake,start_link,[]},type=>worker}}\n");
    kids_call_id(f, "get_childspec", "c");
    kids_expect_answers(f, "{ok,#{id=>c,modules=>[fake],restart=>temporary,shutdown=>infinity,"
                           "significant=>false,start=>{fake,start_link,[]},type=>supervisor}}\n");
    kids_call_id(f, "get_childspec", "x");
    kids_expect_answers(f, "{error,not_found}\n");
}

static void count_children__one_ended__is_not_active(void **state)
{
    struct fixture *f = *state;
    f->children[2].type = CHILD_SUPERVISOR;
    kids_start(f);
    kids_call_id(f, "terminate_child", "b");
    kids_call(f, "count_children");
    kids_expect_answers(f, "ok\n[{specs,3},{active,2},{supervisors,1},{workers,2}]\n");
}

static void number_ids__found_and_shown__as_integers(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < KIDS; i++) {
        f->children[i].id = NULL;
        f->children[i].number = 300 - i;
    }
    kids_start(f);
    struct buf message = BUF_EMPTY;
    kids_write_call(f, &message);
    etf_write_tuple(&message, 2);
    etf_write_atom(&message, "terminate_child");
    etf_write_int64(&message, 299);
    kids_deliver(f, &message);
    kids_call(f, "which_children");
    kids_expect_answers(f, "ok\n[{298,<c.1>,worker,[fake]},{299,undefined,worker,[fake]},"
                           "{300,<a.1>,worker,[fake]}]\n");
}

static void call_start_child(struct fixture *f, const char *id)
{
    struct buf message = BUF_EMPTY;
    kids_write_call(f, &message);
    etf_write_tuple(&message, 2);
    etf_write_atom(&message, "start_child");
    etf_write_map(&message, 2);
    etf_write_atom(&message, "id");
    etf_write_atom(&message, id);
    etf_write_atom(&message, "start");
    fake_write(&message, "{m,f,[]}");
    kids_deliver(f, &message);
}

static void start_child__known_and_unknown_ids__are_refused(void **state)
{
    struct fixture *f = *state;
    kids_start(f);
    call_start_child(f, "a");
    call_start_child(f, "x");
    kids_call_id(f, "terminate_child", "a");
    call_start_child(f, "a");
    kids_expect_answers(f, "{error,{already_started,<a.1>}}\n"
                           "{error,{{EXIT,{undef,[{m,f,[],[]}]}},"
                           "{child,undefined,x,{m,f,[]},permanent,false,5000,worker,[m]}}}\nok\n"
                           "{error,already_present}\n");
}

static void call__unknown__answers_bad_request(void **state)
{
    struct fixture *f = *state;
    kids_start(f);
    kids_call(f, "hello");
    kids_call_id(f, "restart_child_please", "a");
    kids_expect_answers(f, "{error,{bad_request,hello}}\n{error,{bad_request,{restart_child_please,a}}}\n");
}

static void custom_call(struct gen_server *self, void *ctx, const struct from *from, struct slice request)
{
    ((struct fixture *)ctx)->custom++;
    gen_server_reply(self, from, request);
}

static void custom_cast(struct gen_server *self, void *ctx, struct slice request)
{
    ((struct fixture *)ctx)->custom += 100;
}

static void cast(struct fixture *f, const char *tag, const char *id)
{
    struct buf message = BUF_EMPTY;
    etf_write_tuple(&message, 2);
    etf_write_atom(&message, "$gen_cast");
    etf_write_tuple(&message, 2);
    etf_write_atom(&message, tag);
    etf_write_atom(&message, id);
    kids_deliver(f, &message);
}

static void call__owner_handles__gets_what_is_not_the_supervisors(void **state)
{
    struct fixture *f = *state;
    f->spec.handle_call = custom_call;
    f->spec.handle_cast = custom_cast;
    f->spec.ctx = f;
    kids_start(f);
    kids_call(f, "hello");
    kids_call(f, "count_children");
    cast(f, "hello", "a");
    kids_expect_answers(f, "hello\n[{specs,3},{active,3},{supervisors,0},{workers,3}]\n");
    assert_int_equal(f->custom, 101);
}

/* Messages that mean nothing. */

static void cast__unknown_or_needless_try_again__changes_nothing(void **state)
{
    struct fixture *f = *state;
    kids_start(f);
    uint64_t before = f->node.bad_messages;
    cast(f, "hello", "a");
    assert_int_equal(f->node.bad_messages, before + 1);
    cast(f, "try_again_restart", "a");
    cast(f, "try_again_restart", "x");
    kids_expect_events(f, "");
    kids_expect_pids(f, "<a.1>", "<b.1>", "<c.1>");
}

static void info__unknown__is_counted(void **state)
{
    struct fixture *f = *state;
    struct buf message = BUF_EMPTY;
    kids_start(f);
    uint64_t before = f->node.bad_messages;
    etf_write_atom(&message, "hello");
    kids_deliver(f, &message);
    assert_int_equal(f->node.bad_messages, before + 1);
}

static void send_exit_of(struct fixture *f, const struct process *process)
{
    struct buf message = BUF_EMPTY;
    etf_write_tuple(&message, 3);
    etf_write_atom(&message, "EXIT");
    process_write_pid(process, &message);
    etf_write_atom(&message, "boom");
    kids_deliver(f, &message);
}

static void exit_message__of_a_live_child_or_a_stranger__is_ignored(void **state)
{
    struct fixture *f = *state;
    f->kids[1].trap = f->kids[1].slow = true;
    kids_start(f);
    send_exit_of(f, kids_process(f, 0));
    send_exit_of(f, process_find(&f->node, f->probe));
    kids_expect_events(f, "");
    kids_call_id(f, "terminate_child", "b");
    send_exit_of(f, kids_process(f, 1));
    kids_expect_answers(f, "");
    kids_expect_events(f, "");
    kids_finish(f, 1);
    kids_expect_answers(f, "ok\n");
    kids_expect_pids(f, "<a.1>", "undefined", "<c.1>");
}

static void exit_message__malformed__is_ignored(void **state)
{
    struct fixture *f = *state;
    struct buf message = BUF_EMPTY;
    kids_start(f);
    etf_write_tuple(&message, 3);
    etf_write_atom(&message, "EXIT");
    etf_write_atom(&message, "not_a_pid");
    etf_write_nil(&message);
    kids_deliver(f, &message);
    kids_expect_pids(f, "<a.1>", "<b.1>", "<c.1>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIDS_TEST(terminate_child__running__answers_when_it_has_ended),
        KIDS_TEST(terminate_child__others_crash_meanwhile__are_restarted_afterwards),
        KIDS_TEST(terminate_child__temporary__is_removed),
        KIDS_TEST(delete_child__by_state__as_otp),
        KIDS_TEST(restart_child__start_fails__answers_why_and_stays_undefined),
        KIDS_TEST(get_childspec__each_kind__is_the_map_of_otp),
        KIDS_TEST(count_children__one_ended__is_not_active),
        KIDS_TEST(number_ids__found_and_shown__as_integers),
        KIDS_TEST(start_child__known_and_unknown_ids__are_refused),
        KIDS_TEST(call__unknown__answers_bad_request),
        KIDS_TEST(call__owner_handles__gets_what_is_not_the_supervisors),
        KIDS_TEST(cast__unknown_or_needless_try_again__changes_nothing),
        KIDS_TEST(info__unknown__is_counted),
        KIDS_TEST(exit_message__of_a_live_child_or_a_stranger__is_ignored),
        KIDS_TEST(exit_message__malformed__is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
