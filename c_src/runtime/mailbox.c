/* Waiting messages with a cursor for selective receive. Knows nothing of processes. */
#include "runtime/mailbox.h"

#include "base/mem.h"

#include <assert.h>

struct message {
    struct message *next; /* the one that came after it */
    size_t size;          /* bytes of the term */
    uint8_t term[];
};

struct mailbox {
    struct message *first;
    struct message *last;
    struct message **cursor; /* where the pointer to the next message to look at stands */
    uint32_t length;         /* messages */
    size_t bytes;            /* of their terms */
};

static struct mailbox *mailbox_new(void)
{
    struct mailbox *mailbox = mem_zalloc(sizeof *mailbox);
    mailbox->cursor = &mailbox->first;
    return mailbox;
}

/* Inserts a copy of term where *link points; the mailbox is there. */
static void insert(struct mailbox *mailbox, struct message **link, struct slice term)
{
    struct message *message = mem_alloc(sizeof *message + term.size);
    message->next = *link;
    message->size = term.size;
    memcpy(message->term, term.data, term.size);
    *link = message;
    if (message->next == NULL)
        mailbox->last = message;
    mailbox->length++;
    mailbox->bytes += term.size;
}

void mailbox_push(struct mailbox **where, struct slice term)
{
    if (*where == NULL)
        *where = mailbox_new();
    struct mailbox *mailbox = *where;
    insert(mailbox, mailbox->last != NULL ? &mailbox->last->next : &mailbox->first, term);
}

void mailbox_keep(struct mailbox **where, struct slice term)
{
    if (*where == NULL)
        *where = mailbox_new();
    insert(*where, (*where)->cursor, term);
    mailbox_leave(*where);
}

bool mailbox_peek(struct mailbox *mailbox, struct slice *message)
{
    if (mailbox == NULL || *mailbox->cursor == NULL)
        return false;
    *message = slice_of((*mailbox->cursor)->term, (*mailbox->cursor)->size);
    return true;
}

/* The message whose next pointer the cursor stands on; NULL at the front. */
static struct message *before_cursor(struct mailbox *mailbox)
{
    if (mailbox->cursor == &mailbox->first)
        return NULL;
    return (struct message *)((char *)mailbox->cursor - offsetof(struct message, next));
}

void mailbox_take(struct mailbox **where)
{
    struct mailbox *mailbox = *where;
    struct message *message = *mailbox->cursor;
    assert(message != NULL);
    if (mailbox->last == message)
        mailbox->last = before_cursor(mailbox);
    *mailbox->cursor = message->next;
    mailbox->length--;
    mailbox->bytes -= message->size;
    mem_free(message);
    if (mailbox->length == 0)
        mailbox_free(where);
}

void mailbox_leave(struct mailbox *mailbox)
{
    assert(*mailbox->cursor != NULL);
    mailbox->cursor = &(*mailbox->cursor)->next;
}

void mailbox_rescan(struct mailbox *mailbox)
{
    if (mailbox != NULL)
        mailbox->cursor = &mailbox->first;
}

void mailbox_free(struct mailbox **where)
{
    if (*where == NULL)
        return;
    struct message *message = (*where)->first;
    while (message != NULL) {
        struct message *next = message->next;
        mem_free(message);
        message = next;
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
    const struct message *message = mailbox == NULL ? NULL : mailbox->first;
    for (; message != NULL; message = message->next)
        buf_append(out, message->term, message->size);
}
