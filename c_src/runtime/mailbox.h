/* Messages that wait for a process, in order, with selective take.
 *
 * An empty mailbox is a NULL pointer: most processes are idle most of the time. A cursor remembers how far
 * the process has looked: messages before it were left unread and are offered again only after
 * mailbox_rescan.
 */
#ifndef RUNTIME_MAILBOX_H
#define RUNTIME_MAILBOX_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct mailbox;

/* Appends a copy of message (a term). *mailbox may be NULL and is allocated then. */
void mailbox_push(struct mailbox **mailbox, struct slice message);

/* The next message that was not looked at yet; false if there is none. Borrowed until mailbox_take of it. */
bool mailbox_peek(struct mailbox *mailbox, struct slice *message);

/* Removes the message that mailbox_peek gave. Frees the mailbox when it was the last. */
void mailbox_take(struct mailbox **mailbox);

/* Leaves that message unread: mailbox_peek goes on behind it. */
void mailbox_leave(struct mailbox *mailbox);

/* Inserts a copy of a message that was looked at without ever being in the mailbox, and left: it stands
 * before everything that was not looked at. */
void mailbox_keep(struct mailbox **mailbox, struct slice message);

/* All messages are offered again from the first. */
void mailbox_rescan(struct mailbox *mailbox);

/* Frees it with all messages. */
void mailbox_free(struct mailbox **mailbox);

/* Messages in it, read or not (message_queue_len). NULL gives 0. */
uint32_t mailbox_length(const struct mailbox *mailbox);

/* Appends all messages, terms one after another, oldest first. */
void mailbox_write(const struct mailbox *mailbox, struct buf *out);

/* Bytes of all messages. */
size_t mailbox_bytes(const struct mailbox *mailbox);

#endif
