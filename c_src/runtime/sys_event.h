/* What a gen_server does, told to sys: counted by statistics, kept by log, and for trace a line in the node's
 * log, which says what happened but, as everything there, nothing of what users wrote.
 *
 * Events are those of OTP's gen_server: {in, Message} before a message that is no system message is handled,
 * {noreply, State} after a cast or other message, {out, Reply, From, State} when a call is answered, be it
 * now or later. Nothing is copied while neither log nor trace is on. Private to gen_server and sys.
 */
#ifndef RUNTIME_SYS_EVENT_H
#define RUNTIME_SYS_EVENT_H

#include "runtime/gen_server.h"

void sys_event_in(struct gen_server *server, struct slice message);
void sys_event_noreply(struct gen_server *server);

/* Around the answer to a call: from is copied; the answer is what is appended to out meanwhile. */
void sys_event_out_begin(struct gen_server *server, const struct from *from, struct buf *out);
void sys_event_out_end(struct gen_server *server);

/* sys:log(Server, print): the lines of trace for what the log holds. */
void sys_event_print(struct gen_server *server);

#endif
