/* The end of stdin, whatever it is. Each test runs in a process of its own: stdin is one for all, and nobody
 * can end the thread that reads it. */
#include "stdin_watch.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEADLINE_MS = 10000, LATE = 3, TWICE = 4, FAILED = 5 };

struct watched {
    uv_loop_t loop;
    uv_timer_t deadline;
    unsigned ended; /* calls */
};

static void on_ended(void *ctx)
{
    struct watched *watched = ctx;
    watched->ended++;
}

static void on_deadline(uv_timer_t *timer)
{
    _exit(LATE);
}

/* Waits for the end of stdin, on a loop that waits for nothing else. Does not return. */
static void watch(void)
{
    struct watched watched = {.ended = 0};
    struct stdin_watch stdin_watch;
    uv_loop_init(&watched.loop);
    uv_timer_init(&watched.loop, &watched.deadline);
    uv_timer_start(&watched.deadline, on_deadline, DEADLINE_MS, 0);
    if (stdin_watch_start(&stdin_watch, &watched.loop, on_ended, &watched) != 0)
        _exit(FAILED);
    while (watched.ended == 0)
        uv_run(&watched.loop, UV_RUN_ONCE);
    for (int i = 0; i < 5; i++)
        uv_run(&watched.loop, UV_RUN_NOWAIT);
    _exit(watched.ended == 1 ? 0 : TWICE);
}

/* A process that watches that descriptor as its stdin; -1: it has none. other: closed there. */
static pid_t fork_watching(int input, int other)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    if (input < 0)
        close(STDIN_FILENO);
    else
        dup2(input, STDIN_FILENO);
    if (input >= 0)
        close(input);
    if (other >= 0)
        close(other);
    watch();
    return 0;
}

static void expect_noticed(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* It has not ended by itself, though all that was sent to it is read. */
static void expect_waiting(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
}

/* Writes more than any pipe or socket holds: returns when nearly all of it was read. */
static void write_pieces(int fd, size_t size)
{
    static const char zeros[4096];
    for (int i = 0; i < 2000; i++)
        assert_int_equal(write(fd, zeros, size), size);
}

static void watch__pipe__ended_when_the_last_writer_closes(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork_watching(ends[0], ends[1]);
    close(ends[0]);
    int second = dup(ends[1]);
    write_pieces(ends[1], 4096);
    close(ends[1]);
    write_pieces(second, 4096);
    expect_waiting(pid);
    close(second);
    expect_noticed(pid);
}

static void watch__socket__ended_when_the_other_side_shuts_down(void **state)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    pid_t pid = fork_watching(ends[0], ends[1]);
    close(ends[0]);
    write_pieces(ends[1], 1); /* each is read by itself */
    expect_waiting(pid);
    shutdown(ends[1], SHUT_WR);
    expect_noticed(pid);
    close(ends[1]);
}

static void watch__file_or_nothing__ended_at_once(void **state)
{
    char path[] = "/tmp/todo_stdin_XXXXXX";
    int null = open("/dev/null", O_RDONLY), file = mkstemp(path);
    unlink(path);
    write_pieces(file, 4096);
    lseek(file, 0, SEEK_SET);
    expect_noticed(fork_watching(null, -1));
    expect_noticed(fork_watching(file, -1));
    close(null);
    close(file);
}

static void watch__terminal__ended_when_its_other_side_goes(void **state)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0)
        skip(); /* no pseudo terminals here */
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    pid_t pid = fork_watching(terminal, master);
    assert_int_equal(write(master, "a line\n", 7), 7);
    expect_waiting(pid);
    close(terminal);
    close(master);
    expect_noticed(pid);
}

/* Who cannot be read has ended too: the owner must not be waited for in vain. */
static void watch__cannot_be_read__ended(void **state)
{
    int writing = open("/dev/null", O_WRONLY), folder = open("/", O_RDONLY | O_DIRECTORY);
    expect_noticed(fork_watching(-1, -1));
    expect_noticed(fork_watching(writing, -1));
    expect_noticed(fork_watching(folder, -1));
    close(writing);
    close(folder);
}

/* A loop with nothing else to do ends, though stdin has not. */
static void watch__nothing_else_on_the_loop__does_not_keep_it(void **state)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct watched watched = {.ended = 0};
        struct stdin_watch stdin_watch;
        dup2(ends[0], STDIN_FILENO);
        alarm(DEADLINE_MS / 1000);
        uv_loop_init(&watched.loop);
        stdin_watch_start(&stdin_watch, &watched.loop, on_ended, &watched);
        _exit(uv_run(&watched.loop, UV_RUN_DEFAULT) == 0 && watched.ended == 0 ? 0 : FAILED);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watch__pipe__ended_when_the_last_writer_closes),
        cmocka_unit_test(watch__socket__ended_when_the_other_side_shuts_down),
        cmocka_unit_test(watch__file_or_nothing__ended_at_once),
        cmocka_unit_test(watch__terminal__ended_when_its_other_side_goes),
        cmocka_unit_test(watch__cannot_be_read__ended),
        cmocka_unit_test(watch__nothing_else_on_the_loop__does_not_keep_it),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("stdin_watch", tests, NULL, NULL);
}
