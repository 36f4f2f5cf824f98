/* Parses options. Does nothing with them. */
#include "client_options.h"

#include "requests.h"
#include "wire/node_name.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DURATION_NS 3000000000u

static const char *const works[] = {"calls", "adds", "monitors", "connections"};

enum { WORKS = sizeof works / sizeof *works, CONNECTIONS_MAX = 10000, SECONDS_MAX = 86400 };

static const struct option known[] = {
    {"node", required_argument, NULL, 'n'},         {"cookie-file", required_argument, NULL, 'k'},
    {"cache", required_argument, NULL, 'r'},        {"work", required_argument, NULL, 'w'},
    {"entries-date", required_argument, NULL, 'd'}, {"window", required_argument, NULL, 'W'},
    {"seconds", required_argument, NULL, 's'},      {"operations", required_argument, NULL, 'o'},
    {"lists", required_argument, NULL, 'l'},        {"count", required_argument, NULL, 'c'},
    {"connections", required_argument, NULL, 'C'},  {NULL, 0, NULL, 0}};

static const char usage[] =
    "usage: batch_client --node NODE@HOST [--cookie-file FILE] [--cache NAME]\n"
    "           --work calls|adds|monitors|connections [--entries-date YYYY-MM-DD] [--lists N] [--window W]\n"
    "           [--seconds S] [--operations N] [--count MONITORS] [--connections C]\n";

const char *client_work_name(enum client_work work)
{
    return works[work];
}

static bool set_work(struct client_options *options, const char *text)
{
    for (unsigned i = 0; i < WORKS; i++) {
        if (strcmp(works[i], text) == 0) {
            options->work = (enum client_work)i;
            return true;
        }
    }
    return false;
}

static bool set_date(unsigned date[3], const char *text)
{
    int end = 0;
    return sscanf(text, "%4u-%2u-%2u%n", &date[0], &date[1], &date[2], &end) == 3 && text[end] == '\0';
}

/* Decimals are allowed. */
static bool set_seconds(uint64_t *duration_ns, const char *text)
{
    char *end;
    double seconds = strtod(text, &end);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || !(seconds > 0 && seconds <= SECONDS_MAX))
        return false;
    *duration_ns = (uint64_t)(seconds * 1e9);
    return true;
}

static bool set(struct client_options *options, int code, const char *text)
{
    switch (code) {
    case 'n':
        options->node = text;
        return node_name_ok(slice_of_text(text));
    case 'k':
        options->cookie_file = text;
        return true;
    case 'r':
        options->cache = text;
        return true;
    case 'w':
        return set_work(options, text);
    case 'd':
        return set_date(options->date, text);
    case 'W':
        return number_parse(text, 1, REQUESTS_CALLERS_MAX, &options->window);
    case 's':
        return set_seconds(&options->duration_ns, text);
    case 'o':
        return number_parse(text, 1, UINT64_MAX, &options->operations);
    case 'l':
        return number_parse(text, 1, UINT32_MAX, &options->lists);
    case 'c':
        return number_parse(text, 0, UINT32_MAX, &options->count);
    case 'C':
        return number_parse(text, 1, CONNECTIONS_MAX, &options->connections);
    default:
        return false;
    }
}

bool client_options_parse(int argc, char **argv, struct client_options *options)
{
    int code;
    bool ok = true;
    *options = (struct client_options){
        .cache = "Elixir.Todo.Cache", .window = 1, .lists = 1, .connections = 1, .date = {2023, 12, 19}};
    while (ok && (code = getopt_long(argc, argv, "", known, NULL)) != -1)
        ok = set(options, code, optarg);
    ok = ok && optind == argc && options->node != NULL;
    if (options->duration_ns == 0 && options->operations == 0)
        options->duration_ns = DURATION_NS;
    if (!ok)
        fputs(usage, stderr);
    return ok;
}
