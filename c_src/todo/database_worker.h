/* Todo.DatabaseWorker: one of the pool; get and store (database_call.h) as the book's workers know them. */
#ifndef TODO_DATABASE_WORKER_H
#define TODO_DATABASE_WORKER_H

#include "runtime/process.h"

/* Start function of a child specification: argument is the struct database. */
int database_worker_start(struct process *supervisor, void *argument, struct process **child);

#endif
