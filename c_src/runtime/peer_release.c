/* Asks a node for its release. Knows no answer that depends on it. */
#include "runtime/peer_release.h"

#include "base/mem.h"
#include "runtime/node.h"
#include "runtime/peer.h"
#include "runtime/remote_call.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

#include <string.h>

/* One question. A connection can be lost meanwhile, so the peer is known by its name. */
struct question {
    struct process process;
    char *peer;        /* NUL-terminated; NULL: the question is over */
    uint32_t creation; /* of the peer */
};

static void rescan_all(struct node *node)
{
    for (uint32_t slot = 1; slot < node->slot_used; slot++) {
        struct process *process = node->slots[slot].process;
        if (process != NULL && process->mailbox != NULL)
            process_rescan(process);
    }
}

static void settle(struct question *question, unsigned release)
{
    struct node *node = question->process.node;
    struct peer *peer = peer_find(node, slice_of_text(question->peer));
    if (peer != NULL && peer->creation == question->creation) {
        peer->release = release;
        peer->release_asked = false;
    }
    mem_free(question->peer);
    question->peer = NULL;
    rescan_all(node);
}

/* "27" */
static unsigned read_release(struct slice term)
{
    struct slice digits;
    unsigned release = 0;
    if (!etf_read_string(&term, &digits) || digits.size > 4)
        return RELEASE_OURS;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return RELEASE_OURS;
        release = release * 10 + (digits.data[i] - '0');
    }
    return release > 0 ? release : RELEASE_OURS;
}

/* After a lost connection the next one asks anew. */
static unsigned release_told(enum apply_class class, struct slice value)
{
    if (class == APPLY_RETURN)
        return read_release(value);
    bool lost = etf_read_tagged(&value, "erpc", 2) && etf_is_atom(value, "noconnection");
    return lost ? RELEASE_UNKNOWN : RELEASE_OURS;
}

static void done(struct process *self, enum apply_class class, struct slice value)
{
    settle((struct question *)self, release_told(class, value));
    process_exit_atom(self, "normal");
}

static enum receive receive(struct process *self, struct slice message)
{
    return RECEIVE_TAKEN;
}

/* Killed by somebody: whoever waits asks again. */
static void release(struct process *self, struct slice reason)
{
    struct question *question = (struct question *)self;
    if (question->peer != NULL)
        settle(question, RELEASE_UNKNOWN);
}

static const struct process_type type = {
    .module = "peer_release", .size = sizeof(struct question), .receive = receive, .release = release};

static void ask(struct peer *peer, struct slice pid)
{
    struct question *question = (struct question *)process_new(peer->node, &type);
    struct buf arguments = BUF_EMPTY;
    question->peer = mem_dup(peer->name, strlen(peer->name) + 1);
    question->creation = peer->creation;
    etf_write_list(&arguments, 1);
    etf_write_atom(&arguments, "otp_release");
    etf_write_nil(&arguments);
    peer->release_asked = true;
    if (!remote_call_start(&question->process, pid, "erlang", "system_info", buf_slice(&arguments), done)) {
        settle(question, RELEASE_OURS);
        process_exit_atom(&question->process, "normal");
    }
    buf_release(&arguments);
}

unsigned release_of_pid(struct node *node, struct slice term)
{
    struct pid pid;
    struct slice cursor = term;
    struct peer *peer = pid_read(&cursor, &pid) ? peer_known(node, pid.node) : NULL;
    if (peer == NULL || peer->pending || peer->creation != pid.creation)
        return RELEASE_OURS;
    if (peer->flags & DFLAG_ALTACT_SIG)
        return RELEASE_WITH_ALTACT;
    if (!(peer->flags & DFLAG_ALIAS))
        return RELEASE_WITHOUT_ALIAS;
    if (peer->release == RELEASE_UNKNOWN && !peer->release_asked)
        ask(peer, term);
    return peer->release;
}
