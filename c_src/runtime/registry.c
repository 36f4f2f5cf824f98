/* Registered names. Knows nothing of what the processes do. */
#include "runtime/registry.h"

#include "base/error.h"
#include "base/mem.h"
#include "runtime/node.h"
#include "wire/etf_read.h"

int registry_add(struct process *process, struct slice name)
{
    struct node *node = process->node;
    if (process->registered || registry_find(node, name) != NULL)
        return ERR_EXISTS;
    if (HASH_COUNT(node->registry) >= REGISTRY_NAMES_MAX)
        return ERR_TOO_LARGE;
    struct registered *entry = mem_zalloc(sizeof *entry + name.size);
    entry->process = process;
    entry->size = name.size;
    memcpy(entry->text, name.data, name.size);
    HASH_ADD_KEYPTR(hh, node->registry, entry->text, entry->size, entry);
    process->registered = true;
    return 0;
}

struct process *registry_find(struct node *node, struct slice name)
{
    struct registered *entry;
    HASH_FIND(hh, node->registry, name.data, name.size, entry);
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

static struct registered *entry_of(const struct process *process)
{
    struct registered *entry = NULL;
    if (process->registered) {
        for (entry = process->node->registry; entry != NULL; entry = entry->hh.next) {
            if (entry->process == process)
                break;
        }
    }
    return entry;
}

void registry_remove(struct process *process)
{
    struct registered *entry = entry_of(process);
    if (entry == NULL)
        return;
    HASH_DEL(process->node->registry, entry);
    mem_free(entry);
    process->registered = false;
}

struct slice registry_name(const struct process *process)
{
    struct registered *entry = entry_of(process);
    return entry == NULL ? slice_of(NULL, 0) : slice_of(entry->text, entry->size);
}
