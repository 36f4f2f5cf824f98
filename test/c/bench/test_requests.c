/* What the templates write, read by the general parser; answers to it, recognised or not. */
#include "requests.h"

#include "unit.h"
#include "usual.h"
#include "wire/control.h"
#include "wire/etf_check.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <stdlib.h>
#include <string.h>

static const struct request_id some_id = {.caller = 1000, .sequence = 77};
static const struct target some_target = {.id = 123456, .serial = 78};

static struct requests requests;
static struct buf peer, request; /* terms: the other node's name, what is asked */

static int prepare(void **state)
{
    etf_write_atom(&peer, "todo@there");
    etf_write_atom(&request, "entries");
    const struct pid any = {.node = buf_slice(&peer), .creation = 99};
    requests_init(&requests, "bench@here", 44);
    requests_prepare(&requests, &any, buf_slice(&request));
    return 0;
}

static int release(void **state)
{
    requests_release(&requests);
    buf_release(&peer);
    buf_release(&request);
    return 0;
}

/* Takes a frame off the front and parses it. */
static struct control take(struct slice *bytes)
{
    struct control control;
    size_t size = bytes_u32(bytes->data);
    assert_true(bytes->size >= 4 + size);
    assert_int_equal(control_parse(slice_of(bytes->data + 4, size), ETF_DEPTH_MAX_DEFAULT, &control), 0);
    *bytes = slice_of(bytes->data + 4 + size, bytes->size - 4 - size);
    return control;
}

static void assert_self(struct slice term)
{
    struct pid pid;
    assert_true(pid_read(&term, &pid));
    assert_true(etf_is_atom(pid.node, "bench@here"));
    assert_int_equal(pid.id, some_id.caller + 1);
    assert_int_equal(pid.creation, 44);
}

static void assert_target(struct slice term)
{
    struct pid pid;
    assert_true(pid_read(&term, &pid));
    assert_true(etf_is_atom(pid.node, "todo@there"));
    assert_int_equal(pid.id, some_target.id);
    assert_int_equal(pid.serial, some_target.serial);
    assert_int_equal(pid.creation, 99);
}

static void assert_ref(struct slice term)
{
    struct ref ref;
    assert_true(ref_read(&term, &ref));
    assert_int_equal(ref.words, 5);
    assert_int_equal(ref.word[0], some_id.caller);
    assert_int_equal(ref.word[1], some_id.sequence);
    assert_int_equal(ref.creation, 44);
}

static void assert_message(struct slice message)
{
    uint32_t arity, length;
    assert_true(etf_read_tagged(&message, "$gen_call", 3));
    assert_true(etf_read_tuple(&message, &arity));
    assert_int_equal(arity, 2);
    assert_self(etf_take(&message));
    assert_true(etf_read_list(&message, &length));
    assert_int_equal(length, 1);
    assert_true(etf_is_atom(etf_take(&message), "alias"));
    assert_ref(etf_take(&message));
    assert_true(etf_is_atom(message, "entries"));
}

static void call__prepared__monitor_and_send(void **state)
{
    struct buf out = BUF_EMPTY;
    struct call call;
    requests_call(&requests, &out, some_id, some_target);
    struct slice rest = buf_slice(&out);
    struct control monitor = take(&rest);
    assert_true(usual_call(slice_of(rest.data + 4, rest.size - 4), &call));
    struct control send = take(&rest);
    assert_int_equal(rest.size, 0);
    assert_int_equal(monitor.op, CONTROL_MONITOR_P);
    assert_self(monitor.from);
    assert_target(monitor.to);
    assert_ref(monitor.ref);
    assert_int_equal(send.op, CONTROL_SEND);
    assert_self(send.from);
    assert_target(send.to);
    assert_message(send.message);
    buf_release(&out);
}

static void monitor_and_demonitor__prepared__of_the_same_terms(void **state)
{
    struct buf out = BUF_EMPTY;
    requests_monitor(&requests, &out, some_id, some_target);
    requests_demonitor(&requests, &out, some_id, some_target);
    struct slice rest = buf_slice(&out);
    for (int i = 0; i < 2; i++) {
        struct control control = take(&rest);
        assert_int_equal(control.op, i == 0 ? CONTROL_MONITOR_P : CONTROL_DEMONITOR_P);
        assert_self(control.from);
        assert_target(control.to);
        assert_ref(control.ref);
    }
    assert_int_equal(rest.size, 0);
    buf_release(&out);
}

static void call_name__unprepared__monitor_send_demonitor(void **state)
{
    struct requests fresh;
    struct buf out = BUF_EMPTY;
    requests_init(&fresh, "bench@here", 44);
    requests_call_name(&fresh, &out, some_id, "cache", buf_slice(&request));
    requests_demonitor_name(&fresh, &out, some_id, "cache");
    struct slice rest = buf_slice(&out);
    const enum control_op ops[] = {CONTROL_MONITOR_P, CONTROL_REG_SEND, CONTROL_DEMONITOR_P};
    for (int i = 0; i < 3; i++) {
        struct control control = take(&rest);
        assert_int_equal(control.op, ops[i]);
        assert_self(control.from);
        assert_true(etf_is_atom(control.to, "cache"));
        if (control.op == CONTROL_REG_SEND)
            assert_message(control.message);
        else
            assert_ref(control.ref);
    }
    assert_int_equal(rest.size, 0);
    buf_release(&out);
    requests_release(&fresh);
}

/* The answer to a call as out holds it, without its length. */
static void answer_call(struct buf *out, struct request_id id, bool aliases, const char *text)
{
    struct buf frames = BUF_EMPTY, term = BUF_EMPTY;
    struct call call;
    requests_call(&requests, &frames, id, some_target);
    size_t monitor = 4 + bytes_u32(frames.data);
    assert_true(usual_call(slice_of(frames.data + monitor + 4, frames.size - monitor - 4), &call));
    etf_write_atom(&term, text);
    usual_answer_append(out, &call, aliases, call.to, buf_slice(&term));
    buf_consume(out, 4);
    buf_release(&frames);
    buf_release(&term);
}

static void frame__answer_in_either_form__its_id_and_term(void **state)
{
    for (int aliases = 0; aliases < 2; aliases++) {
        struct buf out = BUF_EMPTY;
        struct request_id id;
        struct slice answer;
        answer_call(&out, some_id, aliases, "fine");
        assert_int_equal(requests_frame(&requests, buf_slice(&out), &id, &answer), REQUEST_ANSWER);
        assert_int_equal(id.caller, some_id.caller);
        assert_int_equal(id.sequence, some_id.sequence);
        assert_true(etf_is_atom(answer, "fine"));
        buf_release(&out);
    }
}

/* One byte of the tag is another: only the numbers of the id may change without it being noticed here. */
static void frame__tag_changed_anywhere__foreign_or_another_id(void **state)
{
    struct buf out = BUF_EMPTY;
    answer_call(&out, some_id, true, "fine");
    size_t end = out.size - 6, start = end - requests.tag.size;
    for (size_t i = start; i < end; i++) {
        struct request_id id = some_id;
        struct slice answer;
        out.data[i] ^= 1;
        if (requests_frame(&requests, buf_slice(&out), &id, &answer) == REQUEST_ANSWER)
            assert_true(id.caller != some_id.caller || id.sequence != some_id.sequence);
        out.data[i] ^= 1;
    }
    buf_release(&out);
}

static void frame__no_answer__what_it_is(void **state)
{
    struct buf out = BUF_EMPTY, pid = BUF_EMPTY, ref = BUF_EMPTY;
    struct request_id id;
    struct slice answer;
    const struct pid some_pid = {.node = buf_slice(&peer), .id = 1, .creation = 99};
    const struct ref some_ref = {.node = buf_slice(&requests.self), .creation = 44, .words = 3};
    pid_write(&pid, &some_pid);
    ref_write(&ref, &some_ref);
    control_monitor_p_exit(&out, true, buf_slice(&pid), buf_slice(&pid), buf_slice(&ref),
                           buf_slice(&request));
    assert_int_equal(requests_frame(&requests, buf_slice_from(&out, 4), &id, &answer), REQUEST_DOWN);
    buf_clear(&out);
    control_link(&out, buf_slice(&pid), buf_slice(&pid));
    assert_int_equal(requests_frame(&requests, buf_slice_from(&out, 4), &id, &answer), REQUEST_OTHER);
    assert_int_equal(requests_frame(&requests, slice_of("p\x83h", 3), &id, &answer), REQUEST_FOREIGN);
    buf_release(&out);
    buf_release(&pid);
    buf_release(&ref);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call__prepared__monitor_and_send),
        cmocka_unit_test(monitor_and_demonitor__prepared__of_the_same_terms),
        cmocka_unit_test(call_name__unprepared__monitor_send_demonitor),
        cmocka_unit_test(frame__answer_in_either_form__its_id_and_term),
        cmocka_unit_test(frame__tag_changed_anywhere__foreign_or_another_id),
        cmocka_unit_test(frame__no_answer__what_it_is),
    };
    return cmocka_run_group_tests(tests, prepare, release);
}
