/* A supervisor's state as OTP's record; otp_SUITE compares it with OTP's own. */
#include "unit.h"

#include "runtime/fake_children.h"
#include "runtime/registry.h"
#include "runtime/supervisor_state.h"
#include "wire/etf_write.h"

static void get_state(struct fixture *f)
{
    struct buf message = BUF_EMPTY;
    kids_write_system(f, &message);
    etf_write_atom(&message, "get_state");
    kids_deliver(f, &message);
}

#define KID(id, pid, restart, shutdown)                                                                      \
#id "=>{child," pid "," #id ",{fake,start_link,[]}," restart ",false," shutdown ",worker,[fake]}"

static void supervisor_write_record__all_run__is_the_record_of_otp(void **state)
{
    struct fixture *f = *state;
    kids_start(f);
    get_state(f);
    kids_expect_answers(
        f, "{state,{local,sup},one_for_one,{[c,b,a],#{" KID(a, "<a.1>", "permanent", "60000") "," KID(
               b, "<b.1>", "permanent",
               "60000") "," KID(c, "<c.1>", "permanent",
                                "60000") "}},undefined,5,60,[],0,never,supervisor,[]}\n");
}

static void supervisor_write_record__children_of_all_kinds__says_so(void **state)
{
    struct fixture *f = *state;
    f->children[0].restart = TRANSIENT;
    f->children[1].restart = TEMPORARY;
    f->children[2].shutdown_ms = SHUTDOWN_BRUTAL_KILL;
    f->spec.strategy = ONE_FOR_ALL;
    f->spec.module = "sup_module";
    kids_start(f);
    kids_call_id(f, "terminate_child", "a");
    kids_call_id(f, "terminate_child", "b");
    kids_expect_answers(f, "ok\nok\n");
    get_state(f);
    kids_expect_answers(
        f, "{state,{local,sup},one_for_all,{[c,a],#{" KID(a, "undefined", "transient", "60000") "," KID(
               c, "<c.1>", "permanent", "brutal_kill") "}},undefined,5,60,[],0,never,sup_module,[]}\n");
}

static void supervisor_write_record__next_start_on_its_way__is_restarting(void **state)
{
    struct fixture *f = *state;
    kids_start(f);
    struct supervisor *supervisor = (struct supervisor *)f->supervisor;
    supervisor->children[1].process = 0;
    supervisor->children[1].restarting = true;
    registry_remove(&f->supervisor->process);
    get_state(f);
    kids_expect_answers(
        f,
        "{state,{<other>,supervisor},one_for_one,{[c,b,a],#{" KID(a, "<a.1>", "permanent", "60000") "," KID(
            b, "{restarting,undefined}", "permanent",
            "60000") "," KID(c, "<c.1>", "permanent",
                             "60000") "}},undefined,5,60,[],0,never,supervisor,[]}\n");
}

static void restarted(struct supervisor *supervisor, uint64_t seconds)
{
    if (supervisor->restart_count < supervisor->spec.intensity)
        supervisor->restart_count++;
    supervisor->restart_ms[supervisor->restart_oldest] = seconds * 1000;
    supervisor->restart_oldest = (supervisor->restart_oldest + 1) % supervisor->spec.intensity;
}

static void expect_restarts(struct fixture *f, const char *expected)
{
    get_state(f);
    kids_run(f);
    char *line = strstr(f->answers, "undefined,3,60,");
    assert_non_null(line);
    assert_memory_equal(line + strlen("undefined,3,60,"), expected, strlen(expected));
    f->answers[0] = '\0';
}

static void supervisor_write_record__restarts__newest_first_within_the_period(void **state)
{
    struct fixture *f = *state;
    f->spec.intensity = 3;
    kids_start(f);
    struct supervisor *supervisor = (struct supervisor *)f->supervisor;
    expect_restarts(f, "[],0");
    restarted(supervisor, 100);
    restarted(supervisor, 160);
    expect_restarts(f, "[160,100],0");
    restarted(supervisor, 161);
    expect_restarts(f, "[161,160],0");
    restarted(supervisor, 162);
    expect_restarts(f, "[162,161,160],0");
    restarted(supervisor, 400);
    expect_restarts(f, "[400],0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIDS_TEST(supervisor_write_record__all_run__is_the_record_of_otp),
        KIDS_TEST(supervisor_write_record__children_of_all_kinds__says_so),
        KIDS_TEST(supervisor_write_record__next_start_on_its_way__is_restarting),
        KIDS_TEST(supervisor_write_record__restarts__newest_first_within_the_period),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
