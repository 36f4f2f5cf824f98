/* Terms as text: one walk that reads the term in place and closes what it has opened. Knows nothing of
 * quotes and digits.
 */
#include "wire/etf_text.h"

#include "wire/etf_leaf.h"
#include "wire/etf_read.h"
#include "wire/etf_text_leaf.h"
#include "wire/etf_walk.h"
#include "wire/spill.h"

enum { NESTING_INLINE = 32 };

enum open_kind { OPEN_TUPLE, OPEN_LIST, OPEN_MAP };

/* A term whose children are being written. */
struct open_term {
    enum open_kind kind;
    uint64_t left; /* children to come: elements, a list's tail, keys and values */
    bool begun;    /* a child is written */
};

/* One walk. */
struct writer {
    const uint8_t *at; /* what is read next */
    struct spill open; /* of struct open_term */
    struct buf *out;   /* borrowed */
};

static void put(struct buf *out, const char *text)
{
    buf_append_slice(out, slice_of_text(text));
}

/* ---- what has no text */

/* p: a tuple of that arity. */
static bool looks_external(const uint8_t *p, uint64_t arity)
{
    const uint8_t *first = p + (p[0] == ETF_SMALL_TUPLE ? 2 : 5);
    return arity == 2 && etf_is_atom(slice_of(first, SIZE_MAX), ETF_TEXT_EXTERNAL);
}

/* More arguments than a text can give a function, though a term can: erl_parse takes 255. */
static bool has_readable_arity(const uint8_t *function)
{
    struct etf_integer arity;
    etf_integer_view(etf_proper(function + etf_atom_size(function)), &arity);
    return arity.count <= 1;
}

/* p: an export. */
static bool export_has_text(const uint8_t *p)
{
    const uint8_t *function = etf_export_function(p);
    return etf_text_has_atom(p + 1) && etf_text_has_atom(function) && has_readable_arity(function);
}

static bool has_text(const uint8_t *p, enum term_type type, uint64_t children)
{
    switch (type) {
    case TERM_PID:
    case TERM_PORT:
    case TERM_REFERENCE:
        return false;
    case TERM_ATOM:
        return etf_text_has_atom(p);
    case TERM_FUN:
        return p[0] == ETF_EXPORT && export_has_text(p);
    case TERM_TUPLE:
        return !looks_external(p, children);
    default:
        return true;
    }
}

static void put_external(struct buf *out, struct slice term)
{
    put(out, "{'" ETF_TEXT_EXTERNAL "',<<131,");
    etf_text_bytes(out, term);
    put(out, ">>}");
}

/* ---- the walk */

static void open_push(struct writer *writer, enum open_kind kind, uint64_t children, const char *bracket)
{
    struct open_term *open = spill_push(&writer->open);
    *open = (struct open_term){.kind = kind, .left = children};
    put(writer->out, bracket);
}

/* Writes the next term, but for its children, which it opens. */
static void put_head(struct writer *writer)
{
    const uint8_t *p = etf_proper(writer->at);
    enum term_type type = etf_type(slice_of(p, 1));
    uint64_t children;
    size_t size = etf_head(p, &children);
    writer->at = p + size;
    if (!has_text(p, type, children)) {
        struct slice cursor = slice_of(p, SIZE_MAX);
        struct slice term = etf_take(&cursor);
        put_external(writer->out, term);
        writer->at = p + term.size;
    } else if (type == TERM_TUPLE) {
        open_push(writer, OPEN_TUPLE, children, "{");
    } else if (type == TERM_MAP) {
        open_push(writer, OPEN_MAP, children, "#{");
    } else if (p[0] == ETF_LIST) {
        open_push(writer, OPEN_LIST, children, "[");
    } else {
        etf_text_leaf(writer->out, p);
    }
}

/* True, and the tail is passed, if a list ends here: [] is not written. */
static bool ends_list(struct writer *writer, const struct open_term *open)
{
    const uint8_t *p = etf_proper(writer->at);
    uint64_t children;
    if (open->kind != OPEN_LIST || open->left != 1 || etf_type(slice_of(p, 1)) != TERM_NIL)
        return false;
    writer->at = p + etf_head(p, &children);
    return true;
}

static const char *separator(const struct open_term *open)
{
    if (!open->begun)
        return "";
    if (open->kind == OPEN_MAP && open->left % 2 != 0)
        return "=>";
    return open->kind == OPEN_LIST && open->left == 1 ? "|" : ",";
}

/* Closes what is complete and finds the next term to write. False if all is written. */
static bool advance(struct writer *writer)
{
    while (writer->open.count > 0) {
        struct open_term *top = spill_top(&writer->open);
        if (top->left > 0 && !ends_list(writer, top)) {
            put(writer->out, separator(top));
            top->begun = true;
            top->left--;
            return true;
        }
        put(writer->out, top->kind == OPEN_LIST ? "]" : "}");
        spill_pop(&writer->open);
    }
    return false;
}

void etf_text(struct slice term, struct buf *out)
{
    struct open_term first_open[NESTING_INLINE];
    struct writer writer = {.at = term.data, .out = out};
    spill_init(&writer.open, first_open, NESTING_INLINE, sizeof first_open[0]);
    do {
        put_head(&writer);
    } while (advance(&writer));
    spill_release(&writer.open);
}
