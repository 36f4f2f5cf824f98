#include "runtime/fake_peer.h"

#include "base/error.h"
#include "runtime/gen_server.h"
#include "runtime/links.h"
#include "runtime/registry.h"
#include "wire/etf_read.h"

#include <stdio.h>

/* How a server behaves; its argument. */
struct config {
    struct fake *f;
    int init_status;       /* what init returns */
    bool stop_in_init;     /* which returns 0 all the same */
    bool stop_in_continue; /* with reason early */
    bool pause;            /* until the test resumes it */
    bool slow;             /* terminate does not finish by itself */
};

struct server {
    struct gen_server gen;
    struct config config;
    bool ready; /* does not postpone any more */
};

static int init(struct gen_server *self, const void *argument)
{
    struct server *server = (struct server *)self;
    server->config = *(const struct config *)argument;
    if (server->config.stop_in_init)
        gen_server_stop_atom(self, "early");
    return server->config.init_status;
}

static void handle_continue(struct gen_server *self)
{
    const struct config *config = &((struct server *)self)->config;
    fake_event(config->f, "continue", slice_of(NULL, 0));
    if (config->pause)
        process_pause(&self->process);
    if (config->stop_in_continue)
        gen_server_stop_atom(self, "early");
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    struct server *server = (struct server *)self;
    struct slice rest = request;
    if (etf_is_atom(request, "get")) {
        gen_server_reply_atom(self, from, "value");
    } else if (etf_is_atom(request, "later")) {
        gen_server_defer(self, from);
    } else if (etf_is_atom(request, "fail")) {
        gen_server_reply_error(self, from, ERR_EXISTS);
    } else if (etf_is_atom(request, "when_ready") && !server->ready) {
        gen_server_postpone(self);
    } else if (etf_is_atom(request, "when_ready")) {
        gen_server_reply_atom(self, from, "ready");
    } else if (etf_read_tagged(&rest, "echo", 2)) {
        gen_server_reply(self, from, rest);
    } else if (etf_read_tagged(&rest, "stop", 2)) {
        gen_server_reply_atom(self, from, "ok");
        gen_server_stop(self, rest);
        gen_server_stop_atom(self, "too_late");
    } else if (etf_read_tagged(&rest, "exit", 2)) {
        process_exit(&self->process, rest);
    } else {
        gen_server_reply_bad_request(self, from, request);
    }
}

static void answer_all(struct gen_server *self)
{
    while (self->owed != NULL) {
        struct from from = gen_server_owed_from(self->owed);
        gen_server_reply_atom(self, &from, "late");
        gen_server_owed_free(self->owed);
    }
}

static void handle_cast(struct gen_server *self, struct slice request)
{
    struct server *server = (struct server *)self;
    fake_event(server->config.f, "cast", request);
    if (etf_is_atom(request, "answer")) {
        answer_all(self);
    } else if (etf_is_atom(request, "ready")) {
        server->ready = true;
        process_rescan(&self->process);
    }
}

static void handle_info(struct gen_server *self, struct slice message)
{
    struct server *server = (struct server *)self;
    struct slice rest = message;
    fake_event(server->config.f, "info", message);
    if (!etf_read_tagged(&rest, "EXIT", 3))
        return;
    etf_take(&rest);
    if (etf_is_atom(rest, "finish"))
        gen_server_terminated(self);
    else if (etf_is_atom(rest, "when_ready") && !server->ready)
        gen_server_postpone(self);
}

static bool terminate(struct gen_server *self, struct slice reason)
{
    const struct config *config = &((struct server *)self)->config;
    fake_event(config->f, "terminate", reason);
    return !config->slow;
}

static void release(struct gen_server *self)
{
    struct fake *f = ((struct server *)self)->config.f;
    if (f != NULL)
        fake_event(f, "release", slice_of(NULL, 0));
}

/* One with everything, that traps exits, and one with as little as can be. */
static const struct gen_server_type full = {
    .process = GEN_SERVER_PROCESS("full", struct server),
    .init = init,
    .handle_continue = handle_continue,
    .handle_call = handle_call,
    .handle_cast = handle_cast,
    .handle_info = handle_info,
    .terminate = terminate,
    .release = release,
    .trap_exit = true,
};

static const struct gen_server_type plain = {
    .process = GEN_SERVER_PROCESS("plain", struct server),
    .init = init,
    .handle_call = handle_call,
};

static struct process *start_with(struct fake *f, const struct gen_server_type *type, struct process *parent,
                                  struct config config)
{
    struct gen_server *server = NULL;
    config.f = f;
    assert_int_equal(gen_server_start(&f->node, type, parent, NULL, &config, &server), 0);
    return &server->process;
}

/* <0.1.0>, of nobody; its continue is forgotten. */
static struct process *start(struct fake *f, const struct gen_server_type *type)
{
    struct process *process = start_with(f, type, NULL, (struct config){.pause = false});
    buf_clear(&f->events);
    return process;
}

static void in(struct fake *f, const char *message)
{
    fake_in(&f->a, "{SEND,'',<0.1.0>}", message);
}

/* ---- calls */

static const struct {
    const char *message;
    const char *reply;
} calls[] = {
    {"{'$gen_call',{<a.5.0>,#a.7},get}", "{SEND_SENDER,<0.1.0>,<a.5.0>} {#a.7,value}"},
    {"{'$gen_call',{<a.5.0>,[alias|#a.7]},get}", "{ALIAS_SEND,<0.1.0>,#a.7} {[alias|#a.7],value}"},
    {"{'$gen_call',{<a.5.0>,[[alias|#a.7]|x]},get}", "{ALIAS_SEND,<0.1.0>,#a.7} {[[alias|#a.7]|x],value}"},
    {"{'$gen_call',{<a.5.0>,[[alias|#a.7],x,y]},get}",
     "{ALIAS_SEND,<0.1.0>,#a.7} {[[alias|#a.7],x,y],value}"},
    {"{'$gen_call',{<a.5.0>,{#a.7,us@host}},get}", "{SEND_SENDER,<0.1.0>,<a.5.0>} {{#a.7,us@host},value}"},
    {"{'$gen_call',{<a.5.0>,[alias,#a.7]},get}", "{SEND_SENDER,<0.1.0>,<a.5.0>} {[alias,#a.7],value}"},
    {"{'$gen_call',{<a.5.0>,[alias|x]},get}", "{SEND_SENDER,<0.1.0>,<a.5.0>} {[alias|x],value}"},
    {"{'$gen_call',{<a.5.0>,[other|#a.7]},get}", "{SEND_SENDER,<0.1.0>,<a.5.0>} {[other|#a.7],value}"},
    {"{'$gen_call',{<a.5.0>,[[[alias|#a.7]]]},get}",
     "{SEND_SENDER,<0.1.0>,<a.5.0>} {[[[alias|#a.7]]],value}"},
    {"{'$gen_call',{<a.5.0>,[]},get}", "{SEND_SENDER,<0.1.0>,<a.5.0>} {[],value}"},
    {"{'$gen_call',{<a.5.0>,\"tag\"},get}", "{SEND_SENDER,<0.1.0>,<a.5.0>} {\"tag\",value}"},
    {"{'$gen_call',{<b.5.0>,x},get}", NULL}, /* goes to the other peer */
    {"{'$gen_call',{<z.5.0>,[alias|#z.7]},get}", ""},
    {"{'$gen_call',{<z.5.0>,#z.7},get}", ""},
    {"{'$gen_call',{<a.5.0!>,#a.7},get}", "{SEND_SENDER,<0.1.0>,<a.5.0!>} {#a.7,value}"},
    {"{'$gen_call',{<0.9.0>,#0.7},get}", ""},
    {"{'$gen_call',{#a.7,x},get}", "{ALIAS_SEND,<0.1.0>,#a.7} {x,value}"},
    {"{'$gen_call',{#a.7!,x},get}", "{ALIAS_SEND,<0.1.0>,#a.7!} {x,value}"},
    {"{'$gen_call',{#z.7,x},get}", ""},
    {"{'$gen_call',{#0.7,x},get}", ""},
    {"{'$gen_call',{name,[alias|#a.7]},get}", "{ALIAS_SEND,<0.1.0>,#a.7} {[alias|#a.7],value}"},
    {"{'$gen_call',{{name,a@host},x},get}", "{REG_SEND,<0.1.0>,'',name} {x,value}"},
    {"{'$gen_call',{{name,z@host},x},get}", ""},
    {"{'$gen_call',{{1,a@host},x},get}", ""},
    {"{'$gen_call',{{name,1},x},get}", ""},
    {"{'$gen_call',{{name},x},get}", ""},
    {"{'$gen_call',{nobody,x},get}", ""},
    {"{'$gen_call',{{nobody,us@host},x},get}", ""},
    {"{'$gen_call',{\"what\",x},get}", ""},
    {"{'$gen_call',{<a.5.0>,x},{echo,[1,{two}]}}", "{SEND_SENDER,<0.1.0>,<a.5.0>} {x,[1,{two}]}"},
    {"{'$gen_call',{<a.5.0>,x},fail}", "{SEND_SENDER,<0.1.0>,<a.5.0>} {x,{error,exists}}"},
    {"{'$gen_call',{<a.5.0>,x},{no,idea}}",
     "{SEND_SENDER,<0.1.0>,<a.5.0>} {x,{error,{bad_request,{no,idea}}}}"},
};

static void gen_server_call__each_form_of_tag__is_echoed_to_the_right_place(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        in(f, calls[i].message);
        fake_expect_out(f, &f->a, calls[i].reply != NULL ? calls[i].reply : "");
        if (calls[i].reply == NULL)
            fake_expect_out(f, &f->b, "{SEND_SENDER,<0.1.0>,<b.5.0>} {x,value}");
    }
}

static void gen_server_call__from_a_local_process__is_answered(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    fake_probe(f);
    in(f, "{'$gen_call',{<0.2.0>,#0.9},get}");
    in(f, "{'$gen_call',{<0.2.0>,[alias|#0.9]},get}"); /* that alias is not active */
    fake_expect(f, 1, "{#0.9,value}");
}

static void gen_server_call__from_itself__is_an_unread_message(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    in(f, "{'$gen_call',{<0.1.0>,#0.9},get}");
    fake_expect_events(f, "info:{#0.9,value}");
}

static void gen_server_call__peer_without_alias__is_answered_to_the_pid(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    fake_down(&f->a);
    fake_up(f, &f->a, 'a', FAKE_FLAGS & ~DFLAG_ALIAS);
    in(f, "{'$gen_call',{<a.5.0>,[alias|#a.7]},get}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {[alias|#a.7],value}");
}

static void gen_server_cast__then_info__each_to_its_handler_in_order(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    in(f, "{'$gen_cast',{add,1}}");
    in(f, "hello");
    in(f, "{'$gen_cast',[]}");
    fake_expect_events(f, "cast:{add,1} info:hello cast:[]");
}

static void gen_server_cast__no_handler__is_counted_as_bad(void **state)
{
    struct fake *f = *state;
    start(f, &plain);
    in(f, "{'$gen_cast',hello}");
    in(f, "hello");
    fake_run(f);
    assert_int_equal(f->node.bad_messages, 2);
}

static void gen_server__malformed_messages__are_plain_messages(void **state)
{
    static const char *const messages[] = {"{'$gen_call',x,y}",
                                           "{'$gen_call',{x},z}",
                                           "{'$gen_call',{<a.5.0>,x}}",
                                           "{'$gen_call',{<a.5.0>,x,y},get}",
                                           "{'$gen_call',{<a.5.0>,x},get,more}",
                                           "{'$gen_call',[<a.5.0>|x],get}",
                                           "'$gen_call'",
                                           "{'$gen_cast'}",
                                           "{'$gen_cast',a,b}",
                                           "{system,x,get_state}",
                                           "{system,{x},get_state}",
                                           "{system,{<a.5.0>,x}}",
                                           "{'EXIT',x}",
                                           "{'EXIT',x,y}",
                                           "{'EXIT',<0.0.0>,why}",
                                           "{}",
                                           "[]",
                                           "0",
                                           "<<\"bytes\">>"};
    struct fake *f = *state;
    start(f, &full);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct buf expected = BUF_EMPTY;
        in(f, messages[i]);
        buf_append_slice(&expected, slice_of_text("info:"));
        buf_append(&expected, messages[i], strlen(messages[i]) + 1);
        fake_expect_events(f, (const char *)expected.data);
        buf_release(&expected);
    }
    fake_expect_out(f, &f->a, "");
    in(f, "{'$gen_call',{<a.5.0>,x},get}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {x,value}");
}

/* ---- answers that come later */

static void gen_server_defer__answered_later__in_order(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    in(f, "{'$gen_call',{<a.5.0>,[alias|#a.7]},later}");
    in(f, "{'$gen_call',{<b.6.0>,x},later}");
    in(f, "{'$gen_call',{<z.6.0>,x},later}");
    in(f, "{'$gen_call',{<a.8.0>,y},later}");
    fake_expect_out(f, &f->a, "");
    in(f, "{'$gen_cast',answer}");
    fake_expect_out(f, &f->a,
                    "{ALIAS_SEND,<0.1.0>,#a.7} {[alias|#a.7],late}; {SEND_SENDER,<0.1.0>,<a.8.0>} {y,late}");
    fake_expect_out(f, &f->b, "{SEND_SENDER,<0.1.0>,<b.6.0>} {x,late}");
}

static void gen_server_defer__caller_disconnects__answer_is_dropped(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f, &full);
    in(f, "{'$gen_call',{<a.5.0>,[alias|#a.7]},later}");
    fake_down(&f->a);
    fake_deliver(process, "{'$gen_cast',answer}");
    fake_expect_events(f, "cast:answer");
}

static void gen_server_defer__server_ends__frees_what_is_owed(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f, &full);
    in(f, "{'$gen_call',{<a.5.0>,x},later}");
    in(f, "{'$gen_call',{<a.6.0>,x},later}");
    fake_exit(process, "over");
    fake_expect_events(f, "release");
    fake_expect_out(f, &f->a, "");
}

/* ---- postponed messages */

static void gen_server_postpone__until_rescan__answered_in_order(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    in(f, "{'$gen_call',{<a.5.0>,one},when_ready}");
    in(f, "{'$gen_call',{<a.5.0>,two},when_ready}");
    in(f, "{'$gen_call',{<a.5.0>,three},get}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {three,value}");
    in(f, "{'$gen_cast',ready}");
    in(f, "{'$gen_call',{<a.5.0>,four},when_ready}");
    fake_expect_out(f, &f->a,
                    "{SEND_SENDER,<0.1.0>,<a.5.0>} {one,ready}; {SEND_SENDER,<0.1.0>,<a.5.0>} {two,ready}; "
                    "{SEND_SENDER,<0.1.0>,<a.5.0>} {four,ready}");
}

static void gen_server_postpone__an_exit_message__comes_again_and_only_that(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    in(f, "{'EXIT',<a.9.0>,when_ready}");
    in(f, "hello");
    fake_expect_events(f, "info:{'EXIT',<a.9.0>,when_ready} info:hello");
    in(f, "{'$gen_cast',ready}");
    fake_expect_events(f, "cast:ready info:{'EXIT',<a.9.0>,when_ready}");
}

/* ---- start */

static void gen_server_start__named__is_registered_before_init(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = NULL, *second = NULL;
    const struct config config = {.f = f};
    assert_int_equal(gen_server_start(&f->node, &full, NULL, "name", &config, &server), 0);
    assert_ptr_equal(registry_find(&f->node, slice_of_text("name")), &server->process);
    fake_expect_events(f, "continue");
    assert_int_equal(gen_server_start(&f->node, &full, NULL, "name", &config, &second), ERR_EXISTS);
    assert_null(second);
    assert_int_equal(f->node.process_count, 1);
    fake_expect_events(f, ""); /* init of the second did not run */
}

static void gen_server_start__linked__parent_is_linked(void **state)
{
    struct fake *f = *state;
    struct process *parent = fake_probe(f);
    struct process *process = start_with(f, &plain, parent, (struct config){.pause = false});
    assert_true(link_exists(parent, process));
    fake_exit(process, "over");
    fake_expect_events(f, "<0.1.0>:over");
}

static void gen_server_start__init_fails__parent_hears_only_the_error(void **state)
{
    struct fake *f = *state;
    struct process *parent = fake_probe(f);
    struct gen_server *server = NULL;
    const struct config config = {.f = f, .init_status = ERR_CORRUPT};
    assert_int_equal(gen_server_start(&f->node, &full, parent, "name", &config, &server), ERR_CORRUPT);
    assert_null(server);
    assert_null(registry_find(&f->node, slice_of_text("name")));
    assert_int_equal(f->node.process_count, 1);
    fake_expect_events(f, "release");
    fake_expect(f, 1, "");
}

static void gen_server_start__stops_in_init__fails_and_does_not_continue(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = NULL;
    const struct config config = {.f = f, .stop_in_init = true};
    assert_int_equal(gen_server_start(&f->node, &full, NULL, NULL, &config, &server), ERR_STOPPED);
    assert_null(server);
    fake_expect_events(f, "terminate:early release");
    assert_int_equal(f->node.process_count, 0);
}

static void gen_server_start__stops_in_continue__fails(void **state)
{
    struct fake *f = *state;
    struct gen_server *server = NULL;
    const struct config config = {.f = f, .stop_in_continue = true};
    assert_int_equal(gen_server_start(&f->node, &full, NULL, NULL, &config, &server), ERR_STOPPED);
    assert_null(server);
    fake_expect_events(f, "continue terminate:early release");
}

static void gen_server_start__continue_pauses__calls_wait(void **state)
{
    struct fake *f = *state;
    struct process *process = start_with(f, &full, NULL, (struct config){.pause = true});
    in(f, "{'$gen_call',{<a.5.0>,one},get}");
    in(f, "{'$gen_cast',two}");
    in(f, "{'$gen_call',{<a.5.0>,three},get}");
    fake_expect_out(f, &f->a, "");
    process_resume(process);
    fake_expect_out(f, &f->a,
                    "{SEND_SENDER,<0.1.0>,<a.5.0>} {one,value}; {SEND_SENDER,<0.1.0>,<a.5.0>} {three,value}");
    fake_expect_events(f, "continue cast:two");
}

static void handle_call_that_starts(struct gen_server *self, const struct from *from, struct slice request)
{
    struct fake *f = ((struct server *)self)->config.f;
    start_with(f, &full, &self->process, (struct config){.pause = false});
    gen_server_reply_atom(self, from, "ok");
}

static void gen_server_start__from_a_callback__child_runs(void **state)
{
    struct gen_server_type type = full;
    struct fake *f = *state;
    type.handle_call = handle_call_that_starts;
    start(f, &type);
    in(f, "{'$gen_call',{<a.5.0>,x},go}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {x,ok}");
    fake_in(&f->a, "{SEND,'',<0.2.0>}", "{'$gen_call',{<a.5.0>,x},get}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.2.0>,<a.5.0>} {x,value}");
    fake_expect_events(f, "continue");
    fake_exit(process_find(&f->node, 2), "normal");
    fake_exit(process_find(&f->node, 1), "normal"); /* before its type is gone */
}

/* ---- stop */

static void gen_server_stop__in_a_call__answers_terminates_and_ends(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    in(f, "{'$gen_call',{<a.5.0>,x},{stop,{bad,luck}}}");
    fake_expect_out(
        f, &f->a,
        "{SEND_SENDER,<0.1.0>,<a.5.0>} {x,ok}; {PAYLOAD_MONITOR_P_EXIT,<0.1.0>,<a.5.0>,#a.7} {bad,luck}");
    fake_expect_events(f, "terminate:{bad,luck} release");
}

static void gen_server_stop__no_terminate__ends(void **state)
{
    struct fake *f = *state;
    start(f, &plain);
    in(f, "{'$gen_call',{<a.5.0>,x},{stop,normal}}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {x,ok}");
    assert_int_equal(f->node.process_count, 0);
}

static void gen_server_stop__from_outside__ends_at_once(void **state)
{
    struct fake *f = *state;
    gen_server_stop_atom((struct gen_server *)start(f, &full), "shutdown");
    assert_int_equal(f->node.process_count, 0);
    fake_expect_events(f, "terminate:shutdown release");
}

static void gen_server__process_exit_in_a_call__does_not_terminate(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    in(f, "{'$gen_call',{<a.5.0>,x},{exit,crash}}");
    fake_expect_events(f, "release");
    fake_expect_out(f, &f->a, "");
}

static void gen_server__system_terminate__answers_ok_and_ends(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    fake_in(&f->a, "{LINK,<a.5.0>,<0.1.0>}", NULL);
    in(f, "{system,{<a.5.0>,[alias|#a.7]},{terminate,{shutdown,now}}}");
    in(f, "never");
    fake_expect_out(
        f, &f->a,
        "{ALIAS_SEND,<0.1.0>,#a.7} {[alias|#a.7],ok}; {PAYLOAD_EXIT,<0.1.0>,<a.5.0>} {shutdown,now}");
    fake_expect_events(f, "terminate:{shutdown,now} release");
}

static void gen_server__kill__does_not_terminate(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    fake_in(&f->a, "{EXIT2,<a.5.0>,<0.1.0>,kill}", NULL);
    fake_expect_events(f, "release");
}

static void gen_server__exit_of_another__is_info(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    fake_in(&f->a, "{EXIT2,<a.5.0>,<0.1.0>,why}", NULL);
    fake_expect_events(f, "info:{'EXIT',<a.5.0>,why}");
}

/* ---- the parent's exit; the parent is the first probe, <0.1.0>, the server <0.2.0> */

static void gen_server__parent_exits__terminates_with_its_reason(void **state)
{
    struct fake *f = *state;
    struct process *parent = fake_probe(f);
    start_with(f, &full, parent, (struct config){.pause = false});
    fake_exit(parent, "{bad,luck}");
    fake_expect_events(f, "continue <0.1.0>:{bad,luck} terminate:{bad,luck} release");
}

static void gen_server__parent_exits_normal__terminates_too(void **state)
{
    struct fake *f = *state;
    struct process *parent = fake_probe(f);
    start_with(f, &full, parent, (struct config){.pause = false});
    fake_exit(parent, "normal");
    fake_expect_events(f, "continue <0.1.0>:normal terminate:normal release");
}

static void gen_server__parent_exits_and_it_does_not_trap__just_ends(void **state)
{
    struct fake *f = *state;
    struct process *parent = fake_probe(f);
    struct gen_server_type type = full;
    type.trap_exit = false;
    start_with(f, &type, parent, (struct config){.pause = false});
    fake_exit(parent, "over");
    fake_expect_events(f, "continue <0.1.0>:over release");
}

static void gen_server__exit_of_a_stale_parent__is_info(void **state)
{
    struct fake *f = *state;
    struct process *parent = fake_probe(f);
    start_with(f, &full, parent, (struct config){.pause = false});
    fake_in(&f->a, "{SEND,'',<0.2.0>}", "{'EXIT',<0.1.0!>,why}");
    fake_in(&f->a, "{SEND,'',<0.2.0>}", "{'EXIT',<0.1.1>,why}");
    fake_in(&f->a, "{SEND,'',<0.2.0>}", "{'EXIT',<a.1.0>,why}");
    fake_expect_events(
        f, "continue info:{'EXIT',<0.1.0!>,why} info:{'EXIT',<0.1.1>,why} info:{'EXIT',<a.1.0>,why}");
}

static void gen_server__exit_of_another_node_of_equal_numbers__is_info(void **state)
{
    struct fake *f = *state;
    start_with(f, &full, fake_probe(f), (struct config){.pause = false});
    f->node.creation = fake_creation('a');
    fake_deliver(process_find(&f->node, 2), "{'EXIT',<a.1.0>,why}");
    fake_expect_events(f, "continue info:{'EXIT',<a.1.0>,why}");
}

/* ---- a terminate that takes its time */

static void gen_server_terminate__slow__only_exits_reach_it_until_it_is_done(void **state)
{
    struct fake *f = *state;
    struct process *process = start_with(f, &full, NULL, (struct config){.slow = true});
    buf_clear(&f->events);
    in(f, "{'$gen_call',{<a.5.0>,x},{stop,why}}");
    in(f, "{'$gen_call',{<a.5.0>,y},get}");
    in(f, "{'$gen_cast',hello}");
    in(f, "{system,{<a.5.0>,z},get_state}");
    in(f, "hello");
    in(f, "{'EXIT',<a.9.0>,child}");
    fake_expect_events(f, "terminate:why info:{'EXIT',<a.9.0>,child}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {x,ok}");
    assert_false(process->dead);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    in(f, "{'EXIT',<a.9.0>,finish}");
    fake_expect_events(f, "info:{'EXIT',<a.9.0>,finish} release");
    fake_expect_out(f, &f->a, "{PAYLOAD_MONITOR_P_EXIT,<0.1.0>,<a.5.0>,#a.7} why");
}

static void gen_server_terminate__slow_and_the_parent_exits_again__is_info(void **state)
{
    struct fake *f = *state;
    start_with(f, &full, fake_probe(f), (struct config){.slow = true});
    fake_in(&f->a, "{SEND,'',<0.2.0>}", "{'EXIT',<0.1.0>,shutdown}");
    fake_in(&f->a, "{SEND,'',<0.2.0>}", "{'EXIT',<0.1.0>,again}");
    fake_expect_events(f, "continue terminate:shutdown info:{'EXIT',<0.1.0>,again}");
}

static void gen_server_terminate__slow_and_suspended__exits_left_before_reach_it(void **state)
{
    struct fake *f = *state;
    struct process *process = start_with(f, &full, NULL, (struct config){.slow = true});
    in(f, "{system,{<z.5.0>,x},suspend}");
    in(f, "{'EXIT',<a.8.0>,child}");
    in(f, "hello");
    fake_expect_events(f, "continue");
    gen_server_stop_atom((struct gen_server *)process, "why");
    fake_expect_events(f, "terminate:why info:{'EXIT',<a.8.0>,child}");
    in(f, "{'EXIT',<a.9.0>,finish}");
    fake_expect_events(f, "info:{'EXIT',<a.9.0>,finish} release");
}

static void gen_server_terminate__slow_and_finished_from_outside__ends(void **state)
{
    struct fake *f = *state;
    struct process *process = start_with(f, &full, NULL, (struct config){.slow = true});
    gen_server_stop_atom((struct gen_server *)process, "why");
    assert_int_equal(f->node.process_count, 1);
    gen_server_stop_atom((struct gen_server *)process, "again");
    gen_server_terminated((struct gen_server *)process);
    assert_int_equal(f->node.process_count, 0);
    fake_expect_events(f, "continue terminate:why release");
}

static void gen_server_terminate__slow_and_killed__ends(void **state)
{
    struct fake *f = *state;
    struct process *process = start_with(f, &full, NULL, (struct config){.slow = true});
    gen_server_stop_atom((struct gen_server *)process, "why");
    fake_in(&f->a, "{EXIT2,<a.5.0>,<0.1.0>,kill}", NULL);
    fake_expect_events(f, "continue terminate:why release");
}

static void gen_server_terminate__slow_when_paused__exits_reach_it(void **state)
{
    struct fake *f = *state;
    struct process *process = start_with(f, &full, NULL, (struct config){.slow = true, .pause = true});
    in(f, "{'EXIT',<a.9.0>,finish}");
    fake_expect_events(f, "continue");
    gen_server_stop_atom((struct gen_server *)process, "why");
    fake_expect_events(f, "terminate:why info:{'EXIT',<a.9.0>,finish} release");
}

/* ---- callers that give up */

static void gen_server__caller_gives_up__its_waiting_request_is_dropped(void **state)
{
    static const char *const tags[] = {"#a.7", "[alias|#a.7]", "[[alias|#a.7]|x]"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        struct fake *f = *state;
        char request[128];
        struct process *process = start(f, &full);
        process_pause(process);
        snprintf(request, sizeof request, "{'$gen_call',{<a.5.0>,%s},get}", tags[i]);
        fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
        in(f, request);
        in(f, "{'$gen_call',{<a.6.0>,x},get}");
        fake_in(&f->a, "{DEMONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
        assert_int_equal(f->node.cancelled, 1);
        process_resume(process);
        fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.6.0>} {x,value}");
        fake_tear_down(state);
        fake_set_up(state);
    }
}

static void gen_server__caller_gives_up__others_and_casts_stay(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f, &full);
    process_pause(process);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.8}", NULL);
    in(f, "{'$gen_cast',#a.7}");
    in(f, "{'$gen_call',{<a.5.0>,#a.8},get}");
    in(f, "{'$gen_call',{<a.5.0>,{#a.7,x}},get}");
    fake_in(&f->a, "{DEMONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    assert_int_equal(f->node.cancelled, 0);
    process_resume(process);
    fake_expect_out(
        f, &f->a,
        "{SEND_SENDER,<0.1.0>,<a.5.0>} {#a.8,value}; {SEND_SENDER,<0.1.0>,<a.5.0>} {{#a.7,x},value}");
    fake_expect_events(f, "cast:#a.7");
}

static void gen_server__caller_is_lost__its_waiting_requests_are_dropped(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f, &full);
    process_pause(process);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    in(f, "{'$gen_call',{<a.5.0>,[alias|#a.7]},{exit,why}}");
    in(f, "{'$gen_call',{<b.5.0>,y},get}");
    fake_down(&f->a);
    assert_int_equal(f->node.cancelled, 1);
    process_resume(process);
    fake_expect_out(f, &f->b, "{SEND_SENDER,<0.1.0>,<b.5.0>} {y,value}");
}

static void gen_server__caller_gives_up_while_postponed__is_dropped(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f, &full);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    in(f, "{'$gen_call',{<a.5.0>,#a.7},when_ready}");
    fake_in(&f->a, "{MONITOR_P,<a.6.0>,<0.1.0>,#a.8}", NULL);
    in(f, "{'$gen_call',{<a.6.0>,#a.8},when_ready}");
    process_rescan(process); /* offered again and left again */
    fake_run(f);
    fake_in(&f->a, "{DEMONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    assert_int_equal(f->node.cancelled, 1);
    in(f, "{'$gen_cast',ready}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.6.0>} {#a.8,ready}");
}

static void gen_server__caller_gives_up_after_the_answer__nothing_is_dropped(void **state)
{
    struct fake *f = *state;
    start(f, &full);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    in(f, "{'$gen_call',{<a.5.0>,#a.7},later}");
    fake_in(&f->a, "{DEMONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    assert_int_equal(f->node.cancelled, 0);
    in(f, "{'$gen_cast',answer}");
    fake_expect_out(f, &f->a, "{SEND_SENDER,<0.1.0>,<a.5.0>} {#a.7,late}");
}

static void gen_server__ends_with_requests_waiting__all_are_freed(void **state)
{
    struct fake *f = *state;
    struct process *process = start(f, &full);
    process_pause(process);
    fake_in(&f->a, "{MONITOR_P,<a.5.0>,<0.1.0>,#a.7}", NULL);
    in(f, "{'$gen_call',{<a.5.0>,#a.7},get}");
    fake_exit(process, "why");
    fake_expect_out(f, &f->a, "{PAYLOAD_MONITOR_P_EXIT,<0.1.0>,<a.5.0>,#a.7} why");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(gen_server_call__each_form_of_tag__is_echoed_to_the_right_place),
        FAKE_TEST(gen_server_call__from_a_local_process__is_answered),
        FAKE_TEST(gen_server_call__from_itself__is_an_unread_message),
        FAKE_TEST(gen_server_call__peer_without_alias__is_answered_to_the_pid),
        FAKE_TEST(gen_server_cast__then_info__each_to_its_handler_in_order),
        FAKE_TEST(gen_server_cast__no_handler__is_counted_as_bad),
        FAKE_TEST(gen_server__malformed_messages__are_plain_messages),
        FAKE_TEST(gen_server_defer__answered_later__in_order),
        FAKE_TEST(gen_server_defer__caller_disconnects__answer_is_dropped),
        FAKE_TEST(gen_server_defer__server_ends__frees_what_is_owed),
        FAKE_TEST(gen_server_postpone__until_rescan__answered_in_order),
        FAKE_TEST(gen_server_postpone__an_exit_message__comes_again_and_only_that),
        FAKE_TEST(gen_server_start__named__is_registered_before_init),
        FAKE_TEST(gen_server_start__linked__parent_is_linked),
        FAKE_TEST(gen_server_start__init_fails__parent_hears_only_the_error),
        FAKE_TEST(gen_server_start__stops_in_init__fails_and_does_not_continue),
        FAKE_TEST(gen_server_start__stops_in_continue__fails),
        FAKE_TEST(gen_server_start__continue_pauses__calls_wait),
        FAKE_TEST(gen_server_start__from_a_callback__child_runs),
        FAKE_TEST(gen_server_stop__in_a_call__answers_terminates_and_ends),
        FAKE_TEST(gen_server_stop__no_terminate__ends),
        FAKE_TEST(gen_server_stop__from_outside__ends_at_once),
        FAKE_TEST(gen_server__process_exit_in_a_call__does_not_terminate),
        FAKE_TEST(gen_server__system_terminate__answers_ok_and_ends),
        FAKE_TEST(gen_server__kill__does_not_terminate),
        FAKE_TEST(gen_server__exit_of_another__is_info),
        FAKE_TEST(gen_server__parent_exits__terminates_with_its_reason),
        FAKE_TEST(gen_server__parent_exits_normal__terminates_too),
        FAKE_TEST(gen_server__parent_exits_and_it_does_not_trap__just_ends),
        FAKE_TEST(gen_server__exit_of_a_stale_parent__is_info),
        FAKE_TEST(gen_server__exit_of_another_node_of_equal_numbers__is_info),
        FAKE_TEST(gen_server_terminate__slow__only_exits_reach_it_until_it_is_done),
        FAKE_TEST(gen_server_terminate__slow_and_the_parent_exits_again__is_info),
        FAKE_TEST(gen_server_terminate__slow_and_suspended__exits_left_before_reach_it),
        FAKE_TEST(gen_server_terminate__slow_and_finished_from_outside__ends),
        FAKE_TEST(gen_server_terminate__slow_and_killed__ends),
        FAKE_TEST(gen_server_terminate__slow_when_paused__exits_reach_it),
        FAKE_TEST(gen_server__caller_gives_up__its_waiting_request_is_dropped),
        FAKE_TEST(gen_server__caller_gives_up__others_and_casts_stay),
        FAKE_TEST(gen_server__caller_is_lost__its_waiting_requests_are_dropped),
        FAKE_TEST(gen_server__caller_gives_up_while_postponed__is_dropped),
        FAKE_TEST(gen_server__caller_gives_up_after_the_answer__nothing_is_dropped),
        FAKE_TEST(gen_server__ends_with_requests_waiting__all_are_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
