/* Reads, or makes, the secret that nodes share. It never goes to a log or a message. */
#include "runtime/cookie.h"

#include "base/error.h"
#include "wire/challenge.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COOKIE_MAX = 255,
    COOKIE_MADE = 20, /* capitals */
    FILE_MAX = 1024,  /* a larger file is none */
    MESSAGE_MAX = 512,
};

static const char env_name[] = "TODO_COOKIE";

static int explain(int status, char message[MESSAGE_MAX], const char *path, const char *what)
{
    snprintf(message, MESSAGE_MAX, "cookie: %.400s: %s", path, what);
    return status;
}

/* Takes the cookie out of text: what erl accepts, printable ASCII, up to the line's end. */
static int take_cookie(const char *text, size_t size, struct buf *cookie, char message[MESSAGE_MAX],
                       const char *from)
{
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    if (size == 0)
        return explain(ERR_BADARG, message, from, "is empty");
    if (size > COOKIE_MAX)
        return explain(ERR_BADARG, message, from, "is longer than 255 characters");
    for (size_t i = 0; i < size; i++) {
        if (text[i] < ' ' || text[i] > '~')
            return explain(ERR_BADARG, message, from, "has characters that no cookie has");
    }
    buf_clear(cookie);
    buf_append(cookie, text, size);
    return 0;
}

static int check_file(int fd, const char *path, char message[MESSAGE_MAX])
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return explain(-errno, message, path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return explain(ERR_BADARG, message, path, "is not a regular file");
    if (info.st_uid != geteuid())
        return explain(-EPERM, message, path, "belongs to another user");
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return explain(-EPERM, message, path, "must be accessible by its owner only (chmod 400)");
    return 0;
}

static int read_opened(int fd, const char *path, struct buf *cookie, char message[MESSAGE_MAX])
{
    char text[FILE_MAX];
    int status = check_file(fd, path, message);
    if (status != 0)
        return status;
    ssize_t size = read(fd, text, sizeof text);
    if (size < 0)
        return explain(-errno, message, path, strerror(errno));
    status = take_cookie(text, (size_t)size, cookie, message, path);
    explicit_bzero(text, sizeof text);
    return status;
}

static int read_file(const char *path, struct buf *cookie, char message[MESSAGE_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* not to wait for the writer of a fifo */
    if (fd < 0)
        return explain(-errno, message, path, strerror(errno));
    int status = read_opened(fd, path, cookie, message);
    close(fd);
    return status;
}

/* The copy in the environment is overwritten, so that /proc does not show it either. */
static int read_environment(char *value, struct buf *cookie, char message[MESSAGE_MAX])
{
    int status = take_cookie(value, strlen(value), cookie, message, env_name);
    explicit_bzero(value, strlen(value));
    unsetenv(env_name);
    return status;
}

static int write_cookie(int fd)
{
    char cookie[COOKIE_MADE];
    challenge_random(cookie, sizeof cookie);
    for (size_t i = 0; i < sizeof cookie; i++)
        cookie[i] = (char)('A' + (unsigned char)cookie[i] % 26);
    ssize_t size = write(fd, cookie, sizeof cookie);
    int status = size == COOKIE_MADE ? 0 : size < 0 ? -errno : -ENOSPC;
    explicit_bzero(cookie, sizeof cookie);
    if (status == 0 && (fchmod(fd, S_IRUSR) != 0 || fsync(fd) != 0))
        status = -errno;
    return status;
}

/* Under a name of its own first: who else starts now must not see half a cookie, and the first one wins. */
static int make_file(const char *path)
{
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary)
        return -ENAMETOOLONG;
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int status = write_cookie(fd);
    close(fd);
    if (status == 0 && link(temporary, path) != 0 && errno != EEXIST)
        status = -errno;
    unlink(temporary);
    return status;
}

static const char *home(void)
{
    const char *folder = getenv("HOME");
    if (folder != NULL && *folder != '\0')
        return folder;
    const struct passwd *user = getpwuid(geteuid());
    return user != NULL ? user->pw_dir : NULL;
}

static int read_home(struct buf *cookie, char message[MESSAGE_MAX])
{
    char path[PATH_MAX];
    const char *folder = home();
    if (folder == NULL)
        return explain(-ENOENT, message, "~/.erlang.cookie", "there is no home folder");
    if (snprintf(path, sizeof path, "%s/.erlang.cookie", folder) >= (int)sizeof path)
        return explain(-ENAMETOOLONG, message, "~/.erlang.cookie", "its path is too long");
    int status = read_file(path, cookie, message);
    if (status != -ENOENT)
        return status;
    status = make_file(path);
    return status == 0 ? read_file(path, cookie, message) : explain(status, message, path, strerror(-status));
}

int cookie_read(const char *file, struct buf *cookie, char message[MESSAGE_MAX])
{
    char *value = getenv(env_name);
    if (file == NULL && value != NULL)
        return read_environment(value, cookie, message);
    if (value != NULL) {
        explicit_bzero(value, strlen(value));
        unsetenv(env_name);
    }
    return file != NULL ? read_file(file, cookie, message) : read_home(cookie, message);
}
