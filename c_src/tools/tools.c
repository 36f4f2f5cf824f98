/* The command lines of the commands. Knows what they take, not what they do. */
#include "tools/tools.h"

#include "base/log.h"
#include "tools/check.h"
#include "tools/dump.h"
#include "tools/import.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { OPERANDS_MAX = 2 };

enum option_code { OPTION_REPLACE = 1, OPTION_LIST, OPTION_HELP };

struct arguments {
    const char *operand[OPERANDS_MAX]; /* those that are not given are NULL */
    const char *list;                  /* --list; NULL: not given */
    bool replace;                      /* --replace */
};

struct command {
    const char *name;
    const char *usage; /* its whole command line */
    int operands_min;
    int operands_max;
    bool has_options; /* but --help */
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

static const struct command commands[] = {
    {"check", "todo_node check DIR", 1, 1, false, run_check},
    {"dump", "todo_node dump DIR [NAME]", 1, 2, false, run_dump},
    {"import", "todo_node import DIR FILE [--replace] [--list NAME]", 2, 2, true, run_import},
};

static const struct option known[] = {{"help", no_argument, NULL, OPTION_HELP},
                                      {"replace", no_argument, NULL, OPTION_REPLACE},
                                      {"list", required_argument, NULL, OPTION_LIST},
                                      {NULL, 0, NULL, 0}};

static int usage(const struct command *command)
{
    fprintf(stderr, "usage: %s\n", command->usage);
    return TOOL_USAGE;
}

/* False: an option that the command does not take, or one without its value. */
static bool set(const struct command *command, int code, struct arguments *arguments)
{
    if (!command->has_options)
        return false;
    if (code == OPTION_REPLACE)
        arguments->replace = true;
    else if (code == OPTION_LIST && optarg[0] != '\0')
        arguments->list = optarg;
    else
        return false;
    return true;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct arguments arguments = {0};
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
    if (operands < command->operands_min || operands > command->operands_max)
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
