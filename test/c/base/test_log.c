/* Log lines, caught from stderr by a pipe. */
#include "base/log.h"

#include "unit.h"

#include <string.h>
#include <unistd.h>

enum { LINE_SIZE_MAX = 1000 };

/* Bytes written to stderr by one log_write. */
struct caught {
    char bytes[8192]; /* what was written, NUL-terminated */
    size_t size;      /* without the NUL */
};

static int stderr_kept;
static int pipe_ends[2];

static void catch_start(void)
{
    stderr_kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipe_ends), 0);
    assert_true(dup2(pipe_ends[1], STDERR_FILENO) >= 0);
    close(pipe_ends[1]);
}

/* Puts stderr back first: from here on an assertion can be seen. */
static struct caught catch_end(void)
{
    struct caught caught = {.size = 0};
    dup2(stderr_kept, STDERR_FILENO);
    close(stderr_kept);
    ssize_t n;
    while ((n = read(pipe_ends[0], caught.bytes + caught.size, sizeof caught.bytes - 1 - caught.size)) > 0)
        caught.size += (size_t)n;
    close(pipe_ends[0]);
    return caught;
}

static int reset(void **state)
{
    log_set_level(LOG_INFO);
    return 0;
}

static void write__info__is_one_line_with_level_mod_and_event(void **state)
{
    catch_start();
    log_write(LOG_INFO, "journal", "torn_tail", "file=%s offset=%d", "a b", 7);
    struct caught caught = catch_end();
    assert_string_equal(caught.bytes, "level=info mod=journal event=torn_tail file=a b offset=7\n");
}

static void write__no_keys__leaves_no_space_at_the_end(void **state)
{
    catch_start();
    log_write(LOG_ERROR, "node", "stopped", "%s", "");
    struct caught caught = catch_end();
    assert_string_equal(caught.bytes, "level=error mod=node event=stopped\n");
}

static void write__below_the_level__is_silent(void **state)
{
    catch_start();
    log_write(LOG_DEBUG, "m", "e", "a=%d", 1);
    log_set_level(LOG_ERROR);
    log_write(LOG_WARN, "m", "e", "a=%d", 2);
    log_set_level(LOG_NONE);
    log_write(LOG_ERROR, "m", "e", "a=%d", 3);
    log_set_level(LOG_DEBUG);
    log_write(LOG_DEBUG, "m", "e", "a=%d", 4);
    struct caught caught = catch_end();
    assert_string_equal(caught.bytes, "level=debug mod=m event=e a=4\n");
}

static void write__control_characters__cannot_forge_a_line(void **state)
{
    catch_start();
    log_write(LOG_INFO, "m", "e", "name=%s", "a\nlevel=error\033[0m\r\x01");
    struct caught caught = catch_end();
    assert_string_equal(caught.bytes, "level=info mod=m event=e name=a?level=error?[0m??\n");
}

static void write__longer_than_the_limit__is_cut_and_still_a_line(void **state)
{
    static char text[5000];
    for (size_t size = 900; size < sizeof text; size += 1 + size / 100) {
        memset(text, 'x', size);
        text[size] = '\0';
        catch_start();
        log_write(LOG_INFO, "m", "e", "name=%s", text);
        struct caught caught = catch_end();
        assert_true(caught.size <= LINE_SIZE_MAX + 1);
        assert_int_equal(caught.bytes[caught.size - 1], '\n');
        assert_ptr_equal(strchr(caught.bytes, '\n'), caught.bytes + caught.size - 1);
    }
}

static void level_parse__every_name__is_its_level(void **state)
{
    static const char *const names[] = {"debug", "info", "warn", "error", "none"};
    for (int i = LOG_DEBUG; i <= LOG_NONE; i++) {
        enum log_level level = LOG_NONE;
        assert_true(log_level_parse(names[i], &level));
        assert_int_equal(level, i);
    }
}

static void level_parse__anything_else__leaves_the_level(void **state)
{
    static const char *const names[] = {"", "Info", "info ", "warning", "3"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        enum log_level level = LOG_WARN;
        assert_false(log_level_parse(names[i], &level));
        assert_int_equal(level, LOG_WARN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(write__info__is_one_line_with_level_mod_and_event, reset),
        cmocka_unit_test_teardown(write__no_keys__leaves_no_space_at_the_end, reset),
        cmocka_unit_test_teardown(write__below_the_level__is_silent, reset),
        cmocka_unit_test_teardown(write__control_characters__cannot_forge_a_line, reset),
        cmocka_unit_test_teardown(write__longer_than_the_limit__is_cut_and_still_a_line, reset),
        cmocka_unit_test(level_parse__every_name__is_its_level),
        cmocka_unit_test(level_parse__anything_else__leaves_the_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
