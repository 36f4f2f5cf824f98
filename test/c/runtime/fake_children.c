/* The fake children, the client and how terms become text. Knows the supervisor by its header only. */
#include "runtime/fake_children.h"

#include "base/error.h"
#include "base/log.h"
#include "runtime/links.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct fake {
    struct gen_server server;
    struct kid *kid; /* whose process it is; NULL: it could not start */
};

struct probe {
    struct process process;
    struct fixture *f;
};

/* Terms as text. */

static void text_add(char *text, size_t room, const char *more)
{
    size_t size = strlen(text);
    assert_true(size + strlen(more) < room);
    memcpy(text + size, more, strlen(more) + 1);
}

static void render(struct fixture *f, struct slice *cursor, char *out, size_t room);

static void render_many(struct fixture *f, struct slice *cursor, uint32_t count, char *out, size_t room)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            text_add(out, room, ",");
        render(f, cursor, out, room);
    }
}

static void render_pid(struct fixture *f, const struct pid *pid, char *out, size_t room)
{
    char text[64] = "<other>";
    for (int k = 0; k < KIDS; k++) {
        for (unsigned i = 0; i < f->kids[k].starts; i++) {
            if (f->kids[k].processes[i] == process_id_of(pid))
                snprintf(text, sizeof text, "<%s.%u>", f->kids[k].name, i + 1);
        }
    }
    text_add(out, room, text);
}

static void render_map(struct fixture *f, struct slice *cursor, uint32_t pairs, char *out, size_t room)
{
    text_add(out, room, "#{");
    for (uint32_t i = 0; i < pairs; i++) {
        text_add(out, room, i > 0 ? "," : "");
        render(f, cursor, out, room);
        text_add(out, room, "=>");
        render(f, cursor, out, room);
    }
    text_add(out, room, "}");
}

static void render_atom(const uint8_t *atom, size_t size, char *out, size_t room)
{
    char text[ATOM_BYTES_MAX + 1] = {0};
    memcpy(text, atom, size);
    text_add(out, room, text);
}

static void render(struct fixture *f, struct slice *cursor, char *out, size_t room)
{
    uint8_t atom[ATOM_BYTES_MAX];
    size_t size;
    uint32_t count;
    int64_t number;
    struct pid pid;
    if (etf_read_atom(cursor, atom, &size)) {
        render_atom(atom, size, out, room);
    } else if (etf_read_int64(cursor, &number)) {
        char text[32];
        snprintf(text, sizeof text, "%" PRId64, number);
        text_add(out, room, text);
    } else if (pid_read(cursor, &pid)) {
        render_pid(f, &pid, out, room);
    } else if (etf_read_tuple(cursor, &count)) {
        text_add(out, room, "{");
        render_many(f, cursor, count, out, room);
        text_add(out, room, "}");
    } else if (etf_read_list(cursor, &count)) {
        text_add(out, room, "[");
        render_many(f, cursor, count, out, room);
        text_add(out, room, "]");
        if (count > 0)
            etf_take(cursor);
    } else if (etf_read_map(cursor, &count)) {
        render_map(f, cursor, count, out, room);
    } else {
        fail_msg("a term of type %d", etf_type(*cursor));
    }
}

/* Fake children. */

static void event(struct fixture *f, const char *sign, const char *name, struct slice reason)
{
    text_add(f->events, sizeof f->events, f->events[0] != '\0' ? " " : "");
    text_add(f->events, sizeof f->events, sign);
    text_add(f->events, sizeof f->events, name);
    if (reason.size > 0) {
        text_add(f->events, sizeof f->events, ":");
        render(f, &reason, f->events, sizeof f->events);
    }
}

static int fake_init(struct gen_server *self, const void *argument)
{
    struct kid *kid = (struct kid *)(uintptr_t)argument;
    kid->tries++;
    if (kid->tries >= kid->fail_from && kid->tries <= kid->fail_until) {
        event(kid->f, "!", kid->name, slice_of(NULL, 0));
        return ERR_BADARG;
    }
    ((struct fake *)self)->kid = kid;
    assert_true(kid->starts < STARTS_MAX);
    kid->processes[kid->starts++] = self->process.id;
    event(kid->f, "+", kid->name, slice_of(NULL, 0));
    return 0;
}

static void fake_call(struct gen_server *self, const struct from *from, struct slice request)
{
    gen_server_reply_bad_request(self, from, request);
}

static void fake_info(struct gen_server *self, struct slice message)
{
    struct kid *kid = ((struct fake *)self)->kid;
    event(kid->f, "?", kid->name, slice_of(NULL, 0));
}

static bool fake_terminate(struct gen_server *self, struct slice reason)
{
    return !((struct fake *)self)->kid->slow;
}

static void fake_release(struct process *self, struct slice reason)
{
    struct kid *kid = ((struct fake *)self)->kid;
    if (kid != NULL)
        event(kid->f, "-", kid->name, reason);
    gen_server_release(self, reason);
}

static const struct gen_server_type plain_type = {
    .process = {"plain", sizeof(struct fake), gen_server_receive, fake_release},
    .init = fake_init,
    .handle_call = fake_call,
};

static const struct gen_server_type trapping_type = {
    .process = {"trapping", sizeof(struct fake), gen_server_receive, fake_release},
    .init = fake_init,
    .handle_call = fake_call,
    .handle_info = fake_info,
    .terminate = fake_terminate,
    .trap_exit = true,
};

static int fake_start(struct process *supervisor, void *argument, struct process **child)
{
    const struct kid *kid = argument;
    struct gen_server *server;
    int status = gen_server_start(supervisor->node, kid->trap ? &trapping_type : &plain_type, supervisor,
                                  NULL, kid, &server);
    if (status == 0)
        *child = &server->process;
    return status;
}

/* The client writes down what it gets: {Tag, Answer} or {'EXIT', Pid, Reason}. */

static enum receive probe_receive(struct process *self, struct slice message)
{
    struct fixture *f = ((struct probe *)self)->f;
    uint32_t arity;
    assert_true(etf_read_tuple(&message, &arity) && arity >= 2);
    if (arity == 3)
        text_add(f->answers, sizeof f->answers, "exit:");
    while (--arity > 0)
        etf_take(&message);
    render(f, &message, f->answers, sizeof f->answers);
    text_add(f->answers, sizeof f->answers, "\n");
    return RECEIVE_TAKEN;
}

static const struct process_type probe_type = {.module = "probe", sizeof(struct probe), probe_receive, NULL};

/* The fixture: children a, b, c. */

static void set_up_child(struct fixture *f, int i)
{
    static const char *const names[KIDS] = {"a", "b", "c"};
    f->kids[i] = (struct kid){.f = f, .name = names[i]};
    f->children[i] = (struct child_spec){.id = names[i],
                                         .start = fake_start,
                                         .argument = &f->kids[i],
                                         .restart = PERMANENT,
                                         .shutdown_ms = LONG_MS,
                                         .type = CHILD_WORKER,
                                         .module = "fake"};
}

int kids_set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    log_set_level(LOG_NONE);
    uv_loop_init(&f->loop);
    node_init(&f->node, &f->loop, "c@localhost", 4);
    for (int i = 0; i < KIDS; i++)
        set_up_child(f, i);
    f->spec = (struct supervisor_spec){.strategy = ONE_FOR_ONE,
                                       .intensity = 5,
                                       .period_s = 60,
                                       .children = f->children,
                                       .child_count = KIDS};
    struct process *probe = process_new(&f->node, &probe_type);
    ((struct probe *)probe)->f = f;
    f->probe = probe->id;
    *state = f;
    return 0;
}

int kids_tear_down(void **state)
{
    struct fixture *f = *state;
    node_release(&f->node);
    uv_run(&f->loop, UV_RUN_NOWAIT); /* closes what is to be closed; a timer still running would stay */
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

void kids_run(struct fixture *f)
{
    while (node_run(&f->node))
        ;
}

static void on_deadline(uv_timer_t *timer)
{
    fail_msg("waited in vain; events so far: %s", ((struct fixture *)timer->data)->events);
}

void kids_wait_until(struct fixture *f, bool (*condition)(struct fixture *f))
{
    uv_timer_t deadline;
    deadline.data = f;
    uv_timer_init(&f->loop, &deadline);
    uv_timer_start(&deadline, on_deadline, DEADLINE_MS, 0);
    kids_run(f);
    while (!condition(f)) {
        uv_run(&f->loop, UV_RUN_ONCE);
        kids_run(f);
    }
    uv_close((uv_handle_t *)&deadline, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

void kids_start(struct fixture *f)
{
    assert_int_equal(supervisor_start(&f->node, &f->spec, NULL, "sup", &f->supervisor), 0);
    f->supervisor_id = f->supervisor->process.id;
    kids_run(f);
    assert_string_equal(f->events, "+a +b +c");
    f->events[0] = '\0';
}

bool kids_supervisor_alive(struct fixture *f)
{
    return process_find(&f->node, f->supervisor_id) != NULL;
}

bool kids_supervisor_gone(struct fixture *f)
{
    return !kids_supervisor_alive(f);
}

void kids_watch(struct fixture *f, process_id supervisor)
{
    struct process *probe = process_find(&f->node, f->probe);
    probe->trap_exit = true;
    link_add(probe, process_find(&f->node, supervisor));
}

struct process *kids_process(struct fixture *f, int i)
{
    return supervisor_child(f->supervisor, (unsigned)i);
}

/* The reason as a term: an atom, or {shutdown, why}. */
static void write_reason(struct buf *out, const char *reason)
{
    if (strcmp(reason, "{shutdown,why}") == 0) {
        etf_write_tuple(out, 2);
        etf_write_atom(out, "shutdown");
        reason = "why";
    }
    etf_write_atom(out, reason);
}

void kids_end_quietly(struct fixture *f, int i, const char *reason)
{
    struct buf term = BUF_EMPTY;
    write_reason(&term, reason);
    process_exit(kids_process(f, i), buf_slice(&term));
    buf_release(&term);
}

void kids_end(struct fixture *f, int i, const char *reason)
{
    kids_end_quietly(f, i, reason);
    kids_run(f);
}

void kids_finish(struct fixture *f, int i)
{
    struct process *process = kids_process(f, i);
    process_enter(process);
    gen_server_terminated((struct gen_server *)process);
    process_leave(process);
    kids_run(f);
}

void kids_expect_events(struct fixture *f, const char *events)
{
    assert_string_equal(f->events, events);
    f->events[0] = '\0';
}

void kids_expect_answers(struct fixture *f, const char *answers)
{
    assert_string_equal(f->answers, answers);
    f->answers[0] = '\0';
}

void kids_deliver(struct fixture *f, struct buf *message)
{
    process_deliver(process_find(&f->node, f->supervisor_id), 0, buf_slice(message), slice_of(NULL, 0));
    kids_run(f);
    buf_release(message);
}

static void write_from(struct fixture *f, struct buf *message, const char *tag)
{
    etf_write_tuple(message, 3);
    etf_write_atom(message, tag);
    etf_write_tuple(message, 2);
    process_write_pid(process_find(&f->node, f->probe), message);
    etf_write_int64(message, 7);
}

void kids_write_call(struct fixture *f, struct buf *message)
{
    write_from(f, message, "$gen_call");
}

void kids_write_system(struct fixture *f, struct buf *message)
{
    write_from(f, message, "system");
}

void kids_call(struct fixture *f, const char *request)
{
    struct buf message = BUF_EMPTY;
    kids_write_call(f, &message);
    etf_write_atom(&message, request);
    kids_deliver(f, &message);
}

void kids_call_id(struct fixture *f, const char *request, const char *id)
{
    struct buf message = BUF_EMPTY;
    kids_write_call(f, &message);
    etf_write_tuple(&message, 2);
    etf_write_atom(&message, request);
    etf_write_atom(&message, id);
    kids_deliver(f, &message);
}

void kids_expect_pids(struct fixture *f, const char *a, const char *b, const char *c)
{
    char expected[512];
    snprintf(expected, sizeof expected, "[{c,%s,worker,[fake]},{b,%s,worker,[fake]},{a,%s,worker,[fake]}]\n",
             c, b, a);
    kids_call(f, "which_children");
    kids_expect_answers(f, expected);
}
