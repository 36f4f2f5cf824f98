/* Parses options. Does nothing with them. */
#include "options.h"

#include "runtime/allowed.h"
#include "todo/database.h"
#include "wire/etf_check.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MAX = 256 };

enum option_code {
    OPTION_SNAME = 1,
    OPTION_NAME,
    OPTION_PERSIST,
    OPTION_WORKERS,
    OPTION_COOKIE_FILE,
    OPTION_TLS_CERT,
    OPTION_TLS_KEY,
    OPTION_TLS_CA,
    OPTION_PORT,
    OPTION_LISTEN,
    OPTION_ALLOW,
    OPTION_EXPIRE,
    OPTION_JOURNAL_LIMIT,
    OPTION_MAILBOX_LIMIT,
    OPTION_OUTPUT_LIMIT,
    OPTION_FRAME_LIMIT,
    OPTION_MAX_DEPTH,
    OPTION_MAX_LISTS,
    OPTION_MAX_CONNECTIONS,
    OPTION_MAX_MONITORS,
    OPTION_MAX_HANDSHAKES,
    OPTION_HANDSHAKE_TIMEOUT,
    OPTION_STOP_TIMEOUT,
    OPTION_NET_TICKTIME,
    OPTION_PACING,
    OPTION_EXIT_ON_EOF,
    OPTION_LOG_LEVEL,
    OPTION_VERSION,
    OPTION_HELP,
};

static const struct option known[] = {
    {"sname", required_argument, NULL, OPTION_SNAME},
    {"name", required_argument, NULL, OPTION_NAME},
    {"persist", required_argument, NULL, OPTION_PERSIST},
    {"workers", required_argument, NULL, OPTION_WORKERS},
    {"cookie-file", required_argument, NULL, OPTION_COOKIE_FILE},
    {"tls-cert", required_argument, NULL, OPTION_TLS_CERT},
    {"tls-key", required_argument, NULL, OPTION_TLS_KEY},
    {"tls-ca", required_argument, NULL, OPTION_TLS_CA},
    {"port", required_argument, NULL, OPTION_PORT},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"allow", required_argument, NULL, OPTION_ALLOW},
    {"expire", required_argument, NULL, OPTION_EXPIRE},
    {"journal-limit", required_argument, NULL, OPTION_JOURNAL_LIMIT},
    {"mailbox-limit", required_argument, NULL, OPTION_MAILBOX_LIMIT},
    {"output-limit", required_argument, NULL, OPTION_OUTPUT_LIMIT},
    {"frame-limit", required_argument, NULL, OPTION_FRAME_LIMIT},
    {"max-depth", required_argument, NULL, OPTION_MAX_DEPTH},
    {"max-lists", required_argument, NULL, OPTION_MAX_LISTS},
    {"max-connections", required_argument, NULL, OPTION_MAX_CONNECTIONS},
    {"max-monitors", required_argument, NULL, OPTION_MAX_MONITORS},
    {"max-handshakes", required_argument, NULL, OPTION_MAX_HANDSHAKES},
    {"handshake-timeout", required_argument, NULL, OPTION_HANDSHAKE_TIMEOUT},
    {"stop-timeout", required_argument, NULL, OPTION_STOP_TIMEOUT},
    {"net-ticktime", required_argument, NULL, OPTION_NET_TICKTIME},
    {"pacing-us", required_argument, NULL, OPTION_PACING},
    {"exit-on-eof", no_argument, NULL, OPTION_EXIT_ON_EOF},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static enum options_result bad(char message[MESSAGE_MAX], const char *what, const char *text)
{
    snprintf(message, MESSAGE_MAX, "%s: %.150s", what, text);
    return OPTIONS_BAD;
}

/* Digits only: strtoul would take signs and blanks. */
static bool parse_number(const char *text, unsigned long min, unsigned long max, unsigned long *number)
{
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return false;
    errno = 0;
    *number = strtoul(text, NULL, 10);
    return errno == 0 && *number >= min && *number <= max;
}

/* An option that takes a number. */
struct number_option {
    int code;
    const char *name;
    const char *unit; /* "" or with a blank in front */
    unsigned long min;
    unsigned long max;
    size_t field; /* of struct options: an unsigned, or a size_t of bytes where the unit is MiB */
    bool mib;
};

#define FIELD(name) offsetof(struct options, name)

static const struct number_option numbers[] = {
    {OPTION_WORKERS, "--workers", "", 1, 64, FIELD(workers), false},
    {OPTION_PORT, "--port", "", 0, UINT16_MAX, FIELD(port), false},
    {OPTION_EXPIRE, "--expire", " of seconds", 0, INT_MAX, FIELD(expire_s), false},
    {OPTION_JOURNAL_LIMIT, "--journal-limit", " of MiB", 1, 65536, FIELD(journal_limit), true},
    {OPTION_MAILBOX_LIMIT, "--mailbox-limit", " of MiB", 1, 65536, FIELD(mailbox_limit), true},
    {OPTION_OUTPUT_LIMIT, "--output-limit", " of MiB", 1, 1024, FIELD(output_limit), true},
    {OPTION_FRAME_LIMIT, "--frame-limit", " of MiB", 1, DATABASE_VALUE_MAX >> 20, FIELD(frame_limit), true},
    {OPTION_MAX_DEPTH, "--max-depth", "", OPTIONS_DEPTH_MIN, ETF_DEPTH_MAX_DEFAULT, FIELD(depth_max), false},
    {OPTION_MAX_LISTS, "--max-lists", "", 1, INT_MAX, FIELD(lists_max), false},
    {OPTION_MAX_CONNECTIONS, "--max-connections", "", 1, INT_MAX, FIELD(connections_max), false},
    {OPTION_MAX_MONITORS, "--max-monitors", "", 1, INT_MAX, FIELD(monitors_max), false},
    {OPTION_MAX_HANDSHAKES, "--max-handshakes", "", 1, 65536, FIELD(handshakes_max), false},
    {OPTION_HANDSHAKE_TIMEOUT, "--handshake-timeout", " of seconds", 1, 3600, FIELD(handshake_s), false},
    {OPTION_STOP_TIMEOUT, "--stop-timeout", " of seconds", 1, 86400, FIELD(stop_timeout_s), false},
    {OPTION_NET_TICKTIME, "--net-ticktime", " of seconds", 1, 86400, FIELD(net_ticktime_s), false},
    {OPTION_PACING, "--pacing-us", " of microseconds", 0, 10000, FIELD(pacing_us), false},
};

static enum options_result set_number(struct options *options, int code, const char *text,
                                      char message[MESSAGE_MAX])
{
    const struct number_option *option = numbers;
    unsigned long number = 0;
    while (option->code != code)
        option++;
    if (!parse_number(text, option->min, option->max, &number)) {
        snprintf(message, MESSAGE_MAX, "%s takes a number%s from %lu to %lu: %.100s", option->name,
                 option->unit, option->min, option->max, text);
        return OPTIONS_BAD;
    }
    void *field = (char *)options + option->field;
    if (option->mib)
        *(size_t *)field = (size_t)number << 20;
    else
        *(unsigned *)field = (unsigned)number;
    return OPTIONS_RUN;
}

static enum options_result set_text(const char **field, const char *name, char message[MESSAGE_MAX])
{
    if (optarg[0] == '\0')
        return bad(message, "an option is empty", name);
    *field = optarg;
    return OPTIONS_RUN;
}

static enum options_result add_allowed(struct options *options, char message[MESSAGE_MAX])
{
    if (!allowed_entry_ok(slice_of_text(optarg)))
        return bad(message, "--allow takes a node name (NAME@HOST) or a host", optarg);
    if (options->allow_count == OPTIONS_ALLOW_MAX)
        return bad(message, "--allow is given too often", optarg);
    options->allow[options->allow_count++] = optarg;
    return OPTIONS_RUN;
}

static enum options_result set(struct options *options, int code, char message[MESSAGE_MAX])
{
    switch (code) {
    case OPTION_SNAME:
    case OPTION_NAME:
        if (options->name != NULL && options->long_name != (code == OPTION_NAME))
            return bad(message, "--sname and --name exclude each other", optarg);
        options->long_name = code == OPTION_NAME;
        return set_text(&options->name, options->long_name ? "--name" : "--sname", message);
    case OPTION_PERSIST:
        return set_text(&options->persist, "--persist", message);
    case OPTION_COOKIE_FILE:
        return set_text(&options->cookie_file, "--cookie-file", message);
    case OPTION_TLS_CERT:
        return set_text(&options->tls.cert, "--tls-cert", message);
    case OPTION_TLS_KEY:
        return set_text(&options->tls.key, "--tls-key", message);
    case OPTION_TLS_CA:
        return set_text(&options->tls.ca, "--tls-ca", message);
    case OPTION_LISTEN:
        return set_text(&options->listen, "--listen", message);
    case OPTION_ALLOW:
        return add_allowed(options, message);
    case OPTION_EXIT_ON_EOF:
        options->exit_on_eof = true;
        return OPTIONS_RUN;
    case OPTION_LOG_LEVEL:
        if (!log_level_parse(optarg, &options->log_level))
            return bad(message, "--log-level is debug, info, warn, error or none", optarg);
        return OPTIONS_RUN;
    case OPTION_VERSION:
        return OPTIONS_VERSION;
    case OPTION_HELP:
        return OPTIONS_HELP;
    default:
        return set_number(options, code, optarg, message);
    }
}

enum options_result options_parse(int argc, char **argv, struct options *options, char message[MESSAGE_MAX])
{
    *options = (struct options){.persist = "./persist",
                                .workers = 3,
                                .listen = "0.0.0.0",
                                .journal_limit = (size_t)64 << 20,
                                .mailbox_limit = (size_t)64 << 20,
                                .output_limit = (size_t)8 << 20,
                                .frame_limit = DATABASE_VALUE_MAX,
                                .depth_max = ETF_DEPTH_MAX_DEFAULT,
                                .lists_max = 10000000,
                                .connections_max = 65536,
                                .monitors_max = 1000000,
                                .handshakes_max = 256,
                                .handshake_s = 7,
                                .stop_timeout_s = 30,
                                .net_ticktime_s = 60,
                                .pacing_us = 100,
                                .log_level = LOG_INFO};
    opterr = 0; /* the caller says it, in its own form */
    optind = 0; /* from the start, also when called again */
    int code;
    while ((code = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (code == ':')
            return bad(message, "an option needs a value", argv[optind - 1]);
        if (code == '?')
            return bad(message, "no such option", argv[optind - 1]);
        enum options_result result = set(options, code, message);
        if (result != OPTIONS_RUN)
            return result;
    }
    if (optind < argc)
        return bad(message, "not an option", argv[optind]);
    if (!tls_files_ok(&options->tls))
        return bad(message, "--tls-cert, --tls-key and --tls-ca", "all of them or none");
    if (options->name == NULL)
        options->name = "todo";
    return OPTIONS_RUN;
}

static const char help[] =
    "todo_node: to-do lists on an Erlang node written in C\n"
    "\n"
    "todo_node [OPTION]...\n"
    "\n"
    "  --sname NAME        short node name, NAME or NAME@HOST (default todo)\n"
    "  --name NAME@HOST    long node name; without @HOST the machine's full name\n"
    "  --persist DIR       folder of the lists (default ./persist)\n"
    "  --workers N         storage threads, 1 to 64 (default 3)\n"
    "  --cookie-file FILE  default: the environment variable TODO_COOKIE, then ~/.erlang.cookie\n"
    "  --tls-cert FILE     own certificate (PEM): all connections are TLS, as with -proto_dist inet_tls\n"
    "  --tls-key FILE      its private key; nobody else may read it\n"
    "  --tls-ca FILE       certificates of the authorities that others' certificates must come from;\n"
    "                      SIGHUP reads the three files again\n"
    "  --port P            port to listen on (default: any)\n"
    "  --listen ADDRESS    numeric address to listen on (default 0.0.0.0)\n"
    "  --allow NODE        a node (NAME@HOST), or all of a host, that may connect; may be given more than "
    "once;\n"
    "                      others are refused (default: all are allowed)\n"
    "  --expire SECONDS    idle lists leave the memory after so long (default 0: never)\n"
    "  --journal-limit MIB journal of a storage thread, 1 to 65536 MiB; a start after a crash reads it\n"
    "                      (default 64)\n"
    "  --mailbox-limit MIB what may wait in a mailbox for anything but its turn, 1 to 65536 MiB (default "
    "64)\n"
    "  --output-limit MIB  what may wait for a node that does not read, 1 to 1024 MiB (default 8)\n"
    "  --frame-limit MIB   one message, 1 to 1024 MiB (default 1024)\n"
    "  --max-depth N       nesting of its terms, 32 to 131072 (default 131072)\n"
    "  --max-lists N       lists in memory (default 10000000)\n"
    "  --max-connections N nodes that are connected (default 65536, or what descriptors allow)\n"
    "  --max-monitors N    monitors and links of one connection (default 1000000)\n"
    "  --max-handshakes N  connections that are being accepted, 1 to 65536 (default 256)\n"
    "  --handshake-timeout SECONDS  for each of them in all, 1 to 3600 (default 7)\n"
    "  --stop-timeout SECONDS  what a stop may take to write all values; else journals stay (default 30)\n"
    "  --net-ticktime SECONDS  a node that is silent for so long is lost; the same on all nodes\n"
    "                      (default 60)\n"
    "  --pacing-us MICROSECONDS  rest before the next read while many callers wait, 0 to 10000: less CPU\n"
    "                      (default 100; 0: never)\n"
    "  --exit-on-eof       stop when stdin ends\n"
    "  --log-level LEVEL   debug, info, warn, error or none (default info)\n"
    "  --version, --help\n"
    "\n"
    "Writes `ready NODE' to stdout once it serves, everything else to stderr. SIGTERM and SIGINT stop it.\n"
    "\n"
    "For a folder that no node uses:\n"
    "\n"
    "todo_node check DIR         verifies all values and journals: a line per problem, exit status 1\n"
    "todo_node dump DIR [NAME]   prints them, or those of one file, as file:consult/1 reads them\n"
    "todo_node import DIR FILE [--replace] [--list NAME]\n"
    "                            takes what dump has printed, or a list from lines YYYY-MM-DD,title (.csv)\n"
    "\n"
    "For a node that runs on this machine:\n"
    "\n"
    "todo_node backup NODE DIR [--cookie-file FILE] [--net-ticktime SECONDS]\n"
    "                            [--tls-cert FILE --tls-key FILE --tls-ca FILE]\n"
    "                            copies its folder to DIR, which is made or empty\n"
    "\n"
    "Exit status: 0 stopped, everything accepted is on disk; 1 failed; 2 bad option or name; 3 no usable\n"
    "cookie; 4 folder unusable or in use by another node; 5 node name taken; 6 no epmd; 7 cannot listen;\n"
    "8 certificate, key or authorities unusable.\n";

void options_print_help(FILE *out)
{
    fputs(help, out);
}

void options_print_version(FILE *out)
{
    fprintf(out, "todo_node %s\n", TODO_VERSION);
}
