/* Options of the program: what is taken, what is refused and why. */
#include "options.h"

#include "unit.h"

#include <string.h>

enum { ARGUMENTS_MAX = 32 };

/* Parses "a b c" (split at blanks; "''" is an empty argument). */
static enum options_result parse(const char *line, struct options *options, char message[256])
{
    static char text[256]; /* options borrow from it */
    static char program[] = "todo_node", empty[] = "";
    char *argv[ARGUMENTS_MAX + 1] = {program};
    int argc = 1;
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "''") == 0 ? empty : word;
    argv[argc] = NULL;
    message[0] = '\0';
    return options_parse(argc, argv, options, message);
}

static void options__none__are_the_documented_defaults(void **state)
{
    struct options options;
    char message[256];
    assert_int_equal(parse("", &options, message), OPTIONS_RUN);
    assert_string_equal(options.name, "todo");
    assert_false(options.long_name);
    assert_string_equal(options.persist, "./persist");
    assert_int_equal(options.workers, 3);
    assert_null(options.cookie_file);
    assert_int_equal(options.port, 0);
    assert_null(options.tls.cert);
    assert_null(options.tls.key);
    assert_null(options.tls.ca);
    assert_string_equal(options.listen, "0.0.0.0");
    assert_int_equal(options.expire_s, 0);
    assert_int_equal(options.net_ticktime_s, 60);
    assert_int_equal(options.journal_limit, 64 << 20);
    assert_int_equal(options.mailbox_limit, 64 << 20);
    assert_int_equal(options.output_limit, 8 << 20);
    assert_int_equal(options.frame_limit, 1 << 30);
    assert_int_equal(options.depth_max, 131072);
    assert_int_equal(options.lists_max, 10000000);
    assert_int_equal(options.connections_max, 65536);
    assert_int_equal(options.monitors_max, 1000000);
    assert_int_equal(options.handshakes_max, 256);
    assert_int_equal(options.handshake_s, 7);
    assert_int_equal(options.stop_timeout_s, 30);
    assert_false(options.exit_on_eof);
    assert_int_equal(options.log_level, LOG_INFO);
}

static void options__all__are_taken(void **state)
{
    struct options options;
    char message[256];
    assert_int_equal(parse("--name a@b.c --persist p --workers 64 --exit-on-eof", &options, message),
                     OPTIONS_RUN);
    assert_string_equal(options.name, "a@b.c");
    assert_true(options.long_name);
    assert_string_equal(options.persist, "p");
    assert_int_equal(options.workers, 64);
    assert_true(options.exit_on_eof);
    assert_int_equal(parse("--tls-cert c --tls-key k --tls-ca a", &options, message), OPTIONS_RUN);
    assert_string_equal(options.tls.cert, "c");
    assert_string_equal(options.tls.key, "k");
    assert_string_equal(options.tls.ca, "a");
    assert_int_equal(parse("--cookie-file f --port 65535 --expire 9 --log-level none", &options, message),
                     OPTIONS_RUN);
    assert_string_equal(options.cookie_file, "f");
    assert_int_equal(options.port, 65535);
    assert_int_equal(options.expire_s, 9);
    assert_int_equal(options.log_level, LOG_NONE);
    assert_int_equal(parse("--sname x --listen ::1 --net-ticktime 8 --journal-limit 2 --stop-timeout 5 "
                           "--mailbox-limit 3 --pacing-us 0 --allow a@b --allow host",
                           &options, message),
                     OPTIONS_RUN);
    assert_int_equal(options.net_ticktime_s, 8);
    assert_int_equal(options.journal_limit, 2 << 20);
    assert_int_equal(options.mailbox_limit, 3 << 20);
    assert_int_equal(options.stop_timeout_s, 5);
    assert_int_equal(options.pacing_us, 0);
    assert_int_equal(options.allow_count, 2);
    assert_string_equal(options.allow[0], "a@b");
    assert_string_equal(options.allow[1], "host");
    assert_string_equal(options.name, "x");
    assert_string_equal(options.listen, "::1");
}

static void options__limits__are_taken(void **state)
{
    struct options options;
    char message[256];
    assert_int_equal(
        parse("--output-limit 1 --frame-limit 2 --max-depth 32 --max-lists 3 --max-connections 4 "
              "--max-monitors 5 --max-handshakes 6 --handshake-timeout 8",
              &options, message),
        OPTIONS_RUN);
    assert_int_equal(options.output_limit, 1 << 20);
    assert_int_equal(options.frame_limit, 2 << 20);
    assert_int_equal(options.depth_max, 32);
    assert_int_equal(options.lists_max, 3);
    assert_int_equal(options.connections_max, 4);
    assert_int_equal(options.monitors_max, 5);
    assert_int_equal(options.handshakes_max, 6);
    assert_int_equal(options.handshake_s, 8);
}

static void options__number_out_of_range__says_the_range(void **state)
{
    struct options options;
    char message[256];
    assert_int_equal(parse("--frame-limit 1025", &options, message), OPTIONS_BAD);
    assert_string_equal(message, "--frame-limit takes a number of MiB from 1 to 1024: 1025");
}

static void options__help_and_version__are_told_apart(void **state)
{
    struct options options;
    char message[256];
    assert_int_equal(parse("--help", &options, message), OPTIONS_HELP);
    assert_int_equal(parse("--version --nonsense", &options, message), OPTIONS_VERSION);
}

static void options__bad__are_named_in_one_line(void **state)
{
    static const char *const lines[] = {"--nonsense",
                                        "--workers 0",
                                        "--workers 65",
                                        "--workers x",
                                        "--workers -1",
                                        "--workers 3x",
                                        "--port 65536",
                                        "--port +1",
                                        "--expire -1",
                                        "--expire 99999999999999999999",
                                        "--net-ticktime 0",
                                        "--net-ticktime 86401",
                                        "--journal-limit 0",
                                        "--journal-limit 64M",
                                        "--mailbox-limit 0",
                                        "--mailbox-limit 65537",
                                        "--output-limit 0",
                                        "--max-depth 31",
                                        "--max-depth 131073",
                                        "--max-lists 0",
                                        "--max-connections 0",
                                        "--max-monitors 0",
                                        "--max-handshakes 65537",
                                        "--handshake-timeout 0",
                                        "--stop-timeout 0",
                                        "--pacing-us 10001",
                                        "--allow ",
                                        "--allow @b",
                                        "--log-level x",
                                        "--sname",
                                        "--sname ''",
                                        "--name ''",
                                        "--persist ''",
                                        "--listen ''",
                                        "--cookie-file ''",
                                        "--tls-cert ''",
                                        "--tls-cert c --tls-key k",
                                        "--tls-ca a",
                                        "--sname a --name b@c",
                                        "extra",
                                        "--exit-on-eof=1"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct options options;
        char message[256];
        if (parse(lines[i], &options, message) != OPTIONS_BAD)
            fail_msg("accepted: %s", lines[i]);
        assert_true(strlen(message) > 0);
        assert_null(strchr(message, '\n'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options__none__are_the_documented_defaults),
        cmocka_unit_test(options__all__are_taken),
        cmocka_unit_test(options__limits__are_taken),
        cmocka_unit_test(options__number_out_of_range__says_the_range),
        cmocka_unit_test(options__help_and_version__are_told_apart),
        cmocka_unit_test(options__bad__are_named_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
