#include "runtime/process_tree.h"

#include "runtime/fake_rpc.h"
#include "runtime/gen_server.h"
#include "runtime/links.h"

static int init(struct gen_server *self, const void *argument)
{
    return 0;
}

static struct process *start(struct fake *f, struct process *parent, const char *name)
{
    static const struct gen_server_type type = {.process = GEN_SERVER_PROCESS("server", struct gen_server),
                                                .init = init};
    struct gen_server *server = NULL;
    assert_int_equal(gen_server_start(&f->node, &type, parent, name, NULL, &server), 0);
    return &server->process;
}

static void expect_tree(struct process *root, const char *expected)
{
    struct buf out = BUF_EMPTY, text = BUF_EMPTY;
    process_tree_write(root, &out);
    fake_render(&text, buf_slice(&out));
    fake_expect_text(&text, expected);
    buf_release(&out);
    buf_release(&text);
}

static void process_tree__root_alone__no_links(void **state)
{
    struct fake *f = *state;
    expect_tree(fake_top(f), "{\"top\",[{<0.2.0>,\"top\"}],[],[]}");
    expect_tree(fake_probe(f), "{\"<0.3.0>\",[{<0.3.0>,\"<0.3.0>\"}],[],[]}");
}

static void process_tree__children_of_children__are_branches(void **state)
{
    struct fake *f = *state;
    struct process *top = fake_top(f);
    struct process *one = start(f, top, "one");
    start(f, one, NULL);
    expect_tree(top, "{\"top\",[{<0.2.0>,\"top\"},{<0.3.0>,\"one\"},{<0.4.0>,\"<0.4.0>\"}],"
                     "[{\"top\",\"one\"},{\"one\",\"<0.4.0>\"}],[]}");
}

static void process_tree__link_between_branches__is_told_once(void **state)
{
    struct fake *f = *state;
    struct process *top = fake_top(f);
    struct process *one = start(f, top, "one");
    struct process *two = start(f, one, "two");
    struct process *three = start(f, two, "three");
    link_add(one, three);
    link_add(top, two);
    link_add(top, three);
    struct buf out = BUF_EMPTY, text = BUF_EMPTY;
    process_tree_write(top, &out);
    fake_render(&text, buf_slice(&out));
    buf_append_u8(&text, '\0');
    const char *links = strstr((const char *)text.data, "}],[{");
    assert_non_null(links);
    assert_non_null(strstr(links, "{\"top\",\"one\"},{\"one\",\"two\"},{\"two\",\"three\"}],["));
    assert_non_null(strstr(links, "{\"top\",\"two\"}"));
    assert_non_null(strstr(links, "{\"top\",\"three\"}"));
    assert_non_null(strstr(links, "{\"one\",\"three\"}"));
    buf_release(&out);
    buf_release(&text);
}

static void process_tree__others_that_are_linked__do_not_belong(void **state)
{
    struct fake *f = *state;
    struct process *top = fake_top(f);
    link_add(top, fake_probe(f));
    fake_in(&f->a, "{LINK,<a.9.0>,<0.2.0>}", NULL);
    expect_tree(top, "{\"top\",[{<0.2.0>,\"top\"}],[],[]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_RPC_TEST(process_tree__root_alone__no_links),
        FAKE_RPC_TEST(process_tree__children_of_children__are_branches),
        FAKE_RPC_TEST(process_tree__link_between_branches__is_told_once),
        FAKE_RPC_TEST(process_tree__others_that_are_linked__do_not_belong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
