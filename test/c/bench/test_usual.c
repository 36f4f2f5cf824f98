/* Usual frames, compared with the general parser; each is a heap block of its size, so that a sanitizer sees
 * a read beyond it. */
#include "usual.h"

#include "base/mem.h"
#include "unit.h"
#include "wire/control.h"
#include "wire/etf_check.h"
#include "wire/etf_write.h"
#include "wire/frame.h"
#include "wire/pid.h"

#include <stdlib.h>

/* Terms of a caller and a server. */
struct terms {
    struct buf caller; /* pids */
    struct buf server;
    struct buf ref;
    struct buf tag;  /* [alias | ref] */
    struct buf text; /* an atom */
};

static struct terms terms_new(void)
{
    struct terms terms = {.caller = BUF_EMPTY};
    struct buf node = BUF_EMPTY;
    etf_write_atom(&node, "somebody@somewhere");
    const struct pid caller = {.node = buf_slice(&node), .id = 1, .creation = 5};
    const struct pid server = {.node = buf_slice(&node), .id = 2, .serial = 3, .creation = 5};
    const struct ref ref = {.node = buf_slice(&node), .creation = 5, .words = 5, .word = {1, 2, 3, 4, 5}};
    pid_write(&terms.caller, &caller);
    pid_write(&terms.server, &server);
    ref_write(&terms.ref, &ref);
    etf_write_list(&terms.tag, 1);
    etf_write_atom(&terms.tag, "alias");
    etf_write_term(&terms.tag, buf_slice(&terms.ref));
    etf_write_atom(&terms.text, "size");
    buf_release(&node);
    return terms;
}

static void terms_free(struct terms *terms)
{
    buf_release(&terms->caller);
    buf_release(&terms->server);
    buf_release(&terms->ref);
    buf_release(&terms->tag);
    buf_release(&terms->text);
}

static void write_call(struct buf *out, const struct terms *terms, const char *atom, struct slice tag)
{
    size_t mark = control_send_sender_begin(out, buf_slice(&terms->caller), buf_slice(&terms->server),
                                            slice_of(NULL, 0));
    etf_write_tuple(out, 3);
    etf_write_atom(out, atom);
    etf_write_tuple(out, 2);
    etf_write_term(out, buf_slice(&terms->caller));
    etf_write_term(out, tag);
    etf_write_term(out, buf_slice(&terms->text));
    frame_end(out, mark);
}

static struct slice body(const struct buf *frame)
{
    return buf_slice_from(frame, 4);
}

static void assert_same(struct slice is, const struct buf *expected)
{
    assert_int_equal(is.size, expected->size);
    assert_memory_equal(is.data, expected->data, is.size);
}

static void call__with_alias__taken_apart(void **state)
{
    const char *atoms[] = {"$gen_call", "$todo_call"};
    for (int i = 0; i < 2; i++) {
        struct terms terms = terms_new();
        struct buf frame = BUF_EMPTY;
        struct call call;
        write_call(&frame, &terms, atoms[i], buf_slice(&terms.tag));
        assert_true(usual_call(body(&frame), &call));
        assert_same(call.to, &terms.server);
        assert_same(call.from, &terms.caller);
        assert_same(call.tag, &terms.tag);
        assert_same(call.alias, &terms.ref);
        assert_same(call.request, &terms.text);
        buf_release(&frame);
        terms_free(&terms);
    }
}

static void call__with_plain_reference__has_no_alias(void **state)
{
    struct terms terms = terms_new();
    struct buf frame = BUF_EMPTY;
    struct call call;
    write_call(&frame, &terms, "$gen_call", buf_slice(&terms.ref));
    assert_true(usual_call(body(&frame), &call));
    assert_same(call.tag, &terms.ref);
    assert_int_equal(call.alias.size, 0);
    buf_release(&frame);
    terms_free(&terms);
}

static void call__other_messages__not_recognised(void **state)
{
    struct terms terms = terms_new();
    struct buf frame = BUF_EMPTY;
    struct call call;
    struct monitor monitor;
    write_call(&frame, &terms, "$gen_cast", buf_slice(&terms.tag));
    assert_false(usual_call(body(&frame), &call));
    assert_false(usual_monitor(body(&frame), &monitor));
    buf_clear(&frame);
    write_call(&frame, &terms, "$gen_call", buf_slice(&terms.text));
    assert_false(usual_call(body(&frame), &call));
    buf_release(&frame);
    terms_free(&terms);
}

static void monitor__both_directions__taken_apart(void **state)
{
    for (int ends = 0; ends < 2; ends++) {
        for (int named = 0; named < 2; named++) {
            struct terms terms = terms_new();
            struct buf frame = BUF_EMPTY, *watched = named ? &terms.text : &terms.server;
            struct monitor monitor;
            (ends ? control_demonitor_p : control_monitor_p)(&frame, buf_slice(&terms.caller),
                                                             buf_slice(watched), buf_slice(&terms.ref));
            assert_true(usual_monitor(body(&frame), &monitor));
            assert_int_equal(monitor.ends, ends);
            assert_same(monitor.watcher, &terms.caller);
            assert_same(monitor.watched, watched);
            assert_same(monitor.ref, &terms.ref);
            buf_release(&frame);
            terms_free(&terms);
        }
    }
}

/* Where the start of a frame is recognised at all, it is one that ends within its last term. */
static void any_frame__cut_anywhere__nothing_is_read_beyond_it(void **state)
{
    struct terms terms = terms_new();
    struct buf frame = BUF_EMPTY;
    write_call(&frame, &terms, "$gen_call", buf_slice(&terms.tag));
    control_monitor_p(&frame, buf_slice(&terms.caller), buf_slice(&terms.server), buf_slice(&terms.ref));
    for (size_t size = 0; size < frame.size - 4; size++) {
        struct call call;
        struct monitor monitor;
        struct answer answer;
        uint8_t *part = mem_dup(frame.data + 4, size);
        struct slice cut = slice_of(part, size);
        if (usual_call(cut, &call)) {
            assert_true(call.request.size < size);
            assert_ptr_equal(call.request.data + call.request.size, part + size);
        }
        assert_false(usual_monitor(cut, &monitor));
        assert_false(usual_answer(cut, &answer));
        mem_free(part);
    }
    buf_release(&frame);
    terms_free(&terms);
}

static void answer__to_alias__as_the_general_parser_reads_it(void **state)
{
    struct terms terms = terms_new();
    struct buf frame = BUF_EMPTY, out = BUF_EMPTY;
    struct call call;
    struct control control;
    struct answer answer;
    write_call(&frame, &terms, "$gen_call", buf_slice(&terms.tag));
    assert_true(usual_call(body(&frame), &call));
    usual_answer_append(&out, &call, true, call.to, buf_slice(&terms.text));
    assert_int_equal(bytes_u32(out.data), out.size - 4);
    assert_int_equal(control_parse(body(&out), ETF_DEPTH_MAX_DEFAULT, &control), 0);
    assert_int_equal(control.op, CONTROL_ALIAS_SEND);
    assert_same(control.from, &terms.server);
    assert_same(control.to, &terms.ref);
    assert_true(usual_answer(body(&out), &answer));
    assert_same(answer.alias, &terms.ref);
    assert_same(answer.tag, &terms.tag);
    assert_same(answer.term, &terms.text);
    buf_release(&frame);
    buf_release(&out);
    terms_free(&terms);
}

static void answer__to_peer_without_aliases__sent_to_the_caller(void **state)
{
    struct terms terms = terms_new();
    struct buf frame = BUF_EMPTY, out = BUF_EMPTY;
    struct call call;
    struct control control;
    write_call(&frame, &terms, "$gen_call", buf_slice(&terms.tag));
    assert_true(usual_call(body(&frame), &call));
    usual_answer_append(&out, &call, false, call.to, buf_slice(&terms.text));
    assert_int_equal(control_parse(body(&out), ETF_DEPTH_MAX_DEFAULT, &control), 0);
    assert_int_equal(control.op, CONTROL_SEND);
    assert_same(control.to, &terms.caller);
    buf_release(&frame);
    buf_release(&out);
    terms_free(&terms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call__with_alias__taken_apart),
        cmocka_unit_test(call__with_plain_reference__has_no_alias),
        cmocka_unit_test(call__other_messages__not_recognised),
        cmocka_unit_test(monitor__both_directions__taken_apart),
        cmocka_unit_test(any_frame__cut_anywhere__nothing_is_read_beyond_it),
        cmocka_unit_test(answer__to_alias__as_the_general_parser_reads_it),
        cmocka_unit_test(answer__to_peer_without_aliases__sent_to_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
