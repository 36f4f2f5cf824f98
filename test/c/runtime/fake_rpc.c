#include "runtime/fake_rpc.h"

#include "runtime/activity.h"
#include "runtime/apply.h"
#include "runtime/gen_server.h"
#include "runtime/rpc.h"

#include <stdio.h>

static struct rpc rpc;

int fake_rpc_set_up(void **state)
{
    const struct rpc_config config = {
        .program = "test",
        .version = "1.2.3",
        .net_ticktime_s = 60,
        .output_size_max = 1000,
        .application = {.name = "todo", .description = "Lists", .supervisor = "top"}};
    int status = fake_set_up(state);
    struct fake *f = *state;
    assert_int_equal(rpc_start(&rpc, &f->node, &config), 0);
    return status;
}

static void render(struct buf *text, const struct applied *applied)
{
    static const char *const classes[] = {[APPLY_RETURN] = "return",
                                          [APPLY_THROW] = "throw",
                                          [APPLY_EXIT] = "exit",
                                          [APPLY_ERROR] = "error",
                                          [APPLY_BEGUN] = "begun"};
    struct buf stack = BUF_EMPTY;
    buf_append_slice(text, slice_of_text(classes[applied->class]));
    if (applied->class != APPLY_BEGUN) {
        buf_append_u8(text, ' ');
        fake_render(text, buf_slice(&applied->value));
    }
    if (applied->class == APPLY_ERROR) {
        applied_write_stack(applied, &stack);
        buf_append_u8(text, ' ');
        fake_render(text, buf_slice(&stack));
    }
    buf_release(&stack);
}

void fake_expect_apply(struct fake *f, const char *module, const char *function, const char *arguments,
                       const char *outcome)
{
    struct buf terms[3] = {BUF_EMPTY, BUF_EMPTY, BUF_EMPTY}, text = BUF_EMPTY;
    struct activity *self = activity_new(&f->node);
    struct applied applied;
    fake_write(&terms[0], module);
    fake_write(&terms[1], function);
    fake_write(&terms[2], arguments);
    process_enter(&self->process);
    apply_mfa(&self->process, &(struct mfa){buf_slice(&terms[0]), buf_slice(&terms[1]), buf_slice(&terms[2])},
              &applied);
    render(&text, &applied);
    fake_expect_text(&text, outcome);
    applied_release(&applied);
    process_exit_atom(&self->process, "normal");
    process_leave(&self->process);
    for (int i = 0; i < 3; i++)
        buf_release(&terms[i]);
    buf_release(&text);
}

void fake_spawn(struct fake *f, const char *mfa, const char *options, const char *arguments)
{
    char control[512];
    snprintf(control, sizeof control, "{SPAWN_REQUEST,#a.7,<a.5.0>,<a.1.0>,%s,%s}", mfa, options);
    fake_in(&f->a, control, arguments);
}

static int init(struct gen_server *self, const void *argument)
{
    return 0;
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    gen_server_reply_bad_request(self, from, request);
}

struct process *fake_top(struct fake *f)
{
    static const struct gen_server_type type = {.process = GEN_SERVER_PROCESS("fake_top", struct gen_server),
                                                .init = init,
                                                .handle_call = handle_call};
    struct gen_server *server = NULL;
    assert_int_equal(gen_server_start(&f->node, &type, NULL, "top", NULL, &server), 0);
    return &server->process;
}
