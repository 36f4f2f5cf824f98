/* The requests of a list whose value is loaded (messages: docs/protocol.md). A change goes to the store at
 * once and is answered when it is durable; a question is answered at once.
 */
#ifndef TODO_SERVER_REQUESTS_H
#define TODO_SERVER_REQUESTS_H

#include "todo/server.h"

/* Carries out add_entry, update_entry or delete_entry. from: NULL for a cast, which is not answered (a bad
 * one is counted). False, nothing done: the request is none of these. */
bool server_change_request(struct server *server, const struct from *from, struct slice request);

/* Carries out any request and answers it, now or later. False, not answered: unknown or malformed. */
bool server_call_request(struct server *server, const struct from *from, struct slice request);

#endif
