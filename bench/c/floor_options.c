/* Parses options. Does nothing with them. */
#include "floor_options.h"

#include "numbers.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

enum { PACING_US = 100, PACING_US_MAX = 1000000 };

static const struct option known[] = {{"sname", required_argument, NULL, 's'},
                                      {"cookie-file", required_argument, NULL, 'c'},
                                      {"reply-file", required_argument, NULL, 'r'},
                                      {"pacing-us", required_argument, NULL, 'p'},
                                      {NULL, 0, NULL, 0}};

static bool set(struct floor_options *options, int code)
{
    uint64_t number;
    switch (code) {
    case 's':
        options->sname = optarg;
        return true;
    case 'c':
        options->cookie_file = optarg;
        return true;
    case 'r':
        options->reply_file = optarg;
        return true;
    case 'p':
        if (!number_parse(optarg, 0, PACING_US_MAX, &number))
            return false;
        options->pacing_us = (uint32_t)number;
        return true;
    default:
        return false;
    }
}

bool floor_options_parse(int argc, char **argv, struct floor_options *options)
{
    int code;
    bool ok = true;
    *options = (struct floor_options){.pacing_us = PACING_US};
    while (ok && (code = getopt_long(argc, argv, "", known, NULL)) != -1)
        ok = set(options, code);
    ok = ok && optind == argc && options->sname != NULL && options->reply_file != NULL;
    if (!ok)
        fputs("usage: floor --sname NAME --reply-file FILE [--cookie-file FILE] [--pacing-us 0..1000000]\n",
              stderr);
    return ok;
}
