/* Finding and running the program epmd. Every program here is a script of the test's own in a folder of its
 * own, which writes down how it was called; the real one is started in test_epmd. */
#include "runtime/epmd_daemon.h"

#include "base/error.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Paths are relative to it. */
struct folder {
    char path[64];
    char *search_path; /* PATH as it was */
};

static int set_up(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    strcpy(folder->path, "/tmp/todo_epmd_XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    folder->search_path = strdup(getenv("PATH"));
    *state = folder;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *folder = *state;
    char command[PATH_MAX];
    setenv("PATH", folder->search_path, 1);
    snprintf(command, sizeof command, "rm -rf %s", folder->path);
    assert_int_equal(system(command), 0);
    free(folder->search_path);
    free(folder);
    return 0;
}

static const char *path_of(const struct folder *folder, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", folder->path, name);
    return path;
}

/* A shell script; folders that are not there are made. */
static void put_script(const struct folder *folder, const char *name, const char *text, mode_t mode)
{
    char path[PATH_MAX];
    path_of(folder, name, path);
    for (char *at = strchr(path + strlen(folder->path) + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        mkdir(path, 0755);
        *at = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", text);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

/* A script that leaves its arguments in the file called.NAME. */
static void put_epmd(const struct folder *folder, const char *name, const char *file)
{
    char text[PATH_MAX];
    snprintf(text, sizeof text, "echo \"$@\" >%s/called.%s", folder->path, file);
    put_script(folder, name, text, 0755);
}

static bool was_called(const struct folder *folder, const char *file)
{
    char name[64], path[PATH_MAX], line[64] = "";
    snprintf(name, sizeof name, "called.%s", file);
    FILE *found = fopen(path_of(folder, name, path), "r");
    if (found == NULL)
        return false;
    assert_non_null(fgets(line, sizeof line, found));
    fclose(found);
    assert_string_equal(line, "-daemon\n");
    return true;
}

/* PATH is these folders, each below the test's own. */
static void search(const struct folder *folder, const char *first, const char *second)
{
    char path[2 * PATH_MAX];
    snprintf(path, sizeof path, "%s/%s:%s/%s", folder->path, first, folder->path, second);
    setenv("PATH", path, 1);
}

static void start__in_path__the_first_one_is_run(void **state)
{
    const struct folder *folder = *state;
    put_epmd(folder, "second/epmd", "second");
    put_epmd(folder, "third/epmd", "third");
    put_epmd(folder, "third/erl", "erl");
    search(folder, "second", "third");
    assert_int_equal(epmd_daemon_start(), 0);
    assert_true(was_called(folder, "second"));
    assert_false(was_called(folder, "third"));
    assert_false(was_called(folder, "erl"));
}

static void start__not_in_path__beside_the_erl_that_a_link_leads_to(void **state)
{
    const struct folder *folder = *state;
    char target[PATH_MAX], link[PATH_MAX];
    put_epmd(folder, "otp/bin/erl", "erl");
    put_epmd(folder, "otp/bin/epmd", "beside");
    put_epmd(folder, "otp/erts-13.1.5/bin/epmd", "erts");
    put_script(folder, "path/other", "", 0755);
    assert_int_equal(symlink(path_of(folder, "otp/bin/erl", target), path_of(folder, "path/erl", link)), 0);
    search(folder, "missing", "path");
    assert_int_equal(epmd_daemon_start(), 0);
    assert_true(was_called(folder, "beside"));
    assert_false(was_called(folder, "erts"));
}

static void start__only_below_erts__that_one(void **state)
{
    const struct folder *folder = *state;
    put_epmd(folder, "otp/bin/erl", "erl");
    put_epmd(folder, "otp/erts-13.1.5/bin/epmd", "erts");
    search(folder, "otp/bin", "missing");
    assert_int_equal(epmd_daemon_start(), 0);
    assert_true(was_called(folder, "erts"));
    assert_false(was_called(folder, "erl"));
}

/* The folder is a name, not a pattern. */
static void start__folder_of_erl_has_wildcards_in_its_name__found(void **state)
{
    const struct folder *folder = *state;
    put_epmd(folder, "[o*t?p]\\/bin/erl", "erl");
    put_epmd(folder, "[o*t?p]\\/erts-13.1.5/bin/epmd", "erts");
    search(folder, "[o*t?p]\\/bin", "missing");
    assert_int_equal(epmd_daemon_start(), 0);
    assert_true(was_called(folder, "erts"));
}

static void start__none_installed__not_found(void **state)
{
    const struct folder *folder = *state;
    search(folder, "missing", "also");
    assert_int_equal(epmd_daemon_start(), ERR_NOT_FOUND);
    put_epmd(folder, "bin/erl", "erl"); /* an Erlang without it */
    search(folder, "bin", "missing");
    assert_int_equal(epmd_daemon_start(), ERR_NOT_FOUND);
    setenv("PATH", "", 1);
    assert_int_equal(epmd_daemon_start(), ERR_NOT_FOUND);
}

/* Folders of a PATH too long for any file are passed over, and are not written beyond. */
static void start__path_of_enormous_folders__those_behind_are_looked_at(void **state)
{
    const struct folder *folder = *state;
    char *path = malloc(PATH_MAX + 300);
    put_epmd(folder, "otp/bin/erl", "erl");
    put_epmd(folder, "otp/bin/epmd", "beside");
    memset(path, 'x', PATH_MAX + 1);
    snprintf(path + PATH_MAX + 1, 200, ":%s/missing::%s/otp/bin", folder->path, folder->path);
    setenv("PATH", path, 1);
    assert_int_equal(epmd_daemon_start(), 0);
    assert_true(was_called(folder, "beside"));
    free(path);
}

static void start__does_not_go_to_the_background__eio(void **state)
{
    const struct folder *folder = *state;
    put_script(folder, "bin/epmd", "exit 1", 0755);
    search(folder, "bin", "missing");
    assert_int_equal(epmd_daemon_start(), -EIO);
    put_script(folder, "bin/epmd", "kill -9 $$", 0755);
    assert_int_equal(epmd_daemon_start(), -EIO);
}

/* An epmd that may not be run is not one that is not there. */
static void start__not_executable__its_errno(void **state)
{
    const struct folder *folder = *state;
    put_script(folder, "bin/epmd", "exit 0", 0644);
    search(folder, "bin", "missing");
    assert_int_equal(epmd_daemon_start(), -EACCES);
}

/* ---- what it has of ours: a shell changes signals, so here this program is the daemon */

#define PIPE_VARIABLE "TEST_EPMD_PIPE" /* the descriptor that it must not have */

/* The program under the name epmd. Its exit status: 0, or a number for what it has got. */
static int be_daemon(void)
{
    sigset_t mask;
    struct sigaction action;
    struct stat null, stream;
    if (fcntl(atoi(getenv(PIPE_VARIABLE)), F_GETFD) != -1)
        return 1;
    stat("/dev/null", &null);
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fstat(fd, &stream) != 0 || stream.st_rdev != null.st_rdev)
            return 2;
    }
    sigprocmask(SIG_BLOCK, NULL, &mask);
    if (sigismember(&mask, SIGTERM))
        return 3;
    sigaction(SIGPIPE, NULL, &action);
    return action.sa_handler == SIG_DFL ? 0 : 4;
}

static void start__running__has_nothing_of_ours(void **state)
{
    const struct folder *folder = *state;
    char program[PATH_MAX], path[PATH_MAX], number[16];
    int pipe_ends[2];
    sigset_t blocked, before;
    assert_non_null(realpath("/proc/self/exe", program));
    put_script(folder, "bin/other", "", 0755);
    assert_int_equal(symlink(program, path_of(folder, "bin/epmd", path)), 0);
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    snprintf(number, sizeof number, "%d", pipe_ends[1]);
    setenv(PIPE_VARIABLE, number, 1);
    search(folder, "bin", "missing");
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    int status = epmd_daemon_start();
    signal(SIGPIPE, handler);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    assert_int_equal(status, 0);
}

static void start__stays_in_the_foreground__ended_after_a_while(void **state)
{
    const struct folder *folder = *state;
    char text[PATH_MAX], path[PATH_MAX];
    long pid = 0;
    snprintf(text, sizeof text, "echo $$ >%s/pid\nexec sleep 600", folder->path);
    put_script(folder, "bin/epmd", text, 0755);
    snprintf(text, sizeof text, "%s/bin:%s", folder->path, folder->search_path);
    setenv("PATH", text, 1);
    assert_int_equal(epmd_daemon_start(), ERR_TIMEOUT);
    FILE *file = fopen(path_of(folder, "pid", path), "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &pid), 1);
    fclose(file);
    assert_int_equal(kill((pid_t)pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(int argc, char **argv)
{
    if (strcmp(argv[0], "epmd") == 0)
        return be_daemon();
    const struct CMUnitTest tests[] = {
        TEST(start__in_path__the_first_one_is_run),
        TEST(start__not_in_path__beside_the_erl_that_a_link_leads_to),
        TEST(start__only_below_erts__that_one),
        TEST(start__folder_of_erl_has_wildcards_in_its_name__found),
        TEST(start__none_installed__not_found),
        TEST(start__path_of_enormous_folders__those_behind_are_looked_at),
        TEST(start__does_not_go_to_the_background__eio),
        TEST(start__not_executable__its_errno),
        TEST(start__running__has_nothing_of_ours),
        TEST(start__stays_in_the_foreground__ended_after_a_while),
    };
    return cmocka_run_group_tests_name("epmd_daemon", tests, NULL, NULL);
}
