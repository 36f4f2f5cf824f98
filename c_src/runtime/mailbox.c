/* Waiting messages with a cursor for selective receive. Knows nothing of processes. */
#include "runtime/mailbox.h"

#include "base/mem.h"
#include "runtime/shares.h"

#include <assert.h>
#include <utlist.h>

struct message {
    struct message *prev; /* utlist: of the first it is the last */
    struct message *next;
    struct message **holder; /* who may cancel it; NULL: nobody */
    uint64_t looked;         /* the round in which it was looked at and left; 0: never */
    size_t size;             /* bytes of the term */
    uint32_t token_size;     /* bytes of the token behind it */
    uint32_t sender;         /* as it was told; 0: nobody */
    uint8_t bytes[];         /* both */
};

struct mailbox {
    struct message *first;  /* utlist */
    struct message *looked; /* the last that was looked at and left; NULL: none */
    uint32_t length;        /* messages */
    size_t bytes;           /* of their terms */
    size_t cost[2];       /* memory of those that were not looked at in this round, and of those that were */
    struct shares shares; /* of senders in that */
    size_t *sum;          /* the owner's, of what is not looked at; may be NULL */
    uint64_t round;       /* counts from 1, one more with each rescan */
};

static size_t cost_of(const struct message *message)
{
    return sizeof *message + message->size + message->token_size;
}

static bool is_left(const struct mailbox *mailbox, const struct message *message)
{
    return message->looked == mailbox->round;
}

/* Adds to one of the costs; sizes wrap, so that what is taken away may be added as well. */
static void count(struct mailbox *mailbox, bool left, size_t bytes)
{
    mailbox->cost[left] += bytes;
    if (!left && mailbox->sum != NULL)
        *mailbox->sum += bytes;
}

static void mark_left(struct mailbox *mailbox, struct message *message)
{
    count(mailbox, false, 0 - cost_of(message));
    message->looked = mailbox->round;
    count(mailbox, true, cost_of(message));
}

static struct message *next_of(const struct mailbox *mailbox)
{
    return mailbox->looked == NULL ? mailbox->first : mailbox->looked->next;
}

/* Inserts behind after (NULL: at the front). */
static struct message *insert(struct mailbox **where, struct message *after, struct slice term,
                              struct slice token)
{
    struct mailbox *mailbox = *where;
    struct message *message = mem_alloc(sizeof *message + term.size + token.size);
    message->holder = NULL;
    message->looked = 0;
    message->size = term.size;
    message->token_size = (uint32_t)token.size; /* a part of a frame, or made here */
    message->sender = 0;
    memcpy(message->bytes, term.data, term.size);
    if (token.size > 0)
        memcpy(message->bytes + term.size, token.data, token.size);
    DL_APPEND_ELEM(mailbox->first, after, message);
    mailbox->length++;
    mailbox->bytes += term.size;
    count(mailbox, false, cost_of(message));
    return message;
}

static void let_go(struct message *message)
{
    if (message->holder != NULL)
        *message->holder = NULL;
    message->holder = NULL;
}

static void remove_message(struct mailbox **where, struct message *message)
{
    struct mailbox *mailbox = *where;
    let_go(message);
    if (mailbox->looked == message)
        mailbox->looked = message == mailbox->first ? NULL : message->prev;
    DL_DELETE(mailbox->first, message);
    mailbox->length--;
    mailbox->bytes -= message->size;
    count(mailbox, is_left(mailbox, message), 0 - cost_of(message));
    if (message->sender != 0)
        shares_take(&mailbox->shares, message->sender, cost_of(message));
    mem_free(message);
    if (mailbox->length == 0)
        mailbox_free(where);
}

static void make(struct mailbox **where, size_t *unread)
{
    if (*where != NULL)
        return;
    *where = mem_zalloc(sizeof **where);
    (*where)->round = 1;
    (*where)->sum = unread;
}

struct message *mailbox_push(struct mailbox **where, struct slice term, struct slice token, size_t *unread)
{
    make(where, unread);
    struct message *first = (*where)->first;
    return insert(where, first == NULL ? NULL : first->prev, term, token);
}

struct message *mailbox_keep(struct mailbox **where, struct slice term, struct slice token, size_t *unread)
{
    make(where, unread);
    (*where)->looked = insert(where, (*where)->looked, term, token);
    mark_left(*where, (*where)->looked);
    return (*where)->looked;
}

bool mailbox_has_next(const struct mailbox *mailbox)
{
    return mailbox != NULL && next_of(mailbox) != NULL;
}

void mailbox_set_sender(struct mailbox *mailbox, struct message *message, uint32_t sender)
{
    assert(message->sender == 0);
    message->sender = sender;
    if (sender != 0)
        shares_add(&mailbox->shares, sender, cost_of(message));
}

bool mailbox_is_mostly_of(const struct mailbox *mailbox, uint32_t sender)
{
    return shares_is_largest(&mailbox->shares, sender, mailbox->cost[false] + mailbox->cost[true]);
}

uint32_t mailbox_next_sender(const struct mailbox *mailbox)
{
    return mailbox_has_next(mailbox) ? next_of(mailbox)->sender : 0;
}

bool mailbox_peek(struct mailbox *mailbox, struct slice *term, struct slice *token)
{
    if (!mailbox_has_next(mailbox))
        return false;
    struct message *message = next_of(mailbox);
    let_go(message);
    *term = slice_of(message->bytes, message->size);
    *token = slice_of(message->bytes + message->size, message->token_size);
    return true;
}

void mailbox_take(struct mailbox **where)
{
    assert(mailbox_has_next(*where));
    remove_message(where, next_of(*where));
}

struct message *mailbox_leave(struct mailbox *mailbox)
{
    assert(mailbox_has_next(mailbox));
    mailbox->looked = next_of(mailbox);
    mark_left(mailbox, mailbox->looked);
    return mailbox->looked;
}

void mailbox_rescan(struct mailbox *mailbox)
{
    if (mailbox == NULL)
        return;
    size_t left = mailbox->cost[true];
    mailbox->looked = NULL;
    mailbox->round++;
    count(mailbox, true, 0 - left);
    count(mailbox, false, left);
}

void message_hold(struct message *message, struct message **holder)
{
    assert(message->holder == NULL && *holder == NULL);
    message->holder = holder;
    *holder = message;
}

void mailbox_cancel(struct mailbox **where, struct message *message)
{
    assert(message->holder != NULL);
    remove_message(where, message);
}

void mailbox_free(struct mailbox **where)
{
    struct message *message, *next;
    if (*where == NULL)
        return;
    DL_FOREACH_SAFE((*where)->first, message, next)
    {
        let_go(message);
        mem_free(message);
    }
    mailbox_sum(*where, NULL);
    shares_release(&(*where)->shares);
    mem_free(*where);
    *where = NULL;
}

uint32_t mailbox_length(const struct mailbox *mailbox)
{
    return mailbox == NULL ? 0 : mailbox->length;
}

size_t mailbox_bytes(const struct mailbox *mailbox)
{
    return mailbox == NULL ? 0 : mailbox->bytes;
}

size_t mailbox_unread(const struct mailbox *mailbox)
{
    return mailbox == NULL ? 0 : mailbox->cost[false];
}

size_t mailbox_left(const struct mailbox *mailbox)
{
    return mailbox == NULL ? 0 : mailbox->cost[true];
}

void mailbox_sum(struct mailbox *mailbox, size_t *sum)
{
    if (mailbox == NULL)
        return;
    if (mailbox->sum != NULL)
        *mailbox->sum -= mailbox->cost[false];
    mailbox->sum = sum;
    if (sum != NULL)
        *sum += mailbox->cost[false];
}

void mailbox_write(const struct mailbox *mailbox, struct buf *out)
{
    const struct message *message;
    DL_FOREACH(mailbox == NULL ? NULL : mailbox->first, message)
    {
        buf_append(out, message->bytes, message->size);
    }
}
