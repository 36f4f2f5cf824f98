/* Goes through the links, breadth first. Knows parents from gen_servers, which alone have one. */
#include "runtime/process_tree.h"

#include "base/mem.h"
#include "runtime/gen_server.h"
#include "runtime/links.h"
#include "runtime/node.h"
#include "runtime/registry.h"
#include "wire/etf_list.h"
#include "wire/etf_write.h"

#include <stdio.h>

struct tree {
    struct process **found; /* in the order found; those from next on were not looked at */
    uint32_t count;         /* of found */
    uint32_t next;          /* in found */
    bool *seen;             /* by slot: stands in found */
    struct buf branches;    /* terms {Parent, Child} */
    struct buf others;      /* terms {From, To} */
    uint32_t branch_count;
    uint32_t other_count;
};

static void write_text(const struct process *process, struct buf *out)
{
    char text[32];
    struct slice name = registry_name(process);
    if (name.size > 0) {
        etf_write_charlist(out, name);
        return;
    }
    snprintf(text, sizeof text, "<0.%u.%u>", (unsigned)(uint32_t)process->id, (unsigned)(process->id >> 32));
    etf_write_charlist(out, slice_of_text(text));
}

static void write_link(const struct process *from, const struct process *to, struct buf *out)
{
    etf_write_tuple(out, 2);
    write_text(from, out);
    write_text(to, out);
}

static void add(struct tree *tree, struct process *process)
{
    tree->seen[(uint32_t)process->id] = true;
    tree->found[tree->count++] = process;
}

/* A process that was started by nobody in the tree, a collector for instance, is no part of it. */
static void look_at_link(struct tree *tree, const struct process *from, struct process *to)
{
    process_id parent = to->parent;
    if (tree->seen[(uint32_t)to->id] || parent == 0)
        return;
    if (parent == from->id) {
        write_link(from, to, &tree->branches);
        tree->branch_count++;
        add(tree, to);
    } else {
        write_link(from, to, &tree->others);
        tree->other_count++;
    }
}

static void look_at_links(struct tree *tree, const struct process *process)
{
    struct link_walk walk = link_walk_begin(process);
    struct process *linked;
    while ((linked = link_walk_next(&walk)) != NULL)
        look_at_link(tree, process, linked);
}

static void write_list(struct buf *out, const struct buf *terms, uint32_t count)
{
    if (count > 0)
        etf_write_list(out, count);
    buf_append_slice(out, buf_slice(terms));
    etf_write_nil(out);
}

static void write_tree(const struct tree *tree, struct buf *out)
{
    etf_write_tuple(out, 4);
    write_text(tree->found[0], out);
    etf_write_list(out, tree->count);
    for (uint32_t i = 0; i < tree->count; i++) {
        etf_write_tuple(out, 2);
        process_write_pid(tree->found[i], out);
        write_text(tree->found[i], out);
    }
    etf_write_nil(out);
    write_list(out, &tree->branches, tree->branch_count);
    write_list(out, &tree->others, tree->other_count);
}

void process_tree_write(struct process *root, struct buf *out)
{
    struct tree tree = {.found = mem_alloc(root->node->process_count * sizeof *tree.found),
                        .seen = mem_zalloc(root->node->slot_used * sizeof *tree.seen)};
    add(&tree, root);
    while (tree.next < tree.count)
        look_at_links(&tree, tree.found[tree.next++]);
    write_tree(&tree, out);
    buf_release(&tree.branches);
    buf_release(&tree.others);
    mem_free(tree.found);
    mem_free(tree.seen);
}
