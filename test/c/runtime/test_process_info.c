/* process_info, item by item. */
#include "runtime/process_info.h"

#include "runtime/fake_peer.h"
#include "runtime/gen_server.h"
#include "runtime/links.h"
#include "runtime/mailbox.h"
#include "runtime/monitors.h"
#include "runtime/registry.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

enum { STATE_BYTES = 12345 };

static int init(struct gen_server *self, const void *argument)
{
    return 0;
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    gen_server_reply(self, from, request);
}

static size_t state_bytes(const struct gen_server *self)
{
    return STATE_BYTES;
}

static const struct gen_server_type plain = {
    .process = GEN_SERVER_PROCESS("plain", struct gen_server), .init = init, .handle_call = handle_call};

static const struct gen_server_type large = {.process = GEN_SERVER_PROCESS("large", struct gen_server),
                                             .init = init,
                                             .handle_call = handle_call,
                                             .state_bytes = state_bytes};

static struct process *start(struct fake *f, const struct gen_server_type *type, struct process *parent,
                             const char *name)
{
    struct gen_server *server;
    assert_int_equal(gen_server_start(&f->node, type, parent, name, NULL, &server), 0);
    return &server->process;
}

static void expect_term(struct buf *term, const char *expected)
{
    struct buf text = BUF_EMPTY;
    fake_render(&text, buf_slice(term));
    buf_append_u8(&text, '\0');
    assert_string_equal((const char *)text.data, expected);
    buf_release(&text);
    buf_release(term);
}

static void expect_items(const struct process *process, const char *items, const char *expected)
{
    struct buf names = BUF_EMPTY, term = BUF_EMPTY;
    fake_write(&names, items);
    assert_true(process_info_write_items(process, buf_slice(&names), &term));
    buf_release(&names);
    expect_term(&term, expected);
}

static uint64_t number_of(const struct process *process, const char *item)
{
    struct buf names = BUF_EMPTY, term = BUF_EMPTY;
    uint64_t number;
    fake_write(&names, item);
    assert_true(process_info_write_items(process, buf_slice(&names), &term));
    struct slice cursor = buf_slice(&term);
    assert_true(etf_read_tagged(&cursor, item, 2));
    assert_true(etf_read_uint64(&cursor, &number));
    buf_release(&names);
    buf_release(&term);
    return number;
}

static void process_info__server__is_what_proc_lib_and_gen_server_make(void **state)
{
    struct fake *f = *state;
    struct process *parent = start(f, &plain, NULL, "parent");
    struct process *server = start(f, &large, parent, NULL);
    expect_items(server, "dictionary",
                 "{dictionary,[{'$ancestors',[parent]},{'$initial_call',{large,init,1}}]}");
    expect_items(server, "[initial_call,current_function,parent,trap_exit,status]",
                 "[{initial_call,{large,init,1}},{current_function,{gen_server,receive,2}},"
                 "{parent,<0.1.0>},{trap_exit,false},{status,waiting}]");
    expect_items(parent, "[parent,registered_name]", "[{parent,undefined},{registered_name,parent}]");
    expect_items(server, "registered_name", "[]");
}

static void process_info__other_process__has_no_dictionary(void **state)
{
    struct fake *f = *state;
    expect_items(fake_probe(f), "[dictionary,parent,current_function]",
                 "[{dictionary,[]},{parent,undefined},{current_function,{probe,receive,2}}]");
}

static void process_info__memory__counts_struct_state_and_messages(void **state)
{
    struct fake *f = *state;
    struct process *small = start(f, &plain, NULL, NULL);
    struct process *server = start(f, &large, NULL, NULL);
    uint64_t before = number_of(server, "memory");
    assert_int_equal(before, number_of(small, "memory") + STATE_BYTES);
    assert_int_equal(number_of(server, "total_heap_size"), before / sizeof(void *));
    process_pause(server);
    fake_post(server, "\"a message\"");
    assert_int_equal(number_of(server, "memory"), before + mailbox_bytes(server->mailbox));
    assert_int_equal(number_of(server, "message_queue_len"), 1);
    expect_items(server, "messages", "{messages,[\"a message\"]}");
    link_add(small, server);
    assert_true(number_of(server, "memory") > before + mailbox_bytes(server->mailbox));
}

static void process_info__links_and_monitors__are_told_from_both_sides(void **state)
{
    struct fake *f = *state;
    struct process *one = fake_probe(f), *two = fake_probe(f);
    struct buf memory = BUF_EMPTY;
    struct ref ref;
    fake_write(&memory, "<0.2.0>");
    link_add(one, two);
    monitor_add(one, buf_slice(&memory), &ref);
    monitor_add_spawning(one, f->a.peer, &ref);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.2.0>,#a.7}", NULL);
    fake_in(&f->a, "{LINK,<a.5.0>,<0.2.0>}", NULL);
    expect_items(one, "[links,monitors,monitored_by]",
                 "[{links,[<0.2.0>]},{monitors,[{process,<0.2.0>}]},{monitored_by,[]}]");
    expect_items(two, "[links,monitors,monitored_by]",
                 "[{links,[<0.1.0>,<a.5.0>]},{monitors,[]},{monitored_by,[<a.5.0>,<0.1.0>]}]");
    buf_release(&memory);
}

static void process_info__dead__is_undefined(void **state)
{
    struct buf term = BUF_EMPTY;
    process_info_write(NULL, &term);
    expect_term(&term, "undefined");
    expect_items(NULL, "memory", "undefined");
    expect_items(NULL, "[memory,links]", "undefined");
}

static void process_info__no_item__is_refused(void **state)
{
    static const char *const none[] = {"nonsense", "[links,nonsense]", "[links|memory]", "{links}", "1"};
    struct fake *f = *state;
    struct process *process = fake_probe(f);
    struct buf term = BUF_EMPTY;
    buf_append_u8(&term, 'x');
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct buf names = BUF_EMPTY;
        fake_write(&names, none[i]);
        assert_false(process_info_write_items(process, buf_slice(&names), &term));
        assert_int_equal(term.size, 1);
        buf_release(&names);
    }
    buf_release(&term);
}

static void process_info__all__shows_seventeen_items_or_sixteen_without_a_name(void **state)
{
    struct fake *f = *state;
    struct buf term = BUF_EMPTY;
    uint32_t length;
    process_info_write(start(f, &plain, NULL, "named"), &term);
    struct slice cursor = buf_slice(&term);
    assert_true(etf_read_list(&cursor, &length));
    assert_int_equal(length, 17);
    assert_true(etf_read_tagged(&cursor, "registered_name", 2));
    buf_clear(&term);
    process_info_write(start(f, &plain, NULL, NULL), &term);
    cursor = buf_slice(&term);
    assert_true(etf_read_list(&cursor, &length));
    assert_int_equal(length, 16);
    assert_true(etf_read_tagged(&cursor, "current_function", 2));
    buf_release(&term);
}

static void process_info_write_initial_call__of_each__is_that_of_proc_lib(void **state)
{
    struct fake *f = *state;
    struct process *server = start(f, &plain, NULL, NULL);
    struct buf term = BUF_EMPTY;
    process_info_write_initial_call(server, false, &term);
    expect_term(&term, "{plain,init,['Argument__1']}");
    process_info_write_initial_call(server, true, &term);
    expect_term(&term, "{plain,init,1}");
    const struct process *none[] = {NULL, fake_probe(f)};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        process_info_write_initial_call(none[i], false, &term);
        expect_term(&term, "false");
        process_info_write_initial_call(none[i], true, &term);
        expect_term(&term, "{proc_lib,init_p,5}");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(process_info__server__is_what_proc_lib_and_gen_server_make),
        FAKE_TEST(process_info__other_process__has_no_dictionary),
        FAKE_TEST(process_info__memory__counts_struct_state_and_messages),
        FAKE_TEST(process_info__links_and_monitors__are_told_from_both_sides),
        FAKE_TEST(process_info__dead__is_undefined),
        FAKE_TEST(process_info__no_item__is_refused),
        FAKE_TEST(process_info__all__shows_seventeen_items_or_sixteen_without_a_name),
        FAKE_TEST(process_info_write_initial_call__of_each__is_that_of_proc_lib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
