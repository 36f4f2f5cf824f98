/* What the floor says to frames, usual and unusual ones. */
#include "floor_messages.h"

#include "requests.h"
#include "unit.h"
#include "wire/control.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"
#include "wire/frame.h"

#include <string.h>

enum { FLOOR_CREATION = 99 };

/* A floor, and somebody who asks it. */
struct stage {
    struct floor_messages floor;
    struct requests requests; /* of who asks */
    struct held held;
    struct buf in;  /* frames for the floor */
    struct buf out; /* its frames */
    unsigned calls; /* that it counted */
};

static const struct request_id some_id = {.caller = 3, .sequence = 4};
static const struct target some_target = {.id = 5, .serial = 6};

static struct stage stage_new(void)
{
    struct stage stage = {.held = HELD_EMPTY};
    struct buf term = BUF_EMPTY;
    etf_write_atom(&term, "always");
    floor_messages_init(&stage.floor, "floor@here", FLOOR_CREATION, buf_slice(&term));
    requests_init(&stage.requests, "bench@here", 44);
    const struct pid any = {.node = buf_slice(&stage.floor.node), .creation = FLOOR_CREATION};
    requests_prepare(&stage.requests, &any, buf_slice(&term));
    buf_release(&term);
    return stage;
}

static void stage_free(struct stage *stage)
{
    floor_messages_release(&stage->floor);
    requests_release(&stage->requests);
    held_release(&stage->held);
    buf_release(&stage->in);
    buf_release(&stage->out);
}

/* Gives the floor all that is in; the error it told last. */
static int play(struct stage *stage)
{
    int error = 0;
    for (size_t at = 0; at < stage->in.size; at += 4 + bytes_u32(stage->in.data + at)) {
        struct slice frame = slice_of(stage->in.data + at + 4, bytes_u32(stage->in.data + at));
        stage->calls += floor_messages_frame(&stage->floor, frame, true, &stage->held, &stage->out, &error);
    }
    buf_clear(&stage->in);
    return error;
}

/* The answer, if there is exactly one, to some_id. */
static struct slice only_answer(struct stage *stage)
{
    struct request_id id;
    struct slice answer;
    assert_true(stage->out.size > 4);
    assert_int_equal(bytes_u32(stage->out.data), stage->out.size - 4);
    assert_int_equal(requests_frame(&stage->requests, buf_slice_from(&stage->out, 4), &id, &answer),
                     REQUEST_ANSWER);
    assert_int_equal(id.caller, some_id.caller);
    assert_int_equal(id.sequence, some_id.sequence);
    return answer;
}

static void frame__call_to_pid__answered_and_monitor_held(void **state)
{
    struct stage stage = stage_new();
    requests_call(&stage.requests, &stage.in, some_id, some_target);
    assert_int_equal(play(&stage), 0);
    assert_int_equal(stage.calls, 1);
    assert_int_equal(stage.held.count, 1);
    assert_true(etf_is_atom(only_answer(&stage), "always"));
    requests_demonitor(&stage.requests, &stage.in, some_id, some_target);
    assert_int_equal(play(&stage), 0);
    assert_int_equal(stage.held.count, 0);
    stage_free(&stage);
}

/* Asks a name for {What, Name}. */
static struct slice ask_name(struct stage *stage, const char *what, const char *name)
{
    struct buf request = BUF_EMPTY;
    etf_write_tuple(&request, 2);
    etf_write_atom(&request, what);
    etf_write_binary_text(&request, name);
    buf_clear(&stage->out);
    requests_call_name(&stage->requests, &stage->in, some_id, "someone", buf_slice(&request));
    requests_demonitor_name(&stage->requests, &stage->in, some_id, "someone");
    buf_release(&request);
    assert_int_equal(play(stage), 0);
    assert_int_equal(stage->held.count, 0);
    return only_answer(stage);
}

static uint32_t server_of(struct stage *stage, const char *name)
{
    struct slice answer = ask_name(stage, "server_process", name);
    struct pid pid;
    assert_true(pid_read(&answer, &pid));
    assert_true(etf_is_atom(pid.node, "floor@here"));
    assert_int_equal(pid.creation, FLOOR_CREATION);
    return pid.id;
}

static void frame__server_process__the_same_pid_for_the_same_name(void **state)
{
    struct stage stage = stage_new();
    uint32_t bob = server_of(&stage, "bob"), alice = server_of(&stage, "alice");
    assert_int_not_equal(bob, alice);
    assert_int_equal(server_of(&stage, "bob"), bob);
    assert_int_equal(stage.calls, 3);
    stage_free(&stage);
}

static void frame__ping_and_others_to_names__answered(void **state)
{
    struct stage stage = stage_new();
    assert_true(etf_is_atom(ask_name(&stage, "is_auth", "x"), "yes"));
    assert_true(etf_is_atom(ask_name(&stage, "anything", "x"), "always"));
    stage_free(&stage);
}

/* The first message of a connection may be a SEND although SEND_SENDER was agreed on. */
static void frame__call_in_the_old_form__answered(void **state)
{
    struct stage stage = stage_new();
    struct buf usual = BUF_EMPTY;
    struct control control;
    requests_call(&stage.requests, &usual, some_id, some_target);
    size_t monitor = 4 + bytes_u32(usual.data);
    assert_int_equal(
        control_parse(slice_of(usual.data + monitor + 4, usual.size - monitor - 4), 100, &control), 0);
    size_t mark = control_send_begin(&stage.in, control.to, slice_of(NULL, 0));
    etf_write_term(&stage.in, control.message);
    frame_end(&stage.in, mark);
    assert_int_equal(play(&stage), 0);
    assert_true(etf_is_atom(only_answer(&stage), "always"));
    buf_release(&usual);
    stage_free(&stage);
}

static void frame__casts_links_and_garbage__no_answer(void **state)
{
    struct stage stage = stage_new();
    struct buf pid = BUF_EMPTY;
    const struct pid parts = {.node = buf_slice(&stage.floor.node), .id = 1, .creation = 1};
    pid_write(&pid, &parts);
    control_link(&stage.in, buf_slice(&pid), buf_slice(&pid));
    size_t mark = control_send_begin(&stage.in, buf_slice(&pid), slice_of(NULL, 0));
    etf_write_atom(&stage.in, "hello");
    frame_end(&stage.in, mark);
    assert_int_equal(play(&stage), 0);
    mark = frame_begin(&stage.in);
    buf_append(&stage.in, "p\x83h", 3);
    frame_end(&stage.in, mark);
    assert_int_not_equal(play(&stage), 0);
    assert_int_equal(stage.calls, 0);
    assert_int_equal(stage.out.size, 0);
    buf_release(&pid);
    stage_free(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame__call_to_pid__answered_and_monitor_held),
        cmocka_unit_test(frame__server_process__the_same_pid_for_the_same_name),
        cmocka_unit_test(frame__ping_and_others_to_names__answered),
        cmocka_unit_test(frame__call_in_the_old_form__answered),
        cmocka_unit_test(frame__casts_links_and_garbage__no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
