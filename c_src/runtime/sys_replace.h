/* sys:replace_state. The fun cannot be run here, but the node that it comes from can: it is sent the state,
 * runs the fun, and what it returns is handed to the server's replace_state. Meanwhile the server takes no
 * message, as it would not on a BEAM. Private to sys.
 */
#ifndef RUNTIME_SYS_REPLACE_H
#define RUNTIME_SYS_REPLACE_H

#include "runtime/gen_server.h"

/* fun: any term. Answers the state as it is then, of every server if it is the same as before, or
 * {error, {callback_failed, {gen_server, system_replace_state}, {Class, Reason}}}. */
void sys_replace_state(struct gen_server *server, const struct from *from, struct slice fun);

#endif
