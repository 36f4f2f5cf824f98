/* Sending: erlang:send/2 of a process, or of the node itself, to whatever can be sent to. */
#ifndef RUNTIME_PROCESS_SEND_H
#define RUNTIME_PROCESS_SEND_H

#include "base/buf.h"
#include "base/slice.h"

struct node;
struct process;

/* Opens a message to a pid (a term), wherever it lives: append one term to the buffer returned and call
 * process_send_end, with no other send in between. It carries from's token. from may be NULL (sent by the
 * node itself). A node that is not connected is connected to meanwhile. */
struct buf *process_send_begin(struct node *node, struct process *from, struct slice to);
/* The same to the alias (a reference as a term); pid tells the node. Falls back to the pid where the peer
 * does not know aliases. */
struct buf *process_alias_send_begin(struct node *node, struct process *from, struct slice to,
                                     struct slice alias);
/* To whatever erlang:send takes: a pid, an alias, {Name, Node}, the name of a process of this node. Whatever
 * else the term is, the message goes nowhere. */
struct buf *process_send_any_begin(struct node *node, struct process *from, struct slice to);
void process_send_end(struct node *node);

#endif
