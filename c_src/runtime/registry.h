/* Registered names: atom -> process. */
#ifndef RUNTIME_REGISTRY_H
#define RUNTIME_REGISTRY_H

#include "base/slice.h"
#include "base/table.h"
#include "runtime/process.h"

enum { REGISTRY_NAMES_MAX = 65536 };

struct registered {
    struct table_link link;  /* in node->registry, by the name's text */
    struct process *process; /* who has the name */
    size_t size;             /* bytes of text */
    uint8_t text[];          /* UTF-8 */
};

/* The table of the node that node_init makes. */
void registry_init(struct table *names);

/* name: UTF-8 text of an atom. 0, ERR_EXISTS (taken, or the process has a name), ERR_TOO_LARGE (too many). */
int registry_add(struct process *process, struct slice name);

/* The process of that name, NULL if none. */
struct process *registry_find(struct node *node, struct slice name);
/* The same for an atom term; NULL also if it is no atom. */
struct process *registry_find_atom(struct node *node, struct slice atom);

/* Frees the process's name, if it has one. */
void registry_remove(struct process *process);

/* The name's text, empty if it has none. */
struct slice registry_name(const struct process *process);

#endif
