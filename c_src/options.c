/* Parses options. Does nothing with them. */
#include "options.h"

#include "runtime/allowed.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    MESSAGE_MAX = 256,
    WORKERS_MAX = 64,
    NET_TICKTIME_S_MAX = 86400,
    JOURNAL_LIMIT_MIB_MAX = 65536,
    MAILBOX_LIMIT_MIB_MAX = 65536,
    STOP_TIMEOUT_S_MAX = 86400,
    PACING_US_MAX = 10000,
};

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

static enum options_result set_number(struct options *options, int code, const char *text,
                                      char message[MESSAGE_MAX])
{
    unsigned long number = 0;
    switch (code) {
    case OPTION_WORKERS:
        if (!parse_number(text, 1, WORKERS_MAX, &number))
            return bad(message, "--workers takes a number from 1 to 64", text);
        options->workers = (unsigned)number;
        break;
    case OPTION_PORT:
        if (!parse_number(text, 0, UINT16_MAX, &number))
            return bad(message, "--port takes a number from 0 to 65535", text);
        options->port = (uint16_t)number;
        break;
    case OPTION_JOURNAL_LIMIT:
        if (!parse_number(text, 1, JOURNAL_LIMIT_MIB_MAX, &number))
            return bad(message, "--journal-limit takes a number of MiB from 1 to 65536", text);
        options->journal_limit = (size_t)number << 20;
        break;
    case OPTION_MAILBOX_LIMIT:
        if (!parse_number(text, 1, MAILBOX_LIMIT_MIB_MAX, &number))
            return bad(message, "--mailbox-limit takes a number of MiB from 1 to 65536", text);
        options->mailbox_limit = (size_t)number << 20;
        break;
    case OPTION_STOP_TIMEOUT:
        if (!parse_number(text, 1, STOP_TIMEOUT_S_MAX, &number))
            return bad(message, "--stop-timeout takes a number of seconds from 1 to 86400", text);
        options->stop_timeout_s = (unsigned)number;
        break;
    case OPTION_NET_TICKTIME:
        if (!parse_number(text, 1, NET_TICKTIME_S_MAX, &number))
            return bad(message, "--net-ticktime takes a number of seconds from 1 to 86400", text);
        options->net_ticktime_s = (unsigned)number;
        break;
    case OPTION_PACING:
        if (!parse_number(text, 0, PACING_US_MAX, &number))
            return bad(message, "--pacing-us takes a number of microseconds from 0 to 10000", text);
        options->pacing_us = (unsigned)number;
        break;
    default:
        if (!parse_number(text, 0, INT_MAX, &number))
            return bad(message, "--expire takes a number of seconds", text);
        options->expire_s = (unsigned)number;
        break;
    }
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
