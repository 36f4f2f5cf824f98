/* The one table of error codes: 0 is success, every failure is a negative int.
 *
 * Failures of the operating system are negative errno values (-ENOSPC); our own start at -1000. Each has a
 * text for people and an atom for Erlang terms, spelled as file:posix() spells it.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/* X(name, value, atom, text) */
#define ERROR_TABLE(X)                                                                                       \
    X(ERR_BADARG, -1000, "badarg", "bad argument")                                                           \
    X(ERR_TRUNCATED, -1001, "truncated", "the bytes end too early")                                          \
    X(ERR_BAD_TERM, -1002, "bad_term", "not a valid external term")                                          \
    X(ERR_TOO_DEEP, -1003, "too_deep", "a term is nested too deeply")                                        \
    X(ERR_TOO_LARGE, -1004, "too_large", "beyond a size limit")                                              \
    X(ERR_PROTOCOL, -1005, "protocol", "the peer broke the distribution protocol")                           \
    X(ERR_CORRUPT, -1006, "corrupt", "the stored bytes are damaged")                                         \
    X(ERR_NOT_FOUND, -1007, "not_found", "no such thing")                                                    \
    X(ERR_CONFLICT, -1008, "conflict", "changed by somebody else meanwhile")                                 \
    X(ERR_NO_DATE, -1009, "no_date", "an entry needs the key date")                                          \
    X(ERR_EXISTS, -1010, "exists", "already there")                                                          \
    X(ERR_LOCKED, -1011, "locked", "another node uses the folder")                                           \
    X(ERR_STOPPED, -1012, "stopped", "stopping")                                                             \
    X(ERR_BAD_COOKIE, -1013, "bad_cookie", "the digest does not match our cookie")                           \
    X(ERR_REFUSED, -1014, "refused", "the connection was refused by name or flags")                          \
    X(ERR_TIMEOUT, -1015, "timeout", "not in time")                                                          \
    X(ERR_SYSTEM_LIMIT, -1016, "system_limit", "a limit is reached")                                         \
    X(ERR_VERSION, -1017, "version", "written in another format version")                                    \
    X(ERR_MAILBOX_FULL, -1018, "mailbox_full", "too much waits for a process that does not take it")         \
    X(ERR_TLS, -1019, "tls", "no TLS: a certificate was refused, or one side does not speak it")

enum error_code {
#define ERROR_CODE(name, value, atom, text) name = (value),
    ERROR_TABLE(ERROR_CODE)
#undef ERROR_CODE
};

/* The Erlang atom's text for a code: "enospc" for -ENOSPC, "corrupt" for ERR_CORRUPT, "unknown" otherwise. */
const char *error_atom(int code);

/* One line for people. */
const char *error_text(int code);

#endif
