/* The magic cookie: where it comes from. */
#ifndef RUNTIME_COOKIE_H
#define RUNTIME_COOKIE_H

#include "base/buf.h"

/* In this order: file (may be NULL), environment variable TODO_COOKIE (removed from the environment), the
 * file
 * ~/.erlang.cookie (made as erl makes it, 20 random capitals, mode 0400, when missing).
 * A file must be a regular one of ours that nobody else can read; trailing newline is ignored; 1..255
 * characters. Errors: negative errno, ERR_BADARG (bad content), -EPERM (others can read it). message: one
 * line for people. */
int cookie_read(const char *file, struct buf *cookie, char message[512]);

#endif
