/* What the supervisor's files share. Private to them; everyone else uses supervisor.h. */
#ifndef RUNTIME_SUPERVISOR_STATE_H
#define RUNTIME_SUPERVISOR_STATE_H

#include "runtime/supervisor_child.h"
#include "runtime/supervisor_ending.h"

struct supervisor {
    struct gen_server server;
    struct gen_server_type type; /* the common one under this supervisor's module name */
    struct supervisor_spec spec; /* as given; its children are the array below */
    struct child *children;      /* spec.child_count of them, in start order */
    struct ending ending;        /* children that are being ended */
    unsigned restart_from;       /* during a restart of several: the first place to be started again */
    struct owed *terminate_owed; /* the terminate_child call that waits for the child's end; NULL: none */
    uint64_t *restart_ms;        /* times of the last spec.intensity restarts, a ring */
    unsigned restart_count;      /* restarts in the ring */
    unsigned restart_oldest;     /* where the oldest stands once the ring is full: the next to be written */
    bool shutdown_wanted;        /* supervisor_shutdown came while children were being ended */
    struct child *start_failed;  /* the child that could not be started by init; NULL: none */
    int start_error;             /* why */
};

/* Ends one child for a terminate_child call; answers ok when it has ended. */
void supervisor_terminate_child(struct supervisor *self, struct child *child, const struct from *from);

#endif
