/* The command lines of the commands. Knows what they take, not what they do. */
#include "tools/tools.h"

#include "base/log.h"
#include "tools/backup.h"
#include "tools/check.h"
#include "tools/dump.h"
#include "tools/import.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPERANDS_MAX = 2 };

enum option_code {
    OPTION_REPLACE = 1,
    OPTION_LIST,
    OPTION_COOKIE_FILE,
    OPTION_NET_TICKTIME,
    OPTION_TLS_CERT,
    OPTION_TLS_KEY,
    OPTION_TLS_CA,
    OPTION_HELP,
    OPTION_CODES = OPTION_HELP
};

enum { NET_TICKTIME_S = 60, NET_TICKTIME_S_MAX = 86400 };

struct arguments {
    const char *operand[OPERANDS_MAX]; /* those that are not given are NULL */
    const char *list;                  /* --list; NULL: not given */
    const char *cookie_file;           /* --cookie-file; NULL: not given */
    struct tls_files tls;              /* --tls-cert, --tls-key, --tls-ca */
    uint32_t net_ticktime_s;           /* --net-ticktime */
    bool replace;                      /* --replace */
};

struct command {
    const char *name;
    const char *usage; /* its whole command line */
    int operands_min;
    int operands_max;
    bool takes[OPTION_CODES]; /* options, by code */
    enum tool_status (*run)(const struct arguments *arguments);
};

static enum tool_status run_check(const struct arguments *arguments)
{
    return check_run(arguments->operand[0]);
}

static enum tool_status run_dump(const struct arguments *arguments)
{
    return dump_run(arguments->operand[0], arguments->operand[1]);
}

static enum tool_status run_import(const struct arguments *arguments)
{
    const struct import_config config = {.folder = arguments->operand[0],
                                         .file = arguments->operand[1],
                                         .list = arguments->list,
                                         .replace = arguments->replace};
    return import_run(&config);
}

static enum tool_status run_backup(const struct arguments *arguments)
{
    const struct backup_config config = {.node = arguments->operand[0],
                                         .folder = arguments->operand[1],
                                         .cookie_file = arguments->cookie_file,
                                         .tls = arguments->tls,
                                         .net_ticktime_s = arguments->net_ticktime_s};
    return backup_run(&config);
}

static const struct command commands[] = {
    {"check", "todo_node check DIR", 1, 1, {false}, run_check},
    {"dump", "todo_node dump DIR [NAME]", 1, 2, {false}, run_dump},
    {"import",
     "todo_node import DIR FILE [--replace] [--list NAME]",
     2,
     2,
     {[OPTION_REPLACE] = true, [OPTION_LIST] = true},
     run_import},
    {"backup",
     "todo_node backup NODE DIR [--cookie-file FILE] [--net-ticktime SECONDS] "
     "[--tls-cert FILE --tls-key FILE --tls-ca FILE]",
     2,
     2,
     {[OPTION_COOKIE_FILE] = true,
      [OPTION_NET_TICKTIME] = true,
      [OPTION_TLS_CERT] = true,
      [OPTION_TLS_KEY] = true,
      [OPTION_TLS_CA] = true},
     run_backup},
};

static const struct option known[] = {{"help", no_argument, NULL, OPTION_HELP},
                                      {"replace", no_argument, NULL, OPTION_REPLACE},
                                      {"list", required_argument, NULL, OPTION_LIST},
                                      {"cookie-file", required_argument, NULL, OPTION_COOKIE_FILE},
                                      {"net-ticktime", required_argument, NULL, OPTION_NET_TICKTIME},
                                      {"tls-cert", required_argument, NULL, OPTION_TLS_CERT},
                                      {"tls-key", required_argument, NULL, OPTION_TLS_KEY},
                                      {"tls-ca", required_argument, NULL, OPTION_TLS_CA},
                                      {NULL, 0, NULL, 0}};

static int usage(const struct command *command)
{
    fprintf(stderr, "usage: %s\n", command->usage);
    return TOOL_USAGE;
}

static bool set_net_ticktime(const char *text, struct arguments *arguments)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long seconds = digits <= 5 && text[digits] == '\0' ? strtoul(text, NULL, 10) : 0;
    arguments->net_ticktime_s = (uint32_t)seconds;
    return seconds >= 1 && seconds <= NET_TICKTIME_S_MAX;
}

/* False: an option that the command does not take, or one without its value or with a wrong one. */
static bool set(const struct command *command, int code, struct arguments *arguments)
{
    if (code >= OPTION_CODES || !command->takes[code])
        return false;
    if (code == OPTION_REPLACE)
        arguments->replace = true;
    else if (optarg[0] == '\0')
        return false;
    else if (code == OPTION_LIST)
        arguments->list = optarg;
    else if (code == OPTION_COOKIE_FILE)
        arguments->cookie_file = optarg;
    else if (code == OPTION_TLS_CERT)
        arguments->tls.cert = optarg;
    else if (code == OPTION_TLS_KEY)
        arguments->tls.key = optarg;
    else if (code == OPTION_TLS_CA)
        arguments->tls.ca = optarg;
    else
        return set_net_ticktime(optarg, arguments);
    return true;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct arguments arguments = {.net_ticktime_s = NET_TICKTIME_S};
    int code;
    opterr = 0;
    optind = 0; /* from the start, also when called again */
    while ((code = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (code == OPTION_HELP) {
            printf("usage: %s\n", command->usage);
            return TOOL_OK;
        }
        if (!set(command, code, &arguments))
            return usage(command);
    }
    int operands = argc - optind;
    if (operands < command->operands_min || operands > command->operands_max || !tls_files_ok(&arguments.tls))
        return usage(command);
    for (int i = 0; i < operands; i++)
        arguments.operand[i] = argv[optind + i];
    return command->run(&arguments);
}

int tools_run(int argc, char **argv)
{
    log_set_level(LOG_WARN);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[0], commands[i].name) == 0)
            return run(&commands[i], argc, argv);
    }
    fprintf(stderr, "todo_node: no such command: %s (see --help)\n", argv[0]);
    return TOOL_USAGE;
}
