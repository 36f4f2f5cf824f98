/* Finds and runs the program epmd. Knows nothing of its protocol. */
#include "runtime/epmd_daemon.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    WAIT_STEPS = 100, /* of WAIT_STEP_MS, for it to go to the background */
    WAIT_STEP_MS = 20,
};

/* Nothing of ours may live on in a daemon: not our standard streams (our owner waits for their end), not our
 * ignored signals. All other descriptors are close on exec. */
static int spawn_detached(const char *program, pid_t *pid)
{
    char name[] = "epmd", flag[] = "-daemon";
    char *const arguments[] = {name, flag, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawnp(pid, program, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

static int await_exit(pid_t pid)
{
    const struct timespec step = {.tv_nsec = WAIT_STEP_MS * 1000000L};
    for (int i = 0; i < WAIT_STEPS; i++) {
        int status;
        pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended == pid)
            return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
        if (ended < 0 && errno != EINTR)
            return -errno;
        nanosleep(&step, NULL);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return ERR_TIMEOUT;
}

static int run(const char *program)
{
    pid_t pid;
    int status = spawn_detached(program, &pid);
    return status == 0 ? await_exit(pid) : status;
}

/* folder as a pattern that only it matches. Room for twice its size and a NUL. */
static void quote(const char *folder, char *pattern)
{
    for (; *folder != '\0'; folder++) {
        if (strchr("*?[\\", *folder) != NULL)
            *pattern++ = '\\';
        *pattern++ = *folder;
    }
    *pattern = '\0';
}

/* The first file that matches: what follows the folder may hold wildcards. */
static int run_matching(const char *folder, const char *rest)
{
    char quoted[2 * PATH_MAX], pattern[3 * PATH_MAX];
    glob_t found;
    int status = ERR_NOT_FOUND;
    quote(folder, quoted);
    snprintf(pattern, sizeof pattern, "%s%s", quoted, rest);
    if (glob(pattern, 0, NULL, &found) != 0)
        return ERR_NOT_FOUND;
    if (found.gl_pathc > 0)
        status = run(found.gl_pathv[0]);
    globfree(&found);
    return status;
}

/* The file behind `erl` in PATH. */
static int find_erl(char path[PATH_MAX])
{
    const char *folders = getenv("PATH");
    while (folders != NULL && *folders != '\0') {
        size_t size = strcspn(folders, ":");
        char candidate[PATH_MAX];
        if (snprintf(candidate, sizeof candidate, "%.*s/erl", (int)size, folders) < (int)sizeof candidate &&
            access(candidate, X_OK) == 0 && realpath(candidate, path) != NULL)
            return 0;
        folders += size + (folders[size] == ':');
    }
    return ERR_NOT_FOUND;
}

/* ROOTDIR/bin/erl belongs to ROOTDIR/erts-VERSION/bin/epmd; some installations have epmd beside erl as well.
 */
static int run_beside_erl(void)
{
    char erl[PATH_MAX];
    int status = find_erl(erl);
    if (status != 0)
        return status;
    *strrchr(erl, '/') = '\0';
    status = run_matching(erl, "/epmd");
    return status == ERR_NOT_FOUND ? run_matching(erl, "/../erts-*/bin/epmd") : status;
}

int epmd_daemon_start(void)
{
    int status = run("epmd");
    return status == -ENOENT ? run_beside_erl() : status;
}
