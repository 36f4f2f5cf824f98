/* The batching client's command line. */
#ifndef CLIENT_OPTIONS_H
#define CLIENT_OPTIONS_H

#include "numbers.h"

#include <stdbool.h>
#include <stdint.h>

enum client_work {
    WORK_CALLS,       /* entries of a date */
    WORK_ADDS,        /* add_entry as calls */
    WORK_MONITORS,    /* calls, while as many monitors as count are held on the first list */
    WORK_CONNECTIONS, /* calls, over several connections */
};

struct client_options {
    const char *node;        /* full name of whom to ask */
    const char *cookie_file; /* as cookie_read; NULL */
    const char *cache;       /* registered name of the cache */
    enum client_work work;
    uint64_t window;      /* requests in flight on each connection */
    uint64_t duration_ns; /* how long requests are begun; 0: as many as operations says */
    uint64_t operations;  /* how many requests to begin at most; 0: no such limit */
    uint64_t lists;       /* bench-1 .. */
    uint64_t count;       /* monitors held */
    uint64_t connections; /* each of another node name */
    unsigned date[3];     /* year, month, day of the entries asked for or added */
};

/* False: wrong, or not all that is needed is there; a line is on stderr. */
bool client_options_parse(int argc, char **argv, struct client_options *options);

/* As on the command line. */
const char *client_work_name(enum client_work work);

#endif
