/* Messages that wait for a process, in order, with selective take.
 *
 * An empty mailbox is a NULL pointer: most processes are idle most of the time. A cursor remembers how far
 * the process has looked: messages before it were left unread and are offered again only after
 * mailbox_rescan. A message that has not been offered yet can be cancelled by who holds it.
 *
 * What messages cost in memory (term, token and what is kept about them) is known by kind: unread ones have
 * not been offered, left ones have. The owner of many mailboxes may have the unread ones summed up.
 */
#ifndef RUNTIME_MAILBOX_H
#define RUNTIME_MAILBOX_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct mailbox;
struct message;

/* Appends a copy of message (a term) and of its seq_trace token (a term, or empty). *mailbox may be NULL and
 * is allocated then; unread: where the unread bytes of one that is allocated are added (mailbox_sum).
 * Returned: the message, for message_hold; good as long as it is in the mailbox. */
struct message *mailbox_push(struct mailbox **mailbox, struct slice message, struct slice token,
                             size_t *unread);

/* True if there is a message that was not looked at yet. */
bool mailbox_has_next(const struct mailbox *mailbox);

/* Who has sent a message of it: a number, 0 until it is set. And who has sent the next one; 0 if there is
 * none. */
void mailbox_set_sender(struct mailbox *mailbox, struct message *message, uint32_t sender);
uint32_t mailbox_next_sender(const struct mailbox *mailbox);

/* True if no other sender's messages cost more than this one's, nor those that nobody has sent. */
bool mailbox_is_mostly_of(const struct mailbox *mailbox, uint32_t sender);

/* That message and its token, borrowed until it is taken; nobody can cancel it any more. False if there is
 * none. */
bool mailbox_peek(struct mailbox *mailbox, struct slice *message, struct slice *token);

/* Removes the message that mailbox_peek gave. Frees the mailbox when it was the last. */
void mailbox_take(struct mailbox **mailbox);

/* Leaves that message unread: mailbox_peek goes on behind it. */
struct message *mailbox_leave(struct mailbox *mailbox);

/* Inserts a copy of a message that was looked at without ever being in the mailbox, and left: it stands
 * before everything that was not looked at. unread: as of mailbox_push. */
struct message *mailbox_keep(struct mailbox **mailbox, struct slice message, struct slice token,
                             size_t *unread);

/* All messages are offered again from the first. */
void mailbox_rescan(struct mailbox *mailbox);

/* *holder becomes message, and NULL as soon as the message is offered or goes. One holder a message. */
void message_hold(struct message *message, struct message **holder);

/* Removes a held message. Frees the mailbox when it was the last. */
void mailbox_cancel(struct mailbox **mailbox, struct message *message);

/* Frees it with all messages. */
void mailbox_free(struct mailbox **mailbox);

/* Messages in it, read or not (message_queue_len). NULL gives 0. */
uint32_t mailbox_length(const struct mailbox *mailbox);

/* Appends all messages, terms one after another, oldest first. */
void mailbox_write(const struct mailbox *mailbox, struct buf *out);

/* Bytes of the terms of all messages. */
size_t mailbox_bytes(const struct mailbox *mailbox);

/* What the messages cost that were not offered yet, and those that were and are left. NULL gives 0. */
size_t mailbox_unread(const struct mailbox *mailbox);
size_t mailbox_left(const struct mailbox *mailbox);

/* From now on *sum has what is unread in it added; NULL: no sum has. */
void mailbox_sum(struct mailbox *mailbox, size_t *sum);

#endif
