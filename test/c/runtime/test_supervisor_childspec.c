#include "runtime/fake_text.h"
#include "unit.h"

#include "runtime/supervisor_childspec.h"
#include "wire/etf_write.h"

#include <string.h>

/* "key value key value ...", separated by one space: a map; anything else is one term. */
static void write_spec(struct buf *out, const char *text)
{
    char copy[256], *words[32], *place;
    uint32_t count = 0;
    assert_true(strlen(text) < sizeof copy);
    strcpy(copy, text);
    for (char *word = strtok_r(copy, " ", &place); word != NULL; word = strtok_r(NULL, " ", &place))
        words[count++] = word;
    if (count != 1)
        etf_write_map(out, count / 2);
    for (uint32_t i = 0; i < count; i++)
        fake_write(out, words[i]);
}

static void expect_text(struct buf *term, const char *expected)
{
    struct buf text = BUF_EMPTY;
    fake_render(&text, buf_slice(term));
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
    buf_release(&text);
}

static const struct {
    const char *spec;
    const char *why;
} wrong[] = {
    {"", "missing_id"},
    {"id a", "missing_start"},
    {"start {m,f,[]}", "missing_id"},
    {"foo", "{invalid_child_spec,foo}"},
    {"[]", "{invalid_child_spec,[]}"},
    {"{a,{m,f,[]},permanent,1,worker}", "{invalid_child_spec,{a,{m,f,[]},permanent,1,worker}}"},
    {"id a start b", "{invalid_mfa,b}"},
    {"id a start {m,f}", "{invalid_mfa,{m,f}}"},
    {"id a start {m,f,x}", "{invalid_mfa,{m,f,x}}"},
    {"id a start {m,1,[]}", "{invalid_mfa,{m,1,[]}}"},
    {"id a start {m,f,[]} restart often", "{invalid_restart_type,often}"},
    {"id a start {m,f,[]} restart often type t", "{invalid_restart_type,often}"},
    {"id a start {m,f,[]} significant 1", "{invalid_significant,1}"},
    {"id a start {m,f,[]} significant true", "{bad_combination,[{auto_shutdown,never},{significant,true}]}"},
    {"id a start {m,f,[]} type t", "{invalid_child_type,t}"},
    {"id a start {m,f,[]} shutdown soon", "{invalid_shutdown,soon}"},
    {"id a start {m,f,[]} shutdown -1", "{invalid_shutdown,-1}"},
    {"id a start {m,f,[]} modules m", "{invalid_modules,m}"},
    {"id a start {m,f,[]} modules [m,1]", "{invalid_module,1}"},
    {"id a start {m,f,[]} modules [m|n]", "{invalid_modules,[m|n]}"},
    {"{a,b,permanent,1,worker,[m]}", "{invalid_mfa,b}"},
    {"{a,{m,f,[]},permanent,1,w,[m]}", "{invalid_child_type,w}"},
};

static void child_term_read__wrong__says_what_first(void **state)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct buf spec = BUF_EMPTY, why = BUF_EMPTY;
        struct child_term child;
        write_spec(&spec, wrong[i].spec);
        assert_false(child_term_read(buf_slice(&spec), &child, &why));
        expect_text(&why, wrong[i].why);
        buf_release(&spec);
        buf_release(&why);
    }
}

#define UNDEF(mfa) "{{'EXIT',{undef,[{" mfa ",[]}]}},{child,undefined,"

static const struct {
    const char *spec;
    const char *error;
} right[] = {
    {"id a start {m,f,[]}", UNDEF("m,f,[]") "a,{m,f,[]},permanent,false,5000,worker,[m]}}"},
    {"id a start {m,f,[]} type supervisor",
     UNDEF("m,f,[]") "a,{m,f,[]},permanent,false,infinity,supervisor,[m]}}"},
    {"id 1 start {m,f,[x]} restart temporary shutdown brutal_kill significant false modules dynamic",
     UNDEF("m,f,[x]") "1,{m,f,[x]},temporary,false,brutal_kill,worker,dynamic}}"},
    {"id a start {m,f,\"text\"} shutdown 0",
     UNDEF("m,f,\"text\"") "a,{m,f,\"text\"},permanent,false,0,worker,[m]}}"},
    {"{c,{m,f,[]},transient,infinity,worker,[]}",
     UNDEF("m,f,[]") "c,{m,f,[]},transient,false,infinity,worker,[]}}"},
};

static void child_term_write_undef__left_out__has_the_defaults(void **state)
{
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        struct buf spec = BUF_EMPTY, out = BUF_EMPTY;
        struct child_term child;
        write_spec(&spec, right[i].spec);
        assert_true(child_term_read(buf_slice(&spec), &child, &out));
        assert_int_equal(out.size, 0);
        child_term_write_undef(&child, &out);
        expect_text(&out, right[i].error);
        buf_release(&spec);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(child_term_read__wrong__says_what_first),
        cmocka_unit_test(child_term_write_undef__left_out__has_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
