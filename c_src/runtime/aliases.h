/* Process aliases of our own processes: references to which ALIAS_SEND may send while they are active. */
#ifndef RUNTIME_ALIASES_H
#define RUNTIME_ALIASES_H

#include "base/table.h"
#include "runtime/process.h"

struct alias {
    struct table_link link; /* in node->aliases, by word */
    struct alias *prev;     /* utlist, in its process */
    struct alias *next;
    uint32_t word[REF_WORDS_MAX]; /* of the reference; words are 3 */
    struct process *process;      /* whose it is */
    bool once;                    /* ends with the first message */
};

/* The table of the node that node_init makes. */
void aliases_init(struct table *aliases);

/* A new alias of process. once: one message at most. */
void alias_add(struct process *process, bool once, struct ref *ref);
/* The same under the reference of a monitor of the process, as erlang:monitor/3 does it: both end apart. */
void alias_add_monitor(struct process *process, bool once, const struct ref *ref);
/* False if it was not active. */
bool alias_remove(struct process *process, const struct ref *ref);
/* Whose active alias ref is; NULL: nobody's. */
struct process *alias_find(struct node *node, const struct ref *ref);
/* Who gets a message sent to ref now (and takes a once alias away); NULL: nobody. */
struct process *alias_take(struct node *node, const struct ref *ref);

/* The process has ended, and its aliases with it: frees them. Each costs one of the budget (not 0 on entry).
 * False: it was used up. */
bool aliases_process_down(struct process *process, unsigned *budget);

#endif
