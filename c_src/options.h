/* The command line, and what the program's exit status means. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "base/log.h"
#include "runtime/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum exit_status {
    EXIT_STATUS_OK = 0,
    EXIT_STATUS_FAILURE = 1, /* anything else, also: something accepted could not be written */
    EXIT_STATUS_USAGE = 2,   /* a bad option or node name */
    EXIT_STATUS_COOKIE = 3,  /* no usable cookie */
    EXIT_STATUS_FOLDER = 4,  /* the folder is unusable, or another node has it */
    EXIT_STATUS_NAME = 5,    /* another node has the name */
    EXIT_STATUS_EPMD = 6,    /* no epmd answers, and none could be started */
    EXIT_STATUS_LISTEN = 7,  /* the address or port cannot be listened on */
    EXIT_STATUS_TLS = 8,     /* the certificate, its key or the authorities cannot be used */
};

enum { OPTIONS_ALLOW_MAX = 256, OPTIONS_DEPTH_MIN = 32 /* what calls and rpc need */ };

struct options {
    const char *name;                     /* alive or alive@host, as given */
    bool long_name;                       /* --name, not --sname */
    const char *persist;                  /* folder */
    unsigned workers;                     /* storage threads */
    const char *cookie_file;              /* NULL: not given */
    struct tls_files tls;                 /* all three, or all NULL: no TLS */
    unsigned port;                        /* 0: any */
    const char *listen;                   /* numeric address */
    const char *allow[OPTIONS_ALLOW_MAX]; /* nodes and hosts */
    unsigned allow_count;                 /* 0: all nodes */
    size_t journal_limit;                 /* bytes, of a worker */
    size_t mailbox_limit;                 /* bytes, of a process (node_limits) */
    size_t output_limit;                  /* bytes, of a connection */
    size_t frame_limit;                   /* bytes of a value in one message */
    unsigned depth_max;                   /* nesting of a message's terms */
    unsigned lists_max;                   /* lists in memory */
    unsigned connections_max;             /* nodes that are connected */
    unsigned monitors_max;                /* monitors and links of a connection */
    unsigned handshakes_max;              /* accepted and not up yet */
    unsigned handshake_s;                 /* total deadline of each */
    unsigned stop_timeout_s;              /* what a stop may take at most */
    unsigned expire_s;                    /* 0: lists do not expire */
    unsigned net_ticktime_s; /* a peer that is silent for so long (up to a quarter more) is lost */
    unsigned pacing_us;      /* rest while many callers wait; 0: never */
    bool exit_on_eof;        /* the end of stdin ends the program */
    enum log_level log_level;
};

enum options_result {
    OPTIONS_RUN,
    OPTIONS_HELP,    /* print options_print_help and exit 0 */
    OPTIONS_VERSION, /* print options_print_version and exit 0 */
    OPTIONS_BAD      /* message says what is wrong */
};

/* Parses the arguments of main. options borrows from them. message: one line, written for OPTIONS_BAD. */
enum options_result options_parse(int argc, char **argv, struct options *options, char message[256]);

void options_print_help(FILE *out);
void options_print_version(FILE *out);

#endif
