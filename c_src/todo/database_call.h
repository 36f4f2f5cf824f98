/* The requests that Todo.Database and its workers have in common:
 *   {get, Key}          -> term or nil
 *   {store, Key, Term}  -> ok once it is on disk (or a cast)
 *   {delete, Key}       -> ok once it is gone from disk
 *   {set_aside, Key}    -> {ok, FileName}: the key's file, whatever is in it, under another name
 *   keys                -> the keys on disk
 *   sync                -> ok once everything accepted before is on disk
 * Errors: {error, Reason}; {error, {corrupt, FileName}} for a file that is no term.
 */
#ifndef TODO_DATABASE_CALL_H
#define TODO_DATABASE_CALL_H

#include "runtime/gen_server.h"
#include "todo/database.h"

/* Answers the request, now or later. False: it is none of these and nothing was answered. */
bool database_call(struct gen_server *self, struct database *database, const struct from *from,
                   struct slice request);

/* {store, Key, Term} and {delete, Key} without an answer. False: it is neither, or malformed. */
bool database_cast(struct database *database, struct slice request);

#endif
