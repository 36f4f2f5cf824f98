/* Codes to atoms and texts. Knows nothing of who failed. */
#include "base/error.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct errno_name {
    int value;        /* errno */
    const char *atom; /* as file:posix() spells it */
};

static const struct errno_name errno_names[] = {
    {EACCES, "eacces"},
    {EAGAIN, "eagain"},
    {EBADF, "ebadf"},
    {EBUSY, "ebusy"},
    {EDQUOT, "edquot"},
    {EEXIST, "eexist"},
    {EFAULT, "efault"},
    {EFBIG, "efbig"},
    {EINTR, "eintr"},
    {EINVAL, "einval"},
    {EIO, "eio"},
    {EISDIR, "eisdir"},
    {ELOOP, "eloop"},
    {EMFILE, "emfile"},
    {EMLINK, "emlink"},
    {ENAMETOOLONG, "enametoolong"},
    {ENFILE, "enfile"},
    {ENODEV, "enodev"},
    {ENOENT, "enoent"},
    {ENOMEM, "enomem"},
    {ENOSPC, "enospc"},
    {ENOTDIR, "enotdir"},
    {ENOTEMPTY, "enotempty"},
    {ENXIO, "enxio"},
    {EPERM, "eperm"},
    {EPIPE, "epipe"},
    {EROFS, "erofs"},
    {ESPIPE, "espipe"},
    {ESRCH, "esrch"},
    {ESTALE, "estale"},
    {ETXTBSY, "etxtbsy"},
    {EXDEV, "exdev"},
    {EADDRINUSE, "eaddrinuse"},
    {ECONNREFUSED, "econnrefused"},
    {ETIMEDOUT, "etimedout"},
};

const char *error_atom(int code)
{
    switch (code) {
#define ERROR_ATOM(name, value, atom, text)                                                                  \
    case name:                                                                                               \
        return atom;
        ERROR_TABLE(ERROR_ATOM)
#undef ERROR_ATOM
    default:
        break;
    }
    for (size_t i = 0; i < sizeof errno_names / sizeof *errno_names; i++) {
        if (errno_names[i].value == -code)
            return errno_names[i].atom;
    }
    return "unknown";
}

const char *error_text(int code)
{
    switch (code) {
#define ERROR_TEXT(name, value, atom, text)                                                                  \
    case name:                                                                                               \
        return text;
        ERROR_TABLE(ERROR_TEXT)
#undef ERROR_TEXT
    default:
        return strerror(-code);
    }
}
