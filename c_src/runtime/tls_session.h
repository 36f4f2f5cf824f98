/* One connection's TLS, without its socket: bytes from the socket in, bytes for the socket out, and between
 * them what both sides have to say. Any split of the bytes is the same. No clock: whoever owns the socket has
 * the deadlines.
 *
 *   feed:  from the socket -> plain           write: plain -> output, for the socket
 *
 * Nothing is written for the other side to read before its certificate has been verified, nor taken from it.
 */
#ifndef RUNTIME_TLS_SESSION_H
#define RUNTIME_TLS_SESSION_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdbool.h>

struct tls;
struct tls_session;

/* The side that was connected to: a certificate that an authority of ours stands behind is demanded. */
struct tls_session *tls_session_accept(const struct tls *tls);

/* The side that connects; output has its first word. host: what follows the @ in the other node's name. Its
 * certificate has to be for that host, as inet_tls_dist has it: equal to one of its DNS names, or where it
 * has none to its common name; without wildcards, IP addresses as text. */
struct tls_session *tls_session_connect(const struct tls *tls, struct slice host);

/* NULL is allowed. */
void tls_session_free(struct tls_session *session);

/* Takes all the bytes; appends to plain what the other side says in them: at most one record (16 KiB) more
 * than was fed. Output may have something to send afterwards, also after an error (the alert). 0; 1: the
 * other side has said that it says no more. Errors: ERR_TLS, and tls_session_problem says what. Once it was
 * not 0 it stays so, and bytes are ignored. */
int tls_session_feed(struct tls_session *session, struct slice bytes, struct buf *plain);

/* What feed has returned last, or ERR_TLS where a write has failed. */
int tls_session_status(const struct tls_session *session);

/* Takes from the front of plain what can be said now: all of it, or nothing while hands are shaken (feed then
 * goes on with it, write again afterwards) or after an error. */
void tls_session_write(struct tls_session *session, struct buf *plain);

/* True if the last write could not take everything before something is fed: hands are shaken, for the first
 * time or (TLS 1.2) anew. */
bool tls_session_awaits(const struct tls_session *session);

/* There comes no more from the socket. Same as feed: ERR_TLS where hands were still being shaken. */
int tls_session_cut(struct tls_session *session);

/* Says that no more is said, once; not while hands are shaken. */
void tls_session_close(struct tls_session *session);

/* Bytes for the socket: the caller takes them out, or swaps the memory. */
struct buf *tls_session_output(struct tls_session *session);

/* True if the other side has a certificate for that host, in the sense of tls_session_connect. */
bool tls_session_is_for(const struct tls_session *session, struct slice host);

/* After ERR_TLS: one line, without anything that the other side has made up. */
const char *tls_session_problem(const struct tls_session *session);

#endif
