/* The floor's command line. */
#ifndef FLOOR_OPTIONS_H
#define FLOOR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct floor_options {
    const char *sname;       /* node name, with or without host */
    const char *cookie_file; /* as cookie_read; NULL */
    const char *reply_file;  /* external term that answers calls */
    uint32_t pacing_us;      /* 0: none */
};

/* False: wrong, or not all that is needed is there; a line is on stderr. */
bool floor_options_parse(int argc, char **argv, struct floor_options *options);

#endif
