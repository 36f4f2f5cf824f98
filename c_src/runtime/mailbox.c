/* Waiting messages with a cursor for selective receive. Knows nothing of processes. */
#include "runtime/mailbox.h"

#include "base/mem.h"

#include <assert.h>
#include <utlist.h>

struct message {
    struct message *prev; /* utlist: of the first it is the last */
    struct message *next;
    struct message **holder; /* who may cancel it; NULL: nobody */
    size_t size;             /* bytes of the term */
    size_t token_size;       /* bytes of the token behind it */
    uint8_t bytes[];         /* both */
};

struct mailbox {
    struct message *first;  /* utlist */
    struct message *looked; /* the last that was looked at and left; NULL: none */
    uint32_t length;        /* messages */
    size_t bytes;           /* of their terms */
};

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
    message->size = term.size;
    message->token_size = token.size;
    memcpy(message->bytes, term.data, term.size);
    if (token.size > 0)
        memcpy(message->bytes + term.size, token.data, token.size);
    DL_APPEND_ELEM(mailbox->first, after, message);
    mailbox->length++;
    mailbox->bytes += term.size;
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
    mem_free(message);
    if (mailbox->length == 0)
        mailbox_free(where);
}

static void make(struct mailbox **where)
{
    if (*where == NULL)
        *where = mem_zalloc(sizeof **where);
}

struct message *mailbox_push(struct mailbox **where, struct slice term, struct slice token)
{
    make(where);
    struct message *first = (*where)->first;
    return insert(where, first == NULL ? NULL : first->prev, term, token);
}

struct message *mailbox_keep(struct mailbox **where, struct slice term, struct slice token)
{
    make(where);
    (*where)->looked = insert(where, (*where)->looked, term, token);
    return (*where)->looked;
}

bool mailbox_has_next(const struct mailbox *mailbox)
{
    return mailbox != NULL && next_of(mailbox) != NULL;
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
    return mailbox->looked;
}

void mailbox_rescan(struct mailbox *mailbox)
{
    if (mailbox != NULL)
        mailbox->looked = NULL;
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

void mailbox_write(const struct mailbox *mailbox, struct buf *out)
{
    const struct message *message;
    DL_FOREACH(mailbox == NULL ? NULL : mailbox->first, message)
    {
        buf_append(out, message->bytes, message->size);
    }
}
