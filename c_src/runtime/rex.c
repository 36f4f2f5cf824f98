/* rex of a C node. Requests that it does not know it ignores, as OTP's does, unless they are fast calls.
 * Knows no function: apply does. */
#include "runtime/rex.h"

#include "runtime/apply.h"
#include "runtime/node.h"
#include "runtime/process_send.h"
#include "runtime/registry.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

static int init(struct gen_server *self, const void *argument)
{
    return 0;
}

static void write_state(struct gen_server *self, struct buf *out)
{
    etf_write_map(out, 0);
}

/* {Tag, M, F, A, GroupLeader}; nothing here writes to a group leader. */
static bool read_call(struct slice request, const char *tag, struct mfa *mfa)
{
    if (!etf_read_tagged(&request, tag, 5))
        return false;
    mfa->module = etf_take(&request);
    mfa->function = etf_take(&request);
    mfa->arguments = etf_take(&request);
    return true;
}

/* {badrpc, {'EXIT', Reason}} or, of an error, {badrpc, {'EXIT', {Reason, Stack}}} */
static void write_badrpc(const struct applied *applied, struct buf *out)
{
    etf_write_tuple(out, 2);
    etf_write_atom(out, "badrpc");
    etf_write_tuple(out, 2);
    etf_write_atom(out, "EXIT");
    if (applied->class == APPLY_ERROR)
        etf_write_tuple(out, 2);
    etf_write_term(out, buf_slice(&applied->value));
    if (applied->class == APPLY_ERROR)
        applied_write_stack(applied, out);
}

static void write_result(struct process *self, const struct mfa *mfa, struct buf *out)
{
    struct applied applied;
    apply_mfa(self, mfa, &applied);
    if (applied.class == APPLY_ERROR)
        applied_trim(&applied, mfa);
    if (applied.class == APPLY_RETURN || applied.class == APPLY_THROW)
        etf_write_term(out, buf_slice(&applied.value));
    else
        write_badrpc(&applied, out);
    applied_release(&applied);
}

/* OTP's callers see by their monitors that no answer comes; fast calls have none and would be owed theirs for
 * ever. */
static void refuse(struct gen_server *self, const struct from *from, struct slice request)
{
    if (from->fast)
        gen_server_reply_bad_request(self, from, request);
    else
        node_bad_message(self->process.node, "rex");
}

static void handle_call(struct gen_server *self, const struct from *from, struct slice request)
{
    struct mfa mfa;
    if (!read_call(request, "block_call", &mfa) && !read_call(request, "call", &mfa)) {
        refuse(self, from, request);
        return;
    }
    /* not straight into the reply: the function may send */
    struct buf result = BUF_EMPTY;
    write_result(&self->process, &mfa, &result);
    gen_server_reply(self, from, buf_slice(&result));
    buf_release(&result);
}

static void handle_cast(struct gen_server *self, struct slice request)
{
    struct mfa mfa;
    struct applied applied;
    if (!read_call(request, "cast", &mfa)) {
        node_bad_message(self->process.node, "rex");
        return;
    }
    apply_mfa(&self->process, &mfa, &applied);
    applied_release(&applied);
}

/* {rex, Node, Reply}: opens it for the last element. */
static struct buf *answer_begin(struct gen_server *self, struct slice to)
{
    struct node *node = self->process.node;
    struct buf *out = process_send_begin(node, &self->process, to);
    etf_write_tuple(out, 3);
    etf_write_atom(out, "rex");
    etf_write_term(out, buf_slice(&node->atom));
    return out;
}

/* {sbcast, Name, Message} */
static void broadcast(struct gen_server *self, struct slice from, struct slice rest)
{
    struct node *node = self->process.node;
    struct slice name = etf_take(&rest);
    struct process *process = registry_find_atom(node, name);
    if (process != NULL)
        process_post(process, etf_take(&rest));
    struct buf *out = answer_begin(self, from);
    if (process == NULL) {
        etf_write_tuple(out, 2);
        etf_write_atom(out, "nonexisting_name");
        etf_write_term(out, name);
    } else {
        etf_write_term(out, buf_slice(&node->atom));
    }
    process_send_end(node);
}

/* {send, Name, Message}: Name gets {From, Message} and answers itself. */
static void pass_on(struct gen_server *self, struct slice from, struct slice rest)
{
    struct node *node = self->process.node;
    struct slice name = etf_take(&rest);
    struct process *process = registry_find_atom(node, name);
    if (process == NULL) {
        struct buf *out = answer_begin(self, from);
        etf_write_tuple(out, 2);
        etf_write_atom(out, "nonexisting_name");
        etf_write_term(out, name);
        process_send_end(node);
        return;
    }
    struct buf message = BUF_EMPTY;
    etf_write_tuple(&message, 2);
    etf_write_term(&message, from);
    etf_write_term(&message, etf_take(&rest));
    process_post(process, buf_slice(&message));
    buf_release(&message);
}

/* {features_reply, Node, [erpc]} */
static void tell_features(struct gen_server *self, struct slice to)
{
    struct node *node = self->process.node;
    struct buf *out = process_send_begin(node, &self->process, to);
    etf_write_tuple(out, 3);
    etf_write_atom(out, "features_reply");
    etf_write_term(out, buf_slice(&node->atom));
    etf_write_list(out, 1);
    etf_write_atom(out, "erpc");
    etf_write_nil(out);
    process_send_end(node);
}

/* {rex, Result}: the answer to a C node's call, which has no reference. */
static void answer_call(struct gen_server *self, struct slice to, const struct mfa *mfa)
{
    struct node *node = self->process.node;
    struct buf result = BUF_EMPTY;
    write_result(&self->process, mfa, &result);
    struct buf *out = process_send_begin(node, &self->process, to);
    etf_write_tuple(out, 2);
    etf_write_atom(out, "rex");
    etf_write_term(out, buf_slice(&result));
    process_send_end(node);
    buf_release(&result);
}

/* {From, Request} */
static void handle_info(struct gen_server *self, struct slice message)
{
    uint32_t arity;
    struct mfa mfa;
    struct slice rest = message;
    if (!etf_read_tuple(&rest, &arity) || arity != 2 || etf_type(rest) != TERM_PID) {
        node_bad_message(self->process.node, "rex");
        return;
    }
    struct slice from = etf_take(&rest);
    if (etf_is_atom(rest, "features_request"))
        tell_features(self, from);
    else if (read_call(rest, "call", &mfa))
        answer_call(self, from, &mfa);
    else if (etf_read_tagged(&rest, "sbcast", 3))
        broadcast(self, from, rest);
    else if (etf_read_tagged(&rest, "send", 3))
        pass_on(self, from, rest);
    else
        node_bad_message(self->process.node, "rex");
}

static const struct gen_server_type type = {
    .process = GEN_SERVER_PROCESS("rpc", struct gen_server),
    .init = init,
    .handle_call = handle_call,
    .handle_cast = handle_cast,
    .handle_info = handle_info,
    .write_state = write_state,
};

int rex_start(struct node *node, struct gen_server **server)
{
    return gen_server_start(node, &type, NULL, "rex", NULL, server);
}
