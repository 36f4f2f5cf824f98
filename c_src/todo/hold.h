/* A process that keeps the store's journals whole as long as another process lives: for whoever copies the
 * folder of a running node (docs/operations.md, "Backup"). */
#ifndef TODO_HOLD_H
#define TODO_HOLD_H

#include "todo/database.h"

/* Starts one for holder (a term), linked to owner. It ends with the holder: when that ends, or is not reached
 * any more. Errors: ERR_BADARG (no pid). */
int hold_start(struct database *database, struct process *owner, struct slice holder);

#endif
