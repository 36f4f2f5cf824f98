/* The processes that hang together by links, as a tree from its root: a link between a process and the one
 * that started it is a branch, any other link between two of them is told beside it. Processes of other nodes
 * do not belong to it.
 */
#ifndef RUNTIME_PROCESS_TREE_H
#define RUNTIME_PROCESS_TREE_H

#include "base/buf.h"

struct process;

/* Appends {Root, [{Pid, Text}], [{Parent, Child}], [{From, To}]}: the second list are the branches, the third
 * the other links; Root, Parent, Child, From and To are texts. A text is a registered name or a pid as its
 * own node writes it, a charlist. */
void process_tree_write(struct process *root, struct buf *out);

#endif
