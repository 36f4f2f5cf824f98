/* Reads and answers the From of calls. Knows no request. */
#include "runtime/from.h"

#include "runtime/process_send.h"
#include "wire/etf_read.h"
#include "wire/etf_write.h"

/* In the place of the pid stands whatever can be sent to, as with gen:reply. */
bool from_read(struct slice *cursor, struct from *from)
{
    uint32_t arity;
    struct slice rest = *cursor;
    if (!etf_read_tuple(&rest, &arity) || arity != 2)
        return false;
    from->pid = etf_take(&rest);
    from->tag = etf_take(&rest);
    from->fast = false;
    *cursor = rest;
    return true;
}

/* [alias|Ref] as BEAMs write it. False: that does not tell. */
static bool usual_alias(struct slice tag, struct slice *alias)
{
    static const uint8_t head[] = {ETF_LIST, 0, 0, 0, 1, ETF_SMALL_ATOM_UTF8, 5, 'a', 'l', 'i', 'a', 's'};
    if (tag.size <= sizeof head || memcmp(tag.data, head, sizeof head) != 0 ||
        tag.data[sizeof head] != ETF_NEWER_REFERENCE)
        return false;
    *alias = slice_of(tag.data + sizeof head, tag.size - sizeof head);
    return true;
}

bool from_alias(struct slice tag, struct slice *alias)
{
    if (usual_alias(tag, alias))
        return true;
    for (int level = 0; level < 2; level++) {
        uint32_t length;
        struct slice rest = tag;
        if (!etf_read_list(&rest, &length) || length == 0)
            return false;
        struct slice head = etf_take(&rest);
        if (length == 1 && etf_is_atom(head, "alias") && etf_type(rest) == TERM_REFERENCE) {
            *alias = etf_take(&rest);
            return true;
        }
        tag = head;
    }
    return false;
}

struct buf *from_answer_begin(struct node *node, struct process *sender, const struct from *from)
{
    struct slice alias;
    struct buf *out;
    if (!from_alias(from->tag, &alias))
        out = process_send_any_begin(node, sender, from->pid);
    else if (etf_type(from->pid) == TERM_PID)
        out = process_alias_send_begin(node, sender, from->pid, alias);
    else
        out = process_send_any_begin(node, sender, alias);
    etf_write_tuple(out, 2);
    etf_write_term(out, from->tag);
    return out;
}
