/* Todo.List: the pure list functions as calls, without state (todo/list_value.h). */
#ifndef TODO_LIST_SERVER_H
#define TODO_LIST_SERVER_H

#include "runtime/process.h"

/* Start function of a child specification; no argument. */
int list_server_start(struct process *supervisor, void *argument, struct process **child);

#endif
