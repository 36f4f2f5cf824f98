/* Registered names. Knows nothing of what the processes do. */
#include "runtime/registry.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/node.h"
#include "wire/etf_read.h"

static struct slice key(const struct table_link *link)
{
    const struct registered *entry = (const struct registered *)link;
    return slice_of(entry->text, entry->size);
}

void registry_init(struct table *names)
{
    table_init(names, key);
}

int registry_add(struct process *process, struct slice name)
{
    struct node *node = process->node;
    if (process->registered || registry_find(node, name) != NULL)
        return ERR_EXISTS;
    if (node->registry.count >= REGISTRY_NAMES_MAX)
        return ERR_TOO_LARGE;
    struct registered *entry = mem_zalloc(sizeof *entry + name.size);
    entry->process = process;
    entry->size = name.size;
    memcpy(entry->text, name.data, name.size);
    table_add(&node->registry, &entry->link);
    process_ties_get(process)->name = entry;
    process->registered = true;
    return 0;
}

struct process *registry_find(struct node *node, struct slice name)
{
    struct registered *entry = TABLE_RECORD(table_find(&node->registry, name), struct registered, link);
    return entry == NULL ? NULL : entry->process;
}

struct process *registry_find_atom(struct node *node, struct slice atom)
{
    uint8_t text[ATOM_BYTES_MAX];
    size_t size;
    if (!etf_read_atom(&atom, text, &size))
        return NULL;
    return registry_find(node, slice_of(text, size));
}

void registry_remove(struct process *process)
{
    struct registered *entry = process_ties(process)->name;
    if (entry == NULL)
        return;
    process->ties->name = NULL;
    table_remove(&process->node->registry, &entry->link);
    mem_free(entry);
    process->registered = false;
}

struct slice registry_name(const struct process *process)
{
    const struct registered *entry = process_ties(process)->name;
    return entry == NULL ? slice_of(NULL, 0) : slice_of(entry->text, entry->size);
}
