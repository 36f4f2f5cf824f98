/* Lists, tuples and maps from text, and the full stop. Keeps its place in memory of its own, so that nesting
 * costs no stack; how a token looks is etf_parse_leaf's.
 */
#include "wire/etf_parse.h"

#include "base/error.h"
#include "wire/etf.h"
#include "wire/etf_canonical.h"
#include "wire/etf_check.h"
#include "wire/etf_parse_leaf.h"
#include "wire/etf_read.h"
#include "wire/etf_text.h"
#include "wire/etf_write.h"
#include "wire/spill.h"

enum { NESTING_INLINE = 32 };

enum open_kind { OPEN_TUPLE, OPEN_LIST, OPEN_TAIL, OPEN_MAP };

/* A term whose children are being read. */
struct open_term {
    enum open_kind kind; /* OPEN_TAIL: a list behind its | */
    size_t start;        /* where it begins in the reader's out */
    uint32_t count;      /* children so far: elements and a tail, keys and values */
};

/* One term. */
struct reader {
    struct etf_parse *parse; /* borrowed */
    struct spill open;       /* of struct open_term */
    struct buf *out;         /* borrowed; the term in no particular form */
    uint32_t depth_max;
    int status; /* why it failed, after STEP_FAIL */
};

enum step { STEP_TERM /* a term comes next */, STEP_DONE /* one is complete */, STEP_FAIL };

static enum step fail(struct reader *reader, int status, const char *error)
{
    reader->status = status;
    if (error != NULL)
        reader->parse->error = error;
    return STEP_FAIL;
}

static enum step begin(struct reader *reader, enum open_kind kind, uint8_t tag)
{
    if (reader->open.count >= reader->depth_max)
        return fail(reader, ERR_TOO_DEEP, "nested too deeply");
    struct open_term *open = spill_push(&reader->open);
    *open = (struct open_term){.kind = kind, .start = reader->out->size};
    buf_append_u8(reader->out, tag);
    buf_append_u32(reader->out, 0);
    return STEP_TERM;
}

/* {'$external', Binary} becomes the term whose external form the binary is. */
static enum step replace_external(struct reader *reader, size_t start, struct slice cursor)
{
    struct slice bytes;
    struct slice term;
    if (!etf_read_binary(&cursor, &bytes) || bytes.size == 0 || bytes.data[0] != ETF_VERSION ||
        etf_check(slice_of(bytes.data + 1, bytes.size - 1), reader->depth_max, &term) != 0 ||
        term.size != bytes.size - 1)
        return fail(reader, ERR_BAD_TERM, "not the external form of a term");
    memmove(reader->out->data + start, term.data, term.size);
    reader->out->size = start + term.size;
    return STEP_DONE;
}

static enum step finish(struct reader *reader)
{
    struct open_term *open = spill_top(&reader->open);
    size_t start = open->start;
    uint32_t count = open->count;
    bool tuple = open->kind == OPEN_TUPLE;
    if (open->kind == OPEN_MAP)
        count /= 2;
    if (open->kind == OPEN_TAIL)
        count--;
    if (open->kind == OPEN_LIST)
        etf_write_nil(reader->out);
    bytes_put_u32(reader->out->data + start + 1, count);
    spill_pop(&reader->open);
    struct slice cursor = buf_slice_from(reader->out, start);
    if (tuple && etf_read_tagged(&cursor, ETF_TEXT_EXTERNAL, 2))
        return replace_external(reader, start, cursor);
    return STEP_DONE;
}

/* Reads a term without children, or the beginning of one with children. */
static enum step read_term(struct reader *reader)
{
    static const struct {
        const char *opening;
        const char *closing;
        enum open_kind kind;
        uint8_t tag;
    } brackets[] = {{"{", "}", OPEN_TUPLE, ETF_LARGE_TUPLE},
                    {"[", "]", OPEN_LIST, ETF_LIST},
                    {"#{", "}", OPEN_MAP, ETF_MAP}};
    if (reader->out->size > UINT32_MAX / 2)
        return fail(reader, ERR_TOO_LARGE, "a term is too large");
    for (size_t i = 0; i < sizeof brackets / sizeof *brackets; i++) {
        if (!etf_parse_token(reader->parse, brackets[i].opening))
            continue;
        enum step step = begin(reader, brackets[i].kind, brackets[i].tag);
        etf_parse_blanks(reader->parse);
        return step == STEP_TERM && etf_parse_token(reader->parse, brackets[i].closing) ? finish(reader)
                                                                                        : step;
    }
    return etf_parse_leaf(reader->parse, reader->out) ? STEP_DONE : fail(reader, ERR_BAD_TERM, NULL);
}

static enum step read_separator(struct reader *reader, struct open_term *open)
{
    struct etf_parse *parse = reader->parse;
    bool key = open->kind == OPEN_MAP && open->count % 2 != 0;
    if (key)
        return etf_parse_token(parse, "=>") ? STEP_TERM : fail(reader, ERR_BAD_TERM, "=> is expected here");
    if (open->kind != OPEN_TAIL && etf_parse_token(parse, ","))
        return STEP_TERM;
    if (open->kind == OPEN_LIST && etf_parse_token(parse, "|")) {
        open->kind = OPEN_TAIL;
        return STEP_TERM;
    }
    bool list = open->kind == OPEN_LIST || open->kind == OPEN_TAIL;
    if (etf_parse_token(parse, list ? "]" : "}"))
        return finish(reader);
    return fail(reader, ERR_BAD_TERM,
                open->kind == OPEN_TAIL ? "] is expected here"
                : list                  ? ", | or ] is expected here"
                                        : ", or } is expected here");
}

static enum step go_on(struct reader *reader)
{
    struct open_term *open = spill_top(&reader->open);
    open->count++;
    return read_separator(reader, open);
}

static enum step read_stop(struct reader *reader)
{
    struct etf_parse *parse = reader->parse;
    bool stop = etf_parse_token(parse, ".");
    int behind = etf_parse_peek(parse);
    if (!stop || (behind > ' ' && behind != '%'))
        return fail(reader, ERR_BAD_TERM, "a full stop is expected here");
    return STEP_DONE;
}

static int read_whole(struct reader *reader)
{
    enum step step = read_term(reader);
    while (step == STEP_TERM || (step == STEP_DONE && reader->open.count > 0)) {
        etf_parse_blanks(reader->parse);
        step = step == STEP_TERM ? read_term(reader) : go_on(reader);
    }
    etf_parse_blanks(reader->parse);
    if (step == STEP_DONE)
        step = read_stop(reader);
    return step == STEP_DONE ? 0 : reader->status;
}

/* The term is in scratch. */
static int make_canonical(struct etf_parse *parse, uint32_t depth_max, struct slice scratch, struct buf *out)
{
    struct slice term;
    int status = etf_check(scratch, depth_max, &term);
    if (status != 0) {
        parse->error = error_text(status);
        return status;
    }
    status = etf_canonical(term, out);
    if (status != 0)
        parse->error = "a map has two equal keys";
    return status;
}

struct etf_parse etf_parse_of(struct slice text)
{
    return (struct etf_parse){.rest = text, .line = 1};
}

int etf_parse_next(struct etf_parse *parse, uint32_t depth_max, struct buf *out)
{
    struct open_term first_open[NESTING_INLINE];
    struct buf scratch = BUF_EMPTY;
    struct reader reader = {.parse = parse, .out = &scratch, .depth_max = depth_max};
    etf_parse_blanks(parse);
    if (parse->rest.size == 0)
        return ERR_NOT_FOUND;
    parse->term_line = parse->line;
    spill_init(&reader.open, first_open, NESTING_INLINE, sizeof first_open[0]);
    int status = read_whole(&reader);
    if (status == 0)
        status = make_canonical(parse, depth_max, buf_slice(&scratch), out);
    spill_release(&reader.open);
    buf_release(&scratch);
    return status;
}
