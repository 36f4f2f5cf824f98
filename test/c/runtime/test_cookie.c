/* Where the cookie comes from, in folders of the test's own. */
#include "runtime/cookie.h"

#include "base/error.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 256 };

/* A home folder for one test. */
struct home {
    char folder[64];
    char file[PATH_MAX_BYTES]; /* in it */
    struct buf cookie;
    char message[512];
};

static void home_make(struct home *home)
{
    *home = (struct home){.folder = "/tmp/todo_cookie_XXXXXX"};
    assert_non_null(mkdtemp(home->folder));
    snprintf(home->file, sizeof home->file, "%s/.erlang.cookie", home->folder);
    setenv("HOME", home->folder, 1);
    unsetenv("TODO_COOKIE");
}

static void home_remove(struct home *home)
{
    unlink(home->file);
    assert_int_equal(rmdir(home->folder), 0); /* nothing else was left in it */
    buf_release(&home->cookie);
}

static void write_file(const struct home *home, const char *text, mode_t mode)
{
    unlink(home->file); /* the one before may be read-only */
    int fd = open(home->file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static int read_cookie(struct home *home, const char *file)
{
    return cookie_read(file, &home->cookie, home->message);
}

static void expect_cookie(const struct home *home, const char *text)
{
    assert_true(slice_equal(buf_slice(&home->cookie), slice_of_text(text)));
}

static void read__file_given__wins(void **state)
{
    struct home home;
    home_make(&home);
    write_file(&home, "FROMFILE\n", 0400);
    setenv("TODO_COOKIE", "FROMENVIRONMENT", 1);
    assert_int_equal(read_cookie(&home, home.file), 0);
    expect_cookie(&home, "FROMFILE");
    assert_null(getenv("TODO_COOKIE"));
    home_remove(&home);
}

static void read__environment__taken_out_of_it(void **state)
{
    struct home home;
    home_make(&home);
    setenv("TODO_COOKIE", "FROMENVIRONMENT", 1);
    const char *value = getenv("TODO_COOKIE");
    assert_int_equal(read_cookie(&home, NULL), 0);
    expect_cookie(&home, "FROMENVIRONMENT");
    assert_null(getenv("TODO_COOKIE"));
    assert_int_equal(value[0], '\0');
    assert_int_not_equal(access(home.file, F_OK), 0);
    home_remove(&home);
}

static void read__nothing__made_in_home(void **state)
{
    struct home home;
    struct stat info;
    char made[64];
    home_make(&home);
    assert_int_equal(read_cookie(&home, NULL), 0);
    assert_int_equal(home.cookie.size, 20);
    for (size_t i = 0; i < 20; i++)
        assert_in_range(home.cookie.data[i], 'A', 'Z');
    assert_int_equal(stat(home.file, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0400);
    memcpy(made, home.cookie.data, 20);
    made[20] = '\0';
    assert_int_equal(read_cookie(&home, NULL), 0);
    expect_cookie(&home, made);
    home_remove(&home);
}

static void read__home_cannot_be_written__error(void **state)
{
    struct home home;
    home_make(&home);
    setenv("HOME", "/nonexistent", 1);
    assert_int_equal(read_cookie(&home, NULL), -ENOENT);
    assert_non_null(strstr(home.message, "/nonexistent"));
    home_remove(&home);
}

static void read__ends_of_lines__ignored(void **state)
{
    static const char *const texts[] = {"A B~", "A B~\n", "A B~\r\n", "A B~\n\n"};
    struct home home;
    home_make(&home);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_file(&home, texts[i], 0600);
        assert_int_equal(read_cookie(&home, home.file), 0);
        expect_cookie(&home, "A B~");
    }
    home_remove(&home);
}

static void read__bad_content__badarg_and_not_told(void **state)
{
    struct home home;
    char longest[300];
    home_make(&home);
    memset(longest, 'S', sizeof longest);
    longest[256] = '\0';
    const char *const texts[] = {"", "\n", "SECRET\nSECRET", "SECRET\x80", "SECRET\t", longest};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_file(&home, texts[i], 0600);
        assert_int_equal(read_cookie(&home, home.file), ERR_BADARG);
        assert_non_null(strstr(home.message, home.file));
        assert_null(strstr(home.message, "SECRET"));
    }
    longest[255] = '\0';
    write_file(&home, longest, 0600);
    assert_int_equal(read_cookie(&home, home.file), 0);
    assert_int_equal(home.cookie.size, 255);
    home_remove(&home);
}

static void read__others_may_read__eperm(void **state)
{
    struct home home;
    home_make(&home);
    write_file(&home, "SECRET", 0440);
    assert_int_equal(read_cookie(&home, home.file), -EPERM);
    write_file(&home, "SECRET", 0604);
    assert_int_equal(read_cookie(&home, NULL), -EPERM);
    home_remove(&home);
}

static void read__of_another_user__eperm(void **state)
{
    struct home home;
    home_make(&home);
    write_file(&home, "SECRET", 0400);
    if (geteuid() == 0 && chown(home.file, 1, 1) == 0)
        assert_int_equal(read_cookie(&home, home.file), -EPERM);
    home_remove(&home);
}

static void read__no_regular_file__badarg(void **state)
{
    struct home home;
    home_make(&home);
    assert_int_equal(read_cookie(&home, "/dev/null"), ERR_BADARG);
    assert_int_equal(read_cookie(&home, home.folder), ERR_BADARG);
    assert_int_equal(mkfifo(home.file, 0400), 0);
    assert_int_equal(read_cookie(&home, home.file), ERR_BADARG);
    home_remove(&home);
}

static void read__file_missing__error(void **state)
{
    struct home home;
    home_make(&home);
    assert_int_equal(read_cookie(&home, "/nonexistent/cookie"), -ENOENT);
    home_remove(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__file_given__wins),
        cmocka_unit_test(read__environment__taken_out_of_it),
        cmocka_unit_test(read__nothing__made_in_home),
        cmocka_unit_test(read__home_cannot_be_written__error),
        cmocka_unit_test(read__ends_of_lines__ignored),
        cmocka_unit_test(read__bad_content__badarg_and_not_told),
        cmocka_unit_test(read__others_may_read__eperm),
        cmocka_unit_test(read__of_another_user__eperm),
        cmocka_unit_test(read__no_regular_file__badarg),
        cmocka_unit_test(read__file_missing__error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
