/* Who called, and where the answer goes. (test_gen_server.c plays every form of tag.) */
#include "runtime/fake_peer.h"

#include "runtime/from.h"
#include "runtime/process_send.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <string.h>

static void from_read__pid_and_tag__taken(void **state)
{
    struct buf terms = BUF_EMPTY;
    struct from from = {.fast = true};
    fake_write(&terms, "{<a.5.0>,[alias|#a.7]}");
    fake_write(&terms, "next");
    struct slice cursor = buf_slice(&terms);
    assert_true(from_read(&cursor, &from));
    assert_int_equal(etf_type(from.pid), TERM_PID);
    assert_int_equal(etf_type(from.tag), TERM_LIST);
    assert_false(from.fast);
    assert_true(etf_is_atom(cursor, "next"));
    buf_release(&terms);
}

static void from_read__anything_else__nothing_is_taken(void **state)
{
    static const char *const terms[] = {"x", "{}", "{<a.5.0>}", "{<a.5.0>,x,y}", "[<a.5.0>,x]", "1"};
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        struct buf term = BUF_EMPTY;
        struct from from;
        fake_write(&term, terms[i]);
        struct slice cursor = buf_slice(&term);
        assert_false(from_read(&cursor, &from));
        assert_int_equal(cursor.size, term.size);
        buf_release(&term);
    }
}

static void from_alias__each_tag__alias_where_it_has_one(void **state)
{
    static const struct {
        const char *tag;
        const char *alias; /* NULL: none */
    } tags[] = {
        {"[alias|#a.7]", "#a.7"}, {"[[alias|#a.7]|x]", "#a.7"}, {"[[alias|#a.7],x]", "#a.7"},
        {"#a.7", NULL},           {"[alias,#a.7]", NULL},       {"[alias|x]", NULL},
        {"[x|#a.7]", NULL},       {"[[[alias|#a.7]]]", NULL},   {"[]", NULL},
        {"{alias,#a.7}", NULL},
    };
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        struct buf tag = BUF_EMPTY, text = BUF_EMPTY;
        struct slice alias;
        fake_write(&tag, tags[i].tag);
        assert_int_equal(from_alias(buf_slice(&tag), &alias), tags[i].alias != NULL);
        if (tags[i].alias != NULL) {
            fake_render(&text, alias);
            fake_expect_text(&text, tags[i].alias);
        }
        buf_release(&tag);
        buf_release(&text);
    }
}

static void answer(struct fake *f, struct process *sender, const char *term)
{
    struct buf bytes = BUF_EMPTY;
    struct from from;
    fake_write(&bytes, term);
    struct slice cursor = buf_slice(&bytes);
    assert_true(from_read(&cursor, &from));
    struct buf *out = from_answer_begin(&f->node, sender, &from);
    etf_write_atom(out, "yes");
    process_send_end(&f->node);
    buf_release(&bytes);
}

static void from_answer__alias__goes_there(void **state)
{
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    answer(f, process, "{<a.5.0>,[alias|#a.7]}");
    fake_expect_out(f, &f->a, "{ALIAS_SEND,<0.1.0>,#a.7} {[alias|#a.7],yes}");
    answer(f, process, "{x,[alias|#a.7]}");
    fake_expect_out(f, &f->a, "{ALIAS_SEND,<0.1.0>,#a.7} {[alias|#a.7],yes}");
}

static void from_answer__no_alias__goes_to_the_pid(void **state)
{
    struct fake *f = *state;
    answer(f, fake_probe(f), "{<a.5.0>,x}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {x,yes}");
}

static void from_answer__nobody_answers__the_node_does(void **state)
{
    struct fake *f = *state;
    answer(f, NULL, "{<a.5.0>,[alias|#a.7]}");
    answer(f, NULL, "{<a.5.0>,x}");
    fake_expect_out(f, &f->a, "{ALIAS_SEND,<0.0.0>,#a.7} {[alias|#a.7],yes}; {SEND,'',<a.5.0>} {x,yes}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_read__pid_and_tag__taken),
        cmocka_unit_test(from_read__anything_else__nothing_is_taken),
        cmocka_unit_test(from_alias__each_tag__alias_where_it_has_one),
        FAKE_TEST(from_answer__alias__goes_there),
        FAKE_TEST(from_answer__no_alias__goes_to_the_pid),
        FAKE_TEST(from_answer__nobody_answers__the_node_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
