/* Active aliases of our processes. Knows nothing of messages. */
#include "runtime/aliases.h"

#include "base/mem.h"
#include "runtime/node.h"

#include <utlist.h>

static struct slice key(const struct table_link *link)
{
    const struct alias *alias = (const struct alias *)link;
    return slice_of(alias->word, sizeof alias->word);
}

void aliases_init(struct table *aliases)
{
    table_init(aliases, key);
}

static struct alias *find(struct node *node, const struct ref *ref)
{
    if (ref->creation != node->creation || !node_is_self(node, ref->node))
        return NULL;
    return TABLE_RECORD(table_find(&node->aliases, slice_of(ref->word, sizeof ref->word)), struct alias,
                        link);
}

static void drop(struct node *node, struct alias *alias)
{
    table_remove(&node->aliases, &alias->link);
    DL_DELETE(alias->process->ties->aliases, alias);
    mem_free(alias);
}

void alias_add(struct process *process, bool once, struct ref *ref)
{
    node_make_ref(process->node, ref);
    alias_add_monitor(process, once, ref);
}

void alias_add_monitor(struct process *process, bool once, const struct ref *ref)
{
    struct node *node = process->node;
    struct alias *alias = mem_zalloc(sizeof *alias);
    memcpy(alias->word, ref->word, sizeof alias->word);
    alias->process = process;
    alias->once = once;
    table_add(&node->aliases, &alias->link);
    DL_PREPEND(process_ties_get(process)->aliases, alias);
}

bool alias_remove(struct process *process, const struct ref *ref)
{
    struct alias *alias = find(process->node, ref);
    if (alias == NULL || alias->process != process)
        return false;
    drop(process->node, alias);
    return true;
}

/* Of one that has ended aliases may be left (aliases_process_down). */
static struct alias *find_active(struct node *node, const struct ref *ref)
{
    struct alias *alias = find(node, ref);
    return alias == NULL || alias->process->dead ? NULL : alias;
}

struct process *alias_find(struct node *node, const struct ref *ref)
{
    struct alias *alias = find_active(node, ref);
    return alias == NULL ? NULL : alias->process;
}

struct process *alias_take(struct node *node, const struct ref *ref)
{
    struct alias *alias = find_active(node, ref);
    if (alias == NULL)
        return NULL;
    struct process *process = alias->process;
    if (alias->once)
        drop(node, alias);
    return process;
}

bool aliases_process_down(struct process *process, unsigned *budget)
{
    while (process_ties(process)->aliases != NULL) {
        if ((*budget)-- == 1)
            return false;
        drop(process->node, process->ties->aliases);
    }
    return true;
}
