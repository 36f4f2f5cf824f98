/* One child of a supervisor by itself: its record through start, end and failed restart, and its terms in
 * each of these states. When it is started and ended, test_supervisor shows. */
#include "runtime/supervisor_child.h"

#include "base/error.h"
#include "runtime/fake_peer.h"
#include "wire/etf_canonical.h"
#include "wire/etf_check.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

/* What the start function finds. */
struct starting {
    struct fake *f;
    int error;                  /* it fails so */
    struct process *supervisor; /* who started */
};

static int start(struct process *supervisor, void *argument, struct process **child)
{
    struct starting *starting = argument;
    starting->supervisor = supervisor;
    if (starting->error == 0)
        *child = fake_probe(starting->f);
    return starting->error;
}

static struct child worker(struct starting *starting)
{
    return (struct child){.spec = {.id = "bob",
                                   .start = start,
                                   .argument = starting,
                                   .restart = PERMANENT,
                                   .shutdown_ms = 5000,
                                   .type = CHILD_WORKER,
                                   .module = "bob_server"}};
}

/* Empties out. */
static void expect_term(struct buf *out, const char *expected)
{
    struct buf text = BUF_EMPTY;
    struct slice term = buf_slice(out);
    assert_int_equal(etf_check(buf_slice(out), ETF_DEPTH_MAX_DEFAULT, &term), 0);
    assert_int_equal(term.size, out->size); /* one term */
    fake_render(&text, term);
    fake_expect_text(&text, expected);
    buf_release(&text);
    buf_release(out);
}

static void expect_pid(struct fake *f, const struct child *child, const char *expected)
{
    struct buf out = BUF_EMPTY;
    child_write_pid(child, &f->node, &out);
    expect_term(&out, expected);
}

static void expect_record(struct fake *f, const struct child *child, const char *expected)
{
    struct buf out = BUF_EMPTY;
    child_write_record(child, &f->node, &out);
    expect_term(&out, expected);
}

/* ---- its life */

static void start__works__runs(void **state)
{
    struct fake *f = *state;
    struct starting starting = {.f = f};
    struct child child = worker(&starting);
    struct process *supervisor = fake_probe(f);
    child.restarting = true;
    assert_null(child_process(&child, &f->node));
    assert_int_equal(child_start(&child, supervisor), 0);
    assert_ptr_equal(starting.supervisor, supervisor);
    assert_ptr_equal(child_process(&child, &f->node), fake_process(f, 2));
    assert_false(child.restarting);
    expect_pid(f, &child, "<0.2.0>");
}

static void start__fails__is_as_before(void **state)
{
    struct fake *f = *state;
    struct starting starting = {.f = f, .error = ERR_NOT_FOUND};
    struct child child = worker(&starting);
    struct process *supervisor = fake_probe(f);
    assert_int_equal(child_start(&child, supervisor), ERR_NOT_FOUND);
    expect_pid(f, &child, "undefined");
    child.restarting = true;
    assert_int_equal(child_start(&child, supervisor), ERR_NOT_FOUND);
    expect_pid(f, &child, "restarting");
    assert_false(child.removed);
}

/* Its exit message may still wait: until then which_children shows the pid, as OTP. */
static void process__has_ended__none_but_its_pid_is_shown(void **state)
{
    struct fake *f = *state;
    struct starting starting = {.f = f};
    struct child child = worker(&starting);
    assert_int_equal(child_start(&child, fake_probe(f)), 0);
    fake_exit(fake_process(f, 2), "boom");
    fake_run(f);
    assert_null(child_process(&child, &f->node));
    expect_pid(f, &child, "<0.2.0>");
}

static void stopped__each_restart__a_temporary_one_is_removed(void **state)
{
    struct fake *f = *state;
    for (enum restart restart = PERMANENT; restart <= TEMPORARY; restart++) {
        struct starting starting = {.f = f};
        struct child child = worker(&starting);
        child.spec.restart = restart;
        assert_int_equal(child_start(&child, fake_probe(f)), 0);
        child_stopped(&child);
        assert_int_equal(child.removed, restart == TEMPORARY);
        expect_pid(f, &child, "undefined");
        child.restarting = true;
        child_stopped(&child);
        expect_pid(f, &child, "undefined"); /* nothing tries any more */
    }
}

static void stopped__removed_already__stays_removed(void **state)
{
    struct child child = {.removed = true, .spec = {.restart = PERMANENT}};
    child_stopped(&child);
    assert_true(child.removed);
}

/* ---- its id */

static bool has_id(const struct child *child, const char *text)
{
    struct buf id = BUF_EMPTY;
    fake_write(&id, text);
    bool same = child_has_id(child, buf_slice(&id));
    buf_release(&id);
    return same;
}

static void id__atom__that_atom_only(void **state)
{
    struct child child = worker(NULL);
    const uint8_t old_form[] = {100, 0, 3, 'b', 'o', 'b'};
    assert_true(has_id(&child, "bob"));
    assert_true(child_has_id(&child, slice_of(old_form, sizeof old_form)));
    assert_false(has_id(&child, "bo"));
    assert_false(has_id(&child, "bobb"));
    assert_false(has_id(&child, "\"bob\""));
    assert_false(has_id(&child, "0")); /* its number does not count */
    assert_false(has_id(&child, "{bob}"));
}

static void id__integer__that_integer_in_any_form(void **state)
{
    static const int64_t numbers[] = {0, 1, -1, 255, 256, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct child child = worker(NULL);
        struct buf id = BUF_EMPTY, other = BUF_EMPTY;
        child.spec.id = NULL;
        child.spec.number = numbers[i];
        child_write_id(&child, &id);
        assert_true(child_has_id(&child, buf_slice(&id)));
        etf_write_int64(&other, numbers[i] ^ 1);
        assert_false(child_has_id(&child, buf_slice(&other)));
        buf_release(&id);
        buf_release(&other);
    }
    struct child one = {.spec = {.number = 1}};
    const uint8_t as_float[] = {70, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0}, as_big[] = {110, 2, 0, 1, 0};
    const uint8_t beyond[] = {110, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1};
    assert_true(child_has_id(&one, slice_of(as_big, sizeof as_big)));
    assert_false(child_has_id(&one, slice_of(as_float, sizeof as_float)));
    assert_false(child_has_id(&one, slice_of(beyond, sizeof beyond)));
}

/* ---- its terms */

static void write_info__worker_and_supervisor__as_which_children(void **state)
{
    struct fake *f = *state;
    struct buf out = BUF_EMPTY;
    struct child child = worker(NULL);
    child_write_info(&child, &f->node, &out);
    expect_term(&out, "{bob,undefined,worker,[bob_server]}");
    child.spec.id = NULL;
    child.spec.number = 300;
    child.spec.type = CHILD_SUPERVISOR;
    child.restarting = true;
    child_write_info(&child, &f->node, &out);
    expect_term(&out, "{300,restarting,supervisor,[bob_server]}");
}

static void write_record__each_state__as_otp_keeps_it(void **state)
{
    struct fake *f = *state;
    struct starting starting = {.f = f};
    struct child child = worker(&starting);
    expect_record(
        f, &child,
        "{child,undefined,bob,{bob_server,start_link,[]},permanent,false,5000,worker,[bob_server]}");
    child.restarting = true;
    child.spec.restart = TRANSIENT;
    child.spec.shutdown_ms = SHUTDOWN_INFINITY;
    child.spec.type = CHILD_SUPERVISOR;
    expect_record(
        f, &child,
        "{child,{restarting,undefined},bob,{bob_server,start_link,[]},transient,false,infinity,supervisor,"
        "[bob_server]}");
    assert_int_equal(child_start(&child, fake_probe(f)), 0);
    child.spec.restart = TEMPORARY;
    child.spec.shutdown_ms = SHUTDOWN_BRUTAL_KILL;
    expect_record(
        f, &child,
        "{child,<0.2.0>,bob,{bob_server,start_link,[]},temporary,false,brutal_kill,supervisor,[bob_server]}");
}

static void expect_pair(struct slice map, const char *key, const char *expected)
{
    struct buf copy = BUF_EMPTY;
    struct slice value;
    assert_true(etf_map_get(map, key, &value));
    buf_append_slice(&copy, value);
    expect_term(&copy, expected);
}

/* A shutdown time, and how it is shown. */
static void expect_spec(struct child child, const char *shutdown, const char *restart)
{
    struct buf out = BUF_EMPTY, canonical = BUF_EMPTY;
    child_write_spec(&child, &out);
    assert_int_equal(etf_canonical(buf_slice(&out), &canonical), 0);
    assert_true(slice_equal(buf_slice(&out), buf_slice(&canonical))); /* its keys are in order */
    expect_pair(buf_slice(&out), "id", "bob");
    expect_pair(buf_slice(&out), "start", "{bob_server,start_link,[]}");
    expect_pair(buf_slice(&out), "modules", "[bob_server]");
    expect_pair(buf_slice(&out), "significant", "false");
    expect_pair(buf_slice(&out), "type", "worker");
    expect_pair(buf_slice(&out), "shutdown", shutdown);
    expect_pair(buf_slice(&out), "restart", restart);
    buf_release(&out);
    buf_release(&canonical);
}

static void write_spec__every_shutdown_and_restart__as_get_childspec(void **state)
{
    struct child child = worker(NULL);
    expect_spec(child, "5000", "permanent");
    child.spec.shutdown_ms = INT_MAX;
    child.spec.restart = TRANSIENT;
    expect_spec(child, "2147483647", "transient");
    child.spec.shutdown_ms = SHUTDOWN_INFINITY;
    child.spec.restart = TEMPORARY;
    expect_spec(child, "infinity", "temporary");
    child.spec.shutdown_ms = SHUTDOWN_BRUTAL_KILL;
    expect_spec(child, "brutal_kill", "temporary");
}

/* What child_log writes to stderr. */
static void expect_log(const struct child *child, const char *expected)
{
    char line[256] = "";
    int ends[2], kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    log_set_level(LOG_INFO);
    dup2(ends[1], STDERR_FILENO);
    child_log(child, LOG_WARN, "child_restarted");
    dup2(kept, STDERR_FILENO);
    log_set_level(LOG_NONE);
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    close(kept);
    close(ends[0]);
    close(ends[1]);
    assert_string_equal(line, expected);
}

static void log__id__its_text_or_its_number(void **state)
{
    struct child child = worker(NULL);
    expect_log(&child, "level=warn mod=supervisor event=child_restarted id=bob restart=permanent\n");
    child.spec.id = NULL;
    child.spec.number = INT64_MIN;
    expect_log(&child,
               "level=warn mod=supervisor event=child_restarted id=-9223372036854775808 restart=permanent\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(start__works__runs),
        FAKE_TEST(start__fails__is_as_before),
        FAKE_TEST(process__has_ended__none_but_its_pid_is_shown),
        FAKE_TEST(stopped__each_restart__a_temporary_one_is_removed),
        cmocka_unit_test(stopped__removed_already__stays_removed),
        cmocka_unit_test(id__atom__that_atom_only),
        cmocka_unit_test(id__integer__that_integer_in_any_form),
        FAKE_TEST(write_info__worker_and_supervisor__as_which_children),
        FAKE_TEST(write_record__each_state__as_otp_keeps_it),
        cmocka_unit_test(write_spec__every_shutdown_and_restart__as_get_childspec),
        cmocka_unit_test(log__id__its_text_or_its_number),
    };
    return cmocka_run_group_tests_name("supervisor_child", tests, NULL, NULL);
}
